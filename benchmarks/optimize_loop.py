"""504 daily rebalances of 200 and 500 assets through order_optimal_portfolio in a backtest, against others.

python -m benchmarks.optimize_loop [--quick]

CPU seconds of whole runs, ours the least of three and cvxportfolio's of two, taken in turn: our optimizer, cvxpy
(Clarabel, the same problem written anew each day) in the same backtest, and cvxportfolio's own backtest on the same
prices when CVXPORTFOLIO_PYTHON names a Python that has it. "optimizer" is the part spent in run_optimization (in
cvxpy's solve). Every run: gross 1, dollar neutral, ±position, 5 factors, turnover in ours and cvxpy; cvxportfolio has
leverage, neutrality, weights and factor limits and no costs.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd

import tradewind.optimize as opt
from benchmarks.markets import random_walk, walk_bundle
from tradewind import rebalance as engine
from tradewind import run_algorithm
from tradewind.api import (
    commission,
    date_rules,
    order_optimal_portfolio,
    schedule_function,
    set_commission,
    set_slippage,
    sid,
    slippage,
)

FACTORS = [f"style{j}" for j in range(5)]
LIMIT = 0.1


class Rebalance:
    """The user's code: a twenty-day reversal signal and the words; ``spent`` CPU seconds inside the optimizer."""

    def __init__(self, assets, linear, solver):
        self.n, self.linear, self.solver, self.spent, self.calls = assets, linear, solver, 0.0, 0
        self.loadings = np.random.default_rng(1).normal(size=(assets, 5))

    def initialize(self, context):
        context.assets = [sid(number) for number in range(1, self.n + 1)]
        context.loadings = pd.DataFrame(self.loadings, index=pd.Index(context.assets), columns=FACTORS)
        context.held = np.zeros(self.n)
        set_slippage(slippage.FixedSlippage(0.0))
        set_commission(commission.NoCommission())
        schedule_function(self.trade, date_rules.every_day())

    def trade(self, context, data):
        window = data.history(context.assets, "close", 20, "1d")
        signal = -(window.iloc[-1] / window.mean() - 1)
        self.calls += 1
        if self.solver == "cvxpy":
            self.by_cvxpy(context, signal)
            return
        target = signal if self.linear else signal / signal.abs().sum()
        objective = opt.MaximizeAlpha(target) if self.linear else opt.TargetWeights(target, near_zero=0)
        bounds = dict.fromkeys(FACTORS, LIMIT)
        words = [
            opt.MaxGrossExposure(1.0),
            opt.DollarNeutral(0.001),
            opt.PositionConcentration.with_equal_bounds(-10 / self.n, 10 / self.n),
            opt.FactorExposure(context.loadings, dict.fromkeys(FACTORS, -LIMIT), bounds),
            opt.MaxTurnover(2.0),
        ]
        order_optimal_portfolio(objective, words)

    def by_cvxpy(self, context, signal):
        import cvxpy as cp

        began = time.process_time()
        w, size = cp.Variable(self.n), 10 / self.n
        values = signal.to_numpy()
        target = values / np.abs(values).sum()
        goal = cp.Maximize(values @ w) if self.linear else cp.Minimize(cp.sum_squares(w - target))
        exposures = self.loadings.T @ w
        rows = [
            cp.norm1(w) <= 1, cp.abs(cp.sum(w)) <= 0.001, w >= -size, w <= size,
            exposures <= LIMIT, exposures >= -LIMIT, cp.norm1(w - context.held) <= 2,
        ]  # fmt: skip
        cp.Problem(goal, rows).solve(solver=cp.CLARABEL)
        self.spent += time.process_time() - began
        context.held = w.value
        order_optimal_portfolio(opt.TargetWeights(pd.Series(w.value, signal.index), near_zero=0), [])


def timed(rebalance):
    """run_optimization with its CPU time added to ``rebalance.spent``."""
    honest = engine.run_optimization

    def measured(*args, **options):
        began = time.process_time()
        result = honest(*args, **options)
        rebalance.spent += time.process_time() - began
        return result

    return honest, measured


