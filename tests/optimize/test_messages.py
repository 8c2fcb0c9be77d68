"""What is said: the sentence of every breach, the refusal of every argument that cannot be meant."""

import inspect

import cvxpy
import numpy as np
import pandas as pd
import pytest

import tradewind.optimize as opt
from tradewind_optimize.constraints.base import Constraint
from tradewind_optimize.constraints.exposure import FactorExposure, MaxGrossExposure, NetExposure
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
from tradewind_optimize.constraints.risk import TrackingError
from tradewind_optimize.constraints.turnover import MaxTurnover
from tradewind_optimize.entry import calculate_optimal_portfolio, run_optimization
from tradewind_optimize.errors import InvalidParameter, InvalidType
from tradewind_optimize.experimental import FACTORS, RiskModelExposure
from tradewind_optimize.objectives import MaximizeAlpha, Objective, TargetWeights, Terms
from tradewind_optimize.parameters import NotConstrained
from tradewind_optimize.problem import Box, Convex, Hinge, HingeSet, Linear, Quadratic
from tradewind_optimize.utility import MinimizeRisk

IMPOSSIBLE = [FixedWeight("z", 1.0), CannotHold("z")]


def said(word, target, held=None):
    """What each special portfolio would break of one constraint, in a problem that cannot be solved."""
    error = run_optimization(TargetWeights(target), [*IMPOSSIBLE, word], held).error
    return {v.portfolio: v.reasons for v in error.violations if v.constraint == word.heading()}


FUND = pd.DataFrame({"ETF": {"a": 0.5, "b": 0.5}})


@pytest.mark.parametrize(
    ("word", "target", "held", "portfolio", "sentence"),
    [
        (LongOnly("a"), {"a": -0.1}, {}, "target", "New weight for a (-0.1) would be less than 0."),
        (ShortOnly("a"), {"a": 0.1}, {}, "target", "New weight for a (0.1) would be greater than 0."),
        (CannotHold("a"), {}, {"a": 0.1}, "current", "New weight for a (0.1) would not be 0."),
        (Frozen("a"), {}, {"a": 0.1}, "empty", "New weight for a (0.0) would not equal current weight (0.1)."),
        (
            ReduceOnly("a"), {"a": 0.3}, {"a": 0.1}, "target",
            "New weight for a (0.3) would be greater than 0.1, and may only move from current to 0.",
        ),
        (
            ReduceOnly("a"), {"a": 0.3}, {"a": -0.1}, "target",
            "New weight for a (0.3) would be greater than 0.0, and may only move from current to 0.",
        ),
        (
            ReduceOnly("a"), {"a": -0.3}, {"a": 0.1}, "target",
            "New weight for a (-0.3) would be less than 0.0, and may only move from current to 0.",
        ),
        (
            Pair("a", "b", hedge_ratio=2.0, tolerance=0.5), {"a": 0.1, "b": -0.1}, {}, "target",
            "Long weight less hedge ratio × short size (-0.05) would be less than 0.0 (hedge ratio 2 ± 0.5).",
        ),
        (
            PositionConcentration.with_equal_bounds(0.1, 0.2), {"a": 0.15}, {}, "empty",
            "New weight for a (0.0) would be less than min weight (0.1).",
        ),
        (
            PositionConcentration.with_equal_bounds(-0.1, 0.1, etf_lookthru=FUND), {"ETF": 0.4}, {}, "target",
            "Effective weight for a (0.2) would be greater than max weight (0.1).",
        ),
        (
            PositionConcentration.with_equal_bounds(-0.1, 0.1, etf_lookthru=FUND), {}, {"ETF": -0.4, "a": 0.05},
            "current", "Effective weight for a (-0.15) would be less than min weight (-0.1).",
        ),
        (
            NetGroupExposure.with_equal_bounds({"a": 311, "b": 101}, -0.1, 0.1, etf_lookthru=FUND), {"ETF": 0.4}, {},
            "target", "Net exposure to 311 (0.2) would be greater than max exposure (0.1).",
        ),
        (
            NetGroupExposure({"a": "T"}, {"T": 0.1}, {"T": NotConstrained}), {"a": 0.1}, {}, "empty",
            "Net exposure to T (0.0) would be less than min exposure (0.1).",
        ),
        (
            Basket(["a"], 0.1, 0.2), {"a": 0.1}, {}, "empty",
            "Net exposure to the basket (0.0) would be less than min net exposure (0.1).",
        ),
        (
            TrackingError(pd.DataFrame([[0.04]], ["a"], ["a"]), {"a": 0.5}, 0.05), {"a": 1.0}, {}, "target",
            "Tracking error (0.1) would be greater than max tracking error (0.05).",
        ),
        (
            RiskModelExposure(pd.DataFrame(1.0, ["a"], list(FACTORS)), version=0), {"a": 0.2}, {}, "target",
            "Exposure to basic_materials (0.2) would be greater than max exposure (0.18).",
        ),
    ],
)  # fmt: skip
def test_sentences(word, target, held, portfolio, sentence):
    assert sentence in said(word, target, held)[portfolio]


