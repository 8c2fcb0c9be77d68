"""Capital changes: money from outside is in the cash and in no return."""

import numpy as np
import pandas as pd
import pytest

import tradewind.api as api
from tradewind import run_algorithm
from tradewind.errors import BadParameter


def run(market, changes, initialize=None, handle_data=None, **more):
    return run_algorithm(
        initialize=initialize,
        handle_data=handle_data,
        capital_base=1_000.0,
        bundle=market.bundle(),
        capital_changes=changes,
        **more,
    )


@pytest.mark.parametrize("semantics", ["tradewind", "zipline"])
def test_a_flow_is_in_the_cash_of_the_morning_and_in_no_return(market, free, on_sessions, semantics):
    market.asset(1, [10, 10, 11, 11, 22])
    seen = []
    actions = {
        0: lambda c, d: api.order(api.sid(1), 100),
        4: lambda c, d: seen.extend([c.portfolio.pnl, c.portfolio.returns, c.portfolio.starting_cash]),
    }
    changes = {"2021-03-03": 500.0, pd.Timestamp("2021-03-04", tz="UTC"): ("target", 1_200)}
    result = run(market, changes, free, on_sessions(actions), semantics=semantics)
    perf = result.perf
    # 1,000 → all in at 10; + 500; at 11: 1,600; down to 1,200; at 22: 2,300
    assert perf["portfolio_value"].tolist() == [1_000, 1_000, 1_600, 1_200, 2_300]
    assert perf["starting_cash"].tolist() == [1_000, 1_000, 500, 100, 100]
    assert perf["ending_cash"].tolist() == [1_000, 0, 500, 100, 100]
    assert perf["pnl"].tolist() == [0, 0, 100, 0, 1_100]
    assert perf["capital_used"].tolist() == [0, -1_000, 0, 0, 0]
    np.testing.assert_allclose(perf["returns"], [0, 0, 100 / 1_500, 0, 1_100 / 1_200], rtol=1e-15)
    total = (1 + 100 / 1_500) * (1 + 1_100 / 1_200) - 1
    assert perf["algorithm_period_return"].iloc[-1] == pytest.approx(total, rel=1e-14)
    assert seen == pytest.approx([1_200, total, 1_000], rel=1e-14)
    assert result.info["capital_changes"] == [
        {"session": "2021-03-03", "type": "delta", "value": 500.0, "delta": 500.0},
        {"session": "2021-03-04", "type": "target", "value": 1_200.0, "delta": -400.0},
    ]


def test_quiet_sessions_a_weekend_and_two_changes_of_one_day(market):
    market.asset(1, [10] * 7)  # Monday to Tuesday week; nobody acts
    result = run(market, {"2021-03-06": 100, "2021-03-08": {"type": "delta", "value": -50}}, lambda context: None)
    assert result.perf["portfolio_value"].tolist() == [1_000] * 5 + [1_050] * 2
    assert result.perf["returns"].tolist() == [0] * 7
    assert [change["session"] for change in result.info["capital_changes"]] == ["2021-03-08"] * 2


def test_a_change_in_the_first_session_and_a_run_without_any(market):
    market.asset(1, [10] * 2)
    result = run(market, {"2021-03-01": 1_000}, lambda context: None)
    assert result.perf["portfolio_value"].tolist() == [2_000, 2_000]
    assert result.perf["returns"].tolist() == [0, 0]
    assert "capital_changes" not in run(market, None, lambda context: None).info


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"2021-02-28": 1.0}, "between 2021-03-01 and 2021-03-03, the days of the run"),
        ({"someday": 1.0}, "day was 'someday'"),
        ({"2021-03-02": np.nan}, "amount was nan"),
        ({"2021-03-02": "much"}, "amount was 'much'"),
        ({"2021-03-02": ("tarjet", 5.0)}, "Did you mean 'target'"),
        ({"2021-03-02": ("target", 0)}, "positive for a target"),
        ({"2021-03-02": -1_000.0}, r"the portfolio value, 1000\.00 before it, is positive afterwards"),
    ],
)
def test_changes_that_mean_nothing_are_refused(market, changes, said):
    market.asset(1, [10] * 3)
    with pytest.raises(BadParameter, match=said):
        run(market, changes, lambda context: None)
