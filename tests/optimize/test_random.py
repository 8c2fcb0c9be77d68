"""Random problems over every constraint against cvxpy + Clarabel, written twice: once in words, once in cvxpy."""

import contextlib

import cvxpy as cp
import numpy as np
import pandas as pd
import pytest

from tradewind_optimize.constraints.exposure import DollarNeutral, FactorExposure, MaxGrossExposure, NetExposure
from tradewind_optimize.constraints.group import Basket, NetGroupExposure
from tradewind_optimize.constraints.pair import Pair
from tradewind_optimize.constraints.position import (
    CannotHold,
    FixedWeight,
    Frozen,
    LongOnly,
    PositionConcentration,
    ReduceOnly,
    ShortOnly,
)
from tradewind_optimize.constraints.turnover import MaxTurnover
from tradewind_optimize.entry import run_optimization
from tradewind_optimize.objectives import MaximizeAlpha, TargetWeights


def draw_constraints(rng, names, current):
    """Pairs (word, function from the cvxpy variable to cvxpy constraints), each present at random."""
    n = len(names)
    held = current.to_numpy()
    size = rng.uniform(0.3, 1.5)

    def pick(most=3):
        return rng.choice(n, size=min(n, int(rng.integers(1, most + 1))), replace=False)

    loadings = rng.normal(size=(n, int(rng.integers(1, 4))))
    groups = rng.integers(0, 4, n)
    low, high = -rng.uniform(0.05, 0.4, n), rng.uniform(0.05, 0.4, n)
    beta, tight = rng.uniform(0.02, 0.3), rng.uniform(0.02, 0.2)
    some, more, frozen, reduced, basket = pick(), pick(), pick(2), pick(), pick(4)
    long, short = (pick(1)[0] for _ in range(2))
    net, turn = rng.uniform(-0.2, 0.2), rng.uniform(0.3, 1.5)
    columns = [f"f{j}" for j in range(loadings.shape[1])]
    frame = pd.DataFrame(loadings, index=names, columns=columns)
    menu = [
        (0.75, MaxGrossExposure(size), lambda w: [cp.norm1(w) <= size]),
        (0.4, DollarNeutral(0.01), lambda w: [cp.abs(cp.sum(w)) <= 0.01]),
        (0.3, NetExposure(net, net + 0.1), lambda w: [cp.sum(w) >= net, cp.sum(w) <= net + 0.1]),
        (0.55, PositionConcentration(pd.Series(low, names), pd.Series(high, names)), lambda w: [w >= low, w <= high]),
        (0.5, FactorExposure(frame, dict.fromkeys(columns, -beta), dict.fromkeys(columns, beta)),
         lambda w: [loadings.T @ w <= beta, loadings.T @ w >= -beta]),
        (0.5, NetGroupExposure.with_equal_bounds(pd.Series(groups, names), -tight, tight),
         lambda w: [cp.abs(cp.sum(w[groups == g])) <= tight for g in np.unique(groups)]),
        (0.3, Basket([names[i] for i in basket], -0.1, 0.05),
         lambda w: [cp.sum(w[basket]) >= -0.1, cp.sum(w[basket]) <= 0.05]),
        (0.3, LongOnly([names[i] for i in some]), lambda w: [w[some] >= 0]),
        (0.3, ShortOnly([names[i] for i in more]), lambda w: [w[more] <= 0]),
        (0.2, CannotHold([names[i] for i in more]), lambda w: [w[more] == 0]),
        (0.2, Frozen([names[i] for i in frozen]), lambda w: [w[frozen] == held[frozen]]),
        (0.3, ReduceOnly([names[i] for i in reduced]),
         lambda w: [w[reduced] >= np.minimum(held[reduced], 0), w[reduced] <= np.maximum(held[reduced], 0)]),
        (0.2, FixedWeight(names[some[0]], 0.04), lambda w: [w[some[0]] == 0.04]),
        (0.5, MaxTurnover(turn), lambda w: [cp.norm1(w - held) <= turn]),
    ]  # fmt: skip
    if long != short:
        menu.append(
            (0.3, Pair(names[long], names[short], 1.5, 0.2),
             lambda w: [w[long] >= 0, w[short] <= 0, w[long] <= -1.7 * w[short], w[long] >= -1.3 * w[short]])
        )  # fmt: skip
    return [(word, oracle) for chance, word, oracle in menu if rng.random() < chance]


KNOWN = {"optimal", "optimal_inaccurate", "infeasible", "unbounded"}


