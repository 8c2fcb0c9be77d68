"""The ledger against a plain model: dicts and fractions, no numpy, every rule of money written a second time."""

from fractions import Fraction

import numpy as np
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from tradewind.ledger import Ledger
from tradewind.matching import FILL
from tradewind.semantics import TRADEWIND
from tradewind_data.adjustments import Actions, Dividends, Mergers, Splits, StockDividends

COLUMNS = 4
SESSIONS = 60
CAPITAL = 1_000_000
FUTURE = 3  # this column is cash-settled, with a multiplier of 50

columns = st.integers(0, COLUMNS - 1)
amounts = st.integers(-5_000, 5_000).filter(bool)
prices = st.integers(1, 64_000).map(lambda n: n / 64)  # exact in binary
costs = st.integers(0, 640).map(lambda n: n / 64)
ratios = st.sampled_from([(2, 1), (3, 1), (3, 2), (7, 1), (1, 10), (1, 3)])


def whole(*values):
    return np.array(values, dtype=np.int64)


def calendar_of_dividends():
    """Column c pays c + 0.25 on the sessions divisible by c + 3, two sessions later."""
    rows = [(s, s + 2, c) for s in range(1, SESSIONS) for c in range(COLUMNS - 1) if s % (c + 3) == 0]
    rows.sort()
    ex, pay, column = (whole(*part) for part in zip(*rows, strict=True))
    return Dividends(column, ex, pay, np.ones(len(rows), dtype=bool), column + 0.25)


def actions():
    none, real = whole(), np.empty(0)
    return Actions(
        splits=Splits(none, none, none, none),
        dividends=calendar_of_dividends(),
        stock_dividends=StockDividends(none, none, none, none, np.empty(0, dtype=bool), real),
        mergers=Mergers(none, none, real, none, real),
    )


class LedgerMachine(RuleBasedStateMachine):
    """Random trades, marks, splits and sessions; after each step both sides must agree."""

    @initialize()
    def open_books(self):
        self.ledger = Ledger(COLUMNS, SESSIONS + 4, float(CAPITAL), actions(), TRADEWIND)
        self.ledger.book.multiplier[FUTURE] = 50.0
        self.ledger.book.cash_settled[FUTURE] = True
        self.dividends = calendar_of_dividends()
        self.session = 0
        self.cash = Fraction(CAPITAL)
        self.shares = dict.fromkeys(range(COLUMNS), 0)
        self.basis = dict.fromkeys(range(COLUMNS), Fraction(0))
        self.last = dict.fromkeys(range(COLUMNS), Fraction(0))
        self.owed = {}

    def multiplier(self, column):
        return 50 if column == FUTURE else 1

    def settle(self, column, price):
        if column == FUTURE:
            self.cash += self.shares[column] * (price - self.last[column]) * 50
        self.last[column] = price

    @rule(trades=st.lists(st.tuples(columns, amounts, prices, costs), min_size=1, max_size=4))
    def fill(self, trades):
        fills = np.array([(-1, *trade, 0) for trade in trades], dtype=FILL)
        self.ledger.apply_fills(fills, 0, len(fills))
        for c, n, p, _ in trades:
            self.model_fill(c, n, Fraction(p))
        for c, _, _, k in trades:
            self.cash -= Fraction(k)
            if self.shares[c] != 0:
                self.basis[c] += Fraction(k) / (self.shares[c] * self.multiplier(c))

    def model_fill(self, c, n, p):
        self.settle(c, p)
        if c != FUTURE:
            self.cash -= n * p
        before, after = self.shares[c], self.shares[c] + n
        if after == 0:
            self.basis[c] = Fraction(0)
        elif before == 0 or (before > 0) != (after > 0):
            self.basis[c] = p
        elif abs(after) > abs(before):
            self.basis[c] = (self.basis[c] * before + n * p) / after
        self.shares[c] = after

    @rule(price=prices)
    def mark(self, price):
        held = self.ledger.held.copy()
        marks = np.where(held == 1, np.nan, price)  # column 1 has no price today and keeps its old one
        self.ledger.mark(held, marks)
        for c, n in self.shares.items():
            if n != 0 and c != 1:
                self.settle(c, Fraction(price))

    @rule(column=st.integers(0, COLUMNS - 2), ratio=ratios)
    def split(self, column, ratio):
        new, old = ratio
        self.ledger.apply_split(column, new, old)
        if self.shares[column] == 0:
            return
        exact = Fraction(self.shares[column] * new, old)
        kept = int(exact)
        self.last[column] *= Fraction(old, new)
        self.basis[column] = self.basis[column] * Fraction(old, new) if kept else Fraction(0)
        self.shares[column] = kept
        self.cash += (exact - kept) * self.last[column]

    @rule()
    def next_session(self):
        if self.session + 3 >= SESSIONS:
            return
        self.session += 1
        self.ledger.start_of_session(self.session, lambda column, session: np.nan)
        for row, (c, ex) in enumerate(zip(self.dividends.column, self.dividends.ex, strict=True)):
            if ex == self.session:
                self.owed[row] = Fraction(self.dividends.amount[row]) * self.shares[int(c)]
        for row, pay in enumerate(self.dividends.pay):
            if pay == self.session:
                self.cash += self.owed.pop(row, Fraction(0))

    @invariant()
    def every_column_accounts_for_its_gains(self):
        book = self.ledger.book
        value = np.where(book.cash_settled, 0.0, book.amount * book.last_price * book.multiplier)
        size = np.abs(value) + np.abs(book.flow) + np.abs(book.gain) + CAPITAL
        assert (np.abs(value + book.flow - book.gain) <= 1e-12 * size).all()
        assert abs(self.ledger.equity - CAPITAL - book.gain.sum()) <= 1e-12 * size.sum()

    @invariant()
    def both_sides_agree(self):
        if not hasattr(self, "ledger"):
            return
        scale = max(1.0, abs(float(self.cash)), *(abs(float(n * self.last[c])) for c, n in self.shares.items()))
        book = self.ledger.book
        assert book.amount.tolist() == list(self.shares.values())
        assert abs(self.ledger.cash - float(self.cash)) <= 1e-11 * scale * 100
        assert self.ledger.held.tolist() == [c for c, n in self.shares.items() if n != 0]
        for c, n in self.shares.items():
            if n != 0:
                np.testing.assert_allclose(book.cost_basis[c], float(self.basis[c]), rtol=1e-9, atol=1e-9)
                np.testing.assert_allclose(book.last_price[c], float(self.last[c]), rtol=1e-12)
        value = sum(n * self.last[c] for c, n in self.shares.items() if c != FUTURE)
        np.testing.assert_allclose(self.ledger.equity, float(self.cash + value), rtol=1e-9, atol=1e-9 * scale)
        np.testing.assert_allclose(self.ledger.flow, float(self.cash - CAPITAL), rtol=1e-9, atol=1e-9 * scale)
        assert abs(self.ledger.owed_dividends - float(sum(self.owed.values()))) <= 1e-9 * scale


TestLedger = LedgerMachine.TestCase
TestLedger.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
