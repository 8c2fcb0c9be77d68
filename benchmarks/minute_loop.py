"""The minute loop against the floor: a price a minute and an order every 30th, in a bare Python loop (floor.py).

python -m benchmarks.minute_loop [--quick]

CPU seconds, smallest of three runs. handle_data runs in every minute and reads the price of every asset.
"""

import shutil
import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks import floor
from benchmarks.daily_loop import cpu
from benchmarks.markets import ROOT
from tradewind import run_algorithm
from tradewind.api import (
    NeverCancel,
    commission,
    order,
    set_cancel_policy,
    set_commission,
    set_slippage,
    sid,
    slippage,
)
from tradewind_data.bundle import open_bundle
from tradewind_data.errors import DataError
from tradewind_data.ingest.folder import ingest_folder
from tradewind_data.sessions import build_sessions

EVERY = 30


def minute_bundle(assets, days):
    """A bundle of `assets` random walks over the minutes of `days` sessions from 2019-01-02."""
    name = f"minutes-{assets}x{days}"
    try:
        return open_bundle(name, ROOT)
    except DataError:
        folder = Path(tempfile.mkdtemp())
        _write(folder, assets, days)
        ingest_folder(folder, name, root=ROOT)
        shutil.rmtree(folder)
        return open_bundle(name, ROOT)


def _write(folder, assets, days):
    table = build_sessions("XNYS", pd.Timestamp("2019-01-02"), pd.Timestamp("2021-12-31"))
    stamps = table.minutes.stamps(0, int(table.minutes.starts[days]))
    owner = table.minutes.sessions(np.arange(len(stamps)))
    rng = np.random.default_rng(0)
    for kind in ("minute", "daily"):
        (folder / kind).mkdir()
    (folder / "assets.csv").write_text("symbol,sid\n" + "".join(f"S{n},{n}\n" for n in range(1, assets + 1)))
    for n in range(1, assets + 1):
        close = np.round(50 * np.exp(np.cumsum(rng.normal(0, 0.0005, len(stamps)))), 2)
        bars = pd.DataFrame(dict.fromkeys(("open", "high", "low", "close"), close))
        bars["volume"] = rng.integers(10_000, 50_000, len(stamps)).astype(float)
        minutes = bars.assign(date=pd.DatetimeIndex(stamps.astype("datetime64[ns]")))
        minutes.to_parquet(folder / "minute" / f"S{n}.parquet")
        days_of = bars.groupby(owner).agg(
            {"open": "first", "high": "max", "low": "min", "close": "last", "volume": "sum"}
        )
        days_of.assign(date=table.index[days_of.index]).to_parquet(folder / "daily" / f"S{n}.parquet")


def initialize_with(assets):
    def initialize(context):
        context.assets = [sid(n) for n in range(1, assets + 1)]
        context.n = 0
        set_cancel_policy(NeverCancel())
        set_slippage(slippage.NoSlippage())
        set_commission(commission.PerShare(0.001))

    return initialize


def handle_data(context, data):
    for asset in context.assets:
        data.current(asset, "price")
    context.n += 1
    if context.n % EVERY == 0:
        amount = 100 if (context.n // EVERY) % 2 else -100
        for asset in context.assets:
            order(asset, amount)


def main(quick=False):
    days = 50 if quick else 250
    print(f"{'assets':>7} {'minutes':>8} {'floor s':>9} {'engine s':>9} {'× floor':>8} {'value differs':>14}")
    for assets in (1, 10):
        bundle = minute_bundle(assets, days)
        reader = bundle.bars("1m")
        sessions = range(reader.first_session, reader.last_session + 1)
        close = np.concatenate([reader.session_values("close", s) for s in sessions])
        base, expected = cpu(lambda close=close: floor.minutes(close, EVERY))
        took, result = cpu(
            lambda bundle=bundle, assets=assets: run_algorithm(
                None,
                None,
                initialize_with(assets),
                floor.CAPITAL,
                handle_data=handle_data,
                data_frequency="minute",
                bundle=bundle,
            )
        )
        value = result.perf["portfolio_value"].iloc[-1]
        differs = value / expected - 1
        print(f"{assets:>7} {len(close):>8} {base:>9.3f} {took:>9.3f} {took / base:>8.2f} {differs:>14.1e}", flush=True)


if __name__ == "__main__":
    main("--quick" in sys.argv)
