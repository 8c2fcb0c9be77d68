"""Clarabel, an interior point method: every convex problem without user expressions, accurate to about 1e-9."""

from __future__ import annotations

from typing import Any

import numpy as np

from tradewind_optimize.problem import CompiledProblem, Floats, Quadratic, Solution
from tradewind_optimize.solvers.lifted import Lifted, lift

NAME = "clarabel"
TOLERANCE = 1e-7


def accepts(problem: CompiledProblem) -> bool:
    """Everything but user expressions."""
    return problem.kind != "cvxpy"


def solve(problem: CompiledProblem) -> Solution:
    """One solve of the lifted problem as a cone program: (in)equalities and one second-order cone a risk bound."""
    import clarabel
    from scipy import sparse

    lifted = lift(problem)
    scale = max(float(np.abs(np.concatenate([lifted.cost, lifted.curvature])).max(initial=0.0)), 1e-300)
    matrix = sparse.csr_array((lifted.values, (lifted.rows, lifted.columns)), shape=lifted.shape)
    form = _ConeForm(lifted)
    cones = [clarabel.ZeroConeT(form.zeros), clarabel.NonnegativeConeT(form.count - form.zeros)]
    stacked, right = form.stack(sparse, matrix), form.right
    for quadratic in problem.quadratics:
        rows, side = _cone(quadratic, lifted)
        stacked = sparse.vstack([stacked, sparse.csr_array(rows)])
        right = np.concatenate([right, side])
        cones.append(clarabel.SecondOrderConeT(len(side)))
    curvature = sparse.csc_matrix(sparse.diags_array(lifted.curvature / scale))
    solver = clarabel.DefaultSolver(
        curvature, lifted.cost / scale, sparse.csc_matrix(stacked), right, cones, _settings(clarabel)
    )
    return _read(solver.solve(), lifted, form, scale)


def _settings(clarabel: Any) -> Any:
    settings = clarabel.DefaultSettings()
    settings.verbose = False
    settings.max_threads = 1
    settings.max_iter = 200
    settings.tol_gap_abs = settings.tol_gap_rel = settings.tol_feas = 1e-11
    return settings


class _ConeForm:
    """Two-sided rows and bounds as A x + s = b with s in a zero cone (equalities first) or the nonnegative cone."""

    def __init__(self, lifted: Lifted) -> None:
        low, high = lifted.row_lower, lifted.row_upper
        self.width = lifted.shape[1]
        self.equal = np.flatnonzero(low == high)
        self.upper = np.flatnonzero((low < high) & np.isfinite(high))
        self.lower = np.flatnonzero((low < high) & np.isfinite(low))
        self.most = np.flatnonzero(np.isfinite(lifted.upper))
        self.least = np.flatnonzero(np.isfinite(lifted.lower))
        self.zeros = len(self.equal)
        sides = (
            high[self.equal],
            high[self.upper],
            -low[self.lower],
            lifted.upper[self.most],
            -lifted.lower[self.least],
        )
        self.right = np.concatenate(sides)
        self.count = len(self.right)

    def stack(self, sparse: Any, matrix: Any) -> Any:
        """The matrix A of the cone form."""
        unit = sparse.csr_array(sparse.eye_array(self.width, format="csr"))
        parts = (matrix[self.equal], matrix[self.upper], -matrix[self.lower], unit[self.most], -unit[self.least])
        return sparse.vstack(parts, format="csr")

    def row_duals(self, z: Floats, rows: int) -> Floats:
        """Multipliers of the two-sided rows: positive at a lower bound, negative at an upper one."""
        duals = np.zeros(rows)
        ends = np.cumsum([len(self.equal), len(self.upper), len(self.lower)])
        duals[self.equal] -= z[: ends[0]]
        duals[self.upper] -= z[ends[0] : ends[1]]
        duals[self.lower] += z[ends[1] : ends[2]]
        return duals


def _cone(quadratic: Quadratic, lifted: Lifted) -> tuple[Floats, Floats]:
    """‖(D^½F', S^½)'(w − b)‖ ≤ r as rows of A x + s = b with s in the second-order cone."""
    root = np.sqrt(quadratic.scales)[:, None] * quadratic.factors.T
    if quadratic.specific is not None:
        root = np.concatenate([root, np.diag(np.sqrt(quadratic.specific))])
    rows = np.zeros((1 + len(root), lifted.shape[1]))
    rows[1:, : len(lifted.free)] = -root[:, lifted.free]
    inside = root @ (lifted.fixed_weights - quadratic.center)
    return rows, np.concatenate([[quadratic.radius], inside])


def _read(answer: Any, lifted: Lifted, form: _ConeForm, scale: float) -> Solution:
    note, iterations = str(answer.status), int(answer.iterations)
    if "PrimalInfeasible" in note:
        return Solution.without_answer("infeasible", NAME, note, iterations)
    if "DualInfeasible" in note:
        return Solution.without_answer("unbounded", NAME, note, iterations)
    x, z = np.array(answer.x), np.array(answer.z) * scale
    if not (np.isfinite(x).all() and np.isfinite(z).all()):
        return Solution.without_answer("failed", NAME, note, iterations)
    solution = lifted.restore(x, form.row_duals(z, lifted.shape[0]), NAME, iterations, note)
    duals, at = [], form.count
    for quadratic in lifted.problem.quadratics:
        # the cone's multiplier prices the norm; the bound here is on its square, hence the factor 1 / (2 r)
        duals.append(max(float(z[at]), 0.0) / max(2.0 * quadratic.radius, 1e-300))
        at += 1 + len(quadratic.scales) + (0 if quadratic.specific is None else len(quadratic.specific))
    return Solution(
        "optimal", NAME, solution.weights, solution.row_duals, solution.hinge_duals, np.array(duals), iterations, note
    )
