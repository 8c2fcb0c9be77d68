"""Our side of the parity suite: write the markets as bundles, run the texts, give the same plain values."""

from functools import cache
from pathlib import Path

import pandas as pd
from tests.parity import markets, minute_markets, plain

from tradewind.api import get_datetime
from tradewind.errors import AccountControlViolation, TradingControlViolation
from tradewind.packets import order_key
from tradewind.run import run_file
from tradewind_data.bundle import open_bundle
from tradewind_data.ingest.folder import ingest_folder
from tradewind_data.sessions import build_sessions


@cache
def sessions():
    """ISO dates of the markets' span."""
    first, last = (pd.Timestamp(day).as_unit("ns") for day in (markets.FIRST, markets.LAST))
    return [f"{label:%Y-%m-%d}" for label in build_sessions("XNYS", first, last).index]


def write_rows(path, header, rows):
    """A CSV file of a folder bundle; numbers keep every digit, None is empty."""
    text = [",".join("" if cell is None else str(cell) for cell in row) for row in rows]
    path.write_text("\n".join([header, *text, ""]), encoding="utf-8")


def write_folder(market, folder):
    """A market in the folder format."""
    (folder / "daily").mkdir(parents=True)
    rows = [(a["symbol"], a["sid"], a["start"], a["end"], a["auto_close"]) for a in market["assets"]]
    write_rows(folder / "assets.csv", "symbol,sid,start_date,end_date,auto_close_date", rows)
    if "contracts" in market:
        names = ("symbol", "sid", "root", "start", "end", "auto_close", "multiplier", "tick")
        rows = [["NYSE", *(contract[name] for name in names)] for contract in market["contracts"]]
        header = "exchange,symbol,sid,root_symbol,start_date,end_date,auto_close_date,multiplier,tick_size"
        write_rows(folder / "futures.csv", header, rows)
    for asset in [*market["assets"], *market.get("contracts", ())]:
        first = market["sessions"].index(asset["start"])
        bars = market["bars"][asset["sid"]]
        days = market["sessions"][first : first + len(bars)]
        rows = [(day, *(bar or [None] * 5)) for day, bar in zip(days, bars, strict=True)]
        write_rows(folder / "daily" / f"{asset['symbol']}.csv", "date,open,high,low,close,volume", rows)
    splits = [(sid, day, new / old) for sid, day, new, old in market["splits"]]
    write_rows(folder / "splits.csv", "sid,effective_date,factor", splits)
    write_rows(folder / "dividends.csv", "sid,ex_date,pay_date,amount", market["dividends"])
    header = "sid,payment_sid,ex_date,pay_date,ratio"
    write_rows(folder / "stock_dividends.csv", header, market["stock_dividends"])
    write_rows(folder / "mergers.csv", "sid,effective_date,ratio", market["mergers"])


def write_minutes(market, folder):
    """The minutes of a market in the folder format."""
    (folder / "minute").mkdir()
    for asset in [*market["assets"], *market.get("contracts", ())]:
        bars = market["minutes"][asset["sid"]]
        rows = [(minute_markets.stamp(market["sessions"][day], minute), *bar) for day, minute, *bar in bars]
        write_rows(folder / "minute" / f"{asset['symbol']}.csv", "date,open,high,low,close,volume", rows)


def market_of(name):
    """The market of a name, of days or of minutes."""
    return (minute_markets if minute_markets.is_minutes(name) else markets).make(name, sessions())


def bundle(name, root):
    """The bundle of a market, made under root once."""
    root = Path(root)
    folder = root / f"{name}-folder"
    if not folder.exists():
        market = market_of(name)
        write_folder(market, folder)
        if "minutes" in market:
            write_minutes(market, folder)
        ingest_folder(folder, name, root=root)
    return open_bundle(name, root)


def run(case, root, semantics="zipline"):
    """The plain values of one text under our engine."""
    probes = {}

    def probe(name, found):
        probes.setdefault(f"{get_datetime():{case.moment}} {name}", []).append(plain.tree(found))

    digest = markets.digest(market_of(case.market))
    path = Path(root) / f"{case.name}.py"
    path.write_text(case.text, encoding="utf-8")
    opened = bundle(case.market, root)
    raised = {}
    try:
        result = run_file(
            path,
            bundle=opened,
            start=case.start,
            end=case.end,
            capital_base=case.capital,
            data_frequency=case.frequency,
            emission_rate=case.emission,
            semantics=semantics,
            parameters={"probe": probe},
        )
    except (TradingControlViolation, AccountControlViolation) as error:
        raised = {name: getattr(error, name, None) for name in ("control", "asset", "amount")}
        raised |= {"error": type(error).__name__, "at": _time_of(error)}
        result = error.tradewind_result
    perf = result.to_zipline(opened.finder.retrieve)
    found = plain.packets(perf, probes)
    found["market"] = digest
    found["recorded"] = {name: [plain.value(v) for v in result.recorded[name].tolist()] for name in case.records}
    names = ("time", *plain.MINUTES, *case.records)
    told = result.minutes.iloc[:: plain.SEVENTH]
    found["minutes"] = {name: [plain.value(v) for v in told[name].tolist()] for name in names if len(told)}
    if raised:
        found["raised"] = plain.tree(raised)
    rank = {order_key(ordinal): ordinal for ordinal in range(len(result.orders))}
    return plain.numbered(found, rank)


def _time_of(error):
    """The day, or minute, of an error, from the note that a run puts on it."""
    note = error.__notes__[-1].removeprefix("simulated time: ")
    return note.partition(" (")[0].removesuffix(" UTC")
