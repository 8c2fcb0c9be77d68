"""The dual Newton method for many factors: one Cholesky factorisation of the free part of the Hessian a step.

Problem, dual and line search are those of :mod:`tradewind_optimize.solvers.dual_newton`, with a multiplier v for each
of the k factor rows F'w − x = F'b besides those of the m + k' coupling rows. A dense covariance has as many factors as
assets, so the step is not solved for (z, v) but for the weights: with P = H + F D F' over the assets that sit on no
kink and no end, and B the active coupling rows,

    P Δw − B'Δz = F D gᵥ,   B Δw = g_z,   Δv = D (gᵥ − F'Δw),

Δz from the Schur complement B P⁻¹ B' under the signs of the multipliers. O(f³/3) a step for f free assets.

Multipliers converge slowly where H is small beside P, as it is for most covariances, or 0 (fewer observations than
assets). So the method is applied to f(w) + ½Σδᵢ(wᵢ − w̄ᵢ)² with hᵢ + δᵢ at least a tenth of the mean variance, from
w̄ = current on, w̄ replaced by the answer and the multipliers kept until it stops moving: the proximal point method.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from tradewind_optimize.elements import NOTHING
from tradewind_optimize.problem import MANY_ROWS, Arrays, CompiledProblem, Floats, HingeSet, Ints, Solution, constant
from tradewind_optimize.solvers import dual_newton
from tradewind_optimize.solvers.newton_direction import DEAD, newton_step
from tradewind_optimize.solvers.newton_search import ascend, settle
from tradewind_optimize.solvers.rays import proven_shortfall
from tradewind_optimize.solvers.separable import sorted_kinks

NAME = "dense_newton"
TOLERANCE = 1e-8
STEPS = 200
LARGEST = 2000  # assets; beyond, the Hessian itself is the burden
PROXIMAL, ROUNDS = 0.1, 100  # the least h + δ as a fraction of the mean variance, and how often w̄ moves at most
STILL = 1e-13


def accepts(problem: CompiledProblem) -> bool:
    """Quadratic objectives with any number of factors over few coupling rows."""
    rows = problem.m + len(problem.hinges)
    return problem.kind == "factor" and rows <= MANY_ROWS and 0 < problem.n <= LARGEST


def solve(problem: CompiledProblem) -> Solution:
    """One cold solve, after a look at the constraints alone."""
    nearest = dual_newton.solve(_nearest(problem))
    if nearest.status == "infeasible":
        return replace(nearest, solver=NAME)
    ascent, end, steps = _proximal(problem)
    row_duals, hinge_duals = ascent.best[: problem.m], ascent.best[ascent.first_hinge :]
    if end == dual_newton.INFEASIBLE:
        return Solution.without_answer("infeasible", NAME, "dual ray", steps, (row_duals, hinge_duals))
    note = "" if end == dual_newton.OPTIMAL else "stalled"
    return Solution("optimal", NAME, ascent.answer[: problem.n], row_duals, hinge_duals, np.zeros(0), steps, note)


def _nearest(problem: CompiledProblem) -> CompiledProblem:
    """min ½‖w − current‖² under the same constraints, where a proof that there is no portfolio is easiest to find."""
    nothing = np.zeros(0)
    return replace(
        problem,
        linear=np.zeros(problem.n),
        curvature=np.ones(problem.n),
        target=problem.current,
        costs=HingeSet.empty(problem.n),
        factors=np.zeros((problem.n, 0)),
        factor_scales=nothing,
        factor_center=nothing,
    )


def _proximal(problem: CompiledProblem) -> tuple[_Ascent, int, int]:
    """The ascent at its last w̄, how it ended, and all steps."""
    bend, target = np.zeros((2, problem.n))
    if len(problem.curvature):
        bend, target = problem.curvature, problem.target
    spread = float((bend + problem.factors**2 @ problem.factor_scales).mean())
    near = np.maximum(PROXIMAL * spread - bend, 0.0)
    center, total = np.clip(problem.current, problem.lower, problem.upper), 0
    ascent = _Ascent(replace(problem, curvature=bend + near, target=_aim(bend, target, near, center)))
    for _ in range(ROUNDS):
        end, steps = ascent.run(STEPS)
        total, answer = total + steps, ascent.answer[: problem.n]
        moved = float((near > 0) @ np.abs(answer - center))
        if end != dual_newton.OPTIMAL or moved <= STILL * max(1.0, float(np.abs(answer).max(initial=0.0))):
            break
        center = answer.copy()
        ascent.aim(_aim(bend, target, near, center))
    return ascent, end, total


def _aim(bend: Floats, target: Floats, near: Floats, center: Floats) -> Floats:
    """The target of ½h(w − t)² + ½δ(w − w̄)² as one square of curvature h + δ."""
    return (bend * target + near * center) / (bend + near)


class _Ascent:
    """Where the method stands: multipliers ``z`` of rows, factors and hinge rows; the weights (w, x) that follow."""

    def __init__(self, problem: CompiledProblem) -> None:
        kept = problem.factor_scales > 0
        self.n, self.m, self.k = problem.n, problem.m, int(kept.sum())
        self.data: Arrays = dual_newton.with_factors(problem, kept)
        self.factors, self.scales = np.ascontiguousarray(problem.factors[:, kept]), problem.factor_scales[kept]
        root = self.factors * np.sqrt(self.scales)
        self.hessian = root @ root.T
        self.hessian[np.diag_indices(self.n)] += problem.curvature
        self.first_hinge = self.m + self.k
        size, width = self.first_hinge + len(self.data.limits), self.n + self.k
        self.coupling = np.concatenate([np.arange(self.m), np.arange(self.first_hinge, size)])
        self.z, self.step, self.trial, self.best, self.before = np.zeros((5, size))
        self.g, self.bound, self.values = np.zeros((3, size))
        self.slope, self.rate, self.w, self.answer = np.zeros((4, width))
        self.free, self.sign = np.zeros(width, dtype=np.bool_), np.zeros(size, dtype=np.int64)
        self.prices, self.order = np.zeros(len(self.data.up)), sorted_kinks(self.data.anchor)
        self.reach, self.own = dual_newton.reach(self.data), dual_newton.own_sizes(self.data)

    def aim(self, target: Floats) -> None:
        """Another target of the quadratic part; the multipliers stay."""
        self.data = self.data._replace(target=constant(np.concatenate([target, np.zeros(self.k)])))
        self.z[:] = self.best

    def run(self, limit: int) -> tuple[int, int]:
        """(end, steps) of the ascent from z on; the best point is kept."""
        data, low, stalls, damping = self.data, np.inf, 0, 0.0
        settle(data, self.order, self.z, self.slope, self.prices, self.w, self.free, self.values)
        for steps in range(limit):
            worst = dual_newton.violations(
                data, self.z, self.w, self.free, self.values, self.reach, self.g, self.bound, self.sign
            )
            stalls = 0 if worst < low else stalls + 1
            if worst < low:
                low, self.best[:], self.answer[:] = worst, self.z, self.w
            if worst <= 1.0 or (stalls >= 3 and low <= 1e3):
                return dual_newton.OPTIMAL, steps
            if not self._direct(damping):
                return self._end(), steps
            share = ascend(
                data, self.order, self.z, self.step, self.trial, self.slope, self.rate, self.prices, self.w, self.free,
                self.values, self.bound, self.sign, self.g,
            )  # fmt: skip
            if (share < 0.0 or steps % 8 == 7) and self._refuted():
                return dual_newton.INFEASIBLE, steps
            if share < 0.0:
                return dual_newton.STALLED, steps
            damping = dual_newton.damped(damping, share, len(self.coupling))
        return self._end(), limit

    def _refuted(self) -> bool:
        """Whether the multipliers of the coupling rows, or where they are heading, prove that there is no portfolio."""
        for ray in (self.z, self.z - self.before, self.step):
            self.trial[:] = ray
            self.trial[self.m : self.first_hinge] = 0.0
            if proven_shortfall(self.data, self.trial, self.rate) > NOTHING:
                self.best[:] = self.trial
                return True
        self.before[:] = self.z
        return False

    def _end(self) -> int:
        return dual_newton.INFEASIBLE if self._refuted() else dual_newton.STALLED

    def _direct(self, damping: float) -> bool:
        """Set the step; False when nothing climbs."""
        from scipy.linalg import lapack

        at = np.flatnonzero(self.free[: self.n])
        active = self.coupling[(self.z[self.coupling] != 0.0) | (self.g[self.coupling] != 0.0)]
        rows, loading = self._rows(active, at), self.factors[at]
        factor, broken = lapack.dpotrf(self.hessian[np.ix_(at, at)], lower=1, overwrite_a=1)
        if broken:
            return False
        pull = self.g[self.m : self.first_hinge]
        push = loading @ (self.scales * pull)
        solved = _solved(lapack, factor, np.column_stack([rows.T, push]))
        self.step[:] = 0.0
        if len(active):
            self._coupled(active, rows, solved, damping)
        move = solved @ np.append(self.step[active], 1.0)
        self.step[self.m : self.first_hinge] = self.scales * (pull - loading.T @ move)
        return bool(self.step @ self.g > 0.0)

    def _rows(self, active: Ints, at: Ints) -> Floats:
        """B over the free assets: linear rows, and hinge rows with the negative of their slope at w."""
        data, linear, hinge = self.data, active[active < self.m], active[active >= self.first_hinge] - self.first_hinge
        slope = np.where(self.w[at] > data.anchor[hinge][:, at], data.up[hinge][:, at], -data.down[hinge][:, at])
        return np.concatenate([data.rows[linear][:, at], -(data.straight[hinge][:, at] + slope)])

    def _coupled(self, active: Ints, rows: Floats, solved: Floats, damping: float) -> None:
        """The step of the coupling rows' multipliers, from the Schur complement under their signs."""
        p, least = len(active), self.own[active]
        matrix = np.ascontiguousarray(rows @ solved[:, :p])
        diagonal = np.diag(matrix) + damping * least
        soft = dual_newton.SOFT[0]
        matrix[np.diag_indices(p)] = np.where(diagonal <= DEAD * least, soft * least + 1e-300, diagonal)
        g, step = np.zeros((2, len(self.z)))
        g[active] = self.g[active] - rows @ solved[:, p]
        if newton_step(matrix, np.empty((p, p)), soft, active, g, self.z, self.sign, step):
            self.step[:] = step


def _solved(lapack: Any, factor: Floats, right: Floats) -> Floats:
    """P⁻¹ times the columns of ``right``."""
    return np.asarray(lapack.dpotrs(factor, right, lower=1)[0]) if len(right) else right
