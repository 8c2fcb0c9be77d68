"""A recorded run made by hand, independent of the simulator: a monthly long-short book on five real stocks.

Deliberately plain: one loop over sessions, orders filled at the next close plus 5 basis points, no dividends or splits
(the prices are the adjusted ones, so a share count is a unit of total return).
"""

import warnings

import numpy as np
import pandas as pd

from tradewind import metrics, tables
from tradewind.result import Result
from tradewind.story import WAITS

CAPITAL = 10_000_000.0
SYMBOLS = ("AAPL", "FB", "GOOG", "IBM", "MSFT")


def prices():
    """Adjusted closes, session × symbol, NaN before a stock lists."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from bokeh.sampledata import stocks
    frames = {
        s: pd.Series(getattr(stocks, s)["adj_close"], pd.DatetimeIndex(getattr(stocks, s)["date"])) for s in SYMBOLS
    }
    wide = pd.DataFrame(frames).sort_index()
    wide.index = wide.index.as_unit("ns").rename("session")
    return wide


def targets(close, t):
    """Long the better half of the past year's returns, short the worse, 20 % a name."""
    past = close[t] / close[t - 250] - 1.0
    known = np.flatnonzero(np.isfinite(past))
    rank = known[np.argsort(past[known])]
    weights, half = np.zeros(close.shape[1]), len(rank) // 2
    weights[rank[-half:]], weights[rank[:half]] = 0.2, -0.2
    return weights


def record(sessions=None, via="order_optimal_portfolio", benchmark="IBM"):
    """The run's Result over the last `sessions` sessions of the data (None: all)."""
    wide = prices()
    wide = wide if sessions is None else wide.iloc[-sessions:]
    close, labels = wide.to_numpy(), wide.index
    months = labels.month.to_numpy()
    held, cash, pending = np.zeros(5), CAPITAL, []
    rows, orders, fills, positions, calls = [], [], [], [], []
    for t, label in enumerate(labels):
        stamp = (label + pd.Timedelta(hours=21)).tz_localize("UTC")
        spent, n_fills = 0.0, 0
        for order in pending:
            c, n = order["column"], order["amount"]
            price = close[t, c] * (1 + 5e-4 * np.sign(n))
            order.update(filled=n, commission=abs(n) * 0.001, updated=stamp, status="filled")
            fee = order["commission"]
            fills.append((label, stamp, c + 1, SYMBOLS[c], order["order_id"], n, price, fee, 1.0))
            held[c] += n
            spent += n * price + fee
            n_fills += 1
        pending, cash = [], cash - spent
        value = np.where(held != 0, held * np.nan_to_num(close[t]), 0.0)
        equity = cash + value.sum()
        rows.append((label, stamp, cash, value[value > 0].sum(), value[value < 0].sum(), equity, -spent, n_fills))
        own = np.flatnonzero(held)
        positions += [
            (label, c + 1, SYMBOLS[c], int(held[c]), close[t, c], close[t, c], value[c], value[c]) for c in own
        ]
        if t >= 250 and months[t] != months[t - 1]:
            wanted = np.trunc(targets(close, t) * equity / np.where(np.isfinite(close[t]), close[t], np.inf))
            calls.append((label, len(calls), "optimal", 1e-4 * len(calls), "highs", 12, 3e-15))
            for c in np.flatnonzero(wanted - held):
                order = {"order_id": len(orders), "column": c, "sid": c + 1, "symbol": SYMBOLS[c], "created": stamp}
                order |= {"updated": stamp, "amount": int(wanted[c] - held[c]), "filled": 0, "commission": 0.0}
                order |= {"limit": np.nan, "stop": np.nan, "limit_reached": False, "stop_reached": False}
                order |= {"status": "open", "reason": None, "via": via, "asked": 0.2, "shares": wanted[c] - held[c]}
                order |= dict.fromkeys(WAITS, 0)
                orders.append(order)
                pending.append(order)
    info = {
        "algorithm": {"name": "monthly_long_short", "sha256": "0" * 64},
        "parameters": {"half": "2"},
        "bundle": {"name": "demo", "version": "1", "hash": "f" * 64},
        "start": str(labels[0].date()),
        "end": str(labels[-1].date()),
        "capital_base": CAPITAL,
        "data_frequency": "daily",
        "benchmark": benchmark,
        "semantics": "tradewind",
        "versions": {"tradewind": "0.1.0", "numpy": np.__version__},
        "status": "complete",
    }
    never = pd.Series(pd.NaT, range(len(orders)), dtype="datetime64[ns, UTC]")
    return Result(
        perf=_perf(rows, wide[benchmark] if benchmark else None, orders),
        orders=_table("orders", pd.DataFrame(orders).assign(limit_at=never, stop_at=never))
        if orders
        else tables.empty_table("orders"),
        fills=_rows("fills", fills),
        positions=_rows("positions", positions),
        recorded=pd.DataFrame({"long": [r[3] for r in rows], "note": "calm"}, index=labels),
        optimizer=_rows("optimizer", calls),
        duals=_rows("duals", [(c[0], c[1], "MaxGrossExposure(1.0)", "", "upper", 1.0, 1.0, 0.0, 0.01) for c in calls]),
        timing=pd.DataFrame({"phase": ["loop"], "seconds": [0.5]}),
        info=info,
    )


def _table(name, frame):
    return frame[list(tables.SCHEMAS[name])]


def _rows(name, rows):
    return pd.DataFrame(rows, columns=list(tables.SCHEMAS[name])) if rows else tables.empty_table(name)


def _perf(rows, benchmark, orders):
    base = ["session", "period_close", "ending_cash", "long_value", "short_value", "portfolio_value", "capital_used"]
    perf = pd.DataFrame(rows, columns=[*base, "transactions_count"]).set_index("session")
    value = perf["portfolio_value"]
    perf["returns"] = value / value.shift(fill_value=CAPITAL) - 1.0
    perf["pnl"] = value - value.shift(fill_value=CAPITAL)
    index = benchmark.pct_change().fillna(0.0).to_numpy() if benchmark is not None else None
    for name, column in metrics.expanding(perf["returns"].to_numpy(), index).items():
        perf[name] = column
    perf["period_label"] = perf.index.strftime("%Y-%m")
    perf["period_open"] = perf["period_close"] - pd.Timedelta(hours=6, minutes=29)
    perf["ending_value"] = perf["ending_exposure"] = perf["long_value"] + perf["short_value"]
    perf["long_exposure"], perf["short_exposure"] = perf["long_value"], perf["short_value"]
    for name in ("cash", "value", "exposure"):
        perf[f"starting_{name}"] = perf[f"ending_{name}"].shift(fill_value=CAPITAL if name == "cash" else 0.0)
    perf["gross_leverage"] = (perf["long_value"] - perf["short_value"]) / value
    perf["net_leverage"] = (perf["long_value"] + perf["short_value"]) / value
    perf["max_leverage"] = perf["gross_leverage"].cummax()
    perf["treasury_period_return"] = perf["excess_return"] = 0.0
    perf["trading_days"] = range(1, len(perf) + 1)
    perf["longs_count"], perf["shorts_count"], perf["positions_count"], perf["orders_count"] = 2, 2, 4, 0
    return perf[list(tables.SCHEMAS["perf"])]
