"""The objectives: what makes one portfolio better than another."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np

from tradewind_optimize.errors import InvalidType
from tradewind_optimize.labels import Column, Floats, Ints, Keys, Universe, assets_of, column, index_of, is_many
from tradewind_optimize.parameters import number
from tradewind_optimize.problem import HingeSet

WEIGHT_EPSILON = 1e-4
"""Targets smaller than this in size are read as "leave this position"."""


def _none() -> Floats:
    return np.zeros(0)


@dataclass(frozen=True, eq=False)
class Terms:
    """The pieces of c'w + ½Σh(w−t)² + hinge costs + ½(w−b)'FDF'(w−b), to be minimised; absent pieces have length 0.

    ``exits``: int64 positions that should be 0 unless a constraint forbids it. ``maximize``: the user maximises the
    negative of this value.
    """

    linear: Floats = field(default_factory=_none)
    curvature: Floats = field(default_factory=_none)
    target: Floats = field(default_factory=_none)
    exits: Ints = field(default_factory=lambda: np.empty(0, dtype=np.int64))
    maximize: bool = False
    costs: HingeSet | None = None
    factors: Floats | None = None
    factor_scales: Floats = field(default_factory=_none)
    factor_center: Floats = field(default_factory=_none)
    constant: float = 0.0


class Objective:
    """A convex cost (or a concave gain) of weights. Subclasses implement :meth:`labels` and :meth:`terms`.

    ``labels()`` may return any flat collection of labels, ``terms(universe, held)`` a :class:`Terms`; InvalidType or
    InvalidParameter says what is wrong with one that does not.
    """

    def labels(self) -> Keys | Iterable[Hashable]:
        """The assets the objective names, each once; they are variables of the problem."""
        raise NotImplementedError(f"{type(self).__name__} must implement labels()")

    def terms(self, universe: Universe, held: Ints) -> Terms:
        """The objective over the universe's positions; ``held`` are the positions of the current portfolio's labels."""
        raise NotImplementedError(f"{type(self).__name__} must implement terms(universe, held)")

    def target(self, universe: Universe) -> Floats | None:
        """The portfolio the objective asks for, if it names one (float64[n]); it is spot checked in error messages."""
        return None

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"


def named(objective: Objective) -> Keys:
    """The labels of an objective, those of a user's own checked."""
    given, word = objective.labels(), type(objective).__name__
    if isinstance(given, Keys):
        return given
    if not is_many(given):
        raise InvalidType(word, "labels()", given, "a collection of labels", "Return a list or an Index of assets.")
    return Keys(index_of(given)).require_unique(word, "labels()")


class TargetWeights(Objective):
    """minimise Σ (wᵢ − tᵢ)²: the feasible portfolio nearest to the target, and the target itself where it is feasible.

    Parameters: ``weights``, Series or dict from asset to target weight (fraction of portfolio value, negative = short).
    ``near_zero``: targets smaller than this in size (default WEIGHT_EPSILON = 1e-4; 0 turns the rule off) mean "leave":
    the asset gets weight exactly 0 unless that would make the constraints unsatisfiable. A held asset without a target
    has target 0 and leaves by the same rule; an asset brought in only by a constraint has target 0 but may be held.
    The answer itself is never rounded. Raises InvalidParameter for NaN, infinite or duplicate targets.
    """

    def __init__(self, weights: Any, *, near_zero: float = WEIGHT_EPSILON) -> None:
        word = type(self).__name__
        missing = "Drop those assets, or give them 0.0 to leave their positions."
        self._targets: Column = column(weights, word, "weights", missing)
        self.near_zero = number(word, "near_zero", near_zero, least=0.0)

    @classmethod
    def equal_weight(cls, assets: Iterable[Hashable], target_leverage: float = 1.0, **kwargs: Any) -> Self:
        """tᵢ = target_leverage / len(assets) for each asset; no assets give an empty portfolio.

        Further keyword arguments go to the constructor. Raises InvalidParameter for an asset named twice.
        """
        given = assets if isinstance(assets, (set, frozenset)) or not is_many(assets) else list(assets)
        names = assets_of(given, cls.__name__)
        if isinstance(given, list) and len(names) < len(given):
            Keys(index_of(given)).require_unique(cls.__name__, "assets")
        each = number(cls.__name__, "target_leverage", target_leverage) / max(len(names), 1)
        return cls(dict.fromkeys(names, each), **kwargs)

    def labels(self) -> Keys:
        """The assets with a target."""
        return self._targets.keys

    def target(self, universe: Universe) -> Floats:
        """The target weights, 0 where none is given."""
        return universe.align(self._targets)

    def terms(self, universe: Universe, held: Ints) -> Terms:
        """h = 2 and t; the exits are the targets near zero and the held assets without a target."""
        target, curvature = self.target(universe), np.full(universe.n, 2.0)
        if not self.near_zero:
            return Terms(curvature=curvature, target=target)
        leaving = np.zeros(universe.n, dtype=bool)
        leaving[held] = True
        leaving[: len(self._targets)] = True
        leaving &= np.abs(target) < self.near_zero
        return Terms(curvature=curvature, target=target, exits=np.flatnonzero(leaving))


class MaximizeAlpha(Objective):
    """maximise Σ αᵢ wᵢ, a linear program.

    Of several best portfolios the one nearest to the current portfolio (least Σ (wᵢ − current wᵢ)²) is returned.
    Parameters: ``alphas``, Series or dict from asset to coefficient, ideally proportional to the expected return over
    the holding period. Held assets without an alpha leave (weight exactly 0 unless a constraint forbids it); an
    explicit alpha of 0 is a tie like any other. Without MaxGrossExposure, or bounds on every asset, the problem has no
    optimum (UnboundedObjective). Raises InvalidParameter for NaN, infinite or duplicate alphas.
    """

    def __init__(self, alphas: Any) -> None:
        self._alphas: Column = column(alphas, type(self).__name__, "alphas", "Drop those assets before the call.")

    def labels(self) -> Keys:
        """The assets with an alpha."""
        return self._alphas.keys

    def terms(self, universe: Universe, held: Ints) -> Terms:
        """c = −α; the exits are the held assets without an alpha."""
        exits = np.sort(held[held >= len(self._alphas)])
        return Terms(linear=-universe.align(self._alphas), exits=exits, maximize=True)