def reference(goal, oracles, n):
    w = cp.Variable(n)
    problem = cp.Problem(goal(w), [row for oracle in oracles for row in oracle(w)])
    options = {"tol_gap_abs": 1e-11, "tol_gap_rel": 1e-11, "tol_feas": 1e-11}
    with contextlib.suppress(cp.SolverError):
        problem.solve(solver=cp.CLARABEL, **options)
    if problem.status not in KNOWN:  # without an interior, more than an interior point method can tell
        problem.solve(solver=cp.HIGHS)
    status = problem.status.removesuffix("_inaccurate")
    if status == "unbounded":  # said of any direction that never ends, even where no portfolio exists to start from
        feasible = cp.Problem(cp.Minimize(0), problem.constraints)
        feasible.solve(solver=cp.HIGHS)
        status = "infeasible" if feasible.status == "infeasible" else status
    return status, problem.value, w.value


def draw(seed):
    rng = np.random.default_rng(seed)
    n = int(rng.choice([1, 2, 5, 12, 40]))
    names = [f"s{i}" for i in range(n)]
    current = pd.Series(np.where(rng.random(n) < 0.6, rng.normal(size=n) / (2 * n), 0.0), index=names)
    target = pd.Series(rng.normal(size=n) * rng.choice([0.5 / n, 4.0 / n]), index=names)
    return names, current, target, draw_constraints(rng, names, current)


def violation(oracles, weights):
    w = cp.Variable(len(weights), value=weights)
    rows = [row for oracle in oracles for row in oracle(w)]
    return max((float(np.max(row.violation())) for row in rows), default=0.0)


MANY = [pytest.param(seed, marks=pytest.mark.slow) if seed >= 60 else seed for seed in range(320)]
OURS = {"dual_newton", "dual_simplex", "box"}


@pytest.mark.filterwarnings("ignore:Solution may be inaccurate")
@pytest.mark.parametrize("seed", MANY)
def test_target_weights(seed):
    names, current, target, drawn = draw(seed)
    words, oracles = [word for word, _ in drawn], [oracle for _, oracle in drawn]
    result = run_optimization(TargetWeights(target, near_zero=0), words, current)
    status, best, _ = reference(lambda w: cp.Minimize(cp.sum_squares(w - target.to_numpy())), oracles, len(names))
    assert result.status == status
    if result.success:
        weights = result.new_weights.to_numpy()
        assert result.diagnostics.solver in OURS, result.diagnostics.attempts
        assert result.diagnostics.certificate.residual <= 1e-13
        assert violation(oracles, weights) <= 1e-12
        assert ((weights - target) ** 2).sum() <= best + 1e-7 * max(abs(best), 1e-3 * float(target @ target))
        assert result.diagnostics.objective == pytest.approx(float(((weights - target) ** 2).sum()))


@pytest.mark.filterwarnings("ignore:Solution may be inaccurate")
@pytest.mark.parametrize("seed", MANY)
def test_maximize_alpha(seed):
    names, current, target, drawn = draw(1000 + seed)
    alphas = target.round(2) if seed % 3 == 0 else target
    words, oracles = [word for word, _ in drawn], [oracle for _, oracle in drawn]
    result = run_optimization(MaximizeAlpha(alphas), words, current)
    status, best, _ = reference(lambda w: cp.Maximize(alphas.to_numpy() @ w), oracles, len(names))
    assert result.status == status
    if result.success:
        weights = result.new_weights.to_numpy()
        assert result.diagnostics.certificate.residual <= 1e-12
        assert violation(oracles, weights) <= 1e-12
        assert weights @ alphas >= best - 1e-7 * max(abs(best), 1e-3 * float(np.abs(alphas).max()))
        nearest_on_the_face(alphas.to_numpy(), oracles, current.to_numpy(), weights, best)


def nearest_on_the_face(alphas, oracles, held, weights, best):
    """No portfolio with the same alpha, less a sliver, is much nearer to the current one."""
    w = cp.Variable(len(weights))
    rows = [row for oracle in oracles for row in oracle(w)]
    problem = cp.Problem(cp.Minimize(cp.sum_squares(w - held)), [*rows, alphas @ w >= best - 1e-11])
    problem.solve(solver=cp.CLARABEL, tol_gap_abs=1e-12, tol_gap_rel=1e-12, tol_feas=1e-12)
    if problem.status.startswith("optimal"):
        assert ((weights - held) ** 2).sum() <= problem.value + 2e-6


def test_the_draws_cover_all_ends():
    ends = {"optimal": 0, "infeasible": 0, "unbounded": 0}
    for seed in range(110):
        _, current, target, drawn = draw(1000 + seed)
        ends[run_optimization(MaximizeAlpha(target), [word for word, _ in drawn], current).status] += 1
    assert min(ends.values()) >= 2, ends
