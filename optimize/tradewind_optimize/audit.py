"""What certificates, ties and records measure in compiled code: violations, the gap, flat parts, a rank, prices.

It looks at every end, every kink and every stationary point of every asset, and takes nothing over from how an answer
was found. Sums run in one fixed order.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from tradewind_optimize.problem import BINDING, KINK, Arrays
from tradewind_optimize.solvers.separable import dot, hinge_value, row_values, slopes

RADIUS = 10.0


@njit(cache=True)
def violation(data: Arrays, w: np.ndarray) -> float:
    """The largest violation of the box, a row or a hinge row; NaN for weights that are no numbers."""
    m, n, worst = data.rows.shape[0], len(w), 0.0
    for i in range(n):
        if not np.isfinite(w[i]):
            return np.nan
        worst = max(worst, data.lower[i] - w[i], w[i] - data.upper[i])
    for j in range(m):
        value = dot(data.rows[j], w, n)
        worst = max(worst, data.row_lower[j] - value, value - data.row_upper[j])
    for j in range(len(data.limits)):
        worst = max(worst, hinge_value(data, j, w) - data.limits[j])
    return worst


@njit(cache=True)
def measure(
    data: Arrays, w: np.ndarray, y: np.ndarray, prices: np.ndarray, tilt: np.ndarray
) -> tuple[float, float, float, float, float, float]:
    """(the violation, the gap, and the four figures of ``objective``)."""
    value, bent, size, largest = objective(data, w)
    return violation(data, w), gap(data, w, y, prices, tilt), value, bent, size, largest


@njit(cache=True)
def gap(data: Arrays, w: np.ndarray, y: np.ndarray, prices: np.ndarray, tilt: np.ndarray) -> float:
    """Σ [φᵢ(wᵢ) − min φᵢ] + Σ multiplier × slack; ``tilt`` float64[n] or [0] is added to the slopes.

    Multipliers of sides that are not there count as zero.
    """
    m, k, n = data.rows.shape[0], len(data.limits), len(w)
    z, all_prices, slope = np.zeros(m + k), np.ones(len(data.up)), np.empty(n)
    total, radius = 0.0, 1.0
    for i in range(n):
        radius = max(radius, abs(w[i]))
    for j in range(m):
        bound = data.row_lower[j] if y[j] > 0.0 else data.row_upper[j]
        if y[j] != 0.0 and not np.isinf(bound):
            z[j] = y[j]
            total += y[j] * (dot(data.rows[j], w, n) - bound)
    for j in range(k):
        z[m + j] = all_prices[j] = prices[j]
        if prices[j] != 0.0:
            total += prices[j] * (data.limits[j] - hinge_value(data, j, w))
    slopes(data, z, slope)
    for i in range(len(tilt)):
        slope[i] += tilt[i]
    return total + _excess(data, w, slope, all_prices, RADIUS * radius)


@njit(cache=True)
def _excess(data: Arrays, w: np.ndarray, slope: np.ndarray, prices: np.ndarray, radius: float) -> float:
    """Σ [φᵢ(wᵢ) − min φᵢ over the box, infinite sides at ±radius]."""
    order, up, down, anchor = np.empty(len(prices), dtype=np.int64), data.up, data.down, data.anchor
    total, curved = 0.0, len(data.bend) > 0
    for i in range(len(w)):
        h, t = (data.bend[i], data.target[i]) if curved else (0.0, 0.0)
        low, high = max(data.lower[i], -radius), min(data.upper[i], radius)
        quick = _close(data, i, w[i], low, high, slope[i], h, t, prices)
        if quick >= 0.0:
            total += quick
            continue
        best = min(_value(data, i, low, slope[i], h, t, prices), _value(data, i, high, slope[i], h, t, prices))
        rate = slope[i]
        sort_kinks(i, anchor, order)
        for j in range(len(order)):
            rate -= prices[j] * down[j, i]
        for at in range(len(order) + 1):
            if h > 0.0:
                x = min(max(t - rate / h, low), high)
                best = min(best, _value(data, i, x, slope[i], h, t, prices))
            if at < len(order):
                j = order[at]
                best = min(best, _value(data, i, min(max(anchor[j, i], low), high), slope[i], h, t, prices))
                rate += prices[j] * (up[j, i] + down[j, i])
        total += _value(data, i, w[i], slope[i], h, t, prices) - best
    return total


@njit(cache=True)
def _close(
    data: Arrays, i: int, x: float, low: float, high: float, slope: float, h: float, t: float, prices: np.ndarray
) -> float:
    """φᵢ(x) − min φᵢ where one look tells: no side falls, or the minimum is on the same piece; else −1."""
    left = right = slope + h * (x - t)
    near = min(x - low, high - x)
    for j in range(len(prices)):
        move = x - data.anchor[j, i]
        left += prices[j] * (data.up[j, i] if move > 0.0 else -data.down[j, i])
        right += prices[j] * (data.up[j, i] if move >= 0.0 else -data.down[j, i])
        near = min(near, abs(move))
    if (left <= 0.0 or x <= low) and (right >= 0.0 or x >= high):
        return 0.0
    return 0.5 * left * left / h if h > 0.0 and left == right and abs(left) <= h * near else -1.0


@njit(cache=True)
def _value(data: Arrays, i: int, x: float, slope: float, h: float, t: float, prices: np.ndarray) -> float:
    out = slope * x + 0.5 * h * (x - t) ** 2
    for j in range(len(prices)):
        move = x - data.anchor[j, i]
        out += prices[j] * max(data.up[j, i] * move, -data.down[j, i] * move)
    return out


@njit(cache=True)
def sort_kinks(i: int, anchor: np.ndarray, order: np.ndarray) -> None:
    """order = the kinks of asset i by rising anchor, ties in their own order."""
    for j in range(len(order)):
        at = j
        while at > 0 and anchor[order[at - 1], i] > anchor[j, i]:
            order[at] = order[at - 1]
            at -= 1
        order[at] = j


@njit(cache=True)
def objective(data: Arrays, w: np.ndarray) -> tuple[float, float, float, float]:
    """(the separable objective, ½Σht², Σ|w|, max|c|)."""
    total = bent = size = largest = 0.0
    curved, k = len(data.bend) > 0, len(data.limits)
    for i in range(len(w)):
        total += data.cost[i] * w[i]
        size += abs(w[i])
        largest = max(largest, abs(data.cost[i]))
        if curved:
            total += 0.5 * data.bend[i] * (w[i] - data.target[i]) ** 2
            bent += 0.5 * data.bend[i] * data.target[i] ** 2
        for j in range(k, len(data.up)):
            move = w[i] - data.anchor[j, i]
            total += max(data.up[j, i] * move, -data.down[j, i] * move)
    return total, bent, size, largest


@njit(cache=True)
def flat_parts(
    data: Arrays, y: np.ndarray, prices: np.ndarray, scale: float, first: np.ndarray, last: np.ndarray
) -> None:
    """The ends of argmin φᵢ over the box for a linear objective, slopes within ``scale`` counting as zero."""
    m, up, down, anchor = data.rows.shape[0], data.up, data.down, data.anchor
    order, z, all_prices = np.empty(len(up), dtype=np.int64), np.zeros(m + len(prices)), np.ones(len(up))
    z[:m], z[m:], all_prices[: len(prices)] = y, prices, prices
    slope = np.empty(len(first))
    slopes(data, z, slope)
    for i in range(len(slope)):
        sort_kinks(i, anchor, order)
        rate = slope[i]
        for j in range(len(order)):
            rate -= all_prices[j] * down[j, i]
        first[i] = last[i] = data.lower[i]
        for s in range(len(order) + 1):
            until = data.upper[i]
            if s < len(order):
                until = min(max(anchor[order[s], i], data.lower[i]), until)
            if rate < -scale:
                first[i] = until
            if rate <= scale:
                last[i] = until
            if s < len(order):
                rate += all_prices[order[s]] * (up[order[s], i] + down[order[s], i])


@njit(cache=True)
def face_is_point(data: Arrays, y: np.ndarray, prices: np.ndarray, scale: float) -> bool:
    """Whether the rows that hold with equality on the optimal face leave its free weights no room."""
    m, k, n = data.rows.shape[0], len(data.limits), data.rows.shape[1]
    z, least, most = np.zeros(m), np.empty(n), np.empty(n)
    for j in range(m):
        if not np.isinf(data.row_lower[j] if y[j] > 0.0 else data.row_upper[j]):
            z[j] = y[j]
    flat_parts(data, z, prices, scale, least, most)
    free = np.flatnonzero(most > least)
    if not 0 < len(free) <= m + k:
        return len(free) == 0
    matrix, height = np.empty((m + k, len(free))), 0
    for j in range(m):
        if data.row_lower[j] == data.row_upper[j] or abs(z[j]) * np.abs(data.rows[j]).max() > scale:
            for at in range(len(free)):
                matrix[height, at] = data.rows[j, free[at]]
            height += 1
    for j in range(k):
        if prices[j] * (data.up[j] + data.down[j]).max() > 3.0 * scale:
            for at in range(len(free)):
                matrix[height, at] = data.straight[j, free[at]] + _slope(data, j, free[at], least, most)
            height += 1
    return height >= len(free) and rank(matrix[:height]) == len(free)


@njit(cache=True)
def _slope(data: Arrays, j: int, i: int, least: np.ndarray, most: np.ndarray) -> float:
    """The slope of hinge row j over the interval of asset i, which lies on one side of its kink."""
    if least[i] >= data.anchor[j, i]:
        return float(data.up[j, i])
    return float(-data.down[j, i]) if most[i] <= data.anchor[j, i] else 0.0


@njit(cache=True)
def rank(matrix: np.ndarray) -> int:
    """The rank of a small matrix, which is overwritten: full pivoting, pivots above 1e-9 of the first."""
    height, width = matrix.shape
    first = 0.0
    for step in range(min(height, width)):
        r, c = step, step
        for i in range(step, height):
            for j in range(step, width):
                if abs(matrix[i, j]) > abs(matrix[r, c]):
                    r, c = i, j
        first = max(first, abs(matrix[r, c]))
        if abs(matrix[r, c]) <= 1e-9 * first:
            return step
        for j in range(width):
            matrix[step, j], matrix[r, j] = matrix[r, j], matrix[step, j]
        for i in range(height):
            matrix[i, step], matrix[i, c] = matrix[i, c], matrix[i, step]
        for i in range(step + 1, height):
            share = matrix[i, step] / matrix[step, step]
            for j in range(step, width):
                matrix[i, j] -= share * matrix[step, j]
    return min(height, width)


@njit(cache=True)
def priced(data: Arrays, w: np.ndarray, y: np.ndarray, prices: np.ndarray) -> tuple[np.ndarray, ...]:
    """(left, right) slopes float64[n]; then of the m + k coupling rows that bind their number, side (1 lower, 2 upper),
    value, bounds, slack and price. Multipliers of sides that are not there count as zero."""
    m, k = data.rows.shape[0], len(data.limits)
    z, values, lower, upper = np.zeros(m + k), np.empty(m + k), np.full(m + k, -np.inf), np.empty(m + k)
    lower[:m], upper[:m], upper[m:], z[m:] = data.row_lower, data.row_upper, data.limits, prices
    for j in range(m):
        if not np.isinf(lower[j] if y[j] > 0.0 else upper[j]):
            z[j] = y[j]
    row_values(data, w, values)
    at, side = np.empty(m + k, dtype=np.int64), np.empty(m + k, dtype=np.int64)
    slack, price, count = np.empty(m + k), np.empty(m + k), 0
    for j in range(m + k):
        room = min(values[j] - lower[j], upper[j] - values[j])
        if room <= BINDING:
            low, high = (0.0, z[j]) if j >= m else (max(z[j], 0.0), max(-z[j], 0.0))
            side[count] = _side(low, high, values[j] - lower[j], upper[j] - values[j])
            at[count], slack[count], price[count], count = j, room, max(low, high), count + 1
    at, side, slack, price = at[:count], side[:count], slack[:count], price[:count]
    left, right = _side_slopes(data, w, z)
    return left, right, at, side, values[at], lower[at], upper[at], slack, price


@njit(cache=True)
def _side(low: float, high: float, above_lower: float, below_upper: float) -> int:
    """1 for the lower bound, 2 for the upper one: the larger price, of equal ones the nearer."""
    if low == high:
        return 1 if above_lower < below_upper else 2
    return 1 if low > high else 2


@njit(cache=True)
def _side_slopes(data: Arrays, w: np.ndarray, z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(left, right) derivatives of every φᵢ at wᵢ."""
    m, k, n = data.rows.shape[0], len(data.limits), len(w)
    left = np.empty(n)
    slopes(data, z, left)
    if len(data.bend):
        for i in range(n):
            left[i] += data.bend[i] * (w[i] - data.target[i])
    right = left.copy()
    for j in range(len(data.up)):
        price = z[m + j] if j < k else 1.0
        if price == 0.0:
            continue
        for i in range(n):
            move = w[i] - data.anchor[j, i]
            left[i] += price * (data.up[j, i] if move > KINK else -data.down[j, i])
            right[i] += price * (-data.down[j, i] if move < -KINK else data.up[j, i])
    return left, right