def test_a_relaxation_names_the_row():
    groups = NetGroupExposure.with_equal_bounds({"a": "TECH", "b": "TECH"}, -0.1, 0.1)
    error = run_optimization(TargetWeights({"a": 0.0, "b": 0.0}), [FixedWeight("a", 0.3), LongOnly("b"), groups]).error
    assert [str(each) for each in error.relaxation] == [
        "NetGroupExposure(['TECH'], -0.1, 0.1) for TECH: max 0.1 → 0.3 (by 0.2)"
    ]
    assert "   NetGroupExposure(['TECH'], -0.1, 0.1) for TECH\n" in str(error)


@pytest.mark.parametrize(
    ("build", "text"),
    [
        (lambda: MaxTurnover(-0.1), r"MaxTurnover: max must be a number ≥ 0; found -0\.1"),
        (lambda: MaxTurnover(None), "max must be a number; found a NoneType"),
        (lambda: FixedWeight("a", float("nan")), "FixedWeight: weight must be a finite number; found nan"),
        (lambda: FixedWeight("a", "1"), "weight must be a number; found a str"),
        (lambda: Basket(["a"], 1, 0), r"min_net_exposure must be ≤ max_net_exposure = 0; found 1\. Swap"),
        (lambda: LongOnly("a", max_error_display=0), "max_error_display must be a finite number ≥ 1"),
        (lambda: PositionConcentration.with_equal_bounds(0.1, -0.1), r"min must be ≤ max = -0\.1"),
        (lambda: PositionConcentration([0], [1]), "min_weights must be a pandas Series or a dict"),
        (lambda: PositionConcentration({}, {}, 1, 0), "default_min_weight must be ≤ default_max_weight"),
        (lambda: PositionConcentration(pd.Series([0, 0], ["a", "a"]), {}), "duplicates of 'a'"),
        (lambda: NetGroupExposure(["a"], {}, {}), "labels must be a pandas Series or a dict from asset to group"),
        (lambda: NetGroupExposure(pd.Series(["x", "y"], ["a", "a"]), {}, {}), "labels .* duplicates of 'a'"),
        (lambda: NetGroupExposure.with_equal_bounds({"a": 1}, 0.2, 0.1), r"min must be ≤ max = 0\.1"),
        (lambda: TargetWeights({"a": 1}, near_zero=-1), "near_zero must be a finite number ≥ 0"),
        (lambda: TargetWeights.equal_weight(["a", "b", "a"]), "assets must be free of duplicate labels; .* of 'a'"),
        (lambda: TargetWeights.equal_weight(["a"], float("inf")), "target_leverage must be a finite number"),
        (lambda: RiskModelExposure({"a": 1}, version=0), "risk_model_loadings must be a DataFrame"),
        (
            lambda: PositionConcentration.with_equal_bounds(0, 1, etf_lookthru=pd.DataFrame({"E": {"a": "x"}})),
            r"etf_lookthru must be numeric in every column; .* Not so: \['E'\]",
        ),
        (
            lambda: PositionConcentration.with_equal_bounds(0, 1, etf_lookthru=pd.DataFrame({"E": {"a": -0.1}})),
            r"a weight from 0\.0 to 1\.0 in every cell; found -0\.1 for 'a' in 'E'",
        ),
    ],
)
def test_refusals(build, text):
    with pytest.raises((InvalidParameter, InvalidType), match=text):
        build()


@pytest.mark.parametrize("wrong", [{MaxGrossExposure(1)}, (word for word in IMPOSSIBLE), "MaxGrossExposure", {}])
def test_constraints_must_be_a_list(wrong):
    with pytest.raises(InvalidType, match=r"constraints must be a list of Constraint; .* Put it in a list"):
        run_optimization(TargetWeights({}), wrong)


