"""Checks of the plain numbers that words take, and the sentinel for a side without a limit."""

from __future__ import annotations

import math
from collections.abc import Hashable
from typing import Any, Final

import numpy as np

from tradewind_optimize.errors import InvalidParameter, InvalidType


class _NotConstrained:
    """The side of a bound that is not there."""

    _only: _NotConstrained | None = None

    def __new__(cls) -> _NotConstrained:
        if cls._only is None:
            cls._only = super().__new__(cls)
        return cls._only

    def __reduce__(self) -> str:
        return "NotConstrained"

    def __repr__(self) -> str:
        return "NotConstrained"


NotConstrained: Final = _NotConstrained()
"""Put in place of a bound: there is no limit on that side."""


def number(word: str, parameter: str, value: Any, least: float = -math.inf, infinite: bool = False) -> float:
    """``value`` as a float: refused when NaN, below ``least``, or (unless ``infinite``) infinite."""
    if isinstance(value, (str, bytes)) or not hasattr(value, "__float__") or np.ndim(value):
        raise InvalidType(word, parameter, value, "a number")
    found = float(value)
    if math.isnan(found) or found < least or (math.isinf(found) and not infinite):
        expected = "a finite number" if not infinite else "a number"
        raise InvalidParameter(word, parameter, found, expected + (f" ≥ {least:g}" if least > -math.inf else ""))
    return found


def interval(word: str, names: tuple[str, str], low: Any, high: Any) -> tuple[float, float]:
    """The two ends of an interval (±inf or NotConstrained for none), refused when they cross."""
    low, high = (-math.inf if low is NotConstrained else low), (math.inf if high is NotConstrained else high)
    least = number(word, names[0], low, infinite=True)
    most = number(word, names[1], high, infinite=True)
    if least > most:
        hint = f"Swap the two arguments: ({names[0]}, {names[1]}) = ({most:g}, {least:g})."
        raise InvalidParameter(word, names[0], f"{least:g}", f"≤ {names[1]} = {most:g}", hint)
    if math.inf in (least, -most):
        side, end = (names[0], least) if least == math.inf else (names[1], most)
        raise InvalidParameter(word, side, f"{end:g}", "a bound that some weight can keep")
    return least, most


def hashable(word: str, parameter: str, label: Hashable) -> Hashable:
    """The label, refused when it cannot be one."""
    try:
        hash(label)
    except TypeError:
        raise InvalidType(word, parameter, label, "one hashable label") from None
    return label
