"""The linear program without hinges: every weight becomes the pieces between its kinks.

Let rᵢ be the first kink of asset i inside its box. Then wᵢ = rᵢ − x₀ + x₁ + x₂ + … with x₀ ∈ [0, rᵢ − lᵢ] below it and
one xₛ for every piece above it, between neighbouring kinks and up to uᵢ. Every hinge is linear in the pieces, and since
it is convex, filling them out of order only overstates it: the program is exact, with the m + k coupling rows of the
problem and no others. An asset without a kink is one piece, its weight itself.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tradewind_optimize.problem import CompiledProblem, Floats, HingeSet, Ints, Solution
from tradewind_optimize.solvers.standard import StandardForm


@dataclass(frozen=True, eq=False)
class Pieces(StandardForm):
    """The standard form of m linear rows, then k hinge rows, over pieces.

    ``asset`` and ``sign`` say which weight a piece belongs to and whether it raises it; ``base`` float64[n] is r.
    """

    base: Floats
    asset: Ints
    sign: Floats

    def restore(self, x: Floats, row_duals: Floats, solver: str, iterations: int, note: str) -> Solution:
        """The Solution in weights."""
        m, problem = self.problem.m, self.problem
        weights = self.base + np.bincount(self.asset, self.sign * x, minlength=problem.n)
        weights = np.clip(weights, problem.lower, problem.upper)
        hinge_duals = np.maximum(-row_duals[m:], 0.0)
        return Solution("optimal", solver, weights, row_duals[:m], hinge_duals, np.zeros(0), iterations, note)


def split(problem: CompiledProblem) -> Pieces:
    """The pieces of a problem with a linear objective and no quadratic bounds."""
    both = _joined(problem.hinges, problem.costs)
    base, asset, sign, start, width = _cut(problem, both)
    lower = np.where(np.isnan(start), problem.lower[asset], 0.0)
    upper = np.where(np.isnan(start), problem.upper[asset], width)
    right = np.where(np.isnan(start), problem.lower[asset], start) >= both.anchor[:, asset]
    slopes = sign * (both.linear[:, asset] + np.where(right, both.up[:, asset], -both.down[:, asset]))
    k = len(problem.hinges)
    cost = sign * problem.linear[asset] + slopes[k:].sum(axis=0)
    rows, columns, values = _rows(problem, asset, sign, slopes[:k])
    offset, held = problem.rows.dot(base), problem.hinges.values(base)
    row_lower = np.concatenate([problem.row_lower - offset, np.full(k, -np.inf)])
    row_upper = np.concatenate([problem.row_upper - offset, problem.hinge_bounds - held])
    return Pieces(problem, cost, lower, upper, rows, columns, values, row_lower, row_upper, base, asset, sign)


def _joined(first: HingeSet, second: HingeSet) -> HingeSet:
    if not len(second):
        return first
    pairs = zip(
        (first.linear, first.up, first.down, first.anchor),
        (second.linear, second.up, second.down, second.anchor),
        strict=True,
    )
    return HingeSet(*(np.concatenate(pair) for pair in pairs))


def _cut(problem: CompiledProblem, hinges: HingeSet) -> tuple[Floats, Ints, Floats, Floats, Floats]:
    """(base, asset, sign, start, width) of all pieces with room; ``start`` is NaN for a weight that has no kink."""
    lower, upper, n = problem.lower, problem.upper, problem.n
    bends = hinges.up + hinges.down > 0
    kinks = np.sort(np.where(bends, np.clip(hinges.anchor, lower, upper), np.inf), axis=0)
    ends = np.minimum(np.concatenate([kinks, upper[None]]), upper)
    straight, fixed = ~bends.any(axis=0), lower == upper
    base = np.where(fixed, lower, np.where(straight, 0.0, ends[0]))
    with np.errstate(invalid="ignore"):  # ∞ − ∞ where an asset has fewer kinks than others: no room either
        above = np.where(straight, 0.0, np.diff(ends, axis=0))
        below = np.where(straight, 0.0, base - lower)
    whole = np.where(straight & ~fixed, np.inf, 0.0)
    width = np.concatenate([whole, below, above.ravel()])
    start = np.concatenate([np.full(n, np.nan), lower, ends[:-1].ravel()])
    sign = np.concatenate([np.ones(n), -np.ones(n), np.ones(above.size)])
    asset = np.tile(np.arange(n), len(ends) + 1)
    room = width > 0
    return base, asset[room], sign[room], start[room], width[room]


def _rows(problem: CompiledProblem, asset: Ints, sign: Floats, slopes: Floats) -> tuple[Ints, Ints, Floats]:
    """Row-major triplets of the coupling rows over the pieces."""
    if problem.rows.dense is not None:
        matrix = np.concatenate([problem.rows.dense[:, asset] * sign, slopes])
        rows, columns = np.nonzero(matrix)
        return rows, columns, matrix[rows, columns]
    order = np.argsort(asset, kind="stable")
    counts = np.bincount(asset, minlength=problem.n)
    starts = np.cumsum(counts) - counts
    rows, assets, values = problem.rows.triplets()
    each = counts[assets]
    within = np.arange(each.sum()) - np.repeat(np.cumsum(each) - each, each)
    columns = order[np.repeat(starts[assets], each) + within]
    rows, values = np.repeat(rows, each), np.repeat(values, each) * sign[columns]
    hinge_rows, hinge_columns = np.nonzero(slopes)
    return (
        np.concatenate([rows, hinge_rows + problem.m]),
        np.concatenate([columns, hinge_columns]),
        np.concatenate([values, slopes[hinge_rows, hinge_columns]]),
    )
