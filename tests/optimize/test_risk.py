"""Objectives and limits that know risk, costs of trading, expressions in cvxpy: against cvxpy + Clarabel."""

import logging
import pickle
from dataclasses import dataclass
from types import SimpleNamespace

import cvxpy as cp
import numpy as np
import pandas as pd
import pytest
from tests.optimize.oracle import chosen, distance
from tests.optimize.test_random import draw, violation

from tradewind_optimize import refine
from tradewind_optimize.compile import compile_problem
from tradewind_optimize.constraints.base import Constraint
from tradewind_optimize.constraints.exposure import DollarNeutral, MaxGrossExposure, NetExposure
from tradewind_optimize.constraints.position import Frozen, LongOnly, PositionConcentration
from tradewind_optimize.constraints.risk import TrackingError
from tradewind_optimize.constraints.turnover import MaxTurnover
from tradewind_optimize.costs import Penalized, Penalty, TransactionCost, TurnoverPenalty
from tradewind_optimize.entry import calculate_optimal_portfolio, run_optimization
from tradewind_optimize.errors import InfeasibleConstraints, InvalidParameter, InvalidType
from tradewind_optimize.labels import column
from tradewind_optimize.meanvariance.model import Model
from tradewind_optimize.objectives import MaximizeAlpha, TargetWeights, Terms
from tradewind_optimize.problem import Convex, Linear
from tradewind_optimize.solvers import clarabel
from tradewind_optimize.utility import MaximizeUtility, MinimizeRisk


@dataclass
class Factors:
    labels: list
    Q: np.ndarray
    F: np.ndarray
    D: np.ndarray


