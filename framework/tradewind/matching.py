"""Orders against one bar, compiled: triggers, slippage and commission on plain arrays.

For an order with open amount q₀ (direction d = sign q₀), on a bar with close P and volume V (no bar: nothing happens):

    stop      reached when d·P ≥ d·stop; limit reached when d·P ≤ d·limit; both stay reached
    slippage  a price and a whole amount of at most |q₀|, by the kind of model:
              none          P, everything
              fixed         P + d·spread/2, everything
              volume share  room = L·V − used; q = trunc(min(room, |q₀|)); share = min((used + q)/V, L); P·(1 +
              d·k·share²) basis points  q = min(|q₀|, trunc(L·V) − used); P·(1 + d·b/10⁴)
              impact        q = trunc(min(|q₀|, L·V)); B + d·B·η·σ·√(q / usual volume)/10⁴, B + d·B·u where σ or the
              usual volume is not known; B = (high + low)/2 of the bar
    commission  per share (c, minimum m), per trade, per dollar, per contract (c, exchange fee, minimum m)

`used` is what other orders already took of this asset's bar. When an asset's bar has no room left, its later orders
wait. Orders are processed in the order in which they were placed.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from tradewind.sizing import whole

OPEN, FILLED, CANCELLED, REJECTED, HELD = range(5)

NO_SLIPPAGE, FIXED, VOLUME_SHARE, BASIS_POINTS, CUSTOM, IMPACT = range(6)
NO_COMMISSION, PER_SHARE, PER_TRADE, PER_DOLLAR = range(4)  # CUSTOM (4) is shared with the slippage kinds
PER_CONTRACT = 5
SESSIONS_A_YEAR = 252

EQUITIES, FUTURES = 0, 1
UNTRADED, UNREACHED, NO_ROOM, BEYOND_LIMIT = range(4)


Table = np.recarray  # a plain structured array, whose fields compiled code reads as attributes

ORDER = np.dtype(
    [
        ("column", np.int64),  # the asset's column
        ("amount", np.int64),  # signed shares asked
        ("filled", np.int64),  # signed shares filled so far
        ("commission", np.float64),  # charged so far
        ("limit", np.float64),  # NaN = no limit
        ("stop", np.float64),  # NaN = no stop
        ("limit_reached", np.bool_),
        ("stop_reached", np.bool_),
        ("status", np.int8),  # OPEN … HELD
        ("reason", np.int8),  # index into blotter.REASONS
        ("via", np.int8),  # index into blotter.VERBS
        ("created", np.int64),  # ns UTC
        ("updated", np.int64),  # ns UTC
        ("asked", np.float64),  # the verb's argument: shares, currency, or a fraction of the portfolio value
        ("shares", np.float64),  # signed shares before rounding
        ("stop_at", np.int64),  # ns UTC of the bar that reached the stop, 0 = none has
        ("limit_at", np.int64),  # ns UTC of the bar that reached the limit, 0 = none has
        ("waits", np.int32, (4,)),  # bars in which the open order did not fill, by UNTRADED … BEYOND_LIMIT
    ],
    align=True,
)
FILL = np.dtype(
    [
        ("order", np.int64),  # ordinal, −1 = closing fill
        ("column", np.int64),
        ("amount", np.int64),  # signed shares
        ("price", np.float64),
        ("commission", np.float64),
        ("time", np.int64),  # ns UTC of the bar
    ]
)
COSTS = np.dtype(
    [
        ("slippage_kind", np.int64),
        ("slippage", np.float64, (3,)),
        ("commission_kind", np.int64),
        ("commission", np.float64, (3,)),
        ("limit_caps", np.int64),  # 1: a limit caps the price that slippage makes
    ]
)
"""Slippage and commission as numbers: row 0 is that of equities, each further one that of a root symbol of futures."""
DEPTH = np.dtype(
    [
        ("group", np.int64),  # the column's row of COSTS
        ("used", np.float64),  # shares taken of the bar being filled, −1 once it is full
        ("middle", np.float64),  # (high + low)/2 of that bar; this and the rest under an impact model only
        ("usual", np.float64),  # mean volume of the sessions before, 0 = not known
        ("volatility", np.float64),  # a year, of those sessions; NaN = not known
        ("known_on", np.int64),  # the session of those two
    ],
    align=True,
)
"""What fills look up by column, float64 in shares and currency a share."""
FILLS_AT_FIRST = 1 << 12
ROOM = 1 << 14  # orders that a book has room for at first


def roomier(table: np.ndarray, rows: int) -> np.ndarray:
    """Return a table of so many rows that begins with those of another; memory that nobody writes to is not taken."""
    grown = np.zeros(rows, dtype=table.dtype)
    grown.view(np.uint8)[: table.nbytes] = table.view(np.uint8)  # field by field it would take ten times as long
    return grown


class OrderBook:
    """Every order ever placed, one row an order, indexed by the order of placement; each field of ORDER as an array."""

    column: np.ndarray
    amount: np.ndarray
    filled: np.ndarray
    commission: np.ndarray
    limit: np.ndarray
    stop: np.ndarray
    limit_reached: np.ndarray
    stop_reached: np.ndarray
    status: np.ndarray
    reason: np.ndarray
    via: np.ndarray
    created: np.ndarray
    updated: np.ndarray
    asked: np.ndarray
    shares: np.ndarray
    stop_at: np.ndarray
    limit_at: np.ndarray
    waits: np.ndarray

    def __init__(self, table: np.ndarray) -> None:
        self.table = table
        for name in ORDER.names or ():
            setattr(self, name, table[name])

    def grown(self, count: int) -> OrderBook:
        """Return the same book with room for `count` orders and more."""
        return OrderBook(roomier(self.table, 4 * max(count, len(self.table))))


class FillBook:
    """Every fill of a run in order: the first `count` rows of a table of FILL."""

    def __init__(self) -> None:
        self.table, self.count = np.zeros(FILLS_AT_FIRST, dtype=FILL), 0

    def make_room(self, count: int) -> None:
        """Make room for so many fills more."""
        if self.count + count > len(self.table):
            self.table = roomier(self.table, 4 * (self.count + count))

    def take(self, count: int) -> np.ndarray:
        """Return the next rows of the table, which count as written from now on."""
        self.count += count
        return self.table[self.count - count : self.count]

    @property
    def written(self) -> np.ndarray:
        """The fills so far."""
        return self.table[: self.count]


@njit(cache=True)
def write_placed(
    orders: Table, first: int, terms: np.ndarray, placed: int, width: int, waiting: np.ndarray, count: int, now: int
) -> None:
    """Write market orders placed `now` from row `first` on, and their ordinals into `waiting` from `count` on.

    terms: float64[≥ placed, 3] via·width + column, signed shares, which are rounded here, and what was asked.
    """
    for k in range(placed):
        i = first + k
        code, shares = int(terms[k, 0]), terms[k, 1]
        orders.via[i], orders.column[i] = code // width, code % width
        orders.amount[i], orders.shares[i], orders.asked[i] = whole(shares), shares, terms[k, 2]
        orders.limit[i] = orders.stop[i] = np.nan
        orders.created[i] = orders.updated[i] = now
        waiting[count + k] = i


@njit(cache=True)
def triggered(orders: Table, i: int, price: float, now: int) -> bool:
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
def impacted(
    limit: float, eta: float, unknown: float, wanted: int, volume: float, depth: Table, column: int
) -> tuple[float, int]:
    """Return (price, shares) for |wanted| shares of a column under the impact model; 0 shares when there is no room."""
    side = 1.0 if wanted > 0 else -1.0
    base, usual, volatility = depth.middle[column], depth.usual[column], depth.volatility[column]
    shares = int(min(volume * limit, float(abs(wanted))))
    if usual == 0.0 or np.isnan(volatility):
        return base + side * (base * unknown), shares
    return base + side * (base * eta * volatility * np.sqrt(shares / usual) / 10_000.0), shares


@njit(cache=True)
def look_around(
    orders: Table,
    open_orders: np.ndarray,
    count: int,
    high: np.ndarray,
    low: np.ndarray,
    depth: Table,
    session: int,
    unknown: np.ndarray,
) -> int:
    """Write the base prices of the columns with open orders; return how many have no usual figures of this session.

    Those columns are written into `unknown` (int64[N]). high, low: float64[N] rows of the bar.
    """
    found = 0
    for i in open_orders[:count]:
        column = orders.column[i]
        depth.middle[column] = (high[column] + low[column]) / 2.0
        if depth.group[column] != EQUITIES and depth.known_on[column] != session:
            depth.known_on[column] = session
            unknown[found] = column
            found += 1
    return found


@njit(cache=True, error_model="numpy")
def know_the_usual(columns: np.ndarray, closes: np.ndarray, volumes: np.ndarray, depth: Table) -> None:
    """Write mean volume and volatility of columns: σ = std(close-to-close returns, ddof = 1)·√252.

    closes, volumes: float64[n, k] of the sessions before; a close that is missing is the one before it.
    """
    sessions = len(closes)
    returns = np.empty(sessions - 1)
    for k in range(len(columns)):
        last, volume = closes[0, k], volumes[0, k]
        for s in range(1, sessions):
            close = last if np.isnan(closes[s, k]) else closes[s, k]
            returns[s - 1] = close / last - 1.0
            last, volume = close, volume + volumes[s, k]
        depth.usual[columns[k]] = volume / sessions
        spread = np.sum((returns - returns.mean()) ** 2)
        depth.volatility[columns[k]] = np.sqrt(spread / (sessions - 2)) * np.sqrt(float(SESSIONS_A_YEAR))


@njit(cache=True)
def charged(
    kind: int, terms: np.ndarray, amount: int, price: float, filled_before: int, charged_before: float
) -> float:
    """Return the commission of a fill of `amount` shares at `price`, given what the order filled and paid before.

    terms: float64[3], what the model calls terms.

    A fill is the first when nothing was filled and nothing charged: a reverse split can leave an order that has paid
    with nothing filled.
    """
    shares, first, second = float(abs(amount)), terms[0], terms[1]
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
    if kind == PER_CONTRACT:
        total = float(abs(filled_before) + abs(amount)) * first + second
        if is_first:
            return max(terms[2], total)
        return 0.0 if total < terms[2] else total - charged_before
    return 0.0


@njit(cache=True)
def book_execution(orders: Table, i: int, amount: int, cost: float, now: int) -> None:
    """Write one execution into order i; it is FILLED once nothing is left."""
    orders.filled[i] += amount
    orders.commission[i] += cost
    orders.updated[i] = now
    if orders.filled[i] == orders.amount[i]:
        orders.status[i] = FILLED


@njit(cache=True)
def _waits_for(orders: Table, i: int, price: float, traded: float, used: float, now: int) -> int:
    """Return why order i cannot fill in this bar, whatever its model says; −1 when it can."""
    if np.isnan(price) or not traded > 0.0:
        return UNTRADED
    if used < 0.0:
        return NO_ROOM
    return -1 if triggered(orders, i, price, now) else UNREACHED


@njit(cache=True)
def _within_limit(orders: Table, i: int, side: int, paid: float, kind: int, caps: bool) -> tuple[bool, float]:
    """Return whether order i may fill at `paid`, and the price: capped at its limit where `caps`."""
    limit = orders.limit[i]
    if np.isnan(limit) or side * paid <= side * limit:
        return True, paid
    return kind != VOLUME_SHARE and kind != IMPACT, limit if caps else paid


@njit(cache=True)
def _execute(
    orders: Table, i: int, amount: int, paid: float, costs: Table, group: int, fills: Table, row: int, now: int
) -> None:
    """Charge the commission of a fill of order i, and write the fill into the order and into a row of fills."""
    kind, filled, charged_before = costs.commission_kind[group], orders.filled[i], orders.commission[i]
    cost = charged(kind, costs.commission[group], amount, paid, filled, charged_before)
    book_execution(orders, i, amount, cost, now)
    fills.order[row], fills.column[row], fills.amount[row] = i, orders.column[i], amount
    fills.price[row], fills.commission[row], fills.time[row] = paid, cost, now


@njit(cache=True)
def keep_open(orders: Table, open_orders: np.ndarray, count: int) -> int:
    """Move those of the first entries of `open_orders` that are still OPEN to its front, in order; return how many."""
    kept = 0
    for i in open_orders[:count]:
        if orders.status[i] == OPEN:
            open_orders[kept] = i
            kept += 1
    return kept


@njit(cache=True)
def fill_orders(
    orders: Table,
    open_orders: np.ndarray,
    open_count: int,
    close: np.ndarray,
    volume: np.ndarray,
    bar: int,
    depth: Table,
    costs: Table,
    fills: Table,
    start: int,
    now: int,
) -> tuple[int, int]:
    """Fill the first of open_orders against one bar; return (fills written from row `start` of `fills` on, still open).

    Those orders are moved to the front of open_orders. A price that cannot be booked (NaN; 0 or less for equities)
    stops it: the answer is (−1 − the order, anything), the price stands in row `start`.

    close, volume: float64[bars, N], of which row `bar` counts.
    """
    count = 0
    for i in open_orders[:open_count]:
        depth.used[orders.column[i]] = 0.0
    for i in open_orders[:open_count]:
        column = orders.column[i]
        price, traded, group = close[bar, column], volume[bar, column], depth.group[column]
        why = _waits_for(orders, i, price, traded, depth.used[column], now)
        if why >= 0:
            orders.waits[i, why] += 1
            continue
        wanted, kind = orders.amount[i] - orders.filled[i], costs.slippage_kind[group]
        first, second = costs.slippage[group, 0], costs.slippage[group, 1]
        if kind == IMPACT:
            paid, shares = impacted(first, second, costs.slippage[group, 2], wanted, traded, depth, column)
        else:
            paid, shares = slipped(kind, first, second, wanted, price, traded, depth.used[column])
        if shares == 0:
            if kind != IMPACT:  # which does not ask what others took
                depth.used[column] = -1.0
            orders.waits[i, NO_ROOM] += 1
            continue
        side = 1 if wanted > 0 else -1
        may, paid = _within_limit(orders, i, side, paid, kind, costs.limit_caps[group] == 1)
        if not may:
            orders.waits[i, BEYOND_LIMIT] += 1
            continue
        if not paid > 0.0 and (group == EQUITIES or np.isnan(paid)):
            fills.price[start] = paid
            return -1 - i, 0
        depth.used[column] += shares
        _execute(orders, i, side * shares, paid, costs, group, fills, start + count, now)
        count += 1
    return count, keep_open(orders, open_orders, open_count)


def split_order(orders: OrderBook, i: int, numerator: int, denominator: int, exact: bool, decimals: int) -> int:
    """Scale order i for a split: open and filled shares by numerator/denominator toward zero, prices inversely.

    Prices are rounded to so many decimals, unless that would leave nothing of them. Without `exact`, they are rounded
    to cents whatever comes of it, and shares are divided by the rounded float denominator/numerator. Not compiled: only
    the interpreter rounds decimals correctly. Returns the shares left to fill.
    """
    ratio = denominator / numerator
    left, filled = (
        _scaled(shares, numerator, denominator) if exact else int(shares / ratio)
        for shares in (int(orders.amount[i] - orders.filled[i]), int(orders.filled[i]))
    )
    orders.filled[i], orders.amount[i] = filled, filled + left
    for prices in (orders.limit, orders.stop):
        price = float(prices[i]) * ratio
        prices[i] = (round(price, decimals) or price) if exact else round(price, 2)
    return left


def _scaled(shares: int, numerator: int, denominator: int) -> int:
    """Return shares·numerator/denominator, toward zero, in whole numbers."""
    return (1 if shares > 0 else -1) * (abs(shares) * numerator // denominator)
