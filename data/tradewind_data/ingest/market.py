"""The normalised shape between every reader and the writer: what a bundle will hold, as plain arrays.

A reader's whole duty is to make a Market; the writer knows no other input. Values have passed the reader's checks:
dates are sessions of the calendar, strictly ascending; sids are those of ``assets``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from tradewind_data.adjustments import FloatArray
from tradewind_data.sessions import DAY_NS, Int64Array, Sessions, build_sessions, date_text
from tradewind_data.tables import Table

Progress = Callable[[int, int, str], None]


@dataclass(frozen=True, eq=False)
class AssetBars:
    """The daily bars of one asset.

    labels int64[n] ns, strictly ascending; values float64[5, n] in the order of schema.FIELDS (NaN prices and volume 0
    = no trade).
    """

    sid: int
    labels: Int64Array
    values: FloatArray


@dataclass(frozen=True, eq=False)
class Market:
    """Everything a bundle holds.

    sessions: the table to be stored, covering every bar. tables: ``assets`` (ascending by sid), ``symbols``,
    ``splits``, ``dividends``, ``stock_dividends``, ``mergers``, ``classifications`` of schema.py. bars: one entry an
    asset that has any, ascending by sid. currency: ISO 4217. source: how it came about.
    """

    sessions: Sessions
    tables: Mapping[str, Table]
    bars: Sequence[AssetBars]
    currency: str = "USD"
    source: str = ""

    @property
    def span(self) -> tuple[int, int]:
        """Labels (ns) of the first and the last bar."""
        return min(int(b.labels[0]) for b in self.bars), max(int(b.labels[-1]) for b in self.bars)


def sessions_for(calendar: str, first_ns: int, last_ns: int) -> Sessions:
    """The session table of data between two labels, reaching beyond them at both ends.

    From the Monday of the week that holds the first day of the first month, to a year past the last label: week and
    month rules count the calendar's sessions, so a table must not begin inside a week or a month. A calendar that
    begins later is taken from its beginning.
    """
    first, last = pd.Timestamp(first_ns, unit="ns"), pd.Timestamp(last_ns, unit="ns")
    month = first.replace(day=1)
    monday = month - pd.Timedelta(days=month.weekday())
    return build_sessions(calendar, first, last + pd.DateOffset(months=12), lead_from=monday)


def day_after(labels: Int64Array) -> Int64Array:
    """The following calendar day: the auto-close date of an asset whose input names none."""
    return labels + np.int64(DAY_NS)


def span_text(market: Market) -> tuple[str, str]:
    """ISO dates of the first and the last bar."""
    first, last = market.span
    return date_text(first), date_text(last)
