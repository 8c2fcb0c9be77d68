"""Numbers as text: one format for each unit, with a proper minus sign and a dash for what is not defined."""

from __future__ import annotations

from datetime import date
from html import escape
from math import isfinite
from typing import Any

MISSING = "–"


def percent(value: float, digits: int = 1, *, sign: bool = False) -> str:
    """0.1234 → "12.3 %"; NaN → "–"; `sign` writes the plus too."""
    if not isfinite(value):
        return MISSING
    text = f"{100.0 * value:{'+' if sign else ''},.{digits}f}"
    return f"{_minus(text)}\N{NO-BREAK SPACE}%"


def ratio(value: float, digits: int = 2) -> str:
    """1.234 → "1.23"; NaN → "–"."""
    return _minus(f"{value:,.{digits}f}") if isfinite(value) else MISSING


def whole(value: float) -> str:
    """12345.0 → "12,345"; NaN → "–"."""
    return _minus(f"{value:,.0f}") if isfinite(value) else MISSING


def _minus(text: str) -> str:
    """Typographic minus, and no minus before a zero."""
    return text.replace("-", "" if not text.strip("-0.,") else "\N{MINUS SIGN}")


BY_UNIT = {"fraction": percent, "ratio": ratio, "sessions": whole, "count": whole, "money": whole}


def quantity(value: float, unit: str) -> str:
    """A number in the format of its unit ("fraction", "ratio", "sessions", "count", "money")."""
    return BY_UNIT[unit](value)


def day(stamp: Any) -> str:
    """A date as 2013-03-01; "–" for None."""
    return MISSING if stamp is None else f"{stamp:%Y-%m-%d}" if isinstance(stamp, date) else str(stamp)


def counted(n: int, one: str, many: str = "") -> str:
    """1 → "1 order", 2 → "2 orders"."""
    return f"{n:,} {one if n == 1 else many or one + 's'}"


def html(text: object) -> str:
    """Text with the characters of HTML escaped."""
    return escape(str(text), quote=True)
