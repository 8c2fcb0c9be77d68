"""Portfolio: holdings, models, constraints, the frontier and what it recommends, over a pair of API clients."""

from __future__ import annotations

import datetime
import warnings
from typing import Any, Literal, Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tradewind_optimize.meanvariance import holdings
from tradewind_optimize.meanvariance.api import LocalClient
from tradewind_optimize.meanvariance.book import CLOSE, VALUE, WEIGHT, Book
from tradewind_optimize.meanvariance.errors import PyOptimumException
from tradewind_optimize.meanvariance.estimate import BASIC_RANGES, Closes
from tradewind_optimize.meanvariance.holdings import EQUAL, GREATER_THAN_OR_EQUAL, LESS_THAN_OR_EQUAL
from tradewind_optimize.meanvariance.mixture import Method, mixed, normalised
from tradewind_optimize.meanvariance.model import Model

__all__ = ["EQUAL", "GREATER_THAN_OR_EQUAL", "LESS_THAN_OR_EQUAL", "Portfolio"]

Floats = NDArray[np.float64]


class ApiClient(Protocol):
    """What Portfolio asks of a client: AsyncClient, LocalClient, or one of your own."""

    async def call(self, entry_point: str, data: Any = None, **options: Any) -> Any:
        """The answer of an entry point to a request."""


