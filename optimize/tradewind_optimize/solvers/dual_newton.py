"""Semismooth Newton on the multipliers of the coupling rows: separable, strictly convex problems, exact to rounding.

The dual D(z) = Σ min φᵢ + y⁺·rl − y⁻·ru − λ·r of a separable problem (see ``separable``) is concave, once
differentiable and piecewise quadratic in m + k variables. A step from z:

1. rows are active when their multiplier is not zero or their violation asks for one; the gradient is g = b − B w(z);
2. M = B_F H_F⁻¹ B_F' over the assets F that sit on no kink and no end; M d = g, where multipliers that would cross zero
   stop there, and pivots that vanish (rank-deficient rows, rows without a free asset) are replaced by a
   thousandth of their row's own size: d still ascends, mostly along what the active rows leave undecided;
3. the step length solves D'(α) = 0 to a tenth when α = 1 overshoots, and grows when D still rises there.

D has finitely many pieces, and on the last one a full step is exact: the end is the active-set solution itself. Every
call starts from z = 0 and reduces in one fixed order. A multiplier z may prove on the way that there is no portfolio:
see ``rays``.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from tradewind_optimize.elements import NOTHING
from tradewind_optimize.problem import MANY_ROWS, Arrays, CompiledProblem, Solution, constant
from tradewind_optimize.solvers.newton_direction import DEAD, newton_step
from tradewind_optimize.solvers.newton_search import ascend, settle
from tradewind_optimize.solvers.rays import proven_shortfall
from tradewind_optimize.solvers.separable import dot, sorted_kinks

NAME = "dual_newton"
TOLERANCE = 1e-8
STEPS = 150
SOFT = 1e-3, 0.1  # what replaces a vanishing pivot; the second where the first one stalls
EXACT = 3e-15  # a row is met when its error is below this fraction of what was summed
OPTIMAL, INFEASIBLE, STALLED = 0, 1, 2


def accepts(problem: CompiledProblem) -> bool:
    """Objectives with h > 0 everywhere over few coupling rows and factors."""
    few = problem.m + len(problem.hinges) <= MANY_ROWS and len(problem.factor_scales) <= MANY_ROWS
    if problem.kind not in ("separable", "factor") or not few or not len(problem.curvature):
        return False
    return bool(problem.curvature.min(initial=1.0) > 0)


def solve(problem: CompiledProblem) -> Solution:
    """One cold solve; factors as free variables v = F'(w − b) of curvature D with one equality row each."""
    n, m, kept = problem.n, problem.m, problem.factor_scales > 0
    data = with_factors(problem, kept) if kept.any() else problem.arrays
    for soft in SOFT:
        status, steps, weights, z = maximise(data, STEPS, soft)
        if status != STALLED:
            break
    hinge_duals = z[m + kept.sum() :]
    if status == INFEASIBLE:
        return Solution.without_answer("infeasible", NAME, "dual ray", steps, (z[:m], hinge_duals))
    note = "" if status == OPTIMAL else "stalled"
    return Solution("optimal", NAME, weights[:n], z[:m], hinge_duals, np.zeros(0), steps, note)


def with_factors(problem: CompiledProblem, kept: NDArray[np.bool_]) -> Arrays:
    """The separable problem in (w, v): D on v, and the rows F'w − v = F'b after those of the problem."""
    data, factors, k = problem.arrays, problem.factors[:, kept], int(kept.sum())
    n, m, free, center = problem.n, problem.m, np.full(k, np.inf), factors.T @ problem.factor_center
    rows = np.zeros((m + k, n + k))
    rows[:m, :n], rows[m:, :n] = data.rows, factors.T
    rows[np.arange(m, m + k), np.arange(n, n + k)] = -1.0
    wide = [np.concatenate([part, np.zeros((len(part), k))], axis=1) for part in data[8:12]]
    parts = (
        np.concatenate([data.cost, np.zeros(k)]),
        np.concatenate([data.bend, problem.factor_scales[kept]]),
        np.concatenate([data.target, np.zeros(k)]),
        np.concatenate([data.lower, -free]),
        np.concatenate([data.upper, free]),
        rows,
        np.concatenate([data.row_lower, center]),
        np.concatenate([data.row_upper, center]),
        *wide,
        data.limits,
    )
    return Arrays(*map(constant, parts))


