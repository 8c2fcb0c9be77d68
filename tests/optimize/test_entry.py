"""The entry points: defaults, statuses, refusals of arguments, what is not imported."""

import pickle
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from tradewind_optimize.constraints.exposure import DollarNeutral, MaxGrossExposure, NetExposure
from tradewind_optimize.constraints.position import FixedWeight, Frozen, LongOnly, PositionConcentration
from tradewind_optimize.entry import calculate_optimal_portfolio, current_portfolio, run_optimization
from tradewind_optimize.errors import (
    InfeasibleConstraints,
    InvalidParameter,
    InvalidType,
    OptimizationError,
    OptimizationFailed,
    UnboundedObjective,
)
from tradewind_optimize.objectives import MaximizeAlpha, Objective, TargetWeights


def test_a_feasible_target_is_returned_bit_for_bit():
    target = pd.Series({"a": 0.1 + 0.2, "b": -1.0 / 3.0, "c": 0.07})
    weights = calculate_optimal_portfolio(TargetWeights(target), [MaxGrossExposure(1.0)])
    assert weights.to_dict() == target.to_dict()
    assert weights.dtype == np.float64


def test_run_and_calculate_agree():
    objective, constraints, held = TargetWeights({"a": 0.9, "b": 0.9}), [MaxGrossExposure(1.0)], {"c": 0.5}
    result = run_optimization(objective, constraints, held)
    result.raise_for_status()
    assert result.success
    assert result.status == "optimal"
    pd.testing.assert_series_equal(result.new_weights, calculate_optimal_portfolio(objective, constraints, held))
    assert result.new_weights.round(9).to_dict() == {"a": 0.5, "b": 0.5, "c": 0.0}
    assert result.old_weights.to_dict() == {"a": 0.0, "b": 0.0, "c": 0.5}
    assert result.diagnostics.objective == pytest.approx(2 * 0.4**2)


def test_current_portfolio_comes_from_the_running_algorithm():
    token = current_portfolio.set(lambda: pd.Series({"a": 0.3}))
    try:
        held = run_optimization(TargetWeights({"b": 0.1}), [Frozen("a")])
        empty = run_optimization(TargetWeights({"b": 0.1}), [Frozen("a")], {})
    finally:
        current_portfolio.reset(token)
    assert held.new_weights.to_dict() == {"b": 0.1, "a": 0.3}
    assert empty.new_weights.to_dict() == {"b": 0.1}
    assert list(run_optimization(TargetWeights({"b": 0.1}), []).old_weights.index) == ["b"]


def test_no_assets_and_one_asset():
    nothing = run_optimization(TargetWeights({}), [MaxGrossExposure(1.0), DollarNeutral(), LongOnly("a")])
    assert nothing.success
    assert len(nothing.new_weights) == 0
    assert len(run_optimization(MaximizeAlpha({}), [MaxGrossExposure(1.0)]).new_weights) == 0
    assert run_optimization(TargetWeights({}), [NetExposure(0.1, 0.2)]).status == "infeasible"
    one = calculate_optimal_portfolio(MaximizeAlpha({"a": 2.0}), [MaxGrossExposure(0.7)])
    assert one["a"] == pytest.approx(0.7, abs=1e-12)
    short = calculate_optimal_portfolio(MaximizeAlpha({"a": -2.0}), [PositionConcentration.with_equal_bounds(-0.2, 1)])
    assert short["a"] == -0.2


def test_target_weights_of_nothing_closes_everything_not_frozen():
    held = pd.Series({"a": 0.2, "b": -0.3, "c": 0.1})
    weights = calculate_optimal_portfolio(TargetWeights({}), [Frozen({"b"})], held)
    assert weights.to_dict() == {"a": 0.0, "b": -0.3, "c": 0.0}


def test_unbounded_names_the_assets_that_run_away():
    result = run_optimization(MaximizeAlpha({"a": 0.5, "b": 0.0, "c": -1.0}), [NetExposure(-5, 5), LongOnly("c")])
    assert result.status == "unbounded"
    assert result.new_weights is None
    with pytest.raises(UnboundedObjective, match="MaxGrossExposure") as caught:
        result.raise_for_status()
    moves = dict(zip(caught.value.assets, caught.value.directions, strict=True))
    assert moves["a"] == 1
    assert moves["b"] == -1
    assert "c" not in moves


