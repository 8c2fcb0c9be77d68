"""The mean-variance toolbox (a face of tradewind_optimize.meanvariance).

    from tradewind.optimize.meanvariance import Portfolio
    portfolio = Portfolio.local(closes)

Names are loaded when they are first used: the clients need the extra ``tradewind[client]``.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tradewind_optimize.meanvariance.client import AsyncClient, Client
    from tradewind_optimize.meanvariance.errors import PyOptimumException
    from tradewind_optimize.meanvariance.model import Model
    from tradewind_optimize.meanvariance.portfolio import Portfolio

__all__ = ["AsyncClient", "Client", "Model", "Portfolio", "PyOptimumException"]

_MODULES = ("client", "estimate", "frontier", "model", "portfolio")


def __getattr__(name: str) -> Any:
    """Load a public name or module when it is first asked for."""
    if name in _MODULES:
        return import_module(f"{__name__}.{name}")
    if name in __all__:
        return getattr(import_module("tradewind_optimize.meanvariance"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    """List what can be asked for."""
    return sorted([*__all__, *_MODULES])
