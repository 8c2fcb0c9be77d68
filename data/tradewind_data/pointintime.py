"""Facts as they were known: datasets by when they became known, classifications by the dates on which they held.

Each row of a dataset is about a day (``asof_date``) and was known from a time on (``timestamp``, UTC). At a time t the
rows with timestamp ≤ t are known; the value is that of the newest asof_date among them, and of its rows the one known
last. So a restatement replaces what it restates from its own timestamp on, and a restated old quarter never hides a
newer one. A cell without a value tells nothing: the field keeps what was known of it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from tradewind_data import tables
from tradewind_data.errors import BundleCorrupt, DatasetNotFound, SliceNotNamed
from tradewind_data.places import Place, arrow_source
from tradewind_data.schema import DATASET_KEY, Column
from tradewind_data.sessions import BoolArray, Int64Array
from tradewind_data.tables import NAT, Array, Table

SID, ASOF, TIMESTAMP = "sid", "asof_date", "timestamp"
_NOTHING: dict[str, Any] = {"float64": np.nan, "date": NAT}


@dataclass(frozen=True, eq=False)
class Dataset:
    """A dataset as a table, sorted by (keys, sid, timestamp, asof_date).

    columns: sid (absent: market-wide), asof_date, timestamp, the keys (text), then the values. keys: names of the
    columns whose values slice it.
    """

    columns: tuple[Column, ...]
    keys: tuple[str, ...]
    table: Table

    @property
    def market_wide(self) -> bool:
        """Whether its rows belong to no asset."""
        return all(c.name != SID for c in self.columns)

    @property
    def fields(self) -> dict[str, str]:
        """Value column → kind: float64, string, date or bool."""
        own = {SID, ASOF, TIMESTAMP, *self.keys}
        return {c.name: c.kind for c in self.columns if c.name not in own}

    @property
    def metadata(self) -> dict[bytes, bytes]:
        """What the file says of itself."""
        facts = {"keys": self.keys, "columns": [[c.name, c.kind, c.nullable] for c in self.columns]}
        return {DATASET_KEY: json.dumps(facts).encode()}


def read_dataset(path: Place, bundle: str) -> Dataset:
    """A dataset's file. BundleCorrupt for one that cannot be read."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    file = f"datasets/{path.name}"
    try:
        facts = json.loads((pq.read_schema(arrow_source(path)).metadata or {})[DATASET_KEY])
        columns = tuple(Column(name, kind, "", nullable) for name, kind, nullable in facts["columns"])
        return Dataset(columns, tuple(facts["keys"]), tables.read(path, columns))
    except FileNotFoundError:
        raise BundleCorrupt(bundle, file, "is missing") from None
    except (pa.ArrowException, OSError, KeyError, ValueError) as e:
        raise BundleCorrupt(bundle, file, f"cannot be read as a dataset ({type(e).__name__}: {e})") from e


class DatasetReader:
    """The datasets of a bundle; each is read once, when first asked for.

    bundle: its name; paths: dataset → file; sids: those of the bundle's assets, by column.
    """

    def __init__(self, bundle: str, paths: Mapping[str, Place], sids: Callable[[], Int64Array]) -> None:
        self._bundle, self._paths, self._sids = bundle, dict(sorted(paths.items())), sids
        self._read: dict[str, Dataset] = {}
        self._known: dict[tuple[str, str, tuple[str, ...]], _Known] = {}

    @property
    def names(self) -> tuple[str, ...]:
        """The datasets the bundle has, sorted."""
        return tuple(self._paths)

    def dataset(self, name: str) -> Dataset:
        """The whole table. DatasetNotFound names the datasets there are."""
        if name not in self._paths:
            raise DatasetNotFound(name, self._bundle, self.names)
        if name not in self._read:
            self._read[name] = read_dataset(self._paths[name], self._bundle)
        return self._read[name]

    def keys(self, name: str) -> dict[str, tuple[str, ...]]:
        """Key column → the values that slice a dataset."""
        found = self.dataset(name)
        return {key: tuple(sorted(set(found.table[key].tolist()))) for key in found.keys}

    def as_of(
        self,
        name: str,
        fields: Sequence[str],
        times: Int64Array,
        sids: Int64Array | None = None,
        where: Mapping[str, str] | None = None,
    ) -> dict[str, Array]:
        """field → array [len(times), len(sids)], what was known at each time (ns UTC, any order) of each asset.

        sids: None = the bundle's assets by column; of a market-wide dataset, which says the same of every asset, one
        column that stands for all. Numbers are float64 (NaN unknown), dates int64 ns (NAT), text and booleans objects
        (None). where: key column → value, one for each key of the dataset (SliceNotNamed). DatasetNotFound for a
        dataset or field that is not there names those that are.
        """
        found = self.dataset(name)
        chosen = self._slice(name, found, where or {})
        if sids is None:
            sids = np.zeros(1, dtype=np.int64) if found.market_wide else self._sids()
        out = {}
        for field in fields:
            if field not in found.fields:
                raise DatasetNotFound(field, f"{self._bundle}: {name}", tuple(found.fields), kind="field")
            key = (name, field, chosen)
            if key not in self._known:
                self._known[key] = _Known(found, field, chosen)
            out[field] = self._known[key].at(np.asarray(times, dtype=np.int64), np.asarray(sids, dtype=np.int64))
        return out

    def _slice(self, name: str, found: Dataset, where: Mapping[str, str]) -> tuple[str, ...]:
        known = self.keys(name)
        for key in (*known, *where):
            if key not in known or key not in where or where[key] not in known[key]:
                raise SliceNotNamed(name, self._bundle, known, where)
        return tuple(where[key] for key in found.keys)


