"""Covariances: what a risk model must offer, and how it is read.

    Σ = diag(Q) + F D F'        factor form, Q float64[n], F float64[n, k], D float64[k, k]
    Σ = Q (+ F D F')            dense form, Q float64[n, n]

Everything ends as specific variances and a root: Σ = diag(s) + R diag(d) R', the shape the solvers know. The factor
structure of a model is kept; a dense covariance is split the same way, with s a fraction of its diagonal.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import pandas as pd

from tradewind_optimize.errors import InvalidParameter, InvalidType
from tradewind_optimize.labels import Column, Floats, Ints, Keys, Universe, index_of

_LOG = logging.getLogger(__name__)
_SPLITS = (0.3, 0.1, 0.03, 0.01, 1e-3, 1e-4)
_ROUNDING = 1e-10


class RiskModel(Protocol):
    """What MinimizeRisk, MaximizeUtility and TrackingError take besides a covariance DataFrame.

    Attributes: ``labels``, the assets in the order of the arrays (a model without this attribute needs the ``labels``
    argument of the word); ``Q``, specific variances float64[n] or a covariance float64[n, n]; ``F`` float64[n, k] and
    ``D`` float64[k, k] (or its diagonal, float64[k]), both or neither. Units: variance of a weight of 1 per period,
    whatever the period is. NaN is refused.
    """

    labels: Sequence[Any]
    Q: Any
    F: Any
    D: Any


@dataclass(frozen=True, eq=False)
class Root:
    """Σ = diag(specific) + factors diag(scales) factors' over n assets; float64[n], [n, k], [k]."""

    specific: Floats
    factors: Floats
    scales: Floats


@dataclass(frozen=True, eq=False)
class Covariance:
    """A risk model, checked and copied: ``keys``, ``specific`` float64[n], ``dense`` float64[n, n] or None, ``factors``
    float64[n, k] and ``scales`` float64[k]."""

    keys: Keys
    specific: Floats
    dense: Floats | None
    factors: Floats
    scales: Floats

    @classmethod
    def of(cls, model: Any, word: str, labels: Iterable[Any] | None = None) -> Covariance:
        """Read a covariance DataFrame or a :class:`RiskModel`.

        Raises InvalidParameter for NaN, sizes that do not fit, labels given twice, a matrix that is not symmetric or
        not positive semidefinite; InvalidType for anything else.
        """
        if isinstance(model, pd.DataFrame):
            return cls._of_frame(model, word)
        if not hasattr(model, "Q"):
            hint = "Pass a DataFrame (assets x assets), or an object with labels, Q and perhaps F and D."
            raise InvalidType(word, "model", model, "a covariance", hint)
        names = labels if labels is not None else getattr(model, "labels", None)
        if names is None:
            raise InvalidParameter(word, "model", "no labels", "labelled", "Say labels=[…] in the order of model.Q.")
        keys = Keys(index_of(names)).require_unique(word, "labels")
        n = len(keys)
        variances = _numbers(model.Q, word, "model.Q")
        if variances.shape not in ((n,), (n, n)):
            raise InvalidParameter(word, "model.Q", f"shape {variances.shape}", f"of shape ({n},) or ({n}, {n})")
        factors, scales = _factors(getattr(model, "F", None), getattr(model, "D", None), n, word)
        if variances.ndim == 2:
            return cls(keys, np.zeros(n), _definite(variances, keys, word), factors, scales)
        if (variances < 0).any():
            at = int(np.argmin(variances))
            raise InvalidParameter(word, "model.Q", f"{variances[at]:g} for {keys.index[at]!r}", "≥ 0 for every asset")
        return cls(keys, variances, None, factors, scales)

    @classmethod
    def _of_frame(cls, frame: pd.DataFrame, word: str) -> Covariance:
        keys = Keys(index_of(frame.index)).require_unique(word, "model.index")
        columns = Keys(index_of(frame.columns)).require_unique(word, "model.columns")
        at = columns.positions(keys)
        if len(columns) != len(keys) or (at < 0).any():
            hint = "A covariance has the same assets down and across."
            raise InvalidParameter(word, "model", "different index and columns", "square", hint)
        matrix = _numbers(frame.to_numpy()[:, at], word, "model")
        n = len(keys)
        return cls(keys, np.zeros(n), _definite(matrix, keys, word), np.zeros((n, 0)), np.zeros(0))

    def root(self, universe: Universe) -> tuple[Root, Ints]:
        """(Σ over the universe, positions without a row in the model); what has no row has no variance."""
        at = self.keys.positions(universe.keys)
        known = np.flatnonzero(at >= 0)
        rows = at[known]
        specific, factors = np.zeros(universe.n), np.zeros((universe.n, len(self.scales)))
        specific[known], factors[known] = self.specific[rows], self.factors[rows]
        scales = self.scales
        if self.dense is not None:
            own, lower = _split(self.dense[np.ix_(rows, rows)])
            specific[known] += own
            wide = np.zeros((universe.n, len(known)))
            wide[known] = lower
            factors, scales = np.concatenate([factors, wide], axis=1), np.concatenate([scales, np.ones(len(known))])
        return _normed(specific, factors, scales), np.flatnonzero(at < 0)

    def require(self, column: Column, word: str, parameter: str) -> None:
        """InvalidParameter when a label of the column has no row in the model."""
        strange = list(column.keys.index[self.keys.positions(column.keys) < 0])
        if strange:
            found = f"{strange[:10]} without a row in the model"
            raise InvalidParameter(
                word, parameter, found, "covered by the model", "Add them to the model, or drop them."
            )


