"""Constraint: what a word must answer."""

from __future__ import annotations

from collections.abc import Hashable, Iterable

import numpy as np

from tradewind_optimize.labels import Floats, Universe
from tradewind_optimize.problem import Block
from tradewind_optimize.wording import listed


class Constraint:
    """A convex set of portfolios. Subclasses implement one method, :meth:`rows`.

    A constraint is immutable after construction and knows nothing of other constraints; the same object may be used
    in any number of optimizations.
    """

    def rows(self, universe: Universe) -> Iterable[Block]:
        """The set as blocks over the universe's integer positions: Box, Linear, Hinge or Quadratic.

        ``universe.current`` holds the current weights (float64[n]); labels outside the universe have weight 0. NaN
        must not leave this method.
        """
        raise NotImplementedError(f"{type(self).__name__} must implement rows(universe)")

    def brings(self) -> tuple[Hashable, ...]:
        """Labels that must be variables even when neither objective nor portfolio names them (default: none)."""
        return ()

    def named(self) -> tuple[Hashable, ...]:
        """The assets that identify this constraint to its author: shown in its repr (default: none)."""
        return ()

    def most_shown(self) -> int:
        """How many assets a message lists before it says how many more there are."""
        return 10

    def shown(self) -> tuple[str, ...]:
        """Further arguments of its repr, as short texts (default: none)."""
        return ()

    def heading(self) -> str:
        """Its name and assets alone, as the original platform heads the spot checks of a message."""
        return f"{type(self).__name__}({', '.join(self._assets())})"

    def _assets(self) -> tuple[str, ...]:
        named = self.named()
        if len(named) == 1:
            return (repr(named[0]),)
        return (listed(named, self.most_shown()),) if named else ()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join((*self._assets(), *self.shown()))})"


def everywhere(universe: Universe, value: float) -> Floats:
    """float64[n] filled with one value."""
    return np.full(universe.n, value, dtype=np.float64)
