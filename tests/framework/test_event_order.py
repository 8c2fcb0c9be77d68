"""What happens when, within a session and from one session to the next."""

import numpy as np
import pandas as pd
import pytest

import tradewind.api as api
from tradewind import run_algorithm
from tradewind.semantics import ZIPLINE
from tradewind_data.errors import ForeignAsset, SidNotFound


def run(market, handle_data=None, initialize=None, **more):
    more.setdefault("bundle", market.bundle())
    return run_algorithm(initialize=initialize, handle_data=handle_data, capital_base=10_000.0, **more)


def test_an_order_fills_at_the_next_sessions_close(market, free, on_sessions):
    market.asset(1, [10, 11, 12])
    result = run(market, on_sessions({0: lambda c, d: api.order(api.sid(1), 100)}), free)
    assert result.fills[["price", "amount"]].values.tolist() == [[11.0, 100.0]]
    assert result.fills["time"][0] == result.perf["period_close"].iloc[1]
    assert result.perf["ending_cash"].tolist() == [10_000.0, 8_900.0, 8_900.0]
    assert result.perf["portfolio_value"].tolist() == [10_000.0, 10_000.0, 10_100.0]


def test_an_order_of_the_last_session_stays_open(market, free, on_sessions):
    market.asset(1, [10, 11])
    result = run(market, on_sessions({1: lambda c, d: api.order(api.sid(1), 1)}), free)
    assert result.orders[["status", "reason", "filled"]].values.tolist() == [["open", "open when the run ended", 0]]


def test_handle_data_comes_first_then_scheduled_functions_in_order(market):
    market.asset(1, [10, 11])
    calls = []

    def initialize(context):
        api.schedule_function(lambda c, d: calls.append("late"), time_rule=api.time_rules.market_close())
        api.schedule_function(lambda c, d: calls.append("early"), time_rule=api.time_rules.market_open())

    run(market, lambda c, d: calls.append("handle"), initialize)
    assert calls == ["handle", "late", "early"] * 2


def test_fills_and_marks_come_before_the_users_code(market, free):
    market.asset(1, [10, 20, 30])
    seen = []

    def handle_data(context, data):
        seen.append((context.portfolio.positions[api.sid(1)].amount, context.portfolio.portfolio_value))
        api.order_target(api.sid(1), 100)

    run(market, handle_data, free)
    assert seen == [(0, 10_000.0), (100, 10_000.0), (100, 11_000.0)]


def test_before_trading_start_knows_yesterday_seen_from_today(market):
    market.asset(1, [10, 20, 10.5, 11]).split(1, 2, 2, 1)
    seen = []

    def before(context, data):
        known = data.current(api.sid(1), ["price", "close", "volume"])
        seen.append((api.get_datetime().strftime("%m-%d %H:%M"), *known))

    run(market, before_trading_start=before)
    assert [row[0] for row in seen] == ["03-01 13:45", "03-02 13:45", "03-03 13:45", "03-04 13:45"]
    assert np.isnan(seen[0][1])
    assert [row[1:] for row in seen[1:]] == [(10.0, 10.0, 1e6), (10.0, 10.0, 2e6), (10.5, 10.5, 1e6)]


def test_before_trading_start_of_the_original_sees_todays_close(market):
    market.asset(1, [10, 20])
    seen = []
    run(market, before_trading_start=lambda c, d: seen.append(d.current(api.sid(1), "price")), semantics=ZIPLINE)
    assert seen == [10.0, 20.0]


def test_portfolio_before_the_open_is_valued_at_yesterdays_close_adjusted(market, free, on_sessions):
    market.asset(1, [10, 20, 11]).split(1, 2, 2, 1)
    values = []
    run(
        market,
        on_sessions({0: lambda c, d: api.order(api.sid(1), 100)}),
        free,
        before_trading_start=lambda c, d: values.append(c.portfolio.portfolio_value),
    )
    assert values == [10_000.0, 10_000.0, 10_000.0]


def test_time_stands_at_the_sessions_close_in_a_bar_and_is_aware(market):
    market.asset(1, [10])
    times = []
    run(market, lambda c, d: times.append((api.get_datetime(), api.get_datetime("US/Eastern"), d.current_dt)))
    utc, local, of_data = times[0]
    assert utc == of_data == pd.Timestamp("2021-03-01 21:00", tz="UTC")
    assert f"{local:%H:%M}" == "16:00"


def test_positions_past_their_life_are_closed_at_the_last_price_free_of_cost(market, on_sessions):
    market.asset(1, [10, 11, 12], auto_close=4).asset(2, [5] * 7)
    result = run(market, on_sessions({0: lambda c, d: api.order(api.sid(1), 100)}))
    closing = result.fills.iloc[-1]
    assert closing["order_id"] is pd.NA
    assert (closing["amount"], closing["price"], closing["commission"]) == (-100, 12.0, 0.0)
    assert closing["session"] == result.perf.index[4]
    assert result.perf["positions_count"].tolist() == [0, 1, 1, 1, 0, 0, 0]


def test_orders_for_an_asset_past_its_life_are_cancelled_with_the_reason(market, on_sessions):
    market.asset(1, [10, 11, 12], auto_close=3).asset(2, [5] * 6)
    result = run(market, on_sessions({2: lambda c, d: api.order(api.sid(1), 100)}))
    assert result.orders[["status", "reason"]].values.tolist() == [["cancelled", "the asset was closed"]]
    assert result.orders["updated"][0] == result.perf["period_close"].iloc[3]


def test_an_error_of_the_users_code_names_the_simulated_day(market):
    market.asset(1, [10, 11, 12])

    def handle_data(context, data):
        if api.get_datetime().day == 2:
            raise RuntimeError("boom")

    with pytest.raises(RuntimeError, match="boom") as caught:
        run(market, handle_data)
    assert caught.value.__notes__ == ["simulated time: 2021-03-02 (trading)"]


