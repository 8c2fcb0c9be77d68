"""Words that the published API keeps in its experimental namespace."""

from __future__ import annotations

import logging
from collections.abc import Callable
from difflib import get_close_matches
from functools import cache
from inspect import Parameter, Signature
from typing import Any, ClassVar, Final

import pandas as pd

from tradewind_optimize.constraints.exposure import FactorExposure
from tradewind_optimize.errors import InvalidParameter, InvalidType
from tradewind_optimize.parameters import NotConstrained, number
from tradewind_optimize.wording import plain

_LOG = logging.getLogger(__name__)

SECTORS: Final = (
    "basic_materials",
    "consumer_cyclical",
    "financial_services",
    "real_estate",
    "consumer_defensive",
    "health_care",
    "utilities",
    "communication_services",
    "energy",
    "industrials",
    "technology",
)
STYLES: Final = ("momentum", "size", "value", "short_term_reversal", "volatility")
FACTORS: Final = SECTORS + STYLES
_BOUNDS: Final = tuple(f"{side}_{factor}" for factor in FACTORS for side in ("min", "max"))


class _Newest:
    """The newest version of a set of defaults."""

    def __repr__(self) -> str:
        return "Newest"

    def __reduce__(self) -> str:
        return "Newest"


Newest: Final = _Newest()
"""Ask for the newest version of the default bounds, whatever it is by then."""

_VERSIONS: Final = ({**dict.fromkeys(SECTORS, 0.18), **dict.fromkeys(STYLES, 0.36)},)


class RiskModelExposure(FactorExposure):
    """min_f ≤ Σᵢ wᵢ L_if ≤ max_f for the 11 sector and 5 style factors of the risk model.

    Parameters: ``risk_model_loadings``, a DataFrame (assets × at least the 16 factor columns; further columns are
    ignored, missing assets and NaN count as loading 0). ``version``: 0 for bounds of ±0.18 on sectors and ±0.36 on
    styles, ``Newest`` for the latest set; None logs a warning once and takes Newest. ``min_<factor>`` and
    ``max_<factor>`` override single bounds: None keeps the default, 0 is a bound of 0, NotConstrained lifts it.
    Raises InvalidParameter for an unknown version, an unknown bound, a missing column, crossing bounds.
    """

    __signature__: ClassVar[Signature] = Signature(
        [
            Parameter("risk_model_loadings", Parameter.POSITIONAL_OR_KEYWORD),
            Parameter("version", Parameter.POSITIONAL_OR_KEYWORD, default=None),
            *(Parameter(name, Parameter.POSITIONAL_OR_KEYWORD, default=None) for name in _BOUNDS),
        ]
    )

    def __init__(self, risk_model_loadings: pd.DataFrame, version: Any = None, *bounds: Any, **limits: Any) -> None:
        word = type(self).__name__
        limits = _by_name(word, bounds, limits)
        sizes = _defaults(version, word)
        low = {factor: -size for factor, size in sizes.items()}
        high = dict(sizes)
        for name, value in limits.items():
            side, factor = _parse(name, word)
            if value is not None:
                wanted: Any = value if value is NotConstrained else number(word, name, value, infinite=True)
                (low if side == "min" else high)[factor] = wanted
        super().__init__(_sixteen(risk_model_loadings, word), low, high)
        self._given = {"version": Newest if version is None else version}
        self._given |= {name: value for name, value in limits.items() if value is not None}

    def shown(self) -> tuple[str, ...]:
        """The version and the bounds of one's own, three at most."""
        texts = [f"{name}={value if name == 'version' else _bound(value)}" for name, value in self._given.items()]
        return (*texts[:4], *([f"… {len(texts) - 4} more"] if len(texts) > 4 else []))


def _by_name(word: str, bounds: tuple[Any, ...], limits: dict[str, Any]) -> dict[str, Any]:
    """All bounds by name; those without one are in the order of the signature."""
    placed = dict(zip(_BOUNDS, bounds, strict=False))
    twice = [name for name in placed if name in limits]
    if twice or len(bounds) > len(_BOUNDS):
        found = f"{twice[0]} twice" if twice else f"{len(bounds)} by position"
        raise InvalidParameter(word, "bounds", found, f"given once each, {len(_BOUNDS)} at most")
    return placed | limits


def _bound(value: Any) -> str:
    return repr(value) if value is NotConstrained else plain(float(value))


def _parse(name: str, word: str) -> tuple[str, str]:
    side, _, factor = name.partition("_")
    if name not in _BOUNDS:
        near = get_close_matches(name, _BOUNDS, n=1)
        hint = f"Did you mean {near[0]!r}?" if near else ""
        raise InvalidParameter(word, "a bound", repr(name), "min_ or max_ and the name of a risk factor", hint)
    return side, factor


def _defaults(version: Any, word: str) -> dict[str, float]:
    if version is None:
        _warn_once(_LOG.warning)
    if version is None or version is Newest:
        return _VERSIONS[-1]
    if isinstance(version, bool) or version not in range(len(_VERSIONS)):
        expected = f"Newest or an integer from 0 to {len(_VERSIONS) - 1}"
        raise InvalidParameter(word, "version", repr(version), expected)
    return _VERSIONS[int(version)]


@cache
def _warn_once(warn: Callable[..., None]) -> None:
    warn("RiskModelExposure: no version given, taking opt.Newest; pass version=0 to keep today's default bounds.")


def _sixteen(loadings: Any, word: str) -> pd.DataFrame:
    if not isinstance(loadings, pd.DataFrame):
        raise InvalidType(word, "risk_model_loadings", loadings, "a DataFrame (assets x risk factors)")
    missing = [factor for factor in FACTORS if factor not in loadings.columns]
    if missing:
        raise InvalidParameter(word, "risk_model_loadings", f"no column for {missing}", "a frame with all 16 factors")
    return loadings if tuple(loadings.columns) == FACTORS else loadings[list(FACTORS)]
