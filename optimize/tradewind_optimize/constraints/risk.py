"""Limits on risk."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from typing import Any

from tradewind_optimize.constraints.base import Constraint
from tradewind_optimize.errors import InvalidParameter
from tradewind_optimize.labels import Universe, column
from tradewind_optimize.parameters import number
from tradewind_optimize.problem import Block, Quadratic
from tradewind_optimize.risk import Covariance, warn_uncovered
from tradewind_optimize.wording import plain


class TrackingError(Constraint):
    """√((w − b)'Σ(w − b)) ≤ max: the standard deviation of the return against a benchmark.

    Parameters: ``model``, a covariance DataFrame or a :class:`~tradewind_optimize.risk.RiskModel`, and ``labels`` as
    for MinimizeRisk; ``benchmark_weights`` b, Series or dict from asset to weight (empty: a limit on total risk);
    ``max`` > 0, in the model's unit of standard deviation. The benchmark's assets become variables, for not holding
    one of them is a bet too; each needs a row in the model. Other assets without a row count as riskless, and a
    warning says how many.
    """

    def __init__(
        self, model: Any, benchmark_weights: Any, max: float, labels: Iterable[Hashable] | None = None
    ) -> None:
        word = type(self).__name__
        self._covariance = Covariance.of(model, word, labels)
        missing = "Drop those assets, or give them 0.0."
        self._benchmark = column(benchmark_weights, word, "benchmark_weights", missing)
        self._covariance.require(self._benchmark, word, "benchmark_weights")
        self.max = number(word, "max", max, least=0.0)
        if self.max == 0:
            hint = "To hold the benchmark itself, use TargetWeights(benchmark_weights)."
            raise InvalidParameter(word, "max", 0.0, "greater than 0", hint)

    def brings(self) -> tuple[Hashable, ...]:
        """The assets with a benchmark weight other than 0."""
        return tuple(self._benchmark.keys.index[self._benchmark.values != 0])

    def shown(self) -> tuple[str, ...]:
        """``max``."""
        return (f"max={plain(self.max)}",)

    def rows(self, universe: Universe) -> Iterable[Block]:
        """One quadratic bound around the benchmark."""
        root, uncovered = self._covariance.root(universe)
        warn_uncovered(type(self).__name__, len(uncovered), universe.n)
        center = universe.align(self._benchmark)
        above = "Tracking error ({value}) would be greater than max tracking error ({bound})."
        yield Quadratic(root.factors, root.scales, center, self.max, above, specific=root.specific)
