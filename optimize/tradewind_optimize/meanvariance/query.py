"""Query: one portfolio problem as it arrives (JSON, a dict of lists), checked field by field.

Every refusal is a BadQuery whose sentence names the field, what was found and what was expected. Numbers must be
finite; bounds may also be ±Infinity or null (no bound).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from tradewind_optimize.meanvariance.errors import BadQuery, quoted

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Function = Literal["sum", "return", "sales", "buys", "leverage"]

TWO_SIDED = ("sum", "return")
ONE_SIDED = ("sales", "buys", "leverage")
FUNCTIONS = (*TWO_SIDED, *ONE_SIDED)
NUMBER_OF_POINTS = 20
MOST_POINTS = 1000
LARGEST, APART = 1e15, 1e9
"""No number may be larger than LARGEST, no holding larger than APART portfolios; a bound further out is none."""
_ASYMMETRY, _NEGATIVE = 1e-8, 1e-9
_FLAGS = ("short", "buy", "sell")


@dataclass(frozen=True, eq=False)
class Risk:
    """Σ = diag(``diagonal``) + ``loadings`` diag(``scales``) ``loadings``'; a dense Q is n loadings.

    diagonal float64[n] ≥ 0, loadings float64[n, k], scales float64[k] ≥ 0.
    """

    diagonal: Floats
    loadings: Floats
    scales: Floats

    def variance(self, x: Floats) -> float:
        """x'Σx."""
        along = np.einsum("ia,i->a", self.loadings, x)  # one thread, the same bytes wherever it runs
        return float(self.diagonal @ (x * x) + self.scales @ (along * along))

    def largest(self) -> float:
        """The largest Σᵢᵢ."""
        return float((self.diagonal + (self.loadings**2) @ self.scales).max(initial=0.0))


@dataclass(frozen=True, eq=False)
class Limit:
    """lower ≤ function over ``members`` ≤ upper, in the unit of x0.

    ``label``: what messages call it (the constraint's label, else its set, else its function).
    """

    label: str
    function: Function
    members: Ints
    lower: float
    upper: float


@dataclass(frozen=True, eq=False)
class Query:
    """One portfolio problem; n assets, all arrays float64[n].

    ``total`` is Σ x = s. ``mu`` is None when absent. ``points``, ``mu_min``, ``mu_max`` belong to the frontier.
    """

    r: Floats
    risk: Risk
    x0: Floats
    total: float
    mu: float | None
    lower: Floats
    upper: Floats
    limits: tuple[Limit, ...]
    rho: float
    short: bool
    buy: bool
    sell: bool
    relative: bool
    labels: tuple[str, ...] | None
    points: int
    mu_min: float | None
    mu_max: float | None

    @property
    def n(self) -> int:
        """Number of assets."""
        return len(self.r)

    @property
    def size(self) -> float:
        """|s|, the unit of a weight."""
        return abs(self.total)


def read_query(data: Any) -> Query:
    """The checked form of a request to /portfolio or /frontier; raises BadQuery."""
    if not isinstance(data, Mapping):
        raise BadQuery("body", f"the query must be an object with at least r and Q; found {quoted(data)}")
    for name in ("r", "Q"):
        if data.get(name) is None:
            raise BadQuery(name, f"'{name}' is required: {'expected returns' if name == 'r' else 'covariance'}")
    r = _vector(data["r"], "r", None)
    if not len(r):
        raise BadQuery("r", "'r' must hold at least one expected return; it is empty")
    n = len(r)
    risk = _risk(data, n)
    x0 = np.zeros(n) if data.get("x0") is None else _vector(data["x0"], "x0", n)
    total = _total(data.get("cashflow"), x0)
    options = _options(data.get("options"))
    labels = _labels(data.get("labels"), n)
    return Query(
        r=r,
        risk=risk,
        x0=x0,
        total=total,
        mu=_number_or_none(data.get("mu"), "mu"),
        lower=_side(data.get("xlo"), "xlo", n, -np.inf, abs(total)),
        upper=_side(data.get("xup"), "xup", n, np.inf, abs(total)),
        limits=tuple(_limits(data, n, labels, abs(total))),
        rho=_not_negative(data.get("rho"), "rho"),
        labels=labels,
        **options,
    )


