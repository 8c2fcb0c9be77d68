"""Certified refusals: proof that no portfolio exists, or that none is best.

A problem is infeasible exactly when the least total violation of its rows over its box is positive; it is unbounded
when it is feasible and its recession cone holds a direction along which the linear objective falls. Both questions are
linear programs that always have a solution.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from tradewind_optimize.certify import residual
from tradewind_optimize.problem import CompiledProblem, Floats, HingeSet, RowMatrix
from tradewind_optimize.solvers import clarabel, highs


def shortfall(problem: CompiledProblem) -> float:
    """The least Σ of violations when every linear and hinge row may give: 0 exactly when the problem is feasible.

    With quadratic bounds the answer is infinity (the cone solver's own certificate stands alone); NaN if no solver
    could tell.
    """
    if problem.quadratics:
        return float("inf")
    outcome = _solve_linear(elastic(problem))
    return float("nan") if outcome is None else outcome.value


def escape(problem: CompiledProblem) -> Floats | None:
    """A direction d, |dᵢ| ≤ 1, along which constraints hold for ever and the linear objective falls; else None."""
    if not problem.is_linear or problem.quadratics:
        return None
    hinges = problem.hinges
    cone = replace(
        problem,
        lower=np.where(np.isfinite(problem.lower), 0.0, -1.0),
        upper=np.where(np.isfinite(problem.upper), 0.0, 1.0),
        row_lower=np.where(np.isfinite(problem.row_lower), 0.0, -np.inf),
        row_upper=np.where(np.isfinite(problem.row_upper), 0.0, np.inf),
        hinges=HingeSet(hinges.linear, hinges.up, hinges.down, np.zeros_like(hinges.anchor)),
        hinge_bounds=np.zeros(len(hinges)),
        constant=0.0,
    )
    found = _solve_linear(cone)
    limit = 1e-9 * max(float(np.abs(problem.linear).max(initial=0.0)), 1e-300)
    return found.weights if found is not None and found.value < -limit else None


def elastic(problem: CompiledProblem) -> CompiledProblem:
    """min Σ slacks: two slack variables a linear row and one a hinge row stand behind the n weights."""
    n, m, k = problem.n, problem.m, len(problem.hinges)
    extra = 2 * m + k
    rows, columns, values = problem.rows.triplets()
    slack = np.arange(m)
    matrix = RowMatrix(
        (m, n + extra),
        None,
        np.concatenate([rows, slack, slack]),
        np.concatenate([columns, n + slack, n + m + slack]),
        np.concatenate([values, np.ones(m), -np.ones(m)]),
    )
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