def test_infeasible_and_unbounded_together_is_infeasible():
    constraints = [FixedWeight("b", 0.5), LongOnly("b"), NetExposure(1, 2), NetExposure(-2, -1)]
    assert run_optimization(MaximizeAlpha({"a": 1.0, "c": 1.0}), constraints).status == "infeasible"


@pytest.mark.parametrize("solver", ["highs", "clarabel", "osqp"])
def test_a_named_solver_is_the_one_used(solver):
    alphas = MaximizeAlpha({"a": 3.0, "b": 1.0, "c": -2.0})
    result = run_optimization(alphas, [MaxGrossExposure(1), DollarNeutral()], solver=solver)
    assert result.diagnostics.solver == solver
    assert result.new_weights.to_numpy() == pytest.approx([0.50005, 0.0, -0.49995], abs=1e-7)


def test_a_solver_that_cannot_take_the_problem_fails_with_a_sentence():
    result = run_optimization(TargetWeights({"a": 2.0}), [MaxGrossExposure(1)], solver="highs")
    assert result.status == "failed"
    with pytest.raises(OptimizationFailed, match="highs: takes other problems: linear objectives over"):
        result.raise_for_status()


def test_an_answer_that_breaks_a_constraint_never_leaves(monkeypatch):
    from dataclasses import replace

    from tradewind_optimize import polish
    from tradewind_optimize.solvers import clarabel, dual_newton, osqp

    monkeypatch.setattr(polish, "applies", lambda problem: False)

    honest = clarabel.solve

    def liar(problem):
        solution = honest(problem)
        return replace(solution, weights=solution.weights * 1.001)

    objective, constraints = TargetWeights({"a": 0.9, "b": 0.9}), [MaxGrossExposure(1.0)]
    monkeypatch.setattr(dual_newton, "solve", liar)
    rescued = run_optimization(objective, constraints)
    assert rescued.diagnostics.solver == "clarabel"
    assert "violates a constraint by 0.001" in rescued.diagnostics.attempts[0][1]
    monkeypatch.setattr(clarabel, "solve", liar)
    monkeypatch.setattr(osqp, "solve", liar)
    failed = run_optimization(objective, constraints)
    assert failed.status == "failed"
    assert failed.new_weights is None
    with pytest.raises(OptimizationFailed, match=r"clarabel: violates a constraint by 0\.001"):
        failed.raise_for_status()


def test_a_feasible_answer_that_is_not_optimal_never_leaves(monkeypatch):
    from dataclasses import replace

    from tradewind_optimize import polish
    from tradewind_optimize.solvers import clarabel

    monkeypatch.setattr(polish, "applies", lambda problem: False)

    honest = clarabel.solve
    monkeypatch.setattr(clarabel, "solve", lambda p: replace(honest(p), weights=honest(p).weights * 0.999))
    result = run_optimization(TargetWeights({"a": 0.9, "b": 0.9}), [MaxGrossExposure(1.0)], solver="clarabel")
    assert result.status == "failed"
    assert "duality gap" in str(result.error)


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ((TargetWeights, []), r"objective must be one Objective; found a type\. Pass an instance"),
        ((TargetWeights({}), MaxGrossExposure(1)), r"constraints must be a list of Constraint; found a MaxGrossExp"),
        ((TargetWeights({}), [MaxGrossExposure]), r"found a type\. Pass instances, such as MaxGrossExposure\(1\.0\)"),
        ((TargetWeights({}), None), "a list of Constraint; found a NoneType"),
        ((TargetWeights({}), [], 3.0), "current_portfolio must be a pandas Series or a dict"),
    ],
)
def test_arguments_of_the_wrong_kind(arguments, text):
    with pytest.raises(InvalidType, match=text) as caught:
        run_optimization(*arguments)
    assert isinstance(caught.value, TypeError)


