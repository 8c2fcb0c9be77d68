"""The arithmetic of the ledger on plain arrays, compiled.

Every function here changes only the arrays it is given. A book is a table with one row per column (asset); `cash` holds
the figures that belong to none: CASH (the balance), FLOW (the sum of everything that ever moved it: trades,
commissions, dividends, fractions) and the three of the identity below. For a holding of n shares with multiplier m at
price p,

    value    = 0        if the column is cash-settled (a future), else n·p·m
    exposure = n·p·m    in both cases

A cash-settled column pays n·Δp·m into cash whenever its price is marked, so that its value stays 0. Prices given to a
kernel are finite: the callers keep NaN out.

Gains are counted a second time, apart from values and cash: n·Δp·m whenever a price changes, commissions as losses,
dividends as they are paid. In every column value + flow = gain, and over all of them, session by session,

    cash + Σ value = BASE + GAIN,   BASE the equity at the end of the session before and what came from outside since
"""

from __future__ import annotations

import numpy as np
from numba import njit

CASH, FLOW, GAIN, BASE, BROKEN = range(5)
BALANCES_TO = 1e-9  # of cash, values and base taken together
Vector = np.ndarray
Table = (
    np.recarray
)  # a plain structured array: compiled code reads its fields as attributes, and takes it as one argument

BOOK = np.dtype(
    [
        ("amount", np.int64),  # signed shares
        ("cost_basis", np.float64),  # currency a share
        ("last_price", np.float64),  # last known price, raw
        ("multiplier", np.float64),
        ("cash_settled", np.bool_),
        ("flow", np.float64),  # cash moved on the column's account since the start
        ("gain", np.float64),  # gains since the start
    ],
    align=True,
)
DIVIDEND = np.dtype(
    [
        ("column", np.int64),
        ("amount", np.float64),  # currency a share
        ("owed", np.float64),  # earned and not paid yet
    ]
)
HOLDING = np.dtype(
    [
        ("session", np.int64),
        ("column", np.int64),
        ("amount", np.int64),
        ("cost_basis", np.float64),
        ("last_price", np.float64),
        ("value", np.float64),
    ]
)


class Book:
    """A ledger's table, one row a column of the bundle, its fields as arrays, and the figures that belong to no column.

    cash: float64[5] CASH, FLOW, GAIN, BASE, and BROKEN: 1 + the first session that did not balance, 0 for none.
    """

    def __init__(self, columns: int, capital: float) -> None:
        """Hold nothing but `capital` in cash; multipliers are 1 and nothing is cash-settled."""
        self.table = np.zeros(columns, dtype=BOOK)
        self.amount, self.cost_basis = self.table["amount"], self.table["cost_basis"]
        self.last_price, self.multiplier = self.table["last_price"], self.table["multiplier"]
        self.cash_settled, self.flow, self.gain = (self.table[name] for name in ("cash_settled", "flow", "gain"))
        self.multiplier[:] = 1.0
        self.cash = np.array([capital, 0.0, 0.0, capital, 0.0])


@njit(cache=True)
def move_cash(book: Table, cash: Vector, column: int, value: float) -> None:
    """Add `value` to the balance and to the flow, on a column's account."""
    cash[CASH] += value
    cash[FLOW] += value
    book.flow[column] += value


@njit(cache=True)
def count_gain(book: Table, cash: Vector, column: int, value: float) -> None:
    """Count a gain of a column."""
    book.gain[column] += value
    cash[GAIN] += value


@njit(cache=True)
def _settle(book: Table, cash: Vector, column: int, price: float) -> None:
    """Pay a cash-settled column's gain since its last price, n·(p − p_last)·m, and take `price` as the last one."""
    gain = book.amount[column] * (price - book.last_price[column]) * book.multiplier[column]
    count_gain(book, cash, column, gain)
    if book.cash_settled[column]:
        move_cash(book, cash, column, gain)
    book.last_price[column] = price


