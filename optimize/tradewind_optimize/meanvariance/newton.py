"""The dual Newton kernel with the factors as free variables: one certified point after another along a path.

    minimise   Σ ½hᵢwᵢ² − baseᵢwᵢ + ½‖y‖²      subject to  y = G'w,  l ≤ w ≤ u,  rl ≤ A'w ≤ ru,
               linⱼ'w + Σᵢ upⱼᵢ(wᵢ − aⱼᵢ)⁺ + downⱼᵢ(aⱼᵢ − wᵢ)⁺ ≤ bⱼ,     h > 0

Given the multipliers v = (ζ of y = G'w, z of the rows, λ ≥ 0 of the hinge rows) every wᵢ is the minimiser of a convex
piecewise quadratic function of one variable, so the dual function q(v) is concave, C¹ and piecewise quadratic with
−∇²q = B_F H_F⁻¹ B_F' + diag(I, 0, 0) over the assets F that sit on no kink and no bound, B' = [G, −A, slopes]. Newton's
method on the multipliers that are not held at zero ends after finitely many steps at rounding; the n×n covariance is
never formed and a step costs O(n·p + |F|·p²), p = multipliers. q(v) is a lower bound of every feasible value, so
value(w) − q(v) certifies the answer. Loops run along assets or along multipliers, never across a sum, so they vectorise
without reordering: the same bytes on every machine of one kind.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]

MAX_STEPS, HALVINGS, STALLS = 200, 50, 8
EQUAL, TWO_SIDED, HINGE = 0, 1, 2


class Arrays(NamedTuple):
    """One problem; n assets, k factors, m rows, j hinge rows, all C-contiguous float64.

    h, base, lower, upper [n]; factors G' [k, n], rows A' [m, n], columns [G A] [n, k + m]; row_lower, row_upper [m];
    linear, up, down, anchor [j, n]; order int64[n, j] sorts the anchors of each asset; bound [j]; kinds int64[m + j].
    """

    h: Floats
    base: Floats
    lower: Floats
    upper: Floats
    factors: Floats
    rows: Floats
    columns: Floats
    row_lower: Floats
    row_upper: Floats
    linear: Floats
    up: Floats
    down: Floats
    anchor: Floats
    order: Ints
    bound: Floats
    kinds: Ints


class Place(NamedTuple):
    """A point of the dual: multipliers v [p], slopes [n], the minimiser w [n], which weights are free, G'w and A'w."""

    v: Floats
    slope: Floats
    w: Floats
    free: Flags
    along: Floats


@njit(cache=True)
def settle(problem: Arrays, place: Place) -> float:
    """Fill slope, w, free and along from v; returns q(v)."""
    _slopes(problem, place.v, place.slope)
    _minimise(problem, place)
    return _dual(problem, place)


@njit(cache=True)
def _slopes(problem: Arrays, v: Floats, out: Floats) -> None:
    """out = base − Gζ + Az − lin'λ."""
    k, m = len(problem.factors), len(problem.rows)
    out[:] = problem.base
    for a in range(k):
        _add(out, -v[a], problem.factors[a])
    for a in range(m):
        _add(out, v[k + a], problem.rows[a])
    for j in range(len(problem.bound)):
        _add(out, -v[k + m + j], problem.linear[j])


@njit(cache=True)
def _add(out: Floats, factor: float, row: Floats) -> None:
    """out += factor·row."""
    if factor != 0.0:
        for i in range(len(out)):
            out[i] += factor * row[i]


@njit(cache=True)
def _minimise(problem: Arrays, place: Place) -> None:
    """Every wᵢ: the minimiser of ½hᵢw² − slopeᵢw + Σⱼ λⱼ·hingeⱼᵢ(w) over its box; free: off every kink and end."""
    price = place.v[len(problem.factors) + len(problem.rows) :]
    if price.any():
        _walk(
            problem.h, place.slope, price, problem.up, problem.down, problem.anchor, problem.order, place.w, place.free
        )
    else:
        place.free[:] = True
        for i in range(len(place.w)):
            place.w[i] = place.slope[i] / problem.h[i]
    _clip(place.w, place.free, problem.lower, problem.upper)


