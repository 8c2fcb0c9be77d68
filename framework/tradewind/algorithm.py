"""The running algorithm: the user's functions, what they share (context), and the verbs they call.

Every order verb does the same three things: turn the intention into whole shares (sizing.py), check that it may be
ordered now, and hand it to the blotter. Nothing is filled and no money moves here.
"""

from __future__ import annotations

import datetime as dt
import warnings
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any

import numpy as np
import pandas as pd

from tradewind import sizing
from tradewind.bar_data import BarData
from tradewind.blotter import BY_ALGORITHM, NO_ORDER, VERBS, Blotter
from tradewind.clock import Clock
from tradewind.continuous import Contracts, bar_data_of
from tradewind.controls import Controls, Proposed
from tradewind.errors import (
    BadOrderParameters,
    BadParameter,
    CannotOrderContinuousFuture,
    CannotOrderDelistedAsset,
    OnlyDuringInitialize,
    OrderDuringInitialize,
    OrderInBeforeTradingStart,
    UnsupportedOrderParameters,
)
from tradewind.ledger import Ledger
from tradewind.log import AlgorithmLog
from tradewind.minute_prices import MinutePrices
from tradewind.orders import ExecutionStyle, Order, order_id, ordinal_of, style_of
from tradewind.portfolio import Account, Portfolio
from tradewind.prices import Prices
from tradewind.rebalance import Rebalancer
from tradewind.recorder import Recorder
from tradewind.schedule import (
    DateRule,
    Scheduled,
    TimeRule,
    calendars,
    date_rules,
    once_in_24_hours,
    time_rules,
)
from tradewind.settings import Settings
from tradewind.sizing import LEAST_CUT
from tradewind_data.assets import Asset, AssetFinder
from tradewind_data.contracts import ContinuousFuture

ORDER, VALUE, PERCENT, TARGET, TARGET_VALUE, TARGET_PERCENT = range(6)  # places in VERBS
BATCH = VERBS.index("batch_market_order")
MOST_SHARES = 100_000_000_000
TOO_MANY = MOST_SHARES + sizing.LEAST_CUT  # unrounded shares: what is below this is at most MOST_SHARES once rounded
NOWHERE = -1  # stands for the column of an asset that cannot be ordered any more
NEVER = -2  # stands for the bar of the last quotes before there are any; a run's first `end` may be −1
NEXT_TO_NOTHING = 1e-6  # a price this small gives no number of shares


class Phase(Enum):
    """Where in its life the algorithm is; what may be called depends on it."""

    INITIALIZE = "initialize"
    BEFORE_OPEN = "before_trading_start"
    TRADING = "trading"
    DONE = "done"


@dataclass(frozen=True)
class UserFunctions:
    """The functions of a user's program; all but initialize may be missing."""

    initialize: Callable[[Any], Any] | None = None
    handle_data: Callable[[Any, BarData], Any] | None = None
    before_trading_start: Callable[[Any, BarData], Any] | None = None
    analyze: Callable[[Any, pd.DataFrame], Any] | None = None


@dataclass(frozen=True)
class Market:
    """What the algorithm may look things up in: the assets, their prices and the sessions of the run."""

    finder: AssetFinder
    prices: Prices | MinutePrices
    clock: Clock

    @property
    def daily_bars(self) -> Any:
        """The reader of the daily bars."""
        return (self.prices.daily if isinstance(self.prices, MinutePrices) else self.prices).reader


class Context:
    """What the user's functions share: any attribute may be set; portfolio and account are always there.

    API functions can be called as methods, too.
    """

    portfolio: Portfolio
    account: Account

    def __init__(self, algorithm: Algorithm) -> None:
        self._algorithm = algorithm

    def __getattr__(self, name: str) -> Any:
        """Return a verb of the API for a name the user did not set."""
        algorithm = self.__dict__.get("_algorithm")
        rooms = () if algorithm is None or name.startswith("_") else algorithm.rooms
        for room in rooms:
            if hasattr(room, name):
                return getattr(room, name)
        raise AttributeError(f"context has no attribute {name!r}: set it in initialize, as context.{name} = …")


