"""Asset restrictions: which assets may not be traded, and when.

    set_asset_restrictions(StaticRestrictions([sid(24), sid(26)]))
    set_asset_restrictions(HistoricalRestrictions([
        Restriction(sid(24), pd.Timestamp("2011-03-01"), RESTRICTION_STATES.FROZEN),
        Restriction(sid(24), pd.Timestamp("2011-04-01"), RESTRICTION_STATES.ALLOWED),
    ]))

A restriction of your own is one small class with one method: `is_restricted(assets, dt)` answers a bool for an Asset, a
bool Series (index: the assets) for several; dt is the simulated time, UTC.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping
from enum import IntEnum
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from tradewind.errors import BadParameter
from tradewind.times import moment
from tradewind_data.assets import Asset


class RESTRICTION_STATES(IntEnum):  # noqa: N801 - the published name
    """What may be done with an asset: ALLOWED, everything; FROZEN, nothing."""

    ALLOWED = 0
    FROZEN = 1


class Restriction(NamedTuple):
    """From effective_date on (midnight UTC for a plain date) the asset is in `state`, until its next Restriction."""

    asset: Asset
    effective_date: Any
    state: RESTRICTION_STATES


class Restrictions:
    """Base of all restrictions: override is_restricted."""

    def is_restricted(self, assets: Asset | Iterable[Asset], dt: Any) -> Any:
        """Return whether assets may not be traded at dt: a bool for an Asset, a bool Series for several."""
        raise NotImplementedError(f"{type(self).__name__} must define is_restricted(assets, dt).")

    def __or__(self, other: Restrictions) -> Restrictions:
        """Return what restricts an asset when either of the two does."""
        return AnyOf((self, other))


class _Each(Restrictions):
    """Restrictions that decide asset by asset."""

    def is_restricted(self, assets: Asset | Iterable[Asset], dt: Any) -> Any:
        """Return whether assets may not be traded at dt: a bool for an Asset, a bool Series for several."""
        now = moment("dt", dt)
        if isinstance(assets, Asset):
            return self._holds(assets, now)
        wanted = list(assets)
        return pd.Series([self._holds(asset, now) for asset in wanted], pd.Index(wanted, dtype=object), dtype=bool)

    def _holds(self, asset: Asset, now: int) -> bool:
        """Return whether one asset is restricted at a time in ns UTC."""
        raise NotImplementedError


class NoRestrictions(_Each):
    """Nothing is restricted."""

    def _holds(self, asset: Asset, now: int) -> bool:
        return False


class StaticRestrictions(_Each):
    """These assets are restricted all the time."""

    def __init__(self, restricted_list: Iterable[Asset]) -> None:
        self._restricted = frozenset(_assets("restricted_list", restricted_list))

    def _holds(self, asset: Asset, now: int) -> bool:
        return asset in self._restricted

    def __repr__(self) -> str:
        """Show the assets, in order."""
        return f"StaticRestrictions({sorted(self._restricted)})"


class HistoricalRestrictions(_Each):
    """The state of an asset is that of its last Restriction at or before the simulated time, ALLOWED before any."""

    def __init__(self, restrictions: Iterable[Restriction]) -> None:
        changes: dict[Asset, list[tuple[int, RESTRICTION_STATES]]] = {}
        for change in [restrictions] if isinstance(restrictions, Restriction) else restrictions:
            asset, date, state = change
            since = moment("Restriction.effective_date", date)
            for known in _assets("Restriction.asset", [asset]):
                changes.setdefault(known, []).append((since, _state(state)))
        self._changes = {asset: sorted(found, key=lambda c: c[0]) for asset, found in changes.items()}

    def _holds(self, asset: Asset, now: int) -> bool:
        found = self._changes.get(asset, [])
        place = bisect_right(found, now, key=lambda c: c[0])
        return place > 0 and found[place - 1][1] is RESTRICTION_STATES.FROZEN

    def __repr__(self) -> str:
        """Show how many assets ever change their state."""
        return f"HistoricalRestrictions({len(self._changes)} assets)"


class AnyOf(Restrictions):
    """Restricted is what any of several restrictions restricts."""

    def __init__(self, parts: Iterable[Restrictions]) -> None:
        self.parts = tuple(parts)

    def is_restricted(self, assets: Asset | Iterable[Asset], dt: Any) -> Any:
        """Return whether assets may not be traded at dt: a bool for an Asset, a bool Series for several."""
        if isinstance(assets, Asset):
            return any(part.is_restricted(assets, dt) for part in self.parts)
        wanted = list(assets)
        found = pd.Series(False, pd.Index(wanted, dtype=object), dtype=bool)
        for part in self.parts:
            found |= part.is_restricted(wanted, dt)
        return found

    def __repr__(self) -> str:
        """Show the parts."""
        return " | ".join(map(repr, self.parts))


class SecurityList:
    """A list of assets that changes with time, such as the leveraged funds of a market.

    changes: date → {"add": assets, "delete": assets}, both optional. `asset in security_list` and iterating ask for the
    simulated time (`now`, ns UTC); current_securities(dt) for any other.
    """

    def __init__(self, changes: Mapping[Any, Mapping[str, Iterable[Asset]]], now: Callable[[], int]) -> None:
        self._now = now
        dated = sorted(((moment("changes", date), change) for date, change in changes.items()), key=lambda c: c[0])
        self._dates = [date for date, _ in dated]
        self._states: list[frozenset[Asset]] = [frozenset()]
        for _, change in dated:
            after = (self._states[-1] | set(change.get("add", ()))) - set(change.get("delete", ()))
            self._states.append(after)

    def current_securities(self, dt: Any) -> frozenset[Asset]:
        """Return the assets on the list at dt."""
        return self._states[bisect_right(self._dates, moment("dt", dt))]

    def _current(self) -> frozenset[Asset]:
        return self._states[bisect_right(self._dates, self._now())]

    def __contains__(self, asset: object) -> bool:
        """Return whether the asset is on the list now."""
        return asset in self._current()

    def __iter__(self) -> Iterator[Asset]:
        """Return the assets on the list now, by sid."""
        return iter(sorted(self._current()))

    def __len__(self) -> int:
        """Return how many assets are on the list now."""
        return len(self._current())


class SecurityListRestrictions(_Each):
    """Restricted is what is on a SecurityList at the simulated time.

    Instead of one, anything will do whose current_securities(dt) answers assets (dt: the time, UTC).
    """

    def __init__(self, security_list_by_dt: Any) -> None:
        if not hasattr(security_list_by_dt, "current_securities"):
            allowed = "a SecurityList, or what has current_securities(dt)"
            raise BadParameter("security_list_by_dt", security_list_by_dt, allowed)
        self._list = security_list_by_dt

    def _holds(self, asset: Asset, now: int) -> bool:
        return asset in self._list.current_securities(pd.Timestamp(now, tz="UTC"))


def restrictions_of(value: Any) -> Restrictions:
    """Return restrictions as they are, those of a SecurityList, or static ones for any other collection of assets."""
    if isinstance(value, Restrictions):
        return value
    if isinstance(value, SecurityList):
        return SecurityListRestrictions(value)
    return StaticRestrictions(_assets("restrictions", value, "Restrictions, a SecurityList or a collection of assets"))


def _assets(name: str, value: Any, allowed: str = "an Asset, from symbol('…') or sid(…), or several") -> list[Asset]:
    """Return one asset or several as a list; refuse anything else (a sid stands for its asset, to which it is equal).

    What is no asset is equal to none: it would restrict nothing, and nobody would know.
    """
    assets: list[Any] = [value] if isinstance(value, Asset | str) or not isinstance(value, Iterable) else list(value)
    for asset in assets:
        if not isinstance(asset, Asset | int | np.integer):
            raise BadParameter(name, asset, allowed)
    return assets


def _state(state: Any) -> RESTRICTION_STATES:
    """Return a state, or the one of a number."""
    try:
        return RESTRICTION_STATES(state)
    except ValueError:
        raise BadParameter("Restriction.state", state, "RESTRICTION_STATES.ALLOWED or FROZEN") from None
