"""What must not matter: the order of the assets, the order of the constraints, the unit of money and of alpha."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tradewind_optimize.constraints.exposure import DollarNeutral, FactorExposure, MaxGrossExposure
from tradewind_optimize.constraints.position import LongOnly, PositionConcentration
from tradewind_optimize.constraints.turnover import MaxTurnover
from tradewind_optimize.entry import calculate_optimal_portfolio, run_optimization
from tradewind_optimize.objectives import MaximizeAlpha, TargetWeights

seeds = st.integers(0, 2**32 - 1)
objectives = st.sampled_from([TargetWeights, MaximizeAlpha])


def market(seed, n=15):
    rng = np.random.default_rng(seed)
    names = [f"s{i}" for i in range(n)]
    signal = pd.Series(rng.normal(size=n).round(1) / 4, index=names)
    held = pd.Series(rng.normal(size=n) / 30, index=names)
    loadings = pd.DataFrame(rng.normal(size=(n, 2)), index=names, columns=["x", "y"])
    return signal, held, loadings


def limits(loadings, scale=1.0):
    bound = dict.fromkeys(loadings.columns, 0.1 * scale)
    return [
        MaxGrossExposure(1.0 * scale),
        DollarNeutral(0.01 * scale),
        FactorExposure(loadings, {k: -v for k, v in bound.items()}, bound),
        PositionConcentration.with_equal_bounds(-0.2 * scale, 0.2 * scale),
        MaxTurnover(0.8 * scale),
    ]


@settings(max_examples=25, deadline=None)
@given(seeds, objectives, st.randoms(use_true_random=False))
def test_order_does_not_matter(seed, objective, shuffler):
    signal, held, loadings = market(seed)
    base = calculate_optimal_portfolio(objective(signal), limits(loadings), held)
    names = list(signal.index)
    shuffler.shuffle(names)
    words = limits(loadings.sample(frac=1, random_state=1)[["y", "x"]])
    shuffler.shuffle(words)
    again = calculate_optimal_portfolio(objective(signal[names]), words, held.sample(frac=1, random_state=2))
    assert list(again.index) == names
    assert np.abs(again[base.index] - base).max() < 1e-9


@settings(max_examples=25, deadline=None)
@given(seeds, st.floats(0.1, 10.0))
def test_weights_scale_with_every_limit(seed, scale):
    signal, held, loadings = market(seed)
    base = calculate_optimal_portfolio(TargetWeights(signal, near_zero=0), limits(loadings), held)
    words = limits(loadings, scale)
    scaled = calculate_optimal_portfolio(TargetWeights(signal * scale, near_zero=0), words, held * scale)
    assert np.abs(scaled / scale - base).max() < 1e-9


@settings(max_examples=25, deadline=None)
@given(seeds, st.floats(1e-6, 1e6))
def test_the_unit_of_alpha_does_not_matter(seed, scale):
    signal, held, loadings = market(seed)
    base = calculate_optimal_portfolio(MaximizeAlpha(signal), limits(loadings), held)
    scaled = calculate_optimal_portfolio(MaximizeAlpha(signal * scale), limits(loadings), held)
    assert np.abs(scaled - base).max() < 1e-9


@settings(max_examples=20, deadline=None)
@given(seeds, objectives)
def test_a_constraint_that_does_not_bind_changes_nothing(seed, objective):
    signal, held, loadings = market(seed)
    base = calculate_optimal_portfolio(objective(signal), limits(loadings), held)
    loose = [*limits(loadings), MaxGrossExposure(5.0), LongOnly([name for name in base.index if base[name] > 1e-3])]
    again = calculate_optimal_portfolio(objective(signal), loose, held)
    assert np.abs(again - base).max() < 1e-9


@settings(max_examples=20, deadline=None)
@given(seeds)
def test_projecting_twice_is_projecting_once(seed):
    signal, held, loadings = market(seed)
    objective = TargetWeights(signal, near_zero=0)
    once = calculate_optimal_portfolio(objective, limits(loadings), held)
    twice = calculate_optimal_portfolio(TargetWeights(once, near_zero=0), limits(loadings), held)
    assert np.abs(twice - once).max() < 1e-9


@pytest.mark.parametrize("objective", [TargetWeights, MaximizeAlpha])
def test_five_thousand_assets(objective):
    signal, held, _ = market(1, n=5000)
    words = [MaxGrossExposure(1.0), DollarNeutral(), PositionConcentration.with_equal_bounds(-0.002, 0.002)]
    result = run_optimization(objective(signal), words, held / 500)
    assert result.success
    assert result.diagnostics.certificate.residual <= 1e-8
