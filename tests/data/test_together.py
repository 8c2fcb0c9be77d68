"""Files parsed together give what each gives alone, or are left to the reader of one file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tradewind_data.errors import BadInputFile
from tradewind_data.ingest import inputfiles
from tradewind_data.ingest.daily import WANTED
from tradewind_data.ingest.delimited import read_input, read_together
from tradewind_data.ingest.folder import ingest_folder

HEADER = "date,open,high,low,close,volume\n"
ROWS = "2020-01-02,1,2,1,1.5,100\n2020-01-03,1.25,2,1,,\n"
PLAIN = {
    "as it is": HEADER + ROWS,
    "without its last line end": HEADER + ROWS.rstrip("\n"),
    "words for nothing": HEADER + "2020-01-02,n/a,,NaN,,\n",
    "one row": HEADER + "2020-01-06,1,1,1,1,0\n",
}
ODD = {
    "another header": "Date,open,high,low,close,volume\n" + ROWS,
    "a blank line": HEADER + ROWS + "\n" + ROWS,
    "blank lines in front": "\n" + HEADER + ROWS,
    "carriage returns": (HEADER + ROWS).replace("\n", "\r\n"),
    "old line ends": HEADER + ROWS.replace("\n", "\r") + "2020-01-07,1,1,1,1,0\n",
    "quotes": HEADER + ROWS.replace("1.5", '"1.5"'),
    "a quoted line end": HEADER + '2020-01-02,"1\n",2,1,1.5,100\n',
    "nothing": "",
}
BROKEN = {
    "a short line": HEADER + "2020-01-02,1,2\n",
    "a word": HEADER + ROWS + "2020-01-06,1,x,1,1,0\n",
    "bytes": HEADER + "2020-01-02,1,2,1,\udcff,100\n",
}


def _written(tmp_path: Path, texts: list[str]) -> tuple[list[Path], list[str]]:
    paths = [tmp_path / f"{i}.csv" for i in range(len(texts))]
    for path, text in zip(paths, texts, strict=True):
        path.write_bytes(text.encode("utf-8", "surrogateescape"))
    return paths, [f"daily/{path.name}" for path in paths]


@pytest.mark.parametrize("middle", list(PLAIN.values()), ids=list(PLAIN))
def test_plain_files_are_read_in_one_pass(tmp_path: Path, middle: str) -> None:
    paths, files = _written(tmp_path, [PLAIN["as it is"], middle, PLAIN["one row"]])
    together = read_together(paths, files, WANTED)
    assert together is not None
    for path, file, found in zip(paths, files, together.tables, strict=True):
        alone = read_input(path, file, WANTED)
        assert (found.path, found.file, found.rows) == (path, file, None)
        assert list(found.columns) == list(alone.columns)
        for name in alone.columns:
            assert np.array_equal(found[name], alone[name], equal_nan=name != "date")
        assert found.line(len(found) - 1) == alone.line(len(alone) - 1)


@pytest.mark.parametrize("middle", [*ODD.values(), *BROKEN.values()], ids=[*ODD, *BROKEN])
def test_what_is_not_plain_is_left_alone(tmp_path: Path, middle: str) -> None:
    paths, files = _written(tmp_path, [PLAIN["as it is"], middle, PLAIN["one row"]])
    assert read_together(paths, files, WANTED) is None


def test_a_blank_line_and_a_bare_return_do_not_hide_each_other(tmp_path: Path) -> None:
    paths, files = _written(tmp_path, [HEADER + "\n" + ROWS, HEADER + ROWS.replace("\n", "\r", 1), PLAIN["one row"]])
    assert read_together(paths, files, WANTED) is None


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    paths, files = _written(tmp_path, [PLAIN["as it is"]])
    assert read_together([*paths, tmp_path / "none.csv"], [*files, "daily/none.csv"], WANTED) is None


def _folder(tmp_path: Path, texts: dict[str, str]) -> Path:
    (tmp_path / "in" / "daily").mkdir(parents=True)
    for symbol, text in texts.items():
        (tmp_path / "in" / "daily" / f"{symbol}.csv").write_bytes(text.encode("utf-8", "surrogateescape"))
    return tmp_path / "in"


def test_a_bundle_does_not_depend_on_who_is_read_together(tmp_path: Path, monkeypatch) -> None:
    bars = "".join(f"2020-01-{day:02},{day},{day + 1},{day - 1},{day},1\n" for day in (2, 3, 6, 7, 8))
    wrong = HEADER + bars.replace("2020-01-07,7,8,6,7,1", "2020-01-07,7,8,6,-7,1")
    texts = {"A": HEADER + bars, "B": wrong, "C": HEADER + bars.replace(",1\n", ',"1"\n'), "D": HEADER + bars}
    made = ingest_folder(_folder(tmp_path, texts), "x", root=tmp_path / "one")
    monkeypatch.setattr(inputfiles, "BATCH_BYTES", 0)
    alone = ingest_folder(tmp_path / "in", "x", root=tmp_path / "two")
    assert made.hash == alone.hash
    assert made.findings == alone.findings == {"gap": 1, "not_positive": 1}
    for name in ("quality.parquet", "quarantine.parquet"):
        assert (made.path / name).read_bytes() == (alone.path / name).read_bytes()


def test_the_first_bad_file_is_named_with_its_line(tmp_path: Path) -> None:
    texts = {"A": HEADER + ROWS, "B": BROKEN["a word"], "C": BROKEN["a short line"]}
    with pytest.raises(BadInputFile, match=r"daily/B.csv, line 4") as caught:
        ingest_folder(_folder(tmp_path, texts), "x", root=tmp_path / "root")
    assert (caught.value.row, caught.value.column) == (4, "high")
