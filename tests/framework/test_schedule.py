"""Date rules against a plain grouping of the calendar's sessions."""

import datetime as dt

import numpy as np
import pandas as pd
import pytest

from tradewind.errors import BadParameter
from tradewind.run import run_algorithm
from tradewind.schedule import Scheduled, date_rules, once_in_24_hours, time_rules
from tradewind_data.sessions import build_sessions

RULES = {
    "week_start": ("W", 0),
    "week_end": ("W", -1),
    "month_start": ("M", 0),
    "month_end": ("M", -1),
}


@pytest.fixture(scope="module")
def sessions():
    return build_sessions("XNYS", pd.Timestamp("2018-12-31"), pd.Timestamp("2021-12-31"))


def grouped(sessions, period, end, offset):
    """The sessions at `offset` from the start or the end of each group, by a dict of lists."""
    groups = {}
    for ordinal, day in enumerate(sessions.index):
        key = day.isocalendar()[:2] if period == "W" else (day.year, day.month)
        groups.setdefault(key, []).append(ordinal)
    wanted = np.zeros(len(sessions), dtype=bool)
    for members in groups.values():
        if offset < len(members):
            wanted[members[offset] if end == 0 else members[-1 - offset]] = True
    return wanted


@pytest.mark.parametrize("name", RULES)
def test_every_offset_of_every_rule(sessions, name):
    period, end = RULES[name]
    for offset in range(5 if period == "W" else 23):
        mask = getattr(date_rules, name)(offset).mask(sessions.labels)
        np.testing.assert_array_equal(mask, grouped(sessions, period, end, offset), err_msg=f"{name}({offset})")


def test_a_short_week_is_skipped_by_an_offset_it_does_not_have(sessions):
    thanksgiving = sessions.index.get_indexer(pd.to_datetime(["2020-11-23", "2020-11-27"]).as_unit("ns"))
    fifth = date_rules.week_start(4).mask(sessions.labels)
    assert not fifth[thanksgiving[0] : thanksgiving[1] + 1].any()


def test_half_days_can_be_left_out(sessions):
    every = Scheduled(print, date_rules.every_day(), time_rules.market_open(), half_days=True)
    full = Scheduled(print, date_rules.every_day(), time_rules.market_open(), half_days=False)
    assert every.sessions(sessions.labels, sessions.early).all()
    left_out = sessions.index[~full.sessions(sessions.labels, sessions.early)]
    assert "2020-11-27" in left_out.strftime("%Y-%m-%d")
    assert len(left_out) == sessions.early.sum() > 5


@pytest.mark.parametrize(
    ("rule", "bound"), [("week_start", 5), ("week_end", 5), ("month_start", 23), ("month_end", 23)]
)
def test_offsets_out_of_range_are_refused(rule, bound):
    assert getattr(date_rules, rule)(1.0).offset == 1
    for offset in (-1, bound, 1.5, "1"):
        with pytest.raises(BadParameter, match=f"{rule}: days_offset was {offset!r}"):
            getattr(date_rules, rule)(offset)


@pytest.mark.parametrize(
    ("given", "minutes"),
    [
        ({}, 1),
        ({"minutes": 90}, 90),
        ({"hours": 1, "minutes": 30}, 90),
        ({"hours": 0.5}, 30),
        ({"minutes": np.int64(7)}, 7),
        ({"hours": 0.55}, 33),
        ({"minutes": 1.5}, 1),
        ({"offset": dt.timedelta(hours=2)}, 120),
    ],
)
def test_time_offsets(given, minutes):
    assert time_rules.market_open(**given).minutes == time_rules.market_close(**given).minutes == minutes


@pytest.mark.parametrize(
    "given",
    [
        {"hours": 13},
        {"minutes": -5},
        {"minutes": 0},
        {"hours": 0, "minutes": 0},
        {"minutes": 1e300},
        {"minutes": "7"},
        {"minutes": np.nan},
        {"offset": 30},
        {"offset": dt.timedelta(hours=1), "minutes": 1},
    ],
)
def test_time_offsets_out_of_range_are_refused(given):
    with pytest.raises(BadParameter, match="market_close"):
        time_rules.market_close(**given)


def test_a_time_rule_in_the_place_of_a_date_rule_holds_every_day(market):
    seen = []

    def initialize(context):
        with pytest.warns(UserWarning, match=r"write time_rule=time_rules.market_close\(minutes=1\)"):
            context.schedule_function(lambda context, data: seen.append(1), time_rules.market_close())

    run_algorithm(initialize=initialize, bundle=market.asset(1, [10.0] * 4).bundle())
    assert len(seen) == 4


def test_an_early_close_is_not_missed_and_in_the_original_it_is(market, tmp_path):
    """Christmas Eve closes at 13:00: less than 24 hours after the close of the day before."""
    seen = {"tradewind": [], "zipline": []}
    made = type(market)(tmp_path / "december", start="2020-12-01").asset(1, [10.0] * 22)
    for semantics, days in seen.items():

        def initialize(context, days=days):
            context.schedule_function(lambda context, data, days=days: days.append(f"{data.current_session:%m-%d}"))

        run_algorithm(initialize=initialize, bundle=made.bundle(semantics), semantics=semantics)
    assert set(seen["tradewind"]) - set(seen["zipline"]) == {"12-24"}
    assert len(seen["tradewind"]) == len(seen["zipline"]) + 1 == 22


def test_once_in_24_hours_counts_from_the_first_session_of_the_run():
    hours = 3600 * 10**9
    closes = np.array([0, 21, 45, 66, 93]) * hours
    on = np.array([True, True, True, True, True])
    assert once_in_24_hours(on, closes, 1).tolist() == [True, True, True, False, True]
    assert once_in_24_hours(np.array([True, True, False, True, True]), closes, 1).tolist()[3]