@njit(cache=True)
def _cost_basis_after(held: int, basis: float, traded: int, price: float) -> float:
    """Return the cost basis after trading: averaged when growing, kept when reducing, the price when crossing zero."""
    total = held + traded
    if total == 0:
        return 0.0
    if held == 0 or (held > 0) == (traded > 0):
        return (basis * held + price * traded) / total
    if (total > 0) == (held > 0):
        return basis
    return price


@njit(cache=True)
def _trade(book: Table, column: int, amount: int, price: float) -> tuple[float, float]:
    """Book one fill on its column: position, cost basis and price; return (cash moved, gain of what was held).

    It moves −n·p·m, for a cash-settled column its gain.
    """
    held, multiplier = book.amount[column], book.multiplier[column]
    gain = held * (price - book.last_price[column]) * multiplier
    moved = gain if book.cash_settled[column] else -(price * amount * multiplier)
    book.gain[column] += gain
    book.flow[column] += moved
    book.last_price[column] = price
    book.cost_basis[column] = _cost_basis_after(held, book.cost_basis[column], amount, price)
    book.amount[column] = held + amount
    return moved, gain


@njit(cache=True)
def _charge_commission(book: Table, column: int, cost: float) -> None:
    """Book one commission on its column: cost basis = (cb·n·m + cost)/(n·m) while the position is open."""
    book.flow[column] -= cost
    book.gain[column] -= cost
    held = book.amount[column] * book.multiplier[column]
    if held != 0:
        book.cost_basis[column] = (book.cost_basis[column] * held + cost) / held


@njit(cache=True)
def charge(book: Table, cash: Vector, interest: float, columns: Vector, fees: Vector) -> None:
    """Add interest to the cash, and take the fees of columns from it."""
    cash[CASH] += interest
    cash[FLOW] += interest
    cash[GAIN] += interest
    for i in range(len(columns)):
        move_cash(book, cash, columns[i], -fees[i])
        count_gain(book, cash, columns[i], -fees[i])


@njit(cache=True)
def update_held(book: Table, held: Vector, count: int, columns: Vector) -> int:
    """Bring held[:count], the ascending columns with a position, up to date after a touch; return the count."""
    place = 0
    for column in columns:
        if place >= count or held[place] != column:  # mostly they ascend, so that the next one is the next one held
            place = np.searchsorted(held[:count], column)
        present = place < count and held[place] == column
        if book.amount[column] != 0 and not present:
            for i in range(count, place, -1):
                held[i] = held[i - 1]
            held[place] = column
            count += 1
        elif book.amount[column] == 0 and present:
            for i in range(place, count - 1):
                held[i] = held[i + 1]
            count -= 1
            continue
        place += 1
    return count


@njit(cache=True)
def apply_fills(book: Table, cash: Vector, held: Vector, count: int, fills: Table, first: int, last: int) -> int:
    """Book the fills first … last−1, those of one bar, in order, then their commissions (those above 0).

    fills: the fields column, amount, price and commission of each; held: see update_held. Returns its new count.
    """
    balance, flow, gained = cash[CASH], cash[FLOW], cash[GAIN]
    for i in range(first, last):
        moved, gain = _trade(book, fills.column[i], fills.amount[i], fills.price[i])
        balance, flow, gained = balance + moved, flow + moved, gained + gain
    for i in range(first, last):
        cost = fills.commission[i]
        if cost > 0.0:
            _charge_commission(book, fills.column[i], cost)
            balance, flow, gained = balance - cost, flow - cost, gained - cost
    cash[CASH], cash[FLOW], cash[GAIN] = balance, flow, gained
    return update_held(book, held, count, fills.column[first:last])


@njit(cache=True)
def mark(book: Table, cash: Vector, columns: Vector, prices: Vector) -> None:
    """Take new prices for the held columns; a NaN keeps the old price."""
    for i in range(len(columns)):
        if not np.isnan(prices[i]):
            _settle(book, cash, columns[i], prices[i])


