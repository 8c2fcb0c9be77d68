"""The elastic program on our own dual simplex: every row gives through a variable of its own.

    min Σ |vⱼ| + Σ box violations    over  −M ≤ w ≤ M,   rl ≤ A w − v ≤ ru,   hinge rows − v ≤ r, v ≥ 0

Box sides are kinks of the cost of w, rows that are not active have no bounds. The dual simplex wants finite boxes: no
vⱼ needs to be larger than what w = 0 violates in all, and M is ten times that and every bound. A program that could
still gain beyond M is left to the general solver, as is one whose duality gap is not closed.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tradewind_optimize.elements import NOTHING, Flags, Layout, violations
from tradewind_optimize.problem import MANY_ROWS, Arrays, Floats, Ints, constant

TILT = 1e-7
"""Of equal relaxations those of sums come before those of single positions, whose price is this much higher."""


class SimplexElastic:
    """Solves for any subset of the elements, cold every time."""

    @staticmethod
    def accepts(layout: Layout) -> bool:
        """Few rows, all of them dense."""
        few = layout.m + len(layout.hinges) <= MANY_ROWS
        return few and layout.n > 0 and all(matrix.dense is not None for matrix in layout.matrices)

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        n, m, k = layout.n, layout.m, len(layout.hinges)
        self._low, self._high = layout.row_bounds()
        self._limits = np.array([hinge.bound for _, hinge in layout.hinges], dtype=np.float64)
        self._kinks, self._straight = _Kinks.of(layout), _hinges(layout)
        most = 1.0 + float(violations(layout.blocks, np.zeros((1, n))).sum())
        wide = 10.0 * (most + self._size())
        rows = np.concatenate([np.zeros((0, n)), *[matrix.to_dense() for matrix in layout.matrices]])
        relief = np.concatenate([-np.eye(m), np.zeros((m, k))], axis=1)
        self._rows = constant(np.concatenate([rows, relief], axis=1))
        self._lower = constant(np.concatenate([np.full(n, -wide), np.full(m, -most), np.zeros(k)]))
        self._upper = constant(np.concatenate([np.full(n, wide), np.full(m + k, most)]))
        self._cost = constant(np.concatenate([np.zeros(n + m), np.ones(k)]))

    def _size(self) -> float:
        """The largest finite bound or anchor."""
        parts = [self._limits, self._low, self._high, self._kinks.anchor.ravel(), self._straight[3].ravel()]
        sizes = np.abs(np.concatenate(parts))
        return float(sizes[np.isfinite(sizes)].max(initial=0.0))

    def solve(self, active: Flags) -> tuple[Floats, Floats] | None:
        """(weights float64[n], multipliers of the rows float64[m + k]) for the active elements (bool[E]), if proved."""
        from tradewind_optimize import audit
        from tradewind_optimize.solvers import dual_simplex

        data, n, m = self._arrays(active), self._layout.n, self._layout.m
        end, _, x, duals = dual_simplex.minimise(data, dual_simplex.PIVOTS)
        if end != dual_simplex.OPTIMAL:
            return None
        y, prices = constant(duals[:m]), constant(np.maximum(-duals[m:], 0.0))
        gap = audit.gap(data, constant(x), y, prices, constant(np.zeros(0)))
        broken = audit.violation(data, constant(x))
        proved = max(abs(gap), broken, _gain_beyond(data, y, prices, n)) <= 0.1 * NOTHING
        return (x[:n], duals) if proved else None

    def _arrays(self, active: Flags) -> Arrays:
        m, on, kinks = self._layout.m, active[self._layout.row_elements], self._kinks
        linear, up, down, anchor = self._straight
        priced = np.where(kinks.element >= 0, active[kinks.element], True)
        none = constant(np.zeros(0))
        return Arrays(
            cost=self._cost,
            bend=none,
            target=none,
            lower=self._lower,
            upper=self._upper,
            rows=self._rows,
            row_lower=constant(np.where(on[:m], self._low, -np.inf)),
            row_upper=constant(np.where(on[:m], self._high, np.inf)),
            straight=constant(linear),
            up=constant(np.concatenate([up, kinks.up * priced])),
            down=constant(np.concatenate([down, kinks.down * priced])),
            anchor=constant(np.concatenate([anchor, kinks.anchor])),
            limits=constant(np.where(on[m:], self._limits, np.inf)),
        )


def _gain_beyond(data: Arrays, y: Floats, prices: Floats, n: int) -> float:
    """By how much the Lagrangian falls at most beyond the last and before the first kink of any weight."""
    k, slope = len(prices), data.cost - y @ data.rows + prices @ data.straight
    rising = slope + prices @ data.up[:k] + data.up[k:].sum(axis=0)
    falling = slope - prices @ data.down[:k] - data.down[k:].sum(axis=0)
    return float(np.maximum(-rising, falling)[:n].max(initial=0.0))


def _hinges(layout: Layout) -> tuple[Floats, Floats, Floats, Floats]:
    """(linear, up, down, anchor) of the hinge rows over (w, v), float64[k, n + m + k]; each gives by its own v."""
    n, m, k = layout.n, layout.m, len(layout.hinges)
    linear, up, down, anchor = np.zeros((4, k, n + m + k))
    for j, (_, hinge) in enumerate(layout.hinges):
        up[j, :n], down[j, :n], anchor[j, :n] = hinge.up, hinge.down, hinge.anchor
        linear[j, :n] = 0.0 if hinge.linear is None else hinge.linear
        linear[j, n + m + j] = -1.0
    return linear, up, down, anchor


@dataclass(frozen=True, eq=False)
class _Kinks:
    """Box sides as kinks of the cost, as many a column as it needs: float64[K, n + m + k], K the most of any.

    ``element`` int64: whose price each is; −1 for the price of a linear row's v.
    """

    up: Floats
    down: Floats
    anchor: Floats
    element: Ints

    @classmethod
    def of(cls, layout: Layout) -> _Kinks:
        """The sides of all boxes, the sides of one column one below the other."""
        n, m, k = layout.n, layout.m, len(layout.hinges)
        sides = [side for first, box in layout.boxes for side in _sides(first, box.positions, box.lower, box.upper)]
        used = np.zeros(n + m + k, dtype=np.int64)
        for at, *_ in sides:
            used[at] += 1
        shape = (max(int(used.max(initial=0)), 1 if m else 0), n + m + k)
        up, down, anchor = np.zeros((3, *shape))
        element = np.full(shape, -1, dtype=np.int64)
        used[:] = 0
        for at, bound, elements, rising in sides:
            slot, used[at] = used[at], used[at] + 1
            anchor[slot, at], element[slot, at] = bound, elements
            (up if rising else down)[slot, at] = 1.0 + TILT
        up[:1, n : n + m] = down[:1, n : n + m] = 1.0
        return cls(up, down, anchor, element)


def _sides(
    first: int, positions: Ints, lower: Floats | float, upper: Floats | float
) -> list[tuple[Ints, Floats, Ints, bool]]:
    """(columns, bounds, elements, whether the cost rises above it) of the finite lower and upper sides of a box."""
    out = []
    for side, rising in ((lower, False), (upper, True)):
        bound = np.broadcast_to(np.asarray(side, dtype=np.float64), positions.shape)
        finite = np.flatnonzero(np.isfinite(bound))
        out.append((positions[finite], bound[finite], first + finite, rising))
    return out
