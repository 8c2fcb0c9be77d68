"""Bars on their way from readers to writer: held in memory up to a byte budget, beyond it in a file of the ingest.

A reader adds the bars of one asset after the other; the writer asks for one period after the other. What is added is
cut at the borders of periods (years of daily bars, months of minutes), so a period is answered by its own slices alone.
The overflow file lies in the ingest's own folder and has no name there: a killed process leaves nothing of it.
"""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import IO

import numpy as np

from tradewind_data.gridfile import FloatArray
from tradewind_data.sessions import DAY_NS, Int64Array

BUDGET_BYTES = 256 << 20
_FIELDS = 5
_FIRST_DAY, _DAYS = -106_752, 213_504  # the days that int64 nanoseconds can name
_BORDERS = {
    unit: np.arange("1678", "2262", dtype=f"datetime64[{unit}]").astype("datetime64[ns]").astype(np.int64)
    for unit in ("Y", "M")
}


@dataclass(frozen=True, eq=False)
class AssetBars:
    """Bars of one asset.

    labels int64[n] ns, strictly ascending: session labels of daily bars, ends (UTC) of minutes. values float64[5, n]
    in the order of schema.FIELDS (NaN prices and volume 0 = no trade).
    """

    sid: int
    labels: Int64Array
    values: FloatArray


@dataclass(slots=True, eq=False)
class _Held:
    """A slice in memory: the rows lo … hi − 1 of an asset's bars."""

    bars: AssetBars
    lo: int
    hi: int

    def read(self, file: IO[bytes] | None) -> AssetBars:
        rows = slice(self.lo, self.hi)
        return AssetBars(self.bars.sid, self.bars.labels[rows], self.bars.values[:, rows])


@dataclass(frozen=True)
class _Spilt:
    """A slice in the file: labels int64[n], then values float64[5, n]."""

    sid: int
    offset: int
    n: int

    def read(self, file: IO[bytes] | None) -> AssetBars:
        if file is None:
            raise ValueError("a slice was spilt, but there is no file")
        file.seek(self.offset)
        data = file.read(8 * self.n * (1 + _FIELDS))
        labels = np.frombuffer(data, dtype=np.int64, count=self.n)
        values = np.frombuffer(data, dtype=np.float64, offset=8 * self.n)
        return AssetBars(self.sid, labels, values.reshape(_FIELDS, self.n))


