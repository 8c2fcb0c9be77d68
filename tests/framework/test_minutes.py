"""Minute runs: bars, fills, schedules, history of minutes and of days, the night between sessions."""

import gc

import numpy as np
import pandas as pd
import pytest

import tradewind.api as api
from tradewind import run_algorithm
from tradewind.errors import BadParameter, HistoryWindowStartsBeforeData
from tradewind.semantics import ZIPLINE
from tradewind_data.bundle import open_bundle
from tradewind_data.ingest.folder import ingest_folder

DAYS = ["2021-11-24", "2021-11-26", "2021-11-29"]  # the second closes early, at 13:00
COUNTS = [390, 210, 390]


def minutes_of(day, count):
    return pd.date_range(f"{day} 14:31", periods=count, freq="min", tz="UTC")


def frame(start, step, holes=()):
    """Closes start, start + step, … over all minutes; highs a tenth above, lows a tenth below; holes are left out."""
    stamps = np.concatenate([minutes_of(day, count).tz_localize(None) for day, count in zip(DAYS, COUNTS, strict=True)])
    close = start + step * np.arange(len(stamps))
    table = pd.DataFrame(
        {
            "date": stamps,
            "open": close - 0.05,
            "high": close + 0.1,
            "low": close - 0.1,
            "close": close,
            "volume": 1_000 + np.arange(len(stamps)),
        }
    )
    return table.drop(index=list(holes))


def daily(table):
    day = pd.to_datetime(table["date"]).dt.normalize()
    grouped = table.groupby(day)
    bars = pd.DataFrame(
        {
            "open": grouped["open"].first(),
            "high": grouped["high"].max(),
            "low": grouped["low"].min(),
            "close": grouped["close"].last(),
            "volume": grouped["volume"].sum(),
        }
    )
    return bars.rename_axis("date").reset_index()


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    """AAA rises a cent a minute and splits 2:1 on the third day; BBB misses minutes 2–4 and the first of day three.

    CCC, whose prices have five decimals, trades on the first day alone.
    """
    folder, root = tmp_path_factory.mktemp("minutes"), tmp_path_factory.mktemp("root")
    for kind in ("daily", "minute"):
        (folder / kind).mkdir()
    rising = frame(100.0, 0.01)
    third = rising.index >= 600
    rising.loc[third, ["open", "high", "low", "close"]] /= 2
    short = frame(7.12345, 0.0, holes=range(390, 990))
    for name, table in {"AAA": rising, "BBB": frame(20.0, 0.0, holes=[1, 2, 3, 600]), "CCC": short}.items():
        table.to_csv(folder / "minute" / f"{name}.csv", index=False)
        daily(table).to_csv(folder / "daily" / f"{name}.csv", index=False)
    (folder / "assets.csv").write_text("symbol,sid\nAAA,1\nBBB,2\nCCC,3\n")
    (folder / "splits.csv").write_text("symbol,effective_date,factor\nAAA,2021-11-29,2\n")
    ingest_folder(folder, "minutes", root=root)
    return open_bundle("minutes", root)


def run(bundle, handle_data=None, initialize=None, **more):
    return run_algorithm(
        initialize=initialize,
        handle_data=handle_data,
        capital_base=100_000.0,
        data_frequency="minute",
        bundle=bundle,
        **more,
    )


def at(wanted, ask):
    """Make a handle_data that keeps ask(context, data) at given times ("MM-DD HH:MM", UTC)."""
    answers = {}

    def handle_data(context, data):
        now = f"{api.get_datetime():%m-%d %H:%M}"
        if now in wanted:
            answers[now] = ask(context, data)

    return handle_data, answers


def test_every_minute_of_every_session_is_a_bar(bundle):
    times = []
    result = run(bundle, lambda c, d: times.append(api.get_datetime()))
    wanted = [stamp for day, count in zip(DAYS, COUNTS, strict=True) for stamp in minutes_of(day, count)]
    assert times == wanted
    assert len(result.perf) == 3
    assert result.info["data_frequency"] == "minute"


