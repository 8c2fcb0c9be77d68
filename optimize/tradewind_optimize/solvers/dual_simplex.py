"""Bounded dual simplex for linear objectives over few coupling rows, hinges as piecewise-linear costs, all in pieces.

Every weight is cut at its kinks into pieces 0 ≤ x ≤ width that start at the lower end of its box (see ``pieces`` for
why the cut is exact), so the program has the m + k coupling rows of the problem and no others. With all pieces boxed
the all-slack basis with every piece at its cheaper end is dual feasible, and the method keeps it so:

1. the row to leave is the basic variable with the largest violation² / ‖row of B⁻¹‖² (dual steepest edge);
2. the ratio test is the long step: pieces whose reduced cost would change sign flip to their other end as long as the
   dual objective still rises, found by weighted quickselect; the piece that stops it enters;
3. B⁻¹ is explicit (it is as small as the number of rows) and made afresh every forty pivots and at the end.

Costs are moved by 1e-12 of their size, differently for each asset, so that ties cannot cycle; the multipliers that
leave belong to the true costs. Deterministic: one order of everything, no state between calls.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from tradewind_optimize.problem import Arrays, CompiledProblem, Floats, Solution, constant
from tradewind_optimize.solvers.program import NOISE, Program, State, cut, moved_costs, weights_of
from tradewind_optimize.solvers.ratio import candidates, entering_one, long_step
from tradewind_optimize.solvers.separable import dot, hinge_value

NAME = "dual_simplex"
TOLERANCE = 1e-8
PIVOTS = 2000
FRESH = 40
OPTIMAL, INFEASIBLE, STALLED = 0, 1, 2
TOUCHING = 1e-10  # a violation that nothing can mend and that is this small is rounding


def accepts(problem: CompiledProblem) -> bool:
    """Linear objectives over few rows, every weight bounded by its box or by a hinge row."""
    if not problem.is_linear or problem.kind != "separable":
        return False
    lower, upper = finite_box(problem)
    return bool(np.isfinite(lower).all() and np.isfinite(upper).all())


def solve(problem: CompiledProblem) -> Solution:
    """One cold solve."""
    lower, upper = finite_box(problem)
    data = problem.arrays._replace(lower=constant(lower), upper=constant(upper))
    end, pivots, weights, duals = minimise(data, PIVOTS)
    row_duals, hinge_duals = duals[: problem.m], np.maximum(-duals[problem.m :], 0.0)
    if end == INFEASIBLE:
        return Solution.without_answer("infeasible", NAME, "dual ray", pivots, (row_duals, hinge_duals))
    note = "" if end == OPTIMAL else "stalled"
    return Solution("optimal", NAME, weights, row_duals, hinge_duals, np.zeros(0), pivots, note)


def finite_box(problem: CompiledProblem) -> tuple[Floats, Floats]:
    """The box, its infinite sides replaced by twice what a hinge row without a linear part allows, if one does.

    Such a row bounds u(w − a)⁺ + d(a − w)⁺ of every single weight, so the replaced sides are never reached.
    """
    lower, upper = problem.lower, problem.upper
    if np.isfinite(lower).all() and np.isfinite(upper).all():
        return lower, upper
    least, most = np.full(problem.n, -np.inf), np.full(problem.n, np.inf)
    hinges = problem.hinges
    for j in range(len(hinges)):
        if not hinges.linear[j].any():
            with np.errstate(divide="ignore", invalid="ignore"):
                room = 2.0 * max(problem.hinge_bounds[j], 0.0) + 1.0
                most = np.fmin(most, hinges.anchor[j] + room / hinges.up[j])
                least = np.fmax(least, hinges.anchor[j] - room / hinges.down[j])
    return np.where(np.isfinite(lower), lower, least), np.where(np.isfinite(upper), upper, most)


@njit(cache=True)
def _begin(program: Program, cost: np.ndarray, n: int) -> State:
    """All slack, every piece at its cheaper end."""
    pieces, size = len(cost), len(program.low)
    both = pieces + size
    x, reduced, side = np.zeros(both), np.zeros(both), np.zeros(both)
    least, most = np.zeros(both), np.empty(both)
    place, basis = np.full(both, -1, dtype=np.int64), np.empty(size, dtype=np.int64)
    inverse = np.zeros((size, size))
    for s in range(pieces):
        reduced[s], most[s] = cost[s], program.end[s] - program.start[s]
        side[s] = -1.0 if cost[s] < 0.0 else 1.0
        x[s] = most[s] if cost[s] < 0.0 else 0.0
    for j in range(size):
        basis[j], place[pieces + j], inverse[j, j] = pieces + j, j, -1.0
        least[pieces + j], most[pieces + j] = program.low[j], program.high[j]
    free = (np.empty(both), np.empty(size), np.empty(n), np.empty(both, dtype=np.int64))
    steps = np.empty(both), np.empty(both), np.empty(n)
    return State(x, least, most, reduced, side, place, basis, inverse, *free, *steps)


@njit(cache=True)
def _column_of(data: Arrays, program: Program, v: int, out: np.ndarray) -> None:
    """The column of a variable: a piece's coefficients, or −1 in the row of an activity."""
    m, pieces = data.rows.shape[0], len(program.cost)
    out[:] = 0.0
    if v >= pieces:
        out[v - pieces] = -1.0
        return
    i = program.asset[v]
    for j in range(m):
        out[j] = data.rows[j, i]
    for j in range(len(data.limits)):
        out[m + j] = program.slope[j, v]