@njit(cache=True)
def maximise(data: Arrays, limit: int, soft: float) -> tuple[int, int, np.ndarray, np.ndarray]:
    """(end, steps, w[n], z[m + k]) of the dual ascent from z = 0."""
    m, n = data.rows.shape
    k, count = len(data.limits), len(data.up)
    size = m + k
    order = sorted_kinks(data.anchor)
    z, trial, best, step = np.zeros(size), np.zeros(size), np.zeros(size), np.zeros(size)
    slope, rate, w, w_best = np.empty(n), np.empty(n), np.empty(n), np.zeros(n)
    free, prices = np.empty(n, dtype=np.bool_), np.empty(count)
    values, g, bound = np.empty(size), np.empty(size), np.empty(size)
    sign, active = np.zeros(size, dtype=np.int64), np.empty(size, dtype=np.int64)
    columns, matrix, work = np.empty((size, n)), np.empty((size, size)), np.empty((size, size))
    reaches, own = reach(data), own_sizes(data)
    low, stalls, damping, before = np.inf, 0, 0.0, np.zeros(size)
    settle(data, order, z, slope, prices, w, free, values)
    for steps in range(limit):
        worst = violations(data, z, w, free, values, reaches, g, bound, sign)
        if worst < low:
            low, stalls = worst, 0
            best[:], w_best[:] = z, w
        else:
            stalls += 1
        if worst <= 1.0 or (stalls >= 3 and low <= 1e3):
            return OPTIMAL, steps, w_best, best
        if steps >= 8 and steps % (4 if steps < 24 else 12) == 0:
            if max(proven_shortfall(data, z, rate), proven_shortfall(data, z - before, rate)) > NOTHING:
                return INFEASIBLE, steps, w, z
            before[:] = z
        p = _gather_active(g, z, active)
        _columns(data, active[:p], w, free, columns)
        _matrix(columns, p, _free_count(free), own, active, damping, soft, matrix)
        if not newton_step(matrix, work, soft, active[:p], g, z, sign, step):
            return _end(data, best, rate, steps, w_best, STALLED)
        share = ascend(data, order, z, step, trial, slope, rate, prices, w, free, values, bound, sign, g)
        if share < 0.0:
            return INFEASIBLE, steps, w, z
        damping = damped(damping, share, p)
    return _end(data, z, rate, limit, w_best, STALLED)


@njit(cache=True)
def damped(damping: float, share: float, p: int) -> float:
    """More damping after a step that was cut short, less after a long one; p times the rows' own sizes cuts none."""
    if share < 0.1:
        return min(max(1e-3, 30.0 * damping), float(p))
    if share >= 0.5:
        return 0.0 if damping <= 1e-3 else damping / 30.0
    return damping


@njit(cache=True)
def _end(
    data: Arrays, z: np.ndarray, rate: np.ndarray, steps: int, w: np.ndarray, end: int
) -> tuple[int, int, np.ndarray, np.ndarray]:
    if proven_shortfall(data, z, rate) > NOTHING:
        return INFEASIBLE, steps, w, z
    return end, steps, w, z


@njit(cache=True)
def reach(data: Arrays) -> np.ndarray:
    """The largest coefficient of every row and hinge row."""
    m, k = data.rows.shape[0], len(data.limits)
    out = np.zeros(m + k)
    for j in range(m):
        out[j] = np.abs(data.rows[j]).max() if data.rows.shape[1] else 0.0
    for j in range(k):
        for i in range(data.up.shape[1]):
            out[m + j] = max(out[m + j], abs(data.straight[j, i]) + max(data.up[j, i], data.down[j, i]))
    return out


@njit(cache=True)
def own_sizes(data: Arrays) -> np.ndarray:
    """Σ Bᵢ²/hᵢ of every row with all assets free: what its pivot is measured against."""
    m, k, n = data.rows.shape[0], len(data.limits), data.rows.shape[1]
    out = np.zeros(m + k)
    for j in range(m):
        for i in range(n):
            out[j] += data.rows[j, i] ** 2 / data.bend[i]
    for j in range(k):
        for i in range(n):
            out[m + j] += (abs(data.straight[j, i]) + max(data.up[j, i], data.down[j, i])) ** 2 / data.bend[i]
    return out


