"""Limits on the change from the current portfolio."""

from __future__ import annotations

from collections.abc import Iterable

from tradewind_optimize.constraints.base import Constraint, everywhere
from tradewind_optimize.labels import Universe
from tradewind_optimize.parameters import number
from tradewind_optimize.problem import Block, Hinge
from tradewind_optimize.wording import plain


class MaxTurnover(Constraint):
    """Σ|wᵢ − current wᵢ| ≤ max.

    Parameters: ``max`` (float ≥ 0), as a fraction of the portfolio's value; replacing a whole long-only portfolio by
    another one is a turnover of 2.0. From cash, turnover is the gross exposure that is built up.
    """

    def __init__(self, max: float) -> None:
        self.max = number(type(self).__name__, "max", max, least=0.0, infinite=True)

    def shown(self) -> tuple[str, ...]:
        """``max``."""
        return (plain(self.max),)

    def rows(self, universe: Universe) -> Iterable[Block]:
        """One hinge row anchored at the current weights."""
        one = everywhere(universe, 1.0)
        above = "Turnover ({value}) would be greater than max turnover ({bound})."
        yield Hinge(one, one, universe.current, self.max, above)
