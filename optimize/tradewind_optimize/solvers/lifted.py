"""The standard form of the general solvers: hinges become epigraph variables, fixed weights become constants.

    minimise  q'x + ½ Σ pᵢxᵢ²    subject to    lo ≤ x ≤ hi,   rlo ≤ R x ≤ rhi

over x = (free weights, s, y): for every hinge that can bend inside its asset's box  s ≥ up(w − a), s ≥ down(a − w);
y = F'(w − b) when the objective has factors. Rows: the m linear ones, the k hinge rows, then epigraphs, then factors.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from tradewind_optimize.problem import CompiledProblem, Floats, HingeSet, Ints, Solution
from tradewind_optimize.solvers.standard import StandardForm


@dataclass(frozen=True, eq=False)
class Lifted(StandardForm):
    """The standard form with ``curvature`` p, and what is needed to come home again."""

    curvature: Floats
    free: Ints
    fixed_weights: Floats

    def restore(self, x: Floats, row_duals: Floats, solver: str, iterations: int, note: str) -> Solution:
        """The Solution in the problem's own weights, clipped into the box (solvers stop a hair outside)."""
        problem, m, k = self.problem, self.problem.m, len(self.problem.hinges)
        weights = self.fixed_weights.copy()
        weights[self.free] = x[: len(self.free)]
        weights = np.clip(weights, problem.lower, problem.upper)
        hinge_duals = np.maximum(-row_duals[m : m + k], 0.0)
        none = np.zeros(0)
        return Solution("optimal", solver, weights, row_duals[:m], hinge_duals, none, iterations, note)


@dataclass
class _Rows:
    """Triplets in the making."""

    rows: list[Ints] = field(default_factory=list)
    columns: list[Ints] = field(default_factory=list)
    values: list[Floats] = field(default_factory=list)

    def add(self, rows: Ints | int, columns: Ints, values: Floats | float) -> None:
        """Append entries; scalars are repeated."""
        count = len(columns)
        self.rows.append(np.broadcast_to(np.asarray(rows, dtype=np.int64), count))
        self.columns.append(columns)
        self.values.append(np.broadcast_to(np.asarray(values, dtype=np.float64), count))


def lift(problem: CompiledProblem) -> Lifted:
    """The standard form of a problem; quadratic bounds and general terms are left to the caller."""
    fixed = problem.lower == problem.upper
    free = np.flatnonzero(~fixed)
    base = np.where(fixed, problem.lower, 0.0)
    matrix, k = _Rows(), len(problem.hinges)
    _linear_rows(matrix, problem, free)
    epigraphs = _epigraphs(matrix, problem, free, base)
    width, height = len(free) + len(epigraphs.prices), problem.m + k + len(epigraphs.bounds)
    factor_rows = _factor_rows(matrix, problem, free, base, width, height)
    offset, nothing = problem.rows.dot(base), np.full(len(epigraphs.bounds), np.inf)
    cost, curvature = _objective(problem, free)
    extra = np.full(len(epigraphs.prices) + len(factor_rows), np.inf)
    return Lifted(
        problem,
        np.concatenate([cost + epigraphs.cost, epigraphs.prices, np.zeros(len(factor_rows))]),
        np.concatenate([problem.lower[free], -extra]),
        np.concatenate([problem.upper[free], extra]),
        *_sorted(matrix),
        np.concatenate([problem.row_lower - offset, np.full(k, -np.inf), epigraphs.bounds, factor_rows]),
        np.concatenate([problem.row_upper - offset, problem.hinge_bounds - epigraphs.shift, nothing, factor_rows]),
        np.concatenate([curvature, np.zeros(len(epigraphs.prices)), problem.factor_scales]),
        free,
        base,
    )


def _objective(problem: CompiledProblem, free: Ints) -> tuple[Floats, Floats]:
    """(q, p) on the free weights, hinge costs and factors apart."""
    cost, curvature = problem.linear[free].copy(), np.zeros(len(free))
    if len(problem.curvature):
        curvature += problem.curvature[free]
        cost -= (problem.curvature * problem.target)[free]
    return cost, curvature


@dataclass(frozen=True, eq=False)
class _Epigraphs:
    """``prices`` of epigraph variables, ``bounds`` of their rows, ``shift`` of hinge rows, ``cost`` on weights."""

    prices: Floats
    bounds: Floats
    shift: Floats
    cost: Floats


