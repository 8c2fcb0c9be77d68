"""Results as plain values, the same on both sides: numbers, strings, lists and dicts that JSON can hold exactly."""

import gzip
import json
import math

import numpy as np
import pandas as pd

MONEY = (
    "starting_cash",
    "ending_cash",
    "starting_value",
    "ending_value",
    "starting_exposure",
    "ending_exposure",
    "portfolio_value",
    "pnl",
    "capital_used",
    "long_value",
    "short_value",
    "long_exposure",
    "short_exposure",
)
PERF = (
    "period_open",
    "period_close",
    "period_label",
    *MONEY,
    "returns",
    "longs_count",
    "shorts_count",
    "gross_leverage",
    "net_leverage",
    "max_leverage",
    "algorithm_period_return",
    "benchmark_period_return",
    "treasury_period_return",
    "excess_return",
    "algo_volatility",
    "benchmark_volatility",
    "sharpe",
    "sortino",
    "alpha",
    "beta",
    "max_drawdown",
    "trading_days",
)
ORDERS = ("id", "dt", "created", "sid", "amount", "filled", "commission", "limit", "stop")
NESTED = {
    "orders": (*ORDERS, "limit_reached", "stop_reached", "status"),
    "transactions": ("sid", "dt", "amount", "price", "order_id"),
    "positions": ("sid", "amount", "cost_basis", "last_sale_price"),
}


MINUTES = (
    "ending_cash",
    "ending_value",
    "ending_exposure",
    "portfolio_value",
    "pnl",
    "returns",
    "capital_used",
    "long_exposure",
    "short_exposure",
    "gross_leverage",
    "net_leverage",
    "max_leverage",
)
SEVENTH = 7  # one minute in seven is kept


def value(found):
    """One value: None and NaN are "nan", times ISO text in UTC, numbers Python's."""
    if found is None or found is pd.NaT:
        return "nan"
    if isinstance(found, (pd.Timestamp, np.datetime64)):
        stamp = pd.Timestamp(found)
        return (stamp.tz_convert("UTC").tz_localize(None) if stamp.tzinfo else stamp).isoformat()
    if isinstance(found, (bool, np.bool_)):
        return bool(found)
    if hasattr(found, "roll_style"):  # a continuous future, whose number is each side's own
        return f"{found.root_symbol} {found.offset} {found.roll_style} {found.adjustment}"
    if hasattr(found, "sid") and not isinstance(found, dict):
        return int(found.sid)
    if isinstance(found, (int, np.integer)):
        return int(found)
    if isinstance(found, (float, np.floating)):
        return float(found) if math.isfinite(found) else str(float(found))
    return str(found)


def tree(found):
    """A number, Series or frame with its labels, as nested values."""
    if isinstance(found, pd.DataFrame):
        columns = {str(value(name)): [value(v) for v in found[name].tolist()] for name in found.columns}
        return {"rows": _labels(found.index), "columns": columns}
    if isinstance(found, pd.Series):
        return {"rows": _labels(found.index), "values": [value(v) for v in found.tolist()]}
    if isinstance(found, dict):
        return {str(value(key)): tree(inner) for key, inner in found.items()}
    if isinstance(found, (list, tuple, np.ndarray)):
        return [tree(inner) for inner in found]
    return value(found)


def _labels(index):
    return [[value(part) for part in label] if isinstance(label, tuple) else value(label) for label in index]


def packets(perf, probes):
    """Everything compared, from a performance frame with nested orders, transactions and positions."""
    known = [name for name in PERF if name in perf.columns]
    found = {
        "sessions": [value(label)[:10] for label in perf.index],
        "perf": {name: [value(v) for v in perf[name].tolist()] for name in known},
        "recorded": {},
        "probes": probes,
    }
    for name, keys in NESTED.items():
        found[name] = [[{key: value(row[key]) for key in keys} for row in day] for day in perf[name]]
    return found


def numbered(found, rank):
    """Replace order ids by ranks of placement, and sort the records of a day so that both sides list them alike."""
    _told_in_time(found)
    for name in NESTED:
        for day in found[name]:
            for row in day:
                for key in ("id", "order_id"):
                    if key in row:
                        row[key] = -1 if row[key] == "nan" else rank[row[key]]
            day.sort(key=lambda row: tuple(row.get(key, 0) for key in ("sid", "id", "order_id")))
    return found


def _told_in_time(found):
    """Move an order that was cancelled at a session's end, and told with the next session, back to its own."""
    days = dict(zip(found["sessions"], found["orders"], strict=True))
    for session, day in days.items():
        for row in [row for row in day if row["dt"][:10] < session]:
            day.remove(row)
            own = days[row["dt"][:10]]
            own[:] = [*(known for known in own if known["id"] != row["id"]), row]


def write(path, found):
    """Write values as compressed JSON; the same values give the same bytes."""
    text = json.dumps(found, separators=(",", ":"), allow_nan=False)
    with open(path, "wb") as raw, gzip.GzipFile("", "wb", 9, raw, mtime=0) as file:
        file.write(text.encode())


def read(path):
    """Read what `write` wrote."""
    with gzip.open(path, "rt") as file:
        return json.load(file)
