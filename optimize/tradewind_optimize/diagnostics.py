"""What the certificate and the multipliers say, in the user's words: the table of constraints and the spot checks."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from tradewind_optimize.certify import Certificate, lagrangian, row_multipliers
from tradewind_optimize.compile import Compilation
from tradewind_optimize.errors import Violation
from tradewind_optimize.problem import Block, Box, Convex, Floats, Hinge, Linear, Quadratic, RowMatrix, Solution

BINDING = 1e-7
BROKEN = 1e-9
COLUMNS = ["constraint", "label", "side", "value", "lower", "upper", "slack", "shadow_price", "binding"]


@dataclass(frozen=True, eq=False)
class Measured:
    """One block at one portfolio: float64 arrays, one entry a row; ``labels`` name the rows."""

    labels: tuple[Hashable, ...]
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
        return Measured(tuple(labels[at]), weights[at], low, high, block.below, block.above)
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
        for owner, block in compilation.blocks:
            if owner == ordinal:
                reasons += _reasons(measure(block, weights, compilation.universe.labels))
        if reasons:
            most = constraint.most_shown()
            more = [f"… and {len(reasons) - most} more."] if len(reasons) > most else []
            yield Violation(name, repr(constraint), (*reasons[:most], *more))


def _reasons(rows: Measured) -> list[str]:
    out = []
    for i in np.flatnonzero(rows.slack < -BROKEN):
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
        parts: dict[str, list[Any]] = {name: [] for name in COLUMNS}
        pricing = _Pricing(self._compilation, self._solution)
        for ordinal, block in self._compilation.blocks:
            self._add(parts, repr(self._compilation.constraints[ordinal]), block, pricing.of(ordinal, block), every)
        text = {name: pd.Series(parts.pop(name), dtype=object) for name in ("constraint", "label")}
        numbers = {name: np.concatenate([_EMPTY[name], *values]) for name, values in parts.items()}
        return pd.DataFrame({**text, **numbers}, columns=COLUMNS)

    def _add(
        self, parts: dict[str, list[Any]], word: str, block: Block, prices: tuple[Floats, Floats], every: bool
    ) -> None:
        universe, solution = self._compilation.universe, self._solution
        rows = measure(block, universe.current if solution is None else solution.weights, universe.labels)
        slack, (low_price, high_price) = rows.slack, prices
        binding = slack <= BINDING
        nearer = rows.value - rows.lower < rows.upper - rows.value
        lower_side = np.where(low_price == high_price, nearer, low_price > high_price)
        side = np.where(binding, np.where(lower_side, "lower", "upper"), "").astype(object)
        keep = np.flatnonzero(binding | every) if isinstance(block, Box) else np.arange(len(slack))
        parts["constraint"] += [word] * len(keep)
        parts["label"] += [rows.labels[i] for i in keep]
        price = np.maximum(low_price, high_price)
        columns = (side, rows.value, rows.lower, rows.upper, slack, price, binding)
        for name, values in zip(COLUMNS[2:], columns, strict=True):
            parts[name].append(values[keep])


_EMPTY: dict[str, Any] = dict.fromkeys(COLUMNS[3:8], np.zeros(0)) | {
    "side": np.empty(0, dtype=object),
    "binding": np.empty(0, dtype=bool),
}


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
