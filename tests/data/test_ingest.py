"""A folder in, a bundle out: every file of the format, round trips, stable hashes."""

from __future__ import annotations

import gzip
import json
from fractions import Fraction
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from tradewind_data.bundle import Bundle, open_bundle
from tradewind_data.errors import DatasetNotFound
from tradewind_data.ingest.daily import split_fraction
from tradewind_data.ingest.folder import ingest_folder
from tradewind_data.ingest.reporting import IngestReport

WEEK = {"2020-01-02": 10.0, "2020-01-03": 11.0, "2020-01-06": 12.0, "2020-01-07": 13.0}


def ingested(folder, calendar: str = "24/7") -> tuple[IngestReport, Bundle]:
    report = ingest_folder(folder.path, "mine", calendar=calendar)
    return report, open_bundle("mine")


def at(bundle: Bundle, date: str) -> int:
    return bundle.sessions.ordinal(pd.Timestamp(date).as_unit("ns").value)


def column(bundle: Bundle, symbol: str, field: str = "close") -> list[float]:
    c = bundle.finder.lookup_symbol(symbol).column
    return bundle.bars().values(field)[bundle.bars().first_session :, c].tolist()


def test_bars_alone_make_a_bundle(folder, root: Path) -> None:
    folder.bars("MSFT", WEEK)
    folder.bars("AAPL", dict(list(WEEK.items())[1:3]))
    report, bundle = ingested(folder, "XNYS")
    assert (report.name, report.version, report.rows, report.assets, report.sessions) == ("mine", "1", 6, 2, 4)
    assert report.warnings == ()
    assert report.hash == bundle.hash
    assert report.path == root / "bundles" / "mine" / "1"
    assert [(a.sid, a.symbol) for a in bundle.finder] == [(1, "AAPL"), (2, "MSFT")]
    apple = bundle.finder.lookup_symbol("AAPL")
    assert [str(d.date()) for d in (apple.start_date, apple.end_date, apple.auto_close_date)] == [
        "2020-01-03",
        "2020-01-06",
        "2020-01-07",
    ]
    assert column(bundle, "MSFT") == [10, 11, 12, 13]
    assert np.array_equal(column(bundle, "AAPL"), [np.nan, 11, 12, np.nan], equal_nan=True)
    assert column(bundle, "AAPL", "volume") == [0, 1000, 1000, 0]
    assert column(bundle, "MSFT", "high") == [11, 12, 13, 14]
    assert bundle.manifest.calendar == "XNYS"
    assert str(bundle.sessions.index[0].date()) == "2019-12-30"
    assert str(bundle.sessions.index[-1].date()) == "2021-01-07"
    assert bundle.finder.auto_close[1] > bundle.bars().last_session
    bundle.verify()


def test_sessions_begin_with_the_week_of_the_month(folder, root: Path) -> None:
    """Sunday 2020-03-01 is of the week of Monday 2020-02-24."""
    folder.bars("A", {"2020-03-17": 1.0})
    _, bundle = ingested(folder)
    assert str(bundle.sessions.index[0].date()) == "2020-02-24"
    assert bundle.sessions.index[0].day_name() == "Monday"
    assert bundle.bars().first_session == bundle.bars().last_session == 22
    assert np.isnan(bundle.bars().values("close")[:22]).all()
    assert (bundle.bars().values("volume")[:22] == 0).all()


def test_a_calendar_that_begins_within_the_week_is_taken_from_its_beginning(folder, root: Path) -> None:
    folder.bars("A", {"1960-01-04": 1.0})
    _, bundle = ingested(folder, "XHKG")
    assert str(bundle.sessions.index[0].date()) >= "1960-01-01"
    assert str(bundle.sessions.label(bundle.bars().first_session).date()) == "1960-01-04"


