"""Models from closes: moments by hand, part ranges, what is left out and what is refused."""

import datetime

import numpy as np
import pandas as pd
import pytest

from tradewind_optimize.meanvariance.errors import BadQuery
from tradewind_optimize.meanvariance.estimate import closes_between, estimate_models, last_prices


@pytest.fixture(scope="module")
def closes():
    rng = np.random.default_rng(11)
    index = pd.bdate_range("2020-01-01", "2024-12-31")
    market = rng.normal(3e-4, 0.01, (len(index), 2))
    returns = market @ rng.uniform(0.3, 1.2, (2, 3)) + rng.normal(2e-4, 0.01, (len(index), 3))
    frame = pd.DataFrame(100 * np.exp(np.cumsum(np.c_[market, returns], axis=0)), index, ["M", "N", "A", "B", "C"])
    frame.loc[:"2024-07-31", "C"] = np.nan
    return frame


def weighted(closes, range_start, names, power=1):
    returns = closes[names].pct_change(fill_method=None)
    x = returns[returns.index > range_start].to_numpy()
    w = np.arange(1, len(x) + 1.0) ** power
    return x, w / w.sum()


@pytest.mark.parametrize(("word", "power"), [("linear", 1), ("quadratic", 2), ("equal", 0)])
def test_moments_are_the_weighted_ones(closes, word, power):
    model = estimate_models(closes, ["A", "B"], ["M", "N"], "1y", weights=word, horizon=5).models["1y"]
    x, w = weighted(closes, "2023-12-31", ["A", "B"], power)
    m, _ = weighted(closes, "2023-12-31", ["M", "N"], power)
    np.testing.assert_allclose(model.r, 5 * (w @ x), rtol=1e-12)
    np.testing.assert_allclose(model.D, 5 * np.cov(m.T, aweights=w, ddof=0), rtol=1e-10)
    np.testing.assert_allclose(model.std**2, 5 * np.diag(np.cov(x.T, aweights=w, ddof=0)), rtol=1e-10)
    design = np.c_[np.ones(len(m)), m] * np.sqrt(w)[:, None]
    slopes = np.linalg.lstsq(design, x * np.sqrt(w)[:, None], rcond=None)[0][1:].T
    np.testing.assert_allclose(model.F, slopes, rtol=1e-9)


def test_without_markets_the_model_is_diagonal(closes):
    found = estimate_models(closes, ["A", "B"], [], ["6mo", "1y"])
    assert list(found.models) == ["6mo", "1y"]
    assert not found.models["1y"].has_factors
    x, w = weighted(closes, "2023-12-31", ["A", "B"])
    np.testing.assert_allclose(found.models["1y"].Q, np.diag(np.cov(x.T, aweights=w, ddof=0)), rtol=1e-10)
    assert set(found.to_dict()["models"]["1y"]) == {"r", "Q"}


def test_common_factors_are_those_of_the_longest_range(closes):
    ranges = ["3mo", "2y", "1y"]
    own = estimate_models(closes, ["A", "B"], ["M"], ranges).models
    common = estimate_models(closes, ["A", "B"], ["M"], ranges, common=True).models
    for name in ranges:
        np.testing.assert_array_equal(common[name].F, own["2y"].F)
    assert not np.allclose(own["3mo"].F, own["2y"].F)
    assert (common["3mo"].Q >= own["3mo"].Q - 1e-15).all()


def test_a_part_of_the_range_is_used_and_said(closes):
    found = estimate_models(closes, ["A", "C"], ["M"], "1y")
    assert found.tickers == ["A", "C"]
    assert any("C has" in message for message in found.messages)
    half = closes.loc["2024-08-01":]
    x = half["C"].pct_change(fill_method=None).dropna().to_numpy()
    total = (closes.index > "2023-12-31").sum()
    w = np.arange(total - len(x) + 1, total + 1.0)
    assert found.models["1y"].r[1] == pytest.approx(w @ x / w.sum(), rel=1e-12)


