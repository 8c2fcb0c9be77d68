"""The folder reader: a folder of daily CSV or Parquet files becomes the next version of a bundle.

    assets.csv  symbols.csv                 who is listed (listing.py); both optional
    daily/SYMBOL.csv | .csv.gz | .parquet   date, open, high, low, close, volume[, dividend, split] (daily.py)
    splits.csv  dividends.csv               corporate actions (actions.py); all optional
    stock_dividends.csv  mergers.csv
    classifications.csv                     codes such as sectors; optional

SYMBOL is percent-decoded, so ``BRK.B``, ``^GSPC`` and ``BTC%2FUSD`` name what they say. ``minute/`` and ``datasets/``
are part of the format but are not read yet: the report says what was left out. The zipline csvdir layout is this one
without the files beside ``daily/``. Every input that breaks a rule ends in BadInputFile and leaves nothing behind.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

import numpy as np

from tradewind_data import tables
from tradewind_data.bundle import Bundle
from tradewind_data.errors import BadIngestRequest, BadInputFile, did_you_mean
from tradewind_data.ingest.actions import FILES, ActionReader
from tradewind_data.ingest.daily import DailyFile, read_daily
from tradewind_data.ingest.listing import ASSETS_FILE, SYMBOLS_FILE, Listing, Roster, complete, read_roster
from tradewind_data.ingest.market import AssetBars, Market, Progress, sessions_for
from tradewind_data.ingest.staging import check_name
from tradewind_data.ingest.writer import write_bundle
from tradewind_data.sessions import Sessions, date_text

_SUFFIXES = (".csv", ".csv.gz", ".parquet")
_KNOWN = (ASSETS_FILE, SYMBOLS_FILE, *(f"{name}.csv" for name in FILES), "futures.csv")


@dataclass(frozen=True)
class IngestReport:
    """What an ingest made.

    name, version, hash, path of the bundle; rows: bars read; assets, sessions (with data), splits, dividends: counts;
    warnings: sentences on what was left out, collapsed or could not be used, none of which made the data wrong.
    """

    name: str
    version: str
    hash: str
    path: Path
    rows: int
    assets: int
    sessions: int
    splits: int
    dividends: int
    warnings: tuple[str, ...]


def ingest_folder(
    path: str | os.PathLike[str],
    name: str,
    calendar: str = "XNYS",
    root: str | os.PathLike[str] | None = None,
    progress: Progress | None = None,
) -> IngestReport:
    """Read a folder and write it as the next version of the bundle ``name``, all or nothing.

    calendar: name of an exchange calendar; every bar must fall on one of its sessions. root: see bundle.bundles_root.
    progress(done, total, label) is called as files are read and years written. BadInputFile names file, line, column,
    value, rule and next move; BadIngestRequest for a bad folder or name; CalendarNotFound for the calendar.
    """
    check_name(name)
    folder = Path(path).expanduser()
    market, warnings = read_folder(folder, calendar, progress)
    written = write_bundle(market, name, root, progress)
    bundle = Bundle(written.path, name, written.version)
    return IngestReport(
        name=name,
        version=written.version,
        hash=written.manifest.content_hash,
        path=written.path,
        rows=sum(len(b.labels) for b in market.bars),
        assets=written.manifest.assets,
        sessions=bundle.bars().last_session - bundle.bars().first_session + 1,
        splits=tables.length(market.tables["splits"]),
        dividends=tables.length(market.tables["dividends"]),
        warnings=(*warnings, *_outside(market), *_refused(bundle)),
    )


def read_folder(folder: Path, calendar: str, progress: Progress | None = None) -> tuple[Market, list[str]]:
    """The folder as a Market, and what deserves a word. Nothing is written."""
    files = _bar_files(folder)
    warnings = _left_out(folder)
    roster = read_roster(folder, list(files))
    bars = _read_bars(folder, files, roster, progress)
    first = min(int(b.labels[0]) for b in bars.values())
    last = max(int(b.labels[-1]) for b in bars.values())
    sessions = sessions_for(calendar, first, last)
    listing = complete(folder, roster, bars)
    _check_bars(bars, listing, sessions)
    reader = ActionReader(folder, listing, bars)
    stored = {"assets": listing.assets, "symbols": listing.symbols, **reader.read()}
    idle = sorted(symbol for symbol, sid in roster.sids.items() if sid not in bars)
    warnings += [f"{ASSETS_FILE}: {symbol!r} has no bars" for symbol in idle]
    market = Market(
        sessions=sessions,
        tables=stored,
        bars=[AssetBars(sid, bars[sid].labels, bars[sid].values) for sid in sorted(bars)],
        source="folder of daily files",
    )
    return market, warnings + reader.warnings


def _bar_files(folder: Path) -> dict[str, Path]:
    """symbol → file of ``daily/``, sorted by symbol."""
    if not folder.is_dir():
        raise BadIngestRequest("path", folder, "there is no such folder")
    daily = folder / "daily"
    if not daily.is_dir():
        raise BadIngestRequest("path", folder, "the folder has no folder 'daily' with one file a symbol in it")
    found: dict[str, Path] = {}
    for path in sorted(daily.iterdir()):
        suffix = next((s for s in reversed(_SUFFIXES) if path.name.lower().endswith(s)), None)
        if suffix is None or path.name.startswith(".") or not path.is_file():
            continue
        symbol = unquote(path.name[: -len(suffix)])
        if symbol in found:
            rule = f"the symbol {symbol!r} already has the file {found[symbol].name}"
            raise BadInputFile(f"daily/{path.name}", rule, "Keep one file a symbol")
        found[symbol] = path
    if not found:
        raise BadIngestRequest("path", daily, "the folder has no SYMBOL.csv, SYMBOL.csv.gz or SYMBOL.parquet in it")
    return dict(sorted(found.items()))


def _left_out(folder: Path) -> list[str]:
    warnings = []
    for part, what in (("minute", "minute bars"), ("datasets", "datasets")):
        count = sum(1 for p in (folder / part).glob("*") if p.is_file()) if (folder / part).is_dir() else 0
        if count:
            warnings.append(f"{part}/ ({count} files) was left out: {what} are not read yet")
    if (folder / "futures.csv").is_file():
        warnings.append("futures.csv was left out: futures are not read yet")
    for path in sorted(folder.glob("*.csv")):
        if path.name not in _KNOWN:
            near = did_you_mean(path.name, _KNOWN)
            warnings.append(f"{path.name} was left out: the folder format knows no such file.{near}".rstrip("."))
    return warnings


def _read_bars(folder: Path, files: dict[str, Path], roster: Roster, progress: Progress | None) -> dict[int, DailyFile]:
    bars: dict[int, DailyFile] = {}
    for done, (symbol, path) in enumerate(files.items()):
        if progress is not None:
            progress(done, len(files), f"reading {symbol}")
        file = path.relative_to(folder).as_posix()
        roster.refuse_unknown(symbol, file)
        bars[roster.sids[symbol]] = read_daily(path, file)
    return bars


def _check_bars(bars: dict[int, DailyFile], listing: Listing, sessions: Sessions) -> None:
    for sid, file in bars.items():
        file.refuse_strangers(sessions)
        file.refuse_outside(*listing.lifetime(sid), named=ASSETS_FILE)


def _outside(market: Market) -> list[str]:
    """A word on actions that no stored bar can feel."""
    first, last = market.span
    warnings = []
    for name, column in (("splits", "effective_date"), ("dividends", "ex_date"), ("mergers", "effective_date")):
        dates = market.tables[name][column]
        count = int(np.count_nonzero((dates <= first) | (dates > last)))
        if count:
            span = f"{date_text(first)} … {date_text(last)}"
            warnings.append(f"{count} of the {name} take effect outside the bars of {span} and change no price")
    return warnings


def _refused(bundle: Bundle) -> list[str]:
    said = []
    for r in bundle.bars().refused:
        who, when = bundle.finder.asset_at(r.column).symbol, bundle.sessions.label(r.session).date()
        base = "no close before it is known" if np.isnan(r.close) else f"the last close before it is {r.close:g}"
        said.append(f"dividend {r.amount:g} of {who} on {when} adjusts no price: {base}")
    return said
