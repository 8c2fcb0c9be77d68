"""Slippage models: at what price, and how much of an order, a bar fills.

A model of your own is one small class with one method:

    class HalfSpread(SlippageModel):
        def process_order(self, data, order):
            price = data.current(order.asset, "close")
            return price * (1 + 0.0005 * order.direction), order.open_amount

`process_order(data, order) -> (price, amount)`: data is the BarData of the bar that fills, order an Order snapshot,
price the fill price in currency a share, amount the signed shares to fill now (0 or None: nothing in this bar).
`self.volume_for_bar` is the number of shares already filled in this asset and bar. LiquidityExceeded, raised, leaves
the asset's later orders waiting, too. `allowed_asset_types` says what the model is for, (Equity, Future) by default.
The built-in models run compiled (matching.py holds their formulas); a subclass that overrides process_order runs in
Python.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from tradewind import matching
from tradewind.amounts import not_negative
from tradewind.contract_costs import DEFAULT_ETA, ETA, VOLUME_LIMIT
from tradewind.errors import BadParameter, HistoryWindowStartsBeforeData
from tradewind.orders import root_symbol
from tradewind_data.assets import Asset, Equity, Future


class LiquidityExceeded(Exception):
    """Raised by a model's process_order: this asset's bar has no room left, its later orders wait."""


class SlippageModel:
    """Base of all slippage models: override process_order."""

    kind: ClassVar[int] = matching.CUSTOM
    allowed_asset_types: ClassVar[tuple[type[Asset], ...]] = (Equity, Future)
    volume_for_bar: float = 0.0

    def process_order(self, data: Any, order: Any) -> tuple[float | None, int | None]:
        """Return (price, signed amount) to fill of `order` in this bar; (None, None) fills nothing."""
        raise NotImplementedError(f"{type(self).__name__} must define process_order(data, order).")

    def terms(self) -> tuple[float, float]:
        """Return the two numbers that the compiled form of a built-in model needs."""
        return 0.0, 0.0

    def terms_of(self, asset: Any) -> tuple[float, float, float]:
        """Return the numbers of the compiled form for one asset (None: any equity); 0 for those it does not have."""
        return (*self.terms(), 0.0)

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
        """Return (price, signed amount) by the model's compiled formula; (None, None) where it waits for a limit."""
        price, volume = data.current(order.asset, ["close", "volume"])
        first, second = self.terms()
        paid, shares = matching.slipped(
            self.kind, first, second, order.open_amount, float(price), float(volume), float(self.volume_for_bar)
        )
        if shares == 0:
            raise LiquidityExceeded
        beyond = order.limit is not None and order.direction * (paid - order.limit) > 0
        if beyond and self.kind == matching.VOLUME_SHARE:
            return None, None
        return float(paid), int(shares) * order.direction


class NoSlippage(_BuiltIn):
    """Fill everything at the close."""

    kind = matching.NO_SLIPPAGE


class FixedSlippage(_BuiltIn):
    """Fill everything at P + d·spread/2, d = ±1 for buy and sell; spread in currency a share."""

    kind = matching.FIXED

    def __init__(self, spread: float = 0.0) -> None:
        self.spread = not_negative("spread", spread)

    def terms(self) -> tuple[float, float]:
        """Return (spread, unused)."""
        return self.spread, 0.0


class VolumeShareSlippage(_BuiltIn):
    """Fill at most volume_limit·V a bar at P·(1 + d·price_impact·share²), share = filled volume / V."""

    kind = matching.VOLUME_SHARE

    def __init__(self, volume_limit: float = 0.025, price_impact: float = 0.1) -> None:
        self.volume_limit = not_negative("volume_limit", volume_limit)
        self.price_impact = not_negative("price_impact", price_impact)

    def terms(self) -> tuple[float, float]:
        """Return (volume_limit, price_impact)."""
        return self.volume_limit, self.price_impact


class FixedBasisPointsSlippage(_BuiltIn):
    """Fill at most trunc(volume_limit·V) shares a bar at P·(1 + d·basis_points/10⁴): the default for equities."""

    kind = matching.BASIS_POINTS

    def __init__(self, basis_points: float = 5.0, volume_limit: float = 0.1) -> None:
        self.basis_points = not_negative("basis_points", basis_points)
        self.volume_limit = not_negative("volume_limit", volume_limit)
        if not self.volume_limit:
            raise BadParameter("volume_limit", volume_limit, "more than 0: nothing would ever fill")

    def terms(self) -> tuple[float, float]:
        """Return (basis_points, volume_limit)."""
        return self.basis_points, self.volume_limit


class EquitySlippageModel(SlippageModel):
    """Base of models for equities only."""

    allowed_asset_types = (Equity,)


class FutureSlippageModel(SlippageModel):
    """Base of models for futures only."""

    allowed_asset_types = (Future,)


IMPACT_SESSIONS = 20


