"""The daily event loop against the floor: the same user code in a bare Python loop, no engine (floor.py).

python -m benchmarks.daily_loop [--quick] [--large]

CPU seconds, smallest of several runs in turn; "× floor" is what the engine adds to the user's own work. The numpy rows
are the user's numpy with an order call an asset; their floor orders all assets in one vector step. Below: what a bundle
costs of which little is traded, and what stands before the first bar. --large adds 8,000 assets × 10 years, rebalanced
every month (the first time it writes the bundle, 1.5 GB of memory and a minute).
"""

import resource
import subprocess
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

RULES = {"daily": date_rules.every_day(), "monthly": date_rules.month_start()}


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


def trade_numpy(context, data):
    window = data.history(context.assets, "close", floor.LOOKBACK, "1d").to_numpy()
    score = window[-1] / window.mean(0)
    for asset, weight in zip(context.assets, (score / score.sum()).tolist(), strict=True):
        order_target_percent(asset, weight)


TRADES = {"pandas": trade_pandas, "numpy": trade_numpy}


def cpu(function, repeats=3):
    """(smallest CPU seconds of several runs, last answer)."""
    return cpu_in_turn([function], repeats)[0]


def cpu_in_turn(functions, repeats=3):
    """[(smallest CPU seconds, last answer)] of functions run in turn, so that a busy moment hits all of them."""
    took, answers = [[] for _ in functions], [None] * len(functions)
    for _ in range(repeats):
        for i, function in enumerate(functions):
            began = time.process_time()
            answers[i] = function()
            took[i].append(time.process_time() - began)
    return list(zip(map(min, took), answers, strict=True))


def main(quick=False, large=False):
    years = 2 if quick else 10
    head = f"{'assets':>7} {'rebalance':>9} {'code':>7} {'floor s':>9} {'engine s':>9} {'× floor':>8}"
    print(f"{head} {'value differs':>14}")
    for assets in (1, 50, 500):
        for name in RULES:
            row(assets, years, name, "pandas")
    for assets, name in ((1, "daily"), (500, "daily")):
        row(assets, years, name, "numpy")
    row(500, years, "monthly", "pandas", actions=True)
    width()
    before_the_first_bar()
    if large:
        many_assets()


def row(assets, years, name, style, actions=False):
    bundle, rule = walk_bundle(assets, years, actions), RULES[name]
    reader, sessions = bundle.bars(), bundle.sessions
    close, volume = (np.ascontiguousarray(reader.values(field)) for field in ("close", "volume"))
    first = reader.first_session
    on = rule.mask(sessions.labels)[first : len(close)].copy()
    index = sessions.index[first : len(close)]
    symbols = [object() for _ in range(assets)]  # pandas walks strings more slowly than labels of any other kind
    start, initialize = sessions.index[first + floor.LOOKBACK], initialize_with(assets, rule, TRADES[style])
    (base, expected), (took, result) = cpu_in_turn(
        [
            lambda: floor.daily(close[first:], volume[first:], index, symbols, on, style),
            lambda: run_algorithm(start, None, initialize, floor.CAPITAL, bundle=bundle),
        ]
    )
    differs = "with actions" if actions else f"{result.perf['portfolio_value'].iloc[-1] / expected - 1:.1e}"
    print(f"{assets:>7} {name:>9} {style:>7} {base:>9.3f} {took:>9.3f} {took / base:>8.2f} {differs:>14}", flush=True)


def width(traded=10, wide=5000):
    """Ten assets traded every day for two years: out of ten, and out of five thousand."""
    initialize = initialize_with(traded, RULES["daily"], trade_pandas)
    bundles = [walk_bundle(assets, 2) for assets in (traded, wide)]
    runs = [lambda b=b: run_algorithm(_start(b), None, initialize, floor.CAPITAL, bundle=b) for b in bundles]
    for run in runs:
        run()
    (few, _), (many, _) = cpu_in_turn(runs)
    print(f"\n{traded} assets traded: {few:.3f} s in a bundle of {traded}, {many:.3f} s in one of {wide}")


def _start(bundle):
    return bundle.sessions.index[bundle.bars().first_session + floor.LOOKBACK]


FIRST_BAR = """
import time
began = time.perf_counter()
from tradewind import run_algorithm
import tradewind.run
imported = time.perf_counter() - began
def handle_data(context, data):
    global first
    if first is None:
        first = time.perf_counter() - began
first = None
run_algorithm(handle_data=handle_data, bundle="demo")
whole = time.perf_counter() - began
peak = next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM"))
print(f"import {imported:.2f} s, first bar after {first:.2f} s, the run after {whole:.2f} s, {int(peak) / 1024:.0f} MB")
"""


def before_the_first_bar():
    """A fresh process on the demo bundle, by the clock; compiled code from its cache (the second of two)."""
    for _ in range(2):
        said = subprocess.run([sys.executable, "-c", FIRST_BAR], capture_output=True, text=True, check=True).stdout
    print(f"fresh process: {said}", end="", flush=True)


def many_assets(assets=8000, years=10):
    bundle = walk_bundle(assets, years)
    initialize = initialize_with(assets, RULES["monthly"], trade_pandas)
    took, _ = cpu(lambda: run_algorithm(_start(bundle), None, initialize, floor.CAPITAL, bundle=bundle).perf, 1)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2
    print(f"{assets} assets × {years} years, monthly: {took:.1f} s, {peak:.2f} GB at most")


if __name__ == "__main__":
    main("--quick" in sys.argv, "--large" in sys.argv)
