"""The tables of a Result, made from what a run wrote down: plain arrays in, frames out, one function a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numba import njit

from tradewind import kernels, metrics
from tradewind.story import WAITS
from tradewind.tables import SCHEMAS, empty_table
from tradewind_data.assets import AssetFinder
from tradewind_data.sessions import Sessions

NEXT_TO_NOTHING = 1e-200
STATUSES = ("open", "filled", "cancelled", "rejected", "held")


def utc(stamps: np.ndarray) -> pd.DatetimeIndex:
    """Return int64 ns as UTC times."""
    return pd.DatetimeIndex(np.asarray(stamps, dtype="datetime64[ns]"), tz="UTC")


def _ratio(above: np.ndarray, below: np.ndarray, where_zero: float) -> np.ndarray:
    """Return above / below, `where_zero` where below is 0."""
    return np.divide(above, below, out=np.full(len(above), where_zero), where=below != 0)


def _words(words: Sequence[str], codes: np.ndarray) -> Any:
    """Return words[code] for each code, as a text column."""
    return pd.array(list(words), dtype="str").take(np.asarray(codes, dtype=np.int64))


def _named(finder: AssetFinder, columns: np.ndarray) -> dict[str, Any]:
    """Return the sid and symbol of each column."""
    held = np.flatnonzero(np.bincount(columns, minlength=len(finder))) if len(columns) else columns
    place = np.zeros(len(finder), dtype=np.int64)
    place[held] = np.arange(len(held))
    assets = [finder.asset_at(int(column)) for column in held]
    return {"sid": finder.sids[columns], "symbol": _words([asset.symbol for asset in assets], place[columns])}


class Flow(NamedTuple):
    """Money from outside: in the session at `place` of the run, before a minute (ns UTC; 0: at its start)."""

    place: int
    minute: int
    equity: float  # the portfolio value before it
    delta: float

    @property
    def growth(self) -> float:
        """By how much the portfolio value grew with it; a book worth nothing grows beyond all bounds."""
        return (self.equity + self.delta) / (self.equity or NEXT_TO_NOTHING)


def openings(rows: np.ndarray, flows: Sequence[Flow], pnl_includes_dividends: bool) -> tuple[np.ndarray, np.ndarray]:
    """Return float64[T] each: the portfolio values that every session's pnl, and its return, start from.

    Of the value V₀ at the end of the session before, and the flows δ of the session, each at the value E,

        pnl  V₀ + Σδ      return  V₀ · Π (E + δ)/E

    Where pnl leaves out what is paid at the session's start, it starts from the session's own starting figures.
    rows as in performance().
    """
    value = rows[:-1, kernels.ROW.index("portfolio_value")]
    gains_from, returns_from = value.copy(), value.copy()
    if not pnl_includes_dividends:
        gains_from = rows[1:, kernels.ROW.index("starting_cash")] + rows[1:, kernels.ROW.index("starting_value")]
    for flow in flows:
        if flow.place < len(value):
            if pnl_includes_dividends or flow.minute:
                gains_from[flow.place] += flow.delta
            whole = returns_from[flow.place] == flow.equity
            returns_from[flow.place] = flow.equity + flow.delta if whole else returns_from[flow.place] * flow.growth
    return gains_from, returns_from


def performance(
    rows: np.ndarray,
    gains_from: np.ndarray,
    returns_from: np.ndarray,
    sessions: Sessions,
    first: int,
    counts: Mapping[str, np.ndarray],
    benchmark: np.ndarray | None,
    peak_leverage: np.ndarray,
) -> pd.DataFrame:
    """Return the performance table.

    rows: float64[T + 1, 14] in the order of kernels.ROW, the row before the first session first. gains_from and
    returns_from: float64[T], the portfolio values that each session's pnl and return start from. first: ordinal of the
    first session. counts: orders_count and transactions_count, int64[T]. benchmark: daily returns float64[T] or None.
    peak_leverage: float64[T], the highest at the end of a minute, where minutes are recorded, else 0.
    """
    span = slice(first, first + len(rows) - 1)
    index = sessions.index[span].rename("session")
    columns: dict[str, Any] = dict(zip(kernels.ROW, rows[1:].T, strict=True))
    value, gross = columns["portfolio_value"], columns["long_exposure"] - columns["short_exposure"]
    columns["capital_used"] = np.diff(rows[:, kernels.ROW.index("cash_flow")])
    del columns["cash_flow"]
    columns |= {
        "period_label": _words(*_months(index)),
        "period_open": utc(sessions.opens[span] + 60 * 10**9),
        "period_close": utc(sessions.closes[span]),
        "pnl": value - gains_from,
        "returns": _ratio(value - returns_from, returns_from, 0.0),
        "gross_leverage": _ratio(gross, value, np.inf),
        "net_leverage": _ratio(columns["ending_exposure"], value, np.inf),
        "positions_count": columns["longs_count"] + columns["shorts_count"],
        "trading_days": np.arange(1, len(index) + 1),
        "treasury_period_return": np.zeros(len(index)),
        "excess_return": np.zeros(len(index)),
        **counts,
    }
    columns["max_leverage"] = np.maximum.accumulate(np.maximum(columns["gross_leverage"], peak_leverage))
    return pd.DataFrame({**columns, **metrics.expanding(columns["returns"], benchmark)}, index=index)


def minutes(
    rows: Sequence[tuple[float, ...]],
    known: Sequence[Mapping[str, Any]],
    perf: pd.DataFrame,
    openings: tuple[np.ndarray, np.ndarray],
    flows: Sequence[Flow],
    sessions: Sessions,
    first: int,
) -> pd.DataFrame:
    """Return the minutes table.

    rows: (session, ns, cash, value, exposure, long exposure, short exposure, cash flow) a minute; known: the recorded
    variables at its end; perf, openings and flows: of the sessions, as in performance() and openings().
    """
    session, _, cash, held, exposure, longs, shorts, flow = np.array(rows, dtype=float).reshape(-1, 8).T
    place, stamps = session.astype(np.int64) - first, np.array([row[1] for row in rows], dtype=np.int64)
    value, gross = cash + held, longs - shorts
    gains_from, returns_from = (each[place] for each in openings)
    for came in flows:
        if came.minute:
            earlier = (place == came.place) & (stamps < came.minute)
            gains_from[earlier] -= came.delta
            returns_from[earlier] /= came.growth
    spent = np.concatenate([[0.0], perf["capital_used"].to_numpy().cumsum()])[place]
    columns: dict[str, Any] = {
        "session": sessions.index[session.astype(np.int64)],
        "time": utc(stamps),
        "ending_cash": cash,
        "ending_value": held,
        "ending_exposure": exposure,
        "long_exposure": longs,
        "short_exposure": shorts,
        "portfolio_value": value,
        "pnl": value - gains_from,
        "returns": _ratio(value - returns_from, returns_from, 0.0),
        "capital_used": flow - spent,
        "gross_leverage": _ratio(gross, value, np.inf),
        "net_leverage": _ratio(exposure, value, np.inf),
    }
    columns["max_leverage"] = np.maximum.accumulate(columns["gross_leverage"])
    names = [name for name in (known[-1] if known else ()) if name not in columns]
    return pd.DataFrame({**columns, **{name: [each.get(name, np.nan) for each in known] for name in names}})


def peaks(rows: Sequence[tuple[float, ...]], first: int, length: int) -> np.ndarray:
    """Return float64[T]: the highest gross leverage at the end of a minute of each session, 0 without minutes."""
    found = np.zeros(length)
    for session, _, cash, held, _, longs, shorts, _ in rows:
        if session - first < length:
            at, value = int(session) - first, cash + held
            found[at] = max(found[at], (longs - shorts) / value if value else np.inf)
    return found


def _months(index: pd.DatetimeIndex) -> tuple[list[str], np.ndarray]:
    """Return the distinct months as "YYYY-MM" and each session's place among them."""
    months, codes = np.unique(index.to_numpy().astype("datetime64[M]"), return_inverse=True)
    return months.astype(str).tolist(), codes


