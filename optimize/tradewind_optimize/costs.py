"""What trading costs, taken off an objective: linear and quadratic in the change from the current portfolio."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from tradewind_optimize.errors import InvalidParameter, InvalidType
from tradewind_optimize.labels import Column, Floats, Ints, Keys, Universe, column
from tradewind_optimize.objectives import Objective, Terms
from tradewind_optimize.parameters import number
from tradewind_optimize.problem import HingeSet
from tradewind_optimize.wording import mapped, plain


class Penalty:
    """A convex price of a portfolio, in the units of the objective it is taken off. Subclasses implement one method.

    An objective that is maximised gets the penalty subtracted, one that is minimised gets it added.
    """

    def terms(self, universe: Universe) -> Terms:
        """The price over the universe's positions, ≥ 0: any of linear, curvature with target, costs, constant."""
        raise NotImplementedError(f"{type(self).__name__} must implement terms(universe)")

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"


class TransactionCost(Penalty):
    """Σ κᵢ |wᵢ − current wᵢ|: every unit of weight traded costs κ.

    Parameters: ``rates``, κ as one number ≥ 0 or a Series or dict from asset to number (0.001 is 10 basis points of
    the value traded); ``default_rate``, κ of the assets a map does not list. Small improvements no longer pay: weights
    stay where they are until the gain of moving exceeds the cost.
    """

    def __init__(self, rates: Any, default_rate: float = 0.0) -> None:
        self._rates = _PerAsset(rates, default_rate, type(self).__name__, "rate")

    def __repr__(self) -> str:
        return f"TransactionCost({self._rates!r})"

    def terms(self, universe: Universe) -> Terms:
        """One hinge cost anchored at the current weights."""
        rates = self._rates.over(universe)[None]
        if not rates.any():
            return Terms()
        none = np.zeros_like(rates)
        return Terms(costs=HingeSet(none, rates, rates, universe.current[None].copy()))


class TurnoverPenalty(Penalty):
    """Σ γᵢ (wᵢ − current wᵢ)²: large trades cost more than in proportion, as market impact does.

    Parameters: ``strengths``, γ as one number ≥ 0 or a Series or dict from asset to number; ``default_strength``, γ of
    the assets a map does not list.
    """

    def __init__(self, strengths: Any, default_strength: float = 0.0) -> None:
        self._strengths = _PerAsset(strengths, default_strength, type(self).__name__, "strength")

    def __repr__(self) -> str:
        return f"TurnoverPenalty({self._strengths!r})"

    def terms(self, universe: Universe) -> Terms:
        """h = 2γ around the current weights."""
        strengths = self._strengths.over(universe)
        return Terms(curvature=2.0 * strengths, target=universe.current) if strengths.any() else Terms()


class _PerAsset:
    """One number ≥ 0 for every asset, or a map with a default."""

    def __init__(self, given: Any, default: Any, word: str, what: str) -> None:
        self._values: Column | None = None
        if isinstance(given, (pd.Series, Mapping)):
            self._values = column(given, word, f"{what}s", "Drop those assets: the default applies.")
            if (self._values.values < 0).any():
                at = int(np.argmin(self._values.values))
                found = f"{self._values.values[at]:g} for {self._values.keys.index[at]!r}"
                raise InvalidParameter(word, f"{what}s", found, "≥ 0 for every asset")
            self._default = number(word, f"default_{what}", default, least=0.0)
        elif hasattr(given, "__float__"):
            self._default = number(word, f"{what}s", given, least=0.0)
        else:
            raise InvalidType(word, f"{what}s", given, "a number or a map from asset to number")

    def __repr__(self) -> str:
        if self._values is None:
            return plain(self._default)
        given = mapped(dict(zip(self._values.keys, self._values.values, strict=True)))
        return f"{given}, {plain(self._default)}" if self._default else given

    def over(self, universe: Universe) -> Floats:
        """float64[n]."""
        if self._values is None:
            return np.full(universe.n, self._default)
        return universe.align(self._values, self._default)


class Penalized(Objective):
    """The objective with penalties: f(w) + Σ penalties for one that is minimised, f(w) − Σ penalties for a gain.

    Parameters: ``objective``, any Objective; ``penalties``, one or more of TransactionCost, TurnoverPenalty or another
    Penalty. The variables, the exits (held assets the objective does not name leave, whatever that costs) and the spot
    checks are those of the objective. MaximizeAlpha with TransactionCost is a linear program like MaximizeAlpha alone:
    of several best portfolios the one nearest to the current portfolio is returned.
    """

    def __init__(self, objective: Objective, *penalties: Penalty) -> None:
        word = type(self).__name__
        if not isinstance(objective, Objective):
            raise InvalidType(word, "objective", objective, "one Objective")
        for penalty in penalties:
            if not isinstance(penalty, Penalty):
                raise InvalidType(word, "penalties", penalty, "penalties, such as TransactionCost(0.001)")
        self.objective, self.penalties = objective, penalties

    def labels(self) -> Keys | Iterable[Hashable]:
        """The assets of the objective."""
        return self.objective.labels()

    def target(self, universe: Universe) -> Floats | None:
        """The target of the objective."""
        return self.objective.target(universe)

    def terms(self, universe: Universe, held: Ints) -> Terms:
        """The terms of the objective and of every penalty, summed."""
        total = self.objective.terms(universe, held)
        for penalty in self.penalties:
            total = _sum(total, _price(penalty, universe))
        return total

    def __repr__(self) -> str:
        return f"Penalized({', '.join(map(repr, (self.objective, *self.penalties)))})"


def _price(penalty: Penalty, universe: Universe) -> Terms:
    """The terms of a penalty; what would be lost in a sum is refused."""
    word, terms = type(penalty).__name__, penalty.terms(universe)
    if not isinstance(terms, Terms):
        raise InvalidType(word, "terms()", terms, "an opt.Terms", "Return opt.Terms(linear=…, costs=…).")
    if terms.factors is not None or len(terms.exits) or terms.maximize:
        found = "factors" if terms.factors is not None else "exits" if len(terms.exits) else "maximize"
        raise InvalidParameter(word, "terms()", found, "linear, curvature with target, costs and constant alone")
    return terms


def _sum(first: Terms, second: Terms) -> Terms:
    """Both sets of terms as one, the first one's factors, exits and sense kept."""
    linear = first.linear if not len(second.linear) else second.linear + (first.linear if len(first.linear) else 0.0)
    total = replace(
        first,
        linear=linear,
        costs=_costs(first.costs, second.costs),
        constant=first.constant + second.constant,
    )
    if not len(second.curvature):
        return total
    if not len(first.curvature):
        return replace(total, curvature=second.curvature, target=second.target)
    return _bowl(total, second)


def _bowl(first: Terms, second: Terms) -> Terms:
    """½h(w − t)² + ½g(w − c)² = ½(h + g)(w − (ht + gc)/(h + g))² + ½ hg/(h + g) (t − c)², asset by asset."""
    h, g = first.curvature, second.curvature
    both = h + g
    share = np.divide(g, both, out=np.zeros_like(both), where=both > 0)
    apart = float((0.5 * h * share * (first.target - second.target) ** 2).sum())
    target = first.target + share * (second.target - first.target)
    return replace(first, curvature=both, target=target, constant=first.constant + apart)


def _costs(first: HingeSet | None, second: HingeSet | None) -> HingeSet | None:
    if first is None or second is None:
        return first if second is None else second
    return HingeSet(
        np.concatenate([first.linear, second.linear]),
        np.concatenate([first.up, second.up]),
        np.concatenate([first.down, second.down]),
        np.concatenate([first.anchor, second.anchor]),
    )
