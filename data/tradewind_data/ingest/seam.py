"""The seam of an append: what is stored around the rows that are added, so that both are checked as one series.

A leap from the last stored close to the first new one stands in neither alone, nor does a spike on the last stored day.
Added rows are checked (series.py) with the stored ones between them, those of the BEFORE sessions before them and of
the AFTER sessions behind them. What was found there earlier is told anew; earlier findings further away stay.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace

import numpy as np

from tradewind_data.bundle import Bundle
from tradewind_data.gridfile import FloatArray, GridFile
from tradewind_data.ingest.latechecks import explained, runs
from tradewind_data.ingest.quality import Flaws
from tradewind_data.ingest.series import Jump, check_series
from tradewind_data.ingest.spool import BUDGET_BYTES, AssetBars
from tradewind_data.schema import FIELDS
from tradewind_data.sessions import BoolArray, Int64Array, Sessions
from tradewind_data.tables import Table

BEFORE, AFTER = 252, 20
SERIES = ("ohlc_order", "outlier", "unexplained_jump", "stale_tail")
_NEVER = np.iinfo(np.int64)


class Seam:
    """Checks added bars beside the stored ones. Years at work are held within ``budget`` bytes, at least one."""

    def __init__(self, bundle: Bundle, budget: int = BUDGET_BYTES) -> None:
        paths = sorted(path for path in bundle.manifest.files if path.startswith("bars/1d/"))
        self._files = [GridFile(bundle.path / path, bundle.name) for path in paths]
        self._sessions, self._last = bundle.sessions, bundle.bars().last_session
        self._budget, self._lock = budget, threading.Lock()
        self._held: dict[int, FloatArray] = {}
        self._told: dict[int, tuple[int, int]] = {}

    def check(self, bars: AssetBars, file: str = "") -> tuple[list[Flaws], list[Jump]]:
        """``check_series`` of the added bars in their surroundings: what concerns them or the rows beside them."""
        before, between, after = self._around(bars)
        since = int(before.labels[-1]) if len(before.labels) else _NEVER.min
        until = int(after.labels[0]) if len(after.labels) else _NEVER.max
        self._told[bars.sid] = (since, until)
        flaws, jumps = check_series(_joined([before, between, bars, after]), file)
        kept = [_within(flaw, since, until) for flaw in flaws if flaw.code != "stale_tail" or until == _NEVER.max]
        return [flaw for flaw in kept if len(flaw)], [jump for jump in jumps if since <= jump.date <= until]

    def settled(self, old: Iterable[Flaws]) -> Iterator[Flaws]:
        """The earlier findings without those that ``check`` has told anew."""
        for flaw in old:
            since, until = self._told.get(flaw.sid, (_NEVER.max, _NEVER.min))
            if flaw.code == "stale_tail" and until == _NEVER.max:
                continue
            anew = (flaw.times >= since) & (flaw.times <= until) & (flaw.code in SERIES)
            yield _only(flaw, ~anew)

    def gaps(self, found: Iterable[Flaws], sessions: Sessions) -> Iterator[Flaws]:
        """The gaps of the added rows without the sessions that are stored already."""
        for flaw in found:
            stored = self._stored(flaw.sid, int(flaw.times[0]), int(sessions.labels[-1]))
            yield from _still_missing(flaw, sessions, stored.labels)

    def _around(self, bars: AssetBars) -> tuple[AssetBars, AssetBars, AssetBars]:
        """The stored bars before the first added one, between them, and after the last."""
        first, last = int(bars.labels[0]), int(bars.labels[-1])
        labels = self._sessions.labels
        lo, hi = self._sessions.at_or_after(first), self._sessions.at_or_before(last)
        start = int(labels[max(0, min(lo, self._last + 1) - BEFORE)])
        end = int(labels[min(len(labels) - 1, hi + AFTER)])
        before, after = self._stored(bars.sid, start, first - 1), self._stored(bars.sid, last + 1, end)
        none = AssetBars(bars.sid, bars.labels[:0], bars.values[:, :0])
        if np.isin(labels[lo : hi + 1], bars.labels).all():
            return before, none, after
        between = self._stored(bars.sid, first, last)
        rest = ~np.isin(between.labels, bars.labels)
        return before, AssetBars(bars.sid, between.labels[rest], between.values[:, rest]), after

    def _stored(self, sid: int, first: int, last: int) -> AssetBars:
        """The stored trades of an asset with first ≤ label ≤ last (ns)."""
        parts = [AssetBars(sid, np.empty(0, dtype=np.int64), np.empty((len(FIELDS), 0)))]
        for number, file in enumerate(self._files):
            begin = self._sessions.at_or_after(file.grid.first)
            labels = self._sessions.labels[begin : begin + file.grid.rows]
            lo, hi = np.searchsorted(labels, (first, last + 1))
            column = int(np.searchsorted(file.grid.sids, sid))
            if lo < hi and column < len(file.grid.sids) and file.grid.sids[column] == sid:
                values = self._values(number)[:, lo:hi, column]
                traded = ~np.isnan(values[3])
                parts.append(AssetBars(sid, labels[lo:hi][traded], values[:, traded]))
        return _joined(parts)

    def _values(self, number: int) -> FloatArray:
        """float64[5, rows, N] of a file."""
        with self._lock:
            if number not in self._held:
                values = np.stack([self._files[number].values(field) for field in FIELDS])
                while self._held and sum(v.nbytes for v in self._held.values()) + values.nbytes > self._budget:
                    del self._held[next(iter(self._held))]
                self._held[number] = values
            return self._held[number]


def _joined(parts: list[AssetBars]) -> AssetBars:
    """The bars of all parts, ascending; no time stands in two."""
    labels = np.concatenate([part.labels for part in parts])
    values = np.concatenate([part.values for part in parts], axis=1)
    order = np.argsort(labels, kind="stable")
    return AssetBars(parts[0].sid, labels[order], values[:, order])


def _only(flaw: Flaws, which: BoolArray) -> Flaws:
    if which.all():
        return flaw
    rows = np.flatnonzero(which)
    lines = None if flaw.lines is None else flaw.lines[rows]
    values = None if flaw.values is None else flaw.values[:, rows]
    details = tuple(flaw.details[row] for row in rows.tolist())
    return replace(flaw, times=flaw.times[rows], details=details, lines=lines, values=values)


def _within(flaw: Flaws, since: int, until: int) -> Flaws:
    return flaw if flaw.code == "stale_tail" else _only(flaw, (flaw.times >= since) & (flaw.times <= until))


Labels = Callable[[int], Int64Array]


def reconsidered(
    old: Iterable[Flaws], sessions: Sessions, added: Labels, actions: Mapping[str, Table]
) -> Iterator[Flaws]:
    """Earlier findings in the light of what was added: gaps without the sessions that have a row now, leaps without
    those that an action explains.

    added(sid): labels of the rows that were added.
    """
    near = explained(actions)
    for flaw in old:
        if flaw.code == "gap":
            yield from _still_missing(flaw, sessions, added(flaw.sid))
        elif flaw.code == "unexplained_jump":
            yield _only(flaw, np.array([not near(flaw.sid, int(time)) for time in flaw.times], dtype=bool))
        else:
            yield flaw


def told_anew(old: Iterable[Flaws], new: Iterable[Flaws], added: Labels) -> Iterator[Flaws]:
    """Earlier findings without the quarantined rows of which the append told again, rightly or wrongly.

    new: what was found in the added rows. added(sid): times of those that were good.
    """
    wrong: dict[int, list[Int64Array]] = {}
    for flaw in new:
        if flaw.values is not None:
            wrong.setdefault(flaw.sid, []).append(flaw.times)
    for flaw in old:
        if flaw.values is None:
            yield flaw
        else:
            yield _only(flaw, ~np.isin(flaw.times, np.concatenate([added(flaw.sid), *wrong.get(flaw.sid, [])])))


def _still_missing(flaw: Flaws, sessions: Sessions, added: Int64Array) -> Iterator[Flaws]:
    if not len(added):
        yield flaw
        return
    starts = np.searchsorted(sessions.labels, flaw.times)
    counts = [int(detail.split()[0]) for detail in flaw.details]
    missing = np.concatenate([np.arange(s, s + n) for s, n in zip(starts.tolist(), counts, strict=True)])
    left = missing[~np.isin(sessions.labels[missing], added)]
    if len(left) == len(missing):
        yield flaw
    elif len(left):
        yield replace(runs(flaw.sid, left, sessions), file=flaw.file)