def test_constraints_may_be_a_tuple():
    assert run_optimization(TargetWeights({"a": 0.5}), (MaxGrossExposure(1.0),)).success


@pytest.mark.parametrize("solver", [None, 3, "", "AUTO"])
def test_solvers_are_names(solver):
    with pytest.raises(InvalidParameter, match=r"solver must be one of 'auto', .*'cvxpy'; found"):
        run_optimization(TargetWeights({}), [], solver=solver)


class TestForms:
    def test_labels_of_every_form(self):
        assets = ["a", "b", "c"]
        forms = [
            dict(zip(assets, ["x", "y", None], strict=True)),
            pd.Series(["x", "y", None], assets),
            pd.Series(["x", "y", None], assets, dtype="category"),
            pd.Series([311, 101, None], assets, dtype="Int64"),
            pd.Series([311.0, 101.0, np.nan], assets),
        ]
        for labels in forms:
            word = NetGroupExposure.with_equal_bounds(labels, -0.1, 0.1)
            found = calculate_optimal_portfolio(TargetWeights(dict.fromkeys(assets, 0.5)), [word])
            assert found.to_dict() == pytest.approx({"a": 0.1, "b": 0.1, "c": 0.5}), labels

    @pytest.mark.parametrize("form", [list, tuple, set, frozenset, pd.Index, np.array, iter, dict.fromkeys])
    def test_assets_of_every_form(self, form):
        found = calculate_optimal_portfolio(
            TargetWeights({"a": 0.5, "b": 0.5, "c": 0.5}), [CannotHold(form(["a", "b"]))]
        )
        assert found.to_dict() == {"a": 0.0, "b": 0.0, "c": 0.5}
        equal = TargetWeights.equal_weight(form(["a", "b"]))
        assert calculate_optimal_portfolio(equal, []).to_dict() == {"a": 0.5, "b": 0.5}

    def test_a_held_weight_of_zero_is_a_variable_that_stays_out(self):
        found = calculate_optimal_portfolio(MaximizeAlpha({"a": 1.0}), [MaxGrossExposure(1.0)], {"x": 0.0})
        assert found.to_dict() == pytest.approx({"a": 1.0, "x": 0.0})
        assert found["x"] == 0.0

    def test_exits_on_the_conic_path(self):
        model = pd.DataFrame(np.eye(3) * 0.04, list("abx"), list("abx"))
        words = [TrackingError(model, {}, 0.05)]
        found = calculate_optimal_portfolio(TargetWeights({"a": 0.3, "b": 0.4}), words, {"x": 0.2})
        assert found["x"] == 0.0
        assert found[["a", "b"]].tolist() == pytest.approx([0.15, 0.2], abs=1e-8)

    def test_an_exit_that_a_benchmark_needs_stays(self):
        model = pd.DataFrame(np.eye(3) * 0.04, list("abx"), list("abx"))
        words = [TrackingError(model, {"x": 0.5, "a": 0.5}, 0.02)]
        found = calculate_optimal_portfolio(TargetWeights({"a": 0.5, "b": 0.0}), words, {"x": 0.2})
        assert found["b"] == pytest.approx(0.0, abs=1e-8)
        assert found["x"] == pytest.approx(0.4, abs=1e-6)

    def test_held_assets_outside_a_model_that_cannot_leave(self):
        model = pd.DataFrame(np.eye(2), list("ab"), list("ab"))
        found = calculate_optimal_portfolio(MinimizeRisk(model), [Frozen("x"), MaxGrossExposure(2.0)], {"x": 0.2})
        assert found.to_dict() == pytest.approx({"a": 0.0, "b": 0.0, "x": 0.2})


class Own(Constraint):
    """A constraint whose rows are whatever ``build`` makes of the universe."""

    def __init__(self, build):
        self.build = build

    def rows(self, universe):
        return self.build(universe)


def ones(universe):
    return np.ones((1, universe.n))


