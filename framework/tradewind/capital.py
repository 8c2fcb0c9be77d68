"""Capital changes: money that comes in or goes out at the start of a session, from outside.

    run_algorithm(..., capital_changes={"2011-03-01": 50_000.0, "2012-01-03": ("target", 1_000_000.0)})

A number is added to the cash (taken, when negative); ("target", value) brings the portfolio value, at the last known
prices, to `value`. Such a flow is no gain: a session's return starts from the portfolio value after the flow.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from tradewind.clock import Clock
from tradewind.errors import BadParameter
from tradewind.times import moment

KINDS = ("delta", "target")


@dataclass(frozen=True)
class CapitalChange:
    """One change: kind "delta" (value is added) or "target" (the portfolio value becomes value), in currency."""

    kind: str
    value: float

    def delta(self, equity: float) -> float:
        """Return the cash to add at this portfolio value; refuse a change that would leave nothing."""
        delta = self.value - equity if self.kind == "target" else self.value
        if not equity + delta > 0:
            allowed = f"such that the portfolio value, {equity:.2f} before it, is positive afterwards"
            raise BadParameter("capital_changes", self.value, allowed)
        return delta


def capital_changes_of(changes: Mapping[Any, Any] | None, clock: Clock) -> dict[int, list[CapitalChange]]:
    """Return session → its changes in the order given; a day that is no session means the next one.

    Raises BadParameter for a day outside the run and for an amount that is not finite.
    """
    found: dict[int, list[CapitalChange]] = {}
    for day, change in (changes or {}).items():
        found.setdefault(_session(day, clock), []).append(_change(change))
    return found


def _session(day: Any, clock: Clock) -> int:
    """Return the first session at or after a day; refuse one outside the run."""
    label = int(pd.Timestamp(moment("capital_changes: day", day)).normalize().value)
    first, last = clock.label(clock.first), clock.label(clock.last)
    if not first <= label <= last:
        span = f"between {pd.Timestamp(first):%Y-%m-%d} and {pd.Timestamp(last):%Y-%m-%d}, the days of the run"
        raise BadParameter("capital_changes: day", day, span)
    return clock.sessions.at_or_after(label)


def _change(change: Any) -> CapitalChange:
    """Return a change from a number, ("target", value) or {"type": "target", "value": value}."""
    if isinstance(change, Mapping):
        change = change.get("type"), change.get("value")
    kind, value = change if isinstance(change, tuple | list) and len(change) == 2 else ("delta", change)
    if kind not in KINDS:
        raise BadParameter("capital_changes: kind", kind, "'delta' or 'target'", KINDS)
    try:
        amount = float(value)
    except (TypeError, ValueError):
        amount = math.nan
    if not math.isfinite(amount) or (kind == "target" and amount <= 0):
        raise BadParameter("capital_changes: amount", value, "finite, and positive for a target")
    return CapitalChange(kind, amount)
