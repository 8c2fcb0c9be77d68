"""Continuous futures in a run: which contract stands for one now, and histories that join several contracts.

Let c(s) be the contract of session s (rolls.py: known before s opens) and r a session in which it changes from a to b,
with closes A and B, the last ones of a and b before r. Seen from session t, a value x of session s is

    mul    x · Π B/A       add    x + Σ (B − A)       over the rolls r with s < r ≤ t; None: x

Volumes are never adjusted. "price" is each contract's own last known close. A roll of which A or B is not known joins
without adjustment. Sessions in which no contract is listed are NaN, volume 0.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd

from tradewind.bar_data import CURRENT_FIELDS, HISTORY_FIELDS, BarData
from tradewind.errors import BadParameter
from tradewind_data.assets import Asset, AssetFinder, Future
from tradewind_data.contracts import ADJUSTMENTS, ROLLS, Chain, ContinuousFuture, chain_of
from tradewind_data.rolls import calendar_rolls, contracts_at, volume_rolls
from tradewind_data.sessions import Int64Array, Sessions


class Contracts:
    """The contracts behind continuous futures, session by session; the rolls of a chain are found once a run.

    reader: the daily bars, by whose volumes chains roll and by whose closes contracts are joined.
    """

    def __init__(self, finder: AssetFinder, sessions: Sessions, reader: Any) -> None:
        self._finder, self._sessions, self._reader = finder, sessions, reader
        self._chains: dict[str, Chain] = {}
        self._rolls: dict[tuple[str, str], Int64Array] = {}

    def future_symbol(self, symbol: str) -> Future:
        """Return the futures contract that bears a symbol."""
        if not isinstance(symbol, str):
            raise BadParameter("future_symbol", symbol, "a string such as 'CLF21'; use sid(…) for a number")
        return self._finder.lookup_future_symbol(symbol)

    def continuous_future(
        self, root_symbol_str: str, offset: int = 0, roll: str = "volume", adjustment: str | None = "mul"
    ) -> ContinuousFuture:
        """Return the continuous future of a root symbol."""
        if not isinstance(root_symbol_str, str):
            raise BadParameter("root_symbol_str", root_symbol_str, "a string such as 'CL'")
        if not hasattr(offset, "__index__") or not 0 <= offset < 256:
            raise BadParameter("offset", offset, "a whole number from 0 on: 0 is the primary contract, 1 the next")
        if roll not in ROLLS:
            raise BadParameter("roll", roll, "'volume' or 'calendar'", ROLLS)
        if adjustment not in ADJUSTMENTS:
            raise BadParameter("adjustment", adjustment, "'mul', 'add' or None", ("mul", "add"))
        chain = self._chain(root_symbol_str)
        assets = [self._finder.asset_at(int(column)) for column in chain.columns]
        return ContinuousFuture(
            chain.root_symbol,
            int(offset),
            roll,
            adjustment,
            min(asset.start_date for asset in assets),
            max(asset.end_date for asset in assets),
            assets[0].exchange,
        )

    def _chain(self, root_symbol: str) -> Chain:
        if root_symbol not in self._chains:
            self._chains[root_symbol] = chain_of(self._finder, root_symbol)
        return self._chains[root_symbol]

    def _rolls_of(self, chain: Chain, style: str) -> Int64Array:
        """Return the sessions in which a chain rolls."""
        key = chain.root_symbol, style
        if key not in self._rolls:
            by_volume = style == "volume"
            self._rolls[key] = (
                volume_rolls(chain, self._reader.values("volume")) if by_volume else calendar_rolls(chain)
            )
        return self._rolls[key]

    def places(self, cf: ContinuousFuture, sessions: Int64Array) -> Int64Array:
        """Return int64[n]: the place in its chain of a continuous future's contract in each session, −1 for none."""
        chain = self._chain(cf.root_symbol)
        return contracts_at(chain, self._rolls_of(chain, cf.roll_style), sessions, cf.offset)

    def columns(self, cf: ContinuousFuture, sessions: Int64Array) -> Int64Array:
        """Return int64[n]: the column of a continuous future's contract in each session, −1 for none."""
        places = self.places(cf, sessions)
        return np.where(places < 0, -1, self._chain(cf.root_symbol).columns[np.maximum(places, 0)])

    def current(self, cf: ContinuousFuture, session: int) -> Asset | None:
        """Return the contract of a session."""
        column = int(self.columns(cf, np.array([session]))[0])
        return None if column < 0 else self._finder.asset_at(column)

    def chain(self, cf: ContinuousFuture, session: int) -> list[Asset]:
        """Return the contract of a session and the listed ones after it."""
        chain, place = self._chain(cf.root_symbol), int(self.places(cf, np.array([session]))[0])
        if place < 0:
            return []
        listed = np.arange(place, len(chain))[chain.start[place:] <= session]
        return [self._finder.asset_at(int(column)) for column in chain.columns[listed]]

    def joins(self, cf: ContinuousFuture, first: int, seen: int) -> list[tuple[int, float, float]]:
        """Return (session, A, B) of the rolls with first < session ≤ seen whose two closes are known, ascending."""
        columns = self.columns(cf, np.arange(first, seen + 1))
        found = []
        for i in (
            1 + np.flatnonzero((columns[1:] != columns[:-1]) & (columns[1:] >= 0) & (columns[:-1] >= 0))
        ).tolist():
            a, b = self._last_closes(columns[i - 1 : i + 1], first + i - 1)
            if a == a and b == b:
                found.append((first + i, a, b))
        return found

    def _last_closes(self, columns: Int64Array, session: int) -> tuple[float, float]:
        """Return the last closes of two contracts at or before a session, NaN for none."""
        last = self._reader.last_trade(session)[columns]
        closes = self._reader.values("close")[np.maximum(last, 0), columns]
        a, b = np.where(last < 0, np.nan, closes).tolist()
        return a, b


