"""Frames and vendors' files: the same bundle as the folder that holds the same rows."""

from __future__ import annotations

import json
import tomllib
from importlib.metadata import EntryPoint
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
from tradewind_data.ingest.vendors import BUILT_IN, GROUP, Delivery, ingest_vendor

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
    with pytest.raises(BadInputFile, match=r"bad\.us\.txt, line 1, column date"):
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


YAHOO = ["Open", "High", "Low", "Close", "Adj Close", "Volume"]


def test_what_yfinance_downloads(tmp_path: Path, root: Path) -> None:
    """download() writes three header lines; its frames have pairs for columns, as text in Parquet written elsewhere."""
    rows = [f"{d.date()},5,6,4,5,5,100" for d in DAYS]
    head = "Price,Open,High,Low,Close,Adj Close,Volume\nTicker,A,A,A,A,A,A\nDate,,,,,,\n"
    (tmp_path / "A.csv").write_text(head + "\n".join(rows))
    index = pd.DatetimeIndex(DAYS, name="Date")
    values = np.tile([5.0, 6.0, 4.0, 5.0, 5.0, 100.0], (len(DAYS), 1))
    pairs = pd.MultiIndex.from_product([YAHOO, ["B"]])
    pd.DataFrame(values, index, pairs).to_parquet(tmp_path / "B.parquet")
    pd.DataFrame(values, index, pd.Index([str((name, "C")) for name in YAHOO])).to_parquet(tmp_path / "C.parquet")
    report = ingest_vendor("yahoo", tmp_path, "mine", "24/7")
    assert (report.assets, report.rows, report.warnings) == (3, 18, ())
    bars = open_bundle("mine").bars()
    assert (bars.values("close")[bars.first_session :] == 5).all()
    two = pd.MultiIndex.from_product([YAHOO, ["B", "C"]])
    pd.DataFrame(np.tile(values, 2), index, two).to_parquet(tmp_path / "D.parquet")
    with pytest.raises(BadInputFile, match=r"several columns 'open'.* one ticker a file"):
        ingest_vendor("yahoo", tmp_path / "D.parquet", "mine", "24/7")


def test_dividends_in_adjusted_prices_do_not_count_twice(tmp_path: Path, root: Path) -> None:
    rows = [f"{d.date()},5,6,4,5,100,{0.5 if i == 2 else 0},0" for i, d in enumerate(DAYS)]
    (tmp_path / "A.csv").write_text("Date,Open,High,Low,Close,Volume,Dividends,Stock Splits\n" + "\n".join(rows))
    report = ingest_vendor("yahoo", tmp_path, "mine", "24/7")
    assert report.dividends == 0
    assert "A.csv has no Adj Close" in report.warnings[0]
    assert "auto_adjust=False" in report.warnings[0]


@pytest.mark.parametrize(
    ("reader", "text", "says"),
    [
        ("yahoo", "Date,Open,High,Low,Close,Volume\n2020-01-01,1,1,1,x,1\n", "line 2, column close: found 'x'"),
        ("yahoo", "Date,Open,High,Low,Close,Volume\nsoon,1,1,1,1,1\n", "line 2, column date: found 'soon'"),
        ("stooq", "<DATE>,<OPEN>,<HIGH>,<LOW>,<CLOSE>,<VOL>\n20200101,1,1,1,1,?\n", "line 2, column volume"),
        ("stooq", "Date,Open,High,Low,Close\n01/02/2020,1,1,1,1\n", "line 2, column date: found '01/02/2020'"),
    ],
)
def test_cells_that_a_vendor_file_cannot_have(reader, text, says, tmp_path: Path, root: Path) -> None:
    (tmp_path / "a.csv").write_text(text)
    with pytest.raises(BadInputFile, match="a.csv, " + says.replace("?", ".")):
        ingest_vendor(reader, tmp_path, "mine", "24/7")
    assert not root.exists()


def test_what_stooq_s_pages_give(tmp_path: Path, root: Path) -> None:
    (tmp_path / "acme_us_d.csv").write_text("Date,Open,High,Low,Close,Volume\n2020-01-01,1,2,1,1.5,7\n")
    (tmp_path / "^spx_us_d.csv").write_text("Date,Open,High,Low,Close\n2020-01-01,1,2,1,1.5\n")
    assert ingest_vendor("stooq", tmp_path, "mine", "24/7").rows == 2
    assert sorted(a.symbol for a in open_bundle("mine").finder) == ["ACME", "^SPX"]


READER = """
import pandas as pd
from tradewind_data.ingest.vendors import Delivery

class Acme:
    def read(self, path):
        frame = pd.read_csv(path)
        splits = pd.DataFrame({"symbol": ["A"], "effective_date": ["2020-01-02"], "ratio": [0.5]})
        return Delivery(iter([("A", frame)]), {"splits": splits}, ["acme says hello"])

class Mute:
    pass
"""


@pytest.fixture
def installed(tmp_path: Path, monkeypatch) -> None:
    """A distribution of somebody else, with readers under our entry point group."""
    site = tmp_path / "site"
    info = site / "acme_reader-1.0.dist-info"
    info.mkdir(parents=True)
    (site / "acme_reader_module.py").write_text(READER)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: acme-reader\nVersion: 1.0\n")
    readers = ("acme = acme_reader_module:Acme", "gone = acme_reader_module:Gone", "lost = no_such_module:X")
    (info / "entry_points.txt").write_text("\n".join(["[tradewind.readers]", *readers, ""]))
    monkeypatch.syspath_prepend(str(site))


@pytest.mark.usefixtures("installed")
def test_a_reader_that_is_installed(tmp_path: Path, root: Path) -> None:
    rows = [f"{d.date()},{c},{c},{c},{c},9" for d, c in zip(DAYS, (10, 5, 5, 5, 5, 5), strict=True)]
    (tmp_path / "prices.txt").write_text("date,open,high,low,close,volume\n" + "\n".join(rows))
    words = ["ingest", "vendor", "acme", str(tmp_path / "prices.txt"), "--name", "mine", "--calendar", "24/7", "--json"]
    done = CliRunner().invoke(cli, words)
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["warnings"] == ["acme says hello"]
    assert open_bundle("mine").actions.splits.numerator.tolist() == [2]
    with pytest.raises(BadIngestRequest, match=r"readers: acme, gone, lost, stooq, yahoo"):
        ingest_vendor("acne", tmp_path, "mine")
    for name, says in (("gone", "AttributeError"), ("lost", "ModuleNotFoundError")):
        with pytest.raises(BadIngestRequest, match=f"reader = '{name}'.*cannot be loaded \\({says}"):
            ingest_vendor(name, tmp_path, "mine")


def test_our_readers_are_entry_points_too() -> None:
    declared = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())
    found = declared["project"]["entry-points"][GROUP]
    assert {name: EntryPoint(name, value, GROUP).load() for name, value in found.items()} == BUILT_IN


def test_on_the_command_line(folder, tmp_path: Path, root: Path) -> None:
    folder.bars("A", {str(d.date()): 5.0 for d in DAYS})
    words = ["--name", "mine", "--calendar", "24/7", "--json"]
    done = CliRunner().invoke(cli, ["ingest", "csvdir", str(folder.path), *words])
    assert done.exit_code == 0, done.output
    assert '"rows": 6' in done.stdout
    done = CliRunner().invoke(cli, ["ingest", "vendor", "yaho", str(folder.path), *words])
    assert done.exit_code == 3
    assert "Did you mean yahoo" in done.stderr
