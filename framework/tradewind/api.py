"""The algorithm API as free functions: they act on the algorithm whose code is running.

    from tradewind.api import order_target_percent, record, schedule_function, symbol

The same names are present without import in files run by `tradewind run`.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

import pandas as pd

from tradewind import cancel_policy, commission, margin, slippage
from tradewind import orders as execution
from tradewind.algorithm import Algorithm, current
from tradewind.bar_data import BarData
from tradewind.cancel_policy import CancelPolicy, EODCancel, NeverCancel
from tradewind.errors import NoRunningAlgorithm
from tradewind.log import AlgorithmLog
from tradewind.orders import LimitOrder, MarketOrder, Order, StopLimitOrder, StopOrder
from tradewind.restrictions import RESTRICTION_STATES, HistoricalRestrictions, Restriction, StaticRestrictions
from tradewind.schedule import DateRule, TimeRule, calendars, date_rules, time_rules
from tradewind.slippage import FixedBasisPointsSlippage, FixedSlippage, VolumeShareSlippage
from tradewind.verbs import (
    batch_market_order,
    order,
    order_percent,
    order_target,
    order_target_percent,
    order_target_value,
    order_value,
)
from tradewind_data.assets import Asset
from tradewind_data.contracts import ContinuousFuture
from tradewind_optimize.entry import calculate_optimal_portfolio, run_optimization

__all__ = [
    "RESTRICTION_STATES",
    "EODCancel",
    "FixedBasisPointsSlippage",
    "FixedSlippage",
    "HistoricalRestrictions",
    "LimitOrder",
    "MarketOrder",
    "NeverCancel",
    "Restriction",
    "StaticRestrictions",
    "StopLimitOrder",
    "StopOrder",
    "VolumeShareSlippage",
    "batch_market_order",
    "calculate_optimal_portfolio",
    "calendars",
    "cancel_order",
    "cancel_policy",
    "commission",
    "continuous_future",
    "date_rules",
    "execution",
    "future_symbol",
    "get_datetime",
    "get_environment",
    "get_open_orders",
    "get_order",
    "log",
    "margin",
    "order",
    "order_optimal_portfolio",
    "order_percent",
    "order_target",
    "order_target_percent",
    "order_target_value",
    "order_value",
    "record",
    "run_optimization",
    "schedule_function",
    "set_asset_date_bounds",
    "set_asset_restrictions",
    "set_benchmark",
    "set_cancel_policy",
    "set_commission",
    "set_do_not_order_list",
    "set_fills",
    "set_financing",
    "set_long_only",
    "set_margin",
    "set_max_leverage",
    "set_max_order_count",
    "set_max_order_size",
    "set_max_position_size",
    "set_min_leverage",
    "set_slippage",
    "set_symbol_lookup_date",
    "sid",
    "slippage",
    "symbol",
    "symbols",
    "time_rules",
]


def _running(function: str, instead: str = "") -> Algorithm:
    """Return the algorithm whose code is running; refuse outside a run."""
    algorithm = current.get()
    if algorithm is None:
        raise NoRunningAlgorithm(function, instead)
    return algorithm


def _now() -> int | None:
    algorithm = current.get()
    return None if algorithm is None else algorithm.now


log = AlgorithmLog(_now)
"""The algorithm's log: log.info("bought %s", asset) prints the simulated time before the message."""


def schedule_function(
    func: Callable[[Any, BarData], Any],
    date_rule: DateRule | None = None,
    time_rule: TimeRule | None = None,
    half_days: bool = True,
    calendar: Any = None,
) -> None:
    """Run func(context, data) on the sessions of `date_rule` (every session) at the moment of `time_rule` (the open).

    half_days=False leaves out sessions that close early. In daily mode all times mean the session's one bar. `calendar`
    (calendars.US_EQUITIES or US_FUTURES) is accepted and changes nothing: a bundle has one calendar.
    """
    _running("schedule_function").schedule_function(func, date_rule, time_rule, half_days, calendar)


def set_slippage(us_equities: Any = None, us_futures: Any = None) -> None:
    """Use these slippage models; only in initialize. Default for equities: FixedBasisPointsSlippage(5, 0.1)."""
    _running("set_slippage").settings.set_slippage(us_equities, us_futures)


def set_commission(us_equities: Any = None, us_futures: Any = None) -> None:
    """Use these commission models; only in initialize. Default for equities: PerShare(0.001), no minimum."""
    _running("set_commission").settings.set_commission(us_equities, us_futures)


def set_cancel_policy(cancel_policy: CancelPolicy) -> None:
    """Say what a session's end does to open orders: NeverCancel() (the default) or EODCancel(); only in initialize."""
    _running("set_cancel_policy").settings.set_cancel_policy(cancel_policy)


