"""What crosses from the words to the solvers and back: blocks, CompiledProblem, Solution. Frozen arrays only.

A constraint yields *blocks* (Box, Linear, Hinge, Quadratic, Convex) over integer positions; ``compile`` stacks them
into one :class:`CompiledProblem`

    minimise   c'w + ½ Σ hᵢ(wᵢ − tᵢ)² + Σⱼ Σᵢ [uⱼᵢ(wᵢ − aⱼᵢ)⁺ + dⱼᵢ(aⱼᵢ − wᵢ)⁺] + ½ (w − b)'F D F'(w − b)
    subject to l ≤ w ≤ u                                          box
               rl ≤ A w ≤ ru                                      rows
               g'w + Σ uᵢ(wᵢ − aᵢ)⁺ + dᵢ(aᵢ − wᵢ)⁺ ≤ r            hinge rows, u, d ≥ 0 (gross: a = 0; turnover: current)
               (w − b)'F D F'(w − b) ≤ r²                         quadratic bounds

and a solver answers with a :class:`Solution`. Multipliers: y > 0 belongs to a lower row bound, y < 0 to an upper one,
hinge and quadratic multipliers are ≥ 0; the box needs none (its prices follow from the others, see ``certify``).
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Kind = Literal["separable", "factor", "rows", "conic", "cvxpy"]
Status = Literal["optimal", "infeasible", "unbounded", "failed"]

MANY_ROWS = 64  # more coupling rows than this leave the dual kernels' territory
BINDING = 1e-7  # a row this close to a bound binds
KINK = 1e-9  # a weight this close to a kink sits on it
OBJECTIVE = -1  # the source of a bound that no constraint gave
_DENSE_LIMIT = 4_000_000  # entries; larger row matrices are kept as triplets


def _frozen(array: Any) -> Floats:
    out = np.ascontiguousarray(array, dtype=np.float64)
    out = out.copy() if out is array else out
    out.setflags(write=False)
    return out


@dataclass(frozen=True, eq=False)
class Box:
    """lower ≤ w[positions] ≤ upper. ``below``, ``above``: sentences for a breach, with {label}, {value}, {bound}."""

    positions: Ints
    lower: Floats | float
    upper: Floats | float
    below: str = "New weight for {label} ({value}) would be less than min weight ({bound})."
    above: str = "New weight for {label} ({value}) would be greater than max weight ({bound})."


@dataclass(frozen=True, eq=False)
class Linear:
    """lower ≤ A w ≤ upper, one row a label; ``matrix`` is float64[m, n] or a :class:`RowMatrix`."""

    matrix: Floats | RowMatrix
    lower: Floats
    upper: Floats
    labels: tuple[Hashable, ...]
    below: str = "Exposure to {label} ({value}) would be less than min exposure ({bound})."
    above: str = "Exposure to {label} ({value}) would be greater than max exposure ({bound})."


@dataclass(frozen=True, eq=False)
class Hinge:
    """linear'w + Σ up·(w − anchor)⁺ + down·(anchor − w)⁺ ≤ bound; all arrays float64[n], up and down ≥ 0."""

    up: Floats
    down: Floats
    anchor: Floats
    bound: float
    above: str
    linear: Floats | None = None
    label: Hashable = None


@dataclass(frozen=True, eq=False)
class Quadratic:
    """(w − center)'(F diag(D) F' + diag(S))(w − center) ≤ radius²; F float64[n, k], D float64[k] ≥ 0.

    ``specific`` S float64[n] ≥ 0 may be left out.
    """

    factors: Floats
    scales: Floats
    center: Floats
    radius: float
    above: str = "Risk ({value}) would be greater than max risk ({bound})."
    label: Hashable = None
    specific: Floats | None = None

    def value(self, weights: Floats) -> float:
        """(w − b)'(FDF' + S)(w − b)."""
        away = weights - self.center
        along = away @ self.factors
        own = 0.0 if self.specific is None else float(self.specific @ away**2)
        return float(along @ (self.scales * along)) + own

    def gradient(self, weights: Floats) -> Floats:
        """2 (F D F' + S)(w − b), float64[n]."""
        away = weights - self.center
        slope = self.factors @ (self.scales * (away @ self.factors))
        return np.asarray(2.0 * (slope if self.specific is None else slope + self.specific * away))

    def excess(self, weights: Floats) -> float:
        """By how much the root of the left side exceeds the radius."""
        return float(np.sqrt(max(self.value(weights), 0.0))) - self.radius


