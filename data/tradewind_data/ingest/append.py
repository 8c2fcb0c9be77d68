"""Appending: the latest version of a bundle under what a folder brings, so that only what is new is written.

    assets          old rows stay; lives grow to hold the new bars; what the new assets.csv says wins
    actions         the new rows of an asset and date replace the old ones of that asset and date
    bars            a new row replaces the old one of its time; a time that the folder does not have keeps its old row
    bar files       those in which nothing changed are linked, not written

An old row that a new one changes is reported as a revision with both values. The union of two folders, appended one
after the other, is the bundle that one folder of all their rows would have made.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from tradewind_data import tables
from tradewind_data.bundle import Bundle
from tradewind_data.errors import BadIngestRequest
from tradewind_data.gridfile import FloatArray, GridFile
from tradewind_data.ingest.grids import Plan, cells, write_cells
from tradewind_data.ingest.listing import Listing, Roster
from tradewind_data.ingest.market import Earlier, day_after
from tradewind_data.ingest.quality import Flaws, flaw
from tradewind_data.ingest.spool import Spool
from tradewind_data.manifest import FileFacts
from tradewind_data.schema import FIELDS, TABLES
from tradewind_data.sessions import BoolArray, Int64Array, Sessions, date_text
from tradewind_data.tables import NAT, Array, Table

KEYS = {
    "splits": ("sid", "effective_date"),
    "dividends": ("sid", "ex_date"),
    "stock_dividends": ("sid", "ex_date"),
    "mergers": ("sid", "effective_date"),
    "classifications": ("sid", "start_date", "scheme"),
}
_CLOSE = FIELDS.index("close")


class Base:
    """The version that is appended to."""

    def __init__(self, bundle: Bundle) -> None:
        self.bundle = bundle
        self._tables = {name: bundle.table(name) for name in TABLES}

    def source(self, new: str) -> str:
        """How the bundle was made, with what is added now: what was made up stays known as that."""
        old = self.bundle.manifest.source
        return old if new in old else f"{old}; appended: {new}"

    @property
    def known(self) -> dict[str, int]:
        """symbol → sid of the assets it has, by the symbol they bear at their end."""
        assets = self._tables["assets"]
        return dict(zip(assets["symbol"].tolist(), assets["sid"].tolist(), strict=True))

    @cached_property
    def contracts(self) -> frozenset[int]:
        """The sids of its contracts."""
        found = self.bundle.table("futures")["sid"].tolist() if "futures.parquet" in self.bundle.manifest.files else ()
        return frozenset(found)

    @property
    def span(self) -> tuple[int, int]:
        """Labels (ns) of the first and last daily bar."""
        bars, labels = self.bundle.bars(), self.bundle.sessions.labels
        return int(labels[bars.first_session]), int(labels[bars.last_session])

    @property
    def earlier(self) -> Earlier:
        """The spans of its bars."""
        if "1m" not in self.bundle.manifest.frequencies:
            return Earlier(self.span, None, np.empty(0, dtype=np.int64))
        minutes, table = self.bundle.bars("1m"), self.bundle.sessions.minutes
        span = table.stamp(minutes.first_minute), table.stamp(minutes.last_minute)
        return Earlier(self.span, span, minutes.sids)

    def lifetime(self, sid: int) -> tuple[int, int] | None:
        """First and last day (ns) that an asset was alive, None for an unknown one."""
        assets = self._tables["assets"]
        row = np.flatnonzero(assets["sid"] == sid)
        return (int(assets["start_date"][row[0]]), int(assets["end_date"][row[0]])) if len(row) else None

    def gaps(self, bars: Spool, sessions: Sessions) -> Iterator[Flaws]:
        """The sessions between what was stored of an asset and what is added."""
        for sid in bars.sids.tolist():
            old, new = self.lifetime(sid), bars.lifetime(sid)
            if old is None or new is None:
                continue
            after, before = sessions.at_or_before(old[1]) + 1, sessions.at_or_after(new[0])
            if after < before:
                missing = (
                    f"{before - after} sessions from {date_text(int(sessions.labels[after]))}, before what was added"
                )
                yield flaw("gap", sid, int(sessions.labels[after]), missing)

    def check_calendar(self, sessions: Sessions) -> None:
        """BadIngestRequest when the calendar has other sessions now than when the bars were stored."""
        first, last = self.span
        old, new = (s.labels[(s.labels >= first) & (s.labels <= last)] for s in (self.bundle.sessions, sessions))
        if not np.array_equal(old, new):
            rule = "its sessions have changed since the bundle was made; ingest all the data again"
            raise BadIngestRequest("calendar", sessions.calendar, rule)

    def listing(self, roster: Roster, new: Listing) -> Listing:
        """The assets and symbols of both."""
        return Listing(self._assets(roster, new.assets), self._symbols(roster, new))

    def _assets(self, roster: Roster, new: Table) -> Table:
        old = self._tables["assets"]
        shared = np.isin(new["sid"], old["sid"])
        place = np.searchsorted(old["sid"], new["sid"][shared])
        merged = {name: column.copy() for name, column in new.items()}
        given = [roster.lifetime(symbol) for symbol in new["symbol"][shared]]
        told = np.array(given, dtype=np.int64).reshape(-1, 2) != NAT
        start, end = new["start_date"][shared], new["end_date"][shared]
        before = {name: old[name][place] for name in ("start_date", "end_date", "auto_close_date")}
        merged["start_date"][shared] = np.where(told[:, 0], start, np.minimum(start, before["start_date"]))
        ends = np.where(told[:, 1], end, np.maximum(end, before["end_date"]))
        merged["end_date"][shared] = ends
        default = before["auto_close_date"] == day_after(before["end_date"])
        kept = np.where(default, day_after(ends), before["auto_close_date"])
        fresh = new["auto_close_date"][shared]
        merged["auto_close_date"][shared] = np.where(fresh == day_after(end), kept, fresh)
        for name in ("asset_name", "exchange"):
            merged[name][shared] = np.where(new[name][shared] == "", old[name][place], new[name][shared])
        self._keep_contracts(merged, old, shared, place, roster)
        return _union("assets", merged, old, ~np.isin(old["sid"], new["sid"]), ("sid",))

    def _keep_contracts(
        self, merged: dict[str, Array], old: Table, shared: BoolArray, place: Int64Array, roster: Roster
    ) -> None:
        """A contract that the new folder has bars of, but no futures.csv, stays the contract it was."""
        if roster.contracts is None:
            for name in ("asset_type", "price_multiplier", "tick_size"):
                merged[name][shared] = old[name][place]

    def _symbols(self, roster: Roster, new: Listing) -> Table:
        """Symbol history: what the folder tells of an asset replaces what was known, else its last symbol lives on."""
        old, assets = self._tables["symbols"], self._tables["assets"]
        told = np.isin(old["sid"], new.told)
        grown = {name: column.copy() for name, column in old.items()}
        ends = dict(zip(assets["sid"].tolist(), assets["end_date"].tolist(), strict=True))
        merged = self._assets(roster, new.assets)
        for i, sid in enumerate(old["sid"].tolist()):
            row = int(np.searchsorted(merged["sid"], sid))
            if old["end_date"][i] == ends[sid]:
                grown["end_date"][i] = merged["end_date"][row]
        first: dict[int, int] = {}
        for i in np.lexsort((old["start_date"],)).tolist():
            first.setdefault(int(old["sid"][i]), i)
        for sid, i in first.items():
            grown["start_date"][i] = min(
                old["start_date"][i], merged["start_date"][np.searchsorted(merged["sid"], sid)]
            )
        fresh = ~np.isin(new.symbols["sid"], old["sid"]) | np.isin(new.symbols["sid"], new.told)
        return _union("symbols", _rows(new.symbols, fresh), grown, ~told, ("symbol", "start_date", "sid"))

    def actions(self, new: Mapping[str, Table]) -> tuple[dict[str, Table], list[Flaws]]:
        """The action tables of both, and what was revised."""
        merged, revised = {}, []
        for name, keys in KEYS.items():
            old, fresh = self._tables[name], new[name]
            known = _among(old, fresh, keys)
            merged[name] = _union(name, fresh, old, ~known, keys)
            lost = _rows(old, known & ~_among(old, fresh, tuple(c.name for c in TABLES[name])))
            if tables.length(lost):
                said = tuple(f"{name}: was {_shown(name, lost, i)}" for i in range(tables.length(lost)))
                revised.append(Flaws("revision", -1, lost[keys[1]], said))
        return merged, revised

    def futures(self, new: Table | None) -> Table | None:
        """The contracts of both."""
        if "futures.parquet" not in self.bundle.manifest.files:
            return new
        old = self.bundle.table("futures")
        if new is None:
            return old
        rest = _rows(old, ~np.isin(old["sid"], new["sid"]))
        return tables.sort_by({name: np.concatenate([new[name], rest[name]]) for name in new}, "sid")

    def under(self, plan: Plan) -> Under | None:
        """The file of the same period, None when there is none."""
        facts = self.bundle.manifest.files.get(plan.relative)
        if facts is None:
            return None
        file = GridFile(self.bundle.path / plan.relative, self.bundle.name)
        first = file.grid.first if plan.frequency == "1d" else int(file.stamps()[0])
        return Under(file, facts, self.bundle.folder / plan.relative, int(np.searchsorted(plan.times, first)), plan)


@dataclass(frozen=True, eq=False)
class Under:
    """A bar file of the earlier version beneath the plan of the new one; row: where its first row lies in the plan."""

    file: GridFile
    facts: FileFacts
    path: Path
    row: int
    plan: Plan

    def cells(self, lo: int, hi: int) -> FloatArray:
        """float64[5, hi − lo, N] of the plan's rows and assets as they were; nothing where there was nothing."""
        grid = self.file.grid
        out = np.full((len(FIELDS), hi - lo, len(self.plan.grid.sids)), np.nan)
        out[-1] = 0.0
        a, b = max(lo, self.row), min(hi, self.row + grid.rows)
        if a < b:
            # An asset without a row in the new grid had no bar in the old one.
            _, there, place = np.intersect1d(grid.sids, self.plan.grid.sids, assume_unique=True, return_indices=True)
            for i, field in enumerate(FIELDS):
                out[i, a - lo : b - lo, place] = self.file.values(field, a - self.row, b - self.row)[:, there].T
        return out

    def unchanged(self, revised: bool) -> bool:
        """Whether the new file would be the old one."""
        return not revised and self.plan.grid.same(self.file.grid)

    def link(self, target: Path) -> FileFacts:
        """Make the old file part of the new version, without a copy where the disk can."""
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            os.link(self.path, target)
        except OSError:
            shutil.copyfile(self.path, target)
        return self.facts


