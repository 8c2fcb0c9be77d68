"""Financing: interest on cash and fees for borrowed shares. Off unless set_financing() is called in initialize.

At the start of a session, for the d calendar days since the session before, on that session's closing balances:

    cash > 0   earns   cash·cash_rate·d/day_count
    cash < 0   pays   |cash|·debit_rate·d/day_count
    a short    pays   |value|·borrow_fee(asset)·d/day_count

Rates are annual fractions (0.03 = 3 %). A cash-settled column (a future) has no value and pays nothing. The amounts are
part of the session's pnl and returns; the run's totals stand in info["financing"] of the result.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tradewind.errors import BadParameter

NS_A_DAY = 86_400 * 10**9


def _rate(name: str, value: Any) -> float:
    """Return an annual rate as a float; refuse what is not finite."""
    try:
        rate = float(value)
    except (TypeError, ValueError):
        rate = math.nan
    if not math.isfinite(rate):
        raise BadParameter(f"set_financing: {name}", value, "a finite annual rate, such as 0.03")
    return rate


@dataclass(frozen=True)
class Charges:
    """What one session's start costs: interest on the cash (negative: paid), and the fee of each held column."""

    interest: float
    columns: np.ndarray  # int64[n]
    fees: np.ndarray  # float64[n] currency, to be paid


@dataclass
class Financing:
    """The rates of one run. borrow_fees: float64[N], one rate a column."""

    cash_rate: float
    debit_rate: float
    borrow_fees: np.ndarray
    day_count: float
    totals: dict[str, float] = field(
        default_factory=lambda: dict.fromkeys(("interest_earned", "interest_paid", "borrow_fees"), 0.0)
    )

    def charges(self, book: Any, cash: float, held: np.ndarray, nanoseconds: int) -> Charges:
        """Return what is due for a span of time on these balances, and add it to the totals."""
        years = nanoseconds / NS_A_DAY / self.day_count
        interest = cash * (self.cash_rate if cash > 0 else self.debit_rate) * years
        value = np.where(book.cash_settled[held], 0.0, book.amount[held] * book.last_price[held])
        short = -np.minimum(value * book.multiplier[held], 0.0)
        fees = short * self.borrow_fees[held] * years
        owing = np.flatnonzero(fees)
        self.totals["interest_earned"] += max(interest, 0.0)
        self.totals["interest_paid"] += max(-interest, 0.0)
        self.totals["borrow_fees"] += float(fees.sum())
        return Charges(interest, held[owing], fees[owing])


def financing_of(
    cash_rate: Any, debit_rate: Any, borrow_fee: Any, day_count: Any, columns: int, column_of: Any
) -> Financing:
    """Return the financing that set_financing's arguments ask for; column_of maps an asset to its column."""
    by_asset = hasattr(borrow_fee, "items")
    fees = np.full(columns, 0.0 if by_asset else _rate("borrow_fee", borrow_fee))
    for asset, fee in borrow_fee.items() if by_asset else ():
        fees[column_of(asset)] = _rate("borrow_fee", fee)
    days = _rate("day_count", day_count)
    if days <= 0:
        raise BadParameter("set_financing: day_count", day_count, "positive: days in a year of interest, 360 or 365")
    return Financing(_rate("cash_rate", cash_rate), _rate("debit_rate", debit_rate), fees, days)