@njit(cache=True)
def touching(
    data: Arrays,
    w: np.ndarray,
    left: np.ndarray,
    right: np.ndarray,
    lower_source: np.ndarray,
    upper_source: np.ndarray,
    ordinal: int,
    positions: np.ndarray,
    lower: np.ndarray,
    upper: np.ndarray,
) -> tuple[np.ndarray, ...]:
    """Of the box rows of one constraint that bind: position, side, value, bounds, slack, price.

    A side is priced for the constraint that gave the tightest bound.
    """
    n = len(positions)
    found, side = np.empty(n, dtype=np.int64), np.empty(n, dtype=np.int64)
    slack, price, count = np.empty(n), np.empty(n), 0
    for row in range(n):
        i = positions[row]
        room = min(w[i] - lower[row], upper[row] - w[i])
        if room <= BINDING:
            low = high = 0.0
            if lower_source[i] == ordinal and w[i] <= data.lower[i] + BINDING:
                low = max(left[i], 0.0)
            if upper_source[i] == ordinal and w[i] >= data.upper[i] - BINDING:
                high = max(-right[i], 0.0)
            side[count] = _side(low, high, w[i] - lower[row], upper[row] - w[i])
            found[count], slack[count], price[count], count = row, room, max(low, high), count + 1
    found = found[:count]
    at = positions[found]
    return at, side[:count], w[at], lower[found], upper[found], slack[:count], price[:count]