@njit(cache=True)
def _activity(data: Arrays, program: Program, amounts: np.ndarray, by_asset: np.ndarray, out: np.ndarray) -> None:
    """out = Σ columns × amounts over the pieces."""
    m, n = data.rows.shape
    by_asset[:] = 0.0
    for s in range(len(program.cost)):
        if amounts[s] != 0.0:
            by_asset[program.asset[s]] += amounts[s]
    for j in range(m):
        out[j] = dot(data.rows[j], by_asset, n)
    for j in range(len(data.limits)):
        out[m + j] = dot(program.slope[j], amounts, len(program.cost))


@njit(cache=True)
def _refresh(data: Arrays, program: Program, cost: np.ndarray, state: State) -> bool:
    """B⁻¹, the basic variables and the reduced costs from the basis alone; False when it is singular."""
    pieces, size = len(program.cost), len(program.low)
    matrix = np.empty((size, 2 * size))
    for r in range(size):
        _column_of(data, program, state.basis[r], state.column)
        for j in range(size):
            matrix[j, r], matrix[j, size + r] = state.column[j], 1.0 if j == r else 0.0
    if not _invert(matrix, size):
        return False
    state.inverse[:, :] = matrix[:, size:]
    for v in range(pieces + size):
        if state.place[v] >= 0:
            state.x[v] = 0.0
    _activity(data, program, state.x, state.moved, state.column)
    for j in range(size):
        if state.place[pieces + j] < 0:
            state.column[j] -= state.x[pieces + j]
    for r in range(size):
        state.x[state.basis[r]] = -dot(state.inverse[r], state.column, size)
    pi = np.empty(size)
    _multipliers(data, program, cost, state, pi)
    _price(data, program, pi, state)
    for v in range(pieces + size):
        own = cost[v] if v < pieces else 0.0
        state.reduced[v] = 0.0 if state.place[v] >= 0 else own - state.alpha[v]
    return True


@njit(cache=True)
def _invert(matrix: np.ndarray, size: int) -> bool:
    """Gauss–Jordan on [B | I] with partial pivoting."""
    for c in range(size):
        best = c
        for r in range(c + 1, size):
            if abs(matrix[r, c]) > abs(matrix[best, c]):
                best = r
        if abs(matrix[best, c]) < 1e-13:
            return False
        if best != c:
            for j in range(2 * size):
                matrix[c, j], matrix[best, j] = matrix[best, j], matrix[c, j]
        matrix[c] /= matrix[c, c]
        for r in range(size):
            if r != c and matrix[r, c] != 0.0:
                factor = matrix[r, c]
                for j in range(c, 2 * size):
                    matrix[r, j] -= factor * matrix[c, j]
    return True


