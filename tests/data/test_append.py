"""Appending: the union of two folders, one after the other, is the bundle of all their rows; old rows are kept."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.data.conftest import InputFolder

from tradewind_data.bundle import open_bundle
from tradewind_data.errors import BadIngestRequest, BundleNotFound
from tradewind_data.ingest.folder import ingest_folder

DAYS = [str(d) for d in np.arange("2019-11-01", "2021-02-20", dtype="datetime64[D]")]


def closes(symbol: str, days: list[str]) -> dict[str, float]:
    return {d: 20.0 + (hash((symbol == "B", DAYS.index(d))) % 997) / 100 for d in days}


def fresh(path: Path) -> InputFolder:
    shutil.rmtree(path, ignore_errors=True)
    path.mkdir()
    return InputFolder(path)


def ingested(folder: InputFolder, name: str, **options):
    return ingest_folder(folder.path, name, calendar="24/7", **options)


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_two_pieces_are_the_whole(data, tmp_path: Path, root: Path) -> None:
    """Any rows of any assets in two pieces, overlapping or not: the same bundle as all at once."""
    shutil.rmtree(root, ignore_errors=True)
    spans = {
        symbol: sorted(data.draw(st.lists(st.integers(0, len(DAYS) - 1), min_size=4, max_size=4, unique=True)))
        for symbol in data.draw(st.sampled_from(["A", "AB", "ABC"]))
    }
    whole, one, two = (fresh(tmp_path / name) for name in ("whole", "one", "two"))
    for symbol, (a, b, c, d) in spans.items():
        first, second = (DAYS[a:c], DAYS[b:d]) if data.draw(st.booleans()) else (DAYS[a:b], DAYS[b:d])
        one.bars(symbol, closes(symbol, first))
        two.bars(symbol, closes(symbol, second))
        whole.bars(symbol, closes(symbol, sorted({*first, *second})))
    mid = DAYS[spans["A"][1]]
    one.write("dividends.csv", f"symbol,ex_date,amount\nA,{mid},0.5\n")
    two.write("dividends.csv", f"symbol,ex_date,amount\nA,{DAYS[-1]},0.25\n")
    whole.write("dividends.csv", f"symbol,ex_date,amount\nA,{mid},0.5\nA,{DAYS[-1]},0.25\n")
    ingested(one, "mine")
    report = ingested(two, "mine", append=True)
    assert "revision" not in report.findings
    assert report.hash == ingested(whole, "whole").hash
    open_bundle("mine").verify()
    open_bundle("mine@1").verify()


def test_only_what_is_new_is_written(folder, root: Path, tmp_path: Path) -> None:
    folder.bars("A", closes("A", DAYS[:420]))
    first = ingested(folder, "mine")
    folder.bars("A", closes("A", DAYS))
    second = ingested(folder, "mine", append=True)
    years = {y: [os.stat(r.path / f"bars/1d/{y}.parquet").st_ino for r in (first, second)] for y in (2019, 2020)}
    assert years[2019][0] == years[2019][1]
    assert years[2020][0] != years[2020][1]
    assert (second.version, second.findings) == ("2", {})
    assert open_bundle("mine@1").hash == first.hash


def test_nothing_new_makes_no_version(folder, root: Path) -> None:
    folder.bars("A", closes("A", DAYS))
    first = ingested(folder, "mine")
    again = ingested(folder, "mine", append=True)
    assert (again.version, again.hash, again.path) == ("1", first.hash, first.path)
    assert sorted(p.name for p in first.path.parent.iterdir()) == [".lock", "1"]


def test_revisions_are_told_with_both_values(folder, root: Path) -> None:
    folder.bars("A", {"2020-01-01": 5.0, "2020-01-02": 6.0, "2020-01-03": 7.0})
    folder.write("dividends.csv", "symbol,ex_date,amount\nA,2020-01-02,0.5\n")
    ingested(folder, "mine")
    folder.bars("A", {"2020-01-02": 6.5, "2020-01-03": 7.0, "2020-01-04": 8.0})
    folder.write("dividends.csv", "symbol,ex_date,amount\nA,2020-01-02,0.75\n")
    report = ingested(folder, "mine", append=True)
    assert report.findings == {"revision": 2}
    assert report.grade == "A"
    found = pd.read_parquet(report.path / "quality.parquet").sort_values("detail")
    assert found["detail"].tolist() == [
        "dividends: was sid 1, amount 0.5",
        "was 6 7 3 6 1000, is 6.5 7.5 3.25 6.5 1000",
    ]
    assert [str(t)[:10] for t in found["time"]] == ["2020-01-02", "2020-01-02"]
    bars = open_bundle("mine").bars()
    assert bars.values("close")[bars.first_session :, 0].tolist() == [5.0, 6.5, 7.0, 8.0]
    assert open_bundle("mine").actions.dividends.amount.tolist() == [0.75]


def test_sids_stay_and_lives_grow(folder, root: Path) -> None:
    folder.bars("M", closes("M", DAYS[:10]))
    folder.write("assets.csv", "symbol,sid,name\nM,40,Em\n")
    folder.write("symbols.csv", f"sid,symbol,start_date,end_date\n40,OLD,,{DAYS[3]}\n40,M,{DAYS[4]},\n")
    ingested(folder, "mine")
    for name in ("assets.csv", "symbols.csv"):
        (folder.path / name).unlink()
    folder.bars("A", closes("A", DAYS[8:20]))
    folder.bars("M", closes("M", DAYS[10:20]))
    ingested(folder, "mine", append=True)
    finder = open_bundle("mine").finder
    assert [(a.sid, a.symbol, a.asset_name, str(a.end_date.date())) for a in finder] == [
        (40, "M", "Em", DAYS[19]),
        (41, "A", "", DAYS[19]),
    ]
    assert finder.lookup_symbol("OLD", pd.Timestamp(DAYS[2]).as_unit("ns").value) == 40
    assert finder.lookup_symbol("M", pd.Timestamp(DAYS[19]).as_unit("ns").value) == 40
    assert [str(a.auto_close_date.date()) for a in finder] == [DAYS[20], DAYS[20]]


def test_earlier_findings_stay_and_a_hole_between_is_one(folder, root: Path) -> None:
    folder.write("daily/A.csv", "date,open,high,low,close,volume\n2020-01-01,5,5,5,5,5\n2020-01-02,5,5,-5,5,5\n")
    first = ingested(folder, "mine")
    assert first.findings == {"not_positive": 1}
    folder.bars("A", {"2020-01-05": 5.0})
    report = ingested(folder, "mine", append=True)
    assert report.findings == {"gap": 1, "not_positive": 1}
    assert report.quarantined == 1
    old, new = (pd.read_parquet(r.path / "quarantine.parquet") for r in (first, report))
    pd.testing.assert_frame_equal(old, new)


BAD = "date,open,high,low,close,volume\n2020-01-01,5,5,5,5,5\n2020-01-02,5,5,-5,5,5\n2020-01-03,5,5,-5,5,5\n"


def test_a_quarantined_row_that_is_mended_counts_no_more(folder, root: Path) -> None:
    folder.write("daily/A.csv", BAD)
    assert ingested(folder, "mine").quarantined == 2
    folder.bars("A", {"2020-01-02": 5.0, "2020-01-04": 5.0})
    report = ingested(folder, "mine", append=True)
    assert (report.findings, report.quarantined) == ({"gap": 1, "not_positive": 1}, 1)
    kept = pd.read_parquet(report.path / "quarantine.parquet")
    assert [str(t)[:10] for t in kept["time"]] == ["2020-01-03"]
    folder.bars("A", {"2020-01-03": 5.0})
    report = ingested(folder, "mine", append=True)
    assert (report.findings, report.quarantined, report.grade) == ({}, 0, "A")
    assert not (report.path / "quarantine.parquet").exists()


def test_a_wrong_row_told_twice_counts_once(folder, root: Path) -> None:
    folder.write("daily/A.csv", BAD)
    ingested(folder, "mine")
    folder.write("daily/A.csv", BAD + "2020-01-04,6,6,6,6,6\n")
    report = ingested(folder, "mine", append=True)
    assert (report.findings, report.quarantined) == ({"gap": 1, "not_positive": 2}, 2)


def test_a_mended_minute_counts_no_more(folder, root: Path) -> None:
    folder.bars("A", {"2020-01-02": 5.0})
    rows = "date,open,high,low,close,volume\n2020-01-02 00:01:00,5,5,5,5,5\n"
    folder.write("minute/A.csv", rows + "2020-01-02 00:02:00,5,5,-5,5,5\n")
    assert ingested(folder, "mine").quarantined == 1
    folder.write("minute/A.csv", rows + "2020-01-02 00:02:00,5,5,4,5,5\n")
    report = ingested(folder, "mine", append=True)
    assert (report.quarantined, report.grade) == (0, "A")


def test_minutes_are_appended(folder, root: Path) -> None:
    def minute(days: list[str]) -> None:
        rows = [f"{d} 12:0{i},{i}.5,{i}.5,{i}.5,{i}.5,9" for d in days for i in range(1, 6)]
        folder.write("minute/A.csv", "date,open,high,low,close,volume\n" + "\n".join(rows))

    folder.bars("A", closes("A", DAYS[:40]))
    minute(DAYS[:35])
    whole = ingested(folder, "whole")
    folder.bars("A", closes("A", DAYS[:20]))
    minute(DAYS[:20])
    ingested(folder, "mine")
    folder.bars("A", closes("A", DAYS[18:40]))
    minute(DAYS[19:35])
    assert ingested(folder, "mine", append=True).hash == whole.hash


def test_what_cannot_be_appended_to(folder, root: Path) -> None:
    folder.bars("A", closes("A", DAYS[:9]))
    with pytest.raises(BundleNotFound):
        ingested(folder, "mine", append=True)
    assert not root.exists()
    ingested(folder, "mine")
    with pytest.raises(BadIngestRequest, match="of the calendar 24/7"):
        ingest_folder(folder.path, "mine", calendar="XNYS", append=True)
    assert ingest_folder(folder.path, "mine", append=True).version == "1"
