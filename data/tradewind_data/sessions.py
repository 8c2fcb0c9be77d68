"""Trading days as ordinals: the session table of a bundle, and the one place that asks an exchange calendar.

A session is its ordinal s ∈ [0, S) in the stored table. labels[s] is the naive date at midnight, opens[s] the market
open and closes[s] the close, each int64 nanoseconds (opens and closes UTC). The table is written into the bundle when
it is ingested, so reading a bundle never builds a calendar.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from tradewind_data.errors import CalendarNotFound, SessionOutOfBounds

Int64Array = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]

DAY_NS = 86_400_000_000_000
MINUTE_NS = 60_000_000_000


def date_text(label_ns: int) -> str:
    """``YYYY-MM-DD`` of a label; ``YYYY-MM-DD HH:MM:SS`` when it has a time of day."""
    if label_ns % DAY_NS == 0:
        return str(np.datetime64(int(label_ns) // DAY_NS, "D"))
    return str(np.datetime64(int(label_ns), "ns"))[:19].replace("T", " ")


@dataclass(frozen=True, eq=False)
class Sessions:
    """S consecutive sessions of one calendar: ordinals ↔ labels by binary search over sorted int64 labels.

    calendar: name in exchange_calendars (``XNYS``, ``24/7`` …). labels, opens, closes: int64[S] ns, read-only, labels
    strictly increasing. early: bool[S], True where the close is earlier than usual.
    """

    calendar: str
    labels: Int64Array
    opens: Int64Array
    closes: Int64Array
    early: BoolArray

    def __post_init__(self) -> None:
        for array in (self.labels, self.opens, self.closes, self.early):
            array.setflags(write=False)

    def __len__(self) -> int:
        return len(self.labels)

    @cached_property
    def index(self) -> pd.DatetimeIndex:
        """The labels as a naive DatetimeIndex[ns] of length S."""
        return pd.DatetimeIndex(self.labels.view("datetime64[ns]"))

    def label(self, ordinal: int) -> pd.Timestamp:
        """labels[ordinal] as a naive Timestamp[ns]. IndexError outside [−S, S)."""
        return pd.Timestamp(int(self.labels[ordinal]), unit="ns")

    def ordinal(self, label_ns: int) -> int:
        """The s with labels[s] == label_ns. SessionOutOfBounds, naming the nearest sessions, when there is none."""
        s = int(np.searchsorted(self.labels, label_ns))
        if s == len(self) or self.labels[s] != label_ns:
            raise self._no_session(label_ns, s)
        return s

    def at_or_after(self, label_ns: int) -> int:
        """min {s: labels[s] ≥ label_ns}; S when every session is earlier."""
        return int(np.searchsorted(self.labels, label_ns))

    def at_or_before(self, label_ns: int) -> int:
        """max {s: labels[s] ≤ label_ns}; −1 when every session is later."""
        return int(np.searchsorted(self.labels, label_ns, side="right")) - 1

    @cached_property
    def minutes(self) -> Minutes:
        """The minutes of all the sessions, as ordinals."""
        return Minutes(self)

    def _no_session(self, label_ns: int, s: int) -> SessionOutOfBounds:
        around = " and ".join(date_text(self.labels[i]) for i in (s - 1, s) if 0 <= i < len(self))
        first, last = date_text(self.labels[0]), date_text(self.labels[-1])
        inside = 0 < s < len(self)
        problem = f"is no session of {self.calendar}" if inside else f"is outside the sessions {first} … {last}"
        return SessionOutOfBounds(date_text(label_ns), first, last, f"{problem}; the nearest: {around}.")


class Minutes:
    """The M minutes of a session table as ordinals: session s owns starts[s] … starts[s + 1] − 1.

    A minute is named by its end: minute k of session s is (opens[s] + k min, opens[s] + (k + 1) min], stamped with the
    latter, so the first stamp of a New York session is 14:31 UTC in winter and the last its close. starts: int64[S +
    1], read-only. A pause within a session (Hong Kong's lunch) counts as minutes without a trade.
    """

    def __init__(self, sessions: Sessions) -> None:
        self._opens = sessions.opens
        counts = (sessions.closes - sessions.opens) // MINUTE_NS
        self.starts: Int64Array = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
        self.starts.setflags(write=False)

    def __len__(self) -> int:
        return int(self.starts[-1])

    def span(self, session: int) -> tuple[int, int]:
        """[lo, hi) of a session's minutes."""
        return int(self.starts[session]), int(self.starts[session + 1])

    def session(self, minute: int) -> int:
        """The session that owns a minute."""
        return int(np.searchsorted(self.starts, minute, side="right")) - 1

    def sessions(self, minutes: Int64Array) -> Int64Array:
        """The sessions that own the minutes, int64[k]."""
        return np.searchsorted(self.starts, minutes, side="right").astype(np.int64) - 1

    def stamp(self, minute: int) -> int:
        """The minute's end, ns UTC."""
        return int(self.stamps(minute, minute + 1)[0])

    def stamps(self, lo: int, hi: int) -> Int64Array:
        """Ends of the minutes lo … hi − 1, int64 ns UTC."""
        minutes = np.arange(lo, hi, dtype=np.int64)
        owners = self.sessions(minutes)
        return self._opens[owners] + (minutes - self.starts[owners] + 1) * MINUTE_NS

    def ordinals(self, stamps: Int64Array) -> Int64Array:
        """The minutes that end at the stamps (ns UTC), int64[k]; −1 for a stamp that ends no minute."""
        owners = np.searchsorted(self._opens, stamps, side="left").astype(np.int64) - 1
        into = stamps - self._opens[np.maximum(owners, 0)]
        minutes = self.starts[np.maximum(owners, 0)] + into // MINUTE_NS - 1
        inside = (owners >= 0) & (into % MINUTE_NS == 0) & (minutes < self.starts[np.maximum(owners, 0) + 1])
        return np.where(inside, minutes, -1)

    def at_or_before(self, stamp: int) -> int:
        """The last minute that has ended at a time (ns UTC); −1 before the first."""
        owner = int(np.searchsorted(self._opens, stamp, side="left")) - 1
        if owner < 0:
            return -1
        into = int(stamp - self._opens[owner]) // MINUTE_NS
        return int(min(self.starts[owner] + into, self.starts[owner + 1])) - 1


def build_sessions(
    calendar: str, first: pd.Timestamp, last: pd.Timestamp, lead_from: pd.Timestamp | None = None
) -> Sessions:
    """Every session of the exchange calendar with first ≤ label ≤ last (about half a second).

    The only use of exchange_calendars. ``lead_from``: an earlier day from which sessions are wanted too, as far as the
    calendar reaches back. ``last`` is cut to the last day the calendar knows. CalendarNotFound for an unknown name or
    a ``first`` it does not reach.
    """
    import exchange_calendars
    from exchange_calendars.errors import InvalidCalendarName

    try:
        with warnings.catch_warnings():
            # The calendar library touches pandas deprecations on every build; the user cannot act on them.
            warnings.simplefilter("ignore", DeprecationWarning)
            start = first if lead_from is None else lead_from
            schedule = _schedule(exchange_calendars.get_calendar, calendar, start, first, last)
            return _table(calendar, schedule, start, last)
    except InvalidCalendarName:
        raise CalendarNotFound(calendar, exchange_calendars.get_calendar_names(include_aliases=True)) from None


def _schedule(get: Callable[..., Any], name: str, start: pd.Timestamp, first: pd.Timestamp, last: pd.Timestamp) -> Any:
    """The library's calendar over [start, last] ± a week (it refuses spans of a day), inside the bounds it has."""
    week = pd.Timedelta(days=7)
    try:
        return get(name, start=start - week, end=last + week)
    except ValueError:
        kind = type(get(name))
        earliest, latest = kind.bound_min(), kind.bound_max()
    if earliest is not None and first < earliest:
        raise CalendarNotFound(name, detail=f"begins on {earliest.date()}, after the first day asked, {first.date()}")
    begin = start - week if earliest is None else max(earliest, start - week)
    return get(name, start=begin, end=last + week if latest is None else min(latest, last + week))


def _table(name: str, schedule: Any, first: pd.Timestamp, last: pd.Timestamp) -> Sessions:
    index = schedule.sessions.as_unit("ns")
    keep = np.flatnonzero((index >= first) & (index <= last))
    return Sessions(
        calendar=name,
        labels=index.asi8[keep],
        opens=_utc_ns(schedule.opens)[keep],
        closes=_utc_ns(schedule.closes)[keep],
        early=np.asarray(index.isin(schedule.early_closes))[keep],
    )


def _utc_ns(stamps: pd.Series) -> Int64Array:
    index = pd.DatetimeIndex(stamps)
    aware = index if index.tz is not None else index.tz_localize("UTC")
    return np.asarray(aware.tz_convert("UTC").as_unit("ns").asi8, dtype=np.int64)
