"""tradewind: backtests of trading algorithms on Parquet price bundles.

    from tradewind import run_algorithm
    import tradewind.optimize as opt

Names are loaded when they are first used, so that importing the package costs next to nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tradewind.result import Result
    from tradewind.run import run_algorithm, run_file
    from tradewind.semantics import Semantics

__version__ = "0.1.0"

_HOMES = {
    "Result": "tradewind.result",
    "Semantics": "tradewind.semantics",
    "run_algorithm": "tradewind.run",
    "run_file": "tradewind.run",
}
_MODULES = ("api", "data", "optimize", "result", "run")

__all__ = ["Result", "Semantics", "__version__", "run_algorithm", "run_file"]


def __getattr__(name: str) -> Any:
    """Load a public name or module when it is first asked for."""
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    if name in _MODULES:
        return import_module(f"tradewind.{name}")
    raise AttributeError(f"module 'tradewind' has no attribute {name!r}")


def __dir__() -> list[str]:
    """List what can be asked for."""
    return sorted([*__all__, *_MODULES])
