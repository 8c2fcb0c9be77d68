"""Portfolio in process: from CSV to recommendation, constraints in every unit, the corners of the published class."""

import asyncio
import copy
import datetime
import io

import numpy as np
import pandas as pd
import pytest

from tradewind_optimize.meanvariance.api import LocalClient
from tradewind_optimize.meanvariance.errors import PyOptimumException
from tradewind_optimize.meanvariance.model import Model
from tradewind_optimize.meanvariance.portfolio import EQUAL, GREATER_THAN_OR_EQUAL, LESS_THAN_OR_EQUAL, Portfolio

CSV = "ticker, shares, groups\n A ,10, tech| big\nB, 20,\nC,0,big\nD,5,tech\n"


@pytest.fixture(scope="module")
def closes():
    rng = np.random.default_rng(4)
    index = pd.bdate_range("2021-01-01", "2024-12-31")
    market = rng.normal(3e-4, 0.01, len(index))
    names = ["A", "B", "C", "D", "M"]
    beta = np.array([1.2, 0.8, 1.0, 1.5, 1.0])
    drift = np.array([3e-4, 1e-4, 2e-4, 6e-4, 0])
    steps = market[:, None] * beta + rng.normal(0, 0.008, (len(index), 5)) + drift
    frame = pd.DataFrame(50 * np.exp(np.cumsum(steps, axis=0)), index, names)
    frame.loc[:"2024-06-28", "D"] = np.nan
    return frame


@pytest.fixture
def portfolio(closes):
    made = Portfolio.local(closes)
    made.import_csv(io.BytesIO(CSV.encode()))
    return made


@pytest.fixture
def ready(portfolio):
    asyncio.run(
        portfolio.retrieve_custom_models(["M"], ["3mo", "1y"], end=datetime.date(2024, 12, 31), include_prices=True)
    )
    return portfolio


def frontier(portfolio, cashflow=0, max_sales=np.inf, short=False, buy=True, sell=True, rho=0.0):
    asyncio.run(portfolio.retrieve_frontier(cashflow, max_sales, short, buy, sell, rho))
    return portfolio.frontier


def recommend(portfolio, *arguments, **named):
    return asyncio.run(portfolio.retrieve_recommendation(*arguments, **named))


def test_names_of_a_csv_are_stripped(portfolio):
    assert portfolio.get_tickers() == ["A", "B", "C", "D"]
    assert portfolio.groups == {"tech": ["A", "D"], "big": ["A", "C"]}
    assert portfolio.portfolio.columns.tolist() == ["shares", "lower", "upper"]
    assert portfolio.get_value() == 0.0
    assert (portfolio.has_prices(), portfolio.has_models(), portfolio.has_frontier()) == (False, False, False)
    assert portfolio.frontier_method == "none"


def test_a_frame_is_left_as_it_was(closes):
    frame = pd.DataFrame({"ticker": ["A", "B"], "groups": ["g", "g"]})
    before = frame.copy()
    made = Portfolio.local(closes)
    made.import_dataframe(frame)
    pd.testing.assert_frame_equal(frame, before)
    assert made.portfolio["shares"].tolist() == [0, 0]
    made.import_dataframe(frame.set_index("ticker"))
    assert made.get_tickers() == ["A", "B"]


@pytest.mark.parametrize(
    ("frame", "error"),
    [
        (pd.DataFrame({"shares": [1]}), AssertionError),
        (pd.DataFrame({"ticker": ["A", " A"]}), PyOptimumException),
        (pd.DataFrame({"ticker": ["A"], "shares": ["many"]}), PyOptimumException),
        (pd.DataFrame({"ticker": ["A"], "groups": ["g|g"]}), PyOptimumException),
    ],
)
def test_what_is_no_portfolio_is_refused(portfolio, frame, error):
    with pytest.raises(error):
        portfolio.import_dataframe(frame)


def test_split_keeps_the_order_and_every_inactive_part(portfolio):
    portfolio.split(["D", "B", "A", "C"])
    assert portfolio.inactive_portfolio is None
    portfolio.split(["D", "B", "A"])
    portfolio.split(["D", "A"])
    assert portfolio.get_tickers() == ["A", "D"]
    assert portfolio.inactive_portfolio.index.tolist() == ["C", "B"]
    with pytest.raises(ValueError, match="are not active in the current portfolio"):
        portfolio.split(["A", "X"])
    with pytest.raises(ValueError, match="tickers cannot be empty"):
        portfolio.split([])


