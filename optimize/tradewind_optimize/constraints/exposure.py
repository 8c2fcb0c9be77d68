"""Limits on sums of weights: gross, net, and weighted by factor loadings."""

from __future__ import annotations

import logging
from collections.abc import Hashable, Iterable
from typing import Any

import numpy as np
import pandas as pd

from tradewind_optimize.constraints.base import Constraint, everywhere
from tradewind_optimize.errors import InvalidParameter, InvalidType
from tradewind_optimize.labels import Column, Floats, Keys, Universe, bounds, index_of
from tradewind_optimize.parameters import NotConstrained, interval, number
from tradewind_optimize.problem import Block, Hinge, Linear
from tradewind_optimize.wording import listed, plain

_LOG = logging.getLogger(__name__)


class MaxGrossExposure(Constraint):
    """Σ|wᵢ| ≤ max over all assets of the portfolio.

    Parameters: ``max`` (float ≥ 0), in multiples of the portfolio's value: 1.5 lets longs plus shorts reach 150 % of
    it. Raises InvalidParameter for a negative or NaN ``max``.
    """

    def __init__(self, max: float) -> None:
        self.max = number(type(self).__name__, "max", max, least=0.0, infinite=True)

    def shown(self) -> tuple[str, ...]:
        """``max``."""
        return (plain(self.max),)

    def rows(self, universe: Universe) -> Iterable[Block]:
        """One hinge row with anchor 0."""
        one = everywhere(universe, 1.0)
        above = "Gross exposure ({value}) would be greater than max gross exposure ({bound})."
        yield Hinge(one, one, everywhere(universe, 0.0), self.max, above)


class NetExposure(Constraint):
    """min ≤ Σwᵢ ≤ max over all assets of the portfolio.

    Parameters: ``min``, ``max`` (floats, ±inf for no limit), as fractions of the portfolio's value. Raises
    InvalidParameter when they cross or are NaN.
    """

    def __init__(self, min: float, max: float) -> None:
        self.min, self.max = interval(type(self).__name__, ("min", "max"), min, max)

    def shown(self) -> tuple[str, ...]:
        """``min`` and ``max``."""
        return plain(self.min), plain(self.max)

    def rows(self, universe: Universe) -> Iterable[Block]:
        """One linear row of ones."""
        yield Linear(
            np.ones((1, universe.n)),
            np.array([self.min]),
            np.array([self.max]),
            (None,),
            "Net exposure ({value}) would be less than min net exposure ({bound}).",
            "Net exposure ({value}) would be greater than max net exposure ({bound}).",
        )


class DollarNeutral(NetExposure):
    """|Σwᵢ| ≤ tolerance: longs and shorts of equal size.

    Parameters: ``tolerance`` (float ≥ 0, default 0.0001), the net exposure allowed either way.
    """

    def __init__(self, tolerance: float = 0.0001) -> None:
        self.tolerance = number(type(self).__name__, "tolerance", tolerance, least=0.0)
        super().__init__(-self.tolerance, self.tolerance)

    def shown(self) -> tuple[str, ...]:
        """``tolerance``."""
        return (plain(self.tolerance),)