def test_no_data_before_the_end_leaves_a_ticker_out(closes):
    found = estimate_models(closes, ["C", "A"], ["M"], ["1mo", "1y"], end="2024-06-28", include_prices=True)
    assert found.tickers == ["A"]
    assert any("C was left out" in message for message in found.messages)
    assert found.prices["A"].close == closes.loc["2024-06-28", "A"]
    assert set(found.prices) == {"A"}


def test_nothing_after_the_end_is_seen(closes):
    changed = closes.copy()
    changed.loc["2024-07-01":] = 1.0
    for frame in (closes, changed):
        found = estimate_models(frame, ["A", "B"], ["M"], "1y", end=datetime.date(2024, 6, 28))
        assert (
            found.models["1y"].r.tobytes()
            == estimate_models(closes.loc[:"2024-06-28"], ["A", "B"], ["M"], "1y").models["1y"].r.tobytes()
        )


def test_an_end_after_the_last_close_is_clamped_and_said(closes):
    found = estimate_models(closes, ["A"], [], "1y", end="2026-01-01")
    assert any("2024-12-31" in message for message in found.messages)
    np.testing.assert_array_equal(found.models["1y"].r, estimate_models(closes, ["A"], [], "1y").models["1y"].r)


def test_weekends_are_dropped_or_carried(closes):
    daily = closes.reindex(pd.date_range(closes.index[0], closes.index[-1]))
    daily["COIN"] = 100 * np.exp(np.cumsum(np.random.default_rng(1).normal(0, 0.02, len(daily))))
    trimmed = estimate_models(daily, ["A", "COIN"], ["M"], "1y")
    kept = estimate_models(daily, ["A", "COIN"], ["M"], "1y", trim_weekends=False)
    np.testing.assert_allclose(trimmed.models["1y"].r[0], estimate_models(closes, ["A"], ["M"], "1y").models["1y"].r[0])
    assert kept.models["1y"].std[0] < trimmed.models["1y"].std[0]


@pytest.mark.parametrize(
    ("arguments", "field"),
    [
        ({"market": ["X"]}, "market"),
        ({"market": ["M", "M"]}, "market"),
        ({"ranges": "1q"}, "range"),
        ({"ranges": "0d"}, "range"),
        ({"ranges": "9999y"}, "range"),
        ({"ranges": []}, "range"),
        ({"ranges": ["1y", "2d"]}, "range"),
        ({"end": "yesterday"}, "end"),
        ({"horizon": 0}, "options.horizon"),
        ({"horizon": 1.5}, "options.horizon"),
        ({"weights": "cubic"}, "options.weights"),
        ({"tickers": []}, "tickers"),
        ({"tickers": "A"}, "tickers"),
        ({"tickers": ["X", "Y"]}, "tickers"),
        ({"end": "1999-01-01"}, "market"),
    ],
)
def test_what_cannot_be_meant_names_its_field(closes, arguments, field):
    call = {"tickers": ["A"], "market": ["M"], **arguments}
    with pytest.raises(BadQuery) as caught:
        estimate_models(closes, **call)
    assert caught.value.field == field


def test_closes_may_be_a_function(closes):
    def source(tickers, start, end):
        return closes[[t for t in tickers if t in closes]].loc[: pd.Timestamp(end)]

    a = estimate_models(source, ["A", "B"], ["M"], "1y", end="2024-03-28").models["1y"]
    b = estimate_models(closes, ["A", "B"], ["M"], "1y", end="2024-03-28").models["1y"]
    assert a.r.tobytes() == b.r.tobytes()
    assert closes_between(source, ["B", "nobody"]).columns.tolist() == ["B"]


def test_last_prices(closes):
    prices = last_prices(closes, ["C", "A"])
    assert list(prices) == ["C", "A"]
    assert prices["C"].to_dict()["first_quote"] == "2024-08-01"
    assert prices["A"].timestamp.startswith("2024-12-31")
    with pytest.raises(BadQuery, match="nobody"):
        last_prices(closes, ["A", "nobody"])
