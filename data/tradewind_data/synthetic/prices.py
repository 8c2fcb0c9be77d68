"""From log returns to raw daily bars with their corporate actions, for one synthetic asset.

Overnight and intraday parts share a return 26 : 74 in variance. Given open and close, the high of a Brownian path with
variance σ² is (x + √(x² − 2 σ² ln U)) / 2 above the open, the low likewise below, x the log return from open to close:
they never violate low ≤ open, close ≤ high. Prices are rounded to the tick, 0.01, below a dollar 0.0001.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tradewind_data.synthetic.returns import MONTH, YEAR, FloatArray, ReturnModel, generator, log_volume

OVERNIGHT = 0.26
SPLIT_ABOVE, SPLIT_CHANCE, REVERSE_BELOW = 250.0, 0.015, 2.0
SPLIT_RATIOS = ((2, 1), (3, 1), (3, 2), (4, 1))
SPLIT_CHANCES = (0.55, 0.15, 0.20, 0.10)
VOLUME_SPREAD, COMMON_VOLUME, VOLUME_ON_RETURN = 0.44, 0.26, 0.345
MERGER_RATE, FAILURE_RATE, CHANGE_RATE = 0.05, 0.015, 0.01
MERGER_DAYS, FAILURE_DAYS = 80, 126
INDEX, INDEX_FEE, INDEX_YIELD = -2, 0.0009, 0.018


@dataclass(frozen=True, eq=False)
class Life:
    """When an asset trades and how it ends: days [first, last] of the market; end ``merger``, ``failure`` or ``""``.

    turn: the day on which the end is announced or begins. change: day of a ticker change, −1 without one.
    """

    first: int
    last: int
    turn: int
    end: str
    change: int


def life(seed: int, asset: int, days: int) -> Life:
    """70 % are listed from the first day, the others at a random day of the span; ends come by their yearly rates."""
    rng = generator(seed, asset, 11)
    first = 0 if rng.random() < 0.7 else int(rng.integers(1, max(2, days - YEAR // 2)))
    waits = rng.exponential(1.0, 2) * YEAR / np.array([MERGER_RATE, FAILURE_RATE])
    kind = int(np.argmin(waits))
    turn = first + YEAR // 2 + int(waits[kind])
    last = turn + (MERGER_DAYS, FAILURE_DAYS)[kind]
    change = first + int(rng.exponential(YEAR / CHANGE_RATE))
    if last >= days:
        return Life(first, days - 1, days, "", change if change < days - 1 else -1)
    return Life(first, last, turn, ("merger", "failure")[kind], change if change < last - 1 else -1)


@dataclass(frozen=True, eq=False)
class AssetHistory:
    """An asset's bars on the days life.first … life.last and its actions (day, …) of that span.

    values float64[5, n] raw by FIELDS; splits (day, new, old); dividends (ex day, amount); shares float64[n]
    outstanding, splits applied; returns: total log return by day, from the unrounded prices; expected: the part of it
    that could be known the day before.
    """

    life: Life
    values: FloatArray
    splits: list[tuple[int, int, int]]
    dividends: list[tuple[int, float]]
    shares: FloatArray
    returns: FloatArray
    expected: FloatArray


def history(model: ReturnModel, asset: int) -> AssetHistory:
    """The bars and actions of one asset."""
    lived = life(model.seed, asset, model.days)
    found = model.asset(asset)
    total, sigma = _ended(model.seed, asset, lived, found.total.copy(), found.sigma.copy())
    span = slice(lived.first, lived.last + 1)
    expected = _expected(lived, found.expected)[span]
    total, sigma = total[span], np.maximum(sigma[span], 0.5 * np.std(total[span]))
    rng = generator(model.seed, asset, 12)
    start = float(np.clip(35.0 * np.exp(0.8 * rng.standard_normal()), 4.0, 240.0))
    splits, dividends, factor, close = _actions(rng, total, start, lived.first)
    bars = _bars(generator(model.seed, asset, 13), close, sigma, total)
    volume = _volume(model, asset, lived, total, sigma, close)
    size = float(np.exp(18.4 + 0.85 * rng.standard_normal()))
    shares = np.rint(size * 80 / start) * np.cumprod(factor) * 0.99 ** (np.arange(len(close)) / YEAR)
    return AssetHistory(lived, np.vstack([bars, volume]), splits, dividends, shares, total, expected)


def _ended(seed: int, asset: int, lived: Life, total: FloatArray, sigma: FloatArray) -> tuple[FloatArray, FloatArray]:
    """The returns with the end of the asset's life: a takeover that holds the price, or a long fall."""
    rng = generator(seed, asset, 14)
    if lived.end == "merger":
        quiet = slice(lived.turn, lived.last + 1)
        total[quiet] = rng.normal(0.0, 0.03 / np.sqrt(YEAR), lived.last + 1 - lived.turn)
        total[lived.turn] += np.log(1.0 + rng.uniform(0.2, 0.3))
        sigma[quiet] = 0.03 / np.sqrt(YEAR)
    if lived.end == "failure":
        total[lived.turn : lived.last + 1] += np.log(0.4) / YEAR
        total[lived.last] += np.log(1.0 - rng.choice([0.30, 0.55]))
    return total, sigma


def _expected(lived: Life, expected: FloatArray) -> FloatArray:
    """What could be expected once the end of the life has begun: nothing of a takeover, the fall of a failure."""
    if lived.end == "merger":
        return np.where(np.arange(len(expected)) > lived.turn, 0.0, expected)
    if lived.end == "failure":
        return expected + np.where(np.arange(len(expected)) > lived.turn, np.log(0.4) / YEAR, 0.0)
    return expected


