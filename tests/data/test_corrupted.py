"""Corrupted bundles and inputs on the command line: exit code 3, and the file, row or hash is named."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner
from tests.data.test_bad_input import CASES, Case

from tradewind.cli import cli
from tradewind_data.bundle import Bundle, open_bundle
from tradewind_data.errors import BundleCorrupt
from tradewind_data.ingest.folder import ingest_folder
from tradewind_data.schema import FIELDS

WEEK = {f"2020-01-{d:02d}": 10.0 + d for d in range(1, 29)}


def call(*words: object):
    return CliRunner().invoke(cli, [str(word) for word in words])


@pytest.fixture
def bundle(folder, root: Path) -> Path:
    folder.bars("A", WEEK)
    folder.write("minute/A.csv", "date,open,high,low,close,volume\n2020-01-02 12:00,5,5,5,5,5\n")
    folder.write("datasets/facts.csv", "symbol,asof_date,eps\nA,2020-01-02,1\n")
    folder.write("dividends.csv", "symbol,ex_date,amount\nA,2020-01-03,1\n")
    return ingest_folder(folder.path, "mine", calendar="24/7").path


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-30])


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 16
    path.write_bytes(data)


def gone(path: Path) -> None:
    path.unlink()


def swap(path: Path) -> None:
    shutil.copyfile(path.parent / "symbols.parquet", path)


FILES = [
    "bars/1d/2020.parquet",
    "bars/1m/2020-01.parquet",
    "datasets/facts.parquet",
    "assets.parquet",
    "dividends.parquet",
    "quality.parquet",
]


@pytest.mark.parametrize("file", FILES)
@pytest.mark.parametrize("damage", [cut, flip, gone])
def test_damaged_files_of_a_bundle(bundle: Path, file: str, damage) -> None:
    damage(bundle / file)
    done = call("bundles", "verify", "mine")
    assert done.exit_code == 3, done.output
    assert file in done.stderr
    assert ("is missing" if damage is gone else "SHA-256") in done.stderr
    assert "Traceback" not in done.stderr


def told(bundle: Bundle) -> dict[str, object]:
    """Everything a reader answers."""
    out = {field: np.array(bundle.bars().values(field)) for field in FIELDS}
    minutes = bundle.bars("1m")
    out |= {f"{f} by minute": minutes.session_values(f, minutes.first_session) for f in FIELDS}
    out["paid"], out["assets"] = bundle.actions.dividends.amount, [repr(asset) for asset in bundle.finder]
    at = np.array([np.iinfo(np.int64).max])
    return out | bundle.datasets.as_of("facts", ["eps"], at, bundle.finder.sids)


@pytest.mark.parametrize("file", FILES[:5])
def test_a_flipped_bit_is_never_read_as_data(bundle: Path, file: str) -> None:
    """Without a word to `verify`: reading names the file, or gives the numbers that were stored."""
    true, whole = told(open_bundle(bundle)), (bundle / file).read_bytes()
    rng, named = np.random.default_rng(3), []
    for _ in range(40):
        spoilt = bytearray(whole)
        spoilt[rng.integers(len(spoilt))] ^= 1 << int(rng.integers(8))
        (bundle / file).write_bytes(spoilt)
        try:
            found = told(open_bundle(bundle))
        except BundleCorrupt as e:
            named.append(e.file)
            continue
        for name, values in true.items():
            np.testing.assert_array_equal(found[name], values, name)
    assert len(named) > 5
    assert set(named) == {file}


def test_a_run_on_a_damaged_bundle_ends_with_code_three(bundle: Path, tmp_path: Path) -> None:
    path = bundle / "bars/1d/2020.parquet"
    column = pq.read_metadata(path).row_group(0).column(5)
    data = bytearray(path.read_bytes())
    data[column.data_page_offset + column.total_compressed_size - 5] ^= 1
    path.write_bytes(data)
    (tmp_path / "algo.py").write_text("def handle_data(context, data):\n    pass\n")
    done = call("run", tmp_path / "algo.py", "-b", "mine", "-o", tmp_path / "out")
    assert done.exit_code == 3, done.output
    assert "bars/1d/2020.parquet cannot be read" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_file_in_the_place_of_another(bundle: Path) -> None:
    swap(bundle / "assets.parquet")
    assert "assets.parquet has SHA-256" in call("bundles", "verify", "mine").stderr


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"schema_version": 99}, "schema version 99"),
        ({"format": "other"}, "not of a tradewind bundle"),
        ({"files": {}}, "hash"),
        ({"content_hash": "0" * 64}, "hash"),
        ({"files": 5}, "not a readable manifest"),
    ],
)
def test_foreign_manifests(bundle: Path, change: dict[str, object], says: str) -> None:
    path = bundle / "manifest.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    done = call("bundles", "verify", "mine")
    assert done.exit_code == 3, done.output
    assert "manifest.json" in done.stderr
    assert says in done.stderr


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_bad_input_ends_with_code_three(case: Case, folder, root: Path) -> None:
    for name, text in {**case.good, **case.files}.items():
        folder.write(name, text)
    words = ("--name", "bad", "--calendar", case.calendar, "--strict")
    done = call("ingest", "folder", folder.path, *words)
    assert done.exit_code == 3, done.output
    assert case.file in done.stderr
    assert case.row is None or f"line {case.row}" in done.stderr
    assert not root.exists()
