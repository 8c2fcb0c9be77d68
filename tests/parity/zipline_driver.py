"""Run the algorithm texts under zipline-reloaded and write what it reports: python zipline_driver.py OUT [names].

Runs in an environment of its own (`make parity` makes it); imports nothing of tradewind.
"""

import functools
import logging
import os
import sys
import tempfile
import traceback
import warnings
from pathlib import Path

import cases
import markets
import minute_markets
import pandas as pd
import plain
from zipline import api
from zipline.data.bundles import ingest, register
from zipline.errors import AccountControlViolation, TradingControlViolation
from zipline.finance import execution
from zipline.finance.blotter import SimulationBlotter
from zipline.gens.tradesimulation import AlgorithmSimulator
from zipline.utils import run_algo
from zipline.utils.calendar_utils import get_calendar
from zipline.utils.run_algo import run_algorithm

MARKETS = {}
FIELDS = ["open", "high", "low", "close", "volume"]


def sessions():
    found = get_calendar("XNYS").sessions_in_range(pd.Timestamp(markets.FIRST), pd.Timestamp(markets.LAST))
    return [f"{label:%Y-%m-%d}" for label in found]


def stamps(rows, at):
    return pd.to_datetime([row[at] for row in rows])


def bars_of(market):
    index = pd.DatetimeIndex(market["sessions"])
    for asset in [*market["assets"], *market.get("contracts", ())]:
        rows = [[0.0] * 5 if row is None else row for row in market["bars"][asset["sid"]]]
        span = index[index.get_loc(asset["start"]) : index.get_loc(asset["end"]) + 1]
        yield asset["sid"], pd.DataFrame(rows, index=span, columns=FIELDS)


def minutes_of(market):
    """sid → frame of minute bars."""
    days = market["sessions"]
    for sid, rows in market["minutes"].items():
        ends = pd.DatetimeIndex([minute_markets.stamp(days[row[0]], row[1]) for row in rows])
        yield sid, pd.DataFrame([row[2:] for row in rows], index=ends, columns=FIELDS)


def write_market(market, asset_db_writer, daily_bar_writer, adjustment_writer):
    assets = pd.DataFrame(market["assets"]).set_index("sid")
    equities = pd.DataFrame(
        {
            "symbol": assets["symbol"],
            "asset_name": assets["symbol"],
            "start_date": pd.to_datetime(assets["start"]),
            "end_date": pd.to_datetime(assets["end"]),
            "auto_close_date": pd.to_datetime(assets["auto_close"]),
            "exchange": "NYSE",
        }
    )
    exchanges = pd.DataFrame({"exchange": ["NYSE"], "canonical_name": ["NYSE"], "country_code": ["US"]})
    asset_db_writer.write(equities, exchanges=exchanges, **futures_of(market))
    daily_bar_writer.write(bars_of(market))
    adjustment_writer.write(**adjustments_of(market))


def futures_of(market):
    if "contracts" not in market:
        return {}
    contracts = pd.DataFrame(market["contracts"]).set_index("sid")
    futures = pd.DataFrame(
        {
            "symbol": contracts["symbol"],
            "root_symbol": contracts["root"],
            "asset_name": contracts["symbol"],
            "start_date": pd.to_datetime(contracts["start"]),
            "end_date": pd.to_datetime(contracts["end"]),
            "first_traded": pd.to_datetime(contracts["start"]),
            "exchange": "NYSE",
            "notice_date": pd.to_datetime(contracts["auto_close"]),
            "expiration_date": pd.to_datetime(contracts["end"]),
            "auto_close_date": pd.to_datetime(contracts["auto_close"]),
            "tick_size": contracts["tick"],
            "multiplier": contracts["multiplier"],
        }
    )
    names = sorted(set(contracts["root"]))
    numbers = range(1, len(names) + 1)
    roots = pd.DataFrame({"root_symbol": names, "root_symbol_id": numbers, "exchange": "NYSE", "sector": "made"})
    return {"futures": futures, "root_symbols": roots}


def adjustments_of(market):
    splits, mergers = market["splits"], market["mergers"]
    cash, stock = market["dividends"], market["stock_dividends"]
    paid = {
        "sid": [row[0] for row in cash],
        "ex_date": stamps(cash, 1),
        "pay_date": stamps(cash, 2),
        "amount": [row[3] for row in cash],
    }
    paid["record_date"] = paid["declared_date"] = paid["ex_date"]
    frames = {
        "splits": pd.DataFrame(
            {"sid": [r[0] for r in splits], "effective_date": stamps(splits, 1), "ratio": [r[3] / r[2] for r in splits]}
        ),
        "dividends": pd.DataFrame(paid),
    }
    if mergers:
        frames["mergers"] = pd.DataFrame(
            {"sid": [r[0] for r in mergers], "effective_date": stamps(mergers, 1), "ratio": [r[2] for r in mergers]}
        )
    if stock:
        given = {
            "sid": [r[0] for r in stock],
            "payment_sid": [r[1] for r in stock],
            "ex_date": stamps(stock, 2),
            "pay_date": stamps(stock, 3),
            "ratio": [r[4] for r in stock],
        }
        given["record_date"] = given["declared_date"] = given["ex_date"]
        frames["stock_dividends"] = pd.DataFrame(given)
    return frames


