"""HiGHS, dual simplex, for linear programs: vertices exact to about 1e-12, multipliers of the optimal basis."""

from __future__ import annotations

from typing import Any

import numpy as np

from tradewind_optimize.problem import CompiledProblem, Solution, Status
from tradewind_optimize.solvers.pieces import Pieces, split

NAME = "highs"
TOLERANCE = 1e-8


def accepts(problem: CompiledProblem) -> bool:
    """Linear objectives over linear and hinge rows."""
    return problem.is_linear and problem.kind not in ("conic", "cvxpy")


def solve(problem: CompiledProblem) -> Solution:
    """One cold solve of the linear program in pieces, the objective scaled to unit size, one thread."""
    import highspy

    pieces = split(problem)
    scale = max(float(np.abs(pieces.cost).max(initial=0.0)), 1e-300)
    solver = highspy.Highs()
    for option, value in _options().items():
        solver.setOptionValue(option, value)
    _pass(highspy, solver, pieces, scale)
    solver.run()
    status, note = _status(highspy, solver)
    iterations = int(max(solver.getInfo().simplex_iteration_count, 0))
    if status != "optimal":
        return Solution.without_answer(status, NAME, note, iterations)
    answer = solver.getSolution()
    duals = np.array(answer.row_dual) * scale
    return pieces.restore(np.array(answer.col_value), duals, NAME, iterations, note)


def _options() -> dict[str, Any]:
    return {
        "output_flag": False,
        "threads": 1,
        "solver": "simplex",
        "presolve": "off",  # the pieces leave little to remove, and "unbounded or infeasible" says too little
        "primal_feasibility_tolerance": 1e-10,
        "dual_feasibility_tolerance": 1e-10,
    }


def _pass(highspy: Any, solver: Any, pieces: Pieces, scale: float) -> None:
    """Hand the program over as arrays, which is several times faster than through the fields of a model object."""
    height, width = pieces.shape
    solver.passModel(
        width,
        height,
        len(pieces.values),
        int(highspy.MatrixFormat.kRowwise),
        int(highspy.ObjSense.kMinimize),
        0.0,
        pieces.cost / scale,
        pieces.lower,
        pieces.upper,
        pieces.row_lower,
        pieces.row_upper,
        np.searchsorted(pieces.rows, np.arange(height)).astype(np.int32),
        pieces.columns.astype(np.int32),
        pieces.values,
        np.zeros(width, dtype=np.int32),
    )


def _status(highspy: Any, solver: Any) -> tuple[Status, str]:
    found = solver.getModelStatus()
    words = highspy.HighsModelStatus
    table: dict[Any, Status] = {
        words.kOptimal: "optimal",
        words.kModelEmpty: "optimal",
        words.kInfeasible: "infeasible",
        words.kUnbounded: "unbounded",
        words.kUnboundedOrInfeasible: "unbounded",
    }
    return table.get(found, "failed"), str(solver.modelStatusToString(found))
