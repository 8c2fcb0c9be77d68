"""Model: sizes, types, what is cached, the hyperbola of the unconstrained frontier."""

import cvxpy as cp
import numpy as np
import pytest

from tradewind_optimize.meanvariance.model import Model


@pytest.fixture
def data():
    rng = np.random.default_rng(3)
    root = rng.normal(size=(3, 3))
    return {
        "r": rng.normal(size=6),
        "Q": rng.uniform(0.5, 2, 6),
        "F": rng.normal(size=(6, 3)),
        "D": root @ root.T + 0.1 * np.eye(3),
    }


def dense(model):
    return np.diag(model.Q) + model.F @ model.D @ model.F.T


def test_integer_data_becomes_float():
    model = Model({"r": [1, 2], "Q": [1, 4], "F": [[1], [2]], "D": [[1]]})
    assert all(array.dtype == np.float64 for array in (model.r, model.Q, model.F, model.D))
    np.testing.assert_allclose(model.std, [np.sqrt(2), np.sqrt(8)])


def test_asking_for_the_variance_leaves_the_model_as_it_was(data):
    model = Model(data)
    before = model.Q.copy()
    for _ in range(3):
        mean, variance = model.get_mean_and_variance()
        mean[:], variance[:] = 0, 0
    np.testing.assert_array_equal(model.Q, before)
    np.testing.assert_array_equal(model.r, data["r"])
    np.testing.assert_allclose(model.std**2, np.diag(dense(model)))


def test_the_callers_arrays_stay_the_callers(data):
    model = Model(data)
    data["Q"][:] = 7
    assert not (model.Q == 7).any()


def test_di_is_the_inverse_of_d(data):
    model = Model(data)
    np.testing.assert_allclose(model.D @ model.Di, np.eye(3), atol=1e-12)
    other = Model({**{k: data[k] for k in "rQF"}, "Di": model.Di})
    np.testing.assert_allclose(other.D, model.D)
    std = other.std
    other.D = 4 * model.D
    assert (other.std > std).all()
    np.testing.assert_allclose(other.Di, model.Di / 4)


def test_assigning_q_or_f_is_seen_by_std(data):
    model = Model(data)
    model.std  # noqa: B018 - fills the cache
    model.Q = 4 * model.Q
    model.F = np.zeros((6, 3))
    np.testing.assert_allclose(model.std, np.sqrt(model.Q))


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"D": None}, KeyError),
        ({"Di": np.eye(3)}, AssertionError),
        ({"F": None}, AssertionError),
        ({"Q": np.eye(6)}, AssertionError),
        ({"r": np.zeros(5)}, ValueError),
        ({"F": np.zeros((5, 3))}, ValueError),
        ({"D": np.eye(2)}, ValueError),
    ],
)
def test_what_does_not_fit_is_refused(data, change, error):
    bad = {k: v for k, v in {**data, **change}.items() if v is not None}
    with pytest.raises(error):
        Model(bad)


def test_returns_per_unit_of_the_portfolio(data):
    model, x = Model(data), np.array([3.0, 1, 0, 2, 0, 1])
    mu, std = model.return_and_variance(x)
    assert mu == pytest.approx(model.r @ x / 7)
    assert std == pytest.approx(np.sqrt(x @ dense(model) @ x) / 7)
    with pytest.warns(UserWarning, match="Total portfolio is negative"):
        assert model.return_and_variance(-x) == (pytest.approx(-mu), pytest.approx(std))
    with pytest.warns(UserWarning, match="Total portfolio is zero"):
        assert model.return_and_variance(0 * x) == (0, 0)


def test_normalised_fields(data):
    model = Model(data)
    out = model.to_dict(fields=("Q", "D", "Di"), normalize_variance=True)
    largest = model.std.max() ** 2
    np.testing.assert_array_equal(out["Q"], model.Q / largest)
    np.testing.assert_allclose(out["D"] @ out["Di"], np.eye(3), atol=1e-12)
    assert Model(model.to_dict(normalize_variance=True)).std.max() == pytest.approx(1)


@pytest.mark.parametrize("factors", [True, False])
@pytest.mark.parametrize("x_bar", [1.0, 2.5, -1.0])
def test_the_hyperbola_is_the_least_variance(data, factors, x_bar):
    model = Model(data if factors else {k: data[k] for k in "rQ"})
    covariance = dense(model) if factors else np.diag(model.Q)
    a, center, least = model.unconstrained_frontier(x_bar)
    for mu in (-0.4, 0.1, 0.9):
        x = cp.Variable(6)
        problem = cp.Problem(
            cp.Minimize(cp.quad_form(x, cp.psd_wrap(covariance))), [model.r @ x == mu, cp.sum(x) == x_bar]
        )
        problem.solve(solver=cp.CLARABEL)
        assert a * (mu - center) ** 2 + least**2 == pytest.approx(problem.value, rel=1e-6)


def test_one_riskless_asset_makes_a_line(data):
    model = Model({"r": [0.02, 0.1, 0.2], "Q": [0, 0.04, 0.09]})
    a, center, least = model.unconstrained_frontier()
    assert (center, least) == (0.02, 0.0)
    x = cp.Variable(3)
    cp.Problem(cp.Minimize(cp.sum_squares(np.sqrt(model.Q) @ cp.diag(x))), [model.r @ x == 0.12, cp.sum(x) == 1]).solve(
        solver=cp.CLARABEL
    )
    assert a * (0.12 - 0.02) ** 2 == pytest.approx(model.variance(x.value), rel=1e-5)


def test_cancelling_loadings_are_not_a_riskless_asset():
    model = Model({"r": [0.1, 0.2, 0.3], "Q": [0.0, 1, 1], "F": [[1, -1], [1, 0], [0, 1]], "D": np.eye(2)})
    assert model.unconstrained_frontier()[2] > 0


def test_two_riskless_returns_and_equal_returns_are_refused():
    with pytest.raises(ValueError, match="Risk-free"):
        Model({"r": [0.02, 0.03, 0.2], "Q": [0, 0, 0.09]}).unconstrained_frontier()
    with pytest.raises(ValueError, match="all equal"):
        Model({"r": [0.1, 0.1], "Q": [1, 2]}).unconstrained_frontier()
