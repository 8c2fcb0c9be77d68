"""Polish: the multipliers of an interior point answer, carried to the last digit.

Interior points stop at weights good to about 1e-6. For a strictly convex separable objective the weights follow from
the multipliers z of the coupling rows in closed form, w(z) = argmin φ, so only the active rows remain to be met
exactly: Newton's method on B w(z) = β with the matrix B_F H_F⁻¹ B_F' over the assets F that sit on no kink and no end,
the active rows being those that z + c·violation keeps on the right side of zero. Two or three steps; the certificate
decides whether the result is used.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from tradewind_optimize.certify import lagrangian, row_multipliers
from tradewind_optimize.problem import CompiledProblem, Floats, Solution

STEPS = 12

Flags = NDArray[np.bool_]


def applies(problem: CompiledProblem) -> bool:
    """Whether the problem is separable, strictly convex, and has rows to polish."""
    return problem.kind == "separable" and len(problem.curvature) > 0 and bool((problem.curvature > 0).all())


def polish(problem: CompiledProblem, solution: Solution) -> Solution:
    """The solution with its active rows met to rounding, or wherever the steps led: certify before use."""
    found = replace(solution, row_duals=row_multipliers(problem, solution))
    radius = 10.0 * max(1.0, float(np.abs(solution.weights).max(initial=0.0)))
    lower, upper = np.maximum(problem.lower, -radius), np.minimum(problem.upper, radius)
    for _ in range(STEPS):
        weights, inside = lagrangian(problem, found).argmin(lower, upper)
        found = replace(found, weights=weights)
        rows, bounds, hinges = _active(problem, found)
        if found.row_duals[~rows].any() or found.hinge_duals[~hinges].any():
            found = replace(
                found,
                row_duals=np.where(rows, found.row_duals, 0.0),
                hinge_duals=np.where(hinges, found.hinge_duals, 0.0),
            )
            continue
        missing = np.concatenate(
            [
                (bounds - problem.rows.dot(weights))[rows],
                (problem.hinges.values(weights) - problem.hinge_bounds)[hinges],
            ]
        )
        if np.abs(missing).max(initial=0.0) <= 1e-15:
            break
        active = np.concatenate([problem.rows.to_dense()[rows], -_slopes(problem, weights)[hinges]])[:, inside]
        step = np.linalg.lstsq((active / problem.curvature[inside]) @ active.T, missing, rcond=1e-12)[0]
        found = _stepped(found, rows, hinges, step)
    return found


def _active(problem: CompiledProblem, found: Solution) -> tuple[Flags, Floats, Flags]:
    """(rows, their bounds, hinge rows) that hold with equality, as far as this point can tell."""
    stiffness = float(problem.curvature.min()) / max(problem.n, 1)
    values, size = problem.rows.dot(found.weights), np.maximum(problem.rows.row_scale(), 1e-12) ** 2
    low = found.row_duals + stiffness / size * (problem.row_lower - values) > 0
    high = found.row_duals + stiffness / size * (problem.row_upper - values) < 0
    over = problem.hinges.values(found.weights) - problem.hinge_bounds
    return low | high, np.where(low, problem.row_lower, problem.row_upper), found.hinge_duals + stiffness * over > 0


def _stepped(found: Solution, rows: Flags, hinges: Flags, step: Floats) -> Solution:
    row_duals, hinge_duals = found.row_duals.copy(), found.hinge_duals.copy()
    row_duals[rows] += step[: rows.sum()]
    hinge_duals[hinges] = np.maximum(hinge_duals[hinges] + step[rows.sum() :], 0.0)
    return replace(found, row_duals=row_duals, hinge_duals=hinge_duals)


def _slopes(problem: CompiledProblem, weights: Floats) -> Floats:
    """The gradients of the hinge rows at weights off every kink, float64[k, n]."""
    hinges = problem.hinges
    return hinges.linear + np.where(weights > hinges.anchor, hinges.up, -hinges.down)
