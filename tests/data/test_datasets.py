"""Datasets: what was known at a time, restatements, slices, kinds of columns; against a plain search."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tradewind_data.bundle import open_bundle
from tradewind_data.errors import BadInputFile, BundleCorrupt, DatasetNotFound, SliceNotNamed
from tradewind_data.ingest.folder import ingest_folder
from tradewind_data.pointintime import DatasetReader

DAYS = [str(d) for d in np.arange("2020-01-01", "2020-03-01", dtype="datetime64[D]")]


def ns(text: str) -> int:
    return pd.Timestamp(text).as_unit("ns").value


def reader(folder, name: str, text: str) -> DatasetReader:
    for symbol in ("A", "B"):
        folder.bars(symbol, dict.fromkeys(DAYS, 5.0))
    folder.write(f"datasets/{name}.csv", text)
    ingest_folder(folder.path, "mine", calendar="24/7")
    return open_bundle("mine").datasets


def column(found, field: str, times: list[str], sid: int = 1, **options) -> list[object]:
    return found.as_of("facts", [field], np.array([ns(t) for t in times]), np.array([sid]), **options)[field][
        :, 0
    ].tolist()


def test_restatements_replace_their_quarter_and_never_hide_a_newer_one(folder, root: Path) -> None:
    found = reader(
        folder,
        "facts",
        "symbol,asof_date,timestamp,eps\n"
        "A,2019-09-30,2020-01-05 12:00,1.0\n"
        "A,2019-12-31,2020-01-20 12:00,2.0\n"
        "A,2019-12-31,2020-02-01 12:00,2.5\n"
        "A,2019-09-30,2020-02-10 12:00,1.5\n",
    )
    times = ["2020-01-05 11:59:59", "2020-01-05 12:00", "2020-01-20 12:00", "2020-02-01 12:00", "2020-02-28"]
    assert np.array_equal(column(found, "eps", times), [np.nan, 1.0, 2.0, 2.5, 2.5], equal_nan=True)
    assert np.isnan(column(found, "eps", ["2020-02-01"], sid=2)).all()
    assert np.isnan(column(found, "eps", ["2020-02-01"], sid=99)).all()


def test_kinds_of_columns_and_empty_cells(folder, root: Path) -> None:
    found = reader(
        folder,
        "facts",
        "sid,asof_date,n,flag,due,words\n1,2020-01-01,1.5,true,2020-05-01,alpha\n1,2020-01-03,,FALSE,,\n1,2020-01-05,3,,2020-06-01,beta\n",
    )
    assert found.dataset("facts").fields == {"n": "float64", "flag": "bool", "due": "date", "words": "string"}
    times = ["2020-01-01", "2020-01-02", "2020-01-04", "2020-01-06"]
    assert np.array_equal(column(found, "n", times), [np.nan, 1.5, 1.5, 3.0], equal_nan=True)
    assert column(found, "flag", times) == [None, True, False, False]
    assert column(found, "due", times)[1:] == [ns("2020-05-01"), ns("2020-05-01"), ns("2020-06-01")]
    assert column(found, "words", times) == [None, "alpha", "alpha", "beta"]


def test_market_wide_and_sliced(folder, root: Path) -> None:
    found = reader(
        folder,
        "facts",
        "asof_date,key:item,key:horizon,value\n2020-01-01,cpi,1m,1\n2020-01-01,cpi,1y,2\n2020-01-02,gdp,1y,3\n",
    )
    assert found.dataset("facts").market_wide
    assert found.keys("facts") == {"item": ("cpi", "gdp"), "horizon": ("1m", "1y")}
    late = np.array([ns("2020-02-01")])
    got = found.as_of("facts", ["value"], late, np.array([1, 2, 7]), where={"item": "cpi", "horizon": "1y"})
    assert got["value"].tolist() == [[2.0, 2.0, 2.0]]
    got = found.as_of("facts", ["value"], late, where={"item": "cpi", "horizon": "1y"})
    assert got["value"].tolist() == [[2.0]]
    for where in ({}, {"item": "cpi"}, {"item": "cpi", "horizon": "5y"}, {"item": "cpi", "horizon": "1y", "x": "1"}):
        with pytest.raises(SliceNotNamed, match=r"item: cpi, gdp; horizon: 1m, 1y"):
            found.as_of("facts", ["value"], late, np.array([1]), where=where)


def test_without_sids_every_asset_of_the_bundle_answers(folder, root: Path) -> None:
    found = reader(folder, "facts", "symbol,asof_date,eps\nA,2020-01-01,1\n")
    sids = open_bundle("mine").finder.sids
    late = np.array([ns("2020-02-01")])
    every, told = found.as_of("facts", ["eps"], late), found.as_of("facts", ["eps"], late, sids)
    assert every["eps"].shape == (1, len(sids))
    assert np.array_equal(every["eps"], told["eps"], equal_nan=True)


def test_what_is_not_there_is_named(folder, root: Path) -> None:
    found = reader(folder, "facts", "symbol,asof_date,eps,sales\nA,2020-01-01,1,2\n")
    late = np.array([ns("2020-02-01")])
    with pytest.raises(DatasetNotFound, match=r"no dataset 'fact'; its datasets: facts. Did you mean facts"):
        found.as_of("fact", ["eps"], late, np.array([1]))
    with pytest.raises(DatasetNotFound, match=r"no field 'esp'; its fields: eps, sales. Did you mean eps"):
        found.as_of("facts", ["esp"], late, np.array([1]))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_against_a_plain_search_and_blind_to_the_future(data, tmp_path_factory) -> None:
    """At any time: the newest asof_date known, its last row. What becomes known later changes nothing."""
    from tradewind_data import tables
    from tradewind_data.pointintime import Dataset
    from tradewind_data.schema import Column

    rows = data.draw(
        st.lists(st.tuples(st.integers(1, 3), st.integers(0, 9), st.integers(0, 20), st.integers(0, 99)), min_size=1)
    )
    rows = list({(sid, asof, known): (sid, asof, known, value) for sid, asof, known, value in rows}.values())
    columns = (
        Column("sid", "int64", ""),
        Column("asof_date", "date", ""),
        Column("timestamp", "time", ""),
        Column("v", "float64", ""),
    )
    day = 86_400_000_000_000

    def stored(chosen: list[tuple[int, ...]]) -> DatasetReader:
        table = {c.name: np.array([row[i] for row in chosen], dtype=np.int64) for i, c in enumerate(columns)}
        table = {**table, "asof_date": table["asof_date"] * day, "v": table["v"].astype(float)}
        dataset = Dataset(columns, (), table)
        path = tmp_path_factory.mktemp("data") / "facts.parquet"
        tables.write(path, columns, table, dataset.metadata)
        return DatasetReader("test", {"facts": path}, lambda: np.array([1, 2, 3]))

    times = np.arange(-1, 22)
    found = stored(rows).as_of("facts", ["v"], times, np.array([1, 2, 3]))["v"]
    for t in times.tolist():
        for sid in (1, 2, 3):
            known = [row for row in rows if row[0] == sid and row[2] <= t]
            expected = max(known, key=lambda row: (row[1], row[2]))[3] if known else np.nan
            assert np.array_equal(found[t + 1, sid - 1], expected, equal_nan=True)
    cut = data.draw(st.integers(0, 20))
    past = [row for row in rows if row[2] <= cut]
    garbage = [(sid, asof, known, 777) for sid, asof, known, _ in rows if known > cut] + [(1, 50, cut + 1, -1)]
    blind = stored(past + garbage).as_of("facts", ["v"], times[times <= cut], np.array([1, 2, 3]))["v"]
    assert np.array_equal(blind, found[times <= cut], equal_nan=True)


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("facts.csv", "symbol,eps\nA,1\n", "no column 'asof_date'"),
        ("facts.csv", "symbol,asof_date\nA,2020-01-01\n", "no column of values"),
        ("facts.csv", "symbol,asof_date,eps\nQ,2020-01-01,1\n", "no asset bears this symbol"),
        ("facts.csv", "symbol,asof_date,eps\nA,,1\n", "line 2, column asof_date"),
        ("facts.csv", "symbol,asof_date,timestamp,eps\nA,2020-01-01,noon,1\n", "line 2, column timestamp, found|noon"),
        ("facts.csv", "symbol,asof_date,e p s\nA,2020-01-01,1\n", "letters, digits and _"),
        ("facts.csv", "", "it is empty"),
        ("fa-cts.csv", "symbol,asof_date,eps\nA,2020-01-01,1\n", "a dataset's name is"),
        ("facts.parquet", "nonsense", "cannot be read as Parquet"),
    ],
)
def test_bad_files(folder, root: Path, name: str, text: str, says: str) -> None:
    folder.bars("A", dict.fromkeys(DAYS, 5.0))
    folder.write(f"datasets/{name}", text)
    with pytest.raises(BadInputFile, match=says) as caught:
        ingest_folder(folder.path, "mine", calendar="24/7")
    assert caught.value.file == f"datasets/{name}"
    assert not root.exists()


def test_they_count_in_the_hash_and_are_appended(folder, root: Path) -> None:
    for symbol in ("A", "B"):
        folder.bars(symbol, dict.fromkeys(DAYS, 5.0))
    none = ingest_folder(folder.path, "mine", calendar="24/7")
    folder.write("datasets/facts.csv", "symbol,asof_date,eps\nA,2020-01-01,1\nA,2020-01-02,2\n")
    one = ingest_folder(folder.path, "mine", append=True)
    assert one.hash != none.hash
    folder.write("datasets/facts.csv", "symbol,asof_date,eps\nA,2020-01-02,2.5\nB,2020-01-03,3\n")
    two = ingest_folder(folder.path, "mine", append=True)
    folder.write("datasets/facts.csv", "symbol,asof_date,eps\nA,2020-01-01,1\nA,2020-01-02,2.5\nB,2020-01-03,3\n")
    assert ingest_folder(folder.path, "whole", calendar="24/7").hash == two.hash
    open_bundle("mine").verify()


def test_a_damaged_file_is_a_sentence(folder, root: Path) -> None:
    reader(folder, "facts", "symbol,asof_date,eps\nA,2020-01-01,1\n")
    path = root / "bundles/mine/1/datasets/facts.parquet"
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(BundleCorrupt, match=r"datasets/facts\.parquet"):
        open_bundle("mine").datasets.dataset("facts")
    with pytest.raises(BundleCorrupt, match=r"datasets/facts\.parquet"):
        open_bundle("mine").verify()
