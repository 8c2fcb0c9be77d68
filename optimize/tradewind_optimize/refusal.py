"""Certified refusals: proof that no portfolio exists, or that none is best.

A problem is infeasible exactly when the least total violation of its rows over its box is positive. The kernels hand
over multipliers that prove it (see ``solvers.rays``), which are measured again here; without them the least violation
is computed. A problem is unbounded when it is feasible and its recession cone holds a direction along which the
objective falls. Both are linear programs that always have a solution.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from tradewind_optimize.certify import residual, row_multipliers
from tradewind_optimize.elastic_cone import ConeElastic
from tradewind_optimize.elements import NOTHING
from tradewind_optimize.problem import Block, Box, CompiledProblem, Floats, Hinge, HingeSet, Linear, RowMatrix, Solution
from tradewind_optimize.solvers import clarabel, cvxpy, highs

_FAR = 1e6


def proves(problem: CompiledProblem, refused: Solution) -> bool:
    """Whether the multipliers that came with a refusal prove a violation of the rows that is more than rounding."""
    if len(refused.row_duals) != problem.m or problem.rows.dense is None or not problem.m + len(problem.hinges):
        return False
    from tradewind_optimize.solvers.rays import proven_shortfall

    ray = np.concatenate([row_multipliers(problem, refused), refused.hinge_duals])
    return bool(proven_shortfall(problem.arrays, ray, np.empty(problem.n)) > NOTHING)


def shortfall(problem: CompiledProblem) -> float:
    """The least Σ of violations when every linear and hinge row may give: 0 exactly when the problem is feasible.

    With quadratic bounds or expressions of the user's own the box may give as well. Box sides that cross count alone.
    NaN if no solver could tell.
    """
    crossed = float(np.maximum(problem.lower - problem.upper, 0.0).sum())
    if crossed:
        return crossed
    if problem.quadratics or problem.general:
        return _cone_shortfall(problem)
    outcome = _solve_linear(elastic(problem))
    return float("nan") if outcome is None else outcome.value


def escape(problem: CompiledProblem) -> Floats | None:
    """A direction d, |dᵢ| ≤ 1, along which constraints hold for ever and the linear objective falls; else None."""
    if problem.general:
        return _far(problem)
    found = _solve_linear(_recession(problem))
    limit = 1e-9 * max(float(np.abs(problem.linear).max(initial=0.0)), 1e-300)
    return found.weights if found is not None and found.value < -limit else None


def _recession(problem: CompiledProblem) -> CompiledProblem:
    """min c'd over the directions |dᵢ| ≤ 1 in which every constraint holds for ever and no quadratic term bends."""
    hinges, costs, flat = problem.hinges, problem.costs, np.zeros((0, problem.n))
    smooth = [flat, problem.factors.T[problem.factor_scales > 0]]
    smooth += [each.factors.T[each.scales > 0] for each in problem.quadratics]
    stiff = np.zeros(problem.n, dtype=bool)
    for bent in (problem.curvature, *(each.specific for each in problem.quadratics)):
        if bent is not None and len(bent):
            stiff |= bent > 0
    straight = np.concatenate(smooth)
    none = np.zeros(len(straight))
    return replace(
        problem,
        curvature=np.zeros(0),
        target=np.zeros(0),
        factors=np.zeros((problem.n, 0)),
        factor_scales=np.zeros(0),
        factor_center=np.zeros(0),
        costs=replace(costs, anchor=np.zeros_like(costs.anchor)),
        quadratics=(),
        lower=np.where(np.isfinite(problem.lower) | stiff, 0.0, -1.0),
        upper=np.where(np.isfinite(problem.upper) | stiff, 0.0, 1.0),
        rows=RowMatrix.stack([problem.rows, RowMatrix.of(straight)], problem.n),
        row_lower=np.concatenate([np.where(np.isfinite(problem.row_lower), 0.0, -np.inf), none]),
        row_upper=np.concatenate([np.where(np.isfinite(problem.row_upper), 0.0, np.inf), none]),
        hinges=replace(hinges, anchor=np.zeros_like(hinges.anchor)),
        hinge_bounds=np.zeros(len(hinges)),
        constant=0.0,
    )


def _far(problem: CompiledProblem) -> Floats | None:
    """With expressions of the user's own: where the optimum goes when weights may reach 10⁶, if it goes that far."""
    lower, upper = np.maximum(problem.lower, -_FAR), np.minimum(problem.upper, _FAR)
    weights = cvxpy.solve(replace(problem, lower=lower, upper=upper)).weights
    if not np.abs(weights).max(initial=0.0) > 0.1 * _FAR:
        return None
    return np.where(np.abs(weights) > 1e-3 * _FAR, weights / np.abs(weights).max(), 0.0)


def _cone_shortfall(problem: CompiledProblem) -> float:
    n, blocks = problem.n, [Box(np.arange(problem.n), problem.lower, problem.upper)]
    hinges = problem.hinges
    parts: list[Block] = [*blocks, Linear(problem.rows, problem.row_lower, problem.row_upper, problem.row_labels)]
    for j, bound in enumerate(problem.hinge_bounds):
        parts.append(Hinge(hinges.up[j], hinges.down[j], hinges.anchor[j], float(bound), "", hinges.linear[j]))
    program = ConeElastic([*parts, *problem.quadratics, *problem.general], n)
    return program.solve(np.ones(int(program.starts[-1]), dtype=bool)).total


def elastic(problem: CompiledProblem) -> CompiledProblem:
    """min Σ slacks: two slack variables a linear row and one a hinge row stand behind the n weights."""
    n, m, k = problem.n, problem.m, len(problem.hinges)
    extra = 2 * m + k
    rows, columns, values = problem.rows.triplets()
    slack = np.arange(m)
    rows, columns = np.concatenate([rows, slack, slack]), np.concatenate([columns, n + slack, n + m + slack])
    values, order = np.concatenate([values, np.ones(m), -np.ones(m)]), np.argsort(rows, kind="stable")
    matrix = RowMatrix((m, n + extra), None, rows[order], columns[order], values[order])
    empty = np.zeros(0)
    return replace(
        problem,
        current=np.zeros(n + extra),
        linear=np.concatenate([np.zeros(n), np.ones(extra)]),
        curvature=empty,
        target=empty,
        costs=HingeSet.empty(n + extra),
        factors=np.zeros((n + extra, 0)),
        factor_scales=empty,
        factor_center=empty,
        constant=0.0,
        maximize=False,
        lower=np.concatenate([problem.lower, np.zeros(extra)]),
        upper=np.concatenate([problem.upper, np.full(extra, np.inf)]),
        rows=matrix,
        hinges=_widened(problem.hinges, 2 * m),
    )


def _widened(hinges: HingeSet, before: int) -> HingeSet:
    k = len(hinges)
    relief = np.concatenate([np.zeros((k, before)), -np.eye(k)], axis=1)
    wide = np.zeros_like(relief)
    bent = (np.concatenate([part, wide], axis=1) for part in (hinges.up, hinges.down, hinges.anchor))
    return HingeSet(np.concatenate([hinges.linear, relief], axis=1), *bent)


@dataclass(frozen=True, eq=False)
class _Linear:
    value: float
    weights: Floats


def _solve_linear(problem: CompiledProblem) -> _Linear | None:
    for module in (highs, clarabel):
        solution = module.solve(problem)
        if solution.status == "optimal" and residual(problem, solution.weights) <= 1e-7:
            return _Linear(problem.value(solution.weights), solution.weights)
    return None