class Spool:
    """Bars of many assets within a budget of memory.

    unit: ``Y`` or ``M``, the periods in which bars will be asked for. folder: where the overflow file is made when
    ``budget`` bytes are exceeded; without one everything is held. Sids may be added in any order and more
    than once; ``slices`` answers ascending by sid, then in the order of addition.
    """

    def __init__(self, unit: str = "Y", folder: Path | None = None, budget: int = BUDGET_BYTES) -> None:
        self._borders, self._folder, self._budget = _BORDERS[unit], folder, budget
        self._lock = threading.Lock()
        self._held_bytes = 0
        self._file: IO[bytes] | None = None
        self._periods: dict[int, list[tuple[int, _Held | _Spilt]]] = {}
        self._first: dict[int, int] = {}
        self._last: dict[int, int] = {}
        self._counts: dict[int, int] = {}
        self._seen = np.zeros(_DAYS, dtype=bool)

    def close(self) -> None:
        """Give the file back to the disk."""
        if self._file is not None:
            self._file.close()

    def __len__(self) -> int:
        return len(self._first)

    @property
    def sids(self) -> Int64Array:
        """The sids that have bars, ascending."""
        return np.array(sorted(self._first), dtype=np.int64)

    @property
    def span(self) -> tuple[int, int]:
        """The first and the last label (ns) of all. ValueError when empty."""
        return min(self._first.values()), max(self._last.values())

    def lifetime(self, sid: int) -> tuple[int, int] | None:
        """First and last label (ns) of an asset's bars, None without any."""
        return (self._first[sid], self._last[sid]) if sid in self._first else None

    @property
    def rows(self) -> int:
        """Bars of all assets."""
        return sum(self._counts.values())

    def count(self, sid: int) -> int:
        """Bars of an asset."""
        return self._counts.get(sid, 0)

    def days(self) -> Int64Array:
        """The days since 1970 on which there are bars, ascending."""
        return np.flatnonzero(self._seen).astype(np.int64) + _FIRST_DAY

    def of(self, sid: int) -> Iterator[AssetBars]:
        """The slices of one asset, by period."""
        for period in sorted(self._periods):
            for owner, part in self._periods[period]:
                if owner == sid:
                    with self._lock:
                        yield part.read(self._file)

    def labels_of(self, sid: int) -> Int64Array:
        """The labels (ns) of an asset's bars, ascending by period; none for an asset without."""
        found = [part.labels for part in self.of(sid)] if sid in self._counts else []
        return np.concatenate([np.empty(0, dtype=np.int64), *found])

    def add(self, bars: AssetBars) -> None:
        """Take the bars of one asset (labels ascending, at least one)."""
        sid, labels = bars.sid, bars.labels
        self._first[sid] = min(int(labels[0]), self._first.get(sid, int(labels[0])))
        self._last[sid] = max(int(labels[-1]), self._last.get(sid, int(labels[-1])))
        self._counts[sid] = self._counts.get(sid, 0) + len(labels)
        self._seen[labels // DAY_NS - _FIRST_DAY] = True
        first, last = self._periods_of(labels[[0, -1]])
        cuts = [0, *labels.searchsorted(self._borders[first:last]).tolist(), len(labels)]
        for period, (lo, hi) in enumerate(pairwise(cuts), start=first):
            if lo == hi:
                continue
            self._periods.setdefault(period, []).append((sid, _Held(bars, lo, hi)))
        self._held_bytes += labels.nbytes + bars.values.nbytes
        if self._held_bytes > self._budget and self._folder is not None:
            self._spill(self._folder)

    def drop(self, sid: int, labels: Int64Array) -> None:
        """Let the bars of an asset at some labels, on which no other has one to keep, count for nothing.

        Neither its life nor the span, days and numbers know of them; slices may still hold them.
        """
        kept = np.setdiff1d(self.labels_of(sid), labels)
        self._seen[labels // DAY_NS - _FIRST_DAY] = False
        if len(kept):
            self._first[sid], self._last[sid], self._counts[sid] = int(kept[0]), int(kept[-1]), len(kept)
        else:
            for facts in (self._first, self._last, self._counts):
                del facts[sid]

    def slices(self, first: int, last: int) -> Iterator[AssetBars]:
        """The bars with first ≤ label ≤ last (ns), in slices ascending by sid."""
        lo, hi = self._periods_of(np.array([first, last]))
        found = [entry for period in range(lo, hi + 1) for entry in self._periods.get(period, ())]
        for _, part in sorted(found, key=lambda entry: entry[0]):
            with self._lock:
                bars = part.read(self._file)
            if first <= bars.labels[0] and bars.labels[-1] <= last:
                yield bars
                continue
            a, b = np.searchsorted(bars.labels, (first, last + 1))
            if a < b:
                yield AssetBars(bars.sid, bars.labels[a:b], bars.values[:, a:b])

    def _periods_of(self, labels: Int64Array) -> list[int]:
        """The numbers of the periods in which labels lie."""
        found: list[int] = self._borders.searchsorted(labels, side="right").tolist()
        return found

    def _spill(self, folder: Path) -> None:
        """Move every held slice to the end of the file."""
        if self._file is None:
            self._file = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115  closed by close
        self._file.seek(0, 2)
        for entries in self._periods.values():
            for i, (sid, part) in enumerate(entries):
                if isinstance(part, _Held):
                    offset, bars = self._file.tell(), part.read(None)
                    self._file.write(np.ascontiguousarray(bars.labels, dtype=np.int64).data)
                    self._file.write(np.ascontiguousarray(bars.values, dtype=np.float64).data)
                    entries[i] = (sid, _Spilt(sid, offset, len(bars.labels)))
        self._held_bytes = 0


def held(bars: Iterable[AssetBars], unit: str = "Y") -> Spool:
    """A spool of bars that are in memory already."""
    spool = Spool(unit)
    for each in bars:
        spool.add(each)
    return spool


def periods_of(labels: Int64Array, unit: str) -> Int64Array:
    """Years (``Y``) or months (``M``) since 1970 of ns labels, int64."""
    return labels.astype(np.int64).view("datetime64[ns]").astype(f"datetime64[{unit}]").astype(np.int64)
