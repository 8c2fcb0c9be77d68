"""The seam of an append: added rows are checked together with what is stored around them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from tests.data.conftest import HEADER, InputFolder

from tradewind_data.ingest import seam
from tradewind_data.ingest.folder import ingest_folder

DAYS = [str(d) for d in np.arange("2019-09-01", "2021-02-20", dtype="datetime64[D]")]


def _rows(folder: InputFolder, symbol: str, days: list[str], closes: np.ndarray, volume: int = 1000) -> None:
    lines = [f"{d},{c:.2f},{c * 1.01:.2f},{c * 0.99:.2f},{c:.2f},{volume}" for d, c in zip(days, closes, strict=True)]
    folder.write(f"daily/{symbol}.csv", "\n".join([HEADER, *lines]) + "\n")


def _walk(n: int, seed: int = 3) -> np.ndarray:
    return 50.0 * np.exp(np.cumsum(np.random.default_rng(seed).normal(0, 0.01, n)))


def _ingest(folder: InputFolder, name: str, **options):
    return ingest_folder(folder.path, name, calendar="24/7", **options)


def _found(report) -> list[tuple[str, str, str]]:
    table = pd.read_parquet(report.path / "quality.parquet")
    return [(c, s, str(t)[:10]) for c, s, t in zip(table["code"], table["symbol"], table["time"], strict=True)]


def test_a_leap_at_the_seam_is_seen(folder, root: Path) -> None:
    closes = _walk(200)
    closes[150:] /= 2
    _rows(folder, "A", DAYS[:150], closes[:150])
    assert _ingest(folder, "mine").findings == {}
    _rows(folder, "A", DAYS[150:151], closes[150:151])
    one_row = _ingest(folder, "mine", append=True)
    assert _found(one_row) == [("unexplained_jump", "A", DAYS[150])]
    _rows(folder, "A", DAYS[151:200], closes[151:200])
    assert _found(_ingest(folder, "mine", append=True)) == [("unexplained_jump", "A", DAYS[150])]


def test_a_leap_that_a_later_split_explains_is_forgotten(folder, root: Path) -> None:
    closes = _walk(200)
    closes[150:] /= 2
    _rows(folder, "A", DAYS[:190], closes[:190])
    assert _ingest(folder, "mine").findings == {"unexplained_jump": 1}
    _rows(folder, "A", DAYS[190:200], closes[190:200])
    folder.write("splits.csv", f"symbol,effective_date,ratio\nA,{DAYS[150]},0.5\n")
    assert _ingest(folder, "mine", append=True).findings == {}


def test_a_split_added_with_its_row_explains_the_leap_at_the_seam(folder, root: Path) -> None:
    closes = _walk(200)
    closes[150:] /= 2
    _rows(folder, "A", DAYS[:150], closes[:150])
    _ingest(folder, "mine")
    _rows(folder, "A", DAYS[150:153], closes[150:153])
    folder.write("splits.csv", f"symbol,effective_date,ratio\nA,{DAYS[150]},0.5\n")
    assert _ingest(folder, "mine", append=True).findings == {}


def test_a_spike_on_the_last_stored_day_is_known_when_it_comes_back(folder, root: Path) -> None:
    closes = _walk(200)
    closes[149] *= 3
    _rows(folder, "A", DAYS[:150], closes[:150])
    _ingest(folder, "mine")
    _rows(folder, "A", DAYS[150:152], closes[150:152])
    assert _found(_ingest(folder, "mine", append=True)) == [("outlier", "A", DAYS[149])]


def test_a_tail_is_stale_no_more_when_trading_goes_on(folder, root: Path) -> None:
    closes = _walk(100)
    closes[80:] = closes[80]
    lines = [
        f"{d},{c:.2f},{c:.2f},{c:.2f},{c:.2f},{1000 if i < 80 else 0}"
        for i, (d, c) in enumerate(zip(DAYS, closes, strict=False))
    ]
    folder.write("daily/A.csv", "\n".join([HEADER, *lines[:90]]))
    assert _ingest(folder, "mine").findings == {"stale_tail": 1}
    folder.write("daily/A.csv", "\n".join([HEADER, *lines[90:]]))
    longer = _ingest(folder, "mine", append=True)
    table = pd.read_parquet(longer.path / "quality.parquet")
    assert table["detail"].tolist() == [f"20 bars without volume since {DAYS[80]}"]
    _rows(folder, "A", DAYS[100:105], _walk(5) * 0 + closes[-1])
    assert _ingest(folder, "mine", append=True).findings == {}


def test_a_gap_that_is_filled_is_one_no_more(folder, root: Path) -> None:
    closes = _walk(60)
    _rows(folder, "A", DAYS[:10] + DAYS[14:40], closes[: 10 + 26])
    assert _ingest(folder, "mine").findings == {"gap": 1}
    _rows(folder, "A", DAYS[11:13], closes[11:13])
    part = _ingest(folder, "mine", append=True)
    table = pd.read_parquet(part.path / "quality.parquet")
    assert table["detail"].tolist() == [f"1 session from {DAYS[10]}", f"1 session from {DAYS[13]}"]
    _rows(folder, "A", DAYS[10:14], closes[10:14])
    assert _ingest(folder, "mine", append=True).findings == {}


@pytest.mark.parametrize("budget", [1, 1 << 30])
@pytest.mark.parametrize("first", [(0, 200), (0, 499), (0, 30), (250, 500), (200, 300)])
def test_pieces_are_found_as_flawed_as_the_whole(tmp_path, root, first, budget, monkeypatch) -> None:
    """With all stored rows in sight, an append finds what one folder of all rows would, whatever fits into memory."""
    monkeypatch.setattr(seam, "BEFORE", 1000)
    monkeypatch.setattr(seam, "AFTER", 1000)
    days, one = np.array(DAYS[:500]), np.arange(*first)
    pieces = {"one": one, "two": np.setdiff1d(np.arange(500), one), "whole": np.arange(500)}
    for name, rows in pieces.items():
        for symbol in "AB":
            closes = _walk(500, ord(symbol))
            closes[[37, 199, 251, 498]] *= 4
            closes[300:] /= 3
            _rows(InputFolder(tmp_path / name), symbol, days[rows].tolist(), closes[rows])
    _ingest(InputFolder(tmp_path / "one"), "mine")
    joined = _ingest(InputFolder(tmp_path / "two"), "mine", append=True, budget=budget)
    once = _ingest(InputFolder(tmp_path / "whole"), "whole")
    assert joined.hash == once.hash
    assert _found(joined) == _found(once)
    assert {code for code, *_ in _found(once)} == {"outlier", "unexplained_jump"}
