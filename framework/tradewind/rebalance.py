"""From an objective to orders: the optimizer inside a run.

What is held *and already ordered* counts as the current portfolio, both for the constraints and for the difference to
order: a Frozen asset never trades, and a turnover limit counts what is on its way.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
import pandas as pd

from tradewind import sizing
from tradewind.blotter import VERBS, Blotter
from tradewind.ledger import Ledger
from tradewind.log import AlgorithmLog
from tradewind.recorder import Recorder
from tradewind_data.assets import Asset, AssetFinder
from tradewind_data.errors import ForeignAsset
from tradewind_optimize.constraints.position import Frozen
from tradewind_optimize.entry import run_optimization
from tradewind_optimize.labels import Column, Keys
from tradewind_optimize.objectives import Objective, named
from tradewind_optimize.problem import constant

VIA = VERBS.index("order_optimal_portfolio")


class LastKnown(Protocol):
    """What the rebalancer needs of the prices."""

    def last_known(self, columns: np.ndarray, at: int, seen: int) -> np.ndarray:
        """Return the last known prices."""


class Rebalancer:
    """Turns objectives and constraints into orders; the moment (`at`, `session`) is told with each call.

    can_trade: bool[n] of columns and their last known prices, whether each can trade at the moment at hand.
    """

    def __init__(
        self,
        finder: AssetFinder,
        prices: LastKnown,
        ledger: Ledger,
        blotter: Blotter,
        recorder: Recorder,
        can_trade: Callable[[np.ndarray, np.ndarray], np.ndarray],
        log: AlgorithmLog,
    ) -> None:
        self._finder, self._prices, self._can_trade, self._log = finder, prices, can_trade, log
        self._ledger, self._blotter, self._recorder = ledger, blotter, recorder
        self._labels, self._of_labels = pd.Index([]), np.empty(0, dtype=np.int64)
        self._assets = np.empty(len(finder), dtype=object)
        self._assets[:] = finder.assets

    def weights(self, at: int, session: int) -> pd.Series:
        """Return Series asset → weight of what is held or already ordered, as fractions of the portfolio value."""
        columns, shares = self._holdings()
        weights = self._weights_of(columns, shares, self._prices.last_known(columns, at, session))
        return pd.Series(weights, index=pd.Index(self._assets[columns], dtype=object), dtype=float)

    def _weights_of(self, columns: np.ndarray, shares: np.ndarray, known: np.ndarray) -> np.ndarray:
        """Return float64[k]: shares at the last known price, as fractions of the portfolio value."""
        price = np.where(np.isnan(known), self._ledger.book.last_price[columns], known)
        return np.asarray(shares * price * self._ledger.book.multiplier[columns] / self._ledger.equity)

    def _holdings(self) -> tuple[np.ndarray, np.ndarray]:
        """Return (columns, shares): positions plus open orders, columns ascending."""
        ordered, left = self._blotter.open_amounts()
        if not len(ordered):
            return self._ledger.held, self._ledger.book.amount[self._ledger.held]
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
        held, shares = self._holdings()
        asked = self._columns_of(objective)
        columns = np.concatenate([held, asked])
        known = self._prices.last_known(columns, at, session)
        keys = Keys(self._assets[held].tolist(), self._finder.sids[held])
        current = Column(keys, self._weights_of(held, shares, known[: len(held)]))
        result = run_optimization(objective, self._with_untradable(constraints, columns, known), current)
        self._recorder.optimization(session, result)
        result.raise_for_status()
        assert result.answer is not None  # raise_for_status has returned
        wanted = self._columns(result.answer.keys.index)
        prices = known[len(held) :] if wanted is asked else self._prices.last_known(wanted, at, session)
        holdings = np.zeros(len(self._finder), dtype=np.int64)
        holdings[held] = shares
        return self._order(result.answer, wanted, prices, holdings[wanted], check)

    def _with_untradable(self, constraints: Any, columns: np.ndarray, known: np.ndarray) -> Any:
        """Return the constraints, with a Frozen for the assets that cannot trade today."""
        may = self._can_trade(columns, known)
        if may.all():
            return constraints
        untradable = [self._finder.asset_at(column) for column in dict.fromkeys(columns[~may].tolist())]
        self._log.warning("frozen in order_optimal_portfolio, since they cannot trade today: %s", untradable)
        return [*constraints, Frozen(untradable)]

    def _columns_of(self, objective: Any) -> np.ndarray:
        """Return the columns an objective speaks of; none of what is no objective (the optimizer refuses it)."""
        if not isinstance(objective, Objective):
            return np.empty(0, dtype=np.int64)
        labels = named(objective).index
        try:
            return self._columns(labels)
        except ForeignAsset:  # labels that are no assets are refused when it comes to orders
            return self._finder.columns([label for label in labels if isinstance(label, Asset)])

    def _columns(self, labels: pd.Index) -> np.ndarray:
        """Return the columns of assets; the last answer is kept, since alphas have the same index day after day."""
        if not labels.is_(self._labels):
            self._labels, self._of_labels = labels, self._finder.columns(labels.tolist())
        return self._of_labels

    def _order(
        self,
        weights: Column,
        columns: np.ndarray,
        prices: np.ndarray,
        held: np.ndarray,
        check: Callable[[int, int], None] | None,
    ) -> pd.Series:
        """Order toward target weights of `columns` from the signed shares `held` of each."""
        units = prices * self._ledger.book.multiplier[columns]
        asked = constant(weights.values)
        which, missing, exact = sizing.toward(asked, self._ledger.equity, units, held)
        placed = np.array(self._place((columns[which], missing, asked[which], exact), check), dtype=object)
        return pd.Series(placed, index=weights.keys.index[which], dtype=object, copy=False)

    def _place(self, terms: tuple[np.ndarray, ...], check: Callable[[int, int], None] | None) -> list[str]:
        """Place orders for columns, shares, weights asked and exact shares; return their names."""
        if check is None:
            return self._blotter.place_all(VIA, *terms)
        names = []
        for column, amount, asked, exact in zip(*(term.tolist() for term in terms), strict=True):
            check(column, amount)
            names += self._blotter.place_all(VIA, *np.array([[column], [amount], [asked], [exact]]))
        return names