def lay(old: FloatArray, new: FloatArray, there: BoolArray) -> tuple[FloatArray, BoolArray]:
    """(the cells of both, where a cell changed): new cells where there is a new row, old ones elsewhere.

    old, new: float64[5, rows, N]; there: bool[rows, N].
    """
    differ = there & ~((old == new) | (np.isnan(old) & np.isnan(new))).all(axis=0)
    return np.where(there, new, old), differ


def revisions(plan: Plan, lo: int, old: FloatArray, new: FloatArray, changed: BoolArray) -> Iterator[Flaws]:
    """The changed cells that held a trade before, by asset."""
    traded = changed & ~np.isnan(old[_CLOSE])
    for column in np.flatnonzero(traded.any(axis=0)).tolist():
        rows = np.flatnonzero(traded[:, column])
        said = tuple(f"was {_bar(old[:, row, column])}, is {_bar(new[:, row, column])}" for row in rows.tolist())
        yield Flaws("revision", int(plan.grid.sids[column]), plan.times[lo + rows], said, plan.relative)


def write_over(folder: Path, under: Under, bars: Spool) -> tuple[FileFacts, list[Flaws]]:
    """Write the file of a period that has one already, or link that one when nothing changes; what was revised."""
    plan = under.plan
    revised: list[Flaws] = []
    changed = False
    for lo, hi in plan.grid.groups():
        old, (new, there) = under.cells(lo, hi), cells(bars, plan.times[lo:hi], plan.grid.sids)
        _, differ = lay(old, new, there)
        changed |= bool(differ.any())
        revised += revisions(plan, lo, old, new, differ)
    if under.unchanged(changed):
        return under.link(folder / plan.relative), []

    def chunk(lo: int, hi: int) -> FloatArray:
        return lay(under.cells(lo, hi), *cells(bars, plan.times[lo:hi], plan.grid.sids))[0]

    return write_cells(folder, plan, chunk), revised


def _bar(values: FloatArray) -> str:
    return "no trade" if np.isnan(values[_CLOSE]) else " ".join(f"{v:.10g}" for v in values)


def _shown(name: str, table: Table, row: int) -> str:
    return ", ".join(f"{c.name} {table[c.name][row]}" for c in TABLES[name] if c.kind not in ("date", "time"))


def _rows(table: Table, which: BoolArray | Int64Array) -> dict[str, Array]:
    return {name: column[which] for name, column in table.items()}


def _union(name: str, first: Table, second: Table, which: BoolArray, keys: tuple[str, ...]) -> Table:
    """The rows of the first table and some of the second, sorted by the keys."""
    rest = _rows(second, which)
    return tables.sort_by({c.name: np.concatenate([first[c.name], rest[c.name]]) for c in TABLES[name]}, *keys)


def _among(old: Table, new: Table, keys: tuple[str, ...]) -> BoolArray:
    """Which rows of old have their keys in a row of new."""
    there = set(zip(*(new[key].tolist() for key in keys), strict=True))
    found = zip(*(old[key].tolist() for key in keys), strict=True)
    return np.array([row in there for row in found], dtype=bool).reshape(-1)
