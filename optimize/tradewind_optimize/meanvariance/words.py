"""The portfolio problem in the house's own words: objectives and constraints over weights w = x / |s|.

    minimise  w'Σw + ρ w'w   subject to   Σ w = ±1,  r'w = μ,  boxes,  limits on sets

A Query becomes one objective and a list of constraints, and ``compile_problem`` does the rest, so a mean-variance
problem is solved, certified and explained like every other one.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from tradewind_optimize.compile import Compilation, compile_problem
from tradewind_optimize.constraints.base import Constraint
from tradewind_optimize.labels import Column, Floats, Ints, Keys, Universe
from tradewind_optimize.meanvariance.query import Limit, Query
from tradewind_optimize.objectives import Objective, Terms
from tradewind_optimize.problem import Block, Box, Hinge, Linear

PULL = 1e-9
"""How far limits are pulled in, as a fraction of |s|, so that answers rounded elsewhere still satisfy them."""


class MinimumVariance(Objective):
    """minimise w'(diag(q) + L diag(d) L')w.

    Parameters: ``keys``, the assets; ``diagonal`` q float64[n]; ``loadings`` L float64[n, k]; ``scales`` d float64[k].
    """

    def __init__(self, keys: Keys, diagonal: Floats, loadings: Floats, scales: Floats) -> None:
        self._keys, self._diagonal, self._loadings, self._scales = keys, diagonal, loadings, scales

    def labels(self) -> Keys:
        """The assets."""
        return self._keys

    def terms(self, universe: Universe, held: Ints) -> Terms:
        """h = 2q around 0 and the factors with scales 2d."""
        n = universe.n
        return Terms(
            curvature=2.0 * self._diagonal if self._diagonal.any() else np.zeros(0),
            target=np.zeros(n) if self._diagonal.any() else np.zeros(0),
            factors=self._loadings,
            factor_scales=2.0 * self._scales,
            factor_center=np.zeros(n),
        )


class MaximumReturn(Objective):
    """maximise r'w; parameters ``keys`` and ``returns`` float64[n]."""

    def __init__(self, keys: Keys, returns: Floats) -> None:
        self._keys, self._returns = keys, returns

    def labels(self) -> Keys:
        """The assets."""
        return self._keys

    def terms(self, universe: Universe, held: Ints) -> Terms:
        """c = −r."""
        return Terms(linear=-self._returns, maximize=True)


@dataclass(frozen=True, eq=False)
class Row(Constraint):
    """lower ≤ coefficients'w ≤ upper, under a name."""

    name: str
    coefficients: Floats
    lower: float
    upper: float

    def rows(self, universe: Universe) -> Iterable[Block]:
        """One linear row."""
        sides = (np.array([self.lower]), np.array([self.upper]))
        yield Linear(self.coefficients[None, :], *sides, (self.name,))

    def __repr__(self) -> str:
        return f"{self.name}: {self.lower:g} ≤ row ≤ {self.upper:g}"


@dataclass(frozen=True, eq=False)
class Bounds(Constraint):
    """lower ≤ w ≤ upper asset by asset (float64[n], ±inf for no bound), under a name."""

    name: str
    lower: Floats
    upper: Floats

    def rows(self, universe: Universe) -> Iterable[Block]:
        """One box over every asset."""
        yield Box(universe.everyone, self.lower, self.upper)

    def __repr__(self) -> str:
        return self.name


@dataclass(frozen=True, eq=False)
class Bent(Constraint):
    """linear'w + Σ up(w − anchor)⁺ + down(anchor − w)⁺ ≤ bound, under a name."""

    name: str
    up: Floats
    down: Floats
    anchor: Floats
    bound: float
    linear: Floats | None = None

    def rows(self, universe: Universe) -> Iterable[Block]:
        """One hinge row."""
        above = f"{self.name} ({{value}}) would be greater than {{bound}}."
        yield Hinge(self.up, self.down, self.anchor, self.bound, above, self.linear, self.name)

    def __repr__(self) -> str:
        return f"{self.name} ≤ {self.bound:g}"