def test_a_failed_run_leaves_no_running_algorithm_behind(market):
    market.asset(1, [10])
    with pytest.raises(ZeroDivisionError):
        run(market, lambda c, d: 1 / 0)
    with pytest.raises(api.NoRunningAlgorithm, match="order\\(\\) only works while an algorithm is running"):
        api.order(None, 1)


def test_an_interrupted_run_keeps_the_complete_sessions(market):
    from tradewind.errors import RunInterrupted

    market.asset(1, [10, 11, 12])

    def handle_data(context, data):
        if api.get_datetime().day == 3:
            raise KeyboardInterrupt

    with pytest.raises(RunInterrupted) as caught:
        run(market, handle_data)
    assert len(caught.value.result.perf) == 2
    assert caught.value.result.info["status"] == "interrupted"


def test_an_error_carries_the_sessions_before_it(market, free, on_sessions):
    market.asset(1, [10, 11, 12, 13])
    with pytest.raises(ZeroDivisionError) as caught:
        run(market, on_sessions({0: lambda c, d: api.order(api.sid(1), 5), 2: lambda c, d: 1 / 0}), initialize=free)
    result = caught.value.tradewind_result
    assert (len(result.perf), len(result.positions), result.info["status"]) == (2, 1, "failed")
    assert result.orders["status"].tolist() == ["filled"]
    assert len(result.to_zipline()) == 2


class _Interrupting(list):
    """A list that is interrupted once it holds three entries."""

    def append(self, entry):
        super().append(entry)
        if len(self) == 3:
            raise KeyboardInterrupt


def test_a_run_interrupted_while_a_session_is_written_down_ends_with_the_session_before(market, free, on_sessions):
    from tradewind.errors import RunInterrupted

    market.asset(1, [10, 11, 12, 13])

    def start(context, data):
        api.order(api.sid(1), 5)
        api.record(seen=1)
        recorder = context._algorithm.recorder
        recorder._variable_rows = _Interrupting(recorder._variable_rows)

    with pytest.raises(RunInterrupted) as caught:
        run(market, on_sessions({0: start}), initialize=free)
    result = caught.value.result
    assert {name: len(getattr(result, name)) for name in ("perf", "recorded", "positions")} == {
        "perf": 2,
        "recorded": 2,
        "positions": 1,
    }
    assert len(result.to_zipline()) == 2


def test_a_run_interrupted_while_orders_are_written_down_has_each_of_them_once(market, free, on_sessions, monkeypatch):
    from tradewind import matching
    from tradewind.errors import RunInterrupted

    market.asset(1, [10, 11, 12, 13])
    write, calls = matching.write_placed, []

    def interrupted(*arguments):
        write(*arguments)
        calls.append(1)
        if len(calls) == 1:
            raise KeyboardInterrupt

    monkeypatch.setattr(matching, "write_placed", interrupted)
    with pytest.raises(RunInterrupted) as caught:
        run(market, on_sessions({1: lambda c, d: api.order(api.sid(1), 5, limit_price=9)}), initialize=free)
    assert caught.value.result.orders[["amount", "limit"]].values.tolist() == [[5.0, 9.0]]


def test_analyze_receives_the_nested_frame(market, free, on_sessions):
    market.asset(1, [10, 11, 12])
    frames = []
    buy = on_sessions({0: lambda c, d: (api.order(api.sid(1), 5), api.record(x=1.5))})
    run(market, buy, free, analyze=lambda context, perf: frames.append(perf))
    perf = frames[0]
    assert perf.index[0] == pd.Timestamp("2021-03-01 21:00", tz="UTC")
    assert perf["x"].tolist() == [1.5, 1.5, 1.5]
    assert [len(row) for row in perf["transactions"]] == [0, 1, 0]
    assert perf["transactions"].iloc[1][0]["amount"] == 5
    assert perf["orders"].iloc[0][0]["sid"].symbol == "AAA"


def test_the_same_run_twice_gives_equal_tables_and_hashes(market, on_sessions, tmp_path):
    market.asset(1, [10, 11, 12]).asset(2, [20, 19, 18])
    bundle = market.bundle()
    buy = on_sessions({0: lambda c, d: [api.order_target_percent(api.sid(s), 0.3) for s in (1, 2)]})
    for name in ("a", "b"):
        run(market, on_sessions({0: buy}), bundle=bundle).save(tmp_path / name)
    files = sorted(p.name for p in (tmp_path / "a").iterdir() if p.name != "timing.parquet")
    assert "orders.parquet" in files
    for file in files:
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes(), file


def test_positions_are_listed_by_sid(market, free, on_sessions):
    market.asset(1, [10] * 4).asset(2, [10] * 4).asset(3, [10] * 4)
    seen = []

    def look(context, data):
        positions = context.portfolio.positions
        seen.extend(([a.sid for a in positions], [p.asset.sid for p in positions.values()]))
        assert [key in positions for key in (1, np.int64(1), api.sid(1), 2, 99, "AAA")] == [True] * 3 + [False] * 3
        assert [positions[key].amount for key in (1, np.int64(3), 2)] == [5, 5, 0]
        assert positions.get(1).asset is api.sid(1)
        with pytest.raises(SidNotFound):
            positions[99]
        with pytest.raises(ForeignAsset):
            positions["AAA"]

    buy = {n: (lambda c, d, sid=sid: api.order(api.sid(sid), 5)) for n, sid in enumerate((3, 1))}
    run(market, on_sessions({**buy, 3: look}), free)
    assert seen == [[1, 3], [1, 3]]
