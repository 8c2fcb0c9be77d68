"""The bars of a market as files: one grid a year of sessions or a month of minutes.

Each file is made alone, from the slices of its period, so memory holds one row group of each file at work.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tradewind_data.gridfile import Chunk, FloatArray, Grid, new_grid, write_grid
from tradewind_data.ingest.market import Market
from tradewind_data.ingest.spool import AssetBars, Spool, periods_of
from tradewind_data.manifest import FileFacts, file_sha256
from tradewind_data.schema import FIELDS, PRICES
from tradewind_data.sessions import BoolArray, Int64Array, Sessions
from tradewind_data.tables import Table


@dataclass(frozen=True, eq=False)
class Plan:
    """One file to be written.

    relative: its path in the bundle; frequency; grid: its axes; times: int64[rows], the labels of its rows (session
    labels, ends of minutes); stamps: its time columns.
    """

    relative: str
    frequency: str
    grid: Grid
    times: Int64Array
    stamps: Mapping[str, Int64Array]

    @property
    def cells(self) -> int:
        """Rows × assets."""
        return self.grid.rows * len(self.grid.sids)


def daily_plans(market: Market) -> Iterator[Plan]:
    """The files of the daily bars, one a year within the span of the data."""
    first, last = market.span
    labels = market.sessions.labels
    labels = labels[(labels >= first) & (labels <= last)]
    years = periods_of(labels, "Y") + 1970
    for year in np.unique(years).tolist():
        rows = labels[years == year]
        grid = new_grid(int(rows[0]), len(rows), len(rows), _alive(market.tables["assets"], rows))
        yield Plan(f"bars/1d/{year}.parquet", "1d", grid, rows, {"session": rows})


def minute_plans(market: Market) -> Iterator[Plan]:
    """The files of the minute bars, one a month from the first to the last session with any."""
    if market.minute_span is None:
        return
    sessions = market.sessions
    first, last = (_session_at(sessions, stamp) for stamp in market.minute_span)
    months = periods_of(sessions.labels, "M")
    for month in np.unique(months[first : last + 1]).tolist():
        inside = np.flatnonzero(months == month)
        inside = inside[(inside >= first) & (inside <= last)]
        sids = np.intersect1d(_alive(market.tables["assets"], sessions.labels[inside]), market.minute_sids)
        yield _minute_plan(sessions, str(np.datetime64(month, "M")), inside, sids)


def _minute_plan(sessions: Sessions, month: str, inside: Int64Array, sids: Int64Array) -> Plan:
    lo, hi = int(sessions.minutes.starts[inside[0]]), int(sessions.minutes.starts[inside[-1] + 1])
    times = sessions.minutes.stamps(lo, hi)
    owners = sessions.labels[sessions.minutes.sessions(np.arange(lo, hi))]
    grid = new_grid(int(sessions.labels[inside[0]]), len(inside), hi - lo, sids)
    return Plan(f"bars/1m/{month}.parquet", "1m", grid, times, {"session": owners, "minute": times})


def _session_at(sessions: Sessions, stamp: int) -> int:
    return sessions.minutes.session(max(0, sessions.minutes.at_or_before(stamp)))


def _alive(assets: Table, labels: Int64Array) -> Int64Array:
    """Sids alive on some of the labels, ascending."""
    alive = (assets["start_date"] <= labels[-1]) & (assets["end_date"] >= labels[0])
    return np.sort(assets["sid"][alive]).astype(np.int64)


def write_plan(folder: Path, plan: Plan, bars: Spool) -> FileFacts:
    """Write one file; its facts for the manifest."""

    def chunk(lo: int, hi: int) -> FloatArray:
        return cells(bars, plan.times[lo:hi], plan.grid.sids)[0]

    return write_cells(folder, plan, chunk)


def write_cells(folder: Path, plan: Plan, chunk: Chunk) -> FileFacts:
    """Write one file from chunk(lo, hi) (gridfile.write_grid); its facts for the manifest."""
    path = folder / plan.relative
    content = write_grid(path, plan.frequency, plan.grid, plan.stamps, chunk)
    return FileFacts(file_sha256(path), content, path.stat().st_size, plan.cells)


def cells(bars: Spool, times: Int64Array, sids: Int64Array) -> tuple[FloatArray, BoolArray]:
    """(float64[5, len(times), len(sids)] by FIELDS, bool[len(times), len(sids)] where there is a row).

    Bars at other times or of other assets are passed over; of two rows of one time the later added counts.
    """
    out = np.full((len(FIELDS), len(times), len(sids)), np.nan)
    out[len(PRICES) :] = 0.0
    there = np.zeros(out.shape[1:], dtype=bool)
    column = {sid: i for i, sid in enumerate(sids.tolist())}
    for part in bars.slices(int(times[0]), int(times[-1])) if len(times) else ():
        own = column.get(part.sid)
        if own is not None:
            rows, values = _placed(times, part)
            out[:, rows, own] = values
            there[rows, own] = True
    return out, there


def _placed(times: Int64Array, part: AssetBars) -> tuple[slice | Int64Array, FloatArray]:
    """(the rows of the times at which the bars lie, the bars that lie on one); a slice for bars without a hole."""
    first = int(times.searchsorted(part.labels[0]))
    run = slice(first, first + len(part.labels))
    if times[run].tobytes() == part.labels.tobytes():  # of a hundred numbers the quickest comparison
        return run, part.values
    rows = np.searchsorted(times, part.labels)
    known = times[rows] == part.labels
    return rows[known], part.values[:, known]
