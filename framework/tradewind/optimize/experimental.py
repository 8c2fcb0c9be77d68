"""Experimental words of the Optimize API (a face of tradewind_optimize.experimental)."""

from tradewind_optimize.experimental import FACTORS, SECTORS, STYLES, Newest, RiskModelExposure

__all__ = ["FACTORS", "SECTORS", "STYLES", "Newest", "RiskModelExposure"]