@njit(cache=True)
def _walk(
    h: Floats,
    slope: Floats,
    price: Floats,
    up: Floats,
    down: Floats,
    anchor: Floats,
    order: Ints,
    w: Floats,
    free: Flags,
) -> None:
    """Every minimiser without its box, walking the kinks of each asset from the left; free: on no kink."""
    for i in range(len(h)):
        s, smooth = slope[i], True
        for j in range(len(price)):
            s += price[j] * down[j, i]
        x = s / h[i]
        for place in range(len(price)):
            j = order[i, place]
            bend = price[j] * (up[j, i] + down[j, i])
            if bend > 0.0 and x > anchor[j, i]:
                s -= bend
                x = s / h[i]
                if x < anchor[j, i]:
                    x, smooth = anchor[j, i], False
                    break
        w[i], free[i] = x, smooth


@njit(cache=True)
def _clip(w: Floats, free: Flags, lower: Floats, upper: Floats) -> None:
    """w into its box; what was outside, or cannot move, is not free."""
    for i in range(len(w)):
        free[i] = free[i] and lower[i] <= w[i] <= upper[i] and lower[i] < upper[i]
        w[i] = min(max(w[i], lower[i]), upper[i])


@njit(cache=True)
def _hinge(problem: Arrays, j: int, w: Floats, straight: float) -> float:
    """straight·linⱼ'w + Σᵢ upⱼᵢ(wᵢ − aⱼᵢ)⁺ + downⱼᵢ(aⱼᵢ − wᵢ)⁺."""
    total = 0.0
    linear, up, down, anchor = problem.linear[j], problem.up[j], problem.down[j], problem.anchor[j]
    for i in range(len(w)):
        move = w[i] - anchor[i]
        total += straight * linear[i] * w[i]
        total += up[i] * move if move > 0.0 else -down[i] * move
    return total


@njit(cache=True)
def _dual(problem: Arrays, place: Place) -> float:
    k, m, v, w, h, slope = len(problem.factors), len(problem.rows), place.v, place.w, problem.h, place.slope
    total = 0.0
    for i in range(len(w)):
        total += w[i] * (0.5 * h[i] * w[i] - slope[i])
    for a in range(k):
        total -= 0.5 * v[a] * v[a]
    for a in range(m):
        z = v[k + a]
        if z != 0.0:
            total += z * (problem.row_lower[a] if z > 0.0 else problem.row_upper[a])
    for j in range(len(problem.bound)):
        price = v[k + m + j]
        if price > 0.0:
            total += price * (_hinge(problem, j, w, 0.0) - problem.bound[j])
    return total


@njit(cache=True)
def primal(problem: Arrays, place: Place) -> float:
    """The minimised value at w; ``along`` receives G'w and A'w."""
    along, w, h, base, columns = place.along, place.w, problem.h, problem.base, problem.columns
    along[:] = 0.0
    total = 0.0
    for i in range(len(w)):
        x = w[i]
        if x != 0.0:
            total += x * (0.5 * h[i] * x - base[i])
            for a in range(len(along)):
                along[a] += x * columns[i, a]
    for a in range(len(problem.factors)):
        total += 0.5 * along[a] * along[a]
    return total


@njit(cache=True)
def _gradient(problem: Arrays, place: Place, gradient: Floats, held: Flags) -> float:
    """∇q and the multipliers held at zero; returns the largest entry, which is what is missing from an optimum."""
    k, m, v, along = len(problem.factors), len(problem.rows), place.v, place.along
    for a in range(k):
        gradient[a] = along[a] - v[a]
        held[a] = False
    for a in range(m):
        gradient[k + a], held[k + a] = _row_slack(problem, a, v[k + a], along[k + a])
    for j in range(len(problem.bound)):
        over = _hinge(problem, j, place.w, 1.0) - problem.bound[j]
        held[k + m + j] = v[k + m + j] == 0.0 and over <= 0.0
        gradient[k + m + j] = 0.0 if held[k + m + j] else over
    worst = 0.0
    for a in range(len(v)):
        worst = max(worst, abs(gradient[a]))
    return worst


@njit(cache=True)
def _row_slack(problem: Arrays, a: int, z: float, value: float) -> tuple[float, bool]:
    """(what the row asks for, whether its multiplier stays at zero)."""
    below, above = problem.row_lower[a] - value, problem.row_upper[a] - value
    if z > 0.0 or (z == 0.0 and below > 0.0):
        return below, False
    if z < 0.0 or (z == 0.0 and above < 0.0):
        return above, False
    return 0.0, True


