"""The order pad: the way from an intention to an order in the blotter's hands.

Every order goes through the same three steps: the intention becomes shares, it is checked that they may be ordered now,
and they are handed to the blotter, which rounds them. Nothing is filled and no money moves here.

A bar in which much is ordered is prepared once: unit[column] = price·multiplier and held[column]. Then an order is
shares = asked·equity/unit − held  and one comparison (verbs.py). unit is NaN, which compares with nothing, wherever the
pad has to look closer: not listed yet, past its life, no price in this bar, a price next to nothing. All of them are
NaN before a bar is prepared, and while trading controls are set.
"""

from __future__ import annotations

import math
import reprlib
from collections.abc import Sequence
from enum import Enum
from typing import Any, Protocol

import numpy as np

from tradewind import sizing
from tradewind.bar_data import BarData
from tradewind.blotter import NO_ORDER, VERBS, Blotter
from tradewind.continuous import Contracts
from tradewind.controls import Controls, Proposed
from tradewind.errors import (
    BadOrderParameters,
    CannotOrderContinuousFuture,
    CannotOrderDelistedAsset,
    OrderDuringInitialize,
    OrderInBeforeTradingStart,
    RunIsOver,
    UnsupportedOrderParameters,
)
from tradewind.ledger import Ledger
from tradewind.log import AlgorithmLog
from tradewind.minute_prices import MinutePrices
from tradewind.orders import on_tick, plain_prices, style_alone
from tradewind.prices import Prices
from tradewind.sizing import LEAST_CUT, NEXT_TO_NOTHING
from tradewind_data.assets import Asset, AssetFinder
from tradewind_data.contracts import ContinuousFuture

TARGET_PERCENT, ORDER, VALUE, PERCENT, TARGET, TARGET_VALUE = range(6)  # places in VERBS
BATCH = VERBS.index("batch_market_order")
MOST_SHARES = 100_000_000_000
TOO_MANY = MOST_SHARES + LEAST_CUT  # unrounded shares: what is below this is at most MOST_SHARES once rounded
LEAST_SALE, TOO_MANY_SOLD = -LEAST_CUT, -TOO_MANY
NOWHERE = -1  # stands for the column of an asset that cannot be ordered any more
FOREVER = 1 << 62
NEVER = -2  # stands for the bar of the last quotes before there are any; a run's first `end` may be −1
NOTHING_LISTED: list[bool] = []
FEW, WIDE = 4, 2048  # a bar is prepared for at least so many orders, and one more for so many columns of the bundle
ASKED = {VALUE: "value", PERCENT: "percent", TARGET: "target", TARGET_VALUE: "target", TARGET_PERCENT: "target"}


class Phase(Enum):
    """Where in its life the algorithm is; what may be called depends on it."""

    INITIALIZE = "initialize"
    BEFORE_OPEN = "before_trading_start"
    TRADING = "trading"
    DONE = "analyze"


class Moment(Protocol):
    """What the pad needs to know of the moment; `session` is today's."""

    phase: Phase
    session: int

    @property
    def end(self) -> int:
        """The last bar known."""

    @property
    def now(self) -> int:
        """The time, ns UTC."""


