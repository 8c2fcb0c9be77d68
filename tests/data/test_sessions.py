"""Sessions: ordinals and labels, and the calendar they come from."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from tradewind_data.errors import CalendarNotFound, SessionOutOfBounds
from tradewind_data.sessions import DAY_NS, Sessions, build_sessions, date_text


def ns(text: str) -> int:
    return pd.Timestamp(text).as_unit("ns").value


@pytest.fixture(scope="module")
def xnys() -> Sessions:
    return build_sessions("XNYS", pd.Timestamp("2019-11-25"), pd.Timestamp("2020-01-06"))


def test_known_sessions_of_the_new_york_exchange(xnys: Sessions) -> None:
    found = [str(d.date()) for d in xnys.index]
    assert found[:5] == ["2019-11-25", "2019-11-26", "2019-11-27", "2019-11-29", "2019-12-02"]
    assert "2019-12-25" not in found
    assert "2020-01-01" not in found
    assert found[-1] == "2020-01-06"
    assert xnys.index.dtype == "datetime64[ns]"
    assert xnys.index.tz is None


def test_opens_and_closes_are_utc_and_half_days_early(xnys: Sessions) -> None:
    black_friday = xnys.ordinal(ns("2019-11-29"))
    assert date_text(xnys.opens[black_friday]) == "2019-11-29 14:30:00"
    assert date_text(xnys.closes[black_friday]) == "2019-11-29 18:00:00"
    assert date_text(xnys.closes[0]) == "2019-11-25 21:00:00"
    assert [str(d.date()) for d in xnys.index[xnys.early]] == ["2019-11-29", "2019-12-24"]


def test_summer_time_moves_the_open() -> None:
    s = build_sessions("XNYS", pd.Timestamp("2020-03-05"), pd.Timestamp("2020-03-10"))
    assert [date_text(o)[11:] for o in s.opens] == ["14:30:00", "14:30:00", "13:30:00", "13:30:00"]


def test_ordinals(xnys: Sessions) -> None:
    for i, label in enumerate(xnys.labels):
        assert xnys.ordinal(int(label)) == xnys.at_or_after(int(label)) == xnys.at_or_before(int(label)) == i
        assert xnys.label(i).value == label
    thanksgiving = ns("2019-11-28")
    assert (xnys.at_or_before(thanksgiving), xnys.at_or_after(thanksgiving)) == (2, 3)
    assert xnys.at_or_before(ns("2019-01-01")) == -1
    assert xnys.at_or_after(ns("2021-01-01")) == len(xnys)


def test_the_error_names_the_nearest_sessions(xnys: Sessions) -> None:
    with pytest.raises(
        SessionOutOfBounds, match="2019-11-28 is no session of XNYS; the nearest: 2019-11-27 and 2019-11-29"
    ):
        xnys.ordinal(ns("2019-11-28"))
    with pytest.raises(
        SessionOutOfBounds, match="outside the sessions 2019-11-25 … 2020-01-06; the nearest: 2020-01-06"
    ):
        xnys.ordinal(ns("2021-01-04"))
    with pytest.raises(SessionOutOfBounds) as caught:
        xnys.ordinal(ns("2019-11-26 09:30"))
    assert (caught.value.value, caught.value.first) == ("2019-11-26 09:30:00", "2019-11-25")


def test_arrays_cannot_be_written(xnys: Sessions) -> None:
    with pytest.raises(ValueError, match="read-only"):
        xnys.labels[0] = 0


def test_every_day_is_a_session_of_24_7() -> None:
    s = build_sessions("24/7", pd.Timestamp("2020-02-27"), pd.Timestamp("2020-03-02"))
    assert np.array_equal(np.diff(s.labels), np.full(4, DAY_NS))
    assert not s.early.any()


def test_a_single_day() -> None:
    s = build_sessions("XNYS", pd.Timestamp("2020-01-02"), pd.Timestamp("2020-01-02"))
    assert len(s) == 1


def test_calendars_with_bounds() -> None:
    late = build_sessions("XHKG", pd.Timestamp("2049-12-20"), pd.Timestamp("2050-06-01"))
    assert str(late.index[-1].date()) == "2049-12-31"
    with pytest.raises(CalendarNotFound, match="'XHKG' begins on 1960-01-01"):
        build_sessions("XHKG", pd.Timestamp("1950-01-01"), pd.Timestamp("1960-06-01"))
