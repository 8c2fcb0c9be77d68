"""Closes as they are stored: a history that no corporate action changes is a part of them.

A part of a frame that exists takes less time than a frame of its own, and pandas copies it before it is written to.
"""

from __future__ import annotations

from functools import cached_property

import numpy as np
import pandas as pd

from tradewind_data.assets import Asset
from tradewind_data.bars import BarReader

FIELDS = ("close", "price")  # those that show closes


class StoredCloses:
    """The raw closes of all assets by session (index: UTC), for histories of a daily run.

    Each method answers None for what is not stored as it is asked for; what is asked for wrongly is among it, and is
    left to whoever looks closer. field … frequency as in Prices.window().
    """

    def __init__(self, reader: BarReader, index: pd.DatetimeIndex) -> None:
        self._reader, self._close = reader, reader.values("close")
        self._index = index[: len(self._close)]
        self._labels = pd.Index([])
        self._frame: pd.DataFrame | None = None
        self._series: dict[int, pd.Series] = {}  # by column

    @cached_property
    def _next_change(self) -> list[int]:
        """By session, the first one after it with an action that changes prices; past the last for none."""
        return self._reader.next_change("close")

    def _first(self, field: str, end: int, bars: int, seen: int, frequency: str) -> int | None:
        """Return the first row of a window that no action changes."""
        if field not in FIELDS or frequency != "1d" or type(bars) is not int:
            return None
        first = end - bars + 1
        if bars < 1 or first < self._reader.first_session or self._next_change[first] <= seen:
            return None
        return first

    def array(self, column: int, field: str, end: int, bars: int, seen: int, frequency: str) -> np.ndarray | None:
        """Return float64[bars] of one column, read-only."""
        first = self._first(field, end, bars, seen, frequency)
        if first is None:
            return None
        return _whole(field, self._close[first : end + 1, column])

    def series(self, asset: Asset, field: str, end: int, bars: int, seen: int, frequency: str) -> pd.Series | None:
        """Return the history of one asset of the bundle."""
        column = asset.column
        if self.array(column, field, end, bars, seen, frequency) is None:
            return None
        if column not in self._series:
            self._series[column] = pd.Series(self._close[:, column], self._index, name=asset, copy=False)
        return self._series[column].iloc[end - bars + 1 : end + 1]

    def frame(
        self, columns: np.ndarray, labels: pd.Index, field: str, end: int, bars: int, seen: int, frequency: str
    ) -> pd.DataFrame | None:
        """Return the history of several columns under their labels, where they are those of the whole bundle."""
        if labels is not self._labels:
            self._labels, self._frame = labels, self._under(columns, labels)
        first = self._first(field, end, bars, seen, frequency)
        if self._frame is None or first is None or _whole(field, self._close[first : end + 1]) is None:
            return None
        return self._frame.iloc[first : end + 1]

    def _under(self, columns: np.ndarray, labels: pd.Index) -> pd.DataFrame | None:
        """Return all closes under labels, None when they are some assets' or in another order."""
        if not np.array_equal(columns, np.arange(self._close.shape[1])):
            return None
        return pd.DataFrame(self._close, index=self._index, columns=labels, copy=False)


def _whole(field: str, closes: np.ndarray) -> np.ndarray | None:
    """Return the closes, None for a price with gaps to carry a close into."""
    return None if field == "price" and np.isnan(closes).any() else closes