@dataclass(frozen=True, eq=False)
class Convex:
    """Constraints written in cvxpy: ``build(w)`` gets a cvxpy Variable (n,) and returns one constraint or more.

    They are solved by the general path and by no other.
    """

    build: Callable[[Any], Any]
    label: Hashable = None
    above: str = "It would be violated by {value}."

    def constraints(self, variable: Any) -> list[Any]:
        """The cvxpy constraints on a variable."""
        built = self.build(variable)
        return list(built) if isinstance(built, Sequence) else [built]

    def excess(self, weights: Floats) -> float:
        """The largest violation of any of them."""
        import cvxpy

        held = cvxpy.Variable(len(weights), value=weights)
        return max((float(np.max(part.violation())) for part in self.constraints(held)), default=0.0)


Block = Box | Linear | Hinge | Quadratic | Convex


@dataclass(frozen=True, eq=False)
class RowMatrix:
    """An m × n matrix: ``dense`` (float64[m, n]) or, when that is None, row-major triplets of its nonzeros."""

    shape: tuple[int, int]
    dense: Floats | None
    rows: Ints = field(default_factory=lambda: np.empty(0, dtype=np.int64))
    columns: Ints = field(default_factory=lambda: np.empty(0, dtype=np.int64))
    values: Floats = field(default_factory=lambda: np.empty(0))

    @classmethod
    def of(cls, matrix: Floats | RowMatrix) -> RowMatrix:
        """The matrix itself, or a dense one around an array."""
        if isinstance(matrix, RowMatrix):
            return matrix
        return cls((matrix.shape[0], matrix.shape[1]), matrix)

    @classmethod
    def stack(cls, parts: list[RowMatrix], n: int) -> RowMatrix:
        """All rows of the parts in order: dense while that stays small, else triplets."""
        m = sum(part.shape[0] for part in parts)
        if all(part.dense is not None for part in parts) or m * n <= _DENSE_LIMIT:
            stacked = np.zeros((m, n))
            np.concatenate([np.zeros((0, n)), *(part.to_dense() for part in parts)], out=stacked)
            stacked.setflags(write=False)
            return cls((m, n), stacked)
        starts = np.cumsum([0] + [part.shape[0] for part in parts])
        pieces = [part.triplets() for part in parts]
        rows = np.concatenate([r + start for (r, _, _), start in zip(pieces, starts, strict=False)])
        columns = np.concatenate([c for _, c, _ in pieces])
        return cls((m, n), None, rows, columns, np.concatenate([v for _, _, v in pieces]))

    def triplets(self) -> tuple[Ints, Ints, Floats]:
        """(rows, columns, values) of the nonzeros, row-major."""
        if self.dense is None:
            return self.rows, self.columns, self.values
        rows, columns = np.nonzero(self.dense)
        return rows, columns, self.dense[rows, columns]

    def to_dense(self) -> Floats:
        """float64[m, n]."""
        if self.dense is not None:
            return self.dense
        out = np.zeros(self.shape)
        np.add.at(out, (self.rows, self.columns), self.values)
        return out

    def dot(self, weights: Floats) -> Floats:
        """A w, float64[m]."""
        if self.dense is not None:
            return self.dense @ weights
        out = np.bincount(self.rows, self.values * weights[self.columns], minlength=self.shape[0])
        return np.asarray(out, dtype=np.float64)

    def transpose_dot(self, duals: Floats) -> Floats:
        """A'y, float64[n]."""
        if self.dense is not None:
            return duals @ self.dense
        out = np.bincount(self.columns, self.values * duals[self.rows], minlength=self.shape[1])
        return np.asarray(out, dtype=np.float64)

    def row_scale(self) -> Floats:
        """The largest |entry| of every row, float64[m]."""
        if self.dense is not None:
            return np.abs(self.dense).max(axis=1, initial=0.0)
        out = np.zeros(self.shape[0])
        np.maximum.at(out, self.rows, np.abs(self.values))
        return out


