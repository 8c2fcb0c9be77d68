"""Commission models: what a fill costs besides its price.

A model of your own is one small class with one method:

    class HalfPercent(CommissionModel):
        def calculate(self, order, transaction):
            return abs(transaction.amount) * transaction.price * 0.005

`calculate(order, transaction) -> cost`: order is the Order snapshot before this fill (its `filled` and `commission` are
what came earlier), transaction the Fill; cost in currency, 0 for none. `allowed_asset_types` says what the model is
for, (Equity, Future) by default. The built-in models run compiled.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from tradewind import matching
from tradewind.amounts import not_negative
from tradewind.contract_costs import COST_A_CONTRACT, EXCHANGE_FEES
from tradewind.errors import BadParameter
from tradewind.orders import root_symbol
from tradewind_data.assets import Asset, Equity, Future


class CommissionModel:
    """Base of all commission models: override calculate."""

    kind: ClassVar[int] = matching.CUSTOM
    allowed_asset_types: ClassVar[tuple[type[Asset], ...]] = (Equity, Future)

    def calculate(self, order: Any, transaction: Any) -> float:
        """Return the cost of one fill, in currency."""
        raise NotImplementedError(f"{type(self).__name__} must define calculate(order, transaction).")

    def terms(self) -> tuple[float, float]:
        """Return the two numbers that the compiled form of a built-in model needs."""
        return 0.0, 0.0

    def terms_of(self, asset: Any) -> tuple[float, float, float]:
        """Return the numbers of the compiled form for one asset; 0 for those it does not have."""
        return (*self.terms(), 0.0)

    def compiled_kind(self) -> int:
        """Return the kind that matching.py knows, or CUSTOM when a subclass decides in Python."""
        built_in = type(self).calculate is _BuiltIn.calculate
        return self.kind if built_in else matching.CUSTOM

    def __repr__(self) -> str:
        """Show the parameters."""
        inside = ", ".join(f"{name}={value!r}" for name, value in vars(self).items())
        return f"{type(self).__name__}({inside})"


class EquityCommissionModel(CommissionModel):
    """Base of models for equities only."""

    allowed_asset_types = (Equity,)


class _BuiltIn(CommissionModel):
    """A model with a compiled form."""

    def calculate(self, order: Any, transaction: Any) -> float:
        """Return the cost by the model's compiled formula."""
        terms, before = np.array(self.terms_of(order.asset)), (order.filled, order.commission)
        cost = matching.charged(self.kind, terms, transaction.amount, transaction.price, *before)
        return float(cost)


class NoCommission(_BuiltIn):
    """Trade for free."""

    kind = matching.NO_COMMISSION


class PerShare(_BuiltIn, EquityCommissionModel):
    """Cost a share, with a minimum an order (charged with its first fill): the default for equities is 0.001, 0."""

    kind = matching.PER_SHARE

    def __init__(self, cost: float = 0.001, min_trade_cost: float = 0.0) -> None:
        self.cost_per_share = not_negative("cost", cost)
        self.min_trade_cost = not_negative("min_trade_cost", min_trade_cost or 0.0)

    def terms(self) -> tuple[float, float]:
        """Return (cost a share, minimum an order)."""
        return self.cost_per_share, self.min_trade_cost


class PerTrade(_BuiltIn):
    """A fixed cost an order, charged with its first fill."""

    kind = matching.PER_TRADE

    def __init__(self, cost: float = 0.0) -> None:
        self.cost = not_negative("cost", cost)

    def terms(self) -> tuple[float, float]:
        """Return (cost, unused)."""
        return self.cost, 0.0


class PerDollar(_BuiltIn, EquityCommissionModel):
    """A fraction of the traded value: |amount|·price·cost."""

    kind = matching.PER_DOLLAR

    def __init__(self, cost: float = 0.0015) -> None:
        self.cost_per_dollar = not_negative("cost", cost)

    def terms(self) -> tuple[float, float]:
        """Return (cost a currency unit, unused)."""
        return self.cost_per_dollar, 0.0


class FutureCommissionModel(CommissionModel):
    """Base of models for futures only."""

    allowed_asset_types = (Future,)


class PerContract(FutureCommissionModel):
    """A cost a contract, and an exchange fee an order, for futures.

    The first fill of q contracts costs max(min_trade_cost, |q|·cost + exchange_fee); later ones what the order has cost
    in all by then, |filled|·cost + exchange_fee, less what it paid, nothing while that is below the minimum. cost and
    exchange_fee: one number, or a dict root symbol → number; roots a dict lacks cost 0.85 a contract and the fee of
    contract_costs.EXCHANGE_FEES. The default for futures.
    """

    def __init__(
        self,
        cost: float | Mapping[str, float] = COST_A_CONTRACT,
        exchange_fee: float | Mapping[str, float] = EXCHANGE_FEES,
        min_trade_cost: float = 0.0,
    ) -> None:
        self.cost = _by_root("cost", cost)
        self.exchange_fee = _by_root("exchange_fee", exchange_fee)
        self.min_trade_cost = not_negative("min_trade_cost", min_trade_cost or 0.0)

    def calculate(self, order: Any, transaction: Any) -> float:
        """Return the cost of one fill."""
        each, fee, _ = self.terms_of(order.asset)
        total = (abs(order.filled) + abs(transaction.amount)) * each + fee
        if order.filled == 0 and order.commission == 0.0:
            return max(self.min_trade_cost, total)
        return 0.0 if total < self.min_trade_cost else total - float(order.commission)

    def terms_of(self, asset: Any) -> tuple[float, float, float]:
        """Return (cost a contract, exchange fee, minimum an order); refuse a root whose fee is not known."""
        root = root_symbol(asset)
        each = _of_root("cost", self.cost, root, COST_A_CONTRACT)
        return each, _of_root("exchange_fee", self.exchange_fee, root, EXCHANGE_FEES.get(root)), self.min_trade_cost

    def compiled_kind(self) -> int:
        """Return the kind that matching.py knows, or CUSTOM when a subclass decides in Python."""
        return matching.PER_CONTRACT if type(self).calculate is PerContract.calculate else matching.CUSTOM


class PerFutureTrade(PerContract):
    """A fixed cost an order, for futures: one number, or a dict root symbol → number."""

    def __init__(self, cost: float | Mapping[str, float] = 0.0) -> None:
        super().__init__(cost=0.0, exchange_fee=cost)


BUILT_IN = _BuiltIn, PerContract
Costs = float | dict[str, float]


def _by_root(name: str, cost: float | Mapping[str, float]) -> Costs:
    """Return a cost, or the costs of root symbols, as floats."""
    if isinstance(cost, Mapping):
        return {root: not_negative(f"{name}[{root!r}]", value) for root, value in cost.items()}
    return not_negative(name, cost)


def _of_root(name: str, costs: Costs, root: str, usual: float | None) -> float:
    """Return the cost of one root symbol, the usual one where the costs do not name it; refuse when there is none."""
    if not isinstance(costs, dict):
        return costs
    found = costs.get(root, usual)
    if found is None:
        instead = "a number: use set_commission(us_futures=commission.PerContract(cost, exchange_fee))"
        raise BadParameter(f"PerContract: {name} of {root!r}", None, instead)
    return found
