"""Margin: how much equity positions need. Off unless set_margin() is called in initialize.

A model is one small class with one method:

    class Half(MarginModel):
        def requirements(self, positions):
            needed = 0.5 * np.abs(positions.exposure)
            return needed, 0.8 * needed

`requirements(positions) -> (initial, maintenance)`: float64[n] each, in currency, finite and not negative, what each
position needs when it is opened and while it is held; positions is a Positions of n entries. What a portfolio needs is
the sum. margin_desk.py has what happens when the equity is less.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tradewind.errors import BadParameter
from tradewind.orders import root_symbol
from tradewind_data.assets import Asset, Future

ON_CALL = ("liquidate", "record", "stop")
ON_ORDER = ("reject", "allow")


@dataclass(frozen=True)
class Positions:
    """n positions: assets, signed shares or contracts (int64[n]), and exposure n·price·multiplier (float64[n])."""

    assets: Sequence[Asset]
    amount: np.ndarray
    exposure: np.ndarray


class MarginModel:
    """Base of all margin models: override requirements.

    initial_rate: the equity that a unit of money in shares needs, by which available funds become buying power.
    """

    initial_rate: float = 1.0

    def requirements(self, positions: Positions) -> tuple[np.ndarray, np.ndarray]:
        """Return (initial, maintenance) of each position, float64[n] each, currency, not negative."""
        raise NotImplementedError(f"{type(self).__name__} must define requirements(positions).")

    def __repr__(self) -> str:
        """Show the parameters."""
        inside = ", ".join(f"{name}={value!r}" for name, value in vars(self).items() if name[0] != "_")
        return f"{type(self).__name__}({inside})"


def required_of(model: MarginModel, positions: Positions) -> tuple[float, float]:
    """Return what a model requires in all, (initial, maintenance); refuse what no book can be held to."""
    answer, n = model.requirements(positions), len(positions.amount)
    try:
        needed = np.array([np.asarray(each, dtype=float) for each in answer])
    except (TypeError, ValueError):
        needed = np.empty(0)
    if needed.shape != (2, n) or not np.isfinite(needed).all() or (needed < 0).any():
        allowed = f"(initial, maintenance), {n} numbers each, finite and not negative"
        raise BadParameter(f"{type(model).__name__}.requirements(…)", answer, allowed)
    return float(needed[0].sum()), float(needed[1].sum())


Pair = tuple[float, float]


def _pair(name: str, value: Any) -> Pair:
    """Return (initial, maintenance) as floats; refuse what is no such pair."""
    try:
        initial, maintenance = (float(v) for v in value)
    except (TypeError, ValueError):
        initial = maintenance = math.nan
    if not (math.isfinite(initial) and 0 <= maintenance <= initial):
        raise BadParameter(name, value, "a pair (initial, maintenance) with 0 ≤ maintenance ≤ initial")
    return initial, maintenance


class RegT(MarginModel):
    """Fractions of the value of shares, and a sum a contract for futures.

        shares     |exposure|·long, or ·short        pairs (initial, maintenance) of fractions
        contracts  |amount|·futures[root symbol]     pairs of currency a contract, where futures is a dict;
                   |exposure|·futures                where it is one pair of fractions

    The defaults are those of US brokers: half the value to open, 25 % to hold a long, 30 % a short (Regulation T and
    FINRA rule 4210), and for contracts 10 % and 9 % of their exposure, in the place of the sums that exchanges publish
    contract by contract.
    """

    def __init__(
        self,
        long: Pair = (0.5, 0.25),
        short: Pair = (0.5, 0.30),
        futures: Pair | Mapping[str, Pair] = (0.10, 0.09),
    ) -> None:
        self.long, self.short = _pair("RegT: long", long), _pair("RegT: short", short)
        by_root = isinstance(futures, Mapping)
        self.futures: Pair | dict[str, Pair] = (
            {root: _pair(f"RegT: futures[{root!r}]", pair) for root, pair in futures.items()}  # type: ignore[union-attr]  # a mapping
            if by_root
            else _pair("RegT: futures", futures)
        )
        self.initial_rate = self.long[0] or 1.0

    def requirements(self, positions: Positions) -> tuple[np.ndarray, np.ndarray]:
        """Return (initial, maintenance) of each position."""
        pairs = np.where(positions.exposure[:, None] >= 0, self.long, self.short)
        size = np.abs(positions.exposure)
        for i, asset in enumerate(positions.assets):
            if isinstance(asset, Future):
                pairs[i], size[i] = self._of_contract(asset, abs(int(positions.amount[i])), float(size[i]))
        return size * pairs[:, 0], size * pairs[:, 1]

    def _of_contract(self, contract: Future, amount: int, exposure: float) -> tuple[Pair, float]:
        """Return the pair of a contract, and the number of contracts, or the exposure, that it multiplies."""
        if not isinstance(self.futures, dict):
            return self.futures, exposure
        root = root_symbol(contract)
        if root not in self.futures:
            raise BadParameter("RegT: futures", sorted(self.futures), f"a dict that has {root!r}", tuple(self.futures))
        return self.futures[root], float(amount)


@dataclass(frozen=True)
class Margin:
    """What set_margin asked for: the model, what a call does, and what an order beyond the funds meets."""

    model: MarginModel
    on_call: str
    on_order: str


def margin_of(model: Any, on_call: str, on_order: str) -> Margin:
    """Return the margin that set_margin's arguments ask for."""
    if not isinstance(model, MarginModel):
        raise BadParameter("set_margin: model", model, "a MarginModel: margin.RegT() or your own")
    if on_call not in ON_CALL:
        raise BadParameter("set_margin: on_call", on_call, "'liquidate', 'record' or 'stop'", ON_CALL)
    if on_order not in ON_ORDER:
        raise BadParameter("set_margin: on_order", on_order, "'reject' or 'allow'", ON_ORDER)
    return Margin(model, on_call, on_order)
