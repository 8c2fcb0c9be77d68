"""One portfolio, or the frontier, of a query (a face of tradewind_optimize.meanvariance.frontier)."""

from tradewind_optimize.meanvariance.frontier import Answer, Point, efficient_frontier, optimal_portfolio

__all__ = ["Answer", "Point", "efficient_frontier", "optimal_portfolio"]