def orders(blotter: Any, finder: AssetFinder) -> pd.DataFrame:
    """Return the orders table."""
    o, count = blotter.orders, blotter.count
    columns: dict[str, Any] = {"order_id": np.arange(count), **_named(finder, o.column[:count])}
    for name in ("created", "updated"):
        columns[name] = utc(getattr(o, name)[:count])
    for name in ("amount", "filled", "commission", "limit", "stop", "limit_reached", "stop_reached"):
        columns[name] = getattr(o, name)[:count]
    for name in ("limit_at", "stop_at"):
        stamps = getattr(o, name)[:count]
        columns[name] = utc(np.where(stamps, stamps, np.iinfo(np.int64).min))
    columns["status"] = _words(STATUSES, o.status[:count])
    columns["reason"] = _words(blotter.reasons, blotter.final_reasons())
    columns["via"] = _words(blotter.verbs, o.via[:count])
    columns["asked"], columns["shares"] = o.asked[:count], o.shares[:count]
    columns |= dict(zip(WAITS, o.waits[:count].T, strict=True))
    return pd.DataFrame(columns)


def revisions(rows: Sequence[tuple[Any, ...]]) -> pd.DataFrame:
    """Return the revisions table of blotter.Revision rows."""
    frame = pd.DataFrame(rows, columns=list(SCHEMAS["revisions"]))
    return frame.assign(time=utc(frame["time"].to_numpy(dtype=np.int64)))


