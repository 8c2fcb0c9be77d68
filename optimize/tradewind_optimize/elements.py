"""Elements of constraints: the rows that may be named in a conflict, and how far portfolios break them.

An *element* is one row of one constraint: a position with both its sides, a group, a factor, a limit on a sum. Elements
are numbered through the blocks in their order, E in all.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from tradewind_optimize.problem import Block, Box, Floats, Hinge, Linear, RowMatrix

NOTHING = 1e-9
"""A violation up to this is none."""

Flags = NDArray[np.bool_]


def height(block: Block) -> int:
    """How many elements a block has."""
    if isinstance(block, Box):
        return len(block.positions)
    return len(block.lower) if isinstance(block, Linear) else 1


def violations(blocks: Sequence[Block], points: Floats) -> Floats:
    """By how much each of c portfolios (float64[c, n]) breaks each element, in its own units: float64[c, E]."""
    parts = [np.zeros((len(points), 0))]
    for block in blocks:
        if isinstance(block, Box):
            held = points[:, block.positions]
            excess = np.maximum(block.lower - held, held - block.upper)
        elif isinstance(block, Linear):
            values = _products(RowMatrix.of(block.matrix), points)
            excess = np.maximum(block.lower - values, values - block.upper)
        elif isinstance(block, Hinge):
            excess = hinge_values(block, points)[:, None] - block.bound
        else:
            excess = np.array([[block.excess(point)] for point in points])
        parts.append(np.maximum(excess, 0.0))
    return np.concatenate(parts, axis=1)


def _products(matrix: RowMatrix, points: Floats) -> Floats:
    if matrix.dense is not None:
        return np.asarray(points @ matrix.dense.T)
    return np.stack([matrix.dot(point) for point in points]) if len(points) else np.zeros((0, matrix.shape[0]))


def hinge_values(block: Hinge, points: Floats) -> Floats:
    """The hinge row at each of c portfolios (float64[c, n]): float64[c]."""
    move = points - block.anchor
    values = np.where(move > 0, block.up * move, -block.down * move)
    return np.asarray((values if block.linear is None else values + block.linear * points).sum(axis=1))


def one_sided(hinge: Hinge, weights: Floats) -> tuple[Floats, Floats]:
    """(left, right) derivatives of a hinge row at every weight, float64[n] each."""
    straight = np.zeros(len(weights)) if hinge.linear is None else hinge.linear
    move = weights - hinge.anchor
    left = np.where(move > NOTHING, hinge.up, -hinge.down)
    right = np.where(move < -NOTHING, -hinge.down, hinge.up)
    return straight + left, straight + right


class Layout:
    """Where the elements of boxes, linear rows and hinge rows over n assets stand.

    ``blocks`` as given, ``starts`` int64[blocks + 1]; ``boxes``, ``linear``, ``hinges`` pairs (first element, block) in
    their order; ``row_elements`` int64[m + k] the elements of the m linear and k hinge rows; ``matrices`` of the linear
    blocks, whose rows end at ``ends``.
    """

    def __init__(self, blocks: Sequence[Block], n: int) -> None:
        self.blocks, self.n = blocks, n
        self.starts = np.cumsum([0] + [height(block) for block in blocks])
        placed = list(zip(map(int, self.starts), blocks, strict=False))
        self.boxes = [(at, block) for at, block in placed if isinstance(block, Box)]
        self.linear = [(at, block) for at, block in placed if isinstance(block, Linear)]
        self.hinges = [(at, block) for at, block in placed if isinstance(block, Hinge)]
        self.matrices = [RowMatrix.of(block.matrix) for _, block in self.linear]
        self.ends = np.cumsum([0] + [matrix.shape[0] for matrix in self.matrices])
        rows = [at + np.arange(len(block.lower)) for at, block in self.linear]
        self.row_elements = np.concatenate(
            [np.empty(0, dtype=np.int64), *rows, np.array([at for at, _ in self.hinges], dtype=np.int64)]
        )

    @property
    def m(self) -> int:
        """Number of linear rows."""
        return int(self.ends[-1])

    def row_bounds(self) -> tuple[Floats, Floats]:
        """(lower, upper) of the linear rows, float64[m] each."""
        none = np.zeros(0)
        low, high = ([getattr(block, side) for _, block in self.linear] for side in ("lower", "upper"))
        return np.concatenate([none, *low]), np.concatenate([none, *high])
