"""The folder reader: a folder of CSV or Parquet files becomes the next version of a bundle.

    assets.csv  symbols.csv                  who is listed (listing.py); both optional
    futures.csv                              contracts (listing.py); optional
    daily/SYMBOL.csv | .csv.gz | .parquet    date, open, high, low, close, volume[, dividend, split] (daily.py)
    minute/SYMBOL.csv | .csv.gz | .parquet   date, open, high, low, close, volume (minutes.py); optional
    splits.csv  dividends.csv                corporate actions (actions.py); all optional
    stock_dividends.csv  mergers.csv
    classifications.csv                      codes such as sectors; optional
    datasets/NAME.csv | .csv.gz | .parquet   facts by when they became known (datasets.py); optional

SYMBOL is percent-decoded, so ``BRK.B``, ``^GSPC`` and ``BTC%2FUSD`` name what they say. The zipline csvdir layout is
this one without the files beside ``daily/`` and ``minute/``. A file that cannot be read ends in BadInputFile and leaves
nothing behind; a row that cannot be right goes into quarantine (quality.py), or is a BadInputFile when the ingest is
strict. Files are parsed side by side within a budget of memory, and taken in the order of their symbols.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import TypeVar

import numpy as np

from tradewind_data.bundle import open_bundle
from tradewind_data.errors import BadIngestRequest
from tradewind_data.ingest import latechecks
from tradewind_data.ingest.actions import ActionReader
from tradewind_data.ingest.append import Base
from tradewind_data.ingest.daily import WANTED as DAILY
from tradewind_data.ingest.daily import (
    BarredActions,
    DailyFile,
    Listed,
    judge,
    judge_together,
    refuse_stranger,
    with_lines,
)
from tradewind_data.ingest.datasets import joined, read_datasets
from tradewind_data.ingest.delimited import read_input, read_together
from tradewind_data.ingest.inputfiles import bar_files, batches, compiling_pays, left_out
from tradewind_data.ingest.listing import (
    ASSETS_FILE,
    Listing,
    Roster,
    complete,
    futures_table,
    read_roster,
)
from tradewind_data.ingest.market import Market, Progress, sessions_for
from tradewind_data.ingest.minutes import MinuteFile, MinuteRules, read_minutes
from tradewind_data.ingest.parallel import Meter, ordered
from tradewind_data.ingest.quality import Flaws, Quality, flaw
from tradewind_data.ingest.reporting import IngestReport, report
from tradewind_data.ingest.seam import Seam, reconsidered, told_anew
from tradewind_data.ingest.series import Jump, check_series
from tradewind_data.ingest.spool import BUDGET_BYTES, AssetBars, Spool
from tradewind_data.ingest.staging import check_name
from tradewind_data.ingest.writer import commit, writing
from tradewind_data.pointintime import Dataset
from tradewind_data.sessions import Int64Array, Sessions
from tradewind_data.tables import NAT, Table

Read = TypeVar("Read", DailyFile, MinuteFile)

_PARSED_PER_BYTE = 4
DEFAULT_CALENDAR = "XNYS"
LABELS = ("right", "left")


@dataclass(frozen=True)
class Rules:
    """How a folder is read.

    calendar: name of an exchange calendar. strict: the first row that breaks a rule ends the ingest instead of going
    into quarantine. minute_label: whether minute files are stamped with the end (``right``) or the beginning (``left``)
    of the minute. workers: threads that parse and write, None = the machine's cores. budget: bytes of bars held in
    memory, and of files at work.
    """

    calendar: str = DEFAULT_CALENDAR
    strict: bool = False
    minute_label: str = "right"
    workers: int | None = None
    budget: int = BUDGET_BYTES


def ingest_folder(
    path: str | os.PathLike[str],
    name: str,
    calendar: str | None = None,
    root: str | os.PathLike[str] | None = None,
    progress: Progress | None = None,
    strict: bool = False,
    append: bool = False,
    minute_label: str = "right",
    workers: int | None = None,
    budget: int = BUDGET_BYTES,
) -> IngestReport:
    """Read a folder and write it as the next version of the bundle ``name``, all or nothing.

    calendar: None = XNYS, or that of the version that is appended to. append: add to the latest version (append.py);
    when nothing is new, no version is made. root: see bundle.bundles_root; the other arguments: see Rules.
    progress(done, total, label) is called as files are
    read and written. BadInputFile names file, line, column, value, rule and next move; BadIngestRequest for a bad
    folder, name or label; CalendarNotFound for the calendar; BundleNotWritten when the disk refuses.
    """
    check_name(name)
    if minute_label not in LABELS:
        raise BadIngestRequest("minute_label", minute_label, "it is 'right' (end of the minute) or 'left'")
    base = Base(open_bundle(name, root)) if append else None
    rules = Rules(_calendar(calendar, base), strict, minute_label, workers, budget)
    reading = FolderReader(Path(path).expanduser(), rules, progress, base)
    with writing(name, root) as stage, reading.spools(stage.folder):
        market = reading.market()
        written = commit(market, name, stage, progress, base, workers)
        kept = 0 if base is None else len(written.manifest.files.items() & base.bundle.manifest.files.items())
        warnings = reading.warnings
        if base is not None and written.path == base.bundle.path:
            warnings = [*warnings, f"nothing is new: version {written.version} stays as it is"]
        return replace(report(written, name, market, warnings), kept=kept)


def _calendar(given: str | None, base: Base | None) -> str:
    if given and len(re.split(r"[,;+\s]+", given)) > 1:
        rule = "a bundle has one calendar so far; ingest the assets of each calendar as a bundle of their own"
        raise BadIngestRequest("calendar", given, rule)
    if base is None:
        return given or DEFAULT_CALENDAR
    own = base.bundle.manifest.calendar
    if given not in (None, own):
        raise BadIngestRequest("calendar", given, f"the bundle {base.bundle.name!r} is of the calendar {own}")
    return own


class FolderReader:
    """Reads one folder into a Market; what deserves a word is kept in ``warnings``.

    base: the version that the folder is added to.
    """

    def __init__(self, folder: Path, rules: Rules, progress: Progress | None = None, base: Base | None = None) -> None:
        self._folder, self._rules, self._progress, self._base = folder, rules, progress, base
        self.warnings: list[str] = []
        self._seam = None if base is None else Seam(base.bundle, rules.budget)
        self._quality = Quality(rows=0 if base is None else base.bundle.manifest.rows)
        self._barred: list[BarredActions] = []
        self._jumps: list[Jump] = []
        self._daily = Spool("Y", budget=rules.budget)
        self._minutes = Spool("M", budget=rules.budget)

    def spools(self, folder: Path) -> FolderReader:
        """Let bars beyond the budget overflow into a folder; to be closed by leaving the block."""
        self._daily = Spool("Y", folder, self._rules.budget)
        self._minutes = Spool("M", folder, self._rules.budget)
        return self

    def __enter__(self) -> FolderReader:
        return self

    def __exit__(self, *_: object) -> None:
        self._daily.close()
        self._minutes.close()

    def market(self) -> Market:
        """Read everything. The spools must stay open until the market is written."""
        files = bar_files(self._folder, "daily")
        self.warnings += left_out(self._folder)
        roster = read_roster(self._folder, list(files), self._base.known if self._base else None)
        roster.refuse_calendars(self._rules.calendar)
        self._read_daily(files, roster)
        self._refuse_nothing(files)
        sessions = self._sessions()
        if self._judge_strangers(files, roster, sessions):
            self._refuse_nothing(files)
            sessions = self._sessions()
        self._read_minutes(roster, sessions)
        listing = complete(self._folder, roster, self._traded)
        if self._base is not None:
            listing = self._base.listing(roster, listing)
        actions = ActionReader(self._folder, listing, self._barred)
        stored = {"assets": listing.assets, "symbols": listing.symbols, **self._actions(actions)}
        if self._base is not None and self._seam is not None:
            earlier = told_anew(Quality.of(self._base.bundle.folder, 0).flaws, self._quality.flaws, self._added)
            self._quality.add(reconsidered(self._seam.settled(earlier), sessions, self._daily.labels_of, stored))
        self.warnings += [*self._idle(roster), *actions.warnings]
        gaps = latechecks.gaps(self._daily, sessions, self._daily.sids.tolist())
        self._quality.add(gaps if self._seam is None else self._seam.gaps(gaps, sessions))
        if self._base is not None:
            self._quality.add(self._base.gaps(self._daily, sessions))
        self._quality.add(latechecks.unexplained(self._jumps, stored))
        self._quality.add(latechecks.twice(stored["dividends"]))
        minutes = self._minutes if len(self._minutes) else None
        datasets = self._datasets(listing)
        source = "folder of daily files" if minutes is None else "folder of daily and minute files"
        return Market(
            sessions,
            stored,
            self._daily,
            minutes,
            source=source if self._base is None else self._base.source(source),
            quality=self._quality,
            earlier=None if self._base is None else self._base.earlier,
            datasets=datasets,
            futures=self._futures(roster),
        )

    def _refuse_nothing(self, files: dict[str, Path]) -> None:
        if not len(self._daily):
            rule = f"no row of its {len(files)} daily files can be used with the calendar {self._rules.calendar}"
            raise BadIngestRequest("path", self._folder, rule)

    def _futures(self, roster: Roster) -> Table | None:
        """The folder's contracts, with those of the version that is appended to."""
        new = futures_table(roster)
        return new if self._base is None else self._base.futures(new)

    def _datasets(self, listing: Listing) -> dict[str, Dataset]:
        """The folder's datasets, added to those of the version that is appended to."""
        found = read_datasets(self._folder, listing)
        if self._base is None:
            return found
        earlier = self._base.bundle.datasets
        old = {name: earlier.dataset(name) for name in earlier.names}
        return {**old, **{name: joined(name, old.get(name), new) for name, new in found.items()}}

    def _span(self) -> tuple[int, int]:
        """Labels of the first and last daily bar, with those of the version that is appended to."""
        spans = [self._daily.span] if self._base is None else [self._daily.span, self._base.span]
        return min(s[0] for s in spans), max(s[1] for s in spans)

    def _sessions(self) -> Sessions:
        sessions = sessions_for(self._rules.calendar, *self._span())
        if self._base is not None:
            self._base.check_calendar(sessions)
        return sessions

    def _actions(self, reader: ActionReader) -> dict[str, Table]:
        tables = reader.read()
        if self._base is None:
            return tables
        merged, revised = self._base.actions(tables)
        self._quality.add(revised)
        return merged

    def _read_daily(self, files: dict[str, Path], roster: Roster) -> None:
        for symbol, path in files.items():
            roster.refuse_unknown(symbol, self._name(path))

        check, compiled = check_series if self._seam is None else self._seam.check, compiling_pays(files)

        def read(symbols: tuple[str, ...]) -> list[DailyFile]:
            paths = [files[symbol] for symbol in symbols]
            names = [self._name(path) for path in paths]
            owners = [self._listed(symbol, roster) for symbol in symbols]
            together = read_together(paths, names, DAILY, compiled) if len(symbols) > 1 else None
            if together is not None:
                return judge_together(together, owners, self._rules.strict, check)
            tables = (read_input(path, name, DAILY, compiled) for path, name in zip(paths, names, strict=True))
            return [judge(t, owner, self._rules.strict, check) for t, owner in zip(tables, owners, strict=True)]

        meter = Meter(self._progress, len(files))
        found = chain.from_iterable(self._ordered(read, batches(files), files))
        for done, symbol in enumerate(files):
            meter.step(done, f"reading {symbol}")
            file = next(found)
            meter.count(file.rows)
            self._take(file.rows, file.flaws, file.bars, self._daily)
            self._jumps += file.jumps
            if file.actions is not None:
                self._barred.append(file.actions)

    def _read_minutes(self, roster: Roster, sessions: Sessions) -> None:
        if not (self._folder / "minute").is_dir():
            return
        files = bar_files(self._folder, "minute")
        for symbol, path in files.items():
            roster.refuse_unknown(symbol, self._name(path))
        label, strict = self._rules.minute_label, self._rules.strict
        rules = MinuteRules(sessions, self._span(), label, strict, compiling_pays(files))

        def read(symbols: tuple[str, ...]) -> list[MinuteFile]:
            return [read_minutes(files[s], self._name(files[s]), self._listed(s, roster), rules) for s in symbols]

        meter = Meter(self._progress, len(files))
        found = chain.from_iterable(self._ordered(read, [(symbol,) for symbol in files], files))
        for done, symbol in enumerate(files):
            meter.step(done, f"reading minutes of {symbol}")
            file = next(found)
            meter.count(file.rows)
            self._take(file.rows, file.flaws, file.bars, self._minutes)

    def _listed(self, symbol: str, roster: Roster) -> Listed:
        sid, known = roster.sids[symbol], roster.contracts is not None and symbol in roster.contracts.sids
        return Listed(sid, roster.lifetime(symbol), known or (self._base is not None and sid in self._base.contracts))

    def _ordered(
        self, read: Callable[[tuple[str, ...]], list[Read]], batches: list[tuple[str, ...]], files: dict[str, Path]
    ) -> Iterator[list[Read]]:
        def cost(symbols: tuple[str, ...]) -> int:
            return sum(_PARSED_PER_BYTE * files[symbol].stat().st_size for symbol in symbols)

        return ordered(read, batches, cost, self._rules.budget, self._rules.workers)

    def _take(self, rows: int, flaws: list[Flaws], bars: AssetBars | None, spool: Spool) -> None:
        self._quality.rows += rows
        self._quality.add(flaws)
        if bars is not None:
            spool.add(bars)

    def _judge_strangers(self, files: dict[str, Path], roster: Roster, sessions: Sessions) -> bool:
        """Bars that fall on no session: quarantined, or refused when strict. Whether there were any."""
        paths = {roster.sids[symbol]: path for symbol, path in files.items()}
        by_sid: dict[int, list[Flaws]] = {}
        for found in latechecks.strangers(self._daily, sessions, lambda sid: self._name(paths[sid])):
            if self._rules.strict:
                raise refuse_stranger(paths[found.sid], found.file, int(found.times[0]), sessions)
            by_sid.setdefault(found.sid, []).append(found)
        for sid, flaws in by_sid.items():
            self._quality.add(with_lines(paths[sid], flaws))
            self._daily.drop(sid, np.concatenate([found.times for found in flaws]))
        return bool(by_sid)

    def _traded(self, sid: int) -> tuple[int, int] | None:
        return self._daily.lifetime(sid) or (None if self._base is None else self._base.lifetime(sid))

    def _has_bars(self, sid: int) -> bool:
        return self._daily.count(sid) > 0 or (self._base is not None and self._base.lifetime(sid) is not None)

    def _added(self, sid: int) -> Int64Array:
        """The times (ns) of the rows that were added to an asset."""
        return np.concatenate([self._daily.labels_of(sid), self._minutes.labels_of(sid)])

    def _idle(self, roster: Roster) -> list[str]:
        idle = sorted(symbol for symbol, sid in roster.sids.items() if not self._has_bars(sid))
        self._quality.add(flaw("no_bars", roster.sids[symbol], NAT, "", ASSETS_FILE) for symbol in idle)
        return [f"{symbol!r} has no bars" for symbol in idle]

    def _name(self, path: Path) -> str:
        return f"{path.parent.name}/{path.name}"