def register_market(name):
    room = minute_markets if minute_markets.is_minutes(name) else markets
    market = room.make(name, sessions())

    def into(environ, asset_db_writer, minute_writer, daily_writer, adjustment_writer, calendar, start, end, *rest):
        write_market(market, asset_db_writer, daily_writer, adjustment_writer)
        if "minutes" in market:
            minute_writer.write(minutes_of(market))

    first, last = pd.Timestamp(market["sessions"][0]), pd.Timestamp(market["sessions"][-1])
    MARKETS[name] = markets.digest(market)
    register(name, into, calendar_name="XNYS", start_session=first, end_session=last)
    ingest(name, show_progress=False)


class Placed:
    """Orders in the order of placement: zipline's ids are random, so placement gives them their rank."""

    def __init__(self):
        self.rank = {}
        outer = self

        class Blotter(SimulationBlotter):
            def order(self, asset, amount, style, order_id=None):
                made = super().order(asset, amount, style, order_id)
                if made is not None:
                    outer.rank[made] = len(outer.rank)
                return made

        self.blotter = Blotter()


def namespace_of(case, probe):
    """What a text finds without import, as in a file run by tradewind."""
    names = {name: getattr(api, name) for name in dir(api) if not name.startswith("_")}
    styles = ("MarketOrder", "LimitOrder", "StopOrder", "StopLimitOrder")
    return {**names, **{name: getattr(execution, name) for name in styles}, "probe": probe}


class Told:
    """The packets that zipline's own runner throws away: those of minutes, and all of a run that an error ends."""

    def __init__(self, case):
        self.case, self.rows, self.days = case, [], []

    def __enter__(self):
        room, days = AlgorithmSimulator, self.days
        self.kept = run_algo.SimulationParameters, room._get_minute_message, room._get_daily_message
        rows, (parameters, message, daily) = self.rows, self.kept
        run_algo.SimulationParameters = functools.partial(parameters, emission_rate=self.case.emission)

        def told(simulator, dt, algo, tracker):
            found = message(simulator, dt, algo, tracker)
            risk = found["cumulative_risk_metrics"]
            rows.append({**found["minute_perf"], **risk, "time": dt, "recorded_vars": dict(algo.recorded_vars)})
            return found

        def told_daily(simulator, dt, algo, tracker):
            self.algorithm, found = algo, daily(simulator, dt, algo, tracker)
            days.append(found)
            return found

        room._get_minute_message, room._get_daily_message = told, told_daily
        return self

    def __exit__(self, *error):
        room = AlgorithmSimulator
        run_algo.SimulationParameters, room._get_minute_message, room._get_daily_message = self.kept

    def plain(self):
        kept = self.rows[:: plain.SEVENTH]
        names = ("time", *plain.MINUTES) if kept else ()
        found = {name: [plain.value(row[name]) for row in kept] for name in names}
        known = {name: [plain.value(row["recorded_vars"].get(name)) for row in kept] for name in self.case.records}
        return found | known if kept else found


def run(case):
    with Told(case) as told:
        found = run_daily(case, told)
    return found | ({"minutes": told.plain()} if told.rows else {})


def run_daily(case, told):
    probes, placed, raised = {}, Placed(), {}

    def probe(name, found):
        probes.setdefault(f"{api.get_datetime():{case.moment}} {name}", []).append(plain.tree(found))

    names = namespace_of(case, probe)
    exec(compile(case.text, case.name, "exec"), names)
    hooks = {hook: names.get(hook) for hook in ("initialize", "handle_data", "before_trading_start")}
    try:
        perf = run_algorithm(
            start=pd.Timestamp(case.start),
            end=pd.Timestamp(case.end),
            capital_base=case.capital,
            data_frequency=case.frequency,
            bundle=case.market,
            blotter=placed.blotter,
            **{**hooks, "initialize": hooks["initialize"] or (lambda context: None)},
        )
    except (TradingControlViolation, AccountControlViolation) as error:
        if not case.ends:
            raise
        facts = {**dict.fromkeys(("asset", "amount")), **error.kwargs}
        control, at = facts["constraint"].split("(")[0], f"{placed.blotter.current_dt:{case.moment}}"
        raised = {"control": control, "asset": facts["asset"], "amount": facts["amount"]}
        raised |= {"error": type(error).__name__, "at": at}
        perf = told.algorithm._create_daily_stats(told.days)
    found = plain.packets(perf, probes)
    found["market"] = MARKETS[case.market]
    if raised:
        found["raised"] = plain.tree(raised)
    found["recorded"] = {name: [plain.value(v) for v in perf[name].tolist()] for name in case.records}
    return plain.numbered(found, placed.rank)


def main(out, names):
    warnings.simplefilter("ignore")
    logging.disable(logging.CRITICAL)
    chosen = [case for case in cases.all_cases() if not names or case.name in names]
    with tempfile.TemporaryDirectory() as root:
        os.environ["ZIPLINE_ROOT"] = root
        for market in sorted({case.market for case in chosen}):
            register_market(market)
        for case in chosen:
            try:
                plain.write(Path(out) / f"{case.name}.json.gz", run(case))
            except Exception:
                print(case.name, "failed:", traceback.format_exc(limit=-3), flush=True)


if __name__ == "__main__":
    main(sys.argv[1], set(sys.argv[2:]))
