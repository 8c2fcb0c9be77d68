"""Corporate actions and classifications of a folder, from their files and from the columns of the daily bars.

    splits.csv           symbol|sid, effective_date, ratio (old/new) | factor (new/old)
    dividends.csv        symbol|sid, ex_date[, pay_date], amount[, declared_date, record_date]
    stock_dividends.csv  symbol|sid, payment_symbol|payment_sid, ex_date[, pay_date], ratio
    mergers.csv          symbol|sid, effective_date, ratio[, acquirer_symbol|acquirer_sid, cash]
    classifications.csv  symbol|sid[, start_date, end_date], scheme, code

A split or dividend that stands both in its file and in the bars' columns counts once.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path

import numpy as np

from tradewind_data import tables
from tradewind_data.errors import BadInputFile, did_you_mean
from tradewind_data.ingest.daily import BarredActions, split_fraction
from tradewind_data.ingest.delimited import (
    DATE,
    NUMBER,
    TEXT,
    InputTable,
    Wanted,
    header_of,
    read_input,
    refuse_time_of_day,
)
from tradewind_data.ingest.listing import Listing
from tradewind_data.schema import TABLES, Column
from tradewind_data.sessions import date_text
from tradewind_data.tables import NAT, Array, Table

_WHO = (Wanted("symbol", TEXT, required=False), Wanted("sid", NUMBER, required=False))


def _optional(kind: str, *names: str) -> tuple[Wanted, ...]:
    return tuple(Wanted(name, kind, required=False) for name in names)


FILES: dict[str, tuple[Wanted, ...]] = {
    "splits": (*_WHO, Wanted("effective_date", DATE), *_optional(NUMBER, "ratio", "factor")),
    "dividends": (
        *_WHO,
        Wanted("ex_date", DATE),
        Wanted("amount", NUMBER),
        *_optional(DATE, "pay_date", "declared_date", "record_date"),
    ),
    "stock_dividends": (
        *_WHO,
        *_optional(TEXT, "payment_symbol"),
        *_optional(NUMBER, "payment_sid"),
        Wanted("ex_date", DATE),
        *_optional(DATE, "pay_date"),
        Wanted("ratio", NUMBER),
    ),
    "mergers": (
        *_WHO,
        Wanted("effective_date", DATE),
        Wanted("ratio", NUMBER),
        *_optional(TEXT, "acquirer_symbol"),
        *_optional(NUMBER, "acquirer_sid", "cash"),
    ),
    "classifications": (
        *_WHO,
        *_optional(DATE, "start_date", "end_date"),
        Wanted("scheme", TEXT),
        Wanted("code", TEXT),
    ),
}


def _passed_over(path: Path, known: Sequence[str]) -> Iterator[str]:
    """A word on each column whose name is nearly one that would have been read."""
    for column in header_of(path, path.name):
        near = did_you_mean(column.strip(), known)
        if near and column.strip().casefold() not in known:
            yield f"{path.name}: the column {column.strip()!r} was passed over.{near}"


class ActionReader:
    """Reads the action files of one folder into the tables of schema.py.

    What deserves a word is kept in ``warnings``.
    """

    def __init__(self, folder: Path, listing: Listing, barred: Sequence[BarredActions]) -> None:
        self._folder, self._listing, self._barred = folder, listing, barred
        self.warnings: list[str] = []

    def read(self) -> dict[str, Table]:
        """The five tables, empty where there is no file."""
        return {
            "splits": self._splits(),
            "dividends": self._dividends(),
            "stock_dividends": self._stock_dividends(),
            "mergers": self._mergers(),
            "classifications": self._classifications(),
        }

    def _source(self, name: str) -> InputTable | None:
        path = self._folder / f"{name}.csv"
        table = read_input(path, path.name, FILES[name]) if path.is_file() else None
        if table is None or not len(table):
            return None
        self.warnings += _passed_over(path, [wanted.name for wanted in FILES[name]])
        return table

    def _splits(self) -> Table:
        filed = self._source("splits")
        parts = [] if filed is None else [self._filed_splits(filed)]
        parts += [self._barred_splits(bars) for bars in self._barred if len(bars.splits)]
        return self._once(_joined("splits", parts), ("sid", "effective_date"), ("numerator", "denominator"))

    def _filed_splits(self, table: InputTable) -> Table:
        dates = _dates(table, "effective_date")
        sids = self._listing.sids_of(table, dates)
        column = "factor" if "factor" in table else "ratio"
        if column not in table:
            rule = "it has neither a column 'ratio' (old/new) nor 'factor' (new/old)"
            raise BadInputFile(table.file, rule, "Add one of them", 1)
        _refuse_not_positive(table, column)
        _refuse_repeated(table, "effective_date", sids, dates)
        return self._split_table(table, column, np.arange(len(table)), sids, dates)

    def _barred_splits(self, bars: BarredActions) -> Table:
        sids = np.full(len(bars.splits), bars.sid, dtype=np.int64)
        return self._split_table(bars.source, "split", bars.splits, sids, bars.source["date"][bars.splits])

    def _split_table(self, table: InputTable, column: str, rows: Array, sids: Array, dates: Array) -> Table:
        found = [self._fraction(table, column, int(row)) for row in rows]
        return {
            "sid": sids,
            "effective_date": dates,
            "numerator": np.array([f.numerator for f in found], dtype=np.int64),
            "denominator": np.array([f.denominator for f in found], dtype=np.int64),
        }

    def _fraction(self, table: InputTable, column: str, row: int) -> Fraction:
        """New shares for one old: the written number, turned over where it is a ratio old/new."""
        written = float(table[column][row])
        exact = split_fraction(written) if written > 0 else None
        if exact is None or exact == 1:
            rule = "a split is a ratio of whole numbers up to 100 000, other than 1:1"
            raise table.bad(row, column, rule, "Write the exact ratio, or remove the row")
        growth = 1 / exact if column == "ratio" else exact
        if abs(float(exact) - written) > 1e-9 * written:
            said = f"{table.file}, line {table.line(row)}: {column} {written!r}"
            self.warnings.append(f"{said} was read as a {growth.numerator}:{growth.denominator} split")
        return growth

    def _dividends(self) -> Table:
        filed = self._source("dividends")
        parts = [] if filed is None else [self._filed_dividends(filed)]
        parts += [_barred_dividends(bars) for bars in self._barred if len(bars.dividends)]
        return self._once(_joined("dividends", parts), ("sid", "ex_date", "amount"), ())

    def _filed_dividends(self, table: InputTable) -> Table:
        ex = _dates(table, "ex_date")
        _refuse_not_positive(table, "amount")
        sids = self._listing.sids_of(table, ex)
        _refuse_repeated(table, "ex_date", sids, ex, table["amount"])
        return {
            "sid": sids,
            "ex_date": ex,
            "pay_date": _pay(table, ex),
            "amount": table["amount"],
            "declared_date": _dates(table, "declared_date", blank=True),
            "record_date": _dates(table, "record_date", blank=True),
        }

    def _stock_dividends(self) -> Table:
        table = self._source("stock_dividends")
        if table is None:
            return tables.empty(TABLES["stock_dividends"])
        ex = _dates(table, "ex_date")
        _refuse_not_positive(table, "ratio")
        return {
            "sid": self._listing.sids_of(table, ex),
            "paid_sid": self._listing.sids_of(table, ex, prefix="payment_"),
            "ex_date": ex,
            "pay_date": _pay(table, ex),
            "ratio": table["ratio"],
        }

    def _mergers(self) -> Table:
        table = self._source("mergers")
        if table is None:
            return tables.empty(TABLES["mergers"])
        dates = _dates(table, "effective_date")
        _refuse_not_positive(table, "ratio")
        cash = np.nan_to_num(table["cash"]) if "cash" in table else np.zeros(len(table))
        if "cash" in table:
            table.refuse((cash < 0) | np.isinf(cash), "cash", "cash must be finite and at least 0", "Correct it")
        sids = self._listing.sids_of(table, dates)
        _refuse_repeated(table, "effective_date", sids, dates)
        return {
            "sid": sids,
            "effective_date": dates,
            "ratio": table["ratio"],
            "acquirer_sid": self._listing.sids_of(table, dates, prefix="acquirer_", blank=True),
            "cash": cash,
        }

    def _classifications(self) -> Table:
        table = self._source("classifications")
        if table is None:
            return tables.empty(TABLES["classifications"])
        start = _dates(table, "start_date", blank=True)
        sids = self._listing.sids_of(table, start)
        for column in ("scheme", "code"):
            table.refuse(table[column] == "", column, f"the {column} is empty", "Write it, or remove the row")
        lifetimes = np.array([self._listing.lifetime(int(sid))[0] for sid in sids], dtype=np.int64)
        end = _dates(table, "end_date", blank=True)
        start = np.where(start == NAT, lifetimes, start)
        table.refuse(
            (end != NAT) & (end < start), "end_date", "it lies before the start_date", "Correct the one or the other"
        )
        return {"sid": sids, "start_date": start, "end_date": end, "scheme": table["scheme"], "code": table["code"]}

    def _once(self, table: Table, keys: tuple[str, ...], values: tuple[str, ...]) -> Table:
        """Collapse what stands in a file and in the bars alike; refuse what they tell differently."""
        table = tables.sort_by(table, *keys)
        same = np.ones(max(tables.length(table) - 1, 0), dtype=bool)
        for key in keys:
            same &= table[key][1:] == table[key][:-1]
        for row in np.flatnonzero(same):
            when = date_text(table[keys[1]][row])
            said = f"sid {table['sid'][row]} on {when}"
            if any(table[v][row] != table[v][row + 1] for v in values):
                rule = f"the splits of {said} in this file and in the daily bars differ"
                raise BadInputFile("splits.csv", rule, "Remove one of them")
            self.warnings.append(f"{keys[1].partition('_')[0]} action of {said} stands twice and counts once")
        # The filed row comes first (stable sort) and may know the pay date, so it is the one to keep.
        keep = np.append(True, ~same)[: tables.length(table)]
        return {name: column[keep] for name, column in table.items()}


def _barred_dividends(bars: BarredActions) -> Table:
    rows = bars.dividends
    none = np.full(len(rows), NAT)
    return {
        "sid": np.full(len(rows), bars.sid, dtype=np.int64),
        "ex_date": bars.source["date"][rows],
        "pay_date": none,
        "amount": bars.source["dividend"][rows],
        "declared_date": none,
        "record_date": none,
    }


def _joined(name: str, parts: list[Table]) -> Table:
    columns: tuple[Column, ...] = TABLES[name]
    parts = [tables.empty(columns), *parts]
    return {c.name: np.concatenate([p[c.name] for p in parts]) for c in columns}


def _dates(table: InputTable, column: str, blank: bool = False) -> Array:
    if blank and column not in table:
        return np.full(len(table), NAT)
    refuse_time_of_day(table, column)
    if not blank:
        table.refuse(table[column] == NAT, column, "the date is empty", "Write the date")
    return table[column]


def _pay(table: InputTable, ex: Array) -> Array:
    pay = _dates(table, "pay_date", blank=True)
    if "pay_date" in table:
        rule = "the pay date lies before the ex date"
        table.refuse((pay != NAT) & (pay < ex), "pay_date", rule, "Correct the one or the other")
    return pay


def _refuse_not_positive(table: InputTable, column: str) -> None:
    values = table[column]
    rule = f"the {column} must be a finite number greater than 0"
    table.refuse(~((values > 0) & np.isfinite(values)), column, rule, "Correct the value, or remove the row")


def _refuse_repeated(table: InputTable, column: str, *keys: Array) -> None:
    """BadInputFile for a row whose keys (sid, date, …) are all those of an earlier one."""
    order = np.lexsort(keys[::-1])
    same = np.ones(len(order) - 1, dtype=bool)
    for key in keys:
        same &= key[order][1:] == key[order][:-1]
    if same.any():
        place = int(np.argmax(same))
        first, second = int(order[place]), int(order[place + 1])
        rule = f"line {table.line(first)} says the same of this asset and date"
        raise table.bad(second, column, rule, "Remove one of the rows, or add them up if both are meant")