def test_every_file_of_the_format(folder, root: Path) -> None:
    for symbol in ("AAA", "NEW", "CCC"):
        folder.bars(symbol, WEEK)
    folder.write(
        "assets.csv",
        "Symbol, SID ,name,exchange,start_date,end_date,auto_close_date\n"
        "NEW,30,New Corp,NYSE,,,\n"
        'AAA,10,"Alpha, Inc.",NASDAQ,2019-12-01,2020-02-01,2020-02-05\n'
        "CCC,20,,,,,\n",
    )
    folder.write("symbols.csv", "sid,symbol,start_date,end_date\n30,OLD,,2020-01-03\n30,NEW,2020-01-04,\n")
    folder.write("splits.csv", "symbol,sid,effective_date,ratio\nOLD,,2020-01-03,0.142857\n,10,2020-01-06,2\n")
    folder.write("dividends.csv", "symbol,ex_date,pay_date,amount\nCCC,2020-01-06,2020-01-07,1.2\nCCC,2020-01-03,,1\n")
    folder.write("stock_dividends.csv", "sid,payment_symbol,ex_date,pay_date,ratio\n10,NEW,2020-01-03,,0.1\n")
    folder.write(
        "mergers.csv",
        "symbol,effective_date,ratio,acquirer_symbol,cash\nCCC,2020-01-07,0.9,AAA,2.5\nNEW,2020-01-07,1.1,,\n",
    )
    folder.write(
        "classifications.csv",
        "symbol,start_date,end_date,scheme,code\nAAA,,2020-01-03,sector,101\nAAA,2020-01-04,,sector,311\nCCC,,,style,growth\n",
    )
    report, bundle = ingested(folder)
    assert [(a.sid, a.symbol, a.asset_name, a.exchange) for a in bundle.finder] == [
        (10, "AAA", "Alpha, Inc.", "NASDAQ"),
        (20, "CCC", "", ""),
        (30, "NEW", "New Corp", "NYSE"),
    ]
    assert str(bundle.finder.retrieve(10).auto_close_date.date()) == "2020-02-05"
    assert str(bundle.finder.retrieve(10).start_date.date()) == "2019-12-01"
    assert bundle.finder.lookup_symbol("OLD") == 30
    splits = bundle.actions.splits
    assert list(zip(splits.column.tolist(), splits.numerator.tolist(), splits.denominator.tolist(), strict=True)) == [
        (2, 7, 1),
        (0, 1, 2),
    ]
    cash = bundle.actions.dividends
    assert list(zip(cash.ex - at(bundle, "2020-01-02"), cash.pay - cash.ex, cash.amount, strict=True)) == [
        (1, 0, 1.0),
        (4, 1, 1.2),
    ]
    stock = bundle.actions.stock_dividends
    assert (stock.column.tolist(), stock.paid_column.tolist(), stock.ratio.tolist()) == ([0], [2], [0.1])
    mergers = bundle.actions.mergers
    assert (mergers.column.tolist(), mergers.acquirer_column.tolist(), mergers.cash.tolist()) == (
        [1, 2],
        [0, -1],
        [2.5, 0],
    )
    sectors = bundle.classifications
    assert sectors.schemes == ("sector", "style")
    day = [int(bundle.sessions.labels[at(bundle, d)]) for d in ("2020-01-03", "2020-01-04")]
    assert [sectors.as_of("sector", d).tolist() for d in day] == [[101, -1, -1], [311, -1, -1]]
    assert sectors.as_of("style", day[0]).tolist() == [None, "growth", None]
    assert len(sectors.frame) == 3
    with pytest.raises(DatasetNotFound, match=r"no classification scheme 'sectors'; .*: sector, style"):
        sectors.as_of("sectors", day[0])
    assert report.warnings == ("splits.csv, line 2: ratio 0.142857 was read as a 7:1 split",)
    assert (report.splits, report.dividends) == (2, 2)


def test_a_symbol_without_a_date_means_its_last_owner(folder, root: Path) -> None:
    folder.bars("NEW", WEEK)
    folder.bars("TAKER", WEEK)
    folder.write("symbols.csv", "sid,symbol,start_date,end_date\n1,T,,2020-01-03\n1,NEW,2020-01-04,\n2,T,2020-01-05,\n")
    folder.write("classifications.csv", "symbol,scheme,code\nT,style,value\n")
    folder.write("dividends.csv", "symbol,ex_date,amount\nT,2019-06-01,1\nT,2020-01-03,1\nT,2020-01-06,1\n")
    _, bundle = ingested(folder)
    style = bundle.classifications.as_of("style", int(bundle.sessions.labels[5]))
    assert style.tolist() == [None, "value"]
    assert bundle.actions.dividends.column.tolist() == [0, 1]


def test_dataset_requests_say_what_there_is(folder, root: Path) -> None:
    folder.bars("A", WEEK)
    _, bundle = ingested(folder)
    assert bundle.datasets.names == ()
    with pytest.raises(DatasetNotFound, match="no dataset 'fundamentals'; its datasets: none"):
        bundle.datasets.as_of("fundamentals", ["pe"], bundle.sessions.labels[:1], bundle.finder.sids)


def test_zipline_csvdir_columns(folder, root: Path) -> None:
    extra = {"2020-01-03": "0.5,1.0", "2020-01-06": "0,2", "2020-01-07": ","}
    folder.bars("A", WEEK, {d: extra.get(d, "0,1") for d in WEEK}, ",dividend,split")
    _, bundle = ingested(folder)
    assert bundle.actions.splits.numerator.tolist() == [2]
    assert bundle.actions.dividends.amount.tolist() == [0.5]
    first = at(bundle, "2020-01-02")
    assert (bundle.actions.splits.session[0] - first, bundle.actions.dividends.ex[0] - first) == (4, 1)