Name = Asset | ContinuousFuture


class ContractData(BarData):
    """BarData of a bundle with futures: every question may be asked of continuous futures, too."""

    def __init__(self, prices: Any, finder: AssetFinder, sessions: Sessions, contracts: Contracts) -> None:
        super().__init__(prices, finder, sessions)
        self._contracts = contracts
        self._daily = getattr(prices, "daily", prices)

    def current(self, assets: Name | Iterable[Name], fields: str | Iterable[str]) -> Any:
        """Return the current value of one or more fields; of a continuous future, those of its contract.

        "contract" is that contract itself, None where no contract is listed.
        """
        wanted, single = _listed(assets)
        if not _any_continuous(wanted) and not _asks_contract(fields):
            return super().current(assets, fields)  # type: ignore[arg-type]  # no continuous future is among them
        names = [fields] if isinstance(fields, str) else list(fields)
        columns = self._columns_now(wanted)
        by_field = {name: self._values_now(name, columns) for name in names}
        if single:
            values = [by_field[name][0] for name in names]
            return values[0] if isinstance(fields, str) else pd.Series(values, index=names, name=wanted[0])
        labels = pd.Index(wanted, dtype=object)
        if isinstance(fields, str):
            return pd.Series(by_field[fields], index=labels, name=fields)
        return pd.DataFrame(by_field, index=labels)

    def _columns_now(self, wanted: list[Name]) -> Int64Array:
        """Return int64[k]: the column of each asset, or of the contract that stands for it now; −1 for none."""
        today = np.array([self._seen])
        found = [
            self._contracts.columns(a, today)[0] if isinstance(a, ContinuousFuture) else self._finder.column(a)
            for a in wanted
        ]
        return np.array(found, dtype=np.int64)

    def _values_now(self, field: str, columns: Int64Array) -> list[Any]:
        """Return one field of several columns, what a bar without a trade shows for those of −1."""
        if field == "contract":
            return [None if column < 0 else self._finder.asset_at(column) for column in columns.tolist()]
        if field not in CURRENT_FIELDS:
            raise BadParameter("field", field, "one of contract, " + ", ".join(CURRENT_FIELDS), CURRENT_FIELDS)
        empty = {"volume": 0.0, "last_traded": pd.NaT}.get(field, np.nan)
        values = self._vector(field, np.maximum(columns, 0)).tolist()
        return [value if column >= 0 else empty for value, column in zip(values, columns.tolist(), strict=True)]

    def current_chain(self, continuous_future: ContinuousFuture) -> list[Asset]:
        """Return the contracts listed today, from the one that stands for the continuous future on."""
        if not isinstance(continuous_future, ContinuousFuture):
            raise BadParameter("current_chain", continuous_future, "made by continuous_future(…)")
        return self._contracts.chain(continuous_future, self._seen)

    def history(
        self, assets: Name | Iterable[Name], fields: str | Iterable[str], bar_count: int, frequency: str
    ) -> Any:
        """Return the last `bar_count` bars up to now; those of a continuous future are joined as the module says.

        Its field "sid" is the number of the contract that stood for it, 0 for none.
        """
        wanted, single = _listed(assets)
        if not _any_continuous(wanted):
            return super().history(assets, fields, bar_count, frequency)  # type: ignore[arg-type]  # as above
        if frequency not in self._prices.frequencies:
            allowed = " or ".join(map(repr, self._prices.frequencies))
            raise BadParameter("frequency", frequency, f"{allowed} in this run", self._prices.frequencies)
        names = [fields] if isinstance(fields, str) else list(fields)
        by_field = {name: self._joined_all(name, wanted, bar_count, frequency) for name in names}
        dates = self._dates(bar_count, frequency)
        if single:
            if isinstance(fields, str):
                return pd.Series(by_field[fields][:, 0], dates, name=wanted[0])
            return pd.DataFrame({name: values[:, 0] for name, values in by_field.items()}, index=dates)
        labels = pd.Index(wanted, dtype=object)
        if isinstance(fields, str):
            return pd.DataFrame(by_field[fields], index=dates, columns=labels)
        rows = pd.MultiIndex.from_product([dates, labels], names=["date", "asset"])
        return pd.DataFrame({name: values.ravel() for name, values in by_field.items()}, index=rows)

    def _joined_all(self, field: str, wanted: list[Name], bars: int, frequency: str) -> np.ndarray:
        """Return [bars, k]: one field of several assets and continuous futures."""
        if field not in (*HISTORY_FIELDS, "sid"):
            raise BadParameter("field", field, "one of sid, " + ", ".join(HISTORY_FIELDS), HISTORY_FIELDS)
        self._window("close", np.array([0]), bars, frequency)  # refuses a window that begins too early
        owners = self._sessions_of(self._dates(bars, frequency), frequency)
        return np.stack([self._joined(field, name, owners, frequency) for name in wanted], axis=1)

    def _sessions_of(self, dates: pd.DatetimeIndex, frequency: str) -> Int64Array:
        """Return the session of each row of a history."""
        stamps = self._sessions.labels if frequency == "1d" else self._sessions.closes
        return np.searchsorted(stamps, dates.as_unit("ns").asi8).astype(np.int64)

    def _joined(self, field: str, name: Name, owners: Int64Array, frequency: str) -> np.ndarray:
        """Return [bars]: one field of one asset or continuous future. owners: the session of each row."""
        bars = len(owners)
        if not isinstance(name, ContinuousFuture):
            column = np.array([self._finder.column(name)])
            return np.full(bars, name.sid) if field == "sid" else self._window(field, column, bars, frequency)[:, 0]
        columns = self._contracts.columns(name, owners)
        if field == "sid":
            return np.where(columns < 0, 0, self._finder.sids[np.maximum(columns, 0)])
        used = np.unique(columns[columns >= 0])
        if not len(used):
            return np.full(bars, 0.0 if field == "volume" else np.nan)
        block = self._window(field, used, bars, frequency)
        values = block[np.arange(bars), np.minimum(np.searchsorted(used, columns), len(used) - 1)]
        values = np.where(columns < 0, 0.0 if field == "volume" else np.nan, values)
        if field == "volume" or name.adjustment is None:
            return values
        return self._adjusted(values, name, owners, frequency, int(used[-1]))

    def _adjusted(
        self, values: np.ndarray, name: ContinuousFuture, owners: Int64Array, frequency: str, column: int
    ) -> np.ndarray:
        """Return prices as seen from now over the rolls since."""
        joins = self._contracts.joins(name, int(owners[0]), self._seen)
        for session, a, b in joins:
            before = owners < session
            values[before] = values[before] * (b / a) if name.adjustment == "mul" else values[before] + (b - a)
        if not joins or frequency != "1d":
            return values
        return np.asarray(self._daily.shown(values[:, None], np.array([column]))[:, 0])

    def can_trade(self, assets: Name | Iterable[Name]) -> Any:
        """Return whether an asset can be traded; of a continuous future, whether its contract can."""
        return self._of_contracts(super().can_trade, assets)

    def is_stale(self, assets: Name | Iterable[Name]) -> Any:
        """Return whether an asset traded before and not in this bar; of a continuous future, whether its contract."""
        return self._of_contracts(super().is_stale, assets)

    def _of_contracts(self, ask: Any, assets: Name | Iterable[Name]) -> Any:
        """Answer a yes-or-no question with the contracts in the place of continuous futures, no where there is none."""
        wanted, single = _listed(assets)
        if not _any_continuous(wanted):
            return ask(assets)
        columns = self._columns_now(wanted).tolist()
        answers = [column >= 0 and bool(ask(self._finder.asset_at(column))) for column in columns]
        return answers[0] if single else pd.Series(answers, index=pd.Index(wanted, dtype=object), dtype=bool)


def _listed(assets: Any) -> tuple[list[Any], bool]:
    """Return the assets as a list, and whether there was one alone."""
    single = isinstance(assets, Asset | ContinuousFuture)
    return [assets] if single else list(assets), single


def _any_continuous(assets: list[Any]) -> bool:
    return any(isinstance(asset, ContinuousFuture) for asset in assets)


def _asks_contract(fields: Any) -> bool:
    return fields == "contract" or (not isinstance(fields, str) and "contract" in fields)


def bar_data_of(prices: Any, finder: AssetFinder, sessions: Sessions, contracts: Contracts) -> BarData:
    """Return what `data` answers: with continuous futures where the bundle has contracts."""
    if finder.cash_settled.any():
        return ContractData(prices, finder, sessions, contracts)
    return BarData(prices, finder, sessions)
