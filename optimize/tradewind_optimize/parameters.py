"""Checks of the plain numbers that words take."""

from __future__ import annotations

import math
from typing import Any

from tradewind_optimize.errors import InvalidParameter, InvalidType


def number(word: str, parameter: str, value: Any, least: float = -math.inf, infinite: bool = False) -> float:
    """``value`` as a float: refused when NaN, below ``least``, or (unless ``infinite``) infinite."""
    if isinstance(value, (str, bytes)) or not hasattr(value, "__float__"):
        raise InvalidType(word, parameter, value, "a number")
    found = float(value)
    if math.isnan(found) or found < least or (math.isinf(found) and not infinite):
        expected = "a finite number" if not infinite else "a number"
        raise InvalidParameter(word, parameter, found, expected + (f" ≥ {least:g}" if least > -math.inf else ""))
    return found


def interval(word: str, names: tuple[str, str], low: Any, high: Any) -> tuple[float, float]:
    """The two ends of an interval (±inf allowed), refused when they cross."""
    least = number(word, names[0], low, infinite=True)
    most = number(word, names[1], high, infinite=True)
    if least > most:
        hint = f"Swap the two arguments: ({names[0]}, {names[1]}) = ({most:g}, {least:g})."
        raise InvalidParameter(word, names[0], f"{least:g}", f"≤ {names[1]} = {most:g}", hint)
    return least, most
