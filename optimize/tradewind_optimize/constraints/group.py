"""Limits on the net exposure to groups of assets."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from tradewind_optimize.constraints.base import Constraint
from tradewind_optimize.constraints.exposure import refuse_crossing, rows_shown
from tradewind_optimize.constraints.lookthru import Lookthru
from tradewind_optimize.errors import InvalidParameter, InvalidType
from tradewind_optimize.labels import Flags, Floats, Ints, Keys, Universe, assets_of, bounds, index_of
from tradewind_optimize.parameters import NotConstrained, interval
from tradewind_optimize.problem import Block, Linear
from tradewind_optimize.wording import plain

_BELOW = "Net exposure to {label} ({value}) would be less than min exposure ({bound})."
_ABOVE = "Net exposure to {label} ({value}) would be greater than max exposure ({bound})."


class NetGroupExposure(Constraint):
    """min_g ≤ Σ_{i in g} wᵢ ≤ max_g for every group g.

    Parameters: ``labels``, Series or dict from asset to group label; assets without a label, and those labelled NaN or
    None, are in no group. ``min_weights``, ``max_weights``: Series or dict from group label to float or NotConstrained;
    every label in use needs both, labels nobody uses are ignored. ``etf_lookthru``: see
    :mod:`tradewind_optimize.constraints.lookthru`.
    Raises InvalidParameter for a label without bounds, NaN or crossing bounds, an asset labelled twice.
    """

    def __init__(
        self, labels: Any, min_weights: Any, max_weights: Any, etf_lookthru: pd.DataFrame | None = None
    ) -> None:
        word = type(self).__name__
        grouping = labels if isinstance(labels, _Grouping) else _groups(labels, word)
        self._keys, self._codes, self.groups = grouping
        self._low = _bounds(min_weights, self.groups, word, "min_weights", -np.inf)
        self._high = _bounds(max_weights, self.groups, word, "max_weights", np.inf)
        refuse_crossing(word, self.groups, self._low, self._high)
        self._lookthru = None if etf_lookthru is None else Lookthru(etf_lookthru, word)

    @classmethod
    def with_equal_bounds(
        cls, labels: Any, min: float, max: float, etf_lookthru: pd.DataFrame | None = None
    ) -> NetGroupExposure:
        """The same two bounds for every group that ``labels`` (Series or dict) mentions."""
        low, high = interval(cls.__name__, ("min", "max"), min, max)
        grouping = _groups(labels, cls.__name__)
        names = grouping.groups
        return cls(grouping, dict.fromkeys(names, low), dict.fromkeys(names, high), etf_lookthru)

    def shown(self) -> tuple[str, ...]:
        """The groups, and their bounds where all have the same."""
        return rows_shown(self.groups, self._low, self._high)

    def rows(self, universe: Universe) -> Iterable[Block]:
        """One linear row of zeros and ones (of fund fractions, under look-through) for every group in the universe."""
        if self._lookthru is None:
            matrix, used = self._indicators(universe)
        else:
            matrix = self._looked_through(self._lookthru, universe)
            used = np.asarray(matrix.any(axis=1))
        shown = used | (self._low > 0) | (self._high < 0)
        if shown.all():
            yield Linear(matrix, self._low, self._high, self.groups, _BELOW, _ABOVE)
        else:
            labels = tuple(group for group, keep in zip(self.groups, shown, strict=True) if keep)
            yield Linear(matrix[shown], self._low[shown], self._high[shown], labels, _BELOW, _ABOVE)

    def _indicators(self, universe: Universe) -> tuple[Floats, Flags]:
        """(float64[groups, n] of zeros and ones, which groups have members)."""
        members, count = self._members(universe.keys), len(self.groups)
        matrix = (members == np.arange(count)[:, None]).astype(np.float64)
        return matrix, np.bincount(members[members >= 0], minlength=count) > 0

    def _members(self, keys: Keys) -> Ints:
        """The group number of each label, −1 for those in no group."""
        if self._keys.same(keys):
            return self._codes
        at = self._keys.positions(keys)
        return np.where(at >= 0, self._codes[np.maximum(at, 0)] if len(self._codes) else -1, -1)

    def _looked_through(self, lookthru: Lookthru, universe: Universe) -> Floats:
        labels, effective = lookthru.effective(universe)
        rows, columns, values = effective.triplets()
        group = self._members(labels)[rows]
        matrix = np.zeros((len(self.groups), universe.n))
        grouped = group >= 0
        np.add.at(matrix, (group[grouped], columns[grouped]), values[grouped])
        return matrix


class _Grouping(NamedTuple):
    """Which group each label belongs to: group numbers int64[n] (−1 for none) and the groups in order."""

    keys: Keys
    codes: Ints
    groups: tuple[Hashable, ...]


def _groups(labels: Any, word: str) -> _Grouping:
    if isinstance(labels, pd.Series):
        index, raw = index_of(labels.index), labels
    elif isinstance(labels, Mapping):
        index, raw = index_of(labels.keys()), pd.Series(list(labels.values()), dtype=object)
    else:
        raise InvalidType(word, "labels", labels, "a pandas Series or a dict from asset to group label")
    try:
        codes, groups = pd.factorize(raw)
    except TypeError:
        strange = next(item for item in raw if not isinstance(item, Hashable))
        raise InvalidType(word, "labels", strange, "a map from asset to a hashable group label") from None
    return _Grouping(Keys(index).require_unique(word, "labels"), codes.astype(np.int64), tuple(groups))


def _bounds(given: Any, groups: tuple[Hashable, ...], word: str, parameter: str, unlimited: float) -> Floats:
    values = bounds(given, word, parameter, NotConstrained, unlimited)
    at = values.keys.positions(Keys(list(groups)))
    if (at < 0).any():
        missing = [group for group, position in zip(groups, at, strict=True) if position < 0]
        hint = f"Add {parameter}[{missing[0]!r}], or NotConstrained for no limit."
        raise InvalidParameter(word, parameter, f"no bound for {missing[:10]}", "a bound for every label in use", hint)
    return values.values[at]


class Basket(Constraint):
    """min_net_exposure ≤ Σ_{i in assets} wᵢ ≤ max_net_exposure.

    Parameters: ``assets`` (iterable of labels; those outside the portfolio have weight 0), the two bounds (floats,
    ±inf for no limit).
    """

    def __init__(self, assets: Iterable[Hashable], min_net_exposure: float, max_net_exposure: float) -> None:
        word = type(self).__name__
        self.assets = assets_of(assets, word)
        names = ("min_net_exposure", "max_net_exposure")
        self.min_net_exposure, self.max_net_exposure = interval(word, names, min_net_exposure, max_net_exposure)

    def named(self) -> tuple[Hashable, ...]:
        """The assets of the basket."""
        return self.assets

    def shown(self) -> tuple[str, ...]:
        """The two bounds."""
        return plain(self.min_net_exposure), plain(self.max_net_exposure)

    def rows(self, universe: Universe) -> Iterable[Block]:
        """One linear row of ones on the basket."""
        matrix = np.zeros((1, universe.n))
        matrix[0, universe.inside(self.assets)] = 1.0
        below = "Net exposure to the basket ({value}) would be less than min net exposure ({bound})."
        above = "Net exposure to the basket ({value}) would be greater than max net exposure ({bound})."
        yield Linear(
            matrix, np.array([self.min_net_exposure]), np.array([self.max_net_exposure]), (None,), below, above
        )