@njit(cache=True)
def _all_trade(columns: Vector, close: Vector) -> bool:
    """Say whether every column has a price."""
    for column in columns:  # noqa: SIM110 - compiled: a generator would allocate
        if np.isnan(close[column]):
            return False
    return True


@njit(cache=True)
def mark_row(book: Table, cash: Vector, columns: Vector, prices: Vector, sums: Vector) -> bool:
    """Take new prices, prices[column], for the held columns, if all of them have one; say whether they had.

    sums: float64[6], what totals() writes, then at the new prices.
    """
    if not _all_trade(columns, prices):
        return False
    _revalue(book, cash, columns, prices, sums)
    return True


@njit(cache=True)
def _revalue(book: Table, cash: Vector, columns: Vector, prices: Vector, sums: Vector) -> None:
    """Do what _settle of every column at prices[column] and then totals() do, in one pass over the book."""
    gained, longs, shorts = cash[GAIN], 0, 0
    long_value = short_value = long_exposure = short_exposure = 0.0
    for column in columns:
        price, amount, multiplier = prices[column], book.amount[column], book.multiplier[column]
        gain = amount * (price - book.last_price[column]) * multiplier
        exposure = amount * price * multiplier
        value = exposure
        gained += gain
        book.gain[column] += gain
        book.last_price[column] = price
        if book.cash_settled[column]:
            move_cash(book, cash, column, gain)
            value = 0.0
        if exposure > 0:
            long_value, long_exposure, longs = long_value + value, long_exposure + exposure, longs + 1
        elif exposure < 0:
            short_value, short_exposure, shorts = short_value + value, short_exposure + exposure, shorts + 1
    cash[GAIN] = gained
    sums[LONG_VALUE], sums[LONG_EXPOSURE], sums[LONGS] = long_value, long_exposure, longs
    sums[SHORT_VALUE], sums[SHORT_EXPOSURE], sums[SHORTS] = short_value, short_exposure, shorts


@njit(cache=True)
def earn_dividends(book: Table, dividends: Table, first: int, last: int) -> None:
    """Remember amount·shares of the dividends first..last−1 as owed (negative for a short)."""
    for row in range(first, last):
        dividends.owed[row] = dividends.amount[row] * book.amount[dividends.column[row]]


@njit(cache=True)
def pay_dividends(book: Table, cash: Vector, dividends: Table, rows: Vector) -> None:
    """Pay what those dividends owe, once."""
    for row in rows:
        column, owed = dividends.column[row], dividends.owed[row]
        if owed != 0.0:
            move_cash(book, cash, column, owed)
            count_gain(book, cash, column, owed)
            dividends.owed[row] = 0.0


@njit(cache=True)
def earn_stock_dividends(book: Table, columns: Vector, first: int, last: int, owed: Vector) -> None:
    """Remember the shares that earn the stock dividends first..last−1."""
    for row in range(first, last):
        owed[row] = book.amount[columns[row]]


@njit(cache=True)
def _near_whole(value: float) -> float:
    """Return the nearest whole number when `value` is within a few ulps of it, else `value`."""
    nearest = np.rint(value)
    if abs(value - nearest) <= 4e-16 * max(abs(value), 1.0):
        return nearest
    return value


@njit(cache=True)
def pay_stock_dividend(
    book: Table, cash: Vector, paid_column: int, earning: float, ratio: float, price: float, dilutes: bool
) -> int:
    """Credit trunc(shares·ratio) shares of `paid_column`; return them.

    With `dilutes`, the shares come in as if bought for nothing: the old cost is spread over a grown holding; and the
    fraction is paid at `price` (0 when unknown). Without, the new shares come in at cost 0 only if nothing was held,
    the fraction is lost, and `price` only marks a new holding.
    """
    exact = _near_whole(earning * ratio)
    whole = int(exact)
    held = book.amount[paid_column]
    total = held + whole
    if dilutes:
        book.cost_basis[paid_column] = _cost_basis_after(held, book.cost_basis[paid_column], whole, 0.0)
        if not np.isnan(price):
            fraction = (exact - whole) * price * book.multiplier[paid_column]
            move_cash(book, cash, paid_column, fraction)
            count_gain(book, cash, paid_column, fraction)
    elif held == 0:
        book.cost_basis[paid_column] = 0.0
    if held == 0:
        book.last_price[paid_column] = 0.0 if np.isnan(price) else price
    book.amount[paid_column] = total
    count_gain(book, cash, paid_column, whole * book.last_price[paid_column] * book.multiplier[paid_column])
    return whole


