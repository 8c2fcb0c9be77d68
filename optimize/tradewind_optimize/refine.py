"""Refinement: Newton's method on the optimality conditions of problems with factors or risk limits.

Interior points stop at weights good to about 1e-9 and multipliers to match. With the active set they point at held
fixed (weights on an end or kink stay there; rows with a multiplier hold with equality) what is left is a smooth system

    ∇f(w) − A'y + Σ λⱼ∇hⱼ(w) + Σ μ_q∇q(w) = 0 on the free weights,   A w = β,   hⱼ(w) = rⱼ,   q(w) = r²

in a few unknowns, and two or three steps carry it to rounding. Several widths of "on an end" are tried; certificates
decide whether the result is used.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from tradewind_optimize.certify import row_multipliers
from tradewind_optimize.problem import CompiledProblem, Floats, Solution

STEPS = 8
WIDTHS = (1e-6, 1e-8, 1e-4)
LARGEST = 3000  # free weights; beyond, a step costs more than the digits are worth

Flags = NDArray[np.bool_]


def applies(problem: CompiledProblem) -> bool:
    """Whether the problem has factors or risk limits and no expressions of the user's own."""
    return bool(len(problem.factor_scales) or problem.quadratics) and not problem.general


def candidates(problem: CompiledProblem, solution: Solution) -> Iterator[Solution]:
    """Refined solutions, one for each width that leads anywhere: certify before use."""
    found = replace(solution, row_duals=row_multipliers(problem, solution))
    for width in WIDTHS:
        active = _Active.of(problem, found, width)
        if active.free.sum() <= LARGEST:
            refined = _newton(problem, active.settled(problem, found), active)
            if refined is not None:
                yield refined


@dataclass(frozen=True, eq=False)
class _Active:
    """Which weights are free (bool[n]), where the others stand, which rows, hinge rows and risk limits hold."""

    free: Flags
    stand: Floats
    rows: Flags
    hinges: Flags
    quadratics: Flags

    @classmethod
    def of(cls, problem: CompiledProblem, found: Solution, width: float) -> _Active:
        weights, tolerance = found.weights, width * max(1.0, float(np.abs(found.weights).max(initial=0.0)))
        largest = max(
            (float(np.abs(part).max(initial=0.0)) for part in (found.row_duals, found.hinge_duals)), default=0.0
        )
        hinges = (found.hinge_duals > 1e-6 * largest) & (found.hinge_duals > 0)
        free, stand = np.ones(problem.n, dtype=bool), weights.copy()
        ends = [problem.lower, problem.upper, *_kinks(problem, hinges)]
        for end in ends:
            near = np.abs(weights - end) <= tolerance
            stand[near & free] = end[near & free]
            free &= ~near
        values = problem.rows.dot(weights)
        low, high = values - problem.row_lower <= 10 * tolerance, problem.row_upper - values <= 10 * tolerance
        duals = found.row_duals
        rows = ((duals > 0) & low) | ((duals < 0) & high) | (problem.row_lower == problem.row_upper)
        limits = [found.quadratic_duals[i] > 0 and each.excess(weights) > -1e-3 * each.radius
                  for i, each in enumerate(problem.quadratics)]  # fmt: skip
        return cls(free, stand, rows, hinges, np.array(limits, dtype=bool))

    def settled(self, problem: CompiledProblem, found: Solution) -> Solution:
        """The solution with weights at their stands and no multipliers on what does not hold."""
        return replace(
            found,
            weights=np.where(self.free, found.weights, self.stand),
            row_duals=np.where(self.rows, found.row_duals, 0.0),
            hinge_duals=np.where(self.hinges, found.hinge_duals, 0.0),
            quadratic_duals=np.where(self.quadratics, found.quadratic_duals, 0.0),
        )


def _kinks(problem: CompiledProblem, hinges: Flags) -> list[Floats]:
    priced = [(problem.hinges, int(j)) for j in np.flatnonzero(hinges)]
    priced += [(problem.costs, j) for j in range(len(problem.costs))]
    return [np.where(part.up[j] + part.down[j] > 0, part.anchor[j], np.inf) for part, j in priced]


