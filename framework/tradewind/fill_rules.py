"""At which price of a bar orders fill, and which prices reach a limit or a stop. Off unless set_fills() is called.

By default an order is tested against the bar's close and fills there, as in the original engine. With price="open" the
open takes the close's place. With triggers="range" the whole bar counts (d = ±1 for buy and sell; for a sell read high
for low and the other way round):

    limit        reached when low ≤ limit; fills from min(open, limit): a gap in the order's favour is taken
    stop         reached when high ≥ stop; fills from max(open, stop) in that bar, a market order afterwards
    stop-limit   once its stop is reached a limit order; in that bar itself only the close is tested against the limit,
                 because the order of the prices within a bar is not known

Slippage moves the price from there, never beyond the limit. A slippage model of your own sees the bar in `data` and
decides the price itself.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from tradewind.errors import BadParameter

PRICES = ("close", "open")
TRIGGERS = ("close", "range")


class Bar(NamedTuple):
    """One bar of every asset: float64[N] each, raw, NaN without a trade."""

    open: np.ndarray
    high: np.ndarray
    low: np.ndarray
    close: np.ndarray


@dataclass(frozen=True)
class FillRules:
    """price: where market orders fill. triggers: what reaches limits and stops."""

    price: str = "close"
    triggers: str = "close"

    @property
    def in_range(self) -> bool:
        """Whether a bar's high and low reach limits and stops."""
        return self.triggers == "range"

    def start(self, orders: Any, i: int, bar: Bar, column: int, now: int) -> float:
        """Return the price from which order i fills in this bar (ns UTC), NaN while its limit or stop is not reached.

        What is reached is written into the order, with the time.
        """
        side = 1 if orders.amount[i] > 0 else -1
        opened, close = float(bar.open[column]), float(bar.close[column])
        best, worst = (bar.low[column], bar.high[column])[::side]
        limit, stop = float(orders.limit[i]), float(orders.stop[i])
        price = close if self.price == "close" else opened
        if not math.isnan(stop) and not orders.stop_reached[i]:
            if side * worst < side * stop:
                return math.nan
            orders.stop_reached[i], orders.stop_at[i] = True, now
            if math.isnan(limit):
                return side * max(side * opened, side * stop)
            price, best, opened = close, close, close
        if math.isnan(limit):
            return price
        if side * best > side * limit:
            return math.nan
        if not orders.limit_reached[i]:
            orders.limit_reached[i], orders.limit_at[i] = True, now
        return side * min(side * opened, side * limit)


def fill_rules_of(price: str, triggers: str) -> FillRules | None:
    """Return the rules, None for the default ones; refuse other words."""
    for name, value, allowed in (("price", price, PRICES), ("triggers", triggers, TRIGGERS)):
        if value not in allowed:
            raise BadParameter(f"set_fills: {name}", value, " or ".join(map(repr, allowed)), allowed)
    rules = FillRules(price, triggers)
    return None if rules == FillRules() else rules