@njit(cache=True)
def _multipliers(data: Arrays, program: Program, cost: np.ndarray, state: State, out: np.ndarray) -> None:
    """π = c_B B⁻¹, and once more on what π B then misses."""
    size, column = len(state.basis), state.column
    missing = np.empty(size)
    for r in range(size):
        missing[r] = cost[state.basis[r]] if state.basis[r] < len(cost) else 0.0
    out[:] = 0.0
    for _ in range(2):
        for r in range(size):
            if missing[r] != 0.0:
                for j in range(size):
                    out[j] += missing[r] * state.inverse[r, j]
        for r in range(size):
            _column_of(data, program, state.basis[r], column)
            own = cost[state.basis[r]] if state.basis[r] < len(cost) else 0.0
            missing[r] = own - dot(out, column, size)


@njit(cache=True)
def _price(data: Arrays, program: Program, row: np.ndarray, state: State) -> None:
    """alpha = row · column for every variable."""
    m, k, pieces = data.rows.shape[0], len(data.limits), len(program.cost)
    alpha, part = state.alpha, state.asset_part
    part[:] = 0.0
    for j in range(m):
        if row[j] != 0.0:
            for i in range(len(part)):
                part[i] += row[j] * data.rows[j, i]
    for s in range(pieces):
        alpha[s] = part[program.asset[s]]
    for j in range(k):
        if row[m + j] != 0.0:
            for s in range(pieces):
                alpha[s] += row[m + j] * program.slope[j, s]
    for j in range(m + k):
        alpha[pieces + j] = -row[j]


@njit(cache=True)
def _leaving(state: State) -> tuple[int, float]:
    """(row, violation) of the basic variable to leave, steepest edge; row −1 when all are within bounds."""
    row, delta, best = -1, 0.0, 0.0
    for r in range(len(state.basis)):
        v = state.basis[r]
        low, high, x = state.least[v], state.most[v], state.x[v]
        off = x - high if x > high else x - low if x < low else 0.0
        if abs(off) <= 1e-14 + 4e-15 * abs(x):
            continue
        score = off * off / dot(state.inverse[r], state.inverse[r], len(state.basis))
        if score > best:
            row, delta, best = r, off, score
    return row, delta


@njit(cache=True)
def _worst(state: State) -> float:
    """The largest violation of a basic variable."""
    worst = 0.0
    for v in state.basis:
        worst = max(worst, state.least[v] - state.x[v], state.x[v] - state.most[v])
    return worst


@njit(cache=True)
def _turned(state: State, v: int) -> float:
    """Put a variable at its other end; returns how far it went."""
    before = state.x[v]
    state.x[v] = state.most[v] if state.side[v] > 0.0 else state.least[v]
    state.side[v] = -state.side[v]
    return state.x[v] - before


@njit(cache=True)
def _flip(data: Arrays, program: Program, state: State, passed: int, keep: int) -> None:
    """Carry the passed candidates to their other ends, the basic variables along."""
    m, size, pieces = data.rows.shape[0], len(state.basis), len(program.cost)
    rows, by_asset = state.column, state.moved
    rows[:], by_asset[:] = 0.0, 0.0
    for at in range(passed):
        v = state.chosen[at]
        if v == keep:
            continue
        went = _turned(state, v)
        if v >= pieces:
            rows[v - pieces] -= went
            continue
        by_asset[program.asset[v]] += went
        for j in range(size - m):
            rows[m + j] += program.slope[j, v] * went
    for j in range(m):
        rows[j] += dot(data.rows[j], by_asset, len(by_asset))
    for r in range(size):
        state.x[state.basis[r]] -= dot(state.inverse[r], rows, size)


