"""One rebalance of the contest set, pandas in to pandas out, against general solvers.

python -m benchmarks.optimize_solve [--quick]

The set: gross 1, dollar neutral, ±position, 16 risk factors, 11 groups, turnover. Every day has a new signal and new
holdings; CPU milliseconds a day (median), all in one run. "ours" is calculate_optimal_portfolio with its certificate;
"words too" also builds the constraints; "new labels" has Asset labels and, every day, a new alpha index and a new
4,000-row loadings frame in another order; "new objects" the same with the Assets themselves made anew every day.
"cvxpy" writes the same problem anew (Clarabel, and cvxpy's own choice), "DPP" keeps it and sets parameters. The direct
rows get arrays and no certificate: the conic and HiGHS rows with assembly, the warm ones without. Violation is the
largest of any constraint over the days; worse is the objective's excess over the best row, relative. First come
problems with risk: utility over gross, neutrality, positions and five factors, 20 risk factors or a dense covariance.
"""

import sys
import time
import warnings
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

import tradewind.optimize as opt
from tradewind.optimize.experimental import RiskModelExposure
from tradewind_data.assets import Equity
from tradewind_optimize.certify import residual
from tradewind_optimize.compile import compile_problem
from tradewind_optimize.experimental import FACTORS, SECTORS
from tradewind_optimize.labels import column
from tradewind_optimize.solvers import clarabel, dual_newton, dual_simplex, highs
from tradewind_optimize.solvers.lifted import lift
from tradewind_optimize.solvers.pieces import split

SIZES = (50, 200, 500, 1000, 3000)
GROSS, NET, TIGHT, TURNOVER = 1.0, 1e-4, 0.1, 0.8
WIDE = dict.fromkeys(FACTORS, 0.36) | dict.fromkeys(SECTORS, 0.18)


@dataclass
class Day:
    """One day's numbers and, on demand, the words and the compiled problem made of them."""

    linear: bool
    signal: pd.Series
    held: pd.Series
    loadings: pd.DataFrame
    groups: pd.Series

    @property
    def size(self):
        return 10 / len(self.signal)

    def words(self):
        return [
            opt.MaxGrossExposure(GROSS),
            opt.DollarNeutral(NET),
            opt.PositionConcentration.with_equal_bounds(-self.size, self.size),
            RiskModelExposure(self.loadings, version=0),
            opt.NetGroupExposure.with_equal_bounds(self.groups, -TIGHT, TIGHT),
            opt.MaxTurnover(TURNOVER),
        ]

    @cached_property
    def kept(self):
        return self.words()

    def objective(self):
        return opt.MaximizeAlpha(self.signal) if self.linear else opt.TargetWeights(self.signal, near_zero=0)

    @cached_property
    def problem(self):
        return compile_problem(self.objective(), self.kept, column(self.held, "benchmark", "held", "")).problem

    @cached_property
    def members(self):
        return np.stack([(self.groups == g).to_numpy(dtype=float) for g in sorted(self.groups.unique())])


def market(n, days, linear, seed=0):
    """A universe with one-hot sectors, five styles and groups, its signal and holdings drifting from day to day."""
    rng = np.random.default_rng(seed)
    index = pd.Index([f"A{i:04d}" for i in range(n)])
    loadings = np.zeros((n, 16))
    loadings[np.arange(n), rng.integers(0, 11, n)] = rng.normal(1, 0.2, n)
    loadings[:, 11:] = rng.normal(size=(n, 5))
    frame = pd.DataFrame(loadings, index, list(FACTORS))
    groups = pd.Series(rng.integers(0, 11, n), index)
    signal = rng.normal(size=n) + loadings[:, 11] + loadings[:, 0]
    out = []
    for _ in range(days):
        signal = 0.9 * signal + 0.4 * rng.normal(size=n)
        held = rng.normal(size=n) * (rng.random(n) < 0.5)
        held = pd.Series(0.9 * (held - held.mean()) / np.abs(held - held.mean()).sum(), index).clip(-9 / n, 9 / n)
        given = signal if linear else 2 * signal / np.abs(signal).sum()
        out.append(Day(linear, pd.Series(given, index), held, frame, groups))
    return out


def listed(count, seed):
    """So many Assets, as the finder of a bundle keeps them."""
    when, sids = pd.Timestamp("2020-01-02"), np.random.default_rng(seed).permutation(count * 3)[:count]
    return np.array([Equity(int(s), f"S{s}", "", "XNYS", when, when, when, i) for i, s in enumerate(sids)])


