"""The verbs that order, as free functions: they write on the order pad of the algorithm whose code is running.

order_target_percent is called half a million times in a year of a large book. Its body is therefore the short way of
a bar that is prepared (order_pad.py), that of order() the one of plain shares, and _order() that of all verbs; whatever
does not fit there takes the general way, with the same answer.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from contextvars import ContextVar
from math import fmod, inf
from typing import Any

import numpy as np
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

PLAIN = frozenset({float, int, np.float64})  # numbers that the short way takes as they are

_current_pad = current_pad.get  # looked up once: a call of it takes half the time


def _pad(via: int) -> OrderPad:
    """Return the pad to write on; refuse outside a run."""
    pad = _current_pad()
    if pad is None:
        raise NoRunningAlgorithm(VERBS[via], "")
    return pad


def _order(via: int, asset: Any, asked: Any, limit_price: Any, stop_price: Any, style: Any) -> str | None:
    """Order what the verb `via` asks for, a listed asset with a price the short way, the rest in general."""
    pad: Any = _current_pad()
    try:
        column = asset.column
        if type(asked) in PLAIN and pad.assets[column] is asset:
            asked = float(asked)
            shares = pad.shares_of(via, column, asked)
            if TOO_MANY_SOLD < shares < TOO_MANY:
                if limit_price is not None or stop_price is not None or style is not None:
                    return pad.place_priced(column, via, asked, shares, limit_price, stop_price, style)
                if shares >= LEAST_CUT or shares <= LEAST_SALE:
                    name: str = pad.head + next(pad.tail)
                    placed = pad.placed
                    placed += (via * pad.blotter.width + column, shares, asked)
                    return name
                return None
    except CLOSER_LOOK:
        pass
    return _pad(via).order(via, asset, asked, limit_price, stop_price, style)


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
        if plain and (LEAST_CUT <= amount < TOO_MANY or LEAST_SALE >= amount > TOO_MANY_SOLD):
            if pad.opened != pad.data.now:
                pad.open_page(ORDER)
            if pad.listed[column]:
                name: str = pad.head + next(pad.tail)
                placed = pad.placed
                placed += (column + pad.by_shares, amount, amount)
                return name
    except CLOSER_LOOK:  # trading controls besides: see below
        pass
    return _order(ORDER, asset, amount, limit_price, stop_price, style)


def order_value(
    asset: Any = None,
    value: float = math.nan,
    limit_price: float | None = None,
    stop_price: float | None = None,
    style: Any = None,
    sid: Any = None,
) -> str | None:
    """Order value / last price shares. Raises CannotOrderDelistedAsset when no price is known, else as order()."""
    return _order(VALUE, asset if sid is None else sid, value, limit_price, stop_price, style)


def order_percent(
    asset: Any = None,
    percent: float = math.nan,
    limit_price: float | None = None,
    stop_price: float | None = None,
    style: Any = None,
    sid: Any = None,
) -> str | None:
    """Order shares worth a fraction of the portfolio value (0.1 = 10 %). Errors as order_value()."""
    return _order(PERCENT, asset if sid is None else sid, percent, limit_price, stop_price, style)


def order_target(
    asset: Any = None,
    target: float = math.nan,
    limit_price: float | None = None,
    stop_price: float | None = None,
    style: Any = None,
    sid: Any = None,
) -> str | None:
    """Order target − held shares. Open orders do not count: calling again before the fill orders again."""
    return _order(TARGET, asset if sid is None else sid, target, limit_price, stop_price, style)


def order_target_value(
    asset: Any = None,
    target: float = math.nan,
    limit_price: float | None = None,
    stop_price: float | None = None,
    style: Any = None,
    sid: Any = None,
) -> str | None:
    """Order target / last price − held shares. Errors as order_value(); open orders do not count."""
    return _order(TARGET_VALUE, asset if sid is None else sid, target, limit_price, stop_price, style)


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
            value = fmod(target, inf) * pad.equity  # fmod: a plain float of any number, and none of a text
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
    return _order(TARGET_PERCENT, asset, target, limit_price, stop_price, style)


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