def _actions(
    rng: np.random.Generator, total: FloatArray, start: float, first: int
) -> tuple[list[tuple[int, int, int]], list[tuple[int, float]], FloatArray, FloatArray]:
    """(splits, dividends, shares for one by day, close by day), month by month.

    Days of the actions are days of the market.
    """
    n = len(total)
    pays, yearly = rng.random() < 0.55, 0.019 * float(np.exp(0.5 * rng.standard_normal()))
    offset, factor, close = int(rng.integers(0, 3)), np.ones(n), np.empty(n)
    splits: list[tuple[int, int, int]] = []
    dividends: list[tuple[int, float]] = []
    price, amount = start, 0.0
    for month, lo in enumerate(range(0, n, MONTH)):
        chance, which, cut = rng.random(), rng.choice(len(SPLIT_RATIOS), p=SPLIT_CHANCES), rng.random()
        step = total[lo : lo + MONTH].copy()
        new, old = _split(price, float(chance), int(which)) if lo else (1, 1)
        if new != old:
            splits.append((first + lo, new, old))
            factor[lo] = new / old
            step[0] += np.log(old / new)
            amount = round(amount * old / new, 4)
        ex = lo + MONTH // 2
        close[lo : lo + MONTH] = price * np.exp(np.cumsum(step))
        if pays and month % 3 == offset and ex < n:
            before = float(close[ex - 1])
            amount = _amount(before, yearly, amount, float(cut))
            if 0 < amount < 0.2 * before:
                dividends.append((first + ex, amount))
                close[ex : lo + MONTH] *= 1.0 - amount / before
        price = float(close[min(lo + MONTH, n) - 1])
    return splits, dividends, factor, close


def _split(price: float, chance: float, which: int) -> tuple[int, int]:
    if price > SPLIT_ABOVE and chance < SPLIT_CHANCE * (price / SPLIT_ABOVE) ** 2:
        return SPLIT_RATIOS[which]
    return (1, 10) if price < REVERSE_BELOW else (1, 1)


def _amount(price: float, yearly: float, last: float, cut: float) -> float:
    """The quarter's dividend in cents: the last one while it is near the yield, nothing more after a cut."""
    due = yearly * price / 4.0
    if last and cut < 0.03 / 4.0:
        return round(last / 2.0, 2)
    return last if 0.75 * due < last < 1.33 * due else round(due, 2)


def _ticks(prices: FloatArray) -> FloatArray:
    """Prices on their tick, as decimal texts would be parsed."""
    return np.where(prices < 1.0, np.maximum(np.rint(prices * 1e4), 1.0) / 1e4, np.rint(prices * 100.0) / 100.0)


def _bars(rng: np.random.Generator, close: FloatArray, sigma: FloatArray, total: FloatArray) -> FloatArray:
    """float64[4, n]: open, high, low, close."""
    n = len(close)
    spread = np.sqrt(OVERNIGHT * (1.0 - OVERNIGHT)) * 1.3 * sigma  # a third of the variance is not the residual's
    intraday = (1.0 - OVERNIGHT) * total - spread * rng.standard_normal(n)
    intraday = np.clip(intraday, -0.7, 0.7)
    variance = (1.0 - OVERNIGHT) * sigma**2
    up, down = (
        0.5 * (sign * intraday + np.sqrt(intraday**2 - 2.0 * variance * np.log1p(-rng.random(n)))) for sign in (1, -1)
    )
    open_ = close * np.exp(-intraday)
    bars = np.array([open_, open_ * np.exp(up), open_ * np.exp(-down), close])
    bars = _ticks(bars)
    bars[1], bars[2] = bars.max(axis=0), bars.min(axis=0)
    return bars


def _volume(
    model: ReturnModel, asset: int, lived: Life, total: FloatArray, sigma: FloatArray, close: FloatArray
) -> FloatArray:
    """Shares a day: log dollar volume around the asset's mean, with the market's turnover, its own, and |r|."""
    rng, span = generator(model.seed, asset, 15), slice(lived.first, lived.last + 1)
    mean = np.log(97e6) + 0.85 * rng.standard_normal()
    own, common = log_volume(rng, model.days)[span], model.factors.turnover[span]
    loud = np.log(np.abs(total) / (sigma + 1e-12) + 0.05)
    loud = np.clip((loud + 0.75) / 1.1, -2.0, 2.5)
    mixed = np.sqrt(COMMON_VOLUME) * common + np.sqrt(1 - COMMON_VOLUME - VOLUME_ON_RETURN**2) * own
    logs = mean + VOLUME_SPREAD * (mixed + VOLUME_ON_RETURN * loud)
    busy = np.zeros(model.days)
    busy[model.earnings(asset)] = np.log(3.0)
    return np.maximum(np.rint(np.exp(logs + busy[span]) / close), 1.0)


def index_history(seed: int, gained: FloatArray) -> AssetHistory:
    """A fund with the daily simple returns ``gained``, less a fee of 9 basis points a year; a dividend each quarter."""
    n = len(gained)
    rng = generator(seed, INDEX, 1)
    total = np.log1p(gained) - INDEX_FEE / YEAR
    close = 100.0 * np.exp(np.cumsum(total))
    dividends = []
    for ex in range(MONTH * 3 - 5, n, MONTH * 3):
        amount = round(float(close[ex - 1]) * INDEX_YIELD / 4.0, 3)
        dividends.append((ex, amount))
        close[ex:] *= 1.0 - amount / close[ex - 1]
    sigma = np.full(n, float(total.std()))
    bars = _bars(rng, close, sigma, total)
    volume = np.rint(np.exp(16.5 + 0.3 * log_volume(rng, n)))
    lived = Life(0, n - 1, n, "", -1)
    return AssetHistory(lived, np.vstack([bars, volume]), [], dividends, np.full(n, 9e8), total, np.full(n, np.nan))