class FactorExposure(Constraint):
    """minⱼ ≤ Σᵢ wᵢ Lᵢⱼ ≤ maxⱼ for every column j of the loadings.

    Parameters: ``loadings``, a DataFrame (assets × factors) of floats; rows of assets outside the portfolio are
    ignored, assets without a row and NaN entries count as loading 0 (NaN is reported once a call through ``logging``).
    ``min_exposures``, ``max_exposures``: Series or dict from factor to float or NotConstrained; a column needs both.
    Raises InvalidParameter for an infinite loading, columns without bounds, bounds without columns, crossing bounds.
    """

    def __init__(self, loadings: pd.DataFrame, min_exposures: Any, max_exposures: Any) -> None:
        word = type(self).__name__
        if not isinstance(loadings, pd.DataFrame):
            hint = "A single factor is a frame of one column: series.to_frame('beta')."
            raise InvalidType(word, "loadings", loadings, "a DataFrame (assets x factors)", hint)
        self.loadings = loadings.copy(deep=False)  # what is written into the user's frame later stays there
        self._keys = Keys(index_of(loadings.index)).require_unique(word, "loadings.index")
        factors = Keys(index_of(loadings.columns)).require_unique(word, "loadings.columns")
        self.factors = tuple(factors)
        self.min_exposures = _complete(min_exposures, factors, word, "min_exposures", -np.inf)
        self.max_exposures = _complete(max_exposures, factors, word, "max_exposures", np.inf)
        refuse_crossing(word, self.factors, self.min_exposures, self.max_exposures)

    def shown(self) -> tuple[str, ...]:
        """The factors, and their bounds where all have the same."""
        return rows_shown(self.factors, self.min_exposures, self.max_exposures)

    def rows(self, universe: Universe) -> Iterable[Block]:
        """One linear row a factor, with the loadings as coefficients."""
        matrix = self._aligned(universe)
        below = "Exposure to {label} ({value}) would be less than min exposure ({bound})."
        above = "Exposure to {label} ({value}) would be greater than max exposure ({bound})."
        yield Linear(matrix, self.min_exposures, self.max_exposures, self.factors, below, above)

    def _aligned(self, universe: Universe) -> Floats:
        word = type(self).__name__
        numbers = _numbers(self.loadings, word)
        if universe.keys.same(self._keys):
            matrix = np.array(numbers.T, order="C")
        else:
            at = universe.positions(self._keys)
            known = np.flatnonzero(at >= 0)
            matrix = np.zeros((len(self.factors), universe.n))
            matrix[:, at[known]] = numbers.T[:, known]
        if not np.isfinite(matrix).all():
            bad = ~np.isfinite(matrix)
            if np.isinf(matrix).any():
                row, position = (int(i) for i in np.argwhere(np.isinf(matrix))[0])
                found = f"infinite for {universe.labels[position]!r} in column {self.factors[row]!r}"
                raise InvalidParameter(word, "loadings", found, "finite", "Replace infinities before the call.")
            message = "%s: %d of %d assets have NaN loadings; each NaN counts as 0."
            _LOG.warning(message, word, int(bad.any(axis=0).sum()), universe.n)
            matrix[bad] = 0.0
        return matrix


def rows_shown(names: tuple[Hashable, ...], low: Floats, high: Floats) -> tuple[str, ...]:
    """The names of rows, and their bounds where all have the same."""
    least, most = set(low.tolist()), set(high.tolist())
    same = len(least) == len(most) == 1
    return (listed(names), plain(least.pop()), plain(most.pop())) if same else (listed(names),)


def _numbers(frame: pd.DataFrame, word: str) -> Floats:
    try:
        return np.asarray(frame.to_numpy(dtype=np.float64))
    except (TypeError, ValueError):
        bad = [name for name, kind in frame.dtypes.items() if not pd.api.types.is_numeric_dtype(kind)]
        raise InvalidType(word, "loadings", frame, "numeric in every column", f"Not so: {bad}.") from None


def _complete(given: Any, factors: Keys, word: str, parameter: str, unlimited: float) -> Floats:
    values = bounds(given, word, parameter, NotConstrained, unlimited)
    return aligned_bounds(values, factors, word, parameter, "column of loadings")


def aligned_bounds(values: Column, names: Keys, word: str, parameter: str, what: str) -> Floats:
    """float64[len(names)]: the bound of each name; InvalidParameter when a name has none or a bound has no name."""
    if list(values.keys) == list(names):
        return values.values
    at = values.keys.positions(names)
    if (at < 0).any():
        missing = list(names.index[at < 0])
        hint = f"Add {parameter}[{missing[0]!r}], or NotConstrained for no limit."
        raise InvalidParameter(word, parameter, f"no bound for {missing}", f"a bound for every {what}", hint)
    if len(values.keys) != len(names):
        strange = list(values.keys.index[names.positions(values.keys) < 0])
        raise InvalidParameter(word, parameter, f"bounds for {strange}", f"named like a {what}: {list(names.index)}")
    return values.values[at]


def refuse_crossing(word: str, names: Iterable[Hashable], low: Floats, high: Floats) -> None:
    """Raise InvalidParameter naming the first row whose minimum exceeds its maximum."""
    crossing = np.flatnonzero(low > high)
    if len(crossing):
        first = crossing[0]
        found = f"min {low[first]:g} > max {high[first]:g} for {list(names)[first]!r}"
        raise InvalidParameter(word, "bounds", found, "min ≤ max in every row")
