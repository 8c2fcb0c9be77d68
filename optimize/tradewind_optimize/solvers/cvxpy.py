"""cvxpy with Clarabel: the general path, for problems with convex constraints of the user's own.

Everything else of the problem is written as expressions beside them. The duality gap is the cone solver's, between its
own primal and dual objective: with foreign expressions the certificate cannot compute one.
"""

from __future__ import annotations

import contextlib
import warnings
from typing import Any

import numpy as np

from tradewind_optimize.errors import InvalidParameter, InvalidType
from tradewind_optimize.problem import CompiledProblem, Convex, Floats, HingeSet, Quadratic, Solution, Status

NAME = "cvxpy"
TOLERANCE = 1e-7
_EPS = 1e-10
_STATUS: dict[str, Status] = {
    "infeasible": "infeasible",
    "infeasible_inaccurate": "infeasible",
    "unbounded": "unbounded",
    "unbounded_inaccurate": "unbounded",
}


def accepts(problem: CompiledProblem) -> bool:
    """Every problem."""
    return True


def solve(problem: CompiledProblem) -> Solution:
    """One solve at 1e-10, the objective scaled to unit size."""
    import cvxpy

    model = _Model(cvxpy, problem)
    answer = run(cvxpy, model.problem)
    note, iterations = str(model.problem.status), int(answer.iterations)
    if note in _STATUS:
        return Solution.without_answer(_STATUS[note], NAME, note, iterations)
    if model.weights.value is None or not np.isfinite(model.weights.value).all():
        return Solution.without_answer("failed", NAME, note, iterations)
    gap = abs(float(answer.obj_val) - float(answer.obj_val_dual)) * model.scale
    return model.solution(iterations, note, gap)


def run(cvxpy: Any, problem: Any) -> Any:
    """Solve, unpack into the cvxpy problem, and return the cone solver's own answer."""
    options = dict.fromkeys(("tol_gap_abs", "tol_gap_rel", "tol_feas"), _EPS) | {"max_threads": 1}
    with np.errstate(invalid="ignore"), warnings.catch_warnings():  # 0 · ∞ in cvxpy's own bounds; status words
        warnings.simplefilter("ignore")
        data, chain, inverse = problem.get_problem_data(cvxpy.CLARABEL, solver_opts=options)
        answer = chain.solve_via_data(problem, data, warm_start=False, verbose=False, solver_opts=options)
        with contextlib.suppress(cvxpy.error.SolverError):
            problem.unpack_results(answer, chain, inverse)
    return answer


class _Model:
    """The problem as cvxpy expressions, with the constraints kept whose multipliers are read back."""

    def __init__(self, cvxpy: Any, problem: CompiledProblem) -> None:
        self._cvxpy, self._given = cvxpy, problem
        self.weights = w = cvxpy.Variable(problem.n)
        self.scale = _scale(problem)
        rows = problem.rows.to_dense()
        low, high = np.isfinite(problem.row_lower), np.isfinite(problem.row_upper)
        self._low, self._high = np.flatnonzero(low), np.flatnonzero(high)
        self._below = [rows[self._low] @ w >= problem.row_lower[self._low]] if low.any() else []
        self._above = [rows[self._high] @ w <= problem.row_upper[self._high]] if high.any() else []
        self._hinges = [self.hinge(problem.hinges, j) <= problem.hinge_bounds[j] for j in range(len(problem.hinges))]
        self._quadratics = [self._risk(each) <= each.radius for each in problem.quadratics]
        parts = [*self._box(), *self._below, *self._above, *self._hinges, *self._quadratics, *self._general()]
        self.problem = cvxpy.Problem(cvxpy.Minimize(self._cost() / self.scale), parts)

    def _box(self) -> list[Any]:
        low, high = (np.flatnonzero(np.isfinite(side)) for side in (self._given.lower, self._given.upper))
        w = self.weights
        lower = [w[low] >= self._given.lower[low]] if len(low) else []
        return lower + ([w[high] <= self._given.upper[high]] if len(high) else [])

    def hinge(self, hinges: HingeSet, j: int) -> Any:
        """linear'w + Σ up(w − anchor)⁺ + down(anchor − w)⁺ as an expression."""
        move = self.weights - hinges.anchor[j]
        bent = hinges.up[j] @ self._cvxpy.pos(move) + hinges.down[j] @ self._cvxpy.neg(move)
        return hinges.linear[j] @ self.weights + bent

    def _risk(self, quadratic: Quadratic) -> Any:
        away = self.weights - quadratic.center
        parts = [self._cvxpy.multiply(np.sqrt(quadratic.scales), quadratic.factors.T @ away)]
        if quadratic.specific is not None:
            parts.append(self._cvxpy.multiply(np.sqrt(quadratic.specific), away))
        return self._cvxpy.norm(self._cvxpy.hstack(parts), 2)

    def _general(self) -> list[Any]:
        return [part for term in self._given.general for part in checked(term, self.weights)]

    def _cost(self) -> Any:
        problem, cvxpy = self._given, self._cvxpy
        cost = problem.linear @ self.weights
        if len(problem.curvature):
            cost += cvxpy.sum_squares(cvxpy.multiply(np.sqrt(0.5 * problem.curvature), self.weights - problem.target))
        if len(problem.factor_scales):
            along = problem.factors.T @ (self.weights - problem.factor_center)
            cost += cvxpy.sum_squares(cvxpy.multiply(np.sqrt(0.5 * problem.factor_scales), along))
        for j in range(len(problem.costs)):
            cost += self.hinge(problem.costs, j)
        return cost

    def solution(self, iterations: int, note: str, gap: float) -> Solution:
        """What the solver found, in the problem's own terms."""
        problem = self._given
        weights = np.clip(self.weights.value, problem.lower, problem.upper)
        duals = np.zeros(problem.m)
        for sign, at, parts in ((1.0, self._low, self._below), (-1.0, self._high, self._above)):
            for part in parts:
                duals[at] += sign * self.scale * np.atleast_1d(part.dual_value)
        quadratics = self._prices(self._quadratics) / np.array([2.0 * q.radius for q in problem.quadratics])
        hinges = self._prices(self._hinges)
        return Solution("optimal", NAME, weights, duals, hinges, quadratics, iterations, note, gap)

    def _prices(self, parts: list[Any]) -> Floats:
        return np.array([max(float(part.dual_value), 0.0) * self.scale for part in parts])


def _scale(problem: CompiledProblem) -> float:
    sizes = np.concatenate([problem.linear, problem.curvature, problem.factor_scales])
    return float(np.abs(sizes).max(initial=0.0)) or 1.0


def checked(term: Convex, variable: Any) -> list[Any]:
    """The cvxpy constraints of a term; InvalidParameter when one is not convex by cvxpy's rules."""
    parts = term.constraints(variable)
    name = "" if term.label is None else f" ({term.label})"
    for part in parts:
        if not hasattr(part, "is_dcp"):
            raise InvalidType(f"Convex{name}", "build(w)", part, "one cvxpy constraint or a list of them")
        if not part.is_dcp():
            hint = "See cvxpy's rules of disciplined convex programming."
            raise InvalidParameter(f"Convex{name}", "constraint", str(part), "convex", hint)
    return parts