class Portfolio(Book):
    """Holdings hᵢ = sharesᵢ·closeᵢ and the portfolios x (weights, Σx = 1) that the frontier recommends for them.

    Parameters
    ----------
    portfolio_client, model_client: AsyncClient with api="optimize" and api="models"; or :meth:`local`.
    model_method: how models of several ranges are mixed: "linear" averages r, Q, F, D; "linear-fractional" r, Q, F and
        D⁻¹; "diagonal" r and Q alone.
    follow_resource, max_retries, wait_time: how deferred answers are waited for (see AsyncClient.call).

    Attributes: those of Book; ``models`` and ``model_weights`` by range; ``frontier`` (DataFrame mu, std, x, or None),
    ``frontier_method`` ("none", "optimal", or "approximate" after a change of weights), ``frontier_query_params`` (the
    request that gave the frontier).
    """

    ModelMethodLiteral = Method
    MethodLiteral = Literal["approximate", "exact", "optimal"]
    FrontierMethodLiteral = Literal["none", "approximate", "optimal"]
    BasicMarket = {"^GSPC": "S&P 500", "^RUT": "Russell 2000", "^IXIC": "NASDAQ"}
    BasicRanges = list(BASIC_RANGES)

    def __init__(
        self,
        portfolio_client: ApiClient,
        model_client: ApiClient,
        model_method: Method = "linear",
        follow_resource: bool = True,
        max_retries: int = 18,
        wait_time: float | None = None,
    ) -> None:
        super().__init__()
        self.portfolio_client, self.model_client = portfolio_client, model_client
        self.model_method: Method = model_method
        self._method_with_factors: Method | None = None
        self.models: dict[str, Model] = {}
        self.model_weights: dict[str, float] = {}
        self.frontier: Any = None
        self.frontier_query_params: dict[str, Any] = {}
        self.frontier_method: Literal["none", "approximate", "optimal"] = "none"
        self.set_follow_resource(follow_resource, max_retries, wait_time)

    @classmethod
    def local(cls, closes: Closes, model_method: Method = "linear") -> Portfolio:
        """A portfolio that needs no server: optimizer and models run in this process.

        ``closes``: a frame of daily closes by ticker, or a function (tickers, start, end) → frame; the framework's
        ``tradewind.prices.closes_of(bundle)`` makes one.
        """
        client = LocalClient(closes)
        return cls(client, client, model_method)

    # what is known

    def has_models(self) -> bool:
        """Whether models have been retrieved."""
        return bool(self.models)

    def has_frontier(self) -> bool:
        """Whether a frontier is available."""
        return self.frontier is not None

    def set_follow_resource(self, follow_resource: bool, max_retries: int = 18, wait_time: float | None = None) -> None:
        """Whether and how deferred answers are waited for; ``wait_time`` in seconds (None: the client's default)."""
        self.follow_resource, self.max_retries, self.wait_time = follow_resource, max_retries, wait_time

    def get_follow_resource(self) -> dict[str, Any]:
        """The parameters set by :meth:`set_follow_resource`, as keywords of a client's call."""
        results: dict[str, Any] = {"follow_resource": self.follow_resource, "max_retries": self.max_retries}
        return results if self.wait_time is None else {**results, "wait_time": self.wait_time}

    # prices and models

    async def retrieve_prices(self) -> float:
        """Retrieve the latest close of every ticker; returns Σ hᵢ."""
        answer = await self._ask(self.model_client, "prices", {"symbols": self.get_tickers()})
        return self._update_prices(answer)

    async def retrieve_basic_models(
        self,
        end: datetime.date | None = None,
        model_weights: dict[str, float] | None = None,
        include_prices: bool = False,
        horizon: int = 1,
    ) -> tuple[list[str], list[str], list[str]]:
        """Retrieve models on the basic market and ranges; returns (messages, tickers, market).

        Parameters: ``end``, last day (default today); ``model_weights`` by range (default equal); ``include_prices``,
        take the closes of ``end`` too; ``horizon`` in days. Tickers without data become inactive.
        """
        options = {"include_prices": include_prices, "horizon": horizon}
        data = {"tickers": self.get_tickers(), "end": _iso(end), "options": options}
        self._factors_are_back()
        return self._set_models(await self._ask(self.model_client, "basic", data), include_prices, model_weights)

    async def retrieve_custom_models(
        self,
        market_tickers: list[str],
        ranges: str | list[str],
        end: datetime.date | None = None,
        model_weights: dict[str, float] | None = None,
        common_factors: bool = False,
        include_prices: bool = False,
        trim_weekends: bool = True,
        horizon: int = 1,
        weights: Literal["linear", "quadratic"] = "linear",
    ) -> tuple[list[str], list[str], list[str]]:
        """Retrieve models on these market tickers and ranges; returns (messages, tickers, market).

        No market tickers give diagonal models, in which assets are uncorrelated, and turn ``model_method`` to
        "diagonal" until factors come back. Parameters as in :func:`~.estimate.estimate_models`; ``end`` defaults to
        today, ``model_weights`` to equal weights.
        """
        options = {
            "common": common_factors,
            "include_prices": include_prices,
            "trim_weekends": trim_weekends,
            "horizon": horizon,
            "weights": weights,
        }
        data = {"tickers": self.get_tickers(), "end": _iso(end), "range": ranges, "options": options}
        if market_tickers:
            data["market"] = list(market_tickers)
            self._factors_are_back()
        elif self.model_method != "diagonal":
            self._method_with_factors, self.model_method = self.model_method, "diagonal"
        return self._set_models(await self._ask(self.model_client, "custom", data), include_prices, model_weights)

    def _factors_are_back(self) -> None:
        if self._method_with_factors is not None:
            self.model_method, self._method_with_factors = self._method_with_factors, None

    def _set_models(
        self, response: dict[str, Any], include_prices: bool, model_weights: dict[str, float] | None
    ) -> tuple[list[str], list[str], list[str]]:
        tickers = list(response["tickers"])
        before = self._grouping
        self.split(tickers)
        if include_prices:
            self._update_prices(response["prices"])
        self.set_models(response["models"], model_weights, tickers)
        return [*response["messages"], *self._grouping.lost(before)], tickers, list(response["market"])

    def set_models(
        self,
        models: dict[str, Any],
        model_weights: dict[str, float] | None = None,
        tickers: list[str] | None = None,
    ) -> None:
        """Set the model of every range (dicts or Model; copied) and their weights (default equal).

        ``tickers``: the order of the models' assets, into which the portfolio is brought; ValueError for one that is
        not in it. The frontier is invalidated.
        """
        if tickers is not None:
            holdings.check_known(tickers, self.get_tickers())
            self.portfolio = self.portfolio.loc[list(tickers)]
        self.models = {name: Model(data) for name, data in models.items()}
        self.invalidate_frontier()
        self.set_model_weights(model_weights or dict.fromkeys(self.models, 1.0))

    def set_model_weights(self, model_weights: dict[str, float]) -> None:
        """Set the weight ≥ 0 of every range, normalised to add to 1 (all zero: equal).

        A frontier keeps its portfolios; their mu and std are those of the new mixture, and it counts as "approximate".
        """
        _require(self.has_models(), "Models have not yet been retrieved")
        _require(self.models.keys() == model_weights.keys(), "Weights must have the same keys as models")
        _require(all(value >= 0 for value in model_weights.values()), "Weights must be non-negative")
        self.model_weights = normalised(model_weights)
        if self.has_frontier():
            self.frontier = _frontier_frame(self.get_model(), list(self.frontier["x"]))
            self.frontier_method = "approximate"

    def set_model_method(self, method: Method) -> None:
        """How the models of several ranges are mixed; see the class."""
        self.model_method, self._method_with_factors = method, None

    def get_model(self) -> Model:
        """The mixture of the models by their weights. AssertionError before models, ValueError for mixed kinds."""
        _require(self.has_models(), "Models have not yet been retrieved")
        return mixed(self.models, self.model_weights, self.model_method)

    def _changed(self) -> None:
        self.invalidate_frontier()
        self.invalidate_model()

    def invalidate_model(self) -> None:
        """Forget the models."""
        self.models, self.model_weights = {}, {}

    # the frontier

    async def retrieve_frontier(
        self, cashflow: float, max_sales: float, short_sales: bool, buy: bool, sell: bool, rho: float = 0.0
    ) -> None:
        """Retrieve the frontier of portfolios that can be reached from the holdings.

        Parameters: ``cashflow`` in dollars (+ in, − out); ``max_sales`` dollars sold at most (inf: no limit);
        ``short_sales``, ``buy``, ``sell``: what is allowed; ``rho`` ≥ 0, the ridge added to the normalised covariance.
        Raises AssertionError before prices and models, PyOptimumException for what the service refuses, ValueError
        when the constraints are only jointly impossible; the old frontier is gone then.
        """
        _require(self.has_prices() and self.has_models(), "Either prices or models are missing")
        query = self._get_portfolio_query(cashflow, max_sales, short_sales, buy, sell, rho)
        try:
            answer = await self._ask(self.portfolio_client, "frontier", query)
        except PyOptimumException:
            self.invalidate_frontier()
            raise
        found = [point["sol"]["x"] for point in answer["frontier"] if point["sol"]["status"] == "optimal"]
        if not found:
            self.invalidate_frontier()
            raise ValueError("Could not calculate optimal frontier; constraints likely make the problem infeasible.")
        mus = [point["mu"] for point in answer["frontier"] if point["sol"]["status"] == "optimal"]
        self.frontier = _frontier_frame(self.get_model(), [np.array(x) for x in found], mus)
        self.frontier_query_params, self.frontier_method = query, "optimal"

    def _get_portfolio_query(
        self, cashflow: float, max_sales: float, short_sales: bool, buy: bool, sell: bool, rho: float = 0.0
    ) -> dict[str, Any]:
        """The request to the Optimize API: weights are dollars / |Σh + cashflow|."""
        value = self.get_value()
        if value == 0 and cashflow == 0:
            raise ValueError("Cashflow cannot be zero on a portfolio with no shares")
        if value + cashflow == 0:
            raise ValueError("Cashflow cannot be equal to current holdings")
        if np.isfinite(max_sales) and max_sales < 0:
            raise ValueError("max_sales must be non-negative")
        missing = self.portfolio.index[self.portfolio[CLOSE].isna()].tolist()
        if missing:
            raise ValueError(f"Prices are missing for {missing}: retrieve them again, or split those tickers off")
        scaling = abs(value + cashflow)
        data: dict[str, Any] = self.get_model().to_dict(as_list=True, normalize_variance=True)
        data |= {"rho": rho} if rho > 0 else {}
        data |= {"x0": (self.portfolio[VALUE] / scaling).tolist(), "cashflow": cashflow / scaling}
        data["options"] = {"short": short_sales, "buy": buy, "sell": sell}
        for name, column in (("xlo", "lower"), ("xup", "upper")):
            shares = self.portfolio[column].to_numpy()
            if np.isfinite(shares).any():
                dollars = np.where(np.isfinite(shares), shares * self.portfolio[CLOSE].to_numpy(), shares)
                data[name] = (dollars / scaling).tolist()
        sales = {"label": "sales", "function": "sales", "bounds": max_sales / scaling}
        constraints = ([sales] if np.isfinite(max_sales) else []) + self._grouping.wire_constraints(scaling)
        sets = self._grouping.wire_sets(self.get_tickers())
        data |= {"sets": sets} if sets else {}
        return data | ({"constraints": constraints} if constraints else {})

    async def retrieve_recommendation(
        self, mu: float | None = None, method: Literal["approximate", "exact", "optimal"] = "approximate"
    ) -> dict[str, Any]:
        """The portfolio on the frontier with return ``mu`` (default: with the risk of the current portfolio).

        "approximate" interpolates between the two neighbours on the frontier; "exact" (or "optimal") asks the Optimize
        API, and falls back to "approximate" where that has no optimum. Returns x (float64[n], weights), status, mu and
        std (of x under the current model), and the method used. Raises AssertionError without a frontier, ValueError
        for another method.
        """
        _require(self.has_frontier(), "Frontier has not been retrieved")
        if method not in ("approximate", "exact", "optimal"):
            raise ValueError(f"Invalid method {method!r}: use 'approximate' or 'exact'")
        mu = self._mu_of_current_risk() if mu is None else mu
        if method != "approximate":
            query = {**self.frontier_query_params, "mu": mu}
            answer = await self._ask(self.portfolio_client, "portfolio", query)
            if answer["status"] == "optimal":
                return self._recommended(np.array(answer["x"]), "exact")
        return self._recommended(_between(self.frontier, "mu", mu, "x"), "approximate")

    def _mu_of_current_risk(self) -> float:
        return float(_between(self.frontier, "std", self.get_return_and_variance()[1], "mu"))

    def _recommended(self, x: Floats, method: str) -> dict[str, Any]:
        mu, std = self.get_model().return_and_variance(x)
        return {"x": x, "status": "optimal", "std": std, "mu": mu, "method": method}

    def add_to_frontier(self, mu: float, std: float, x: Any) -> None:
        """Add the portfolio x with return mu and standard deviation std, in order of mu."""
        _require(self.has_frontier(), "Frontier has not been retrieved")
        point = pd.DataFrame([(mu, std, x)], columns=["mu", "std", "x"])
        both = pd.concat((self.frontier, point), ignore_index=True)
        self.frontier = both.sort_values(by="mu", kind="stable", ignore_index=True)

    def invalidate_frontier(self) -> None:
        """Forget the frontier."""
        self.frontier, self.frontier_query_params, self.frontier_method = None, {}, "none"

    def get_frontier_range(self) -> tuple[tuple[float, float], tuple[float, float]]:
        """((mu first, mu last), (std first, std last)) of the frontier; ValueError without one."""
        if self.frontier is None:
            raise ValueError("Frontier has not been retrieved yet")
        ends = self.frontier.iloc[[0, -1]]
        return _pair(ends["mu"]), _pair(ends["std"])

    def get_range(self) -> tuple[tuple[float, float], tuple[float, float]]:
        """((least, largest) return, (least, largest) standard deviation) of assets and frontier."""
        model = self.get_model()
        mus, stds = [*model.r], [*model.std]
        if self.frontier is not None:
            found = self.get_frontier_range()
            mus, stds = [*mus, *found[0]], [*stds, *found[1]]
        return (float(min(mus)), float(max(mus))), (float(min(stds)), float(max(stds)))

    def get_return_and_variance(self) -> tuple[float, float]:
        """(return, standard deviation) of the current holdings under the current model."""
        return self.get_model().return_and_variance(self.portfolio[WEIGHT].to_numpy())

    def get_unconstrained_frontier(self, x_bar: float = 1.0) -> tuple[float, float, float]:
        """(a, μ*, σ₀) of the current model; see Model.unconstrained_frontier."""
        return self.get_model().unconstrained_frontier(x_bar)

    # tables

    def get_portfolio_dataframe(self) -> pd.DataFrame:
        """The portfolio: shares, bounds, and as far as known prices, values, return (%), std (%), bounds in dollars.

        return (%) and std (%) are the model's numbers as they are: fractions per horizon from the Models API.
        """
        table = self.portfolio.copy()
        if self.has_models():
            model = self.get_model()
            table["return (%)"], table["std (%)"] = model.r.copy(), model.std.copy()
        if self.has_prices():
            for side in ("lower", "upper"):
                table[f"{side} ($)"] = table[CLOSE] * table[side]
        return table

    def get_recommendation_dataframe(self, x: Any, cashflow: float) -> pd.DataFrame:
        """What the weights x (Σx = 1) mean after ``cashflow`` dollars: shares, dollars and their changes by ticker."""
        _require(bool(np.fabs(np.sum(x) - 1) < 1e-4), "portfolio weights do not sum to one")
        columns = ["ticker", "shares", "value ($)", "value (%)", "change (shares)", "change ($)"]
        if not (self.has_models() and self.has_prices()):
            return pd.DataFrame(columns=columns)
        close = self.portfolio[CLOSE].to_numpy()
        weights = np.asarray(x, dtype=np.float64)
        value = weights * (self.get_value() + cashflow)
        change = value - self.portfolio[VALUE].to_numpy()
        parts = [self.get_tickers(), value / close, value, weights, change / close, change]
        return pd.DataFrame(dict(zip(columns, parts, strict=True)), index=self.portfolio.index)

    def get_group_dataframe(self, x: Any = None, cashflow: float = 0) -> pd.DataFrame:
        """Every group's tickers, return (%), std (%), value ($), value (%); with weights x also what changes.

        What changes: change ($), purchases ($), sales ($). return (%) and std (%) are those of the group as a portfolio
        of its own, NaN when its value is 0. ``cashflow`` needs weights (AssertionError).
        """
        if not self.groups:
            return pd.DataFrame(columns=["group", "tickers", "return (%)", "std (%)", "value ($)", "value (%)"])
        table = pd.DataFrame({"group": list(self.groups), "tickers": list(self.groups.values())}).set_index("group")
        if not self.has_prices():
            return table
        _require(x is not None or cashflow == 0, "cashflow must be zero without a recommendation")
        held = self.portfolio[VALUE].to_numpy()
        weights = self.portfolio[WEIGHT].to_numpy() if x is None else np.asarray(x, dtype=np.float64)
        value = held if x is None else weights * (self.get_value() + cashflow)
        inside = [self.portfolio.index.isin(members) for members in self.groups.values()]
        if self.has_models():
            model = self.get_model()
            table[["return (%)", "std (%)"]] = [_alone(model, np.where(rows, weights, 0.0)) for rows in inside]
        table[["value ($)", "value (%)"]] = [[value[rows].sum(), weights[rows].sum()] for rows in inside]
        if x is not None:
            changes = [holdings.group_measures((value - held)[rows]) for rows in inside]
            table[["change ($)", "purchases ($)", "sales ($)"]] = changes
        return table

    async def _ask(self, client: ApiClient, entry_point: str, data: dict[str, Any]) -> Any:
        return await client.call(entry_point, data, **self.get_follow_resource())


