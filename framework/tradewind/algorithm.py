"""The running algorithm: the user's functions, what they share (context), and what they call.

The verbs that order stand in order_pad.py. Nothing is filled and no money moves here.
"""

from __future__ import annotations

import datetime as dt
import warnings
from collections.abc import Callable
from contextlib import suppress
from contextvars import ContextVar
from dataclasses import dataclass, replace
from operator import attrgetter
from typing import Any

import numpy as np
import pandas as pd

from tradewind import verbs
from tradewind.bar_data import BarData
from tradewind.blotter import BY_ALGORITHM, Blotter
from tradewind.clock import Clock
from tradewind.continuous import Contracts, bar_data_of
from tradewind.controls import Controls
from tradewind.errors import BadParameter, OnlyDuringInitialize, RunIsOver
from tradewind.filling import Filling
from tradewind.ledger import Ledger
from tradewind.log import AlgorithmLog
from tradewind.minute_prices import MinutePrices
from tradewind.order_pad import OrderPad, Phase
from tradewind.orders import Order, ordinal_of
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
from tradewind_data.assets import Asset, AssetFinder


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

    API functions can be called as methods, too. There is no __getattr__, which would make every attribute slow to read.
    """

    portfolio: Portfolio
    account: Account

    def __init__(self, algorithm: Algorithm) -> None:
        self._algorithm = algorithm

    @staticmethod
    def advice(error: BaseException) -> str | None:
        """Return what to do about an attribute that a context does not have; None for any other error."""
        if isinstance(error, AttributeError) and isinstance(error.obj, Context):
            return f"context has no attribute {error.name!r}: set it in initialize, as context.{error.name} = …"
        return None


def _one(value: Any) -> Any:
    """Return a value to record: of an array or Series that holds one number, that number."""
    return np.asarray(value).item() if getattr(value, "ndim", 0) and value.size == 1 else value


def _method(path: str) -> Callable[..., Any]:
    """Return a method of Context that calls what an algorithm has at `path`."""
    found = attrgetter(path)

    def call(self: Context, *args: Any, **kwargs: Any) -> Any:
        return found(self._algorithm)(*args, **kwargs)

    call.__name__ = path.rpartition(".")[2]
    return call


OF_ALGORITHM = """
schedule_function sid symbol symbols get_datetime record get_order get_open_orders cancel_order order_optimal_portfolio
settings.set_slippage settings.set_commission settings.set_cancel_policy settings.set_benchmark settings.set_fills
settings.set_financing settings.set_margin settings.set_symbol_lookup_date settings.get_environment
controls.set_max_position_size controls.set_max_order_size controls.set_max_order_count controls.set_long_only
controls.set_asset_date_bounds controls.set_asset_restrictions controls.set_do_not_order_list
controls.set_max_leverage controls.set_min_leverage contracts.future_symbol contracts.continuous_future
"""
for _path in OF_ALGORITHM.split():
    setattr(Context, _path.rpartition(".")[2], _method(_path))
for _name in verbs.__all__:
    setattr(Context, _name, staticmethod(getattr(verbs, _name)))


class Algorithm:
    """One user program in one run."""

    def __init__(
        self,
        functions: UserFunctions,
        market: Market,
        ledger: Ledger,
        blotter: Blotter,
        filling: Filling,
        recorder: Recorder,
    ) -> None:
        self.functions, self.market = functions, market
        self.ledger, self.blotter, self.recorder = ledger, blotter, recorder
        sessions = market.clock.sessions
        self.contracts = Contracts(market.finder, sessions, market.daily_bars)
        self.data = bar_data_of(market.prices, market.finder, sessions, self.contracts)
        self.phase = Phase.INITIALIZE
        self.session = market.clock.first
        self.data.now = market.clock.label(market.clock.first)
        self.scheduled: list[tuple[Scheduled, np.ndarray]] = []
        self.once_in_24_hours, self.once_a_day = False, False
        self._due: dict[int, list[Any]] = {}  # today, in a minute run: time → functions
        self._stamps = range(0)
        self.log = AlgorithmLog(lambda: self.now)
        self.context = Context(self)
        self.context.portfolio = Portfolio(ledger, market.finder, sessions.index[market.clock.first])
        self.context.account = self.account = Account(ledger)
        ledger.priced_at = self._priced_at
        self.settings = Settings(
            self._only_in_initialize, blotter, filling, market.finder, market.clock, ledger.starting_cash
        )
        self.controls = Controls(self._only_in_initialize, self.log, self.data.restrictions, self.now)
        self.pad = OrderPad(
            self, self.data, market.finder, market.prices, ledger, blotter, self.controls, self.contracts, self.log
        )
        self.rebalancer = Rebalancer(
            market.finder, market.prices, ledger, blotter, recorder, self.data.tradable, self.log
        )

    @property
    def end(self) -> int:
        """The last bar that is known, a session or a minute."""
        return self.data.end

    @property
    def now(self) -> int:
        """The time, ns UTC."""
        return self.data.now

    def _priced_at(self, column: int) -> int | None:
        """Return when the price of a holding was last looked up, ns UTC; None when it never had one."""
        market, last = self.market, int(self.market.finder.end[column])
        if market.prices.last_traded(np.array([column]), self.end)[0] == np.iinfo(np.int64).min:
            return None
        return self.now if self.session <= last else market.clock.close(last)

    def move_to(self, phase: Phase, end: int, session: int, now: int) -> None:
        """Move to a moment: `end` is the last session whose bar is known, `session` today's, `now` the time."""
        self.phase, self.session = phase, session
        self.pad.turn()
        self.data.move_to(end, session, now)
        self.blotter.move_to(now)

    def to_session(self, session: int, now: int, quotes: np.ndarray) -> None:
        """Move to the one bar of a session in a daily run, whose closes are the quotes (float64[N])."""
        self.phase, self.session = Phase.TRADING, session
        self.pad.turn()
        self.data.to_session(session, now, quotes)
        self.blotter.move_to(now)

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

    def due(self, session: int, stamps: range) -> dict[int, list[Any]]:
        """Return the functions due in a session of a minute run, by the time they run at, in the order scheduled.

        What is scheduled while the session runs is added, for the minutes from then on.
        """
        self._due, self._stamps = {}, stamps
        for scheduled, on in self.scheduled:
            if on[session]:
                self._falls_due(scheduled, stamps[0])
        return self._due

    def _falls_due(self, scheduled: Scheduled, since: int) -> None:
        """Note when a function runs today, at a time or after it (ns UTC)."""
        for minute in scheduled.time_rule.minutes_of(len(self._stamps)):
            if self._stamps[minute] >= since:
                self._due.setdefault(self._stamps[minute], []).append(scheduled.function)

    def scheduled_sessions(self) -> np.ndarray:
        """Return bool[S]: the sessions in which a scheduled function runs."""
        none = np.zeros(len(self.market.clock.sessions), dtype=bool)
        return np.logical_or.reduce([none, *(on for _, on in self.scheduled)])

    # ---------------------------------------------------------------- settings

    def _only_in_initialize(self, function: str) -> None:
        if self.phase is not Phase.INITIALIZE:
            raise OnlyDuringInitialize(function)

    def _while_running(self, function: str) -> None:
        if self.phase is Phase.DONE:
            raise RunIsOver(function)

    def schedule_function(
        self,
        func: Callable[[Any, Any], Any],
        date_rule: DateRule | None = None,
        time_rule: TimeRule | None = None,
        half_days: bool = True,
        calendar: Any = None,
    ) -> None:
        """Run func(context, data) on the sessions of date_rule at the moment of time_rule."""
        self._while_running("schedule_function")
        if isinstance(date_rule, TimeRule) and time_rule is None:
            warnings.warn(f"{date_rule!r} is no date rule: write time_rule={date_rule!r}", UserWarning, stacklevel=3)
            date_rule, time_rule = None, date_rule
        rule = Scheduled(func, date_rule or date_rules.every_day(), time_rule or time_rules.market_open(), half_days)
        rule.check()
        if calendar not in (None, calendars.US_EQUITIES, calendars.US_FUTURES):
            raise BadParameter("schedule_function: calendar", calendar, "calendars.US_EQUITIES or calendars.US_FUTURES")
        sessions = self.market.clock.sessions
        on = rule.sessions(sessions.labels, sessions.early)
        if self.once_in_24_hours:
            on = once_in_24_hours(on, sessions.closes, self.market.clock.first)
        if self.once_a_day and rule.time_rule.minutes is None:
            rule = replace(rule, time_rule=time_rules.market_open())
        self.scheduled.append((rule, on))
        if self.phase is Phase.TRADING and self.market.clock.by_minute and on[self.session]:
            self._falls_due(rule, self.now)

    # ---------------------------------------------------------------- looking up

    def sid(self, sid: int) -> Asset:
        """Return the asset of a sid."""
        whole = isinstance(sid, int | np.integer | Asset) or (isinstance(sid, float) and sid.is_integer())
        if not whole:
            raise BadParameter("sid", sid, "a whole number; use symbol('…') for a name")
        return self.market.finder.retrieve(sid)

    def symbol(self, symbol_str: str, country_code: str | None = None) -> Asset:
        """Return the asset that bears a symbol at the end of the run, or at the symbol lookup date."""
        if not isinstance(symbol_str, str):
            raise BadParameter("symbol", symbol_str, "a string such as 'AAPL'; use sid(…) for a number")
        return self.market.finder.lookup_symbol(symbol_str, self.settings.symbols_as_of)

    def symbols(self, *args: str, country_code: str | None = None) -> list[Asset]:
        """Return the assets of several symbols."""
        return [self.symbol(name) for name in args]

    def get_datetime(self, tz: dt.tzinfo | str | None = None) -> pd.Timestamp:
        """Return the simulated time, UTC or in the time zone asked for."""
        now = pd.Timestamp(self.now, tz="UTC")
        if tz is None:
            return now
        if isinstance(tz, str | dt.tzinfo):
            with suppress(KeyError, ValueError):  # what zoneinfo raises for a name it does not know
                return now.tz_convert(tz)
        raise BadParameter("get_datetime: tz", tz, "a time zone, such as 'US/Eastern'")

    def record(self, *args: Any, **kwargs: Any) -> None:
        """Record named values of this session, as keywords or as name, value pairs."""
        self._while_running("record")
        if len(args) % 2:
            raise BadParameter("record", args, "keywords, or pairs of a name and a value")
        values = {**dict(zip(args[::2], args[1::2], strict=True)), **kwargs}
        self.recorder.record({name: _one(value) for name, value in values.items()})

    def get_order(self, order_id: Any) -> Order | None:
        """Return a snapshot of an order, or None for an unknown id."""
        ordinal = ordinal_of(order_id)
        return self.blotter.snapshot(ordinal) if 0 <= ordinal < self.blotter.count else None

    def get_open_orders(self, asset: Asset | None = None) -> Any:
        """Return the open orders of an asset as a list, or of all assets as a dict asset → list."""
        found: dict[Asset, list[Order]] = {}
        for order in self.blotter.open_snapshots():
            found.setdefault(order.asset, []).append(order)
        if asset is None:
            return found
        if not isinstance(asset, Asset | int | np.integer):
            raise BadParameter("get_open_orders: asset", asset, "an Asset, from symbol('…') or sid(…), or None for all")
        return found.get(asset, [])

    def cancel_order(self, order_param: Any) -> None:
        """Cancel an order, named by its id or by a snapshot; an order that is not open is left as it is."""
        self._while_running("cancel_order")
        self.blotter.cancel(ordinal_of(order_param), BY_ALGORITHM)

    # ---------------------------------------------------------------- optimizing

    def current_weights(self) -> pd.Series:
        """Return Series asset → weight of what is held or already ordered, as fractions of the portfolio value."""
        return self.rebalancer.weights(self.end, self.session)

    def order_optimal_portfolio(self, objective: Any, constraints: Any, universe: Any = None) -> pd.Series:
        """Find the optimal portfolio and order the difference to what is held and already ordered."""
        self.pad.check_may_order("order_optimal_portfolio")
        if universe is not None:
            warnings.warn("universe= is not needed any more and is ignored", DeprecationWarning, stacklevel=3)
        check = self.pad.check_controls if self.controls.trading else None
        return self.rebalancer.rebalance(objective, constraints, self.end, self.session, check)


current: ContextVar[Algorithm | None] = ContextVar("tradewind_algorithm", default=None)
"""The algorithm whose code is running; the free functions of api.py act on it."""
