"""Minute bars as (minute × asset) arrays, a month at a time.

Row m is the minute ordinal m of the bundle's session table (sessions.Minutes): session s owns the rows
``minutes.span(s)``, minute m ended at ``minutes.stamp(m)``. Columns are those of the daily bars. At most one month of a
field is decoded at once; windows across months are stitched.
"""

from __future__ import annotations

from bisect import bisect_right
from functools import cached_property

import numpy as np

from tradewind_data.bars import BarFiles, BarReader, nothing
from tradewind_data.errors import FieldNotFound, SessionOutOfBounds
from tradewind_data.gridfile import FloatArray
from tradewind_data.schema import FIELDS
from tradewind_data.sessions import Int64Array, Minutes, Sessions, date_text
from tradewind_data.windows import adjusted


class MinuteReader:
    """Minute bars of a bundle: rows first_minute … last_minute of the minute table, N columns, float64.

    Fields: open, high, low, close (currency a share, NaN = no trade) and volume (shares, 0.0 where there is no bar).
    daily: the reader of the daily bars, which knows the actions. minutes: the table of minutes.
    """

    def __init__(self, files: BarFiles, sessions: Sessions, daily: BarReader) -> None:
        self._files, self._sessions, self._daily = files, sessions, daily
        self.minutes: Minutes = sessions.minutes
        self._blocks: dict[tuple[str, int, int], FloatArray] = {}
        self._mapped: dict[tuple[str, int], FloatArray | None] = {}
        self._owned: dict[int, Int64Array] = {}
        self._carried: list[Int64Array] = [np.full(len(files.sids), -1, dtype=np.int64)]

    @cached_property
    def _starts(self) -> list[int]:
        """First minute of each file."""
        first = [self._sessions.ordinal(file.grid.first) for file in self._files.files]
        return [self.minutes.span(session)[0] for session in first]

    @property
    def sids(self) -> Int64Array:
        """The assets that have minute bars, ascending."""
        return np.unique(np.concatenate([file.grid.sids for file in self._files.files])).astype(np.int64)

    @property
    def first_minute(self) -> int:
        """The first row: the first minute of the first session with minute bars."""
        return self._starts[0]

    @property
    def last_minute(self) -> int:
        """The last row: the last minute of the last session with minute bars."""
        return self._starts[-1] + self._files.files[-1].grid.rows - 1

    @property
    def first_session(self) -> int:
        """The first session with minute bars."""
        return self.minutes.session(self.first_minute)

    @property
    def last_session(self) -> int:
        """The last session with minute bars."""
        return self.minutes.session(self.last_minute)

    def session_values(self, field: str, session: int) -> FloatArray:
        """Raw float64[m, N] of a field over the m minutes of a session, not to be written to.

        FieldNotFound; SessionOutOfBounds for a session without minute bars stored.
        """
        lo, hi = self.minutes.span(session) if 0 <= session < len(self._sessions) else (-1, -1)
        self._check(lo, hi - 1, f"session {session}")
        return self._rows(field, None, lo, hi)

    def window(
        self, field: str, columns: Int64Array | None, end: int, n: int, seen_from: int | None = None
    ) -> FloatArray:
        """The minutes end − n + 1 … end of a field as seen from a *session* t (default: the session of ``end``).

        float64[n, k], not to be written to: raw · Π {ρ: session(m) < e ≤ t} as in BarReader.window, so the minutes of
        session t are the stored numbers bit for bit. columns: int64[k], None = all. NaN (volume 0) where nothing was
        traded. SessionOutOfBounds when a minute is not stored, or t lies before the session of ``end``.
        """
        t = self.minutes.session(end) if seen_from is None else seen_from
        start = end - n + 1
        self._check(start, end, f"a window of {n} minutes")
        if n < 1 or t < self.minutes.session(end):
            raise self._bad(f"a window of {n} minutes seen from session {t}")
        raw = self._rows(field, columns, start, end + 1)
        column, session, ratio = self._daily.changes(field, self.minutes.session(start), t, columns)
        return adjusted(raw, columns, column, self.minutes.starts[session] - start, ratio)

    def last_trade(self, end: int) -> Int64Array:
        """Ordinal of the last minute ≤ end with a trade (a close), −1 where there was none: int64[N].

        An end beyond the data counts as its last row. Months before are looked through once.
        """
        if end < self.first_minute:
            return self._carried[0].copy()
        end = min(end, self.last_minute)
        month = bisect_right(self._starts, end) - 1
        while len(self._carried) <= month:
            earlier = len(self._carried) - 1
            last = self._starts[earlier] + self._files.files[earlier].grid.rows - 1
            self._carried.append(self._last_in(earlier, last))
        return self._last_in(month, end)

    def _last_in(self, month: int, end: int) -> Int64Array:
        """last_trade of an end in a month, from what was carried into it."""
        out = self._carried[month].copy()
        start, file = self._starts[month], self._files.files[month]
        size, own = file.grid.group_rows, self._columns(month)
        for lo in range(0, end + 1 - start, size):
            traded = ~np.isnan(self._month("close", month, lo, min(lo + size, end + 1 - start)))
            last = len(traded) - 1 - np.argmax(traded[::-1], axis=0)
            some = traded.any(axis=0)
            out[own[some]] = start + lo + last[some]
        return out

    def _columns(self, month: int) -> Int64Array:
        """The columns of a month's file."""
        if month not in self._owned:
            self._owned[month] = np.searchsorted(self._files.sids, self._files.files[month].grid.sids).astype(np.int64)
        return self._owned[month]

    def _rows(self, field: str, columns: Int64Array | None, lo: int, hi: int) -> FloatArray:
        """Raw minutes lo … hi − 1, gathered month by month."""
        if field not in FIELDS:
            raise FieldNotFound(field, FIELDS)
        n = len(self._files.sids)
        wanted = np.arange(n) if columns is None else columns
        out, row = np.empty((hi - lo, len(wanted))), lo
        for month in range(bisect_right(self._starts, lo) - 1, bisect_right(self._starts, hi - 1)):
            start, own = self._starts[month], self._columns(month)
            a, b = max(lo, start), min(hi, start + self._files.files[month].grid.rows)
            if a >= b:
                continue
            out[row - lo : a - lo] = nothing(field)
            _pick(out[a - lo : b - lo], wanted, own, self._month(field, month, a - start, b - start), nothing(field))
            row = b
        out[row - lo :] = nothing(field)
        return out

    def _month(self, field: str, month: int, lo: int, hi: int) -> FloatArray:
        """Rows lo … hi − 1 of a month's file: from the cache, else from the groups of this month that are decoded."""
        if (field, month) not in self._mapped:
            self._mapped[field, month] = self._from_cache(field, month)
        mapped = self._mapped[field, month]
        if mapped is not None:
            return mapped[lo:hi]
        size = self._files.files[month].grid.group_rows
        parts = [self._block(field, month, group) for group in range(lo // size, -(-hi // size))]
        whole = parts[0] if len(parts) == 1 else np.concatenate(parts)
        first = lo // size * size
        return whole[lo - first : hi - first]

    def _from_cache(self, field: str, month: int) -> FloatArray | None:
        """A month of a field as the cache maps it, written there if it is missing; None where the cache has no room."""
        file = self._files.files[month]
        key, shape = f"1m-{self._starts[month]}-{field}", (file.grid.rows, len(file.grid.sids))
        mapped = self._files.cache.open(key, shape)
        if mapped is not None:
            return mapped
        return self._files.cache.store(key, shape, (file.values(field, a, b) for a, b in file.grid.groups()))

    def _block(self, field: str, month: int, group: int) -> FloatArray:
        """A decoded row group; those of other months of the field are let go."""
        key = (field, month, group)
        if key not in self._blocks:
            for other in [k for k in self._blocks if k[0] == field and k[1] != month]:
                del self._blocks[other]
            file = self._files.files[month]
            size = file.grid.group_rows
            lo, hi = group * size, min((group + 1) * size, file.grid.rows)
            self._blocks[key] = file.values(field, lo, hi)
        return self._blocks[key]

    def _check(self, start: int, end: int, what: str) -> None:
        if start < self.first_minute or end > self.last_minute or end < start:
            raise self._bad(what)

    def _bad(self, what: str) -> SessionOutOfBounds:
        labels = self._sessions.labels
        first, last = date_text(labels[self.first_session]), date_text(labels[self.last_session])
        return SessionOutOfBounds(what, first, last, f"has no minute bars: they span {first} … {last}.")


def _pick(out: FloatArray, wanted: Int64Array, own: Int64Array, values: FloatArray, missing: float) -> None:
    """out[:, i] = the values of column wanted[i], whose columns are ``own`` (ascending); missing where it is none."""
    if np.array_equal(own, wanted):
        out[:] = values
        return
    place = np.minimum(np.searchsorted(own, wanted), len(own) - 1)
    there = own[place] == wanted
    np.take(values, place, axis=1, out=out, mode="clip")
    out[:, ~there] = missing
