"""When a scheduled function runs: date rules (which sessions) and time rules (which moment of the session).

A date rule is compiled once into a bool vector over the bundle's sessions. Weeks are ISO weeks and months calendar
months, both grouped over the *calendar's* sessions, so that the n-th session of a week does not depend on where a run
starts; a week with too few sessions for the offset is skipped. In daily mode every time rule means the session's one
bar.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from tradewind.amounts import not_negative
from tradewind.errors import BadParameter

WEEK_OFFSETS = 5
MONTH_OFFSETS = 23
LONGEST = 720  # minutes from the open or before the close
NS_A_DAY = 86_400 * 10**9


def _day_numbers(labels: np.ndarray) -> np.ndarray:
    """Return days since 1970-01-01 of int64 ns session labels."""
    return labels // NS_A_DAY


def _weeks(labels: np.ndarray) -> np.ndarray:
    """Return a number that is equal within one ISO week (Monday to Sunday) and grows from week to week."""
    return (_day_numbers(labels) + 3) // 7


def _months(labels: np.ndarray) -> np.ndarray:
    """Return months since 1970-01 of int64 ns session labels."""
    return labels.astype("datetime64[ns]").astype("datetime64[M]").astype(np.int64)


def _rank_in_group(groups: np.ndarray) -> np.ndarray:
    """Return the 0-based rank of each element within its run of equal values."""
    starts = np.flatnonzero(np.r_[True, groups[1:] != groups[:-1]])
    sizes = np.diff(np.r_[starts, len(groups)])
    return np.arange(len(groups)) - np.repeat(starts, sizes)


def _rank_from_end(groups: np.ndarray) -> np.ndarray:
    """Return the 0-based rank of each element counted from the end of its run of equal values."""
    return _rank_in_group(groups[::-1])[::-1]


@dataclass(frozen=True)
class DateRule:
    """Which sessions a function runs on: name, offset in sessions, and the rule itself."""

    name: str
    offset: int
    rule: Callable[[np.ndarray, int], np.ndarray]

    def mask(self, labels: np.ndarray) -> np.ndarray:
        """Return bool[S]: on which of the sessions (int64 ns labels) the rule holds."""
        return self.rule(labels, self.offset)

    def __repr__(self) -> str:
        """Show the call that makes this rule."""
        return f"date_rules.{self.name}({self.offset or ''})"


@dataclass(frozen=True)
class TimeRule:
    """Which moment of the session: an offset in minutes from the open or before the close; None = every minute."""

    anchor: str
    minutes: int | None

    def minutes_of(self, count: int) -> range:
        """Return the minutes of a session of `count` minutes (0 = the first): one, none when it is too short, or all.

        market_open(minutes=m) is the m-th minute, market_close(minutes=m) the one that ends m minutes before the close.
        """
        if self.minutes is None:
            return range(count)
        minute = self.minutes - 1 if self.anchor == "market_open" else count - 1 - self.minutes
        return range(minute, minute + 1) if 0 <= minute < count else range(0)

    def __repr__(self) -> str:
        """Show the call that makes this rule."""
        return f"time_rules.{self.anchor}({'' if self.minutes is None else f'minutes={self.minutes}'})"


def _every_day(labels: np.ndarray, offset: int) -> np.ndarray:
    return np.ones(len(labels), dtype=bool)


def _week_start(labels: np.ndarray, offset: int) -> np.ndarray:
    return np.asarray(_rank_in_group(_weeks(labels)) == offset)


def _week_end(labels: np.ndarray, offset: int) -> np.ndarray:
    return np.asarray(_rank_from_end(_weeks(labels)) == offset)


def _month_start(labels: np.ndarray, offset: int) -> np.ndarray:
    return np.asarray(_rank_in_group(_months(labels)) == offset)


def _month_end(labels: np.ndarray, offset: int) -> np.ndarray:
    return np.asarray(_rank_from_end(_months(labels)) == offset)


def _checked_offset(rule: str, days_offset: float, bound: int) -> int:
    """Return the offset as an int; refuse one that no week or month can have."""
    whole = hasattr(days_offset, "__index__") or (isinstance(days_offset, float) and days_offset.is_integer())
    if not whole or not 0 <= days_offset < bound:
        raise BadParameter(f"date_rules.{rule}: days_offset", days_offset, f"a whole number from 0 to {bound - 1}")
    return int(days_offset)


def once_in_24_hours(on: np.ndarray, closes: np.ndarray, first: int) -> np.ndarray:
    """Return bool[S]: `on` without the sessions that come less than 24 hours after one on which it held.

    A day begins with the first close (int64 ns) at least 24 hours after the one that began the day before; a rule
    holds once in it. `first` is the session from which days are counted.
    """
    out, began, ran = on.copy(), -NS_A_DAY, False
    for session in range(first, len(on)):
        if closes[session] >= began + NS_A_DAY:
            began, ran = int(closes[session]), False
        out[session] = on[session] and not ran
        ran = ran or bool(on[session])
    return out


class date_rules:  # noqa: N801 - the published name of this namespace
    """Which sessions a scheduled function runs on."""

    @staticmethod
    def every_day() -> DateRule:
        """Every session."""
        return DateRule("every_day", 0, _every_day)

    @staticmethod
    def week_start(days_offset: int = 0) -> DateRule:
        """The session `days_offset` sessions after the first of each week."""
        return DateRule("week_start", _checked_offset("week_start", days_offset, WEEK_OFFSETS), _week_start)

    @staticmethod
    def week_end(days_offset: int = 0) -> DateRule:
        """The session `days_offset` sessions before the last of each week."""
        return DateRule("week_end", _checked_offset("week_end", days_offset, WEEK_OFFSETS), _week_end)

    @staticmethod
    def month_start(days_offset: int = 0) -> DateRule:
        """The session `days_offset` sessions after the first of each month."""
        return DateRule("month_start", _checked_offset("month_start", days_offset, MONTH_OFFSETS), _month_start)

    @staticmethod
    def month_end(days_offset: int = 0) -> DateRule:
        """The session `days_offset` sessions before the last of each month."""
        return DateRule("month_end", _checked_offset("month_end", days_offset, MONTH_OFFSETS), _month_end)


def _offset_minutes(rule: str, offset: dt.timedelta | None, hours: float | None, minutes: float | None) -> int:
    """Return the offset in whole minutes, 1 by default; refuse less than 1 minute or more than 12 hours."""
    if offset is None and hours is None and minutes is None:
        return 1
    if offset is None:
        spans = _amount(rule, "hours", hours), _amount(rule, "minutes", minutes)
        offset = dt.timedelta(hours=spans[0], minutes=spans[1])
    elif hours is not None or minutes is not None:
        raise BadParameter(f"time_rules.{rule}: offset", offset, "given alone, without hours or minutes")
    elif not isinstance(offset, dt.timedelta):
        raise BadParameter(f"time_rules.{rule}: offset", offset, "a timedelta, or given by name: minutes=…, hours=…")
    total = offset.total_seconds() / 60
    if not 1 <= total <= LONGEST:
        raise BadParameter(f"time_rules.{rule}", f"{total:g} minutes", "between 1 minute and 12 hours")
    return int(total)


def _amount(rule: str, name: str, value: float | None) -> float:
    """Return so many hours or minutes as a float, 0 for None; refuse what is no number, and more than there can be."""
    found = 0.0 if value is None else not_negative(f"time_rules.{rule}: {name}", value)
    if found > LONGEST:
        raise BadParameter(f"time_rules.{rule}: {name}", value, "at most 12 hours")
    return found


class time_rules:  # noqa: N801 - the published name of this namespace
    """Which moment of the session a scheduled function runs at; in daily mode all mean the session's one bar."""

    @staticmethod
    def market_open(
        offset: dt.timedelta | None = None, hours: float | None = None, minutes: float | None = None
    ) -> TimeRule:
        """So long after the open (1 minute by default: the first bar)."""
        return TimeRule("market_open", _offset_minutes("market_open", offset, hours, minutes))

    @staticmethod
    def market_close(
        offset: dt.timedelta | None = None, hours: float | None = None, minutes: float | None = None
    ) -> TimeRule:
        """So long before the close (1 minute by default)."""
        return TimeRule("market_close", _offset_minutes("market_close", offset, hours, minutes))

    @staticmethod
    def every_minute() -> TimeRule:
        """Every minute of the session."""
        return TimeRule("every_minute", None)


