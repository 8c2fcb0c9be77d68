"""Mixing the models of several ranges into one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from tradewind_optimize.meanvariance.model import Model

Method = Literal["linear", "linear-fractional", "diagonal"]
_FIELDS = {"diagonal": ("r", "Q"), "linear": ("r", "D", "F", "Q"), "linear-fractional": ("r", "Di", "F", "Q")}


def normalised(weights: Mapping[str, float]) -> dict[str, float]:
    """The weights divided by their sum; equal weights when that is 0."""
    total = sum(weights.values())
    if total > 0:
        return {name: value / total for name, value in weights.items()}
    return {name: 1 / len(weights) for name in weights}


def mixed(models: Mapping[str, Model], weights: Mapping[str, float], method: Method) -> Model:
    """Σ weight·field over the ranges: r, Q, F and D ("linear"), D⁻¹ ("linear-fractional"), or r and Q ("diagonal").

    Models without factors are mixed as diagonal ones; some with and some without raise ValueError, as does another
    method.
    """
    if method not in _FIELDS:
        raise ValueError(f"model_method must be one of {', '.join(_FIELDS)}; found {method!r}")
    factors = {name: model.has_factors for name, model in models.items()}
    if method != "diagonal" and any(factors.values()) and not all(factors.values()):
        bare = [name for name, has in factors.items() if not has]
        raise ValueError(f"models {bare} have no factors, the others have: mix them with model_method 'diagonal'")
    fields = _FIELDS[method] if all(factors.values()) else _FIELDS["diagonal"]
    data: dict[str, Any] = {}
    for field in fields:
        data[field] = sum(weight * getattr(models[name], field) for name, weight in weights.items())
    return Model(data)
