"""A long and a short asset held in a fixed ratio."""

from __future__ import annotations

from collections.abc import Hashable, Iterable

import numpy as np

from tradewind_optimize.constraints.base import Constraint
from tradewind_optimize.errors import InvalidParameter
from tradewind_optimize.labels import Universe
from tradewind_optimize.parameters import hashable, number
from tradewind_optimize.problem import Block, Box, Linear
from tradewind_optimize.wording import plain


class Pair(Constraint):
    """long ≥ 0, short ≤ 0 and (h − τ)·|short| ≤ long ≤ (h + τ)·|short|.

    The ratio long/|short| is multiplied out, so holding neither is always allowed. Parameters: ``long``, ``short``
    (labels, different; both become variables), ``hedge_ratio`` h > 0, ``tolerance`` τ ≥ 0 in units of the ratio.
    """

    def __init__(self, long: Hashable, short: Hashable, hedge_ratio: float = 1.0, tolerance: float = 0.0) -> None:
        word = type(self).__name__
        if long == short:
            raise InvalidParameter(word, "short", repr(short), "another asset than long")
        self.long, self.short = hashable(word, "long", long), hashable(word, "short", short)
        self.hedge_ratio = number(word, "hedge_ratio", hedge_ratio, least=0.0)
        if self.hedge_ratio == 0:
            raise InvalidParameter(word, "hedge_ratio", 0.0, "greater than 0")
        self.tolerance = number(word, "tolerance", tolerance, least=0.0)

    def shown(self) -> tuple[str, ...]:
        """Hedge ratio and tolerance, where they are not 1 and 0."""
        ratio, tolerance = plain(self.hedge_ratio), plain(self.tolerance)
        if self.tolerance:
            return ratio, tolerance
        return (ratio,) if self.hedge_ratio != 1 else ()

    def _assets(self) -> tuple[str, ...]:
        return repr(self.long), repr(self.short)

    def brings(self) -> tuple[Hashable, ...]:
        """Both legs."""
        return (self.long, self.short)

    def rows(self, universe: Universe) -> Iterable[Block]:
        """The signs as boxes and the ratio as one row (an equality) or two."""
        long, short = (universe.positions([leg]) for leg in self.brings())
        below = "New weight for {label} ({value}) would be less than 0."
        above = "New weight for {label} ({value}) would be greater than 0."
        yield Box(long, 0.0, np.inf, below=below)
        yield Box(short, -np.inf, 0.0, above=above)
        matrix = np.zeros((2, universe.n))
        matrix[:, long[0]] = 1.0
        matrix[:, short[0]] = self.hedge_ratio - self.tolerance, self.hedge_ratio + self.tolerance
        low, high = np.array([0.0, -np.inf]), np.array([np.inf, 0.0])
        if self.tolerance == 0:
            matrix, low, high = matrix[:1], low[:1], high[1:]
        below = f"Long weight less hedge ratio × short size ({{value}}) would be less than {{bound}} ({self._asked()})."
        above = (
            f"Long weight less hedge ratio × short size ({{value}}) would be greater than {{bound}} ({self._asked()})."
        )
        yield Linear(matrix, low, high, ("at least", "at most")[: len(low)], below, above)

    def _asked(self) -> str:
        within = f" ± {self.tolerance:g}" if self.tolerance else ""
        return f"hedge ratio {self.hedge_ratio:g}{within}"