def test_an_order_fills_in_the_next_minute_and_positions_are_valued_when_looked_at(bundle, free):
    def trade(context, data):
        if f"{api.get_datetime():%m-%d %H:%M}" == "11-24 14:40":
            api.order(api.sid(1), 100)

    seen = {}

    def handle_data(context, data):
        trade(context, data)
        seen[f"{api.get_datetime():%m-%d %H:%M}"] = context.portfolio.portfolio_value

    result = run(bundle, handle_data, free)
    assert result.fills["price"].tolist() == [pytest.approx(100.10)]
    assert result.fills["time"][0] == pd.Timestamp("2021-11-24 14:41", tz="UTC")
    assert seen["11-24 14:40"] == seen["11-24 14:41"] == 100_000.0
    assert seen["11-24 14:51"] == pytest.approx(100_010.0)
    assert result.perf["ending_value"].iloc[0] == pytest.approx(100 * (100 + 0.01 * 389))
    assert result.positions["amount"].tolist() == [100, 100, 200]


def test_the_value_at_the_sessions_end_needs_nobody_to_look(bundle, free):
    def initialize(context):
        free(context)
        api.schedule_function(lambda c, d: api.order(api.sid(1), 100), time_rule=api.time_rules.market_open())

    result = run(bundle, None, initialize)
    assert result.fills["time"].dt.strftime("%H:%M").tolist() == ["14:32"] * 3
    closes = [100 + 0.01 * 389, 100 + 0.01 * 599, (100 + 0.01 * 989) / 2]
    assert result.perf["ending_value"].tolist() == pytest.approx([100 * closes[0], 200 * closes[1], 500 * closes[2]])


@pytest.mark.parametrize(
    ("rule", "times"),
    [
        (api.time_rules.market_open(), ["14:31"] * 3),
        (api.time_rules.market_open(minutes=90), ["16:00"] * 3),
        (api.time_rules.market_close(), ["20:59", "17:59", "20:59"]),
        (api.time_rules.market_close(minutes=30), ["20:30", "17:30", "20:30"]),
        (api.time_rules.market_close(hours=4), ["17:00", "17:00"]),
    ],
)
def test_time_rules_fire_at_their_minute_and_not_at_all_where_there_is_none(bundle, rule, times):
    seen = []
    run(
        bundle,
        None,
        lambda context: api.schedule_function(
            lambda c, d: seen.append(f"{api.get_datetime():%H:%M}"), api.date_rules.every_day(), rule
        ),
    )
    assert seen == times


def test_handle_data_comes_first_and_every_minute_is_every_minute(bundle):
    calls = []

    def initialize(context):
        api.schedule_function(lambda c, d: calls.append("each"), time_rule=api.time_rules.every_minute())
        api.schedule_function(lambda c, d: calls.append("open"), time_rule=api.time_rules.market_open())

    run(bundle, lambda c, d: calls.append("handle"), initialize, end=DAYS[0])
    assert calls[:5] == ["handle", "each", "open", "handle", "each"]
    assert (calls.count("each"), calls.count("open")) == (390, 1)


def test_every_minute_means_each_and_in_the_original_the_first_of_a_day(bundle):
    def times(semantics):
        seen = []
        each = lambda c, d: seen.append(f"{api.get_datetime():%d %H:%M}")  # noqa: E731
        once = lambda c: api.schedule_function(each, time_rule=api.time_rules.every_minute())  # noqa: E731
        run(bundle, None, once, semantics=semantics)
        return seen

    assert times(ZIPLINE) == ["24 14:31", "26 14:31", "29 14:31"]
    assert len(times("tradewind")) == sum(COUNTS)


@pytest.mark.parametrize(("semantics", "may"), [("tradewind", [True, True, False]), ("zipline", [False] * 3)])
def test_before_the_open_an_asset_can_be_traded_and_in_the_original_none(bundle, semantics, may):
    seen = {}

    def before(context, data):
        assets = api.symbols("AAA", "BBB", "CCC")
        seen[api.get_datetime().day] = data.can_trade(assets).tolist(), data.can_trade(assets[0])

    def handle_data(context, data):
        assert data.can_trade(api.sid(1))

    run(bundle, handle_data, before_trading_start=before, semantics=semantics)
    assert seen[26] == (may, may[0])


def test_an_asset_past_its_last_day_has_no_price_before_the_open(bundle):
    seen = []
    run(bundle, None, before_trading_start=lambda c, d: seen.append(d.current(api.sid(3), "price")))
    assert np.isnan(seen).all()