class OrderPad:
    """What is ordered in one run.

    For the short ways of verbs.py: assets by column; what an order is added to, the blotter's `placed` (by_shares: its
    code for an order of column 0 by shares); head and tail, from which it takes its name (OrderNames; the general way
    goes on to the next block). Once something was ordered in a bar, at the time `opened`: listed[column], whether plain
    shares may be ordered without a closer look. In a bar that is prepared: equity, the portfolio value, unit and held
    by column.
    """

    # Read in every order, and more quickly than what stands in a dict of more than thirty names.
    __slots__ = (
        "__dict__",
        "assets",
        "blank",
        "by_shares",
        "data",
        "equity",
        "head",
        "held",
        "listed",
        "opened",
        "placed",
        "tail",
        "unit",
    )

    def __init__(
        self,
        moment: Moment,
        data: BarData,
        finder: AssetFinder,
        prices: Prices | MinutePrices,
        ledger: Ledger,
        blotter: Blotter,
        controls: Controls,
        contracts: Contracts,
        log: AlgorithmLog,
    ) -> None:
        self._moment, self.data = moment, data
        self._finder, self._prices, self._ledger = finder, prices, ledger
        self._controls, self._contracts, self._log = controls, contracts, log
        self.assets = finder.assets
        self._lives_from, self._lives_to = finder.start.tolist(), finder.orderable_to.tolist()
        self._amounts, self._multipliers = ledger.book.amount.data, ledger.book.multiplier.tolist()
        self._closes = data.known
        self.opened = NEVER  # the time of the bar in which something was ordered last
        self.listed: list[bool] = NOTHING_LISTED
        self._listed_from = self._listed_until = NEVER  # the sessions over which it stays so
        self._sized = False
        self.equity = 0.0
        self.blank = [math.nan] * len(finder)  # stands for unit in a bar that is not prepared
        self.unit: Sequence[float] | memoryview = self.blank
        self.held: Sequence[float] | memoryview = self.blank
        self.blotter, self.placed = blotter, blotter.placed
        self.by_shares = ORDER * blotter.width
        self.head, self.tail = blotter.names.head, blotter.names.tail
        self._numbers = np.empty((2, len(finder)))
        self._asked, self._count_before, self._many = 0, 0, FEW + len(finder) // WIDE
        self._prepared = False  # whether the bar sized last was prepared
        self.exact_prices = True  # whether limits and stops are rounded as decimals

    def turn(self) -> None:
        """Turn the page: another bar begins, whose prices are not looked up before somebody orders.

        While the time moves from minute to minute, it is enough to put `blank` in the place of unit.
        """
        self.opened, self.unit = NEVER, self.blank

    def order(
        self, via: int, asset: Asset, asked: float, limit_price: Any = None, stop_price: Any = None, style: Any = None
    ) -> str | None:
        """Order what the verb `via` asks for; return the order's id, or None when there is nothing to order."""
        column = self._orderable(asset, via)
        if type(asked) is not float:
            asked = _number(via, asked)
        if not -math.inf < asked < math.inf:
            if column == NOWHERE:
                return None
            raise BadOrderParameters(f"{_said(via, asked)}; it must be finite. Look at what it was made from.")
        if via in (ORDER, BATCH):
            shares = asked
        elif via == TARGET:
            shares = asked - self._amounts[column]
        else:
            self._size(via)
            shares = self._shares(column, asked if via in (VALUE, TARGET_VALUE) else asked * self.equity)
            if via in (TARGET_VALUE, TARGET_PERCENT):
                shares -= self._amounts[column]
        return self._place(column, via, asked, shares, limit_price, stop_price, style)

    def check_may_order(self, verb: str) -> None:
        """Refuse to order outside trading hours."""
        if self._moment.phase is Phase.INITIALIZE:
            raise OrderDuringInitialize(verb)
        if self._moment.phase is Phase.DONE:
            raise RunIsOver(verb)
        if self._moment.phase is not Phase.TRADING:
            raise OrderInBeforeTradingStart(verb)

    def open_page(self, via: int) -> None:
        """Begin to order in this bar, if it is time to order."""
        if self._moment.phase is not Phase.TRADING:
            self.check_may_order(VERBS[via])
        self.opened, self.unit, self._sized = self.data.now, self.blank, False
        session = self._moment.session
        if not (self._listed_from <= session < self._listed_until or self._controls.trading):
            self._list(session)

    def shares_of(self, via: int, column: int, asked: float) -> float:
        """Return the shares that a verb's finite argument comes to, unrounded, the short way.

        NaN where a closer look is needed: not listed, no price in this bar or one next to nothing. While trading
        controls are set it raises IndexError.
        """
        if self.opened != self.data.now:
            self.open_page(via)
        if not self.listed[column]:
            return math.nan
        if via == ORDER:
            return asked
        if via == TARGET:
            return asked - self._amounts[column]
        if not self._sized or via == TARGET_PERCENT:
            self._size(via)
        unit = self._closes[column] * self._multipliers[column]
        if not (unit > NEXT_TO_NOTHING or unit < -NEXT_TO_NOTHING):
            return math.nan
        shares: float = (asked if via in (VALUE, TARGET_VALUE) else asked * self.equity) / unit
        return shares - self._amounts[column] if via in (TARGET_VALUE, TARGET_PERCENT) else shares

    def _list(self, session: int) -> None:
        """Find what is listed in a session, and over which sessions that stays the same."""
        starts, ends = self._finder.start, self._finder.orderable_to
        self.listed = ((starts <= session) & (session <= ends)).tolist()
        changes = np.concatenate([starts, ends + 1])
        self._listed_from = int(changes.max(initial=NEVER, where=changes <= session))
        self._listed_until = int(changes.min(initial=FOREVER, where=changes > session))

    def _size(self, via: int) -> None:
        """Take the prices and the portfolio value that the orders of this bar are sized by; prepare it for many."""
        if not self._sized:
            self._closes = self.data.known
            self.equity = self._ledger.equity
            self._sized = True
            asked = self.blotter.count - self._count_before if self._prepared else self._asked
            self._asked, self._prepared = 0, False
            if asked >= self._many:
                self._prepare()
        self._asked += via == TARGET_PERCENT
        if self._asked == self._many and not self._prepared:
            self._prepare()

    def _prepare(self) -> None:
        """Prepare the bar for many orders."""
        if self._controls.trading:
            return
        finder, numbers = self._finder, self._numbers
        quotes, session = self._prices.quotes(self.data.end), self._moment.session
        sizing.prepared(self._ledger.book.table, quotes, finder.start, finder.orderable_to, session, numbers)
        self.unit, self.held = numbers[0].data, numbers[1].data
        self._prepared = True
        self._count_before = self.blotter.count

    def _orderable(self, asset: Asset, via: int) -> int:
        """Return the asset's column, NOWHERE when it is past its life; refuse a wrong moment and what is no asset.

        This and the next three run once an order: hence the plain lists, and the memoryviews over arrays, which give a
        number at half the price.
        """
        if self.opened != self.data.now:
            self.open_page(via)
        try:
            column = asset.column
            known = self.assets[column] is asset
        except (AttributeError, TypeError, IndexError):
            known = False
        if not known:
            column = self._column(asset)
        if self._moment.session > self._lives_to[column]:
            self._past_its_life(asset, column, via)
            return NOWHERE
        return column

    def _past_its_life(self, asset: Asset, column: int, via: int) -> None:
        """Say that nothing is ordered of an asset that has ended."""
        ended = "the contract has ended" if self._finder.cash_settled[column] else "the asset was delisted"
        closed = f"{asset.auto_close_date:%Y-%m-%d}"
        self._log.warning("no order for %s: %s; a position is closed on %s", asset, ended, closed)
        self.blotter.note("not placed", column, np.nan, 0, 0, f"{VERBS[via]}: {ended}")

    def _column(self, asset: Asset) -> int:
        """Return the column of an asset; refuse what is none."""
        if isinstance(asset, ContinuousFuture):
            raise CannotOrderContinuousFuture(asset, self._contracts.current(asset, self._moment.session))
        if not isinstance(asset, Asset):
            raise UnsupportedOrderParameters(f"asset was {asset!r}; orders take an Asset: use symbol('…') or sid(…).")
        return self._finder.column(asset)

    def _shares(self, column: int, value: float) -> float:
        """Return `value` in shares at the last known price; 0 past the asset's life, when nothing is ordered."""
        if column == NOWHERE:
            return 0.0
        price: float = self._closes[column]
        if price != price:
            price = self._last_price(column)
        unit = price * self._multipliers[column]
        return value / unit if unit > NEXT_TO_NOTHING or unit < -NEXT_TO_NOTHING else 0.0

    def _last_price(self, column: int) -> float:
        """Return the last known price of an asset that does not trade in this bar; refuse when there is none."""
        end, session = self._moment.end, self._moment.session
        price = float(self._prices.last_known(np.array([column]), end, session)[0])
        if np.isnan(price):
            listed = session >= self._finder.start[column]
            asset = self._finder.asset_at(column)
            raise CannotOrderDelistedAsset(asset, "has not traded yet" if listed else "is not listed yet")
        return price

    def _place(
        self, column: int, via: int, asked: float, shares: float, limit_price: Any, stop_price: Any, style: Any
    ) -> str | None:
        """Hand shares to the blotter, which rounds them; return the order's id, or None when there is nothing to order.

        asked: the argument of the verb `via`.
        """
        if self._controls.trading and column != NOWHERE:
            self.check_controls(column, _whole(shares))
        if limit_price is not None or stop_price is not None or style is not None:
            return self.place_priced(column, via, asked, shares, limit_price, stop_price, style)
        if LEAST_SALE < shares < LEAST_CUT:
            return None
        listed = column != NOWHERE and self._moment.session >= self._lives_from[column]
        if not ((listed and TOO_MANY_SOLD < shares < TOO_MANY) or self._may_place(column, shares)):
            return None
        name = self.blotter.place(via, column, shares, asked)
        self.head, self.tail = self.blotter.names.head, self.blotter.names.tail
        return name

    def place_priced(
        self, column: int, via: int, asked: float, shares: float, limit_price: Any, stop_price: Any, style: Any
    ) -> str | None:
        """Hand shares with a limit or a stop to the blotter; as _place()."""
        wanted = None if style is None else style_alone(style, limit_price, stop_price)
        limit, stop = (math.nan, math.nan) if wanted is not None else plain_prices(limit_price, stop_price)
        if LEAST_SALE < shares < LEAST_CUT or not self._may_place(column, shares):
            return None
        tick = self.assets[column].tick_size
        if wanted is None:
            limit, stop = on_tick(limit, stop, shares > 0, tick, self.exact_prices)
        else:
            limit, stop = wanted.prices_for(shares > 0, tick, self.exact_prices)
        return self.blotter.place_priced(via, column, shares, asked, limit, stop)

    def check_controls(self, column: int, amount: int) -> None:
        """Ask the trading controls whether whole shares may be ordered."""
        asset, held = self._finder.asset_at(column), self._amounts[column]

        def price() -> float:
            moment = self._moment
            return float(self._prices.last_known(np.array([column]), moment.end, moment.session)[0])

        for problem in self._controls.check_order(Proposed(asset, amount, held, self._moment.now, price)):
            ordinal = self.blotter.count if amount else NO_ORDER
            self.blotter.note("controlled", column, amount, amount, amount, problem, ordinal)

    def _may_place(self, column: int, shares: float) -> bool:
        """Return whether an order of a share or more may be placed; refuse a number that no order can have."""
        if not TOO_MANY_SOLD < shares < TOO_MANY:
            amount = _whole(shares)
            if column != NOWHERE:
                raise BadOrderParameters(f"amount was {amount} shares; an order has at most {MOST_SHARES:,}.")
        if column == NOWHERE:
            return False
        if self._moment.session >= self._lives_from[column]:
            return True
        asset = self._finder.asset_at(column)
        self._log.warning("no order for %s: it is listed from %s on", asset, f"{asset.start_date:%Y-%m-%d}")
        self.blotter.note("not placed", column, _whole(shares), 0, 0, "the asset is not listed yet")
        return False


def _said(via: int, asked: Any) -> str:
    """Return the words for what a verb was asked: "order_value: value was nan"."""
    found = f"{type(asked).__name__} of {asked.size}" if getattr(asked, "ndim", 0) else reprlib.repr(asked)
    return f"{VERBS[via]}: {ASKED.get(via, 'amount')} was {found}"


def _number(via: int, asked: Any) -> float:
    """Return what a verb was asked as a float: a number of any make, or an array or Series that holds one."""
    if isinstance(asked, float):
        return float(asked)
    try:
        return float((asked.item() if getattr(asked, "size", 0) == 1 else asked) + 0)
    except (TypeError, ValueError, OverflowError, AttributeError):
        raise BadOrderParameters(f"{_said(via, asked)}; it must be one finite number.") from None


def _whole(shares: float) -> int:
    """Return shares rounded to whole ones; refuse what is not finite."""
    try:
        return sizing.whole_shares(shares)
    except (ValueError, OverflowError):
        raise BadOrderParameters(f"amount was {shares}; it must be finite. Look at what it was made from.") from None