class Algorithm:
    """One user program in one run."""

    def __init__(
        self, functions: UserFunctions, market: Market, ledger: Ledger, blotter: Blotter, recorder: Recorder
    ) -> None:
        self.functions, self.market = functions, market
        self.ledger, self.blotter, self.recorder = ledger, blotter, recorder
        sessions = market.clock.sessions
        self.contracts = Contracts(market.finder, sessions, market.daily_bars)
        self.data = bar_data_of(market.prices, market.finder, sessions, self.contracts)
        self.phase = Phase.INITIALIZE
        self.end = self.session = market.clock.first
        self.now = market.clock.label(market.clock.first)
        self.scheduled: list[tuple[Scheduled, np.ndarray]] = []
        self.once_in_24_hours, self.once_a_day, self.exact_prices = False, False, True
        self.equity = ledger.equity
        self.log = AlgorithmLog(lambda: self.now)
        self.context = Context(self)
        self.context.portfolio = Portfolio(ledger, market.finder, sessions.index[market.clock.first])
        self.context.account = self.account = Account(ledger)
        self.settings = Settings(self._only_in_initialize, blotter, market.finder, market.clock, ledger.starting_cash)
        self.controls = Controls(self._only_in_initialize, self.log, self.data.restrictions, self.now)
        self.rooms = self, self.settings, self.controls, self.contracts
        self.rebalancer = Rebalancer(
            market.finder, market.prices, ledger, blotter, recorder, self.data.tradable, self.log
        )
        self._trading_controls = self.controls.trading
        self._assets = market.finder.assets
        self._lives_from = market.finder.start.tolist()
        self._lives_to = market.finder.orderable_to.tolist()
        self._amounts, self._multipliers = ledger.book.amount.data, ledger.book.multiplier.tolist()
        self._quoted = NEVER
        self._closes = ledger.book.last_price.data

    def move_to(self, phase: Phase, end: int, session: int, now: int) -> None:
        """Move to a moment: `end` is the last session whose bar is known, `session` today's, `now` the time."""
        self.phase, self.end, self.session, self.now = phase, end, session, now
        self._quoted = NEVER
        self.data.move_to(end, session, now)
        self.blotter.move_to(now)

    def _quote(self, verb: str) -> None:
        """Take the prices and the portfolio value that the orders of this bar are sized by, if it is time to order."""
        self._check_may_order(verb)
        self._closes = self.market.prices.quotes(self.end).data
        self.equity = self.ledger.equity
        self._quoted = self.end

    def run_bar(self) -> None:
        """Run the user's functions of one bar: handle_data, then the scheduled ones in the order scheduled."""
        if self.functions.handle_data is not None:
            self.functions.handle_data(self.context, self.data)
        for scheduled, on in self.scheduled:
            if on[self.session]:
                scheduled.function(self.context, self.data)

    @property
    def acts_every_session(self) -> bool:
        """Whether something happens in every session, whatever is scheduled: functions, account controls, money due."""
        functions = self.functions
        always = functions.handle_data or functions.before_trading_start or self.controls.account
        return bool(always) or self.settings.financing is not None or self.settings.margin is not None

    def due(self, session: int, bars: range) -> dict[int, list[Any]]:
        """Return the functions due in a session of a minute run, by the bar they run at, in the order scheduled."""
        found: dict[int, list[Any]] = {}
        for scheduled, on in self.scheduled:
            if on[session]:
                for minute in scheduled.time_rule.minutes_of(len(bars)):
                    found.setdefault(bars[minute], []).append(scheduled.function)
        return found

    def scheduled_sessions(self) -> np.ndarray:
        """Return bool[S]: the sessions in which a scheduled function runs."""
        none = np.zeros(len(self.market.clock.sessions), dtype=bool)
        return np.logical_or.reduce([none, *(on for _, on in self.scheduled)])

    # ---------------------------------------------------------------- settings

    def _only_in_initialize(self, function: str) -> None:
        if self.phase is not Phase.INITIALIZE:
            raise OnlyDuringInitialize(function)

    def schedule_function(
        self,
        func: Callable[[Any, Any], Any],
        date_rule: DateRule | None = None,
        time_rule: TimeRule | None = None,
        half_days: bool = True,
        calendar: Any = None,
    ) -> None:
        """Run func(context, data) on the sessions of date_rule at the moment of time_rule."""
        rule = Scheduled(func, date_rule or date_rules.every_day(), time_rule or time_rules.market_open(), half_days)
        if not isinstance(rule.date_rule, DateRule) or not isinstance(rule.time_rule, TimeRule):
            raise BadParameter("schedule_function", (date_rule, time_rule), "a date rule, then a time rule")
        if calendar not in (None, calendars.US_EQUITIES, calendars.US_FUTURES):
            raise BadParameter("schedule_function: calendar", calendar, "calendars.US_EQUITIES or calendars.US_FUTURES")
        sessions = self.market.clock.sessions
        on = rule.sessions(sessions.labels, sessions.early)
        if self.once_in_24_hours:
            on = once_in_24_hours(on, sessions.closes, self.market.clock.first)
        if self.once_a_day and rule.time_rule.minutes is None:
            rule = replace(rule, time_rule=time_rules.market_open())
        self.scheduled.append((rule, on))

    # ---------------------------------------------------------------- looking up

    def sid(self, sid: int) -> Asset:
        """Return the asset of a sid."""
        return self.market.finder.retrieve(sid)

    def symbol(self, symbol_str: str) -> Asset:
        """Return the asset that bears a symbol at the end of the run, or at the symbol lookup date."""
        if not isinstance(symbol_str, str):
            raise BadParameter("symbol", symbol_str, "a string such as 'AAPL'; use sid(…) for a number")
        return self.market.finder.lookup_symbol(symbol_str, self.settings.symbols_as_of)

    def symbols(self, *args: str) -> list[Asset]:
        """Return the assets of several symbols."""
        return [self.symbol(name) for name in args]

    def get_datetime(self, tz: dt.tzinfo | str | None = None) -> pd.Timestamp:
        """Return the simulated time, UTC or in the time zone asked for."""
        now = pd.Timestamp(self.now, tz="UTC")
        return now if tz is None else now.tz_convert(tz)

    def record(self, *args: Any, **kwargs: Any) -> None:
        """Record named values of this session, as keywords or as name, value pairs."""
        if len(args) % 2:
            raise BadParameter("record", args, "keywords, or pairs of a name and a value")
        self.recorder.record({**dict(zip(args[::2], args[1::2], strict=True)), **kwargs})

    def get_order(self, order_id: Any) -> Order | None:
        """Return a snapshot of an order, or None for an unknown id."""
        ordinal = ordinal_of(order_id)
        return self.blotter.snapshot(ordinal) if 0 <= ordinal < self.blotter.count else None

    def get_open_orders(self, asset: Asset | None = None) -> Any:
        """Return the open orders of an asset as a list, or of all assets as a dict asset → list."""
        found: dict[Asset, list[Order]] = {}
        for order in self.blotter.open_snapshots():
            found.setdefault(order.asset, []).append(order)
        return found if asset is None else found.get(asset, [])

    def cancel_order(self, order_param: Any) -> None:
        """Cancel an order, named by its id or by a snapshot; an order that is not open is left as it is."""
        self.blotter.cancel(ordinal_of(order_param), BY_ALGORITHM)

    # ---------------------------------------------------------------- ordering

    def order(
        self, asset: Asset, amount: float, limit_price: Any = None, stop_price: Any = None, style: Any = None
    ) -> str | None:
        """Order signed shares."""
        column = self._orderable(asset, ORDER)
        return self._place(column, ORDER, amount, amount, limit_price, stop_price, style)

    def order_value(
        self, asset: Asset, value: float, limit_price: Any = None, stop_price: Any = None, style: Any = None
    ) -> str | None:
        """Order shares worth `value`."""
        column = self._orderable(asset, VALUE)
        return self._place(column, VALUE, value, self._shares(column, value), limit_price, stop_price, style)

    def order_percent(
        self, asset: Asset, percent: float, limit_price: Any = None, stop_price: Any = None, style: Any = None
    ) -> str | None:
        """Order shares worth a fraction of the portfolio value."""
        column = self._orderable(asset, PERCENT)
        shares = self._shares(column, float(percent * self.equity))
        return self._place(column, PERCENT, percent, shares, limit_price, stop_price, style)

    def order_target(
        self, asset: Asset, target: float, limit_price: Any = None, stop_price: Any = None, style: Any = None
    ) -> str | None:
        """Order the difference between the shares wanted and the shares held."""
        column = self._orderable(asset, TARGET)
        shares = target - self._amounts[column]
        return self._place(column, TARGET, target, shares, limit_price, stop_price, style)

    def order_target_value(
        self, asset: Asset, target: float, limit_price: Any = None, stop_price: Any = None, style: Any = None
    ) -> str | None:
        """Order the difference between shares worth `target` and the shares held."""
        column = self._orderable(asset, TARGET_VALUE)
        shares = self._shares(column, target) - self._amounts[column]
        return self._place(column, TARGET_VALUE, target, shares, limit_price, stop_price, style)

    def order_target_percent(
        self, asset: Asset, target: float, limit_price: Any = None, stop_price: Any = None, style: Any = None
    ) -> str | None:
        """Order the difference between shares worth a fraction of the portfolio value and the shares held."""
        column = self._orderable(asset, TARGET_PERCENT)
        shares = self._shares(column, float(target * self.equity)) - self._amounts[column]
        return self._place(column, TARGET_PERCENT, target, shares, limit_price, stop_price, style)

    def batch_market_order(self, share_counts: Any) -> list[str]:
        """Order signed shares of several assets."""
        self._check_may_order(VERBS[BATCH])
        placed = [self._place(self._orderable(a, BATCH), BATCH, n, n) for a, n in share_counts.items()]
        return [name for name in placed if name is not None]

    def _check_may_order(self, verb: str) -> None:
        """Refuse to order outside trading hours."""
        if self.phase is Phase.INITIALIZE:
            raise OrderDuringInitialize(verb)
        if self.phase is not Phase.TRADING:
            raise OrderInBeforeTradingStart(verb)

    def _orderable(self, asset: Asset, via: int) -> int:
        """Return the asset's column, NOWHERE when it is past its life; refuse a wrong moment and what is no asset.

        This and the next three run once an order, half a million times in a year of a large book: hence the plain
        lists, and the memoryviews over arrays, which give a number at half the price.
        """
        if self._quoted != self.end:
            self._quote(VERBS[via])
        try:
            column = asset.column
            known = self._assets[column] is asset
        except (AttributeError, TypeError, IndexError):
            known = False
        if not known:
            column = self._column(asset)
        if self.session > self._lives_to[column]:
            ended = "the contract has ended" if self.market.finder.cash_settled[column] else "the asset was delisted"
            self.log.warning(
                "no order for %s: %s; a position is closed on %s", asset, ended, f"{asset.auto_close_date:%Y-%m-%d}"
            )
            self.blotter.note("not placed", column, np.nan, 0, 0, f"{VERBS[via]}: {ended}")
            return NOWHERE
        return column

    def _column(self, asset: Asset) -> int:
        """Return the column of an asset; refuse what is none."""
        if isinstance(asset, ContinuousFuture):
            raise CannotOrderContinuousFuture(asset, self.contracts.current(asset, self.session))
        if not isinstance(asset, Asset):
            raise UnsupportedOrderParameters(f"asset was {asset!r}; orders take an Asset: use symbol('…') or sid(…).")
        return self.market.finder.column(asset)

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
        price = float(self.market.prices.last_known(np.array([column]), self.end, self.session)[0])
        if np.isnan(price):
            listed = self.session >= self.market.finder.start[column]
            asset = self.market.finder.asset_at(column)
            raise CannotOrderDelistedAsset(asset, "has not traded yet" if listed else "is not listed yet")
        return price

    def _place(
        self,
        column: int,
        via: int,
        asked: float,
        shares: float,
        limit_price: Any = None,
        stop_price: Any = None,
        style: Any = None,
    ) -> str | None:
        """Hand shares to the blotter, which rounds them; return the order's id, or None when there is nothing to order.

        asked: the argument of the verb `via`.
        """
        if self._trading_controls and column != NOWHERE:
            self._check_controls(column, _whole(shares))
        if limit_price is not None or stop_price is not None or style is not None:
            return self._place_priced(column, via, asked, shares, style_of(style, limit_price, stop_price))
        if -LEAST_CUT < shares < LEAST_CUT:
            return None
        may = -TOO_MANY < shares < TOO_MANY and column != NOWHERE and self.session >= self._lives_from[column]
        if not (may or self._may_place(column, shares)):
            return None
        return order_id(self.blotter.place(column, shares, via, asked, shares))

    def _place_priced(self, column: int, via: int, asked: float, shares: float, style: ExecutionStyle) -> str | None:
        """Hand shares with a limit or a stop to the blotter."""
        if -LEAST_CUT < shares < LEAST_CUT or not self._may_place(column, shares):
            return None
        limit, stop = style.prices_for(shares > 0, self.market.finder.asset_at(column).tick_size, self.exact_prices)
        return order_id(self.blotter.place_priced(column, shares, via, asked, shares, limit, stop))

    def _check_controls(self, column: int, amount: int) -> None:
        """Ask the trading controls whether whole shares may be ordered."""
        asset, held = self.market.finder.asset_at(column), self._amounts[column]

        def price() -> float:
            return float(self.market.prices.last_known(np.array([column]), self.end, self.session)[0])

        for problem in self.controls.check_order(Proposed(asset, amount, held, self.now, price)):
            ordinal = self.blotter.count if amount else NO_ORDER
            self.blotter.note("controlled", column, amount, amount, amount, problem, ordinal)

    def _may_place(self, column: int, shares: float) -> bool:
        """Return whether an order of a share or more may be placed; refuse a number that no order can have."""
        if not -TOO_MANY < shares < TOO_MANY:
            amount = _whole(shares)
            if column != NOWHERE:
                raise BadOrderParameters(f"amount was {amount} shares; an order has at most {MOST_SHARES:,}.")
        if column == NOWHERE:
            return False
        if self.session >= self._lives_from[column]:
            return True
        asset = self.market.finder.asset_at(column)
        self.log.warning("no order for %s: it is listed from %s on", asset, asset.start_date)
        self.blotter.note("not placed", column, _whole(shares), 0, 0, "the asset is not listed yet")
        return False

    # ---------------------------------------------------------------- optimizing

    def current_weights(self) -> pd.Series:
        """Return Series asset → weight of what is held or already ordered, as fractions of the portfolio value."""
        return self.rebalancer.weights(self.end, self.session)

    def order_optimal_portfolio(self, objective: Any, constraints: Any, universe: Any = None) -> pd.Series:
        """Find the optimal portfolio and order the difference to what is held and already ordered."""
        self._check_may_order("order_optimal_portfolio")
        if universe is not None:
            warnings.warn("universe= is not needed any more and is ignored", DeprecationWarning, stacklevel=3)
        check = self._check_controls if self._trading_controls else None
        return self.rebalancer.rebalance(objective, constraints, self.end, self.session, check)


def _whole(shares: float) -> int:
    """Return shares rounded to whole ones; refuse what is not finite."""
    try:
        return sizing.whole_shares(shares)
    except (ValueError, OverflowError):
        raise BadOrderParameters(f"amount was {shares}; it must be finite. Look at what it was made from.") from None


current: ContextVar[Algorithm | None] = ContextVar("tradewind_algorithm", default=None)
"""The algorithm whose code is running; the free functions of api.py act on it."""
