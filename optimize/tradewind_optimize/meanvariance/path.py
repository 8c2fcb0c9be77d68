"""A CompiledProblem in the arrays of the dual Newton kernel, and its certified answers along a path of one row.

The kernel needs a strictly convex separable part. Where it is missing (riskless assets, a singular Q) the proximal
point method puts it there: w⁺ = argmin f(x) + ½ε Σ_flat (xᵢ − wᵢ)² until w stands still, which takes a few rounds.
Every answer that fails its certificate goes to the solvers of the house. No state outlives a call: a path warm-starts
inside one call only.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tradewind_optimize import certify
from tradewind_optimize.certify import Certificate
from tradewind_optimize.meanvariance import newton
from tradewind_optimize.problem import CompiledProblem, Floats, Solution
from tradewind_optimize.route import Outcome, optimize

NAME = "dual_newton_path"
FLAT, PROXIMAL = 1e-7, 1e-3
"""Separable curvatures below FLAT (the objective's unit is 1) are too flat for the kernel; PROXIMAL replaces them."""
ROUNDS = 60
RESIDUAL, GAP, FLOOR = 1e-9, 1e-9, 1e-3


def accepts(problem: CompiledProblem) -> bool:
    """A convex quadratic objective over few rows: boxes, rows and hinge rows, nothing else."""
    quadratic = len(problem.curvature) > 0 or len(problem.factor_scales) > 0
    plain = problem.kind in ("separable", "factor") and not len(problem.costs) and problem.constant == 0
    own = not problem.factor_center.any() and not problem.target.any()
    return bool(quadratic and plain and own and (problem.lower <= problem.upper).all())


def arrays_of(problem: CompiledProblem) -> newton.Arrays:
    """The kernel's arrays, C-contiguous float64; factors carry the roots of their scales."""
    factors = np.ascontiguousarray((problem.factors * np.sqrt(problem.factor_scales)).T)
    rows, hinges = np.ascontiguousarray(problem.rows.to_dense()), problem.hinges
    own = (problem.lower, problem.upper, hinges.linear, hinges.up, hinges.down, hinges.anchor, problem.hinge_bounds)
    lower, upper, linear, up, down, anchor, bound = (np.array(part, dtype=np.float64, order="C") for part in own)
    return newton.Arrays(
        h=np.array(problem.curvature),
        base=-problem.linear,
        lower=lower,
        upper=upper,
        factors=factors,
        rows=rows,
        columns=np.ascontiguousarray(np.concatenate([factors, rows]).T),
        row_lower=np.array(problem.row_lower),
        row_upper=np.array(problem.row_upper),
        linear=linear,
        up=up,
        down=down,
        anchor=anchor,
        order=np.ascontiguousarray(np.argsort(anchor, axis=0, kind="stable").T),
        bound=bound,
        kinds=np.concatenate([(problem.row_lower < problem.row_upper).astype(np.int64), np.full(len(bound), 2)]),
    )


def solve(problem: CompiledProblem) -> Outcome:
    """The certified answer to one problem: the kernel first where it applies, then the house's solvers."""
    found = None
    if accepts(problem):
        found = _nearing(problem) if _flat(problem).any() else _kernel(problem)
    return house(problem) if found is None else found


def follow(problem: CompiledProblem, row: int, targets: Floats) -> list[Outcome]:
    """The answers with row ``row`` at each of ``targets`` (an equality), in order, each started from the one before."""
    if not accepts(problem) or _flat(problem).any():
        return [solve(at(problem, row, float(target))) for target in targets]
    arrays, count = arrays_of(problem), len(targets)
    k = len(arrays.factors)
    weights, duals = np.zeros((count, problem.n)), np.zeros((count, k + problem.m + len(problem.hinges)))
    facts = np.zeros((count, 4))
    newton.path(arrays, row, np.array(targets), weights, duals, facts)
    out = []
    for target, w, multipliers, fact in zip(targets, weights, duals, facts, strict=True):
        found = _outcome(problem, k, w, multipliers, fact)
        out.append(house(at(problem, row, float(target))) if found is None else found)
    return out


def fill(problem: CompiledProblem) -> Outcome | None:
    """min c'w over one row Σ w = s and finite lower bounds: the cheapest weights are filled first.

    The multiplier of the row is the cost of the weight that is filled last. None when the problem is another one, or
    the bounds do not reach s.
    """
    plain = problem.is_linear and problem.m == 1 and not len(problem.hinges) and problem.rows.dense is not None
    if not plain or not np.isfinite(problem.lower).all() or (problem.rows.to_dense() != 1.0).any():
        return None
    order = np.argsort(problem.linear, kind="stable")
    missing = float(problem.row_lower[0] - problem.lower.sum())
    filled = np.cumsum(problem.upper[order] - problem.lower[order])
    last = int(np.searchsorted(filled, missing))
    if missing < 0 or last == problem.n:
        return None
    weights = problem.lower.copy()
    weights[order[:last]] = problem.upper[order[:last]]
    weights[order[last]] += missing - (filled[last - 1] if last else 0.0)
    none = np.zeros(0)
    solution = Solution("optimal", "fill", weights, problem.linear[order[last]][None].copy(), none, none)
    certificate = certify.certify(problem, solution, RESIDUAL)
    return Outcome("optimal", solution, certificate) if certificate.passed else None


def house(problem: CompiledProblem) -> Outcome:
    """The house's solvers; an exception of theirs is a failure of the problem's numbers."""
    try:
        return optimize(_unbent(problem))
    except Exception as error:  # solvers have exceptions of their own for numbers they cannot scale
        return Outcome("failed", attempts=((type(error).__name__, str(error)),))


def _unbent(problem: CompiledProblem) -> CompiledProblem:
    """Curvatures as factors where some of them are zero."""
    flat = problem.curvature == 0
    if not flat.any():
        return problem
    curved = np.flatnonzero(~flat)
    unit = np.zeros((problem.n, len(curved)))
    unit[curved, np.arange(len(curved))] = 1.0
    return replace(
        problem,
        curvature=np.zeros(0),
        target=np.zeros(0),
        factors=np.ascontiguousarray(np.concatenate([unit, problem.factors], axis=1)),
        factor_scales=np.concatenate([problem.curvature[curved], problem.factor_scales]),
    )


def _flat(problem: CompiledProblem) -> NDArray[np.bool_]:
    """Which weights have next to no curvature of their own."""
    return problem.curvature < FLAT if len(problem.curvature) else np.ones(problem.n, dtype=np.bool_)


def _kernel(problem: CompiledProblem) -> Outcome | None:
    arrays = arrays_of(problem)
    place, *fact = newton.single(arrays)
    return _outcome(problem, len(arrays.factors), place.w, place.v, fact)


def _nearing(problem: CompiledProblem) -> Outcome | None:
    """The proximal point method from the current portfolio; None when it does not stand still in time."""
    flat, n = _flat(problem), problem.n
    own = problem.curvature if len(problem.curvature) else np.zeros(n)
    bent = replace(problem, curvature=np.where(flat, PROXIMAL, own), target=np.zeros(n))
    arrays, near, steps = arrays_of(bent), problem.current, 0
    here, there = newton.empty_place(arrays), newton.empty_place(arrays)
    for _ in range(ROUNDS):
        arrays.base[:] = np.where(flat, PROXIMAL * near, 0.0) - problem.linear
        more, residual, _, _ = newton.newton(arrays, here, there)
        steps += int(more)
        if residual > RESIDUAL:
            return None
        moved = float(np.abs(here.w - near)[flat].max(initial=0.0))
        near = here.w.copy()
        if moved <= 1e-13:
            break
    k, rows = len(arrays.factors), problem.m
    solution = Solution("optimal", NAME, near, here.v[k : k + rows], here.v[k + rows :], np.zeros(0), steps)
    limit = GAP * max(abs(problem.value(near)), FLOOR)
    certificate = Certificate(NAME, certify.residual(problem, near), certify.gap(problem, solution), RESIDUAL, limit)
    return Outcome("optimal", solution, certificate) if certificate.passed else None


def at(problem: CompiledProblem, row: int, target: float) -> CompiledProblem:
    """The problem with one row an equality at ``target``."""
    low, high = problem.row_lower.copy(), problem.row_upper.copy()
    low[row] = high[row] = target
    return replace(problem, row_lower=low, row_upper=high)


def _outcome(problem: CompiledProblem, k: int, weights: Floats, v: Floats, fact: Any) -> Outcome | None:
    """The answer with its certificate, None when that fails.

    ``fact`` is the kernel's (steps, residual, gap, value). Its gap is value(w) − q(v), a bound by weak duality; it may
    be 1e-9 of the value, and of 1e-3 of the objective's unit where the value itself vanishes.
    """
    steps, residual, gap, value = (float(number) for number in fact)
    certificate = Certificate(NAME, residual, abs(gap), RESIDUAL, GAP * max(abs(value), FLOOR))
    if not certificate.passed:
        return None
    rows = problem.m
    solution = Solution("optimal", NAME, weights, v[k : k + rows], v[k + rows :], np.zeros(0), int(steps))
    return Outcome("optimal", solution, certificate)
