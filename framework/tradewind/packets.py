"""The daily packets: for every session, what happened to orders, which fills there were, what was held.

A packet holds plain dicts with the keys of the original engine, so that a user's `analyze` finds what it expects:

    orders         id, dt, created, reason, sid, amount, filled, commission, limit, stop, limit_reached, stop_reached,
                   status
    transactions   sid, dt, amount, price, commission, order_id
    positions      sid, amount, cost_basis, last_sale_price

The order table keeps the last state of an order; its state on an earlier session is found again from its fills and from
the revisions that splits made.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd

AssetOf = Callable[[int], object]
Packets = list[list[dict[str, Any]]]

STATUS_CODES = {"open": 0, "filled": 1, "cancelled": 2, "rejected": 3, "held": 4}
ENDED = ("cancelled", "rejected")


def order_key(order_id: int) -> str:
    """The order's id as the algorithm knows it: 32 hex digits of its ordinal."""
    return f"{order_id:032x}"


def nested(
    sessions: pd.Index,
    orders: pd.DataFrame,
    revisions: pd.DataFrame,
    fills: pd.DataFrame,
    positions: pd.DataFrame,
    asset_of: AssetOf,
) -> dict[str, Packets]:
    """{"orders", "transactions", "positions"} → one list of dicts a session, empty where nothing happened."""
    return {
        "orders": _by_session(sessions, _order_states(orders, revisions, fills, asset_of)),
        "transactions": _by_session(sessions, _transactions(fills, asset_of)),
        "positions": _by_session(sessions, _positions(positions, asset_of)),
    }


def _by_session(sessions: pd.Index, rows: Iterator[tuple[int, dict[str, Any]]]) -> Packets:
    """Put (session ns, dict) pairs into one list a session; rows of sessions outside the run are left out."""
    at: dict[int, list[dict[str, Any]]] = {label: [] for label in sessions.to_numpy().astype(np.int64).tolist()}
    for label, row in rows:
        if label in at:
            at[label].append(row)
    return list(at.values())


def _records(frame: pd.DataFrame, *columns: str) -> Iterator[tuple[Any, ...]]:
    return zip(*(frame[column].tolist() for column in columns), strict=True)


def _label(time: pd.Timestamp) -> int:
    """The session label (ns) of one time."""
    return int(time.tz_localize(None).normalize().as_unit("ns").value)


def _labels(times: pd.Series) -> list[int]:
    """The session label (ns) of each time: its UTC date; a session column is its own label."""
    days = times.to_numpy(dtype="datetime64[ns]").astype("datetime64[D]")
    return [int(label) for label in days.astype("datetime64[ns]").astype(np.int64)]


def _transactions(fills: pd.DataFrame, asset_of: AssetOf) -> Iterator[tuple[int, dict[str, Any]]]:
    columns = _records(fills, "sid", "time", "amount", "price", "commission", "order_id")
    for label, (sid, time, amount, price, commission, order) in zip(_labels(fills["session"]), columns, strict=True):
        yield (
            label,
            {
                "sid": asset_of(sid),
                "dt": time,
                "amount": amount,
                "price": price,
                "commission": commission,
                "order_id": None if pd.isna(order) else order_key(order),
            },
        )


def _positions(held: pd.DataFrame, asset_of: AssetOf) -> Iterator[tuple[int, dict[str, Any]]]:
    columns = _records(held, "sid", "amount", "cost_basis", "last_sale_price")
    for label, (sid, amount, basis, price) in zip(_labels(held["session"]), columns, strict=True):
        yield label, {"sid": asset_of(sid), "amount": amount, "cost_basis": basis, "last_sale_price": price}


def _order_states(
    orders: pd.DataFrame, revisions: pd.DataFrame, fills: pd.DataFrame, asset_of: AssetOf
) -> Iterator[tuple[int, dict[str, Any]]]:
    """Each order on each session on which it was placed, filled or ended, ordered by that session, then by order."""
    own = fills[fills["order_id"].notna()]
    traded, terms = _by_order(own, "amount", "commission"), _by_order(revisions, "amount", "filled", "limit", "stop")
    found = [
        (_label(time), order["order_id"], _state(order, time, epoch, filled, commission, asset_of))
        for order in orders.to_dict("records")
        for time, epoch, filled, commission in _moments(
            order, terms.get(order["order_id"], []), traded.get(order["order_id"], [])
        )
    ]
    latest = {(label, order_id): state for label, order_id, state in found}
    return ((label, latest[label, order_id]) for label, order_id in sorted(latest))


def _by_order(frame: pd.DataFrame, *columns: str) -> dict[int, list[tuple[Any, ...]]]:
    """Order id → its rows (time, *columns) in order of time."""
    rows: dict[int, list[tuple[Any, ...]]] = {}
    for order_id, *row in _records(frame, "order_id", "time", *columns):
        rows.setdefault(int(order_id), []).append(tuple(row))
    return rows


def _moments(
    order: Mapping[Any, Any], terms: list[tuple[Any, ...]], traded: list[tuple[Any, ...]]
) -> Iterator[tuple[pd.Timestamp, tuple[Any, ...], int, float]]:
    """(time, terms then in force, filled, commission) at placement, after each fill and at a cancellation.

    Terms are (until, amount, filled at the end, limit, stop): those of a revision held until its time.
    """
    last = (None, order["amount"], order["filled"], order["limit"], order["stop"])
    times = [order["created"], *(time for time, _, _ in traded)]
    if order["status"] in ENDED:
        times.append(order["updated"])
    for time in dict.fromkeys(times):
        epoch = next((revision for revision in terms if revision[0] > time), last)
        later = sum(amount for at, amount, _ in traded if at > time and (epoch[0] is None or at < epoch[0]))
        yield time, epoch, int(epoch[2] - later), math.fsum(paid for at, _, paid in traded if at <= time)


def _state(
    order: Mapping[Any, Any],
    time: pd.Timestamp,
    epoch: tuple[Any, ...],
    filled: int,
    commission: float,
    asset_of: AssetOf,
) -> dict[str, Any]:
    """The packet of an order at the end of the session of its last event, at `time`.

    A stop that was reached turns a stop-limit order into a limit order: its stop is forgotten.
    """
    _, amount, _, limit, stop = epoch
    ended = order["status"] in ENDED and time == order["updated"]
    has_limit, has_stop = not pd.isna(limit), not pd.isna(stop)
    limit_at, stop_at = _reached(order["limit_at"], time), _reached(order["stop_at"], time)
    turned = stop_at is not None and has_limit
    changed = limit_at if has_limit else stop_at
    return {
        "id": order_key(order["order_id"]),
        "dt": time if changed is None else max(time, changed),
        "created": order["created"],
        "reason": (order["reason"] or None) if ended and isinstance(order["reason"], str) else None,
        "sid": asset_of(int(order["sid"])),
        "amount": int(amount),
        "filled": filled,
        "commission": commission,
        "limit": float(limit) if has_limit else None,
        "stop": float(stop) if has_stop and not turned else None,
        "limit_reached": limit_at is not None,
        "stop_reached": stop_at is not None and not turned,
        "status": STATUS_CODES[order["status"]] if ended else STATUS_CODES["filled" if filled == amount else "open"],
    }


def _reached(when: Any, time: pd.Timestamp) -> pd.Timestamp | None:
    """The time at which a limit or stop was reached, None when that was not by the end of the session of `time`."""
    return None if pd.isna(when) or _label(when) > _label(time) else when
