"""Prices as an algorithm may know them: raw bars of today, adjusted history, the last known price.

Everything is asked with two sessions: `end`, the last session whose bar is known, and `seen`, the session from which
the question is asked (corporate actions effective up to and including `seen` are applied). While bars of a session are
being handled both are that session; before the open, `end` is the session before.

With P[t] the product of all price ratios of an asset effective up to t, a raw price of session s seen from t is
raw[s]·P[t]/P[s].
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from tradewind.errors import BadParameter, HistoryWindowStartsBeforeData
from tradewind_data.assets import Asset, AssetFinder
from tradewind_data.bars import BarReader
from tradewind_data.sessions import Sessions

FIELDS = ("price", "open", "high", "low", "close", "volume")


def checked_field(field: str, allowed: tuple[str, ...] = FIELDS) -> str:
    """Return the field; refuse one that bars do not have."""
    if field not in allowed:
        raise BadParameter("field", field, "one of " + ", ".join(allowed), allowed)
    return field


class Prices:
    """The prices of one bundle at one bar frequency, over whole columns and without pandas."""

    def __init__(self, reader: BarReader, finder: AssetFinder, sessions: Sessions) -> None:
        self.reader, self.finder, self.sessions = reader, finder, sessions
        self.close = reader.values("close")
        self.volume = reader.values("volume")

    def bar(self, field: str, columns: np.ndarray, end: int, seen: int) -> np.ndarray:
        """Return float64[n]: the field of session `end` as seen from `seen`; NaN (volume 0) without a trade."""
        if field == "price":
            return self.last_known(columns, end, seen)
        if end < 0:
            return np.full(len(columns), 0.0 if field == "volume" else np.nan)
        if end == seen:
            return np.asarray(self.reader.values(field)[end, columns])
        return self.reader.window(field, columns, end, 1, seen_from=seen)[0]

    def last_known(self, columns: np.ndarray, end: int, seen: int) -> np.ndarray:
        """Return float64[n]: the last close at or before `end`, as seen from `seen`.

        NaN for an asset that never traded, is not listed yet or is past its end date.
        """
        alive = (self.finder.start[columns] <= seen) & (seen <= self.finder.end[columns])
        return np.where(alive, self._last_close(columns, end, seen), np.nan)

    def _last_close(self, columns: np.ndarray, end: int, seen: int) -> np.ndarray:
        """Return float64[n]: the last close at or before `end` as seen from `seen`, listed or not; NaN for none."""
        if end < 0:
            return np.full(len(columns), np.nan)
        found = self.close[end, columns]
        if end == seen and not np.isnan(found).any():
            return np.asarray(found)
        last = self.reader.last_trade(end)[columns]
        found = self.close[last, columns] * self._ratio(columns, last, seen)
        found[last < 0] = np.nan
        return np.asarray(found)

    def _ratio(self, columns: np.ndarray, since: np.ndarray, seen: int) -> np.ndarray:
        """Return P[seen]/P[since] of each column."""
        now = self.reader.factors(seen)[columns]
        past = np.array(
            [self.reader.factors(int(s))[c] if s >= 0 else 1.0 for s, c in zip(since, columns, strict=True)]
        )
        return np.asarray(now / past)

    def marks(self, columns: np.ndarray, end: int, seen: int) -> np.ndarray:
        """Return float64[n]: the prices at which holdings are valued; NaN means: keep the last one."""
        found = self.close[end, columns]
        if end == seen and not np.isnan(found).any():
            return np.asarray(found)
        return self.last_known(columns, end, seen)

    def window(self, field: str, columns: np.ndarray, end: int, bars: int, seen: int) -> np.ndarray:
        """Return float64[bars, n]: the field over the sessions end−bars+1 … end, as seen from `seen`.

        "price" is the close, carried forward over sessions without a trade (from before the window, too) up to the
        asset's end date; the other fields are NaN there, volume 0.
        """
        self._check_window(bars, end)
        if field != "price":
            return self.reader.window(field, columns, end, bars, seen_from=seen)
        closes = self.reader.window("close", columns, end, bars, seen_from=seen)
        return self._carried_forward(closes, columns, end, seen) if np.isnan(closes).any() else closes

    def _carried_forward(self, closes: np.ndarray, columns: np.ndarray, end: int, seen: int) -> np.ndarray:
        """Return the closes with gaps filled by the last close before them, NaN after the end date."""
        rows = len(closes)
        first = end - rows + 1
        known = np.where(np.isnan(closes), -1, np.arange(rows)[:, None])
        source = np.maximum.accumulate(known, axis=0)
        filled = np.take_along_axis(closes, np.maximum(source, 0), axis=0)
        before = self._last_close(columns, first - 1, seen)
        filled = np.where(source < 0, before, filled)
        sessions = np.arange(first, end + 1)[:, None]
        listed = (self.finder.start[columns] <= sessions) & (sessions <= self.finder.end[columns])
        return np.where(listed, filled, np.nan)

    def _check_window(self, bars: int, end: int) -> None:
        """Refuse a window that reaches before the bundle's first bar."""
        if not hasattr(bars, "__index__") or bars < 1:
            raise BadParameter("bar_count", bars, "a whole number of at least 1")
        first = self.reader.first_session
        available = end - first + 1
        if bars > available:
            index = self.sessions.index
            raise HistoryWindowStartsBeforeData(
                bars, max(available, 0), f"{index[end]:%Y-%m-%d}", f"{index[first]:%Y-%m-%d}"
            )

    def returns_of(self, asset: Asset, first: int, last: int) -> np.ndarray:
        """Return float64[last−first+1]: the asset's daily returns as a benchmark.

        Prices are adjusted as seen from `last`. The first return needs a bar before `first`; when the asset's first bar
        is that session itself, it is close over open.
        """
        columns = np.array([self.finder.column(asset)])
        self._check_benchmark(asset, int(columns[0]), first, last)
        has_bar_before = first > 0 and self.reader.last_trade(first - 1)[columns[0]] >= 0
        bars = last - first + (2 if has_bar_before else 1)
        price = self.window("price", columns, last, bars, last)[:, 0]
        if not has_bar_before:
            opening = self.reader.window("open", columns, last, bars, seen_from=last)[0, 0]
            price = np.r_[opening, price]
        return np.asarray(price[1:] / price[:-1] - 1.0)

    def _check_benchmark(self, asset: Asset, column: int, first: int, last: int) -> None:
        """Refuse a benchmark that does not trade over the whole run."""
        start, end = int(self.finder.start[column]), int(self.finder.end[column])
        if start > first or end < last:
            index = self.sessions.index
            raise BadParameter(
                "benchmark",
                asset,
                f"an asset that trades from {index[first]:%Y-%m-%d} to {index[last]:%Y-%m-%d} (it trades from "
                f"{asset.start_date:%Y-%m-%d} to {asset.end_date:%Y-%m-%d}); choose another one or other dates",
            )


def aligned_benchmark(series: pd.Series, sessions: Sessions, first: int, last: int) -> np.ndarray:
    """Return float64[T]: a Series of daily returns laid on the run's sessions; a missing session counts as 0."""
    index = pd.DatetimeIndex(series.index)
    naive = index.tz_convert("UTC").tz_localize(None) if index.tz is not None else index
    laid = pd.Series(series.to_numpy(dtype=float), index=naive.normalize().as_unit("ns"))
    return np.array(laid.reindex(sessions.index[first : last + 1]).fillna(0.0), dtype=float)
