"""What a slippage or a commission model answered, looked at before it can reach the books.

A fill has a finite price (positive for an asset whose value is its price), whole shares of the order's sign, no more
than are open; a commission is finite and not negative. Anything else stops the run with BadFill, which names the model.
"""

from __future__ import annotations

import math
from typing import Any

from tradewind.errors import BadFill
from tradewind.orders import Order


def checked_answer(model: Any, order: Order, answer: Any) -> tuple[Any, Any]:
    """Return the (price, shares) that a slippage model answered, unchecked; refuse what is no pair."""
    try:
        price, shares = answer
    except (TypeError, ValueError):
        allowed = "a pair (price, shares), or (None, None) to fill nothing in this bar"
        raise BadFill(model, order, repr(answer), allowed) from None
    return price, shares


def checked_price(model: Any, order: Order, price: Any, may_be_negative: bool) -> float:
    """Return a fill price as a float."""
    value = _number(price)
    if math.isnan(value) or math.isinf(value) or (value <= 0 and not may_be_negative):
        raise BadFill(model, order, f"the price {price!r}", "finite" if may_be_negative else "finite and positive")
    return value


def checked_amount(model: Any, order: Order, amount: Any) -> int:
    """Return the shares of a fill, cut toward zero."""
    value = _number(amount)
    if not math.isfinite(value):
        raise BadFill(model, order, f"the amount {amount!r}", "a finite number of shares")
    if value * order.open_amount < 0:
        raise BadFill(model, order, f"the amount {amount!r}", f"of the sign of the {order.open_amount} open shares")
    if abs(int(value)) > abs(order.open_amount):
        raise BadFill(model, order, f"the amount {amount!r}", f"at most the {order.open_amount} open shares")
    return int(value)


def checked_cost(model: Any, order: Order, cost: Any, may_be_negative: bool) -> float:
    """Return a commission as a float; None means none.

    A built-in model, or one of the user's that asks it, may find after a reverse split of the order that too much was
    charged: that is never paid back.
    """
    value = 0.0 if cost is None else _number(cost)
    if not math.isfinite(value) or (value < 0 and not may_be_negative):
        raise BadFill(model, order, f"the commission {cost!r}", "finite and not negative")
    return value


def _number(value: Any) -> float:
    """Return a float, NaN for what is no number."""
    try:
        return float(value)
    except (TypeError, ValueError):
        return math.nan
