"""The daily packets: for every session, what happened to orders, which fills there were, what was held.

A packet holds plain dicts with the keys of the original engine, so that a user's `analyze` finds what it expects:

    orders         id, dt, created, reason, sid, amount, filled, commission, limit, stop, limit_reached, stop_reached,
                   status
    transactions   sid, dt, amount, price, commission, order_id
    positions      sid, amount, cost_basis, last_sale_price

The order table keeps the last state of an order; its state on an earlier session is found again from its fills.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pandas as pd

AssetOf = Callable[[int], object]
Packets = list[list[dict[str, Any]]]

STATUS_CODES = {"open": 0, "filled": 1, "cancelled": 2, "rejected": 3, "held": 4}


def order_key(order_id: int) -> str:
    """The order's id as the algorithm knows it: 32 hex digits of its ordinal."""
    return f"{order_id:032x}"


def nested(
    sessions: pd.Index,
    orders: pd.DataFrame,
    fills: pd.DataFrame,
    positions: pd.DataFrame,
    asset_of: AssetOf,
) -> dict[str, Packets]:
    """{"orders", "transactions", "positions"} → one list of dicts a session, empty where nothing happened."""
    return {
        "orders": _by_session(sessions, _order_states(orders, fills, asset_of)),
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


def _order_states(orders: pd.DataFrame, fills: pd.DataFrame, asset_of: AssetOf) -> Iterator[tuple[int, dict[str, Any]]]:
    """Each order on each session on which it was placed, filled or ended, ordered by that session, then by order."""
    states = _events(orders, fills)
    last = states.drop_duplicates(["session", "order_id"], keep="last").sort_values(["session", "order_id"])
    known = dict(zip(orders["order_id"].tolist(), orders.to_dict("records"), strict=True))
    for moment in last.to_dict("records"):
        order = known.get(moment["order_id"])
        if order is not None:
            yield moment["session"], _state(order, moment, asset_of)


def _events(orders: pd.DataFrame, fills: pd.DataFrame) -> pd.DataFrame:
    """Placements, fills and last changes in time: session ns, order_id, time, filled and commission so far, final."""
    own = fills[fills["order_id"].notna()]
    own = own.assign(order_id=own["order_id"].astype("int64"))
    sums = own.groupby("order_id")[["amount", "commission"]].cumsum()
    return pd.concat(
        [
            _moments(orders["created"], orders["order_id"], 0, 0.0, final=False),
            _moments(own["time"], own["order_id"], sums["amount"], sums["commission"], final=False),
            _moments(orders["updated"], orders["order_id"], orders["filled"], orders["commission"], final=True),
        ],
        ignore_index=True,
    ).sort_values("time", kind="stable")


def _moments(time: pd.Series, order_id: pd.Series, filled: Any, commission: Any, *, final: bool) -> pd.DataFrame:
    facts = {"session": _labels(time), "order_id": order_id, "time": time, "filled": filled, "commission": commission}
    return pd.DataFrame(facts).assign(final=final)


def _state(order: dict[Any, Any], moment: dict[Any, Any], asset_of: AssetOf) -> dict[str, Any]:
    done = moment["final"] or moment["filled"] == order["amount"]
    return {
        "id": order_key(order["order_id"]),
        "dt": moment["time"],
        "created": order["created"],
        "reason": (order["reason"] or None) if moment["final"] and isinstance(order["reason"], str) else None,
        "sid": asset_of(int(order["sid"])),
        "amount": int(order["amount"]),
        "filled": int(moment["filled"]),
        "commission": float(moment["commission"]),
        "limit": None if pd.isna(order["limit"]) else float(order["limit"]),
        "stop": None if pd.isna(order["stop"]) else float(order["stop"]),
        "limit_reached": bool(done and order["limit_reached"]),
        "stop_reached": bool(done and order["stop_reached"]),
        "status": STATUS_CODES.get(str(order["status"]).lower(), 0) if done else 0,
    }
