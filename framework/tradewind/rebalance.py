"""From an objective to orders: the optimizer inside a run.

What is held *and already ordered* counts as the current portfolio, both for the constraints and for the difference to
order: a Frozen asset never trades, and a turnover limit counts what is on its way.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Protocol

import numpy as np
import pandas as pd

from tradewind import sizing
from tradewind.blotter import VERBS, Blotter
from tradewind.ledger import Ledger
from tradewind.log import AlgorithmLog
from tradewind.orders import order_id
from tradewind.recorder import Recorder
from tradewind_data.assets import Asset, AssetFinder
from tradewind_optimize.constraints.position import Frozen
from tradewind_optimize.entry import run_optimization
from tradewind_optimize.objectives import Objective

VIA = VERBS.index("order_optimal_portfolio")


class LastKnown(Protocol):
    """What the rebalancer needs of the prices."""

    def last_known(self, columns: np.ndarray, at: int, seen: int) -> np.ndarray:
        """Return the last known prices."""


class Rebalancer:
    """Turns objectives and constraints into orders; the moment (`at`, `session`) is told with each call."""

    def __init__(
        self,
        finder: AssetFinder,
        prices: LastKnown,
        ledger: Ledger,
        blotter: Blotter,
        recorder: Recorder,
        can_trade: Callable[[list[Asset]], pd.Series],
        log: AlgorithmLog,
    ) -> None:
        self._finder, self._prices, self._can_trade, self._log = finder, prices, can_trade, log
        self._ledger, self._blotter, self._recorder = ledger, blotter, recorder

    def weights(self, at: int, session: int) -> pd.Series:
        """Return Series asset → weight of what is held or already ordered, as fractions of the portfolio value."""
        columns, shares = self._holdings()
        known = self._prices.last_known(columns, at, session)
        price = np.where(np.isnan(known), self._ledger.book.last_price[columns], known)
        weights = shares * price * self._ledger.book.multiplier[columns] / self._ledger.equity
        assets = [self._finder.assets[column] for column in columns.tolist()]
        return pd.Series(weights, index=pd.Index(assets, dtype=object), dtype=float)

    def _holdings(self) -> tuple[np.ndarray, np.ndarray]:
        """Return (columns, shares): positions plus open orders, columns ascending."""
        ordered, left = self._blotter.open_amounts()
        columns = np.union1d(self._ledger.held, ordered)
        shares = self._ledger.book.amount[columns].copy()
        np.add.at(shares, np.searchsorted(columns, ordered), left)
        return columns, shares

    def rebalance(
        self, objective: Any, constraints: Any, at: int, session: int, check: Callable[[int, int], None] | None
    ) -> pd.Series:
        """Find the optimal portfolio and order toward it; return Series asset → order id of the orders placed.

        `check` is asked (column, amount) before each order. Raises what the optimization raises.
        """
        current = self.weights(at, session)
        result = run_optimization(objective, self._with_untradable(objective, constraints, current), current)
        self._recorder.optimization(session, result)
        result.raise_for_status()
        assert result.new_weights is not None  # raise_for_status has returned
        return self._order(result.new_weights, at, session, check)

    def _with_untradable(self, objective: Any, constraints: Any, current: pd.Series) -> Any:
        """Return the constraints, with a Frozen for the assets that cannot trade today."""
        named = [label for label in _labels_of(objective) if isinstance(label, Asset)]
        may = [self._can_trade(assets).to_numpy() for assets in (current.index.tolist(), named)]
        if may[0].all() and may[1].all():
            return constraints
        assets = [*current.index, *named]
        untradable = list(dict.fromkeys(assets[i] for i in np.flatnonzero(~np.concatenate(may)).tolist()))
        self._log.warning("frozen in order_optimal_portfolio, since they cannot trade today: %s", untradable)
        return [*constraints, Frozen(untradable)]

    def _order(self, weights: pd.Series, at: int, session: int, check: Callable[[int, int], None] | None) -> pd.Series:
        """Order toward target weights."""
        columns = self._finder.columns(weights.index.tolist())
        held, shares = self._holdings()
        holdings = np.zeros(len(self._finder), dtype=np.int64)
        holdings[held] = shares
        prices = self._prices.last_known(columns, at, session)
        units = prices * self._ledger.book.multiplier[columns]
        asked, equity = weights.to_numpy(), self._ledger.equity
        target = sizing.whole_shares_of_weights(asked, equity, prices, self._ledger.book.multiplier[columns])
        missing = np.where(np.isnan(prices), 0, target - holdings[columns])
        exact = asked * equity / units - holdings[columns]
        placed: dict[Any, str] = {}
        which = np.flatnonzero(missing)
        rows = (array[which].tolist() for array in (columns, missing, asked, exact))
        for asset, column, amount, weight, shares in zip(weights.index[which], *rows, strict=True):
            if check is not None:
                check(column, amount)
            placed[asset] = order_id(self._blotter.place(column, amount, VIA, weight, shares))
        return pd.Series(list(placed.values()), index=pd.Index(list(placed), dtype=object), dtype=object)


def _labels_of(objective: Any) -> Iterable[Any]:
    """Return the labels an objective speaks of; none for what is no objective (the optimizer refuses it)."""
    return objective.labels().index if isinstance(objective, Objective) else ()