@pytest.mark.parametrize(("semantics", "price"), [("tradewind", 7.12345), ("zipline", 7123 * 0.001)])
def test_minutes_keep_every_digit_and_in_the_original_three_decimals(bundle, free, semantics, price):
    def ask(context, data):
        api.order(api.sid(3), 10)
        table = data.history([api.sid(1), api.sid(3)], "close", 2, "1m")
        return data.current(api.sid(3), "close"), table[api.sid(3)].iloc[-1], data.history(api.sid(3), "high", 1, "1d")

    handle_data, seen = at(["11-24 14:40"], ask)
    result = run(bundle, handle_data, free, semantics=semantics)
    close, minute, day = seen["11-24 14:40"]
    assert (close, minute) == (pytest.approx(price, rel=1e-15), pytest.approx(price, rel=1e-15))
    assert day.tolist() == [7.22345 if semantics == "tradewind" else 7223 * 0.001]
    assert result.fills["price"][0] == close


def test_current_values_and_the_last_trade(bundle):
    ask = lambda c, d: [d.current(api.sid(2), f) for f in ("price", "close", "volume", "last_traded")]  # noqa: E731
    handle_data, seen = at(["11-24 14:33", "11-29 14:31"], ask)
    run(bundle, handle_data)
    price, close, volume, last = seen["11-24 14:33"]
    assert (price, volume) == (20.0, 0.0)
    assert np.isnan(close)
    assert last == pd.Timestamp("2021-11-24 14:31", tz="UTC")
    assert seen["11-29 14:31"][0] == 20.0
    assert seen["11-29 14:31"][3] == pd.Timestamp("2021-11-26 18:00", tz="UTC")


def test_history_of_minutes_runs_through_the_night_and_the_split(bundle):
    handle_data, seen = at(["11-29 14:32"], lambda c, d: d.history([api.sid(1), api.sid(2)], "price", 4, "1m"))
    run(bundle, handle_data)
    table = seen["11-29 14:32"]
    assert table.index.strftime("%m-%d %H:%M").tolist() == ["11-26 17:59", "11-26 18:00", "11-29 14:31", "11-29 14:32"]
    assert table.iloc[:, 0].tolist() == pytest.approx([(100 + 0.01 * n) / 2 for n in (598, 599, 600, 601)])
    assert table.iloc[:, 1].tolist() == [20.0] * 4


def test_history_of_days_ends_with_today_so_far(bundle):
    fields = ["open", "high", "low", "close", "volume", "price"]
    handle_data, seen = at(["11-26 14:35"], lambda c, d: d.history(api.sid(1), fields, 2, "1d"))
    run(bundle, handle_data)
    table = seen["11-26 14:35"]
    assert table.index.strftime("%m-%d").tolist() == ["11-24", "11-26"]
    whole, today = table.iloc[0], table.iloc[1]
    assert whole[["open", "high", "low", "close"]].tolist() == pytest.approx([99.95, 103.99, 99.9, 103.89])
    first, last = 100 + 0.01 * 390, 100 + 0.01 * 394
    assert today[["open", "high", "low", "close"]].tolist() == pytest.approx(
        [first - 0.05, last + 0.1, first - 0.1, last]
    )
    assert today["volume"] == sum(1_000 + n for n in range(390, 395))
    assert today["price"] == today["close"]


def test_today_so_far_is_empty_before_the_first_trade(bundle):
    handle_data, seen = at(["11-29 14:31"], lambda c, d: d.history(api.sid(2), ["close", "volume", "price"], 1, "1d"))
    run(bundle, handle_data)
    row = seen["11-29 14:31"].iloc[0]
    assert np.isnan(row["close"])
    assert (row["volume"], row["price"]) == (0.0, 20.0)


def test_before_trading_start_knows_the_last_minute_seen_from_today(bundle):
    seen = []

    def before(context, data):
        known = data.current(api.sid(1), "price"), data.history(api.sid(1), "close", 1, "1m").iloc[-1]
        seen.append((f"{api.get_datetime():%m-%d %H:%M}", *known) if len(seen) else ("first",))

    def skip_first(context, data):
        if not seen:
            seen.append(("first", data.current(api.sid(1), "price")))
        else:
            before(context, data)

    run(bundle, None, before_trading_start=skip_first)
    assert np.isnan(seen[0][1])
    assert seen[1] == ("11-26 13:45", pytest.approx(103.89), pytest.approx(103.89))
    assert seen[2] == ("11-29 13:45", pytest.approx(105.99 / 2), pytest.approx(105.99 / 2))


def test_days_before_the_open_are_whole_ones(bundle):
    seen = []

    def before(context, data):
        if api.get_datetime().day == 29:
            seen.append(data.history(api.sid(1), "close", 2, "1d").tolist())

    run(bundle, None, before_trading_start=before)
    assert seen == [pytest.approx([103.89 / 2, 105.99 / 2])]