@pytest.mark.parametrize(
    ("build", "error", "says"),
    [
        (lambda u: None, InvalidType, "Yield blocks"),
        (lambda u: [[1.0, 2.0]], InvalidType, "opt.Convex"),
        (lambda u: [cvxpy.Variable(u.n) <= 1], InvalidType, "opt.Convex"),
        (lambda u: [Convex(lambda w: True)], InvalidType, "one cvxpy constraint"),
        (lambda u: [Box(u.positions(["nobody"]), 0.0, 1.0)], InvalidParameter, "universe.inside"),
        (lambda u: [Box([9], 0.0, 1.0)], InvalidParameter, "integers from 0 to 1"),
        (lambda u: [Box([0], np.inf, np.inf)], InvalidParameter, "Box.lower must be a bound that"),
        (lambda u: [Box([0], np.nan, 1.0)], InvalidParameter, "Box.lower must be free of NaN"),
        (lambda u: [Linear(np.nan * ones(u), [0.0], [1.0], (None,))], InvalidParameter, "found NaN"),
        (lambda u: [Linear(np.ones((1, 3)), [0.0], [1.0], (None,))], InvalidParameter, r"of shape \(1, 2\)"),
        (lambda u: [Linear(ones(u), [0.0], [1.0], ("a", "b"))], InvalidParameter, r"of shape \(2, 2\)"),
        (lambda u: [Linear(ones(u), [0.5], [0.3], ("sum",))], InvalidParameter, "0.5 > 0.3 in the row of 'sum'"),
        (lambda u: [Linear([["x", "y"]], [0.0], [1.0], (None,))], InvalidType, "an array of numbers"),
        (lambda u: [Hinge(-np.ones(2), np.ones(2), np.zeros(2), 1.0, "")], InvalidParameter, "not convex"),
        (lambda u: [Hinge(np.ones(2), np.ones(2), np.zeros(2), np.nan, "")], InvalidParameter, "found nan"),
        (lambda u: [Quadratic(np.eye(2), -np.ones(2), np.zeros(2), 1.0)], InvalidParameter, "not convex"),
        (lambda u: [Quadratic(np.eye(2), np.ones(3), np.zeros(2), 1.0)], InvalidParameter, r"of shape \(2,\)"),
    ],
)
def test_blocks_that_cannot_be_meant_are_refused_and_never_dropped(build, error, says):
    with pytest.raises(error, match=says):
        run_optimization(TargetWeights({"a": 1.0, "b": 1.0}), [Own(build)])


@pytest.mark.parametrize(
    "build",
    [
        lambda u: Linear(ones(u), 0.0, 0.5, (None,)),
        lambda u: [Linear([[1, 1]], [0], [0.5], [None])],
        lambda u: (Linear(ones(u), np.array([-np.inf]), np.array([0.5]), (None,)) for _ in range(1)),
    ],
)
def test_blocks_may_be_written_with_lists_and_single_numbers(build):
    weights = calculate_optimal_portfolio(TargetWeights({"a": 1.0, "b": 1.0}), [Own(build)])
    assert weights.to_dict() == pytest.approx({"a": 0.25, "b": 0.25})


@pytest.mark.parametrize(
    ("terms", "says"),
    [
        (lambda: Terms(linear=np.array([np.nan])), "finite everywhere"),
        (lambda: Terms(curvature=np.array([-1.0]), target=np.zeros(1)), "≥ 0 in curvature"),
        (lambda: Terms(costs=HingeSet(*np.zeros((2, 1, 1)), -np.ones((1, 1)), np.zeros((1, 1)))), "slopes of costs"),
        (
            lambda: Terms(costs=HingeSet(*np.zeros((3, 1, 1)), np.zeros((1, 2)))),
            r"costs.anchor must be of shape \(1, 1\)",
        ),
    ],
)
def test_terms_of_ones_own_must_be_finite_and_convex(terms, says):
    class Odd(Objective):
        def labels(self):
            return ["a"]

        def terms(self, universe, held):
            return terms()

    with pytest.raises(InvalidParameter, match=says):
        run_optimization(Odd(), [MaxGrossExposure(1.0)])


