"""The ledger: the one owner of money. Cash, positions and what is owed to them change here and nowhere else.

    equity = cash + Σ value,   value = n·price·multiplier (0 for a cash-settled column)

A session begins with the dividends: those with today's ex date are earned on the shares held now, then those whose pay
date has come are paid. Splits follow. Fills and their commissions come bar by bar, each bar's fills before its
commissions, and holdings are marked at the bar's close.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from tradewind import kernels
from tradewind.semantics import Semantics
from tradewind_data.adjustments import Actions


@dataclass(frozen=True)
class Totals:
    """The sums over all positions: values, exposures (shorts negative) and counts."""

    long_value: float
    short_value: float
    long_exposure: float
    short_exposure: float
    longs: int
    shorts: int

    @property
    def value(self) -> float:
        """Σ value of all positions."""
        return self.long_value + self.short_value

    @property
    def exposure(self) -> float:
        """Σ exposure of all positions, signed."""
        return self.long_exposure + self.short_exposure


def _first_rows(sessions: np.ndarray, span: int) -> np.ndarray:
    """Return int64[span + 1]: the first row of each session in an ascending column of sessions."""
    return np.searchsorted(sessions, np.arange(span + 1)).astype(np.int64)


class _Payments:
    """The rows of a dividend table by ex session and by pay session, and what each row owes."""

    def __init__(self, ex: np.ndarray, pay: np.ndarray, ever_paid: np.ndarray, span: int) -> None:
        self.owed = np.zeros(len(ex))
        rows = np.flatnonzero(ever_paid)
        self.pay_row = rows[np.argsort(pay[rows], kind="stable")]
        self.ex_first, self.pay_first = _first_rows(ex, span), _first_rows(pay[self.pay_row], span)

    def earned_on(self, session: int) -> range:
        """Return the rows whose ex date is this session."""
        return range(self.ex_first[session], self.ex_first[session + 1])

    def due_on(self, session: int) -> np.ndarray:
        """Return the rows to be paid at this session's start."""
        return self.pay_row[self.pay_first[session] : self.pay_first[session + 1]]

    @property
    def sessions(self) -> np.ndarray:
        """bool[span]: the sessions on which something is earned or paid."""
        return np.asarray((np.diff(self.ex_first) > 0) | (np.diff(self.pay_first) > 0))


