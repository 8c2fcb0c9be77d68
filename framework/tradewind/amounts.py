"""Numbers as users write them, limits and costs above all → floats."""

from __future__ import annotations

import math
from typing import Any

from tradewind.errors import BadParameter


def not_negative(name: str, value: Any, finite: bool = True) -> float:
    """Return a number as a float; refuse what is none, NaN, a negative one and (if `finite`) an infinity.

    A string is no number. `name` is for BadParameter.
    """
    try:
        number = math.nan if isinstance(value, str | bytes) else float(value)
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    if not number >= 0 or (finite and number == math.inf):
        raise BadParameter(name, value, "a number, finite and not negative" if finite else "a number, not negative")
    return number
