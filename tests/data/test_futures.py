"""Futures contracts: what futures.csv says of them, beside equities."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tradewind_data.assets import Equity, Future
from tradewind_data.bundle import open_bundle
from tradewind_data.errors import BadInputFile
from tradewind_data.ingest.folder import ingest_folder

DAYS = {f"2020-01-{d:02d}": 50.0 + d for d in range(1, 21)}
HEAD = "symbol,sid,root_symbol,exchange,notice_date,expiration_date,auto_close_date,multiplier,tick_size\n"


@pytest.fixture
def contracts(folder, root: Path):
    for symbol in ("CLF20", "CLG20", "AAA"):
        folder.bars(symbol, DAYS)
    folder.write(
        "futures.csv",
        HEAD + "CLG20,901,CL,NYMEX,2020-01-22,2020-01-18,,1000,0.01\nCLF20,900,CL,CMES,,,2020-01-25,50,\n",
    )
    return folder


def test_contracts_beside_equities(contracts) -> None:
    contracts.write("assets.csv", "symbol,sid\nAAA,5\n")
    ingest_folder(contracts.path, "mine", calendar="24/7")
    finder = open_bundle("mine").finder
    equity, first, second = finder
    assert [type(a) for a in finder] == [Equity, Future, Future]
    assert [(a.sid, a.symbol) for a in finder] == [(5, "AAA"), (900, "CLF20"), (901, "CLG20")]
    assert (first.price_multiplier, first.tick_size, first.exchange) == (50.0, 0.01, "CMES")
    assert (second.price_multiplier, second.root_symbol) == (1000.0, "CL")
    assert str(first.auto_close_date.date()) == "2020-01-25"
    assert str(second.auto_close_date.date()) == "2020-01-18"
    assert second.notice_date == pd.Timestamp("2020-01-22")
    assert pd.isna(first.expiration_date)
    assert equity.price_multiplier == 1.0
    assert repr(second) == "Future(901 [CLG20])"
    assert second == 901
    open_bundle("mine").verify()


def test_without_assets_csv_and_appended_to(contracts) -> None:
    ingest_folder(contracts.path, "mine", calendar="24/7")
    assert [(a.sid, type(a)) for a in open_bundle("mine").finder] == [(1, Equity), (900, Future), (901, Future)]
    (contracts.path / "futures.csv").unlink()
    contracts.bars("CLG20", {"2020-01-21": 71.0})
    for symbol in ("CLF20", "AAA"):
        (contracts.path / f"daily/{symbol}.csv").unlink()
    assert ingest_folder(contracts.path, "mine", append=True).version == "2"
    found = open_bundle("mine").finder.retrieve(901)
    assert isinstance(found, Future)
    assert (found.price_multiplier, found.root_symbol) == (1000.0, "CL")
    assert str(found.end_date.date()) == "2020-01-21"


@pytest.mark.parametrize("appended", [False, True])
def test_contracts_trade_at_zero_and_below(contracts, appended: bool) -> None:
    """May 2020 crude closed at -37.63; an equity at such a price is an error."""
    if appended:
        ingest_folder(contracts.path, "mine", calendar="24/7")
        (contracts.path / "futures.csv").unlink()
    falling = (
        "date,open,high,low,close,volume\n2020-01-21,5,5,-2,0,10\n2020-01-22,-1,0,-40.32,-37.63,247947\n"
        "2020-01-23,0,0,0,0,3\n2020-01-24,0,0,0,0,0\n2020-01-25,-1,-2,1,-1,5\n"
    )
    for symbol in ("CLG20", "AAA"):
        contracts.write(f"daily/{symbol}.csv", falling)
    (contracts.path / "daily/CLF20.csv").unlink()
    if not appended:
        contracts.write(
            "futures.csv",
            HEAD.replace(",notice_date,expiration_date,auto_close_date", "") + "CLG20,901,CL,NYMEX,1000,0.01\n",
        )
    report = ingest_folder(contracts.path, "mine", calendar="24/7", append=appended)
    assert report.findings["high_below_low"] == 1
    assert report.findings["not_positive"] == 3
    bundle = open_bundle("mine")
    bars, start = bundle.bars(), bundle.sessions.at_or_after(np.datetime64("2020-01-21", "ns").astype(np.int64))
    column = int(np.searchsorted(bundle.finder.sids, 901))
    found = bars.values("close")[start : start + 4, column]
    assert np.array_equal(found, [0.0, -37.63, 0.0, np.nan][: len(found)], equal_nan=True)
    assert bars.values("volume")[start + 2, column] == 3
    quarantined = pd.read_parquet(report.path / "quarantine.parquet")
    assert quarantined[quarantined["sid"] == 901]["code"].tolist() == ["high_below_low"]


def test_minutes_of_contracts_below_zero(contracts) -> None:
    rows = "".join(f"2020-01-02 00:0{i}:00,{-i},{-i},{-i - 1},{-i},7\n" for i in range(1, 6))
    contracts.write("minute/CLG20.csv", "date,open,high,low,close,volume\n" + rows)
    report = ingest_folder(contracts.path, "mine", calendar="24/7")
    assert report.findings == {}
    bars = open_bundle("mine").bars("1m")
    assert np.nanmin(bars.session_values("close", bars.first_session)) == -5.0


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (HEAD, "no rows"),
        (HEAD + "CLG20,901,CL,X,,,,0,\n", "line 2, column multiplier"),
        (HEAD + "CLG20,901,CL,X,,,,1,-1\n", "line 2, column tick_size"),
        (HEAD + "CLG20,901,CL,X,22/01/2020,,,1,1\n", "line 2, column notice_date"),
        (HEAD + "AAA,901,CL,X,,,,1,1\n", "stands in assets.csv too"),
        (HEAD + "CLG20,5,CL,X,,,,1,1\n", "a sid stands in assets.csv too"),
        ("symbol,sid\nCLG20,901\n", "no column 'root_symbol'"),
    ],
)
def test_bad_files(folder, root: Path, text: str, says: str) -> None:
    for symbol in ("CLG20", "AAA"):
        folder.bars(symbol, DAYS)
    folder.write("assets.csv", "symbol,sid\nAAA,5\n")
    folder.write("futures.csv", text)
    with pytest.raises(BadInputFile, match=says) as caught:
        ingest_folder(folder.path, "mine", calendar="24/7")
    assert caught.value.file == "futures.csv"
