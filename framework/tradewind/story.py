"""The story of one order: asked, rounded, controlled, split, filled, and how it ended, from what a run recorded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

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


def story_of(order: pd.Series, fills: pd.DataFrame, events: pd.DataFrame) -> Story:
    """Return the story of an order from its row, its fills in time, and its events in time."""
    first = events.loc[events["event"] == "split", "before"]
    placed = int(first.iloc[0]) if len(first) else int(order["amount"])
    rows = [(order["created"], "placed", placed, np.nan, np.nan, placed, _placed(order, placed))]
    rows += _happened(fills, events, placed)
    last = _ended(order)
    frame = pd.DataFrame([*rows, last] if last else rows, columns=list(STEPS))
    return Story(order, frame)


def _placed(order: pd.Series, placed: int) -> str:
    prices = [f"{name} {order[name]:g}" for name in ("limit", "stop") if not np.isnan(order[name])]
    rounded = "" if order["shares"] == placed else f", rounded from {order['shares']:.4f}"
    return ", ".join([f"placed: {placed} shares{rounded}", *prices])


def _happened(fills: pd.DataFrame, events: pd.DataFrame, placed: int) -> list[tuple[Any, ...]]:
    """Return the steps between placing and the end, with what was left after each."""
    moments = [(row["time"], row) for table in (events, fills) for row in table.to_dict("records")]
    left, rows = placed, []
    for time, row in sorted(moments, key=lambda moment: moment[0]):
        if "event" not in row:
            left -= row["amount"]
            rows.append(_filled(time, row, left))
            continue
        left = int(row["left"])
        split = row["event"] == "split"
        note = f"split: {row['detail']}" if split else row["detail"]
        rows.append((time, row["event"], int(row["after"]), np.nan, np.nan, left, note))
    return rows


def _filled(time: Any, fill: Mapping[Any, Any], left: int) -> tuple[Any, ...]:
    more = f", {left} left: the slippage model gave no more of this bar" if left else ""
    note = f"filled: {fill['amount']} at {fill['price']:.6g}, commission {fill['commission']:.6g}{more}"
    return time, "filled", fill["amount"], fill["price"], fill["commission"], left, note


def _ended(order: pd.Series) -> tuple[Any, ...] | None:
    """Return the last step of an order that did not end with its last fill."""
    if order["status"] == "filled":
        return None
    left = int(order["amount"] - order["filled"])
    words = order["reason"] if order["reason"].startswith("cancelled") else f"{order['status']}: {order['reason']}"
    return order["updated"], order["status"], left, np.nan, np.nan, left, f"{words}, {left} shares were not filled"
