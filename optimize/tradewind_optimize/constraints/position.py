"""Limits on the weight of single assets."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from typing import Any

import numpy as np
import pandas as pd

from tradewind_optimize.constraints.base import Constraint
from tradewind_optimize.constraints.exposure import refuse_crossing
from tradewind_optimize.constraints.lookthru import Lookthru
from tradewind_optimize.labels import Column, Floats, Keys, Universe, assets_of, bounds
from tradewind_optimize.parameters import NotConstrained, hashable, interval, number
from tradewind_optimize.problem import Block, Box, Linear, RowMatrix
from tradewind_optimize.wording import mapped, plain


class PositionConcentration(Constraint):
    """lᵢ ≤ wᵢ ≤ uᵢ for every asset of the portfolio.

    Parameters: ``min_weights``, ``max_weights``: Series or dict from asset to float (NotConstrained for no limit);
    ``default_min_weight``, ``default_max_weight`` bound the assets that are not listed: both are 0 by default, so an
    unlisted asset cannot be held. A negative bound limits the size of a short position. ``etf_lookthru``: bounds apply
    to effective weights, see :mod:`tradewind_optimize.constraints.lookthru`.
    Raises InvalidParameter for NaN or crossing bounds.
    """

    def __init__(
        self,
        min_weights: Any,
        max_weights: Any,
        default_min_weight: float = 0.0,
        default_max_weight: float = 0.0,
        etf_lookthru: pd.DataFrame | None = None,
    ) -> None:
        word = type(self).__name__
        names = ("default_min_weight", "default_max_weight")
        self.default_min_weight, self.default_max_weight = interval(word, names, default_min_weight, default_max_weight)
        self.min_weights = bounds(min_weights, word, "min_weights", NotConstrained, -np.inf)
        self.max_weights = bounds(max_weights, word, "max_weights", NotConstrained, np.inf)
        self._refuse_crossing(word)
        self._lookthru = None if etf_lookthru is None else Lookthru(etf_lookthru, word)

    @classmethod
    def with_equal_bounds(
        cls, min: float, max: float, etf_lookthru: pd.DataFrame | None = None
    ) -> PositionConcentration:
        """The same two bounds for every asset."""
        low, high = interval(cls.__name__, ("min", "max"), min, max)
        return cls({}, {}, low, high, etf_lookthru)

    def shown(self) -> tuple[str, ...]:
        """The maps where there are any, and the defaults."""
        maps = [dict(zip(map_.keys, map_.values, strict=True)) for map_ in (self.min_weights, self.max_weights)]
        given = tuple(map(mapped, maps)) if any(maps) else ()
        return *given, plain(self.default_min_weight), plain(self.default_max_weight)

    def _refuse_crossing(self, word: str) -> None:
        low, high = self.min_weights, self.max_weights
        if not len(low) and not len(high):
            return
        refuse_crossing(word, low.keys, low.values, _value_at(high, low.keys, self.default_max_weight))
        refuse_crossing(word, high.keys, _value_at(low, high.keys, self.default_min_weight), high.values)

    def rows(self, universe: Universe) -> Iterable[Block]:
        """A box over all positions; under look-through one row for every effective weight."""
        if self._lookthru is None:
            low = universe.align(self.min_weights, self.default_min_weight)
            high = universe.align(self.max_weights, self.default_max_weight)
            yield Box(universe.everyone, low, high)
        else:
            labels, matrix = self._lookthru.effective(universe)
            yield self._effective(labels, matrix)

    def _effective(self, labels: Keys, matrix: RowMatrix) -> Linear:
        low = _value_at(self.min_weights, labels, self.default_min_weight)
        high = _value_at(self.max_weights, labels, self.default_max_weight)
        below = "Effective weight for {label} ({value}) would be less than min weight ({bound})."
        above = "Effective weight for {label} ({value}) would be greater than max weight ({bound})."
        return Linear(matrix, low, high, tuple(labels.index), below, above)


def _value_at(values: Column, keys: Keys, default: float) -> Floats:
    at = values.keys.positions(keys)
    out = np.full(len(keys), default)
    out[at >= 0] = values.values[at[at >= 0]]
    return out


class _OnAssets(Constraint):
    """A box on the weights of one asset or several; assets outside the portfolio already have weight 0."""

    def __init__(self, asset_or_assets: Any, max_error_display: int = 10) -> None:
        self.assets = assets_of(asset_or_assets, type(self).__name__)
        self.max_error_display = int(number(type(self).__name__, "max_error_display", max_error_display, least=1))

    def named(self) -> tuple[Hashable, ...]:
        """The assets given."""
        return self.assets

    def most_shown(self) -> int:
        """``max_error_display``."""
        return self.max_error_display


class LongOnly(_OnAssets):
    """wᵢ ≥ 0 for the given assets.

    Parameters: ``asset_or_assets``, a label or an iterable of labels; ``max_error_display``, how many of them an error
    message lists. An asset held short can still be closed: the bound limits the new weight only.
    """

    def rows(self, universe: Universe) -> Iterable[Block]:
        """A lower bound of 0."""
        below = "New weight for {label} ({value}) would be less than 0."
        yield Box(universe.inside(self.assets), 0.0, np.inf, below=below)


class ShortOnly(_OnAssets):
    """wᵢ ≤ 0 for the given assets; parameters as for :class:`LongOnly`."""

    def rows(self, universe: Universe) -> Iterable[Block]:
        """An upper bound of 0."""
        above = "New weight for {label} ({value}) would be greater than 0."
        yield Box(universe.inside(self.assets), -np.inf, 0.0, above=above)


class CannotHold(_OnAssets):
    """wᵢ = 0 for the given assets; parameters as for :class:`LongOnly`."""

    def rows(self, universe: Universe) -> Iterable[Block]:
        """Both bounds 0."""
        breach = "New weight for {label} ({value}) would not be 0."
        yield Box(universe.inside(self.assets), 0.0, 0.0, breach, breach)


class Frozen(_OnAssets):
    """wᵢ = current wᵢ for the given assets: their positions cannot change.

    Parameters as for :class:`LongOnly`. An asset that is not held stays at 0.
    """

    def rows(self, universe: Universe) -> Iterable[Block]:
        """Both bounds at the current weight."""
        at = universe.inside(self.assets)
        breach = "New weight for {label} ({value}) would not equal current weight ({bound})."
        yield Box(at, universe.current[at], universe.current[at], breach, breach)


class ReduceOnly(_OnAssets):
    """min(0, current wᵢ) ≤ wᵢ ≤ max(0, current wᵢ): weights move toward zero and never across it.

    Parameters as for :class:`LongOnly`. An asset that is not held stays at 0.
    """

    def rows(self, universe: Universe) -> Iterable[Block]:
        """The interval between 0 and the current weight."""
        at = universe.inside(self.assets)
        held = universe.current[at]
        below = "New weight for {label} ({value}) would be less than {bound}, and may only move from current to 0."
        above = "New weight for {label} ({value}) would be greater than {bound}, and may only move from current to 0."
        yield Box(at, np.minimum(held, 0.0), np.maximum(held, 0.0), below, above)


class FixedWeight(Constraint):
    """w_asset = weight.

    Parameters: ``asset`` (a label), ``weight`` (finite float). With a weight other than 0 the asset becomes a variable
    even when neither objective nor portfolio names it.
    """

    def __init__(self, asset: Hashable, weight: float) -> None:
        self.asset = hashable(type(self).__name__, "asset", asset)
        self.weight = number(type(self).__name__, "weight", weight)

    def named(self) -> tuple[Hashable, ...]:
        """The asset."""
        return (self.asset,)

    def brings(self) -> tuple[Hashable, ...]:
        """The asset, unless it is fixed at 0, where it already is."""
        return (self.asset,) if self.weight else ()

    def shown(self) -> tuple[str, ...]:
        """``weight``."""
        return (plain(self.weight),)

    def rows(self, universe: Universe) -> Iterable[Block]:
        """Both bounds at the weight."""
        breach = "New weight ({value}) would not equal required weight ({bound})."
        yield Box(universe.inside([self.asset]), self.weight, self.weight, breach, breach)
