"""Prices in a minute run: what prices.Prices answers by sessions, answered by minutes.

A moment `at` is the ordinal of a minute in the bundle's table of minutes (data: sessions.Minutes), `seen` the session
from which the question is asked. Before the open of a session, `at` is the last minute of the session before.

The minutes of the session at hand are held as (minute × asset) arrays: raw closes, other fields once they are asked
for, and the closes carried forward from the last trade, seen from this session. History of days ends with today's bar
so far: its open is the first open, high and low are those so far, close is the last close of today (NaN before the
first trade), volume the sum.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd

from tradewind.coarse import CoarseMinuteReader, CoarseReader
from tradewind.errors import BadParameter, HistoryWindowStartsBeforeData
from tradewind.fill_rules import Bar
from tradewind.prices import Prices, carried_forward
from tradewind_data.minutebars import MinuteReader

FEW = 16  # assets of which tuples of all prices cost less than what reading from them saves
FREQUENCIES = ("1m", "1d")


class MinutePrices:
    """The prices of one bundle minute by minute; `daily` answers for the sessions before today."""

    frequencies: tuple[str, ...] = FREQUENCIES
    stored = None  # the last day of a history is made of the minutes so far

    def __init__(self, daily: Prices, bars: MinuteReader) -> None:
        self.daily = daily
        self.reader = CoarseMinuteReader(bars, daily.reader) if isinstance(daily.reader, CoarseReader) else bars
        self.finder, self.sessions = daily.finder, daily.sessions
        self.session_closes, self.returns_of = daily.session_closes, daily.returns_of
        self.price_before, self.before = daily.price_before, daily.before
        self.close_item = daily.close_item
        self._every = np.arange(len(daily.finder))
        self._session, self._base, self._stop = -1, 0, 0
        self._blocks: dict[str, np.ndarray] = {}
        self._last_known = np.empty(0)

    # ---------------------------------------------------------------- the session at hand

    def open_session(self, session: int) -> None:
        """Load the minutes of a session."""
        if session == self._session:
            return
        every, close = self._every, self.reader.session_values("close", session)
        block = carried_forward(close, self._known_before(every, session)) if np.isnan(close).any() else close
        self._last_known = block[-1]
        dead = ~self._alive(every, session)
        if dead.any():
            block = block.copy()
            block[:, dead] = np.nan
        self._session, (self._base, self._stop) = session, self.reader.minutes.span(session)
        self._blocks = {"close": close, "price": np.ascontiguousarray(block)}
        self.close_item = close.item

    def _known_before(self, every: np.ndarray, session: int) -> np.ndarray:
        """Return float64[N]: the last closes before a session, seen from it."""
        if session == self._session + 1 and self._session >= 0:
            return self._last_known * self.daily.ratio(every, np.full(len(every), self._session), session)
        return self._last_close(every, self.reader.minutes.span(session)[0] - 1, session)

    def _alive(self, columns: np.ndarray, session: int) -> np.ndarray:
        return np.asarray((self.finder.start[columns] <= session) & (session <= self.finder.end[columns]))

    def row_of(self, at: int, seen: int) -> int:
        """Return the row of a minute in the session at hand, −1 for a minute of another one."""
        return at - self._base if self._base <= at < self._stop and seen == self._session else -1

    def bar_rows(self, at: int) -> tuple[np.ndarray, np.ndarray, int]:
        """Return raw closes and volumes of the session at hand, float64[m, N] each, and the row of a minute in them."""
        return self._blocks["close"], self._block("volume"), at - self._base

    def whole_bar(self, at: int) -> Bar:
        """Return the raw prices of a minute of the session at hand."""
        return Bar(*(self._block(field)[at - self._base] for field in Bar._fields))

    def known_rows(self) -> Iterator[Sequence[float]]:
        """Yield, minute by minute of the session at hand, what quotes() returns, as the plainest of sequences."""
        return _rows(self._blocks["price"])

    def quotes(self, at: int) -> np.ndarray:
        """Return float64[N]: the last known prices in a minute of the session at hand; NaN where none is known."""
        return self._blocks["price"][at - self._base]

    def _block(self, field: str) -> np.ndarray:
        """Return a field of the session at hand."""
        if field not in self._blocks:
            self._blocks[field] = self.reader.session_values(field, self._session)
        return self._blocks[field]

    # ---------------------------------------------------------------- what may be asked

    def bar(self, field: str, columns: np.ndarray, at: int, seen: int) -> np.ndarray:
        """Return float64[n]: a field of minute `at` as seen from `seen`; NaN (volume 0) without a trade."""
        if field == "price":
            return self.last_known(columns, at, seen)
        if at < self.reader.first_minute:
            return np.full(len(columns), 0.0 if field == "volume" else np.nan)
        row = self.row_of(at, seen)
        if row >= 0:
            return np.asarray(self._block(field)[row, columns])
        return self.reader.window(field, columns, at, 1, seen_from=seen)[0]

    def last_known(self, columns: np.ndarray, at: int, seen: int) -> np.ndarray:
        """Return float64[n]: the last close at or before minute `at`, seen from `seen`; NaN where none is known.

        NaN, too, for an asset that is not listed yet or is past its end date.
        """
        row = self.row_of(at, seen)
        if row >= 0:
            return np.asarray(self._blocks["price"][row, columns])
        return np.where(self._alive(columns, seen), self._last_close(columns, at, seen), np.nan)

    marks = last_known

    def _last_close(self, columns: np.ndarray, at: int, seen: int) -> np.ndarray:
        """Return float64[n]: the close of the last minute ≤ at with a trade, as seen from `seen`; NaN for none."""
        found = np.full(len(columns), np.nan)
        if at < self.reader.first_minute:
            return found
        last = self.reader.last_trade(at)[columns]
        minutes = self.reader.minutes
        traded = np.flatnonzero(last >= 0)
        owner = minutes.sessions(last[traded])
        for session in np.unique(owner):
            some = traded[owner == session]
            lo, _ = minutes.span(int(session))
            found[some] = self.reader.session_values("close", int(session))[last[some] - lo, columns[some]]
        found[traded] *= self.daily.ratio(columns[traded], owner, seen)
        return found

    def last_traded(self, columns: np.ndarray, at: int) -> np.ndarray:
        """Return int64[n] ns: the end of the last minute with a trade, the smallest int64 for never."""
        if at < self.reader.first_minute:
            return np.full(len(columns), np.iinfo(np.int64).min)
        last = self.reader.last_trade(at)[columns]
        stamps = [self.reader.minutes.stamp(int(minute)) if minute >= 0 else np.iinfo(np.int64).min for minute in last]
        return np.array(stamps, dtype=np.int64)

    # ---------------------------------------------------------------- history

    def window(self, field: str, columns: np.ndarray, at: int, bars: int, seen: int, frequency: str) -> np.ndarray:
        """Return float64[bars, n]: a field over the last bars up to minute `at`, as seen from session `seen`.

        "price" is the close carried forward, also from before the window, up to the asset's end date.
        """
        last = self.reader.minutes.session(at)
        if self.daily.decimals is not None and last < seen:
            self.open_session(last)  # shown as it was then, and what happened since comes on top
            return self.window(field, columns, at, bars, last, frequency) * self._since(field, columns, last, seen)
        if frequency == "1d":
            return self._days(field, columns, at, bars, seen)
        if frequency != "1m":
            raise BadParameter("frequency", frequency, "'1m' or '1d'", FREQUENCIES)
        start = self._first_minute(at, bars)
        values = self.reader.window("close" if field == "price" else field, columns, at, bars, seen_from=seen)
        if field == "volume":
            return values
        closes = self.daily.shown(values, columns)
        if field != "price" or not np.isnan(closes).any():
            return closes
        filled = carried_forward(closes, self._last_close(columns, start - 1, seen))
        owner = self.reader.minutes.sessions(np.arange(start, at + 1))[:, None]
        listed = (self.finder.start[columns] <= owner) & (owner <= self.finder.end[columns])
        return np.where(listed, filled, np.nan)

    def _since(self, field: str, columns: np.ndarray, session: int, seen: int) -> np.ndarray:
        """Return float64[n]: what turns a value of a session into one seen from a later one."""
        column, _, ratio = self.daily.reader.changes(field, session, seen)
        return np.array([ratio[column == wanted].prod() for wanted in columns])

    def _first_minute(self, at: int, bars: int) -> int:
        """Return the first minute of a window; refuse one that reaches before the data."""
        if not hasattr(bars, "__index__") or bars < 1:
            raise BadParameter("bar_count", bars, "a whole number of at least 1")
        available = at - self.reader.first_minute + 1
        if bars > available:
            moments = (pd.Timestamp(self.reader.minutes.stamp(m)) for m in (at, self.reader.first_minute))
            end, first = (f"{moment:%Y-%m-%d %H:%M}" for moment in moments)
            raise HistoryWindowStartsBeforeData(bars, max(available, 0), end, first)
        return at - bars + 1

    def _days(self, field: str, columns: np.ndarray, at: int, bars: int, seen: int) -> np.ndarray:
        """Return days: whole ones before today, and today's so far; before the open, whole ones only."""
        row = self.row_of(at, seen)
        if row < 0:
            return self.daily.window(field, columns, self.reader.minutes.session(at), bars, seen, "1d")
        self.daily.check_window(bars, seen)
        today = self._today(field, columns, row)[None]
        if bars == 1:
            return today
        past = self.daily.window(field, columns, seen - 1, bars - 1, seen, "1d")
        if field == "price" and self.daily.decimals is not None:
            untraded = np.isnan(self._blocks["close"][: row + 1, columns]).all(axis=0)
            today = np.where(untraded & ~np.isnan(today), past[-1], today)
        return np.concatenate([past, today])

    def _today(self, field: str, columns: np.ndarray, row: int) -> np.ndarray:
        """Return float64[n]: today's bar so far."""
        if field == "price":
            return np.asarray(self._blocks["price"][row, columns])
        so_far = self._block(field)[: row + 1, columns]
        if field == "volume":
            return np.asarray(so_far.sum(axis=0))
        return _extreme(field, so_far)

    def dates(self, at: int, bars: int, frequency: str) -> pd.DatetimeIndex:
        """Return the UTC labels of the last bars: ends of minutes, or session labels of which the last is today's."""
        if frequency == "1d":
            return self.daily.dates(self.reader.minutes.session(at), bars, "1d")
        lo = at - bars + 1
        return pd.DatetimeIndex(self.reader.minutes.stamps(lo, at + 1).astype("datetime64[ns]"), tz="UTC")


def _rows(block: np.ndarray) -> Iterator[Sequence[float]]:
    """Yield the rows of a float64 array (C order) as plain sequences of numbers."""
    count = block.shape[1]
    if count <= FEW:
        array: Any = block  # not a view of it: garbage of both crashes the collector
        return struct.iter_unpack(f"{count}d", array)
    flat = block.ravel().data
    return (flat[start : start + count] for start in range(0, len(flat), count))


def _extreme(field: str, values: np.ndarray) -> np.ndarray:
    """Return the first open, highest high, lowest low or last close of each column; NaN where there is none."""
    known = ~np.isnan(values)
    if field == "high":
        found = np.where(known, values, -np.inf).max(axis=0)
    elif field == "low":
        found = np.where(known, values, np.inf).min(axis=0)
    else:
        row = known.argmax(axis=0) if field == "open" else len(known) - 1 - known[::-1].argmax(axis=0)
        found = values[row, np.arange(values.shape[1])]
    return np.where(known.any(axis=0), found, np.nan)
