"""The mean-variance toolbox: Model, Portfolio, the frontier, and clients of the Optimize and Models API.

Client, AsyncClient and PyOptimumException stand here as in the published package's top module; model and portfolio are
modules of the same names. Everything is loaded when it is first asked for.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tradewind_optimize.meanvariance.client import AsyncClient, Client
    from tradewind_optimize.meanvariance.errors import PyOptimumException
    from tradewind_optimize.meanvariance.model import Model
    from tradewind_optimize.meanvariance.portfolio import Portfolio

_HOMES = {
    "AsyncClient": "client",
    "Client": "client",
    "Model": "model",
    "Portfolio": "portfolio",
    "PyOptimumException": "errors",
}
_MODULES = ("client", "errors", "estimate", "frontier", "model", "portfolio")

__all__ = ["AsyncClient", "Client", "Model", "Portfolio", "PyOptimumException"]


def __getattr__(name: str) -> Any:
    """Load a public name or module when it is first asked for."""
    if name in _HOMES:
        return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    if name in _MODULES:
        return import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    """List what can be asked for."""
    return sorted([*__all__, *_MODULES])
