"""Minute bars inside synthetic daily bars: their opens, highs, lows, closes and volumes add up to the day's.

A Brownian bridge in log price from the day's open to its close, held inside low … high, of which one minute each
touches the high and the low; the volume is dealt out along a U over the day.
"""

from __future__ import annotations

import numpy as np

from tradewind_data.ingest.spool import AssetBars
from tradewind_data.sessions import Sessions
from tradewind_data.synthetic.returns import FloatArray, generator


def minute_bars(seed: int, asset: int, bars: AssetBars, days: int, sessions: Sessions) -> AssetBars:
    """The minute bars of an asset's last ``days`` sessions; a minute without volume has no bar."""
    rng = generator(seed, asset, 21)
    stamps, values = [], []
    for row in range(len(bars.labels) - days, len(bars.labels)):
        lo, hi = sessions.minutes.span(sessions.ordinal(int(bars.labels[row])))
        made = _day(rng, bars.values[:, row], hi - lo)
        traded = made[4] > 0
        stamps.append(sessions.minutes.stamps(lo, hi)[traded])
        values.append(made[:, traded])
    return AssetBars(bars.sid, np.concatenate(stamps), np.concatenate(values, axis=1))


def _day(rng: np.random.Generator, day: FloatArray, n: int) -> FloatArray:
    """float64[5, n]: minutes that make up the day (open, high, low, close, volume)."""
    open_, high, low, close, volume = day
    u = np.arange(n + 1) / n
    walk = np.concatenate([[0.0], np.cumsum(rng.standard_normal(n))]) / np.sqrt(n)
    path = open_ * np.exp(u * np.log(close / open_) + 0.5 * np.log(high / low) * (walk - u * walk[-1]))
    path = np.clip(np.rint(path * 100.0) / 100.0, low, high)
    path[0], path[-1] = open_, close
    bars = np.array([path[:-1], np.maximum(path[:-1], path[1:]), np.minimum(path[:-1], path[1:]), path[1:]])
    bars[1, rng.integers(0, n)] = high
    bars[2, rng.integers(0, n)] = low
    shape = 1.0 + 2.0 * (2.0 * u[1:] - 1.0) ** 2
    dealt = rng.multinomial(int(volume), shape / shape.sum()).astype(np.float64)
    # The minutes that carry the day's open, close, high and low must trade.
    for at in (0, n - 1, int(np.argmax(bars[1])), int(np.argmin(bars[2]))):
        if not dealt[at]:
            dealt[at], dealt[np.argmax(dealt)] = 1.0, dealt.max() - 1.0
    return np.vstack([bars, dealt])