@dataclass(frozen=True, eq=False)
class HingeSet:
    """k hinge functions over n assets: ``linear``, ``up``, ``down``, ``anchor`` are float64[k, n]."""

    linear: Floats
    up: Floats
    down: Floats
    anchor: Floats

    def __len__(self) -> int:
        return len(self.up)

    @classmethod
    def empty(cls, n: int) -> HingeSet:
        """No hinge function at all."""
        none = _frozen(np.zeros((0, n)))
        return cls(none, none, none, none)

    def values(self, weights: Floats) -> Floats:
        """linear'w + Σ up(w − anchor)⁺ + down(anchor − w)⁺ for each, float64[k]."""
        if not len(self):
            return np.zeros(0)
        move = weights - self.anchor
        return np.asarray((self.linear * weights + np.where(move > 0, self.up * move, -self.down * move)).sum(axis=1))


class Arrays(NamedTuple):
    """A separable problem for compiled code, read-only and C-contiguous; kink functions: k hinge rows, then costs."""

    cost: Floats  # c[n], linear parts of the costs included
    bend: Floats  # h[n], or [0] for a linear objective
    target: Floats  # t[n], or [0]
    lower: Floats  # l[n]
    upper: Floats  # u[n]
    rows: Floats  # A[m, n]
    row_lower: Floats  # [m]
    row_upper: Floats  # [m]
    straight: Floats  # linear parts of the hinge rows [k, n]
    up: Floats  # [K, n]
    down: Floats  # [K, n]
    anchor: Floats  # [K, n]
    limits: Floats  # [k]


def constant(array: Floats) -> Floats:
    """A read-only C-contiguous view, so that compiled code meets one type only."""
    out = np.ascontiguousarray(array)
    if out.flags.writeable:
        out = out.view()
        out.setflags(write=False)
    return out


def _no_rows(n: int) -> tuple[Floats, Floats, Floats]:
    return np.zeros((0, n)), np.zeros(0), np.zeros(0)


