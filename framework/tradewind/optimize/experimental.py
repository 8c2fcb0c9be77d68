"""Experimental words of the Optimize API (a face of tradewind_optimize.experimental)."""

from tradewind_optimize.experimental import Newest, RiskModelExposure

__all__ = ["Newest", "RiskModelExposure"]
