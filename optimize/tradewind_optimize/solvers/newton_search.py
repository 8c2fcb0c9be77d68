"""How far to go along a step of the multipliers: to where the dual stops rising, found from its derivative alone."""

from __future__ import annotations

import numpy as np
from numba import njit

from tradewind_optimize.problem import Arrays
from tradewind_optimize.solvers.separable import along, dot, hinge_value, prices_of, respond, row_values, slopes


@njit(cache=True)
def settle(
    data: Arrays,
    order: np.ndarray,
    z: np.ndarray,
    slope: np.ndarray,
    prices: np.ndarray,
    w: np.ndarray,
    free: np.ndarray,
    values: np.ndarray,
) -> None:
    """Everything that follows from z: slopes, weights, row values."""
    slopes(data, z, slope)
    prices_of(data, z, prices)
    respond(data, order, slope, prices, w, free)
    row_values(data, w, values)


@njit(cache=True)
def _rise(
    data: Arrays,
    order: np.ndarray,
    z: np.ndarray,
    step: np.ndarray,
    share: float,
    slope: np.ndarray,
    rate: np.ndarray,
    shifted: np.ndarray,
    prices: np.ndarray,
    w: np.ndarray,
    free: np.ndarray,
    fixed: float,
) -> float:
    """D'(share) along the step; w is left at that point."""
    n, m = len(w), data.rows.shape[0]
    for i in range(n):
        shifted[i] = slope[i] + share * rate[i]
    for j in range(len(prices)):
        prices[j] = z[m + j] + share * step[m + j] if j < len(data.limits) else 1.0
    respond(data, order, shifted, prices, w, free)
    total = fixed + dot(rate, w, n)
    for j in range(len(data.limits)):
        if step[m + j] != 0.0:
            total += step[m + j] * (hinge_value(data, j, w) - dot(data.straight[j], w, n))
    return total


@njit(cache=True)
def ascend(
    data: Arrays,
    order: np.ndarray,
    z: np.ndarray,
    step: np.ndarray,
    trial: np.ndarray,
    slope: np.ndarray,
    rate: np.ndarray,
    prices: np.ndarray,
    w: np.ndarray,
    free: np.ndarray,
    values: np.ndarray,
    bound: np.ndarray,
    sign: np.ndarray,
    g: np.ndarray,
) -> float:
    """Move z along the step to where D nearly stops rising; returns the step length, −1 if it rises for ever."""
    m, start, fixed, most = data.rows.shape[0], 0.0, 0.0, np.inf
    for j in range(len(z)):
        start += step[j] * g[j]
        fixed += step[j] * bound[j] if j < m else -step[j] * bound[j]
        if sign[j] * step[j] < 0.0:
            most = min(most, -z[j] / step[j])
    trial[:] = z + step
    _clean(z, step, sign, trial)
    settle(data, order, trial, slope, prices, w, free, values)
    end = 0.0
    for j in range(len(z)):
        if step[j] != 0.0:
            end += step[j] * (bound[j] - values[j] if j < m else values[j] - bound[j])
    if -0.1 * start <= end <= 0.5 * start or (end > 0.0 and most <= 1.0):
        z[:] = trial
        return 1.0
    along(data, step, rate)
    slopes(data, z, slope)
    shifted = np.empty(len(w))
    share = _root(data, order, z, step, slope, rate, shifted, prices, w, free, fixed, start, end, most)
    if share < 0.0:
        z[:] = step
        return share
    for j in range(len(z)):
        trial[j] = z[j] + share * step[j]
    if share >= most:
        _clean(z, step * share, sign, trial)
    z[:] = trial
    settle(data, order, z, slope, prices, w, free, values)
    return share


@njit(cache=True)
def _clean(z: np.ndarray, step: np.ndarray, sign: np.ndarray, trial: np.ndarray) -> None:
    """Multipliers that a step brings to zero are exactly zero."""
    for j in range(len(z)):
        if sign[j] != 0 and step[j] != 0.0 and sign[j] * trial[j] <= 1e-15 * abs(z[j]):
            trial[j] = 0.0


@njit(cache=True)
def _root(
    data: Arrays,
    order: np.ndarray,
    z: np.ndarray,
    step: np.ndarray,
    slope: np.ndarray,
    rate: np.ndarray,
    shifted: np.ndarray,
    prices: np.ndarray,
    w: np.ndarray,
    free: np.ndarray,
    fixed: float,
    start: float,
    end: float,
    most: float,
) -> float:
    """A step length with |D'| ≤ D'(0)/10, or the longest allowed one; −1 when D rises without end."""
    low, at_low, high, at_high = 0.0, start, 1.0, end
    for _ in range(60):
        if at_high <= 0.1 * start or high >= most:
            break
        low, at_low = high, at_high
        high = min(4.0 * high, most)
        at_high = _rise(data, order, z, step, high, slope, rate, shifted, prices, w, free, fixed)
    if at_high > 0.1 * start and high < most:
        return -1.0
    for count in range(60):
        if at_high >= -0.1 * start:
            return high
        share = (low * at_high - high * at_low) / (at_high - at_low)
        if count % 3 == 2:
            share = 0.5 * (low + high)
        found = _rise(data, order, z, step, share, slope, rate, shifted, prices, w, free, fixed)
        if found >= 0.0:
            low, at_low = share, found
            if found <= 0.1 * start:
                return low
        else:
            high, at_high = share, found
    return low if low > 0.0 else high
