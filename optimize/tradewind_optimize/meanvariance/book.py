"""Book: what is held, at which prices, in which groups and within which bounds. No model, no server."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd

from tradewind_optimize.meanvariance import holdings
from tradewind_optimize.meanvariance.groups import ONE_SIDED, Groups
from tradewind_optimize.meanvariance.holdings import EQUAL, LESS_THAN_OR_EQUAL

CLOSE, VALUE, WEIGHT = "close ($)", "value ($)", "value (%)"


class Book:
    """Holdings hᵢ = sharesᵢ·closeᵢ with bounds on shares and on groups.

    Attributes: ``portfolio`` (DataFrame by ticker: shares, lower, upper, then close ($), value ($), value (%)),
    ``inactive_portfolio`` (rows without a model, or None), ``groups``, ``group_constraints``.
    """

    ConstraintFunctionLiteral = Literal["purchases", "sales", "holdings", "short sales"]
    ConstraintSignLiteral = Literal["≤", "≥", "="]
    ConstraintUnitLiteral = Literal["shares", "value", "percent value"]
    GroupConstraintFunctionLiteral = Literal["purchases", "sales", "holdings", "short sales", "return"]
    GroupConstraintUnitLiteral = Literal["value", "percent value"]

    FunctionTable = {
        "sales": "sales",
        "purchases": "buys",
        "short sales": "leverage",
        "holdings": "sum",
        "return": "return",
    }
    InverseFunctionTable = {wire: word for word, wire in FunctionTable.items()}

    def __init__(self) -> None:
        self.portfolio: Any = None
        self.inactive_portfolio: Any = None
        self._grouping = Groups()

    def _changed(self) -> None:
        """What depends on which tickers are held is no longer true."""

    def has_prices(self) -> bool:
        """Whether prices have been retrieved."""
        return self.portfolio is not None and CLOSE in self.portfolio

    def get_tickers(self) -> list[str]:
        """The tickers of the (active) portfolio, in order."""
        return list(self.portfolio.index)

    def get_value(self) -> float:
        """Σ hᵢ in dollars; 0.0 before there is a portfolio with prices."""
        if self.portfolio is None or VALUE not in self.portfolio:
            return 0.0
        return float(sum(self.portfolio[VALUE]))

    # holdings

    def import_csv(self, filepath: str | bytes | io.BytesIO | Path) -> None:
        """Import holdings from a CSV file with columns ticker, shares and groups ("a|b"); see import_dataframe."""
        self.import_dataframe(holdings.read_csv(filepath))

    def import_dataframe(self, portfolio: pd.DataFrame) -> None:
        """Import holdings from a frame with ticker (column or index), optional shares (0) and groups (names by "|").

        Other columns are ignored, the frame is not changed; bounds, groups, models and frontier start anew. Raises
        AssertionError without ticker; PyOptimumException for a repeated ticker, bad shares, a group repeating a member.
        """
        table, groups = holdings.holdings_of(portfolio)
        self.portfolio, self.inactive_portfolio = table, None
        self._grouping = Groups(groups)
        self._changed()

    def split(self, tickers: list[str]) -> None:
        """Keep ``tickers`` as the active portfolio; the others join ``inactive_portfolio``, in their order.

        Groups lose their inactive members, and groups without members disappear with their constraints. Nothing happens
        when no ticker leaves. Raises ValueError for an empty list and for tickers that are not active.
        """
        if len(tickers) == 0:
            raise ValueError("tickers cannot be empty")
        known, kept = self.get_tickers(), set(tickers)
        unknown = [ticker for ticker in dict.fromkeys(tickers) if ticker not in known]
        if unknown:
            raise ValueError(f"{unknown} are not active in the current portfolio")
        leaving = [ticker not in kept for ticker in known]
        if not any(leaving):
            return
        parts = [part for part in (self.inactive_portfolio, self.portfolio[leaving]) if part is not None]
        self.inactive_portfolio = pd.concat(parts)
        self.portfolio = self.portfolio[~np.array(leaving)].copy()
        self._grouping = self._grouping.within(self.get_tickers())
        self._changed()

    def _update_prices(self, prices: dict[str, Any]) -> float:
        columns = ["timestamp", "close", "first_quote"]
        table = pd.DataFrame.from_dict(prices, orient="index", columns=columns)
        portfolio = self.portfolio.copy()
        portfolio[CLOSE] = table["close"]
        portfolio[VALUE] = portfolio["shares"] * portfolio[CLOSE]
        value = float(sum(portfolio[VALUE]))
        portfolio[WEIGHT] = portfolio[VALUE] / abs(value) if value != 0 else 0.0
        self.portfolio = portfolio
        return value

    # constraints on assets

    def remove_constraints(self, tickers: list[str]) -> None:
        """Remove the bounds of these tickers."""
        if len(tickers):
            self._set_bounds(tickers, -np.inf, np.inf)

    def _set_bounds(self, tickers: list[str], lower: Any, upper: Any) -> None:
        portfolio = self.portfolio.copy()
        portfolio.loc[list(tickers), "lower"] = lower
        portfolio.loc[list(tickers), "upper"] = upper
        self.portfolio = portfolio

    def apply_constraint(
        self,
        tickers: list[str],
        function: Literal["purchases", "sales", "holdings", "short sales"],
        sign: Literal["≤", "≥", "="],
        value: Any,
        unit: Literal["shares", "value", "percent value"],
        short_sales: bool = True,
        buy: bool = True,
        sell: bool = True,
    ) -> None:
        """Bound purchases, sales, holdings or short sales of each ticker by ``value`` (a number, or one a ticker).

        ``unit``: shares, dollars ("value") or percent of the shares held. ≤ and ≥ tighten the bounds there are, "="
        replaces them. What the options forbid moves the bound to the nearest allowed holding. Raises ValueError for
        other words, KeyError for unknown tickers.
        """
        if not len(tickers):
            return
        rows = self.portfolio.loc[list(tickers)]
        shares = rows["shares"].to_numpy(dtype=np.float64)
        close = rows[CLOSE].to_numpy(dtype=np.float64) if self.has_prices() else None
        edges = holdings.sides_of(function, sign, holdings.in_shares(value, unit, shares, close), shares)
        lower, upper = holdings.allowed(edges, shares, short_sales, buy, sell)
        if sign != EQUAL:
            lower = rows["lower"] if lower is None else np.maximum(rows["lower"].to_numpy(), lower)
            upper = rows["upper"] if upper is None else np.minimum(rows["upper"].to_numpy(), upper)
        self._set_bounds(tickers, lower, upper)

    # groups

    @property
    def groups(self) -> dict[str, list[str]]:
        """The members of every group."""
        return self._grouping.members

    @groups.setter
    def groups(self, value: dict[str, list[str]]) -> None:
        self._grouping.members = {name: list(tickers) for name, tickers in value.items()}

    @property
    def group_constraints(self) -> list[dict[str, Any]]:
        """The constraints on groups: dicts of set, function (wire name) and bounds in dollars."""
        return self._grouping.constraints

    @group_constraints.setter
    def group_constraints(self, value: list[dict[str, Any]]) -> None:
        self._grouping.constraints = list(value)

    def create_group(self, label: str, tickers: list[str]) -> None:
        """Create a group; ValueError when the label is taken or a ticker is not in the portfolio."""
        if label in self.groups:
            raise ValueError(f"Group {label} is already in the current portfolio.")
        holdings.check_known(tickers, self.get_tickers())
        self.groups[label] = list(tickers)

    def remove_group(self, label: str) -> None:
        """Remove a group and its constraints; ValueError when there is none of that label."""
        if label not in self.groups:
            raise ValueError(f"Group {label} is not in the current portfolio.")
        self._grouping.remove(label)

    def _get_group_constraint(self, group: str, function: str) -> tuple[int, dict[str, Any] | None]:
        return self._grouping.find(group, function)

    def remove_group_constraint(
        self, group: str, function: Literal["purchases", "sales", "holdings", "short sales", "return"]
    ) -> dict[str, Any] | None:
        """Remove the constraint on a group's function and return it; None when there was none."""
        index, constraint = self._get_group_constraint(group, self.FunctionTable[function])
        return self.group_constraints.pop(index) if constraint is not None else None

    def apply_group_constraint(
        self,
        group: str,
        function: Literal["purchases", "sales", "holdings", "short sales", "return"],
        sign: Literal["≤", "≥", "="],
        value: float | int,
        unit: Literal["value", "percent value"],
        short_sales: bool = True,
        buy: bool = True,
        sell: bool = True,
    ) -> None:
        """Bound a function of the whole group by ``value`` dollars, or percent of the dollars the group holds.

        A "return" bound is in dollars of expected profit. Purchases, sales and short sales take ≤ only. ≤ and ≥ tighten
        the bounds there are, "=" replaces them. Raises ValueError for unknown groups and words, for a function the
        options forbid, and for bounds that cross.
        """
        if isinstance(value, bool) or not isinstance(value, (int, float, np.number)):
            raise ValueError("value must be int or float")
        if group not in self.groups:
            raise ValueError("group does not exist")
        options = {"short sales": short_sales, "purchases": buy, "sales": sell}
        if not options.get(function, True):
            raise ValueError(f"{function} are not currently allowed")
        if self.FunctionTable[function] in ONE_SIDED and sign != LESS_THAN_OR_EQUAL:
            raise ValueError(
                "equality not supported" if sign == EQUAL else "greater than or equal inequality not supported"
            )
        if unit not in ("value", "percent value"):
            raise ValueError(f"unit '{unit}' is not supported")
        rows = self.portfolio.loc[self.groups[group]]
        if unit == "percent value":
            value = value * (rows["shares"].to_numpy() * rows[CLOSE].to_numpy()).sum() / 100
        self._grouping.bound(group, self.FunctionTable[function], sign, float(value))
