"""The rows that bind, as a recorder keeps them of every call: measured in compiled code where that is possible.

For a separable problem with multipliers z = (y, λ) of its coupling rows the derivative of the Lagrangian at wᵢ from
either side,

    φᵢ'(wᵢ ∓ 0) = sᵢ + hᵢ(wᵢ − tᵢ) + Σⱼ pⱼ·(uⱼᵢ or −dⱼᵢ),    s = c − A'y + Σ λⱼgⱼ,

is what the box side holding wᵢ is worth, and a coupling row is worth its multiplier. A row binds when it is within
1e-7 of a bound; of two bounds the one with the larger price is named, of equal ones the nearer.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from typing import Any, NamedTuple, cast

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tradewind_optimize.compile import Compilation
from tradewind_optimize.problem import Box, Floats, Ints, Solution, constant

SIDES = np.array(["", "lower", "upper"], dtype=object)


class Rows(NamedTuple):
    """Rows of one block: which of its ``labels``, the side ("lower", "upper", "": neither), numbers one a row."""

    constraint: str
    labels: Sequence[Any]
    at: Ints
    side: NDArray[np.object_]
    value: Floats
    lower: Floats
    upper: Floats
    slack: Floats
    shadow_price: Floats

    @property
    def label(self) -> list[Hashable]:
        """The label of each row."""
        if isinstance(self.labels, pd.Index) and len(self.at) > 16:  # few are picked faster one by one
            return list(self.labels[self.at])
        return [self.labels[i] for i in self.at.tolist()]

    @property
    def bound(self) -> Floats:
        """The bound of the side."""
        return np.where(self.side == "upper", self.upper, self.lower)


@dataclass(frozen=True, eq=False)
class BindingRows:
    """The binding rows of one optimization as plain columns, one entry a row, in the order of the constraints.

    ``side`` is "lower" or "upper", ``bound`` the bound of that side; ``value``, ``bound`` and ``slack`` are in the
    row's own units; ``shadow_price`` ≥ 0 in the objective's units per unit of the row.
    """

    blocks: tuple[Rows, ...]

    def __len__(self) -> int:
        return sum(len(rows.at) for rows in self.blocks)

    @property
    def constraint(self) -> list[str]:
        """The repr of each row's constraint."""
        return [rows.constraint for rows in self.blocks for _ in range(len(rows.at))]

    @property
    def label(self) -> list[Hashable]:
        """The label of each row: an asset, a group, a factor; None where it has none."""
        return [label for rows in self.blocks for label in rows.label]

    def column(self, name: str) -> NDArray[Any]:
        """One of "side", "value", "bound", "slack" and "shadow_price" for every row."""
        empty = np.empty(0, dtype=object if name == "side" else np.float64)
        return np.concatenate([empty, *(getattr(rows, name) for rows in self.blocks)])


def binding_rows(compilation: Compilation, solution: Solution) -> BindingRows:
    """The binding rows of a separable problem at its solution."""
    from tradewind_optimize.audit import priced

    data, weights = compilation.problem.arrays, constant(solution.weights)
    left, right, *coupling = priced(data, weights, constant(solution.row_duals), constant(solution.hinge_duals))
    found = [*_coupling_rows(compilation, coupling), *_box_rows(compilation, weights, left, right)]
    return BindingRows(tuple(rows for _, rows in sorted(found, key=itemgetter(0))))


def _coupling_rows(compilation: Compilation, coupling: Sequence[NDArray[Any]]) -> Iterator[tuple[int, Rows]]:
    """(ordinal of the constraint, its binding linear and hinge rows)."""
    problem, at = compilation.problem, coupling[0]
    names = (*problem.row_labels, *problem.hinge_labels)
    sources = np.concatenate([problem.row_source, problem.hinge_source])[at]
    start = 0
    for ordinal, run in groupby(sources.tolist()):
        stop = start + len(list(run))
        yield ordinal, _rows(compilation, ordinal, names, [part[start:stop] for part in coupling])
        start = stop


def _box_rows(compilation: Compilation, weights: Floats, left: Floats, right: Floats) -> Iterator[tuple[int, Rows]]:
    """(ordinal of the constraint, the assets at an end of its box)."""
    from tradewind_optimize.audit import touching

    problem, labels = compilation.problem, cast(Sequence[Any], compilation.universe.labels)
    for ordinal, block in compilation.blocks:
        if isinstance(block, Box):
            sides = (_one_each(side, len(block.positions)) for side in (block.lower, block.upper))
            owned = problem.lower_source, problem.upper_source, ordinal
            at, *numbers = touching(problem.arrays, weights, left, right, *owned, block.positions, *sides)
            if len(at):
                yield ordinal, _rows(compilation, ordinal, labels, (at, *numbers))


def _rows(compilation: Compilation, ordinal: int, labels: Sequence[Any], columns: Sequence[NDArray[Any]]) -> Rows:
    at, side, *numbers = columns
    return Rows(repr(compilation.constraints[ordinal]), labels, at, SIDES[side], *numbers)


def _one_each(bound: Floats | float, count: int) -> Floats:
    return constant(bound) if isinstance(bound, np.ndarray) and bound.ndim else np.full(count, float(bound))
