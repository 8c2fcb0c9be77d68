"""Arguments as short text: what a constraint shows of itself in tables and messages."""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping, Sequence
from itertools import islice
from typing import Any


def plain(value: float) -> str:
    """A float with the noise of the last digits rounded away: 0.1, 0.0, 1e-05, inf."""
    if not math.isfinite(value):
        return repr(float(value))
    return repr(float(f"{value:.10g}") if abs(value) > 1e-12 else 0.0)


def listed(labels: Sequence[Hashable], most: int = 3) -> str:
    """['a', 'b', 'c', … 7 more]."""
    return f"[{_cut([repr(label) for label in labels[:most]], len(labels))}]"


def mapped(values: Mapping[Any, float], most: int = 2) -> str:
    """{'a': 0.1, 'b': 0.2, … 7 more}."""
    shown = [f"{label!r}: {plain(value)}" for label, value in islice(values.items(), most)]
    return f"{{{_cut(shown, len(values))}}}"


def _cut(shown: list[str], count: int) -> str:
    return ", ".join(shown) + (f", … {count - len(shown)} more" if count > len(shown) else "")
