"""Controls: limits that an algorithm sets on itself in initialize.

Trading controls look at every order after it was rounded to whole shares and before it is placed, in the order in which
they were set, orders of 0 shares included. A violated one with on_error="fail" raises TradingControlViolation and the
order is not placed; with on_error="log" the violation is logged and the order is placed all the same.

Account controls look at the account at the end of every session; a violated one ends the run.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from tradewind.amounts import not_negative
from tradewind.errors import AccountControlViolation, BadParameter, TradingControlViolation
from tradewind.log import AlgorithmLog
from tradewind.restrictions import Restrictions, restrictions_of
from tradewind_data.assets import Asset

NS_A_DAY = 86_400 * 10**9
ON_ERROR = ("fail", "log")


@dataclass(frozen=True, slots=True)
class Proposed:
    """An order that is about to be placed: signed shares asked and held, the time (ns UTC) and the last known price.

    price() is in currency a share, NaN when the asset has none; it is looked up only when a control asks.
    """

    asset: Asset
    amount: int
    held: int
    now: int
    price: Callable[[], float]

    @property
    def after(self) -> int:
        """Shares held once the order is filled; other open orders do not count."""
        return self.held + self.amount


@dataclass
class TradingControl:
    """Base of the trading controls: `problem` says what an order violates."""

    on_error: str

    def problem(self, order: Proposed) -> str | None:
        """Return what the order violates as a phrase, None when it may be placed."""
        raise NotImplementedError(f"{type(self).__name__} must define problem(order).")

    def passed(self) -> None:
        """Note that an order got past this control."""


def _limits(function: str, asset: Any, max_shares: Any, max_notional: Any) -> tuple[float | None, float | None]:
    """Return the limits as floats; refuse those that limit nothing, are negative or for what is no asset."""
    if not (asset is None or isinstance(asset, Asset | int | np.integer)):
        raise BadParameter(f"{function}: asset", asset, "an Asset, from symbol('…') or sid(…), or None for each asset")
    if max_shares is None and max_notional is None:
        raise BadParameter(f"{function}: max_shares, max_notional", None, "given, at least one of the two")
    most = None if max_shares is None else not_negative(f"{function}: max_shares", max_shares, finite=False)
    worth = None if max_notional is None else not_negative(f"{function}: max_notional", max_notional, finite=False)
    return most, worth


@dataclass
class _SizeLimit(TradingControl):
    """At most so many shares, or so much value at the last known price, in one asset or in any (asset None)."""

    asset: Asset | None
    max_shares: float | None
    max_notional: float | None

    def shares(self, order: Proposed) -> int:
        """Return the signed shares that are limited."""
        raise NotImplementedError

    def problem(self, order: Proposed) -> str | None:
        """Compare |shares| and |shares·price·multiplier| with the limits; an unknown price violates nothing."""
        if self.asset is not None and self.asset != order.asset:
            return None
        shares = abs(self.shares(order))
        if self.max_shares is not None and shares > self.max_shares:
            return f"{shares} shares are more than max_shares={self.max_shares:g}"
        worth = shares * order.asset.price_multiplier
        if self.max_notional is not None and worth * abs(order.price()) > self.max_notional:
            return f"{shares} shares at {order.price():g} are worth more than max_notional={self.max_notional:g}"
        return None


@dataclass
class MaxOrderSize(_SizeLimit):
    """Limits the size of one order."""

    def shares(self, order: Proposed) -> int:
        """Return the shares of the order."""
        return order.amount


@dataclass
class MaxPositionSize(_SizeLimit):
    """Limits the position that an order leads to; other open orders do not count."""

    def shares(self, order: Proposed) -> int:
        """Return the shares held after the order."""
        return order.after


@dataclass
class MaxOrderCount(TradingControl):
    """At most so many orders a day (UTC); an order that raises is not counted, one of 0 shares is."""

    max_count: int
    _day: int = -1
    _count: int = 0

    def problem(self, order: Proposed) -> str | None:
        """Compare the orders counted today with the limit."""
        if order.now // NS_A_DAY != self._day:
            self._day, self._count = order.now // NS_A_DAY, 0
        if self._count >= self.max_count:
            return f"{self._count} orders were placed today, the most that max_count={self.max_count} allows"
        return None

    def passed(self) -> None:
        """Count the order."""
        self._count += 1


@dataclass
class LongOnly(TradingControl):
    """No order may lead to a short position."""

    def problem(self, order: Proposed) -> str | None:
        """Look at the shares held after the order."""
        return f"it would leave {order.after} shares" if order.after < 0 else None


@dataclass
class RestrictedListOrder(TradingControl):
    """No order in a restricted asset."""

    restrictions: Restrictions

    def problem(self, order: Proposed) -> str | None:
        """Ask the restrictions."""
        restricted = self.restrictions.is_restricted(order.asset, pd.Timestamp(order.now, tz="UTC"))
        return "the asset is restricted" if restricted else None


@dataclass
class AssetDateBounds(TradingControl):
    """No order before an asset's first day or after its last; one of 0 shares passes."""

    def problem(self, order: Proposed) -> str | None:
        """Compare the day with the asset's dates."""
        day = pd.Timestamp(order.now).normalize()
        if order.amount == 0:
            return None
        if day < order.asset.start_date:
            return f"the asset starts on {order.asset.start_date:%Y-%m-%d}"
        return f"the asset ended on {order.asset.end_date:%Y-%m-%d}" if day > order.asset.end_date else None


@dataclass
class MaxLeverage:
    """Gross leverage may not end a session above max_leverage."""

    max_leverage: float

    def problem(self, leverage: float, now: int) -> str | None:
        """Compare the leverage with the limit."""
        above = leverage > self.max_leverage
        return f"leverage is {leverage:.4f}, above max_leverage={self.max_leverage}" if above else None