def set_benchmark(benchmark: Asset | pd.Series) -> None:
    """Compare the run with an asset, or with a Series of daily returns; only in initialize."""
    _running("set_benchmark").settings.set_benchmark(benchmark)


def set_fills(price: str = "close", triggers: str = "close") -> None:
    """Fill orders from the bar's "close" or "open", and reach limits and stops by the "close" or the bar's "range".

    With price="open" an order fills at the next bar's open. With triggers="range" a limit is reached when the bar's low
    (for a sell, its high) gets there, and fills at the limit or at a better open; a stop likewise at the stop or a
    worse open. Slippage comes on top, never beyond a limit. Only in initialize; the defaults are the original engine's.
    """
    _running("set_fills").settings.set_fills(price, triggers)


def set_financing(
    cash_rate: float = 0.0, debit_rate: float = 0.0, borrow_fee: Any = 0.0, day_count: float = 360.0
) -> None:
    """Earn cash_rate on positive cash, pay debit_rate on negative cash and borrow_fee on short positions.

    Annual fractions (0.03 = 3 %) for each calendar day, booked at the start of the next session; borrow_fee is one
    rate, or a dict asset → rate (others are free). Only in initialize; without it nothing is earned or paid.
    """
    _running("set_financing").settings.set_financing(cash_rate, debit_rate, borrow_fee, day_count)


def set_margin(model: Any, on_call: str = "liquidate", on_order: str = "reject") -> None:
    """Ask for margin: a model such as margin.RegT() says how much equity positions need to be opened and held.

    on_order: "reject" rejects orders that would need more initial margin than there is equity; "allow" does not look.
    on_call: at the end of a session in which the maintenance margin is more than the equity, "liquidate" cuts every
    position in the next bar until the equity is enough to open it, "record" only records it, "stop" ends the run.
    Without set_margin nothing is required.
    """
    _running("set_margin").settings.set_margin(model, on_call, on_order)


def set_symbol_lookup_date(dt: Any) -> None:
    """Look symbols up as of this date from now on, instead of the end of the run: symbols change hands."""
    _running("set_symbol_lookup_date").settings.set_symbol_lookup_date(dt)


def set_max_position_size(
    asset: Asset | None = None,
    max_shares: float | None = None,
    max_notional: float | None = None,
    on_error: str = "fail",
) -> None:
    """Limit |held + ordered| shares, or their value at the last known price, in one asset or (None) in each.

    Open orders do not count. All trading controls look at an order after rounding, orders of 0 shares included.
    on_error="fail" raises TradingControlViolation; "log" logs the violation and places the order all the same. Only in
    initialize.
    """
    controls = _running("set_max_position_size").controls
    controls.set_max_position_size(asset, max_shares, max_notional, on_error)


def set_max_order_size(
    asset: Asset | None = None,
    max_shares: float | None = None,
    max_notional: float | None = None,
    on_error: str = "fail",
) -> None:
    """Limit |shares| of one order, or their value at the last known price; as set_max_position_size()."""
    _running("set_max_order_size").controls.set_max_order_size(asset, max_shares, max_notional, on_error)


def set_max_order_count(max_count: int, on_error: str = "fail") -> None:
    """Allow at most max_count orders a day (UTC); as set_max_position_size()."""
    _running("set_max_order_count").controls.set_max_order_count(max_count, on_error)


def set_long_only(on_error: str = "fail") -> None:
    """Forbid orders after which the shares held would be negative; as set_max_position_size()."""
    _running("set_long_only").controls.set_long_only(on_error)


def set_asset_date_bounds(on_error: str = "fail") -> None:
    """Forbid orders before an asset's start date and after its end date; as set_max_position_size()."""
    _running("set_asset_date_bounds").controls.set_asset_date_bounds(on_error)


def set_asset_restrictions(restrictions: Any, on_error: str = "fail") -> None:
    """Forbid orders in restricted assets, for which data.can_trade is False from then on.

    restrictions: StaticRestrictions, HistoricalRestrictions, a Restrictions of your own, a SecurityList, or assets.
    Several calls add up. on_error as in set_max_position_size(); only in initialize.
    """
    _running("set_asset_restrictions").controls.set_asset_restrictions(restrictions, on_error)


def set_do_not_order_list(restricted_list: Any, on_error: str = "fail") -> None:
    """Forbid orders in these assets: set_asset_restrictions() under its older name."""
    _running("set_do_not_order_list").controls.set_do_not_order_list(restricted_list, on_error)