def new_labels(day, seed, assets):
    """The same day with a new frame and new indexes everywhere, of Assets that may be more than the day's."""
    rng, n, covered = np.random.default_rng(seed), len(day.signal), len(assets)
    mine = assets[:n]
    wide = np.zeros((covered, 16))
    wide[:n], wide[n:] = day.loadings.to_numpy(), rng.normal(size=(covered - n, 16))
    order = rng.permutation(covered)
    return Day(
        day.linear,
        pd.Series(day.signal.to_numpy(), pd.Index(mine.copy())),
        pd.Series(day.held.to_numpy(), pd.Index(mine.copy())),
        pd.DataFrame(wide[order], pd.Index(assets[order]), list(FACTORS)),
        pd.Series(day.groups.to_numpy(), pd.Index(mine.copy())),
    )


def ours(day):
    return opt.calculate_optimal_portfolio(day.objective(), day.kept, day.held).to_numpy()


def ours_with_words(day):
    return opt.calculate_optimal_portfolio(day.objective(), day.words(), day.held).to_numpy()


def written(cp, day, w, signal, held):
    """The contest set in cvxpy, over a variable and (possibly parametric) signal and holdings."""
    limits = np.array([WIDE[name] for name in FACTORS])
    exposures = day.loadings.to_numpy().T @ w
    nets = day.members @ w
    rows = [
        cp.norm1(w) <= GROSS, cp.abs(cp.sum(w)) <= NET, w >= -day.size, w <= day.size,
        exposures <= limits, exposures >= -limits, nets <= TIGHT, nets >= -TIGHT, cp.norm1(w - held) <= TURNOVER,
    ]  # fmt: skip
    return cp.Problem(cp.Maximize(signal @ w) if day.linear else cp.Minimize(cp.sum_squares(w - signal)), rows)


def rebuilt(solver):
    def solve(day):
        import cvxpy as cp

        w = cp.Variable(len(day.signal))
        written(cp, day, w, day.signal.to_numpy(), day.held.to_numpy()).solve(solver=solver)
        return pd.Series(w.value, day.signal.index).to_numpy()

    return solve


class Parametric:
    """cvxpy with parameters: compiled on the first day."""

    def __init__(self):
        self.problem = None

    def __call__(self, day):
        import cvxpy as cp

        if self.problem is None:
            n = len(day.signal)
            self.w, self.signal, self.held = cp.Variable(n), cp.Parameter(n), cp.Parameter(n)
            self.problem = written(cp, day, self.w, self.signal, self.held)
        self.signal.value, self.held.value = day.signal.to_numpy(), day.held.to_numpy()
        self.problem.solve(solver=cp.CLARABEL)
        return self.w.value.copy()


class WarmOsqp:
    """OSQP set up once on the standard form; new vectors every day, warm start, eps 1e-5."""

    def __init__(self):
        self.solver = None

    def __call__(self, day):
        import osqp
        from scipy import sparse

        form = lift(day.problem)
        low, high = np.concatenate([form.row_lower, form.lower]), np.concatenate([form.row_upper, form.upper])
        rows = sparse.csc_matrix((form.values, (form.rows, form.columns)), shape=form.shape)
        matrix = sparse.vstack([rows, sparse.eye(form.shape[1])], format="csc")
        if self.solver is None or matrix.shape != self.shape:
            self.solver, self.shape = osqp.OSQP(), matrix.shape
            bend = sparse.csc_matrix(sparse.diags(form.curvature))
            options = {"verbose": False, "eps_abs": 1e-5, "eps_rel": 1e-5, "max_iter": 20_000}
            self.solver.setup(bend, form.cost, matrix, low, high, **options)
        began = time.process_time()
        self.solver.update(q=form.cost, l=low, u=high, Ax=matrix.data)
        answer = self.solver.solve(raise_error=False)
        self.took = time.process_time() - began
        return np.array(answer.x)[: len(day.signal)]