@njit(cache=True)
def violations(
    data: Arrays,
    z: np.ndarray,
    w: np.ndarray,
    free: np.ndarray,
    values: np.ndarray,
    reach: np.ndarray,
    g: np.ndarray,
    bound: np.ndarray,
    sign: np.ndarray,
) -> float:
    """Set g (0 where inactive), each side's bound and sign; returns max |g| in units of what rounding allows."""
    m, worst, size = data.rows.shape[0], 0.0, 0.0
    for i in range(len(w)):
        size += abs(w[i])
        if free[i]:  # what w = t − slope/h itself is good to
            size += 0.2 * (abs(data.target[i]) + abs(data.target[i] - w[i]))
    for j in range(len(z)):
        if j < m:
            _side(data, j, z[j], values[j], g, bound, sign)
        else:
            bound[j], sign[j], g[j] = data.limits[j - m], 1, values[j] - data.limits[j - m]
        allowed = EXACT * (abs(bound[j]) + reach[j] * size) + 1e-300
        if sign[j] != 0 and z[j] == 0.0 and sign[j] * g[j] <= allowed:
            g[j] = 0.0
        worst = max(worst, abs(g[j]) / allowed)
    return worst


@njit(cache=True)
def _side(data: Arrays, j: int, y: float, value: float, g: np.ndarray, bound: np.ndarray, sign: np.ndarray) -> None:
    """Which bound of a linear row pulls: by the sign of its multiplier, else by the violated side."""
    low, high = data.row_lower[j], data.row_upper[j]
    if low == high:
        bound[j], sign[j] = low, 0
    elif y > 0.0 or (y == 0.0 and value < low):
        bound[j], sign[j] = low, 1
    elif y < 0.0 or value > high:
        bound[j], sign[j] = high, -1
    else:
        bound[j], sign[j], g[j] = 0.0, 1, 0.0
        return
    g[j] = bound[j] - value


@njit(cache=True)
def _gather_active(g: np.ndarray, z: np.ndarray, active: np.ndarray) -> int:
    p = 0
    for j in range(len(z)):
        if z[j] != 0.0 or g[j] != 0.0:
            active[p] = j
            p += 1
    return p


@njit(cache=True)
def _free_count(free: np.ndarray) -> int:
    count = 0
    for loose in free:
        if loose:
            count += 1
    return count


@njit(cache=True)
def _columns(data: Arrays, active: np.ndarray, w: np.ndarray, free: np.ndarray, out: np.ndarray) -> None:
    """B_F H_F^−½: the active rows over the free assets; a hinge row enters with the negative of its slope at w."""
    m, at = data.rows.shape[0], 0
    for i in range(len(w)):
        if not free[i]:
            continue
        root = 1.0 / np.sqrt(data.bend[i])
        for a in range(len(active)):
            j = active[a]
            if j < m:
                out[a, at] = data.rows[j, i] * root
            else:
                out[a, at] = -_slope_at(data, j - m, i, w[i]) * root
        at += 1


@njit(cache=True)
def _slope_at(data: Arrays, j: int, i: int, x: float) -> float:
    if x > data.anchor[j, i]:
        return data.straight[j, i] + data.up[j, i]
    if x < data.anchor[j, i]:
        return data.straight[j, i] - data.down[j, i]
    return data.straight[j, i]


@njit(cache=True)
def _matrix(
    columns: np.ndarray,
    p: int,
    width: int,
    own: np.ndarray,
    active: np.ndarray,
    damping: float,
    soft: float,
    out: np.ndarray,
) -> None:
    """out = C C', damped; a row without a free asset gets a sliver of its own size on the diagonal."""
    for a in range(p):
        for b in range(a + 1):
            out[a, b] = out[b, a] = dot(columns[a], columns[b], width)
        least = own[active[a]]
        out[a, a] += damping * least
        if out[a, a] <= DEAD * least:
            out[a, a] = soft * least + 1e-300