def fills(made: np.ndarray, finder: AssetFinder, sessions: Sessions) -> pd.DataFrame:
    """Return the fills table of matching.FILL rows."""
    if not len(made):
        return empty_table("fills")
    column, order = made["column"], made["order"]
    return pd.DataFrame(
        {
            "session": sessions.index[np.searchsorted(sessions.closes, made["time"])],
            "time": utc(made["time"]),
            **_named(finder, column),
            "order_id": pd.arrays.IntegerArray(np.maximum(order, 0), order < 0),
            "amount": made["amount"],
            "price": made["price"],
            "commission": made["commission"],
            "multiplier": finder.multiplier[column],
        }
    )


def events(blotter: Any, finder: AssetFinder) -> pd.DataFrame:
    """Return the events table."""
    if not blotter.events:
        return empty_table("events")
    time, order, column, event, before, after, left, detail = (
        list(values) for values in zip(*blotter.events, strict=True)
    )
    ordinals = np.array(order)
    return pd.DataFrame(
        {
            "time": utc(np.array(time)),
            **_named(finder, np.array(column)),
            "order_id": pd.arrays.IntegerArray(np.maximum(ordinals, 0), ordinals < 0),
            "event": event,
            "before": before,
            "after": after,
            "left": left,
            "detail": detail,
        }
    )


class Quiet(NamedTuple):
    """Holdings over the sessions first … stop−1, on which nobody acted: the same shares, valued at each close."""

    first: int
    stop: int
    columns: np.ndarray  # int64[k] ascending
    held: np.ndarray  # kernels.BOOK[k]
    close: np.ndarray  # float64[R, N] raw closes by session

    def written(self) -> np.ndarray:
        """Return kernels.HOLDING[(stop − first)·k], session by session."""
        out = np.empty((self.stop - self.first, len(self.columns)), dtype=kernels.HOLDING)
        out["session"] = np.arange(self.first, self.stop)[:, None]
        out["column"], out["amount"], out["cost_basis"] = self.columns, self.held["amount"], self.held["cost_basis"]
        out["last_price"] = self.close[self.first : self.stop, self.columns]
        exposure = out["amount"] * out["last_price"] * self.held["multiplier"]
        out["value"] = np.where(self.held["cash_settled"], 0.0, exposure)
        return out.ravel()


def positions(parts: Sequence[np.ndarray | Quiet], finder: AssetFinder, sessions: Sessions, stop: int) -> pd.DataFrame:
    """Return the positions table of holdings written piece by piece (kernels.HOLDING), those before session `stop`.

    A run that is interrupted while a session is written down may have left holdings of that session.
    """
    pieces = [part.written() if isinstance(part, Quiet) else part for part in parts]
    held = {name: np.concatenate([piece[name] for piece in pieces]) for name in kernels.HOLDING.names or ()}
    whole = np.searchsorted(held["session"], stop)
    held = {name: values[:whole] for name, values in held.items()}
    return pd.DataFrame(
        {
            "session": sessions.index[held["session"]],
            **_named(finder, held["column"]),
            "amount": held["amount"],
            "cost_basis": held["cost_basis"],
            "last_sale_price": held["last_price"],
            "value": held["value"],
            "exposure": held["amount"] * held["last_price"] * finder.multiplier[held["column"]],
        }
    )


def variables(rows: Sequence[Mapping[str, Any]], index: pd.DatetimeIndex) -> pd.DataFrame:
    """Return one column a recorded name in the order of first use; NaN before its first value."""
    names = list(rows[-1]) if rows else []
    return pd.DataFrame({name: [row.get(name, np.nan) for row in rows] for name in names}, index=index)


@njit(cache=True)
def _count_orders(
    created: np.ndarray,
    updated: np.ndarray,
    filled_order: np.ndarray,
    filled_session: np.ndarray,
    last: np.ndarray,
    counts: np.ndarray,
) -> None:
    """Count each order once for each session in which it was placed, filled or cancelled.

    created, updated: int64[K] sessions counted from the run's first; the fills ascend by session; last: int64[K]
    scratch.
    """
    for i in range(len(created)):
        last[i] = created[i]
        counts[created[i]] += 1
    for f in range(len(filled_order)):
        i = filled_order[f]
        if i >= 0 and last[i] != filled_session[f]:
            last[i] = filled_session[f]
            counts[last[i]] += 1
    for i in range(len(updated)):
        if updated[i] != last[i] and updated[i] != created[i]:
            counts[updated[i]] += 1


def counts_a_session(blotter: Any, sessions: Sessions, first: int, length: int) -> dict[str, np.ndarray]:
    """Return transactions_count (fills, closing fills included) and orders_count, int64[T] each."""
    made, o, count = blotter.fills.written, blotter.orders, blotter.count
    active = np.zeros(length + 1, dtype=np.int64)
    placed, changed, filled = (
        np.minimum(np.searchsorted(sessions.closes, stamps) - first, length)
        for stamps in (o.created[:count], o.updated[:count], made["time"])
    )
    _count_orders(placed, changed, made["order"].copy(), filled, np.empty(count, dtype=np.int64), active)
    transactions = np.bincount(filled, minlength=length)[:length].astype(np.int64)
    return {"transactions_count": transactions, "orders_count": active[:length]}
