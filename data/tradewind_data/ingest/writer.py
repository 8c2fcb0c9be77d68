"""The writer of bundles: a Market → tables, year files and manifest, in a folder or as the next version of a name."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tradewind_data import tables
from tradewind_data.bundle import bundles_root
from tradewind_data.errors import BundleNotWritten
from tradewind_data.ingest.market import Market, Progress, span_text
from tradewind_data.ingest.staging import staging
from tradewind_data.manifest import FileFacts, Manifest, content_hash, file_sha256
from tradewind_data.schema import BARS, FIELDS, GRID_KEY, MANIFEST, PRICES, TABLES, Column
from tradewind_data.sessions import Int64Array, date_text

_ORDER = {
    "assets": ("sid",),
    "symbols": ("symbol", "start_date", "sid"),
    "splits": ("effective_date", "sid"),
    "dividends": ("ex_date", "sid", "amount"),
    "stock_dividends": ("ex_date", "sid", "paid_sid"),
    "mergers": ("effective_date", "sid"),
    "classifications": ("scheme", "sid", "start_date"),
}


@dataclass(frozen=True)
class Written:
    """A committed version: its folder, its number and its manifest."""

    path: Path
    version: str
    manifest: Manifest


def write_bundle(
    market: Market, name: str, root: str | os.PathLike[str] | None = None, progress: Progress | None = None
) -> Written:
    """Write the market as the next version of ``name``, all or nothing.

    progress(done, total, label) counts year files.
    """
    try:
        with staging(name, root) as stage:
            manifest = write_folder(market, name, stage.folder, progress)
            path = stage.commit()
    except OSError as e:
        raise BundleNotWritten(name, str(bundles_root(root)), e.strerror or str(e)) from e
    return Written(path, path.name, manifest)


def write_folder(market: Market, name: str, folder: Path, progress: Progress | None = None) -> Manifest:
    """Write the market's files and manifest into a folder, and return the manifest.

    Equal markets give equal bytes with the same Parquet library.
    """
    files: dict[str, FileFacts] = {}
    stored = {"sessions": _sessions_table(market), **market.tables}
    for table_name, columns in TABLES.items():
        table = stored[table_name]
        keys = _ORDER.get(table_name)
        _write(folder, f"{table_name}.parquet", columns, tables.sort_by(table, *keys) if keys else table, files)
    years = list(_years(market))
    for done, (year, rows) in enumerate(years):
        if progress is not None:
            progress(done, len(years), f"writing {year}")
        bars, grid = _year_table(market, rows)
        _write(folder, f"bars/1d/{year}.parquet", BARS, bars, files, {GRID_KEY: grid})
    if progress is not None:
        progress(len(years), len(years), "written")
    manifest = _manifest(market, name, files)
    (folder / MANIFEST).write_text(manifest.text(), encoding="utf-8")
    return manifest


def _write(
    folder: Path,
    relative: str,
    columns: tuple[Column, ...],
    table: tables.Table,
    files: dict[str, FileFacts],
    metadata: dict[bytes, bytes] | None = None,
) -> None:
    path = folder / relative
    tables.write(path, columns, table, metadata)
    content = tables.digest(columns, table)
    files[relative] = FileFacts(file_sha256(path), content, path.stat().st_size, tables.length(table))


def _manifest(market: Market, name: str, files: dict[str, FileFacts]) -> Manifest:
    calendar, span = market.sessions.calendar, span_text(market)
    contents = {path: facts.content for path, facts in files.items()}
    return Manifest(
        name=name,
        calendar=calendar,
        currency=market.currency,
        first_session=span[0],
        last_session=span[1],
        assets=tables.length(market.tables["assets"]),
        frequencies=("1d",),
        source=market.source,
        files=files,
        content_hash=content_hash(calendar, market.currency, span, contents),
    )


def _sessions_table(market: Market) -> tables.Table:
    s = market.sessions
    return {"session": s.labels, "open": s.opens, "close": s.closes, "early": s.early}


def _years(market: Market) -> Iterator[tuple[int, Int64Array]]:
    """(year, labels of its sessions within the span of the data)."""
    first, last = market.span
    labels = market.sessions.labels
    labels = labels[(labels >= first) & (labels <= last)]
    year_of = labels.view("datetime64[ns]").astype("datetime64[Y]").astype(np.int64) + 1970
    for year in np.unique(year_of):
        yield int(year), labels[year_of == year]


def _year_table(market: Market, labels: Int64Array) -> tuple[dict[str, tables.Array], bytes]:
    """The dense grid (labels × assets alive) as columns sorted by (session, sid), and its description."""
    sids = _alive(market, labels)
    shape = (len(labels), len(sids))
    values = np.full((len(FIELDS), *shape), np.nan)
    values[len(PRICES) :] = 0.0
    column = {int(sid): i for i, sid in enumerate(sids)}
    for bars in market.bars:
        lo, hi = np.searchsorted(bars.labels, (labels[0], labels[-1] + 1))
        if lo < hi:
            rows = np.searchsorted(labels, bars.labels[lo:hi])
            values[:, rows, column[bars.sid]] = bars.values[:, lo:hi]
    table = {"session": np.repeat(labels, len(sids)), "sid": np.tile(sids, len(labels))}
    table.update({field: values[i].reshape(-1) for i, field in enumerate(FIELDS)})
    grid = {"first": date_text(labels[0]), "sessions": len(labels), "sids": sids.tolist()}
    return table, json.dumps(grid).encode()


def _alive(market: Market, labels: Int64Array) -> Int64Array:
    """Sids alive on some of the labels, ascending. Bars never lie outside a lifetime: the reader has seen to it."""
    assets = market.tables["assets"]
    alive = (assets["start_date"] <= labels[-1]) & (assets["end_date"] >= labels[0])
    return np.sort(assets["sid"][alive]).astype(np.int64)
