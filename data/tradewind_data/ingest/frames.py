"""Bars that are already in memory: frames become a bundle by way of the folder format, so every rule of it holds.

    frames   symbol → pandas frame or Arrow table with date (column or index), open, high, low, close, volume
             [, dividend, split]; or an iterable of (symbol, frame), taken one at a time
    tables   assets, symbols, splits, dividends, stock_dividends, mergers, classifications: frames with the columns of
             the files of these names (folder.py)
    datasets name → frame with the columns of a dataset's file (datasets.py)

Names of columns match without regard to case. Errors name the row of the frame.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pandas as pd

from tradewind_data.errors import BadIngestRequest
from tradewind_data.ingest.actions import FILES
from tradewind_data.ingest.folder import ingest_folder
from tradewind_data.ingest.reporting import IngestReport
from tradewind_data.ingest.staging import check_name

Frames = Mapping[str, Any] | Iterable[tuple[str, Any]]
TABLES = ("assets", "symbols", *FILES)


def ingest_frames(
    frames: Frames,
    name: str,
    calendar: str | None = None,
    tables: Mapping[str, pd.DataFrame] | None = None,
    datasets: Mapping[str, pd.DataFrame] | None = None,
    minutes: Frames = (),
    root: str | os.PathLike[str] | None = None,
    **options: Any,
) -> IngestReport:
    """Write frames as the next version of the bundle ``name``, all or nothing.

    minutes: minute bars, as ``frames`` with the end of the minute as date. options: append, strict, minute_label,
    progress, workers, budget, as in ingest_folder, whose errors it raises too. BadIngestRequest for an unknown table.
    """
    check_name(name)
    for table in tables or {}:
        if table not in TABLES:
            raise BadIngestRequest("tables", table, f"the tables are {', '.join(TABLES)}")
    with tempfile.TemporaryDirectory(prefix="tradewind-frames-") as made:
        folder = Path(made)
        _write_bars(folder / "daily", frames)
        if minutes:
            _write_bars(folder / "minute", minutes)
        for table, frame in (tables or {}).items():
            frame.to_csv(folder / f"{table}.csv", index=False)
        for dataset, frame in (datasets or {}).items():
            (folder / "datasets").mkdir(exist_ok=True)
            frame.to_csv(folder / "datasets" / f"{dataset}.csv", index=False)
        return ingest_folder(folder, name, calendar, root=root, **options)


def _write_bars(folder: Path, frames: Frames) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    folder.mkdir()
    for symbol, frame in frames.items() if isinstance(frames, Mapping) else frames:
        table = frame if isinstance(frame, pa.Table) else pa.Table.from_pandas(_dated(frame), preserve_index=False)
        pq.write_table(table, folder / f"{quote(symbol, safe='')}.parquet", compression="zstd", compression_level=1)


def _dated(frame: pd.DataFrame) -> pd.DataFrame:
    """The frame with its dates in a column."""
    if any(str(column).strip().casefold() == "date" for column in frame.columns):
        return frame
    return frame.rename_axis("date").reset_index()
