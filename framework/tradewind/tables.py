"""The tables of a recorded run: names, columns, dtypes, and the one function that brings a frame to its schema.

Times are int64 nanoseconds: `session` columns are naive labels at midnight, `time`, `created`, `updated` are UTC. Money
is in the account's currency, amounts are signed shares, NaN means "not known" or "not set" (a limit price).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

TIME = "datetime64[ns]"
UTC = "datetime64[ns, UTC]"
WHOLE, FLAG, MAYBE = "int64", "bool", "Int64"
REAL: Any = "float64"
TEXT: Any = "str"

PERF = {
    "period_label": TEXT,
    "period_open": UTC,
    "period_close": UTC,
    **dict.fromkeys(
        (
            "starting_cash",
            "ending_cash",
            "starting_value",
            "ending_value",
            "starting_exposure",
            "ending_exposure",
            "portfolio_value",
            "pnl",
            "returns",
            "capital_used",
            "long_value",
            "short_value",
            "long_exposure",
            "short_exposure",
        ),
        REAL,
    ),
    "longs_count": WHOLE,
    "shorts_count": WHOLE,
    "gross_leverage": REAL,
    "net_leverage": REAL,
    "max_leverage": REAL,
    "algorithm_period_return": REAL,
    "benchmark_period_return": REAL,
    "treasury_period_return": REAL,
    "excess_return": REAL,
    "algo_volatility": REAL,
    "benchmark_volatility": REAL,
    "sharpe": REAL,
    "sortino": REAL,
    "alpha": REAL,
    "beta": REAL,
    "max_drawdown": REAL,
    "trading_days": WHOLE,
    "orders_count": WHOLE,
    "transactions_count": WHOLE,
    "positions_count": WHOLE,
}

SCHEMAS: Mapping[str, Mapping[str, str]] = {
    "perf": PERF,
    "orders": {
        "order_id": WHOLE,
        "sid": WHOLE,
        "symbol": TEXT,
        "created": UTC,
        "updated": UTC,
        "amount": WHOLE,
        "filled": WHOLE,
        "commission": REAL,
        "limit": REAL,
        "stop": REAL,
        "limit_reached": FLAG,
        "stop_reached": FLAG,
        "limit_at": UTC,
        "stop_at": UTC,
        "status": TEXT,
        "reason": TEXT,
        "via": TEXT,
        "asked": REAL,
        "shares": REAL,
        "bars_untraded": WHOLE,
        "bars_unreached": WHOLE,
        "bars_full": WHOLE,
        "bars_beyond_limit": WHOLE,
    },
    "revisions": {
        "order_id": WHOLE,
        "time": UTC,
        "amount": WHOLE,
        "filled": WHOLE,
        "limit": REAL,
        "stop": REAL,
        "new": WHOLE,
        "old": WHOLE,
        "amount_after": WHOLE,
        "left": WHOLE,
    },
    "fills": {
        "session": TIME,
        "time": UTC,
        "sid": WHOLE,
        "symbol": TEXT,
        "order_id": MAYBE,
        "amount": WHOLE,
        "price": REAL,
        "commission": REAL,
        "multiplier": REAL,
    },
    "positions": {
        "session": TIME,
        "sid": WHOLE,
        "symbol": TEXT,
        "amount": WHOLE,
        "cost_basis": REAL,
        "last_sale_price": REAL,
        "value": REAL,
        "exposure": REAL,
    },
    "recorded": {},
    "optimizer": {
        "session": TIME,
        "call": WHOLE,
        "status": TEXT,
        "objective": REAL,
        "solver": TEXT,
        "iterations": WHOLE,
        "residual": REAL,
    },
    "duals": {
        "session": TIME,
        "call": WHOLE,
        "constraint": TEXT,
        "label": TEXT,
        "side": TEXT,
        "value": REAL,
        "bound": REAL,
        "slack": REAL,
        "shadow_price": REAL,
    },
    "events": {
        "time": UTC,
        "order_id": MAYBE,
        "sid": WHOLE,
        "symbol": TEXT,
        "event": TEXT,
        "before": REAL,
        "after": REAL,
        "left": REAL,
        "detail": TEXT,
    },
    "minutes": {
        "session": TIME,
        "time": UTC,
        **dict.fromkeys(
            (
                "ending_cash",
                "ending_value",
                "ending_exposure",
                "long_exposure",
                "short_exposure",
                "portfolio_value",
                "pnl",
                "returns",
                "capital_used",
                "gross_leverage",
                "net_leverage",
                "max_leverage",
            ),
            REAL,
        ),
    },
    "timing": {},
}
"""Table → column → dtype. `perf` and `recorded` are indexed by session (naive datetime64[ns], named "session");
`recorded` has one column a recorded name, `minutes` one after its own, and `timing` whatever the simulator measured."""

BY_SESSION = ("perf", "recorded")


def empty_table(name: str) -> pd.DataFrame:
    """The table `name` without rows, with the columns and dtypes of its schema.

    Raises KeyError for a name that is not in `SCHEMAS`.
    """
    columns = {column: pd.Series(dtype=dtype) for column, dtype in SCHEMAS[name].items()}
    return conformed(name, pd.DataFrame(columns, index=_sessions([]) if name in BY_SESSION else None))


def _sessions(labels: Any) -> pd.DatetimeIndex:
    return pd.DatetimeIndex(np.asarray(labels, dtype=TIME), name="session")


def conformed(name: str, frame: pd.DataFrame) -> pd.DataFrame:
    """A copy of `frame` with the schema's columns first, each of its dtype; further columns follow as they came.

    Raises ValueError naming the columns that are missing.
    """
    schema = SCHEMAS[name]
    missing = [column for column in schema if column not in frame.columns]
    if missing:
        raise ValueError(f"table {name!r} lacks the columns {', '.join(missing)}; it needs {', '.join(schema)}")
    rest = [column for column in frame.columns if column not in schema]
    table = frame[[*schema, *rest]]
    table = table.astype({column: kind for column, kind in schema.items() if table[column].dtype != kind})
    table.index = _sessions(table.index) if name in BY_SESSION else pd.RangeIndex(len(table))
    for column in rest if name in ("recorded", "minutes") else ():
        table[column] = _plain(table[column])
    return table


def _plain(column: pd.Series) -> pd.Series:
    """Recorded values as float64 where they are numbers, else as text; a missing value stays missing."""
    if column.dtype.kind in "fiub":
        return column.astype(REAL)
    try:
        return column.astype(REAL)
    except (TypeError, ValueError):
        return column.map(str, na_action="ignore").astype(TEXT)