def test_groups_lose_their_inactive_members(ready):
    ready.create_group("late", ["D"])
    ready.apply_group_constraint("late", "holdings", LESS_THAN_OR_EQUAL, 100, "value")
    ready.apply_group_constraint("tech", "sales", LESS_THAN_OR_EQUAL, 100, "value")
    call = ready.retrieve_custom_models(["M"], "1y", end=datetime.date(2024, 5, 31), include_prices=True)
    messages, tickers, market = asyncio.run(call)
    assert tickers == ["A", "B", "C"]
    assert market == ["M"]
    assert ready.groups == {"tech": ["A"], "big": ["A", "C"]}
    assert [item["set"] for item in ready.group_constraints] == ["tech"]
    assert any("Group late lost D" in message for message in messages)
    assert frontier(ready) is not None
    ready.get_group_dataframe()


def test_prices(portfolio, closes):
    value = asyncio.run(portfolio.retrieve_prices())
    assert value == portfolio.get_value() == sum(portfolio.portfolio["value ($)"])
    np.testing.assert_array_equal(portfolio.portfolio["close ($)"], closes.iloc[-1][["A", "B", "C", "D"]])
    assert portfolio.portfolio["value (%)"].sum() == pytest.approx(1)


def test_a_short_portfolio_keeps_its_holdings(closes):
    made = Portfolio.local(closes)
    made.import_dataframe(pd.DataFrame({"ticker": ["A", "B"], "shares": [-10, -5]}))
    asyncio.run(made.retrieve_custom_models(["M"], "1y", end=datetime.date(2024, 12, 31), include_prices=True))
    assert made.portfolio["value (%)"].sum() == pytest.approx(-1)
    query = made._get_portfolio_query(0, np.inf, True, True, True)
    assert sum(query["x0"]) == pytest.approx(-1)
    assert len(frontier(made, short=True)) == 20


def test_models_come_with_weights_that_add_to_one(ready):
    assert ready.model_weights == {"3mo": 0.5, "1y": 0.5}
    ready.set_model_weights({"3mo": 1, "1y": 3})
    model = ready.get_model()
    np.testing.assert_allclose(model.Q, 0.25 * ready.models["3mo"].Q + 0.75 * ready.models["1y"].Q)
    ready.set_model_method("linear-fractional")
    np.testing.assert_allclose(
        ready.get_model().Di, 0.25 * ready.models["3mo"].Di + 0.75 * ready.models["1y"].Di, rtol=1e-9
    )
    ready.set_model_weights({"3mo": 0, "1y": 0})
    assert ready.model_weights == {"3mo": 0.5, "1y": 0.5}
    for bad in ({}, {"3mo": 1, "1y": -1}):
        with pytest.raises(AssertionError):
            ready.set_model_weights(bad)


def test_a_diagonal_model_does_not_stay_for_good(ready):
    asyncio.run(ready.retrieve_custom_models([], "1y", end=datetime.date(2024, 12, 31)))
    assert ready.model_method == "diagonal"
    assert not ready.get_model().has_factors
    asyncio.run(ready.retrieve_custom_models(["M"], "1y", end=datetime.date(2024, 12, 31)))
    assert ready.model_method == "linear"
    assert ready.get_model().has_factors


def test_mixed_kinds_of_models_are_refused_by_name(ready):
    bare = {"r": ready.get_model().r, "Q": ready.get_model().Q}
    ready.set_models({"a": ready.get_model(), "b": bare})
    with pytest.raises(ValueError, match="have no factors"):
        ready.get_model()
    ready.set_models({"b": Model(bare)})
    assert not ready.get_model().has_factors
    with pytest.raises(ValueError, match="not in the current portfolio"):
        ready.set_models({"b": bare}, tickers=["A", "X"])


def test_the_default_end_is_today_when_called():
    seen = {}

    class Client:
        async def call(self, entry, data, **_):
            seen.update(data)
            raise PyOptimumException("enough")

    made = Portfolio(Client(), Client())
    made.import_dataframe(pd.DataFrame({"ticker": ["A"]}))
    with pytest.raises(PyOptimumException):
        asyncio.run(made.retrieve_basic_models())
    assert seen["end"] == str(datetime.date.today())


