"""The normalised shape between every reader and the writer: what a bundle will hold, as plain arrays.

A reader's whole duty is to make a Market; the writer knows no other input. Values have passed the reader's checks:
dates are sessions of the calendar, strictly ascending; sids are those of ``assets``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import pandas as pd

from tradewind_data.ingest.quality import Quality
from tradewind_data.ingest.spool import AssetBars, Spool, held
from tradewind_data.pointintime import Dataset
from tradewind_data.sessions import DAY_NS, Int64Array, Sessions, build_sessions, date_text
from tradewind_data.tables import Table

__all__ = ["AssetBars", "Earlier", "Market", "Progress", "day_after", "sessions_for", "span_text"]

Progress = Callable[[int, int, str], None]


@dataclass(frozen=True, eq=False)
class Earlier:
    """The bars of a version that is appended to: span (labels, ns) of the daily ones; span and sids of the minutes."""

    span: tuple[int, int]
    minute_span: tuple[int, int] | None
    minute_sids: Int64Array


def _hull(new: tuple[int, int], old: tuple[int, int] | None) -> tuple[int, int]:
    return new if old is None else (min(new[0], old[0]), max(new[1], old[1]))


@dataclass(frozen=True, eq=False)
class Market:
    """Everything a bundle holds.

    sessions: the table to be stored, covering every bar. tables: ``assets`` (ascending by sid), ``symbols``,
    ``splits``, ``dividends``, ``stock_dividends``, ``mergers``, ``classifications`` of schema.py. bars: the daily bars,
    a spool or one entry an asset; minutes: the minute bars, None without any. currency: ISO 4217. source: how it came
    about. quality: what was found wrong so far, None when nobody looked. earlier: what the version has to which these
    bars are added, None for a bundle of its own. datasets: by name (pointintime.py). futures: the
    table of the contracts, None without any.
    """

    sessions: Sessions
    tables: Mapping[str, Table]
    bars: Spool | Sequence[AssetBars]
    minutes: Spool | None = None
    currency: str = "USD"
    source: str = ""
    quality: Quality | None = None
    earlier: Earlier | None = None
    datasets: Mapping[str, Dataset] = field(default_factory=dict)
    futures: Table | None = None

    @cached_property
    def daily(self) -> Spool:
        """The daily bars as a spool."""
        return self.bars if isinstance(self.bars, Spool) else held(self.bars)

    @property
    def symbols(self) -> dict[int, str]:
        """sid → symbol."""
        assets = self.tables["assets"]
        return dict(zip(assets["sid"].tolist(), assets["symbol"].tolist(), strict=True))

    @property
    def span(self) -> tuple[int, int]:
        """Labels (ns) of the first and the last daily bar."""
        return _hull(self.daily.span, None if self.earlier is None else self.earlier.span)

    @property
    def minute_span(self) -> tuple[int, int] | None:
        """Ends (ns) of the first and the last minute with a bar, None without minute bars."""
        new = self.minutes.span if self.minutes is not None and len(self.minutes) else None
        old = None if self.earlier is None else self.earlier.minute_span
        return new if old is None else old if new is None else _hull(new, old)

    @property
    def minute_sids(self) -> Int64Array:
        """The assets that have minute bars, ascending."""
        none = np.empty(0, dtype=np.int64)
        old = none if self.earlier is None else self.earlier.minute_sids
        return np.union1d(old, none if self.minutes is None else self.minutes.sids).astype(np.int64)


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
