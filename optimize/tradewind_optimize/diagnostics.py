"""What the certificate and the multipliers say, in the user's words: the table of constraints and the spot checks."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple, cast

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tradewind_optimize.certify import Certificate, lagrangian, row_multipliers
from tradewind_optimize.compile import Compilation
from tradewind_optimize.errors import Violation
from tradewind_optimize.problem import Block, Box, Convex, Floats, Hinge, Ints, Linear, Quadratic, RowMatrix, Solution

BINDING = 1e-7
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

    def named(self, at: Ints) -> list[Hashable]:
        """The labels of some rows."""
        if isinstance(self.labels, pd.Index) and len(at) > 16:  # few are picked faster one by one
            return list(self.labels[at])
        return [self.labels[int(i)] for i in at]

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
            yield Violation(name, repr(constraint), (*reasons, *more))


def _reasons(rows: Measured, broken: Ints) -> list[str]:
    out = []
    for i in map(int, broken):
        low = rows.value[i] < rows.lower[i]
        text, bound = (rows.below, rows.lower[i]) if low else (rows.above, rows.upper[i])
        out.append(text.format(label=_shown(rows.labels[i]), value=_plain(rows.value[i]), bound=_plain(bound)))
    return out


def _shown(label: Hashable) -> str:
    return label if isinstance(label, str) else repr(label)


def _plain(value: float) -> str:
    """A float with the noise of the last digits rounded away: 0.1, 0.0, 1e-05."""
    rounded = float(f"{value:.10g}") if abs(value) > 1e-12 else 0.0
    return repr(rounded)


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
        problem = compilation.problem
        value = float("nan") if solution is None else problem.value(solution.weights)
        self.objective = problem.sign() * value + 0.0

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
        words = [row.word for row in rows for _ in row.keep]
        labels = [label for row in rows for label in row.measured.named(row.keep)]
        columns: dict[str, Any] = {
            "constraint": pd.Series(words, dtype=object),
            "label": pd.Series(labels, dtype=object),
            "side": _joined([row.side for row in rows], object),
            "value": _joined([row.measured.value[row.keep] for row in rows]),
            "lower": _joined([row.measured.lower[row.keep] for row in rows]),
            "upper": _joined([row.measured.upper[row.keep] for row in rows]),
            "slack": _joined([row.slack for row in rows]),
            "shadow_price": _joined([row.price for row in rows]),
            "binding": _joined([row.slack <= BINDING for row in rows], np.bool_),
        }
        return pd.DataFrame(columns, columns=COLUMNS)

    def binding_rows(self) -> BindingRows:
        """The binding rows of :attr:`constraints` as plain columns: what a recorder keeps of every call."""
        out = BindingRows([], [], [], [], [], [], [])
        for row in self._rows(False):
            binding = np.flatnonzero(row.slack <= BINDING)
            if not len(binding):
                continue
            at = row.keep[binding]
            side = row.side[binding]
            out.constraint.extend([row.word] * len(at))
            out.label.extend(row.measured.named(at))
            out.side.extend(side.tolist())
            out.value.extend(row.measured.value[at].tolist())
            out.bound.extend(np.where(side == "upper", row.measured.upper[at], row.measured.lower[at]).tolist())
            out.slack.extend(row.slack[binding].tolist())
            out.shadow_price.extend(row.price[binding].tolist())
        return out

    def _rows(self, every: bool) -> Iterator[_Rows]:
        """Every block's rows that are shown: all of a linear or hinge row, of a box those that bind."""
        compilation, solution = self._compilation, self._solution
        pricing = _Pricing(compilation, solution)
        weights = compilation.universe.current if solution is None else solution.weights
        for ordinal, block in compilation.blocks:
            low_price, high_price = pricing.of(ordinal, block)
            rows = measure(block, weights, compilation.universe.labels)
            slack = rows.slack
            keep = np.arange(len(slack))
            if isinstance(block, Box) and not every:
                keep = np.flatnonzero(slack <= BINDING)
            slack, low_price, high_price = slack[keep], low_price[keep], high_price[keep]
            nearer = rows.value[keep] - rows.lower[keep] < rows.upper[keep] - rows.value[keep]
            at_lower = np.where(low_price == high_price, nearer, low_price > high_price)
            side = _SIDES[np.where(slack <= BINDING, np.where(at_lower, 1, 2), 0)]
            word = repr(compilation.constraints[ordinal]) if len(keep) else ""
            yield _Rows(word, rows, keep, side, slack, np.maximum(low_price, high_price))


_SIDES = np.array(["", "lower", "upper"], dtype=object)


class BindingRows(NamedTuple):
    """Columns of the rows that bind: ``bound`` is that of ``side`` ("lower" or "upper"), in the row's own units."""

    constraint: list[str]
    label: list[Hashable]
    side: list[str]
    value: list[float]
    bound: list[float]
    slack: list[float]
    shadow_price: list[float]


@dataclass(frozen=True, eq=False)
class _Rows:
    """Some rows of one block: ``keep`` says which; side, slack and price are theirs."""

    word: str
    measured: Measured
    keep: Ints
    side: NDArray[np.object_]
    slack: Floats
    price: Floats


def _joined(parts: list[NDArray[Any]], dtype: Any = np.float64) -> NDArray[Any]:
    return np.concatenate([np.empty(0, dtype=dtype), *parts])


class _Pricing:
    """Hands every block its shadow prices, walking the stacked rows in the order they were compiled."""

    def __init__(self, compilation: Compilation, solution: Solution | None) -> None:
        self._problem, self._solution = compilation.problem, solution
        self._row = self._hinge = self._quadratic = 0
        if solution is not None:
            self._duals = row_multipliers(compilation.problem, solution)
            self._left, self._right = lagrangian(compilation.problem, solution).side_slopes(solution.weights, 1e-9)

    def of(self, ordinal: int, block: Block) -> tuple[Floats, Floats]:
        """(lower, upper) prices, one a row; NaN without an answer."""
        if self._solution is None:
            unknown = np.full(_height(block), np.nan)
            return unknown, unknown
        if isinstance(block, Box):
            return self._box(ordinal, block, self._solution.weights)
        if isinstance(block, Linear):
            return self._linear(block)
        return self._one(block, self._solution)

    def _box(self, ordinal: int, block: Box, weights: Floats) -> tuple[Floats, Floats]:
        problem, at = self._problem, block.positions
        if problem.general:  # the share of the user's expressions is not known
            return np.full(len(at), np.nan), np.full(len(at), np.nan)
        low = (problem.lower_source[at] == ordinal) & (weights[at] <= problem.lower[at] + BINDING)
        high = (problem.upper_source[at] == ordinal) & (weights[at] >= problem.upper[at] - BINDING)
        return np.where(low, np.maximum(self._left[at], 0.0), 0.0), np.where(
            high, np.maximum(-self._right[at], 0.0), 0.0
        )

    def _linear(self, block: Linear) -> tuple[Floats, Floats]:
        duals = self._duals[self._row : self._row + len(block.lower)]
        self._row += len(block.lower)
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


def _height(block: Block) -> int:
    if isinstance(block, Box):
        return len(block.positions)
    return len(block.lower) if isinstance(block, Linear) else 1
