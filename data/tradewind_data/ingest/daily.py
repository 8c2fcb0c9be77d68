"""Daily bars of one symbol: the rules a file must keep, and the arrays it becomes.

A row whose prices are all empty or all 0, with volume empty or 0, is a session without a trade. Otherwise every price
is finite and > 0, high ≥ low, and volume is finite and ≥ 0. Rows may come in any order; each date once. ``dividend``:
cash a share going ex on that date (empty or 0 = none). ``split``: new shares for one old (empty, 0 or 1 = none).
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import numpy as np

from tradewind_data.adjustments import FloatArray
from tradewind_data.errors import BadInputFile
from tradewind_data.ingest.delimited import DATE, NUMBER, InputTable, Wanted, read_input, refuse_time_of_day
from tradewind_data.schema import FIELDS, PRICES
from tradewind_data.sessions import BoolArray, Int64Array, Sessions, date_text
from tradewind_data.tables import NAT

WANTED = (
    Wanted("date", DATE),
    *(Wanted(name, NUMBER) for name in FIELDS),
    Wanted("dividend", NUMBER, required=False),
    Wanted("split", NUMBER, required=False),
)
_LARGEST_SPLIT = 100_000
_FEWEST_DECIMALS = 3


@dataclass(frozen=True, eq=False)
class DailyFile:
    """One checked file: source; order (source row of each entry); labels ascending; values float64[5, n] by FIELDS."""

    source: InputTable
    order: Int64Array
    labels: Int64Array
    values: FloatArray

    def refuse_strangers(self, sessions: Sessions) -> None:
        """BadInputFile for the first date that is no session of the calendar."""
        place = np.searchsorted(sessions.labels, self.labels)
        strange = np.append(sessions.labels, NAT)[place] != self.labels
        if strange.any():
            rule = f"it is no session of the calendar {sessions.calendar}"
            move = "Remove the row, or ingest with the calendar of these prices (--calendar)"
            raise self.source.bad(int(self.order[np.argmax(strange)]), "date", rule, move)

    def refuse_outside(self, first: int, last: int, named: str) -> None:
        """BadInputFile for the first bar outside a lifetime [first, last] (ns) that ``named`` sets."""
        outside = (self.labels < first) | (self.labels > last)
        if outside.any():
            rule = f"it lies outside the asset's lifetime {date_text(first)} … {date_text(last)} of {named}"
            raise self.source.bad(int(self.order[np.argmax(outside)]), "date", rule, "Correct the one or the other")


def read_daily(path: Path, file: str) -> DailyFile:
    """Read and check one file of daily bars; the calendar is asked later (refuse_strangers)."""
    table = read_input(path, file, WANTED)
    if not len(table):
        raise BadInputFile(file, "it has a header but no rows", "Add the bars, or remove the file")
    table.refuse(table["date"] == NAT, "date", "the date is empty", "Write the date of the bar")
    refuse_time_of_day(table, "date")
    values = _checked(table)
    order = np.argsort(table["date"], kind="stable")
    labels = table["date"][order]
    twice = np.flatnonzero(labels[1:] == labels[:-1])
    if len(twice):
        first, second = (int(order[twice[0] + i]) for i in (0, 1))
        rule = f"the date is already on line {table.line(first)}"
        raise table.bad(second, "date", rule, "Keep one bar a date")
    return DailyFile(table, order, labels, np.ascontiguousarray(values[:, order]))


def _checked(table: InputTable) -> FloatArray:
    """float64[5, n] in the file's order: NaN prices and volume 0 where nothing was traded."""
    values = np.stack([table[name] for name in FIELDS])
    idle = _idle(values)
    values[: len(PRICES), idle] = np.nan
    values[-1, idle] = 0.0
    for i, name in enumerate(FIELDS):
        _check_field(table, name, values[i], idle)
    high, low = values[FIELDS.index("high")], values[FIELDS.index("low")]
    rule = "the high of a bar is not below its low"
    table.refuse(high < low, "high", rule, "Correct the prices of this row")
    return values


def _idle(values: FloatArray) -> BoolArray:
    absent = np.isnan(values) | (values == 0)
    return np.asarray(absent.all(axis=0))


def _check_field(table: InputTable, name: str, values: FloatArray, idle: BoolArray) -> None:
    fix = "Correct the value, or empty all prices and the volume of a session without a trade"
    table.refuse(np.isnan(values) & ~idle, name, f"{name} is missing in a row that has other values", fix)
    table.refuse(np.isinf(values), name, f"{name} must be finite", fix)
    if name == "volume":
        table.refuse(values < 0, name, "volume must be at least 0", fix)
    else:
        table.refuse(values <= 0, name, "a price must be greater than 0", fix)


def split_fraction(written: float) -> Fraction | None:
    """The exact ratio that a decimal stands for; None when no ratio of whole numbers up to 100 000 is near.

    First the nearest ratio with a term ≤ 10 beside 1 (1:7, 3:2, 20:3), if rounding it to the decimals that are written
    (at least three) gives the number: splits are published as 0.1429 or 0.667. Else the nearest with a term ≤ 100 000,
    within 10⁻¹² of the number.
    """
    if not 1 / _LARGEST_SPLIT <= written <= _LARGEST_SPLIT:
        return None
    decimals = -int(Decimal(repr(written)).as_tuple().exponent)
    rounding = 0.5 * 10.0**-decimals if decimals >= _FEWEST_DECIMALS else 0.0
    for largest, tolerance in ((10, max(rounding, 1e-12 * written)), (_LARGEST_SPLIT, 1e-12 * written)):
        near = Fraction(max(written, 1 / written)).limit_denominator(largest)
        near = near if written >= 1 else 1 / near
        if abs(float(near) - written) <= tolerance:
            return near
    return None