def test_actions_that_stand_twice_count_once(folder, root: Path) -> None:
    folder.bars("A", WEEK, {"2020-01-03": "0.5,1", "2020-01-06": "0,2"}, ",dividend,split")
    folder.write("splits.csv", "symbol,effective_date,factor\nA,2020-01-06,2\n")
    folder.write("dividends.csv", "symbol,ex_date,pay_date,amount\nA,2020-01-03,2020-01-07,0.5\n")
    report, bundle = ingested(folder)
    assert len(bundle.actions.splits) == len(bundle.actions.dividends) == 1
    assert bundle.actions.dividends.pay[0] == at(bundle, "2020-01-07")
    assert len(report.warnings) == 2
    assert all("counts once" in w for w in report.warnings)


@pytest.mark.parametrize(
    ("file", "symbol"),
    [
        ("BRK.B.csv", "BRK.B"),
        ("^GSPC.csv", "^GSPC"),
        ("BTC%2FUSD.csv", "BTC/USD"),
        ("A%25.CSV", "A%"),
        ("X Y.csv", "X Y"),
    ],
)
def test_symbols_in_file_names(folder, root: Path, file: str, symbol: str) -> None:
    folder.bars("tmp", WEEK).rename(folder.path / "daily" / file)
    _, bundle = ingested(folder)
    assert [a.symbol for a in bundle.finder] == [symbol]
    assert bundle.finder.lookup_symbol(symbol) == 1


def test_the_three_formats_give_one_hash(folder, tmp_path: Path, root: Path) -> None:
    text = folder.bars("A", WEEK).read_text()
    plain = ingest_folder(folder.path, "plain", calendar="24/7")
    (folder.path / "daily/A.csv").unlink()
    folder.write("daily/A.csv.gz", gzip.compress(text.encode()))
    packed = ingest_folder(folder.path, "packed", calendar="24/7")
    (folder.path / "daily/A.csv.gz").unlink()
    frame = pd.read_csv(folder.write("x", text), parse_dates=["date"])
    frame.to_parquet(folder.path / "daily/A.parquet", index=False)
    parquet = ingest_folder(folder.path, "parquet", calendar="24/7")
    frame.assign(
        date=frame["date"].dt.tz_localize("America/New_York"), volume=frame["volume"].astype("int32")
    ).to_parquet(folder.path / "daily/A.parquet")
    zoned = ingest_folder(folder.path, "zoned", calendar="24/7")
    assert plain.hash == packed.hash == parquet.hash == zoned.hash


def test_spellings_that_mean_the_same(folder, root: Path) -> None:
    folder.bars("A", WEEK)
    plain = ingest_folder(folder.path, "one", calendar="24/7")
    rows = [f"{c / 2}, {c},1000,{c},{c + 1},{d} 00:00:00+00:00,x" for d, c in reversed(WEEK.items())]
    folder.write("daily/A.csv", "\ufeffLOW,Close,volume ,OPEN,High,Date,remark\r\n\r\n" + "\r\n".join(rows))
    other = ingest_folder(folder.path, "two", calendar="24/7")
    assert plain.hash == other.hash


def test_sessions_without_a_trade(folder, root: Path) -> None:
    folder.write(
        "daily/A.csv",
        "date,open,high,low,close,volume\n2020-01-01,5,5,5,5,9\n2020-01-02,,,,,\n2020-01-03,0,0,0,0,0\n2020-01-04,NaN,NaN,NaN,NaN,0\n2020-01-05,6,6,6,6,0\n",
    )
    _, bundle = ingested(folder)
    assert np.array_equal(column(bundle, "A"), [5, np.nan, np.nan, np.nan, 6], equal_nan=True)
    assert column(bundle, "A", "volume") == [9, 0, 0, 0, 0]


def test_same_input_same_bytes(folder, root: Path) -> None:
    folder.bars("A", WEEK)
    folder.bars("B", WEEK)
    one, two = (ingest_folder(folder.path, "mine", calendar="24/7") for _ in range(2))
    assert (one.version, two.version, one.hash) == ("1", "2", two.hash)
    for path in one.path.rglob("*"):
        if path.is_file():
            assert path.read_bytes() == (two.path / path.relative_to(one.path)).read_bytes()


@pytest.mark.parametrize(
    "change",
    [
        lambda f: f.bars("A", {**WEEK, "2020-01-07": 13.000000000000002}),
        lambda f: f.write("dividends.csv", "symbol,ex_date,amount\nA,2020-01-06,1\n"),
        lambda f: f.write("assets.csv", "symbol,sid\nA,2\n"),
        lambda f: f.write("assets.csv", "symbol,name\nA,Alpha\n"),
        lambda f: f.bars("B", WEEK),
    ],
)
def test_other_input_another_hash(folder, root: Path, change) -> None:
    folder.bars("A", WEEK)
    one = ingest_folder(folder.path, "mine", calendar="24/7")
    change(folder)
    assert ingest_folder(folder.path, "mine", calendar="24/7").hash != one.hash


