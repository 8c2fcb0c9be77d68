"""From CompiledProblem to a certified Solution: which solver, what next when it fails, exits, ties.

Order of play: the objective's optimum over the box alone, if the coupling rows let it stand; else the solvers that
accept the problem, in order, until one answer passes its certificate or one refusal is confirmed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from difflib import get_close_matches
from functools import cache
from importlib import import_module
from typing import Any

import numpy as np

from tradewind_optimize import polish, refine
from tradewind_optimize.certify import Certificate, certify, residual
from tradewind_optimize.elements import NOTHING
from tradewind_optimize.errors import InvalidParameter
from tradewind_optimize.problem import CompiledProblem, Floats, HingeSet, Ints, Solution, Status
from tradewind_optimize.refusal import escape, proves, shortfall
from tradewind_optimize.ties import nearest_problem
from tradewind_optimize.tolerance import EXACT, meet, widened

SOLVERS = ("dual_newton", "dense_newton", "dual_simplex", "highs", "clarabel", "osqp", "cvxpy")


@dataclass(frozen=True, eq=False)
class Outcome:
    """How one optimization ended.

    ``solution`` and ``certificate`` are None unless ``status`` is "optimal"; ``attempts`` are pairs (solver, reason);
    ``escape`` a direction float64[n] when unbounded; ``pinned`` whether an infeasible problem may only be so because
    its exits are held at 0; ``doubted`` whether a solver of a failed one said "infeasible" without proof.
    """

    status: Status
    solution: Solution | None = None
    certificate: Certificate | None = None
    attempts: tuple[tuple[str, str], ...] = ()
    escape: Floats | None = None
    pinned: bool = False
    doubted: bool = False


def check_solver(name: str) -> str:
    """The name, if it is "auto" or that of a solver; else InvalidParameter with the nearest name."""
    known = ("auto", *SOLVERS)
    if name not in known:
        near = get_close_matches(str(name), known, n=1)
        hint = f"Did you mean {near[0]!r}?" if near else ""
        raise InvalidParameter("run_optimization", "solver", repr(name), f"one of {', '.join(map(repr, known))}", hint)
    return name


def optimize(problem: CompiledProblem, solver: str = "auto") -> Outcome:
    """Solve with the exits at 0; if no portfolio allows that, with as few of them released as possible."""
    joined = meet(problem)
    return _measured(problem, _with_exits(joined, solver)) if joined is not problem else _with_exits(problem, solver)


def _with_exits(problem: CompiledProblem, solver: str) -> Outcome:
    exits = problem.exits[(problem.lower[problem.exits] <= 0) & (problem.upper[problem.exits] >= 0)]
    outcome = _optimize(_pinned(problem, exits), solver, problem)
    if not outcome.pinned:
        return outcome
    released = _optimize(_exit_problem(problem, exits), "auto")
    if released.solution is None:
        return released if released.status == "infeasible" else replace(outcome, status="failed")
    moved = np.abs(released.solution.weights[exits]) > 1e-9
    return _optimize(_pinned(problem, exits[~moved]), solver)


def _measured(problem: CompiledProblem, outcome: Outcome) -> Outcome:
    """The outcome of a problem with wider limits, its violation measured against the limits as they were given."""
    if outcome.solution is None or outcome.certificate is None:
        return outcome
    worst = residual(problem, outcome.solution.weights)
    return replace(outcome, certificate=replace(outcome.certificate, residual=worst))


def _pinned(problem: CompiledProblem, exits: Ints) -> CompiledProblem:
    if not len(exits):
        return problem
    lower, upper = problem.lower.copy(), problem.upper.copy()
    lower[exits] = upper[exits] = 0.0
    return replace(problem, lower=lower, upper=upper)


def _exit_problem(problem: CompiledProblem, exits: Ints) -> CompiledProblem:
    """min Σ_{i in exits} |wᵢ| under the same constraints: who must stay, and how little of it."""
    size = np.zeros((1, problem.n))
    size[0, exits] = 1.0
    none = np.zeros((1, problem.n))
    empty = np.zeros(0)
    return replace(
        problem,
        linear=np.zeros(problem.n),
        curvature=empty,
        target=empty,
        costs=HingeSet(none, size, size, none),
        factors=np.zeros((problem.n, 0)),
        factor_scales=empty,
        factor_center=empty,
        constant=0.0,
        maximize=False,
    )


def _optimize(problem: CompiledProblem, solver: str, whole: CompiledProblem | None = None) -> Outcome:
    """One problem, or the ``whole`` one with its exits held at 0."""
    if (problem.lower > problem.upper).any():
        return Outcome("infeasible", attempts=(("box", "bounds cross"),))
    alone = _over_the_box(problem)
    if alone is not None and residual(problem, alone.weights) <= 1e-12:
        certificate = certify(problem, alone, EXACT)
        if certificate.passed:
            return Outcome("optimal", alone, certificate)
    return _by_solver(problem, solver, problem if whole is None else whole)


def _over_the_box(problem: CompiledProblem) -> Solution | None:
    """The optimum of a separable objective over the box alone, with zero multipliers; None if it has none."""
    if len(problem.factor_scales) or len(problem.costs) or problem.general:
        return None
    if problem.curvature.min(initial=1.0) <= 0.0:
        return None
    if not len(problem.curvature) and len(problem.hinges):
        return None  # every weight at an end of its box: gross and turnover limits seldom let that stand
    if len(problem.curvature):
        weights = np.clip(problem.target - problem.linear / problem.curvature, problem.lower, problem.upper)
    else:
        aim = np.where(problem.linear > 0, -np.inf, np.where(problem.linear < 0, np.inf, problem.current))
        weights = np.clip(aim, problem.lower, problem.upper)
    if not np.isfinite(weights).all():
        return None
    zeros = (np.zeros(problem.m), np.zeros(len(problem.hinges)), np.zeros(len(problem.quadratics)))
    return Solution("optimal", "box", weights, *zeros)


def _by_solver(problem: CompiledProblem, solver: str, whole: CompiledProblem) -> Outcome:
    """As the limits are; where that is neither solved nor refused they contradict by a hair, and may give as much."""
    outcome = _in_turn(problem, solver, whole)
    if outcome.status != "failed":
        return outcome
    if not outcome.attempts:
        return replace(outcome, attempts=((solver, _scope(solver)),))
    wide = widened(problem)
    second = _in_turn(wide, solver, wide if whole is problem else widened(whole))
    if second.status == "failed":
        return replace(outcome, status="infeasible") if outcome.doubted and second.doubted else outcome
    return replace(_measured(problem, second), attempts=outcome.attempts + second.attempts)


def _in_turn(problem: CompiledProblem, solver: str, whole: CompiledProblem) -> Outcome:
    attempts: list[tuple[str, str]] = []
    spare: tuple[Solution, Certificate] | None = None
    doubted = False
    for name in _order(problem, solver):
        module = _module(name)
        solution = module.solve(problem)
        if solution.status == "optimal":
            solution, certificate = _sharpened(problem, solution)
            if certificate.passed:
                return replace(_settled(problem, solution, certificate), attempts=tuple(attempts))
            loose = replace(certificate, tolerance=module.TOLERANCE, gap_tolerance=10 * certificate.gap_tolerance)
            if spare is None and module.TOLERANCE > EXACT and loose.passed:
                spare = solution, loose
            attempts.append((name, certificate.reason()))
            continue
        refused = _refusal(problem, whole, solution, tuple(attempts))
        if refused is not None:
            return refused
        doubted |= solution.status == "infeasible"
        attempts.append((name, f"ended as {solution.note or solution.status}"))
    if spare is not None:
        return replace(_settled(problem, *spare), attempts=tuple(attempts))
    return Outcome("failed", attempts=tuple(attempts), doubted=doubted)


def _scope(solver: str) -> str:
    """What a solver that was asked for by name takes instead of the problem at hand."""
    takes = (_module(solver).accepts.__doc__ or "").split("\n")[0].rstrip(".")
    return f"takes other problems: {takes[:1].lower()}{takes[1:]}"


def _sharpened(problem: CompiledProblem, solution: Solution) -> tuple[Solution, Certificate]:
    """The polished answer if it is certified to be no worse, else the solver's own."""
    certificate = certify(problem, solution, EXACT)
    if certificate.sharp:
        return solution, certificate
    if refine.applies(problem):
        return _refined(problem, solution, certificate)
    if not polish.applies(problem):
        return solution, certificate
    sharper = polish.polish(problem, solution)
    checked = certify(problem, sharper, EXACT)
    better = checked.passed and checked.gap <= max(certificate.gap, 1e-3 * checked.gap_tolerance)
    return (sharper, checked) if better or not certificate.passed else (solution, certificate)