@pytest.mark.parametrize(
    ("function", "sign", "lower", "upper"),
    [
        ("purchases", LESS_THAN_OR_EQUAL, None, lambda s, v: s + v),
        ("purchases", GREATER_THAN_OR_EQUAL, lambda s, v: s + v, None),
        ("sales", LESS_THAN_OR_EQUAL, lambda s, v: s - v, None),
        ("sales", GREATER_THAN_OR_EQUAL, None, lambda s, v: s - v),
        ("holdings", EQUAL, lambda s, v: v, lambda s, v: v),
        ("short sales", LESS_THAN_OR_EQUAL, lambda s, v: -v, None),
        ("short sales", EQUAL, lambda s, v: -v, lambda s, v: -v),
    ],
)
@pytest.mark.parametrize("unit", ["shares", "value", "percent value"])
def test_bounds_in_every_unit(ready, function, sign, lower, upper, unit):
    rows = ready.portfolio.loc[["A", "B"]]
    value = {"shares": np.full(2, 3.0), "value": 3 / rows["close ($)"], "percent value": 0.03 * rows["shares"]}[unit]
    ready.apply_constraint(["A", "B"], function, sign, 3, unit)
    found = ready.portfolio.loc[["A", "B"]]
    for side, rule, free in (("lower", lower, -np.inf), ("upper", upper, np.inf)):
        expected = np.full(2, free) if rule is None else rule(rows["shares"], value)
        np.testing.assert_allclose(found[side], expected)
    ready.remove_constraints(["A", "B"])
    assert not np.isfinite(ready.portfolio[["lower", "upper"]].to_numpy()).any()


def test_inequalities_tighten_and_equalities_replace(ready):
    ready.apply_constraint(["A"], "holdings", LESS_THAN_OR_EQUAL, 30, "shares")
    ready.apply_constraint(["A"], "holdings", LESS_THAN_OR_EQUAL, 40, "shares")
    ready.apply_constraint(["A"], "holdings", GREATER_THAN_OR_EQUAL, [5], "shares")
    assert ready.portfolio.loc["A", ["lower", "upper"]].tolist() == [5, 30]
    ready.apply_constraint(["A"], "holdings", EQUAL, 50, "shares")
    assert ready.portfolio.loc["A", ["lower", "upper"]].tolist() == [50, 50]
    ready.apply_constraint(["B"], "sales", LESS_THAN_OR_EQUAL, 100, "shares", short_sales=False)
    assert ready.portfolio.loc["B", "lower"] == 0
    with pytest.warns(UserWarning, match="no shares"):
        ready.apply_constraint(["C"], "holdings", LESS_THAN_OR_EQUAL, 5, "percent value")
    for bad in (
        ("volume", "≤", 1, "shares"),
        ("sales", "<", 1, "shares"),
        ("sales", "≤", "1", "shares"),
        ("sales", "≤", 1, "kg"),
    ):
        with pytest.raises(ValueError, match=r"function|sign|value|unit"):
            ready.apply_constraint(["A"], *bad)


def test_group_bounds_tighten_and_are_not_the_callers(ready):
    tickers = ["A", "B"]
    ready.create_group("own", tickers)
    tickers.append("C")
    assert ready.groups["own"] == ["A", "B"]
    ready.apply_group_constraint("own", "holdings", LESS_THAN_OR_EQUAL, 10, "percent value")
    held = ready.portfolio.loc[["A", "B"], "value ($)"].sum()
    first = ready.group_constraints[0]
    assert first["bounds"] == [-np.inf, pytest.approx(held / 10)]
    ready.apply_group_constraint("own", "holdings", GREATER_THAN_OR_EQUAL, 1, "value")
    assert first["bounds"][0] == -np.inf
    with pytest.raises(ValueError, match="lower bound is larger"):
        ready.apply_group_constraint("own", "holdings", GREATER_THAN_OR_EQUAL, held, "value")
    assert ready.remove_group_constraint("own", "holdings")["function"] == "sum"
    assert ready.remove_group_constraint("own", "holdings") is None
    ready.apply_group_constraint("own", "sales", LESS_THAN_OR_EQUAL, 1, "value")
    ready.remove_group("own")
    assert ready.group_constraints == []
    for label in ("own", "tech"):
        with pytest.raises(ValueError, match="Group"):
            ready.remove_group(label) if label == "own" else ready.create_group(label, ["A"])