def _epigraphs(matrix: _Rows, problem: CompiledProblem, free: Ints, base: Floats) -> _Epigraphs:
    m, k, nf = problem.m, len(problem.hinges), len(free)
    width, height = nf, m + k
    shift, cost = np.zeros(k), np.zeros(nf)
    prices, bounds = [np.zeros(0)], [np.zeros(0)]
    for j in range(k + len(problem.costs)):
        hinges, i = (problem.hinges, j) if j < k else (problem.costs, j - k)
        coefficients, constant, bent = _straight(problem, hinges, i, free, base)
        if j < k:
            shift[j] = constant
            matrix.add(m + j, np.arange(nf), coefficients)
            matrix.add(m + j, np.arange(width, width + len(bent)), 1.0)
        else:
            cost += coefficients
        bounds.append(_epigraph(matrix, hinges, i, free, bent, width, height))
        prices.append(np.full(len(bent), 0.0 if j < k else 1.0))
        width, height = width + len(bent), height + 2 * len(bent)
    return _Epigraphs(np.concatenate(prices), np.concatenate(bounds), shift, cost)


def _sorted(matrix: _Rows) -> tuple[Ints, Ints, Floats]:
    rows = np.concatenate([np.empty(0, dtype=np.int64), *matrix.rows])
    columns = np.concatenate([np.empty(0, dtype=np.int64), *matrix.columns])
    values = np.concatenate([np.zeros(0), *matrix.values])
    order = np.lexsort((columns, rows))
    order = order[values[order] != 0]
    return rows[order], columns[order], values[order]


def _linear_rows(matrix: _Rows, problem: CompiledProblem, free: Ints) -> None:
    at = np.full(problem.n, -1, dtype=np.int64)
    at[free] = np.arange(len(free))
    rows, columns, values = problem.rows.triplets()
    keep = at[columns] >= 0
    matrix.add(rows[keep], at[columns[keep]], values[keep])


def _straight(
    problem: CompiledProblem, hinges: HingeSet, i: int, free: Ints, base: Floats
) -> tuple[Floats, float, Ints]:
    """Coefficients on the free weights, the constant part, and which free weights can really bend."""
    up, down, anchor = hinges.up[i], hinges.down[i], hinges.anchor[i]
    right, left = problem.lower >= anchor, problem.upper <= anchor
    slope = np.where(right, up, np.where(left, -down, 0.0))
    constant = np.where(right, -up * anchor, np.where(left, down * anchor, 0.0))
    shift = float(constant.sum() + (hinges.linear[i] + slope) @ base)
    bent = np.flatnonzero((~right & ~left & (up + down > 0))[free])
    return (hinges.linear[i] + slope)[free], shift, bent


def _epigraph(
    matrix: _Rows, hinges: HingeSet, i: int, free: Ints, bent: Ints, first_column: int, first_row: int
) -> Floats:
    """Rows s − up·w ≥ −up·a and s + down·w ≥ down·a for each bent weight; returns their lower bounds."""
    at, count = free[bent], len(bent)
    up, down, anchor = hinges.up[i][at], hinges.down[i][at], hinges.anchor[i][at]
    s, above, below = (
        np.arange(count) + first_column,
        np.arange(count) + first_row,
        np.arange(count) + first_row + count,
    )
    matrix.add(above, s, 1.0)
    matrix.add(above, bent, -up)
    matrix.add(below, s, 1.0)
    matrix.add(below, bent, down)
    return np.concatenate([-up * anchor, down * anchor])


def _factor_rows(
    matrix: _Rows, problem: CompiledProblem, free: Ints, base: Floats, first_column: int, first_row: int
) -> Floats:
    """Rows y − F'w = −F'b; returns their right-hand sides."""
    k = len(problem.factor_scales)
    if not k:
        return np.zeros(0)
    matrix.add(np.arange(k) + first_row, np.arange(k) + first_column, 1.0)
    loading = problem.factors[free].T
    matrix.add(np.repeat(np.arange(k) + first_row, len(free)), np.tile(np.arange(len(free)), k), -loading.ravel())
    return np.asarray((base - problem.factor_center) @ problem.factors)