@njit(cache=True)
def split_exactly(book: Table, cash: Vector, column: int, numerator: int, denominator: int) -> None:
    """Split `denominator` old shares into `numerator` new ones.

    n' = trunc(n·numerator/denominator) in whole numbers; the fraction is paid at market value (last price as of before
    the split, scaled); cost basis and last price scale by denominator/numerator. A holding that vanishes keeps basis 0.
    """
    side = 1 if book.amount[column] > 0 else -1
    held = abs(book.amount[column])
    lots, odd = held // denominator, held % denominator * numerator  # n·numerator could be beyond int64
    whole = side * (lots * numerator + odd // denominator)
    fraction = side * (odd % denominator) / denominator
    ratio = denominator / numerator
    book.last_price[column] *= ratio
    book.cost_basis[column] = book.cost_basis[column] * ratio if whole != 0 else 0.0
    book.amount[column] = whole
    move_cash(book, cash, column, fraction * book.last_price[column] * book.multiplier[column])


def split_rounded(book: Book, column: int, ratio: float) -> None:
    """Split as the original engine does: trunc(n/ratio), basis rounded to cents, fraction paid at that basis.

    Not compiled: only the interpreter rounds decimals correctly, and a half cent must fall on the same side.
    """
    raw = int(book.amount[column]) / ratio
    whole = int(raw)
    basis = round(float(book.cost_basis[column]) * ratio, 2)
    book.last_price[column] *= ratio
    book.cost_basis[column] = basis if whole != 0 else 0.0
    book.amount[column] = whole
    paid = round((raw - whole) * basis, 2)
    move_cash(book.table, book.cash, column, paid)
    count_gain(book.table, book.cash, column, paid - (raw - whole) * book.last_price[column] * book.multiplier[column])


LONG_VALUE, SHORT_VALUE, LONG_EXPOSURE, SHORT_EXPOSURE, LONGS, SHORTS = range(6)


@njit(cache=True)
def totals(book: Table, columns: Vector, out: Vector) -> None:
    """Sum the held columns in the given (ascending) order into out[0:6]; short sums are negative."""
    out[:] = 0.0
    for column in columns:
        exposure = book.amount[column] * book.last_price[column] * book.multiplier[column]
        value = 0.0 if book.cash_settled[column] else exposure
        if exposure > 0:
            out[LONG_VALUE] += value
            out[LONG_EXPOSURE] += exposure
            out[LONGS] += 1
        elif exposure < 0:
            out[SHORT_VALUE] += value
            out[SHORT_EXPOSURE] += exposure
            out[SHORTS] += 1


# The figures of a session in the order in which they are written; the other performance columns follow from them.
ROW = (
    "starting_cash",
    "starting_value",
    "starting_exposure",
    "ending_cash",
    "ending_value",
    "ending_exposure",
    "portfolio_value",
    "cash_flow",
    "long_value",
    "short_value",
    "long_exposure",
    "short_exposure",
    "longs_count",
    "shorts_count",
)


@njit(cache=True)
def dividends_of_session(
    book: Table, cash: Vector, dividends: Table, ex_first: Vector, due: Vector, due_first: Vector, session: int
) -> None:
    """Earn the dividends that go ex in this session, then pay those that are due.

    dividends: D rows ascending by ex session, of which ex_first[s] … ex_first[s+1]−1 go ex in session s; due: the rows
    that are ever paid, ascending by pay session, of which due[due_first[s]] … are paid in session s.
    """
    earn_dividends(book, dividends, ex_first[session], ex_first[session + 1])
    pay_dividends(book, cash, dividends, due[due_first[session] : due_first[session + 1]])


@njit(cache=True)
def record_start(cash: Vector, before: Vector, row: Vector) -> None:
    """Write what a session starts with: the cash now, and the value and exposure at the end of the session before."""
    row[0], row[1], row[2] = cash[CASH], before[4], before[5]


@njit(cache=True)
def _check_balance(cash: Vector, equity: float, size: float, session: int) -> None:
    """Compare the equity with base + gain, and begin anew from it; remember the first session that differs."""
    within = abs(equity - cash[BASE] - cash[GAIN]) <= BALANCES_TO * (size + abs(cash[BASE]))
    if not (within and np.isfinite(equity)) and cash[BROKEN] == 0.0:
        cash[BROKEN] = session + 1
        return
    cash[BASE], cash[GAIN] = equity, 0.0


@njit(cache=True)
def _record_sums(cash: Vector, row: Vector, session: int) -> None:
    """Write a session's ending figures, ROW from the fourth on; its sums over the holdings are there already."""
    sums = row[8:14]
    row[3], row[7] = cash[CASH], cash[FLOW]
    row[4], row[5] = sums[LONG_VALUE] + sums[SHORT_VALUE], sums[LONG_EXPOSURE] + sums[SHORT_EXPOSURE]
    row[6] = row[3] + row[4]
    _check_balance(cash, row[6], abs(row[3]) + sums[LONG_VALUE] - sums[SHORT_VALUE], session)


@njit(cache=True)
def record_end(
    book: Table,
    cash: Vector,
    columns: Vector,
    rows: np.ndarray,
    place: int,
    begun: bool,
    holdings: Table,
    count: int,
    session: int,
) -> int:
    """Write a session's ending figures into rows[place] and its holdings from row `count` on; return their new count.

    Unless it has begun (record_start), it starts with what the session before ended with, rows[place − 1].
    """
    row = rows[place]
    if not begun:
        row[0], row[1], row[2] = rows[place - 1, 3], rows[place - 1, 4], rows[place - 1, 5]
    totals(book, columns, row[8:14])
    _record_sums(cash, row, session)
    for column in columns:
        exposure = book.amount[column] * book.last_price[column] * book.multiplier[column]
        holdings.session[count], holdings.column[count] = session, column
        holdings.amount[count], holdings.cost_basis[count] = book.amount[column], book.cost_basis[column]
        holdings.last_price[count] = book.last_price[column]
        holdings.value[count] = 0.0 if book.cash_settled[column] else exposure
        count += 1
    return count


@njit(cache=True)
def run_quiet(
    book: Table,
    cash: Vector,
    columns: Vector,
    dividends: Table,
    ex_first: Vector,
    due: Vector,
    due_first: Vector,
    close: np.ndarray,
    first: int,
    stop: int,
    start_after_dividends: bool,
    rows: np.ndarray,
) -> int:
    """Run the sessions first … stop−1, on which nobody acts and no order is open; return the next session.

    close: float64[R, N] raw closes; rows: float64[n + 1, 14], row 0 the session before `first`. It stops before a
    session in which something held does not trade (its price has to be looked up) and after one that does not balance.
    Holdings are not written: amounts and cost bases stay as they are, prices are the closes.
    """
    session = first
    while session < stop and cash[BROKEN] == 0.0 and _all_trade(columns, close[session]):
        before, row = rows[session - first], rows[session - first + 1]
        if not start_after_dividends:
            record_start(cash, before, row)
        dividends_of_session(book, cash, dividends, ex_first, due, due_first, session)
        if start_after_dividends:
            record_start(cash, before, row)
        _revalue(book, cash, columns, close[session], row[8:14])
        _record_sums(cash, row, session)
        session += 1
    return session
