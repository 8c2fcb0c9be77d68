"""Bars as (session × asset) arrays: one reader a frequency, read from the year files field by field when first asked.

Row r of every array is the session ordinal r, column c the asset of that column. The stored arrays are raw; ``window``
shows prices and volumes as seen from a session (adjustments.py).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from tradewind_data.adjustments import Actions, Factors, FloatArray, Refused, price_factors, split_factors
from tradewind_data.errors import BundleCorrupt, FieldNotFound, SessionOutOfBounds
from tradewind_data.schema import FIELDS, GRID_KEY, PRICES
from tradewind_data.sessions import DAY_NS, Int64Array, Sessions, date_text

Int32Array = npt.NDArray[np.int32]


@dataclass(frozen=True)
class BarFiles:
    """Where the bars of a bundle lie.

    paths in order of time; sids by column; ordinals of the first and the last session with data; the bundle's name.
    """

    paths: tuple[Path, ...]
    sids: Int64Array
    first_session: int
    last_session: int
    bundle: str


class BarReader:
    """Daily bars of a bundle: R = last_session + 1 rows, N columns, float64, C order, read-only.

    Fields: open, high, low, close (currency a share, NaN = no trade) and volume (shares, 0.0 where there is no bar).
    Rows before first_session hold no trade. Each field is read once, when first needed.
    """

    def __init__(self, files: BarFiles, sessions: Sessions, actions: Actions) -> None:
        self._files, self._sessions, self._actions = files, sessions, actions
        self._values: dict[str, FloatArray] = {}
        self.first_session, self.last_session = files.first_session, files.last_session

    @property
    def shape(self) -> tuple[int, int]:
        """(R, N)."""
        return self.last_session + 1, len(self._files.sids)

    def values(self, field: str) -> FloatArray:
        """Raw float64[R, N] of a field, C order, read-only; row = session ordinal. FieldNotFound, BundleCorrupt."""
        found = self._values.get(field)
        if found is None:
            found = self._values[field] = self._read(field)
        return found

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
        raw = self.values(field)[start : end + 1]
        changes = (self._volume_factors if field == "volume" else self._price_factors).between(start, t)
        if columns is not None:
            raw = raw.take(columns, axis=1)
        return _adjusted(raw, columns, start, changes) if len(changes[0]) else raw

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
    def _priced(self) -> tuple[Factors, tuple[Refused, ...]]:
        return price_factors(self._actions, self.values("close"), self._last_trades)

    @property
    def _price_factors(self) -> Factors:
        return self._priced[0]

    @cached_property
    def _volume_factors(self) -> Factors:
        return split_factors(self._actions, self.shape[1])

    def _read(self, field: str) -> FloatArray:
        if field not in FIELDS:
            raise FieldNotFound(field, FIELDS)
        out = np.full(self.shape, np.nan if field in PRICES else 0.0)
        for path in self._files.paths:
            grid, values = _read_grid(path, field, self._files.bundle)
            row = self._sessions.ordinal(grid.first)
            columns = np.searchsorted(self._files.sids, grid.sids)
            _place(out[row : row + grid.sessions], columns, values)
        out.setflags(write=False)
        return out

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


@dataclass(frozen=True)
class Grid:
    """The axes of a file of bars: label of its first session (ns), number of sessions, sids ascending."""

    first: int
    sessions: int
    sids: Int64Array


def grid_of(metadata: dict[bytes, bytes]) -> Grid:
    """The grid described by a bar file's key-value metadata. KeyError or ValueError when there is none."""
    facts = json.loads(metadata[GRID_KEY])
    first = int(np.datetime64(facts["first"], "D").astype(np.int64)) * DAY_NS
    return Grid(first, int(facts["sessions"]), np.array(facts["sids"], dtype=np.int64))


def _read_grid(path: Path, field: str, bundle: str) -> tuple[Grid, FloatArray]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    name = "/".join(path.parts[-3:])
    try:
        with pq.ParquetFile(path) as file:
            grid = grid_of(file.schema_arrow.metadata or {})
            values: Any = file.read(columns=[field], use_threads=False).column(field).to_numpy()
        return grid, values.reshape(grid.sessions, len(grid.sids))
    except FileNotFoundError:
        raise BundleCorrupt(bundle, name, "is missing") from None
    except (pa.ArrowException, OSError, KeyError, ValueError) as e:
        raise BundleCorrupt(bundle, name, f"cannot be read as bars ({type(e).__name__}: {e})") from e


def _place(out: FloatArray, columns: Int64Array, values: FloatArray) -> None:
    """out[:, columns] = values, by slice where the columns are consecutive."""
    if len(columns) and columns[-1] - columns[0] + 1 == len(columns):
        out[:, columns[0] : columns[-1] + 1] = values
    else:
        out[:, columns] = values


def _adjusted(
    raw: FloatArray,
    columns: Int64Array | None,
    start: int,
    changes: tuple[Int64Array, Int64Array, FloatArray],
) -> FloatArray:
    """A copy of raw (rows start …) times the ratios of later actions; only the columns that have one are touched."""
    column, session, ratio = changes
    touched = np.unique(column)
    places = touched if columns is None else np.flatnonzero(np.isin(columns, touched))
    if not len(places):
        return raw
    n = len(raw)
    factor = np.ones((n, len(touched)))
    # An action at e concerns the rows before it; one beyond the window concerns them all.
    np.multiply.at(factor, (np.minimum(session - start, n) - 1, np.searchsorted(touched, column)), ratio)
    factor = np.multiply.accumulate(factor[::-1], axis=0)[::-1]
    if columns is not None:
        factor = factor[:, np.searchsorted(touched, columns[places])]
    out = np.array(raw, order="C")
    out[:, places] *= factor
    return out
