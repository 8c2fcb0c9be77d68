"""Cancel policies: whether open orders are cancelled when a session ends.

A policy of your own is one small class with one method:

    class CancelOnFridays(CancelPolicy):
        def should_cancel(self, event):
            return event == SESSION_END and get_datetime().weekday() == 4

`should_cancel(event) -> bool` is asked at every session end. What is cancelled then are the orders that have had their
chance to fill: with daily bars an order placed in today's bar can first fill in the next one, so it stays.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tradewind.orders import Order

SESSION_END = "session_end"
"""The event at which a policy is asked."""


class CancelPolicy:
    """Base of all cancel policies: override should_cancel. With warn_on_cancel each cancelled order is logged."""

    warn_on_cancel = True

    def should_cancel(self, event: Any) -> bool:
        """Return whether the open orders are to be cancelled at this event."""
        raise NotImplementedError(f"{type(self).__name__} must define should_cancel(event).")

    def __repr__(self) -> str:
        """Show the policy."""
        return f"{type(self).__name__}(warn_on_cancel={self.warn_on_cancel})"


class NeverCancel(CancelPolicy):
    """Orders rest until they fill or the algorithm cancels them: the default with daily bars."""

    warn_on_cancel = False

    def should_cancel(self, event: Any) -> bool:
        """Return False."""
        return False

    def __repr__(self) -> str:
        """Show the policy."""
        return "NeverCancel()"


class EODCancel(CancelPolicy):
    """Orders are cancelled at the end of the session; each is logged unless warn_on_cancel is False."""

    def __init__(self, warn_on_cancel: bool = True) -> None:
        self.warn_on_cancel = warn_on_cancel

    def should_cancel(self, event: Any) -> bool:
        """Return whether the session ends."""
        return bool(event == SESSION_END)


def told(order: Order) -> str:
    """Return the line that the log gets for an order cancelled at the end of a session."""
    done, left = abs(order.filled), abs(order.open_amount)
    verb = "bought" if order.amount > 0 else "sold"
    fate = f"{done} were {verb}, {left} were not" if done else f"none was {verb}"
    return f"the order for {order.amount} shares of {order.asset} was cancelled at the end of the session: {fate}"
