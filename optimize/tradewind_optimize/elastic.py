"""The elastic program: how far is a set of constraints from holding together, and which of them prove it.

An *element* is one row of one constraint: a position with both its sides, a group, a factor, a limit on a sum. Every
element may give, at a price of 1 for each of its own units:

    least(S) = min_w Σ_{e in S} violationₑ(w),

which is 0 exactly when the elements of S can hold together. The program is linear. Its rows are the linear and hinge
rows alone: weights enter in pieces between their kinks (hinge anchors and box sides), so that a box costs no row but a
slope. The dual prices name the elements that prove least(S) > 0. Freeing an element only sets prices to 0, so every
probe starts from the basis of the one before.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tradewind_optimize.problem import Block, Box, Floats, Hinge, Ints, Linear, RowMatrix

NOTHING = 1e-9
"""A total violation up to this is none."""

Flags = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Probe:
    """``total`` = least(S), a portfolio that attains it, and the elements of S that prove it (bool[E])."""

    total: float
    weights: Floats
    support: Flags


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


class ElasticProgram:
    """least(S) for blocks of boxes, linear rows and hinge rows over n assets, by HiGHS, warm from probe to probe."""

    def __init__(self, blocks: Sequence[Block], n: int) -> None:
        self.blocks, self.n = blocks, n
        self.starts = np.cumsum([0] + [height(block) for block in blocks])
        self._boxes = [(at, b) for at, b in zip(self.starts, blocks, strict=False) if isinstance(b, Box)]
        self._linear = [(at, b) for at, b in zip(self.starts, blocks, strict=False) if isinstance(b, Linear)]
        self._hinges = [(at, b) for at, b in zip(self.starts, blocks, strict=False) if isinstance(b, Hinge)]
        self.row_elements = np.concatenate(
            [np.empty(0, dtype=np.int64), *[at + np.arange(len(b.lower)) for at, b in self._linear]]
            + [np.array([at]) for at, _ in self._hinges]
        )
        self._matrices = [RowMatrix.of(block.matrix) for _, block in self._linear]
        self._ends = np.cumsum([0] + [matrix.shape[0] for matrix in self._matrices])
        self.m = int(self._ends[-1])
        self._pieces = _Pieces(self._hinges, self._boxes, n)
        self._solver: Any = None

    def solve(self, active: Flags) -> Probe:
        """The probe of the active elements (bool[E])."""
        first = self._solver is None
        solver = self._solver = self._model() if first else self._solver
        cost = self._costs(active)
        solver.changeColsCost(len(cost), np.arange(len(cost), dtype=np.int32), cost)
        solver.run()
        if first:
            solver.setOptionValue("simplex_strategy", 4)  # primal: a change of prices leaves the basis feasible
        answer = solver.getSolution()
        weights = self._pieces.weights(np.array(answer.col_value))
        total = float((violations(self.blocks, weights[None])[0] * active).sum())
        return Probe(total, weights, self._support(active, weights, np.array(answer.row_dual)))

    def _costs(self, active: Flags) -> Floats:
        rows = active[self.row_elements].astype(np.float64)
        mask = np.zeros((2 * len(self._boxes), self.n))
        for b, (at, box) in enumerate(self._boxes):
            mask[2 * b : 2 * b + 2, box.positions] = active[at : at + len(box.positions)]
        return np.concatenate([(1.0 + _TILT) * self._pieces.costs(mask), rows[: self.m], rows])

    def _model(self) -> Any:
        import highspy

        pieces, m, k = self._pieces, self.m, len(self._hinges)
        rows, columns, values = self._rows()
        low, high = self._row_bounds()
        width = len(pieces.asset) + 2 * m + k
        solver = highspy.Highs()
        for option, value in _OPTIONS.items():
            solver.setOptionValue(option, value)
        solver.passModel(
            width,
            m + k,
            len(values),
            int(highspy.MatrixFormat.kRowwise),
            int(highspy.ObjSense.kMinimize),
            0.0,
            np.zeros(width),
            np.concatenate([pieces.lower, np.zeros(2 * m + k)]),
            np.concatenate([pieces.width, np.full(2 * m + k, np.inf)]),
            low,
            high,
            np.searchsorted(rows, np.arange(m + k)).astype(np.int32),
            columns.astype(np.int32),
            values,
            np.zeros(width, dtype=np.int32),
        )
        return solver

    def _rows(self) -> tuple[Ints, Ints, Floats]:
        """Row-major triplets over pieces, then slacks below and above every linear row and above every hinge row."""
        pieces, m, k = self._pieces, self.m, len(self._hinges)
        bends = [pieces.spread(matrix) for matrix in self._matrices]
        bends.append(_triplets(pieces.hinge_slopes))
        starts, first = [*self._ends[:-1], m], len(pieces.asset)
        slack = np.arange(m + k)
        rows = np.concatenate([*[r + at for (r, _, _), at in zip(bends, starts, strict=True)], slack[:m], slack])
        columns = np.concatenate([*[c for _, c, _ in bends], first + slack[:m], first + m + slack])
        values = np.concatenate([*[v for _, _, v in bends], np.ones(m), -np.ones(m + k)])
        order = np.argsort(rows, kind="stable")
        return rows[order], columns[order], values[order]

    def _row_bounds(self) -> tuple[Floats, Floats]:
        base, none = self._pieces.base, np.zeros(0)
        offset = np.concatenate([none, *[matrix.dot(base) for matrix in self._matrices]])
        low = np.concatenate([none, *[b.lower for _, b in self._linear]]) - offset
        high = np.concatenate([none, *[b.upper for _, b in self._linear]]) - offset
        most = [b.bound - float(hinge_values(b, base[None])[0]) for _, b in self._hinges]
        return np.concatenate([low, np.full(len(most), -np.inf)]), np.concatenate([high, most])

    def _support(self, active: Flags, weights: Floats, duals: Floats) -> Flags:
        """Rows with a price, and the box elements that must pay for the slope the priced rows leave at an asset."""
        m, support = self.m, np.zeros(len(active), dtype=bool)
        prices = np.maximum(-duals[m:], 0.0)
        support[self.row_elements] = np.concatenate([np.abs(duals[:m]), prices]) > NOTHING
        slope = np.zeros(self.n)
        for start, matrix in zip(self._ends, self._matrices, strict=False):
            slope -= matrix.transpose_dot(duals[start : start + matrix.shape[0]])
        least, most = slope.copy(), slope.copy()
        for price, (_, hinge) in zip(prices, self._hinges, strict=True):
            left, right = one_sided(hinge, weights)
            least, most = least + price * left, most + price * right
        for at, box in self._boxes:
            broken = _broken(box, active[at:], weights)
            support[at : at + len(broken)] = broken != 0
            least[box.positions] += broken
            most[box.positions] += broken
        over, under = np.maximum(-most, 0.0), np.maximum(least, 0.0)  # what upper and lower sides must bear
        for at, box in self._boxes:
            _charge(box, support[at : at + len(box.positions)], active[at:], weights, over, under)
        return support & active


def _triplets(matrix: Floats) -> tuple[Ints, Ints, Floats]:
    rows, columns = np.nonzero(matrix)
    return rows, columns, matrix[rows, columns]


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


_TILT = 1e-7  # of equal relaxations those of sums come before those of single positions

_OPTIONS = {
    "output_flag": False,
    "threads": 1,
    "solver": "simplex",
    "presolve": "off",
    "primal_feasibility_tolerance": 1e-10,
    "dual_feasibility_tolerance": 1e-10,
}


def one_sided(hinge: Hinge, weights: Floats) -> tuple[Floats, Floats]:
    """(left, right) derivatives of a hinge row at every weight, float64[n] each."""
    straight = np.zeros(len(weights)) if hinge.linear is None else hinge.linear
    move = weights - hinge.anchor
    left = np.where(move > NOTHING, hinge.up, -hinge.down)
    right = np.where(move < -NOTHING, -hinge.down, hinge.up)
    return straight + left, straight + right


class _Pieces:
    """Unbounded weights as wᵢ = baseᵢ + Σ signₚ xₚ: one piece below the first kink, one between each two, one above.

    ``asset``, ``sign``, ``lower``, ``width`` describe the pieces (float64[P]); ``hinge_slopes`` float64[k, P] are the
    coefficients of the hinge rows. An asset without a kink is one free piece.
    """

    def __init__(self, hinges: Sequence[tuple[int, Hinge]], boxes: Sequence[tuple[int, Box]], n: int) -> None:
        up, down, anchor, linear = _bends(hinges, boxes, n)
        kinks = np.sort(np.where((up + down > 0) & np.isfinite(anchor), anchor, np.inf), axis=0)
        kinks = np.concatenate([kinks, np.full((1, n), np.inf)])
        straight = np.isinf(kinks[0])
        self.base = np.where(straight, 0.0, kinks[0])
        with np.errstate(invalid="ignore"):  # ∞ − ∞ behind the last kink of an asset: no piece
            between = np.diff(kinks, axis=0)
        width = np.concatenate([np.full(n, np.inf), between.ravel()])
        start = np.concatenate([np.full(n, -np.inf), kinks[:-1].ravel()])
        sign = np.concatenate([np.where(straight, 1.0, -1.0), np.ones(between.size)])
        asset, room = np.tile(np.arange(n), len(kinks)), width > 0
        self.asset, self.sign, self.width, start = asset[room], sign[room], width[room], start[room]
        self.lower = np.where(straight[self.asset], -np.inf, 0.0)
        slope = np.where(start >= anchor[:, self.asset], up[:, self.asset], -down[:, self.asset])
        slopes = self.sign * (linear[:, self.asset] + slope)
        self.hinge_slopes, self._box_slopes = slopes[: len(hinges)], slopes[len(hinges) :]

    def spread(self, matrix: RowMatrix) -> tuple[Ints, Ints, Floats]:
        """Triplets of a matrix over weights as one over pieces."""
        if matrix.dense is not None:
            return _triplets(matrix.dense[:, self.asset] * self.sign)
        rows, assets, values = matrix.triplets()
        order = np.argsort(self.asset, kind="stable")
        counts = np.bincount(self.asset, minlength=len(self.base))
        each = counts[assets]
        within = np.arange(each.sum()) - np.repeat(np.cumsum(each) - each, each)
        columns = order[np.repeat((np.cumsum(counts) - counts)[assets], each) + within]
        return np.repeat(rows, each), columns, np.repeat(values, each) * self.sign[columns]

    def costs(self, mask: Floats) -> Floats:
        """The price of every piece when the box sides of ``mask`` (float64[2·boxes, n], 0 or 1) must hold."""
        return np.asarray((self._box_slopes * mask[:, self.asset]).sum(axis=0))

    def weights(self, x: Floats) -> Floats:
        """float64[n] from the pieces."""
        n, pieces = len(self.base), len(self.asset)
        return np.asarray(self.base + np.bincount(self.asset, self.sign * x[:pieces], minlength=n))


def _bends(
    hinges: Sequence[tuple[int, Hinge]], boxes: Sequence[tuple[int, Box]], n: int
) -> tuple[Floats, Floats, Floats, Floats]:
    """(up, down, anchor, linear), float64[k + 2·boxes, n]: the hinge rows, then each box as lower and upper hinge."""
    k = len(hinges)
    shape = (k + 2 * len(boxes), n)
    up, down, anchor, linear = np.zeros(shape), np.zeros(shape), np.full(shape, np.inf), np.zeros(shape)
    for j, (_, hinge) in enumerate(hinges):
        up[j], down[j], anchor[j] = hinge.up, hinge.down, hinge.anchor
        linear[j] = 0.0 if hinge.linear is None else hinge.linear
    for b, (_, box) in enumerate(boxes):
        low, high = (np.broadcast_to(side, box.positions.shape) for side in (box.lower, box.upper))
        j = k + 2 * b
        anchor[j, box.positions], anchor[j + 1, box.positions] = low, high
        down[j, box.positions] = np.isfinite(low)
        up[j + 1, box.positions] = np.isfinite(high)
    return up, down, anchor, linear
