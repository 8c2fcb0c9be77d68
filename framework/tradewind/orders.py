"""What an order asks and what became of it: execution styles, and the frozen snapshots Order and Fill."""

from __future__ import annotations

import math
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from itertools import islice, repeat
from operator import add
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from tradewind.errors import BadOrderParameters, UnsupportedOrderParameters

NO_PRICE = math.nan


class OrderStatus(IntEnum):
    """The numeric status of an order."""

    OPEN = 0
    FILLED = 1
    CANCELLED = 2
    REJECTED = 3
    HELD = 4


def _checked_price(name: str, price: float) -> float:
    """Return a limit or stop price as a float; refuse what is no finite, non-negative number."""
    try:
        value = float(price + 0)  # a string is no number
    except (TypeError, ValueError, OverflowError):
        raise BadOrderParameters(f"{name} was {price!r}; it must be a number.") from None
    if not math.isfinite(value) or value < 0:
        raise BadOrderParameters(f"{name} was {price!r}; it must be finite and not negative.")
    return value


def _answered(name: str, price: float | None) -> float:
    """Return a price that a style of the user's own answered, NaN for None."""
    return NO_PRICE if price is None else _checked_price(name, price)


def _known(price: float) -> float | None:
    """Return a price, None for NaN."""
    return None if math.isnan(price) else price


def rounded_to_tick(price: float, tick: float, prefer_down: bool) -> float:
    """Round to a multiple of the tick in the direction that is better for the order.

    With `prefer_down`, prices in [X − 0.05·tick, X + 0.95·tick) become X; otherwise the mirror image,
    (X − 0.95·tick, X + 0.05·tick]. NaN stays NaN.
    """
    if math.isnan(price):
        return price
    slack = 1e-9
    if prefer_down:
        return _ten_decimals(math.floor(price / tick + 0.05 + slack) * tick)
    return _ten_decimals(math.ceil(price / tick - 0.05 - slack) * tick)


def _ten_decimals(value: float) -> float:
    """Return round(value, 10), which takes four times as long where the tenth decimal is plain to see."""
    scaled = value * 1e10
    whole = math.floor(scaled + 0.5) if -1e15 < scaled < 1e15 else math.nan
    return whole / 1e10 if -0.25 < scaled - whole < 0.25 else float(round(value, 10))


def coarsely_rounded_to_tick(price: float, tick: float, prefer_down: bool) -> float:
    """Round as rounded_to_tick does, but in plain floats: tick·trunc((price ∓ 0.45·tick)/tick ± 0.5).

    A price within a rounding error of a bound may fall on its other side, and the answer carries the error of the
    product. NaN stays NaN.
    """
    if math.isnan(price):
        return price
    shift = (0.95 - 0.5) * tick - 10 * sys.float_info.epsilon
    ticks = (price - (shift if prefer_down else -shift)) / tick
    return tick * int(ticks + math.copysign(0.5, ticks))


def _tick_of(asset: Any) -> float:
    """Return an asset's tick, 0.01 for none."""
    return 0.01 if asset is None else float(asset.tick_size)


@dataclass(frozen=True, repr=False)
class ExecutionStyle:
    """How an order wants to be executed: a limit price, a stop price, both or neither (NaN = none).

    told_tick: the tick of the asset that the style was made for, 0.01 when it was made for none, NaN when it was not
    asked; only the original's rounding looks at it. exchange: kept, and nothing looks at it.

    A style of your own overrides get_limit_price and get_stop_price, which answer a price or None.
    """

    limit_price: float = NO_PRICE
    stop_price: float = NO_PRICE
    told_tick: float = math.nan
    exchange: Any = None

    def get_limit_price(self, is_buy: bool) -> float | None:
        """Return the limit price of a buy or a sell, rounded to the tick of its asset; None for none."""
        return _known(rounded_to_tick(self.limit_price, self._tick, is_buy))

    def get_stop_price(self, is_buy: bool) -> float | None:
        """Return the stop price of a buy or a sell, rounded to the tick of its asset; None for none."""
        return _known(rounded_to_tick(self.stop_price, self._tick, not is_buy))

    @property
    def _tick(self) -> float:
        return 0.01 if math.isnan(self.told_tick) else self.told_tick

    def __repr__(self) -> str:
        """Show the prices there are."""
        prices = {"limit_price": self.limit_price, "stop_price": self.stop_price}
        inside = ", ".join(f"{name}={price:g}" for name, price in prices.items() if not math.isnan(price))
        return f"{type(self).__name__}({inside})"

    def prices_for(self, is_buy: bool, tick: float, exact: bool = True) -> tuple[float, float]:
        """Return (limit, stop) rounded to the tick: a buy's limit and a sell's stop prefer down, the others up."""
        own, base = type(self), ExecutionStyle
        if own.get_limit_price is not base.get_limit_price or own.get_stop_price is not base.get_stop_price:
            limit = _answered(f"{own.__name__}.get_limit_price", self.get_limit_price(is_buy))
            return limit, _answered(f"{own.__name__}.get_stop_price", self.get_stop_price(is_buy))
        if not exact and not math.isnan(self.told_tick):
            tick = self.told_tick
        return on_tick(self.limit_price, self.stop_price, is_buy, tick, exact)


