"""Corporate actions, and the factors by which earlier bars are seen from a session, without look-ahead.

Every action that moves prices has a ratio ρ > 0 effective at a session e: bars before e are multiplied by ρ when seen
from e or later.

    split new:old          ρ = old / new
    cash dividend a        ρ = 1 − a / c,  c = last traded close before e, as seen from e − 1
    merger                 ρ as given

P[t] = Π {ρ: e ≤ t} per asset (ρ of one date multiply), so a price of session s seen from t ≥ s is raw[s] · P[t] /
P[s]. A volume is raw[s] · V[t] / V[s], V the product of new / old over the splits alone. P[t] and V[t] depend on
nothing after t.

A dividend and a split of one date: c is the raw close before both, since the dividend is earned on the old shares. A
ratio that is not positive or has no close to stand on adjusts nothing and is reported (Refused).
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from tradewind_data.assets import AssetFinder
from tradewind_data.sessions import BoolArray, Int64Array, Sessions
from tradewind_data.tables import NAT, Array, Table

FloatArray = npt.NDArray[np.float64]
Events = tuple[Int64Array, Int64Array, FloatArray]
NO_EVENTS: Events = np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0)


@dataclass(frozen=True, eq=False)
class _Rows:
    """Parallel read-only arrays, one entry an action, ascending by session, then column."""

    def __post_init__(self) -> None:
        for field in fields(self):
            getattr(self, field.name).setflags(write=False)

    def __len__(self) -> int:
        return len(getattr(self, fields(self)[0].name))


@dataclass(frozen=True, eq=False)
class Splits(_Rows):
    """column, session: int64; numerator new shares for denominator old ones: int64, exact."""

    column: Int64Array
    session: Int64Array
    numerator: Int64Array
    denominator: Int64Array


@dataclass(frozen=True, eq=False)
class Dividends(_Rows):
    """Cash dividends.

    column, ex: int64; pay: first session ≥ the pay date (the ex session when none is known; S when beyond the table);
    pay_is_session: whether that session's label equals the pay date; amount: currency a share.
    """

    column: Int64Array
    ex: Int64Array
    pay: Int64Array
    pay_is_session: BoolArray
    amount: FloatArray


@dataclass(frozen=True, eq=False)
class StockDividends(_Rows):
    """Dividends paid in shares.

    column, paid_column, ex, pay, pay_is_session as in Dividends; ratio: shares of paid_column a share held. Prices are
    not adjusted.
    """

    column: Int64Array
    paid_column: Int64Array
    ex: Int64Array
    pay: Int64Array
    pay_is_session: BoolArray
    ratio: FloatArray


@dataclass(frozen=True, eq=False)
class Mergers(_Rows):
    """column, session: int64; ratio multiplies earlier prices; acquirer_column or −1; cash: currency a share."""

    column: Int64Array
    session: Int64Array
    ratio: FloatArray
    acquirer_column: Int64Array
    cash: FloatArray


@dataclass(frozen=True)
class Actions:
    """The corporate actions of a bundle by column and session.

    An action on a day without trading takes effect on the next session. Actions before the first or after the last
    stored session are left out: no bar or position could see them.
    """

    splits: Splits
    dividends: Dividends
    stock_dividends: StockDividends
    mergers: Mergers


@dataclass(frozen=True)
class Refused:
    """A dividend whose ratio 1 − amount / close is not positive, or has no close, so that it adjusts no price.

    column, session (ex), amount, close (NaN: none).
    """

    column: int
    session: int
    amount: float
    close: float


def actions_of(tables: Mapping[str, Table], finder: AssetFinder, sessions: Sessions) -> Actions:
    """Actions from the tables ``splits``, ``dividends``, ``stock_dividends``, ``mergers`` of known sids."""
    placed = _Placing(finder, sessions)
    return Actions(
        splits=_splits(placed, tables["splits"]),
        dividends=_dividends(placed, tables["dividends"]),
        stock_dividends=_stock_dividends(placed, tables["stock_dividends"]),
        mergers=_mergers(placed, tables["mergers"]),
    )


class _Placing:
    """Sids → columns and dates → sessions."""

    def __init__(self, finder: AssetFinder, sessions: Sessions) -> None:
        self._sids, self._labels = finder.sids, sessions.labels

    def column(self, sids: Array) -> Int64Array:
        return np.searchsorted(self._sids, sids).astype(np.int64)

    def session(self, dates: Array) -> Int64Array:
        return np.searchsorted(self._labels, dates).astype(np.int64)

    def pay(self, table: Table) -> dict[str, Array]:
        dates = np.where(table["pay_date"] == NAT, table["ex_date"], table["pay_date"])
        pay = self.session(dates)
        known = np.append(self._labels, NAT)[pay]
        # Without a date of its own a dividend is paid on its ex session, which is one by construction.
        return {"pay": pay, "pay_is_session": (known == dates) | (table["pay_date"] == NAT)}

    def rows(self, table: Table, key: str, dates: Array, **values: Array) -> dict[str, Any]:
        column, session = self.column(table["sid"]), self.session(dates)
        inside = (dates >= self._labels[0]) & (session < len(self._labels))
        order = np.lexsort((column, session))
        order = order[inside[order]]
        return {
            "column": column[order],
            key: session[order],
            **{k: np.ascontiguousarray(v[order]) for k, v in values.items()},
        }


def _splits(placed: _Placing, rows: Table) -> Splits:
    exact = {name: rows[name] for name in ("numerator", "denominator")}
    return Splits(**placed.rows(rows, "session", rows["effective_date"], **exact))


def _dividends(placed: _Placing, rows: Table) -> Dividends:
    return Dividends(**placed.rows(rows, "ex", rows["ex_date"], **placed.pay(rows), amount=rows["amount"]))


def _stock_dividends(placed: _Placing, rows: Table) -> StockDividends:
    paid = placed.column(rows["paid_sid"])
    values = placed.rows(rows, "ex", rows["ex_date"], paid_column=paid, **placed.pay(rows), ratio=rows["ratio"])
    return StockDividends(**values)


def _mergers(placed: _Placing, rows: Table) -> Mergers:
    acquirer = np.where(rows["acquirer_sid"] < 0, -1, placed.column(rows["acquirer_sid"]))
    values = {"ratio": rows["ratio"], "acquirer_column": acquirer, "cash": rows["cash"]}
    return Mergers(**placed.rows(rows, "session", rows["effective_date"], **values))


class Factors:
    """The product P of ratios per asset, stepwise in time: P[t] for every asset by one binary search an asset.

    column, session: int64[E]; ratio: float64[E] > 0; n: assets. Entries of one (column, session) multiply.
    """

    def __init__(self, column: Int64Array, session: Int64Array, ratio: FloatArray, n: int) -> None:
        order = np.lexsort((session, column))
        column, session, ratio = column[order], session[order], ratio[order]
        self._n, self._rows = n, np.stack([column, session, ratio, _running_products(column, ratio)])

    @classmethod
    def stored(cls, rows: FloatArray, n: int) -> Factors:
        """What ``rows`` of other factors of n assets were kept of."""
        made = cls.__new__(cls)
        made._n, made._rows = n, rows[:, :-1]
        return made

    @property
    def rows(self) -> FloatArray:
        """float64[4, E + 1]: column, session, ratio and product, ascending by column, then session.

        The last is nobody's, so that there is always something to keep.
        """
        return np.concatenate([self._rows, [[self._n], [0], [1.0], [1.0]]], axis=1)

    @cached_property
    def _span(self) -> int:
        return int(self._rows[1].max()) + 2 if self._rows.shape[1] else 1

    @cached_property
    def _keys(self) -> Int64Array:
        return (self._rows[0] * self._span + self._rows[1]).astype(np.int64)

    @cached_property
    def _products(self) -> FloatArray:
        return np.append(1.0, self._rows[3])

    @cached_property
    def _owners(self) -> Int64Array:
        return np.append(-1, self._rows[0]).astype(np.int64)

    @cached_property
    def _own(self) -> Int64Array:
        return np.arange(self._n)

    @cached_property
    def _offsets(self) -> Int64Array:
        return self._own * self._span

    @cached_property
    def _events(self) -> Events:
        column, session, ratio = self._rows[:3]
        order = np.argsort(session, kind="stable")
        return column[order].astype(np.int64), session[order].astype(np.int64), ratio[order]

    @cached_property
    def _sessions(self) -> list[int]:
        """The sessions with an action, ascending: what the plain list answers, no array has to be searched for."""
        sessions: list[int] = np.unique(self._rows[1]).astype(np.int64).tolist()
        return sessions

    def at(self, t: int) -> FloatArray:
        """P[t]: float64[N], fresh; 1.0 for an asset without an action so far."""
        found = np.searchsorted(self._keys, self._offsets + min(t, self._span - 1), side="right")
        return np.where(self._owners[found] == self._own, self._products[found], 1.0)

    def of(self, columns: Int64Array, sessions: Int64Array) -> FloatArray:
        """P[sessions[i]] of columns[i]: float64[k]; 1.0 where the session is −1 or no action came so far."""
        found = np.searchsorted(self._keys, self._offsets[columns] + np.minimum(sessions, self._span - 1), side="right")
        return np.where((self._owners[found] == columns) & (sessions >= 0), self._products[found], 1.0)

    def between(self, start: int, end: int) -> Events:
        """(column, session, ratio) of the actions with start < session ≤ end, ascending by session."""
        if not self.any_between(start, end):
            return NO_EVENTS
        column, session, ratio = self._events
        lo, hi = np.searchsorted(session, (start, end), side="right")
        return column[lo:hi], session[lo:hi], ratio[lo:hi]

    def any_between(self, start: int, end: int) -> bool:
        """Whether there is an action with start < session ≤ end."""
        found = bisect_right(self._sessions, start)
        return found < len(self._sessions) and self._sessions[found] <= end

    def next_change(self, span: int) -> list[int]:
        """By session s of the first `span`, the first session after s with an action; `span` where there is none."""
        sessions = np.append(np.array(self._sessions, dtype=np.int64), span)
        following: list[int] = sessions[np.searchsorted(sessions[:-1], np.arange(span), side="right")].tolist()
        return following

    def of_few(self, columns: Int64Array, start: int, end: int) -> Events:
        """What ``between`` says of a few columns, ascending by column, then session; it looks at their actions only."""
        parts = [slice(0, 0)]
        for column in np.unique(columns):
            lo, hi = np.searchsorted(self._rows[0], (column, column + 1))
            parts.append(slice(*(lo + np.searchsorted(self._rows[1, lo:hi], (start, end), side="right"))))
        column, session, ratio = (np.concatenate([row[part] for part in parts]) for row in self._rows[:3])
        return column.astype(np.int64), session.astype(np.int64), ratio


def _running_products(column: Int64Array, ratio: FloatArray) -> FloatArray:
    """Products of ratio within runs of equal column, in the given order."""
    out = np.array(ratio, dtype=np.float64)
    starts = np.flatnonzero(np.diff(column, prepend=-1))
    for lo, hi in pairwise(np.append(starts, len(column)).tolist()):
        np.cumprod(ratio[lo:hi], out=out[lo:hi])
    return out


def split_factors(actions: Actions, n: int) -> Factors:
    """V: the products of new / old shares."""
    splits = actions.splits
    return Factors(splits.column, splits.session, splits.numerator / splits.denominator, n)


Block = tuple[int, Int64Array, FloatArray]


def closes_before(blocks: Iterable[Block], column: Int64Array, session: Int64Array) -> tuple[FloatArray, Int64Array]:
    """The last close before each (column[i], session[i]), and the session of that trade; NaN and −1 without one.

    blocks: (first row, columns int64[k], close float64[rows, k]) in order of time: only one is looked at at once, and
    of each only the columns that are asked.
    """
    base, last = np.full(len(column), np.nan), np.full(len(column), -1, dtype=np.int64)
    asked, own = np.unique(column, return_inverse=True)
    carried, traded = np.full(len(asked), np.nan), np.full(len(asked), -1, dtype=np.int64)
    left = np.ones(len(column), dtype=bool)
    for first, columns, close in blocks:
        # Row 0 is what was carried here, row r + 1 the block's row r.
        _, here, there = np.intersect1d(asked, columns, assume_unique=True, return_indices=True)
        rows = np.full((len(close) + 1, len(asked)), np.nan)
        rows[0], rows[1:, here] = carried, close[:, there]
        known = np.where(np.isnan(rows), 0, np.arange(len(rows))[:, None])
        np.maximum.accumulate(known, axis=0, out=known)
        now = np.flatnonzero(left & (session <= first + len(close)))
        place = known[np.maximum(session[now] - first, 0), own[now]]
        base[now], last[now] = rows[place, own[now]], np.where(place > 0, first + place - 1, traded[own[now]])
        left[now] = False
        every = np.arange(len(asked))
        carried = rows[known[-1], every]
        traded = np.where(known[-1] > 0, first + known[-1] - 1, traded)
    base[left], last[left] = carried[own[left]], traded[own[left]]
    return base, last


def price_factors(
    actions: Actions, n: int, rows: int, base: FloatArray, last: Int64Array
) -> tuple[Factors, tuple[Refused, ...]]:
    """P: the products of split, merger and dividend ratios, and the dividends that were refused one.

    n assets; rows: sessions with data, actions at or after them concern no stored bar and are left out. base, last: raw
    close and session of the last trade before each dividend of ``actions`` (closes_before), NaN and −1 without one.
    """
    splits, mergers, cash = actions.splits, actions.mergers, actions.dividends
    column = np.concatenate([splits.column, mergers.column])
    session = np.concatenate([splits.session, mergers.session])
    ratio = np.concatenate([splits.denominator / splits.numerator, mergers.ratio])
    keep = cash.ex < rows
    paid_column, ex, amount = cash.column[keep], cash.ex[keep], cash.amount[keep]
    base, last = base[keep], last[keep]
    dividend_ratio = 1.0 - amount / base
    _see_stale_closes(dividend_ratio, base, amount, paid_column, ex, last, (column, session, ratio))
    good = dividend_ratio > 0
    refused = tuple(
        Refused(int(c), int(s), float(a), float(b))
        for c, s, a, b in zip(paid_column[~good], ex[~good], amount[~good], base[~good], strict=True)
    )
    parts = [(column, session, ratio), (paid_column[good], ex[good], dividend_ratio[good])]
    column, session, ratio = (np.concatenate(p) for p in zip(*parts, strict=True))
    inside = session < rows
    return Factors(column[inside], session[inside], ratio[inside], n), refused


def _see_stale_closes(
    out: FloatArray,
    base: FloatArray,
    amount: FloatArray,
    column: Int64Array,
    ex: Int64Array,
    last: Int64Array,
    others: tuple[Int64Array, Int64Array, FloatArray],
) -> None:
    """Bring a close older than ex − 1 through the actions between that trade and ex (exclusive), in place.

    Rare (a halt across an action), so a loop in order of time: an earlier dividend's ratio is settled before a later
    one needs it.
    """
    for i in np.flatnonzero((last >= 0) & (last < ex - 1)):
        for columns, sessions, ratios in (others, (column, ex, out)):
            between = (columns == column[i]) & (sessions > last[i]) & (sessions < ex[i]) & (ratios > 0)
            base[i] *= np.prod(ratios[between])
        out[i] = 1.0 - amount[i] / base[i]
