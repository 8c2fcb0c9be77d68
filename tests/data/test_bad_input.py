"""Every kind of bad input ends in an error naming file, line, column, value, rule and next move, and leaves nothing."""

from __future__ import annotations

import gzip
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd
import pytest

from tradewind_data.errors import BadIngestRequest, BadInputFile, CalendarNotFound
from tradewind_data.ingest.folder import ingest_folder

HEAD = "date,open,high,low,close,volume\n"
GOOD = HEAD + "2020-01-01,10,11,9,10.5,100\n2020-01-02,10,11,9,10.5,100\n"


@dataclass(frozen=True)
class Case:
    files: dict[str, str | bytes]
    file: str
    row: int | None
    column: str | None
    says: tuple[str, ...]
    value: object = None
    calendar: str = "24/7"
    good: dict[str, str] = field(default_factory=lambda: {"daily/AAA.csv": GOOD})


CASES = {
    "missing column": Case(
        {"daily/BBB.csv": "date,open,high,low,volume\n2020-01-01,1,1,1,1\n"},
        "daily/BBB.csv",
        1,
        "close",
        ("no column 'close'", "volume"),
    ),
    "misspelled column": Case(
        {"daily/BBB.csv": "date,open,high,low,close,volum\n2020-01-01,1,1,1,1,1\n"},
        "daily/BBB.csv",
        1,
        "volume",
        ("Did you mean volum",),
    ),
    "doubled column": Case(
        {"daily/BBB.csv": "date,open,high,low,close,volume,Close\n2020-01-01,1,1,1,1,1,1\n"},
        "daily/BBB.csv",
        1,
        "Close",
        ("twice",),
    ),
    "unreadable number": Case(
        {"daily/BBB.csv": HEAD + "2020-01-01,1,1,1,1,1\n2020-01-02,1,1,1,1.2.3,1\n"},
        "daily/BBB.csv",
        3,
        "close",
        ("not a number", "plain"),
        "1.2.3",
    ),
    "thousands separator": Case(
        {"daily/BBB.csv": HEAD + '2020-01-01,1,1,1,1,"1,000"\n'}, "daily/BBB.csv", 2, "volume", ("thousands",), "1,000"
    ),
    "negative price": Case(
        {"daily/BBB.csv": HEAD + "2020-01-01,1,1,1,1,1\n2020-01-02,1,1,-1,1,1\n"},
        "daily/BBB.csv",
        3,
        "low",
        ("greater than 0",),
        -1.0,
    ),
    "zero price": Case(
        {"daily/BBB.csv": HEAD + "2020-01-01,0,1,1,1,1\n"}, "daily/BBB.csv", 2, "open", ("greater than 0",), 0.0
    ),
    "infinite price": Case(
        {"daily/BBB.csv": HEAD + "2020-01-01,1,inf,1,1,1\n"}, "daily/BBB.csv", 2, "high", ("finite",), float("inf")
    ),
    "price missing beside others": Case(
        {"daily/BBB.csv": HEAD + "2020-01-01,1,1,1,,1\n"}, "daily/BBB.csv", 2, "close", ("missing in a row",)
    ),
    "negative volume": Case(
        {"daily/BBB.csv": HEAD + "2020-01-01,1,1,1,1,-5\n"}, "daily/BBB.csv", 2, "volume", ("at least 0",), -5.0
    ),
    "high below low": Case(
        {"daily/BBB.csv": HEAD + "2020-01-01,1,1,2,1,1\n"}, "daily/BBB.csv", 2, "high", ("below its low",), 1.0
    ),
    "duplicate date": Case(
        {"daily/BBB.csv": HEAD + "2020-01-02,1,1,1,1,1\n\n2020-01-01,1,1,1,1,1\n2020-01-02,1,1,1,1,1\n"},
        "daily/BBB.csv",
        5,
        "date",
        ("already on line 2", "one bar a date"),
        "2020-01-02",
    ),
    "no session of the calendar": Case(
        {"daily/BBB.csv": HEAD + "2020-01-03,1,1,1,1,1\n2020-01-04,1,1,1,1,1\n"},
        "daily/BBB.csv",
        3,
        "date",
        ("no session of the calendar XNYS", "--calendar"),
        "2020-01-04",
        "XNYS",
        {},
    ),
    "empty file": Case({"daily/BBB.csv": ""}, "daily/BBB.csv", None, None, ("it is empty",)),
    "header without rows": Case({"daily/BBB.csv": HEAD}, "daily/BBB.csv", None, None, ("no rows",)),
    "bad date": Case(
        {"daily/BBB.csv": HEAD + "2020-13-01,1,1,1,1,1\n"}, "daily/BBB.csv", 2, "date", ("YYYY-MM-DD",), "2020-13-01"
    ),
    "American date": Case(
        {"daily/BBB.csv": HEAD + "01/02/2020,1,1,1,1,1\n"}, "daily/BBB.csv", 2, "date", ("YYYY-MM-DD",), "01/02/2020"
    ),
    "empty date": Case({"daily/BBB.csv": HEAD + ",1,1,1,1,1\n"}, "daily/BBB.csv", 2, "date", ("date is empty",)),
    "time of day": Case(
        {"daily/BBB.csv": HEAD + "2020-01-01 16:00:00,1,1,1,1,1\n"},
        "daily/BBB.csv",
        2,
        "date",
        ("without a time",),
        "2020-01-01 16:00:00",
    ),
    "short line": Case(
        {"daily/BBB.csv": HEAD + "2020-01-01,1,1,1,1,1\n2020-01-02,1,1\n"},
        "daily/BBB.csv",
        3,
        None,
        ("3 cells, the header 6",),
        "2020-01-02,1,1",
    ),
    "UTF-16": Case(
        {"daily/BBB.csv": GOOD.encode("utf-16")}, "daily/BBB.csv", None, None, ("not UTF-8", "Save the file as UTF-8")
    ),
    "Latin-1 name": Case(
        {"assets.csv": "symbol,name\nAAA,Société\n".encode("latin-1")}, "assets.csv", None, None, ("not UTF-8",)
    ),
    "broken gzip": Case(
        {"daily/BBB.csv.gz": b"not gzip at all"}, "daily/BBB.csv.gz", None, None, ("cannot be unpacked",)
    ),
    "truncated gzip": Case(
        {"daily/BBB.csv.gz": gzip.compress(GOOD.encode())[:-9]}, "daily/BBB.csv.gz", None, None, ("cannot be unpacked",)
    ),
    "broken Parquet": Case(
        {"daily/BBB.parquet": b"PAR1 nonsense PAR1"}, "daily/BBB.parquet", None, None, ("cannot be read as Parquet",)
    ),
    "symbol unknown to assets.csv": Case(
        {"assets.csv": "symbol\nAAB\n"}, "daily/AAA.csv", None, "symbol", ("no symbol 'AAA'", "Did you mean AAB"), "AAA"
    ),
    "two files a symbol": Case(
        {"daily/AAA.parquet": b""}, "daily/AAA.parquet", None, None, ("already has the file AAA.csv",)
    ),
    "symbol twice": Case(
        {"assets.csv": "symbol\nAAA\nAAA\n"}, "assets.csv", 3, "symbol", ("already on line 2",), "AAA"
    ),
    "sid twice": Case(
        {"assets.csv": "symbol,sid\nAAA,7\nBBB,7\n"}, "assets.csv", 3, "sid", ("already on line 2",), 7.0
    ),
    "sid missing": Case({"assets.csv": "symbol,sid\nAAA,7\nBBB,\n"}, "assets.csv", 3, "sid", ("other rows have one",)),
    "sid not whole": Case({"assets.csv": "symbol,sid\nAAA,7.5\n"}, "assets.csv", 2, "sid", ("whole number",), 7.5),
    "asset without bars or dates": Case(
        {"assets.csv": "symbol\nAAA\nBBB\n"}, "assets.csv", 3, "symbol", ("no bars",), "BBB"
    ),
    "asset ends before it starts": Case(
        {"assets.csv": "symbol,start_date,end_date\nAAA,2020-01-03,2020-01-01\n"},
        "assets.csv",
        2,
        "end_date",
        ("before it starts",),
        "2020-01-01",
    ),
    "bar outside the lifetime": Case(
        {"assets.csv": "symbol,start_date\nAAA,2020-01-02\n"},
        "daily/AAA.csv",
        2,
        "date",
        ("lifetime 2020-01-02",),
        "2020-01-01",
    ),
    "future": Case(
        {"assets.csv": "symbol,asset_type\nAAA,future\n"}, "assets.csv", 2, "asset_type", ("'equity'",), "future"
    ),
    "overlapping symbols": Case(
        {
            "assets.csv": "symbol,sid\nAAA,1\nBBB,2\n",
            "daily/BBB.csv": GOOD,
            "symbols.csv": "sid,symbol,start_date,end_date\n1,OLD,2020-01-01,2020-01-02\n2,OLD,2020-01-02,2020-01-02\n",
        },
        "symbols.csv",
        3,
        "symbol",
        ("also borne by sid 1 (line 2)", "2020-01-02"),
        "OLD",
    ),
    "symbol history of an unknown sid": Case(
        {"symbols.csv": "sid,symbol\n9,AAA\n"}, "symbols.csv", 2, "sid", ("no asset has this sid",), 9.0
    ),
    "split of an unknown symbol": Case(
        {"splits.csv": "symbol,effective_date,ratio\nAAAA,2020-01-02,0.5\n"},
        "splits.csv",
        2,
        "symbol",
        ("Did you mean AAA",),
        "AAAA",
    ),
    "split without ratio": Case(
        {"splits.csv": "symbol,effective_date\nAAA,2020-01-02\n"}, "splits.csv", 1, None, ("'ratio'", "'factor'")
    ),
    "split without asset": Case(
        {"splits.csv": "effective_date,ratio\n2020-01-02,0.5\n"}, "splits.csv", 1, None, ("'symbol'", "'sid'")
    ),
    "split naming no asset": Case(
        {"splits.csv": "symbol,effective_date,ratio\n,2020-01-02,0.5\n"}, "splits.csv", 2, "symbol", ("names no asset",)
    ),
    "negative split": Case(
        {"splits.csv": "symbol,effective_date,ratio\nAAA,2020-01-02,-2\n"},
        "splits.csv",
        2,
        "ratio",
        ("greater than 0",),
        -2.0,
    ),
    "irrational split": Case(
        {"splits.csv": "symbol,effective_date,factor\nAAA,2020-01-02,3.14159265358979\n"},
        "splits.csv",
        2,
        "factor",
        ("whole numbers",),
        3.14159265358979,
    ),
    "split of 1": Case(
        {"splits.csv": "symbol,effective_date,ratio\nAAA,2020-01-02,1\n"},
        "splits.csv",
        2,
        "ratio",
        ("other than 1:1",),
        1.0,
    ),
    "split twice": Case(
        {"splits.csv": "symbol,effective_date,ratio\nAAA,2020-01-02,0.5\nAAA,2020-01-02,0.25\n"},
        "splits.csv",
        3,
        "effective_date",
        ("line 2 says the same",),
        "2020-01-02",
    ),
    "split told differently by the bars": Case(
        {
            "daily/AAA.csv": HEAD.strip() + ",split\n2020-01-01,8,8,8,8,1,\n2020-01-02,4,4,4,4,1,2\n",
            "splits.csv": "symbol,effective_date,factor\nAAA,2020-01-02,3\n",
        },
        "splits.csv",
        None,
        None,
        ("differ", "2020-01-02"),
    ),
    "negative split in the bars": Case(
        {"daily/BBB.csv": HEAD.strip() + ",split\n2020-01-01,8,8,8,8,1,-2\n"},
        "daily/BBB.csv",
        2,
        "split",
        ("whole numbers",),
        -2.0,
    ),
    "negative dividend in the bars": Case(
        {"daily/BBB.csv": HEAD.strip() + ",dividend\n2020-01-01,8,8,8,8,1,-2\n"},
        "daily/BBB.csv",
        2,
        "dividend",
        ("at least 0",),
        -2.0,
    ),
    "dividend of nothing": Case(
        {"dividends.csv": "symbol,ex_date,amount\nAAA,2020-01-02,0\n"},
        "dividends.csv",
        2,
        "amount",
        ("greater than 0",),
        0.0,
    ),
    "dividend paid before ex": Case(
        {"dividends.csv": "symbol,ex_date,pay_date,amount\nAAA,2020-01-02,2020-01-01,1\n"},
        "dividends.csv",
        2,
        "pay_date",
        ("before the ex date",),
        "2020-01-01",
    ),
    "dividend twice": Case(
        {"dividends.csv": "sid,ex_date,amount\n1,2020-01-02,1\n1,2020-01-02,1\n"},
        "dividends.csv",
        3,
        "ex_date",
        ("line 2",),
        "2020-01-02",
    ),
    "dividend without a date": Case(
        {"dividends.csv": "sid,ex_date,amount\n1,,1\n"}, "dividends.csv", 2, "ex_date", ("date is empty",)
    ),
    "stock dividend of an unknown symbol": Case(
        {"stock_dividends.csv": "symbol,payment_symbol,ex_date,ratio\nAAA,ZZZ,2020-01-02,0.1\n"},
        "stock_dividends.csv",
        2,
        "payment_symbol",
        ("no asset bears",),
        "ZZZ",
    ),
    "merger with negative cash": Case(
        {"mergers.csv": "symbol,effective_date,ratio,cash\nAAA,2020-01-02,1,-3\n"},
        "mergers.csv",
        2,
        "cash",
        ("at least 0",),
        -3.0,
    ),
    "classification without a code": Case(
        {"classifications.csv": "symbol,scheme,code\nAAA,sector,\n"},
        "classifications.csv",
        2,
        "code",
        ("code is empty",),
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_bad_input_is_named_and_leaves_nothing(name: str, folder, root: Path) -> None:
    case = CASES[name]
    for file, text in {**case.good, **case.files}.items():
        folder.write(file, text)
    with pytest.raises(BadInputFile) as caught:
        ingest_folder(folder.path, "bad", calendar=case.calendar, strict=True)
    e, sentence = caught.value, str(caught.value)
    assert (e.file, e.row, e.column) == (case.file, case.row, case.column), sentence
    if case.value is not None:
        assert e.value == case.value
        assert repr(case.value) in sentence
    for part in (*case.says, case.file, e.move):
        assert part in sentence
    assert case.row is None or f"line {case.row}" in sentence
    assert sentence.endswith(".")
    assert not sentence.endswith("..")
    assert not root.exists()


def test_a_parquet_row_counts_from_one(folder, root: Path) -> None:
    frame = pd.DataFrame(
        {
            "Date": pd.to_datetime(["2020-01-01", "2020-01-02"]),
            "open": 1.0,
            "high": 1.0,
            "low": 1.0,
            "close": [1.0, -1.0],
        }
    )
    frame["volume"] = 1
    folder.write("daily/x", "")
    frame.to_parquet(folder.path / "daily/AAA.parquet")
    with pytest.raises(BadInputFile) as caught:
        ingest_folder(folder.path, "bad", calendar="24/7", strict=True)
    assert (caught.value.row, caught.value.column, caught.value.value) == (2, "close", -1.0)


def test_text_in_a_parquet_number_column(folder) -> None:
    frame = pd.DataFrame({"date": ["2020-01-01"], "open": ["x"], "high": 1.0, "low": 1.0, "close": 1.0, "volume": 1})
    folder.write("daily/x", "")
    frame.to_parquet(folder.path / "daily/AAA.parquet")
    with pytest.raises(BadInputFile, match=r"column open.*not a column of numbers") as caught:
        ingest_folder(folder.path, "bad", calendar="24/7")
    assert caught.value.column == "open"


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda f: None, "no folder 'daily'"),
        (lambda f: f.write("daily/readme.txt", "hello"), "no SYMBOL.csv"),
        (lambda f: f.path.rmdir(), "no such folder"),
    ],
)
def test_folders_without_bars(make, says: str, folder, root: Path) -> None:
    make(folder)
    with pytest.raises(BadIngestRequest, match=says) as caught:
        ingest_folder(folder.path, "bad")
    assert caught.value.parameter == "path"
    assert not root.exists()


