"""The errors of the simulator, as a tree.

TradewindError
├── UsageError                      a parameter of the call is wrong
│   └── BadParameter                its name, the value found, what is allowed
├── AlgorithmError                  the user's program is wrong
│   ├── AlgorithmSyntaxError        it does not parse
│   ├── NoRunningAlgorithm          an API function outside a run
│   ├── WrongPhase                  an API function at the wrong moment
│   │   ├── OrderDuringInitialize
│   │   ├── OrderInBeforeTradingStart
│   │   ├── OnlyDuringInitialize
│   │   └── RunIsOver              a change of the run in analyze
│   ├── UnsupportedOrderParameters
│   ├── BadOrderParameters
│   ├── CannotOrderDelistedAsset
│   ├── CannotOrderContinuousFuture
│   ├── BadFill                    a slippage or commission model gave what cannot be booked
│   ├── TradingControlViolation     an order breaks a limit the algorithm set itself
│   ├── MarginCall                 the positions need more equity than there is
│   ├── AccountControlViolation     leverage left the limits the algorithm set itself
│   └── ReservedRecordName
├── HistoryWindowStartsBeforeData
├── BooksDoNotBalance               the accounting identity broke: a bug of ours
└── RunInterrupted                  the user stopped the run; carries what was recorded

Each error keeps its facts as attributes; the sentence is made from them.
"""

from __future__ import annotations

from difflib import get_close_matches
from typing import Any


class TradewindError(Exception):
    """Base of every error raised by the simulator."""


class UsageError(TradewindError):
    """A call or a command line asks for something that cannot be."""


class BadParameter(UsageError):
    """A parameter's value is outside what is allowed.

    Attributes: name, value, allowed (a phrase), choices (for a "did you mean").
    """

    def __init__(self, name: str, value: Any, allowed: str, choices: tuple[str, ...] = ()) -> None:
        self.name, self.value, self.allowed, self.choices = name, value, allowed, choices
        near = get_close_matches(str(value), choices, n=1)
        hint = f" Did you mean {near[0]!r}?" if near else ""
        super().__init__(f"{name} was {value!r}; it must be {allowed}.{hint}")


class AlgorithmError(TradewindError):
    """The algorithm uses the API in a way that has no meaning."""


class AlgorithmSyntaxError(AlgorithmError):
    """The algorithm file does not parse. Attributes: path, line, text."""

    def __init__(self, path: str, line: int | None, message: str, text: str | None) -> None:
        self.path, self.line, self.message, self.text = path, line, message, (text or "").rstrip()
        shown = f"\n    {self.text.strip()}" if self.text else ""
        super().__init__(f"{path}, line {line}: {message}.{shown}\nCorrect the line and run again.")


class NoRunningAlgorithm(AlgorithmError):
    """An API function was called while no algorithm runs. Attribute: function."""

    def __init__(self, function: str, instead: str = "") -> None:
        self.function = function
        advice = instead or "call it from initialize, handle_data or a scheduled function"
        super().__init__(f"{function}() only works while an algorithm is running: {advice}.")


class WrongPhase(AlgorithmError):
    """An API function was called at a moment at which it has no meaning. Attribute: function."""

    advice = ""

    def __init__(self, function: str) -> None:
        self.function = function
        super().__init__(f"{function}() {self.advice}")


class OrderDuringInitialize(WrongPhase):
    """An order was placed in initialize, before the first price is known."""

    advice = (
        "cannot be called in initialize: no price is known yet. "
        "Schedule a function with schedule_function, or order in handle_data."
    )


class OrderInBeforeTradingStart(WrongPhase):
    """An order was placed in before_trading_start, while the market is closed."""

    advice = (
        "cannot be called in before_trading_start: the market is not open yet. "
        "Keep the decision on context and order in handle_data or a scheduled function."
    )


class OnlyDuringInitialize(WrongPhase):
    """A setting of the whole run was changed after initialize."""

    advice = "can only be called in initialize: it is a setting of the whole run. Move the call there."


class RunIsOver(WrongPhase):
    """Something was to be changed in analyze, when the result is made."""

    advice = (
        "cannot be called in analyze: the run is over and its result is made. "
        "Call it from handle_data or a scheduled function."
    )


class UnsupportedOrderParameters(AlgorithmError):
    """The arguments of an order contradict each other, or the asset is no Asset."""


