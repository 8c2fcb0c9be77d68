"""Assets and the finder that knows them: sids, columns, lifetimes, and who bore which symbol when.

An asset's *column* is the rank of its sid among the bundle's sids: the place of its numbers in every (session × asset)
array.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from operator import is_
from typing import Any, overload

import numpy as np
import pandas as pd
from pandas.api.typing import NaTType

from tradewind_data.errors import ForeignAsset, SidNotFound, SymbolNotFound
from tradewind_data.sessions import Int64Array, Sessions, date_text
from tradewind_data.tables import NAT, Table


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Asset:
    """One tradable thing: a number (sid) and facts that do not change during a run.

    Ordered, hashed and compared by sid, also against plain ints; usable as an index (``int(asset)``, ``a[asset]``).
    start_date, end_date, auto_close_date: naive Timestamp[ns]; alive on start_date … end_date inclusive, positions are
    closed at the end of the first session on or after auto_close_date. column: rank of the sid in its bundle.
    price_multiplier: currency a point. tick_size: currency.
    """

    sid: int
    symbol: str
    asset_name: str
    exchange: str
    start_date: pd.Timestamp
    end_date: pd.Timestamp
    auto_close_date: pd.Timestamp
    column: int
    price_multiplier: float = 1.0
    tick_size: float = 0.01

    @property
    def security_start_date(self) -> pd.Timestamp:
        """start_date as the original platform named it, aware (UTC)."""
        return self.start_date.tz_localize("UTC")

    @property
    def security_end_date(self) -> pd.Timestamp:
        """end_date as the original platform named it, aware (UTC)."""
        return self.end_date.tz_localize("UTC")

    @property
    def security_name(self) -> str:
        """asset_name as the original platform named it."""
        return self.asset_name

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.sid} [{self.symbol}])"

    def __index__(self) -> int:
        return self.sid

    def __int__(self) -> int:
        return self.sid

    def __hash__(self) -> int:
        return hash(self.sid)

    def __eq__(self, other: object) -> bool:
        key = _sid_of(other)
        return NotImplemented if key is None else self.sid == key

    def __lt__(self, other: object) -> bool:
        key = _sid_of(other)
        return NotImplemented if key is None else self.sid < key

    def __le__(self, other: object) -> bool:
        key = _sid_of(other)
        return NotImplemented if key is None else self.sid <= key

    def __gt__(self, other: object) -> bool:
        key = _sid_of(other)
        return NotImplemented if key is None else self.sid > key

    def __ge__(self, other: object) -> bool:
        key = _sid_of(other)
        return NotImplemented if key is None else self.sid >= key


class Equity(Asset):
    """A share of a company or a fund."""

    __slots__ = ()


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Future(Asset):
    """A futures contract; its value is points × price_multiplier, settled in cash.

    root_symbol: what its contracts share (``CL``). notice_date, expiration_date: naive Timestamp[ns], NaT unknown.
    """

    root_symbol: str = ""
    notice_date: pd.Timestamp | NaTType = pd.NaT
    expiration_date: pd.Timestamp | NaTType = pd.NaT


def _sid_of(other: object) -> int | None:
    if isinstance(other, Asset):
        return other.sid
    return int(other) if isinstance(other, int | np.integer) else None


class AssetFinder(Sequence[Asset]):
    """The assets of one bundle, found by sid, by column, or by the symbol borne at a date.

    table, symbols, futures: the tables ``assets`` (ascending by sid), ``symbols`` and ``futures`` of schema.py. As a
    sequence it yields the assets by column. Arrays (int64[N], read-only): sids; start, end, auto_close, orderable_to:
    ordinals of the first session alive, the last session alive, the first whose label ≥ auto_close_date (S = never),
    and the last whose label is later than neither end_date nor auto_close_date. multiplier: float64[N], currency a
    point. cash_settled: bool[N], true for futures.
    """

    def __init__(
        self, table: Table, symbols: Table, sessions: Sessions, bundle: str, futures: Table | None = None
    ) -> None:
        self.bundle, self._futures = bundle, futures
        self._table, self._symbols = table, symbols
        self.sids: Int64Array = table["sid"]
        self.start: Int64Array = np.searchsorted(sessions.labels, table["start_date"]).astype(np.int64)
        self.end: Int64Array = np.searchsorted(sessions.labels, table["end_date"], side="right").astype(np.int64) - 1
        closing = table["auto_close_date"]
        self.auto_close: Int64Array = np.searchsorted(sessions.labels, closing).astype(np.int64)
        closed: Int64Array = np.searchsorted(sessions.labels, closing, side="right").astype(np.int64) - 1
        self.orderable_to: Int64Array = np.minimum(self.end, closed)
        self.multiplier = table["price_multiplier"].astype(np.float64)
        self.cash_settled = np.asarray(table["asset_type"] == "future", dtype=bool)
        own = (self.start, self.end, self.auto_close, self.orderable_to, self.multiplier, self.cash_settled)
        for array in (self.sids, *own):
            array.setflags(write=False)
        self._made: dict[int, Asset] = {}

    def __len__(self) -> int:
        return len(self.sids)

    @overload
    def __getitem__(self, index: int) -> Asset: ...
    @overload
    def __getitem__(self, index: slice) -> list[Asset]: ...
    def __getitem__(self, index: int | slice) -> Asset | list[Asset]:
        if isinstance(index, slice):
            return [self.asset_at(i) for i in range(*index.indices(len(self)))]
        return self.asset_at(index)

    def __iter__(self) -> Iterator[Asset]:
        return (self.asset_at(i) for i in range(len(self)))

    @cached_property
    def assets(self) -> tuple[Asset, ...]:
        """Every asset, by column."""
        return tuple(self)

    def asset_at(self, column: int) -> Asset:
        """The asset of a column; the same object each time. IndexError outside [0, N)."""
        found = self._made.get(column)
        if found is None:
            if not 0 <= column < len(self):
                raise IndexError(f"column {column} is outside [0, {len(self)}) of bundle {self.bundle!r}")
            found = self._made[column] = self._make(int(column))
        return found

    def retrieve(self, sid: int) -> Asset:
        """The asset with that sid. SidNotFound otherwise."""
        column = int(np.searchsorted(self.sids, sid))
        if column == len(self) or self.sids[column] != sid:
            raise SidNotFound(int(sid), self.bundle, (int(s) for s in self.sids))
        return self.asset_at(column)

    def column(self, asset: Asset) -> int:
        """The asset's column. ForeignAsset when it is not an asset of this bundle (another sid, symbol or column)."""
        column = getattr(asset, "column", None)
        if column is None or not 0 <= column < len(self):
            raise ForeignAsset(asset, self.bundle)
        own = self.asset_at(column)
        if own is not asset and (own.sid != asset.sid or own.symbol != asset.symbol):
            raise ForeignAsset(asset, self.bundle)
        return int(column)

    def columns(self, assets: Sequence[Asset]) -> Int64Array:
        """The columns of several assets, int64[k], each checked as column() does."""
        own = self.assets
        try:
            found = [asset.column for asset in assets]
            known = all(map(is_, map(own.__getitem__, found), assets))
        except (AttributeError, TypeError, IndexError):
            known = False
        if not known:
            found = [self.column(asset) for asset in assets]
        return np.array(found, dtype=np.int64)

    def lookup_symbol(self, symbol: str, as_of_ns: int | None = None) -> Asset:
        """The asset that bore the symbol at a date: the owner with the latest start ≤ as_of.

        So a gap belongs to the owner before it. Without as_of_ns: the last owner. The symbol is taken as written, else
        in capitals. SymbolNotFound names near symbols, or the first date on which the symbol was borne when as_of is
        earlier.
        """
        owners = self._owners.get(symbol) or self._owners.get(symbol.upper())
        if not owners:
            raise SymbolNotFound(symbol, self.bundle, self._owners, _date(as_of_ns))
        held = owners if as_of_ns is None else [o for o in owners if o[0] <= as_of_ns]
        if not held:
            detail = f" It is borne from {date_text(owners[0][0])} on."
            raise SymbolNotFound(symbol, self.bundle, self._owners, _date(as_of_ns), detail)
        return self.retrieve(held[-1][1])

    def lookup_future_symbol(self, symbol: str) -> Future:
        """The contract that bears the symbol (``CLF21``); taken as written, else in capitals. SymbolNotFound."""
        owners = self._owners.get(symbol) or self._owners.get(symbol.upper())
        found = self.retrieve(owners[-1][1]) if owners else None
        if not isinstance(found, Future):
            contracts = [self._table["symbol"][column] for column in np.flatnonzero(self.cash_settled)]
            detail = "" if found is None else f" It is a share: use symbol({symbol!r})."
            raise SymbolNotFound(symbol, self.bundle, contracts, None, detail)
        return found

    @cached_property
    def roots(self) -> dict[str, Int64Array]:
        """Root symbol → the columns of its contracts, ascending."""
        if self._futures is None:
            return {}
        columns = np.searchsorted(self.sids, self._futures["sid"])
        root = np.asarray(self._futures["root_symbol"])
        return {name: np.sort(columns[root == name]).astype(np.int64) for name in sorted(set(root.tolist()))}

    @cached_property
    def _owners(self) -> dict[str, list[tuple[int, int]]]:
        """symbol → [(start_ns, sid)], ascending."""
        owners: dict[str, list[tuple[int, int]]] = {}
        rows = zip(self._symbols["start_date"].tolist(), self._symbols["sid"].tolist(), strict=True)
        for symbol, (start, sid) in sorted(zip(self._symbols["symbol"], rows, strict=True)):
            owners.setdefault(symbol, []).append((start, sid))
        return owners

    def _make(self, column: int) -> Asset:
        row: dict[str, Any] = {name: values[column] for name, values in self._table.items()}
        future = row.pop("asset_type") == "future"
        for name in ("start_date", "end_date", "auto_close_date"):
            row[name] = pd.Timestamp(int(row[name]), unit="ns")
        row["sid"] = int(row["sid"])
        for name in ("price_multiplier", "tick_size"):
            row[name] = float(row[name])
        return Future(column=column, **row, **self._contract(row["sid"])) if future else Equity(column=column, **row)

    def _contract(self, sid: int) -> dict[str, Any]:
        """What the table ``futures`` says of a contract."""
        if self._futures is None:
            return {}
        place = int(np.searchsorted(self._futures["sid"], sid))
        if place == len(self._futures["sid"]) or self._futures["sid"][place] != sid:
            return {}
        dates = {name: int(self._futures[name][place]) for name in ("notice_date", "expiration_date")}
        known = {name: pd.NaT if ns == NAT else pd.Timestamp(ns, unit="ns") for name, ns in dates.items()}
        return {"root_symbol": self._futures["root_symbol"][place], **known}


def _date(as_of_ns: int | None) -> str | None:
    return None if as_of_ns is None else date_text(as_of_ns)
