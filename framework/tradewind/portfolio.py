"""Portfolio, Position and Account: read-only views of the ledger for the algorithm.

They hold nothing: every attribute reads the ledger at the moment it is asked. Money is in the run's currency, weights
and leverages are fractions of portfolio_value.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any, Protocol

import numpy as np
import pandas as pd

from tradewind_data.assets import Asset, AssetFinder


class Books(Protocol):
    """What the views need of the ledger."""

    book: Any
    starting_cash: float

    def marked(self) -> Any:
        """The book with the holdings valued now."""

    @property
    def cash(self) -> float:
        """The balance."""

    @property
    def flow(self) -> float:
        """Everything that moved cash."""

    @property
    def held(self) -> np.ndarray:
        """The columns with a position."""

    @property
    def totals(self) -> Any:
        """The sums over the positions."""

    @property
    def equity(self) -> float:
        """Cash and positions."""

    @property
    def owed_dividends(self) -> float:
        """Dividends earned and not paid."""

    @property
    def gain(self) -> float:
        """Equity above the capital put in."""

    @property
    def growth(self) -> float:
        """1 + the return since the start."""


class Position:
    """One holding: asset (sid), amount in signed shares, cost_basis and last_sale_price in currency a share."""

    __slots__ = ("_column", "_ledger", "asset")

    def __init__(self, asset: Asset, ledger: Books, column: int) -> None:
        self.asset, self._ledger, self._column = asset, ledger, column

    @property
    def sid(self) -> Asset:
        """The asset, under the name older algorithms use."""
        return self.asset

    @property
    def amount(self) -> int:
        """Signed shares; 0 when nothing is held."""
        return int(self._ledger.book.amount[self._column])

    @property
    def cost_basis(self) -> float:
        """Average price paid a share, commissions included; 0 when nothing is held."""
        return float(self._ledger.book.cost_basis[self._column])

    @property
    def last_sale_price(self) -> float:
        """The last known price."""
        return float(self._ledger.marked().last_price[self._column])

    def __repr__(self) -> str:
        """Show the holding."""
        n, basis, last = self.amount, self.cost_basis, self.last_sale_price
        return f"Position({self.asset}, amount={n}, cost_basis={basis:.4f}, last={last})"


class Positions(Mapping[Asset, Position]):
    """The holdings by asset, in sid order. An asset that is not held answers a Position of amount 0, not stored."""

    def __init__(self, ledger: Books, finder: AssetFinder) -> None:
        self._ledger, self._finder = ledger, finder

    def __getitem__(self, asset: Asset) -> Position:
        """Return the holding of an asset."""
        return Position(asset, self._ledger, self._finder.column(asset))

    def __contains__(self, asset: object) -> bool:
        """Return whether the asset is held."""
        return isinstance(asset, Asset) and bool(self._ledger.book.amount[self._finder.column(asset)] != 0)

    def get(self, asset: Asset, default: Any = None) -> Any:
        """Return the holding of an asset, or the default when it is not held."""
        return self[asset] if asset in self else default  # noqa: SIM401 - __getitem__ never fails, get does

    def __iter__(self) -> Iterator[Asset]:
        """Return the held assets; holdings may change while it is walked."""
        return iter([self._finder.asset_at(int(column)) for column in self._ledger.held])

    def __len__(self) -> int:
        """Return the number of holdings."""
        return len(self._ledger.held)

    def __repr__(self) -> str:
        """Show the holdings."""
        return f"Positions({list(self.values())})"


class Portfolio:
    """What the run owns now."""

    def __init__(self, ledger: Books, finder: AssetFinder, start: pd.Timestamp) -> None:
        self._ledger, self._finder = ledger, finder
        self.positions = Positions(ledger, finder)
        self.start_date = start

    @property
    def cash(self) -> float:
        """The balance; negative when more was bought than there was cash."""
        return self._ledger.cash

    @property
    def starting_cash(self) -> float:
        """The capital at the start of the run."""
        return self._ledger.starting_cash

    capital_base = starting_cash

    @property
    def portfolio_value(self) -> float:
        """Cash plus the value of all positions."""
        return self._ledger.equity

    @property
    def positions_value(self) -> float:
        """The value of all positions (shorts negative)."""
        return float(self._ledger.totals.value)

    @property
    def positions_exposure(self) -> float:
        """The exposure of all positions (shorts negative); differs from the value for futures."""
        return float(self._ledger.totals.exposure)

    @property
    def pnl(self) -> float:
        """Gain since the start of the run; capital that came from outside is none."""
        return self._ledger.gain

    @property
    def returns(self) -> float:
        """Return since the start of the run, compounded over capital changes."""
        return self._ledger.growth - 1.0

    @property
    def capital_used(self) -> float:
        """The sum of all cash flows since the start: negative after net buying."""
        return self._ledger.flow

    cash_flow = capital_used

    @property
    def current_portfolio_weights(self) -> pd.Series:
        """Series asset → signed exposure as a fraction of portfolio_value."""
        held, book = self._ledger.held, self._ledger.marked()
        weights = book.amount[held] * book.last_price[held] * book.multiplier[held] / self.portfolio_value
        return pd.Series(weights, index=pd.Index(list(self.positions), dtype=object), dtype=float)

    def __repr__(self) -> str:
        """Show the headline figures."""
        return f"Portfolio(value={self.portfolio_value:.2f}, cash={self.cash:.2f}, positions={len(self.positions)})"


class MarginBooks(Protocol):
    """What the account needs of the margin desk."""

    @property
    def initial_rate(self) -> float:
        """The equity that a unit of money in shares needs."""

    def required(self) -> tuple[float, float]:
        """Return (initial, maintenance) of what is held."""


class Account:
    """Leverage, and a broker's usual fields.

    Without a margin model (set_margin) nothing is required, buying power is infinite, and available funds and excess
    liquidity are the cash; with one they are the equity less what the positions need.
    """

    accrued_interest = 0.0
    day_trades_remaining = math.inf
    regt_margin = math.inf

    def __init__(self, ledger: Books) -> None:
        self._ledger = ledger
        self.margin: MarginBooks | None = None

    @property
    def initial_margin_requirement(self) -> float:
        """The equity needed to open what is held."""
        return 0.0 if self.margin is None else self.margin.required()[0]

    @property
    def maintenance_margin_requirement(self) -> float:
        """The equity needed to hold what is held; below it there is a margin call."""
        return 0.0 if self.margin is None else self.margin.required()[1]

    @property
    def available_funds(self) -> float:
        """Net liquidation less the initial margin; the cash without a margin model."""
        return self._ledger.cash if self.margin is None else self._ledger.equity - self.margin.required()[0]

    @property
    def excess_liquidity(self) -> float:
        """Net liquidation less the maintenance margin; the cash without a margin model."""
        return self._ledger.cash if self.margin is None else self._ledger.equity - self.margin.required()[1]

    @property
    def buying_power(self) -> float:
        """What shares may still be bought for; infinite without a margin model."""
        return math.inf if self.margin is None else max(self.available_funds, 0.0) / self.margin.initial_rate

    @property
    def accrued_dividends(self) -> float:
        """Cash dividends gone ex and not paid yet (negative: owed by shorts); in no other figure of the account."""
        return self._ledger.owed_dividends

    @property
    def settled_cash(self) -> float:
        """The balance."""
        return self._ledger.cash

    regt_equity = settled_cash

    @property
    def net_liquidation(self) -> float:
        """Cash plus the value of all positions."""
        return self._ledger.equity

    equity_with_loan = net_liquidation

    @property
    def total_positions_value(self) -> float:
        """The value of all positions."""
        return float(self._ledger.totals.value)

    @property
    def total_positions_exposure(self) -> float:
        """The exposure of all positions."""
        return float(self._ledger.totals.exposure)

    @property
    def cushion(self) -> float:
        """Cash as a fraction of net liquidation."""
        return self._over_equity(self._ledger.cash)

    @property
    def leverage(self) -> float:
        """Gross leverage: (long exposure − short exposure) / net liquidation."""
        return self._over_equity(self._ledger.totals.long_exposure - self._ledger.totals.short_exposure)

    @property
    def net_leverage(self) -> float:
        """Net leverage: (long exposure + short exposure) / net liquidation."""
        return self._over_equity(self._ledger.totals.exposure)

    def _over_equity(self, value: float) -> float:
        """Return value / net liquidation, inf where that is 0."""
        equity = self._ledger.equity
        return value / equity if equity != 0 else math.inf
