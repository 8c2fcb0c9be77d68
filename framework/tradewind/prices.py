"""Prices as an algorithm may know them: raw bars of today, adjusted history, the last known price.

Everything is asked with two sessions: `end`, the last session whose bar is known, and `seen`, the session from which
the question is asked (corporate actions effective up to and including `seen` are applied). While bars of a session are
being handled both are that session; before the open, `end` is the session before.

With P[t] the product of all price ratios of an asset effective up to t, a raw price of session s seen from t is
raw[s]·P[t]/P[s].
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from datetime import date, timedelta
from functools import cached_property

import numpy as np
import pandas as pd

from tradewind.coarse import CoarseReader, decimals_shown, rounded
from tradewind.errors import BadParameter, HistoryWindowStartsBeforeData
from tradewind.fill_rules import Bar
from tradewind.semantics import Semantics
from tradewind.stored_closes import StoredCloses
from tradewind_data.adjustments import Actions
from tradewind_data.assets import Asset, AssetFinder
from tradewind_data.bars import BarReader
from tradewind_data.bundle import Bundle, open_bundle
from tradewind_data.errors import SymbolNotFound
from tradewind_data.sessions import Sessions


def carried_forward(closes: np.ndarray, before: np.ndarray) -> np.ndarray:
    """Return float64[n, k]: each NaN replaced by the last number above it in its column, or by before[column]."""
    known = np.where(np.isnan(closes), -1, np.arange(len(closes))[:, None])
    source = np.maximum.accumulate(known, axis=0)
    filled = np.take_along_axis(closes, np.maximum(source, 0), axis=0)
    return np.where(source < 0, before, filled)


class Prices:
    """The prices of one bundle session by session, over whole columns and without pandas.

    MinutePrices answers the same questions minute by minute; there a moment is the ordinal of a minute, here of a
    session.
    """

    frequencies: tuple[str, ...] = ("1d",)

    def __init__(
        self,
        reader: BarReader | CoarseReader,
        finder: AssetFinder,
        sessions: Sessions,
        decimals: np.ndarray | None = None,
    ) -> None:
        self.reader, self.finder, self.sessions, self.decimals = reader, finder, sessions, decimals
        if isinstance(reader, BarReader):
            reader.load(("close", "volume"))  # in one pass over the files
        self.close = self.session_closes = reader.values("close")
        self.volume = reader.values("volume")
        self.close_item: Callable[[int, int], float] = self.close.item
        self._index = sessions.index.tz_localize("UTC")
        self._every = np.arange(len(finder))
        self._asked, self._whole = self._every, True  # the columns last asked for, and whether they are all there are
        self.stored: StoredCloses | None = None  # histories that no action changes, where they are shown as stored
        if decimals is None and isinstance(reader, BarReader):
            self.stored = StoredCloses(reader, self._index)
        self._dated, self._dates = (-1, -1), self._index[:0]

    def open_session(self, session: int) -> None:
        """Do nothing: all sessions are at hand."""

    def row_of(self, at: int, seen: int) -> int:
        """Return the row of today's session in the arrays, −1 for another one: its prices are seen from today."""
        return at if at == seen else -1

    def bar_rows(self, at: int) -> tuple[np.ndarray, np.ndarray, int]:
        """Return raw closes and volumes, float64[R, N] each, and the row of a session in them."""
        return self.close, self.volume, at

    def before(self, field: str, columns: np.ndarray, session: int, bars: int) -> np.ndarray | None:
        """Return float64[bars, n]: a field over the sessions just before one, as seen from it; None before the data."""
        if session - self.reader.first_session < bars:
            return None
        values = self.reader.window(field, columns, session - 1, bars, seen_from=session)
        return values if field == "volume" else self.shown(values, columns)

    def whole_bar(self, at: int) -> Bar:
        """Return the raw prices of a session."""
        return Bar(*[values[at] for values in self._bars])

    @cached_property
    def _bars(self) -> list[np.ndarray]:
        """The raw prices of all sessions, in the order of Bar."""
        return [self.reader.values(field) for field in Bar._fields]

    def known_rows(self) -> Iterator[Sequence[float]]:
        """Yield nothing: a session has no minutes here."""
        return iter(())

    def quotes(self, at: int) -> np.ndarray:
        """Return float64[N]: the raw closes of a session; NaN where there was no trade."""
        return self.close[at]

    def last_traded(self, columns: np.ndarray, at: int) -> np.ndarray:
        """Return int64[n] ns: the close stamp of the session of the last trade, the smallest int64 for never."""
        if at < 0:
            return np.full(len(columns), np.iinfo(np.int64).min)
        last = self.reader.last_trade(at)[columns]
        return np.where(last >= 0, self.sessions.closes[last], np.iinfo(np.int64).min)

    def dates(self, at: int, bars: int, frequency: str) -> pd.DatetimeIndex:
        """Return the UTC session labels of the last bars."""
        if (at, bars) != self._dated:  # kept: making it takes as long as reading a window
            self._dated, self._dates = (at, bars), self._index[at - bars + 1 : at + 1]
        return self._dates

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
        found = self.close[last, columns] * self.ratio(columns, last, seen)
        found[last < 0] = np.nan
        return np.asarray(found)

    def price_before(self, column: int, session: int) -> float:
        """Return the last known price of a column before a session, as seen then; NaN for none."""
        return float(self.last_known(np.array([column]), session - 1, session - 1)[0])

    def ratio(self, columns: np.ndarray, since: np.ndarray, seen: int) -> np.ndarray:
        """Return P[seen]/P[since] of each column: what turns a price of session `since` into one seen from `seen`."""
        now = self.reader.factors_of(columns, np.full(len(columns), seen))
        return np.asarray(now / self.reader.factors_of(columns, since))

    def marks(self, columns: np.ndarray, end: int, seen: int) -> np.ndarray:
        """Return float64[n]: the prices at which holdings are valued; NaN means: keep the last one."""
        found = self.close[end, columns]
        if end == seen and not np.isnan(found).any():
            return np.asarray(found)
        return self.last_known(columns, end, seen)

    def window(self, field: str, columns: np.ndarray, end: int, bars: int, seen: int, frequency: str) -> np.ndarray:
        """Return float64[bars, n]: the field over the sessions end−bars+1 … end, as seen from `seen`.

        "price" is the close, carried forward over sessions without a trade (from before the window, too) up to the
        asset's end date; the other fields are NaN there, volume 0. frequency: "1d". The array is not to be written to.
        """
        if frequency != "1d":
            raise BadParameter("frequency", frequency, "'1d': this is a daily run", ("1d",))
        self.check_window(bars, end)
        if columns is not self._asked:
            self._asked, self._whole = columns, np.array_equal(columns, self._every)
        stored = "close" if field == "price" else field
        values = self.reader.window(stored, None if self._whole else columns, end, bars, seen_from=seen)
        if self.decimals is not None and field != "volume":
            values = self.shown(values, columns)
        if field != "price" or not np.isnan(values).any():
            return values
        return self._carried_forward(values, columns, end, seen)

    def shown(self, window: np.ndarray, columns: np.ndarray) -> np.ndarray:
        """Return prices with as many decimals as a history shows: all, unless the semantics say otherwise."""
        return window if self.decimals is None else rounded(window, self.decimals[columns])

    def _carried_forward(self, closes: np.ndarray, columns: np.ndarray, end: int, seen: int) -> np.ndarray:
        """Return the closes with gaps filled by the last close before them, NaN after the end date."""
        first = end - len(closes) + 1
        filled = carried_forward(closes, self._last_close(columns, first - 1, seen))
        sessions = np.arange(first, end + 1)[:, None]
        listed = (self.finder.start[columns] <= sessions) & (sessions <= self.finder.end[columns])
        return np.where(listed, filled, np.nan)

    def check_window(self, bars: int, end: int) -> None:
        """Refuse a window that reaches before the bundle's first bar."""
        if not hasattr(bars, "__index__") or bars < 1:
            raise BadParameter("bar_count", bars, "a whole number of at least 1")
        first = self.reader.first_session
        available = end - first + 1
        if bars > available:
            index = self.sessions.index
            last, began = f"{index[end]:%Y-%m-%d}", f"{index[first]:%Y-%m-%d}"
            raise HistoryWindowStartsBeforeData(bars, max(available, 0), last, began)

    def returns_of(self, asset: Asset, first: int, last: int) -> np.ndarray:
        """Return float64[last−first+1]: the asset's daily returns as a benchmark.

        Prices are adjusted as seen from `last`. The first return needs a bar before `first`; when the asset's first bar
        is that session itself, it is close over open, both raw.
        """
        columns = np.array([self.finder.column(asset)])
        self._check_benchmark(asset, int(columns[0]), first, last)
        has_bar_before = first > 0 and self.reader.last_trade(first - 1)[columns[0]] >= 0
        bars = last - first + (2 if has_bar_before else 1)
        price = self.window("price", columns, last, bars, last, "1d")[:, 0]
        returns = price[1:] / price[:-1] - 1.0
        if not has_bar_before:
            opening, close = (float(self.bar(field, columns, first, first)[0]) for field in ("open", "close"))
            returns = np.r_[close / opening - 1.0, returns]
        return np.asarray(returns)

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


