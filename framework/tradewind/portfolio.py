"""Portfolio, Position and Account: read-only views of the ledger for the algorithm.

They hold nothing: every attribute reads the ledger at the moment it is asked, and none can be set. Money is in the
run's currency, weights and leverages are fractions of portfolio_value.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any, Protocol

import numpy as np
import pandas as pd

from tradewind_data.assets import Asset, AssetFinder
from tradewind_data.errors import ForeignAsset


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

    def priced_at(self, column: int) -> int | None:
        """When the price of a column was last looked up, ns UTC; None when it never had one."""


class _ReadOnly:
    """A view whose public attributes cannot be set: a typing error would otherwise pass unseen."""

    def __setattr__(self, name: str, value: Any) -> None:
        if name[0] != "_":
            raise AttributeError(f"{type(self).__name__}.{name} cannot be set: it shows what the ledger holds")
        super().__setattr__(name, value)


class Position:
    """One holding: asset (sid), amount in signed shares, cost_basis and last_sale_price in currency a share."""

    __slots__ = ("_asset", "_column", "_ledger")

    def __init__(self, asset: Asset, ledger: Books, column: int) -> None:
        self._asset, self._ledger, self._column = asset, ledger, column

    @property
    def asset(self) -> Asset:
        """The asset held."""
        return self._asset

    sid = asset  # the name older algorithms use

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
        """The last known price; 0 when nothing is held."""
        return float(self._ledger.marked().last_price[self._column]) if self.amount else 0.0

    @property
    def last_sale_date(self) -> pd.Timestamp | None:
        """The time (UTC) at which last_sale_price was looked up: now, or the close of the asset's last session.

        It is not the time of a trade: a price is carried forward over bars without one (data.current(asset,
        "last_traded") tells the trade). None when nothing is held or no price was ever known.
        """
        stamp = self._ledger.priced_at(self._column) if self.amount else None
        return None if stamp is None else pd.Timestamp(stamp, tz="UTC")

    def __repr__(self) -> str:
        """Show the holding."""
        n, basis, last = self.amount, self.cost_basis, self.last_sale_price
        return f"Position({self.asset}, amount={n}, cost_basis={basis:.4f}, last={last})"


class Positions(Mapping[Asset, Position]):
    """The holdings by asset, in sid order. An asset that is not held answers a Position of amount 0, not stored.

    A sid stands for its asset, to which it is equal.
    """

    def __init__(self, ledger: Books, finder: AssetFinder) -> None:
        self._ledger, self._finder = ledger, finder

    def __getitem__(self, asset: Asset) -> Position:
        """Return the holding of an asset."""
        try:
            return Position(asset, self._ledger, self._finder.column(asset))
        except ForeignAsset:
            if not isinstance(asset, int | np.integer):
                raise
        return self[self._finder.retrieve(asset)]

    def __contains__(self, asset: object) -> bool:
        """Return whether the asset is held."""
        if isinstance(asset, int | np.integer):
            return int(asset) in [held.sid for held in self]
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

    def copy(self) -> dict[Asset, Position]:
        """Return the holdings of now as a dict; the Positions in it go on showing what the ledger holds."""
        return dict(self)

    def __repr__(self) -> str:
        """Show the holdings."""
        return f"Positions({list(self.values())})"


class Portfolio(_ReadOnly):
    """What the run owns now."""

    positions: Positions
    start_date: pd.Timestamp

    def __init__(self, ledger: Books, finder: AssetFinder, start: pd.Timestamp) -> None:
        self._ledger, self._finder = ledger, finder
        vars(self).update(positions=Positions(ledger, finder), start_date=start)

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


class Account(_ReadOnly):
    """Leverage, and a broker's usual fields.

    Without a margin model (set_margin) nothing is required, buying power is infinite, and available funds and excess
    liquidity are the cash; with one they are the equity less what the positions need.
    """

    accrued_interest = 0.0
    day_trades_remaining = math.inf
    regt_margin = math.inf

    def __init__(self, ledger: Books) -> None:
        self._ledger = ledger
        self._margin: MarginBooks | None = None

    def ask_for_margin(self, desk: MarginBooks) -> None:
        """Show what a margin desk requires from now on."""
        self._margin = desk

    @property
    def initial_margin_requirement(self) -> float:
        """The equity needed to open what is held."""
        return 0.0 if self._margin is None else self._margin.required()[0]

    @property
    def maintenance_margin_requirement(self) -> float:
        """The equity needed to hold what is held; below it there is a margin call."""
        return 0.0 if self._margin is None else self._margin.required()[1]

    @property
    def available_funds(self) -> float:
        """Net liquidation less the initial margin; the cash without a margin model."""
        return self._ledger.cash if self._margin is None else self._ledger.equity - self._margin.required()[0]

    @property
    def excess_liquidity(self) -> float:
        """Net liquidation less the maintenance margin; the cash without a margin model."""
        return self._ledger.cash if self._margin is None else self._ledger.equity - self._margin.required()[1]

    @property
    def buying_power(self) -> float:
        """What shares may still be bought for; infinite without a margin model."""
        return math.inf if self._margin is None else max(self.available_funds, 0.0) / self._margin.initial_rate

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
        """Cash as a fraction of net liquidation, NaN where that is 0."""
        return self._over_equity(self._ledger.cash, math.nan)

    @property
    def leverage(self) -> float:
        """Gross leverage: (long exposure − short exposure) / net liquidation."""
        return self._over_equity(self._ledger.totals.long_exposure - self._ledger.totals.short_exposure)

    gross_leverage = leverage

    @property
    def net_leverage(self) -> float:
        """Net leverage: (long exposure + short exposure) / net liquidation."""
        return self._over_equity(self._ledger.totals.exposure)

    def _over_equity(self, value: float, where_zero: float = math.inf) -> float:
        """Return value / net liquidation, `where_zero` where that is 0."""
        equity = self._ledger.equity
        return value / equity if equity != 0 else where_zero

    def __repr__(self) -> str:
        """Show the headline figures."""
        return f"Account(value={self.net_liquidation:.2f}, cash={self.settled_cash:.2f}, leverage={self.leverage:.4f})"
