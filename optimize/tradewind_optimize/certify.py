"""Certificates: no answer leaves on a solver's word.

Feasibility is measured in the user's units, row by row: the largest violation of any box side, linear row, hinge row or
quadratic bound. Optimality is measured by the duality gap: with the multipliers (y, λ, μ) of the solver the Lagrangian

    φ(w) = Σᵢ φᵢ(wᵢ),   φᵢ(x) = sᵢ x + ½hᵢ(x − tᵢ)² + Σⱼ [Uⱼᵢ(x − aⱼᵢ)⁺ + Dⱼᵢ(aⱼᵢ − x)⁺]

separates by asset (smooth couplings enter by their tangent at w, which only lowers the bound), so its minimum over the
box is exact: the least of its values at the ends, the kinks and the stationary point of each piece. Then

    gap = Σᵢ [φᵢ(wᵢ) − min φᵢ] + Σ (multiplier × slack)  ≥  f(w) − f(optimum).

With general terms (cvxpy) the multipliers of those are not at hand, and the gap is the one the cone solver reports.
Infinite boxes are read as |w| ≤ 10·max(1, ‖w‖∞); a convex objective that cannot be improved there cannot be improved.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tradewind_optimize.problem import KINK, CompiledProblem, Floats, Solution, constant

GAP_TOLERANCE = 1e-7


@dataclass(frozen=True)
class Certificate:
    """What was checked: ``residual`` (largest violation, weight units), ``gap`` (objective units), both against limits.

    ``tolerance`` and ``gap_tolerance`` are the limits this answer had to meet; ``passed`` says whether it did.
    """

    solver: str
    residual: float
    gap: float
    tolerance: float
    gap_tolerance: float

    @property
    def passed(self) -> bool:
        """Whether both limits hold (NaN fails)."""
        return self.residual <= self.tolerance and self.gap <= self.gap_tolerance

    @property
    def sharp(self) -> bool:
        """Whether nothing is left to gain by polishing: met to rounding."""
        return self.residual <= 1e-13 and self.gap <= 1e-4 * self.gap_tolerance

    def reason(self) -> str:
        """What failed and by how much."""
        parts = []
        if not self.residual <= self.tolerance:
            parts.append(f"violates a constraint by {self.residual:.3g}, more than {self.tolerance:.0e}")
        if not self.gap <= self.gap_tolerance:
            parts.append(f"duality gap {self.gap:.3g}, more than {self.gap_tolerance:.3g}")
        return " and ".join(parts) or "passed"


def certify(problem: CompiledProblem, solution: Solution, tolerance: float) -> Certificate:
    """Check an optimal Solution; the gap may be 1e-7 of the objective's own scale."""
    weights, (y, tilt, slack) = solution.weights, _outside_parts(problem, solution)
    worst, found, *figures = _measure()(problem.arrays, *map(constant, (weights, y, solution.hinge_duals, tilt)))
    return Certificate(
        solution.solver,
        _worst(problem, weights, float(worst)),
        solution.gap if problem.general else abs(float(found) + slack),
        tolerance,
        GAP_TOLERANCE * _scale(problem, weights, *figures),
    )


@cache
def _measure() -> Any:
    from tradewind_optimize.audit import measure

    return measure


def residual(problem: CompiledProblem, weights: Floats) -> float:
    """The largest violation of any constraint by ``weights``; NaN weights give NaN."""
    from tradewind_optimize.audit import violation

    return _worst(problem, weights, float(violation(problem.arrays, constant(weights))))


def _worst(problem: CompiledProblem, weights: Floats, worst: float) -> float:
    """The largest violation, given that of the separable part."""
    if problem.rows.dense is None:
        values = problem.rows.dot(weights)
        for part in (problem.row_lower - values, values - problem.row_upper):
            worst = max(worst, float(part.max(initial=0.0)))
    for quadratic in problem.quadratics:
        worst = max(worst, quadratic.excess(weights))
    for term in problem.general:
        worst = max(worst, term.excess(weights))
    return worst


def _scale(problem: CompiledProblem, weights: Floats, value: float, bent: float, size: float, largest: float) -> float:
    value = abs(value + problem.constant + problem.factor_value(weights))
    if len(problem.curvature):
        value = max(value, 1e-3 * bent, 0.5e-6 * float(problem.curvature.max()))
    if len(problem.factor_scales):
        value = max(value, 0.5e-4 * float((problem.factors**2 @ problem.factor_scales).max(initial=0.0)))
    return float(max(value, 1e-3 * largest * max(1.0, size), 1e-300))


