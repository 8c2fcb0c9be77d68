"""Who is listed: assets.csv and symbols.csv, completed from the bars.

    assets.csv   symbol[, sid, name, exchange, asset_type, start_date, end_date, auto_close_date]
    symbols.csv  sid, symbol[, start_date, end_date]
    futures.csv  symbol, root_symbol[, sid, name, exchange, start_date, end_date, notice_date, expiration_date,
                 auto_close_date, multiplier, tick_size]

A contract's positions are closed on its notice or expiration date, whichever comes first, if it names no auto-close
date. Without assets.csv the assets are the symbols of the bar files. Without sids the assets are numbered from 1 in the
sorted order of their symbols: the same folder gives the same sids, a symbol added later moves those after it (give
sids to keep them). start_date and end_date default to the first and the last bar, auto_close_date to the day after
end_date. Without symbols.csv an asset bears its symbol from start_date to end_date.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise
from pathlib import Path

import numpy as np

from tradewind_data import tables
from tradewind_data.errors import BadInputFile, did_you_mean, listed
from tradewind_data.ingest.delimited import DATE, NUMBER, TEXT, InputTable, Wanted, read_input, refuse_time_of_day
from tradewind_data.ingest.market import day_after
from tradewind_data.schema import TABLES
from tradewind_data.sessions import Int64Array, date_text
from tradewind_data.tables import NAT, Array, Table

ASSETS_FILE, SYMBOLS_FILE, FUTURES_FILE = "assets.csv", "symbols.csv", "futures.csv"
_CONTRACT_DATES = ("notice_date", "expiration_date")
_ASSETS = (
    Wanted("symbol", TEXT),
    Wanted("sid", NUMBER, required=False),
    *(Wanted(name, TEXT, required=False) for name in ("name", "exchange", "asset_type", "calendar")),
    *(Wanted(name, DATE, required=False) for name in ("start_date", "end_date", "auto_close_date")),
)
_FUTURES = (
    *(Wanted(name, TEXT) for name in ("symbol", "root_symbol")),
    Wanted("sid", NUMBER, required=False),
    *(Wanted(name, TEXT, required=False) for name in ("name", "exchange", "calendar")),
    *(Wanted(name, NUMBER, required=False) for name in ("multiplier", "tick_size")),
    *(Wanted(name, DATE, required=False) for name in ("start_date", "end_date", "auto_close_date", *_CONTRACT_DATES)),
)
_SYMBOLS = (
    Wanted("sid", NUMBER),
    Wanted("symbol", TEXT),
    Wanted("start_date", DATE, required=False),
    Wanted("end_date", DATE, required=False),
)


@dataclass(frozen=True, eq=False)
class Roster:
    """The assets before their dates are known: symbol → sid, and the rows of assets.csv when there is one.

    contracts: the futures, a roster of their own whose source is futures.csv; their sids are in ``sids`` too.
    """

    sids: Mapping[str, int]
    source: InputTable | None
    contracts: Roster | None = None

    def lifetime(self, symbol: str) -> tuple[int, int]:
        """The first and last day (ns) that assets.csv gives the asset, NAT where it gives none."""
        if self.contracts is not None and symbol in self.contracts.sids:
            return self.contracts.lifetime(symbol)
        return self._lifetimes.get(symbol, (NAT, NAT))

    @cached_property
    def _lifetimes(self) -> dict[str, tuple[int, int]]:
        if self.source is None:
            return {}
        none = np.full(len(self.source), NAT)
        start, end = (_given(self, name, none).tolist() for name in ("start_date", "end_date"))
        return dict(zip(self.source["symbol"].tolist(), zip(start, end, strict=True), strict=True))

    def refuse_calendars(self, calendar: str) -> None:
        """BadInputFile when a column ``calendar`` of assets.csv or futures.csv names another one than the bundle's."""
        for table in (self.source, None if self.contracts is None else self.contracts.source):
            if table is not None and "calendar" in table:
                other = (table["calendar"] != "") & (table["calendar"] != calendar)
                rule = f"the bundle is of the calendar {calendar}, and a bundle has one calendar so far"
                move = "Ingest the assets of each calendar as a bundle of their own (--calendar)"
                table.refuse(other, "calendar", rule, move)

    def refuse_unknown(self, symbol: str, file: str) -> None:
        """BadInputFile when a bar file's symbol is no asset's."""
        if symbol not in self.sids:
            rule = f"{ASSETS_FILE} has no symbol {symbol!r}{did_you_mean(symbol, self.sids) or ''}".rstrip("?")
            raise BadInputFile(
                file, rule, f"Add {symbol!r} to {ASSETS_FILE}, or remove the file", None, "symbol", symbol
            )