def _require(holds: bool, sentence: str) -> None:
    if not holds:  # the published class asserts: callers may catch AssertionError, also under python -O
        raise AssertionError(sentence)


def _iso(end: datetime.date | None) -> str:
    return str(datetime.date.today() if end is None else end)


def _pair(ends: Any) -> tuple[float, float]:
    return float(ends.iloc[0]), float(ends.iloc[1])


def _frontier_frame(model: Model, portfolios: list[Floats], mus: list[float] | None = None) -> pd.DataFrame:
    """mu, std and x of each portfolio under the model (mu as given, where it is)."""
    found = [_quietly(model, x) for x in portfolios]
    own = [mu for mu, _ in found] if mus is None else mus
    return pd.DataFrame({"mu": own, "std": [std for _, std in found], "x": portfolios})


def _between(frontier: pd.DataFrame, column: str, value: float, wanted: str) -> Any:
    """``wanted`` where ``column`` has ``value``: linear between neighbours, the end beyond an end."""
    known = frontier[column].to_numpy()
    right = int(np.searchsorted(known, value))
    if right == 0 or right == len(known):
        return frontier[wanted].iloc[min(right, len(known) - 1)]
    left = right - 1
    eta = (value - known[left]) / (known[right] - known[left])
    return (1 - eta) * frontier[wanted].iloc[left] + eta * frontier[wanted].iloc[right]


def _alone(model: Model, x: Floats) -> tuple[float, float]:
    """(return, std) of x as a portfolio of its own."""
    return (np.nan, np.nan) if x.sum() == 0 else _quietly(model, x)


def _quietly(model: Model, x: Floats) -> tuple[float, float]:
    """(return, std) where a net short portfolio is nothing to warn of."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        return model.return_and_variance(x)
