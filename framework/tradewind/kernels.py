"""The arithmetic of the ledger on plain arrays, compiled.

Every function here changes only the arrays it is given. A book is a set of float64/int64 vectors with one entry per
column (asset); `cash` holds the figures that belong to none: CASH (the balance), FLOW (the sum of everything that ever
moved it: trades, commissions, dividends, fractions) and the three of the identity below. For a holding of n shares with
multiplier m at price p,

    value    = 0        if the column is cash-settled (a future), else n·p·m
    exposure = n·p·m    in both cases

A cash-settled column pays n·Δp·m into cash whenever its price is marked, so that its value stays 0. Prices given to a
kernel are finite: the callers keep NaN out.

Gains are counted a second time, apart from values and cash: n·Δp·m whenever a price changes, commissions as losses,
dividends as they are paid. In every column value + flow = gain, and over all of them, session by session,

    cash + Σ value = BASE + GAIN,   BASE the equity at the end of the session before and what came from outside since
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

CASH, FLOW, GAIN, BASE, BROKEN = range(5)
BALANCES_TO = 1e-9  # of cash, values and base taken together
Vector = np.ndarray


class Book(NamedTuple):
    """The vectors of a ledger: one entry per column, and the figures that belong to no column."""

    amount: np.ndarray  # int64[N] signed shares
    cost_basis: np.ndarray  # float64[N] currency a share
    last_price: np.ndarray  # float64[N] last known price, raw
    multiplier: np.ndarray  # float64[N]
    cash_settled: np.ndarray  # bool[N]
    cash: np.ndarray  # float64[5] CASH, FLOW, GAIN, BASE, and BROKEN: 1 + the first session that did not balance, 0
    flow: np.ndarray  # float64[N] cash moved on the column's account since the start
    gain: np.ndarray  # float64[N] gains since the start


def new_book(columns: int, capital: float) -> Book:
    """Return an empty book with `capital` in cash; multipliers are 1 and nothing is cash-settled."""
    return Book(
        amount=np.zeros(columns, dtype=np.int64),
        cost_basis=np.zeros(columns),
        last_price=np.zeros(columns),
        multiplier=np.ones(columns),
        cash_settled=np.zeros(columns, dtype=np.bool_),
        cash=np.array([capital, 0.0, 0.0, capital, 0.0]),
        flow=np.zeros(columns),
        gain=np.zeros(columns),
    )


@njit(cache=True)
def move_cash(book: Book, column: int, value: float) -> None:
    """Add `value` to the balance and to the flow, on a column's account."""
    book.cash[CASH] += value
    book.cash[FLOW] += value
    book.flow[column] += value


@njit(cache=True)
def count_gain(book: Book, column: int, value: float) -> None:
    """Count a gain of a column."""
    book.gain[column] += value
    book.cash[GAIN] += value


@njit(cache=True)
def _settle(book: Book, column: int, price: float) -> None:
    """Pay a cash-settled column's gain since its last price, n·(p − p_last)·m, and take `price` as the last one."""
    gain = book.amount[column] * (price - book.last_price[column]) * book.multiplier[column]
    count_gain(book, column, gain)
    if book.cash_settled[column]:
        move_cash(book, column, gain)
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
def apply_fill(book: Book, column: int, amount: int, price: float) -> None:
    """Book one fill: cash −= n·p·m (nothing for a cash-settled column), then position and cost basis."""
    _settle(book, column, price)
    if not book.cash_settled[column]:
        move_cash(book, column, -(price * amount * book.multiplier[column]))
    held = book.amount[column]
    book.cost_basis[column] = _cost_basis_after(held, book.cost_basis[column], amount, price)
    book.amount[column] = held + amount


@njit(cache=True)
def apply_commission(book: Book, column: int, cost: float) -> None:
    """Book one commission: cash −= cost, and cost basis = (cb·n·m + cost)/(n·m) while the position is open."""
    move_cash(book, column, -cost)
    count_gain(book, column, -cost)
    held = book.amount[column] * book.multiplier[column]
    if held != 0:
        book.cost_basis[column] = (book.cost_basis[column] * held + cost) / held


@njit(cache=True)
def charge(book: Book, interest: float, columns: Vector, fees: Vector) -> None:
    """Add interest to the cash, and take the fees of columns from it."""
    book.cash[CASH] += interest
    book.cash[FLOW] += interest
    book.cash[GAIN] += interest
    for i in range(len(columns)):
        move_cash(book, columns[i], -fees[i])
        count_gain(book, columns[i], -fees[i])


