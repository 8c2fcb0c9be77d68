"""The blotter: every order ever placed, and every fill.

An order never fills in the bar that places it: filling.py looks at orders placed before the bar, place() adds for the
next.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd

from tradewind import matching
from tradewind.cancel_policy import SESSION_END, CancelPolicy, NeverCancel
from tradewind.coarse import tick_decimals
from tradewind.matching import ORDER, FillBook, OrderBook
from tradewind.orders import Order, OrderNames, OrderStatus, order_id
from tradewind.semantics import Semantics
from tradewind.story import Event, Revision
from tradewind_data.assets import AssetFinder

VERBS = (
    "order_target_percent",
    "order",
    "order_value",
    "order_percent",
    "order_target",
    "order_target_value",
    "order_optimal_portfolio",
    "batch_market_order",
    "margin_call",
)
REASONS = (
    "",
    "filled",
    "cancelled by the algorithm",
    "the asset was closed",
    "a split left no shares",
    "cancelled at the end of the session",
    "open when the run ended",
    "not enough margin",
    "cancelled by a margin call",
)
ALL_FILLED, BY_ALGORITHM, ASSET_CLOSED, EMPTIED_BY_SPLIT, BY_POLICY, LEFT_OPEN, NO_MARGIN, MARGIN_CALL = range(1, 9)

TERMS = 3  # code, shares, asked

NO_ORDER = -1
CENTS = 2  # decimals


_pack_one = struct.Struct(f"{TERMS}d").pack_into


def _pack(values: list[float], into: memoryview) -> None:
    """Write numbers of any make to the front of float64[n, m] in C order; numpy would take longer to look at each."""
    try:
        if len(values) == TERMS:
            _pack_one(into, 0, *values)
        else:
            struct.pack_into(f"{len(values)}d", into, 0, *values)
    except (struct.error, TypeError):  # arrays that hold one number
        plain = [np.asarray(value, dtype=np.float64).item() for value in values]
        struct.pack_into(f"{len(values)}d", into, 0, *plain)


class Blotter:
    """The orders of one run. An order is named by its ordinal, in order of placement from 0."""

    verbs, reasons = VERBS, REASONS

    def __init__(self, finder: AssetFinder, semantics: Semantics) -> None:
        self._finder, self._semantics = finder, semantics
        self.now = 0
        self._orders = OrderBook(np.zeros(matching.ROOM, dtype=ORDER))
        self._written = 0  # orders in the book
        # Those placed since, TERMS numbers an order, code = via·width + column (verbs.py adds to them, too).
        self.placed: list[float] = []
        self.width = len(finder)
        self.names = OrderNames()  # of the orders to come
        self._priced: list[tuple[int, float, float]] = []
        self.events: list[Event] = []
        self._terms = np.empty((1024, TERMS))  # where orders stand as numbers on their way into the book
        self._packed = self._terms.data
        self.waiting = np.empty(1024, dtype=np.int64)  # the open orders stand at its front
        self.open_count = 0  # so many of them
        self.anything_open = False  # whether an order in the book is open; those placed since are not in it yet
        self.fills = FillBook()
        self.cancel_policy: CancelPolicy = NeverCancel()
        self.revisions: list[Revision] = []

    # ---------------------------------------------------------------- orders

    @property
    def count(self) -> int:
        """The orders placed so far."""
        return self._written + len(self.placed) // TERMS

    def place(self, via: int, column: int, shares: float, asked: float) -> str:
        """Add a market order for the bars to come, placed now; return its name.

        shares: signed, rounded when the order is written down; asked: the argument of the verb `via`.
        """
        self.placed += (via * self.width + column, shares, asked)
        return next(self.names)

    def place_all(
        self, via: int, columns: np.ndarray, amounts: np.ndarray, asked: np.ndarray, shares: np.ndarray
    ) -> list[str]:
        """Add market orders for several columns (arrays of one entry an order); return their names.

        amounts: whole shares, shares what they were before rounding.
        """
        if self.placed:
            self._write_placed()
        if len(columns):
            first = self._written
            self._write(np.stack([via * self.width + columns, amounts, asked], axis=1), len(columns))
            self._orders.shares[first : self._written] = shares
        return self.names.take(len(columns))

    def place_priced(self, via: int, column: int, shares: float, asked: float, limit: float, stop: float) -> str:
        """Add an order with a limit and/or a stop (NaN: none); return its name."""
        self._priced.append((self.count, limit, stop))
        return self.place(via, column, shares, asked)

    def move_to(self, now: int) -> None:
        """Move to a moment (ns UTC): what was placed before belongs to the moment before."""
        if self.placed:
            self._write_placed()
        self.now = now

    @property
    def orders(self) -> OrderBook:
        """The order book, with everything placed so far written into it."""
        if self.placed:
            self._write_placed()
        return self._orders

    def _write_placed(self) -> None:
        """Move the orders placed since the last look into the book; all of them were placed at `now`."""
        placed = len(self.placed) // TERMS
        if placed > len(self._terms):
            self._terms = np.empty((2 * placed, TERMS))
            self._packed = self._terms.data
        _pack(self.placed, self._packed)
        self._write(self._terms, placed, self._priced)
        self.placed.clear()  # nothing is called since they count as written: Ctrl-C finds every order once
        self._priced = []

    def _write(self, terms: np.ndarray, placed: int, priced: Sequence[tuple[int, float, float]] = ()) -> None:
        """Write the first rows of float64[≥ placed, TERMS], new orders, behind those in the book, which grows.

        priced: (ordinal, limit, stop) of those that have such prices.
        """
        first, waiting = self._written, self.open_count
        last, count = first + placed, waiting + placed
        if last > len(self._orders.table):
            self._orders = self._orders.grown(last)
        if count > len(self.waiting):
            self.waiting = np.concatenate([self.waiting[:waiting], np.empty(2 * count, dtype=np.int64)])
        orders, width = self._orders.table, self.width
        matching.write_placed(orders, first, terms, placed, width, self.waiting, waiting, self.now)
        for ordinal, limit, stop in priced:
            self._orders.limit[ordinal], self._orders.stop[ordinal] = limit, stop
        self.open_count, self._written, self.anything_open = count, last, True

    @property
    def open_orders(self) -> np.ndarray:
        """The ordinals of the open orders, in order of placement."""
        if self.placed:
            self._write_placed()
        return self.waiting[: self.open_count]

    def cancel(self, ordinal: int, reason: int) -> None:
        """Cancel an order if it is open; anything else is left as it is."""
        if 0 <= ordinal < self.count and self.orders.status[ordinal] == matching.OPEN:
            self._close(ordinal, reason)
            self.prune()

    def reject(self, ordinal: int, reason: int) -> None:
        """Reject an open order."""
        self._close(ordinal, reason, matching.REJECTED)
        self.prune()

    def _close(self, ordinal: int, reason: int, status: int = matching.CANCELLED) -> None:
        """Mark one order as cancelled, or rejected, now."""
        orders = self._orders
        orders.status[ordinal], orders.reason[ordinal], orders.updated[ordinal] = status, reason, self.now

    def prune(self) -> None:
        """Drop from the open orders what is open no longer."""
        self.keep_open(matching.keep_open(self.orders.table, self.waiting, self.open_count))

    def keep_open(self, count: int) -> None:
        """Keep the first of the open orders, which a kernel has moved there."""
        self.open_count, self.anything_open = count, count > 0

    def _open_in(self, column: int) -> list[int]:
        """Return the open orders of one asset."""
        which = self.open_orders
        found: list[int] = which[self.orders.column[which] == column].tolist()
        return found

    def cancel_all(self, column: int, reason: int) -> None:
        """Cancel the open orders of one asset."""
        for ordinal in self._open_in(column):
            self._close(ordinal, reason)
        self.prune()

    def end_of_session(self, now: int, by_minute: bool) -> list[int]:
        """Cancel what the cancel policy ends with this session; return the ordinals of the cancelled orders.

        In a minute run that is every open order. In a daily run an order placed in this session's one bar, at `now`
        (ns UTC), has not had a bar to fill in yet and stays.
        """
        if not self.cancel_policy.should_cancel(SESSION_END) or not len(self.open_orders):
            return []
        ended = (self.open_orders if by_minute else self._ended(now)).tolist()
        for ordinal in ended:
            self._close(ordinal, BY_POLICY)
        self.prune()
        return ended

    def _ended(self, placed_before: int) -> np.ndarray:
        """Return the open orders that a session's end cancels, in order of placement."""
        which = self.open_orders
        if self._semantics.session_end_cancels_all:
            return np.asarray(which[self.orders.created[which] < placed_before])
        _, first, count = np.unique(self.orders.column[which], return_index=True, return_counts=True)
        return np.asarray(which[np.sort(first[count > 1])])

    def open_amounts(self) -> tuple[np.ndarray, np.ndarray]:
        """Return (columns, signed shares not filled yet), one entry an open order."""
        which = self.open_orders
        return self.orders.column[which], self.orders.amount[which] - self.orders.filled[which]

    def split(self, column: int, numerator: int, denominator: int) -> None:
        """Scale the open orders of one asset for a split; an order left with no shares is closed."""
        o, exact = self.orders, self._semantics.exact_splits
        decimals = max(tick_decimals(self._finder.asset_at(column).tick_size), CENTS)
        for ordinal in self._open_in(column):
            amount, filled = int(o.amount[ordinal]), int(o.filled[ordinal])
            limit, stop = float(o.limit[ordinal]), float(o.stop[ordinal])
            left = matching.split_order(o, ordinal, numerator, denominator, exact, decimals)
            after = numerator, denominator, int(o.amount[ordinal]), left
            self.revisions.append(Revision(ordinal, self.now, amount, filled, limit, stop, *after))
            if left == 0:
                self._close_emptied(ordinal)
        self.prune()

    def note(
        self, event: str, column: int, before: float, after: float, left: float, detail: str, ordinal: int = NO_ORDER
    ) -> None:
        """Write down something that happens now to an order, or keeps one from being placed; fields as in Event."""
        self.events.append(Event(self.now, ordinal, column, event, before, after, left, detail))

    def _close_emptied(self, ordinal: int) -> None:
        """Close an order that a split left without shares, by the semantics' word for it."""
        if self._semantics.emptied_order_is_cancelled:
            self._close(ordinal, EMPTIED_BY_SPLIT)
        else:
            self.orders.status[ordinal] = matching.FILLED

    # ---------------------------------------------------------------- fills

    def close_out(self, columns: np.ndarray, amounts: np.ndarray, prices: np.ndarray, now: int) -> np.ndarray:
        """Return fills that no order asked for, free of commission; those of 0 shares are left out."""
        some = amounts != 0
        self.fills.make_room(len(columns))
        count = int(some.sum())
        table = self.fills.table[self.fills.count : self.fills.count + count]
        table["order"], table["time"], table["commission"] = NO_ORDER, now, 0.0
        table["column"], table["amount"], table["price"] = columns[some], amounts[some], prices[some]
        return self.fills.take(count)

    # ---------------------------------------------------------------- snapshots

    def snapshot(self, ordinal: int) -> Order:
        """Return an order as it stands."""
        o = self.orders
        limit, stop = float(o.limit[ordinal]), float(o.stop[ordinal])
        return Order(
            id=order_id(ordinal),
            asset=self._finder.asset_at(int(o.column[ordinal])),
            amount=int(o.amount[ordinal]),
            filled=int(o.filled[ordinal]),
            commission=float(o.commission[ordinal]),
            limit=None if np.isnan(limit) else limit,
            stop=None if np.isnan(stop) else stop,
            limit_reached=bool(o.limit_reached[ordinal]),
            stop_reached=bool(o.stop_reached[ordinal]),
            status=OrderStatus(int(o.status[ordinal])),
            reason=self.reason(ordinal),
            created=pd.Timestamp(int(o.created[ordinal]), tz="UTC"),
            dt=pd.Timestamp(self._changed(ordinal), tz="UTC"),
        )

    def _changed(self, ordinal: int) -> int:
        """Return when an order was last placed, filled, cancelled or triggered; a stop-limit is by its limit alone."""
        o = self.orders
        reached = o.stop_at if np.isnan(o.limit[ordinal]) else o.limit_at
        return max(int(o.updated[ordinal]), int(reached[ordinal]))

    def reason(self, ordinal: int) -> str:
        """Return why an order has the status it has."""
        if self.orders.status[ordinal] == matching.FILLED:
            return REASONS[ALL_FILLED]
        return REASONS[self.orders.reason[ordinal]]

    def final_reasons(self) -> np.ndarray:
        """Return the index into REASONS of why each order ended as it did, once the run is over."""
        status, reason = self.orders.status[: self.count], self.orders.reason[: self.count]
        return np.where(status == matching.OPEN, LEFT_OPEN, np.where(status == matching.FILLED, ALL_FILLED, reason))

    def open_snapshots(self) -> Iterator[Order]:
        """Return the open orders, in order of placement."""
        return (self.snapshot(i) for i in self.open_orders.tolist())
