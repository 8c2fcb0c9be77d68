"""The margin desk: compares the equity with what positions need, rejects orders and calls for margin.

With E the equity and I, M the initial and maintenance requirements (margin.py) at the last known prices:

orders    After the user's functions of a bar, as if everything open were filled: while I > E, the newest of the orders
          placed in this bar that raise I are rejected, one after the other. What lowers I is never rejected.
call      At a session's end, once the cancel policy has had its say: M > E is a margin call. "liquidate" cancels what
          is open and orders every position cut to the fraction max(E, 0)/max(I, M) of its size, toward zero, for the
          next bar; what is left then needs no more margin than there is. "record" leaves it at the log line and the
          entry in info["margin"] of the result; "stop" ends the run with MarginCall.

Slippage and commissions are not foreseen, so a call can follow upon a call.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tradewind.blotter import MARGIN_CALL, NO_MARGIN, VERBS, Blotter
from tradewind.errors import MarginCall
from tradewind.ledger import Ledger
from tradewind.log import AlgorithmLog
from tradewind.margin import Margin, Positions, required_of
from tradewind_data.assets import AssetFinder

VIA = VERBS.index("margin_call")


class MarginDesk:
    """The margin of one run."""

    def __init__(
        self, margin: Margin, finder: AssetFinder, ledger: Ledger, blotter: Blotter, prices: Any, log: AlgorithmLog
    ) -> None:
        self._margin, self._finder, self._ledger, self._blotter = margin, finder, ledger, blotter
        self._prices, self._log = prices, log
        self._reviewed = 0
        self.calls: list[dict[str, Any]] = []
        self.rejected = 0

    @property
    def initial_rate(self) -> float:
        """The equity that a unit of money in shares needs."""
        return self._margin.model.initial_rate

    def required(self) -> tuple[float, float]:
        """Return (initial, maintenance) of what is held, at the last known prices."""
        book, held = self._ledger.marked(), self._ledger.held
        return self._needs(held, book.amount[held], book.last_price[held])

    def _needs(self, columns: np.ndarray, amount: np.ndarray, price: np.ndarray) -> tuple[float, float]:
        """Return what positions need in all; a price that is not known needs nothing yet."""
        assets = [self._finder.asset_at(column) for column in columns.tolist()]
        exposure = np.nan_to_num(amount * price * self._ledger.book.multiplier[columns])
        return required_of(self._margin.model, Positions(assets, amount.copy(), exposure))

    # ---------------------------------------------------------------- orders

    def review(self, at: int, session: int) -> None:
        """Reject the orders placed since the last review for which there is no margin."""
        first, count = self._reviewed, self._blotter.count
        self._reviewed = count
        if first == count or self._margin.on_order == "allow":
            return
        orders, which = self._blotter.orders, self._blotter.open_orders
        ordered = orders.column[which]
        columns = np.union1d(self._ledger.held, ordered)
        book = self._ledger.marked()
        amount = book.amount[columns].copy()
        np.add.at(amount, np.searchsorted(columns, ordered), orders.amount[which] - orders.filled[which])
        known = self._prices.last_known(columns, at, session)
        price = np.where(np.isnan(known), book.last_price[columns], known)
        self._reject(which[which >= first][::-1].tolist(), columns, amount, price)

    def _reject(self, newest_first: list[int], columns: np.ndarray, amount: np.ndarray, price: np.ndarray) -> None:
        """Reject orders until the rest can be carried. amount: as if all were filled; changed here."""
        needed, equity, orders = self._needs(columns, amount, price)[0], self._ledger.equity, self._blotter.orders
        for ordinal in newest_first:
            if needed <= equity:
                return
            place = int(np.searchsorted(columns, orders.column[ordinal]))
            amount[place] -= orders.amount[ordinal]
            without = self._needs(columns, amount, price)[0]
            if without < needed:
                self._blotter.reject(ordinal, NO_MARGIN)
                self._tell_rejected(ordinal, needed, equity)
                needed = without
            else:
                amount[place] += orders.amount[ordinal]

    def _tell_rejected(self, ordinal: int, needed: float, equity: float) -> None:
        """Write down why an order was rejected."""
        orders = self._blotter.orders
        column, shares = int(orders.column[ordinal]), int(orders.amount[ordinal])
        detail = f"with it the initial margin would be {needed:,.2f}, the equity is {equity:,.2f}"
        self._blotter.note("rejected", column, shares, 0, 0, detail, ordinal)
        self._log.warning("order of %d %s rejected: %s", shares, self._finder.asset_at(column), detail)
        self.rejected += 1

    # ---------------------------------------------------------------- calls

    def end_of_session(self, session: int, day: str) -> None:
        """Call for margin when what is held needs more than there is."""
        if not len(self._ledger.held):
            return
        initial, maintenance = self.required()
        equity = self._ledger.equity
        if maintenance <= equity:
            return
        if self._margin.on_call == "stop":
            raise MarginCall(day, equity, initial, maintenance)
        fact = {"session": day, "equity": equity, "initial": initial, "maintenance": maintenance}
        self.calls.append({**fact, "action": self._margin.on_call})
        detail = f"margin call: maintenance margin {maintenance:,.2f}, equity {equity:,.2f}"
        self._log.warning("%s", detail)
        if self._margin.on_call == "liquidate":
            self._liquidate(session, max(equity, 0.0) / max(initial, maintenance), detail)

    def _liquidate(self, session: int, keep: float, detail: str) -> None:
        """Cancel what is open and order every position cut to a fraction of its size."""
        for ordinal in self._blotter.open_orders.tolist():
            self._blotter.cancel(ordinal, MARGIN_CALL)
        for column in self._ledger.held.tolist():
            held = int(self._ledger.book.amount[column])
            exact = held * (keep - 1.0)
            target = int(held * keep)
            if target != held and self._finder.orderable_to[column] > session:
                ordinal = self._blotter.count
                self._blotter.place_all(VIA, *np.array([[column], [target - held], [exact], [exact]]))
                self._blotter.note("margin call", column, held, target, target - held, detail, ordinal)
        self._reviewed = self._blotter.count

    @property
    def totals(self) -> dict[str, Any]:
        """What the result says of margin."""
        return {"calls": self.calls, "rejected_orders": self.rejected, "on_call": self._margin.on_call}
