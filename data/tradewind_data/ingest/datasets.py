"""Datasets of a folder: ``datasets/NAME.csv`` (or .csv.gz, .parquet), facts by the time they became known.

    [symbol | sid,] asof_date [, timestamp] [, key:NAME …], value columns …

Without symbol and sid the dataset is market-wide. timestamp: when the row became known, UTC or with an offset; without
it the row is known from the midnight that ends its asof_date. A column ``key:item`` slices the dataset by ``item``. The
kind of a value column is that of its cells: numbers, dates (YYYY-MM-DD), true / false, else text; empty cells tell
nothing.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np

from tradewind_data import tables
from tradewind_data.errors import BadInputFile
from tradewind_data.ingest.delimited import DATE, NUMBER, STAMP, TEXT, Wanted, header_of, read_input
from tradewind_data.ingest.listing import Listing
from tradewind_data.pointintime import ASOF, SID, TIMESTAMP, Dataset
from tradewind_data.schema import Column
from tradewind_data.sessions import DAY_NS
from tradewind_data.tables import NAT, Array, Table

SUFFIXES = (".csv", ".csv.gz", ".parquet")
KEY = "key:"
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_OWN = ("symbol", SID, ASOF, TIMESTAMP)
_FLAGS = {"true": True, "false": False}


def read_datasets(folder: Path, listing: Listing) -> dict[str, Dataset]:
    """name → dataset of the folder ``datasets``, empty without one. BadInputFile for what cannot be used."""
    inside = folder / "datasets"
    found: dict[str, Dataset] = {}
    for path in sorted(inside.iterdir()) if inside.is_dir() else ():
        suffix = next((s for s in reversed(SUFFIXES) if path.name.endswith(s)), None)
        if suffix is None or path.name.startswith(".") or not path.is_file():
            continue
        name, file = path.name[: -len(suffix)], f"datasets/{path.name}"
        if not _NAME.fullmatch(name) or name in found:
            rule = "the dataset has two files" if name in found else "a dataset's name is letters, digits and _"
            raise BadInputFile(file, rule, "Rename or remove the file")
        found[name] = _read(path, file, listing)
    return found


def _read(path: Path, file: str, listing: Listing) -> Dataset:
    spelled = [name.strip().casefold() for name in header_of(path, file)]
    keys = tuple(name.removeprefix(KEY) for name in spelled if name.startswith(KEY))
    values = [name for name in spelled if name not in _OWN and not name.startswith(KEY)]
    _refuse_names(file, keys, values)
    wanted = (
        *(Wanted(name, kind, required=False) for name, kind in (("symbol", TEXT), (SID, NUMBER), (TIMESTAMP, STAMP))),
        Wanted(ASOF, DATE),
        *(Wanted(KEY + key, TEXT) for key in keys),
        *(Wanted(name, TEXT) for name in values),
    )
    table = read_input(path, file, wanted)
    table.refuse(table[ASOF] == NAT, ASOF, "the date is empty", "Write the day that the row is about")
    known = table[TIMESTAMP] if TIMESTAMP in table else np.full(len(table), NAT)
    columns = [Column(ASOF, "date", ""), Column(TIMESTAMP, "time", "")]
    rows: dict[str, Array] = {ASOF: table[ASOF], TIMESTAMP: np.where(known == NAT, table[ASOF] + DAY_NS, known)}
    if "symbol" in table or SID in table:
        columns.insert(0, Column(SID, "int64", ""))
        rows[SID] = listing.sids_of(table, table[ASOF])
    for key in keys:
        columns.append(Column(key, "string", ""))
        rows[key] = table[KEY + key]
    for name in values:
        kind, rows[name] = typed(table[name])
        columns.append(Column(name, kind, "", nullable=kind != "float64"))
    return _sorted(Dataset(tuple(columns), keys, rows))


def _refuse_names(file: str, keys: tuple[str, ...], values: list[str]) -> None:
    if not values:
        raise BadInputFile(file, "it has no column of values", "Add one", 1)
    for name in (*keys, *values):
        if not _NAME.fullmatch(name) or [*_OWN, *keys, *values].count(name) > 1:
            rule = "a column's name is letters, digits and _, and stands once"
            raise BadInputFile(file, rule, "Rename the column", 1, name)


def typed(cells: Array) -> tuple[str, Array]:
    """(kind, values) of text cells: the narrowest of bool, number, date, text that fits all that are not empty."""
    blank = np.array([cell == "" for cell in cells], dtype=bool)
    told = cells[~blank]
    lower = [cell.lower() for cell in told]
    if lower and all(cell in _FLAGS for cell in lower):
        return "bool", _filled(blank, [_FLAGS[cell] for cell in lower], np.full(len(cells), None, dtype=object))
    try:
        return "float64", _filled(blank, np.array(told, dtype=np.float64), np.full(len(cells), np.nan))
    except ValueError:
        pass
    if all(re.fullmatch(r"\d{4}-\d{2}-\d{2}", cell) for cell in told):
        try:
            days = np.array(told, dtype="datetime64[D]").astype(np.int64) * DAY_NS
            return "date", _filled(blank, days, np.full(len(cells), NAT))
        except ValueError:
            pass
    return "string", _filled(blank, told, np.full(len(cells), None, dtype=object))


def _filled(blank: Array, told: Any, out: Array) -> Array:
    out[~blank] = told
    return out


def _order(dataset: Dataset) -> tuple[str, ...]:
    return (*dataset.keys, *(() if dataset.market_wide else (SID,)), TIMESTAMP, ASOF)


def _sorted(dataset: Dataset) -> Dataset:
    return Dataset(dataset.columns, dataset.keys, tables.sort_by(dataset.table, *_order(dataset)))


def joined(name: str, old: Dataset | None, new: Dataset) -> Dataset:
    """The rows of both; a new row replaces the old one of its asset, keys, asof_date and timestamp."""
    if old is None:
        return new
    mine, theirs = ([(c.name, c.kind) for c in d.columns] for d in (new, old))
    if sorted(mine) != sorted(theirs):
        rule = f"its columns are {dict(mine)}, those of the bundle {dict(theirs)}"
        raise BadInputFile(f"datasets/{name}", rule, "Keep the columns, or ingest the whole folder again")
    there = set(_keys(new))
    kept = np.array([key not in there for key in _keys(old)], dtype=bool).reshape(-1)
    rows: Table = {c.name: np.concatenate([new.table[c.name], old.table[c.name][kept]]) for c in old.columns}
    return _sorted(Dataset(old.columns, old.keys, rows))


def _keys(dataset: Dataset) -> list[tuple[Any, ...]]:
    return list(zip(*(dataset.table[key].tolist() for key in _order(dataset)), strict=True))
