"""The report: one self-contained HTML page made from a Result alone."""

from tradewind.report.page import render, write

__all__ = ["render", "write"]
