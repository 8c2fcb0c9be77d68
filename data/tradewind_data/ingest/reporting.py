"""The report on an ingest: what was stored, what was found, and what deserves a word."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from tradewind_data import tables
from tradewind_data.ingest.market import Market
from tradewind_data.ingest.quality import Quality
from tradewind_data.ingest.writer import Written
from tradewind_data.sessions import date_text


@dataclass(frozen=True)
class IngestReport:
    """What an ingest made.

    name, version, hash, path of the bundle; rows: bars stored; assets, sessions (with data), splits, dividends: counts;
    warnings: sentences on what was left out, collapsed or could not be used, none of which made the data wrong.
    findings: code → number (quality.py); quarantined: rows kept out; grade: A to D. kept: files that an append found
    unchanged; when all are, version and path are those of the version before.
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
    findings: dict[str, int] = field(default_factory=dict)
    quarantined: int = 0
    grade: str = ""
    kept: int = 0


def report(written: Written, name: str, market: Market, warnings: list[str]) -> IngestReport:
    """The report on a committed version."""
    quality, labels = market.quality or Quality(), market.sessions.labels
    first, last = np.searchsorted(labels, market.span)
    return IngestReport(
        name=name,
        version=written.version,
        hash=written.manifest.content_hash,
        path=written.path,
        rows=market.daily.rows + (market.minutes.rows if market.minutes else 0),
        assets=written.manifest.assets,
        sessions=int(last - first) + 1,
        splits=tables.length(market.tables["splits"]),
        dividends=tables.length(market.tables["dividends"]),
        warnings=(*warnings, *_outside(market), *_refusals(quality, market)),
        findings=quality.counts,
        quarantined=quality.quarantined,
        grade=quality.grade,
    )


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


def _refusals(quality: Quality, market: Market) -> list[str]:
    symbols = market.symbols
    return [
        f"dividend of {symbols[f.sid]} on {date_text(int(f.times[0]))} adjusts no price: {f.details[0]}"
        for f in quality.flaws
        if f.code == "dividend_refused"
    ]
