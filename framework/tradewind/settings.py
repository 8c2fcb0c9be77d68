"""What holds for the whole run: costs, cancel policy and benchmark, settled in initialize, and the facts of the run."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import pandas as pd

from tradewind import matching
from tradewind.cancel_policy import CancelPolicy
from tradewind.clock import Clock
from tradewind.commission import CommissionModel
from tradewind.errors import BadParameter
from tradewind.fill_rules import FillRules, fill_rules_of
from tradewind.financing import Financing, financing_of
from tradewind.margin import Margin, margin_of
from tradewind.slippage import SlippageModel
from tradewind.times import moment
from tradewind_data.assets import Asset, AssetFinder, Equity, Future

ASSET_TYPES = {matching.EQUITIES: Equity, matching.FUTURES: Future}
DECIDES: dict[type, tuple[str, str]] = {
    SlippageModel: ("process_order", "data, order"),
    CommissionModel: ("calculate", "order, transaction"),
}


class Book(Protocol):
    """What the settings change in the blotter."""

    cancel_policy: CancelPolicy


class Models(Protocol):
    """What they change in the filling of orders."""

    fill_rules: FillRules | None

    def set_slippage(self, model: SlippageModel, asset_class: int) -> None:
        """Use a slippage model for one asset class."""

    def set_commission(self, model: CommissionModel, asset_class: int) -> None:
        """Use a commission model for one asset class."""


class Settings:
    """The settings of one run; settable(function) raises when it is too late to change one."""

    def __init__(
        self,
        settable: Callable[[str], None],
        blotter: Book,
        filling: Models,
        finder: AssetFinder,
        clock: Clock,
        capital_base: float,
    ) -> None:
        self._settable, self._blotter, self._filling, self._finder = settable, blotter, filling, finder
        self._environment = environment_of(clock, capital_base)
        self.benchmark: Asset | pd.Series | None = None
        self.financing: Financing | None = None
        self.margin: Margin | None = None
        self.symbols_as_of = clock.label(clock.last)

    def set_slippage(self, us_equities: Any = None, us_futures: Any = None) -> None:
        """Use slippage models for equities and futures."""
        self._settable("set_slippage")
        for model, asset_class in ((us_equities, matching.EQUITIES), (us_futures, matching.FUTURES)):
            if model is not None:
                self._filling.set_slippage(_fit(SlippageModel, "set_slippage", model, asset_class), asset_class)

    def set_commission(self, us_equities: Any = None, us_futures: Any = None) -> None:
        """Use commission models for equities and futures."""
        self._settable("set_commission")
        for model, asset_class in ((us_equities, matching.EQUITIES), (us_futures, matching.FUTURES)):
            if model is not None:
                self._filling.set_commission(_fit(CommissionModel, "set_commission", model, asset_class), asset_class)

    def set_cancel_policy(self, cancel_policy: CancelPolicy) -> None:
        """Use a cancel policy."""
        self._settable("set_cancel_policy")
        if not isinstance(cancel_policy, CancelPolicy):
            raise BadParameter("cancel_policy", cancel_policy, "a policy such as EODCancel() or NeverCancel()")
        self._blotter.cancel_policy = cancel_policy

    def set_fills(self, price: str = "close", triggers: str = "close") -> None:
        """Say at which price of a bar orders fill, and which prices reach a limit or a stop."""
        self._settable("set_fills")
        self._filling.fill_rules = fill_rules_of(price, triggers)

    def set_benchmark(self, benchmark: Asset | pd.Series) -> None:
        """Compare the run with an asset, or with a Series of daily returns."""
        self._settable("set_benchmark")
        self.benchmark = benchmark

    def set_financing(
        self, cash_rate: float = 0.0, debit_rate: float = 0.0, borrow_fee: Any = 0.0, day_count: float = 360.0
    ) -> None:
        """Earn and pay interest on cash, pay fees for borrowed shares."""
        self._settable("set_financing")
        columns, column_of = len(self._finder), self._finder.column
        self.financing = financing_of(cash_rate, debit_rate, borrow_fee, day_count, columns, column_of)

    def set_margin(self, model: Any, on_call: str = "liquidate", on_order: str = "reject") -> None:
        """Ask for margin: what positions need, what a margin call does, and whether orders beyond it are rejected."""
        self._settable("set_margin")
        self.margin = margin_of(model, on_call, on_order)

    def set_symbol_lookup_date(self, dt: Any) -> None:
        """Look symbols up as of a date from now on."""
        self.symbols_as_of = moment("set_symbol_lookup_date: dt", dt)

    def get_environment(self, field: str = "platform") -> Any:
        """Return a fact of the run, or all of them."""
        if isinstance(field, str) and field == "*":
            return dict(self._environment)
        if not isinstance(field, str) or field not in self._environment:
            fields = (*self._environment, "*")
            raise BadParameter("get_environment: field", field, "one of " + ", ".join(fields), fields)
        return self._environment[field]


def environment_of(clock: Clock, capital_base: float) -> dict[str, Any]:
    """Return the facts of a run that an algorithm may ask for."""
    return {
        "arena": "backtest",
        "data_frequency": "minute" if clock.by_minute else "daily",
        "start": pd.Timestamp(clock.open(clock.first), tz="UTC"),
        "end": pd.Timestamp(clock.stamps(clock.last)[-1], tz="UTC"),
        "capital_base": capital_base,
        "platform": "tradewind",
    }


def _fit(base: type, function: str, model: Any, asset_class: int) -> Any:
    """Return a model; refuse what is none (a class in place of its instance, say) or is for the other asset class."""
    name, (method, arguments) = f"{function}: model", DECIDES[base]
    if not isinstance(model, base):
        raise BadParameter(name, model, f"a {base.__name__}: an instance, of a built-in or your own")
    if getattr(type(model), method) is getattr(base, method):
        raise BadParameter(name, model, f"a model that defines {method}({arguments})")
    if base is SlippageModel and hasattr(model, "simulate"):
        raise BadParameter(name, model, f"without simulate(…), which nobody calls: define {method}({arguments}) alone")
    allowed = model.allowed_asset_types  # type: ignore[attr-defined]  # both bases have it
    if ASSET_TYPES[asset_class] not in allowed:
        only = ", ".join(kind.__name__ for kind in allowed) or "nothing"
        problem = f"a model for {ASSET_TYPES[asset_class].__name__} (the allowed_asset_types of this one: {only})"
        raise BadParameter(name, model, problem)
    return model