def run(assets, sessions, linear, solver):
    """(CPU seconds of the run, of the optimizer, calls)."""
    bundle = walk_bundle(assets, 3)
    first = bundle.bars().first_session + 21
    index = bundle.sessions.index
    rebalance = Rebalance(assets, linear, solver)
    honest, measured = timed(rebalance)
    if solver == "ours":
        engine.run_optimization = measured
    began = time.process_time()
    try:
        run_algorithm(index[first], index[first + sessions - 1], rebalance.initialize, 1e7, bundle=bundle)
    finally:
        engine.run_optimization = honest
    return time.process_time() - began, rebalance.spent, rebalance.calls


CVXPORTFOLIO = """
import json, sys, time, warnings
warnings.simplefilter("ignore")
import numpy as np, pandas as pd, cvxportfolio as cvx
given = np.load(sys.argv[1]); count = int(sys.argv[2])
index = pd.date_range("2005-01-03", periods=len(given["close"]), freq="B", tz="UTC")
names = [f"S{i}" for i in range(given["close"].shape[1])]
prices = pd.DataFrame(given["close"], index, names)
returns = prices.pct_change().shift(-1).iloc[:-1]
returns["cash"] = 0.0
signal = -(prices / prices.rolling(20).mean() - 1)
loadings = pd.DataFrame(given["loadings"], names, [f"f{j}" for j in range(5)])
n = len(names)
data = cvx.UserProvidedMarketData(returns=returns, cash_key="cash", min_history=pd.Timedelta("0d"))
simulator = cvx.MarketSimulator(market_data=data, costs=[])
limits = [cvx.LeverageLimit(1.0), cvx.DollarNeutral(), cvx.MinWeights(-10 / n), cvx.MaxWeights(10 / n),
          cvx.FactorMaxLimit(loadings, 0.1), cvx.FactorMinLimit(loadings, -0.1)]
policy = cvx.SinglePeriodOptimization(cvx.ReturnsForecast(signal.iloc[:-1]), limits, include_cash_return=False)
def run(days):
    simulator.backtest(policy, start_time=index[21], end_time=index[21 + days])
run(3)
began = time.process_time(); run(count); print(json.dumps(time.process_time() - began))
"""


def cvxportfolio(assets, sessions):
    """CPU seconds of cvxportfolio's backtest (its warm-up of three days left out), None where there is none."""
    python = os.environ.get("CVXPORTFOLIO_PYTHON")
    if not python:
        return None
    close, _ = random_walk(assets, sessions + 60)
    loadings = np.random.default_rng(1).normal(size=(assets, 5))
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "given.npz"
        np.savez(file, close=close, loadings=loadings)
        ran = subprocess.run([python, "-c", CVXPORTFOLIO, str(file), str(sessions)], capture_output=True, text=True)
    if ran.returncode:
        print(ran.stderr.strip().splitlines()[-1])
        return None
    return float(json.loads(ran.stdout.splitlines()[-1]))


def main(quick=False):
    sessions = 60 if quick else 504
    print(f"{sessions} daily rebalances\n{'':32}{'assets':>7}{'run s':>9}{'optimizer s':>13}{'× ours':>8}")
    for assets in (200, 500):
        for linear in (True, False):
            name = "MaximizeAlpha" if linear else "TargetWeights"
            run(assets, 5, linear, "ours")
            runs, others = in_turn(assets, sessions, linear)
            ours = show(f"ours, {name}", assets, min(runs))
            some = max(sessions // 8, 20)
            run(assets, 3, linear, "cvxpy")
            scaled = [value * sessions / some for value in run(assets, some, linear, "cvxpy")]
            show(f"cvxpy, {name} ({some} days, scaled)", assets, scaled, ours)
            if others:
                show("cvxportfolio", assets, (min(others), np.nan, sessions), ours)


def in_turn(assets, sessions, linear, times=3):
    """Three runs of ours, and between them cvxportfolio's for the linear objective."""
    runs, others = [], []
    for i in range(times):
        runs.append(run(assets, sessions, linear, "ours"))
        if linear and i + 1 < times and (took := cvxportfolio(assets, sessions)) is not None:
            others.append(took)
    return runs, others


def show(name, assets, found, ours=None):
    took, spent, _ = found
    ratio = "" if ours is None else f"{took / ours:8.1f}"
    print(f"{name:32}{assets:>7}{took:>9.2f}{spent:>13.2f}{ratio}", flush=True)
    return took


if __name__ == "__main__":
    main("--quick" in sys.argv)
