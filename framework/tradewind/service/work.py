"""What a worker process does: one request's bytes in, one answer's status and bytes out.

The process holds the bundle and warm kernels. Nothing here knows of HTTP, users or the queue.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from typing import Any

from tradewind.prices import closes_of
from tradewind.service.optimizing import linear_program, quadratic_program, run_optimization
from tradewind.service.settings import Limits
from tradewind_optimize.errors import OptimizationError
from tradewind_optimize.meanvariance import api
from tradewind_optimize.meanvariance.errors import PyOptimumException
from tradewind_optimize.meanvariance.estimate import Closes, closes_between

Answer = tuple[int, bytes]
ALPHAS = {"A": 1.0, "B": -0.5, "C": 0.2}


class Worker:
    """The entry points over one bundle, within limits."""

    def __init__(self, bundle: str, limits: Limits) -> None:
        self._closes: Closes = closes_of(bundle)
        self._limits = limits
        self._entries: dict[str, Callable[[Any], dict[str, Any]]] = {
            "portfolio": api.portfolio,
            "frontier": api.frontier,
            "lp": linear_program,
            "qp": quadratic_program,
            "run_optimization": run_optimization,
            "prices": lambda data: api.prices(self._closes, data),
            "basic": lambda data: api.basic(self._closes, data),
            "custom": lambda data: api.custom(self._closes, data),
        }

    def warm(self) -> None:
        """Solve a few small problems, so that the first request finds compiled kernels and a read bundle."""
        api.frontier({"r": [0.1, 0.2], "Q": [0.1, 0.2], "F": [[1], [1]], "D": [[0.1]], "options": {"short": False}})
        constraints = [{"type": "MaxGrossExposure", "max": 1.0}, {"type": "DollarNeutral"}]
        for objective in ({"type": "MaximizeAlpha", "alphas": ALPHAS}, {"type": "TargetWeights", "weights": ALPHAS}):
            run_optimization({"objective": objective, "constraints": constraints})
        closes_between(self._closes, ())

    def answer(self, entry: str, body: bytes) -> Answer:
        """(status, JSON): 200; 400 with detail for what cannot be meant; 413 for what is too large."""
        try:
            data = parsed(body)
            self._within(data)
            return 200, encoded(self._entries[entry](data))
        except (PyOptimumException, OptimizationError) as refused:
            return problem(400, str(refused))
        except TooLarge as refused:
            return problem(413, str(refused))

    def _within(self, data: Any) -> None:
        """Refuse what is larger than the limits before anything is computed from it."""
        if not isinstance(data, Mapping):
            return
        for field in ("r", "tickers", "symbols", "market", "c"):
            self._short(data, field, self._limits.assets)
        for field in ("constraints", "sets", "A", "range"):
            self._short(data, field, self._limits.constraints)

    @staticmethod
    def _short(data: Mapping[str, Any], field: str, most: int) -> None:
        value = data.get(field)
        if isinstance(value, (list, dict)) and len(value) > most:
            raise TooLarge(f"'{field}' holds {len(value)} entries; this service takes at most {most}")


class TooLarge(Exception):
    """A request beyond the limits."""


def parsed(body: bytes) -> Any:
    """The JSON of a body; Infinity and NaN are accepted. PyOptimumException for what is no JSON."""
    try:
        return json.loads(body or b"null")
    except RecursionError:
        raise PyOptimumException("the body is nested too deeply") from None
    except ValueError as error:
        raise PyOptimumException(f"the body is not JSON: {str(error)[:200]}") from None


def encoded(answer: Any) -> bytes:
    """JSON with finite numbers or null."""
    return json.dumps(_finite(answer), allow_nan=False, separators=(",", ":")).encode()


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {name: _finite(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(item) for item in value]
    return value


TITLES = {400: "Bad Request", 401: "Unauthorized", 403: "Forbidden", 404: "Not Found", 408: "Request Timeout",
          413: "Content Too Large", 429: "Too Many Requests", 500: "Internal Server Error",
          503: "Service Unavailable"}  # fmt: skip


def problem(status: int, detail: str) -> Answer:
    """An error's status and body: {status, title, type, detail}."""
    body = {"status": status, "title": TITLES.get(status, "Error"), "type": "about:blank", "detail": detail}
    return status, json.dumps(body).encode()