@dataclass(frozen=True, eq=False)
class Listing:
    """The finished ``assets`` and ``symbols`` tables of schema.py; told: the sids that symbols.csv tells of."""

    assets: Table
    symbols: Table
    told: Int64Array = field(default_factory=lambda: np.empty(0, dtype=np.int64))

    def lifetime(self, sid: int) -> tuple[int, int]:
        """start_date and end_date (ns) of a listed sid."""
        row = int(np.searchsorted(self.assets["sid"], sid))
        return int(self.assets["start_date"][row]), int(self.assets["end_date"][row])

    @cached_property
    def _owners(self) -> dict[str, list[tuple[int, int]]]:
        owners: dict[str, list[tuple[int, int]]] = {}
        order = np.lexsort((self.symbols["start_date"],))
        for i in order:
            owner = (int(self.symbols["start_date"][i]), int(self.symbols["sid"][i]))
            owners.setdefault(self.symbols["symbol"][i], []).append(owner)
        return owners

    def sids_of(self, table: InputTable, dates: Array, prefix: str = "", blank: bool = False) -> Int64Array:
        """The sid each row means by ``{prefix}sid`` or, where that is empty, ``{prefix}symbol`` on its date.

        A symbol means the owner with the latest start ≤ date, before all of them the first, without a date the last.
        BadInputFile for an unknown sid or symbol, or for a row with neither; with ``blank`` such a row gets −1.
        """
        sid_column, symbol_column = f"{prefix}sid", f"{prefix}symbol"
        if not blank and sid_column not in table and symbol_column not in table:
            rule = f"it has neither a column {symbol_column!r} nor {sid_column!r}"
            raise BadInputFile(table.file, rule, "Add one of them", 1)
        out = np.full(len(table), -1, dtype=np.int64)
        if sid_column in table:
            given = whole_sids(table, sid_column)
            unknown = (given >= 0) & ~np.isin(given, self.assets["sid"])
            table.refuse(unknown, sid_column, "no asset has this sid", f"Correct it, or add it to {ASSETS_FILE}")
            out[:] = given
        if symbol_column in table:
            for row in np.flatnonzero((out < 0) & (table[symbol_column] != "")):
                out[row] = self._owner(table, int(row), symbol_column, int(dates[row]))
        if not blank and (out < 0).any():
            shown = symbol_column if symbol_column in table else sid_column
            table.refuse(out < 0, shown, "the row names no asset", "Write its symbol or sid")
        return out

    def _owner(self, table: InputTable, row: int, column: str, date: int) -> int:
        symbol = table[column][row]
        owners = self._owners.get(symbol)
        if not owners:
            near = did_you_mean(symbol, self._owners) or f" Symbols: {listed(sorted(self._owners))}"
            raise table.bad(
                row, column, f"no asset bears this symbol.{near}".rstrip("?"), "Correct it or remove the row"
            )
        earlier = [sid for start, sid in owners if start <= date or date == NAT]
        return earlier[-1] if earlier else owners[0][1]


