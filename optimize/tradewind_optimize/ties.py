"""The optimal face of a linear program, and its point nearest to the current portfolio.

Any optimal multipliers describe the whole face: w is optimal exactly when it is feasible, minimises the separable
Lagrangian asset by asset (an interval between kinks, usually one point) and meets every row with a nonzero multiplier
with equality. On those intervals a priced hinge row is linear, so the face is again a CompiledProblem, and the answer
is the unique solution of a strictly convex quadratic program over it: the same whichever vertex was found, and with the
least trading in the L2 sense.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numba import njit
from numpy.typing import NDArray

from tradewind_optimize.audit import constant, sort_kinks
from tradewind_optimize.certify import Lagrangian, lagrangian, row_multipliers
from tradewind_optimize.problem import CompiledProblem, Floats, HingeSet, Ints, RowMatrix, Solution

Flags = NDArray[np.bool_]

TIE = 1e-9
"""Reduced costs below this fraction of the largest coefficient count as zero."""


def nearest_problem(problem: CompiledProblem, solution: Solution) -> CompiledProblem | None:
    """min Σ(w − current)² over the optimal face; None when the face is the single point that was found."""
    scale = TIE * max(float(np.abs(problem.linear).max(initial=0.0)), 1e-300)
    lower, upper = _intervals(problem, lagrangian(problem, solution), scale)
    duals = row_multipliers(problem, solution)
    size = problem.rows.row_scale()
    priced = np.abs(duals) * size > scale
    held = solution.hinge_duals * (problem.hinges.up + problem.hinges.down).max(axis=1, initial=0.0) > 3 * scale
    lines, bounds = _straightened(problem, held, lower, upper)
    free = np.flatnonzero(upper > lower)
    if _is_point(problem, priced | (problem.row_lower == problem.row_upper), lines, free):
        return None
    equal = np.where(duals > 0, problem.row_lower, problem.row_upper)
    row_lower, row_upper = (np.where(priced, equal, side) for side in (problem.row_lower, problem.row_upper))
    return replace(
        problem,
        linear=np.zeros(problem.n),
        curvature=np.full(problem.n, 2.0),
        target=problem.current,
        maximize=False,
        constant=0.0,
        exits=np.empty(0, dtype=np.int64),
        lower=lower,
        upper=upper,
        rows=RowMatrix.stack([problem.rows, RowMatrix.of(lines)], problem.n),
        row_lower=np.concatenate([row_lower, bounds]),
        row_upper=np.concatenate([row_upper, bounds]),
        hinges=_kept(problem.hinges, ~held),
        hinge_bounds=problem.hinge_bounds[~held],
    )


def _intervals(problem: CompiledProblem, phi: Lagrangian, scale: float) -> tuple[Floats, Floats]:
    """Where each φᵢ is least on its box: from the first piece that does not fall to the last that does not rise."""
    lower, upper = np.empty(problem.n), np.empty(problem.n)
    parts = (phi.slope, phi.up, phi.down, phi.anchor, problem.lower, problem.upper)
    flat_parts(*map(constant, parts), scale, lower, upper)
    return lower, upper


@njit(cache=True)
def flat_parts(
    slope: np.ndarray,
    up: np.ndarray,
    down: np.ndarray,
    anchor: np.ndarray,
    lower: np.ndarray,
    upper: np.ndarray,
    scale: float,
    first: np.ndarray,
    last: np.ndarray,
) -> None:
    """The ends of argmin over [lower, upper] of every piecewise linear φᵢ, slopes within ``scale`` counting as zero."""
    order = np.empty(len(anchor), dtype=np.int64)
    for i in range(len(slope)):
        sort_kinks(i, anchor, order)
        rate = slope[i]
        for j in range(len(order)):
            rate -= down[j, i]
        first[i] = last[i] = lower[i]
        for s in range(len(order) + 1):
            if s < len(order):
                until = min(max(anchor[order[s], i], lower[i]), upper[i])
            else:
                until = upper[i]
            if rate < -scale:
                first[i] = until
            if rate <= scale:
                last[i] = until
            if s < len(order):
                rate += up[order[s], i] + down[order[s], i]


def _straightened(problem: CompiledProblem, held: Flags, lower: Floats, upper: Floats) -> tuple[Floats, Floats]:
    """Each priced hinge row as the linear equality it is on the face: coefficients [k, n] and right-hand sides [k]."""
    hinges = _kept(problem.hinges, held)
    right = lower >= hinges.anchor
    slope = np.where(right, hinges.up, np.where(upper <= hinges.anchor, -hinges.down, 0.0))
    return hinges.linear + slope, problem.hinge_bounds[held] + (slope * hinges.anchor).sum(axis=1)


def _kept(hinges: HingeSet, keep: Flags) -> HingeSet:
    return HingeSet(hinges.linear[keep], hinges.up[keep], hinges.down[keep], hinges.anchor[keep])


def _is_point(problem: CompiledProblem, equal: Flags, lines: Floats, free: Ints) -> bool:
    """Whether the rows that hold with equality leave the free weights no room."""
    if not len(free):
        return True
    if len(free) > equal.sum() + len(lines):
        return False
    if problem.rows.dense is None:
        chosen = problem.rows.to_dense()[equal][:, free]
    else:
        chosen = problem.rows.dense[np.ix_(np.flatnonzero(equal), free)]
    return bool(rank(np.concatenate([chosen, lines[:, free]])) == len(free))


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