def market(seed, n, form):
    """(model, Σ, labels, alphas, held) of n assets; daily variances, so everything is small."""
    rng = np.random.default_rng(seed)
    names = [f"s{i}" for i in range(n)]
    k = 3
    loadings, half = rng.normal(size=(n, k)), rng.normal(size=(k, k)) * 0.01
    factor_covariance, specific = half @ half.T, rng.uniform(0.5, 2.0, n) * 1e-4
    covariance = loadings @ factor_covariance @ loadings.T + np.diag(specific)
    alphas = pd.Series(rng.normal(size=n) * 1e-3, index=names)
    held = pd.Series(rng.normal(size=n) / n, index=names)
    if form == "factor":
        return Factors(names, specific, loadings, factor_covariance), covariance, names, alphas, held
    if form == "diagonal":
        return SimpleNamespace(labels=names, Q=specific), np.diag(specific), names, alphas, held
    if form == "singular":
        sample = rng.normal(size=(max(n // 2, 1), n)) * 0.01
        covariance = sample.T @ sample / len(sample)
    return pd.DataFrame(covariance, names, names).iloc[:, ::-1], covariance, names, alphas, held


FORMS = ["factor", "diagonal", "dense", "singular"]


def solved(goal, rows):
    problem = cp.Problem(goal, rows)
    scale = {"tol_gap_abs": 1e-13, "tol_gap_rel": 1e-11, "tol_feas": 1e-11}
    problem.solve(solver=cp.CLARABEL, **scale)
    assert problem.status.startswith("optimal")
    return problem.value


def risk(w, covariance):
    values, vectors = np.linalg.eigh(covariance)
    return cp.sum_squares((vectors * np.sqrt(np.maximum(values, 0))).T @ w)


@pytest.mark.filterwarnings("ignore:Solution may be inaccurate")
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(("seed", "n"), [(0, 3), (1, 12), (2, 40), (3, 120)])
class TestAgainstCvxpy:
    def test_minimum_variance(self, form, seed, n):
        model, covariance, _, _, _ = market(seed, n, form)
        result = run_optimization(
            MinimizeRisk(model), [NetExposure(1, 1), PositionConcentration.with_equal_bounds(0, max(0.2, 2 / n))]
        )
        w = cp.Variable(n)
        best = solved(cp.Minimize(1e4 * risk(w, covariance)), [cp.sum(w) == 1, w >= 0, w <= max(0.2, 2 / n)]) / 1e4
        weights = result.new_weights.to_numpy()
        found = weights @ covariance @ weights
        assert found <= best + 1e-7 * max(best, 1e-3 * covariance.max())
        assert abs(weights.sum() - 1) <= 1e-8
        assert result.diagnostics.objective == pytest.approx(found, rel=1e-9)
        assert result.diagnostics.certificate.passed

    def test_utility_with_costs_and_turnover(self, form, seed, n):
        model, covariance, names, alphas, held = market(seed, n, form)
        rates = pd.Series(np.linspace(0, 5e-4, n), index=names)
        objective = Penalized(MaximizeUtility(alphas, model, 5.0), TransactionCost(rates), TurnoverPenalty(1e-3))
        words = [MaxGrossExposure(1.0), DollarNeutral(), MaxTurnover(1.2)]
        result = run_optimization(objective, words, held)
        w, now = cp.Variable(n), held.to_numpy()
        value = alphas.to_numpy() @ w - 2.5 * risk(w, covariance)
        value -= rates.to_numpy() @ cp.abs(w - now) + 1e-3 * cp.sum_squares(w - now)
        rows = [cp.norm1(w) <= 1, cp.abs(cp.sum(w)) <= 1e-4, cp.norm1(w - now) <= 1.2]
        best = solved(cp.Maximize(1e3 * value), rows) / 1e3
        weights = result.new_weights.to_numpy()
        move = weights - now
        found = alphas @ weights - 2.5 * weights @ covariance @ weights
        found -= rates @ np.abs(move) + 1e-3 * float(move @ move)
        assert found >= best - 1e-7 * max(abs(best), 1e-3 * float(alphas.abs().max()))
        assert result.diagnostics.objective == pytest.approx(found, rel=1e-8, abs=1e-12)
        assert np.abs(weights).sum() <= 1 + 1e-8

    def test_tracking_error(self, form, seed, n):
        model, covariance, names, alphas, held = market(seed, n, form)
        benchmark = pd.Series(1.0 / n, index=names)
        limit = 0.3 * float(np.sqrt(benchmark @ covariance @ benchmark)) + 1e-4
        words = [TrackingError(model, benchmark, limit), LongOnly(names), NetExposure(1, 1)]
        result = run_optimization(MaximizeAlpha(alphas), words, held)
        w = cp.Variable(n)
        root = np.linalg.cholesky(covariance + 1e-18 * np.eye(n)) if form != "singular" else _root(covariance)
        rows = [cp.norm(root.T @ (w - benchmark.to_numpy())) <= limit, w >= 0, cp.sum(w) == 1]
        best = solved(cp.Maximize(1e3 * (alphas.to_numpy() @ w)), rows) / 1e3
        weights = result.new_weights.to_numpy()
        away = weights - benchmark.to_numpy()
        assert np.sqrt(away @ covariance @ away) <= limit + 1e-7
        assert alphas @ weights >= best - 1e-6 * max(abs(best), 1e-3)
        table = result.diagnostics.constraints.set_index("constraint")
        assert table.loc[repr(words[0]), "value"] == pytest.approx(np.sqrt(away @ covariance @ away), abs=1e-12)


def _root(covariance):
    values, vectors = np.linalg.eigh(covariance)
    return vectors * np.sqrt(np.maximum(values, 0))


def test_utility_without_constraints_is_the_closed_form():
    model, covariance, _, alphas, _ = market(7, 10, "factor")
    weights = calculate_optimal_portfolio(MaximizeUtility(alphas, model, 4.0), [])
    assert weights.to_numpy() == pytest.approx(np.linalg.solve(covariance, alphas) / 4.0, rel=1e-6)


def test_no_risk_aversion_is_maximize_alpha():
    model, _, _, alphas, held = market(7, 10, "factor")
    limits = [MaxGrossExposure(1.0), PositionConcentration.with_equal_bounds(-0.2, 0.2)]
    found = calculate_optimal_portfolio(MaximizeUtility(alphas, model, 0.0), limits, held)
    pd.testing.assert_series_equal(found, calculate_optimal_portfolio(MaximizeAlpha(alphas), limits, held))


def test_factors_are_never_made_dense():
    model, _, names, _, _ = market(0, 30, "factor")
    problem = compile_problem(MinimizeRisk(model), [], column({}, "t", "held", "")).problem
    assert problem.factors.shape == (30, 3)
    assert problem.kind == "factor"
    assert (problem.curvature == 2 * model.Q).all()
    assert names == model.labels


def test_a_diagonal_model_is_separable():
    model, _, _, _, _ = market(0, 30, "diagonal")
    problem = compile_problem(MinimizeRisk(model), [NetExposure(1, 1)], column({}, "t", "held", "")).problem
    assert problem.kind == "separable"
    weights = calculate_optimal_portfolio(MinimizeRisk(model), [NetExposure(1, 1)])
    assert weights.to_numpy() == pytest.approx(1 / model.Q / (1 / model.Q).sum(), rel=1e-8)


def test_without_a_position_to_take_the_least_risk_is_none():
    model, _, _, _, held = market(0, 5, "dense")
    assert calculate_optimal_portfolio(MinimizeRisk(model), [], held).abs().max() <= 1e-9


class TestCoverage:
    def test_held_assets_outside_the_model_leave(self):
        model, _, names, alphas, _ = market(0, 5, "dense")
        held = {"stranger": 0.3, names[0]: 0.1}
        for objective in (MinimizeRisk(model), MaximizeUtility(alphas, model)):
            found = calculate_optimal_portfolio(objective, [NetExposure(1, 1)], held)
            assert found["stranger"] == 0.0
            assert found.sum() == pytest.approx(1.0)

    def test_those_that_cannot_leave_count_as_riskless(self, caplog):
        model, covariance, names, _, _ = market(0, 5, "dense")
        with caplog.at_level(logging.WARNING):
            words = [Frozen("stranger"), NetExposure(1, 1), TrackingError(model, {}, 1.0)]
            found = calculate_optimal_portfolio(MinimizeRisk(model), words, {"stranger": 0.3})
        assert found["stranger"] == 0.3
        inverse = np.linalg.solve(covariance, np.ones(5))
        assert found[names].to_numpy() == pytest.approx(0.7 * inverse / inverse.sum(), rel=1e-4)
        assert "TrackingError: 1 of 6 assets have no row in the model; each counts as riskless." in caplog.text

    def test_benchmark_assets_become_variables(self):
        model, _, names, _, _ = market(0, 5, "dense")
        words = [TrackingError(model, dict.fromkeys(names, 0.2), 1e-4)]
        found = calculate_optimal_portfolio(TargetWeights({names[0]: 0.0}, near_zero=0), words)
        assert set(found.index) == set(names)
        assert found.min() > 0.1

    def test_models_of_more_assets_than_the_alphas(self):
        model, covariance, names, alphas, _ = market(0, 12, "dense")
        few = alphas[names[3:6]]
        found = calculate_optimal_portfolio(MaximizeUtility(few, model, 2.0), [])
        assert list(found.index) == names[3:6]
        assert found.to_numpy() == pytest.approx(np.linalg.solve(covariance[3:6, 3:6], few) / 2, rel=1e-6)

    def test_the_model_of_the_mean_variance_toolbox(self):
        data = {"r": [0.1, 0.2], "Q": [1.0, 3.0], "F": [[0.5], [0.1]], "D": [[2.0]]}
        found = calculate_optimal_portfolio(MinimizeRisk(Model(data), labels=["a", "b"]), [NetExposure(1, 1)])
        covariance = np.diag([1.0, 3.0]) + 2.0 * np.outer([0.5, 0.1], [0.5, 0.1])
        inverse = np.linalg.solve(covariance, np.ones(2))
        assert found.to_numpy() == pytest.approx(inverse / inverse.sum(), abs=1e-12)

    def test_labels_may_be_said_apart(self):
        bare = SimpleNamespace(Q=np.array([1.0, 3.0]), F=None, D=None)
        found = calculate_optimal_portfolio(MinimizeRisk(bare, labels=["a", "b"]), [NetExposure(1, 1)])
        assert found.to_dict() == pytest.approx({"a": 0.75, "b": 0.25})


FRAME = pd.DataFrame([[1.0, 0.5], [0.5, 1.0]], index=["a", "b"], columns=["a", "b"])


@pytest.mark.parametrize(
    ("build", "text"),
    [
        (lambda: MinimizeRisk(3.0), r"model must be a covariance; found a float\. Pass a DataFrame"),
        (lambda: MinimizeRisk(FRAME.iloc[:1]), "model must be square; found different index and columns"),
        (lambda: MinimizeRisk(FRAME * np.nan), "model must be finite everywhere; found NaN"),
        (lambda: MinimizeRisk(FRAME + np.triu(FRAME, 1) * 0.2), r"symmetric; found 0\.6 and 0\.5 for 'a' and 'b'"),
        (lambda: MinimizeRisk(4 * FRAME - 3 * np.eye(2)), r"positive semidefinite; found smallest eigenvalue -1"),
        (lambda: MinimizeRisk(SimpleNamespace(Q=[1.0, 2.0])), r"labelled; found no labels\. Say labels="),
        (lambda: MinimizeRisk(SimpleNamespace(Q=[1.0, -2.0]), ["a", "b"]), "found -2 for 'b'"),
        (
            lambda: MinimizeRisk(SimpleNamespace(Q=[1.0]), ["a", "b"]),
            r"of shape \(2,\) or \(2, 2\); found shape \(1,\)",
        ),
        (lambda: MinimizeRisk(SimpleNamespace(Q=[1.0, 2.0]), ["a", "a"]), "duplicates of 'a'"),
        (lambda: MinimizeRisk(SimpleNamespace(Q=[1.0], F=[[1.0]]), ["a"]), "complete: both, or neither"),
        (lambda: MinimizeRisk(SimpleNamespace(Q=[1.0], F=[1.0], D=[1.0]), ["a"]), r"model\.F must be of shape"),
        (lambda: MinimizeRisk(SimpleNamespace(Q=[1.0], F=[[1.0]], D=[1.0, 2.0]), ["a"]), r"model\.D must be of shape"),
        (lambda: MinimizeRisk(SimpleNamespace(Q=[1.0], F=[[1.0]], D=[-1.0]), ["a"]), "eigenvalue -1"),
        (lambda: MaximizeUtility({"z": 1.0}, FRAME), r"alphas must be covered by the model; found \['z'\]"),
        (lambda: MaximizeUtility({"a": 1.0}, FRAME, -1), "risk_aversion must be a finite number ≥ 0"),
        (lambda: TrackingError(FRAME, {"z": 1.0}, 0.1), "benchmark_weights must be covered by the model"),
        (lambda: TrackingError(FRAME, {"a": 1.0}, 0), r"max must be greater than 0; found 0\.0\. To hold"),
        (lambda: TransactionCost(-1), "rates must be a finite number ≥ 0"),
        (lambda: TransactionCost({"a": -1}), "rates must be ≥ 0 for every asset; found -1 for 'a'"),
        (lambda: TurnoverPenalty("x"), "strengths must be a number or a map from asset to number; found a str"),
        (lambda: Penalized(TransactionCost(1)), "objective must be one Objective; found a TransactionCost"),
        (lambda: Penalized(TargetWeights({}), 0.1), "penalties must be penalties, such as"),
    ],
)
def test_refusals(build, text):
    with pytest.raises((InvalidParameter, InvalidType), match=text):
        build()


class TestPenalties:
    def test_a_cost_keeps_small_changes_from_being_made(self):
        # the slope of (w − t)² is 2·distance: within κ/2 of the target nothing moves, else it stops κ/2 short
        objective = Penalized(TargetWeights({"a": 0.5, "b": 0.104}), TransactionCost(0.01))
        found = calculate_optimal_portfolio(objective, [], {"a": 0.1, "b": 0.1})
        assert found.to_dict() == pytest.approx({"a": 0.495, "b": 0.1}, abs=1e-9)

    def test_rates_by_asset_with_a_default(self):
        objective = Penalized(TargetWeights({"a": 0.5, "b": 0.5}), TransactionCost({"a": 0.2}, default_rate=0.4))
        assert calculate_optimal_portfolio(objective, []).to_dict() == pytest.approx({"a": 0.4, "b": 0.3}, abs=1e-9)

    def test_a_quadratic_penalty_is_a_compromise(self):
        objective = Penalized(TargetWeights({"a": 0.5}), TurnoverPenalty({"a": 3.0}))
        result = run_optimization(objective, [], {"a": 0.1})
        assert result.new_weights["a"] == pytest.approx(0.2)
        assert result.diagnostics.objective == pytest.approx(0.3**2 + 3 * 0.1**2)

    def test_a_gain_loses_its_costs(self):
        objective = Penalized(MaximizeAlpha({"a": 0.02, "b": 0.01}), TransactionCost(0.005), TurnoverPenalty(0.01))
        result = run_optimization(objective, [MaxGrossExposure(2.0)])
        assert result.new_weights.to_dict() == pytest.approx({"a": 0.75, "b": 0.25}, abs=1e-8)
        assert result.diagnostics.objective == pytest.approx(0.02 * 0.75 + 0.01 * 0.25 - 0.005 - 0.01 * (0.625))

    def test_costs_alone_on_a_linear_objective(self):
        objective = Penalized(MaximizeAlpha({"a": 0.02, "b": -0.001}), TransactionCost(0.005))
        words = [PositionConcentration.with_equal_bounds(-0.3, 0.3)]
        found = calculate_optimal_portfolio(objective, words, {"b": 0.1})
        assert found.to_dict() == pytest.approx({"a": 0.3, "b": 0.1}, abs=1e-12)

    def test_repr_and_target(self):
        objective = Penalized(TargetWeights({"a": 1.0}), TransactionCost(0.1))
        assert repr(objective) == "Penalized(TargetWeights(), TransactionCost(0.1))"
        error = run_optimization(objective, [NetExposure(2, 3), MaxGrossExposure(1)]).error
        assert "target" in {violation.portfolio for violation in error.violations}

    def test_a_penalty_of_the_users_own(self):
        class TowardsZero(Penalty):
            def terms(self, universe):
                return Terms(curvature=np.full(universe.n, 2.0), target=np.zeros(universe.n))

        found = calculate_optimal_portfolio(Penalized(TargetWeights({"a": 1.0}), TowardsZero()), [])
        assert found["a"] == pytest.approx(0.5)


class TestGeneralPath:
    class RoundRisk(Constraint):
        """‖w‖₂ ≤ most."""

        def __init__(self, most):
            self.most = most

        def rows(self, universe):
            yield Convex(lambda w: cp.norm(w, 2) <= self.most)

    def test_a_norm_in_cvxpy(self):
        target = {"a": 0.6, "b": 0.8}
        result = run_optimization(TargetWeights(target), [self.RoundRisk(0.5)])
        assert result.new_weights.to_dict() == pytest.approx({"a": 0.3, "b": 0.4}, abs=1e-7)
        assert result.diagnostics.solver == "cvxpy"
        assert result.diagnostics.certificate.passed
        assert result.diagnostics.certificate.solver == "cvxpy"
        table = result.diagnostics.constraints
        assert table["binding"].all()
        assert "RoundRisk()" in table["constraint"].tolist()

    @pytest.mark.filterwarnings("ignore:Solution may be inaccurate")
    def test_it_stands_beside_every_other_word(self):
        rng = np.random.default_rng(4)
        names = [f"s{i}" for i in range(20)]
        model, covariance, _, alphas, held = market(4, 20, "factor")
        words = [self.RoundRisk(0.25), MaxGrossExposure(0.9), DollarNeutral(), MaxTurnover(1.0),
                 PositionConcentration.with_equal_bounds(-0.1, 0.1), TrackingError(model, {}, 0.01)]  # fmt: skip
        result = run_optimization(Penalized(MaximizeAlpha(alphas), TransactionCost(1e-4)), words, held)
        w, now = cp.Variable(20), held.to_numpy()
        value = alphas.to_numpy() @ w - 1e-4 * cp.norm1(w - now)
        rows = [cp.norm(w) <= 0.25, cp.norm1(w) <= 0.9, cp.abs(cp.sum(w)) <= 1e-4, cp.norm1(w - now) <= 1,
                cp.abs(w) <= 0.1, cp.norm(np.linalg.cholesky(covariance).T @ w) <= 0.01]  # fmt: skip
        best = solved(cp.Maximize(1e3 * value), rows) / 1e3
        weights = result.new_weights.to_numpy()
        assert alphas @ weights - 1e-4 * np.abs(weights - now).sum() >= best - 1e-7 * max(abs(best), 1e-3)
        assert np.linalg.norm(weights) <= 0.25 + 1e-7
        assert len(names) == 20
        assert rng is not None

    def test_several_at_once_and_unbounded(self):
        class Two(Constraint):
            def rows(self, universe):
                yield Convex(lambda w: [w[0] <= 0.5, cp.square(w[0]) <= 1.0])

        result = run_optimization(MaximizeAlpha({"a": 1.0, "b": 1.0}), [Two()])
        assert result.status == "unbounded"
        assert result.error.assets == ("b",)

    def test_infeasible_is_explained(self):
        words = [self.RoundRisk(0.1), LongOnly("a"), NetExposure(1, 2), MaxGrossExposure(5)]
        result = run_optimization(TargetWeights({"a": 1.0, "b": 0.0}), words)
        with pytest.raises(InfeasibleConstraints) as caught:
            result.raise_for_status()
        assert [word for word, _ in caught.value.conflict] == [words[0], words[2]]
        assert sum(each.amount for each in caught.value.relaxation) == pytest.approx(0.5**0.5 - 0.1, rel=1e-5)
        assert "RoundRisk()" in str(caught.value)

    def test_what_is_not_convex_is_refused(self):
        class Hole(Constraint):
            def rows(self, universe):
                yield Convex(lambda w: cp.norm(w) >= 0.1, label="hole")

        with pytest.raises(InvalidParameter, match=r"Convex \(hole\): constraint must be convex"):
            run_optimization(TargetWeights({"a": 1.0}), [Hole()])

    def test_any_problem_by_name(self):
        target = {"a": 0.9, "b": -0.5, "c": 0.1}
        result = run_optimization(TargetWeights(target), [MaxGrossExposure(1.0), LongOnly("a")], solver="cvxpy")
        assert result.diagnostics.solver == "cvxpy"
        assert result.new_weights.to_dict() == pytest.approx({"a": 0.7, "b": -0.3, "c": 0.0}, abs=1e-7)

    def test_linear_rows_of_the_users_own_stay_on_the_fast_path(self):
        class Sum(Constraint):
            def rows(self, universe):
                yield Linear(np.ones((1, universe.n)), np.array([0.2]), np.array([0.3]), ("sum",))

        result = run_optimization(TargetWeights({"a": 0.5, "b": 0.1}), [Sum()])
        assert result.diagnostics.solver != "cvxpy"
        assert result.new_weights.sum() == pytest.approx(0.3)


@pytest.mark.parametrize("seed", range(6))
def test_conflicts_with_risk_limits_are_infeasible_and_minimal(seed):
    model, covariance, names, alphas, held = market(seed, 8, "factor")
    calm = 0.5 / float(np.sqrt(np.ones(8) @ np.linalg.solve(covariance, np.ones(8))))
    words = [
        MaxGrossExposure(3.0),
        TrackingError(model, {}, calm),
        LongOnly(names[:4]),
        NetExposure(1.0, 1.5),
        PositionConcentration.with_equal_bounds(-0.6, 0.6),
    ]
    error = run_optimization(MaximizeAlpha(alphas), words, held).error
    assert isinstance(error, InfeasibleConstraints)
    compilation = compile_problem(MaximizeAlpha(alphas), words, column(held, "t", "held", ""))
    members = chosen(compilation, error.conflict)
    assert {words[1], words[3]} <= {word for word, _ in error.conflict}
    assert distance(members, 8)[0] > 1e-6
    for word in {element[0] for element in members}:
        assert distance([element for element in members if element[0] != word], 8)[0] <= 1e-6


@pytest.mark.filterwarnings("ignore:Solution may be inaccurate")
@pytest.mark.parametrize("seed", range(60))
def test_utility_under_random_constraints(seed):
    names, held, signal, drawn = draw(7000 + seed)
    n, rng = len(names), np.random.default_rng(seed)
    form = FORMS[seed % 4]
    model, covariance, _, _, _ = market(seed, n, form)
    aversion, rate, strength = rng.uniform(0.5, 20), rng.choice([0.0, 2e-4]), rng.choice([0.0, 1e-3])
    alphas, now = signal * 1e-2, held.to_numpy()
    objective = Penalized(MaximizeUtility(alphas, model, aversion), TransactionCost(rate), TurnoverPenalty(strength))
    result = run_optimization(objective, [word for word, _ in drawn], held)
    w = cp.Variable(n)
    rows = [row for _, oracle in drawn for row in oracle(w)]
    value = alphas.to_numpy() @ w - 0.5 * aversion * risk(w, covariance)
    value -= rate * cp.norm1(w - now) + strength * cp.sum_squares(w - now)
    problem = cp.Problem(cp.Maximize(1e3 * value), rows)
    problem.solve(solver=cp.CLARABEL, tol_gap_abs=1e-12, tol_gap_rel=1e-11, tol_feas=1e-11)
    assert result.status == problem.status.removesuffix("_inaccurate"), result.error
    if result.success:
        weights = result.new_weights.to_numpy()
        assert violation([oracle for _, oracle in drawn], weights) <= 1e-8
        w.value = weights
        best = problem.value / 1e3
        assert value.value >= best - 1e-7 * max(abs(best), 1e-3 * float(np.abs(alphas).max()))
        assert result.diagnostics.objective == pytest.approx(float(value.value), rel=1e-7, abs=1e-13)
        assert result.diagnostics.certificate.gap <= 1e-9


@pytest.mark.parametrize("form", FORMS)
def test_answers_of_interior_points_are_refined_to_rounding(form, monkeypatch):
    model, covariance, _, alphas, held = market(5, 60, form)
    limit = 0.5 * float(np.sqrt(covariance.max()))
    words = [TrackingError(model, {}, limit), MaxGrossExposure(2.0), DollarNeutral(), MaxTurnover(2.5)]
    objective = Penalized(MaximizeAlpha(alphas), TransactionCost(1e-5))
    result = run_optimization(objective, words, held)
    weights = result.new_weights.to_numpy()
    assert result.diagnostics.certificate.gap <= 1e-13
    assert result.diagnostics.certificate.residual <= 1e-13
    if abs(np.sqrt(weights @ covariance @ weights) - limit) < 1e-6:
        assert np.sqrt(weights @ covariance @ weights) == pytest.approx(limit, abs=1e-14)
    monkeypatch.setattr(refine, "applies", lambda problem: False)
    plain = run_optimization(objective, words, held)
    assert not plain.success or plain.diagnostics.certificate.gap > result.diagnostics.certificate.gap


def test_the_general_path_is_stated(capsys):
    run_optimization(TargetWeights({"a": 0.6}), [TestGeneralPath.RoundRisk(0.5)]).print_diagnostics()
    assert "solver:     cvxpy (" in (printed := capsys.readouterr().out)
    assert "; the general path)" in printed


def test_errors_of_real_problems_travel():
    _, _, names, alphas, held = market(0, 8, "factor")
    words = [LongOnly(names), NetExposure(-2, -1), TestGeneralPath.RoundRisk(5.0), MaxGrossExposure(5.0)]
    error = run_optimization(MaximizeAlpha(alphas), words, held).error
    again = pickle.loads(pickle.dumps(error))
    assert str(again) == str(error)
    assert [repr(word) for word, _ in again.conflict] == [repr(words[0]), repr(words[1])]
    linear = run_optimization(MaximizeAlpha(alphas), words[:2], held).error
    assert str(pickle.loads(pickle.dumps(linear))) == str(linear)


@pytest.mark.filterwarnings("ignore:Solution may be inaccurate")
@pytest.mark.parametrize("seed", [pytest.param(i, marks=pytest.mark.slow) if i >= 20 else i for i in range(160)])
def test_dense_covariances_stay_with_our_kernel(seed):
    names, held, target, drawn = draw(3000 + seed)
    n = len(names)
    _, covariance, _, _, _ = market(seed, n, ("dense", "singular")[seed % 2])
    words, oracles = [word for word, _ in drawn], [oracle for _, oracle in drawn]
    alphas = target * 1e-3
    objective = MaximizeUtility(alphas, pd.DataFrame(covariance, names, names), 4.0)
    if seed % 3 == 0:
        objective = Penalized(objective, TransactionCost(2e-4))
    size = MaxGrossExposure(2.0)
    result = run_optimization(objective, [*words, size], held, solver="dense_newton")
    other = run_optimization(objective, [*words, size], held, solver="clarabel")
    assert result.status == other.status or other.status == "failed", result.diagnostics.attempts
    if result.success and other.success:
        assert result.diagnostics.solver == "dense_newton"
        assert violation([*oracles, lambda w: [cp.norm1(w) <= 2]], result.new_weights.to_numpy()) <= 1e-9
        scale = 1e-3 * float(alphas.abs().max())
        assert result.diagnostics.objective >= other.diagnostics.objective - 1e-7 * max(
            abs(other.diagnostics.objective), scale
        )


def test_a_covariance_of_fewer_days_than_assets_needs_no_interior_point(monkeypatch):
    model, _, _, alphas, held = market(5, 90, "singular")
    monkeypatch.setattr(clarabel, "solve", lambda problem: pytest.fail("an interior point method was asked"))
    for objective in (MinimizeRisk(model), MaximizeUtility(alphas, model, 5.0)):
        words = [NetExposure(0.9, 1), MaxGrossExposure(1.5), PositionConcentration.with_equal_bounds(-0.1, 0.2)]
        result = run_optimization(objective, words, held)
        assert result.diagnostics.solver == "dense_newton"
        assert result.diagnostics.certificate.residual <= 1e-12
    assert run_optimization(MinimizeRisk(model), [NetExposure(1, 1), MaxGrossExposure(0.5)]).status == "infeasible"
