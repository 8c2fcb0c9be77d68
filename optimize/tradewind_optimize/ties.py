"""The optimal face of a linear program, and its point nearest to the current portfolio.

Any optimal multipliers describe the whole face: w is optimal exactly when it is feasible, minimises the separable
Lagrangian asset by asset (an interval between kinks, usually one point) and meets every row with a nonzero multiplier
with equality. On those intervals costs and priced hinge rows are linear, so the face is again a CompiledProblem, and
the answer is the unique solution of a strictly convex quadratic program over it: the same whichever vertex was found,
and with the least trading in the L2 sense.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from tradewind_optimize.certify import row_multipliers
from tradewind_optimize.problem import CompiledProblem, Floats, HingeSet, Ints, RowMatrix, Solution, constant

Flags = NDArray[np.bool_]

TIE = 1e-9
"""Reduced costs below this fraction of the largest coefficient count as zero."""


def nearest_problem(problem: CompiledProblem, solution: Solution) -> CompiledProblem | None:
    """min Σ(w − current)² over the optimal face; None when the face is the single point that was found."""
    scale = TIE * max(float(np.abs(problem.linear).max(initial=0.0)), 1e-300)
    if problem.rows.dense is not None and _known_point(problem, solution, scale):
        return None
    duals = row_multipliers(problem, solution)
    lower, upper = _intervals(problem, duals, solution.hinge_duals, scale)
    priced = np.abs(duals) * problem.rows.row_scale() > scale
    held = solution.hinge_duals * (problem.hinges.up + problem.hinges.down).max(axis=1, initial=0.0) > 3 * scale
    lines, bounds = _straightened(problem, held, lower, upper)
    free = np.flatnonzero(upper > lower)
    if problem.rows.dense is None and _is_point(
        problem, priced | (problem.row_lower == problem.row_upper), lines, free
    ):
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
        costs=HingeSet.empty(problem.n),
        exits=np.empty(0, dtype=np.int64),
        lower=lower,
        upper=upper,
        rows=RowMatrix.stack([problem.rows, RowMatrix.of(lines)], problem.n),
        row_lower=np.concatenate([row_lower, bounds]),
        row_upper=np.concatenate([row_upper, bounds]),
        hinges=_kept(problem.hinges, ~held),
        hinge_bounds=problem.hinge_bounds[~held],
    )


def _known_point(problem: CompiledProblem, solution: Solution, scale: float) -> bool:
    """Whether the face is a point, in one compiled step, where the rows are dense."""
    from tradewind_optimize.audit import face_is_point

    return bool(face_is_point(problem.arrays, constant(solution.row_duals), constant(solution.hinge_duals), scale))


def _intervals(problem: CompiledProblem, y: Floats, prices: Floats, scale: float) -> tuple[Floats, Floats]:
    """Where each φᵢ is least on its box: from the first piece that does not fall to the last that does not rise."""
    from tradewind_optimize.audit import flat_parts

    data, lower, upper = problem.arrays, np.empty(problem.n), np.empty(problem.n)
    if problem.rows.dense is None:
        data, y = data._replace(cost=constant(data.cost - problem.rows.transpose_dot(y))), np.zeros(0)
    flat_parts(data, constant(y), constant(prices), scale, lower, upper)
    return lower, upper


def _straightened(problem: CompiledProblem, held: Flags, lower: Floats, upper: Floats) -> tuple[Floats, Floats]:
    """Each priced hinge row as the linear equality it is on the face: coefficients [k, n] and right-hand sides [k]."""
    hinges = _kept(problem.hinges, held)
    right = lower >= hinges.anchor
    slope = np.where(right, hinges.up, np.where(upper <= hinges.anchor, -hinges.down, 0.0))
    return hinges.linear + slope, problem.hinge_bounds[held] + (slope * hinges.anchor).sum(axis=1)


def _kept(hinges: HingeSet, keep: Flags) -> HingeSet:
    return HingeSet(hinges.linear[keep], hinges.up[keep], hinges.down[keep], hinges.anchor[keep])


def _is_point(problem: CompiledProblem, equal: Flags, lines: Floats, free: Ints) -> bool:
    """Whether the rows that hold with equality leave the free weights no room, where the rows are triplets."""
    from tradewind_optimize.audit import rank

    if not len(free):
        return True
    if len(free) > equal.sum() + len(lines):
        return False
    chosen = problem.rows.to_dense()[equal][:, free]
    return bool(rank(np.concatenate([chosen, lines[:, free]])) == len(free))