class Ledger:
    """Cash and positions of one run: one vector entry per column of the bundle, over a calendar of `span` sessions."""

    def __init__(self, columns: int, span: int, capital: float, actions: Actions, semantics: Semantics) -> None:
        self.book = kernels.Book(columns, capital)
        self._table, self._cash = self.book.table, self.book.cash
        self.starting_cash = capital
        self._from_outside, self._base, self._growth = 0.0, capital, 1.0
        self._actions, self._semantics = actions, semantics
        self._held = np.zeros(columns + 1, dtype=np.int64)
        self.held = self._held[:0]  # the columns with a position, ascending (a view; do not write)
        self._sums = np.zeros(6)
        self._balances, self._values = self.book.cash.data, self._sums.data  # their numbers as plain floats
        self._summed = False  # whether the sums are those of the book as it stands
        self._totals: Totals | None = None  # the sums, once they were asked for
        self._cash_settles = False  # whether some column pays its gains into cash when it is marked
        self.mark_first: Callable[[], None] | None = None
        self.priced_at: Callable[[int], int | None] = lambda column: None  # what the views ask it for
        cash, stock = actions.dividends, actions.stock_dividends
        always = semantics.pay_on_next_session
        paid = _Payments(cash.ex, cash.pay, cash.pay_is_session | always, span)
        self._dividends = np.zeros(len(cash.column), dtype=kernels.DIVIDEND)
        self._dividends["column"], self._dividends["amount"] = cash.column, cash.amount
        self._dividend_rows = paid.ex_first, paid.pay_row, paid.pay_first
        self._stock_dividends = _Payments(stock.ex, stock.pay, stock.pay_is_session | always, span)
        self.sessions_with_dividends = paid.sessions | self._stock_dividends.sessions
        self.sessions_with_stock = self._stock_dividends.sessions

    def trade_contracts(self, multiplier: np.ndarray, cash_settled: np.ndarray) -> None:
        """Tell the book what a point of each column is worth (float64[N]), and which settle in cash (bool[N])."""
        self.book.multiplier[:], self.book.cash_settled[:] = multiplier, cash_settled
        self._cash_settles = bool(cash_settled.any())

    @property
    def cash(self) -> float:
        """The balance; negative when more was bought than there was cash."""
        if self.mark_first is not None and self._cash_settles:
            self.marked()
        return self._balances[kernels.CASH]

    @property
    def flow(self) -> float:
        """The sum of everything that ever moved cash: trades, gains of contracts, commissions, dividends, fractions."""
        if self.mark_first is not None and self._cash_settles:
            self.marked()
        return self._balances[kernels.FLOW]

    def marked(self) -> kernels.Book:
        """Return the book with the holdings valued now: in a minute run they are marked when somebody looks."""
        if self.mark_first is not None:
            mark, self.mark_first = self.mark_first, None
            mark()
        return self.book

    def _sum(self) -> None:
        """Sum the positions at their last prices, where that is not done yet."""
        if self.mark_first is not None:
            self.marked()
        if not self._summed:
            kernels.totals(self._table, self.held, self._sums)
            self._summed, self._totals = True, None

    @property
    def totals(self) -> Totals:
        """The sums over the positions at their last prices."""
        self._sum()
        if self._totals is None:
            long_value, short_value, long_exposure, short_exposure, longs, shorts = self._values
            self._totals = Totals(long_value, short_value, long_exposure, short_exposure, int(longs), int(shorts))
        return self._totals

    @property
    def equity(self) -> float:
        """cash + Σ value."""
        self._sum()
        return self._balances[kernels.CASH] + (self._values[kernels.LONG_VALUE] + self._values[kernels.SHORT_VALUE])

    @property
    def gain(self) -> float:
        """What the equity is above the capital put in: equity − starting cash − Σ capital changes."""
        return self.equity - self.starting_cash - self._from_outside

    @property
    def growth(self) -> float:
        """Π equity before / equity after the previous capital change, up to now: 1 + the return since the start."""
        return self._growth * self.equity / self._base

    def change_capital(self, delta: float) -> None:
        """Add `delta` to the cash; it is no gain, and no flow of trading either."""
        self._growth, self._base = self.growth, self.equity + delta
        self._from_outside += delta
        self.book.cash[kernels.CASH] += delta
        self.book.cash[kernels.BASE] += delta

    def charge(self, interest: float, columns: np.ndarray, fees: np.ndarray) -> None:
        """Book interest on the cash (negative: paid) and the borrowing fees of columns."""
        kernels.charge(self._table, self._cash, interest, columns, fees)

    @np.errstate(invalid="ignore")  # the figures may be infinite: the books are broken
    def worst_column(self) -> int | None:
        """Return the column whose value + flow is furthest from its gain, None when all agree: then it is the cash."""
        book = self.book
        value = np.where(book.cash_settled, 0.0, book.amount * book.last_price * book.multiplier)
        off = np.abs(value + book.flow - book.gain)
        worst = int(np.argmax(np.where(np.isfinite(off), off, np.inf)))
        missing = abs(self.equity - book.cash[kernels.BASE] - book.cash[kernels.GAIN])
        agrees = off[worst] < 0.5 * missing if np.isfinite(missing) else np.isfinite(off[worst])
        return None if agrees else worst

    @property
    def owed_dividends(self) -> float:
        """Cash dividends earned and not paid yet; not part of equity."""
        return float(self._dividends["owed"].sum())

    def start_of_session(self, session: int, price_before: Callable[[int, int], float]) -> None:
        """Earn the dividends that go ex today, then pay those that are due.

        price_before(column, session): the last known price of a column before a session, NaN for none.
        """
        if not self.sessions_with_dividends[session]:
            return
        kernels.dividends_of_session(self._table, self._cash, self._dividends, *self._dividend_rows, session)
        self._summed = False
        if self.sessions_with_stock[session]:
            self._earn_and_pay_stock(session, price_before)

    def _earn_and_pay_stock(self, session: int, price_before: Callable[[int, int], float]) -> None:
        table, payments = self._actions.stock_dividends, self._stock_dividends
        earned = payments.earned_on(session)
        kernels.earn_stock_dividends(self._table, table.column, earned.start, earned.stop, payments.owed)
        for row in payments.due_on(session):
            if payments.owed[row] != 0.0:
                self._pay_stock(session, row, price_before)
            payments.owed[row] = 0.0

    def _pay_stock(self, session: int, row: int, price_before: Callable[[int, int], float]) -> None:
        """Credit the shares of one stock dividend; a fraction and a new holding are worth the last known price."""
        table, dilutes = self._actions.stock_dividends, self._semantics.stock_dividend_dilutes
        column, earning, ratio = int(table.paid_column[row]), self._stock_dividends.owed[row], float(table.ratio[row])
        price = price_before(column, session) if dilutes else 0.0
        kernels.pay_stock_dividend(self._table, self._cash, column, earning, ratio, price, dilutes)
        self._touched(np.array([column]))

    def apply_split(self, column: int, numerator: int, denominator: int) -> None:
        """Turn `denominator` old shares of a holding into `numerator` new ones; the fraction is paid in cash.

        Shares that a stock dividend still owes are split with it.
        """
        if self._semantics.stock_dividend_dilutes:
            owing, owed = self._actions.stock_dividends.paid_column == column, self._stock_dividends.owed
            owed[owing] = owed[owing] * numerator / denominator
        if self.book.amount[column] == 0:
            return
        if self._semantics.exact_splits:
            kernels.split_exactly(self._table, self._cash, column, numerator, denominator)
        else:
            kernels.split_rounded(self.book, column, denominator / numerator)
        self._touched(np.array([column]))

    def apply_fills(self, fills: np.ndarray, first: int, last: int) -> None:
        """Book the rows first … last−1 of matching.FILL, those of one bar, in order, then their commissions."""
        held = len(self.held)
        self._hold(kernels.apply_fills(self._table, self._cash, self._held, held, fills, first, last))
        self._summed = False

    def mark(self, columns: np.ndarray, prices: np.ndarray) -> None:
        """Value the held columns at new prices; NaN keeps the old one."""
        kernels.mark(self._table, self._cash, columns, prices)
        self._summed = False

    def mark_row(self, prices: np.ndarray) -> bool:
        """Value every holding at its entry of prices (float64[N]); do nothing and say False when one of them is NaN."""
        self._summed = bool(kernels.mark_row(self._table, self._cash, self.held, prices, self._sums))
        self._totals = None
        return self._summed

    def _hold(self, count: int) -> None:
        """Let the first entries of the list of held columns be those that count; the view is made when it changes."""
        if count != len(self.held):
            self.held = self._held[:count]

    def _touched(self, columns: np.ndarray) -> None:
        """Bring the list of held columns up to date."""
        self._hold(kernels.update_held(self._table, self._held, len(self.held), columns))
        self._summed = False

    def run_quiet(self, close: np.ndarray, first: int, stop: int, rows: np.ndarray) -> int:
        """Run sessions on which nobody acts in one compiled loop; kernels.run_quiet says what is written where."""
        after = not self._semantics.pnl_includes_dividends
        self._summed = False
        return kernels.run_quiet(
            self._table, self._cash, self.held, self._dividends, *self._dividend_rows, close, first, stop, after, rows
        )
