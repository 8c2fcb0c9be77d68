"""One portfolio and the frontier: the published figures, both ends, errors by name."""

import json

import numpy as np
import pytest

from tradewind_optimize.meanvariance import path
from tradewind_optimize.meanvariance.errors import BadQuery, NotFeasible, PyOptimumException
from tradewind_optimize.meanvariance.frontier import efficient_frontier, optimal_portfolio

QUICK = {"Q": [[0.01, 0.001], [0.001, 0.02]], "r": [0.1, 0.3]}


def factor_query(n=40, k=3, seed=0, **more):
    rng = np.random.default_rng(seed)
    return {
        "r": rng.normal(5e-4, 3e-4, n),
        "Q": rng.uniform(1e-4, 4e-4, n),
        "F": rng.normal(0.01, 0.004, (n, k)),
        "D": np.eye(k),
        "options": {"short": False, **more},
    }


def test_the_published_first_example():
    answer = optimal_portfolio({**QUICK, "mu": 0.3})
    np.testing.assert_allclose(answer.x, [0, 1], atol=1e-9)
    assert answer.obj == pytest.approx(0.02, rel=1e-9)
    assert answer.to_dict().keys() == {"status", "x", "obj"}
    json.dumps(answer.to_dict(), allow_nan=False)


def test_perfect_correlation_is_solved():
    answer = optimal_portfolio(
        {"Q": [[0.0036, 0.0018], [0.0018, 0.0009]], "cashflow": 1, "mu": 0.11, "r": [0.14, 0.08]}
    )
    np.testing.assert_allclose(answer.x, [0.5, 0.5], atol=1e-9)
    assert np.sqrt(answer.obj) == pytest.approx(0.045, abs=1e-9)


def test_wrong_sizes_are_told_in_the_published_words():
    with pytest.raises(PyOptimumException) as caught:
        optimal_portfolio({**QUICK, "r": [0.1, 0.3, 0.4]})
    assert str(caught.value) == "'Q' must be an array of size 3 x 3\nDimensions: Q[2, 2]!=[3, 3], r[3]==[3]"


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"r": None}, "r"),
        ({"r": []}, "r"),
        ({"r": ["a", "b"]}, "r"),
        ({"r": [0.1, float("nan")]}, "r"),
        ({"Q": [[1, 2], [2, 1]]}, "Q"),
        ({"Q": [[1, 2], [0, 1]]}, "Q"),
        ({"Q": [1, -1]}, "Q"),
        ({"Q": [[1, 2], [3]]}, "Q"),
        ({"F": [[1], [1]]}, "F"),
        ({"D": [[1]]}, "F"),
        ({"F": [[1], [1]], "D": [[1, 2]]}, "D"),
        ({"x0": [1]}, "x0"),
        ({"x0": [0.5, 0.5], "cashflow": -1}, "cashflow"),
        ({"cashflow": "1"}, "cashflow"),
        ({"xlo": [float("nan"), 0]}, "xlo"),
        ({"xlo": [float("inf"), 0]}, "xlo"),
        ({"rho": -1}, "rho"),
        ({"options": {"short": 1}}, "options.short"),
        ({"options": {"number_of_points": 0}}, "options.number_of_points"),
        ({"options": {"basis": "half"}}, "options.basis"),
        ({"options": []}, "options"),
        ({"sets": [{"label": "g", "indices": [2]}]}, "sets[0].indices"),
        ({"constraints": [{"function": "volume", "bounds": 1}]}, "constraints[0].function"),
        ({"constraints": [{"set": "g", "bounds": 1}]}, "constraints[0].set"),
        ({"constraints": [{"function": "sales", "bounds": [0.1, 1]}]}, "constraints[0].bounds"),
        ({"constraints": [{"bounds": [1, 0]}]}, "constraints[0].bounds"),
        ({"labels": ["a", "a"]}, "labels"),
    ],
)
def test_what_cannot_be_meant_names_its_field(change, field):
    with pytest.raises(BadQuery) as caught:
        optimal_portfolio({**QUICK, **change})
    assert caught.value.field == field
    assert field.split(".")[-1].split("[")[0] in str(caught.value)