def place_late(context, data):
    if f"{api.get_datetime():%m-%d %H:%M}" == "11-24 21:00":
        api.order(api.sid(1), 10)


def test_minute_orders_end_with_the_session(bundle, caplog):
    result = run(bundle, place_late)
    assert result.orders[["status", "filled"]].values.tolist() == [["cancelled", 0]]
    assert "AAA" in caplog.text
    kept = run(bundle, place_late, semantics=ZIPLINE)
    assert kept.fills["time"][0] == pd.Timestamp("2021-11-26 14:31", tz="UTC")


@pytest.mark.parametrize(
    ("ask", "error", "said"),
    [
        (lambda d: d.history(api.sid(1), "price", 1, "5m"), BadParameter, "'1m' or '1d'"),
        (lambda d: d.history(api.sid(1), "price", 0, "1m"), BadParameter, "bar_count was 0"),
        (lambda d: d.history(api.sid(1), "price", 20, "1m"), HistoryWindowStartsBeforeData, "at most 10"),
    ],
)
def test_refusals(bundle, ask, error, said):
    handle_data, _ = at(["11-24 14:40"], lambda c, d: ask(d))
    with pytest.raises(error, match=said) as caught:
        run(bundle, handle_data)
    assert caught.value.__notes__ == ["simulated time: 2021-11-24 14:40 UTC (trading)"]


def test_volume_limits_start_anew_every_minute(bundle):
    handle_data, _ = at(["11-24 14:31"], lambda c, d: api.order(api.sid(1), 250))
    result = run(bundle, handle_data)
    assert result.fills["amount"].tolist() == [100, 100, 50]


def test_an_order_of_minutes_has_its_story_and_the_run_its_frequency(bundle, free):
    seen = []

    def initialize(context):
        free(context)
        api.set_max_order_size(max_shares=1, on_error="log")
        seen.append(api.get_environment("data_frequency"))

    def handle_data(context, data):
        if not hasattr(context, "ordered"):
            context.ordered = api.order(api.sid(1), 7.5)

    result = run(bundle, handle_data, initialize)
    story = result.explain(0)
    assert seen == ["minute"]
    assert story.steps["step"].tolist()[:3] == ["placed", "controlled", "filled"]
    assert story.steps["time"].iloc[2] - story.steps["time"].iloc[0] == pd.Timedelta(minutes=1)
    assert "placed: 7 shares, rounded from 7.5000" in str(story)


def test_minute_emission_tells_the_account_at_the_end_of_each_minute(bundle, free):
    def initialize(context):
        free(context)
        at_open, late = api.time_rules.market_open(), api.time_rules.market_open(minutes=100)
        api.schedule_function(lambda c, d: api.order(api.sid(1), 1500), time_rule=at_open)
        api.schedule_function(lambda c, d: (api.order_target(api.sid(1), 0), api.record(out=1)), time_rule=late)

    result = run(bundle, None, initialize, end=DAYS[0], emission_rate="minute")
    told = result.minutes
    assert (told["time"].iloc[0], len(told)) == (pd.Timestamp("2021-11-24 14:31", tz="UTC"), 390)
    assert told["ending_value"].iloc[[0, 1, 2, 99, 100, 101]].tolist() == pytest.approx(
        [0, 1500 * 100.01, 1500 * 100.02, 1500 * 100.99, 0, 0]
    )
    assert told["pnl"].iloc[99:101].tolist() == pytest.approx([1500 * 0.98, 1500 * 0.99])
    assert told["capital_used"].iloc[1] == pytest.approx(-1500 * 100.01)
    assert told["out"].isna().sum() == 99
    assert result.perf["gross_leverage"].iloc[0] == 0
    assert result.perf["max_leverage"].iloc[0] == told["gross_leverage"].max() > 1.5
    assert run(bundle, None, initialize, end=DAYS[0]).perf["max_leverage"].iloc[0] == 0


def test_minutes_are_not_told_of_days(bundle):
    assert not len(run(bundle, end=DAYS[0]).minutes)
    with pytest.raises(BadParameter, match="emission_rate"):
        run_algorithm(bundle=bundle, emission_rate="minute")


