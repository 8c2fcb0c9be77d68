"""The separable Lagrangian in compiled code: every weight as a closed form of the multipliers of the coupling rows.

With multipliers z = (y, λ) of the m linear and k hinge rows the Lagrangian of a separable problem splits by asset,

    φᵢ(x) = sᵢx + ½hᵢ(x − tᵢ)² + Σⱼ pⱼ[uⱼᵢ(x − aⱼᵢ)⁺ + dⱼᵢ(aⱼᵢ − x)⁺],    s = c − A'y + Σ λⱼgⱼ,

pⱼ = λⱼ for a hinge row and 1 for a cost, and is minimised over [lᵢ, uᵢ] by walking its kinks from the left. All arrays
are C-contiguous float64; reductions keep eight running sums, one fixed order whatever the machine.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from tradewind_optimize.problem import Arrays


@njit(cache=True)
def dot(a: np.ndarray, b: np.ndarray, n: int) -> float:
    """Σ a[i] b[i] over the first n entries, in eight running sums."""
    s0 = s1 = s2 = s3 = s4 = s5 = s6 = s7 = 0.0
    whole = n - n % 8
    for i in range(0, whole, 8):
        s0 += a[i] * b[i]
        s1 += a[i + 1] * b[i + 1]
        s2 += a[i + 2] * b[i + 2]
        s3 += a[i + 3] * b[i + 3]
        s4 += a[i + 4] * b[i + 4]
        s5 += a[i + 5] * b[i + 5]
        s6 += a[i + 6] * b[i + 6]
        s7 += a[i + 7] * b[i + 7]
    for i in range(whole, n):
        s0 += a[i] * b[i]
    return ((s0 + s4) + (s1 + s5)) + ((s2 + s6) + (s3 + s7))


@njit(cache=True)
def sorted_kinks(anchor: np.ndarray) -> np.ndarray:
    """int64[K, n]: the kink functions of every asset by rising anchor, ties in their own order."""
    count, n = anchor.shape
    order = np.empty((count, n), dtype=np.int64)
    for j in range(count):
        for i in range(n):
            at = j
            while at > 0 and anchor[order[at - 1, i], i] > anchor[j, i]:
                order[at, i] = order[at - 1, i]
                at -= 1
            order[at, i] = j
    return order


@njit(cache=True)
def slopes(data: Arrays, z: np.ndarray, out: np.ndarray) -> None:
    """out = c − A'y + Σ λⱼ gⱼ."""
    m, n = data.rows.shape
    out[:] = data.cost
    for j in range(m):
        if z[j] != 0.0:
            for i in range(n):
                out[i] -= z[j] * data.rows[j, i]
    for j in range(len(data.limits)):
        if z[m + j] != 0.0:
            for i in range(n):
                out[i] += z[m + j] * data.straight[j, i]


@njit(cache=True)
def along(data: Arrays, step: np.ndarray, out: np.ndarray) -> None:
    """out = −A'y + Σ λⱼ gⱼ: how the slopes change along a step of the multipliers."""
    m, n = data.rows.shape
    out[:] = 0.0
    for j in range(m):
        if step[j] != 0.0:
            for i in range(n):
                out[i] -= step[j] * data.rows[j, i]
    for j in range(len(data.limits)):
        if step[m + j] != 0.0:
            for i in range(n):
                out[i] += step[m + j] * data.straight[j, i]


@njit(cache=True)
def prices_of(data: Arrays, z: np.ndarray, prices: np.ndarray) -> None:
    """The price of every kink function: λ for hinge rows, 1 for costs."""
    m, k = data.rows.shape[0], len(data.limits)
    for j in range(len(prices)):
        prices[j] = z[m + j] if j < k else 1.0


@njit(cache=True)
def respond(
    data: Arrays, order: np.ndarray, slope: np.ndarray, prices: np.ndarray, w: np.ndarray, free: np.ndarray
) -> None:
    """w = argmin φ over the box; ``free`` says which weights sit on no kink and no end."""
    count = len(prices)
    for i in range(len(w)):
        rate = slope[i]
        for j in range(count):
            rate -= prices[j] * data.down[j, i]
        x = data.target[i] - rate / data.bend[i]
        loose = True
        for at in range(count):
            j = order[at, i]
            a = data.anchor[j, i]
            if x <= a:
                break
            rate += prices[j] * (data.up[j, i] + data.down[j, i])
            x = data.target[i] - rate / data.bend[i]
            if x < a:
                x, loose = a, False
                break
        if x <= data.lower[i]:
            x, loose = data.lower[i], False
        elif x >= data.upper[i]:
            x, loose = data.upper[i], False
        w[i], free[i] = x, loose


@njit(cache=True)
def hinge_value(data: Arrays, j: int, w: np.ndarray) -> float:
    """g'w + Σ u(w − a)⁺ + d(a − w)⁺ of hinge row j, in four running sums."""
    up, down, anchor, straight = data.up[j], data.down[j], data.anchor[j], data.straight[j]
    s0 = s1 = s2 = s3 = 0.0
    n = len(w)
    whole = n - n % 4
    for i in range(0, whole, 4):
        s0 += straight[i] * w[i] + max(up[i] * (w[i] - anchor[i]), down[i] * (anchor[i] - w[i]))
        v = w[i + 1]
        s1 += straight[i + 1] * v + max(up[i + 1] * (v - anchor[i + 1]), down[i + 1] * (anchor[i + 1] - v))
        v = w[i + 2]
        s2 += straight[i + 2] * v + max(up[i + 2] * (v - anchor[i + 2]), down[i + 2] * (anchor[i + 2] - v))
        v = w[i + 3]
        s3 += straight[i + 3] * v + max(up[i + 3] * (v - anchor[i + 3]), down[i + 3] * (anchor[i + 3] - v))
    for i in range(whole, n):
        s0 += straight[i] * w[i] + max(up[i] * (w[i] - anchor[i]), down[i] * (anchor[i] - w[i]))
    return (s0 + s2) + (s1 + s3)


@njit(cache=True)
def row_values(data: Arrays, w: np.ndarray, out: np.ndarray) -> None:
    """out = (A w, hinge values)."""
    m, n = data.rows.shape
    for j in range(m):
        out[j] = dot(data.rows[j], w, n)
    for j in range(len(data.limits)):
        out[m + j] = hinge_value(data, j, w)