def prices_by(
    semantics: Semantics, reader: BarReader, actions: Actions, finder: AssetFinder, sessions: Sessions
) -> Prices:
    """Return the prices of a bundle, read with the care that the semantics ask for."""
    exact, eve_only = semantics.exact_prices, not semantics.dividend_ratio_from_last_close
    if exact and not eve_only:
        return Prices(reader, finder, sessions)
    coarse = CoarseReader(reader, actions, not exact, eve_only)
    return Prices(coarse, finder, sessions, None if exact else decimals_shown(finder))


def aligned_benchmark(series: pd.Series, sessions: Sessions, first: int, last: int) -> np.ndarray:
    """Return float64[T]: a Series of daily returns laid on the run's sessions; a missing session counts as 0.

    Refuses values that are no finite numbers (NaN is 0), labels that are no dates and two returns of one day.
    """
    shown, allowed = f"a Series of {len(series)}", "daily returns, numbers such as 0.01, one a date"
    try:
        index, values = pd.DatetimeIndex(series.index), series.to_numpy(dtype=float)
    except (TypeError, ValueError):
        raise BadParameter("benchmark", shown, allowed) from None
    naive = index.tz_convert("UTC").tz_localize(None) if index.tz is not None else index
    laid = pd.Series(values, index=naive.normalize().as_unit("ns"))
    if laid.index.has_duplicates or np.isinf(values).any():
        raise BadParameter("benchmark", shown, allowed)
    return np.array(laid.reindex(sessions.index[first : last + 1]).fillna(0.0), dtype=float)


