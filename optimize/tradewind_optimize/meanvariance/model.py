"""Model: expected returns and a covariance that is diagonal plus factors."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


class Model:
    """r ∈ R^n and Σ = diag(Q) + F D F' (F n×k, D k×k); without F and D the covariance is diag(Q).

    For holdings x the return is r'x / |Σxᵢ| and the standard deviation √(x'Σx) / |Σxᵢ|. Units are those of the data:
    fractions per horizon when the model comes from the Models API.

    Parameters: ``data``, a mapping with r [n], Q [n] and optionally F [n][k] with one of D [k][k] and Di = D⁻¹; or a
    Model, which is copied. Everything becomes float64. Raises KeyError when r, Q or the D that F needs is absent,
    AssertionError for a two-dimensional Q, for D or Di without F and for D together with Di, ValueError for sizes that
    do not fit. Attributes r, Q, F may be assigned; D and Di follow each other.
    """

    def __init__(self, data: Mapping[str, Any] | Model) -> None:
        if isinstance(data, Model):
            self._copy(data)
            return
        self.r = _floats(data["r"])
        self._Q = _floats(data["Q"])
        _require(self._Q.ndim == 1, "Q must be a one-dimensional array: the diagonal of the covariance")
        self._F = _floats(data["F"]) if data.get("F") is not None else None
        self._D: Floats | None = None
        self._Di: Floats | None = None
        self._std: Floats | None = None
        self._set_factors(data)
        self._check_sizes()

    def _copy(self, other: Model) -> None:
        for name, value in vars(other).items():
            setattr(self, name, None if value is None else value.copy())

    def _set_factors(self, data: Mapping[str, Any]) -> None:
        inverse = data.get("Di") is not None
        if self._F is None:
            absent = data.get("D") is None and not inverse
            _require(absent, "D and Di describe the factors of F: without F neither may be given")
            return
        _require(not (inverse and data.get("D") is not None), "D and Di are each other's inverse: give one of them")
        if inverse:
            self._Di = _floats(data["Di"])
        else:
            self._D = _floats(data["D"])

    def _check_sizes(self) -> None:
        n = len(self.r) if self.r.ndim == 1 else -1
        if self._Q.shape != (n,):
            raise ValueError(f"r and Q must be vectors of one length; their shapes are {self.r.shape}, {self._Q.shape}")
        if self._F is None:
            return
        if self._F.ndim != 2 or self._F.shape[0] != n:
            raise ValueError(f"F must have shape ({n}, k), one row an asset; its shape is {self._F.shape}")
        k = self._F.shape[1]
        for name, matrix in (("D", self._D), ("Di", self._Di)):
            if matrix is not None and matrix.shape != (k, k):
                raise ValueError(f"{name} must have shape ({k}, {k}) to fit F; its shape is {matrix.shape}")

    @property
    def has_factors(self) -> bool:
        """Whether F and D are present."""
        return self._F is not None

    @property
    def Q(self) -> Floats:  # noqa: N802 - the published name
        """float64[n]: the idiosyncratic variances."""
        return self._Q

    @Q.setter
    def Q(self, value: Any) -> None:  # noqa: N802 - the published name
        self._Q, self._std = _floats(value), None

    @property
    def F(self) -> Floats | None:  # noqa: N802 - the published name
        """float64[n, k]: the factor loadings, or None."""
        return self._F

    @F.setter
    def F(self, value: Any) -> None:  # noqa: N802 - the published name
        self._F, self._std = None if value is None else _floats(value), None

    @property
    def D(self) -> Floats | None:  # noqa: N802 - the published name
        """float64[k, k]: the covariance of the factors, or None; the inverse of Di when that was given."""
        if self._D is None and self._Di is not None:
            self._D = _inverse(self._Di)
        return self._D

    @D.setter
    def D(self, value: Any) -> None:  # noqa: N802 - the published name
        _require(self.has_factors, "D is the covariance of F's factors: there is no F")
        self._D, self._Di, self._std = _floats(value), None, None

    @property
    def Di(self) -> Floats | None:  # noqa: N802 - the published name
        """float64[k, k]: the inverse of D, or None."""
        if self._Di is None and self._D is not None:
            self._Di = _inverse(self._D)
        return self._Di

    @Di.setter
    def Di(self, value: Any) -> None:  # noqa: N802 - the published name
        _require(self.has_factors, "Di is the inverse covariance of F's factors: there is no F")
        self._Di, self._D, self._std = _floats(value), None, None

    @property
    def std(self) -> Floats:
        """float64[n]: √Σᵢᵢ, the standard deviation of each asset."""
        if self._std is None:
            self._std = np.sqrt(self.get_mean_and_variance()[1])
        return self._std

    def get_mean_and_variance(self) -> tuple[Floats, Floats]:
        """(r, diag Σ) as new arrays, float64[n] each."""
        variance = self._Q.copy()
        if self._F is not None and self.D is not None:
            variance += np.sum(self._F * (self._F @ self.D), axis=1)
        return self.r.copy(), variance

    def to_dict(
        self, fields: Iterable[str] | None = None, as_list: bool = False, normalize_variance: bool = False
    ) -> dict[str, Any]:
        """The parameters by name: copies of the arrays, or nested lists with ``as_list``.

        ``fields``: which of r, Q, F, D, Di (default: r, Q, and F, D if there are factors). ``normalize_variance``
        divides Q and D by the largest Σᵢᵢ (Di is multiplied), so that the largest asset variance is 1.
        """
        scale = float(np.max(self.std)) ** 2 if normalize_variance else 1.0
        power = {"Q": 1.0 / scale, "D": 1.0 / scale, "Di": scale}
        names = tuple(fields) if fields else (("r", "D", "F", "Q") if self.has_factors else ("r", "Q"))
        out = {}
        for name in names:
            value = getattr(self, name)
            # x / scale and x · (1 / scale) differ in the last bit: divide, as the normalised values are compared
            scaled = value / scale if name in ("Q", "D") else value * power.get(name, 1.0)
            out[name] = scaled.tolist() if as_list else scaled
        return out

    def return_and_variance(self, x: Any) -> tuple[float, float]:
        """(r'x / |Σxᵢ|, √(x'Σx) / |Σxᵢ|): the return and, despite the name, the standard deviation of holdings x [n].

        Warns "Total portfolio is negative" for Σxᵢ < 0 and "Total portfolio is zero" for Σxᵢ = 0, which is divided
        by 1.
        """
        x = np.asarray(x, dtype=np.float64)
        total = float(np.sum(x))
        if total < 0:
            warnings.warn("Total portfolio is negative", stacklevel=2)
        elif total == 0:
            warnings.warn("Total portfolio is zero", stacklevel=2)
        size = abs(total) or 1.0
        return float(np.dot(x, self.r)) / size, float(np.sqrt(self.variance(x))) / size

    def variance(self, x: Floats) -> float:
        """x'Σx, never forming Σ."""
        total = np.dot(self._Q * x, x)
        if self._F is not None and self.D is not None:
            along = self._F.T @ x
            total = total + np.dot(self.D @ along, along)
        return float(total)

    def unconstrained_frontier(self, x_bar: float = 1.0) -> tuple[float, float, float]:
        """(a, μ*, σ₀) of σ²(μ) = a(μ − μ*)² + σ₀² = min{x'Σx : r'x = μ, Σxᵢ = x_bar}.

        With B = [r 1] and C = (B'Σ⁻¹B)⁻¹: a = C₁₁, μ* = −C₁₂ x_bar / C₁₁, σ₀² = (C₂₂ − C₁₂²/C₁₁) x_bar². Σ⁻¹B comes
        from Woodbury's identity, O(nk²). Assets with no return and no risk are left out; with one riskless asset of
        return f the frontier is a = 1/((r − f)'Σ⁻¹(r − f)), μ* = f x_bar, σ₀ = 0. Raises ValueError for two different
        riskless returns, and when all returns are equal (every μ but one is out of reach).
        """
        return _hyperbola(self, float(x_bar))


