"""The portfolio of least variance, and the efficient frontier.

    minimise (x'Σx + ρ x'x)/s²   subject to   Σx = s,  r'x = μ|s|,  xlo ≤ x ≤ xup,  limits on sets,  s = Σx0 + cashflow

A frontier is that problem at N equally spaced μ. Its left end is the portfolio of least variance without a required
return; its right end is the least variance on the face of portfolios of largest return, a face described by the
multipliers of the linear program, so both ends are exact. Between them one path of the dual Newton kernel runs.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from tradewind_optimize.certify import Certificate
from tradewind_optimize.compile import Compilation
from tradewind_optimize.constraints.base import Constraint
from tradewind_optimize.diagnostics import Diagnostics
from tradewind_optimize.meanvariance import path, words
from tradewind_optimize.meanvariance.errors import BadQuery, NotFeasible
from tradewind_optimize.meanvariance.query import Floats, Query, read_query
from tradewind_optimize.problem import CompiledProblem
from tradewind_optimize.route import Outcome
from tradewind_optimize.ties import nearest_problem

SAME = 1e-12
"""Two returns nearer than this, relative to the largest |r|, are one."""


@dataclass(frozen=True, eq=False)
class Answer:
    """One portfolio, or none.

    ``status``: "optimal" or "infeasible" (or "unbounded", "failed"); ``x`` float64[n] in the unit of x0, ``obj`` the
    variance per s² with the ridge in it: None unless optimal. ``certificate`` is what was checked.
    """

    status: str
    x: Floats | None = None
    obj: float | None = None
    certificate: Certificate | None = None
    explain: Callable[[], Diagnostics] | None = field(default=None, repr=False)

    @property
    def diagnostics(self) -> Diagnostics | None:
        """The table of constraints with slacks and shadow prices, in weights x/|s| and units of the compiled problem.

        None at the right end of a frontier, whose multipliers belong to the face of largest returns.
        """
        return None if self.explain is None else self.explain()

    def to_dict(self) -> dict[str, Any]:
        """{"status", "x", "obj"} of plain numbers."""
        return {"status": self.status, "x": None if self.x is None else self.x.tolist(), "obj": self.obj}


@dataclass(frozen=True, eq=False)
class Point:
    """One point of a frontier: the required return per unit of |s|, and its answer."""

    mu: float
    answer: Answer

    def to_dict(self) -> dict[str, Any]:
        """{"mu", "sol": {"status", "x", "obj"}}."""
        return {"mu": self.mu, "sol": self.answer.to_dict()}


def optimal_portfolio(data: Any) -> Answer:
    """The portfolio of least variance for the required return (none: of least variance at all).

    ``data``: the body of a request to /portfolio, or a :class:`Query`. Raises BadQuery for a malformed query and
    NotFeasible when the budget with bounds and options, or one constraint added to them, cannot be satisfied; a query
    whose parts are only jointly impossible is an answer with status "infeasible".
    """
    query = data if isinstance(data, Query) else read_query(data)
    wanted = [] if query.mu is None else [words.required_return(query, query.mu)]
    compilation, outcome = _solve(query, words.minimum_variance(query), wanted)
    if outcome.status == "infeasible":
        refuse(query)
    return _answer(query, lambda: compilation, outcome)


def efficient_frontier(data: Any) -> list[Point]:
    """The frontier: options.number_of_points points from mu_min (least variance) to mu_max (largest return).

    ``data`` as for :func:`optimal_portfolio`. An empty list when the constraints are only jointly impossible. Raises
    BadQuery, NotFeasible as there, and BadQuery "mu_min is larger than mu_max" when the ends cross.
    """
    query = data if isinstance(data, Query) else read_query(data)
    compilation, least = _solve(query, words.minimum_variance(query), [])
    if least.status == "infeasible":
        refuse(query)
    if least.solution is None:
        return []
    weights = least.solution.weights
    own = float(query.r @ weights)
    low = own if query.mu_min is None else query.mu_min
    top = _top(query) if query.mu_max is None else None
    high = max(_reach(query, top), own if query.mu_min is None else -np.inf) if top else float(query.mu_max or 0.0)
    if low > high + SAME * words.return_scale(query):
        raise BadQuery("options.mu_max", f"mu_min ({low:.6g}) is larger than mu_max ({high:.6g})")
    grid = np.linspace(low, max(low, high), query.points)
    first = _answer(query, lambda: compilation, least) if query.mu_min is None else None
    last = None if top is None else top.answer(query, high)
    return _points(query, grid, first, last)


@dataclass(frozen=True, eq=False)
class _Top:
    """The portfolios of largest return: the linear program's problem and outcome (no solution: unbounded)."""

    compilation: Compilation
    outcome: Outcome

    def reached(self, query: Query) -> float:
        """The largest return, +inf when there is none."""
        found = self.outcome.solution
        return np.inf if found is None else float(query.r @ found.weights)

    def answer(self, query: Query, mu: float) -> Answer | None:
        """The least variance among them; None when μ is another return, or there is no such portfolio."""
        if self.outcome.solution is None or mu < self.reached(query) - SAME * words.return_scale(query):
            return None
        face = nearest_problem(self.compilation.problem, self.outcome.solution)
        if face is None:
            return _measured(query, self.outcome.solution.weights, self.outcome.certificate)
        outcome = path.solve(_with_variance(query, face))
        if outcome.solution is None:
            return None
        return _measured(query, outcome.solution.weights, outcome.certificate)