@pytest.mark.parametrize(
    ("arguments", "options", "words"),
    [
        (("tech", "sales", EQUAL, 1, "value"), {}, "equality not supported"),
        (
            ("tech", "purchases", GREATER_THAN_OR_EQUAL, 1, "value"),
            {},
            "greater than or equal inequality not supported",
        ),
        (("tech", "sales", LESS_THAN_OR_EQUAL, 1, "value"), {"sell": False}, "not currently allowed"),
        (("nobody", "sales", LESS_THAN_OR_EQUAL, 1, "value"), {}, "group does not exist"),
        (("tech", "sales", LESS_THAN_OR_EQUAL, "1", "value"), {}, "int or float"),
        (("tech", "sales", LESS_THAN_OR_EQUAL, 1, "shares"), {}, "not supported"),
    ],
)
def test_group_constraints_that_cannot_be_meant(ready, arguments, options, words):
    with pytest.raises(ValueError, match=words):
        ready.apply_group_constraint(*arguments, **options)


def test_constraints_hold_on_every_point_of_the_frontier(ready):
    ready.apply_constraint(["B"], "holdings", LESS_THAN_OR_EQUAL, 1700, "value")
    ready.apply_group_constraint("tech", "purchases", LESS_THAN_OR_EQUAL, 150, "value")
    ready.apply_group_constraint("big", "return", GREATER_THAN_OR_EQUAL, 0.05, "value")
    table = frontier(ready, cashflow=300, max_sales=500)
    assert len(table) == 20
    model, value = ready.get_model(), ready.get_value()
    for x in table["x"]:
        dollars = pd.Series(x * (value + 300), ready.get_tickers())
        change = dollars - ready.portfolio["value ($)"]
        assert dollars["B"] <= 1700 + 1e-6
        assert change[["A", "D"]].clip(lower=0).sum() <= 150
        assert (-change.clip(upper=0)).sum() <= 500
        assert (dollars * model.r)[["A", "C"]].sum() >= 0.05 - 1e-6
        assert (x >= 0).all()
    assert (np.diff(table["std"]) >= -1e-12).all()


def test_a_frontier_that_cannot_be_is_forgotten(ready):
    frontier(ready)
    with pytest.raises(PyOptimumException, match="'sales' constraint is not feasible"):
        frontier(ready, cashflow=-100, max_sales=0)
    assert not ready.has_frontier()
    assert ready.portfolio_client.detail == "'sales' constraint is not feasible"
    value = ready.get_value()
    ready.apply_group_constraint("tech", "holdings", GREATER_THAN_OR_EQUAL, 0.8 * value, "value")
    ready.create_group("rest", ["B", "C"])
    ready.apply_group_constraint("rest", "holdings", GREATER_THAN_OR_EQUAL, 0.8 * value, "value")
    with pytest.raises(ValueError, match="Could not calculate optimal frontier"):
        frontier(ready)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [((0, -1), "max_sales must be non-negative"), ((None, 0), "Cashflow cannot be equal to current holdings")],
)
def test_queries_that_make_no_sense(ready, arguments, words):
    cashflow = -ready.get_value() if arguments[0] is None else arguments[0]
    with pytest.raises(ValueError, match=words):
        frontier(ready, cashflow, arguments[1])


def test_recommendations_lie_on_the_frontier(ready):
    table = frontier(ready, cashflow=100, max_sales=400)
    mu = 0.3 * table["mu"].iloc[0] + 0.7 * table["mu"].iloc[-1]
    near, exact = recommend(ready, mu), recommend(ready, mu, method="exact")
    assert (near["method"], exact["method"]) == ("approximate", "exact")
    assert near["mu"] == pytest.approx(mu)
    assert exact["mu"] == pytest.approx(mu)
    assert exact["std"] <= near["std"] + 1e-12
    assert near["std"] == ready.get_model().return_and_variance(near["x"])[1]
    assert recommend(ready, mu, method="optimal")["method"] == "exact"
    beyond = recommend(ready, table["mu"].iloc[-1] + 0.01, method="exact")
    assert (beyond["method"], beyond["status"]) == ("approximate", "optimal")
    np.testing.assert_array_equal(beyond["x"], table["x"].iloc[-1])
    with pytest.raises(ValueError, match="Invalid method"):
        recommend(ready, mu, method="best")