def on_tick(limit: float, stop: float, is_buy: bool, tick: float, exact: bool) -> tuple[float, float]:
    """Return (limit, stop) rounded to the tick: a buy's limit and a sell's stop prefer down, the others up."""
    rounded = rounded_to_tick if exact else coarsely_rounded_to_tick
    return (
        rounded(limit, tick, is_buy) if limit == limit else limit,
        rounded(stop, tick, not is_buy) if stop == stop else stop,
    )


class MarketOrder(ExecutionStyle):
    """Execute at the market: at the next bar's close, moved by slippage."""

    def __init__(self, exchange: Any = None) -> None:
        super().__init__(exchange=exchange)


class LimitOrder(ExecutionStyle):
    """Execute only while the close is at the limit or better (buy: at or below; sell: at or above)."""

    def __init__(self, limit_price: float, asset: Any = None, exchange: Any = None) -> None:
        super().__init__(_checked_price("limit_price", limit_price), NO_PRICE, _tick_of(asset), exchange)


class StopOrder(ExecutionStyle):
    """Become a market order once the close reaches the stop (buy: at or above; sell: at or below)."""

    def __init__(self, stop_price: float, asset: Any = None, exchange: Any = None) -> None:
        super().__init__(NO_PRICE, _checked_price("stop_price", stop_price), _tick_of(asset), exchange)


class StopLimitOrder(ExecutionStyle):
    """Become a limit order once the close reaches the stop; the limit is tested from that same close on."""

    def __init__(self, limit_price: float, stop_price: float, asset: Any = None, exchange: Any = None) -> None:
        prices = _checked_price("limit_price", limit_price), _checked_price("stop_price", stop_price)
        super().__init__(*prices, _tick_of(asset), exchange)


def plain_prices(limit_price: float | None, stop_price: float | None) -> tuple[float, float]:
    """Return the limit and the stop that a verb was given, NaN for none."""
    limit = NO_PRICE if limit_price is None else _checked_price("limit_price", limit_price)
    return limit, NO_PRICE if stop_price is None else _checked_price("stop_price", stop_price)


def style_alone(style: Any, limit_price: float | None, stop_price: float | None) -> ExecutionStyle:
    """Return the execution style that a verb was given; refuse prices beside it, and what is none."""
    if limit_price is not None or stop_price is not None:
        raise UnsupportedOrderParameters(
            f"style={style!r} was given together with limit_price={limit_price} and stop_price={stop_price}; "
            "give the prices or a style, not both."
        )
    if not isinstance(style, ExecutionStyle):
        raise UnsupportedOrderParameters(
            f"style was {style!r}; it must be MarketOrder(), LimitOrder(…), StopOrder(…) or StopLimitOrder(…)."
        )
    return style


_LOW = [f"{low:03x}" for low in range(4096)]
_HIGH: list[str] = []


def order_id(ordinal: int) -> str:
    """Return an order's name: the ordinal of its placement in 32 hex digits, deterministic and never falsy."""
    try:
        return _HIGH[ordinal >> 12] + _LOW[ordinal & 0xFFF]
    except IndexError:  # joined from two tables: formatting 32 digits takes three times as long
        _HIGH.extend(f"{high:029x}" for high in range(len(_HIGH), (ordinal >> 12) + 1))
        return order_id(ordinal)


