"""Chains of futures contracts, and the continuous future that stands for a place in one.

A chain holds the contracts of one root symbol in the order in which they are closed (auto_close_date, then sid). Some
roots list more delivery months than are traded in earnest: of those the months below alone are in the chain.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from tradewind_data.assets import AssetFinder
from tradewind_data.errors import SymbolNotFound
from tradewind_data.sessions import Int64Array

QUARTERLY = "HMUZ"
DELIVERY_MONTHS = {
    **dict.fromkeys(("AD", "BP", "CD", "EL", "JY", "ME", "PA"), QUARTERLY),
    "PL": "FJNV",
    **dict.fromkeys(("GC", "XG"), "GJMQVZ"),
    **dict.fromkeys(("SV", "YS"), "HKNUZ"),
}
"""Root symbol → the letters of the delivery months that its chain consists of; other roots: all months."""

ROLLS = ("volume", "calendar")
ADJUSTMENTS = ("mul", "add", None)


@dataclass(frozen=True, eq=False, repr=False)
class ContinuousFuture:
    """The contract at a place of a chain, whichever that is at the moment: what data and history are asked for.

    It cannot be ordered: ``data.current(cf, "contract")`` is what can. offset: 0 the primary contract, 1 the next.
    roll_style: "volume" or "calendar" (rolls.py). adjustment: "mul", "add" or None, how a history joins contracts.
    start_date, end_date: of the first and the last day of any contract, naive. Equal when all that is equal.
    """

    root_symbol: str
    offset: int
    roll_style: str
    adjustment: str | None
    start_date: pd.Timestamp
    end_date: pd.Timestamp
    exchange: str

    @property
    def symbol(self) -> str:
        """The root symbol: what tables show."""
        return self.root_symbol

    @property
    def sid(self) -> int:
        """A number of its own, beyond all sids of contracts: made of the root's letters and the three parameters."""
        code = 1
        for byte in self.root_symbol.encode():
            code = code << 8 | byte
        code = code << 8 | self.offset
        return code << 4 | ROLLS.index(self.roll_style) << 2 | ADJUSTMENTS.index(self.adjustment)

    @property
    def _key(self) -> tuple[str, int, str, str]:
        return self.root_symbol, self.offset, self.roll_style, self.adjustment or ""

    def __eq__(self, other: object) -> bool:
        return self._key == other._key if isinstance(other, ContinuousFuture) else NotImplemented

    def __lt__(self, other: object) -> bool:
        return self._key < other._key if isinstance(other, ContinuousFuture) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._key)

    def __repr__(self) -> str:
        return f"ContinuousFuture({self.root_symbol}, {self.offset}, {self.roll_style}, {self.adjustment})"


@dataclass(frozen=True)
class Chain:
    """The m contracts of a root in order: their columns, and for each the ordinals of its sessions.

    start: first alive; close: first on or after the auto-close date; end: last alive (int64[m] each).
    """

    root_symbol: str
    columns: Int64Array
    start: Int64Array
    close: Int64Array
    end: Int64Array

    def __len__(self) -> int:
        return len(self.columns)


def chain_of(finder: AssetFinder, root_symbol: str) -> Chain:
    """The chain of a root symbol, taken as written, else in capitals. SymbolNotFound names near roots."""
    root = root_symbol if root_symbol in finder.roots else root_symbol.upper()
    if root not in finder.roots:
        known = ", ".join(finder.roots) or "none, since the bundle has no futures.csv"
        raise SymbolNotFound(root_symbol, finder.bundle, finder.roots, None, f" Its root symbols: {known}.")
    months = DELIVERY_MONTHS.get(root, "")
    columns = [
        column
        for column in finder.roots[root].tolist()
        if (not months or finder.asset_at(column).symbol[-3:-2] in months)
        and finder.start[column] < finder.auto_close[column]
    ]
    found = np.array(columns, dtype=np.int64)
    order = found[np.lexsort((finder.sids[found], finder.auto_close[found]))]
    return Chain(root, order, finder.start[order], finder.auto_close[order], finder.end[order])
