"""Filling: what a bar makes of the open orders, through the models of slippage and commission.

Built-in models run compiled (matching.py). A bar in which an order goes through a model of the user's own, or whose
fill_rules look at its whole range, is filled here in Python, order by order and by the same rules.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from tradewind import guards, matching
from tradewind.blotter import Blotter
from tradewind.commission import BUILT_IN, CommissionModel, PerContract, PerShare
from tradewind.errors import BadParameter
from tradewind.fill_rules import FillRules
from tradewind.matching import COSTS, DEPTH
from tradewind.minute_prices import MinutePrices
from tradewind.orders import Fill, Order, order_id, root_symbol
from tradewind.prices import Prices
from tradewind.semantics import Semantics
from tradewind.slippage import (
    IMPACT_SESSIONS,
    FixedBasisPointsSlippage,
    LiquidityExceeded,
    SlippageModel,
    VolatilityVolumeShare,
)
from tradewind_data.assets import Asset, AssetFinder


class Filling:
    """The models of one run, one of a kind for each asset class, and what they make of the blotter's open orders."""

    def __init__(
        self, blotter: Blotter, finder: AssetFinder, prices: Prices | MinutePrices, semantics: Semantics
    ) -> None:
        self._blotter, self._fills, self._finder, self._prices = blotter, blotter.fills, finder, prices
        self._caps = semantics.limit_caps_price
        self.slippage: list[SlippageModel] = [FixedBasisPointsSlippage(), VolatilityVolumeShare()]
        self.commission: list[CommissionModel] = [PerShare(), PerContract()]
        self.fill_rules: FillRules | None = None
        self._depth = np.zeros(len(finder), dtype=DEPTH)
        self._samples, self._depth["group"] = _groups(finder)
        self._depth["known_on"] = -1
        self._unknown = np.empty(len(finder), dtype=np.int64)
        self._costs: np.ndarray | None = None
        self._compiled: list[tuple[Any, dict[str, Any]]] = []  # the compiled models, with what they held at that time
        self._impacts = False  # whether some orders fill under an impact model
        self._decides_in_python: np.ndarray | None = None  # bool[N]: orders of these columns do; None: nowhere

    def set_slippage(self, model: SlippageModel, asset_class: int) -> None:
        """Use a slippage model for one asset class (matching.EQUITIES or FUTURES)."""
        self.slippage[asset_class] = model
        self._costs = None

    def set_commission(self, model: CommissionModel, asset_class: int) -> None:
        """Use a commission model for one asset class."""
        self.commission[asset_class] = model
        self._costs = None

    def _cost_models(self) -> np.ndarray:
        """Return the models as numbers (matching.COSTS), made once after each change, of a model's own numbers too."""
        if self._costs is None or any(vars(model) != held for model, held in self._compiled):
            self._costs = np.zeros(len(self._samples), dtype=COSTS)
            models: list[SlippageModel | CommissionModel] = [*self.slippage, *self.commission]
            self._compiled = [(m, dict(vars(m))) for m in models if m.compiled_kind() != matching.CUSTOM]
            for row, sample in enumerate(self._samples):
                group = matching.FUTURES if row else matching.EQUITIES
                slip, cost = self.slippage[group], self.commission[group]
                self._costs[row] = *_as_numbers(slip, sample), *_as_numbers(cost, sample), self._caps
            kinds = self._costs["slippage_kind"], self._costs["commission_kind"]
            custom = (np.stack(kinds) == matching.CUSTOM).any(axis=0)[self._depth["group"]]
            self._decides_in_python = custom if custom.any() else None
            self._impacts = bool((kinds[0] == matching.IMPACT).any())
        return self._costs

    def fill(self, at: int, session: int, now: int, data: Any) -> int:
        """Fill the open orders against the bar of a moment `at` in a session; return how many fills were written."""
        blotter, fills, rules = self._blotter, self._fills, self.fill_rules
        orders, count = blotter.orders, blotter.open_count  # in this order: the first writes down what was placed
        if not count:
            return 0
        fills.make_room(count)
        costs, custom = self._cost_models(), self._decides_in_python
        if self._impacts:
            self._look_around(at, session)
        if rules is None:
            close, volume, row = self._prices.bar_rows(at)
        else:
            close, volume, row = self._ruled_rows(at, rules)
        in_range = rules is not None and rules.in_range
        if in_range or (custom is not None and custom[orders.column[blotter.open_orders]].any()):
            made = self._fill_in_python(close[row], volume[row], now, data, at if in_range else None)
            blotter.prune()
        else:
            table, first, depth = fills.table, fills.count, self._depth
            made, left = matching.fill_orders(
                orders.table, blotter.waiting, count, close, volume, row, depth, costs, table, first, now
            )
            if made < 0:
                self._refuse(-1 - made, float(table["price"][first]))
            blotter.open_count, blotter.anything_open = left, left > 0
        fills.count += made
        return made

    def _ruled_rows(self, at: int, rules: FillRules) -> tuple[np.ndarray, np.ndarray, int]:
        """Return the prices that orders fill at and the volumes, float64[bars, N], and the row of a moment in them."""
        close, volume, row = self._prices.bar_rows(at)
        if rules.in_range:
            return close, volume, row
        return self._prices.whole_bar(at).open[None], volume[row : row + 1], 0

    def _refuse(self, ordinal: int, price: float) -> None:
        """Raise BadFill for a price that compiled code found and cannot be booked."""
        order = self._blotter.snapshot(ordinal)
        guards.checked_price(self._model_of(self.slippage, order), order, price, False)

    def _look_around(self, at: int, session: int) -> None:
        """Find what an impact model needs to know of the columns with open orders: base price, usual figures."""
        blotter, depth, bar = self._blotter, self._depth, self._prices.whole_bar(at)
        found = matching.look_around(
            blotter.orders.table,
            blotter.waiting,
            blotter.open_count,
            bar.high,
            bar.low,
            depth,
            session,
            self._unknown,
        )
        if not found:
            return
        columns = self._unknown[:found]
        closes = self._prices.before("close", columns, session, IMPACT_SESSIONS)
        volumes = self._prices.before("volume", columns, session, IMPACT_SESSIONS)
        if closes is None or volumes is None:
            depth["usual"][columns] = 0.0
        else:
            matching.know_the_usual(columns, closes, volumes, depth)

    def _fill_in_python(
        self, close: np.ndarray, volume: np.ndarray, now: int, data: Any, in_range_of: int | None
    ) -> int:
        """Fill through the models' own methods; same rules as matching.fill_orders.

        in_range_of: the moment over whose whole bar fill_rules go, None for the close alone.
        """
        bar = None if in_range_of is None else self._prices.whole_bar(in_range_of)
        used: dict[int, float] = {}
        full: set[int] = set()
        count = 0
        for i in self._blotter.open_orders.tolist():
            if self._blotter.orders.status[i] != matching.OPEN:
                continue  # a model asked before has cancelled it
            column = int(self._blotter.orders.column[i])
            price, traded = close[column], volume[column]
            if bar is not None and traded > 0 and column not in full:
                assert self.fill_rules is not None  # a bar comes with its rules
                price = self.fill_rules.start(self._blotter.orders, i, bar, column, now)
                why = matching.UNREACHED if np.isnan(price) else None
            else:
                why = self._waits_for(i, price, traded, column in full, now)
            if why is not None:
                self._blotter.orders.waits[i, why] += 1
                continue
            paid, amount = self._slipped(i, column, used.get(column, 0.0), data, full, price, traded)
            within = self._within_limit(i, column, paid, caps=bar is not None)
            if amount == 0 or within is None:
                self._blotter.orders.waits[i, matching.NO_ROOM if amount == 0 else matching.BEYOND_LIMIT] += 1
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
        return None if matching.triggered(self._blotter.orders.table, i, price, now) else matching.UNREACHED

    def _group(self, column: int) -> int:
        """Return the asset class of a column."""
        return matching.FUTURES if self._depth["group"][column] else matching.EQUITIES

    def _model_of(self, models: Sequence[Any], order: Order) -> Any:
        """Return the model that an order of this asset goes through."""
        return models[self._group(order.asset.column)]

    def _slipped(
        self, i: int, column: int, used: float, data: Any, full: set[int], price: float, traded: float
    ) -> tuple[float, int]:
        """Ask the slippage model for price and amount from the bar's price; note when the asset's bar is full."""
        group, order = self._group(column), self._blotter.snapshot(i)
        model, costs = self.slippage[group], self._cost_models()[self._depth["group"][column]]
        kind, (first, second, third) = costs["slippage_kind"], costs["slippage"]
        paid: Any
        amount: Any
        if kind == matching.IMPACT:
            paid, amount = matching.impacted(first, second, third, order.open_amount, traded, self._depth, column)
            amount *= order.direction
        elif kind != matching.CUSTOM:
            paid, amount = matching.slipped(kind, first, second, order.open_amount, price, traded, used)
            amount *= order.direction
            if not amount:
                full.add(column)
        else:
            model.volume_for_bar = used
            try:
                paid, amount = guards.checked_answer(model, order, model.process_order(data, order))
            except LiquidityExceeded:
                full.add(column)
                return 0.0, 0
        if paid is None or not amount:
            return 0.0, 0
        free = group == matching.FUTURES
        return guards.checked_price(model, order, paid, free), guards.checked_amount(model, order, amount)

    def _within_limit(self, i: int, column: int, price: float, caps: bool) -> float | None:
        """Return the price an order may fill at: capped at its limit, or None where the model rather waits."""
        side = 1 if self._blotter.orders.amount[i] > 0 else -1
        limit = float(self._blotter.orders.limit[i])
        if np.isnan(limit) or side * price <= side * limit:
            return price
        kind = self._cost_models()["slippage_kind"][self._depth["group"][column]]
        if kind == matching.IMPACT or (kind == matching.VOLUME_SHARE and not caps):
            return None
        return limit if caps or self._caps else price

    def _execute(self, i: int, column: int, amount: int, price: float, count: int, now: int) -> None:
        """Ask the commission model, then write the execution into the order and the buffer."""
        asset = self._finder.asset_at(column)
        fill = Fill(asset, amount, pd.Timestamp(now, tz="UTC"), price, order_id(i), 0.0)
        model, order = self.commission[self._group(column)], self._blotter.snapshot(i)
        cost = guards.checked_cost(model, order, model.calculate(order, fill), isinstance(model, BUILT_IN))
        matching.book_execution(self._blotter.orders.table, i, amount, cost, now)
        self._fills.table[self._fills.count + count] = i, column, amount, price, cost, now


def _groups(finder: AssetFinder) -> tuple[list[Asset | None], np.ndarray]:
    """Return a sample of each group that costs differ by, and int64[N], the group of each column.

    The first group, of which there is no sample, is that of all equities; each further one is a root symbol of futures.
    """
    samples: list[Asset | None] = [None]
    group, by_root = np.zeros(len(finder), dtype=np.int64), {}
    for column in np.flatnonzero(finder.cash_settled).tolist():
        asset = finder.asset_at(column)
        root = root_symbol(asset)
        if root not in by_root:
            by_root[root] = len(samples)
            samples.append(asset)
        group[column] = by_root[root]
    return samples, group


def _as_numbers(model: SlippageModel | CommissionModel, sample: Asset | None) -> tuple[int, tuple[float, float, float]]:
    """Return a model's kind and numbers; what the model does not know is left to the model to refuse."""
    try:
        return model.compiled_kind(), model.terms_of(sample)
    except BadParameter:
        return matching.CUSTOM, (0.0, 0.0, 0.0)