def set_max_leverage(max_leverage: float) -> None:
    """End the run with AccountControlViolation when gross leverage ends a session above max_leverage."""
    _running("set_max_leverage").controls.set_max_leverage(max_leverage)


def set_min_leverage(min_leverage: float, grace_period: Any) -> None:
    """End the run with AccountControlViolation when gross leverage ends a session below min_leverage.

    grace_period: a timedelta or offset from the start of the run, during which any leverage will do.
    """
    _running("set_min_leverage").controls.set_min_leverage(min_leverage, grace_period)


def sid(sid: int) -> Asset:
    """Return the asset of a sid. Raises SidNotFound."""
    return _running("sid").sid(sid)


def symbol(symbol_str: str, country_code: str | None = None) -> Asset:
    """Return the asset that bears a symbol at the end of the run, or on set_symbol_lookup_date()'s day.

    `country_code` is accepted and changes nothing: a bundle has one market. Raises SymbolNotFound with the nearest
    symbols.
    """
    return _running("symbol").symbol(symbol_str, country_code)


def future_symbol(symbol: str) -> Asset:
    """Return the futures contract with that symbol, such as 'CLF21'."""
    return _running("future_symbol").contracts.future_symbol(symbol)


def continuous_future(
    root_symbol_str: str, offset: int = 0, roll: str = "volume", adjustment: str | None = "mul"
) -> ContinuousFuture:
    """Return the contract at a place of a root's chain, whichever that is at the moment: for data, not for orders.

    offset: 0 the primary contract, 1 the next. roll: "volume" or "calendar", when the primary contract changes.
    adjustment: "mul" or "add" joins the contracts of a history by the ratio, or difference, of their closes before a
    roll; None leaves them as they are. docs/futures.md has the rules.
    """
    return _running("continuous_future").contracts.continuous_future(root_symbol_str, offset, roll, adjustment)


def symbols(*args: str, country_code: str | None = None) -> list[Asset]:
    """Return the assets of several symbols, in the order given; `country_code` as in symbol()."""
    return _running("symbols").symbols(*args, country_code=country_code)


def get_datetime(tz: dt.tzinfo | str | None = None) -> pd.Timestamp:
    """Return the simulated time: aware, in UTC or in the time zone asked for."""
    return _running("get_datetime").get_datetime(tz)


def get_environment(field: str = "platform") -> Any:
    """Return a fact of the run, or all of them as a dict ("*").

    arena "backtest", data_frequency "daily" or "minute", start (the first session's first minute) and end (the last
    close) as UTC times, capital_base in currency, platform "tradewind".
    """
    return _running("get_environment").settings.get_environment(field)


def record(*args: Any, **kwargs: Any) -> None:
    """Record named numbers of this session: record(leverage=1.2) or record("leverage", 1.2, "names", 7).

    A name keeps its last value on the sessions that follow. Raises ReservedRecordName for a performance column's name.
    """
    _running("record").record(*args, **kwargs)


def order_optimal_portfolio(objective: Any, constraints: Any, universe: Any = None) -> pd.Series:
    """Find the portfolio that is best by `objective` among those that satisfy all `constraints`, and order toward it.

    Current weights, for the constraints and for the difference to order, are positions plus open orders at the last
    known prices, as fractions of the portfolio value. Target shares are w·value/(price·multiplier), snapped to the
    nearest integer within 1e-4 and else cut toward zero. Assets that cannot trade today are frozen, with a log line.
    Returns a Series asset → order id of the orders placed; assets without a difference get none.

    Raises InfeasibleConstraints, UnboundedObjective, OptimizationFailed; NoRunningAlgorithm outside a run and
    OrderInBeforeTradingStart before the open.
    """
    instead = (
        "outside a run use tradewind.optimize.calculate_optimal_portfolio(objective, constraints, current_portfolio)"
    )
    running = _running("order_optimal_portfolio", instead)
    return running.order_optimal_portfolio(objective, constraints, universe)


def get_open_orders(asset: Asset | None = None, *, sid: Asset | None = None) -> Any:
    """Return the open orders: a list for one asset (`sid` is its other name), a dict asset → list for all.

    Orders are snapshots, in order of placement.
    """
    return _running("get_open_orders").get_open_orders(asset if sid is None else sid)


def get_order(order_id: Any) -> Order | None:
    """Return a snapshot of an order by its id (or its ordinal), None when there is no such order."""
    return _running("get_order").get_order(order_id)


def cancel_order(order_param: Any) -> None:
    """Cancel an open order, named by its id, ordinal or snapshot; an order that is not open is left as it is."""
    _running("cancel_order").cancel_order(order_param)