class OrderNames:
    """The names of the orders to come, from the first on and without end: a third of what order_id() takes for each.

    The next one is head + next(tail); when the tail is at its end, next_block() puts both on the names after it.
    """

    def __init__(self) -> None:
        self._block = -1
        self.next_block()

    def next_block(self) -> None:
        """Go on to the names of the next 4,096 orders."""
        self._block += 1
        self.head, self.tail = f"{self._block:029x}", iter(_LOW)

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        for low in self.tail:
            return self.head + low
        self.next_block()
        return self.head + next(self.tail)

    def take(self, count: int) -> list[str]:
        """Return the next names, in order."""
        found = list(map(add, repeat(self.head), islice(self.tail, count)))
        while len(found) < count:
            self.next_block()
            found += map(add, repeat(self.head), islice(self.tail, count - len(found)))
        return found


ID = re.compile(r"[0-9a-f]{32}")


def ordinal_of(identifier: Any) -> int:
    """Return the ordinal behind an order id (32 hex digits), an int, an Order, or −1 for anything else.

    What merely looks like one is none: a symbol such as "ABC" has hex digits, too, and an asset is usable as an index.
    """
    if isinstance(identifier, Order):
        identifier = identifier.id
    if isinstance(identifier, str):
        return int(identifier, 16) if ID.fullmatch(identifier) else -1
    whole = isinstance(identifier, int | np.integer) and not isinstance(identifier, bool)
    return int(identifier) if whole else -1


_CONTRACT = re.compile(r"(.+)[FGHJKMNQUVXZ]\d{2}$")


def root_symbol(asset: Any) -> str:
    """Return a contract's root symbol; without one, what its symbol says: "CL" of "CLF21", else the whole symbol."""
    told = getattr(asset, "root_symbol", "")
    named = None if told else _CONTRACT.match(asset.symbol)
    return named[1] if named else str(told or asset.symbol)


class _Readable:
    """Attributes that can be read by name, too, as older algorithms read orders and transactions."""

    __slots__ = ()
    __dataclass_fields__: ClassVar[dict[str, Any]]

    def keys(self) -> list[str]:
        """Return the names that can be read."""
        return [*self.__dataclass_fields__, "sid"]

    def __getitem__(self, name: str) -> Any:
        """Return an attribute by name."""
        return getattr(self, name)

    def __contains__(self, name: object) -> bool:
        """Return whether there is an attribute of that name."""
        return name in self.keys()


@dataclass(frozen=True, slots=True)
class Order(_Readable):
    """A snapshot of one order. Amounts are signed shares; limit and stop are None when there is none.

    created and dt (the last change) are UTC; commission is in currency.
    """

    id: str
    asset: Any
    amount: int
    filled: int
    commission: float
    limit: float | None
    stop: float | None
    limit_reached: bool
    stop_reached: bool
    status: OrderStatus
    reason: str
    created: pd.Timestamp
    dt: pd.Timestamp

    @property
    def sid(self) -> Any:
        """The asset, under the name older algorithms use."""
        return self.asset

    @property
    def open(self) -> bool:
        """Whether the order still waits for fills."""
        return self.status in (OrderStatus.OPEN, OrderStatus.HELD)

    @property
    def open_amount(self) -> int:
        """Signed shares not filled yet."""
        return self.amount - self.filled

    @property
    def direction(self) -> int:
        """+1 for a buy, −1 for a sell."""
        return 1 if self.amount > 0 else -1

    @property
    def triggered(self) -> bool:
        """Whether the order may fill: its stop and its limit, where it has them, were reached."""
        return (self.stop is None or self.stop_reached) and (self.limit is None or self.limit_reached)


@dataclass(frozen=True, slots=True)
class Fill(_Readable):
    """One execution: signed whole shares at a price a share; order_id is None for a closing fill."""

    asset: Any
    amount: int
    dt: pd.Timestamp
    price: float
    order_id: str | None
    commission: float

    @property
    def sid(self) -> Any:
        """The asset, under the name older algorithms use."""
        return self.asset