def whole_sids(table: InputTable, column: str) -> Int64Array:
    """A column of sids as int64, −1 where empty. BadInputFile for one that is no whole number ≥ 0."""
    values = table[column]
    absent = np.isnan(values)
    wrong = ~absent & ((values < 0) | (values != np.floor(values)) | (values > 2**53))
    table.refuse(wrong, column, "a sid is a whole number of at least 0", "Correct the sid")
    return np.where(absent, -1, values).astype(np.int64)


def read_roster(folder: Path, symbols: list[str], known: Mapping[str, int] | None = None) -> Roster:
    """The assets of assets.csv, or of the bar files' symbols when there is none, with their sids.

    known: symbol → sid of the version that is appended to; new assets without a sid are numbered after them.
    """
    contracts = _read_source(folder, FUTURES_FILE, _FUTURES)
    traded = [] if contracts is None else contracts["symbol"].tolist()
    source = _read_source(folder, ASSETS_FILE, _ASSETS)
    if source is None:
        sids = _number([symbol for symbol in symbols if symbol not in traded], known or {})
    else:
        sids = _numbered(source, known or {})
    if contracts is None:
        return Roster(sids, source)
    for symbol in traded:
        if symbol in sids:
            raise BadInputFile(
                FUTURES_FILE, f"{symbol!r} stands in {ASSETS_FILE} too", "Remove one", None, "symbol", symbol
            )
    own = _numbered(contracts, {**(known or {}), **sids})
    if len({*own.values(), *sids.values()}) < len(own) + len(sids):
        raise BadInputFile(FUTURES_FILE, f"a sid stands in {ASSETS_FILE} too", "Give every asset its own", None, "sid")
    futures = Roster({symbol: own[symbol] for symbol in traded}, contracts)
    return Roster({**sids, **futures.sids}, source, futures)


def _read_source(folder: Path, file: str, wanted: tuple[Wanted, ...]) -> InputTable | None:
    if not (folder / file).is_file():
        return None
    table = read_input(folder / file, file, wanted)
    if not len(table):
        raise BadInputFile(file, "it has a header but no rows", "Add the assets, or remove the file")
    table.refuse(table["symbol"] == "", "symbol", "the symbol is empty", "Write the asset's symbol")
    _refuse_twice(table, "symbol", table["symbol"])
    if "start_date" in table and "end_date" in table:
        reversed_ = (table["end_date"] != NAT) & (table["end_date"] < table["start_date"])
        table.refuse(reversed_, "end_date", "the asset ends before it starts", "Correct start_date or end_date")
    return table


def _number(symbols: Iterable[str], known: Mapping[str, int]) -> dict[str, int]:
    """Known symbols keep their sid, the others follow in sorted order; ascending by symbol."""
    fresh = sorted(s for s in symbols if s not in known)
    numbers = {symbol: i for i, symbol in enumerate(fresh, start=1 + max(known.values(), default=0))}
    return {symbol: known.get(symbol) or numbers[symbol] for symbol in sorted(symbols)}


def _numbered(table: InputTable, known: Mapping[str, int]) -> dict[str, int]:
    given = whole_sids(table, "sid") if "sid" in table else np.full(len(table), -1, dtype=np.int64)
    if (given < 0).all():
        return _number(table["symbol"].tolist(), known)
    table.refuse(given < 0, "sid", "the sid is empty while other rows have one", "Give every asset a sid, or none")
    _refuse_twice(table, "sid", given)
    other = np.array([known.get(symbol, sid) != sid for symbol, sid in zip(table["symbol"], given, strict=True)])
    table.refuse(other, "sid", "the bundle knows this symbol by another sid", "Keep the sid of the bundle")
    return {symbol: int(sid) for symbol, sid in zip(table["symbol"], given, strict=True)}


def _refuse_twice(table: InputTable, column: str, values: Array) -> None:
    _, first, inverse = np.unique(values, return_index=True, return_inverse=True)
    wrong = first[inverse] != np.arange(len(values))
    if wrong.any():
        row = int(np.argmax(wrong))
        rule = f"the {column} is already on line {table.line(int(first[inverse][row]))}"
        raise table.bad(
            row, column, rule, f"Give each asset a {column} of its own; symbols of the past go to {SYMBOLS_FILE}"
        )


