"""Rays: multipliers of the coupling rows that prove that no portfolio satisfies them all.

Weigh the violations of the rows by multipliers z = (y, λ), λ ≥ 0. Over the box the weighted sum is at least

    R(z) = y⁺·rl − y⁻·ru − λ·r + Σᵢ min { sᵢx + Σⱼ λⱼ[uⱼᵢ(x − aⱼᵢ)⁺ + dⱼᵢ(aⱼᵢ − x)⁺] },    s = −A'y + Σ λⱼgⱼ,

so R(z) > 0 proves infeasibility, and R(z)/max|z| bounds the least total violation from below (Farkas' lemma).
"""

from __future__ import annotations

import numpy as np
from numba import njit

from tradewind_optimize.problem import Arrays
from tradewind_optimize.solvers.separable import along

ROUNDING = 1e-13


@njit(cache=True)
def proven_shortfall(data: Arrays, z: np.ndarray, slope: np.ndarray) -> float:
    """R(z)/max|z| less what rounding may have added: the least total violation is at least this much.

    −inf when z proves nothing; ``slope`` float64[n] is overwritten.
    """
    m, k = data.rows.shape[0], len(data.limits)
    size = np.abs(z).max() if len(z) else 0.0
    if size == 0.0 or (k and z[m:].min() < 0.0):
        return -np.inf
    along(data, z, slope)
    total = gross = 0.0
    for j in range(m + k):
        if z[j] != 0.0:
            bound = -data.limits[j - m] if j >= m else data.row_lower[j] if z[j] > 0.0 else data.row_upper[j]
            total += z[j] * bound
            gross += abs(z[j] * bound)
    for i in range(len(slope)):
        part = _least(data, z, i, slope[i], size)
        if part == -np.inf:
            return part
        total += part
        gross += abs(part)
    return (total - ROUNDING * gross) / size


@njit(cache=True)
def _least(data: Arrays, z: np.ndarray, i: int, slope: float, size: float) -> float:
    """min over the box of slope·x + Σ λⱼ[u(x − a)⁺ + d(a − x)⁺]: at a kink, at an end, or −∞ where it has none."""
    m, left, right = data.rows.shape[0], slope, slope
    for j in range(len(data.limits)):
        left -= z[m + j] * data.down[j, i]
        right += z[m + j] * data.up[j, i]
    low, high, flat = data.lower[i], data.upper[i], 1e-12 * size
    if (np.isinf(low) and left > flat) or (np.isinf(high) and right < -flat):
        return -np.inf
    best = np.inf
    if np.isinf(low) and np.isinf(high):
        best = _tilted(data, z, i, slope, 0.0)
    for j in range(len(data.limits)):
        best = min(best, _tilted(data, z, i, slope, min(max(data.anchor[j, i], low), high)))
    if not np.isinf(low):
        best = min(best, _tilted(data, z, i, slope, low))
    if not np.isinf(high):
        best = min(best, _tilted(data, z, i, slope, high))
    return best


@njit(cache=True)
def _tilted(data: Arrays, z: np.ndarray, i: int, slope: float, x: float) -> float:
    m, value = data.rows.shape[0], slope * x
    for j in range(len(data.limits)):
        move = x - data.anchor[j, i]
        value += z[m + j] * (data.up[j, i] * move if move > 0.0 else -data.down[j, i] * move)
    return value
