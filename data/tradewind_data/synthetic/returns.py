"""Daily log returns of a synthetic market, asset by asset.

    r[i, t] = α[i, t] + β[i] m[t] + s[i] f_sector(i)[t] + Σ_k ℓ[i, k, t] g_k[t] + ε[i, t]

    calm   the volatility that all share (volatility.py); it scales all that follows
    m      GJR-GARCH(1, 1), Student-t, at MARKET_VOL over each ten years; a share of a shock is taken back next day
    f, g   eleven sector and five style factors, GARCH(1, 1), Student-t; style loadings are AR(1) by month
    ε      GARCH(1, 1), Student-t, with four earnings jumps a year and rare jumps
    α      planted: reversal of the last residual, momentum of the last year, a slow value signal (Truth)

Every random number comes from PCG64(SeedSequence([seed, asset, stream])): an asset does not depend on which others are
made, nor on the number of threads. Sources: Glosten, Jagannathan and Runkle 1993 for m; Cont 2001 for the facts that
the parameters reproduce (check.py).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
from numba import njit

from tradewind_data.sessions import Int64Array
from tradewind_data.synthetic import volatility
from tradewind_data.synthetic.volatility import ar1

FloatArray = npt.NDArray[np.float64]

YEAR, MONTH = 252, 21
SECTORS = (101, 102, 103, 104, 205, 206, 207, 308, 309, 310, 311)
SECTOR_SIZES = (0.05, 0.13, 0.15, 0.06, 0.07, 0.13, 0.04, 0.05, 0.06, 0.13, 0.13)
STYLES = ("momentum", "size", "value", "short_term_reversal", "volatility")
STYLE_VOL = (0.05, 0.04, 0.04, 0.04, 0.06)
STYLE_PREMIA = (0.015, 0.0, 0.01, 0.03, -0.01)
MARKET_DRIFT, MARKET_VOL, MARKET_REVERSAL = 0.06, 0.213, -0.09
MARKET_NU, MARKET_GARCH, RESIDUAL_SHARE = 10.0, (0.0, 0.10, 0.88), 0.88
IC_REVERSAL, IC_MOMENTUM, IC_VALUE = -0.018, 0.010, 0.015
RESIDUAL_VOL, RESIDUAL_SPREAD, RESIDUAL_GARCH = 0.166, 0.38, (0.025, 0.03, 0.94)
EARNINGS_SIZE, RARE_RATE, RARE_SIZE = 4.2, 0.5, 0.08
COMMON = -1


def generator(seed: int, owner: int, stream: int) -> np.random.Generator:
    """The random numbers of one purpose of one asset (or of the whole market, COMMON)."""
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence([seed, owner + 2, stream])))


@njit(cache=True)
def garch(z, vol, alpha, gamma, beta):  # type: ignore[no-untyped-def]  # numba has no annotations
    """(σ[t] z[t], σ[t]) of a GJR-GARCH(1, 1) with long-run daily volatility ``vol`` for unit-variance z."""
    n = len(z)
    out, sigma = np.empty(n), np.empty(n)
    target = vol * vol
    omega = target * (1.0 - alpha - 0.5 * gamma - beta)
    variance = target
    for t in range(n):
        sigma[t] = np.sqrt(variance)
        out[t] = sigma[t] * z[t]
        shock = out[t] * out[t]
        variance = omega + (alpha + (gamma if out[t] < 0 else 0.0)) * shock + beta * variance
    return out, sigma


def student(rng: np.random.Generator, nu: float, n: int) -> FloatArray:
    """n Student-t numbers of unit variance."""
    return rng.standard_t(nu, n) * np.sqrt((nu - 2.0) / nu)


@dataclass(frozen=True, eq=False)
class Factors:
    """Common series: calm float64[T], the factor of every volatility; market float64[T], sectors float64[11, T] and
    styles float64[5, T], returns; drift float64[T], what was expected of the market the day before; turnover
    float64[T], the market's part of log volume.
    """

    calm: FloatArray
    drift: FloatArray
    market: FloatArray
    sectors: FloatArray
    styles: FloatArray
    turnover: FloatArray


def factors(seed: int, days: int) -> Factors:
    """The factors of a market."""
    calm, market = _market(seed, days)
    sectors = []
    for k in range(len(SECTORS)):
        rng = generator(seed, COMMON, 10 + k)
        vol = rng.uniform(0.07, 0.12) / np.sqrt(YEAR)
        sectors.append(calm * garch(student(rng, 7.0, days), vol, 0.06, 0.0, 0.92)[0])
    styles = []
    for k, (vol, premium) in enumerate(zip(STYLE_VOL, STYLE_PREMIA, strict=True)):
        rng = generator(seed, COMMON, 30 + k)
        shocks, _ = garch(student(rng, 7.0, days), vol / np.sqrt(YEAR), 0.06, 0.0, 0.92)
        styles.append(premium / YEAR + calm * shocks)
    drift = np.full(days, MARKET_DRIFT / YEAR)
    drift[1:] += MARKET_REVERSAL * market[:-1]
    turnover = log_volume(generator(seed, COMMON, 50), days)
    return Factors(calm, drift, drift + market, np.array(sectors), np.array(styles), turnover)


def _market(seed: int, days: int) -> tuple[FloatArray, FloatArray]:
    """(calm, the market's shocks), both cut from whole decades: a longer market begins as the shorter one did."""
    decades = -(-days // volatility.DECADE)
    reach = decades * volatility.DECADE
    z = student(generator(seed, COMMON, 1), MARKET_NU, reach)
    fresh = generator(seed, COMMON, 3).standard_normal(reach)
    calm = volatility.calm(z, generator(seed, COMMON, 2).random(reach), fresh)
    shocks = calm * garch(z, 1.0, *MARKET_GARCH)[0]
    blocks = shocks.reshape(decades, volatility.DECADE)
    blocks *= MARKET_VOL / np.sqrt(YEAR) / blocks.std(axis=1, keepdims=True)
    return calm[:days], shocks[:days]


def log_volume(rng: np.random.Generator, days: int) -> FloatArray:
    """A series of unit variance whose autocorrelations are near .54, .20, .03 at 1, 5, 20 days."""
    parts = ((0.10, 0.97), (0.76, 0.80), (0.14, 0.0))
    return np.sum([np.sqrt(share) * ar1(rng.standard_normal(days), phi) for share, phi in parts], axis=0)


@dataclass(frozen=True, eq=False)
class AssetReturns:
    """One asset over all T days, before listing and delisting cut it.

    total: log return; sigma: conditional volatility of its residual; expected: the part of ``total`` that was
    predictable the day before (premia and planted signals); loadings: style loadings float64[5, T].
    """

    total: FloatArray
    sigma: FloatArray
    expected: FloatArray
    loadings: FloatArray


@dataclass(frozen=True)
class Traits:
    """What an asset is: sector (index), market beta, sector loading, annual residual volatility."""

    sector: int
    beta: float
    sector_loading: float
    volatility: float


def traits(seed: int, asset: int) -> Traits:
    """The traits of an asset."""
    rng = generator(seed, asset, 1)
    sector = int(rng.choice(len(SECTORS), p=np.array(SECTOR_SIZES) / sum(SECTOR_SIZES)))
    beta = float(np.clip(rng.normal(1.0, 0.33), 0.2, 2.4))
    loading = float(np.clip(rng.normal(1.0, 0.3), 0.2, 1.8))
    volatility = RESIDUAL_VOL * float(np.exp(RESIDUAL_SPREAD * rng.standard_normal()))
    return Traits(sector, beta, loading, volatility)


def value_signal(seed: int, asset: int, days: int) -> FloatArray:
    """float64[T]: the slow signal of unit variance that is planted as value."""
    return np.asarray(ar1(generator(seed, asset, 6).standard_normal(days), 0.995))


class ReturnModel:
    """The returns of every asset of one seed over T days."""

    def __init__(self, seed: int, days: int) -> None:
        self.seed, self.days = seed, days

    @cached_property
    def factors(self) -> Factors:
        """The common factors."""
        return factors(self.seed, self.days)

    def asset(self, asset: int) -> AssetReturns:
        """The returns of one asset, by its number."""
        own, common = traits(self.seed, asset), self.factors
        rng = generator(self.seed, asset, 2)
        daily = own.volatility / np.sqrt(YEAR)
        calm = common.calm**RESIDUAL_SHARE
        shocks, sigma = garch(student(rng, 6.0, self.days), daily, *RESIDUAL_GARCH)
        sigma *= calm
        residual = shocks * calm + self._jumps(asset, daily)
        loadings = self._loadings(asset)
        signal = daily * self._signal(asset, residual / daily)
        premia = np.array(STYLE_PREMIA) / YEAR
        expected = own.beta * common.drift + premia @ loadings + signal
        shared = own.beta * common.market + own.sector_loading * common.sectors[own.sector]
        total = shared + (loadings * common.styles).sum(axis=0) + signal + residual
        return AssetReturns(total, sigma, expected, loadings)

    def earnings(self, asset: int) -> Int64Array:
        """The days of the asset's quarterly reports."""
        offset = int(generator(self.seed, asset, 3).integers(0, 63))
        return np.arange(offset, self.days, 63, dtype=np.int64)

    def _jumps(self, asset: int, daily: float) -> FloatArray:
        rng = generator(self.seed, asset, 4)
        out = np.zeros(self.days)
        days = self.earnings(asset)
        out[days] += rng.normal(0.0, EARNINGS_SIZE * daily, len(days))
        rare = rng.random(self.days) < RARE_RATE / YEAR
        out[rare] += rng.normal(0.0, RARE_SIZE, int(rare.sum()))
        return out

    def _loadings(self, asset: int) -> FloatArray:
        rng = generator(self.seed, asset, 5)
        months = -(-self.days // MONTH)
        monthly = np.array([ar1(rng.standard_normal(months), 0.9) for _ in STYLES])
        return np.repeat(monthly, MONTH, axis=1)[:, : self.days]

    def _signal(self, asset: int, z: FloatArray) -> FloatArray:
        """The planted signal in units of daily volatility, from what was known the day before."""
        momentum = np.zeros(self.days)
        total = np.concatenate([[0.0], np.cumsum(z)])
        t = np.arange(YEAR + 1, self.days)
        momentum[t] = (total[t - MONTH] - total[t - YEAR]) / np.sqrt(YEAR - MONTH)
        recent = np.zeros(self.days)
        recent[1:] = np.clip(z[:-1], -3.0, 3.0)
        value = value_signal(self.seed, asset, self.days)
        return IC_REVERSAL * recent + IC_MOMENTUM / np.sqrt(MONTH) * momentum + IC_VALUE / np.sqrt(MONTH) * value
