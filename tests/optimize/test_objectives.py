"""TargetWeights with its near-zero rule; MaximizeAlpha with its tie-break."""

import numpy as np
import pandas as pd
import pytest

from tradewind_optimize.constraints.exposure import DollarNeutral, MaxGrossExposure, NetExposure
from tradewind_optimize.constraints.group import Basket
from tradewind_optimize.constraints.pair import Pair
from tradewind_optimize.constraints.position import FixedWeight, Frozen, LongOnly, PositionConcentration
from tradewind_optimize.constraints.turnover import MaxTurnover
from tradewind_optimize.costs import Penalized, TransactionCost
from tradewind_optimize.entry import calculate_optimal_portfolio, run_optimization
from tradewind_optimize.errors import InvalidParameter, InvalidType
from tradewind_optimize.objectives import MaximizeAlpha, Objective, TargetWeights, Terms


def weights_of(objective, constraints, held=None):
    return calculate_optimal_portfolio(objective, constraints, held).to_dict()


def test_projection_on_the_gross_ball_is_soft_thresholding():
    found = weights_of(TargetWeights({"a": 0.9, "b": -0.5, "c": 0.1}), [MaxGrossExposure(1.0)])
    assert found == pytest.approx({"a": 0.7, "b": -0.3, "c": 0.0}, abs=1e-8)


def test_projection_on_a_net_bound_spreads_evenly():
    found = weights_of(TargetWeights({"a": 0.5, "b": 0.3}), [NetExposure(-0.2, 0.2)])
    assert found == pytest.approx({"a": 0.2, "b": 0.0}, abs=1e-8)


def test_leverage_above_one_is_not_normalised():
    assert weights_of(TargetWeights({"a": 2.5, "b": -2.0}), []) == {"a": 2.5, "b": -2.0}


class TestNearZero:
    def test_missing_and_tiny_targets_leave_exactly(self):
        held = {"x": 0.2, "y": 0.1}
        # the plain projection on net ≥ 0.6 would spread 0.1 over all four assets
        found = weights_of(TargetWeights({"a": 0.3, "b": 0.2, "x": 5e-5}), [NetExposure(0.6, 1.0)], held)
        assert found["x"] == found["y"] == 0.0
        assert found["a"] == pytest.approx(0.35)
        assert found["b"] == pytest.approx(0.25)

    def test_a_target_of_the_threshold_is_a_target(self):
        assert weights_of(TargetWeights({"a": 1e-4, "b": 9.9e-5}), []) == {"a": 1e-4, "b": 0.0}

    def test_the_rule_can_be_turned_off(self):
        assert weights_of(TargetWeights({"a": 9e-5}, near_zero=0), []) == {"a": 9e-5}

    def test_an_own_box_that_excludes_zero_releases_only_that_asset(self):
        held = {"x": 0.2, "y": 0.1}
        found = weights_of(TargetWeights({"a": 0.3}), [Frozen("x"), FixedWeight("z", -0.1)], held)
        assert found == {"a": 0.3, "x": 0.2, "y": 0.0, "z": -0.1}

    def test_coupling_rows_release_as_little_as_possible(self):
        constraints = [Basket(["x", "y"], 0.1, 1.0), PositionConcentration({}, {"x": 0.2, "a": 1, "y": 0.05, "z": 1})]
        found = weights_of(TargetWeights({"a": 0.3, "x": 0.0, "y": 0.0, "z": 0.0}), constraints)
        assert found["z"] == 0.0
        assert found["a"] == pytest.approx(0.3, abs=1e-10)
        assert found["x"] + found["y"] == pytest.approx(0.1, abs=1e-8)

    def test_infeasible_with_and_without_exits_is_infeasible(self):
        constraints = [Basket(["x"], 0.1, 1.0), PositionConcentration.with_equal_bounds(0, 0.05)]
        assert run_optimization(TargetWeights({"x": 0.0}), constraints).status == "infeasible"

    def test_a_turnover_limit_that_forbids_the_exit_keeps_part_of_it(self):
        found = weights_of(TargetWeights({}), [MaxTurnover(0.1)], {"a": 0.2, "b": 0.2})
        assert found["a"] + found["b"] == pytest.approx(0.3, abs=1e-8)

    def test_the_answer_itself_is_never_clipped(self):
        found = weights_of(TargetWeights({"a": 0.5, "b": 0.40005}), [NetExposure(-1, 0.1001)])
        assert found == pytest.approx({"a": 0.100025, "b": 0.000075}, abs=1e-9)

    def test_a_pair_leg_without_target_may_be_held(self):
        found = weights_of(TargetWeights({"a": 0.5}), [Pair("a", "b")])
        assert found == pytest.approx({"a": 0.25, "b": -0.25}, abs=1e-8)


