"""Checks of one asset's daily bars as a series: what no single row can show.

With r[t] = ln(close[t] / close[t−1]) over the bars traded above zero and σ = 1.4826 · median |r − median r| (of every
fourth r where there are many; at least 0.5 %):

    ohlc_order   open or close outside [low, high]
    stale_tail   at least STALE bars at the end with the same close and no volume
    outlier      |r[t]| > 10 σ, and r[t] + r[t+1] within σ of 0: a leap that is taken back at once
    jump         |r[t]| > 6 σ, and close[t] / close[t−1] and open[t] / close[t−1] within 3 % of a usual split ratio;
                 whether an action explains it is asked when all actions are known
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tradewind_data.gridfile import FloatArray
from tradewind_data.ingest.quality import Flaws, flaw
from tradewind_data.ingest.spool import AssetBars
from tradewind_data.sessions import BoolArray, Int64Array, date_text

STALE = 10
_FEWEST, _MANY = 20, 400
_LEAST_SIGMA = 0.005
_SPIKE, _JUMP = 10.0, 6.0
_TERMS = (2, 3, 4, 5, 6, 7, 8, 10, 15, 20, 25, 30, 50, 100)
_RATIOS = np.log(np.array([1.5, *_TERMS, 1 / 1.5, *(1 / t for t in _TERMS)]))
_NEAR = 0.03


@dataclass(frozen=True)
class Jump:
    """A leap of an asset's prices at a date (ns) by about the ratio of a split."""

    sid: int
    date: int
    ratio: float


def check_series(bars: AssetBars, file: str = "") -> tuple[list[Flaws], list[Jump]]:
    """The flaws of the series, and the leaps that a split or merger would have to explain."""
    flaws = _order(bars, file)
    open_, close = bars.values[0], bars.values[3]
    traded = np.flatnonzero(close > 0)
    if len(traded) < _FEWEST:
        return flaws, []
    flaws += _stale(bars, file)
    closes = close[traded]
    growth = closes[1:] / closes[:-1]
    sample = np.log(growth[::4] if len(growth) > _MANY else growth)
    sigma = max(_LEAST_SIGMA, 1.4826 * _median(np.abs(sample - _median(sample))))
    large = np.flatnonzero((growth > np.exp(_JUMP * sigma)) | (growth < np.exp(-_JUMP * sigma)))
    if not len(large):
        return flaws, []
    spikes = _spikes(growth, large, sigma)
    if len(spikes):
        flaws.append(_outliers(bars, traded[spikes + 1], growth[spikes], file))
        large = large[~np.isin(large, np.concatenate([spikes, spikes + 1]))]
    opened = open_[traded[large + 1]] / closes[large]
    like = large[_like_a_split(growth[large]) & _like_a_split(opened)]
    return flaws, [Jump(bars.sid, int(bars.labels[traded[i + 1]]), float(growth[i])) for i in like.tolist()]


def _median(values: FloatArray) -> float:
    """The median of at least one finite number."""
    half = len(values) // 2
    if len(values) % 2:
        return float(np.partition(values, half)[half])
    around = np.partition(values, (half - 1, half))
    return float(around[half - 1] + around[half]) / 2.0


def _order(bars: AssetBars, file: str) -> list[Flaws]:
    open_, high, low, close, _ = bars.values
    outside = (np.maximum(open_, close) > high) | (np.minimum(open_, close) < low)
    if not outside.any():
        return []
    wrong = np.flatnonzero(outside)
    details = tuple(f"open {o:g}, high {h:g}, low {lo:g}, close {c:g}" for o, h, lo, c, _ in bars.values[:, wrong].T)
    return [Flaws("ohlc_order", bars.sid, bars.labels[wrong], details, file)]


def _stale(bars: AssetBars, file: str) -> list[Flaws]:
    close, volume = bars.values[3], bars.values[4]
    if volume[-1] > 0:
        return []
    moved = np.flatnonzero((volume > 0) | ((close != close[-1]) & ~(np.isnan(close) & np.isnan(close[-1]))))
    first = int(moved[-1]) + 1 if len(moved) else 0
    count = len(close) - first
    if count < STALE:
        return []
    detail = f"{count} bars without volume since {date_text(int(bars.labels[first]))}"
    return [flaw("stale_tail", bars.sid, int(bars.labels[first]), detail, file)]


def _spikes(growth: FloatArray, large: Int64Array, sigma: float) -> Int64Array:
    inner = large[large + 1 < len(growth)]
    steps, after = np.log(growth[inner]), np.log(growth[inner + 1])
    back = np.abs(steps + after) < np.minimum(3 * sigma, 0.2 * np.abs(steps))
    return inner[(np.abs(steps) > _SPIKE * sigma) & back]


def _outliers(bars: AssetBars, rows: Int64Array, growth: FloatArray, file: str) -> Flaws:
    details = tuple(f"close {c:g}, {g - 1:+.0%} and back" for c, g in zip(bars.values[3, rows], growth, strict=True))
    return Flaws("outlier", bars.sid, bars.labels[rows], details, file)


def _like_a_split(growth: FloatArray) -> BoolArray:
    with np.errstate(invalid="ignore", divide="ignore"):  # a contract may open at or below zero
        return np.asarray(np.abs(np.log(growth)[:, None] - _RATIOS).min(axis=1, initial=np.inf) < _NEAR)