def test_what_is_left_out_is_said(folder, root: Path) -> None:
    folder.bars("A", WEEK)
    folder.write("split.csv", "x")
    folder.write("daily/.hidden.csv", "x")
    folder.write("daily/notes.txt", "x")
    folder.write("dividends.csv", "symbol,ex_date,amount\nA,2020-01-03,500\nA,2021-06-01,1\n")
    folder.write("assets.csv", "symbol,start_date,end_date\nA,,\nB,2020-01-01,2020-01-02\n")
    report, bundle = ingested(folder)
    text = "\n".join(report.warnings)
    for part in (
        "split.csv was left out: the folder format knows no such file. Did you mean splits.csv",
        "'B' has no bars",
        "1 of the dividends take effect outside the bars",
        "dividend of A on 2020-01-03 adjusts no price: 500, the last close before it is 10",
    ):
        assert part in text
    assert len(report.warnings) == 4
    assert np.isnan(column(bundle, "B")).all()


def test_progress_is_told(folder, root: Path) -> None:
    folder.bars("A", WEEK)
    folder.bars("B", WEEK)
    told: list[tuple[int, int, str]] = []
    ingest_folder(folder.path, "mine", calendar="24/7", progress=lambda *step: told.append(step))
    assert told == [(0, 2, "reading A"), (1, 2, "reading B"), (0, 1, "writing 2020"), (1, 1, "written")]


def test_the_files_are_plain_parquet(folder, root: Path) -> None:
    """Any Parquet reader sees the rows; a year is one row group, sorted by session and sid, with statistics."""
    folder.bars("A", {"2019-12-31": 9.0, **WEEK})
    folder.bars("B", dict(list(WEEK.items())[1:]))
    report, bundle = ingested(folder)
    assert sorted(p.name for p in (report.path / "bars/1d").iterdir()) == ["2019.parquet", "2020.parquet"]
    frame = pd.read_parquet(report.path / "bars/1d/2020.parquet")
    assert list(frame.columns) == ["session", "sid", "open", "high", "low", "close", "volume"]
    assert len(frame) == 7 * 2
    assert frame.set_index(["session", "sid"]).index.is_monotonic_increasing
    assert frame.loc[frame["sid"] == 1, "close"].dropna().tolist() == list(WEEK.values())
    with pq.ParquetFile(report.path / "bars/1d/2020.parquet") as file:
        assert file.metadata.num_row_groups == 1
        group = file.metadata.row_group(0)
        assert all(group.column(i).statistics is not None and group.column(i).compression == "ZSTD" for i in range(7))
    manifest = json.loads((report.path / "manifest.json").read_text())
    assert manifest["content_hash"] == bundle.hash
    assert manifest["files"]["bars/1d/2019.parquet"]["rows"] == 1
    assert pd.read_parquet(report.path / "sessions.parquet")["open"].dt.tz is not None


@pytest.mark.parametrize(
    ("written", "exact"),
    [
        (0.5, "1/2"),
        (2.0, "2"),
        (1.5, "3/2"),
        (0.142857, "1/7"),
        (0.1429, "1/7"),
        (0.143, "1/7"),
        (0.667, "2/3"),
        (0.3333, "1/3"),
        (1 / 3, "1/3"),
        (1 / 7, "1/7"),
        (1 / 27, "1/27"),
        (0.0667, "1/15"),
        (17 / 13, "17/13"),
        (1.0485, "2097/2000"),
        (1.048, "131/125"),
        (1.12, "28/25"),
        (1.4287, "14287/10000"),
        (0.001, "1/1000"),
        (1500.0, "1500"),
        (0.05, "1/20"),
    ],
)
def test_splits_are_exact(written: float, exact: str) -> None:
    assert split_fraction(written) == Fraction(exact)


@pytest.mark.parametrize("written", [3.14159265358979, 2**0.5, 1e-9, 1e9])
def test_numbers_that_are_no_split(written: float) -> None:
    assert split_fraction(written) is None


def test_a_column_nearly_known_is_told_of(folder, root: Path) -> None:
    folder.bars("A", {"2020-01-01": 5.0, "2020-01-02": 5.0})
    folder.write("mergers.csv", "symbol,effective_date,ratio,acquirer,cash,why\nA,2020-01-02,0.5,B,1,x\n")
    report = ingest_folder(folder.path, "mine", calendar="24/7")
    told = [warning for warning in report.warnings if "passed over" in warning]
    assert told == ["mergers.csv: the column 'acquirer' was passed over. Did you mean acquirer_sid or acquirer_symbol?"]