def test_a_window_of_minutes_or_days_is_the_history_as_an_array(bundle):
    compared = []

    def handle_data(context, data):
        context.n = getattr(context, "n", 0) + 1
        if context.n % 97 and context.n not in (2, 3, 601):
            return
        a, b, c = (api.sid(n) for n in (1, 2, 3))
        for wanted in (a, [a, b, c], [c, a], [b]):
            for field in ("price", "high", "volume"):
                for bars, frequency in ((1, "1m"), (min(context.n, 300), "1m"), (1, "1d")):
                    window = data.window(wanted, field, bars, frequency)
                    np.testing.assert_array_equal(window, data.history(wanted, field, bars, frequency).to_numpy())
                    compared.append(not window.flags.writeable)

    run_algorithm(handle_data=handle_data, bundle=bundle, data_frequency="minute")
    assert len(compared) > 400
    assert all(compared)


def test_what_a_failed_minute_run_leaves_behind_can_be_collected(bundle):
    """An error that knows itself keeps the frames of its run in a cycle, with the prices they were reading."""

    def fail(context, data):
        raise ValueError("on purpose")

    for _ in range(3):
        with pytest.raises(ValueError, match="on purpose") as caught:
            run(bundle, fail)
        caught.value.me = caught.value
        del caught
        gc.collect()


def growth_of(values, flows):
    """Π of value after / value before over moments, where flows[i] came in between moments i − 1 and i."""
    product = 1.0
    for i in range(1, len(values)):
        product *= values[i] / (values[i - 1] + flows.get(i, 0.0))
    return product


@pytest.mark.parametrize("semantics", ["tradewind", "zipline"])
@pytest.mark.parametrize("watched", [True, False])
def test_capital_comes_and_goes_within_a_day_at_the_prices_of_the_minute_before(bundle, free, semantics, watched):
    changes = {
        "2021-11-24 15:00": 5_000.0,
        pd.Timestamp("2021-11-24 12:00", tz="America/New_York"): ("target", 12_000.0),
        "2021-11-24 16:59:30": -1_000.0,  # with the second that ends at 17:00: after the target, in the order of time
        "2021-11-25 15:00": 100.0,  # a holiday: the first minute of the next session
        "2021-11-26 18:30": 7.0,  # after the early close: the first minute of the session after
        "2021-11-29": 50.0,
    }
    seen = {}

    def buy(context, data):
        api.order(api.sid(1), 40)

    def initialize(context):
        free(context)
        at = api.time_rules.market_open(minutes=1)
        api.schedule_function(lambda c, d: buy(c, d) if not c.portfolio.positions else None, time_rule=at)

    def look(context, data):
        seen[api.get_datetime()] = context.portfolio.portfolio_value, context.portfolio.returns, context.portfolio.pnl

    more = {"emission_rate": "minute"} if watched else {}
    result = run(bundle, look if watched else None, initialize, capital_changes=changes, semantics=semantics, **more)
    stamps = [stamp for day, count in zip(DAYS, COUNTS, strict=True) for stamp in minutes_of(day, count)]
    rounded = semantics == "zipline"
    price = np.array(
        [100 + 0.01 * i if i < 600 else round((100 + 0.01 * i) / 2, 3 if rounded else 12) for i in range(990)]
    )
    shares = np.where(np.arange(990) == 0, 0, np.where(np.arange(990) < 600, 40, 80))
    base = 100_000.0 - 40 * price[1]
    at = {
        "2021-11-24 15:00": 5_000.0,
        "2021-11-24 17:00": "target",
        DAYS[1] + " 14:31": 100.0,
        DAYS[2] + " 14:31": 57.0,
    }
    flows, values, cash = {}, [100_000.0], base
    for i, stamp in enumerate(stamps):
        flow = at.get(f"{stamp:%Y-%m-%d %H:%M}", 0.0)
        if flow == "target":
            flow = 12_000.0 - values[-1] - 1_000.0
        cash, flows[i + 1] = cash + flow, flow
        values.append(cash + shares[i] * price[i] if i else 100_000.0)
    closes = np.cumsum([0, *COUNTS])
    assert [(each["session"], each.get("time", "")[-5:]) for each in result.info["capital_changes"]] == [
        (DAYS[0], "15:00"),
        (DAYS[0], "17:00"),
        (DAYS[0], "17:00"),
        (DAYS[1], "14:31"),
        (DAYS[2], ""),
        (DAYS[2], "14:31"),
    ]
    perf = result.perf
    np.testing.assert_allclose(perf["portfolio_value"], [values[i] for i in closes[1:]], rtol=1e-12)
    for day in range(3):
        lo, hi = closes[day], closes[day + 1]
        within = {i - lo: flows[i] for i in range(lo + 1, hi + 1)}
        gained = growth_of(values[lo : hi + 1], within) - 1
        assert perf["returns"].iloc[day] == pytest.approx(gained, rel=1e-9)
        flowed = sum(within.values())
        assert perf["pnl"].iloc[day] == pytest.approx(values[hi] - values[lo] - flowed, rel=1e-9, abs=1e-6)
    assert perf["capital_used"].tolist() == pytest.approx([-40 * price[1], 0, 0])
    if not watched:
        return
    for i in (0, 28, 29, 148, 149, 150, 389, 390, 599, 600, 989):
        value, returns, pnl = seen[stamps[i]]
        assert value == pytest.approx(values[i + 1], rel=1e-12)
        assert returns == pytest.approx(growth_of(values[: i + 2], flows) - 1, rel=1e-9, abs=1e-12)
        assert pnl == pytest.approx(value - 100_000 - sum(flows[k] for k in range(1, i + 2)), rel=1e-9, abs=1e-6)
        day = int(np.searchsorted(closes, i, side="right")) - 1
        row, since = result.minutes.iloc[i], closes[day]
        own = {k - since: flows[k] for k in range(since + 1, i + 2)}
        assert row["pnl"] == pytest.approx(value - values[since] - sum(own.values()), rel=1e-9, abs=1e-6)
        assert row["returns"] == pytest.approx(growth_of(values[since : i + 2], own) - 1, rel=1e-9, abs=1e-12)


