"""Orders against one bar, compiled: triggers, slippage and commission on plain arrays.

For an order with open amount q₀ (direction d = sign q₀), on a bar with close P and volume V (no bar: nothing happens):

    stop      reached when d·P ≥ d·stop; limit reached when d·P ≤ d·limit; both stay reached
    slippage  a price and a whole amount of at most |q₀|, by the kind of model:
              none          P, everything
              fixed         P + d·spread/2, everything
              volume share  room = L·V − used; q = trunc(min(room, |q₀|)); share = min((used + q)/V, L); P·(1 +
              d·k·share²) basis points  q = min(|q₀|, trunc(L·V) − used); P·(1 + d·b/10⁴)
    commission  per share (c, minimum m), per trade, per dollar

`used` is what other orders already took of this asset's bar. When an asset's bar has no room left, its later orders
wait. Orders are processed in the order in which they were placed.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

OPEN, FILLED, CANCELLED, REJECTED, HELD = range(5)

NO_SLIPPAGE, FIXED, VOLUME_SHARE, BASIS_POINTS, CUSTOM = range(5)
NO_COMMISSION, PER_SHARE, PER_TRADE, PER_DOLLAR = range(4)  # CUSTOM (4) is shared with the slippage kinds

EQUITIES, FUTURES = 0, 1
UNTRADED, UNREACHED, NO_ROOM, BEYOND_LIMIT = range(4)


class OrderBook(NamedTuple):
    """Every order ever placed, one entry an order, indexed by the order of placement."""

    column: np.ndarray  # int64[K] the asset's column
    amount: np.ndarray  # int64[K] signed shares asked
    filled: np.ndarray  # int64[K] signed shares filled so far
    commission: np.ndarray  # float64[K] charged so far
    limit: np.ndarray  # float64[K] NaN = no limit
    stop: np.ndarray  # float64[K] NaN = no stop
    limit_reached: np.ndarray  # bool[K]
    stop_reached: np.ndarray  # bool[K]
    status: np.ndarray  # int8[K] OPEN … HELD
    reason: np.ndarray  # int8[K] index into blotter.REASONS
    via: np.ndarray  # int8[K] index into blotter.VERBS
    created: np.ndarray  # int64[K] ns UTC
    updated: np.ndarray  # int64[K] ns UTC
    asked: np.ndarray  # float64[K] the verb's argument: shares, currency, or a fraction of the portfolio value
    shares: np.ndarray  # float64[K] signed shares before rounding
    stop_at: np.ndarray  # int64[K] ns UTC of the bar that reached the stop, 0 = none has
    limit_at: np.ndarray  # int64[K] ns UTC of the bar that reached the limit, 0 = none has
    waits: np.ndarray  # int32[K, 4] bars in which the open order did not fill, by UNTRADED … BEYOND_LIMIT


class CostModels(NamedTuple):
    """The slippage and commission of each asset class (0 equities, 1 futures) as numbers."""

    asset_class: np.ndarray  # int8[N]
    slippage_kind: np.ndarray  # int64[2]
    slippage: np.ndarray  # float64[2, 2]
    commission_kind: np.ndarray  # int64[2]
    commission: np.ndarray  # float64[2, 2]


class FillBuffer(NamedTuple):
    """The fills of one bar: the first `count` entries that a kernel reports."""

    order: np.ndarray  # int64[K]
    column: np.ndarray  # int64[K]
    amount: np.ndarray  # int64[K]
    price: np.ndarray  # float64[K]
    commission: np.ndarray  # float64[K]


@njit(cache=True)
def triggered(orders: OrderBook, i: int, price: float, now: int) -> bool:
    """Test stop and limit of order i at this close, remember what was reached when, and say whether it may fill."""
    side = 1.0 if orders.amount[i] > 0 else -1.0
    if not np.isnan(orders.stop[i]) and not orders.stop_reached[i]:
        orders.stop_reached[i] = side * price >= side * orders.stop[i]
        if not orders.stop_reached[i]:
            return False
        orders.stop_at[i] = now
    if not np.isnan(orders.limit[i]) and not orders.limit_reached[i]:
        orders.limit_reached[i] = side * price <= side * orders.limit[i]
        if orders.limit_reached[i]:
            orders.limit_at[i] = now
        return orders.limit_reached[i]
    return True


@njit(cache=True)
def slipped(
    kind: int, first: float, second: float, wanted: int, price: float, volume: float, used: float
) -> tuple[float, int]:
    """Return (price, shares) for |wanted| shares under a built-in model; 0 shares when the bar has no room."""
    side = 1.0 if wanted > 0 else -1.0
    shares = abs(wanted)
    if kind == FIXED:
        return price + side * first / 2.0, shares
    if kind == VOLUME_SHARE:
        room = first * volume - used
        if room < 1.0:
            return price, 0
        shares = int(min(room, float(shares)))
        share = min((used + shares) / volume, first)
        return price + share * share * second * side * price, shares
    if kind == BASIS_POINTS:
        left = int(second * volume) - int(used)
        shares = max(min(shares, left), 0)
        return price + price * (first / 10_000.0 * side), shares
    return price, shares


@njit(cache=True)
def charged(
    kind: int, first: float, second: float, amount: int, price: float, filled_before: int, charged_before: float
) -> float:
    """Return the commission of a fill of `amount` shares at `price`, given what the order filled and paid before.

    A fill is the first when nothing was filled and nothing charged: a reverse split can leave an order that has paid
    with nothing filled.
    """
    shares = float(abs(amount))
    is_first = filled_before == 0 and charged_before == 0.0
    if kind == PER_SHARE:
        if is_first:
            return max(second, shares * first)
        total = abs(filled_before) * first + shares * first
        return 0.0 if total < second else total - charged_before
    if kind == PER_TRADE:
        return first if is_first else 0.0
    if kind == PER_DOLLAR:
        return shares * price * first
    return 0.0


@njit(cache=True)
def book_execution(orders: OrderBook, i: int, amount: int, cost: float, now: int) -> None:
    """Write one execution into order i; it is FILLED once nothing is left."""
    orders.filled[i] += amount
    orders.commission[i] += cost
    orders.updated[i] = now
    if orders.filled[i] == orders.amount[i]:
        orders.status[i] = FILLED


@njit(cache=True)
def _worse_than_limit(price: float, limit: float, side: int) -> bool:
    """Say whether a fill at `price` would break the limit (NaN: no limit)."""
    return not np.isnan(limit) and side * price > side * limit


@njit(cache=True)
def fill_orders(
    orders: OrderBook,
    open_orders: np.ndarray,
    close: np.ndarray,
    volume: np.ndarray,
    models: CostModels,
    limit_caps_price: bool,
    used: np.ndarray,
    fills: FillBuffer,
    now: int,
) -> int:
    """Fill the open orders against one bar; return the number of fills written to `fills`.

    A price that cannot be booked (NaN; 0 or less for equities) stops it: the answer is −1 − the order, the price stands
    in fills.price[0].

    close, volume: float64[N] rows of the bar; used: float64[N] scratch, cleared here for the columns concerned.
    """
    count = 0
    for i in open_orders:
        used[orders.column[i]] = 0.0
    for i in open_orders:
        column = orders.column[i]
        price, traded = close[column], volume[column]
        if np.isnan(price) or not traded > 0.0:
            orders.waits[i, UNTRADED] += 1
            continue
        if used[column] < 0.0:
            orders.waits[i, NO_ROOM] += 1
            continue
        if not triggered(orders, i, price, now):
            orders.waits[i, UNREACHED] += 1
            continue
        wanted = orders.amount[i] - orders.filled[i]
        side = 1 if wanted > 0 else -1
        group = models.asset_class[column]
        kind = models.slippage_kind[group]
        terms = models.slippage[group]
        paid, shares = slipped(kind, terms[0], terms[1], wanted, price, traded, used[column])
        if shares == 0:
            used[column] = -1.0
            orders.waits[i, NO_ROOM] += 1
            continue
        if _worse_than_limit(paid, orders.limit[i], side):
            if kind == VOLUME_SHARE:
                orders.waits[i, BEYOND_LIMIT] += 1
                continue
            if limit_caps_price:
                paid = orders.limit[i]
        if not paid > 0.0 and (group == EQUITIES or np.isnan(paid)):
            fills.price[0] = paid
            return -1 - i
        used[column] += shares
        amount = side * shares
        costs = models.commission[group]
        cost = charged(
            models.commission_kind[group], costs[0], costs[1], amount, paid, orders.filled[i], orders.commission[i]
        )
        book_execution(orders, i, amount, cost, now)
        fills.order[count], fills.column[count], fills.amount[count] = i, column, amount
        fills.price[count], fills.commission[count] = paid, cost
        count += 1
    return count


@njit(cache=True)
def still_open(status: np.ndarray, open_orders: np.ndarray) -> np.ndarray:
    """Return the entries of `open_orders` whose status (int8[K]) is still OPEN, in their order."""
    left = np.empty(len(open_orders), dtype=np.int64)
    count = 0
    for i in open_orders:
        if status[i] == OPEN:
            left[count] = i
            count += 1
    return left[:count]


def split_order(orders: OrderBook, i: int, numerator: int, denominator: int, exact: bool) -> int:
    """Scale order i for a split: open and filled shares by numerator/denominator toward zero, prices inversely.

    Prices are rounded to cents. Without `exact`, shares are divided by the rounded float denominator/numerator. Not
    compiled: only the interpreter rounds decimals correctly. Returns the shares left to fill.
    """
    ratio = denominator / numerator
    left, filled = (
        _scaled(shares, numerator, denominator) if exact else int(shares / ratio)
        for shares in (int(orders.amount[i] - orders.filled[i]), int(orders.filled[i]))
    )
    orders.filled[i], orders.amount[i] = filled, filled + left
    orders.limit[i] = round(float(orders.limit[i]) * ratio, 2)
    orders.stop[i] = round(float(orders.stop[i]) * ratio, 2)
    return left


def _scaled(shares: int, numerator: int, denominator: int) -> int:
    """Return shares·numerator/denominator, toward zero, in whole numbers."""
    return (1 if shares > 0 else -1) * (abs(shares) * numerator // denominator)