@dataclass(frozen=True, eq=False)
class Lagrangian:
    """φ for one set of multipliers: ``slope`` s[n], kinks ``anchor`` [j, n], slopes ``up``, ``down`` ≥ 0."""

    slope: Floats
    curvature: Floats
    target: Floats
    up: Floats
    down: Floats
    anchor: Floats

    def side_slopes(self, weights: Floats) -> tuple[Floats, Floats]:
        """(left, right) derivative of every φᵢ at wᵢ; a weight within KINK of a kink sits on it."""
        base = self.slope
        if len(self.curvature):
            base = base + self.curvature * (weights - self.target)
        move = weights - self.anchor
        left = np.where(move > KINK, self.up, -self.down).sum(axis=0)
        right = np.where(move < -KINK, -self.down, self.up).sum(axis=0)
        return base + left, base + right

    def pieces(self, lower: Floats, upper: Floats) -> tuple[Floats, Floats]:
        """(ends, slopes): sorted kinks clipped to the box, [j + 2, n], and the slope between them, [j + 1, n]."""
        order = np.argsort(self.anchor, axis=0, kind="stable")
        up, down = (np.take_along_axis(part, order, axis=0) for part in (self.up, self.down))
        kinks = np.clip(np.take_along_axis(self.anchor, order, axis=0), lower, upper)
        ends = np.concatenate([lower[None], kinks, upper[None]])
        passed = np.concatenate([np.zeros((1, len(lower))), np.cumsum(up + down, axis=0)])
        return ends, self.slope - down.sum(axis=0) + passed

    def argmin(self, lower: Floats, upper: Floats) -> tuple[Floats, NDArray[np.bool_]]:
        """(w, inside): the minimiser of every φᵢ over its box, h > 0, and whether it is off every kink and end."""
        ends, slopes = self.pieces(lower, upper)
        stationary = self.target - slopes / self.curvature
        passed = (stationary >= ends[1:]).cumprod(axis=0).sum(axis=0)
        at, everyone = np.minimum(passed, len(slopes) - 1), np.arange(len(lower))
        low, high, x = ends[at, everyone], ends[at + 1, everyone], stationary[at, everyone]
        return np.clip(x, low, high), (low < x) & (x < high)


def lagrangian(problem: CompiledProblem, solution: Solution) -> Lagrangian:
    """φ for the multipliers of a solution, smooth couplings by their tangent at its weights."""
    slope = problem.linear - problem.rows.transpose_dot(row_multipliers(problem, solution))
    tilt = _coupled_slope(problem, solution)
    slope = slope + tilt if len(tilt) else slope
    hinges, costs, prices = problem.hinges, problem.costs, solution.hinge_duals
    up, down, anchor = prices[:, None] * hinges.up, prices[:, None] * hinges.down, hinges.anchor
    slope = slope + prices @ hinges.linear
    if len(costs):
        slope = slope + costs.linear.sum(axis=0)
        up, down = np.concatenate([up, costs.up]), np.concatenate([down, costs.down])
        anchor = np.concatenate([anchor, costs.anchor])
    return Lagrangian(slope, problem.curvature, problem.target, up, down, anchor)


def row_multipliers(problem: CompiledProblem, solution: Solution) -> Floats:
    """y without the parts that belong to bounds that are not there."""
    duals = np.where(np.isinf(problem.row_lower), np.minimum(solution.row_duals, 0.0), solution.row_duals)
    return np.asarray(np.where(np.isinf(problem.row_upper), np.maximum(duals, 0.0), duals))


def gap(problem: CompiledProblem, solution: Solution) -> float:
    """An upper bound on f(w) − f(optimum), ≥ 0 up to rounding when w is feasible."""
    from tradewind_optimize import audit

    y, tilt, slack = _outside_parts(problem, solution)
    found = audit.gap(problem.arrays, *map(constant, (solution.weights, y, solution.hinge_duals, tilt)))
    return abs(float(found) + slack)


def _outside_parts(problem: CompiledProblem, solution: Solution) -> tuple[Floats, Floats, float]:
    """What compiled code is told of rows kept as triplets and of smooth couplings.

    (Multipliers of the dense rows, what is added to the slopes or [0], multiplier × slack of everything else.)
    """
    weights, y, slack = solution.weights, solution.row_duals, 0.0
    tilt = _coupled_slope(problem, solution)
    if problem.rows.dense is None:
        y = row_multipliers(problem, solution)
        bound = np.where(y > 0, problem.row_lower, problem.row_upper)
        slack += float(y[y != 0] @ (problem.rows.dot(weights) - bound)[y != 0])
        tilt, y = tilt - problem.rows.transpose_dot(y) if len(tilt) else -problem.rows.transpose_dot(y), np.zeros(0)
    for quadratic, price in zip(problem.quadratics, solution.quadratic_duals, strict=True):
        slack += price * (quadratic.radius**2 - quadratic.value(weights))
    return y, tilt, slack


def _coupled_slope(problem: CompiledProblem, solution: Solution) -> Floats:
    """The gradient at w of factors and priced quadratic bounds, which are not separable; length 0 without any."""
    weights, out = solution.weights, np.zeros(0)
    if len(problem.factor_scales):
        along = (weights - problem.factor_center) @ problem.factors
        out = problem.factors @ (problem.factor_scales * along)
    for quadratic, price in zip(problem.quadratics, solution.quadratic_duals, strict=True):
        slope = price * quadratic.gradient(weights)
        out = out + slope if len(out) else slope
    return out