Lifetime = Callable[[int], tuple[int, int] | None]


def complete(folder: Path, roster: Roster, traded: Lifetime) -> Listing:
    """The listing once the bars are known: defaults filled in, symbol history read, overlaps refused.

    traded(sid): first and last label of the asset's bars, None without any.
    """
    equities = {symbol: sid for symbol, sid in roster.sids.items() if not _is_contract(roster, symbol)}
    assets = _assets(Roster(equities, roster.source), traded)
    if roster.contracts is not None:
        assets = _with_contracts(assets, roster.contracts, traded)
    symbols = _borne(assets)
    if not (folder / SYMBOLS_FILE).is_file():
        return Listing(assets, symbols)
    symbols, told = _history(folder, assets, symbols)
    return Listing(assets, symbols, told)


def _assets(roster: Roster, traded: Lifetime) -> dict[str, Array]:
    # Without assets.csv a file whose rows are all in quarantine names no asset.
    symbols = [s for s, sid in roster.sids.items() if roster.source is not None or traded(sid) is not None]
    sids = np.array([roster.sids[s] for s in symbols], dtype=np.int64)
    spans = np.array([traded(sid) or (NAT, NAT) for sid in sids.tolist()], dtype=np.int64).reshape(-1, 2)
    first, last = spans[:, 0], spans[:, 1]
    start, end = _given(roster, "start_date", first), _given(roster, "end_date", last)
    if roster.source is not None:
        _check_dates(roster.source, start, end)
    close = _given(roster, "auto_close_date", day_after(end))
    n = len(symbols)
    table: dict[str, Array] = {
        "sid": sids,
        "symbol": np.array(symbols, dtype=object),
        "asset_name": _text(roster, "name", n),
        "exchange": _text(roster, "exchange", n),
        "asset_type": _types(roster, n),
        "start_date": start,
        "end_date": end,
        "auto_close_date": close,
        "price_multiplier": np.ones(n),
        "tick_size": np.full(n, 0.01),
    }
    return tables.sort_by(table, "sid")


def _is_contract(roster: Roster, symbol: str) -> bool:
    return roster.contracts is not None and symbol in roster.contracts.sids


def _with_contracts(assets: Table, roster: Roster, traded: Lifetime) -> dict[str, Array]:
    """The assets and the futures, ascending by sid."""
    contracts, table = _assets(roster, traded), roster.source
    assert table is not None
    order = np.argsort([roster.sids[symbol] for symbol in table["symbol"]], kind="stable")
    contracts["asset_type"] = np.full(len(table), "future", dtype=object)
    for name, column in (("price_multiplier", "multiplier"), ("tick_size", "tick_size")):
        if column in table:
            given = table[column]
            wrong = ~np.isnan(given) & ~((given > 0) & np.isfinite(given))
            table.refuse(wrong, column, "it must be a finite number greater than 0", "Correct it")
            contracts[name] = np.where(np.isnan(given[order]), contracts[name], given[order])
    dates = np.stack([_given(roster, name, np.full(len(table), NAT))[order] for name in _CONTRACT_DATES])
    soonest = np.where(dates == NAT, np.iinfo(np.int64).max, dates).min(axis=0)
    told = _given(roster, "auto_close_date", np.full(len(table), NAT))[order] != NAT
    keep = told | (soonest == np.iinfo(np.int64).max)
    contracts["auto_close_date"] = np.where(keep, contracts["auto_close_date"], soonest)
    return tables.sort_by({name: np.concatenate([assets[name], contracts[name]]) for name in assets}, "sid")


