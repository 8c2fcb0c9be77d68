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

from tradewind_optimize.certify import Lagrangian, lagrangian, row_multipliers
from tradewind_optimize.problem import CompiledProblem, Floats, HingeSet, Ints, RowMatrix, Solution

TIE = 1e-9
"""Reduced costs below this fraction of the largest coefficient count as zero."""


def nearest_problem(problem: CompiledProblem, solution: Solution) -> CompiledProblem | None:
    """min Σ(w − current)² over the optimal face; None when the face is the single point that was found."""
    scale = TIE * max(float(np.abs(problem.linear).max(initial=0.0)), 1e-300)
    lower, upper = _intervals(problem, lagrangian(problem, solution), scale)
    duals = row_multipliers(problem, solution)
    priced = np.abs(duals) * problem.rows.row_scale() > scale
    held = solution.hinge_duals * (problem.hinges.up + problem.hinges.down).max(axis=1, initial=0.0) > 3 * scale
    lines, bounds = _straightened(problem, held, lower, upper)
    equal = np.where(duals > 0, problem.row_lower, problem.row_upper)
    rows = RowMatrix.stack([problem.rows, RowMatrix.of(lines)], problem.n)
    face = replace(
        problem,
        linear=np.zeros(problem.n),
        curvature=np.full(problem.n, 2.0),
        target=problem.current,
        maximize=False,
        constant=0.0,
        exits=np.empty(0, dtype=np.int64),
        lower=lower,
        upper=upper,
        rows=rows,
        row_lower=np.concatenate([np.where(priced, equal, problem.row_lower), bounds]),
        row_upper=np.concatenate([np.where(priced, equal, problem.row_upper), bounds]),
        hinges=_kept(problem.hinges, ~held),
        hinge_bounds=problem.hinge_bounds[~held],
    )
    return None if _is_point(face) else face


def _intervals(problem: CompiledProblem, phi: Lagrangian, scale: float) -> tuple[Floats, Floats]:
    """Where each φᵢ is least on its box: from the first piece that does not fall to the last that does not rise."""
    ends, slopes = phi.pieces(problem.lower, problem.upper)
    n, last = problem.n, len(slopes)
    rising = np.argmax(np.concatenate([slopes >= -scale, np.ones((1, n), dtype=bool)]), axis=0)
    falling = last - np.argmax(np.concatenate([slopes[::-1] <= scale, np.ones((1, n), dtype=bool)]), axis=0)
    lower, upper = ends[rising, np.arange(n)], ends[falling, np.arange(n)]
    return lower, np.maximum(lower, upper)


def _straightened(problem: CompiledProblem, held: Ints, lower: Floats, upper: Floats) -> tuple[Floats, Floats]:
    """Each priced hinge row as the linear equality it is on the face: coefficients [k, n] and right-hand sides [k]."""
    hinges = _kept(problem.hinges, held)
    right = lower >= hinges.anchor
    slope = np.where(right, hinges.up, np.where(upper <= hinges.anchor, -hinges.down, 0.0))
    return hinges.linear + slope, problem.hinge_bounds[held] + (slope * hinges.anchor).sum(axis=1)


def _kept(hinges: HingeSet, keep: Ints) -> HingeSet:
    return HingeSet(hinges.linear[keep], hinges.up[keep], hinges.down[keep], hinges.anchor[keep])


def _is_point(face: CompiledProblem) -> bool:
    free = np.flatnonzero(face.upper > face.lower)
    equal = face.row_lower == face.row_upper
    if not len(free):
        return True
    if len(free) > equal.sum():
        return False
    return int(np.linalg.matrix_rank(face.rows.to_dense()[equal][:, free])) == len(free)
