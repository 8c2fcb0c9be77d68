"""Bars in and out: CSV to bundle and back to arrays, against bare pyarrow, memcpy and zipline's csvdir and bcolz.

    python -m benchmarks.data_ingest [--quick]

500 assets × 10 years of daily bars, 10 assets × 1 year of minutes; CPU seconds, the least of several, in turn. Bare
ingest: every CSV parsed, concatenated, written as one zstd Parquet file. Both ingests use one thread, so that CPU
seconds are the clock's; then once more by the clock, each with all the threads it likes. Bare loading: the five columns
of the same bar files, and of files of float64, to numpy. ZIPLINE_PYTHON names the Python of an environment with
zipline-reloaded, which then ingests the same CSV files and loads what it wrote, its own start and calendar left out.
"""

import os
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv as arrow_csv
import pyarrow.parquet as pq

from benchmarks.measuring import in_child, in_turn, least, one_processor, size
from tradewind_data.bundle import open_bundle
from tradewind_data.ingest.folder import ingest_folder
from tradewind_data.ingest.market import AssetBars
from tradewind_data.schema import FIELDS
from tradewind_data.sessions import DAY_NS, build_sessions
from tradewind_data.synthetic.minutes import minute_bars
from tradewind_data.synthetic.prices import history
from tradewind_data.synthetic.returns import ReturnModel

ZIPLINE = """
import json, os, sys, time
import numpy as np, pandas as pd
from zipline.data import bundles
from zipline.data.bundles.csvdir import csvdir_equities
from zipline.utils.calendar_utils import get_calendar
folder, frequency, root = sys.argv[1:4]
first, last = (pd.Timestamp(day) for day in sys.argv[4:6])
calendar = get_calendar("XNYS", start="1990-01-02", end="2030-12-31")
bundles.register("bench", csvdir_equities([frequency], folder), calendar_name="XNYS", start_session=first,
                 end_session=last, minutes_per_day=390)
environ = {**os.environ, "ZIPLINE_ROOT": root}
begun = time.process_time()
bundles.ingest("bench", environ=environ, show_progress=False)
ingest = time.process_time() - begun
data = bundles.load("bench", environ=environ)
assets = data.asset_finder.retrieve_all(data.asset_finder.sids)
if frequency == "daily":
    reader, start, end = data.equity_daily_bar_reader, first, last
else:
    reader, minutes = data.equity_minute_bar_reader, calendar.sessions_minutes(first, last)
    start, end = minutes[0], minutes[-1]
spent = []
for _ in range(3):
    begun = time.process_time()
    reader.load_raw_arrays(["open", "high", "low", "close", "volume"], start, end, assets)
    spent.append(time.process_time() - begun)
folder = "daily_equities.bcolz" if frequency == "daily" else "minute_equities.bcolz"
held = [(at, name) for at, _, names in os.walk(root) for name in names if folder in at]
print(json.dumps({"ingest": ingest, "load": min(spent), "bytes": sum(os.path.getsize(os.path.join(*f)) for f in held)}))
"""


def write_csvs(folder, assets, years, minute_days):
    """CSV files of synthetic lives under daily/ (and minute/ of those that last); (daily bars, minute bars)."""
    sessions = build_sessions("XNYS", pd.Timestamp("2010-01-04"), pd.Timestamp(f"{2009 + years}-12-31"))
    model, rows, minutes = ReturnModel(7, len(sessions)), 0, 0
    for asset in range(assets):
        made = history(model, asset)
        bars = AssetBars(asset, sessions.labels[made.life.first : made.life.last + 1], made.values)
        if minute_days and made.life.last < len(sessions) - 1:
            continue
        rows += write_csv(folder / f"daily/S{asset:05d}.csv", bars, pa.date32())
        if minute_days:
            days = min(minute_days, len(bars.labels))
            by_minute = minute_bars(7, asset, bars, days, sessions)
            minutes += write_csv(folder / f"minute/S{asset:05d}.csv", by_minute, pa.timestamp("s"))
    return rows, minutes