@dataclass(frozen=True, eq=False)
class CompiledProblem:
    """One problem in frozen arrays; absent parts have length 0. Every row and box side knows who gave it.

    Objective: ``linear`` c[n]; ``curvature`` h[n] and ``target`` t[n]; ``costs`` hinge costs; ``factors`` F[n, k],
    ``factor_scales`` D[k], ``factor_center`` b[n]; ``constant``; ``maximize`` (the user's sense: the arrays always
    minimise); ``exits`` positions that the objective wants at 0 if that is possible.
    Constraints: ``lower``, ``upper`` [n]; ``rows``, ``row_lower``, ``row_upper`` [m]; ``hinges``, ``hinge_bounds`` [k];
    ``quadratics``; ``general`` (expressions for the cvxpy path).
    Sources: ``lower_source``, ``upper_source`` int64[n], ``row_source`` int64[m], ``hinge_source``,
    ``quadratic_source``: the ordinal of the constraint in the user's list, −1 where none; ``row_labels``,
    ``hinge_labels``: the row's label (a box side is labelled by its asset).
    """

    current: Floats
    linear: Floats
    curvature: Floats
    target: Floats
    costs: HingeSet
    factors: Floats
    factor_scales: Floats
    factor_center: Floats
    constant: float
    maximize: bool
    exits: Ints
    lower: Floats
    upper: Floats
    rows: RowMatrix
    row_lower: Floats
    row_upper: Floats
    hinges: HingeSet
    hinge_bounds: Floats
    quadratics: tuple[Quadratic, ...]
    general: tuple[Convex, ...]
    lower_source: Ints
    upper_source: Ints
    row_source: Ints
    row_labels: tuple[Hashable, ...]
    hinge_source: Ints
    hinge_labels: tuple[Hashable, ...]
    quadratic_source: Ints

    @property
    def n(self) -> int:
        """Number of assets."""
        return len(self.lower)

    @property
    def m(self) -> int:
        """Number of two-sided linear rows."""
        return self.rows.shape[0]

    @cached_property
    def kind(self) -> Kind:
        """Which family of solvers fits, from what is present."""
        if self.general:
            return "cvxpy"
        if self.quadratics:
            return "conic"
        if self.m + len(self.hinges) > MANY_ROWS or self.rows.dense is None:
            return "rows"
        return "factor" if len(self.factor_scales) else "separable"

    @cached_property
    def arrays(self) -> Arrays:
        """The separable part for compiled code; rows that are kept as triplets are left out."""
        costs, hinges, bent = self.costs, self.hinges, len(self.curvature) > 0
        parts = (
            self.linear + costs.linear.sum(axis=0) if len(costs) else self.linear,
            self.curvature,
            self.target if bent else self.curvature,
            self.lower,
            self.upper,
            *((self.rows.dense, self.row_lower, self.row_upper) if self.rows.dense is not None else _no_rows(self.n)),
            hinges.linear,
            np.concatenate([hinges.up, costs.up]) if len(costs) else hinges.up,
            np.concatenate([hinges.down, costs.down]) if len(costs) else hinges.down,
            np.concatenate([hinges.anchor, costs.anchor]) if len(costs) else hinges.anchor,
            self.hinge_bounds,
        )
        return Arrays(*map(constant, parts))

    @property
    def is_linear(self) -> bool:
        """Whether the objective has no quadratic part (a linear program, unless there are quadratic bounds)."""
        return not len(self.curvature) and not len(self.factor_scales)

    def value(self, weights: Floats) -> float:
        """The minimised objective at ``weights``, in the user's units (negated alpha for a maximisation)."""
        total = self.constant + float(self.linear @ weights) + float(self.costs.values(weights).sum())
        if len(self.curvature):
            total += 0.5 * float(self.curvature @ (weights - self.target) ** 2)
        return total + self.factor_value(weights)

    def factor_value(self, weights: Floats) -> float:
        """½ (w − b)'F D F'(w − b)."""
        if not len(self.factor_scales):
            return 0.0
        along = (weights - self.factor_center) @ self.factors
        return 0.5 * float(along @ (self.factor_scales * along))

    def sign(self) -> float:
        """−1 when the user maximises, else +1: user's objective = sign × value."""
        return -1.0 if self.maximize else 1.0


@dataclass(frozen=True, eq=False)
class Solution:
    """What a solver answers: its status word, weights float64[n] and the multipliers of rows, hinges and quadratics.

    Arrays are empty unless ``status`` is "optimal", but for the multipliers of a ray that proves "infeasible". ``note``
    is the solver's own word for how it ended; ``gap`` its own duality gap in objective units, which counts only where
    general terms keep the certificate from computing one.
    """

    status: Status
    solver: str
    weights: Floats
    row_duals: Floats
    hinge_duals: Floats
    quadratic_duals: Floats
    iterations: int = 0
    note: str = ""
    gap: float = float("nan")

    @classmethod
    def without_answer(
        cls, status: Status, solver: str, note: str = "", iterations: int = 0, ray: tuple[Floats, Floats] | None = None
    ) -> Solution:
        """A solution that carries only its status, and perhaps the multipliers of rows and hinge rows that prove it."""
        none = np.zeros(0)
        row_duals, hinge_duals = (none, none) if ray is None else ray
        return cls(status, solver, none, row_duals, hinge_duals, none, iterations, note)