@dataclass
class MinLeverage:
    """After the deadline (ns UTC) gross leverage may not end a session below min_leverage."""

    min_leverage: float
    deadline: int

    def problem(self, leverage: float, now: int) -> str | None:
        """Compare the leverage with the limit, once the grace period is over."""
        below = now > self.deadline and leverage < self.min_leverage
        return f"leverage is {leverage:.4f}, below min_leverage={self.min_leverage}" if below else None


class Controls:
    """The controls of one run, in the order in which they were set.

    settable(function) raises when it is too late to set one; `restrictions` is the list that data.can_trade reads;
    start is the label of the run's first session, ns.
    """

    def __init__(
        self, settable: Callable[[str], None], log: AlgorithmLog, restrictions: list[Restrictions], start: int
    ) -> None:
        self._settable, self._log, self._start = settable, log, start
        self.restrictions = restrictions
        self.trading: list[TradingControl] = []
        self.account: list[MaxLeverage | MinLeverage] = []

    # ---------------------------------------------------------------- checking

    def check_order(self, order: Proposed) -> list[str]:
        """Raise TradingControlViolation for an order that a control with on_error="fail" does not let pass.

        Returns what controls with on_error="log" found.
        """
        found = []
        for control in self.trading:
            problem = control.problem(order)
            if problem is not None:
                found.append(self._violated(control, order, problem))
            control.passed()
        return found

    def _violated(self, control: TradingControl, order: Proposed, problem: str) -> str:
        """Raise, or log that the order is placed all the same and return what was found."""
        name = type(control).__name__
        if control.on_error == "fail":
            raise TradingControlViolation(order.asset, order.amount, name, problem)
        self._log.error("placed although %s forbids %d shares of %s: %s", name, order.amount, order.asset, problem)
        return f"placed although {name} forbids it: {problem}"

    def check_account(self, leverage: float, now: int) -> None:
        """Raise AccountControlViolation when gross leverage is outside a limit at a session's end."""
        for control in self.account:
            problem = control.problem(leverage, now)
            if problem is not None:
                raise AccountControlViolation(type(control).__name__, problem)

    # ---------------------------------------------------------------- setting

    def register_trading_control(self, function: str, control: TradingControl) -> None:
        """Add a trading control; refuse an on_error that is unknown, and any moment but initialize."""
        self._settable(function)
        if control.on_error not in ON_ERROR:
            raise BadParameter(f"{function}: on_error", control.on_error, "'fail' or 'log'", ON_ERROR)
        self.trading.append(control)

    def set_max_position_size(
        self,
        asset: Asset | None = None,
        max_shares: float | None = None,
        max_notional: float | None = None,
        on_error: str = "fail",
    ) -> None:
        """Limit the position in one asset, or in any."""
        limits = _limits("set_max_position_size", asset, max_shares, max_notional)
        control = MaxPositionSize(on_error, asset, *limits)
        self.register_trading_control("set_max_position_size", control)

    def set_max_order_size(
        self,
        asset: Asset | None = None,
        max_shares: float | None = None,
        max_notional: float | None = None,
        on_error: str = "fail",
    ) -> None:
        """Limit the size of an order in one asset, or in any."""
        limits = _limits("set_max_order_size", asset, max_shares, max_notional)
        control = MaxOrderSize(on_error, asset, *limits)
        self.register_trading_control("set_max_order_size", control)

    def set_max_order_count(self, max_count: int, on_error: str = "fail") -> None:
        """Limit the number of orders a day."""
        count = not_negative("set_max_order_count: max_count", max_count)
        if count != int(count):
            raise BadParameter("set_max_order_count: max_count", max_count, "a whole number")
        self.register_trading_control("set_max_order_count", MaxOrderCount(on_error, int(count)))

    def set_long_only(self, on_error: str = "fail") -> None:
        """Forbid short positions."""
        self.register_trading_control("set_long_only", LongOnly(on_error))

    def set_asset_date_bounds(self, on_error: str = "fail") -> None:
        """Forbid orders outside the dates of an asset."""
        self.register_trading_control("set_asset_date_bounds", AssetDateBounds(on_error))

    def set_asset_restrictions(self, restrictions: Any, on_error: str = "fail") -> None:
        """Forbid orders in restricted assets; data.can_trade is False for them."""
        found = restrictions_of(restrictions)
        self.register_trading_control("set_asset_restrictions", RestrictedListOrder(on_error, found))
        self.restrictions.append(found)

    def set_do_not_order_list(self, restricted_list: Iterable[Asset], on_error: str = "fail") -> None:
        """Forbid orders in a collection of assets."""
        self.set_asset_restrictions(restricted_list, on_error)

    def set_max_leverage(self, max_leverage: float) -> None:
        """End the run when a session ends with more gross leverage."""
        self._settable("set_max_leverage")
        self.account.append(MaxLeverage(not_negative("set_max_leverage: max_leverage", max_leverage, finite=False)))

    def set_min_leverage(self, min_leverage: float, grace_period: Any) -> None:
        """End the run when a session after the grace period ends with less gross leverage."""
        self._settable("set_min_leverage")
        least = not_negative("set_min_leverage: min_leverage", min_leverage)
        try:
            deadline = pd.Timestamp(self._start) + grace_period
        except TypeError:
            deadline = pd.NaT
        if pd.isna(deadline):
            allowed = "a timedelta or an offset, counted from the start: pd.Timedelta(days=5)"
            raise BadParameter("set_min_leverage: grace_period", grace_period, allowed)
        self.account.append(MinLeverage(least, int(deadline.as_unit("ns").value)))
