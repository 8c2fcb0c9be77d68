"""Bars as (time × asset) arrays: one reader a frequency, read from the bar files field by field when first asked.

Row r of every array of daily bars is the session ordinal r, column c the asset of that column. The stored arrays are
raw; ``window`` shows prices and volumes as seen from a session (adjustments.py). Minute bars: minutebars.py.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from tradewind_data.adjustments import (
    Actions,
    Block,
    Events,
    Factors,
    Refused,
    closes_before,
    price_factors,
    split_factors,
)
from tradewind_data.cache import Cache
from tradewind_data.errors import FieldNotFound, SessionOutOfBounds
from tradewind_data.gridfile import FloatArray, GridFile
from tradewind_data.schema import FIELDS, PRICES
from tradewind_data.sessions import Int64Array, Sessions, date_text
from tradewind_data.windows import adjusted

Int32Array = npt.NDArray[np.int32]
HELD_BYTES, FEW, STRIP = 256 << 20, 16, 256
WORTH_A_THREAD = 1 << 18  # numbers that take longer to read than threads to start
PATIENCE = 16  # passes over the files: about what making the strips of a field costs


@dataclass(frozen=True)
class BarFiles:
    """Where the bars of a bundle lie.

    files in order of time; sids by column; ordinals of the first and the last session with data; the derived cache.
    """

    files: tuple[GridFile, ...]
    sids: Int64Array
    first_session: int
    last_session: int
    cache: Cache


class BarReader:
    """Daily bars of a bundle: R = last_session + 1 rows, N columns, float64, C order, read-only.

    Fields: open, high, low, close (currency a share, NaN = no trade) and volume (shares, 0.0 where there is no bar).
    Rows before first_session hold no trade. Each field is read once, when first needed; large ones are kept in the
    derived cache (cache.py) and mapped from there afterwards. A reader that is too large to be held (more than
    HELD_BYTES a field) keeps each field twice there, row by row and in strips (STRIP sessions of one asset after the
    other), and its factors beside them, so that one asset's history touches little else. The strips are made when whole
    fields are asked for, or when few assets were asked for so often that making them would have cost as much (PATIENCE
    passes over the files); until then a few assets are read from the files. actions: asked when a window first needs
    them.
    """

    def __init__(self, files: BarFiles, sessions: Sessions, actions: Callable[[], Actions]) -> None:
        self._files, self._sessions, self._read_actions = files, sessions, actions
        self._values: dict[str, FloatArray] = {}
        self._in_strips: set[str] = set()
        self.first_session, self.last_session = files.first_session, files.last_session

    @property
    def shape(self) -> tuple[int, int]:
        """(R, N)."""
        return self.last_session + 1, len(self._files.sids)

    def values(self, field: str) -> FloatArray:
        """Raw float64[R, N] of a field, C order, read-only; row = session ordinal. FieldNotFound, BundleCorrupt."""
        found = self._known(field)
        if found is None:
            found = self._files.cache.store(field, self.shape, self._row_blocks(field))
            if found is not None and self._large:
                self._make_strips(field)
            found = self._values[field] = self._read([field])[field] if found is None else found
        return found

    def load(self, fields: Sequence[str] = FIELDS) -> dict[str, FloatArray]:
        """``values`` of several fields, those not at hand from one pass over the files. Errors as of values."""
        missing = [field for field in fields if self._known(field) is None]
        if missing and 8 * self.shape[0] * self.shape[1] * len(missing) <= HELD_BYTES:
            for field, found in self._read(missing).items():
                mapped = self._files.cache.store(field, self.shape, [found])
                self._values[field] = found if mapped is None else mapped
        return {field: self.values(field) for field in fields}

    @property
    def _large(self) -> bool:
        """Whether a field is too large to be held beside others."""
        return self.shape[0] * self.shape[1] * 8 > HELD_BYTES

    def _known(self, field: str) -> FloatArray | None:
        """The field when it is in memory or in the cache."""
        if field not in FIELDS:
            raise FieldNotFound(field, FIELDS)
        if field not in self._values:
            mapped = self._files.cache.open(field, self.shape)
            if mapped is None:
                return None
            self._values[field] = mapped
        return self._values[field]

    def window(
        self,
        field: str,
        columns: Int64Array | None,
        end: int,
        n: int,
        seen_from: int | None = None,
    ) -> FloatArray:
        """Rows end − n + 1 … end of a field as seen from a session t ≥ end (default: end): float64[n, k].

        The array is not to be written to. value[s] = raw[s] · Π {ρ: s < e ≤ t}, which is Q[s]·P[t] with Q = raw / P
        (for volume with V in the place of P). Where no action lies in (s, t] the value is the stored number bit for
        bit, so the row t always is. columns: int64[k], None = all. NaN (volume 0) where nothing was traded.
        SessionOutOfBounds when a row is before session 0 or after the last with data, or seen_from < end.
        """
        t = end if seen_from is None else seen_from
        start = end - n + 1
        if start < 0 or n < 1 or end > self.last_session or t < end:
            raise self._bad_window(end, n, t)
        held = self._values.get(field) if n <= STRIP else None
        raw = self._rows(field, columns, start, end) if held is None else _picked(held[start : end + 1], columns)
        factors = self._volume_factors if field == "volume" else self._price_factors
        if not factors.any_between(start, t):
            return raw
        column, session, ratio = self.changes(field, start, t, columns)
        return adjusted(raw, columns, column, session - start, ratio)

    def next_change(self, field: str) -> list[int]:
        """By session s, the first session after s with an action that changes a field; past the last for none."""
        factors = self._volume_factors if field == "volume" else self._price_factors
        return factors.next_change(self.last_session + 1)

    def changes(self, field: str, start: int, end: int, columns: Int64Array | None = None) -> Events:
        """(column, session, ratio) of the actions with start < session ≤ end that change a field.

        Earlier prices are multiplied by the ratio; for ``volume`` it is the splits' new shares an old one. Those of one
        asset ascend by session. columns: the assets that matter; of many, others' actions may stand among theirs.
        """
        factors = self._volume_factors if field == "volume" else self._price_factors
        if columns is None or len(columns) > FEW:
            return factors.between(start, end)
        if end - start > STRIP:
            return factors.of_few(columns, start, end)
        column, session, ratio = factors.between(start, end)
        own = np.isin(column, columns) if len(column) else slice(None)
        return column[own], session[own], ratio[own]

    def factors(self, end: int) -> FloatArray:
        """P[end], float64[N].

        The product of all price ratios effective ≤ end; a price of s seen from t is raw[s]·P[t]/P[s].
        """
        return self._price_factors.at(end)

    def factors_of(self, columns: Int64Array, sessions: Int64Array) -> FloatArray:
        """P[sessions[i]] of columns[i], float64[k]: for assets last traded at different sessions (−1 gives 1.0).

        A price last seen at s = last_trade(t) is today's raw[s] · factors_of(columns, t) / factors_of(columns, s).
        """
        return self._price_factors.of(columns, sessions)

    def volume_factors(self, end: int) -> FloatArray:
        """V[end], float64[N].

        New shares an old one after the splits effective ≤ end; a volume of s seen from t is
        raw[s]·V[t]/V[s].
        """
        return self._volume_factors.at(end)

    def last_trade(self, end: int) -> Int64Array:
        """Ordinal of the last session ≤ end with a trade (a close), −1 where there was none: int64[N].

        An end beyond the data counts as its last row.
        """
        return self.last_trades()[min(end, self.last_session)].astype(np.int64)

    def last_trades(self) -> Int32Array:
        """int32[R, N]: last_trade of every session; computed once, read-only."""
        return self._last_trades

    @property
    def refused(self) -> tuple[Refused, ...]:
        """The dividends that adjust no price, because amount ≥ last close or no close is known."""
        return self._priced[1]

    @cached_property
    def _last_trades(self) -> Int32Array:
        close = self.values("close")
        rows = np.arange(len(close), dtype=np.int32)[:, None]
        out = np.where(np.isnan(close), np.int32(-1), rows)
        np.maximum.accumulate(out, axis=0, out=out)
        out.setflags(write=False)
        return out

    @cached_property
    def _actions(self) -> Actions:
        return self._read_actions()

    @cached_property
    def _priced(self) -> tuple[Factors, tuple[Refused, ...]]:
        rows, n = self.shape
        paid = self._actions.dividends
        return price_factors(self._actions, n, rows, *closes_before(self._close_blocks(), paid.column, paid.ex))

    @cached_property
    def _price_factors(self) -> Factors:
        return self._kept("price-factors", lambda: self._priced[0])

    @cached_property
    def _volume_factors(self) -> Factors:
        return self._kept("volume-factors", lambda: split_factors(self._actions, self.shape[1]))

    def _kept(self, key: str, made: Callable[[], Factors]) -> Factors:
        """Factors from the cache; of a large bundle they are put there."""
        cache, n = self._files.cache, self.shape[1]
        stored = cache.open(key, (4, -1))
        if stored is not None:
            return Factors.stored(stored, n)
        factors = made()
        rows = factors.rows
        cache.store(key, rows.shape, [rows])
        return factors

    def _close_blocks(self) -> Iterator[Block]:
        """The closes piece by piece in order of time; of a large bundle from the cache where it has them."""
        n = self.shape[1]
        if not self._large:
            close = self.values("close")
            for lo in range(0, len(close), STRIP):
                yield lo, np.arange(n), close[lo : lo + STRIP]
            return
        kept = self._strip_blocks("close") if self._has_strips("close") else None
        if kept is not None:
            yield from ((i * STRIP, np.arange(n), strip.T) for i, strip in enumerate(kept))
            return
        for file in self._files.files:
            yield self._after(file) - file.grid.rows, self._columns_of(file), file.values("close")

    def _rows(self, field: str, columns: Int64Array | None, start: int, end: int) -> FloatArray:
        """Raw rows start … end: of the field where it is held or can be, else stitched from the files they are in."""
        if columns is not None and self._large:
            if len(columns) <= FEW and (end - start > STRIP or field not in self._values):
                found = self._from_strips(field, columns, start, end)
                if found is not None:
                    return found
            if self._known(field) is None:
                return self._stitched(field, columns, start, end)
        raw = self.values(field)[start : end + 1]
        return _picked(raw, columns)

    def _from_strips(self, field: str, columns: Int64Array, start: int, end: int) -> FloatArray | None:
        """Rows start … end of a few columns out of the strips in the cache."""
        if field not in FIELDS:
            raise FieldNotFound(field, FIELDS)
        if not self._has_strips(field) and not (self._strips_pay(field, start, end) and self._make_strips(field)):
            return None
        first, n = start // STRIP, self.shape[1]
        places = np.arange(first, end // STRIP + 1)[:, None] * n + columns
        lines = self._files.cache.lines(*self._strips_of(field), places.ravel().tolist())
        if lines is None:
            return None
        rows = lines.reshape(*places.shape, STRIP).transpose(0, 2, 1).reshape(-1, len(columns))
        return rows[start - first * STRIP : end + 1 - first * STRIP]

    def _has_strips(self, field: str) -> bool:
        """Whether a field stands asset by asset in the cache."""
        if field not in self._in_strips and self._files.cache.open(*self._strips_of(field)) is not None:
            self._in_strips.add(field)
        return field in self._in_strips

    def _strips_pay(self, field: str, start: int, end: int) -> bool:
        """Whether as much was read without the strips of a field, here and in other processes, as they cost to make.

        One field a time: who asks for all of them does not wait for all of them.
        """
        spent = self._files.cache.spent(self._strips_of(field)[0], len(self._files_between(start, end)))
        return spent > (PATIENCE + FIELDS.index(field)) * len(self._files.files)

    def _make_strips(self, field: str) -> bool:
        """Put a field asset by asset into the cache, where it is not there already; whether that could be done."""
        cache, (key, shape) = self._files.cache, self._strips_of(field)
        if not self._has_strips(field):
            blocks = cache.blocks(field, self.shape, STRIP) or self._row_blocks(field)
            if cache.store(key, shape, strips(blocks, shape[1])) is not None:
                self._in_strips.add(field)
        return field in self._in_strips

    def _strip_blocks(self, field: str) -> Iterator[FloatArray] | None:
        key, (count, n, length) = self._strips_of(field)
        return self._files.cache.blocks(key, (count * n, length), n)

    def _strips_of(self, field: str) -> tuple[str, tuple[int, int, int]]:
        """The key of a field's strips in the cache, and their shape [⌈R / STRIP⌉, N, STRIP]."""
        return f"{field}-by-asset", (-(-self.shape[0] // STRIP), self.shape[1], STRIP)

    def _stitched(self, field: str, columns: Int64Array, start: int, end: int) -> FloatArray:
        """Raw rows start … end of some columns out of the files, several files at a time."""
        out = _blank(field, (end + 1 - start, len(columns)))

        def read(file: GridFile) -> None:
            first = self._after(file) - file.grid.rows
            lo, hi = max(start, first), min(end + 1, first + file.grid.rows)
            own = self._columns_of(file)
            place = np.minimum(np.searchsorted(own, columns), len(own) - 1)
            there = np.flatnonzero(own[place] == columns)
            if len(there):
                out[lo - start : hi - start, there] = file.few(field, place[there], lo - first, hi - first)

        with ThreadPoolExecutor(_processors()) as pool:
            list(pool.map(read, self._files_between(start, end)))
        return out

    def _files_between(self, start: int, end: int) -> list[GridFile]:
        """The files that have some of the rows start … end."""
        after = {file: self._after(file) for file in self._files.files}
        return [file for file in after if after[file] - file.grid.rows <= end and after[file] > start]

    def _columns_of(self, file: GridFile) -> Int64Array:
        return np.searchsorted(self._files.sids, file.grid.sids).astype(np.int64)

    def _read(self, fields: Sequence[str]) -> dict[str, FloatArray]:
        """Whole fields in memory, one pass over the files, several files at a time."""
        out = {field: np.empty(self.shape) for field in fields}
        *begins, end = 0, *(self._after(file) for file in self._files.files)
        for field in fields:
            out[field][end:] = nothing(field)
        numbers = self.shape[0] * self.shape[1] * len(fields)
        with ThreadPoolExecutor(_processors()) if numbers > WORTH_A_THREAD else nullcontext() as pool:
            spread = pool.map if pool else map
            list(spread(lambda file, row: self._read_file(file, row, out), self._files.files, begins))
        for values in out.values():
            values.setflags(write=False)
        return out

    def _read_file(self, file: GridFile, row: int, out: Mapping[str, FloatArray]) -> None:
        """Write a file's rows, and nothing to those between ``row`` and its first."""
        first, columns = self._after(file) - file.grid.rows, self._columns_of(file)
        whole = len(columns) == self.shape[1]
        for field, values in out.items():
            values[row : first if whole else first + file.grid.rows] = nothing(field)
        own = {field: values[first : first + file.grid.rows] for field, values in out.items()} if whole else None
        for field, lo, values in file.each(list(out), own):
            if not whole:
                place(out[field][first + lo : first + lo + len(values)], columns, values)

    def _after(self, file: GridFile) -> int:
        """The session after a file's last."""
        return self._sessions.ordinal(file.grid.first) + file.grid.rows

    def _row_blocks(self, field: str) -> Iterator[FloatArray]:
        """The whole array in consecutive blocks of rows."""
        row, n = 0, self.shape[1]
        for file in self._files.files:
            first, columns = self._sessions.ordinal(file.grid.first), self._columns_of(file)
            block = _blank(field, (first + file.grid.rows - row, n))
            if len(columns) == n:
                file.values(field, out=block[first - row :])
            else:
                place(block[first - row :], columns, file.values(field))
            yield block
            row = first + file.grid.rows
        if row < self.shape[0]:
            yield _blank(field, (self.shape[0] - row, n))

    def _bad_window(self, end: int, n: int, t: int) -> SessionOutOfBounds:
        label = self._sessions.labels
        first, last = date_text(label[0]), date_text(label[self.last_session])
        if end > self.last_session or end < 0:
            return SessionOutOfBounds(f"session {end}", first, last, f"has no bars: they span {first} … {last}.")
        value = f"a window of {n} sessions to {date_text(label[end])}"
        if t < end:
            return SessionOutOfBounds(value, first, last, f"cannot be seen from the earlier session {t}.")
        problem = f"needs between 1 and {end + 1} sessions: the bundle's table begins on {first}."
        return SessionOutOfBounds(value, first, last, problem)


def _picked(rows: FloatArray, columns: Int64Array | None) -> FloatArray:
    """Some columns of rows (None: all); a view where there is only one."""
    if columns is None:
        return rows
    if len(columns) == 1:
        column = columns.item()
        return rows[:, column : column + 1]
    return rows.take(columns, axis=1)


def nothing(field: str) -> float:
    """What stands where there is no bar: NaN for a price, 0 for volume."""
    return np.nan if field in PRICES else 0.0


def strips(blocks: Iterable[FloatArray], n: int) -> Iterator[FloatArray]:
    """Consecutive blocks of rows of N columns as strips, float64[N, STRIP] each; the last ends in NaN."""
    held, filled = np.full((STRIP, n), np.nan), 0
    for block in blocks:
        row = 0
        while row < len(block):
            taken = min(STRIP - filled, len(block) - row)
            held[filled : filled + taken] = block[row : row + taken]
            row, filled = row + taken, filled + taken
            if filled == STRIP:
                yield held.T.copy()
                filled = 0
    if filled:
        held[filled:] = np.nan
        yield held.T.copy()


def _blank(field: str, shape: tuple[int, int]) -> FloatArray:
    return np.full(shape, nothing(field))


def place(out: FloatArray, columns: Int64Array, values: FloatArray) -> None:
    """out[:, columns] = values, by slice where the columns are consecutive."""
    if len(columns) and columns[-1] - columns[0] + 1 == len(columns):
        out[:, columns[0] : columns[-1] + 1] = values
    else:
        out[:, columns] = values


def _processors() -> int:
    """The processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