def futures_table(roster: Roster) -> Table | None:
    """The table ``futures`` of schema.py, None without contracts."""
    if roster.contracts is None or roster.contracts.source is None:
        return None
    table = roster.contracts.source
    none = np.full(len(table), NAT)
    rows: dict[str, Array] = {
        "sid": np.array([roster.contracts.sids[symbol] for symbol in table["symbol"]], dtype=np.int64),
        "root_symbol": table["root_symbol"],
    }
    rows.update({name: _given(roster.contracts, name, none) for name in _CONTRACT_DATES})
    return tables.sort_by(rows, "sid")


def _given(roster: Roster, column: str, default: Int64Array) -> Int64Array:
    if roster.source is None or column not in roster.source:
        return default
    refuse_time_of_day(roster.source, column)
    values = roster.source[column]
    return np.where(values == NAT, default, values)


def _text(roster: Roster, column: str, n: int) -> Array:
    found = roster.source is not None and column in roster.source
    return roster.source[column] if found and roster.source else np.full(n, "", dtype=object)


def _types(roster: Roster, n: int) -> Array:
    found = _text(roster, "asset_type", n)
    out = np.array([t.lower() or "equity" for t in found], dtype=object)
    if roster.source is not None and (out != "equity").any():
        rule = "only assets of the type 'equity' can be read so far"
        roster.source.refuse(out != "equity", "asset_type", rule, "Leave the column empty, or remove the asset")
    return out


def _check_dates(table: InputTable, start: Int64Array, end: Int64Array) -> None:
    for name, values in (("start_date", start), ("end_date", end)):
        rule = f"the asset has no bars from which its {name} could be taken"
        shown = name if name in table else "symbol"
        table.refuse(values == NAT, shown, rule, f"Write its {name}, add its bars, or remove it")
    shown = "end_date" if "end_date" in table else "start_date"
    table.refuse(end < start, shown, "the asset ends before it starts", "Correct start_date or end_date")


def _borne(assets: Table) -> dict[str, Array]:
    return {name: assets[name] for name in ("sid", "symbol", "start_date", "end_date")}


def _history(folder: Path, assets: Table, borne: Table) -> tuple[dict[str, Array], Int64Array]:
    """symbols.csv with empty dates filled from the lifetimes, and the sids it names; the others keep their symbol."""
    table = read_input(folder / SYMBOLS_FILE, SYMBOLS_FILE, _SYMBOLS)
    if not len(table):
        return dict(borne), np.empty(0, dtype=np.int64)
    sids = whole_sids(table, "sid")
    table.refuse(
        ~np.isin(sids, assets["sid"]), "sid", "no asset has this sid", f"Correct it, or add it to {ASSETS_FILE}"
    )
    table.refuse(table["symbol"] == "", "symbol", "the symbol is empty", "Write the symbol that was borne")
    place = np.searchsorted(assets["sid"], sids)
    dates = {}
    for name in ("start_date", "end_date"):
        values = table[name] if name in table else np.full(len(table), NAT)
        dates[name] = np.where(values == NAT, assets[name][place], values)
    _refuse_overlaps(table, sids, dates["start_date"], dates["end_date"])
    rest = ~np.isin(borne["sid"], sids)
    read: dict[str, Array] = {"sid": sids, "symbol": table["symbol"], **dates}
    return {c.name: np.concatenate([read[c.name], borne[c.name][rest]]) for c in TABLES["symbols"]}, np.unique(sids)


def _refuse_overlaps(table: InputTable, sids: Int64Array, start: Int64Array, end: Int64Array) -> None:
    table.refuse(end < start, "symbol", "the symbol ends before it starts", "Correct start_date or end_date")
    symbol = table["symbol"]
    order = np.lexsort((start, np.unique(symbol, return_inverse=True)[1]))
    for before, after in pairwise(order.tolist()):
        if symbol[before] == symbol[after] and sids[before] != sids[after] and start[after] <= end[before]:
            other = f"sid {sids[before]} (line {table.line(before)})"
            rule = f"on {date_text(start[after])} the symbol is also borne by {other}"
            raise table.bad(after, "symbol", rule, "Let one end before the other starts")
