"""BarData: what `data` answers inside an algorithm's functions.

Shapes follow the arguments: one asset and one field give a number, several assets a Series over assets, several fields
a Series over fields, both a DataFrame (assets × fields). History has one dimension more, sessions (UTC) in the rows:
one asset and one field give a Series, several assets a frame (sessions × assets), several fields a frame
(sessions × fields), both a frame with rows (session, asset) and a column a field.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Protocol

import numpy as np
import pandas as pd

from tradewind.errors import BadParameter
from tradewind.stored_closes import StoredCloses
from tradewind_data.assets import Asset, AssetFinder
from tradewind_data.sessions import MINUTE_NS, Sessions

CURRENT_FIELDS = ("price", "open", "high", "low", "close", "volume", "last_traded")
HISTORY_FIELDS = CURRENT_FIELDS[:-1]


class PriceSource(Protocol):
    """What BarData needs of prices.Prices or minute_prices.MinutePrices; `at` is a session's or a minute's ordinal."""

    frequencies: tuple[str, ...]
    stored: StoredCloses | None
    close_item: Callable[[int, int], float]

    def row_of(self, at: int, seen: int) -> int:
        """Return the row of a moment of session `seen` in the arrays at hand, −1 for any other moment."""

    def quotes(self, at: int) -> np.ndarray:
        """Return float64[N]: the last known prices at a moment of the session at hand, NaN where one must look back."""

    def bar(self, field: str, columns: np.ndarray, at: int, seen: int) -> np.ndarray:
        """Return one field of one bar."""

    def last_known(self, columns: np.ndarray, at: int, seen: int) -> np.ndarray:
        """Return the last known prices."""

    def last_traded(self, columns: np.ndarray, at: int) -> np.ndarray:
        """Return the times of the last trades."""

    def window(self, field: str, columns: np.ndarray, at: int, bars: int, seen: int, frequency: str) -> np.ndarray:
        """Return one field over several bars."""

    def dates(self, at: int, bars: int, frequency: str) -> pd.DatetimeIndex:
        """Return the labels of several bars."""


def _nothing(row: int, column: int) -> float:
    """Answer for a moment outside the arrays at hand: look the value up."""
    return float("nan")


def _checked(field: str, allowed: tuple[str, ...]) -> str:
    if field not in allowed:
        raise BadParameter("field", field, "one of " + ", ".join(allowed), allowed)
    return field


def names_of(fields: Iterable[str]) -> list[str]:
    """Return the names of several fields; refuse what is none."""
    if isinstance(fields, Iterable):
        return list(fields)
    raise BadParameter("fields", fields, "the name of a field, or several")


class BarData:
    """The market as it is known at the current moment of the simulation."""

    def __init__(self, prices: PriceSource, finder: AssetFinder, sessions: Sessions) -> None:
        self._prices, self._finder, self._sessions = prices, finder, sessions
        self._stored = prices.stored
        self._assets, self._width = finder.assets, len(finder)
        # Where the run stands. Within a session the loop of minutes moves these two by itself, minute by minute.
        self.now = 0  # the time, ns UTC
        self.known = self._unknown = np.full(self._width, np.nan).data  # known[column]: the last known price, NaN: none
        self._since, self._end_then, self._row_then, self._seen = 0, -1, -1, -1
        self._close_item: Callable[[int, int], float] = _nothing
        self._single: dict[int, np.ndarray] = {}
        self._last_assets: tuple[Asset, ...] = ()
        self._last_columns = np.empty(0, dtype=np.int64)
        self._last_labels = pd.Index([])
        self.restrictions: list[Any] = []
        self.shut = False  # nothing may be traded now, whatever the asset

    def move_to(self, end: int, seen: int, now: int) -> None:
        """Move to a moment: `end` the last known bar, `seen` today's session, `now` the time (ns UTC)."""
        row = self._prices.row_of(end, seen)
        self.now, self._seen = now, seen
        self._since, self._end_then, self._row_then = now, end, row
        self.known = self._prices.quotes(end).data if row >= 0 else self._unknown
        self._close_item = self._prices.close_item if row >= 0 else _nothing

    @property
    def end(self) -> int:
        """The last known bar: as many minutes after the one moved to as the time is."""
        return self._end_then + (self.now - self._since) // MINUTE_NS

    def to_session(self, session: int, now: int, quotes: np.ndarray) -> None:
        """Move to the one bar of a session, whose closes are the quotes (float64[N]): move_to() in a daily run."""
        self.now = self._since = now
        self._seen = self._end_then = self._row_then = session
        self.known, self._close_item = quotes.data, self._prices.close_item

    @property
    def current_dt(self) -> pd.Timestamp:
        """The current simulated time, UTC."""
        return pd.Timestamp(self.now, tz="UTC")

    @property
    def current_session(self) -> pd.Timestamp:
        """The label of the current session, naive."""
        return self._sessions.index[self._seen]

    def _columns(self, assets: Iterable[Asset]) -> np.ndarray:
        """Return the columns of several assets; the last answer is kept, since algorithms ask with the same list.

        So are its labels, of which answers get views: what is named in one of them must not be named in the next.
        """
        try:
            wanted = tuple(assets)
        except TypeError:
            raise BadParameter("assets", assets, "an Asset or several, from symbol('…') or sid(…)") from None
        if wanted != self._last_assets:
            if isinstance(assets, str):
                raise BadParameter("assets", assets, f"an Asset or several: use symbol({assets!r})")
            self._last_columns = self._finder.columns(wanted)
            self._last_labels = pd.Index(wanted, dtype=object)
            self._last_assets = wanted
        return self._last_columns

    def current(self, assets: Asset | Iterable[Asset], fields: str | Iterable[str]) -> Any:
        """Return the current value of one or more fields for one or more assets.

        Fields: open, high, low, close (NaN without a trade in this bar), volume (0 then), price (the last known close,
        adjusted to now; NaN before the first trade and after the end date) and last_traded (a UTC time, NaT for never).
        """
        if fields == "price":  # asked for in every minute: what follows is the shortest way to a known price
            try:
                column = assets.column  # type: ignore[union-attr]  # what is no asset has none
                if self._assets[column] is assets:
                    value = self.known[column]
                    if value == value:
                        return value
            except (AttributeError, IndexError, TypeError):  # several assets, or no asset of this bundle
                pass
        return self._looked_up(assets, fields)

    def _looked_up(self, assets: Asset | Iterable[Asset], fields: str | Iterable[str]) -> Any:
        """Answer current(); a function of its own, since one with comprehensions costs twice as much to enter."""
        if isinstance(assets, Asset):
            column = self._finder.column(assets)
            if isinstance(fields, str):
                return self._scalar(fields, column)
            names = names_of(fields)
            return pd.Series([self._scalar(name, column) for name in names], index=names, name=assets)
        columns = self._columns(assets)
        labels = self._last_labels.view()
        if isinstance(fields, str):
            return pd.Series(self._vector(fields, columns), index=labels, name=fields)
        return pd.DataFrame({name: self._vector(name, columns) for name in names_of(fields)}, index=labels)

    def _scalar(self, field: str, column: int) -> Any:
        """Return one field of one asset; a close of a bar at hand is read directly."""
        if field == "close":
            value = self._close_item(self._row_then + (self.now - self._since) // MINUTE_NS, column)
            if value == value:
                return value
        value = self._vector(field, np.array([column]))[0]
        return value if field == "last_traded" else float(value)

    def _vector(self, field: str, columns: np.ndarray) -> Any:
        """Return one field of several assets."""
        if _checked(field, CURRENT_FIELDS) == "last_traded":
            return self._last_traded(columns)
        return self._prices.bar(field, columns, self.end, self._seen)

    def _last_traded(self, columns: np.ndarray) -> pd.DatetimeIndex:
        """Return the times of the last trades, NaT for never."""
        return pd.DatetimeIndex(self._prices.last_traded(columns, self.end).astype("datetime64[ns]"), tz="UTC")

    def history(
        self, assets: Asset | Iterable[Asset], fields: str | Iterable[str], bar_count: int, frequency: str
    ) -> Any:
        """Return the last `bar_count` bars up to now, the current one included, adjusted as seen from now.

        frequency: "1d", in a minute run also "1m"; there the last day is today's bar so far. Adjustments: prices by
        splits, mergers and dividends, volumes by splits. Bars without a trade are NaN (volume 0), except for "price",
        which carries the last close forward.
        """
        self._check_frequency(frequency)
        if isinstance(assets, Asset):
            column = self._column(assets)
            if isinstance(fields, str):
                return self._series(fields, assets, column, bar_count, frequency)
            by_field = {name: self._window(name, column, bar_count, frequency)[:, 0] for name in names_of(fields)}
            return pd.DataFrame(by_field, index=self._dates(bar_count, frequency))
        columns = self._columns(assets)
        labels = self._last_labels
        if isinstance(fields, str):
            return self._frame(fields, columns, labels, bar_count, frequency)
        by_field = {name: self._window(name, columns, bar_count, frequency).ravel() for name in names_of(fields)}
        rows = pd.MultiIndex.from_product([self._dates(bar_count, frequency), labels], names=["date", "asset"])
        return pd.DataFrame(by_field, index=rows).sort_index()

    def _series(self, field: str, asset: Asset, columns: np.ndarray, bar_count: int, frequency: str) -> pd.Series:
        """Return one field of one asset."""
        if self._stored is not None:
            own = self._assets[columns[0]]
            part = self._stored.series(own, field, self.end, bar_count, self._seen, frequency)
            if part is not None:
                return part
        values = self._window(field, columns, bar_count, frequency)[:, 0]
        return pd.Series(values, self._dates(bar_count, frequency), name=asset)

    def _frame(self, field: str, columns: np.ndarray, labels: pd.Index, bar_count: int, frequency: str) -> pd.DataFrame:
        """Return one field of several assets."""
        if self._stored is not None:
            part = self._stored.frame(columns, labels, field, self.end, bar_count, self._seen, frequency)
            if part is not None:
                return part
        window = self._window(field, columns, bar_count, frequency)
        return pd.DataFrame(window, index=self._dates(bar_count, frequency), columns=labels.view(), copy=False)

    def window(self, assets: Asset | Iterable[Asset], field: str, bar_count: int, frequency: str) -> np.ndarray:
        """Return history() of one field as an array: float64[bar_count, n], of one asset float64[bar_count].

        Oldest bar first, columns in the order of the assets. It is what history(…).to_numpy() gives, and takes a tenth
        of the time, since no index and no frame is made. Not to be written to: it may be a part of the stored prices.
        """
        try:
            column = assets.column  # type: ignore[union-attr]  # what is no asset has none
            if self._stored is not None and self._assets[column] is assets:
                found = self._stored.array(column, field, self.end, bar_count, self._seen, frequency)
                if found is not None:
                    return found
        except (AttributeError, IndexError, TypeError):  # several assets, or no asset of this bundle
            pass
        return self._array(assets, field, bar_count, frequency)

    def _array(self, assets: Asset | Iterable[Asset], field: str, bar_count: int, frequency: str) -> np.ndarray:
        """Answer window() for what is not just stored closes of one asset."""
        self._check_frequency(frequency)
        single = isinstance(assets, Asset)
        columns = self._column(assets) if single else self._columns(assets)  # type: ignore[arg-type]  # single tells
        _checked(field, HISTORY_FIELDS)
        values = self._prices.window(field, columns, self.end, bar_count, self._seen, frequency)
        values = values[:, 0] if single else values[:]
        values.setflags(write=False)
        return values

    def _check_frequency(self, frequency: str) -> None:
        """Refuse a frequency that the run does not have."""
        if frequency not in self._prices.frequencies:
            allowed = " or ".join(map(repr, self._prices.frequencies))
            raise BadParameter("frequency", frequency, f"{allowed} in this run", self._prices.frequencies)

    def _column(self, asset: Asset) -> np.ndarray:
        """Return int64[1]: the column of an asset; the array is kept."""
        column = self._finder.column(asset)
        if column not in self._single:
            self._single[column] = np.array([column])
        return self._single[column]

    def _window(self, field: str, columns: np.ndarray, bar_count: int, frequency: str) -> np.ndarray:
        """Return one field over the last bars, as an array of the caller's own."""
        _checked(field, HISTORY_FIELDS)
        values = self._prices.window(field, columns, self.end, bar_count, self._seen, frequency)
        return values if values.flags.writeable else values.copy()

    def _dates(self, bar_count: int, frequency: str) -> pd.DatetimeIndex:
        """Return the UTC labels of the last bars."""
        return self._prices.dates(self.end, bar_count, frequency).view()

    def can_trade(self, assets: Asset | Iterable[Asset]) -> Any:
        """Return whether an asset is listed today, has a known price and is not restricted; a Series for several."""
        if isinstance(assets, Asset):
            column = np.array([self._finder.column(assets)])
            tradable = bool(self._tradable(column, self._prices.last_known(column, self.end, self._seen))[0])
            return tradable and not (self.restrictions and self._restricted(assets))
        columns = self._columns(assets)
        known = self._prices.last_known(columns, self.end, self._seen)
        return pd.Series(self.tradable(columns, known), index=self._last_labels.view(), dtype=bool)

    def tradable(self, columns: np.ndarray, known: np.ndarray) -> np.ndarray:
        """Return bool[n]: can_trade of the assets of several columns, given their last known prices."""
        may = self._tradable(columns, known)
        if self.restrictions:
            may = may & ~self._restricted([self._finder.asset_at(column) for column in columns.tolist()])
        return may

    def _restricted(self, assets: Any) -> Any:
        """Return whether any of the restrictions in force holds: a bool for an Asset, bool[n] for several."""
        now = self.current_dt
        if isinstance(assets, Asset):
            return any(r.is_restricted(assets, now) for r in self.restrictions)
        held = [np.asarray(r.is_restricted(list(assets), now), dtype=bool) for r in self.restrictions]
        return np.logical_or.reduce(held)

    def _tradable(self, columns: np.ndarray, known: np.ndarray) -> np.ndarray:
        """Return bool[n]: the last known price is NaN exactly for what is not listed or never traded."""
        if self.shut:
            return np.zeros(len(columns), dtype=bool)
        return np.asarray(~np.isnan(known) & (self._seen <= self._finder.orderable_to[columns]))

    def current_chain(self, continuous_future: Any) -> Any:
        """Return the contracts of a continuous future's chain; a bundle without contracts has none (continuous.py)."""
        raise BadParameter("current_chain", continuous_future, "a continuous future, in a bundle with futures")

    def is_stale(self, assets: Asset | Iterable[Asset]) -> Any:
        """Return whether an asset is listed and has traded before, but not in the current bar."""
        if isinstance(assets, Asset):
            return bool(self._stale(np.array([self._finder.column(assets)]))[0])
        columns = self._columns(assets)
        return pd.Series(self._stale(columns), index=self._last_labels.view(), dtype=bool)

    def _stale(self, columns: np.ndarray) -> np.ndarray:
        """Return bool[n]."""
        untraded = self._prices.bar("volume", columns, self.end, self._seen) == 0
        return np.asarray(untraded & ~np.isnan(self._prices.last_known(columns, self.end, self._seen)))