@njit(cache=True)
def apply_fills(book: Book, columns: Vector, amounts: Vector, prices: Vector, commissions: Vector) -> None:
    """Book the fills of one bar in order, then their commissions (those above 0)."""
    for i in range(len(columns)):
        apply_fill(book, columns[i], amounts[i], prices[i])
    for i in range(len(columns)):
        if commissions[i] > 0.0:
            apply_commission(book, columns[i], commissions[i])


@njit(cache=True)
def mark(book: Book, columns: Vector, prices: Vector) -> None:
    """Take new prices for the held columns; a NaN keeps the old price."""
    for i in range(len(columns)):
        if not np.isnan(prices[i]):
            _settle(book, columns[i], prices[i])


@njit(cache=True)
def earn_dividends(book: Book, columns: Vector, amounts: Vector, first: int, last: int, owed: Vector) -> None:
    """Remember amount·shares of the dividends first..last−1 (negative for a short) in owed[row]."""
    for row in range(first, last):
        owed[row] = amounts[row] * book.amount[columns[row]]


@njit(cache=True)
def pay_dividends(book: Book, columns: Vector, rows: Vector, owed: Vector) -> None:
    """Pay what those dividends owe, once."""
    for row in rows:
        if owed[row] != 0.0:
            move_cash(book, columns[row], owed[row])
            count_gain(book, columns[row], owed[row])
            owed[row] = 0.0


@njit(cache=True)
def earn_stock_dividends(book: Book, columns: Vector, first: int, last: int, owed: Vector) -> None:
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
def pay_stock_dividend(book: Book, paid_column: int, earning: float, ratio: float, price: float, dilutes: bool) -> int:
    """Credit trunc(shares·ratio) shares of `paid_column`; return them.

    With `dilutes`, the old cost is spread over the grown holding and the fraction is paid at `price` (0 when unknown);
    without, the new shares come in at cost 0 only if nothing was held, the fraction is lost, and
    `price` only marks a new holding.
    """
    exact = _near_whole(earning * ratio)
    whole = int(exact)
    held = book.amount[paid_column]
    total = held + whole
    if dilutes:
        if total != 0:
            book.cost_basis[paid_column] = book.cost_basis[paid_column] * held / total
        if not np.isnan(price):
            fraction = (exact - whole) * price * book.multiplier[paid_column]
            move_cash(book, paid_column, fraction)
            count_gain(book, paid_column, fraction)
    elif held == 0:
        book.cost_basis[paid_column] = 0.0
    if held == 0:
        book.last_price[paid_column] = 0.0 if np.isnan(price) else price
    book.amount[paid_column] = total
    count_gain(book, paid_column, whole * book.last_price[paid_column] * book.multiplier[paid_column])
    return whole


@njit(cache=True)
def split_exactly(book: Book, column: int, numerator: int, denominator: int) -> None:
    """Split `denominator` old shares into `numerator` new ones.

    n' = trunc(n·numerator/denominator) in whole numbers; the fraction is paid at market value (last price as of before
    the split, scaled); cost basis and last price scale by denominator/numerator. A holding that vanishes keeps basis 0.
    """
    product = book.amount[column] * numerator
    whole = abs(product) // denominator
    if product < 0:
        whole = -whole
    fraction = (product - whole * denominator) / denominator
    ratio = denominator / numerator
    book.last_price[column] *= ratio
    book.cost_basis[column] = book.cost_basis[column] * ratio if whole != 0 else 0.0
    book.amount[column] = whole
    move_cash(book, column, fraction * book.last_price[column] * book.multiplier[column])


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
    move_cash(book, column, paid)
    count_gain(book, column, paid - (raw - whole) * book.last_price[column] * book.multiplier[column])


LONG_VALUE, SHORT_VALUE, LONG_EXPOSURE, SHORT_EXPOSURE, LONGS, SHORTS = range(6)


@njit(cache=True)
def totals(book: Book, columns: Vector, out: Vector) -> None:
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


@njit(cache=True)
def update_held(book: Book, held: Vector, count: int, columns: Vector) -> int:
    """Bring held[:count], the ascending columns with a position, up to date after a touch; return the count."""
    for column in columns:
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
    return count