def test_capital_cannot_come_after_the_last_minute_and_a_daily_run_takes_it_in_the_morning(bundle):
    with pytest.raises(BadParameter, match="the days of the run"):
        run(bundle, capital_changes={"2021-11-29 21:01": 5.0})
    days = run_algorithm(bundle=bundle, capital_changes={"2021-11-29 20:00": 5.0})
    assert days.info["capital_changes"][0].get("time") is None
    late = run(bundle, capital_changes={"2021-11-29 21:00": 5.0})
    assert late.info["capital_changes"][0]["time"] == "2021-11-29 21:00"
    assert late.perf["returns"].tolist() == [0.0] * 3


@pytest.mark.parametrize("handled", [True, False])
def test_what_is_scheduled_while_a_session_runs_is_due_on_it_from_then_on(bundle, handled):
    seen = []

    def tell(context, data):
        seen.append(f"{data.current_dt:%d %H:%M}")

    def begin(context, data):
        if api.get_datetime() == pd.Timestamp("2021-11-24 15:00", tz="UTC"):
            for minutes in (29, 30, 31):  # 14:59 is over, 15:00 is now
                api.schedule_function(tell, api.date_rules.every_day(), api.time_rules.market_open(minutes=minutes))

    def initialize(context):
        if not handled:
            api.schedule_function(begin, api.date_rules.every_day(), api.time_rules.market_open(minutes=30))

    run(bundle, begin if handled else None, initialize)
    later = [f"{day} {time}" for day in (26, 29) for time in ("14:59", "15:00", "15:01")]
    assert seen == ["24 15:00", "24 15:01", *later]


def test_a_quiet_minute_run_values_its_holdings_at_the_last_minute_not_at_the_daily_close(tmp_path, free):
    minutes = frame(100.0, 0.01)
    days = daily(minutes)
    days["close"] += 0.05
    for kind, table in {"daily": days, "minute": minutes}.items():
        (tmp_path / kind).mkdir()
        table.to_csv(tmp_path / kind / "AAA.csv", index=False)
    ingest_folder(tmp_path, "other", root=tmp_path / "root")

    def initialize(context):
        free(context)
        api.schedule_function(lambda c, d: api.order(api.sid(1), 10), api.date_rules.week_end())

    opened = open_bundle("other", tmp_path / "root")
    result = run(opened, initialize=initialize, start=DAYS[0], end=DAYS[2])
    last = [100 + 0.01 * (count - 1) for count in np.cumsum(COUNTS)]
    np.testing.assert_allclose(result.positions["last_sale_price"], last[1:], rtol=1e-9)


def test_the_highest_leverage_counts_a_short_of_some_minutes(bundle, free):
    def handle_data(context, data):
        context.n = getattr(context, "n", -1) + 1
        if context.n in (0, 100):
            api.order(api.sid(2), -1_000 if context.n == 0 else 1_000)

    told = run(bundle, handle_data, free, emission_rate="minute", end=DAYS[0])
    assert told.perf["max_leverage"].tolist() == [pytest.approx(0.2)]
    assert told.perf["gross_leverage"].tolist() == [0.0]