def closes_of(bundle: Bundle | str) -> Callable[[Sequence[str], date | None, date | None], pd.DataFrame]:
    """Return a source of daily closes: (symbols, start, end) → DataFrame by session label, one column a known symbol.

    Closes are adjusted as seen from the last session returned, so that the last row holds prices as they were traded;
    NaN where there was no trade. Symbols are looked up as of that session; those the bundle does not know then have no
    column. `start` None is the first session with data, `end` None (or later than the data) the last.
    """
    opened = open_bundle(bundle) if isinstance(bundle, str) else bundle
    return _Closes(opened)


class _Closes:
    """The source that closes_of returns; a bundle's arrays are read when it is first asked."""

    def __init__(self, bundle: Bundle) -> None:
        self.bundle = bundle

    def __call__(self, symbols: Sequence[str], start: date | None = None, end: date | None = None) -> pd.DataFrame:
        reader = self.bundle.bars()
        last = reader.last_session if end is None else min(self._at_or_before(end), reader.last_session)
        first = reader.first_session
        if start is not None:
            first = max(first, self._at_or_before(start - timedelta(days=1)) + 1)
        found = self._known(symbols, last) if last >= first else {}
        index = self.bundle.sessions.index[first : last + 1] if last >= first else self.bundle.sessions.index[:0]
        if not found:
            return pd.DataFrame(index=index)
        closes = reader.window("close", np.array(list(found.values())), last, len(index))
        return pd.DataFrame(np.array(closes), index=index, columns=list(found))

    def _at_or_before(self, day: date) -> int:
        """Return the ordinal of the last session at or before the day; −1 before the first."""
        label = pd.Timestamp(day).as_unit("ns").value
        return int(np.searchsorted(self.bundle.sessions.labels, label, side="right")) - 1

    def _known(self, symbols: Sequence[str], session: int) -> dict[str, int]:
        """Return the columns of the symbols that the bundle knows at the session."""
        found, finder = {}, self.bundle.finder
        label = int(self.bundle.sessions.labels[session])
        for symbol in dict.fromkeys(symbols):
            with contextlib.suppress(SymbolNotFound):
                found[symbol] = finder.column(finder.lookup_symbol(symbol, label))
        return found