class DividendTable(NamedTuple):
    """The cash dividends of a bundle by session, and what each owes."""

    column: np.ndarray  # int64[D] ascending by ex session
    amount: np.ndarray  # float64[D] currency a share
    ex_first: np.ndarray  # int64[S+1] rows ex_first[s] … ex_first[s+1]−1 go ex in session s
    pay_row: np.ndarray  # int64[D'] the rows that are ever paid, ascending by pay session
    pay_first: np.ndarray  # int64[S+1] pay_row[pay_first[s]] … are paid in session s
    owed: np.ndarray  # float64[D] earned and not paid yet


class Holdings(NamedTuple):
    """What was held at the end of sessions, one entry a session and column; the first `count` are filled."""

    session: np.ndarray  # int64[K]
    column: np.ndarray  # int64[K]
    amount: np.ndarray  # int64[K]
    cost_basis: np.ndarray  # float64[K]
    last_price: np.ndarray  # float64[K]
    value: np.ndarray  # float64[K]


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
def dividends_of_session(book: Book, table: DividendTable, session: int) -> None:
    """Earn the dividends that go ex in this session, then pay those that are due."""
    earn_dividends(book, table.column, table.amount, table.ex_first[session], table.ex_first[session + 1], table.owed)
    pay_dividends(
        book, table.column, table.pay_row[table.pay_first[session] : table.pay_first[session + 1]], table.owed
    )


@njit(cache=True)
def record_start(book: Book, before: Vector, row: Vector) -> None:
    """Write what a session starts with: the cash now, and the value and exposure at the end of the session before."""
    row[0], row[1], row[2] = book.cash[CASH], before[4], before[5]


@njit(cache=True)
def _check_balance(book: Book, equity: float, size: float, session: int) -> None:
    """Compare the equity with base + gain, and begin anew from it; remember the first session that differs."""
    cash = book.cash
    within = abs(equity - cash[BASE] - cash[GAIN]) <= BALANCES_TO * (size + abs(cash[BASE]))
    if not (within and np.isfinite(equity)) and cash[BROKEN] == 0.0:
        cash[BROKEN] = session + 1
        return
    cash[BASE], cash[GAIN] = equity, 0.0


@njit(cache=True)
def record_end(book: Book, columns: Vector, row: Vector, holdings: Holdings, count: int, session: int) -> int:
    """Write a session's ending figures (ROW from the fourth on) and holdings; return the new count of holdings."""
    sums = row[8:14]
    totals(book, columns, sums)
    row[3], row[7] = book.cash[CASH], book.cash[FLOW]
    row[4], row[5] = sums[LONG_VALUE] + sums[SHORT_VALUE], sums[LONG_EXPOSURE] + sums[SHORT_EXPOSURE]
    row[6] = row[3] + row[4]
    _check_balance(book, row[6], abs(row[3]) + sums[LONG_VALUE] - sums[SHORT_VALUE], session)
    for column in columns:
        exposure = book.amount[column] * book.last_price[column] * book.multiplier[column]
        holdings.session[count], holdings.column[count] = session, column
        holdings.amount[count], holdings.cost_basis[count] = book.amount[column], book.cost_basis[column]
        holdings.last_price[count] = book.last_price[column]
        holdings.value[count] = 0.0 if book.cash_settled[column] else exposure
        count += 1
    return count


@njit(cache=True)
def _all_trade(columns: Vector, close: Vector) -> bool:
    """Say whether every column has a price."""
    for column in columns:  # noqa: SIM110 - compiled: a generator would allocate
        if np.isnan(close[column]):
            return False
    return True


@njit(cache=True)
def run_quiet(
    book: Book,
    columns: Vector,
    table: DividendTable,
    close: np.ndarray,
    first: int,
    stop: int,
    start_after_dividends: bool,
    rows: np.ndarray,
    t: int,
    holdings: Holdings,
    count: int,
) -> tuple[int, int]:
    """Run the sessions first … stop−1, on which nobody acts and no order is open; return (next session, count).

    close: float64[R, N] raw closes; rows: float64[T + 1, 14], row t + 1 is session `first`. It stops before a session
    in which something held does not trade (its price has to be looked up) and after one that does not balance.
    """
    session = first
    while session < stop and book.cash[BROKEN] == 0.0 and _all_trade(columns, close[session]):
        row = rows[t + 1]
        if not start_after_dividends:
            record_start(book, rows[t], row)
        dividends_of_session(book, table, session)
        if start_after_dividends:
            record_start(book, rows[t], row)
        for column in columns:
            _settle(book, column, close[session, column])
        count = record_end(book, columns, row, holdings, count, session)
        session += 1
        t += 1
    return session, count
