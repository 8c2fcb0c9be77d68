"""Groups of tickers and the bounds on them, in dollars and in the words of the wire."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tradewind_optimize.meanvariance.holdings import EQUAL, LESS_THAN_OR_EQUAL

ONE_SIDED = ("sales", "buys", "leverage")


class Groups:
    """``members``: tickers by group; ``constraints``: {"set", "function", "bounds"}, bounds in dollars.

    Bounds are a number (at most) for sales, buys and leverage, and [least, most] for sum and return.
    """

    def __init__(
        self, members: Mapping[str, Sequence[str]] | None = None, constraints: Sequence[dict[str, Any]] = ()
    ) -> None:
        self.members: dict[str, list[str]] = {name: list(tickers) for name, tickers in (members or {}).items()}
        self.constraints: list[dict[str, Any]] = list(constraints)

    def within(self, tickers: Sequence[str]) -> Groups:
        """The groups with only these tickers; what is left without members is gone, with its constraints."""
        active = set(tickers)
        kept = {name: [ticker for ticker in members if ticker in active] for name, members in self.members.items()}
        members = {name: tickers for name, tickers in kept.items() if tickers}
        return Groups(members, [item for item in self.constraints if item["set"] in members])

    def lost(self, before: Groups) -> list[str]:
        """One sentence for every group that has lost members since ``before``."""
        out = []
        for name, members in before.members.items():
            gone = [ticker for ticker in members if ticker not in self.members.get(name, [])]
            if gone:
                end = "" if name in self.members else " and was removed: it has no active member"
                out.append(f"Group {name} lost {', '.join(gone)}{end}.")
        return out

    def remove(self, label: str) -> None:
        """Forget a group and its constraints."""
        self.constraints = [item for item in self.constraints if item["set"] != label]
        del self.members[label]

    def find(self, group: str, function: str) -> tuple[int, dict[str, Any] | None]:
        """(index, constraint) on a group's function (wire name); (−1, None) when there is none."""
        for i, item in enumerate(self.constraints):
            if item["function"] == function and item["set"] == group:
                return i, item
        return -1, None

    def bound(self, group: str, function: str, sign: str, dollars: float) -> None:
        """Tighten a bound (≤, ≥) or replace both (=); ValueError when the bounds cross, and nothing has changed."""
        index, found = self.find(group, function)
        bounds: Any
        if function in ONE_SIDED:
            bounds = min(dollars, np.inf if found is None else found["bounds"])
        else:
            lower, upper = (-np.inf, np.inf) if found is None else found["bounds"]
            if sign == EQUAL:
                lower = upper = dollars
            elif sign == LESS_THAN_OR_EQUAL:
                upper = min(dollars, upper)
            else:
                lower = max(dollars, lower)
            if lower > upper:
                raise ValueError("constraint lower bound is larger than upper bound")
            bounds = [lower, upper]
        constraint = {"set": group, "function": function, "bounds": bounds}
        if found is None:
            self.constraints.append(constraint)
        else:
            self.constraints[index] = constraint

    def wire_constraints(self, scaling: float) -> list[dict[str, Any]]:
        """The constraints with bounds in weights: dollars / scaling."""
        return [{**item, "bounds": _scaled(item["bounds"], scaling)} for item in self.constraints]

    def wire_sets(self, tickers: Sequence[str]) -> list[dict[str, Any]]:
        """The groups that constraints use, as 0-based indices into ``tickers``."""
        at = {ticker: i for i, ticker in enumerate(tickers)}
        used = dict.fromkeys(item["set"] for item in self.constraints)
        return [{"label": name, "indices": [at[t] for t in self.members[name] if t in at]} for name in used]


def _scaled(bounds: Any, scaling: float) -> Any:
    return [bound / scaling for bound in bounds] if isinstance(bounds, (list, tuple)) else bounds / scaling
