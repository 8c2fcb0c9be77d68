"""The elastic program by HiGHS, in pieces of unbounded weights, warm from probe to probe.

Freeing an element only sets prices to 0, so every probe starts from the basis of the one before.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tradewind_optimize.elastic_simplex import TILT
from tradewind_optimize.elements import Flags, Layout, hinge_values
from tradewind_optimize.problem import Box, Floats, Hinge, Ints, RowMatrix

_OPTIONS = {
    "output_flag": False,
    "threads": 1,
    "solver": "simplex",
    "presolve": "off",
    "primal_feasibility_tolerance": 1e-10,
    "dual_feasibility_tolerance": 1e-10,
}


class HighsElastic:
    """Solves for any subset of the elements; what is left of one probe only makes the next one faster."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._pieces = _Pieces(layout.hinges, layout.boxes, layout.n)
        self._solver: Any = None

    def solve(self, active: Flags) -> tuple[Floats, Floats]:
        """(weights float64[n], multipliers of the rows float64[m + k]) for the active elements (bool[E])."""
        first = self._solver is None
        solver = self._solver = self._model() if first else self._solver
        cost = self._costs(active)
        solver.changeColsCost(len(cost), np.arange(len(cost), dtype=np.int32), cost)
        solver.run()
        if first:
            solver.setOptionValue("simplex_strategy", 4)  # primal: a change of prices leaves the basis feasible
        answer = solver.getSolution()
        return self._pieces.weights(np.array(answer.col_value)), np.array(answer.row_dual)

    def _costs(self, active: Flags) -> Floats:
        at = self._layout
        rows = active[at.row_elements].astype(np.float64)
        mask = np.zeros((2 * len(at.boxes), at.n))
        for b, (first, box) in enumerate(at.boxes):
            mask[2 * b : 2 * b + 2, box.positions] = active[first : first + len(box.positions)]
        return np.concatenate([(1.0 + TILT) * self._pieces.costs(mask), rows[: at.m], rows])

    def _model(self) -> Any:
        import highspy

        pieces, m, k = self._pieces, self._layout.m, len(self._layout.hinges)
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
        at, pieces, m, k = self._layout, self._pieces, self._layout.m, len(self._layout.hinges)
        bends = [pieces.spread(matrix) for matrix in at.matrices]
        bends.append(_triplets(pieces.hinge_slopes))
        starts, first = [*at.ends[:-1], m], len(pieces.asset)
        slack = np.arange(m + k)
        rows = np.concatenate([*[r + at for (r, _, _), at in zip(bends, starts, strict=True)], slack[:m], slack])
        columns = np.concatenate([*[c for _, c, _ in bends], first + slack[:m], first + m + slack])
        values = np.concatenate([*[v for _, _, v in bends], np.ones(m), -np.ones(m + k)])
        order = np.argsort(rows, kind="stable")
        return rows[order], columns[order], values[order]

    def _row_bounds(self) -> tuple[Floats, Floats]:
        base = self._pieces.base
        offset = np.concatenate([np.zeros(0), *[matrix.dot(base) for matrix in self._layout.matrices]])
        low, high = self._layout.row_bounds()
        most = [b.bound - float(hinge_values(b, base[None])[0]) for _, b in self._layout.hinges]
        return np.concatenate([low - offset, np.full(len(most), -np.inf)]), np.concatenate([high - offset, most])


def _triplets(matrix: Floats) -> tuple[Ints, Ints, Floats]:
    rows, columns = np.nonzero(matrix)
    return rows, columns, matrix[rows, columns]


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
