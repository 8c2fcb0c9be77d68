"""The verbs that order, as free functions: they write on the order pad of the algorithm whose code is running.

order_target_percent is called half a million times in a year of a large book. Its body is therefore the short way of
a bar that is prepared (order_pad.py); whatever does not fit there takes the general way, with the same answer.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from contextvars import ContextVar
from typing import Any

import pandas as pd

from tradewind.blotter import VERBS
from tradewind.errors import BadParameter, NoRunningAlgorithm
from tradewind.order_pad import (
    BATCH,
    LEAST_SALE,
    ORDER,
    PERCENT,
    TARGET,
    TARGET_PERCENT,
    TARGET_VALUE,
    TOO_MANY,
    TOO_MANY_SOLD,
    VALUE,
    OrderPad,
)
from tradewind.sizing import LEAST_CUT

__all__ = [
    "batch_market_order",
    "order",
    "order_percent",
    "order_target",
    "order_target_percent",
    "order_target_value",
    "order_value",
]

current_pad: ContextVar[OrderPad | None] = ContextVar("tradewind_order_pad", default=None)
"""The order pad of the algorithm whose code is running."""

# What does not fit the short way: no number, no asset of this bundle, no name left in the block.
CLOSER_LOOK = AttributeError, IndexError, TypeError, ValueError, ArithmeticError, StopIteration

_current_pad = current_pad.get  # looked up once: a call of it takes half the time


def _pad(via: int) -> OrderPad:
    """Return the pad to write on; refuse outside a run."""
    pad = _current_pad()
    if pad is None:
        raise NoRunningAlgorithm(VERBS[via], "")
    return pad


def order(
    asset: Any = None,
    amount: float = math.nan,
    limit_price: float | None = None,
    stop_price: float | None = None,
    style: Any = None,
    sid: Any = None,
) -> str | None:
    """Order signed shares: positive buys, negative sells.

    The order can fill from the next bar on. Amounts within 1e-4 of a whole number are that number, others are cut
    toward zero. Give limit_price and/or stop_price, or a style (LimitOrder(10.5)), not both. `sid` is another name of
    `asset`. Returns the order's id, or None when there is nothing to order or the asset is not listed today (a log line
    says so).

    Raises OrderDuringInitialize, OrderInBeforeTradingStart, UnsupportedOrderParameters, BadOrderParameters,
    TradingControlViolation.
    """
    if sid is not None:
        asset = sid
    pad: Any = _current_pad()
    try:
        column = asset.column
        plain = pad.assets[column] is asset and limit_price is None and stop_price is None and style is None
        some = LEAST_CUT <= amount < TOO_MANY or LEAST_SALE >= amount > TOO_MANY_SOLD
        if plain and some and pad.opened == pad.data.now and pad.listed[column]:
            name: str = pad.head + next(pad.tail)
            placed = pad.placed
            placed += (column + pad.by_shares, amount, amount)
            return name
    except CLOSER_LOOK:  # trading controls besides: see below
        pass
    return _pad(ORDER).order(ORDER, asset, amount, limit_price, stop_price, style)


def order_value(
    asset: Any = None,
    value: float = math.nan,
    limit_price: float | None = None,
    stop_price: float | None = None,
    style: Any = None,
    sid: Any = None,
) -> str | None:
    """Order value / last price shares. Raises CannotOrderDelistedAsset when no price is known, else as order()."""
    return _pad(VALUE).order(VALUE, asset if sid is None else sid, value, limit_price, stop_price, style)


def order_percent(
    asset: Any = None,
    percent: float = math.nan,
    limit_price: float | None = None,
    stop_price: float | None = None,
    style: Any = None,
    sid: Any = None,
) -> str | None:
    """Order shares worth a fraction of the portfolio value (0.1 = 10 %). Errors as order_value()."""
    return _pad(PERCENT).order(PERCENT, asset if sid is None else sid, percent, limit_price, stop_price, style)


def order_target(
    asset: Any = None,
    target: float = math.nan,
    limit_price: float | None = None,
    stop_price: float | None = None,
    style: Any = None,
    sid: Any = None,
) -> str | None:
    """Order target − held shares. Open orders do not count: calling again before the fill orders again."""
    return _pad(TARGET).order(TARGET, asset if sid is None else sid, target, limit_price, stop_price, style)


def order_target_value(
    asset: Any = None,
    target: float = math.nan,
    limit_price: float | None = None,
    stop_price: float | None = None,
    style: Any = None,
    sid: Any = None,
) -> str | None:
    """Order target / last price − held shares. Errors as order_value(); open orders do not count."""
    return _pad(TARGET_VALUE).order(TARGET_VALUE, asset if sid is None else sid, target, limit_price, stop_price, style)


def order_target_percent(
    asset: Any = None,
    target: float = math.nan,
    limit_price: float | None = None,
    stop_price: float | None = None,
    style: Any = None,
    sid: Any = None,
) -> str | None:
    """Order target·(portfolio value) / last price − held shares; open orders do not count."""
    if sid is not None:
        asset = sid
    pad: Any = _current_pad()
    try:
        column = asset.column
        if pad.assets[column] is asset and limit_price is None and stop_price is None and style is None:
            if type(target) is float:
                value = target * pad.equity
            else:
                times = pad.of_equity
                value = times(target)
            shares = value / pad.unit[column] - pad.held[column]
            if LEAST_CUT <= shares < TOO_MANY or LEAST_SALE >= shares > TOO_MANY_SOLD:
                name: str = pad.head + next(pad.tail)
                placed = pad.placed
                placed += (column, shares, target)
                return name
            if LEAST_SALE < shares < LEAST_CUT:
                return None
    except CLOSER_LOOK:  # or the bar is not prepared: see below
        pass
    return (pad or _pad(TARGET_PERCENT)).order(TARGET_PERCENT, asset, target, limit_price, stop_price, style)


def batch_market_order(share_counts: Any) -> list[str]:
    """Order signed shares of several assets at the market: Series (or dict) asset → shares.

    Returns the ids of the orders placed, in the order of the assets; what order() would not place has none. Errors as
    order().
    """
    pad = _pad(BATCH)
    pad.check_may_order(VERBS[BATCH])
    if not isinstance(share_counts, Mapping | pd.Series):
        raise BadParameter("batch_market_order: share_counts", share_counts, "a Series, or dict, asset → shares")
    counts: Iterable[tuple[Any, Any]] = share_counts.items()
    placed = [pad.order(BATCH, asset, shares) for asset, shares in counts]
    return [name for name in placed if name is not None]
