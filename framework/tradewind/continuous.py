"""Continuous futures in a run: which contract stands for one now, and histories that join several contracts.

Let c(s) be the contract of session s (rolls.py: known before s opens) and r a session in which it changes from a to b,
with closes A and B, the last ones of a and b before r. Seen from session t, a value x of session s is

    mul    x · Π B/A       add    x + Σ (B − A)       over the rolls r with s < r ≤ t; None: x

Volumes are never adjusted. "price" is each contract's own last known close. A roll of which A or B is not known joins
without adjustment. Sessions in which no contract is listed are NaN, volume 0.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from tradewind.bar_data import CURRENT_FIELDS, HISTORY_FIELDS, BarData, names_of
from tradewind.errors import BadParameter
from tradewind_data.adjustments import FloatArray
from tradewind_data.assets import Asset, AssetFinder, Future
from tradewind_data.contracts import ADJUSTMENTS, ROLLS, Chain, ContinuousFuture, chain_of
from tradewind_data.rolls import calendar_rolls, contracts_at, volume_rolls
from tradewind_data.sessions import Int64Array, Sessions


class _Line(NamedTuple):
    """A place of a chain in every session of the calendar, and the rolls of it whose closes are known."""

    places: Int64Array  # int64[S] place in the chain, −1 for none
    columns: Int64Array  # int64[S] column, −1 for none
    session: Int64Array  # int64[r] sessions of the rolls, ascending
    a: FloatArray  # float64[r] last close before of the contract that is left
    b: FloatArray  # float64[r] and of the one that follows


class Contracts:
    """The contracts behind continuous futures, session by session; the rolls of a chain are found once a run.

    reader: the daily bars, by whose volumes chains roll and by whose closes contracts are joined.
    """

    def __init__(self, finder: AssetFinder, sessions: Sessions, reader: Any) -> None:
        self._finder, self._sessions, self._reader = finder, sessions, reader
        self._chains: dict[str, Chain] = {}
        self._rolls: dict[tuple[str, str], Int64Array] = {}
        self._lines: dict[tuple[str, str, int], _Line] = {}

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

    def _line(self, cf: ContinuousFuture) -> _Line:
        """Return what a continuous future stands for in every session, found when it is first asked."""
        key = cf.root_symbol, cf.roll_style, cf.offset
        if key not in self._lines:
            chain = self._chain(cf.root_symbol)
            rolls = self._rolls_of(chain, cf.roll_style)
            places = contracts_at(chain, rolls, np.arange(len(self._sessions)), cf.offset)
            columns = np.where(places < 0, -1, chain.columns[np.maximum(places, 0)])
            self._lines[key] = _Line(places, columns, *self._joins(columns))
        return self._lines[key]

    def _joins(self, columns: Int64Array) -> tuple[Int64Array, FloatArray, FloatArray]:
        """Return (sessions, A, B) of the rolls whose two closes are known."""
        known = columns[: len(self._reader.values("close"))]
        rolls = 1 + np.flatnonzero((known[1:] != known[:-1]) & (known[1:] >= 0) & (known[:-1] >= 0))
        closes = np.array([self._last_closes(known[r - 1 : r + 1], r - 1) for r in rolls.tolist()]).reshape(-1, 2)
        both = ~np.isnan(closes).any(axis=1)
        return rolls[both], closes[both, 0], closes[both, 1]

    def columns(self, cf: ContinuousFuture, sessions: Int64Array) -> Int64Array:
        """Return int64[n]: the column of a continuous future's contract in each session, −1 for none."""
        return self._line(cf).columns[sessions]

    def current(self, cf: ContinuousFuture, session: int) -> Asset | None:
        """Return the contract of a session, None when there is none, as after the last day of the last one."""
        column = int(self._line(cf).columns[session])
        over = session > self._finder.end[self._chain(cf.root_symbol).columns].max()
        return None if column < 0 or over else self._finder.asset_at(column)

    def chain(self, cf: ContinuousFuture, session: int) -> list[Asset]:
        """Return the contract of a session and the listed ones after it."""
        chain, place = self._chain(cf.root_symbol), int(self._line(cf).places[session])
        if place < 0:
            return []
        listed = np.arange(place, len(chain))[chain.start[place:] <= session]
        return [self._finder.asset_at(int(column)) for column in chain.columns[listed]]

    def joins(self, cf: ContinuousFuture, first: int, seen: int) -> list[tuple[int, float, float]]:
        """Return (session, A, B) of the rolls with first < session ≤ seen whose two closes are known, ascending."""
        line = self._line(cf)
        span = slice(*np.searchsorted(line.session, (first, seen), side="right"))
        return list(zip(line.session[span].tolist(), line.a[span].tolist(), line.b[span].tolist(), strict=True))

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
        names = [fields] if isinstance(fields, str) else names_of(fields)
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
        found = [self._column_now(name) for name in wanted]
        return np.array(found, dtype=np.int64)

    def _column_now(self, name: Name) -> int:
        """Return the column of one asset, or of the contract that stands for it now."""
        if isinstance(name, ContinuousFuture):
            contract = self._contracts.current(name, self._seen)
            return -1 if contract is None else contract.column
        return self._finder.column(name)

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
        self._check_frequency(frequency)
        names = [fields] if isinstance(fields, str) else names_of(fields)
        self._window("close", np.array([0]), bar_count, frequency)  # refuses a window that begins too early
        dates = self._dates(bar_count, frequency)
        owners = self._sessions_of(dates, frequency)
        columns = np.stack([self._columns_of(name, owners) for name in wanted], axis=1)
        by_field = {name: self._joined(name, wanted, columns, owners, frequency) for name in names}
        if single:
            if isinstance(fields, str):
                return pd.Series(by_field[fields][:, 0], dates, name=wanted[0])
            return pd.DataFrame({name: values[:, 0] for name, values in by_field.items()}, index=dates)
        labels = pd.Index(wanted, dtype=object)
        if isinstance(fields, str):
            return pd.DataFrame(by_field[fields], index=dates, columns=labels)
        rows = pd.MultiIndex.from_product([dates, labels], names=["date", "asset"])
        return pd.DataFrame({name: values.ravel() for name, values in by_field.items()}, index=rows)

    def window(self, assets: Name | Iterable[Name], field: str, bar_count: int, frequency: str) -> np.ndarray:
        """Return history() of one field as an array, float64[bar_count, n], of one asset float64[bar_count]."""
        wanted, _ = _listed(assets)
        if not _any_continuous(wanted):
            return super().window(assets, field, bar_count, frequency)  # type: ignore[arg-type]  # as above
        return np.asarray(self.history(assets, field, bar_count, frequency).to_numpy())

    def _sessions_of(self, dates: pd.DatetimeIndex, frequency: str) -> Int64Array:
        """Return the session of each row of a history."""
        stamps = self._sessions.labels if frequency == "1d" else self._sessions.closes
        return np.searchsorted(stamps, dates.as_unit("ns").asi8).astype(np.int64)

    def _columns_of(self, name: Name, owners: Int64Array) -> Int64Array:
        """Return int64[bars]: the column that stands for an asset or a continuous future in each row, −1 for none."""
        if isinstance(name, ContinuousFuture):
            return self._contracts.columns(name, owners)
        return np.full(len(owners), self._finder.column(name))

    def _joined(
        self, field: str, wanted: list[Name], columns: Int64Array, owners: Int64Array, frequency: str
    ) -> np.ndarray:
        """Return [bars, k]: one field. columns: int64[bars, k]; owners: the session of each row."""
        if field not in (*HISTORY_FIELDS, "sid"):
            raise BadParameter("field", field, "one of sid, " + ", ".join(HISTORY_FIELDS), HISTORY_FIELDS)
        if field == "sid":
            return np.where(columns < 0, 0, self._finder.sids[np.maximum(columns, 0)])
        empty = 0.0 if field == "volume" else np.nan
        used = np.unique(columns[columns >= 0])
        if not len(used):
            return np.full(columns.shape, empty)
        block = self._window(field, used, len(owners), frequency)
        picked = block[np.arange(len(owners))[:, None], np.searchsorted(used, columns)]
        values = np.where(columns < 0, empty, picked)
        for i, name in enumerate(wanted):
            listed = int(columns[:, i].max())
            if isinstance(name, ContinuousFuture) and name.adjustment and listed >= 0 and field != "volume":
                self._adjust(values[:, i], name, owners, listed)
        return values

    def _adjust(self, values: np.ndarray, name: ContinuousFuture, owners: Int64Array, column: int) -> None:
        """Turn prices into prices as seen from now, over the rolls since."""
        joins = self._contracts.joins(name, int(owners[0]), self._seen)
        for session, a, b in joins:
            before = values[: np.searchsorted(owners, session)]
            before[:] = before * (b / a) if name.adjustment == "mul" else before + (b - a)
        if joins:
            values[:] = self._daily.shown(values[:, None], np.array([column]))[:, 0]

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
    if not single and not isinstance(assets, Iterable):
        raise BadParameter("assets", assets, "an Asset or several, from symbol('…'), future_symbol('…') or sid(…)")
    return [assets] if single else list(assets), single


def _any_continuous(assets: list[Any]) -> bool:
    return any(isinstance(asset, ContinuousFuture) for asset in assets)


def _asks_contract(fields: Any) -> bool:
    return fields == "contract" or (isinstance(fields, Iterable) and "contract" in [*fields])


def bar_data_of(prices: Any, finder: AssetFinder, sessions: Sessions, contracts: Contracts) -> BarData:
    """Return what `data` answers: with continuous futures where the bundle has contracts."""
    if finder.cash_settled.any():
        return ContractData(prices, finder, sessions, contracts)
    return BarData(prices, finder, sessions)
