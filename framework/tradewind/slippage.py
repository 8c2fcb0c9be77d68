"""Slippage models: at what price, and how much of an order, a bar fills.

A model of your own is one small class with one method:

    class HalfSpread(SlippageModel):
        def process_order(self, data, order):
            price = data.current(order.asset, "close")
            return price * (1 + 0.0005 * order.direction), order.open_amount

`process_order(data, order) -> (price, amount)`: data is the BarData of the bar that fills, order an Order snapshot,
price the fill price in currency a share, amount the signed shares to fill now (0 or None: nothing in this bar).
`self.volume_for_bar` is the number of shares already filled in this asset and bar.
The built-in models run compiled (matching.py holds their formulas); a subclass that overrides process_order runs in
Python.
"""

from __future__ import annotations

import math
from typing import Any, ClassVar

from tradewind import matching
from tradewind.errors import BadParameter


class LiquidityExceeded(Exception):
    """Raised by a model's process_order: this asset's bar has no room left, its later orders wait."""


def _not_negative(name: str, value: float) -> float:
    """Return a model's parameter as a float; refuse a negative or non-finite one."""
    if not (math.isfinite(value) and value >= 0):
        raise BadParameter(name, value, "finite and not negative")
    return float(value)


class SlippageModel:
    """Base of all slippage models: override process_order."""

    kind: ClassVar[int] = matching.CUSTOM
    volume_for_bar: float = 0.0

    def process_order(self, data: Any, order: Any) -> tuple[float | None, int | None]:
        """Return (price, signed amount) to fill of `order` in this bar; (None, None) fills nothing."""
        raise NotImplementedError(f"{type(self).__name__} must define process_order(data, order).")

    def terms(self) -> tuple[float, float]:
        """Return the two numbers that the compiled form of a built-in model needs."""
        return 0.0, 0.0

    def compiled_kind(self) -> int:
        """Return the kind that matching.py knows, or CUSTOM when a subclass decides in Python."""
        built_in = type(self).process_order is _BuiltIn.process_order
        return self.kind if built_in else matching.CUSTOM

    def __repr__(self) -> str:
        """Show the parameters."""
        inside = ", ".join(
            f"{name}={value!r}" for name, value in vars(self).items() if name[0] != "_" and name != "volume_for_bar"
        )
        return f"{type(self).__name__}({inside})"


class _BuiltIn(SlippageModel):
    """A model with a compiled form; process_order gives the same answer in Python for subclasses that call it."""

    def process_order(self, data: Any, order: Any) -> tuple[float | None, int | None]:
        """Return (price, signed amount) by the model's compiled formula."""
        price, volume = data.current(order.asset, ["close", "volume"])
        first, second = self.terms()
        paid, shares = matching.slipped(
            self.kind, first, second, order.open_amount, float(price), float(volume), float(self.volume_for_bar)
        )
        if shares == 0:
            raise LiquidityExceeded
        return float(paid), int(shares) * order.direction


class NoSlippage(_BuiltIn):
    """Fill everything at the close."""

    kind = matching.NO_SLIPPAGE


class FixedSlippage(_BuiltIn):
    """Fill everything at P + d·spread/2, d = ±1 for buy and sell; spread in currency a share."""

    kind = matching.FIXED

    def __init__(self, spread: float = 0.0) -> None:
        self.spread = _not_negative("spread", spread)

    def terms(self) -> tuple[float, float]:
        """Return (spread, unused)."""
        return self.spread, 0.0


class VolumeShareSlippage(_BuiltIn):
    """Fill at most volume_limit·V a bar at P·(1 + d·price_impact·share²), share = filled volume / V."""

    kind = matching.VOLUME_SHARE

    def __init__(self, volume_limit: float = 0.025, price_impact: float = 0.1) -> None:
        self.volume_limit = _not_negative("volume_limit", volume_limit)
        self.price_impact = _not_negative("price_impact", price_impact)

    def terms(self) -> tuple[float, float]:
        """Return (volume_limit, price_impact)."""
        return self.volume_limit, self.price_impact


class FixedBasisPointsSlippage(_BuiltIn):
    """Fill at most trunc(volume_limit·V) shares a bar at P·(1 + d·basis_points/10⁴): the default for equities."""

    kind = matching.BASIS_POINTS

    def __init__(self, basis_points: float = 5.0, volume_limit: float = 0.1) -> None:
        self.basis_points = _not_negative("basis_points", basis_points)
        self.volume_limit = _not_negative("volume_limit", volume_limit)

    def terms(self) -> tuple[float, float]:
        """Return (basis_points, volume_limit)."""
        return self.basis_points, self.volume_limit
