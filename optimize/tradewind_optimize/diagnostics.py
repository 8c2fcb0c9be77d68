"""What the certificate and the multipliers say, in the user's words: the table of constraints and the spot checks."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, cast

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tradewind_optimize.binding import SIDES, BindingRows, Rows, binding_rows
from tradewind_optimize.certify import Certificate, lagrangian, row_multipliers
from tradewind_optimize.compile import Compilation
from tradewind_optimize.errors import Violation
from tradewind_optimize.problem import (
    BINDING,
    Block,
    Box,
    Convex,
    Floats,
    Hinge,
    Ints,
    Linear,
    Quadratic,
    RowMatrix,
    Solution,
)
from tradewind_optimize.wording import plain

BROKEN = 1e-9
COLUMNS = ["constraint", "label", "side", "value", "lower", "upper", "slack", "shadow_price", "binding"]


@dataclass(frozen=True, eq=False)
class Measured:
    """One block at one portfolio: float64 arrays, one entry a row; ``labels`` name the rows."""

    labels: Sequence[Any]  # or an Index, of which only single entries are read
    value: Floats
    lower: Floats
    upper: Floats
    below: str
    above: str

    @property
    def slack(self) -> Floats:
        """Distance to the nearer bound; negative when violated."""
        return np.minimum(self.value - self.lower, self.upper - self.value)


def measure(block: Block, weights: Floats, labels: pd.Index) -> Measured:
    """The values of a block's rows and their bounds, in the units the user gave them in."""
    if isinstance(block, Box):
        at = block.positions
        low, high = (
            np.broadcast_to(np.asarray(side, dtype=np.float64), at.shape) for side in (block.lower, block.upper)
        )
        names = labels if len(at) == len(labels) and np.array_equal(at, np.arange(len(at))) else labels[at]
        return Measured(cast(Sequence[Any], names), weights[at], low, high, block.below, block.above)
    if isinstance(block, Linear):
        value = RowMatrix.of(block.matrix).dot(weights)
        return Measured(block.labels, value, block.lower, block.upper, block.below, block.above)
    if isinstance(block, Hinge):
        return _single(block, _hinge_value(block, weights), block.bound)
    if isinstance(block, Convex):
        return _single(block, max(block.excess(weights), 0.0), 0.0)
    return _single(block, block.excess(weights) + block.radius, block.radius)


def _hinge_value(block: Hinge, weights: Floats) -> float:
    move = weights - block.anchor
    straight = 0.0 if block.linear is None else float(block.linear @ weights)
    return straight + float(np.where(move > 0, block.up * move, -block.down * move).sum())


def _single(block: Hinge | Quadratic | Convex, value: float, bound: float) -> Measured:
    return Measured((block.label,), np.array([value]), np.array([-np.inf]), np.array([bound]), "", block.above)


def spot_check(compilation: Compilation) -> tuple[Violation, ...]:
    """The constraints that the target, the current and the empty portfolio would break, in that order."""
    universe = compilation.universe
    target = compilation.objective.target(universe)
    portfolios = {"target": target, "current": universe.current, "empty": np.zeros(universe.n)}
    return tuple(
        violation
        for name, weights in portfolios.items()
        if weights is not None
        for violation in _violations(compilation, name, weights)
    )


def _violations(compilation: Compilation, name: str, weights: Floats) -> Iterator[Violation]:
    for ordinal, constraint in enumerate(compilation.constraints):
        reasons: list[str] = []
        most, count = constraint.most_shown(), 0
        for owner, block in compilation.blocks:
            if owner == ordinal:
                rows = measure(block, weights, compilation.universe.labels)
                broken = np.flatnonzero(rows.slack < -BROKEN)
                reasons += _reasons(rows, broken[: most - len(reasons)])
                count += len(broken)
        if reasons:
            more = [f"… and {count - most} more."] if count > most else []
            yield Violation(name, constraint.heading(), (*reasons, *more))


def _reasons(rows: Measured, broken: Ints) -> list[str]:
    out = []
    for i in map(int, broken):
        low = rows.value[i] < rows.lower[i]
        text, bound = (rows.below, rows.lower[i]) if low else (rows.above, rows.upper[i])
        out.append(text.format(label=_shown(rows.labels[i]), value=plain(rows.value[i]), bound=plain(bound)))
    return out


def _shown(label: Hashable) -> str:
    return label if isinstance(label, str) else repr(label)


