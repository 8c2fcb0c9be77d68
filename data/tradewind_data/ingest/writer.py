"""The writer of bundles: a Market → tables, bar files and manifest, in a folder or as the next version of a name."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from tradewind_data import tables
from tradewind_data.bundle import bundles_root
from tradewind_data.errors import BundleNotWritten
from tradewind_data.gridfile import GROUP_CELLS
from tradewind_data.ingest import latechecks
from tradewind_data.ingest.append import Base, write_over
from tradewind_data.ingest.grids import Plan, daily_plans, minute_plans, write_plan
from tradewind_data.ingest.market import Market, Progress, span_text
from tradewind_data.ingest.parallel import Meter, ordered
from tradewind_data.ingest.quality import Flaws
from tradewind_data.ingest.spool import BUDGET_BYTES, Spool
from tradewind_data.ingest.staging import Staging, staging
from tradewind_data.manifest import FileFacts, Manifest, content_hash, file_sha256
from tradewind_data.schema import FUTURES, MANIFEST, TABLES, Column

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


@contextlib.contextmanager
def writing(name: str, root: str | os.PathLike[str] | None = None) -> Iterator[Staging]:
    """The folder of a version in the making (staging.py); an error of the disk leaves it as BundleNotWritten."""
    try:
        with staging(name, root) as stage:
            yield stage
    except OSError as e:
        raise BundleNotWritten(name, str(bundles_root(root)), e.strerror or str(e)) from e


def write_bundle(
    market: Market, name: str, root: str | os.PathLike[str] | None = None, progress: Progress | None = None
) -> Written:
    """Write the market as the next version of ``name``, all or nothing.

    progress(done, total, label) counts bar files.
    """
    with writing(name, root) as stage:
        return commit(market, name, stage, progress)


def commit(
    market: Market,
    name: str,
    stage: Staging,
    progress: Progress | None = None,
    base: Base | None = None,
    workers: int | None = None,
) -> Written:
    """Write the market into the staged folder and make it a version; over ``base``, unless nothing is new."""
    manifest = write_folder(market, name, stage.folder, progress, base, workers)
    if base is not None and manifest.content_hash == base.bundle.hash:
        return Written(base.bundle.folder, base.bundle.version, base.bundle.manifest)
    path = stage.commit()
    return Written(path, path.name, manifest)


def write_folder(
    market: Market,
    name: str,
    folder: Path,
    progress: Progress | None = None,
    base: Base | None = None,
    workers: int | None = None,
) -> Manifest:
    """Write the market's files and manifest into a folder, and return the manifest.

    base: the version to which the market's bars are added. workers: threads that write, None = the cores. Equal markets
    give equal bytes with the same Parquet library, whatever the number of threads.
    """
    files: dict[str, FileFacts] = {}
    stored = {"sessions": _sessions_table(market), **market.tables}
    for table_name, columns in TABLES.items():
        table = stored[table_name]
        keys = _ORDER.get(table_name)
        _write(folder, f"{table_name}.parquet", columns, tables.sort_by(table, *keys) if keys else table, files)
    if market.futures is not None:
        _write(folder, "futures.parquet", FUTURES, tables.sort_by(market.futures, "sid"), files)
    for dataset_name, dataset in market.datasets.items():
        path = f"datasets/{dataset_name}.parquet"
        _write(folder, path, dataset.columns, dataset.table, files, dataset.metadata)
    files.update(_write_bars(market, folder, progress, base, workers))
    manifest = _manifest(market, name, {**files, **_write_quality(market, name, folder, files)})
    (folder / MANIFEST).write_text(manifest.text(), encoding="utf-8")
    return manifest


def _write_bars(
    market: Market, folder: Path, progress: Progress | None, base: Base | None, workers: int | None
) -> dict[str, FileFacts]:
    plans = [*daily_plans(market), *minute_plans(market)]
    stores: dict[str, Spool] = {"1d": market.daily, "1m": market.minutes or market.daily}
    meter = Meter(progress, len(plans))
    files: dict[str, FileFacts] = {}

    def write(plan: Plan) -> tuple[FileFacts, list[Flaws]]:
        under = None if base is None else base.under(plan)
        if under is None:
            return write_plan(folder, plan, stores[plan.frequency]), []
        return write_over(folder, under, stores[plan.frequency])

    written = ordered(write, plans, _cost, BUDGET_BYTES, workers)
    for done, plan in enumerate(plans):
        meter.step(done, f"writing {Path(plan.relative).stem}")
        files[plan.relative], revised = next(written)
        if market.quality is not None:
            market.quality.add(revised)
    meter.step(len(plans), "written")
    return files


def _write_quality(market: Market, name: str, folder: Path, files: Mapping[str, FileFacts]) -> dict[str, FileFacts]:
    """The findings, once the bars are written; these files say how good the data are and enter no content hash."""
    quality = market.quality
    if quality is None:
        return {}
    daily = [path for path in files if path.startswith("bars/1d/")]
    quality.add(latechecks.against_prices(market, folder, daily))
    quality.add(latechecks.refused(market, folder, daily))
    names = quality.write(folder, market.symbols, f"Quality of the bundle {name}")
    return {name: FileFacts(file_sha256(folder / name), "", (folder / name).stat().st_size, 0) for name in names}


def _cost(plan: Plan) -> int:
    """Bytes at work while a file is written: a group's values, their encoding, and the columns of time and sid."""
    return min(plan.cells, GROUP_CELLS) * 8 * 12


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
    contents = {path: facts.content for path, facts in files.items() if facts.content}
    return Manifest(
        name=name,
        calendar=calendar,
        currency=market.currency,
        first_session=span[0],
        last_session=span[1],
        assets=tables.length(market.tables["assets"]),
        frequencies=("1d",) if market.minute_span is None else ("1d", "1m"),
        source=market.source,
        files=files,
        grade=market.quality.grade if market.quality else "",
        content_hash=content_hash(calendar, market.currency, span, contents),
    )


def _sessions_table(market: Market) -> tables.Table:
    s = market.sessions
    return {"session": s.labels, "open": s.opens, "close": s.closes, "early": s.early}