class TestEqualWeight:
    def test_each_gets_its_share(self):
        assert weights_of(TargetWeights.equal_weight(["a", "b", "c", "d"]), []) == dict.fromkeys("abcd", 0.25)

    def test_leverage_and_keywords_are_forwarded(self):
        objective = TargetWeights.equal_weight(["a", "b"], 1e-4, near_zero=0.0)
        assert weights_of(objective, []) == {"a": 5e-5, "b": 5e-5}

    def test_no_assets_make_an_empty_portfolio(self):
        assert weights_of(TargetWeights.equal_weight([]), [], {"x": 0.5}) == {"x": 0.0}


class TestMaximizeAlpha:
    def test_the_best_names_fill_their_bounds_first(self):
        alphas = {"a": 5.0, "b": 4.0, "c": 0.5, "d": -4.5}
        limits = [MaxGrossExposure(1.0), PositionConcentration.with_equal_bounds(-0.4, 0.4)]
        found = weights_of(MaximizeAlpha(alphas), limits)
        assert found == pytest.approx({"a": 0.4, "b": 0.2, "c": 0.0, "d": -0.4}, abs=1e-12)

    def test_without_position_limits_all_goes_to_the_largest(self):
        found = weights_of(MaximizeAlpha({"a": 1.0, "b": -3.0}), [MaxGrossExposure(1.5)])
        assert found == pytest.approx({"a": 0.0, "b": -1.5}, abs=1e-12)

    def test_only_relative_alpha_matters_when_neutral(self):
        limits = [MaxGrossExposure(1.0), DollarNeutral(0.0), PositionConcentration.with_equal_bounds(-0.3, 0.3)]
        alphas = pd.Series({"a": 1.0, "b": 2.0, "c": 3.0, "d": 4.0})
        first, second = weights_of(MaximizeAlpha(alphas), limits), weights_of(MaximizeAlpha(alphas + 100), limits)
        assert first == pytest.approx(second, abs=1e-9)
        assert first == pytest.approx({"a": -0.3, "b": -0.2, "c": 0.2, "d": 0.3}, abs=1e-9)

    def test_a_held_asset_without_alpha_leaves_and_an_alpha_of_zero_stays(self):
        held = {"x": 0.1, "y": 0.1}
        found = weights_of(MaximizeAlpha({"a": 1.0, "y": 0.0}), [PositionConcentration.with_equal_bounds(-1, 1)], held)
        assert found == {"a": 1.0, "y": 0.1, "x": 0.0}

    def test_a_frozen_asset_without_alpha_stays(self):
        found = weights_of(MaximizeAlpha({"a": 1.0}), [MaxGrossExposure(1.0), Frozen(["x"])], {"x": -0.25})
        assert found == pytest.approx({"a": 0.75, "x": -0.25}, abs=1e-12)

    def test_ties_go_to_the_point_nearest_the_current_portfolio(self):
        alphas = dict.fromkeys("abcd", 1.0)
        limits = [MaxGrossExposure(1.0), LongOnly("abcd")]
        found = weights_of(MaximizeAlpha(alphas), [MaxGrossExposure(1.0)], {"a": 0.5, "b": 0.1})
        # nearest point of {w ≥ 0, Σw = 1}: 0.1 spread over the four, i.e. +0.1 each
        assert found == pytest.approx({"a": 0.6, "b": 0.2, "c": 0.1, "d": 0.1}, abs=1e-8)
        assert weights_of(MaximizeAlpha(alphas), limits[:1]) == pytest.approx(dict.fromkeys("abcd", 0.25), abs=1e-8)

    def test_a_whole_portfolio_of_ties_does_not_trade(self):
        held = {"a": 0.3, "b": -0.2}
        limits = [MaxGrossExposure(1.0), NetExposure(-0.5, 0.5)]
        assert weights_of(MaximizeAlpha({"a": 0.0, "b": 0.0}), limits, held) == held

    def test_ties_under_turnover(self):
        held = {"a": 0.5, "b": 0.0, "c": 0.0}
        found = weights_of(
            MaximizeAlpha({"a": 1.0, "b": 2.0, "c": 2.0}), [MaxGrossExposure(1.0), MaxTurnover(0.7)], held
        )
        # gross 1 costs 0.5 of new positions; the other 0.2 moves 0.1 from a to b and c
        assert found == pytest.approx({"a": 0.4, "b": 0.3, "c": 0.3}, abs=1e-8)

    @pytest.mark.parametrize("solver", ["highs", "clarabel"])
    def test_the_tie_break_does_not_depend_on_the_solver(self, solver):
        rng = np.random.default_rng(11)
        names = [f"s{i}" for i in range(60)]
        alphas = pd.Series(rng.integers(-3, 4, 60).astype(float), index=names)
        held = pd.Series(rng.normal(size=60) / 60, index=names)
        limits = [MaxGrossExposure(1.0), DollarNeutral(), PositionConcentration.with_equal_bounds(-0.05, 0.05)]
        found = run_optimization(MaximizeAlpha(alphas), limits, held, solver=solver).new_weights
        again = run_optimization(MaximizeAlpha(alphas), limits, held).new_weights
        assert np.abs(found - again).max() < 1e-9
        assert found @ alphas == pytest.approx(again @ alphas, abs=1e-9)


