"""What a synthetic market looks like beside the panel it imitates: 431 large US stocks, daily, 2007 to 2016.

Each figure is a median over assets, or one number of the market; several seeds are averaged. A figure passes inside
its band: ± 25 % of volatilities and autocorrelations, ± 0.05 of correlations and variance shares, ± 40 % of the tail.
Excess kurtosis is shown and not judged: its sampling error has no bound.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tradewind_data.errors import BadIngestRequest
from tradewind_data.synthetic.prices import AssetHistory, history
from tradewind_data.synthetic.returns import YEAR, FloatArray, ReturnModel

FEWEST_ASSETS, FEWEST_DAYS, FEWEST_WHOLE = 20, 504, 8
RELATIVE, ABSOLUTE, TAIL, SHOWN = 0.25, 0.05, 0.40, float("inf")


@dataclass(frozen=True)
class Target:
    """One figure of the panel: name, value, and its band (a share of the value, or absolute for correlations)."""

    name: str
    value: float
    band: float
    absolute: bool = False


TARGETS = (
    Target("annual volatility", 0.346, RELATIVE),
    Target("excess kurtosis", 9.3, SHOWN),
    Target("beta to the equal-weighted market", 0.98, RELATIVE),
    Target("R² on the market", 0.435, ABSOLUTE, True),
    Target("market volatility", 0.231, RELATIVE),
    Target("mean pairwise correlation", 0.42, ABSOLUTE, True),
    Target("first principal component's share", 0.434, ABSOLUTE, True),
    Target("residual volatility", 0.252, RELATIVE),
    Target("acf |r| at 1", 0.234, RELATIVE),
    Target("acf |r| at 5", 0.239, RELATIVE),
    Target("acf |r| at 10", 0.213, RELATIVE),
    Target("acf |r| at 20", 0.177, RELATIVE),
    Target("acf |r| at 60", 0.110, RELATIVE),
    Target("acf r at 1", -0.044, ABSOLUTE, True),
    Target("leverage effect", -0.067, ABSOLUTE, True),
    Target("P(|r| > 5σ)", 0.0035, TAIL),
    Target("open-to-close / close-to-close volatility", 0.859, RELATIVE),
    Target("daily cross-sectional dispersion", 0.014, RELATIVE),
    Target("log volume: spread over assets", 0.85, RELATIVE),
    Target("log volume: spread over time", 0.44, RELATIVE),
    Target("acf log volume at 1", 0.54, RELATIVE),
    Target("acf log volume at 5", 0.20, RELATIVE),
    Target("correlation of |r| and log volume", 0.28, ABSOLUTE, True),
)


@dataclass(frozen=True)
class Figure:
    """A target beside what was realised."""

    target: Target
    realised: float

    @property
    def passed(self) -> bool:
        """Whether the realised value lies in the band."""
        allowed = self.target.band if self.target.absolute else self.target.band * abs(self.target.value)
        return abs(self.realised - self.target.value) <= allowed


def check(seeds: Sequence[int], assets: int, days: int) -> list[Figure]:
    """The figures of the markets of several seeds, averaged. BadIngestRequest for a market too small to have them."""
    if assets < FEWEST_ASSETS or days < FEWEST_DAYS:
        rule = f"the figures need at least {FEWEST_ASSETS} assets and {FEWEST_DAYS} sessions"
        raise BadIngestRequest("check", f"{assets} assets, {days} sessions", rule)
    return judged(np.array([realised(seed, assets, days) for seed in seeds]))


def judged(found: FloatArray) -> list[Figure]:
    """The averages of the figures float64[seeds, figures] beside their targets."""
    return [Figure(target, float(value)) for target, value in zip(TARGETS, found.mean(axis=0), strict=True)]


def realised(seed: int, assets: int, days: int) -> FloatArray:
    """The figures of one market, in the order of TARGETS, from the assets that trade on every day.

    BadIngestRequest when fewer than FEWEST_WHOLE do: a correlation needs assets, and a median several.
    """
    model = ReturnModel(seed, days)
    whole = [h for h in (history(model, i) for i in range(assets)) if len(h.returns) == days]
    if len(whole) < FEWEST_WHOLE:
        rule = f"only {len(whole)} of {assets} assets trade on all {days} days; the figures need {FEWEST_WHOLE} of them"
        raise BadIngestRequest("check", f"{assets} assets, {days} sessions, seed {seed}", rule)
    r = np.expm1(np.array([h.returns for h in whole]).T)
    return np.array([*_returns(r), *_tails(r), _day_share(whole), float(np.median(r.std(axis=1))), *_volumes(whole, r)])


def _returns(r: FloatArray) -> list[float]:
    market = r.mean(axis=1)
    m = market - market.mean()
    z = r - r.mean(axis=0)
    beta = m @ z / (m @ m)
    residual = z - m[:, None] * beta
    sd = z.std(axis=0)
    n = r.shape[1]
    pairwise = float((np.corrcoef(r.T).sum() - n) / (n * (n - 1)))
    share = float(np.linalg.eigvalsh(np.cov(r.T))[-1] / (sd**2).sum())
    kurtosis = float(np.median((z**4).mean(axis=0) / sd**4 - 3.0))
    annual = np.sqrt(YEAR)
    r2 = float(np.median(1.0 - residual.var(axis=0) / sd**2))
    return [float(np.median(sd)) * annual, kurtosis, float(np.median(beta)), r2, float(m.std()) * annual,
            pairwise, share, float(np.median(residual.std(axis=0))) * annual]  # fmt: skip


def _tails(r: FloatArray) -> list[float]:
    z = (r - r.mean(axis=0)) / r.std(axis=0)
    lags = [float(np.median(_acf(np.abs(z), lag))) for lag in (1, 5, 10, 20, 60)]
    after = np.mean([np.abs(z)[k : len(z) - 5 + k] for k in range(1, 6)], axis=0)
    leverage = float(np.median(_columns_correlation(z[: len(z) - 5], after)))
    return [*lags, float(np.median(_acf(z, 1))), leverage, float((np.abs(z) > 5.0).mean())]


def _day_share(whole: list[AssetHistory]) -> float:
    ratios = []
    for h in whole:
        inside = np.log(h.values[3] / h.values[0])
        ratios.append(float(inside.std() / h.returns.std()))
    return float(np.median(ratios))


def _volumes(whole: list[AssetHistory], r: FloatArray) -> list[float]:
    logs = np.log(np.array([h.values[4] * h.values[3] for h in whole]).T)
    across = float(logs.mean(axis=0).std())
    quarter = 63
    means = np.array([logs[max(0, t - quarter) : t + quarter].mean(axis=0) for t in range(0, len(logs), 21)])
    detrended = logs - np.repeat(means, 21, axis=0)[: len(logs)]
    return [across, float(np.median(logs.std(axis=0))), float(np.median(_acf(detrended, 1))),
            float(np.median(_acf(detrended, 5))), float(np.median(_columns_correlation(np.abs(r), logs)))]  # fmt: skip


def _acf(x: FloatArray, lag: int) -> FloatArray:
    return _columns_correlation(x[:-lag], x[lag:])


def _columns_correlation(a: FloatArray, b: FloatArray) -> FloatArray:
    a, b = a - a.mean(axis=0), b - b.mean(axis=0)
    return (a * b).sum(axis=0) / np.sqrt((a**2).sum(axis=0) * (b**2).sum(axis=0))