class WarmPiqp:
    """PIQP (sparse) set up on the first day, updated in place afterwards."""

    def __init__(self):
        self.solver = None

    def __call__(self, day):
        import piqp
        from scipy import sparse

        form = lift(day.problem)
        rows = sparse.csc_matrix((form.values, (form.rows, form.columns)), shape=form.shape)
        parts = {"P": sparse.csc_matrix(sparse.diags(form.curvature)), "c": form.cost, "G": rows,
                 "h_l": form.row_lower, "h_u": form.row_upper, "x_l": form.lower, "x_u": form.upper}  # fmt: skip
        first = self.solver is None
        if first:
            self.solver = piqp.SparseSolver()
            self.solver.settings.verbose = False
            self.solver.setup(**parts)
        began = time.process_time()
        if not first:
            self.solver.update(**parts)
        self.solver.solve()
        self.took = time.process_time() - began
        return np.array(self.solver.result.x)[: len(day.signal)]


class WarmHighs:
    """HiGHS simplex on the pieces, the basis of the day before as its start."""

    def __init__(self):
        self.basis = None

    def __call__(self, day):
        import highspy

        pieces = split(day.problem)
        solver = highspy.Highs()
        solver.setOptionValue("output_flag", False)
        solver.setOptionValue("threads", 1)
        highs._pass(highspy, solver, pieces, 1.0)
        if self.basis is not None and self.columns == pieces.shape[1]:
            solver.setBasis(self.basis)
        began = time.process_time()
        solver.run()
        self.took = time.process_time() - began
        self.basis, self.columns = solver.getBasis(), pieces.shape[1]
        answer = solver.getSolution()
        return pieces.restore(np.array(answer.col_value), np.array(answer.row_dual), "highs", 0, "").weights


def direct(module):
    def solve(day):
        return module.solve(day.problem).weights

    return solve


def bare(linear):
    def solve(day):
        if linear:
            return dual_simplex.minimise(day.problem.arrays, dual_simplex.PIVOTS)[2]
        return dual_newton.maximise(day.problem.arrays, dual_newton.STEPS, dual_newton.SOFT[0])[2]

    return solve


def peers(linear, n):
    """(name, solver); OSQP, which takes seconds a day from 1,000 assets on, up to 500."""
    import importlib.util

    rows = [
        ("ours", ours), ("ours, words too", ours_with_words), ("ours, new labels", ours_with_words),
        ("ours, new objects", ours_with_words),
        ("cvxpy, Clarabel", rebuilt("CLARABEL")), ("cvxpy, its choice", rebuilt(None)),
        ("cvxpy DPP, Clarabel", Parametric()), ("Clarabel direct", direct(clarabel)),
    ]  # fmt: skip
    if n <= 500:
        rows.append(("OSQP 1e-5 warm", WarmOsqp()))
    if importlib.util.find_spec("piqp"):
        rows.append(("PIQP updated", WarmPiqp()))
    if linear:
        rows += [("HiGHS cold", direct(highs)), ("HiGHS warm", WarmHighs())]
    return [*rows, ("the bare kernel", bare(linear))]


def measure(solve, days):
    """(median CPU seconds a day, answers); the first day warms up. A solver that times itself is believed."""
    solve(days[0])
    took, answers = [], []
    for day in days[1:]:
        began = time.process_time()
        weights = solve(day)
        took.append(getattr(solve, "took", time.process_time() - began))
        answers.append(np.asarray(weights, dtype=float))
    return float(np.median(took)), answers


def table(linear, n, quick):
    few = 5 if quick or n > 500 else 9
    many = market(n, 4 * few, linear)  # ours, of a millisecond a day, over more of them: a busy moment is no median
    days = many[:few]
    for day in many:
        _ = day.kept, day.problem, day.members
    covered = max(4000, n)
    assets = listed(covered, 0)
    others = {
        "ours": many,
        "ours, words too": many,
        "ours, new labels": [new_labels(day, seed, assets) for seed, day in enumerate(many)],
        "ours, new objects": [new_labels(day, seed, listed(covered, seed)) for seed, day in enumerate(days)],
    }
    found = {}
    for name, solve in peers(linear, n):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                took, answers = measure(solve, others.get(name, days))
            except Exception as error:  # a peer that gives up is a row, not the end
                found[name] = (np.nan, np.nan, [np.nan] * (len(days) - 1), type(error).__name__)
                continue
        violation = max(residual(day.problem, w) for day, w in zip(many[1:], answers, strict=False))
        values = [day.problem.value(w) for day, w in zip(days[1:], answers, strict=False)]
        found[name] = (took, violation, values, "")
    show(found, "MaximizeAlpha" if linear else "TargetWeights", n)
    return found