class Diagnostics:
    """What is known about one optimization.

    Attributes: ``objective`` (the user's objective at the answer; NaN without one), ``solver``, ``iterations``,
    ``certificate`` (None without an answer), ``attempts`` (pairs (solver, what was wrong)).
    """

    def __init__(
        self,
        compilation: Compilation,
        solution: Solution | None,
        certificate: Certificate | None,
        attempts: tuple[tuple[str, str], ...],
    ) -> None:
        self._compilation, self._solution = compilation, solution
        self.certificate = certificate
        self.attempts = attempts
        self.solver = "" if solution is None else solution.solver
        self.iterations = 0 if solution is None else solution.iterations

    @cached_property
    def objective(self) -> float:
        """The user's objective at the answer; NaN without one."""
        problem, solution = self._compilation.problem, self._solution
        value = float("nan") if solution is None else problem.value(solution.weights)
        return problem.sign() * value + 0.0

    @cached_property
    def constraints(self) -> pd.DataFrame:
        """One row for every linear, hinge and quadratic row, and for the box sides that bind or are violated.

        Columns: ``constraint`` (its repr), ``label`` (of the row: an asset, a group, a factor; None where it has none),
        ``side`` ("lower", "upper" or "": the nearer bound where it binds), ``value``, ``lower``, ``upper``, ``slack``
        (distance to the nearer bound, negative if violated), ``shadow_price`` (≥ 0: how much the objective would gain
        per unit of relaxing the binding side), ``binding`` (slack ≤ 1e-7). Without an answer the values are those of
        the current portfolio and the prices NaN.
        """
        return self.table()

    def table(self, every: bool = False) -> pd.DataFrame:
        """The frame of :attr:`constraints`; with ``every`` also the box rows that do not bind."""
        rows = list(self._rows(every))
        slack = _joined([block.slack for block in rows])
        columns: dict[str, Any] = {
            "constraint": pd.Series([block.constraint for block in rows for _ in block.at], dtype=object),
            "label": pd.Series([label for block in rows for label in block.label], dtype=object),
            "side": _joined([block.side for block in rows], object),
            **{name: _joined([getattr(block, name) for block in rows]) for name in ("value", "lower", "upper")},
            "slack": slack,
            "shadow_price": _joined([block.shadow_price for block in rows]),
            "binding": slack <= BINDING,
        }
        return pd.DataFrame(columns, columns=COLUMNS)

    def binding_rows(self) -> BindingRows:
        """The binding rows of :attr:`constraints`: what a recorder keeps of every call."""
        if self._solution is not None and self._compilation.problem.kind == "separable":
            return binding_rows(self._compilation, self._solution)
        return BindingRows(tuple(rows for rows in self._rows(binding_only=True) if len(rows.at)))

    def _rows(self, every: bool = False, binding_only: bool = False) -> Iterator[Rows]:
        """Every block's rows that are shown: all linear and hinge rows; of a box those that bind, or `every` one."""
        compilation, solution = self._compilation, self._solution
        pricing = _Pricing(compilation, solution)
        weights = compilation.universe.current if solution is None else solution.weights
        for ordinal, block in compilation.blocks:
            measured = measure(block, weights, compilation.universe.labels)
            at = np.arange(len(measured.value))
            if binding_only or (isinstance(block, Box) and not every):
                at = np.flatnonzero(measured.slack <= BINDING)
            word = repr(compilation.constraints[ordinal]) if len(at) else ""
            yield _priced(word, measured, at, *pricing.of(ordinal, block, at))


def _priced(word: str, measured: Measured, at: Ints, low_price: Floats, high_price: Floats) -> Rows:
    """Some rows of one block with their prices: of two bounds the dearer, of equally dear ones the nearer is named."""
    value, lower, upper, slack = (part[at] for part in (measured.value, measured.lower, measured.upper, measured.slack))
    at_lower = np.where(low_price == high_price, value - lower < upper - value, low_price > high_price)
    side = SIDES[np.where(slack <= BINDING, np.where(at_lower, 1, 2), 0)]
    return Rows(word, measured.labels, at, side, value, lower, upper, slack, np.maximum(low_price, high_price))


def _joined(parts: list[NDArray[Any]], dtype: Any = np.float64) -> NDArray[Any]:
    return np.concatenate([np.empty(0, dtype=dtype), *parts])


class _Pricing:
    """Hands every block its shadow prices, walking the stacked rows in the order they were compiled."""

    def __init__(self, compilation: Compilation, solution: Solution | None) -> None:
        self._problem, self._solution = compilation.problem, solution
        self._row = self._hinge = self._quadratic = 0
        if solution is not None:
            self._duals = row_multipliers(compilation.problem, solution)
            self._left, self._right = lagrangian(compilation.problem, solution).side_slopes(solution.weights)

    def of(self, ordinal: int, block: Block, keep: Ints) -> tuple[Floats, Floats]:
        """(lower, upper) prices of the rows ``keep`` of the next block; NaN without an answer."""
        if self._solution is None:
            unknown = np.full(len(keep), np.nan)
            return unknown, unknown
        if isinstance(block, Box):
            return self._box(ordinal, block.positions[keep], self._solution.weights)
        if isinstance(block, Linear):
            return self._linear(len(block.lower), keep)
        low, high = self._one(block, self._solution)
        return low[keep], high[keep]

    def _box(self, ordinal: int, at: Ints, weights: Floats) -> tuple[Floats, Floats]:
        problem, w = self._problem, weights[at]
        if problem.general:  # the share of the user's expressions is not known
            return np.full(len(at), np.nan), np.full(len(at), np.nan)
        low = (problem.lower_source[at] == ordinal) & (w <= problem.lower[at] + BINDING)
        high = (problem.upper_source[at] == ordinal) & (w >= problem.upper[at] - BINDING)
        return np.where(low, np.maximum(self._left[at], 0.0), 0.0), np.where(
            high, np.maximum(-self._right[at], 0.0), 0.0
        )

    def _linear(self, height: int, keep: Ints) -> tuple[Floats, Floats]:
        duals = self._duals[self._row : self._row + height][keep]
        self._row += height
        return np.maximum(duals, 0.0), np.maximum(-duals, 0.0)

    def _one(self, block: Hinge | Quadratic | Convex, solution: Solution) -> tuple[Floats, Floats]:
        if isinstance(block, Convex):
            return np.zeros(1), np.full(1, np.nan)
        if isinstance(block, Quadratic):
            price = 2.0 * block.radius * solution.quadratic_duals[self._quadratic]
            self._quadratic += 1
        elif block.bound < np.inf:
            price = solution.hinge_duals[self._hinge]
            self._hinge += 1
        else:
            price = 0.0
        return np.zeros(1), np.array([price])
