"""The derived cache: the same numbers, mapped; rebuilt when missing or foreign; never in the way."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import numpy as np
import pytest

from tradewind_data import cache as module
from tradewind_data.bundle import Bundle, open_bundle
from tradewind_data.cache import Cache, clean_cache
from tradewind_data.ingest.folder import ingest_folder
from tradewind_data.schema import FIELDS

CLOSES = {f"2020-{m:02d}-{d:02d}": 10.0 + m + d / 7 for m in range(1, 13) for d in range(1, 29)}


@pytest.fixture
def stored(folder, root: Path, tmp_path: Path, monkeypatch) -> Path:
    """The folder of the cache of the bundle ``mine``; every array is large enough for it."""
    monkeypatch.setattr(module, "SMALLEST_BYTES", 8)
    monkeypatch.setenv("TRADEWIND_CACHE", "off")
    folder.bars("A", CLOSES)
    folder.bars("B", dict(list(CLOSES.items())[50:300]))
    folder.write("dividends.csv", "symbol,ex_date,amount\nA,2020-05-05,1\nB,2020-06-06,0.5\n")
    report = ingest_folder(folder.path, "mine", calendar="24/7")
    monkeypatch.setenv("TRADEWIND_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / report.hash


def everything(bundle: Bundle) -> dict[str, np.ndarray]:
    reader = bundle.bars()
    out = {field: np.array(reader.values(field)) for field in FIELDS}
    out["window"] = reader.window("close", None, reader.last_session, 200)
    return out


def assert_same(a: dict[str, np.ndarray], b: dict[str, np.ndarray]) -> None:
    for name, values in a.items():
        assert np.array_equal(values, b[name], equal_nan=True), name


@pytest.fixture
def plain(stored: Path, monkeypatch) -> dict[str, np.ndarray]:
    with monkeypatch.context() as m:
        m.setenv("TRADEWIND_CACHE", "off")
        found = everything(open_bundle("mine"))
    assert not stored.exists()
    return found


def test_the_first_reading_fills_it_and_later_ones_map_it(stored: Path, plain, monkeypatch) -> None:
    assert_same(everything(open_bundle("mine")), plain)
    assert sorted(p.name for p in stored.iterdir()) == sorted(
        f"{key}.{kind}" for key in (*FIELDS, "dividend-bases") for kind in ("f8", "json")
    )
    monkeypatch.setattr("tradewind_data.gridfile.GridFile.values", lambda *_: pytest.fail("the bundle was decoded"))
    assert_same(everything(open_bundle("mine")), plain)
    assert not open_bundle("mine").bars().values("close").flags.writeable


@pytest.mark.parametrize(
    "spoil",
    [
        lambda f: (f / "close.f8").unlink(),
        lambda f: (f / "close.json").unlink(),
        lambda f: (f / "close.json").write_text("{"),
        lambda f: (f / "close.json").write_text((f / "close.json").read_text().replace('"format": 1', '"format": 0')),
        lambda f: (f / "close.f8").write_bytes((f / "close.f8").read_bytes()[:-8]),
        lambda f: (f / "close.f8").write_bytes(b"\0" * (f / "close.f8").stat().st_size),
        lambda f: os.replace(f / "open.f8", f / "close.f8"),
    ],
)
def test_what_is_missing_or_foreign_is_made_again(stored: Path, plain, spoil) -> None:
    everything(open_bundle("mine"))
    for path in stored.iterdir():
        os.utime(path, ns=(1, 1)) if path.suffix == ".json" else None
    spoil(stored)
    assert_same(everything(open_bundle("mine")), plain)
    assert_same(everything(open_bundle("mine")), plain)


def test_a_disk_that_refuses_is_no_matter(stored: Path, plain, monkeypatch, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    monkeypatch.setenv("TRADEWIND_CACHE", str(tmp_path / "file"))
    assert_same(everything(open_bundle("mine")), plain)
    monkeypatch.setenv("TRADEWIND_CACHE", str(tmp_path / "cache"))

    def refuse(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Cache, "_write", refuse)
    assert_same(everything(open_bundle("mine")), plain)
    assert list(stored.iterdir()) == []


def test_an_unfinished_array_is_never_seen(stored: Path, plain) -> None:
    """A process killed while it writes leaves its own temporary file only."""
    held = Cache(stored.name)

    def blocks():
        yield np.zeros(4)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        held.store("close", (8,), blocks())
    assert list(stored.iterdir()) == []
    assert held.open("close", (8,)) is None


def test_its_size_is_bounded(stored: Path, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("TRADEWIND_CACHE_BYTES", "1000")
    for i, name in enumerate("abc"):
        Cache(name * 64).store("x", (50,), [np.full(50, float(i))])
    left = sorted(p.name[0] for p in (tmp_path / "cache").iterdir())
    assert left == ["b", "c"]
    assert Cache("d" * 64).store("x", (500,), [np.zeros(500)]) is None
    assert sorted(p.name[0] for p in (tmp_path / "cache").iterdir()) == ["b", "c"]


def test_cleaning(stored: Path, tmp_path: Path) -> None:
    everything(open_bundle("mine"))
    (tmp_path / "cache" / "notes").mkdir()
    size = sum(p.stat().st_size for p in stored.iterdir())
    assert clean_cache() == size
    assert [p.name for p in (tmp_path / "cache").iterdir()] == ["notes"]
    assert clean_cache() == 0


def test_small_arrays_are_not_cached(stored: Path, monkeypatch) -> None:
    monkeypatch.setattr(module, "SMALLEST_BYTES", 1 << 22)
    everything(open_bundle("mine"))
    assert not stored.exists()


def test_a_large_bundle_without_a_cache_reads_the_columns_that_are_asked(stored: Path, plain, monkeypatch) -> None:
    monkeypatch.setenv("TRADEWIND_CACHE", "off")
    monkeypatch.setattr("tradewind_data.bars.HELD_BYTES", 8)
    reader = open_bundle("mine").bars()
    found = reader.window("close", np.array([1]), reader.last_session, 200)
    assert np.array_equal(found, plain["window"][:, [1]], equal_nan=True)
    assert reader._values == {}


def test_a_few_columns_of_a_large_bundle_are_read_cell_by_cell(stored: Path, plain, monkeypatch) -> None:
    everything(open_bundle("mine"))
    monkeypatch.setattr("tradewind_data.bars.HELD_BYTES", 8)
    reader = open_bundle("mine").bars()
    for columns in ([1], [1, 0], [0, 0, 1]):
        found = reader.window("close", np.array(columns), reader.last_session, 200)
        assert np.array_equal(found, plain["window"][:, columns], equal_nan=True)
    assert "close" not in reader._values
    (stored / "close.f8").write_bytes(b"")
    found = open_bundle("mine").bars().window("close", np.array([1]), reader.last_session, 200)
    assert np.array_equal(found, plain["window"][:, [1]], equal_nan=True)


def test_the_files_cannot_be_changed_through_the_reader(stored: Path) -> None:
    everything(open_bundle("mine"))
    values = open_bundle("mine").bars().values("open")
    with pytest.raises(ValueError, match="read-only"):
        values[0, 0] = 1.0
    assert stat.S_ISREG((stored / "open.f8").stat().st_mode)
