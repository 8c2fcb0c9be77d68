"""Ingest and loading of daily bars against bare pyarrow on the same files.

    python -m benchmarks.data_ingest [ASSETS] [YEARS]

CPU seconds of the process, the least of three. Bare ingest: every CSV parsed, concatenated, written as one zstd Parquet
file. Bare loading: the five columns of the year files, stored as float64 with zstd, to numpy.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv as arrow_csv
import pyarrow.parquet as pq

from tradewind_data.bundle import open_bundle
from tradewind_data.ingest.folder import ingest_folder
from tradewind_data.schema import FIELDS
from tradewind_data.sessions import DAY_NS, build_sessions
from tradewind_data.synthetic.prices import history
from tradewind_data.synthetic.returns import ReturnModel


def least(work: Callable[[], object], times: int = 3) -> float:
    spent = []
    for _ in range(times):
        begun = time.process_time()
        work()
        spent.append(time.process_time() - begun)
    return min(spent)


def write_csvs(folder: Path, assets: int, years: int) -> int:
    labels = build_sessions("XNYS", pd.Timestamp("2010-01-04"), pd.Timestamp(f"{2009 + years}-12-31")).labels
    model, rows = ReturnModel(7, len(labels)), 0
    (folder / "daily").mkdir()
    for asset in range(assets):
        made = history(model, asset)
        days = labels[made.life.first : made.life.last + 1] // DAY_NS
        dates = pa.array(days, type=pa.int32()).cast(pa.date32())
        columns = dict(zip(FIELDS, made.values, strict=True)) | {"volume": made.values[4].astype(np.int64)}
        arrow_csv.write_csv(pa.table({"date": dates, **columns}), folder / f"daily/S{asset:05d}.csv")
        rows += len(days)
    return rows


def bare_ingest(folder: Path) -> None:
    options = arrow_csv.ReadOptions(use_threads=False)
    tables = [arrow_csv.read_csv(path, read_options=options) for path in sorted((folder / "daily").iterdir())]
    pq.write_table(pa.concat_tables(tables).combine_chunks(), folder / "bare.parquet", compression="zstd")


def as_floats(bundle: Path, target: Path) -> list[Path]:
    """The year files once more with float64 columns."""
    reader, out = open_bundle(bundle).bars(), []
    for file in reader._files.files:
        table = pa.table({field: file.values(field).reshape(-1) for field in FIELDS})
        out.append(target / f"float{len(out)}.parquet")
        pq.write_table(table, out[-1], compression="zstd", row_group_size=max(1, table.num_rows))
    return out


def bare_load(paths: list[Path]) -> None:
    for path in paths:
        table = pq.read_table(path, use_threads=False)
        for field in FIELDS:
            table.column(field).to_numpy()


def load(path: Path) -> None:
    reader = open_bundle(path).bars()
    for field in FIELDS:
        reader.values(field)


def main(assets: int = 500, years: int = 10) -> None:
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        rows = write_csvs(folder, assets, years)
        ours = least(lambda: ingest_folder(folder, "bench", root=folder / "root"))
        bare = least(lambda: bare_ingest(folder))
        path = open_bundle("bench", root=folder / "root").path
        size = sum(p.stat().st_size for p in path.rglob("*") if p.is_file())
        print(f"{rows:,} bars of {assets} assets over {years} years; {size / 1e6:.1f} MB on disk")
        print(f"ingest, checks included  {ours:6.2f} s  {rows / ours:12,.0f} rows/s")
        print(f"bare pyarrow             {bare:6.2f} s  {rows / bare:12,.0f} rows/s  ratio {bare / ours:.2f}")
        floats = as_floats(path, folder)
        os.environ["TRADEWIND_CACHE"] = "off"
        decoded, plain = least(lambda: load(path)), least(lambda: bare_load(floats))
        os.environ["TRADEWIND_CACHE"] = str(folder / "cache")
        load(path)
        print(f"load OHLCV, no cache     {1e3 * decoded:6.1f} ms")
        print(f"bare pyarrow, float64    {1e3 * plain:6.1f} ms  ratio {decoded / plain:.2f}")
        print(f"load OHLCV, cache        {1e3 * least(lambda: load(path), 10):6.1f} ms")


if __name__ == "__main__":
    main(*(int(word) for word in sys.argv[1:]))