def test_without_a_return_the_current_risk_is_kept(ready):
    frontier(ready)
    own = ready.get_return_and_variance()[1]
    found = recommend(ready)
    stds = ready.frontier["std"]
    assert found["std"] == pytest.approx(np.clip(own, stds.min(), stds.max()), rel=0.05)


def test_new_weights_change_what_a_frontier_means(ready):
    frontier(ready)
    before = copy.copy(ready).frontier
    ready.set_model_weights({"3mo": 1, "1y": 9})
    assert ready.frontier_method == "approximate"
    assert (ready.frontier["mu"] != before["mu"]).any()
    np.testing.assert_array_equal(ready.frontier["x"].iloc[3], before["x"].iloc[3])


def test_points_can_be_added(ready):
    table = frontier(ready)
    mu = table["mu"].iloc[[3, 4]].mean()
    ready.add_to_frontier(mu, 0.01, np.ones(4) / 4)
    assert len(ready.frontier) == 21
    assert ready.frontier["mu"].is_monotonic_increasing
    (low, high), (least, most) = ready.get_range()
    assert low <= table["mu"].min() <= table["mu"].max() <= high
    assert least <= most
    assert all(isinstance(number, float) for number in (low, high, least, most))


def test_tables(ready):
    empty = ready.get_recommendation_dataframe(np.ones(4) / 4, 0)
    assert empty["change ($)"].sum() == pytest.approx(0)
    frontier(ready, cashflow=250)
    x = recommend(ready)["x"]
    table = ready.get_recommendation_dataframe(x, 250)
    assert table["value ($)"].sum() == pytest.approx(ready.get_value() + 250)
    assert table["change ($)"].sum() == pytest.approx(250)
    np.testing.assert_allclose(table["shares"] - table["change (shares)"], ready.portfolio["shares"], atol=1e-12)
    groups = ready.get_group_dataframe(x, 250)
    assert (groups["purchases ($)"] - groups["sales ($)"]).tolist() == pytest.approx(groups["change ($)"].tolist())
    held = ready.get_group_dataframe()
    assert held.loc["tech", "value ($)"] == ready.portfolio.loc[["A", "D"], "value ($)"].sum()
    assert held.loc["tech", "tickers"] == ["A", "D"]
    full = ready.get_portfolio_dataframe()
    assert {"return (%)", "std (%)", "lower ($)", "upper ($)"} <= set(full.columns)
    with pytest.raises(AssertionError, match="sum to one"):
        ready.get_recommendation_dataframe(2 * x, 0)
    with pytest.raises(AssertionError, match="cashflow"):
        ready.get_group_dataframe(cashflow=1)


def test_a_group_without_value_has_no_return(ready):
    ready.create_group("none", ["C"])
    row = ready.get_group_dataframe().loc["none"]
    assert np.isnan(row["return (%)"])
    assert row["value ($)"] == 0


def test_a_portfolio_of_no_shares_needs_cash(closes):
    made = Portfolio.local(closes)
    made.import_dataframe(pd.DataFrame({"ticker": ["A", "B"]}))
    asyncio.run(made.retrieve_custom_models(["M"], "1y", end=datetime.date(2024, 12, 31), include_prices=True))
    with pytest.raises(ValueError, match="Cashflow cannot be zero"):
        frontier(made, 0, 100)
    assert len(frontier(made, 1000, 100)) == 20


def test_nothing_is_asked_before_it_is_known(portfolio):
    for call in (portfolio.get_model, lambda: portfolio.set_model_weights({}), lambda: recommend(portfolio)):
        with pytest.raises(AssertionError):
            call()
    with pytest.raises(AssertionError, match="Either prices or models are missing"):
        frontier(portfolio)
    with pytest.raises(ValueError, match="Frontier has not been retrieved"):
        portfolio.get_frontier_range()


def test_the_local_client_names_its_entry_points(closes):
    client = LocalClient(closes)
    with pytest.raises(PyOptimumException, match="portfolio, frontier, prices"):
        asyncio.run(client.call("volume", {}))
    assert "volume" in client.detail