def _refined(problem: CompiledProblem, solution: Solution, certificate: Certificate) -> tuple[Solution, Certificate]:
    """The refinement with the smallest gap of those that pass, if that is smaller than the solver's."""
    best, proof = solution, certificate
    for sharper in refine.candidates(problem, solution):
        checked = certify(problem, sharper, EXACT)
        if checked.passed and not (proof.passed and proof.gap <= checked.gap):
            best, proof = sharper, checked
        if checked.sharp:
            break
    return best, proof


def _order(problem: CompiledProblem, solver: str) -> Iterator[str]:
    """The solvers to try; cvxpy only where nothing else fits, or by name."""
    names = (solver,) if solver != "auto" else SOLVERS if problem.general else SOLVERS[:-1]
    return (name for name in names if _module(name).accepts(problem))


@cache
def _module(name: str) -> Any:
    return import_module(f"tradewind_optimize.solvers.{name}")


def _settled(problem: CompiledProblem, solution: Solution, certificate: Certificate) -> Outcome:
    """The answer; for a linear objective the point of the optimal face nearest to the current portfolio."""
    if problem.is_linear and not (problem.quadratics or problem.general):
        face = nearest_problem(problem, solution)
        nearest = None if face is None else _optimize(face, "auto").solution
        if nearest is not None:
            moved = replace(solution, weights=nearest.weights, iterations=solution.iterations + nearest.iterations)
            checked = certify(problem, moved, certificate.tolerance)
            if checked.passed:
                return Outcome("optimal", moved, checked)
    return Outcome("optimal", solution, certificate)


def _refusal(
    problem: CompiledProblem, whole: CompiledProblem, solution: Solution, attempts: tuple[tuple[str, str], ...]
) -> Outcome | None:
    """A certified "infeasible" or "unbounded"; None when the solver's word cannot be confirmed.

    A refusal must hold with every limit a little wider. What does not prove the ``whole`` problem infeasible may still
    be true of the one with its exits held at 0.
    """
    if solution.status not in ("infeasible", "unbounded"):
        return None
    refused = Outcome("infeasible", attempts=(*attempts, (solution.solver, solution.note)))
    wide = widened(whole)
    if proves(wide, solution):
        return refused
    if whole is not problem and proves(widened(problem), solution):
        return replace(refused, pinned=True)
    if shortfall(wide) > NOTHING:
        return refused
    if whole is not problem and (solution.status == "infeasible" or shortfall(problem) > NOTHING):
        return replace(refused, pinned=True)
    direction = escape(problem) if solution.status == "unbounded" else None
    return None if direction is None else replace(refused, status="unbounded", escape=direction)
