"""The blotter: every order ever placed, and the fills a bar makes of the open ones.

An order never fills in the bar that places it: fill() looks at orders placed before the bar, place() adds for the next.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

import numpy as np
import pandas as pd

from tradewind import guards, matching
from tradewind.cancel_policy import SESSION_END, CancelPolicy, NeverCancel
from tradewind.commission import CommissionModel, PerContract, PerShare
from tradewind.fill_rules import Bar, FillRules
from tradewind.matching import COSTS, FILL, ORDER, FillBook, OrderBook
from tradewind.orders import Fill, Order, OrderStatus, order_id, order_names
from tradewind.semantics import Semantics
from tradewind.slippage import FixedBasisPointsSlippage, LiquidityExceeded, SlippageModel, VolatilityVolumeShare
from tradewind.story import Event, Revision
from tradewind_data.assets import AssetFinder

VERBS = (
    "order",
    "order_value",
    "order_percent",
    "order_target",
    "order_target_value",
    "order_target_percent",
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

TERMS = 5  # column, amount, via, asked, shares


NO_FILLS = np.empty(0, dtype=FILL)
NO_ORDER = -1


def _numbers(values: list[float]) -> np.ndarray:
    """Return float64[n]: numbers of any make, in two thirds of the time that numpy takes to look at each."""
    packed = bytearray(8 * len(values))
    struct.pack_into(f"{len(values)}d", packed, 0, *values)
    return np.frombuffer(packed)


class Blotter:
    """The orders of one run. An order is named by its ordinal, in order of placement from 0."""

    verbs, reasons = VERBS, REASONS

    def __init__(self, finder: AssetFinder, semantics: Semantics) -> None:
        self._finder, self._semantics = finder, semantics
        self.now = 0
        self._orders = OrderBook(np.zeros(matching.ROOM, dtype=ORDER))
        self._written = 0  # orders in the book
        self.placed: list[float] = []  # those placed since: TERMS numbers an order (order_pad.py adds to them, too)
        self.names = order_names()  # of the orders to come
        self._priced: list[tuple[int, float, float]] = []
        self.events: list[Event] = []
        self.fill_rules: FillRules | None = None
        self._waiting = np.empty(1024, dtype=np.int64)  # the open orders stand at its front
        self._open = self._waiting[:0]
        self.anything_open = False
        self._used = np.zeros(len(finder))
        self.fills = FillBook()
        self.slippage: list[SlippageModel] = [FixedBasisPointsSlippage(), VolatilityVolumeShare()]
        self.commission: list[CommissionModel] = [PerShare(), PerContract()]
        self.cancel_policy: CancelPolicy = NeverCancel()
        self._asset_class = np.where(finder.cash_settled, matching.FUTURES, matching.EQUITIES).astype(np.int8)
        self._costs: np.ndarray | None = None
        self._decides_in_python: np.ndarray | None = None  # bool[N]: orders of these columns do; None: nowhere
        self.revisions: list[Revision] = []

    # ---------------------------------------------------------------- models

    def set_slippage(self, model: SlippageModel, asset_class: int) -> None:
        """Use a slippage model for one asset class (matching.EQUITIES or FUTURES)."""
        self.slippage[asset_class] = model
        self._costs = None

    def set_commission(self, model: CommissionModel, asset_class: int) -> None:
        """Use a commission model for one asset class."""
        self.commission[asset_class] = model
        self._costs = None

    def _cost_models(self) -> np.ndarray:
        """Return the models as numbers (matching.COSTS by asset class), made once after each change."""
        if self._costs is None:
            self._costs = np.zeros(2, dtype=COSTS)
            for group, (slip, cost) in enumerate(zip(self.slippage, self.commission, strict=True)):
                self._costs[group] = slip.compiled_kind(), slip.terms(), cost.compiled_kind(), cost.terms()
            kinds = self._costs["slippage_kind"], self._costs["commission_kind"]
            custom = (np.stack(kinds) == matching.CUSTOM).any(axis=0)[self._asset_class]
            self._decides_in_python = custom if custom.any() else None
        return self._costs

    # ---------------------------------------------------------------- orders

    @property
    def count(self) -> int:
        """The orders placed so far."""
        return self._written + len(self.placed) // TERMS

    def place(self, column: int, amount: float, via: int, asked: float, shares: float) -> str:
        """Add a market order for the bars to come, placed now; return its name.

        amount: signed shares, rounded when the order is written down. asked is the argument of the verb `via`, shares
        what it came to before rounding.
        """
        self.placed += (column, amount, via, asked, shares)
        self.anything_open = True
        return next(self.names)

    def place_all(
        self, via: int, columns: np.ndarray, amounts: np.ndarray, asked: np.ndarray, shares: np.ndarray
    ) -> list[str]:
        """Add market orders for several columns (arrays of one entry an order); return their names."""
        if self.placed:
            self._write_placed()
        if len(columns):
            self._write(np.stack([columns, amounts, np.full(len(columns), via), asked, shares], axis=1))
            self.anything_open = True
        return list(islice(self.names, len(columns)))

    def place_priced(
        self, column: int, amount: float, via: int, asked: float, shares: float, limit: float, stop: float
    ) -> str:
        """Add an order with a limit and/or a stop (NaN: none); return its name."""
        self._priced.append((self.count, limit, stop))
        return self.place(column, amount, via, asked, shares)

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
        self._write(_numbers(self.placed).reshape(-1, TERMS))
        for ordinal, limit, stop in self._priced:
            self._orders.limit[ordinal], self._orders.stop[ordinal] = limit, stop
        self.placed.clear()
        self._priced = []

    def _write(self, terms: np.ndarray) -> None:
        """Write float64[k, TERMS] of new orders behind those in the book, which grows as it must."""
        first, last = self._written, self._written + len(terms)
        if last > len(self._orders.table):
            self._orders = self._orders.grown(last)
        count, waiting = len(self._open) + len(terms), self._waiting
        if count > len(waiting):
            self._waiting = waiting = np.concatenate([self._open, np.empty(2 * count, dtype=np.int64)])
        matching.write_placed(self._orders.table, first, terms, waiting, len(self._open), self.now)
        self._open, self._written = waiting[:count], last

    @property
    def open_orders(self) -> np.ndarray:
        """The ordinals of the open orders, in order of placement."""
        if self.placed:
            self._write_placed()
        return self._open

    def cancel(self, ordinal: int, reason: int) -> None:
        """Cancel an order if it is open; anything else is left as it is."""
        if 0 <= ordinal < self.count and self.orders.status[ordinal] == matching.OPEN:
            self._close(ordinal, reason)
            self._prune()

    def reject(self, ordinal: int, reason: int) -> None:
        """Reject an open order."""
        self._close(ordinal, reason, matching.REJECTED)
        self._prune()

    def _close(self, ordinal: int, reason: int, status: int = matching.CANCELLED) -> None:
        """Mark one order as cancelled, or rejected, now."""
        orders = self._orders
        orders.status[ordinal], orders.reason[ordinal], orders.updated[ordinal] = status, reason, self.now

    def _prune(self) -> None:
        """Drop from the open orders what is open no longer."""
        which = self.open_orders
        self._keep_open(matching.keep_open(self.orders.table, which))

    def _keep_open(self, count: int) -> None:
        """Keep the first of the open orders, which a kernel has moved there."""
        self._open, self.anything_open = self._open[:count], count > 0

    def _open_in(self, column: int) -> list[int]:
        """Return the open orders of one asset."""
        which = self.open_orders
        found: list[int] = which[self.orders.column[which] == column].tolist()
        return found

    def cancel_all(self, column: int, reason: int) -> None:
        """Cancel the open orders of one asset."""
        for ordinal in self._open_in(column):
            self._close(ordinal, reason)
        self._prune()

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
        self._prune()
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
        for ordinal in self._open_in(column):
            amount, filled = int(o.amount[ordinal]), int(o.filled[ordinal])
            limit, stop = float(o.limit[ordinal]), float(o.stop[ordinal])
            left = matching.split_order(o, ordinal, numerator, denominator, exact)
            after = numerator, denominator, int(o.amount[ordinal]), left
            self.revisions.append(Revision(ordinal, self.now, amount, filled, limit, stop, *after))
            if left == 0:
                self._close_emptied(ordinal)
        self._prune()

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

    def fill(self, close: np.ndarray, volume: np.ndarray, now: int, data: Any, bar: Bar | None = None) -> np.ndarray:
        """Fill the open orders against one bar (float64[N] rows of raw close and volume); return the fills.

        `bar` is given when fill_rules are set: then they say which of its prices count.
        """
        rules = self.fill_rules
        if bar is not None and rules is not None and not rules.in_range:
            close, bar = bar.open, None
        which = self.open_orders
        if not len(which):
            return NO_FILLS
        self.fills.make_room(len(which))
        costs, custom = self._cost_models(), self._decides_in_python
        if bar is not None or (custom is not None and custom[self._orders.column[which]].any()):
            count = self._fill_in_python(which, close, volume, now, data, bar)
            self._prune()
        else:
            count = self._fill_compiled(which, close, volume, costs, now)
        return self.fills.take(count) if count else NO_FILLS

    def _fill_compiled(
        self, which: np.ndarray, close: np.ndarray, volume: np.ndarray, costs: np.ndarray, now: int
    ) -> int:
        """Fill through the compiled forms of the models; return the number of fills."""
        caps, group, book = self._semantics.limit_caps_price, self._asset_class, self.fills
        count, left = matching.fill_orders(
            self._orders.table, which, close, volume, group, costs, caps, self._used, book.table, book.count, now
        )
        if count < 0:
            order, price = self.snapshot(-1 - count), float(book.table["price"][book.count])
            guards.checked_price(self._model_of(self.slippage, order), order, price, False)
        self._keep_open(left)
        return int(count)

    def _fill_in_python(
        self, which: np.ndarray, close: np.ndarray, volume: np.ndarray, now: int, data: Any, bar: Bar | None
    ) -> int:
        """Fill through the models' own methods; same rules as matching.fill_orders, or fill_rules over a whole bar."""
        used: dict[int, float] = {}
        full: set[int] = set()
        count = 0
        for i in which.tolist():
            column = int(self.orders.column[i])
            price, traded = close[column], volume[column]
            if bar is not None and traded > 0 and column not in full:
                assert self.fill_rules is not None  # a bar comes with its rules
                price = self.fill_rules.start(self.orders, i, bar, column, now)
                why = matching.UNREACHED if np.isnan(price) else None
            else:
                why = self._waits_for(i, price, traded, column in full, now)
            if why is not None:
                self.orders.waits[i, why] += 1
                continue
            paid, amount = self._slipped(i, column, used.get(column, 0.0), data, full, price, traded)
            within = self._within_limit(i, column, paid, caps=bar is not None)
            if amount == 0 or within is None:
                self.orders.waits[i, matching.NO_ROOM if amount == 0 else matching.BEYOND_LIMIT] += 1
                continue
            used[column] = used.get(column, 0.0) + abs(amount)
            self._execute(i, column, amount, within, count, now)
            count += 1
        return count

    def _waits_for(self, i: int, price: float, traded: float, full: bool, now: int) -> int | None:
        """Return why an order cannot fill in this bar, whatever its model says; None when it can."""
        if np.isnan(price) or not traded > 0:
            return matching.UNTRADED
        if full:
            return matching.NO_ROOM
        return None if matching.triggered(self.orders.table, i, price, now) else matching.UNREACHED

    def _group(self, column: int) -> int:
        """Return the asset class of a column."""
        return int(self._asset_class[column])

    def _model_of(self, models: Sequence[Any], order: Order) -> Any:
        """Return the model that an order of this asset goes through."""
        return models[self._group(order.asset.column)]

    def _slipped(
        self, i: int, column: int, used: float, data: Any, full: set[int], price: float, traded: float
    ) -> tuple[float, int]:
        """Ask the slippage model for price and amount from the bar's price; note when the asset's bar is full."""
        group, order = self._group(column), self.snapshot(i)
        model, costs = self.slippage[group], self._cost_models()[group]
        kind, (first, second) = costs["slippage_kind"], costs["slippage"]
        paid: Any
        amount: Any
        if kind != matching.CUSTOM:
            paid, amount = matching.slipped(kind, first, second, order.open_amount, price, traded, used)
            amount *= order.direction
            if not amount:
                full.add(column)
        else:
            model.volume_for_bar = used
            try:
                paid, amount = model.process_order(data, order)
            except LiquidityExceeded:
                full.add(column)
                return 0.0, 0
        if paid is None or not amount:
            return 0.0, 0
        free = group == matching.FUTURES
        return guards.checked_price(model, order, paid, free), guards.checked_amount(model, order, amount)

    def _within_limit(self, i: int, column: int, price: float, caps: bool) -> float | None:
        """Return the price an order may fill at: capped at its limit, or None where the model rather waits."""
        side = 1 if self.orders.amount[i] > 0 else -1
        limit = float(self.orders.limit[i])
        if np.isnan(limit) or side * price <= side * limit:
            return price
        if self._cost_models()["slippage_kind"][self._group(column)] == matching.VOLUME_SHARE and not caps:
            return None
        return limit if caps or self._semantics.limit_caps_price else price

    def _execute(self, i: int, column: int, amount: int, price: float, count: int, now: int) -> None:
        """Ask the commission model, then write the execution into the order and the buffer."""
        asset = self._finder.asset_at(column)
        fill = Fill(asset, amount, pd.Timestamp(now, tz="UTC"), price, order_id(i), 0.0)
        model, order = self.commission[self._group(column)], self.snapshot(i)
        built_in = model.compiled_kind() != matching.CUSTOM
        cost = guards.checked_cost(model, order, model.calculate(order, fill), may_be_negative=built_in)
        matching.book_execution(self.orders.table, i, amount, cost, now)
        self.fills.table[self.fills.count + count] = i, column, amount, price, cost, now

    def close_out(self, columns: np.ndarray, amounts: np.ndarray, prices: np.ndarray, now: int) -> np.ndarray:
        """Return fills that no order asked for, free of commission; those of 0 shares are left out."""
        some = amounts != 0
        self.fills.make_room(len(columns))
        table = self.fills.take(int(some.sum()))
        table["order"], table["time"], table["commission"] = NO_ORDER, now, 0.0
        table["column"], table["amount"], table["price"] = columns[some], amounts[some], prices[some]
        return table

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
