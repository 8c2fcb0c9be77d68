"""The daily event loop against the floor: the same user code in a bare Python loop, no engine (floor.py).

python -m benchmarks.daily_loop [--quick]

CPU seconds, smallest of three runs; "× floor" is what the engine adds to the user's own work.
"""

import sys
import time

import numpy as np

from benchmarks import floor
from benchmarks.markets import walk_bundle
from tradewind import run_algorithm
from tradewind.api import (
    commission,
    date_rules,
    order_target_percent,
    schedule_function,
    set_commission,
    set_slippage,
    sid,
    slippage,
)


def initialize_with(assets, rule, trade):
    def initialize(context):
        context.assets = [sid(n) for n in range(1, assets + 1)]
        context.seen = 0
        set_slippage(slippage.VolumeShareSlippage(0.025, 0.1))
        set_commission(commission.PerShare(0.001))
        schedule_function(trade, rule)

    return initialize


def trade_pandas(context, data):
    window = data.history(context.assets, "close", floor.LOOKBACK, "1d")
    score = window.iloc[-1] / window.mean()
    weights = score / score.sum()
    for asset, weight in zip(weights.index, weights.to_numpy(), strict=True):
        order_target_percent(asset, weight)


def cpu(function, repeats=3):
    """(smallest CPU seconds of several runs, last answer)."""
    took = []
    for _ in range(repeats):
        began = time.process_time()
        answer = function()
        took.append(time.process_time() - began)
    return min(took), answer


def main(quick=False):
    years = 2 if quick else 10
    print(f"{'assets':>7} {'rebalance':>9} {'floor s':>9} {'engine s':>9} {'× floor':>8} {'value differs':>14}")
    for assets in (1, 50, 500):
        bundle = walk_bundle(assets, years)
        for name, rule in (("daily", date_rules.every_day()), ("monthly", date_rules.month_start())):
            row(bundle, assets, name, rule)


def row(bundle, assets, name, rule):
    reader, sessions = bundle.bars(), bundle.sessions
    close, volume = (np.ascontiguousarray(reader.values(field)) for field in ("close", "volume"))
    first = reader.first_session
    labels = sessions.labels[: len(close)]
    on = rule.mask(sessions.labels)[first : len(close)].copy()
    index = sessions.index[: len(labels)][first:]
    symbols = [f"S{n:04d}" for n in range(assets)]
    base, expected = cpu(lambda: floor.daily(close[first:], volume[first:], index, symbols, on, "pandas"))
    start = sessions.index[first + floor.LOOKBACK]
    initialize = initialize_with(assets, rule, trade_pandas)
    took, result = cpu(lambda: run_algorithm(start, None, initialize, floor.CAPITAL, bundle=bundle))
    value = result.perf["portfolio_value"].iloc[-1]
    print(
        f"{assets:>7} {name:>9} {base:>9.3f} {took:>9.3f} {took / base:>8.2f} {value / expected - 1:>14.1e}", flush=True
    )


if __name__ == "__main__":
    main("--quick" in sys.argv)