def test_refusals_name_the_part_that_cannot_hold():
    base = {**QUICK, "x0": [0.5, 0.5], "options": {"short": False}}
    with pytest.raises(NotFeasible, match="'cashflow' constraint is not feasible"):
        optimal_portfolio({**base, "cashflow": -1.5})
    sales = [{"label": "sales", "function": "sales", "bounds": 0}]
    with pytest.raises(NotFeasible, match="'sales' constraint is not feasible"):
        efficient_frontier({**base, "cashflow": -0.1, "constraints": sales})
    group = {"sets": [{"label": "g", "indices": [0]}], "constraints": [{"set": "g", "bounds": [2, 3]}]}
    with pytest.raises(NotFeasible, match="'g' constraint is not feasible"):
        optimal_portfolio({**base, **group})


def test_what_is_only_jointly_impossible_is_an_answer():
    two = [{"set": [0], "bounds": [0.8, 1]}, {"set": [1], "bounds": [0.8, 1]}]
    data = {**QUICK, "constraints": two, "options": {"short": False}}
    assert optimal_portfolio(data).to_dict() == {"status": "infeasible", "x": None, "obj": None}
    assert efficient_frontier(data) == []
    assert optimal_portfolio({**QUICK, "mu": 0.5, "options": {"short": False}}).status == "infeasible"


def test_frontier_ends_are_exact_and_points_equally_spaced():
    data = factor_query(number_of_points=11)
    points = efficient_frontier(data)
    mus = np.array([point.mu for point in points])
    np.testing.assert_allclose(np.diff(mus), np.diff(mus)[0], rtol=1e-9)
    least = optimal_portfolio(data)
    np.testing.assert_array_equal(points[0].answer.x, least.x)
    assert mus[0] == data["r"] @ least.x
    best = int(np.argmax(data["r"]))
    assert points[-1].answer.x[best] == pytest.approx(1, abs=1e-12)
    assert mus[-1] == data["r"].max()


def test_the_right_end_is_the_least_variance_among_equals():
    data = {"r": [0.1, 0.2, 0.2], "Q": [0.01, 0.04, 0.01], "options": {"short": False, "number_of_points": 4}}
    np.testing.assert_allclose(efficient_frontier(data)[-1].answer.x, [0, 0.2, 0.8], atol=1e-9)


@pytest.mark.parametrize("points", [1, 2, 20])
def test_always_as_many_points_as_asked_for(points):
    assert len(efficient_frontier(factor_query(number_of_points=points))) == points
    same = {"r": [0.1, 0.1], "Q": [1, 1], "options": {"number_of_points": points}}
    assert [point.mu for point in efficient_frontier(same)] == pytest.approx([0.1] * points)


def test_crossing_ends_are_refused_in_the_published_words():
    with pytest.raises(PyOptimumException, match="is larger than mu_max"):
        efficient_frontier({**QUICK, "options": {"mu_max": -1}})


def test_a_users_range_is_kept_and_what_is_out_of_reach_is_infeasible():
    points = efficient_frontier(
        {**QUICK, "options": {"short": False, "mu_min": 0.12, "mu_max": 0.4, "number_of_points": 8}}
    )
    assert [points[0].mu, points[-1].mu] == [0.12, 0.4]
    assert points[0].answer.status == "optimal"
    assert points[-1].to_dict()["sol"] == {"status": "infeasible", "x": None, "obj": None}


def test_budget_and_return_are_scaled_by_the_sum():
    data = {**QUICK, "x0": [0.5, 0.5], "cashflow": 1.0, "mu": 0.2}
    answer = optimal_portfolio(data)
    assert answer.x.sum() == pytest.approx(2)
    assert np.array(QUICK["r"]) @ answer.x / 2 == pytest.approx(0.2)
    assert answer.obj == pytest.approx(answer.x @ np.array(QUICK["Q"]) @ answer.x / 4)
    short = optimal_portfolio({**QUICK, "cashflow": -1.0})
    assert short.x.sum() == pytest.approx(-1)