def _floats(value: Any) -> Floats:
    return np.array(value, dtype=np.float64)


def _require(holds: bool, sentence: str) -> None:
    if not holds:  # the published classes assert: callers may catch AssertionError, also under python -O
        raise AssertionError(sentence)


def _inverse(matrix: Floats) -> Floats:
    inverse = np.linalg.inv(matrix)
    return np.asarray((inverse + inverse.T) / 2)


def _hyperbola(model: Model, x_bar: float) -> tuple[float, float, float]:
    loadings = model.F if model.F is not None else np.zeros((len(model.r), 0))
    riskless = (model.Q == 0) & ~loadings.any(axis=1)
    risky = ~riskless
    free = np.unique(model.r[riskless & (model.r != 0)])
    if len(free) > 1:
        raise ValueError(f"Risk-free asset returns differ ({free[0]} and {free[-1]}): variance 0 buys any return")
    r, solve = model.r[risky], _solver(model.Q[risky], loadings[risky], model.D)
    if len(free):
        excess = r - free[0]
        return 1.0 / float(excess @ solve(excess)), float(free[0]) * x_bar, 0.0
    sides = np.stack([r, np.ones(len(r))], axis=1)
    gram = sides.T @ solve(sides)
    determinant = gram[0, 0] * gram[1, 1] - gram[0, 1] ** 2
    if not determinant > 1e-14 * gram[0, 0] * gram[1, 1]:
        raise ValueError("The expected returns are all equal: only one return can be reached, there is no frontier")
    a = gram[1, 1] / determinant
    return float(a), float(gram[0, 1] / gram[1, 1] * x_bar), float(np.sqrt(1.0 / gram[1, 1]) * abs(x_bar))


def _solver(q: Floats, loadings: Floats, between: Floats | None) -> Any:
    """The function b → Σ⁻¹b for Σ = diag(q) + FDF'."""
    if between is None or not loadings.shape[1]:
        return lambda b: (b.T / q).T
    if (q <= 0).any():
        covariance = np.diag(q) + loadings @ between @ loadings.T
        return lambda b: _dense_solve(covariance, b)
    weighted = loadings / q[:, None]
    inner = np.eye(len(between)) + between @ (loadings.T @ weighted)

    def solve(b: Floats) -> Floats:
        straight = (b.T / q).T
        return np.asarray(straight - weighted @ np.linalg.solve(inner, between @ (loadings.T @ straight)))

    return solve


def _dense_solve(covariance: Floats, b: Floats) -> Floats:
    try:
        return np.asarray(np.linalg.solve(covariance, b))
    except np.linalg.LinAlgError:
        raise ValueError("Risk-free asset is not supported: the covariance of the risky assets is singular") from None