def test_an_unknown_solver_is_refused_by_name():
    with pytest.raises(InvalidParameter, match=r"found 'claribel'\. Did you mean 'clarabel'"):
        run_optimization(TargetWeights({}), [], solver="claribel")


def test_a_current_portfolio_with_nan_is_refused():
    with pytest.raises(InvalidParameter, match=r"current_portfolio .* found NaN or infinity for 'a'"):
        run_optimization(TargetWeights({}), [], {"a": float("nan"), "b": 1.0})


def test_an_objective_of_the_users_own():
    from tradewind_optimize.labels import Keys, index_of
    from tradewind_optimize.objectives import Terms

    class KeepCurrent(Objective):
        def labels(self):
            return Keys(index_of(["a"]))

        def terms(self, universe, held):
            return Terms(curvature=np.full(universe.n, 2.0), target=universe.current)

    held = {"b": 0.4, "a": 0.8}
    weights = calculate_optimal_portfolio(KeepCurrent(), [MaxGrossExposure(1.0)], held)
    assert weights.to_dict() == pytest.approx({"a": 0.7, "b": 0.3})


@pytest.mark.parametrize(
    "error",
    [
        InfeasibleConstraints((), 0.25),
        UnboundedObjective(("a", "b"), (1, -1)),
        OptimizationFailed((("highs", "no"),)),
        InvalidParameter("TargetWeights", "weights", "NaN", "finite", "Drop them."),
        InvalidType("TargetWeights", "weights", 3, "a dict"),
    ],
)
def test_errors_travel_between_processes(error):
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is type(error)
    assert isinstance(again, OptimizationError)
    assert str(again) == str(error)
    assert again.__dict__ == error.__dict__


def test_importing_the_entry_point_loads_no_solver():
    script = (
        "import sys, tradewind_optimize.entry, tradewind_optimize.experimental, tradewind_optimize.deprecated;"
        "heavy = {'cvxpy', 'scipy', 'highspy', 'clarabel', 'osqp', 'numba', 'tradewind', 'tradewind_data'};"
        "sys.exit(' '.join(sorted(heavy & set(sys.modules))) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_equal_calls_give_equal_bytes_whatever_ran_between():
    rng = np.random.default_rng(3)
    names = [f"s{i}" for i in range(40)]
    alphas = pd.Series(rng.normal(size=40).round(1), index=names)
    held = pd.Series(rng.normal(size=40) / 40, index=names)
    constraints = [MaxGrossExposure(1), DollarNeutral(), PositionConcentration.with_equal_bounds(-0.06, 0.06)]

    def once(objective):
        return run_optimization(objective, constraints, held).new_weights.to_numpy().tobytes()

    first = [once(MaximizeAlpha(alphas)), once(TargetWeights(alphas))]
    run_optimization(MaximizeAlpha(-alphas), constraints)
    assert first == [once(MaximizeAlpha(alphas)), once(TargetWeights(alphas))]


def test_equal_bytes_in_processes_that_hash_differently():
    script = """
import numpy as np, pandas as pd
from tradewind_optimize.constraints.exposure import MaxGrossExposure
from tradewind_optimize.constraints.group import Basket
from tradewind_optimize.constraints.position import Frozen
from tradewind_optimize.entry import run_optimization
from tradewind_optimize.objectives import MaximizeAlpha, TargetWeights
names = {f"s{i}" for i in range(30)}
signal = pd.Series(np.sin(np.arange(30.0)).round(1), index=sorted(names))
words = [Frozen({"s3", "s7", "s9"}), Basket(names - {"s1"}, -0.1, 0.1), MaxGrossExposure(1.0)]
held = pd.Series(0.01, index=sorted(names))
for word in (TargetWeights, MaximizeAlpha):
    result = run_optimization(word(signal), words, held)
    print(result.new_weights.to_numpy().tobytes().hex(), result.diagnostics.constraints.to_string())
"""
    runs = [
        subprocess.run(
            [sys.executable, "-c", script], capture_output=True, text=True, check=True, env={"PYTHONHASHSEED": seed}
        ).stdout
        for seed in ("1", "2")
    ]
    assert runs[0] == runs[1]
    assert len(runs[0]) > 1000
