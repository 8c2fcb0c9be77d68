"""The entry points of the Optimize and Models API as functions from JSON to JSON, for a service or a local client.

Each takes the request's body as a dict and returns the answer's; errors are PyOptimumException with its detail.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tradewind_optimize.meanvariance.errors import BadQuery, PyOptimumException, quoted
from tradewind_optimize.meanvariance.estimate import BASIC_MARKET, BASIC_RANGES, Closes, estimate_models, last_prices
from tradewind_optimize.meanvariance.frontier import efficient_frontier, optimal_portfolio

OPTIMIZE = ("portfolio", "frontier")
MODELS = ("prices", "basic", "custom")


def portfolio(data: Any) -> dict[str, Any]:
    """POST /optimize/api/portfolio: {"status", "x", "obj"}."""
    return optimal_portfolio(data).to_dict()


def frontier(data: Any) -> dict[str, Any]:
    """POST /optimize/api/frontier: {"frontier": [{"mu", "sol"}, …]}."""
    return {"frontier": [point.to_dict() for point in efficient_frontier(data)]}


def prices(closes: Closes, data: Any) -> dict[str, Any]:
    """POST /models/api/prices: {ticker: {"timestamp", "close", "first_quote"}}, the latest closes."""
    body = _object(data)
    found = last_prices(closes, body.get("symbols"))  # type: ignore[arg-type]  # checked there
    return {ticker: price.to_dict() for ticker, price in found.items()}


def basic(closes: Closes, data: Any) -> dict[str, Any]:
    """POST /models/api/basic: custom with the basic market and ranges."""
    body = _object(data)
    options = {name: value for name, value in _options(body).items() if name in ("include_prices", "horizon")}
    return custom(closes, {**body, "market": list(BASIC_MARKET), "range": list(BASIC_RANGES), "options": options})


def custom(closes: Closes, data: Any) -> dict[str, Any]:
    """POST /models/api/custom: {"messages", "tickers", "market", "models", "prices"?}."""
    body = _object(data)
    options = _options(body)
    for name in ("common", "include_prices", "trim_weekends"):
        if not isinstance(options.get(name, False), (bool, type(None))):
            raise BadQuery(f"options.{name}", f"'{name}' must be true or false; found {quoted(options[name])}")
    trim = options.get("trim_weekends")
    return estimate_models(
        closes,
        body.get("tickers"),  # type: ignore[arg-type]  # checked there
        body.get("market") or (),
        body.get("range") or BASIC_RANGES,
        body.get("end"),
        common=bool(options.get("common")),
        include_prices=bool(options.get("include_prices")),
        trim_weekends=True if trim is None else trim,
        horizon=1 if options.get("horizon") is None else options["horizon"],
        weights=options.get("weights") or "linear",
    ).to_dict()


def _object(data: Any) -> Mapping[str, Any]:
    if not isinstance(data, Mapping):
        raise BadQuery("body", f"the request must be a JSON object; found {quoted(data)}")
    return data


def _options(body: Mapping[str, Any]) -> Mapping[str, Any]:
    options = body.get("options")
    if options is None:
        return {}
    if not isinstance(options, Mapping):
        raise BadQuery("options", f"'options' must be an object; found {quoted(options)}")
    return options


class LocalClient:
    """The interface of AsyncClient without a server: entry points answered in this process.

    Parameter ``closes``: where prices and models come from (see :data:`~.estimate.Closes`). ``detail`` holds the text
    of the last refusal, None after an answer.
    """

    def __init__(self, closes: Closes) -> None:
        self.closes = closes
        self.detail: str | None = None

    async def call(self, entry_point: str, data: Any = None, **_: Any) -> Any:
        """The answer of the entry point; raises PyOptimumException as a service would answer 400."""
        name = entry_point.strip("/")
        self.detail = None
        try:
            if name in OPTIMIZE:
                return {"portfolio": portfolio, "frontier": frontier}[name](data)
            if name in MODELS:
                return {"prices": prices, "basic": basic, "custom": custom}[name](self.closes, data)
            known = ", ".join((*OPTIMIZE, *MODELS))
            raise BadQuery("entry_point", f"there is no entry point {quoted(entry_point)}; there are {known}")
        except PyOptimumException as refused:
            self.detail = str(refused)
            raise
