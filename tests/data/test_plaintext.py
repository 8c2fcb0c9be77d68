"""The compiled parser of plain CSV: what it reads is what Python reads, what it does not is left to the general one."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tradewind_data.ingest import folder as reader
from tradewind_data.ingest.daily import WANTED
from tradewind_data.ingest.delimited import read_input
from tradewind_data.ingest.folder import ingest_folder
from tradewind_data.ingest.plaintext import _TENS, DATE, NUMBER, STAMP, read_plain

DAY = 86_400_000_000_000
PLAIN_NUMBERS = st.from_regex(r"[0-9]{0,9}(\.[0-9]{0,6})?", fullmatch=True).filter(lambda t: t != ".")


def parsed(text: str, *kinds: str | None):
    return read_plain(np.frombuffer(text.encode(), dtype=np.uint8), kinds)


def test_the_powers_of_ten_are_exact() -> None:
    assert [int(ten) for ten in _TENS] == [10**i for i in range(16)]


@settings(max_examples=300, deadline=None)
@given(rows=st.lists(st.tuples(PLAIN_NUMBERS, PLAIN_NUMBERS), min_size=1, max_size=20))
def test_numbers_are_those_nearest_to_the_text(rows) -> None:
    found = parsed("".join(f"{a},skipped,{b}\n" for a, b in rows), NUMBER, None, NUMBER)
    assert found is not None
    for place, column in ((0, [a for a, _ in rows]), (2, [b for _, b in rows])):
        expected = np.array([float(text) if text else np.nan for text in column])
        assert np.array_equal(found[place].view(np.int64), expected.view(np.int64))


@settings(max_examples=300, deadline=None)
@given(
    when=st.datetimes(dt.datetime(1678, 1, 1), dt.datetime(2261, 12, 31)),
    between=st.sampled_from(" T"),
    n=st.integers(),
)
def test_dates_and_times(when: dt.datetime, between: str, n: int) -> None:
    when = when.replace(microsecond=0)
    found = parsed(f"{when:%Y-%m-%d},{when:%Y-%m-%d}{between}{when:%H:%M:%S}\n", DATE, STAMP)
    expected = np.datetime64(when, "ns").astype(np.int64)
    assert found is not None
    assert found[1][0] == expected
    assert found[0][0] == expected // DAY * DAY


@pytest.mark.parametrize("year", [1900, 2000, 2023, 2024])
def test_days_that_are_none(year: int) -> None:
    for month in range(14):
        for day in range(33):
            text = f"{year}-{month:02d}-{day:02d}"
            try:
                expected = [np.datetime64(dt.date(year, month, day), "ns").astype(np.int64)]
            except ValueError:
                expected = None
            found = parsed(text + "\n", DATE)
            assert (None if found is None else found[0].tolist()) == expected, text


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        *(
            (text, NUMBER)
            for text in ("-1", "+1", "1e5", "1 ", " 1", ".", "1.2.3", "nan", "1_0", "0x1", "1" * 16, '"1"')
        ),
        *(
            (text, DATE)
            for text in ("", "2020-1-02", "20200102", "2020/01/02", "2020-01-02 00:00", "1677-01-01", "2020-01-0")
        ),
        *((text, STAMP) for text in ("2020-01-02", "2020-01-02 14:31", "2020-01-02 24:00:00", "2020-01-02 14:60:00")),
        *((text, STAMP) for text in ("2020-01-02 14:31:60", "2020-01-02_14:31:00", "2020-01-02 14:31:00Z", "")),
    ],
)
def test_what_is_not_plain_is_left_alone(text: str, kind: str) -> None:
    assert parsed(f"1,{text}\n", NUMBER, kind) is None
    assert parsed(f"{text},1\n", kind, NUMBER) is None


@pytest.mark.parametrize("text", ["1\n", "1,2,3\n", "1,2\n\n", "\n", "1,2\n3\n", "1\n2,3\n", "1,2\r\n"])
def test_uneven_lines_are_left_alone(text: str) -> None:
    assert parsed(text, NUMBER, NUMBER) is None


def test_no_line_is_no_row() -> None:
    found = parsed("", NUMBER, DATE)
    assert found is not None
    assert [len(column) for column in found.values()] == [0, 0]


@pytest.mark.parametrize(
    "middle",
    [
        "2020-01-02,5.25,6,5,5,100\n",
        "2020-01-02,5.25,6,5,5,1e2\n",
        "2020-01-02,5.25,6,,5,100\n",
        "2020-01-02 00:00:00,5,6,5,5,9",
    ],
)
def test_a_file_reads_the_same_by_either_parser(tmp_path: Path, middle: str) -> None:
    path = tmp_path / "A.csv"
    path.write_text("date,open,high,low,close,volume\n2020-01-01,5,6,4,5.5,7\n" + middle)
    one, other = (read_input(path, "A.csv", WANTED, compiled=compiled) for compiled in (False, True))
    assert one.columns.keys() == other.columns.keys()
    for name, values in one.columns.items():
        assert np.array_equal(values, other.columns[name], equal_nan=True), name


def test_a_bundle_does_not_depend_on_the_parser(folder, root: Path, monkeypatch) -> None:
    days = [str(np.datetime64("2020-01-01") + i) for i in range(40)]
    for symbol, step in (("A", 0.01), ("B", 0.37), ("C", 1.0)):
        folder.bars(symbol, {day: round(5 + step * i, 2) for i, day in enumerate(days)})
    folder.bars("D", {day: (-1.0 if i == 7 else 5.0) for i, day in enumerate(days)})
    minutes = "".join(f"2020-01-02 {m // 60:02d}:{m % 60:02d}:00,5,6,4,5.{m % 97:02d},{m}\n" for m in range(1, 600))
    folder.write("minute/A.csv", "date,open,high,low,close,volume\n" + minutes)
    reports = []
    for compiled in (False, True):
        monkeypatch.setattr(reader, "compiling_pays", lambda files, answer=compiled: answer)
        reports.append(ingest_folder(folder.path, "mine", calendar="24/7"))
    assert reports[0].hash == reports[1].hash
    assert reports[0].findings == reports[1].findings == {"gap": 1, "not_positive": 1}
