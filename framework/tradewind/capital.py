"""Capital changes: money from outside that comes in or goes out at the start of a session, or before a minute of it.

    run_algorithm(..., capital_changes={"2011-03-01": 50_000.0, "2012-01-03": ("target", 1_000_000.0)})

A number is added to the cash (taken, when negative); ("target", value) brings the portfolio value, at the last known
prices, to `value`. Such a flow is no gain. With E the portfolio value just before a flow δ, and V₀, V those at the end
of the session before and at its own,

    pnl = V − V₀ − Σδ        1 + return = V / V₀ · Π E / (E + δ)

In a minute run a time of day is the minute that begins with the flow, before its orders fill: E is the value at the end
of the minute before. A time without a minute means the next one. Days alone, and all times of a daily run, are the
start of a session, where E = V₀.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from tradewind.clock import MINUTE_NS, Clock
from tradewind.errors import BadParameter
from tradewind.times import moment

KINDS = ("delta", "target")


@dataclass(frozen=True)
class CapitalChange:
    """One change: kind "delta" (value is added) or "target" (the portfolio value becomes value), in currency.

    minute: ns UTC of the minute that begins with it, 0 for the start of the session.
    """

    kind: str
    value: float
    minute: int = 0

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
    if changes is not None and not hasattr(changes, "items"):
        raise BadParameter("capital_changes", changes, "a dict: day → change")
    found: dict[int, list[CapitalChange]] = {}
    for day, change in () if changes is None else changes.items():
        session, minute = _placed(day, clock)
        found.setdefault(session, []).append(_change(change, minute))
    return found


def _placed(day: Any, clock: Clock) -> tuple[int, int]:
    """Return (session, ns of its minute, 0 for its start) at or after a day or a time; refuse one outside the run."""
    time = moment("capital_changes: day", day)
    label = int(pd.Timestamp(time).normalize().value)
    first, last = clock.label(clock.first), clock.label(clock.last)
    within_day = clock.by_minute and time > label
    if not first <= label <= last or (within_day and time > clock.close(clock.last)):
        span = f"between {pd.Timestamp(first):%Y-%m-%d} and {pd.Timestamp(last):%Y-%m-%d}, the days of the run"
        raise BadParameter("capital_changes: day", day, span)
    if not within_day:
        return clock.sessions.at_or_after(label), 0
    session = int(np.searchsorted(clock.sessions.closes, time))
    opening = clock.open(session)
    return session, opening + max(-((opening - time) // MINUTE_NS), 0) * MINUTE_NS


def _change(change: Any, minute: int) -> CapitalChange:
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
    return CapitalChange(kind, amount, minute)
