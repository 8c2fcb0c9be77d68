"""The contest's criteria on series made by hand, in both modes, and what is said of runs that cannot be judged."""

import json
import re

import numpy as np
import pandas as pd
import pytest

from tradewind import contest, metrics, tables
from tradewind.contest import Limit, Rule
from tradewind.errors import BadParameter
from tradewind.result import Result


@pytest.fixture(scope="module")
def run(record):
    return record(sessions=1000)


def status(verdict):
    return {line.rule.name: line.status for line in verdict.lines}


def line(verdict, name):
    return next(line for line in verdict.lines if line.rule.name == name)


def with_perf(run, **columns):
    return run.replaced(perf=run.perf.assign(**columns))


def held_all_along(run):
    """The run with one share of one asset from the first session on: nothing is warm-up then."""
    rows = pd.DataFrame({"session": run.perf.index, "sid": 1, "symbol": "AAPL", "amount": 1, "value": 1.0})
    return run.replaced(positions=rows.assign(cost_basis=1.0, last_sale_price=1.0, exposure=1.0))


def test_the_rule_book_has_the_ten_criteria_of_the_contest():
    assert len(contest.RULES) == 10
    assert {rule.name for rule in contest.RULES if rule.needs} == {"universe", "sectors", "styles"}
    judged = {rule.name for rule in contest.RULES if not rule.needs}
    assert judged == set(contest.OFFICIAL) == set(contest.NOTEBOOK)


@pytest.mark.parametrize(
    ("days_beyond", "peak", "expected"),
    [(0, 1.0, "PASS"), (15, 1.19, "PASS"), (25, 1.19, "FAIL"), (1, 1.21, "FAIL")],
)
def test_leverage_may_lie_beyond_the_main_limit_on_two_percent_of_days(run, days_beyond, peak, expected):
    gross = np.ones(1000)
    gross[500 : 500 + days_beyond] = peak
    assert status(contest.judge(with_perf(held_all_along(run), gross_leverage=gross)))["leverage"] == expected


def test_leverage_is_judged_from_below_too(run):
    low = with_perf(held_all_along(run), gross_leverage=np.full(1000, 0.75))
    found = line(contest.judge(low), "leverage")
    assert found.status == "FAIL"
    assert found.sentence == "0.75x < 0.80x"
    assert found.figures == "0.75x"


def test_four_figures_stand_in_the_order_of_the_percentiles(run):
    gross = np.linspace(0.8, 1.1, 1000)
    found = line(contest.judge(with_perf(held_all_along(run), gross_leverage=gross)), "leverage")
    assert found.figures == "0.80x|0.81x|1.09x|1.10x"
    assert found.sentence == "0.81x ≥ 0.80x, 1.09x ≤ 1.10x"


@pytest.mark.parametrize(("net", "expected"), [(-0.09, "PASS"), (-0.11, "FAIL"), (0.11, "FAIL")])
def test_net_exposure_counts_by_size(run, net, expected):
    judged = contest.judge(with_perf(held_all_along(run), net_leverage=np.full(1000, net)))
    assert status(judged)["net_exposure"] == expected


def test_concentration_is_the_largest_weight_of_either_side(run):
    found = line(contest.judge(run), "concentration")
    by_hand = (run.positions["value"].abs() / run.positions["session"].map(run.perf["portfolio_value"])).max()
    assert found.percentiles[3] == pytest.approx(by_hand)
    assert found.status == "FAIL"


