"""A bundle of 8,000 assets × 20 years: opening it, one asset's history, filling the cache; time and peak memory.

    python -m benchmarks.data_scale [--quick]

Each line is a fresh process, the least of three; memory is its peak above that of the imports. The synthetic market is
made once (minutes) under the platform's temporary folder. --quick: 300 assets × 2 years, which prove nothing.
"""

import os
import sys
import tempfile
from pathlib import Path

from benchmarks.markets import ROOT
from benchmarks.measuring import in_child, size
from tradewind_data.bundle import open_bundle
from tradewind_data.errors import BundleNotFound
from tradewind_data.synthetic.market import Plan, ingest_synthetic

CHILD = """
import json, resource, sys, time
import numpy, pandas, pyarrow, pyarrow.parquet
from tradewind_data.bundle import open_bundle
from tradewind_data.schema import FIELDS
def peak():
    # What getrusage calls the peak counts the parent's memory before exec, too.
    lines = open("/proc/self/status") if sys.platform == "linux" else []
    found = [int(line.split()[1]) for line in lines if line.startswith("VmHWM")]
    return (found[0] if found else resource.getrusage(resource.RUSAGE_SELF).ru_maxrss) / 1024
def spent(): return time.perf_counter(), time.process_time()
path, what = sys.argv[1:]
held, begun = peak(), spent()
bundle = open_bundle(path)
bundle.sessions, bundle.finder
bars = bundle.bars()
opened = spent()
column = numpy.array([len(bundle.finder) // 2])
if what == "history":
    rows = bars.last_session - bars.first_session + 1
    found = [bars.window(field, column, bars.last_session, rows) for field in FIELDS]
else:
    found = [bars.values(field) for field in FIELDS]
done = spent()
print(json.dumps({"open": [b - a for a, b in zip(begun, opened)], "read": [b - a for a, b in zip(opened, done)],
                  "peak": peak() - held}))
"""


def market(assets, years):
    name = f"synthetic-{assets}x{years}"
    try:
        return open_bundle(name, ROOT).path
    except BundleNotFound:
        print(f"making {assets:,} assets × {years} years", flush=True)
        ingest_synthetic(name, Plan(assets=assets, start="2000-01-03", end=f"{1999 + years}-12-31"), ROOT)
        return open_bundle(name, ROOT).path


def measured(path, what, cache, times=3):
    """(wall seconds, CPU seconds) of opening and of reading, MB at the peak: the least of several processes."""
    found = [in_child(CHILD, path, what, TRADEWIND_CACHE=str(cache)) for _ in range(times)]
    best = {key: [min(run[key][i] for run in found) for i in range(2)] for key in ("open", "read")}
    return best["open"], best["read"], min(run["peak"] for run in found)


def line(what, seconds, peak=None):
    memory = "" if peak is None else f"{peak:8.0f} MB"
    print(f"  {what:36}{1e3 * seconds[0]:10.1f}{1e3 * seconds[1]:10.1f}{memory}", flush=True)


def main(quick=False):
    path = market(*((300, 2) if quick else (8000, 20)))
    print(f"{open_bundle(path)}\n  {'':36}{'wall ms':>10}{'CPU ms':>10}{'peak':>8}")
    with tempfile.TemporaryDirectory() as made:
        cache = Path(made) / "cache"
        opened, read, peak = measured(path, "history", "off")
        line("open: sessions, assets, readers", opened)
        line("one asset's OHLCV, no cache", read, peak)
        line("the same, its cache empty", *measured(path, "history", cache, times=1)[1:])
        line("OHLCV of all, filling the cache", *measured(path, "values", cache, times=1)[1:])
        line("one asset's OHLCV from the cache", *measured(path, "history", cache)[1:])
        line("OHLCV of all mapped, none touched", *measured(path, "values", cache)[1:])
        print(f"  on disk {size(path) / 1e6:,.0f} MB, cache {size(cache) / 1e6 if cache.exists() else 0:,.0f} MB")


if __name__ == "__main__":
    os.environ.setdefault("TRADEWIND_CACHE_BYTES", "8000000000")
    main("--quick" in sys.argv)
