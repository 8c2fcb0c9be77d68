"""The efficient frontier of 50 points, long only, diagonal + 20 factors, against other tools.

python -m benchmarks.meanvariance_frontier [--quick]

min w'(diag q + FF')w, Σw = 1, w ≥ 0, r'w = μ at the same 50 returns for everyone. CPU milliseconds for all points
(median of repeats), all in one run; "gap" is the largest relative excess of variance over a reference (Clarabel at
1e-13 on the factor form), "violation" the largest of any row or bound. "ours" is efficient_frontier from lists and
arrays to certified points, the linear program for the right end included. cvxpy keeps one parametrised problem; PIQP
and OSQP are kept warm and get arrays. PyPortfolioOpt and skfolio get the dense covariance, and are left out where they
are not installed, fail, or would take minutes.
"""

import sys
import time
import warnings
from importlib.util import find_spec

import numpy as np
from scipy import sparse

from tradewind_optimize.meanvariance.frontier import efficient_frontier

SIZES, POINTS, FACTORS = (100, 500, 2000), 50, 20


def market(n, seed=0):
    """(r, q, F): daily returns, idiosyncratic variances, loadings on uncorrelated unit factors."""
    rng = np.random.default_rng(seed)
    loadings = 0.003 * rng.normal(size=(n, FACTORS))
    loadings[:, 0] = 0.01 * (1 + 0.3 * rng.normal(size=n))
    return 5e-4 + 3e-4 * rng.normal(size=n), rng.uniform(0.01, 0.03, n) ** 2, loadings


def ours(r, q, loadings, _):
    data = {
        "r": r,
        "Q": q,
        "F": loadings,
        "D": np.eye(FACTORS),
        "options": {"short": False, "number_of_points": POINTS},
    }
    return lambda: np.array([point.answer.x for point in efficient_frontier(data)])


def arrays(r, q, loadings):
    """(P, A, l, u, F) over (w, y) with y = F'w: the factor form of the general solvers; row 1 is the return."""
    n, k = loadings.shape
    scale, unit = q.max(), np.abs(r).max()
    form = sparse.block_diag([sparse.diags(q / scale), sparse.eye(k) / scale], format="csc")
    top = sparse.csc_matrix(np.vstack([np.r_[np.ones(n), np.zeros(k)], np.r_[r / unit, np.zeros(k)]]))
    factors = sparse.hstack([sparse.csc_matrix(loadings.T), -sparse.eye(k)])
    return form, sparse.vstack([top, factors], format="csc"), unit


def reference(r, q, loadings, targets):
    """The variances by Clarabel at 1e-13, a problem a point."""
    import clarabel

    n, k = loadings.shape
    form, rows, unit = arrays(r, q, loadings)
    both = sparse.vstack([rows, -sparse.eye(n, n + k)], format="csc")
    cones = [clarabel.ZeroConeT(2 + k), clarabel.NonnegativeConeT(n)]
    settings = clarabel.DefaultSettings()
    settings.verbose, settings.max_threads = False, 1
    settings.tol_gap_abs = settings.tol_gap_rel = settings.tol_feas = 1e-13
    out = []
    for mu in targets:
        right = np.r_[1.0, mu / unit, np.zeros(k + n)]
        solver = clarabel.DefaultSolver(
            2 * sparse.triu(form, format="csc"), np.zeros(n + k), both, right, cones, settings
        )
        out.append(np.array(solver.solve().x)[:n])
    return np.array(out)


def cvxpy_factor(r, q, loadings, targets):
    import cvxpy as cp

    n, k = loadings.shape
    w, y, mu = cp.Variable(n), cp.Variable(k), cp.Parameter()
    cost = cp.sum_squares(cp.multiply(np.sqrt(q), w)) + cp.sum_squares(y)
    problem = cp.Problem(cp.Minimize(cost), [cp.sum(w) == 1, r @ w == mu, y == loadings.T @ w, w >= 0])

    def run():
        out = []
        for target in targets:
            mu.value = target
            problem.solve(solver=cp.CLARABEL)
            out.append(w.value)
        return np.array(out)

    return run


def piqp_warm(r, q, loadings, targets):
    import piqp

    n, k = loadings.shape
    form, rows, unit = arrays(r, q, loadings)
    lower, upper = np.r_[np.zeros(n), np.full(k, -np.inf)], np.full(n + k, np.inf)

    def run():
        solver, out = piqp.SparseSolver(), []
        solver.settings.eps_abs = solver.settings.eps_rel = 1e-8
        right = np.r_[1.0, targets[0] / unit, np.zeros(k)]
        solver.setup(2 * form, np.zeros(n + k), rows, right, None, None, None, lower, upper)
        for mu in targets:
            right = np.r_[1.0, mu / unit, np.zeros(k)]
            solver.update(b=right)
            solver.solve()
            out.append(np.array(solver.result.x)[:n])
        return np.array(out)

    return run


