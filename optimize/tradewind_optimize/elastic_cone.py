"""The elastic program with risk limits and expressions of the user's own, by the general path.

As :mod:`tradewind_optimize.elastic`, but every probe is a cone program of its own, exact to about 1e-7. Inequalities
and equalities of a user give like rows; other cvxpy constraints hold or are absent.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from tradewind_optimize.elastic import Probe
from tradewind_optimize.elements import Flags, height
from tradewind_optimize.problem import Block, Box, Convex, Floats, Hinge, Linear, Quadratic, RowMatrix
from tradewind_optimize.solvers.cvxpy import checked, run

EXACT = 1e-7
_PRICED = 1e-5  # of a price between 0 and 1
_TILT = 1e-6


class ConeElastic:
    """least(S) for blocks of every kind over n assets."""

    def __init__(self, blocks: Sequence[Block], n: int) -> None:
        self.blocks, self.n = blocks, n
        self.starts = np.cumsum([0] + [height(block) for block in blocks])

    def solve(self, active: Flags) -> Probe:
        """The probe of the active elements (bool[E]); total is infinite when what cannot give is itself impossible."""
        import cvxpy

        w, parts, slacks = cvxpy.Variable(self.n), [], []
        for start, block in zip(self.starts, self.blocks, strict=False):
            on = np.flatnonzero(active[start : start + height(block)])
            if len(on):
                slack = cvxpy.Variable(len(on), nonneg=True)
                slacks.append(slack)
                parts += [(start + on, row) for row in _Soft(cvxpy, w, slack, on).rows(block)]
        # of equal relaxations the one of the constraint given first, rather than a part of each
        cost = sum((1.0 + _TILT * rank) * cvxpy.sum(slack) for rank, slack in enumerate(slacks))
        problem = cvxpy.Problem(cvxpy.Minimize(cost), [row for _, row in parts])
        run(cvxpy, problem)
        if w.value is None:
            return Probe(float("inf"), np.zeros(self.n), active.copy())
        total = float(sum(slack.value.sum() for slack in slacks))
        return Probe(total if total > EXACT else 0.0, np.array(w.value), self._support(active, parts))

    def _support(self, active: Flags, parts: list[tuple[Any, Any]]) -> Flags:
        support = np.zeros(len(active), dtype=bool)
        for elements, row in parts:
            price = row.dual_value
            if len(elements) == 1:
                support[elements] |= price is None or np.max([np.max(np.abs(p)) for p in _flat(price)]) > _PRICED
            else:
                support[elements[np.abs(price) > _PRICED]] = True
        for start, block in zip(self.starts, self.blocks, strict=False):
            support[start] |= isinstance(block, (Convex, Quadratic))
        return support & active


def _flat(price: Any) -> list[Any]:
    return list(price) if isinstance(price, (list, tuple)) else [price]


class _Soft:
    """The rows of one block, each given by its own slack."""

    def __init__(self, cvxpy: Any, weights: Any, slack: Any, on: Any) -> None:
        self._cvxpy, self._w, self._slack, self._on = cvxpy, weights, slack, on

    def rows(self, block: Block) -> Iterator[Any]:
        """cvxpy constraints, one entry an active element (or one constraint for the only element)."""
        if isinstance(block, Box):
            at = block.positions
            low, high = (np.broadcast_to(side, at.shape)[self._on] for side in (block.lower, block.upper))
            yield from self._between(self._w[at[self._on]], low, high)
        elif isinstance(block, Linear):
            matrix = RowMatrix.of(block.matrix).to_dense()[self._on]
            yield from self._between(matrix @ self._w, block.lower[self._on], block.upper[self._on])
        elif isinstance(block, Hinge):
            yield self._hinge(block) <= block.bound + self._slack[0]
        elif isinstance(block, Quadratic):
            yield self._risk(block) <= block.radius + self._slack[0]
        else:
            yield from self._foreign(block)

    def _between(self, value: Any, low: Floats, high: Floats) -> Iterator[Any]:
        yield value + self._slack >= np.maximum(low, -_FAR)
        yield value - self._slack <= np.minimum(high, _FAR)

    def _hinge(self, block: Hinge) -> Any:
        move = self._w - block.anchor
        bent = block.up @ self._cvxpy.pos(move) + block.down @ self._cvxpy.neg(move)
        return bent if block.linear is None else bent + block.linear @ self._w

    def _risk(self, block: Quadratic) -> Any:
        away = self._w - block.center
        parts = [self._cvxpy.multiply(np.sqrt(block.scales), block.factors.T @ away)]
        if block.specific is not None:
            parts.append(self._cvxpy.multiply(np.sqrt(block.specific), away))
        return self._cvxpy.norm(self._cvxpy.hstack(parts), 2)

    def _foreign(self, block: Convex) -> Iterator[Any]:
        kinds = self._cvxpy.constraints
        for part in checked(block, self._w):
            if isinstance(part, kinds.Inequality):
                yield part.args[0] - part.args[1] <= self._slack[0]
            elif isinstance(part, kinds.Equality):
                yield self._cvxpy.abs(part.args[0] - part.args[1]) <= self._slack[0]
            else:
                yield part


_FAR = 1e6
