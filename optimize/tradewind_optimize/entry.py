"""The entry points: labels in, certified weights out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextvars import ContextVar
from functools import partial
from typing import Any, cast

import pandas as pd

from tradewind_optimize.compile import Compilation, compile_problem
from tradewind_optimize.constraints.base import Constraint
from tradewind_optimize.diagnostics import Diagnostics, spot_check
from tradewind_optimize.errors import (
    InfeasibleConstraints,
    InvalidType,
    OptimizationError,
    OptimizationFailed,
)
from tradewind_optimize.explain import explain, runaway
from tradewind_optimize.labels import Column, column
from tradewind_optimize.objectives import Objective
from tradewind_optimize.refusal import shortfall
from tradewind_optimize.result import OptimizationResult
from tradewind_optimize.route import Outcome, check_solver, optimize
from tradewind_optimize.tolerance import meet

current_portfolio: ContextVar[Callable[[], pd.Series] | None] = ContextVar("current_portfolio", default=None)
"""Who knows the weights held now. A simulator sets it while user code runs; unset, the portfolio is empty."""

_holdings = current_portfolio  # the entry points have a parameter of the published name


def run_optimization(
    objective: Objective,
    constraints: Sequence[Constraint],
    current_portfolio: pd.Series | Column | None = None,
    solver: str = "auto",
) -> OptimizationResult:
    """Find the portfolio that is best by ``objective`` among those that satisfy every constraint.

    Parameters
    ----------
    objective: one Objective.
    constraints: a list of Constraint, possibly empty; several of one class all apply.
    current_portfolio: Series or dict of the weights held now, as fractions of the portfolio's liquidation value; by
        default the running algorithm's portfolio, and an empty one outside of an algorithm. NaN is refused.
    solver: "auto", or the name of the one solver to use.

    Every answer is certified before it is returned: each constraint within 1e-8 in its own units, the objective within
    the duality gap. Failure is a status, not an exception; see OptimizationResult.raise_for_status. Raises
    InvalidParameter or InvalidType for arguments that cannot be meant.
    """
    check_solver(solver)
    _check_words(objective, constraints)
    held = column(_current(current_portfolio), "run_optimization", "current_portfolio", "Drop assets without a weight.")
    compilation = compile_problem(objective, constraints, held)
    return _result(compilation, optimize(compilation.problem, solver))


def calculate_optimal_portfolio(
    objective: Objective,
    constraints: Sequence[Constraint],
    current_portfolio: pd.Series | Column | None = None,
    solver: str = "auto",
) -> pd.Series:
    """The ``new_weights`` of :func:`run_optimization`, or its error raised.

    Raises InfeasibleConstraints, UnboundedObjective or OptimizationFailed.
    """
    result = run_optimization(objective, constraints, current_portfolio, solver)
    result.raise_for_status()
    return cast(pd.Series, result.new_weights)


def _current(given: Any) -> Any:
    if given is not None:
        return given
    holdings = _holdings.get()
    return {} if holdings is None else holdings()


def _check_words(objective: Any, constraints: Any) -> None:
    word = "run_optimization"
    if not isinstance(objective, Objective):
        hint = "Pass an instance, such as TargetWeights({asset: 0.1})."
        raise InvalidType(word, "objective", objective, "one Objective", hint)
    if isinstance(constraints, Constraint) or not isinstance(constraints, Sequence) or isinstance(constraints, str):
        raise InvalidType(word, "constraints", constraints, "a list of Constraint", "Put it in a list: [constraint].")
    for constraint in constraints:
        if not isinstance(constraint, Constraint):
            hint = "Pass instances, such as MaxGrossExposure(1.0)."
            raise InvalidType(word, "constraints", constraint, "a list of Constraint", hint)


def _result(compilation: Compilation, outcome: Outcome) -> OptimizationResult:
    universe, solution = compilation.universe, outcome.solution
    diagnostics = Diagnostics(compilation, solution, outcome.certificate, outcome.attempts)
    before = Column(universe.keys, universe.current)
    answer = None if solution is None else Column(universe.keys, solution.weights)
    return OptimizationResult(outcome.status, before, answer, diagnostics, _error(compilation, outcome))


def _error(compilation: Compilation, outcome: Outcome) -> OptimizationError | None:
    if outcome.status == "optimal":
        return None
    if outcome.status == "infeasible":
        least = partial(shortfall, meet(compilation.problem))
        return InfeasibleConstraints(partial(spot_check, compilation), least, partial(explain, compilation))
    if outcome.status == "unbounded" and outcome.escape is not None:
        return runaway(compilation, outcome.escape)
    return OptimizationFailed(outcome.attempts)