def _top(query: Query) -> _Top:
    objective = words.MaximumReturn(words.keys_of(query), query.r / words.return_scale(query))
    if not query.limits:
        compilation = words.compiled(query, objective, words.budget(query))
        filled = path.fill(compilation.problem)
        if filled is not None:
            return _Top(compilation, filled)
    return _Top(*_solve(query, objective, []))


def _reach(query: Query, top: _Top) -> float:
    return min(float(query.r.max()), top.reached(query))


def _with_variance(query: Query, problem: CompiledProblem) -> CompiledProblem:
    """The same set of portfolios, judged by their variance."""
    objective = words.compiled(query, words.minimum_variance(query), []).problem
    return replace(
        problem,
        linear=objective.linear,
        curvature=objective.curvature,
        target=objective.target,
        factors=objective.factors,
        factor_scales=objective.factor_scales,
        factor_center=objective.factor_center,
        constant=0.0,
        maximize=False,
    )


def _points(query: Query, grid: Floats, first: Answer | None, last: Answer | None) -> list[Point]:
    """Both ends as given, the rest along one path; where the grid is one point all are the same."""
    if first is not None and grid[-1] - grid[0] <= SAME * words.return_scale(query):
        return [Point(float(mu), first) for mu in grid]
    start, stop = int(first is not None), len(grid) - int(last is not None)
    inner = _along(query, grid[start:stop]) if stop > start else []
    ends = ([] if first is None else [first], [] if last is None else [last])
    answers = [*ends[0], *inner, *ends[1]][: len(grid)]
    return [Point(float(mu), answer) for mu, answer in zip(grid, answers, strict=True)]


def _along(query: Query, targets: Floats) -> list[Answer]:
    """The answers at each required return."""
    unit = words.return_scale(query)
    wanted = [words.required_return(query, float(targets[0]))]
    compilation = words.compiled(query, words.minimum_variance(query), _constraints(query, wanted, words.PULL))
    row = 1  # the budget is row 0, the required return row 1
    outcomes = path.follow(compilation.problem, row, targets / unit)
    return [_answer(query, _Late(query, float(mu)), outcome) for mu, outcome in zip(targets, outcomes, strict=True)]


@dataclass(frozen=True, eq=False)
class _Late:
    """The compilation of one point of a path, made when somebody asks for its diagnostics."""

    query: Query
    mu: float

    def __call__(self) -> Compilation:
        wanted = [words.required_return(self.query, self.mu)]
        return words.compiled(
            self.query, words.minimum_variance(self.query), _constraints(self.query, wanted, words.PULL)
        )


def _constraints(query: Query, wanted: list[words.Row], pull: float) -> list[Constraint]:
    budget = words.budget(query)
    return [budget[0], *wanted, *budget[1:], *words.limits(query, pull)]


def _solve(query: Query, objective: Any, wanted: list[words.Row]) -> tuple[Compilation, Outcome]:
    """With limits pulled in by rounding; as they stand when that leaves nothing."""
    compilation = words.compiled(query, objective, _constraints(query, wanted, words.PULL))
    outcome = path.solve(compilation.problem)
    if outcome.status == "infeasible" and query.limits:
        compilation = words.compiled(query, objective, _constraints(query, wanted, 0.0))
        outcome = path.solve(compilation.problem)
    return compilation, outcome


def _answer(query: Query, compilation: Callable[[], Compilation], outcome: Outcome) -> Answer:
    def explain() -> Diagnostics:
        return Diagnostics(compilation(), outcome.solution, outcome.certificate, outcome.attempts)

    if outcome.solution is None:
        return Answer(outcome.status, explain=explain)
    return replace(_measured(query, outcome.solution.weights, outcome.certificate), explain=explain)


def _measured(query: Query, weights: Floats, certificate: Certificate | None) -> Answer:
    obj = query.risk.variance(weights) + query.rho * float(weights @ weights)
    return Answer("optimal", weights * query.size, obj, certificate)


def refuse(query: Query) -> None:
    """Raise NotFeasible naming the budget, or the first constraint impossible beside it; return when neither is."""
    objective = words.MaximumReturn(words.keys_of(query), np.zeros(query.n))
    budget = words.budget(query)
    if not _possible(query, objective, budget):
        raise NotFeasible("cashflow")
    for given in query.limits:
        if not _possible(query, objective, [*budget, *words.limit(query, given, 0.0)]):
            raise NotFeasible(given.label)


def _possible(query: Query, objective: Any, constraints: list[Constraint]) -> bool:
    return path.solve(words.compiled(query, objective, constraints).problem).status != "infeasible"
