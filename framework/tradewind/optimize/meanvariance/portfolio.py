"""Portfolio and the signs of constraints (a face of tradewind_optimize.meanvariance.portfolio)."""

from tradewind_optimize.meanvariance.portfolio import EQUAL, GREATER_THAN_OR_EQUAL, LESS_THAN_OR_EQUAL, Portfolio

__all__ = ["EQUAL", "GREATER_THAN_OR_EQUAL", "LESS_THAN_OR_EQUAL", "Portfolio"]