@njit(cache=True)
def _curvature(problem: Arrays, place: Place, matrix: Floats) -> None:
    """−∇²q, float64[p, p], both triangles."""
    p, k, width = len(matrix), len(problem.factors), problem.columns.shape[1]
    h, w, free, columns, anchor = problem.h, place.w, place.free, problem.columns, problem.anchor
    linear, up, down = problem.linear, problem.up, problem.down
    row = np.empty(p)
    matrix[:] = 0.0
    for i in range(len(h)):
        if not free[i]:
            continue
        for a in range(width):
            row[a] = columns[i, a] if a < k else -columns[i, a]
        for j in range(p - width):
            row[width + j] = linear[j, i] + (up[j, i] if w[i] > anchor[j, i] else -down[j, i])
        for a in range(p):
            factor = row[a] / h[i]
            for b in range(a + 1):
                matrix[a, b] += factor * row[b]
    for a in range(p):
        matrix[a, a] += 1.0 if a < k else 0.0
        for b in range(a):
            matrix[b, a] = matrix[a, b]


@njit(cache=True)
def _sizes(problem: Arrays) -> Floats:
    """The diagonal of −∇²q with every asset free: the natural unit of each multiplier's damping."""
    k, width = len(problem.factors), problem.columns.shape[1]
    h, columns, linear, up, down = problem.h, problem.columns, problem.linear, problem.up, problem.down
    size = np.zeros(width + len(problem.bound))
    for i in np.flatnonzero(problem.lower < problem.upper):
        for a in range(width):
            size[a] += columns[i, a] ** 2 / h[i]
        for j in range(len(problem.bound)):
            size[width + j] += (abs(linear[j, i]) + max(up[j, i], down[j, i])) ** 2 / h[i]
    for a in range(len(size)):
        size[a] += 1.0 if a < k or size[a] == 0.0 else 0.0
    return size


@njit(cache=True)
def _solve(matrix: Floats, right: Floats, fixed: Flags, ridge: Floats, step: Floats) -> bool:
    """(matrix + diag(ridge)) step = right by Cholesky's method; False when it breaks down.

    The entries of step under ``fixed`` are given, and the others are chosen for them.
    """
    at, given = np.flatnonzero(~fixed), np.flatnonzero(fixed)
    count = len(at)
    factor, x = np.zeros((count, count)), np.empty(count)
    for a in range(count):
        x[a] = right[at[a]]
        for e in range(len(given)):
            x[a] -= matrix[at[a], given[e]] * step[given[e]]
        for b in range(a + 1):
            total = matrix[at[a], at[b]] + (ridge[at[a]] if a == b else 0.0)
            for c in range(b):
                total -= factor[a, c] * factor[b, c]
            if a == b and not total > 0.0:
                return False
            factor[a, b] = np.sqrt(total) if a == b else total / factor[b, b]
    for a in range(count):
        for c in range(a):
            x[a] -= factor[a, c] * x[c]
        x[a] /= factor[a, a]
    for a in range(count - 1, -1, -1):
        for c in range(a + 1, count):
            x[a] -= factor[c, a] * x[c]
        x[a] /= factor[a, a]
    for a in range(count):
        step[at[a]] = x[a]
    return True


@njit(cache=True)
def _direction(problem: Arrays, matrix: Floats, gradient: Floats, held: Flags, ridge: Floats, v: Floats, step: Floats):  # type: ignore[no-untyped-def]
    """The Newton step; multipliers that it would carry through zero are led to zero and the others follow.

    Falls back to the plain step (cut at zero by ``_moved``) where that is no ascent. False: not positive definite.
    """
    k, fixed = len(problem.factors), held.copy()
    step[:] = 0.0
    if not _solve(matrix, gradient, fixed, ridge, step):
        return False
    plain = step.copy()
    while True:
        crossed = False
        for a in range(k, len(v)):
            through = problem.kinds[a - k] != EQUAL and v[a] != 0.0 and (v[a] + step[a]) * v[a] < 0.0
            if through and not fixed[a]:
                fixed[a] = crossed = True
                step[a] = -v[a]
        if not crossed:
            break
        if not _solve(matrix, gradient, fixed, ridge, step):
            step[:] = plain
            return True
    if not _product(gradient, step) > 0.0:
        step[:] = plain
    return True


@njit(cache=True)
def _product(first: Floats, second: Floats) -> float:
    total = 0.0
    for a in range(len(first)):
        total += first[a] * second[a]
    return total


