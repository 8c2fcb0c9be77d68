"""The algorithm API as free functions: they act on the algorithm whose code is running.

    from tradewind.api import order_target_percent, record, schedule_function, symbol

The same names are present without import in files run by `tradewind run`.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

import pandas as pd

from tradewind import cancel_policy, commission, slippage
from tradewind.algorithm import Algorithm, current
from tradewind.bar_data import BarData
from tradewind.cancel_policy import CancelPolicy, EODCancel, NeverCancel
from tradewind.errors import NoRunningAlgorithm
from tradewind.log import AlgorithmLog
from tradewind.orders import LimitOrder, MarketOrder, Order, StopLimitOrder, StopOrder
from tradewind.schedule import DateRule, TimeRule, date_rules, time_rules
from tradewind_data.assets import Asset
from tradewind_optimize.entry import calculate_optimal_portfolio, run_optimization

__all__ = [
    "EODCancel",
    "LimitOrder",
    "MarketOrder",
    "NeverCancel",
    "StopLimitOrder",
    "StopOrder",
    "calculate_optimal_portfolio",
    "cancel_order",
    "cancel_policy",
    "commission",
    "date_rules",
    "get_datetime",
    "get_open_orders",
    "get_order",
    "log",
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
    "set_benchmark",
    "set_cancel_policy",
    "set_commission",
    "set_slippage",
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
    is accepted and ignored: a bundle has one calendar.
    """
    _running("schedule_function").schedule_function(func, date_rule, time_rule, half_days, calendar)


def set_slippage(us_equities: Any = None, us_futures: Any = None) -> None:
    """Use these slippage models; only in initialize. Default for equities: FixedBasisPointsSlippage(5, 0.1)."""
    _running("set_slippage").set_slippage(us_equities, us_futures)


def set_commission(us_equities: Any = None, us_futures: Any = None) -> None:
    """Use these commission models; only in initialize. Default for equities: PerShare(0.001), no minimum."""
    _running("set_commission").set_commission(us_equities, us_futures)


def set_cancel_policy(cancel_policy: CancelPolicy) -> None:
    """Say what a session's end does to open orders: NeverCancel() (the default) or EODCancel(); only in initialize."""
    _running("set_cancel_policy").set_cancel_policy(cancel_policy)


def set_benchmark(benchmark: Asset | pd.Series) -> None:
    """Compare the run with an asset, or with a Series of daily returns; only in initialize."""
    _running("set_benchmark").set_benchmark(benchmark)


def sid(sid: int) -> Asset:
    """Return the asset of a sid. Raises SidNotFound."""
    return _running("sid").sid(sid)


def symbol(symbol_str: str) -> Asset:
    """Return the asset that bears a symbol at the end of the run. Raises SymbolNotFound with the nearest symbols."""
    return _running("symbol").symbol(symbol_str)


def symbols(*args: str) -> list[Asset]:
    """Return the assets of several symbols, in the order given."""
    return _running("symbols").symbols(*args)


def get_datetime(tz: dt.tzinfo | str | None = None) -> pd.Timestamp:
    """Return the simulated time: aware, in UTC or in the time zone asked for."""
    return _running("get_datetime").get_datetime(tz)


def record(*args: Any, **kwargs: Any) -> None:
    """Record named numbers of this session: record(leverage=1.2) or record("leverage", 1.2, "names", 7).

    A name keeps its last value on the sessions that follow. Raises ReservedRecordName for a performance column's name.
    """
    _running("record").record(*args, **kwargs)


def order(
    asset: Asset, amount: float, limit_price: float | None = None, stop_price: float | None = None, style: Any = None
) -> str | None:
    """Order signed shares: positive buys, negative sells.

    The order can fill from the next bar on. Amounts within 1e-4 of a whole number are that number, others are cut
    toward
    zero. Give limit_price and/or stop_price, or a style (LimitOrder(10.5)), not both. Returns the order's id, or None
    when there is nothing to order or the asset is not listed today (a log line says so).

    Raises OrderDuringInitialize, OrderInBeforeTradingStart, UnsupportedOrderParameters, BadOrderParameters.
    """
    return (current.get() or _running("order")).order(asset, amount, limit_price, stop_price, style)


def order_value(
    asset: Asset, value: float, limit_price: float | None = None, stop_price: float | None = None, style: Any = None
) -> str | None:
    """Order value / last price shares. Raises CannotOrderDelistedAsset when no price is known, else as order()."""
    return (current.get() or _running("order_value")).order_value(asset, value, limit_price, stop_price, style)


def order_percent(
    asset: Asset, percent: float, limit_price: float | None = None, stop_price: float | None = None, style: Any = None
) -> str | None:
    """Order shares worth a fraction of the portfolio value (0.1 = 10 %). Errors as order_value()."""
    return (current.get() or _running("order_percent")).order_percent(asset, percent, limit_price, stop_price, style)


def order_target(
    asset: Asset, target: float, limit_price: float | None = None, stop_price: float | None = None, style: Any = None
) -> str | None:
    """Order target − held shares. Open orders do not count: calling again before the fill orders again."""
    return (current.get() or _running("order_target")).order_target(asset, target, limit_price, stop_price, style)


def order_target_value(
    asset: Asset, target: float, limit_price: float | None = None, stop_price: float | None = None, style: Any = None
) -> str | None:
    """Order target / last price − held shares. Errors as order_value(); open orders do not count."""
    return (current.get() or _running("order_target_value")).order_target_value(
        asset, target, limit_price, stop_price, style
    )


def order_target_percent(
    asset: Asset, target: float, limit_price: float | None = None, stop_price: float | None = None, style: Any = None
) -> str | None:
    """Order target·(portfolio value) / last price − held shares; open orders do not count."""
    return (current.get() or _running("order_target_percent")).order_target_percent(
        asset, target, limit_price, stop_price, style
    )


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


def get_open_orders(asset: Asset | None = None) -> Any:
    """Return the open orders: a list for one asset, a dict asset → list for all. Orders are snapshots."""
    return _running("get_open_orders").get_open_orders(asset)


def get_order(order_id: Any) -> Order | None:
    """Return a snapshot of an order by its id (or its ordinal), None when there is no such order."""
    return _running("get_order").get_order(order_id)


def cancel_order(order_param: Any) -> None:
    """Cancel an open order, named by its id, ordinal or snapshot; an order that is not open is left as it is."""
    _running("cancel_order").cancel_order(order_param)