def warn_uncovered(word: str, uncovered: int, n: int) -> None:
    """Log that some assets have no row in the model."""
    if uncovered:
        _LOG.warning("%s: %d of %d assets have no row in the model; each counts as riskless.", word, uncovered, n)


def _numbers(values: Any, word: str, parameter: str) -> Floats:
    try:
        numbers = np.array(values, dtype=np.float64)
    except (TypeError, ValueError):
        raise InvalidType(word, parameter, values, "an array of numbers") from None
    if not np.isfinite(numbers).all():
        hint = "Drop the assets without a full history first."
        raise InvalidParameter(word, parameter, "NaN or infinity", "finite everywhere", hint)
    return numbers


def _factors(loadings: Any, covariance: Any, n: int, word: str) -> tuple[Floats, Floats]:
    """(F L, ones) with D = L L', or (F, D) for a diagonal D; ([n, 0], [0]) without factors."""
    if loadings is None and covariance is None:
        return np.zeros((n, 0)), np.zeros(0)
    if loadings is None or covariance is None:
        raise InvalidParameter(word, "model", "one of F and D", "complete: both, or neither")
    f, d = _numbers(loadings, word, "model.F"), _numbers(covariance, word, "model.D")
    if f.ndim != 2 or len(f) != n:
        raise InvalidParameter(word, "model.F", f"shape {f.shape}", f"of shape ({n}, k)")
    k = f.shape[1]
    if d.shape not in ((k,), (k, k)):
        raise InvalidParameter(word, "model.D", f"shape {d.shape}", f"of shape ({k},) or ({k}, {k})")
    if d.ndim == 1 and (d >= 0).all():
        return f, d
    matrix = np.diag(d) if d.ndim == 1 else d
    _definite(matrix, Keys(pd.RangeIndex(k)), word, "model.D")
    return f @ _root(matrix), np.ones(k)


def _definite(matrix: Floats, keys: Keys, word: str, parameter: str = "model") -> Floats:
    """The matrix made exactly symmetric, if it is symmetric and positive semidefinite up to rounding."""
    size = float(np.abs(matrix).max(initial=0.0))
    uneven = np.abs(matrix - matrix.T)
    if uneven.max(initial=0.0) > 1e-8 * size:
        i, j = divmod(int(uneven.argmax()), len(matrix))
        found = f"{matrix[i, j]:g} and {matrix[j, i]:g} for {keys.index[i]!r} and {keys.index[j]!r}"
        raise InvalidParameter(word, parameter, found, "symmetric")
    matrix = 0.5 * (matrix + matrix.T)
    if size and not _cholesky_works(matrix + _ROUNDING * size * np.eye(len(matrix))):
        least = float(np.linalg.eigvalsh(matrix)[0])
        hint = "Shrink it toward its diagonal, or clip its negative eigenvalues."
        raise InvalidParameter(word, parameter, f"smallest eigenvalue {least:g}", "positive semidefinite", hint)
    return matrix


def _cholesky_works(matrix: Floats) -> bool:
    try:
        np.linalg.cholesky(matrix)
    except np.linalg.LinAlgError:
        return False
    return True


def _split(matrix: Floats) -> tuple[Floats, Floats]:
    """(s, R) with diag(s) + R R' = Σ and s the largest of a few fractions of the diagonal that leave the rest ≥ 0."""
    diagonal = np.diag(matrix)
    for fraction in _SPLITS:
        own = fraction * diagonal
        try:
            return own, np.asarray(np.linalg.cholesky(matrix - np.diag(own)), dtype=np.float64)
        except np.linalg.LinAlgError:
            continue
    return np.zeros(len(matrix)), _root(matrix)


def _root(matrix: Floats) -> Floats:
    """R with R R' = Σ for a positive semidefinite Σ."""
    values, vectors = np.linalg.eigh(matrix)
    return np.asarray(vectors * np.sqrt(np.maximum(values, 0.0)))


def _normed(specific: Floats, factors: Floats, scales: Floats) -> Root:
    """Columns of unit length, so that the scales carry the units; columns of zeros go."""
    size = np.sqrt((factors**2).sum(axis=0))
    keep = (size > 0) & (scales > 0)
    return Root(specific, factors[:, keep] / size[keep], scales[keep] * size[keep] ** 2)
