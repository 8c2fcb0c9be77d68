"""Experimental words of the Optimize API (a face of tradewind_optimize.experimental)."""