class MarketImpactBase(SlippageModel):
    """Base of models whose price moves with an order's share of the usual volume: override the two methods below.

    With base price B = (high + low)/2 of the bar, d = ±1 for buy and sell, and q = trunc(min(get_txn_volume, |open|)):

        price = B + d·get_simulated_impact(…),   q shares;   a limit order whose limit that breaks waits

    get_simulated_impact, in currency a share, is given order, current_price (B), current_volume, txn_volume (q),
    mean_volume (shares a session) and volatility σ = std(close-to-close returns, ddof = 1)·√252, both over the 20
    sessions before today, closes being carried forward over sessions without a trade. Where those are not known the
    impact is NO_DATA_VOLATILITY_SLIPPAGE_IMPACT·B.
    """

    NO_DATA_VOLATILITY_SLIPPAGE_IMPACT: ClassVar[float] = 10.0 / 10_000

    def __init__(self) -> None:
        self._known: dict[Any, tuple[float, float]] = {}
        self._known_on: Any = None

    def get_txn_volume(self, data: Any, order: Any) -> float:
        """Return the most shares that may fill in this bar."""
        raise NotImplementedError(f"{type(self).__name__} must define get_txn_volume(data, order).")

    def get_simulated_impact(
        self,
        order: Any,
        current_price: float,
        current_volume: float,
        txn_volume: int,
        mean_volume: float,
        volatility: float,
    ) -> float:
        """Return by how much the fill is worse than the base price, in currency a share."""
        raise NotImplementedError(f"{type(self).__name__} must define get_simulated_impact(order, …).")

    def process_order(self, data: Any, order: Any) -> tuple[float | None, int | None]:
        """Return (price, signed shares), (None, None) to wait."""
        high, low, volume = data.current(order.asset, ["high", "low", "volume"])
        base, shares = (high + low) / 2.0, int(min(self.get_txn_volume(data, order), abs(order.open_amount)))
        if shares == 0 or not volume > 0:
            return None, None
        mean_volume, volatility = self._usual(data, order.asset)
        if mean_volume == 0 or math.isnan(volatility):
            impact = base * self.NO_DATA_VOLATILITY_SLIPPAGE_IMPACT
        else:
            impact = self.get_simulated_impact(
                order=order,
                current_price=base,
                current_volume=volume,
                txn_volume=shares,
                mean_volume=mean_volume,
                volatility=volatility,
            )
        price = base + order.direction * impact
        beyond = order.limit is not None and order.direction * (price - order.limit) > 0
        return (None, None) if beyond else (price, order.direction * shares)

    def _usual(self, data: Any, asset: Any) -> tuple[float, float]:
        """Return (mean volume, σ) of an asset over the sessions before today, (0, NaN) when they are not there."""
        if self._known_on != data.current_session:
            self._known, self._known_on = {}, data.current_session
        if asset not in self._known:
            self._known[asset] = _volume_and_volatility(data, asset)
        return self._known[asset]


def _volume_and_volatility(data: Any, asset: Any) -> tuple[float, float]:
    """Return the mean volume and the annual volatility over the 20 sessions before today."""
    try:
        past = data.history(asset, ["volume", "close"], IMPACT_SESSIONS + 1, "1d").iloc[:-1]
    except HistoryWindowStartsBeforeData:
        return 0.0, math.nan
    close = past["close"].ffill().to_numpy()
    returns = close[1:] / close[:-1] - 1.0
    return float(past["volume"].mean()), float(np.std(returns, ddof=1) * math.sqrt(matching.SESSIONS_A_YEAR))


class VolatilityVolumeShare(MarketImpactBase, FutureSlippageModel):
    """Fill at most volume_limit·V; impact = B·η·σ·√(q / mean volume)/10⁴, for futures.

    The run fills through its compiled form; process_order says the same in Python, for subclasses that change a part.

    eta: η, one number or a dict root symbol → number; roots it lacks have those of contract_costs.ETA, others the
    default 0.049018143225019836. The default for futures.
    """

    NO_DATA_VOLATILITY_SLIPPAGE_IMPACT = 7.5 / 10_000

    def __init__(self, volume_limit: float = VOLUME_LIMIT, eta: float | Mapping[str, float] | None = None) -> None:
        super().__init__()
        self.volume_limit = not_negative("volume_limit", volume_limit)
        self.eta: Etas = _etas({} if eta is None else eta)

    def get_txn_volume(self, data: Any, order: Any) -> float:
        """Return volume_limit·V."""
        return float(data.current(order.asset, "volume")) * self.volume_limit

    def get_simulated_impact(
        self,
        order: Any,
        current_price: float,
        current_volume: float,
        txn_volume: int,
        mean_volume: float,
        volatility: float,
    ) -> float:
        """Return B·η·σ·√(q / mean volume)/10⁴."""
        eta = self._eta_of(order.asset)
        return current_price * eta * volatility * math.sqrt(txn_volume / mean_volume) / 10_000

    def _eta_of(self, asset: Any) -> float:
        """Return η for one asset."""
        if not isinstance(self.eta, Mapping):
            return self.eta
        root = root_symbol(asset)
        return self.eta.get(root, ETA.get(root, DEFAULT_ETA))

    def terms_of(self, asset: Any) -> tuple[float, float, float]:
        """Return (volume_limit, η, impact where nothing is known)."""
        eta = DEFAULT_ETA if asset is None else self._eta_of(asset)
        return self.volume_limit, eta, self.NO_DATA_VOLATILITY_SLIPPAGE_IMPACT

    def compiled_kind(self) -> int:
        """Return the kind that matching.py knows, CUSTOM when a subclass decides any part of it in Python."""
        of_class, parts = type(self), ("process_order", "get_txn_volume", "get_simulated_impact", "_usual", "_eta_of")
        built_in = all(getattr(of_class, part) is getattr(VolatilityVolumeShare, part) for part in parts)
        return matching.IMPACT if built_in and self.allowed_asset_types == (Future,) else matching.CUSTOM


Etas = float | dict[str, float]


def _etas(eta: float | Mapping[str, float]) -> Etas:
    """Return η, or the η of root symbols, as floats."""
    if isinstance(eta, Mapping):
        return {root: not_negative(f"eta[{root!r}]", value) for root, value in eta.items()}
    return not_negative("eta", eta)
