"""Why there is no answer: constraints that cannot hold together, the smallest relaxation, weights that run away.

Both explanations of an infeasible problem come from one elastic program (:mod:`tradewind_optimize.elastic`): its
solution is the relaxation, least in the sum of amounts, each in the units of its own bound; a deletion filter
(:mod:`tradewind_optimize.conflict`) started from its proof gives the conflict.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator

import numpy as np

from tradewind_optimize.compile import Compilation
from tradewind_optimize.conflict import Elastic, Filter
from tradewind_optimize.diagnostics import measure
from tradewind_optimize.elastic import ElasticProgram, Probe
from tradewind_optimize.elastic_cone import EXACT, ConeElastic
from tradewind_optimize.elements import NOTHING, Flags, height
from tradewind_optimize.errors import Explanation, Relaxation, UnboundedObjective
from tradewind_optimize.problem import Block, Box, Convex, Floats, Ints, Linear, Quadratic

LABELS = 64
"""With risk limits or expressions of the user's own, conflicts with more elements than this are reduced to the elements
of the solver's proof and no further."""


def explain(compilation: Compilation) -> Explanation:
    """The conflict and the smallest relaxation of an infeasible problem; empty when its constraints can hold together.

    The conflict is irreducible: without any one of its labels the rest can hold. It is found by deletion, constraints
    first and then labels, each in the order given.
    """
    blocks = [block for _, block in compilation.blocks]
    heights = [height(block) for block in blocks]
    owner = np.repeat(np.array([owner for owner, _ in compilation.blocks], dtype=np.int64), heights)
    cone = any(isinstance(block, (Quadratic, Convex)) for block in blocks)
    program: Elastic = (ConeElastic if cone else ElasticProgram)(blocks, compilation.universe.n)
    first = program.solve(np.ones(len(owner), dtype=bool))
    if first.total <= NOTHING:
        return Explanation()
    kept = _conflict(program, owner, first, LABELS if cone else None)
    relaxation = tuple(_relaxation(compilation, first.weights, EXACT if cone else NOTHING))
    return Explanation(_members(compilation, owner, kept), relaxation if np.isfinite(first.total) else ())


def _conflict(program: Elastic, owner: Ints, first: Probe, most: int | None) -> Flags:
    """The filter's answer, confirmed; should rounding have spoilt a proof, once more with no proof but probes."""
    kept = Filter(program, owner, first).run(most)
    if program.solve(kept).total > NOTHING:
        return kept
    return Filter(_Distrusted(program), owner, Probe(first.total, first.weights, np.ones(len(owner), dtype=bool))).run()


class _Distrusted:
    """A program whose proofs are not used: every element counts as part of them."""

    def __init__(self, program: Elastic) -> None:
        self._program, self.blocks, self.n = program, program.blocks, program.n

    def solve(self, active: Flags) -> Probe:
        """The probe with all active elements as its support."""
        found = self._program.solve(active)
        return Probe(found.total, found.weights, active.copy())


def _members(compilation: Compilation, owner: Ints, kept: Flags) -> tuple[tuple[object, tuple[Hashable, ...]], ...]:
    labels: dict[int, dict[Hashable, None]] = {}
    start = 0
    for ordinal, block in compilation.blocks:
        rows = np.flatnonzero(kept[start : start + height(block)])
        if len(rows):
            labels.setdefault(ordinal, {}).update(dict.fromkeys(_labels(block, rows, compilation)))
        start += height(block)
    return tuple(
        (compilation.constraints[ordinal], tuple(name for name in names if name is not None))
        for ordinal, names in sorted(labels.items())
    )


def _labels(block: Block, rows: Ints, compilation: Compilation) -> list[Hashable]:
    if isinstance(block, Box):
        return list(compilation.universe.labels[block.positions[rows]])
    return [block.labels[row] for row in rows] if isinstance(block, Linear) else [block.label]


def _relaxation(compilation: Compilation, weights: Floats, tolerance: float) -> Iterator[Relaxation]:
    for ordinal, block in compilation.blocks:
        rows = measure(block, weights, compilation.universe.labels)
        for i in map(int, np.flatnonzero(rows.slack < -tolerance)):
            low = rows.value[i] < rows.lower[i]
            bound = float(rows.lower[i] if low else rows.upper[i])
            side = "lower" if low else "upper"
            word = compilation.constraints[ordinal]
            yield Relaxation(word, rows.labels[i], side, bound, float(rows.value[i]), -float(rows.slack[i]))


def runaway(compilation: Compilation, direction: Floats) -> UnboundedObjective:
    """The error that names who runs away along ``direction`` (float64[n]), where to, and what would stop it."""
    gain = np.abs(compilation.problem.linear * direction)
    order = [int(i) for i in np.lexsort((-np.abs(direction), -gain)) if abs(direction[i]) > 1e-6]
    labels = tuple(compilation.universe.labels[i] for i in order)
    signs = tuple(int(np.sign(direction[i])) for i in order)
    return UnboundedObjective(labels, signs, _missing(compilation))


def _missing(compilation: Compilation) -> tuple[str, ...]:
    """Words that would bound the problem, the most usual first."""
    problem = compilation.problem
    words = ["MaxGrossExposure(max)"]
    if np.isinf(problem.lower).all() and np.isinf(problem.upper).all():
        return (*words, "PositionConcentration.with_equal_bounds(min, max)")
    return (*words, "PositionConcentration with finite bounds for these assets")