def _total(cashflow: Any, x0: Floats) -> float:
    held = float(x0.sum())
    total = 1.0 if cashflow is None else held + _number(cashflow, "cashflow")
    if abs(total) <= 1e-12 * abs(held) or abs(total) < 1.0 / LARGEST:
        raise BadQuery("cashflow", f"'cashflow' must not cancel the holdings: x0 adds to {held:g} and the sum to zero")
    far = np.abs(x0) > APART * abs(total)
    if far.any():
        at = int(np.argmax(far))
        raise BadQuery("x0", f"'x0' is out of proportion: x0[{at}] is {x0[at]:g} and the portfolio {total:g}")
    return total


def _vector(value: Any, name: str, n: int | None) -> Floats:
    """A finite float64[n]."""
    array = _array(value, name, n)
    shape = (len(array) if array.ndim else 0,) if n is None else (n,)
    if array.ndim != 1 or array.shape != shape:
        raise _wrong_size(name, array, (n if n is not None else "n",), n)
    return _finite(array, name)


def _array(value: Any, name: str, n: int | None) -> Floats:
    """Numbers only, any shape; null becomes NaN."""
    try:
        raw = np.asarray(value)
        if raw.dtype.kind == "O":
            raw = np.array([np.nan if item is None else item for item in raw.ravel()]).reshape(raw.shape)
        if raw.dtype.kind not in "iuf" and raw.size:
            raise ValueError
        return np.array(raw, dtype=np.float64)
    except (ValueError, TypeError, OverflowError):
        size = "numbers" if n is None else f"numbers for {n} assets"
        raise BadQuery(name, f"'{name}' must be an array of {size}; found {quoted(value)}") from None


def _wrong_size(name: str, array: Floats, wanted: tuple[Any, ...], n: int | None) -> BadQuery:
    found = ", ".join(map(str, array.shape)) or "a number"
    shown = ", ".join(map(str, wanted))
    known = "" if n is None or name == "r" else f", r[{n}]==[{n}]"
    sentence = f"'{name}' must be an array of size {' x '.join(map(str, wanted))}"
    return BadQuery(name, f"{sentence}\nDimensions: {name}[{found}]!=[{shown}]{known}")


def _finite(array: Floats, name: str) -> Floats:
    bad = np.argwhere(~(np.abs(array) <= LARGEST))
    if len(bad):
        place = "".join(f"[{i}]" for i in bad[0])
        found = array[tuple(bad[0])]
        raise BadQuery(name, f"'{name}' must hold finite numbers up to {LARGEST:g} in size; {name}{place} is {found}")
    return array


def _number(value: Any, name: str) -> float:
    number = isinstance(value, (int, float, np.number)) and not isinstance(value, bool)
    if not number or not abs(value) <= LARGEST:
        raise BadQuery(name, f"'{name}' must be a finite number up to {LARGEST:g} in size; found {quoted(value)}")
    return float(value)


def _number_or_none(value: Any, name: str) -> float | None:
    return None if value is None else _number(value, name)


def _not_negative(value: Any, name: str) -> float:
    number = 0.0 if value is None else _number(value, name)
    if number < 0:
        raise BadQuery(name, f"'{name}' must not be negative; found {number:g}")
    return number


def _side(value: Any, name: str, n: int, free: float, size: float) -> Floats:
    """Bounds float64[n]: null and the infinity that bounds nothing are no bound; NaN and the other are refused."""
    far = APART * size
    if value is None:
        return np.full(n, free)
    array = _array(value, name, n)
    if array.shape != (n,):
        raise _wrong_size(name, array, (n,), n)
    given = list(value)
    unset = np.array([item is None for item in given])
    wrong = array > far if free < 0 else array < -far
    bad = np.flatnonzero((np.isnan(array) & ~unset) | wrong)
    if len(bad):
        expected = f"numbers in proportion to the portfolio, {free} or null"
        raise BadQuery(name, f"'{name}' must hold {expected}; {name}[{bad[0]}] is {array[bad[0]]}")
    return np.where(unset | (np.abs(array) > far), free, array)


def _risk(data: Mapping[str, Any], n: int) -> Risk:
    raw = _array(data["Q"], "Q", n)
    if raw.shape not in ((n, n), (n,)):
        raise _wrong_size("Q", raw, (n, n), n)
    raw = _finite(raw, "Q")
    if raw.ndim == 1 and (raw < 0).any():
        at = int(np.argmin(raw))
        raise BadQuery("Q", f"'Q' must not hold negative variances; Q[{at}] is {raw[at]:g}")
    loadings, scales = _factors(data, n)
    if raw.ndim == 1:
        return Risk(raw, loadings, scales)
    values, vectors = _eigen(raw, "Q")
    least = float(values[0])
    keep = values - least > 1e-14 * max(float(values[-1]), 1e-300)
    return Risk(
        np.full(n, least),
        np.ascontiguousarray(np.concatenate([vectors[:, keep], loadings], axis=1)),
        np.concatenate([values[keep] - least, scales]),
    )


