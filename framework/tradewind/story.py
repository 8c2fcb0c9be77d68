"""The story of one order: asked, rounded, controlled, split, filled, and how it ended, from what a run recorded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

WAITS = {
    "bars_untraded": "without a trade",
    "bars_unreached": "before its limit or stop was reached",
    "bars_full": "without room for it",
    "bars_beyond_limit": "at a price beyond its limit",
}
"""Column of the orders table → why an open order did not fill in that many bars."""

STEPS = ("time", "step", "shares", "price", "commission", "left", "note")


class Revision(NamedTuple):
    """A split of an open order: its terms before, the ratio, and what became of its shares."""

    order_id: int
    time: int  # ns UTC
    amount: int
    filled: int
    limit: float
    stop: float
    new: int  # shares for each `old` ones
    old: int
    amount_after: int
    left: int  # signed shares open afterwards


class Event(NamedTuple):
    """Something that happened to an order besides fills and splits, or kept one from being placed (ordinal −1)."""

    time: int  # ns UTC
    ordinal: int
    column: int
    event: str
    before: float  # signed shares of the order before, NaN when not known
    after: float  # and after
    left: float  # signed shares still open then
    detail: str


@dataclass(frozen=True, eq=False)
class Story:
    """What became of one order.

    order: its row of the orders table. steps: one row an event in time: time (UTC), step (placed, controlled, split,
    filled, cancelled, open), shares (signed), price and commission (currency, NaN where there is none), left (signed
    shares still open afterwards), note.
    """

    order: pd.Series
    steps: pd.DataFrame

    @property
    def waits(self) -> dict[str, int]:
        """Bars in which the open order did not fill, by the reason in words, where there were any."""
        return {words: int(self.order[name]) for name, words in WAITS.items() if self.order[name]}

    def __str__(self) -> str:
        """Tell the story, one line an event."""
        order = self.order
        lines = [f"order {order['order_id']}: {order['via']}({order['symbol']}, {order['asked']:g})"]
        lines += [f"  {step.time:%Y-%m-%d %H:%M}  {step.note}" for step in self.steps.itertuples()]
        if self.waits:
            lines.insert(
                -1, "  waited            " + ", ".join(f"{n} bar{'s'[: n > 1]} {why}" for why, n in self.waits.items())
            )
        return "\n".join(lines)

    __repr__ = __str__


def story_of(
    order: pd.Series, fills: pd.DataFrame, revisions: pd.DataFrame, events: pd.DataFrame, end: pd.Timestamp
) -> Story:
    """Return the story of an order from its row, and its fills, revisions and events in time, up to the run's end."""
    terms = revisions.iloc[0] if len(revisions) else order  # as it was placed: before the first split, if there was one
    placed = int(terms["amount"])
    rows = [(order["created"], "placed", placed, np.nan, np.nan, placed, _placed(order, terms))]
    rows += _happened(fills, revisions, events, placed)
    last = _ended(order, end)
    frame = pd.DataFrame([*rows, last] if last else rows, columns=list(STEPS))
    return Story(order, frame)


def _placed(order: pd.Series, terms: pd.Series) -> str:
    placed = int(terms["amount"])
    prices = [f"{name} {terms[name]:g}" for name in ("limit", "stop") if not np.isnan(terms[name])]
    exact = float(order["shares"])
    shown = f"{exact:.4f}"
    rounded = "" if exact == placed else f", rounded from {shown if float(shown) != placed else exact}"
    return ", ".join([f"placed: {placed} shares{rounded}", *prices])


def _happened(fills: pd.DataFrame, revisions: pd.DataFrame, events: pd.DataFrame, placed: int) -> list[tuple[Any, ...]]:
    """Return the steps between placing and the end, with what was left after each."""
    tables = {"split": revisions, "event": events, "filled": fills}
    moments = [(row["time"], kind, row) for kind, table in tables.items() for row in table.to_dict("records")]
    left, rows = placed, []
    for time, kind, row in sorted(moments, key=lambda moment: moment[0]):
        left = left - row["amount"] if kind == "filled" else int(row["left"])
        if kind == "filled":
            rows.append(_filled(time, row, left))
        elif kind == "split":
            rows.append(_split(time, row))
        else:
            rows.append((time, row["event"], int(row["after"]), np.nan, np.nan, left, row["detail"]))
    return rows


def _split(time: Any, row: Mapping[Any, Any]) -> tuple[Any, ...]:
    after, left = int(row["amount_after"]), int(row["left"])
    note = f"split: {row['amount']} shares became {after} in a {row['new']}:{row['old']} split"
    return time, "split", after, np.nan, np.nan, left, note


def _filled(time: Any, fill: Mapping[Any, Any], left: int) -> tuple[Any, ...]:
    more = f", {left} left: the slippage model gave no more of this bar" if left else ""
    note = f"filled: {fill['amount']} at {fill['price']:.6g}, commission {fill['commission']:.6g}{more}"
    return time, "filled", fill["amount"], fill["price"], fill["commission"], left, note


def _ended(order: pd.Series, end: pd.Timestamp) -> tuple[Any, ...] | None:
    """Return the last step of an order that did not end with its last fill; an open one is open at the run's end."""
    if order["status"] == "filled":
        return None
    left = int(order["amount"] - order["filled"])
    words = order["reason"] if order["reason"].startswith("cancelled") else f"{order['status']}: {order['reason']}"
    time = max(order["updated"], end) if order["status"] == "open" else order["updated"]
    return time, order["status"], left, np.nan, np.nan, left, f"{words}, {left} shares were not filled"
