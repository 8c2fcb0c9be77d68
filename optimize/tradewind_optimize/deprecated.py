"""The names of 2017, kept working: each warns and behaves as the word that replaced it."""

from __future__ import annotations

import warnings
from typing import Any

from tradewind_optimize.constraints.exposure import FactorExposure, MaxGrossExposure
from tradewind_optimize.constraints.group import NetGroupExposure
from tradewind_optimize.objectives import TargetWeights


class _Renamed:
    """Warns with the new name, then builds as the class after it in the bases."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        cls = type(self)
        warnings.warn(f"{cls.__name__} is now {cls.__mro__[2].__name__}.", DeprecationWarning, stacklevel=2)
        super().__init__(*args, **kwargs)


class TargetPortfolioWeights(_Renamed, TargetWeights):
    """The former name of TargetWeights."""


class MaxGrossLeverage(_Renamed, MaxGrossExposure):
    """The former name of MaxGrossExposure."""


class NetPartitionExposure(_Renamed, NetGroupExposure):
    """The former name of NetGroupExposure."""


class WeightedExposure(_Renamed, FactorExposure):
    """The former name of FactorExposure."""
