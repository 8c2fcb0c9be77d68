"""OSQP, operator splitting, for quadratic and linear programs; only the certificate decides whether it solved one."""

from __future__ import annotations

import numpy as np

from tradewind_optimize.problem import CompiledProblem, Solution
from tradewind_optimize.solvers.lifted import lift

NAME = "osqp"
TOLERANCE = 1e-7
_LARGE = 1e20


def accepts(problem: CompiledProblem) -> bool:
    """Linear and quadratic objectives over linear and hinge rows."""
    return problem.kind not in ("conic", "cvxpy")


def solve(problem: CompiledProblem) -> Solution:
    """One cold solve at 1e-10 with polishing; whatever it calls the end, the iterate is returned for certification."""
    import osqp
    from scipy import sparse

    lifted = lift(problem)
    scale = max(float(np.abs(np.concatenate([lifted.cost, lifted.curvature])).max(initial=0.0)), 1e-300)
    rows = sparse.csc_matrix((lifted.values, (lifted.rows, lifted.columns)), shape=lifted.shape)
    matrix = sparse.vstack([rows, sparse.eye(lifted.shape[1])], format="csc")
    low = np.maximum(np.concatenate([lifted.row_lower, lifted.lower]), -_LARGE)
    high = np.minimum(np.concatenate([lifted.row_upper, lifted.upper]), _LARGE)
    if not lifted.shape[1] or (low > high).any():  # it would complain on standard output
        return Solution.without_answer("failed", NAME, "takes no fixed portfolio and no crossing bounds")
    solver = osqp.OSQP()
    solver.setup(
        sparse.csc_matrix(sparse.diags(lifted.curvature / scale)), lifted.cost / scale, matrix, low, high,
        verbose=False, eps_abs=1e-10, eps_rel=1e-10, max_iter=20_000, polishing=True, adaptive_rho_interval=50,
    )  # fmt: skip
    answer = solver.solve(raise_error=False)
    note, iterations = str(answer.info.status), int(answer.info.iter)
    if note.startswith("primal infeasible"):
        return Solution.without_answer("infeasible", NAME, note, iterations)
    if note.startswith("dual infeasible"):
        return Solution.without_answer("unbounded", NAME, note, iterations)
    x, y = np.array(answer.x, dtype=np.float64), -np.array(answer.y, dtype=np.float64) * scale
    if not (np.isfinite(x).all() and np.isfinite(y).all()):
        return Solution.without_answer("failed", NAME, note, iterations)
    return lifted.restore(x, y[: lifted.shape[0]], NAME, iterations, note)