@pytest.mark.parametrize(
    ("build", "error", "says"),
    [
        (lambda: MaxGrossExposure(np.array([1.0, 2.0])), InvalidType, "max must be a number; found a ndarray"),
        (lambda: MaximizeAlpha({"a": "0.5"}), InvalidType, "found a str"),
        (lambda: MaximizeAlpha(pd.Series({"a": "0.5"})), InvalidType, "found a str"),
        (lambda: NetGroupExposure.with_equal_bounds({"a": ["x"]}, 0, 1), InvalidType, "hashable group label"),
        (lambda: FixedWeight(["a"], 0.1), InvalidType, "asset must be one hashable label"),
        (lambda: Pair("a", ["b"]), InvalidType, "short must be one hashable label"),
        (lambda: risk(0, max_momentum="x"), InvalidType, "max_momentum must be a number"),
        (lambda: risk(0, -0.1, min_basic_materials=0.0), InvalidParameter, "min_basic_materials twice"),
        (lambda: risk(0, *[0.1] * 33), InvalidParameter, "33 by position"),
        (lambda: NetExposure(np.inf, np.inf), InvalidParameter, "min must be a bound that some weight can keep"),
        (lambda: Basket(["a"], -np.inf, -np.inf), InvalidParameter, "max_net_exposure must be a bound that"),
        (lambda: PositionConcentration({"a": np.inf}, {"a": np.inf}), InvalidParameter, "found inf for 'a'"),
        (lambda: risk(0, max_momentum=-np.inf, min_momentum=-np.inf), InvalidParameter, "found -inf for 'momentum'"),
    ],
)
def test_more_arguments_that_cannot_be_meant(build, error, says):
    with pytest.raises(error, match=says):
        build()


def risk(*arguments, **limits):
    loadings = pd.DataFrame(1.0, index=["a"], columns=list(FACTORS))
    return RiskModelExposure(loadings, *arguments, **limits)


def test_the_bounds_of_the_risk_model_may_stand_in_the_published_order():
    published = [f"{side}_{factor}" for factor in FACTORS for side in ("min", "max")]
    assert list(inspect.signature(RiskModelExposure).parameters)[2:] == published
    placed = risk(0, -0.01, 0.02, None, 0.03)
    assert placed.min_exposures[:2].tolist() == [-0.01, -0.18]
    assert placed.max_exposures[:3].tolist() == [0.02, 0.03, 0.18]


@pytest.mark.parametrize(
    "word",
    [
        NetExposure(NotConstrained, 0.1),
        Basket(["a", "b"], NotConstrained, 0.1),
        NetGroupExposure.with_equal_bounds({"a": "x", "b": "x"}, NotConstrained, 0.1),
        PositionConcentration.with_equal_bounds(NotConstrained, 0.05),
        PositionConcentration({}, {}, NotConstrained, 0.05),
    ],
)
def test_single_bounds_may_be_not_constrained(word):
    below = calculate_optimal_portfolio(TargetWeights({"a": -1.0, "b": -2.0}), [word])
    assert below.to_dict() == {"a": -1.0, "b": -2.0}
    above = calculate_optimal_portfolio(TargetWeights({"a": 1.0, "b": 1.0}), [word])
    assert above.to_dict() == pytest.approx({"a": 0.05, "b": 0.05})


@pytest.mark.parametrize(
    "build",
    [
        lambda: opt.MaxGrossLeverage(1.0),
        lambda: opt.NetPartitionExposure.with_equal_bounds({"a": "x"}, 0, 1),
        lambda: opt.TargetPortfolioWeights.equal_weight(["a"]),
    ],
)
def test_warnings_of_old_names_point_at_the_users_line(build):
    with pytest.warns(DeprecationWarning, match="is now") as caught:
        build()
    assert caught[0].filename == __file__


@pytest.mark.parametrize(
    ("terms", "error"),
    [
        (None, InvalidType),
        (Terms(factors=np.ones((1, 1)), factor_scales=np.ones(1), factor_center=np.zeros(1)), InvalidParameter),
        (Terms(exits=np.array([0])), InvalidParameter),
        (Terms(linear=np.ones(1), maximize=True), InvalidParameter),
    ],
)
def test_what_a_penalty_cannot_say_is_refused_and_not_dropped(terms, error):
    class Odd(opt.Penalty):
        def terms(self, universe):
            return terms

    with pytest.raises(error, match=r"Odd: terms\(\) must be"):
        run_optimization(opt.Penalized(TargetWeights({"a": 1.0}), Odd()), [])


def test_a_constraint_does_not_change_with_the_frame_it_came_from():
    loadings = pd.DataFrame({"f": [1.0, 2.0]}, index=["a", "b"])
    word = FactorExposure(loadings, {"f": 0.0}, {"f": 0.5})
    loadings.loc["a", "f"] = 100.0
    assert calculate_optimal_portfolio(TargetWeights({"a": 1.0}), [word])["a"] == pytest.approx(0.5)


def test_nothing_is_printed_when_every_weight_is_fixed(capfd):
    words = [FixedWeight("a", 0.25), NetExposure(0.25 + 5e-9, 1.0)]
    assert run_optimization(TargetWeights({"a": 1.0}), words).success
    assert capfd.readouterr() == ("", "")
