"""Problems nobody would pose: scales from 1e-12 to 1e4, boxes of no width, ties, contradictions by a hair, rows twice.

No answer may break a constraint, be worse than HiGHS or Clarabel find, or be refused when another solver has one; and
nothing but the errors of this package may be raised.
"""

import numpy as np
import pandas as pd
import pytest

from tradewind_optimize.constraints.exposure import FactorExposure, MaxGrossExposure, NetExposure
from tradewind_optimize.constraints.group import NetGroupExposure
from tradewind_optimize.constraints.position import CannotHold, FixedWeight, Frozen, PositionConcentration
from tradewind_optimize.constraints.turnover import MaxTurnover
from tradewind_optimize.entry import run_optimization
from tradewind_optimize.objectives import MaximizeAlpha, TargetWeights

BATCH = 50


def nasty(seed):
    """(objective, words, held): everything on one scale or on many, often with ties."""
    rng = np.random.default_rng(seed)
    n = int(rng.choice([1, 2, 3, 8, 30]))
    names = [f"s{i}" for i in range(n)]
    size = 10.0 ** rng.choice([-6, -2, 0, 0, 0, 2, 4])
    values = rng.normal(size=n) * size / n
    if rng.random() < 0.4:
        values = np.round(values / size, 1) * size  # ties
    if rng.random() < 0.2:
        values *= 10.0 ** rng.uniform(-6, 0, n)
    held = pd.Series(rng.choice([0.0, 1.0, -1.0], n) * size / n, names)
    low, high = -rng.choice([0.0, 0.1, 2.0], n) * size, rng.choice([0.0, 0.1, 2.0], n) * size
    loadings = rng.normal(size=(n, 3)) * 10.0 ** rng.choice([-4, 0, 0, 3])
    loadings[:, 2] = loadings[:, rng.integers(0, 2)] * rng.choice([1.0, -2.0, 0.0])
    frame, reach = pd.DataFrame(loadings, names, list("abc")), np.abs(loadings).max() * size * rng.choice([0.0, 0.1, 1])
    gap = rng.choice([0.0, 1e-12, 1e-6])
    menu = [
        (0.6, lambda: PositionConcentration(pd.Series(low, names), pd.Series(high, names))),
        (0.6, lambda: MaxGrossExposure(size * rng.choice([0.0, 0.5, 1.0, 3.0]))),
        (0.5, lambda: NetExposure(gap * size, gap * size) if rng.random() < 0.5 else NetExposure(-size, size * gap)),
        (0.4, lambda: FactorExposure(frame, dict.fromkeys("abc", -reach), dict.fromkeys("abc", reach))),
        (0.3, lambda: NetGroupExposure.with_equal_bounds(pd.Series(rng.integers(0, 3, n), names), -0.1 * size, size)),
        (0.4, lambda: MaxTurnover(size * rng.choice([0.0, 0.5, 2.0]))),
        (0.2, lambda: FixedWeight(names[0], size * 0.05)),
        (0.2, lambda: Frozen(names[: n // 2])),
    ]
    words = [build() for chance, build in menu if rng.random() < chance]
    words += words[:1] if rng.random() < 0.2 else []
    objective = MaximizeAlpha if rng.random() < 0.5 else TargetWeights
    given = pd.Series(values, names)
    return objective(given) if objective is MaximizeAlpha else TargetWeights(given, near_zero=0), words, held


def judge(seed):
    objective, words, held = nasty(seed)
    ours = run_optimization(objective, words, held)
    linear = isinstance(objective, MaximizeAlpha)
    other = run_optimization(objective, words, held, solver="highs" if linear else "clarabel")
    assert ours.status != "failed", (seed, ours.diagnostics.attempts)
    if not ours.success:
        assert other.status in (ours.status, "failed"), (seed, ours.status, other.status)
        return ours.status
    assert ours.diagnostics.certificate.residual <= 1e-8, seed
    if other.success and other.diagnostics.certificate.residual <= 1e-9:  # wider limits can buy a better objective
        worse = ours.diagnostics.objective - other.diagnostics.objective
        worse = -worse if linear else worse
        slack = 2 * max(ours.diagnostics.certificate.gap_tolerance, other.diagnostics.certificate.gap_tolerance)
        assert worse <= slack, (seed, worse, slack)
    return ours.status


@pytest.mark.slow
@pytest.mark.parametrize("batch", range(40))
def test_nasty_problems(batch):
    for seed in range(batch * BATCH, (batch + 1) * BATCH):
        judge(seed)


def test_a_few_nasty_problems():
    ends = [judge(seed) for seed in range(90_000, 90_040)]
    assert {"optimal", "infeasible"} <= set(ends)


@pytest.mark.parametrize("objective", [TargetWeights, MaximizeAlpha])
@pytest.mark.parametrize("hair", [3e-16, 1e-12, 5e-10, 2e-9, 1e-8, 1.9e-8])
def test_limits_that_contradict_by_a_hair_meet_within_the_tolerance(objective, hair):
    words = [FixedWeight("a", 0.25), FixedWeight("b", 0.5), NetExposure(0.75 + hair, 1.0), CannotHold("c")]
    result = run_optimization(objective({"a": 0.1, "b": 0.2, "c": 0.3}), words)
    weights = result.new_weights
    assert abs(weights["a"] - 0.25) <= 1e-8
    assert abs(weights["b"] - 0.5) <= 1e-8
    assert weights.sum() >= 0.75 + hair - 1e-8
    assert weights["c"] == 0.0
    assert result.diagnostics.certificate.passed


@pytest.mark.parametrize("objective", [TargetWeights, MaximizeAlpha])
@pytest.mark.parametrize("gap", [4e-8, 1e-6])
def test_limits_that_contradict_by_more_are_refused(objective, gap):
    words = [FixedWeight("a", 0.25), FixedWeight("b", 0.5), NetExposure(0.75 + gap, 1.0)]
    error = run_optimization(objective({"a": 0.1, "b": 0.2}), words).error
    assert [word for word, _ in error.conflict] == words
    assert error.shortfall == pytest.approx(gap, rel=1e-3)


@pytest.mark.parametrize(("apart", "status"), [(1e-11, "optimal"), (1.9e-8, "optimal"), (2.1e-8, "infeasible")])
def test_sides_of_one_box_that_cross_by_a_hair_meet_in_the_middle(apart, status):
    result = run_optimization(TargetWeights({"a": 0.1}), [FixedWeight("a", 0.25), FixedWeight("a", 0.25 + apart)])
    assert result.status == status
    if result.success:
        assert result.new_weights["a"] == pytest.approx(0.25 + apart / 2, abs=1e-15)
        assert result.diagnostics.certificate.residual == pytest.approx(apart / 2, abs=1e-15)