class BadOrderParameters(AlgorithmError):
    """A price or an amount of an order is not usable (negative, infinite, NaN)."""


class CannotOrderDelistedAsset(AlgorithmError):
    """A value was to be ordered of an asset that has no price in this session. Attributes: asset, reason."""

    def __init__(self, asset: Any, reason: str) -> None:
        self.asset, self.reason = asset, reason
        super().__init__(f"{asset} {reason}, so a value cannot be turned into shares. Ask data.can_trade(asset) first.")


class TradingControlViolation(AlgorithmError):
    """An order breaks a trading control. Attributes: asset, amount, control (its name), problem."""

    def __init__(self, asset: Any, amount: int, control: str, problem: str) -> None:
        self.asset, self.amount, self.control, self.problem = asset, amount, control, problem
        super().__init__(
            f"{control} forbids the order for {amount} shares of {asset}: {problem}. "
            "Order less, or set the control with on_error='log'."
        )


class AccountControlViolation(AlgorithmError):
    """The account broke an account control at the end of a session. Attributes: control (its name), problem."""

    def __init__(self, control: str, problem: str) -> None:
        self.control, self.problem = control, problem
        super().__init__(f"{control} is violated at the end of the session: {problem}.")


class CannotOrderContinuousFuture(AlgorithmError):
    """An order for a continuous future. Attributes: asset, contract (the one that stands for it now, None for none)."""

    def __init__(self, asset: Any, contract: Any) -> None:
        self.asset, self.contract = asset, contract
        now = f"now that is {contract}" if contract is not None else "no contract of it is listed now"
        super().__init__(
            f"{asset} cannot be ordered: it is the name of a place in a chain. Order the contract there, "
            f"data.current(…, 'contract'); {now}."
        )


class MarginCall(AlgorithmError):
    """The maintenance margin is more than the equity. Attributes: session, equity, initial, maintenance (currency)."""

    def __init__(self, session: str, equity: float, initial: float, maintenance: float) -> None:
        self.session, self.equity, self.initial, self.maintenance = session, equity, initial, maintenance
        super().__init__(
            f"margin call at the end of {session}: the positions need {maintenance:,.2f} of equity, there is "
            f"{equity:,.2f}. Hold less, or let set_margin(…, on_call='liquidate') cut the positions."
        )


class BadFill(AlgorithmError):
    """A slippage or commission model gave what cannot be booked. Attributes: model, asset, order_id, found, allowed."""

    def __init__(self, model: Any, order: Any, found: str, allowed: str) -> None:
        self.model, self.asset, self.order_id = model, order.asset, order.id
        self.found, self.allowed = found, allowed
        super().__init__(f"{model!r} gave {found} for an order of {order.asset}; it must be {allowed}.")


class ReservedRecordName(AlgorithmError):
    """record() was given the name of a performance column. Attribute: name."""

    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(f"record({name}=…): {name!r} is a performance column. Record it under another name.")


class HistoryWindowStartsBeforeData(TradewindError):
    """A history window reaches past the first session of the bundle. Attributes: bar_count, available, session."""

    def __init__(self, bar_count: int, available: int, session: str, first: str) -> None:
        self.bar_count, self.available, self.session, self.first = bar_count, available, session, first
        super().__init__(
            f"data.history asked for bar_count={bar_count} sessions ending {session}, but the bundle begins {first} "
            f"and has {available}. Ask for at most {available}, or start the run later."
        )


class BooksDoNotBalance(TradewindError):
    """cash + Σ value differs from capital and gains: a bug of the simulator.

    Attributes: session, asset (None: the cash itself), found, expected (currency).
    """

    def __init__(self, session: str, asset: Any, found: float, expected: float) -> None:
        self.session, self.asset, self.found, self.expected = session, asset, found, expected
        where = "the cash" if asset is None else f"the figures of {asset}"
        super().__init__(
            f"the books do not balance on {session}: cash + Σ value is {found!r}, capital and gains make {expected!r}; "
            f"{where} changed without a booking. Code that writes to the books is not supported; otherwise report it."
        )


class RunInterrupted(TradewindError):
    """The user interrupted the run. Attribute: result, the Result of the sessions that were complete."""

    def __init__(self, result: Any, session: str) -> None:
        self.result, self.session = result, session
        super().__init__(f"interrupted after {session}; the result holds the sessions that were complete.")
