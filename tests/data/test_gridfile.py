"""Files of bars: every float comes back bit for bit, whatever way it was stored."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from tradewind_data import gridfile, tables
from tradewind_data.errors import BundleCorrupt
from tradewind_data.gridfile import GridFile, exact_power, new_grid, write_grid
from tradewind_data.schema import BARS, FIELDS

DAYS = np.arange(18000, 18400) * 86_400_000_000_000


def written(path: Path, values: np.ndarray) -> GridFile:
    """values[5, rows, n] as a daily file."""
    rows, n = values.shape[1:]
    grid = new_grid(int(DAYS[0]), rows, rows, np.arange(n) * 3 + 7)
    write_grid(path, "1d", grid, {"session": DAYS[:rows]}, lambda lo, hi: values[:, lo:hi])
    return GridFile(path, "test")


def same_bits(a: np.ndarray, b: np.ndarray) -> bool:
    return np.array_equal(a.view(np.int64), b.view(np.int64))


finite = st.floats(allow_nan=False, allow_infinity=False, width=64)
decimals = st.integers(0, 10**9).flatmap(lambda k: st.integers(0, 6).map(lambda p: float(f"{k}e-{p}")))


@settings(max_examples=60, deadline=None)
@given(
    values=npst.arrays(
        np.float64,
        st.tuples(st.just(5), st.integers(1, 6), st.integers(1, 4)),
        elements=finite | decimals | st.just(np.nan),
    )
)
def test_what_goes_in_comes_out(tmp_path_factory, values: np.ndarray) -> None:
    file = written(tmp_path_factory.mktemp("grid") / "bars/1d/2020.parquet", values)
    for i, field in enumerate(FIELDS):
        assert same_bits(file.values(field), values[i])


@settings(max_examples=200, deadline=None)
@given(st.lists(st.integers(1, 2**31 - 2), min_size=1, max_size=50), st.integers(0, 4))
def test_prices_in_decimals_are_stored_as_whole_numbers(whole: list[int], power: int) -> None:
    """k / 10^p as a decimal text would be parsed is recognised, and k / 10^p again is that float."""
    values = np.array([float(f"{k}e-{power}") for k in whole])
    found = exact_power(values)
    assert found is not None
    assert found <= power
    assert same_bits(np.rint(values * 10.0**found) / 10.0**found, values)


@pytest.mark.parametrize("value", [0.1 + 0.2, 1 / 3, 2.0**31, 1e300, -0.0, 5e-324, np.inf])
def test_what_is_no_short_decimal_stays_a_float(value: float) -> None:
    assert exact_power(np.array([1.25, value])) is None


def test_stored_types_scale_and_nulls(tmp_path: Path) -> None:
    values = np.full((5, 3, 2), 10.25)
    values[0, 1, 1] = np.nan
    values[2] = 1 / 3
    values[4] = 12_000.0
    file = written(tmp_path / "x.parquet", values)
    schema = pq.read_schema(tmp_path / "x.parquet")
    assert [str(schema.field(f).type) for f in FIELDS] == ["int32", "int32", "double", "int32", "int32"]
    assert schema.field("open").metadata == {b"tradewind.scale": b"100"}
    assert schema.field("volume").metadata == {b"tradewind.scale": b"1"}
    assert json.loads(schema.metadata[b"tradewind.grid"])["rows"] == 3
    assert pq.read_table(tmp_path / "x.parquet").column("open").to_pylist() == [1025, 1025, 1025, None, 1025, 1025]
    assert same_bits(file.values("open"), values[0])


@pytest.mark.parametrize("compiled", [True, False])
def test_both_ways_of_decoding_give_the_same_bits_wherever_a_part_begins(tmp_path: Path, monkeypatch, compiled) -> None:
    rng = np.random.default_rng(3)
    values = np.round(rng.uniform(1, 99, (5, 41, 5)), 2)
    values[:4, rng.random((41, 5)) < 0.3] = np.nan
    file = written(tmp_path / "x.parquet", values)
    if compiled:
        import numba  # noqa: F401 - the way of processes that have it
    else:
        monkeypatch.delitem(sys.modules, "numba", raising=False)
    for lo in range(20):
        for hi in (lo + 1, 33, 41):
            assert same_bits(file.values("close", lo, hi), np.ascontiguousarray(values[3, lo:hi]))
    assert same_bits(file.values("volume"), values[4])


def test_many_groups_are_one_array_and_parts_are_pruned(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(gridfile, "GROUP_CELLS", 40)
    rng = np.random.default_rng(0)
    values = np.round(rng.uniform(1, 99, (5, 101, 7)), 2)
    file = written(tmp_path / "x.parquet", values)
    assert pq.ParquetFile(tmp_path / "x.parquet").metadata.num_row_groups == 21
    assert same_bits(file.values("low"), values[2])
    for lo, hi in [(0, 1), (4, 6), (17, 90), (100, 101)]:
        assert same_bits(np.ascontiguousarray(file.values("close", lo, hi)), np.ascontiguousarray(values[3, lo:hi]))


def test_no_flipped_bit_becomes_a_number(tmp_path: Path) -> None:
    """One bit of every third byte of a file: it is refused, or the numbers are those that were stored."""
    values = np.round(np.random.default_rng(1).uniform(1, 99, (5, 4, 3)), 2)
    values[0, 2, 1] = np.nan
    good = written(tmp_path / "x.parquet", values)
    whole, grid, refused = (tmp_path / "x.parquet").read_bytes(), good.grid, 0
    for place in range(0, len(whole), 3):
        spoilt = bytearray(whole)
        spoilt[place] ^= 1 << (place % 8)
        (tmp_path / "y.parquet").write_bytes(spoilt)
        file = GridFile(tmp_path / "y.parquet", "test")
        try:
            assert file.grid.same(grid), place
            for i, field in enumerate(FIELDS):
                assert same_bits(file.values(field), values[i]), (place, field)
        except BundleCorrupt:
            refused += 1
    assert refused > len(whole) // 6


def test_the_digest_is_that_of_the_values(tmp_path: Path) -> None:
    values = np.round(np.random.default_rng(1).uniform(1, 99, (5, 4, 3)), 2)
    grid = new_grid(int(DAYS[0]), 4, 4, np.array([1, 2, 9]))
    content = write_grid(tmp_path / "x.parquet", "1d", grid, {"session": DAYS[:4]}, lambda lo, hi: values[:, lo:hi])
    table = {"session": np.repeat(DAYS[:4], 3), "sid": np.tile(grid.sids, 4)}
    table |= {field: values[i].ravel() for i, field in enumerate(FIELDS)}
    assert content == tables.digest(BARS, table)