@njit(cache=True)
def _pivot(data: Arrays, program: Program, state: State, row: int, entering: int, upper: bool, turn: float) -> bool:
    """Exchange the leaving row's variable for the entering one; False when the pivot is no number to trust."""
    size, leaving = len(state.basis), state.basis[row]
    _column_of(data, program, entering, state.column)
    eta = np.empty(size)
    for r in range(size):
        eta[r] = dot(state.inverse[r], state.column, size)
    if abs(eta[row]) < 1e-9 or abs(eta[row] - state.alpha[entering]) > 1e-6 * (1.0 + abs(eta[row])):
        return False
    bound = state.most[leaving] if upper else state.least[leaving]
    length = (state.x[leaving] - bound) / eta[row]
    theta = state.reduced[entering] / eta[row]
    if theta * turn < 0.0:
        theta = 0.0
    for r in range(size):
        state.x[state.basis[r]] -= length * eta[r]
    for v in range(len(state.x)):
        state.reduced[v] -= theta * state.alpha[v]  # those of basic variables are read again only once they have left
    state.x[entering] += length
    state.side[leaving] = 0.0 if state.least[leaving] == state.most[leaving] else -1.0 if upper else 1.0
    state.side[entering] = 0.0
    state.x[leaving], state.reduced[leaving], state.reduced[entering] = bound, -theta, 0.0
    state.place[leaving], state.place[entering], state.basis[row] = -1, row, entering
    state.inverse[row] /= eta[row]
    for r in range(size):
        if r != row and eta[r] != 0.0:
            for j in range(size):
                state.inverse[r, j] -= eta[r] * state.inverse[row, j]
    return True


@njit(cache=True)
def _advance(data: Arrays, program: Program, state: State, scale: float) -> int:
    """One pivot: 1 moved, 0 nothing to do, −1 no portfolio exists, −2 numbers not to be trusted."""
    row, delta = _leaving(state)
    if row < 0:
        return 0
    turn = 1.0 if delta > 0.0 else -1.0
    _price(data, program, state.inverse[row], state)
    count = candidates(state, turn)
    passed, tied, ratio = long_step(state, count, (1.0 - NOISE) * abs(delta))
    if passed < 0:
        return 0 if _worst(state) <= TOUCHING else -1
    at = entering_one(state, tied, ratio, turn, scale)
    if at < 0:
        return -2
    entering = state.chosen[at]
    _flip(data, program, state, passed, entering)
    return 1 if _pivot(data, program, state, row, entering, delta > 0.0, turn) else -2


@njit(cache=True)
def minimise(data: Arrays, limit: int) -> tuple[int, int, np.ndarray, np.ndarray]:
    """(end, pivots, w[n], π[m + k]): π ≥ 0 at lower bounds, ≤ 0 at upper ones; a ray (see ``rays``) if infeasible."""
    n, size = data.rows.shape[1], len(data.row_lower) + len(data.limits)
    program = cut(data)
    cost, scale = moved_costs(program)
    state = _begin(program, cost, n)
    weights, pi = np.empty(n), np.zeros(size)
    _activity(data, program, state.x[: len(cost)], state.moved, state.column)
    state.x[len(cost) :] = state.column
    fresh, since, trouble = True, 0, 0
    for pivots in range(limit):
        did = _advance(data, program, state, scale)
        if did == 1:
            fresh, since = False, since + 1
        if did == 1 and since < FRESH:
            continue
        if did == -1 and fresh:
            row, delta = _leaving(state)
            pi[:] = state.inverse[row] if delta > 0.0 else -state.inverse[row]
            return INFEASIBLE, pivots, weights, pi
        if did == 0:
            _multipliers(data, program, program.cost, state, pi)
            weights_of(data, program, state, weights)
            _refine(data, program, state, weights)
            return OPTIMAL, pivots, weights, pi
        trouble += did == -2
        if (did == -2 and fresh) or trouble > 5 or not _refresh(data, program, cost, state):
            break
        fresh, since = True, 0
    return STALLED, limit, weights, pi


@njit(cache=True)
def _refine(data: Arrays, program: Program, state: State, w: np.ndarray) -> None:
    """Move the basic pieces by B⁻¹ × what the active rows still miss at w: rounding of the sums goes."""
    m, size, pieces = data.rows.shape[0], len(state.basis), len(program.cost)
    missing = state.column
    for j in range(size):
        missing[j] = 0.0
        if state.place[pieces + j] < 0:
            upper = state.x[pieces + j] == state.most[pieces + j]
            if j < m:
                missing[j] = (data.row_upper[j] if upper else data.row_lower[j]) - dot(data.rows[j], w, len(w))
            else:
                missing[j] = data.limits[j - m] - hinge_value(data, j - m, w)
                if missing[j] > 1e-9:  # pieces filled out of order overstate a hinge that has no price
                    missing[j] = 0.0
    for r in range(size):
        state.x[state.basis[r]] += dot(state.inverse[r], missing, size)
    weights_of(data, program, state, w)
