"""Clients of the Optimize and Models API (a face of tradewind_optimize.meanvariance.client)."""

from tradewind_optimize.meanvariance.client import AsyncClient, Client

__all__ = ["AsyncClient", "Client"]