def _factors(data: Mapping[str, Any], n: int) -> tuple[Floats, Floats]:
    """F turned onto the eigenvectors of D, and D's eigenvalues."""
    given = {name: data[name] for name in ("F", "D", "Di") if data.get(name) is not None}
    if not given:
        return np.zeros((n, 0)), np.zeros(0)
    if "F" not in given or len(given) != 2:
        raise BadQuery("F", f"'F' must come with one of 'D' and 'Di'; found {', '.join(given)}")
    loadings = _array(given["F"], "F", n)
    if loadings.ndim != 2 or loadings.shape[0] != n:
        raise _wrong_size("F", loadings, (n, "k"), n)
    name, k = ("D" if "D" in given else "Di"), loadings.shape[1]
    between = _array(given[name], name, n)
    if between.shape != (k, k):
        raise _wrong_size(name, between, (k, k), n)
    values, vectors = _eigen(_finite(between, name), name)
    if name == "Di":
        if len(values) and not values[0] > 0:
            raise BadQuery("Di", f"'Di' must be positive definite; its least eigenvalue is {values[0]:g}")
        values = 1.0 / values
    return np.ascontiguousarray(np.einsum("ia,ab->ib", _finite(loadings, "F"), vectors)), values


def _eigen(matrix: Floats, name: str) -> tuple[Floats, Floats]:
    """(eigenvalues ascending and ≥ 0, eigenvectors) of a symmetric positive semidefinite matrix."""
    largest = float(np.abs(matrix).max(initial=0.0))
    gap = np.abs(matrix - matrix.T)
    if gap.size and gap.max() > _ASYMMETRY * largest:
        i, j = np.unravel_index(int(gap.argmax()), gap.shape)
        found = f"{name}[{i}][{j}] is {matrix[i, j]:g} and {name}[{j}][{i}] is {matrix[j, i]:g}"
        raise BadQuery(name, f"'{name}' must be symmetric; {found}")
    values, vectors = np.linalg.eigh((matrix + matrix.T) / 2)
    if len(values) and values[0] < -_NEGATIVE * max(float(values[-1]), -float(values[0]) * 1e-3):
        raise BadQuery(name, f"'{name}' must be positive semidefinite; its least eigenvalue is {values[0]:g}")
    return np.maximum(values, 0.0), vectors


def _options(given: Any) -> dict[str, Any]:
    if given is None:
        given = {}
    if not isinstance(given, Mapping):
        raise BadQuery("options", f"'options' must be an object; found {quoted(given)}")
    flags = {name: _flag(given.get(name), name) for name in _FLAGS}
    basis = given.get("basis") or "absolute"
    if basis not in ("absolute", "relative"):
        raise BadQuery("options.basis", f"'basis' must be 'absolute' or 'relative'; found {quoted(basis)}")
    points = given.get("number_of_points")
    points = NUMBER_OF_POINTS if points is None else points
    if isinstance(points, bool) or not isinstance(points, int) or not 1 <= points <= MOST_POINTS:
        expected = f"a whole number from 1 to {MOST_POINTS}"
        raise BadQuery("options.number_of_points", f"'number_of_points' must be {expected}; found {quoted(points)}")
    ends = {name: _number_or_none(given.get(name), name) for name in ("mu_min", "mu_max")}
    return {**flags, "relative": basis == "relative", "points": points, **ends}


def _flag(value: Any, name: str) -> bool:
    if value is None:
        return True
    if not isinstance(value, (bool, np.bool_)):
        raise BadQuery(f"options.{name}", f"'{name}' must be true or false; found {quoted(value)}")
    return bool(value)


def _labels(given: Any, n: int) -> tuple[str, ...] | None:
    if given is None:
        return None
    if not isinstance(given, Sequence) or isinstance(given, str) or not all(isinstance(item, str) for item in given):
        raise BadQuery("labels", f"'labels' must be an array of {n} strings; found {quoted(given)}")
    if len(given) != n or len(set(given)) != n:
        raise BadQuery("labels", f"'labels' must be {n} different strings; found {len(set(given))} of {len(given)}")
    return tuple(given)