def test_relative_bounds_mean_fractions_of_the_group():
    x0 = np.array([0.4, 0.3, 0.3])
    data = {"r": [0.0, 0.3, 0.1], "Q": [0.01, 0.2, 0.02], "x0": x0.tolist(), "cashflow": 0.2}
    for basis, mu, sold in (("absolute", 0.21, 0.25), ("relative", 0.16, 0.25 * 0.2)):
        query = {**data, "mu": mu, "options": {"basis": basis, "short": False}}
        free = optimal_portfolio(query).x
        held = optimal_portfolio({**query, "constraints": [{"function": "sales", "bounds": 0.25}]}).x
        assert np.maximum(x0 - free, 0).sum() > sold
        assert 0.9 * sold <= np.maximum(x0 - held, 0).sum() <= sold + 1e-9
    for basis in ("absolute", "relative"):
        query = {**data, "mu": 0.27, "options": {"basis": basis}}
        x = optimal_portfolio({**query, "constraints": [{"function": "leverage", "set": [0, 2], "bounds": 0.4}]}).x
        limit = 0.4 if basis == "absolute" else 0.4 * (x[0] + x[2])
        assert np.maximum(-x[[0, 2]], 0).sum() <= limit + 1e-9


def test_bounds_accept_infinity_and_null():
    free = optimal_portfolio(QUICK)
    same = optimal_portfolio(
        {**QUICK, "xlo": [None, -np.inf], "xup": [np.inf, None], "constraints": [{"bounds": None}]}
    )
    np.testing.assert_array_equal(free.x, same.x)


def test_labels_name_assets_in_sets_and_diagnostics():
    data = {**QUICK, "labels": ["A", "B"], "constraints": [{"label": "cap", "set": ["B"], "bounds": 0.1}]}
    answer = optimal_portfolio(data)
    assert answer.x[1] == pytest.approx(0.1, abs=1e-8)
    table = answer.diagnostics.constraints
    row = table[table["constraint"].str.startswith("cap")].iloc[0]
    assert row["binding"]
    assert row["shadow_price"] != 0


def test_a_point_of_the_frontier_is_explained_at_its_own_return():
    points = efficient_frontier(factor_query(number_of_points=5))
    for point in points[1:-1]:
        table = point.answer.diagnostics.constraints
        row = table[table["label"] == "mu"].iloc[0]
        unit = np.abs(factor_query()["r"]).max()
        assert row["value"] * unit == pytest.approx(point.mu)
        assert row["lower"] * unit == pytest.approx(point.mu)
    assert points[-1].answer.diagnostics is None


def test_every_point_is_certified_and_the_factor_structure_kept(monkeypatch):
    data = factor_query(n=60, k=4, number_of_points=12)
    seen = []
    monkeypatch.setattr(path, "arrays_of", lambda p, old=path.arrays_of: seen.append(p.factors.shape) or old(p))
    points = efficient_frontier(data)
    assert {shape for shape in seen if shape[1]} == {(60, 4)}
    for point in points:
        assert point.answer.certificate.passed
        assert point.answer.certificate.residual <= 1e-9


def test_the_same_bytes_whatever_was_solved_before():
    first = [p.answer.x.tobytes() for p in efficient_frontier(factor_query())]
    efficient_frontier(factor_query(seed=5))
    assert [p.answer.x.tobytes() for p in efficient_frontier(factor_query())] == first


def test_the_house_answers_where_the_kernel_does_not(monkeypatch):
    data = factor_query(number_of_points=6)
    mine = efficient_frontier(data)
    monkeypatch.setattr(path, "accepts", lambda problem: False)
    theirs = efficient_frontier(data)
    for a, b in zip(mine, theirs, strict=True):
        assert a.answer.obj == pytest.approx(b.answer.obj, rel=1e-6)
