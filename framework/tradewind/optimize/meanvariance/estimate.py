"""Models from closing prices (a face of tradewind_optimize.meanvariance.estimate)."""

from tradewind_optimize.meanvariance.estimate import Estimate, estimate_models, last_prices

__all__ = ["Estimate", "estimate_models", "last_prices"]
