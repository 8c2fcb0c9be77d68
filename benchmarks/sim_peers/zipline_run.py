"""zipline-reloaded: the same program text over its own bundle, written from the same prices beforehand (job.store)."""

import logging
import os
import sys
import warnings
from importlib import import_module

import harness
import numpy as np
import pandas as pd
import program

FIELDS = ["open", "high", "low", "close", "volume"]


def imports():
    import_module("zipline.api")
    import_module("zipline.utils.run_algo")


def register(job, writing=False):
    os.environ["ZIPLINE_ROOT"] = job.store
    from zipline.data.bundles import register as enter

    given = harness.arrays(job) if writing else {}

    def into(environ, asset_db_writer, minute_writer, daily_writer, adjustment_writer, *rest):
        write(job, given, asset_db_writer, minute_writer, daily_writer, adjustment_writer)

    enter("sim", into, calendar_name="XNYS", start_session=stamp(job.span[0]), end_session=stamp(job.span[1]))


def stamp(label):
    return pd.Timestamp(label, unit="ns")


def ingest(job):
    register(job, writing=True)
    from zipline.data.bundles import ingest as make

    make("sim", show_progress=False)
    return {"written": job.store}


def write(job, given, assets, minutes, daily, adjustments):
    sids, index = range(1, job.assets + 1), pd.DatetimeIndex(given["labels"].astype("datetime64[ns]"))
    equities = pd.DataFrame({"symbol": [f"S{n:04d}" for n in sids]}, index=pd.Index(sids, name="sid")).assign(
        start_date=index[0], end_date=index[-1], auto_close_date=index[-1] + pd.Timedelta(days=1), exchange="NYSE"
    )
    equities["asset_name"] = equities["symbol"]
    exchanges = pd.DataFrame({"exchange": ["NYSE"], "canonical_name": ["NYSE"], "country_code": ["US"]})
    assets.write(equities, exchanges=exchanges)
    daily.write((n, bars(given, n - 1, index, given.get("starts"))) for n in sids)
    if "stamps" in given:
        at = pd.DatetimeIndex(given["stamps"].astype("datetime64[ns]")).tz_localize("UTC")
        minutes.write((n, bars(given, n - 1, at, None)) for n in sids)
    adjustments.write(splits=splits(given), dividends=dividends(given))


def bars(given, i, index, starts):
    """The frame of an asset's bars; with starts, the days of its minutes."""
    close, volume = given["close"][:, i], given["volume"][:, i]
    if starts is None:
        return pd.DataFrame(dict.fromkeys(FIELDS[:4], close) | {"volume": volume}, index=index)
    begin, end = starts[:-1], starts[1:]
    columns = [close[begin], np.maximum.reduceat(close, begin), np.minimum.reduceat(close, begin), close[end - 1]]
    return pd.DataFrame(dict(zip(FIELDS, [*columns, np.add.reduceat(volume, begin)], strict=True)), index=index)


def splits(given):
    rows = given["splits"]
    return pd.DataFrame({"sid": rows[:, 0], "effective_date": rows[:, 1].astype("datetime64[ns]"), "ratio": 0.5})


def dividends(given):
    rows = given["dividends"]
    ex, pay = rows[:, 1].astype("datetime64[ns]"), rows[:, 2].astype("datetime64[ns]")
    paid = {"sid": rows[:, 0], "ex_date": ex, "record_date": ex, "declared_date": ex, "pay_date": pay}
    return pd.DataFrame({**paid, "amount": given["amounts"]})


def prepare(job, last):
    if not job.cold:
        warnings.simplefilter("ignore")
        logging.disable(logging.CRITICAL)
    register(job)
    from zipline import api
    from zipline.utils.run_algo import run_algorithm

    hooks = program.hooks(api, job)
    return lambda: run_algorithm(
        start=stamp(job.days[job.first]),
        end=stamp(job.days[last]),
        capital_base=harness.CAPITAL,
        data_frequency=job.kind,
        bundle="sim",
        **hooks,
    )


def count(job, perf):
    orders = {order["id"] for day in perf["orders"] for order in day}
    fills = sum(len(day) for day in perf["transactions"])
    return {"value": float(perf["portfolio_value"].iloc[-1]), "orders": len(orders), "fills": fills}


if __name__ == "__main__":
    if len(sys.argv) > 2:
        harness.run_once(ingest)
    else:
        harness.main(prepare, count, imports)