class calendars:  # noqa: N801 - the published name of this namespace
    """The calendars that schedule_function knows by name."""

    US_EQUITIES = "US_EQUITIES"
    US_FUTURES = "US_FUTURES"


@dataclass(frozen=True)
class Scheduled:
    """A function and when it runs."""

    function: Callable[[Any, Any], Any]
    date_rule: DateRule
    time_rule: TimeRule
    half_days: bool

    def check(self) -> None:
        """Refuse what is no function and what are no rules."""
        if not callable(self.function):
            allowed = "a function of context and data: its name, without parentheses"
            raise BadParameter("schedule_function: func", self.function, allowed)
        if not isinstance(self.date_rule, DateRule):
            allowed = "a date rule, such as date_rules.every_day()"
            raise BadParameter("schedule_function: date_rule", self.date_rule, allowed)
        if not isinstance(self.time_rule, TimeRule):
            allowed = "a time rule, such as time_rules.market_open(minutes=30)"
            raise BadParameter("schedule_function: time_rule", self.time_rule, allowed)

    def sessions(self, labels: np.ndarray, early: np.ndarray) -> np.ndarray:
        """Return bool[S]: the sessions on which the function runs; early closes only if half_days."""
        mask = self.date_rule.mask(labels)
        return mask if self.half_days else np.asarray(mask & ~early)
