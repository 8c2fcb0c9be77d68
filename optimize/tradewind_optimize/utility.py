"""Objectives that know risk."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from tradewind_optimize.labels import Column, Floats, Ints, Keys, Universe, column
from tradewind_optimize.objectives import Objective, Terms
from tradewind_optimize.parameters import number
from tradewind_optimize.risk import Covariance, Root, warn_uncovered


class MinimizeRisk(Objective):
    """minimise w'Σw, the variance of the portfolio.

    Parameters: ``model``, a covariance DataFrame (assets × assets) or a :class:`~tradewind_optimize.risk.RiskModel`,
    whose factor structure is kept; ``labels``, the assets in the order of the model's arrays, for models that do not
    say. The variables are the assets of the model. Held assets without a row leave (weight exactly 0 unless a
    constraint forbids it). Without a constraint that asks for a position, such as NetExposure(1, 1), the answer is the
    empty portfolio. Raises InvalidParameter for NaN and for covariances that are not positive semidefinite.
    """

    def __init__(self, model: Any, labels: Iterable[Any] | None = None) -> None:
        self._covariance = Covariance.of(model, type(self).__name__, labels)

    def labels(self) -> Keys:
        """The assets of the model."""
        return self._covariance.keys

    def terms(self, universe: Universe, held: Ints) -> Terms:
        """h = 2s and the factors, doubled; the exits are held assets without a row in the model."""
        root, uncovered = self._covariance.root(universe)
        warn_uncovered(type(self).__name__, len(np.setdiff1d(uncovered, held)), universe.n)
        return _quadratic(root, 2.0, np.zeros(0), np.intersect1d(uncovered, held), maximize=False)


class MaximizeUtility(Objective):
    """maximise Σ αᵢwᵢ − ½ λ w'Σw.

    Parameters: ``alphas``, Series or dict from asset to expected return over the period of the model; ``model`` and
    ``labels`` as for :class:`MinimizeRisk`; ``risk_aversion`` λ ≥ 0. The variables are the assets with an alpha, each
    of which needs a row in the model. Held assets without an alpha leave. With λ > 0 and a covariance of full rank the
    optimum exists without any constraint: w = Σ⁻¹α / λ. Raises InvalidParameter for NaN, infinite or duplicate alphas,
    for alphas the model does not cover, and for covariances as MinimizeRisk does.
    """

    def __init__(
        self, alphas: Any, model: Any, risk_aversion: float = 1.0, labels: Iterable[Any] | None = None
    ) -> None:
        word = type(self).__name__
        self._alphas: Column = column(alphas, word, "alphas", "Drop those assets before the call.")
        self._covariance = Covariance.of(model, word, labels)
        self._covariance.require(self._alphas, word, "alphas")
        self.risk_aversion = number(word, "risk_aversion", risk_aversion, least=0.0)

    def labels(self) -> Keys:
        """The assets with an alpha."""
        return self._alphas.keys

    def terms(self, universe: Universe, held: Ints) -> Terms:
        """c = −α, h = λs and the factors times λ; the exits are the held assets without an alpha."""
        exits = np.sort(held[held >= len(self._alphas)])
        linear = -universe.align(self._alphas)
        if not self.risk_aversion:
            return Terms(linear=linear, exits=exits, maximize=True)
        root, uncovered = self._covariance.root(universe)
        warn_uncovered(type(self).__name__, len(np.setdiff1d(uncovered, exits)), universe.n)
        return _quadratic(root, self.risk_aversion, linear, exits, maximize=True)


def _quadratic(root: Root, scale: float, linear: Floats, exits: Ints, maximize: bool) -> Terms:
    """linear'w + ½ scale w'Σw."""
    n, curved = len(root.specific), bool(root.specific.any())
    return Terms(
        linear=linear,
        curvature=scale * root.specific if curved else np.zeros(0),
        target=np.zeros(n if curved else 0),
        exits=exits,
        maximize=maximize,
        factors=root.factors,
        factor_scales=scale * root.scales,
        factor_center=np.zeros(n),
    )