class _Known:
    """One field of one slice: for each asset the times at which its known value changes, and the rows it changes to."""

    def __init__(self, dataset: Dataset, field: str, chosen: tuple[str, ...]) -> None:
        table, kind = dataset.table, dataset.fields[field]
        values = table[field]
        rows = np.flatnonzero(_told(values, kind) & _chosen(dataset, chosen))
        owners = np.zeros(len(rows), dtype=np.int64) if dataset.market_wide else table[SID][rows]
        order = np.lexsort((table[ASOF][rows], table[TIMESTAMP][rows], owners))
        rows, owners = rows[order], owners[order]
        self._wide, self._nothing = dataset.market_wide, _NOTHING.get(kind)
        self._values, self._times = values[rows], table[TIMESTAMP][rows]
        self._best = _newest(owners, table[ASOF][rows])
        self._owners, self._starts = np.unique(owners, return_index=True)
        self._ends = np.append(self._starts[1:], len(rows))

    def at(self, times: Int64Array, sids: Int64Array) -> Array:
        out = np.full((len(times), len(sids)), self._nothing, dtype=self._values.dtype)
        wanted = np.zeros(len(sids), dtype=np.int64) if self._wide else sids
        for column, sid in enumerate(wanted.tolist()):
            place = int(np.searchsorted(self._owners, sid))
            if place == len(self._owners) or self._owners[place] != sid:
                continue
            lo, hi = int(self._starts[place]), int(self._ends[place])
            last = lo + np.searchsorted(self._times[lo:hi], times, side="right") - 1
            known = last >= lo
            out[known, column] = self._values[self._best[last[known]]]
        return out


def _told(values: Array, kind: str) -> BoolArray:
    if kind == "float64":
        return ~np.isnan(values)
    return values != NAT if kind == "date" else np.array([v is not None for v in values], dtype=bool)


def _chosen(dataset: Dataset, chosen: tuple[str, ...]) -> BoolArray:
    out = np.ones(tables.length(dataset.table), dtype=bool)
    for key, value in zip(dataset.keys, chosen, strict=True):
        out &= dataset.table[key] == value
    return out


def _newest(owners: Int64Array, asof: Int64Array) -> Int64Array:
    """For each row (ascending by owner and timestamp): the row of its owner up to here with the newest asof_date."""
    best = np.arange(len(owners))
    for i in range(1, len(owners)):
        if owners[i] == owners[i - 1] and asof[i] < asof[best[i - 1]]:
            best[i] = best[i - 1]
    return best


class Classifications:
    """Codes of schemes such as ``morningstar_sector``: an asset's latest row with start_date ≤ t ≤ end_date.

    table: the ``classifications`` table of schema.py; sids: int64[N] by column.
    """

    def __init__(self, table: Table, sids: Int64Array, bundle: str) -> None:
        self._table, self._sids, self._bundle = table, sids, bundle

    @cached_property
    def schemes(self) -> tuple[str, ...]:
        """Names of the schemes, sorted."""
        return tuple(sorted(set(self._table["scheme"])))

    @cached_property
    def frame(self) -> pd.DataFrame:
        """The whole table: sid, start_date, end_date (NaT = still holds), scheme, code."""
        dates = {
            name: pd.DatetimeIndex(self._table[name].view("datetime64[ns]")) for name in ("start_date", "end_date")
        }
        return pd.DataFrame({**self._table, **dates})

    def as_of(self, scheme: str, when_ns: int) -> Array:
        """Code of each asset on a date, [N] by column.

        int64 with −1 for none when all codes of the scheme are whole numbers, else object with None. DatasetNotFound
        names the schemes the bundle has.
        """
        if scheme not in self.schemes:
            raise DatasetNotFound(scheme, self._bundle, self.schemes, kind="classification scheme")
        rows = {name: values[self._table["scheme"] == scheme] for name, values in self._table.items()}
        whole = all(code.removeprefix("-").isdecimal() for code in rows["code"])
        out: Array = np.full(len(self._sids), -1 if whole else None, dtype=np.int64 if whole else object)
        for i in _held(rows, when_ns):
            code: Any = rows["code"][i]
            out[np.searchsorted(self._sids, rows["sid"][i])] = int(code) if whole else code
        return out


def _held(rows: Table, when_ns: int) -> Int64Array:
    """Rows that hold on the date, ascending by start, so that a later start overwrites an earlier one."""
    held = (rows["start_date"] <= when_ns) & ((rows["end_date"] == NAT) | (rows["end_date"] >= when_ns))
    found = np.flatnonzero(held)
    return found[np.argsort(rows["start_date"][found], kind="stable")]