def test_turnover_is_the_mean_over_63_days(run):
    traded = pd.DataFrame({"session": run.perf.index, "sid": 1, "symbol": "AAPL", "order_id": 0, "commission": 0.0})
    traded = traded.assign(time=run.perf["period_close"].to_numpy(), price=1.0, multiplier=1.0)
    half = (run.perf["portfolio_value"] * 0.5).round().astype("int64").to_numpy()
    steady = run.replaced(fills=traded.assign(amount=half))
    found = line(contest.judge(steady), "turnover")
    assert found.status == "PASS"
    assert found.percentiles == pytest.approx((0.5, 0.5, 0.5, 0.5), abs=1e-6)
    every_other = run.replaced(fills=traded.assign(amount=np.where(np.arange(1000) % 2, 2 * half, 0)))
    assert line(contest.judge(every_other), "turnover").percentiles[0] == pytest.approx(31 / 63, abs=1e-6)


def test_beta_is_rolled_over_126_sessions(run):
    doubled = with_perf(run, returns=2.0 * run.benchmark_returns)
    official = line(contest.judge(doubled), "beta")
    assert official.percentiles == pytest.approx((2.0, 2.0, 2.0, 2.0))
    assert official.status == "FAIL"
    notebook = line(contest.judge(doubled, "notebook"), "beta")
    assert notebook.percentiles[:2] == (0.0, 0.0)
    assert notebook.percentiles[2:] == pytest.approx((2.0, 2.0))


def test_without_a_benchmark_beta_is_not_judged(record):
    found = line(contest.judge(record(sessions=700, benchmark=None)), "beta")
    assert found.status == "NOT JUDGED"
    assert "--benchmark" in found.sentence


@pytest.mark.parametrize(("total", "expected"), [(0.01, "PASS"), (0.0, "FAIL"), (-0.01, "FAIL")])
def test_the_return_must_be_above_zero(run, total, expected):
    returns = np.zeros(1000)
    returns[5] = total
    assert status(contest.judge(with_perf(run, returns=returns)))["positive_return"] == expected


def test_one_order_beside_the_optimizer_fails(run):
    assert status(contest.judge(run))["optimized_orders"] == "PASS"
    via = ["order", *["order_optimal_portfolio"] * (len(run.orders) - 1)]
    found = line(contest.judge(run.replaced(orders=run.orders.assign(via=via))), "optimized_orders")
    assert found.status == "FAIL"
    assert found.percentiles[0] == pytest.approx(1 - 1 / len(run.orders))


def test_one_order_among_very_many_is_not_rounded_away():
    rule = next(rule for rule in contest.RULES if rule.name == "optimized_orders")
    sentence = contest._failure(rule, [rule.limits[0]], (0.99999,) * 4)
    assert sentence == "99.9990% < 100.0%"


def test_what_needs_the_risk_model_says_so(run):
    verdict = contest.judge(run)
    for name in ("universe", "sectors", "styles"):
        assert line(verdict, name).status == "NOT JUDGED"
        assert line(verdict, name).sentence == "needs the risk model"
    assert verdict.count("NOT JUDGED") == 3
    assert not verdict.passed


@pytest.mark.parametrize("sessions", [1, 62, 63, 125, 126, 504])
@pytest.mark.parametrize("mode", ["official", "notebook"])
def test_short_runs_are_said_not_crashed(record, sessions, mode):
    verdict = contest.judge(record(sessions=sessions), mode)
    assert len(verdict.lines) == 10
    found = status(verdict)
    if mode == "notebook":
        assert set(found.values()) == {"NOT JUDGED"}
        assert "longer than 2 years" in verdict.lines[0].sentence
        assert not verdict.passed
    else:
        assert (found["turnover"] == "NOT JUDGED") == (sessions < 63)
        assert (found["beta"] == "NOT JUDGED") == (sessions < 126)
        assert any("two years" in note for note in verdict.notes) == (sessions < 504)


def test_a_run_without_a_session_is_judged_in_nothing():
    verdict = contest.judge(Result(tables.empty_table("perf")))
    assert set(status(verdict).values()) == {"NOT JUDGED"}
    assert line(verdict, "leverage").sentence == "needs 1 session, the run has 0"
    assert not verdict.passed


