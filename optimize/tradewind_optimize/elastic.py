"""The elastic program: how far is a set of constraints from holding together, and which of them prove it.

Every element (see :mod:`tradewind_optimize.elements`) may give, at a price of 1 for each of its own units:

    least(S) = min_w Σ_{e in S} violationₑ(w),

which is 0 exactly when the elements of S can hold together. The program is linear, and the dual prices name the
elements that prove least(S) > 0. Its rows are the linear and hinge rows alone: weights enter in pieces between their
kinks (hinge anchors and box sides), so that a box costs no row but a slope. Two solvers: our dual simplex
(:mod:`tradewind_optimize.elastic_simplex`) where its answer is proved by the duality gap, else HiGHS
(:mod:`tradewind_optimize.elastic_highs`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tradewind_optimize.elastic_highs import HighsElastic
from tradewind_optimize.elastic_simplex import SimplexElastic
from tradewind_optimize.elements import NOTHING, Flags, Layout, one_sided, violations
from tradewind_optimize.problem import Block, Box, Floats


@dataclass(frozen=True, eq=False)
class Probe:
    """``total`` = least(S), a portfolio that attains it, and the elements of S that prove it (bool[E])."""

    total: float
    weights: Floats
    support: Flags


class ElasticProgram:
    """least(S) for blocks of boxes, linear rows and hinge rows over n assets."""

    def __init__(self, blocks: Sequence[Block], n: int) -> None:
        self.blocks, self.n = blocks, n
        self.layout = Layout(blocks, n)
        self.starts, self.m = self.layout.starts, self.layout.m
        self._own = SimplexElastic(self.layout) if SimplexElastic.accepts(self.layout) else None
        self._general: HighsElastic | None = None

    def solve(self, active: Flags) -> Probe:
        """The probe of the active elements (bool[E])."""
        found = None if self._own is None else self._own.solve(active)
        weights, duals = self._by_highs(active) if found is None else found
        total = float((violations(self.blocks, weights[None])[0] * active).sum())
        return Probe(total, weights, self._support(active, weights, duals))

    def _by_highs(self, active: Flags) -> tuple[Floats, Floats]:
        self._general = self._general or HighsElastic(self.layout)
        return self._general.solve(active)

    def _support(self, active: Flags, weights: Floats, duals: Floats) -> Flags:
        """Rows with a price, and the box elements that must pay for the slope the priced rows leave at an asset."""
        at, m, support = self.layout, self.m, np.zeros(len(active), dtype=bool)
        prices = np.maximum(-duals[m:], 0.0)
        support[at.row_elements] = np.concatenate([np.abs(duals[:m]), prices]) > NOTHING
        slope = np.zeros(self.n)
        for start, matrix in zip(at.ends, at.matrices, strict=False):
            slope -= matrix.transpose_dot(duals[start : start + matrix.shape[0]])
        least, most = slope.copy(), slope.copy()
        for price, (_, hinge) in zip(prices, at.hinges, strict=True):
            left, right = one_sided(hinge, weights)
            least, most = least + price * left, most + price * right
        for first, box in at.boxes:
            broken = _broken(box, active[first:], weights)
            support[first : first + len(broken)] = broken != 0
            least[box.positions] += broken
            most[box.positions] += broken
        over, under = np.maximum(-most, 0.0), np.maximum(least, 0.0)  # what upper and lower sides must bear
        for first, box in at.boxes:
            _charge(box, support[first : first + len(box.positions)], active[first:], weights, over, under)
        return support & active


def _broken(box: Box, active: Flags, weights: Floats) -> Floats:
    """+1, −1 or 0: whether each active position is above its box, below it or inside."""
    held = weights[box.positions]
    sign = (held > box.upper + NOTHING).astype(np.float64) - (held < box.lower - NOTHING)
    return np.asarray(sign * active[: len(held)])


def _charge(box: Box, support: Flags, active: Flags, weights: Floats, over: Floats, under: Floats) -> None:
    """Let the sides that weights sit on bear up to their price of 1 of what is left; first come, first charged."""
    at, held = box.positions, weights[box.positions]
    on = active[: len(at)]
    high = on & (over[at] > NOTHING) & (np.abs(held - box.upper) <= NOTHING)
    low = on & (under[at] > NOTHING) & (np.abs(held - box.lower) <= NOTHING)
    support |= high | low
    over[at[high]] -= 1.0
    under[at[low]] -= 1.0