def _limits(data: Mapping[str, Any], n: int, labels: tuple[str, ...] | None, size: float) -> Iterator[Limit]:
    sets = _sets(data.get("sets"), n)
    given = data.get("constraints")
    if given is None:
        return
    if not isinstance(given, Sequence) or isinstance(given, str):
        raise BadQuery("constraints", f"'constraints' must be an array of objects; found {quoted(given)}")
    for place, item in enumerate(given):
        yield _limit(item, f"constraints[{place}]", n, sets, labels, size)


def _sets(given: Any, n: int) -> dict[str, Ints]:
    out: dict[str, Ints] = {}
    if given is None:
        return out
    if not isinstance(given, Sequence) or isinstance(given, str):
        raise BadQuery("sets", f"'sets' must be an array of objects; found {quoted(given)}")
    for place, item in enumerate(given):
        field = f"sets[{place}]"
        label = item.get("label") if isinstance(item, Mapping) else None
        if not isinstance(item, Mapping) or not isinstance(label, str):
            raise BadQuery(field, f"'{field}' must be an object with a label and indices; found {quoted(item)}")
        if label in out:
            raise BadQuery(field, f"'{field}' repeats the label {label!r}")
        out[label] = _members(item.get("indices"), f"{field}.indices", n, None)
    return out


def _limit(item: Any, field: str, n: int, sets: dict[str, Ints], labels: tuple[str, ...] | None, size: float) -> Limit:
    if not isinstance(item, Mapping):
        raise BadQuery(field, f"'{field}' must be an object with bounds; found {quoted(item)}")
    function: Any = item.get("function") or "sum"
    if function not in FUNCTIONS:
        known = ", ".join(FUNCTIONS)
        raise BadQuery(f"{field}.function", f"'{field}.function' must be one of {known}; found {quoted(function)}")
    group = item.get("set")
    if group is None or group == ":":
        members = np.arange(n)
    elif isinstance(group, str):
        if group not in sets:
            known = ", ".join(map(repr, sets)) or "none is given"
            raise BadQuery(f"{field}.set", f"'{field}.set' must be the label of a set ({known}); found {quoted(group)}")
        members = sets[group]
    else:
        members = _members(group, f"{field}.set", n, labels)
    label = item.get("label")
    label = label if isinstance(label, str) and label else (group if isinstance(group, str) else function)
    lower, upper = _bounds(item.get("bounds"), f"{field}.bounds", function, APART * max(size, 1.0))
    return Limit(label, function, members, lower, upper)


def _members(given: Any, field: str, n: int, labels: tuple[str, ...] | None) -> Ints:
    """Positions from 0-based indices or, where labels are known, labels."""
    if not isinstance(given, Sequence) or isinstance(given, str):
        raise BadQuery(field, f"'{field}' must be an array of indices; found {quoted(given)}")
    at = {label: i for i, label in enumerate(labels or ())}
    out = []
    for item in given:
        index = at.get(item) if isinstance(item, str) else item
        if isinstance(index, bool) or not isinstance(index, int) or not 0 <= index < n:
            raise BadQuery(
                field, f"'{field}' must hold indices from 0 to {n - 1} or known labels; found {quoted(item)}"
            )
        out.append(index)
    return np.unique(np.array(out, dtype=np.int64))


def _bounds(given: Any, field: str, function: str, far: float) -> tuple[float, float]:
    """(lower, upper): a scalar is an upper bound; null and ±Infinity are no bound."""
    pair = list(given) if isinstance(given, Sequence) and not isinstance(given, str) else [None, given]
    if len(pair) != 2:
        raise BadQuery(field, f"'{field}' must be a number or [lower, upper]; found {quoted(given)}")
    lower = _bound(pair[0], field, -np.inf, far)
    upper = _bound(pair[1], field, np.inf, far)
    if function in ONE_SIDED and lower > 0:
        raise BadQuery(field, f"'{field}' asks for at least {lower:g} of {function}, which is not a convex set")
    if lower > upper:
        raise BadQuery(field, f"'{field}' must not cross: {lower:g} is larger than {upper:g}")
    return lower, upper


def _bound(value: Any, field: str, free: float, far: float) -> float:
    if value is None:
        return free
    number = isinstance(value, (int, float, np.number)) and not isinstance(value, bool)
    if not number or value != value or (value > far if free < 0 else value < -far):
        raise BadQuery(field, f"'{field}' must be a number, [lower, upper], Infinity or null; found {quoted(value)}")
    return free if abs(value) > far else float(value)
