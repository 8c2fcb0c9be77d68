"""The volatility that all assets of a synthetic market share, in blocks of ten years.

    calm[t] > 0, its mean square 1 over each block; log calm is normal with standard deviation SPREAD and the
    autocorrelation MEMORY^lag

A free path of such a series would hold one crisis in one decade and none in the next, and every figure of the market
would follow it. So a block is a rearrangement: a free path (AR(1), pushed up by falls of the market, higher in the
crises of a two-state regime) gives the order in time; the values and the power spectrum are the same in every block.
The two are imposed in turn until neither moves (Schreiber and Schmitz 1996, iterated amplitude-adjusted surrogates).
"""

from __future__ import annotations

from statistics import NormalDist

import numpy as np
import numpy.typing as npt
from numba import njit

FloatArray = npt.NDArray[np.float64]

DECADE = 2520
SPREAD, MEMORY, LEVERAGE = 0.52, 0.9905, -0.95
CRISIS, ENTER, LEAVE = 1.4, 1 / 1000, 1 / 90
_ROUNDS = 50


@njit(cache=True)
def regimes(u, enter, leave):  # type: ignore[no-untyped-def]  # numba has no annotations
    """bool[T]: a two-state chain, out of it at first."""
    state = np.zeros(len(u), dtype=np.bool_)
    for t in range(1, len(u)):
        state[t] = u[t] >= leave if state[t - 1] else u[t] < enter
    return state


@njit(cache=True)
def ar1(z, phi):  # type: ignore[no-untyped-def]  # numba has no annotations
    """x[t] = φ x[t−1] + √(1 − φ²) z[t], x[0] = z[0]."""
    out = np.empty(len(z))
    out[0] = z[0]
    for t in range(1, len(z)):
        out[t] = phi * out[t - 1] + np.sqrt(1.0 - phi * phi) * z[t]
    return out


def calm(z: FloatArray, u: FloatArray, fresh: FloatArray) -> FloatArray:
    """The common factor of every volatility, float64[T].

    z: the market's shocks, of unit variance; what follows a fall is wilder. u: uniform numbers, from which the crises
    come. fresh: normal numbers. T is a multiple of DECADE.
    """
    pushed = fresh.copy()
    pushed[1:] = LEVERAGE * z[:-1] + np.sqrt(1.0 - LEVERAGE**2) * fresh[1:]
    path = ar1(pushed, MEMORY) + CRISIS * regimes(u, ENTER, LEAVE)
    return np.concatenate([_rearranged(path[lo : lo + DECADE]) for lo in range(0, len(path), DECADE)])


def _rearranged(path: FloatArray) -> FloatArray:
    """The block's values in about the order of the path, with the block's spectrum."""
    values, spectrum = _values(len(path)), _spectrum(len(path))
    out = path
    for _ in range(_ROUNDS):
        found = np.fft.rfft(out)
        # A wave that the path does not hold has no phase to keep.
        wave = np.fft.irfft(spectrum * found / np.maximum(np.abs(found), 1e-300), len(path))
        out = np.empty(len(path))
        out[np.argsort(wave, kind="stable")] = values
    return out


def _values(n: int) -> FloatArray:
    """The n quantiles of a lognormal number with mean square 1, ascending."""
    normal = np.array([NormalDist().inv_cdf((i + 0.5) / n) for i in range(n)])
    values = np.exp(SPREAD * normal)
    return np.asarray(values / np.sqrt(np.mean(values**2)))


def _spectrum(n: int) -> FloatArray:
    """Amplitudes of the exponential of a circular AR(1) of the spread and memory; none at frequency 0."""
    frequency = np.exp(-2j * np.pi * np.arange(n // 2 + 1) / n)
    rho = np.fft.irfft(1.0 / np.abs(1.0 - MEMORY * frequency) ** 2, n)
    power = np.fft.rfft(np.expm1(SPREAD**2 * rho / rho[0])).real
    power[0] = 0.0
    return np.sqrt(np.maximum(power, 0.0))
