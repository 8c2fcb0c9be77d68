"""Frames and vendors' files: the same bundle as the folder that holds the same rows."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from click.testing import CliRunner

from tradewind.cli import cli
from tradewind.data import ingest
from tradewind_data.bundle import open_bundle
from tradewind_data.errors import BadIngestRequest, BadInputFile
from tradewind_data.ingest.folder import ingest_folder
from tradewind_data.ingest.vendors import BUILT_IN, Delivery, ingest_vendor

DAYS = pd.date_range("2020-01-01", periods=6)


def frame(price: float = 5.0) -> pd.DataFrame:
    close = price + np.arange(6.0)
    return pd.DataFrame(
        {"open": close, "high": close + 1, "low": close / 2, "close": close, "volume": 1000}, index=DAYS
    )


def test_frames_are_the_folder(folder, root: Path) -> None:
    for symbol, price in (("A", 5.0), ("B", 9.0)):
        folder.bars(symbol, {str(d.date()): price + i for i, d in enumerate(DAYS)})
    folder.write("dividends.csv", "symbol,ex_date,amount\nA,2020-01-03,0.5\n")
    folder.write("datasets/facts.csv", "symbol,asof_date,eps\nA,2020-01-02,1.5\n")
    whole = ingest_folder(folder.path, "folder", calendar="24/7")
    tables = {"dividends": pd.DataFrame({"symbol": ["A"], "ex_date": ["2020-01-03"], "amount": [0.5]})}
    facts = {"facts": pd.DataFrame({"symbol": ["A"], "asof_date": ["2020-01-02"], "eps": [1.5]})}
    frames = {"A": frame(), "B": pa.Table.from_pandas(frame(9.0).rename_axis("Date").reset_index())}
    made = ingest(frames, "frames", calendar="24/7", tables=tables, datasets=facts)
    assert made.hash == whole.hash
    assert ingest(iter(frames.items()), "again", "24/7", tables, facts).hash == whole.hash
    assert ingest({"A": frame()}, "frames", append=True).version == "1"


def test_what_frames_cannot_be(root: Path) -> None:
    with pytest.raises(BadIngestRequest, match="the tables are assets"):
        ingest({"A": frame()}, "x", tables={"split": pd.DataFrame()})
    with pytest.raises(BadInputFile, match=r"daily/A%2FB\.parquet, line 2, column close"):
        ingest({"A/B": frame().assign(close=[5, -1, 7, 8, 9, 10])}, "x", calendar="24/7", strict=True)
    with pytest.raises(BadInputFile, match="no column 'close'"):
        ingest({"A": frame().drop(columns="close")}, "x", calendar="24/7")
    assert not root.exists()


def test_yahoo_files_are_unadjusted(tmp_path: Path, root: Path) -> None:
    """A 2:1 split on the fourth day: what the file shows halved was traded at the full price."""
    (tmp_path / "yahoo").mkdir()
    rows = ["Date,Open,High,Low,Close,Adj Close,Volume,Dividends,Stock Splits"]
    for i, day in enumerate(DAYS):
        paid, split = (0.25 if i == 1 else 0.0), (2.0 if i == 3 else 0.0)
        rows.append(f"{day.date()} 00:00:00-05:00,{10 + i},{11 + i},{9 + i},{10 + i},1,2000,{paid},{split}")
    (tmp_path / "yahoo/ACME.csv").write_text("\n".join(rows))
    report = ingest_vendor("yahoo", tmp_path / "yahoo", "mine", "24/7")
    bundle = open_bundle("mine")
    bars = bundle.bars()
    first = bars.first_session
    assert bars.values("close")[first:, 0].tolist() == [20, 22, 24, 13, 14, 15]
    assert bars.values("volume")[first:, 0].tolist() == [1000, 1000, 1000, 2000, 2000, 2000]
    assert bundle.actions.dividends.amount.tolist() == [0.5]
    assert (bundle.actions.splits.session - first).tolist() == [3]
    assert report.findings == {}


def test_stooq_files(tmp_path: Path, root: Path) -> None:
    (tmp_path / "data/us").mkdir(parents=True)
    head = "<TICKER>,<PER>,<DATE>,<TIME>,<OPEN>,<HIGH>,<LOW>,<CLOSE>,<VOL>,<OPENINT>\n"
    rows = (
        "ACME.US,D,20200101,000000,1,2,0.5,1.5,100,0\n"
        "ACME.US,5,20200101,000500,9,9,9,9,9,0\n"
        "ACME.US,D,20200102,000000,1,2,1,2,50,0\n"
    )
    (tmp_path / "data/us/acme.us.txt").write_text(head + rows)
    ingest_vendor("stooq", tmp_path / "data", "mine", "24/7")
    bars = open_bundle("mine").bars()
    assert [a.symbol for a in open_bundle("mine").finder] == ["ACME"]
    assert bars.values("close")[bars.first_session :, 0].tolist() == [1.5, 2.0]
    (tmp_path / "data/us/bad.us.txt").write_text("a,b\n1,2\n")
    with pytest.raises(BadInputFile, match=r"bad\.us\.txt, line 1.*<date>"):
        ingest_vendor("stooq", tmp_path / "data", "mine", "24/7")


def test_readers_are_found_by_name(folder, tmp_path: Path, root: Path, monkeypatch) -> None:
    class Acme:
        def read(self, path: Path) -> Delivery:
            return Delivery(iter([("A", frame())]))

    monkeypatch.setitem(BUILT_IN, "acme", Acme)
    assert ingest_vendor("acme", tmp_path, "mine", "24/7").rows == 6
    with pytest.raises(BadIngestRequest, match=r"readers: acme, stooq, yahoo. Did you mean acme"):
        ingest_vendor("acmee", tmp_path, "mine")
    with pytest.raises(BadIngestRequest, match=r"no \.csv"):
        ingest_vendor("yahoo", folder.path, "mine")


def test_on_the_command_line(folder, tmp_path: Path, root: Path) -> None:
    folder.bars("A", {str(d.date()): 5.0 for d in DAYS})
    words = ["--name", "mine", "--calendar", "24/7", "--json"]
    done = CliRunner().invoke(cli, ["ingest", "csvdir", str(folder.path), *words])
    assert done.exit_code == 0, done.output
    assert '"rows": 6' in done.stdout
    done = CliRunner().invoke(cli, ["ingest", "vendor", "yaho", str(folder.path), *words])
    assert done.exit_code == 3
    assert "Did you mean yahoo" in done.stderr
