"""Facts as they were known: classifications with the dates on which they held, and datasets by when they became known.

The value of a dataset's field at a time t is the one with the latest timestamp ≤ t (when it became known), and among
those the latest asof_date (what it is about). Bundles of schema version 1 carry no datasets: every request is answered
by an error that says so.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any, NoReturn

import numpy as np
import pandas as pd

from tradewind_data.errors import DatasetNotFound
from tradewind_data.sessions import Int64Array
from tradewind_data.tables import NAT, Array, Table


class DatasetReader:
    """The datasets of a bundle: value of each asset's field as it was known at given times.

    names: the datasets the bundle has.
    """

    def __init__(self, bundle: str, names: Sequence[str] = ()) -> None:
        self._bundle = bundle
        self.names = tuple(names)

    def as_of(self, name: str, fields: Sequence[str], times: Int64Array, sids: Int64Array) -> dict[str, Array]:
        """field → array [len(times), len(sids)], the latest value with timestamp ≤ time (ns UTC, ascending).

        Numbers come as float64 (NaN unknown), text as object (None), dates as int64 ns (NAT), booleans as object
        (None). DatasetNotFound names the datasets the bundle has.
        """
        self._missing(name)

    def _missing(self, name: str) -> NoReturn:
        raise DatasetNotFound(name, self._bundle, self.names)


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
