"""What can go wrong in the mean-variance toolbox, as objects that carry the facts.

PyOptimumException                    the published name: everything the toolbox and the service refuse
├── BadQuery          (also ValueError)   a field of a query that cannot be meant
├── NotFeasible       (also ValueError)   one part of a query that nothing can satisfy
├── ServiceError                          the service answered with an error; carries status and detail
└── ResourceTimeout                       a deferred result did not come in time
"""

from __future__ import annotations

from typing import Any

from tradewind_optimize.errors import OptimizationError


class PyOptimumException(OptimizationError):  # the published API's name
    """Base class of the errors of the toolbox, its clients and its service."""


class BadQuery(PyOptimumException, ValueError):
    """A field of a query that is missing, misshapen or not a number.

    Attributes: ``field``, ``detail`` (the whole sentence).
    """

    def __init__(self, field: str, detail: str) -> None:
        super().__init__(field, detail)
        self.field, self.detail = field, detail

    def __str__(self) -> str:
        return self.detail


class NotFeasible(PyOptimumException, ValueError):
    """The budget with its bounds, or one constraint together with them, leaves no portfolio.

    Attributes: ``label``: "cashflow", or the label, set or function of the constraint.
    """

    def __init__(self, label: str) -> None:
        super().__init__(label)
        self.label = label

    def __str__(self) -> str:
        return f"'{self.label}' constraint is not feasible"


class ServiceError(PyOptimumException):
    """The service refused a call.

    Attributes: ``status`` (HTTP status, 0 when no answer could be read), ``detail``, ``url``.
    """

    def __init__(self, detail: str, status: int = 0, url: str = "") -> None:
        super().__init__(detail, status, url)
        self.detail, self.status, self.url = detail, status, url

    def __str__(self) -> str:
        return self.detail


class ResourceTimeout(PyOptimumException):
    """A deferred result was not ready after the last retry. Attributes: ``resource``, ``retries``."""

    def __init__(self, resource: str, retries: int) -> None:
        super().__init__(resource, retries)
        self.resource, self.retries = resource, retries

    def __str__(self) -> str:
        return f"Maximum number of retries exceeded: resource {self.resource} was not ready after {self.retries}."


def quoted(value: Any, most: int = 60) -> str:
    """repr, cut to a length that fits a sentence."""
    text = repr(value)
    return text if len(text) <= most else text[: most - 1] + "…"
