"""The service's other problems: linear and quadratic programs, and the Optimize API's words as JSON.

lp, qp:  minimise c'x + ½x'Qx  subject to  blo ≤ Ax ≤ bup,  xlo ≤ x ≤ xup
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tradewind_optimize.compile import stack
from tradewind_optimize.constraints.exposure import DollarNeutral, FactorExposure, MaxGrossExposure, NetExposure
from tradewind_optimize.constraints.group import Basket, NetGroupExposure
from tradewind_optimize.constraints.pair import Pair
from tradewind_optimize.constraints.position import (
    CannotHold,
    FixedWeight,
    Frozen,
    LongOnly,
    PositionConcentration,
    ReduceOnly,
    ShortOnly,
)
from tradewind_optimize.constraints.turnover import MaxTurnover
from tradewind_optimize.entry import run_optimization as optimized
from tradewind_optimize.labels import Keys, Universe
from tradewind_optimize.meanvariance.errors import BadQuery, quoted
from tradewind_optimize.objectives import MaximizeAlpha, TargetWeights, Terms
from tradewind_optimize.parameters import NotConstrained
from tradewind_optimize.problem import Box, Linear
from tradewind_optimize.route import optimize

Floats = NDArray[np.float64]

OBJECTIVES = {word.__name__: word for word in (TargetWeights, MaximizeAlpha)}
CONSTRAINTS: dict[str, Any] = {
    word.__name__: word
    for word in (
        Basket, CannotHold, DollarNeutral, FactorExposure, FixedWeight, Frozen, LongOnly, MaxGrossExposure, MaxTurnover,
        NetExposure, NetGroupExposure, Pair, PositionConcentration, ReduceOnly, ShortOnly,
    )
}  # fmt: skip


def linear_program(data: Any) -> dict[str, Any]:
    """POST /optimize/api/lp: {"status", "x", "obj"} of {A, blo, bup, c, xlo, xup}."""
    return _program(_object(data), quadratic=False)


def quadratic_program(data: Any) -> dict[str, Any]:
    """POST /optimize/api/qp: {"status", "x", "obj"} of {Q, c, A, blo, bup, xlo, xup}; Q positive semidefinite."""
    return _program(_object(data), quadratic=True)


def _program(data: Mapping[str, Any], quadratic: bool) -> dict[str, Any]:
    cost = _numbers(data, "c", None)
    n = len(cost)
    terms = Terms(linear=cost)
    if quadratic:
        values, vectors = _spectrum(_table(data, "Q", n, n))
        terms = Terms(linear=cost, factors=vectors, factor_scales=values, factor_center=np.zeros(n))
    box = Box(np.arange(n), _sides(data, "xlo", n, -np.inf), _sides(data, "xup", n, np.inf))
    blocks: list[Any] = [(0, box)]
    if data.get("A") is not None:
        matrix = _table(data, "A", None, n)
        m = len(matrix)
        sides = (_sides(data, "blo", m, -np.inf), _sides(data, "bup", m, np.inf))
        blocks.append((1, Linear(matrix, *sides, tuple(range(m)))))
    problem = stack(Universe(Keys(pd.RangeIndex(n)), np.zeros(n)), terms, blocks)
    outcome = optimize(problem)
    if outcome.solution is None:
        return {"status": outcome.status, "x": None, "obj": None}
    x = outcome.solution.weights
    return {"status": "optimal", "x": x.tolist(), "obj": problem.value(x)}


def _spectrum(matrix: Floats) -> tuple[Floats, Floats]:
    if not np.allclose(matrix, matrix.T, rtol=1e-8, atol=1e-12 * np.abs(matrix).max(initial=0.0)):
        raise BadQuery("Q", "'Q' must be symmetric")
    values, vectors = np.linalg.eigh((matrix + matrix.T) / 2)
    if values.min(initial=0.0) < -1e-9 * np.abs(values).max(initial=1e-300):
        raise BadQuery("Q", f"'Q' must be positive semidefinite; its least eigenvalue is {values.min():g}")
    keep = values > 0
    return values[keep], np.ascontiguousarray(vectors[:, keep])


def _array(data: Mapping[str, Any], name: str) -> Floats:
    try:
        array = np.asarray(data.get(name))
        if array.dtype.kind not in "iuf":
            raise ValueError
        return np.array(array, dtype=np.float64)
    except (ValueError, TypeError, OverflowError):
        raise BadQuery(name, f"'{name}' must be an array of numbers; found {quoted(data.get(name))}") from None


def _numbers(data: Mapping[str, Any], name: str, n: int | None) -> Floats:
    array = _array(data, name)
    if array.ndim != 1 or not len(array) or (n is not None and len(array) != n) or not np.isfinite(array).all():
        raise BadQuery(name, f"'{name}' must be an array of {n or 'some'} finite numbers; its shape is {array.shape}")
    return array


def _table(data: Mapping[str, Any], name: str, rows: int | None, columns: int) -> Floats:
    array = _array(data, name)
    fits = array.ndim == 2 and array.shape[1] == columns and rows in (None, len(array))
    if not fits or not np.isfinite(array).all():
        size = f"{'m' if rows is None else rows} x {columns}"
        raise BadQuery(name, f"'{name}' must be an array of size {size} of finite numbers; its shape is {array.shape}")
    return array


def _sides(data: Mapping[str, Any], name: str, n: int, free: float) -> Floats:
    """Bounds; null or absent is no bound."""
    given = data.get(name)
    if given is None:
        return np.full(n, free)
    if not isinstance(given, list) or len(given) != n:
        raise BadQuery(name, f"'{name}' must be an array of {n} bounds; found {quoted(given)}")
    filled = [free if item is None else item for item in given]
    array = _array({name: filled}, name)
    if array.ndim != 1 or np.isnan(array).any() or (array == -free).any():
        raise BadQuery(name, f"'{name}' must hold numbers, {free} or null; found {quoted(given)}")
    return array


def run_optimization(data: Any) -> dict[str, Any]:
    """POST /optimize/api/run_optimization: an objective and constraints in the Optimize API's words.

    {"objective": {"type": "MaximizeAlpha", "alphas": {…}}, "constraints": [{"type": "MaxGrossExposure", "max": 1.0},
    …], "current_portfolio": {asset: weight}}: each object's other fields are the constructor's parameters, null where a
    bound is NotConstrained. The answer: status, weights, objective, the rows that bind, and the message of a failure.
    """
    body = _object(data)
    objective = _word(body.get("objective"), "objective", OBJECTIVES)
    given = body.get("constraints")
    if given is not None and not isinstance(given, list):
        raise BadQuery("constraints", f"'constraints' must be an array of objects; found {quoted(given)}")
    constraints = [_word(item, f"constraints[{i}]", CONSTRAINTS) for i, item in enumerate(given or [])]
    held: Any = body.get("current_portfolio") or {}
    result = optimized(objective, constraints, held)
    table = result.diagnostics.constraints if result.success else pd.DataFrame()
    rows = table[table["binding"]].astype(object) if len(table) else table
    return {
        "status": result.status,
        "weights": None if result.new_weights is None else {str(k): float(v) for k, v in result.new_weights.items()},
        "objective": float(result.diagnostics.objective) if result.success else None,
        "binding": [{name: _plain(value) for name, value in row.items()} for row in rows.to_dict("records")],
        "message": None if result.error is None else str(result.error),
    }


def _plain(value: Any) -> Any:
    if isinstance(value, (np.generic,)):
        return value.item()
    return value if isinstance(value, (bool, int, float, str, type(None))) else str(value)


def _object(data: Any) -> Mapping[str, Any]:
    if not isinstance(data, Mapping):
        raise BadQuery("body", f"the request must be a JSON object; found {quoted(data)}")
    return data


def _word(given: Any, field: str, known: dict[str, Any]) -> Any:
    """The objective or constraint a JSON object names; its parameters are checked by the word itself."""
    name = given.get("type") if isinstance(given, Mapping) else None
    if not isinstance(name, str) or name not in known:
        raise BadQuery(
            field, f"'{field}' must be an object whose type is one of {', '.join(known)}; found {quoted(name)}"
        )
    parameters = {key: _parameter(value, name, key) for key, value in given.items() if key != "type"}
    try:
        return known[name](**parameters)
    except (TypeError, ValueError, AttributeError, KeyError) as error:
        raise BadQuery(field, f"'{field}' ({name}): {str(error)[:300]}") from None


def _parameter(value: Any, word: str, key: str) -> Any:
    if isinstance(value, Mapping):
        if value and all(isinstance(item, Mapping) for item in value.values()):
            return pd.DataFrame(value, dtype=np.float64)
        return {name: NotConstrained if item is None else item for name, item in value.items()}
    return NotConstrained if value is None else value
