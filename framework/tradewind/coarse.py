"""Bars as the original engine stores them: prices in thousandths, 32-bit volumes, dividends seen from the eve alone.

A CoarseReader stands where a BarReader stands. With r(p) = round(1000·p)·0.001 it answers r of every stored price and
trunc of every volume, and its own price factors, since the ratio of a dividend a is 1 − a/c with c such a close. A
CoarseMinuteReader does the same for the minutes.
"""

from __future__ import annotations

from decimal import Decimal
from functools import cached_property

import numpy as np

from tradewind_data.adjustments import Actions, Factors, FloatArray
from tradewind_data.assets import AssetFinder
from tradewind_data.bars import BarReader
from tradewind_data.minutebars import MinuteReader
from tradewind_data.sessions import Int64Array
from tradewind_data.windows import adjusted

UINT32_MAX = 2**32 - 1


def in_thousandths(field: str, values: FloatArray) -> FloatArray:
    """Return prices as round(1000·p)·0.001, volumes as whole numbers; NaN, and 0, for what 32 bits do not hold."""
    if field == "volume":
        return np.where(values <= UINT32_MAX, np.trunc(values), 0.0)
    thousandths = np.rint(values * 1000.0)
    fits = (thousandths >= 1.0) & (thousandths <= UINT32_MAX)
    return np.where(fits, thousandths * 0.001, np.nan)


DECIMALS = 3


def decimals_shown(finder: AssetFinder) -> Int64Array:
    """Return int64[N]: the decimals to which a history is rounded, 3 for a share, those of the tick for a contract."""
    shown = np.full(len(finder), DECIMALS, dtype=np.int64)
    for column in np.flatnonzero(finder.cash_settled).tolist():
        shown[column] = tick_decimals(finder.asset_at(column).tick_size)
    return shown


def tick_decimals(tick: float) -> int:
    """Return the decimals of a price step as it is written: 2 for 0.25."""
    exponent = Decimal(str(tick)).as_tuple().exponent
    return abs(exponent) if isinstance(exponent, int) else DECIMALS


def rounded(values: FloatArray, decimals: Int64Array) -> FloatArray:
    """Return float64[n, k] rounded to decimals[i] in column i."""
    if (decimals == decimals[:1]).all():
        return np.round(values, int(decimals[0]) if len(decimals) else DECIMALS)
    out = np.array(values)
    for digits in np.unique(decimals).tolist():
        out[:, decimals == digits] = np.round(values[:, decimals == digits], digits)
    return out


class CoarseReader:
    """The bars of a BarReader, read with less care.

    rounded: prices in thousandths. eve_only: a dividend without a bar on the session just before its ex date adjusts
    no price; otherwise the last close before it counts, as in a BarReader.
    """

    def __init__(self, reader: BarReader, actions: Actions, rounded: bool, eve_only: bool) -> None:
        self._reader, self._actions = reader, actions
        self.rounded, self._eve_only = rounded, eve_only
        self._values: dict[str, FloatArray] = {}
        self.first_session, self.last_session = reader.first_session, reader.last_session
        self.last_trade, self.last_trades = reader.last_trade, reader.last_trades

    def values(self, field: str) -> FloatArray:
        """Return float64[R, N] of a field, C order, read-only; row = session ordinal."""
        if field not in self._values:
            stored = self._reader.values(field)
            found = in_thousandths(field, stored) if self.rounded else stored
            found.setflags(write=False)
            self._values[field] = found
        return self._values[field]

    def window(
        self, field: str, columns: np.ndarray | None, end: int, n: int, seen_from: int | None = None
    ) -> FloatArray:
        """Return float64[n, k]: rows end − n + 1 … end of columns (None: all), seen from t ≥ end (default: end).

        Each value is multiplied by the ratios of the actions after its session and up to t.
        """
        first, seen = end - n + 1, end if seen_from is None else seen_from
        columns = np.arange(self._assets) if columns is None else columns
        out = self.values(field)[first : end + 1].take(columns, axis=1)
        for column, session, ratio in zip(*self.changes(field, first, seen), strict=True):
            out[: session - first, columns == column] *= ratio
        return out

    def changes(self, field: str, start: int, end: int) -> tuple[np.ndarray, np.ndarray, FloatArray]:
        """Return (column, session, ratio) of the actions with start < session ≤ end that change a field."""
        return (self._volume_factors if field == "volume" else self._price_factors).between(start, end)

    def factors(self, end: int) -> FloatArray:
        """Return float64[N]: the products of all price ratios effective up to `end`."""
        return self._price_factors.at(end)

    def factors_of(self, columns: np.ndarray, sessions: np.ndarray) -> FloatArray:
        """Return float64[k]: the products up to sessions[i] of columns[i]; 1 for a session of −1."""
        return self._price_factors.of(columns, sessions)

    @cached_property
    def _volume_factors(self) -> Factors:
        splits = self._actions.splits
        return Factors(splits.column, splits.session, splits.numerator / splits.denominator, self._assets)

    @cached_property
    def _price_factors(self) -> Factors:
        splits, mergers = self._actions.splits, self._actions.mergers
        paid, ex, ratio = self._dividend_ratios()
        return Factors(
            np.concatenate([splits.column, mergers.column, paid]),
            np.concatenate([splits.session, mergers.session, ex]),
            np.concatenate([splits.denominator / splits.numerator, mergers.ratio, ratio]),
            self._assets,
        )

    @property
    def _assets(self) -> int:
        return self.values("close").shape[1]

    def _dividend_ratios(self) -> tuple[np.ndarray, np.ndarray, FloatArray]:
        """Return (columns, ex sessions, ratios) of the dividends that adjust prices: 1 − amount / close before ex."""
        close, table = self.values("close"), self._actions.dividends
        inside = (table.ex > 0) & (table.ex < len(close))
        column, ex, amount = table.column[inside], table.ex[inside], table.amount[inside]
        last = self.last_trades()[ex - 1, column].astype(np.int64)
        passed = self._reader.factors_of(column, ex - 1) / self._reader.factors_of(column, last)
        base = np.where(last >= 0, close[last, column] * passed, np.nan)
        if self._eve_only:
            base[last != ex - 1] = np.nan
        ratio = 1.0 - amount / base
        good = ratio > 0
        return column[good], ex[good], ratio[good]


class CoarseMinuteReader:
    """The minutes of a MinuteReader, read with the care of the daily bars: `daily` is their CoarseReader."""

    def __init__(self, reader: MinuteReader, daily: CoarseReader) -> None:
        self._reader, self._daily = reader, daily
        self.minutes, self.first_minute, self.last_trade = reader.minutes, reader.first_minute, reader.last_trade

    def session_values(self, field: str, session: int) -> FloatArray:
        """Return float64[m, N] of a field over the m minutes of a session."""
        stored = self._reader.session_values(field, session)
        return in_thousandths(field, stored) if self._daily.rounded else stored

    def window(self, field: str, columns: np.ndarray | None, end: int, n: int, seen_from: int) -> FloatArray:
        """Return float64[n, k]: minutes end − n + 1 … end of columns (None: all), seen from a session."""
        start, minutes = end - n + 1, self.minutes
        first, last = minutes.session(start), minutes.session(end)
        whole = np.concatenate([self.session_values(field, session) for session in range(first, last + 1)])
        lo = start - minutes.span(first)[0]
        raw = whole[lo : lo + n] if columns is None else whole[lo : lo + n, columns]
        column, session, ratio = self._daily.changes(field, first, seen_from)
        return adjusted(raw, columns, column, minutes.starts[session] - start, ratio)