def osqp_warm(r, q, loadings, targets):
    import osqp

    n, k = loadings.shape
    form, rows, unit = arrays(r, q, loadings)
    stacked = sparse.vstack([rows, sparse.eye(n, n + k)], format="csc")

    def run():
        solver, out = osqp.OSQP(), []
        low = np.r_[1.0, targets[0] / unit, np.zeros(k), np.zeros(n)]
        high = np.r_[1.0, targets[0] / unit, np.zeros(k), np.full(n, np.inf)]
        solver.setup(2 * sparse.triu(form, format="csc"), np.zeros(n + k), stacked, low, high, verbose=False,
                     eps_abs=1e-7, eps_rel=1e-7, max_iter=20_000)  # fmt: skip
        for mu in targets:
            low[1] = high[1] = mu / unit
            solver.update(l=low, u=high)
            out.append(np.array(solver.solve(raise_error=False).x)[:n])
        return np.array(out)

    return run


def pypfopt(r, q, loadings, targets):
    from pypfopt import EfficientFrontier

    covariance = np.diag(q) + loadings @ loadings.T

    def run():
        out = []
        for mu in targets:
            frontier = EfficientFrontier(r, covariance)
            out.append(np.array(list(frontier.efficient_return(mu).values())))
        return np.array(out)

    return run


def skfolio(r, q, loadings, targets):
    """Its own frontier from a sample with these moments; only as many points as it is asked for are comparable."""
    from skfolio import RiskMeasure
    from skfolio.optimization import MeanRisk, ObjectiveFunction

    rng = np.random.default_rng(1)
    n = len(r)
    sample = rng.normal(size=(2 * n, n)) * np.sqrt(q) + rng.normal(size=(2 * n, FACTORS)) @ loadings.T + r
    goal = ObjectiveFunction.MINIMIZE_RISK
    model = MeanRisk(goal, risk_measure=RiskMeasure.VARIANCE, efficient_frontier_size=POINTS)

    def run():
        model.fit(sample)
        return

    return run


PEERS = {
    "ours": (ours, None, 2000),
    "PIQP warm, factor form": (piqp_warm, "piqp", 2000),
    "cvxpy + Clarabel, factor form": (cvxpy_factor, "cvxpy", 2000),
    "OSQP warm, factor form": (osqp_warm, "osqp", 500),
    "PyPortfolioOpt": (pypfopt, "pypfopt", 100),
    "skfolio": (skfolio, "skfolio", 100),
}


def measured(run, repeats):
    """(CPU milliseconds, weights): one run to warm up, then the median of the repeats."""
    weights, spent = run(), []
    for _ in range(repeats):
        began = time.process_time()
        weights = run()
        spent.append(1e3 * (time.process_time() - began))
    return float(np.median(spent)), weights


def rows_of(n, quick):
    r, q, loadings = market(n)
    first = ours(r, q, loadings, None)()
    targets = np.linspace(r @ first[0], r.max(), POINTS)
    targets[-1] -= 1e-9 * np.abs(r).max()  # interior points need an interior at the right end

    def variance(weights):
        return ((weights**2) @ q + ((weights @ loadings) ** 2).sum(axis=1))[:-1]

    best = variance(reference(r, q, loadings, targets))
    for name, (make, package, most) in PEERS.items():
        if n > most or (package and find_spec(package) is None) or (quick and n > 100 and name != "ours"):
            continue
        try:
            spent, weights = measured(make(r, q, loadings, targets), 5 if name == "ours" else 1)
        except Exception as error:  # a peer may fail on its own
            yield name, None, type(error).__name__, ""
            continue
        if weights is None:
            yield name, spent, "–", "–"
            continue
        worst = max(np.abs(weights.sum(axis=1) - 1).max(), -weights.min(), np.abs(weights @ r - targets).max())
        yield name, spent, f"{(variance(weights) / best - 1).max():.0e}", f"{worst:.0e}"


def main(quick=False):
    warnings.simplefilter("ignore")
    for n in (100, 500) if quick else SIZES:
        print(f"\nN = {n}, {FACTORS} factors, {POINTS} points" + " " * 6 + "CPU ms    × ours   gap     violation")
        base = None
        for name, spent, gap, violation in rows_of(n, quick):
            base = base or spent
            times = "failed" if spent is None else f"{spent:10.1f} {spent / base:9.1f}"
            print(f"  {name:34s} {times}   {gap:7s} {violation}", flush=True)


if __name__ == "__main__":
    main("--quick" in sys.argv)