@pytest.mark.parametrize("word", [TargetWeights, MaximizeAlpha])
def test_refused_maps(word):
    with pytest.raises(InvalidParameter, match="NaN or infinity for 'b', 'c'"):
        word({"a": 1.0, "b": float("nan"), "c": float("inf")})
    with pytest.raises(InvalidParameter, match="duplicates of 'a'"):
        word(pd.Series([1.0, 2.0], index=["a", "a"]))
    with pytest.raises(InvalidType, match=r"found a list\. Write \{asset: value"):
        word(["a", "b"])
    with pytest.raises(InvalidType, match="a map from label to number; found a str"):
        word({"a": "much"})


def test_integer_and_boolean_series_are_numbers():
    assert weights_of(TargetWeights(pd.Series({"a": 1, "b": -1})), []) == {"a": 1.0, "b": -1.0}


class Own(Objective):
    def __init__(self, labels, terms=None):
        self._given, self._terms = labels, terms or (lambda n: Terms(curvature=np.full(n, 2.0), target=np.ones(n)))

    def labels(self):
        return self._given

    def terms(self, universe, held):
        return self._terms(universe.n)


def test_an_objective_of_ones_own_names_its_assets_in_any_collection():
    for labels in (["a", "b"], ("a", "b"), pd.Index(["a", "b"]), {"a": 1, "b": 2}):
        assert run_optimization(Own(labels), []).new_weights.to_dict() == {"a": 1.0, "b": 1.0}


@pytest.mark.parametrize(
    ("objective", "text"),
    [
        (Own("a"), r"Own: labels\(\) must be a collection of labels; found a str"),
        (Own(["a", "a"]), r"Own: labels\(\) must be free of duplicate labels; found duplicates of 'a'"),
        (Own(["a"], lambda n: np.ones(n)), r"Own: terms\(\) must be an opt.Terms; found a ndarray"),
        (Own(["a"], lambda n: Terms(linear=np.ones(3))), r"terms\(\).linear must be of length 0 or 1, .* 3 entries"),
        (Own(["a"], lambda n: Terms(curvature=np.ones(1))), r"terms\(\).target must be as long as curvature"),
    ],
)
def test_an_objective_of_ones_own_that_cannot_be_meant(objective, text):
    with pytest.raises((InvalidParameter, InvalidType), match=text):
        run_optimization(objective, [])


def test_ties_under_costs_go_to_the_nearest_portfolio_too():
    objective = Penalized(MaximizeAlpha({"a": 0.01, "b": 0.01, "c": 0.002}), TransactionCost(0.003))
    held = {"a": 0.1, "c": 0.2}
    found = run_optimization(objective, [MaxGrossExposure(1.0)], held).new_weights.to_dict()
    # a and b earn 0.007 a unit bought, and selling c gives up 0.002 and costs 0.003: it pays while gross binds
    assert found == pytest.approx({"a": 0.55, "b": 0.45, "c": 0.0})