def test_warm_up_is_the_time_before_the_first_holding_but_at_most_five_sessions(run):
    gross = np.where(np.arange(1000) < 3, 0.0, 1.0)
    later = held_all_along(run)
    later = later.replaced(positions=later.positions[later.positions["session"] >= run.perf.index[3]])
    assert status(contest.judge(with_perf(later, gross_leverage=gross)))["leverage"] == "PASS"
    assert status(contest.judge(with_perf(held_all_along(run), gross_leverage=gross)))["leverage"] == "FAIL"
    idle = np.where(np.arange(1000) < 40, 0.0, 1.0)
    slow = later.replaced(positions=later.positions[later.positions["session"] >= run.perf.index[40]])
    assert status(contest.judge(with_perf(slow, gross_leverage=idle)))["leverage"] == "FAIL"


def test_the_notebook_skips_five_holding_days(run):
    gross = np.where(np.arange(1000) < 5, 0.0, 1.0)
    judged = contest.judge(with_perf(held_all_along(run), gross_leverage=gross), "notebook")
    assert status(judged)["leverage"] == "PASS"


def test_the_notebook_ignores_124_days_of_turnover(run):
    early = run.fills.iloc[:0]
    verdict = contest.judge(held_all_along(run).replaced(fills=early), "notebook")
    assert line(verdict, "turnover").percentiles == (0.0, 0.0, 0.0, 0.0)
    price = pd.DataFrame({"session": [run.perf.index[100]], "time": run.perf["period_close"].iloc[100], "sid": 1})
    price = price.assign(symbol="AAPL", order_id=0, amount=10**7, price=1.0, commission=0.0, multiplier=1.0)
    seen = contest.judge(held_all_along(run).replaced(fills=price), "notebook")
    assert line(seen, "turnover").percentiles[3] > 0  # day 100 is still inside the window that ends on day 124
    late = price.assign(session=run.perf.index[60], time=run.perf["period_close"].iloc[60])
    gone = contest.judge(held_all_along(run).replaced(fills=late), "notebook")
    assert line(gone, "turnover").percentiles[3] == 0.0


def test_scores_by_the_formula(run):
    r = run.returns.to_numpy()
    by_hand = [r[t] / max(np.std(r[t - 62 : t + 1], ddof=1) * np.sqrt(252), 0.02) for t in range(62, 1000)]
    np.testing.assert_allclose(contest.daily_scores(run), by_hand, rtol=1e-9)
    assert contest.score(run) == pytest.approx(sum(by_hand[-63:]))
    assert contest.score(run, "notebook") == pytest.approx(sum(by_hand[441:]))
    assert metrics.rolling_volatility(r, 63).size == 1000


def test_a_run_below_125_sessions_has_no_score(record):
    assert np.isnan(contest.judge(record(sessions=124)).score)
    assert not np.isnan(contest.judge(record(sessions=125)).score)


def test_an_unknown_mode_is_refused(run):
    with pytest.raises(BadParameter, match="Did you mean 'official'"):
        contest.judge(run, "oficial")


def test_the_table_is_aligned_and_complete(run):
    text = str(contest.judge(run)).splitlines()
    assert len(text) == 12
    starts = {re.search("PASS|FAIL|NOT JUDGED", row).start() for row in text[:10]}
    assert len(starts) == 1
    assert text[-1].startswith("4 of 7 judged criteria passed, 3 not judged")


def test_a_verdict_is_json(run):
    facts = contest.judge(run).to_dict()
    assert facts["criteria"][4]["limits"] == {"0": 0.7, "2": 0.8, "98": 1.1, "100": 1.2}
    assert json.loads(json.dumps(facts))["mode"] == "official"


def test_limits_read_as_they_should():
    assert Limit(98, 0.3).holds(0.3)
    assert not Limit(98, 0.3).holds(0.30001)
    assert Limit(2, 0.8).holds(0.8)
    assert not Limit(0, 0.0, strict=True).holds(0.0)
    assert Rule("x", "X", "").limits == ()