def show(found, objective, n):
    honest = [values for _, violation, values, _ in found.values() if violation <= 1e-8]
    best = np.min(honest, axis=0)
    base = found["ours"][0]
    print(f"\n{objective}, {n} assets\n{'':22}{'ms':>10}{'× ours':>9}{'violation':>11}{'worse by':>10}")
    for name, (took, violation, values, note) in found.items():
        worse = np.max((np.array(values) - best) / np.maximum(np.abs(best), 1e-5))
        print(
            f"{name:22}{took * 1e3:>10.3f}{took / base:>9.1f}{violation:>11.1e}{max(worse, 0.0):>10.1e}  {note}",
            flush=True,
        )


RISK_LIMIT, AVERSION = 0.1, 5.0


def risky(n, dense, days, seed=0):
    """(objective, words, Σ as (specific, root), alphas) a day: one model, new alphas."""
    rng = np.random.default_rng(seed)
    index = pd.Index([f"A{i:04d}" for i in range(n)])
    factors, specific = rng.normal(size=(n, 20)) * 0.01, rng.uniform(0.5, 2, n) * 1e-4
    if dense:
        returns = rng.normal(size=(3 * n, 20)) @ factors.T + rng.normal(size=(3 * n, n)) * np.sqrt(specific)
        covariance = np.cov(returns.T)
        model, specific, factors = pd.DataFrame(covariance, index, index), np.zeros(n), np.linalg.cholesky(covariance)
    else:
        model = type("Model", (), {"labels": index, "Q": specific, "F": factors, "D": np.ones(20)})()
    styles = pd.DataFrame(rng.normal(size=(n, 5)), index, list("abcde"))
    words = [
        opt.MaxGrossExposure(GROSS), opt.DollarNeutral(NET),
        opt.PositionConcentration.with_equal_bounds(-10 / n, 10 / n),
        opt.FactorExposure(styles, dict.fromkeys("abcde", -RISK_LIMIT), dict.fromkeys("abcde", RISK_LIMIT)),
    ]  # fmt: skip
    for _ in range(days):
        alphas = pd.Series(rng.normal(size=n) * 1e-3, index)
        yield opt.MaximizeUtility(alphas, model, AVERSION), words, (specific, factors), alphas, styles.to_numpy()


def risk_in_cvxpy(solver):
    def solve(day):
        import cvxpy as cp

        _, _, (specific, root), alphas, styles = day
        n, w = len(alphas), cp.Variable(len(alphas))
        variance = cp.sum_squares(root.T @ w)
        if specific.any():
            variance += cp.sum_squares(cp.multiply(np.sqrt(specific), w))
        rows = [cp.norm1(w) <= GROSS, cp.abs(cp.sum(w)) <= NET, cp.abs(w) <= 10 / n, cp.abs(styles.T @ w) <= RISK_LIMIT]
        cp.Problem(cp.Maximize(alphas.to_numpy() @ w - 0.5 * AVERSION * variance), rows).solve(solver=solver)
        return w.value

    return solve


def risk_table(n, dense):
    days = list(risky(n, dense, 4))
    peers = [("ours", lambda day: opt.calculate_optimal_portfolio(day[0], day[1]).to_numpy())]
    peers.append(
        ("Clarabel direct", lambda day: opt.calculate_optimal_portfolio(*day[:2], solver="clarabel").to_numpy())
    )
    peers += [("cvxpy, Clarabel", risk_in_cvxpy("CLARABEL")), ("cvxpy, OSQP", risk_in_cvxpy("OSQP"))]
    found = {}
    problems = [compile_problem(*day[:2], column({}, "benchmark", "held", "")).problem for day in days[1:]]
    for name, solve in peers:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            took, answers = measure(solve, days)
        pairs = list(zip(problems, answers, strict=True))
        violation = max(residual(problem, w) for problem, w in pairs)
        found[name] = (took, violation, [problem.value(w) for problem, w in pairs], "")
    show(found, "MaximizeUtility, " + ("dense" if dense else "20 factors"), n)


def main(quick=False):
    for n in (100,) if quick else (100, 500):
        for dense in (False, True):
            risk_table(n, dense)
    for linear in (False, True):
        whole = {n: table(linear, n, quick)["ours"][0] for n in ((50, 500) if quick else SIZES)}
        if 3000 in whole:
            growth = np.log(whole[3000] / whole[500]) / np.log(6)
            print(f"growth of the whole call from 500 to 3,000 assets: N^{growth:.2f}")


if __name__ == "__main__":
    main("--quick" in sys.argv)
