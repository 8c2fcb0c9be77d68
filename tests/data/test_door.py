"""What a stranger meets at the door: places of findings, one calendar a bundle, sentences that end as sentences do."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from click.testing import CliRunner
from tests.data.conftest import HEADER

from tradewind.cli import cli
from tradewind_data.bundle import open_bundle
from tradewind_data.errors import BadIngestRequest, BadInputFile
from tradewind_data.ingest.folder import ingest_folder

DAYS = ["2020-01-27", "2020-01-28", "2020-01-29"]


def test_a_bar_on_no_session_is_named_with_its_line(folder, root: Path) -> None:
    folder.bars("A", dict.fromkeys([*DAYS[:1], "2020-02-01", *DAYS[1:], "2020-02-02"], 5.0))
    folder.bars("B", dict.fromkeys(DAYS, 5.0))
    report = ingest_folder(folder.path, "mine")
    assert (report.findings, report.rows) == ({"off_calendar": 2}, 6)
    kept = pd.read_parquet(report.path / "quarantine.parquet")
    assert kept[["symbol", "file", "line"]].to_numpy().tolist() == [["A", "daily/A.csv", 3], ["A", "daily/A.csv", 6]]
    ends = {a.symbol: str(a.end_date.date()) for a in open_bundle("mine").finder}
    assert ends == {"A": DAYS[-1], "B": DAYS[-1]}
    assert open_bundle("mine").manifest.last_session == DAYS[-1]
    folder.bars("A", {"2020-01-30": 5.0})
    assert ingest_folder(folder.path, "mine", append=True).rows == 4


@pytest.mark.parametrize("budget", [1, 1 << 20])
def test_a_row_in_quarantine_makes_no_other_bundle(folder, root: Path, budget: int) -> None:
    """A slip of the year far away stretches neither a life nor the calendar."""
    folder.bars("A", dict.fromkeys(DAYS, 5.0))
    clean = ingest_folder(folder.path, "clean")
    folder.bars("A", dict.fromkeys(["2010-01-30", *DAYS, "2024-02-03"], 5.0))
    slipped = ingest_folder(folder.path, "slipped", budget=budget)
    assert slipped.findings == {"off_calendar": 2}
    assert slipped.hash == clean.hash
    folder.bars("A", {"2020-02-01": 5.0})
    with pytest.raises(BadIngestRequest, match="can be used with the calendar XNYS"):
        ingest_folder(folder.path, "nothing")


def test_a_minute_stamped_with_the_open_began_there(folder, root: Path) -> None:
    folder.bars("A", dict.fromkeys(DAYS, 5.0))
    folder.write("minute/A.csv", f"{HEADER}\n2020-01-28 14:30,5,5,5,5,1\n2020-01-28 14:31,5,5,5,5,1\n")
    report = ingest_folder(folder.path, "mine")
    assert report.findings == {"left_labelled": 1}
    with pytest.raises(BadInputFile, match=r"minute/A.csv, line 2, column date.*--minute-label left"):
        ingest_folder(folder.path, "mine", strict=True)


@pytest.mark.parametrize("file", ["assets.csv", "futures.csv"])
def test_a_bundle_has_one_calendar(folder, root: Path, file: str) -> None:
    for symbol in "AB":
        folder.bars(symbol, dict.fromkeys(DAYS, 5.0))
    folder.write(file, "symbol,root_symbol,calendar\nA,A,\nB,B,XLON\n")
    with pytest.raises(BadInputFile, match=rf"{file}, line 3, column calendar: found 'XLON'.*XNYS.*one calendar"):
        ingest_folder(folder.path, "mine")
    with pytest.raises(BadIngestRequest, match="one calendar so far"):
        ingest_folder(folder.path, "mine", calendar="XNYS, XLON")
    assert not root.exists()
    folder.write(file, "symbol,root_symbol,calendar,exchange\nA,A,,XLON\nB,B,XNYS,XTKS\n")
    assert ingest_folder(folder.path, "mine").assets == 2


def test_the_folder_above_is_meant(folder, root: Path) -> None:
    folder.bars("A", {DAYS[0]: 5.0})
    with pytest.raises(BadIngestRequest, match="Name the folder above it"):
        ingest_folder(folder.path / "daily", "mine")


def test_a_question_ends_with_one_mark(folder, root: Path) -> None:
    folder.write("daily/A.csv", "date,open,high,low,cloze,volume\n2020-01-27,1,1,1,1,1\n")
    with pytest.raises(BadInputFile) as caught:
        ingest_folder(folder.path, "mine")
    assert "Did you mean cloze? Add the column 'close'" in str(caught.value)


def test_nothing_new_is_said(folder, root: Path) -> None:
    folder.bars("A", {DAYS[0]: 5.0})
    words = ["ingest", "folder", str(folder.path), "--name", "mine"]
    first = CliRunner().invoke(cli, words)
    assert "1 bar of 1 asset over 1 session, 0 splits, 0 dividends" in first.stdout
    again = CliRunner().invoke(cli, [*words, "--append"])
    assert again.exit_code == 0
    assert "nothing is new: version 1 stays as it is" in again.stderr