@njit(cache=True)
def _moved(problem: Arrays, v: Floats, step: Floats, length: float, out: Floats) -> None:
    """v + length·step; a multiplier of an inequality stops at zero instead of changing its sign."""
    k = len(problem.factors)
    for a in range(len(v)):
        x = v[a] + length * step[a]
        kind = EQUAL if a < k else problem.kinds[a - k]
        if (kind == TWO_SIDED and v[a] * x < 0.0) or (kind == HINGE and x < 0.0):
            x = 0.0
        out[a] = x


@njit(cache=True)
def _ascend(problem: Arrays, here: Place, there: Place, step: Floats, value: float, rise: float) -> tuple[float, bool]:
    """Armijo's rule along the step, ``there`` receives the new place; (q there, whether it is an ascent)."""
    length, found = 1.0, value
    for _ in range(HALVINGS):
        _moved(problem, here.v, step, length, there.v)
        found = settle(problem, there)
        if found >= value + 1e-4 * length * rise - 1e-14 * abs(value):
            return found, True
        length *= 0.5
    return value, False


@njit(cache=True)
def _copy(source: Place, target: Place) -> None:
    target.v[:], target.slope[:], target.w[:] = source.v, source.slope, source.w
    target.free[:], target.along[:] = source.free, source.along


@njit(cache=True)
def newton(problem: Arrays, here: Place, there: Place) -> tuple[int, float, float, float]:
    """Maximise q from ``here``, which receives the answer; returns (steps, residual, gap, value)."""
    p = len(here.v)
    gradient, held, step, matrix = np.zeros(p), np.zeros(p, dtype=np.bool_), np.zeros(p), np.zeros((p, p))
    dual = settle(problem, here)
    value = primal(problem, here)
    worst = _gradient(problem, here, gradient, held)
    size, damping, steps, stalls = _sizes(problem), 1e-14, 0, 0
    while steps < MAX_STEPS and worst > 1e-15 and stalls < STALLS:
        steps += 1
        _curvature(problem, here, matrix)
        while not _direction(problem, matrix, gradient, held, damping * size, here.v, step) and damping < 1.0:
            damping *= 100.0
        found, better = _ascend(problem, here, there, step, dual, _product(gradient, step))
        if not better:
            damping, stalls = max(damping * 100.0, 1e-10), stalls + 1
            continue
        value = primal(problem, there)
        missing = _gradient(problem, there, gradient, held)
        if missing >= worst and worst <= 1e-12:
            break  # rounding: nothing more to gain
        _copy(there, here)
        worst, dual, stalls, damping = missing, found, 0, max(damping * 0.1, 1e-14)
    value = primal(problem, here)
    return steps, _residual(problem, here), value - dual, value


@njit(cache=True)
def _residual(problem: Arrays, place: Place) -> float:
    """The largest violation of a row or a hinge row."""
    k, worst = len(problem.factors), 0.0
    for a in range(len(problem.rows)):
        value = place.along[k + a]
        worst = max(worst, problem.row_lower[a] - value, value - problem.row_upper[a])
    for j in range(len(problem.bound)):
        worst = max(worst, _hinge(problem, j, place.w, 1.0) - problem.bound[j])
    return worst


@njit(cache=True)
def empty_place(problem: Arrays) -> Place:
    """The multipliers at zero."""
    n, width = problem.columns.shape
    p = width + len(problem.bound)
    return Place(np.zeros(p), np.empty(n), np.empty(n), np.zeros(n, dtype=np.bool_), np.empty(width))


@njit(cache=True)
def single(problem: Arrays) -> tuple[Place, int, float, float, float]:
    """One problem from multipliers at zero: (place, steps, residual, gap, value)."""
    here = empty_place(problem)
    steps, residual, gap, value = newton(problem, here, empty_place(problem))
    return here, steps, residual, gap, value


@njit(cache=True)
def path(problem: Arrays, moving: int, targets: Floats, weights: Floats, duals: Floats, facts: Floats) -> None:
    """A point for every target of the equality row ``moving``, each started from the one before.

    weights [T, n], duals [T, p] and facts [T, 4] (steps, residual, gap, value) are filled; the bounds of the moving row
    are written to ``problem``.
    """
    here, there = empty_place(problem), empty_place(problem)
    for t in range(len(targets)):
        problem.row_lower[moving] = problem.row_upper[moving] = targets[t]
        steps, residual, gap, value = newton(problem, here, there)
        weights[t], duals[t] = here.w, here.v
        facts[t, 0], facts[t, 1], facts[t, 2], facts[t, 3] = steps, residual, gap, value
