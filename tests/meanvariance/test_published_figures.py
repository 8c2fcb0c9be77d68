"""The figures printed by the hosted service for the eight assets of Elton and Gruber (1995), in percent."""

import numpy as np
import pytest

from tradewind_optimize.meanvariance.frontier import efficient_frontier, optimal_portfolio

LABELS = ["S & P", "Bonds", "Canadian", "Japan", "Emerging Markets", "Pacific", "Europe", "Small Stocks"]
RETURNS = [14.0, 6.5, 11.0, 14.0, 16.0, 18.0, 12.0, 17.0]
STD = np.array([18.5, 5.0, 16.0, 23.0, 30.0, 26.0, 20.0, 24.0])
CORRELATION = np.array(
    [
        [1.00, 0.45, 0.70, 0.20, 0.64, 0.30, 0.61, 0.79],
        [0.45, 1.00, 0.27, -0.01, 0.41, 0.01, 0.13, 0.28],
        [0.70, 0.27, 1.00, 0.14, 0.51, 0.29, 0.48, 0.59],
        [0.20, -0.01, 0.14, 1.00, 0.25, 0.73, 0.56, 0.13],
        [0.64, 0.41, 0.51, 0.25, 1.00, 0.28, 0.61, 0.75],
        [0.30, 0.01, 0.29, 0.73, 0.28, 1.00, 0.54, 0.16],
        [0.61, 0.13, 0.48, 0.56, 0.61, 0.54, 1.00, 0.44],
        [0.79, 0.28, 0.59, 0.13, 0.75, 0.16, 0.44, 1.00],
    ]
)
HELD = [0.2, 0.3, 0.0, 0.2, 0.0, 0.1, 0.0, 0.2]
BASE = {"r": RETURNS, "Q": (STD[:, None] * CORRELATION * STD).tolist(), "mu": 14.0, "labels": LABELS}


def solve(options=None, **more):
    answer = optimal_portfolio({**BASE, "options": options or {}, **more})
    assert answer.status == "optimal"
    return np.sqrt(answer.obj), 100 * answer.x


@pytest.mark.parametrize(
    ("query", "std", "weights"),
    [
        ({}, 12.930, [5.32, 36.98, -3.63, 6.90, -11.96, 33.68, -11.51, 44.22]),
        ({"options": {"short": False}}, 13.365, [0, 30.86, 0, 2.68, 0, 32.10, 0, 34.35]),
    ],
)
def test_portfolios(query, std, weights):
    found, x = solve(**query)
    assert found == pytest.approx(std, abs=5e-4)
    np.testing.assert_allclose(x, weights, atol=5.1e-3)


def test_buying_only():
    std, x = solve({"sell": False}, x0=HELD, cashflow=0.4)
    assert std == pytest.approx(13.586, abs=5e-4)
    np.testing.assert_allclose((x / 1.4)[[0, 1, 3]], [14.29, 22.57, 14.29], atol=5.1e-3)
    assert x[1] - 30 == pytest.approx(1.59, abs=0.01)


def test_a_pinned_asset_and_a_sum_of_two():
    pinned = {"xlo": [0.3] + [None] * 7, "xup": [0.3] + [None] * 7}
    std, x = solve(x0=HELD, cashflow=1.0, **pinned)
    assert std == pytest.approx(12.959, abs=5e-4)
    assert x.sum() == pytest.approx(200)
    assert x[0] == pytest.approx(30)


@pytest.mark.parametrize(("basis", "std"), [("relative", 12.970), ("absolute", 12.932)])
def test_leverage_in_a_group(basis, std):
    limit = {"label": "regions", "function": "leverage", "set": ["Pacific", "Europe"], "bounds": 0.1}
    assert solve({"basis": basis}, constraints=[limit])[0] == pytest.approx(std, abs=5e-4)


@pytest.mark.parametrize(("basis", "std"), [("relative", 13.662), ("absolute", 13.405)])
def test_limited_sales(basis, std):
    limit = {"function": "sales", "bounds": 0.25}
    found, _ = solve({"basis": basis, "short": False}, x0=HELD, cashflow=0.2, constraints=[limit])
    assert found == pytest.approx(std, abs=5e-4)


@pytest.mark.parametrize(
    ("query", "mu", "std"),
    [
        ({}, 6.413, 3.913),
        ({"options": {"short": False}}, 6.889, 4.874),
        ({"options": {"sell": False}, "x0": HELD, "cashflow": 0.2}, 11.708, 10.331),
    ],
)
def test_left_ends_of_frontiers(query, mu, std):
    points = efficient_frontier({**BASE, **query})
    assert points[0].mu == pytest.approx(mu, abs=5e-4)
    assert np.sqrt(points[0].answer.obj) == pytest.approx(std, abs=5e-4)
    if not query:
        assert points[1].mu == pytest.approx(7.023, abs=5e-4)
        assert points[-1].mu == 18.0