def write_csv(path, bars, kind):
    path.parent.mkdir(parents=True, exist_ok=True)
    days = kind == pa.date32()
    dates = pa.array(bars.labels // (DAY_NS if days else 10**9), type=pa.int32() if days else pa.int64()).cast(kind)
    columns = dict(zip(FIELDS, bars.values, strict=True)) | {"volume": bars.values[4].astype(np.int64)}
    arrow_csv.write_csv(pa.table({"date": dates, **columns}), path)
    return len(bars.labels)


def bare_ingest(folder, target, threads=False):
    options = arrow_csv.ReadOptions(use_threads=threads)
    tables = [arrow_csv.read_csv(path, read_options=options) for path in sorted(folder.iterdir())]
    pq.write_table(pa.concat_tables(tables).combine_chunks(), target, compression="zstd")


def as_floats(files, target):
    """The bar files once more with float64 columns."""
    out = []
    for file in files:
        table = pa.table({field: file.values(field).reshape(-1) for field in FIELDS})
        out.append(target / f"float{len(out)}.parquet")
        pq.write_table(table, out[-1], compression="zstd", row_group_size=max(1, table.num_rows))
    return out


def bare_load(paths, threads=False):
    """The five columns of every file, all of them held at the end, as ours are."""
    tables = [pq.read_table(path, columns=list(FIELDS), use_threads=threads) for path in paths]
    return [table.column(field).to_numpy() for table in tables for field in FIELDS]


def load_daily(path):
    return list(open_bundle(path).bars().load().values())


def load_minutes(path):
    bundle = open_bundle(path)
    reader = bundle.bars("1m")
    lo, hi = reader.first_minute, reader.last_minute
    columns = np.searchsorted(bundle.finder.sids, reader.sids)
    return [reader.window(field, columns, hi, hi - lo + 1) for field in FIELDS]


def ingest_table(folder, frequency, bars):
    """Ours and the peers' on the CSV files of one frequency; the bundle's path and zipline's answer."""
    root = folder / f"root-{frequency}"
    only = folder / f"only-{frequency}"
    (only).mkdir()
    os.symlink(folder / "daily", only / "daily")
    if frequency == "minute":
        os.symlink(folder / "minute", only / "minute")
    works = {
        "ours": lambda: ingest_folder(only, "bench", root=root, workers=1),
        "bare": lambda: bare_ingest(folder / frequency, folder / "bare.parquet"),
    }
    free = {
        "ours": lambda: ingest_folder(only, "bench", root=root),
        "bare": lambda: bare_ingest(folder / frequency, folder / "bare.parquet", threads=True),
    }
    in_turn(works, 1)  # imports, the calendar
    spent, clock = in_turn(works, 7), in_turn(free, 5, time.perf_counter)
    path = open_bundle("bench", root=root).path
    peer = zipline(folder, frequency, path)
    print(f"{frequency}: {bars:,} bars in CSV")
    print(f"  ingest, checks included   {spent['ours']:8.2f} s {bars / spent['ours']:12,.0f} rows/s")
    told("  bare pyarrow to Parquet", spent["bare"], bars, f"we reach {spent['bare'] / spent['ours']:.2f} of it")
    told(
        "  by the clock, all threads",
        clock["ours"],
        bars,
        f"bare {clock['bare']:.2f} s: {clock['bare'] / clock['ours']:.2f}",
    )
    if peer:
        told("  zipline csvdir", peer["ingest"], bars, f"we are {peer['ingest'] / spent['ours']:.1f}× as fast")
    return path, peer


def told(what, seconds, bars, ratio):
    print(f"{what:27} {seconds:8.2f} s {bars / seconds:12,.0f} rows/s  {ratio}")


def zipline(folder, frequency, path):
    python = os.environ.get("ZIPLINE_PYTHON")
    manifest = open_bundle(path).manifest
    first = manifest.first_session
    if frequency == "minute":
        reader = open_bundle(path).bars("1m")
        first = str(open_bundle(path).sessions.label(reader.first_session).date())
    words = (str(folder), frequency, folder / f"zipline-{frequency}", first, manifest.last_session)
    return in_child(ZIPLINE, *words, python=python) if python else None


def load_table(folder, path, frequency, load, peer):
    """Loading all of OHLCV, with and without the cache, and what it takes on the disk."""
    kind = "1d" if frequency == "daily" else "1m"
    files = sorted((path / "bars" / kind).iterdir())
    reader = open_bundle(path).bars(kind)
    (folder / f"floats-{kind}").mkdir()
    floats = as_floats(reader._files.files, folder / f"floats-{kind}")
    os.environ["TRADEWIND_CACHE"] = "off"
    arrays = load(path)
    works = {
        "ours": lambda: load(path),
        "same": lambda: bare_load(files),
        "floats": lambda: bare_load(floats),
        "memcpy": lambda: [np.array(array) for array in arrays],
    }
    free = {"ours": works["ours"], "same": lambda: bare_load(files, threads=True)}
    with one_processor():
        spent = in_turn(works, 15)
    clock = in_turn(free, 15, time.perf_counter)
    os.environ["TRADEWIND_CACHE"] = str(folder / "cache")
    load(path)
    cached = least(lambda: load(path), 15)
    print(f"{frequency}: OHLCV of {arrays[0].shape[1]} assets × {arrays[0].shape[0]:,} rows to float64")
    print(f"  ours, no cache          {1e3 * spent['ours']:8.1f} ms")
    compared("  bare pyarrow, our files", spent["same"], spent["ours"])
    compared("  the same by the clock", clock["same"], clock["ours"])
    compared("  bare pyarrow, float64", spent["floats"], spent["ours"])
    compared("  memcpy", spent["memcpy"], spent["ours"])
    print(f"  ours, cache             {1e3 * cached:8.1f} ms")
    stored = size(path / "bars" / kind)
    if peer:
        compared("  zipline bcolz", peer["load"], spent["ours"])
        print(f"  on disk                 {stored / 1e6:8.1f} MB  bcolz {peer['bytes'] / 1e6:.1f} MB: "
              f"{stored / peer['bytes']:.2f} of it")  # fmt: skip
    else:
        print(f"  on disk                 {stored / 1e6:8.1f} MB")


def compared(what, seconds, ours):
    print(f"{what:25} {1e3 * seconds:8.1f} ms  ratio {ours / seconds:.2f}")


def main(quick=False):
    plans = {"daily": (50, 3, 0), "minute": (3, 2, 30)} if quick else {"daily": (500, 10, 0), "minute": (13, 3, 252)}
    for frequency, plan in plans.items():
        with tempfile.TemporaryDirectory() as made:
            folder, cache = Path(made), os.environ.get("TRADEWIND_CACHE")
            daily, minutes = write_csvs(folder, *plan)
            path, peer = ingest_table(folder, frequency, minutes or daily)
            load_table(folder, path, frequency, load_minutes if minutes else load_daily, peer)
            os.environ.pop("TRADEWIND_CACHE")
            if cache is not None:
                os.environ["TRADEWIND_CACHE"] = cache


if __name__ == "__main__":
    main("--quick" in sys.argv)
