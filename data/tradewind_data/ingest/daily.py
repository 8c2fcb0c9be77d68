"""Daily bars of one symbol: the rules a row must keep, and the arrays the file becomes.

A row whose prices are all empty or all 0, with volume empty or 0, is a session without a trade. Otherwise every price
is finite and, but for contracts, > 0, high ≥ low, and volume is finite and ≥ 0. Rows may come in any order; each date
once. A row that breaks a rule goes into quarantine (quality.py), or ends the ingest when that is strict. ``dividend``:
cash a share going ex on that date (empty or 0 = none). ``split``: new shares for one old (empty, 0 or 1 = none).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import numpy as np

from tradewind_data.errors import BadInputFile
from tradewind_data.gridfile import FloatArray
from tradewind_data.ingest.delimited import (
    DATE,
    NUMBER,
    InputTable,
    TogetherRead,
    Wanted,
    read_input,
    refuse_time_of_day,
)
from tradewind_data.ingest.quality import Flaws
from tradewind_data.ingest.series import Jump, check_series
from tradewind_data.ingest.spool import AssetBars
from tradewind_data.schema import FIELDS, PRICES
from tradewind_data.sessions import BoolArray, Int64Array, Sessions, date_text
from tradewind_data.tables import NAT

PRICE_COLUMNS = tuple(Wanted(name, NUMBER) for name in FIELDS)
WANTED = (
    Wanted("date", DATE),
    *PRICE_COLUMNS,
    Wanted("dividend", NUMBER, required=False),
    Wanted("split", NUMBER, required=False),
)
_LARGEST_SPLIT = 100_000
_FEWEST_DECIMALS = 3
_FIX = "Correct the value, or empty all prices and the volume of a session without a trade"


@dataclass(frozen=True)
class Listed:
    """Whose bars a file holds.

    lifetime: the first and last day (ns) that the listing allows, NAT for any. contract: prices may be zero or below.
    """

    sid: int
    lifetime: tuple[int, int] = (NAT, NAT)
    contract: bool = False


@dataclass(frozen=True, eq=False)
class Rule:
    """Rows of a file that break a rule: the code of quality.py, the column shown, and the sentence of an error."""

    code: str
    column: str
    wrong: BoolArray
    says: str
    move: str = _FIX


@dataclass(frozen=True, eq=False)
class BarredActions:
    """The rows of a daily file that carry an action: the file (for messages), sid, and the source rows."""

    source: InputTable
    sid: int
    splits: Int64Array
    dividends: Int64Array


@dataclass(frozen=True, eq=False)
class DailyFile:
    """What one file came to: its bars (None when no row is left), its actions, its flaws and leaps."""

    file: str
    rows: int
    bars: AssetBars | None
    actions: BarredActions | None
    flaws: list[Flaws]
    jumps: list[Jump]


Check = Callable[[AssetBars, str], tuple[list[Flaws], list[Jump]]]


def judge(table: InputTable, owner: Listed, strict: bool, check: Check = check_series) -> DailyFile:
    """Check the rows of one file of daily bars; the calendar is asked later.

    strict: the first row that breaks a rule is a
    BadInputFile. check: what looks at the rows that are left as a series.
    """
    file = table.file
    if not len(table):
        raise BadInputFile(file, "it has a header but no rows", "Add the bars, or remove the file")
    table.refuse(table["date"] == NAT, "date", "the date is empty", "Write the date of the bar")
    refuse_time_of_day(table, "date")
    values, rules = checked(table, owner.contract)
    rules.append(_outside(table["date"], owner.lifetime))
    good, flaws = sift(table, "date", owner.sid, values, rules, strict)
    labels = table["date"][good]
    if not len(labels):
        return DailyFile(file, len(table), None, None, flaws, [])
    bars = AssetBars(owner.sid, labels, values[:, good])
    found, jumps = check(bars, file)
    return DailyFile(file, len(table), _traded(bars), _actions(table, owner.sid), flaws + found, jumps)


def judge_together(
    read: TogetherRead, owners: Sequence[Listed], strict: bool, check: Check = check_series
) -> list[DailyFile]:
    """What ``judge`` says of each file, the rules of single rows asked of all rows at once.

    Only where one is broken, or a file has actions of its own, are the files judged one by one.
    """
    values = np.stack([read.columns[name] for name in FIELDS])
    values += 0.0  # a negative zero becomes a zero
    dates, ends, whole = read.columns["date"], read.ends.tolist(), _faultless(read, values)
    out, lo = [], 0
    for table, owner, hi in zip(read.tables, owners, ends, strict=True):
        if whole and lo < hi and _within(dates[lo], dates[hi - 1], owner.lifetime):
            bars = AssetBars(owner.sid, dates[lo:hi], values[:, lo:hi])
            out.append(DailyFile(table.file, hi - lo, bars, None, *check(bars, table.file)))
        else:
            out.append(judge(table, owner, strict, check))
        lo = hi
    return out


def _faultless(read: TogetherRead, values: FloatArray) -> bool:
    """Whether every row keeps every rule, in ascending order within its file, and none has an action."""
    dates, inner = read.columns["date"], read.ends[(read.ends > 0) & (read.ends < read.ends[-1])]
    if not len(dates) or not _plain(values) or "split" in read.columns or "dividend" in read.columns:
        return False
    rising = np.diff(dates) > 0
    rising[inner - 1] = True
    high, low = values[FIELDS.index("high")], values[FIELDS.index("low")]
    return bool(rising.all() and dates.min() != NAT and (high >= low).all())


def _within(first: int, last: int, lifetime: tuple[int, int]) -> bool:
    return bool(first >= lifetime[0] and (last <= lifetime[1] or lifetime[1] == NAT))


def _traded(bars: AssetBars) -> AssetBars | None:
    """The bars from the first to the last trade: a life does not end in rows without one. None without any trade."""
    close = bars.values[3]
    if not np.isnan(close[0]) and not np.isnan(close[-1]):
        return bars
    traded = np.flatnonzero(~np.isnan(close))
    if len(traded) == 0:
        return None
    span = slice(int(traded[0]), int(traded[-1]) + 1)
    return AssetBars(bars.sid, bars.labels[span], bars.values[:, span])


def _outside(dates: Int64Array, lifetime: tuple[int, int]) -> Rule:
    first, last = lifetime
    span = f"{'…' if first == NAT else date_text(first)} … {'…' if last == NAT else date_text(last)}"
    wrong = (dates < first) | ((dates > last) & (last != NAT))
    says = f"it lies outside the asset's lifetime {span} of assets.csv"
    return Rule("outside_lifetime", "date", wrong, says, "Correct the one or the other")


def checked(table: InputTable, contract: bool = False) -> tuple[FloatArray, list[Rule]]:
    """(float64[5, n] in the file's order, the rules with their rows); NaN prices and volume 0 = no trade.

    contract: prices may be zero or below.
    """
    values = np.stack([table[name] for name in FIELDS])
    values += 0.0  # a negative zero becomes a zero
    rules = [] if _plain(values) else _doubtful(values, contract)
    high, low = values[FIELDS.index("high")], values[FIELDS.index("low")]
    rule = "the high of a bar is not below its low"
    rules.append(Rule("high_below_low", "high", high < low, rule, "Correct the prices of this row"))
    return values, rules


def _plain(values: FloatArray) -> bool:
    """Whether every price is finite and > 0 and every volume finite and ≥ 0; a NaN makes each comparison false."""
    return bool(values[: len(PRICES)].min() > 0 and values[-1].min() >= 0 and values.max() < np.inf)


def _doubtful(values: FloatArray, contract: bool) -> list[Rule]:
    """The rules of single values; rows of a session without a trade are made NaN and 0 in place."""
    prices, volume = values[: len(PRICES)], values[-1]
    none = (np.isnan(prices) | (prices == 0)).all(axis=0)
    idle = none & (np.isnan(volume) | (volume == 0))
    values[: len(PRICES), idle] = np.nan
    values[-1, idle] = 0.0
    empty = np.isnan(prices).all(axis=0) if contract else none
    return list(_value_rules(values, ~idle, empty & ~idle & (volume > 0), contract))


def _value_rules(values: FloatArray, live: BoolArray, unpriced: BoolArray, contract: bool) -> Iterator[Rule]:
    if unpriced.any():
        yield Rule("volume_without_price", "volume", unpriced, "there is volume, but no price")
    bad = live & ~np.isfinite(values).all(axis=0)
    bad |= live & (((values[: len(PRICES)] <= 0).any(axis=0) & (not contract)) | (values[-1] < 0))
    if not bad.any():
        return
    for i, name in enumerate(FIELDS):
        missing = np.isnan(values[i]) & live
        yield Rule("missing_field", name, missing, f"{name} is missing in a row that has other values")
        yield Rule("not_finite", name, np.isinf(values[i]), f"{name} must be finite")
        if name == "volume":
            yield Rule("negative_volume", name, values[i] < 0, "volume must be at least 0")
        elif not contract:
            yield Rule("not_positive", name, values[i] <= 0, "a price must be greater than 0")


def sift(
    table: InputTable, time: str, sid: int, values: FloatArray, rules: list[Rule], strict: bool
) -> tuple[Int64Array | slice, list[Flaws]]:
    """(rows that keep every rule, ascending by time, each time once; the flaws of the others)."""
    flaws: list[Flaws] = []
    if ascends(table[time]) and not any(rule.wrong.any() for rule in rules):
        return slice(None), flaws
    left = np.ones(len(table), dtype=bool)
    for rule in rules:
        broken = rule.wrong & left
        if broken.any():
            if strict:
                table.refuse(broken, rule.column, rule.says, rule.move)
            flaws.append(_quarantined(rule.code, table, time, sid, values, np.flatnonzero(broken), rule.column))
            left &= ~broken
    rows = np.flatnonzero(left)
    times = table[time][rows]
    if not ascends(times):
        rows, repeated = _once(rows, times)
        if len(repeated):
            if strict:
                _refuse_repeated(table, time, rows, int(repeated[0]))
            flaws.append(_quarantined("duplicate", table, time, sid, values, repeated, time))
    return rows, flaws


def ascends(times: Int64Array) -> bool:
    """Whether each time is later than the one before it."""
    return bool((times[1:] > times[:-1]).all())


def _once(rows: Int64Array, times: Int64Array) -> tuple[Int64Array, Int64Array]:
    """(rows ascending by time, the first of each; the rows that repeat a time)."""
    order = np.argsort(times, kind="stable")
    again = np.append(False, np.diff(times[order]) == 0)
    return rows[order[~again]], rows[order[again]]


def _refuse_repeated(table: InputTable, time: str, rows: Int64Array, second: int) -> None:
    first = int(rows[np.searchsorted(table[time][rows], table[time][second])])
    rule = f"the {time} is already on line {table.line(first)}"
    raise table.bad(second, time, rule, f"Keep one bar a {time}")


def _quarantined(
    code: str, table: InputTable, time: str, sid: int, values: FloatArray, rows: Int64Array, column: str
) -> Flaws:
    shown = tuple(f"{column} {_text(table, column, row)}" for row in rows.tolist())
    return Flaws(code, sid, table[time][rows], shown, table.file, table.lines(rows), values[:, rows])


def _text(table: InputTable, column: str, row: int) -> str:
    value = table[column][row]
    return date_text(int(value)) if isinstance(value, np.integer) else f"{value:g}"


def refuse_stranger(path: Path, file: str, label: int, sessions: Sessions) -> BadInputFile:
    """The error that a file's bar of that date (ns) falls on no session."""
    table = read_input(path, file, WANTED)
    rule = f"it is no session of the calendar {sessions.calendar}"
    move = "Remove the row, or ingest with the calendar of these prices (--calendar)"
    return table.bad(int(np.argmax(table["date"] == label)), "date", rule, move)


def with_lines(path: Path, flaws: list[Flaws]) -> list[Flaws]:
    """The flaws of a file, one date each, with the lines on which the dates stand."""
    table = read_input(path, flaws[0].file, WANTED)
    rows = np.array([int(np.argmax(table["date"] == flaw.times[0])) for flaw in flaws])
    lines = table.lines(rows)
    return [replace(flaw, lines=lines[i : i + 1]) for i, flaw in enumerate(flaws)]


def _actions(table: InputTable, sid: int) -> BarredActions | None:
    growth = table["split"] if "split" in table else np.empty(0)
    paid = table["dividend"] if "dividend" in table else np.empty(0)
    table_rows = np.flatnonzero(~np.isnan(growth) & (growth != 0) & (growth != 1))
    wrong = (paid < 0) | np.isinf(paid)
    if wrong.any():
        rule = "a dividend must be finite and at least 0"
        table.refuse(wrong, "dividend", rule, "Correct it, or leave the cell empty")
    dividends = np.flatnonzero(paid > 0)
    if not len(table_rows) and not len(dividends):
        return None
    # The error messages of the actions need the file, not its five thousand bars.
    kept = np.union1d(table_rows, dividends)
    columns = {name: table[name][kept] for name in ("date", "split", "dividend") if name in table}
    source = InputTable(table.path, table.file, columns, kept)
    return BarredActions(source, sid, np.searchsorted(kept, table_rows), np.searchsorted(kept, dividends))


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