def _newton(problem: CompiledProblem, found: Solution, active: _Active) -> Solution | None:
    best, kept = np.inf, found
    for _ in range(STEPS):
        gradients, missing = _rows(problem, found, active)
        slope = _gradient(problem, found)[active.free]
        worst = max(float(np.abs(missing).max(initial=0.0)), float(np.abs(slope).max(initial=0.0)))
        if not worst < 0.5 * best:
            break
        best, kept = worst, found
        hessian = _hessian(problem, found, active.free)
        k = len(gradients)
        size = max(float(np.abs(np.diag(hessian)).max(initial=0.0)), 1e-300)
        system = np.block([[hessian / size, gradients.T], [gradients, np.zeros((k, k))]])
        step = _solve(system, np.concatenate([-slope / size, missing]))
        if step is None:
            break
        found = _moved(found, active, step, size)
    return kept if np.isfinite(best) else None


def _solve(system: Floats, right: Floats) -> Floats | None:
    """The solution, or the shortest of least squares when there is none or more than one."""
    try:
        step = np.linalg.solve(system, right)
        if np.abs(system @ step - right).max(initial=0.0) <= 1e-8 * np.abs(right).max(initial=0.0):
            return np.asarray(step)
    except np.linalg.LinAlgError:
        pass
    try:
        return np.asarray(np.linalg.lstsq(system, right, rcond=1e-13)[0])
    except np.linalg.LinAlgError:
        return None


def _moved(found: Solution, active: _Active, step: Floats, size: float) -> Solution:
    f, m, k = int(active.free.sum()), int(active.rows.sum()), int(active.hinges.sum())
    weights, rows, hinges, quadratics = (
        part.copy() for part in (found.weights, found.row_duals, found.hinge_duals, found.quadratic_duals)
    )
    weights[active.free] += step[:f]
    rows[active.rows] -= size * step[f : f + m]
    hinges[active.hinges] += size * step[f + m : f + m + k]
    quadratics[active.quadratics] += size * step[f + m + k :]
    return replace(found, weights=weights, row_duals=rows, hinge_duals=hinges, quadratic_duals=quadratics)


def _rows(problem: CompiledProblem, found: Solution, active: _Active) -> tuple[Floats, Floats]:
    """(gradients on the free weights, bound − value) of everything that holds with equality."""
    weights, free = found.weights, active.free
    values = problem.rows.dot(weights)
    equal = np.where(np.abs(values - problem.row_lower) <= np.abs(values - problem.row_upper), 0.0, 1.0)
    bounds = np.where(equal == 0.0, problem.row_lower, problem.row_upper)
    move = weights - problem.hinges.anchor
    bent = problem.hinges.linear + np.where(move > 0, problem.hinges.up, -problem.hinges.down)
    limits = [each for each, on in zip(problem.quadratics, active.quadratics, strict=True) if on]
    gradients = [
        problem.rows.to_dense()[active.rows],
        bent[active.hinges],
        *[each.gradient(weights)[None] for each in limits],
    ]
    missing = [
        (bounds - values)[active.rows],
        (problem.hinge_bounds - problem.hinges.values(weights))[active.hinges],
        np.array([each.radius**2 - each.value(weights) for each in limits]),
    ]
    return np.concatenate(gradients)[:, free], np.concatenate(missing)


def _gradient(problem: CompiledProblem, found: Solution) -> Floats:
    """∇ of the Lagrangian at the weights, float64[n]; at a kink that of one side."""
    weights = found.weights
    out = problem.linear - problem.rows.transpose_dot(found.row_duals)
    if len(problem.curvature):
        out = out + problem.curvature * (weights - problem.target)
    if len(problem.factor_scales):
        along = (weights - problem.factor_center) @ problem.factors
        out = out + problem.factors @ (problem.factor_scales * along)
    for hinges, prices in ((problem.hinges, found.hinge_duals), (problem.costs, np.ones(len(problem.costs)))):
        bent = hinges.linear + np.where(weights > hinges.anchor, hinges.up, -hinges.down)
        out = out + prices @ bent
    for quadratic, price in zip(problem.quadratics, found.quadratic_duals, strict=True):
        out = out + price * quadratic.gradient(weights)
    return np.asarray(out)


def _hessian(problem: CompiledProblem, found: Solution, free: Flags) -> Floats:
    """Of the Lagrangian on the free weights, float64[f, f]."""
    loading = problem.factors[free]
    out = (loading * problem.factor_scales) @ loading.T
    if len(problem.curvature):
        out += np.diag(problem.curvature[free])
    for quadratic, price in zip(problem.quadratics, found.quadratic_duals, strict=True):
        loading = quadratic.factors[free]
        out += 2.0 * price * (loading * quadratic.scales) @ loading.T
        if quadratic.specific is not None:
            out += 2.0 * price * np.diag(quadratic.specific[free])
    return np.asarray(out)
