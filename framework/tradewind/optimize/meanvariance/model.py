"""Model (a face of tradewind_optimize.meanvariance.model)."""

from tradewind_optimize.meanvariance.model import Model

__all__ = ["Model"]