@pytest.mark.parametrize("name", ["demo", "", ".hidden", "a/b", "a b", "x" * 101, "a@2"])
def test_names_that_no_bundle_can_have(name: str, folder, root: Path) -> None:
    folder.write("daily/AAA.csv", GOOD)
    with pytest.raises(BadIngestRequest) as caught:
        ingest_folder(folder.path, name, calendar="24/7")
    assert caught.value.parameter == "name"
    assert not root.exists()


def test_unknown_calendar_names_near_ones(folder, root: Path) -> None:
    folder.write("daily/AAA.csv", GOOD)
    with pytest.raises(CalendarNotFound, match=r"Did you mean.*XNYS"):
        ingest_folder(folder.path, "bad", calendar="XNYSE")
    assert not root.exists()


def test_a_failed_ingest_keeps_the_versions_before_it(folder, root: Path) -> None:
    folder.write("daily/AAA.csv", GOOD)
    first = ingest_folder(folder.path, "kept", calendar="24/7")
    folder.write("daily/AAA.csv", GOOD + "2020-01-02,1,1,1,1,1\n")
    with pytest.raises(BadInputFile):
        ingest_folder(folder.path, "kept", calendar="24/7", strict=True)
    assert sorted(p.name for p in first.path.parent.iterdir()) == [".lock", "1"]
