"""How exactly a limit must be kept: to within 1e-8 in its own units, wherever it is measured.

A portfolio that breaks no limit by more than EXACT satisfies the constraints, and a problem is infeasible when no
portfolio does. Limits that contradict each other by less are met in the middle: sides of one box directly, everything
else by solving with every limit a little wider. A weight that must be 0 stays exactly 0.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from tradewind_optimize.problem import CompiledProblem

EXACT = 1e-8
"""The largest violation of a certified answer, in the units of the limit."""

WIDER = 0.99 * EXACT
"""By how much limits give way; the rest of EXACT is left to rounding."""


def meet(problem: CompiledProblem) -> CompiledProblem:
    """Box sides that cross by at most 2·WIDER are joined; the problem itself where none do."""
    touching = (problem.lower > problem.upper) & (problem.lower - problem.upper <= 2.0 * WIDER)
    if not touching.any():
        return problem
    middle = 0.5 * (problem.lower + problem.upper)
    return replace(
        problem,
        lower=np.where(touching, middle, problem.lower),
        upper=np.where(touching, middle, problem.upper),
    )


def widened(problem: CompiledProblem) -> CompiledProblem:
    """Every box side, linear row and hinge row wider by WIDER, but for weights that must be 0."""
    zero = (problem.lower == 0.0) & (problem.upper == 0.0)
    give = np.where(zero, 0.0, WIDER)
    return replace(
        problem,
        lower=problem.lower - give,
        upper=problem.upper + give,
        row_lower=problem.row_lower - WIDER,
        row_upper=problem.row_upper + WIDER,
        hinge_bounds=problem.hinge_bounds + WIDER,
    )
