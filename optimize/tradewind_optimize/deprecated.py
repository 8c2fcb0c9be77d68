"""The names of 2017, kept working: each warns and behaves as the word that replaced it."""

from __future__ import annotations

import sys
import warnings
from typing import Any

from tradewind_optimize.constraints.exposure import FactorExposure, MaxGrossExposure
from tradewind_optimize.constraints.group import NetGroupExposure
from tradewind_optimize.objectives import TargetWeights


class _Renamed:
    """Warns with the new name, then builds as the class after it in the bases."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        cls = type(self)
        warnings.warn(f"{cls.__name__} is now {cls.__mro__[2].__name__}.", DeprecationWarning, stacklevel=_levels_up())
        super().__init__(*args, **kwargs)


def _levels_up() -> int:
    """How many frames above the caller the user's code stands: a warning that points into a package is not shown."""
    level, frame = 1, sys._getframe(1)
    while frame.f_back is not None and frame.f_globals["__name__"].startswith(__name__.partition(".")[0]):
        level, frame = level + 1, frame.f_back
    return level


class TargetPortfolioWeights(_Renamed, TargetWeights):
    """The former name of TargetWeights."""


class MaxGrossLeverage(_Renamed, MaxGrossExposure):
    """The former name of MaxGrossExposure."""


class NetPartitionExposure(_Renamed, NetGroupExposure):
    """The former name of NetGroupExposure."""


class WeightedExposure(_Renamed, FactorExposure):
    """The former name of FactorExposure."""