def keys_of(query: Query) -> Keys:
    """The assets by their labels, or by position."""
    return Keys(pd.Index(query.labels) if query.labels is not None else pd.RangeIndex(query.n))


def variance_scale(query: Query) -> float:
    """The largest variance of an asset, ρ included: the unit of the compiled objective (1 when all is zero)."""
    return query.risk.largest() + query.rho or 1.0


def return_scale(query: Query) -> float:
    """The largest |r|, the unit of the compiled return row (1 when all returns are zero)."""
    return float(np.abs(query.r).max(initial=0.0)) or 1.0


def minimum_variance(query: Query) -> MinimumVariance:
    """The objective of a query in units of :func:`variance_scale`."""
    unit, risk = variance_scale(query), query.risk
    return MinimumVariance(keys_of(query), (risk.diagonal + query.rho) / unit, risk.loadings, risk.scales / unit)


def budget(query: Query) -> list[Constraint]:
    """Σ w = s/|s|, then bounds and options: what must hold before any constraint is looked at."""
    n, size = query.n, query.size
    held, free = query.x0 / size, np.full(n, np.inf)
    sign = query.total / size
    out: list[Constraint] = [Row("cashflow", np.ones(n), sign, sign)]
    if np.isfinite(query.lower).any() or np.isfinite(query.upper).any():
        out.append(Bounds("bounds", query.lower / size, query.upper / size))
    if not query.short:
        out.append(Bounds("short", np.zeros(n), free))
    if not query.buy:
        out.append(Bounds("buy", -free, held))
    if not query.sell:
        out.append(Bounds("sell", held, free))
    return out


def required_return(query: Query, mu: float) -> Row:
    """r'w = μ, in units of :func:`return_scale`."""
    unit = return_scale(query)
    return Row("mu", query.r / unit, mu / unit, mu / unit)


def limit(query: Query, given: Limit, pull: float) -> list[Constraint]:
    """One constraint of the query as words; ``pull`` moves its bounds inwards (0 leaves them)."""
    member = np.zeros(query.n)
    member[given.members] = 1.0
    held, size = query.x0 / query.size, query.size
    lower, upper = given.lower / size, given.upper / size
    if given.function in ("sum", "return"):
        row = member if given.function == "sum" else member * query.r
        if given.function == "sum" and upper - lower > 2 * pull:
            lower, upper = lower + pull, upper - pull
        return [Row(given.label, row, lower, upper)] if lower > -np.inf or upper < np.inf else []
    if upper == np.inf:
        return []
    none = np.zeros(query.n)
    sold = given.function == "sales"
    up, down = (none, member) if given.function in ("sales", "leverage") else (member, none)
    anchor = none if given.function == "leverage" else held
    if not query.relative:
        return [Bent(given.label, up, down, anchor, max(upper - pull, 0.0) if upper >= 0 else upper)]
    # relative: the bound is a fraction of Σ_S x (leverage) or of Σ_S (x − x0) (sales, buys); the factor has no unit
    fraction = given.upper
    base = 0.0 if given.function == "leverage" else float(member @ held)
    pulled = -fraction * base - (pull if sold else 0.0)
    return [Bent(given.label, up, down, anchor, pulled, -fraction * member)]


def limits(query: Query, pull: float = PULL) -> list[Constraint]:
    """All constraints of the query."""
    return [word for given in query.limits for word in limit(query, given, pull)]


def compiled(query: Query, objective: Objective, constraints: list[Constraint]) -> Compilation:
    """The house's compilation, the holdings as current weights."""
    keys = keys_of(query)
    held = np.array(query.x0 / query.size)
    held.setflags(write=False)
    return compile_problem(objective, constraints, Column(keys, held))
