"""The derived cache: the same numbers, mapped; rebuilt when missing or foreign; never in the way."""

from __future__ import annotations

import os
import stat
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from tradewind_data import cache as module
from tradewind_data.bars import strips
from tradewind_data.bundle import Bundle, open_bundle
from tradewind_data.cache import Cache, clean_cache
from tradewind_data.errors import FieldNotFound
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
        f"{key}.{kind}" for key in (*FIELDS, "price-factors") for kind in ("f8", "json")
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


@pytest.fixture
def large(monkeypatch) -> None:
    """Every bundle counts as too large to be held."""
    for room in ("bars", "bundle"):
        monkeypatch.setattr(f"tradewind_data.{room}.HELD_BYTES", 8)


def refuse_decoding(monkeypatch) -> None:
    for name in ("gridfile.GridFile._read", "bars.closes_before", "bundle.actions_of"):
        monkeypatch.setattr(f"tradewind_data.{name}", lambda *_, **__: pytest.fail("the bundle was read"))


@pytest.mark.parametrize("rows_first", [True, False])
@pytest.mark.parametrize("columns", [[1], [1, 0], [0, 0, 1]])
def test_one_assets_history_in_a_large_bundle_touches_little(
    stored: Path, plain, large, monkeypatch, rows_first: bool, columns: list[int]
) -> None:
    """It comes from strips and kept factors: neither a bar file nor a table of actions is read again."""
    monkeypatch.setattr("tradewind_data.bars.STRIP", 64)
    monkeypatch.setattr("tradewind_data.bars.PATIENCE", -len(FIELDS))
    first = open_bundle("mine").bars()
    for field in FIELDS:
        first.values(field) if rows_first else first.window(field, np.array([0]), first.last_session, 100)
    first.window("close", np.array([0]), first.last_session, 100)
    first.window("volume", np.array([0]), first.last_session, 100)
    assert (stored / "close-by-asset.f8").is_file()
    assert (stored / "close.f8").is_file() == rows_first
    refuse_decoding(monkeypatch)
    reader = open_bundle("mine").bars()
    last = reader.last_session
    for n in (1, 63, 64, 65, 127, 128, 129, 200):
        found = reader.window("close", np.array(columns), last, n)
        assert np.array_equal(found, plain["window"][200 - n :, columns], equal_nan=True)
        for field in FIELDS:
            own = reader.window(field, np.array(columns), last - 7, n, seen_from=last - 7)
            raw = plain[field][last - 6 - n : last - 6, columns]
            assert np.array_equal(own[-1], raw[-1], equal_nan=True)
            if field == "volume":
                assert np.array_equal(own, raw)
    assert "close" not in reader._values


def test_the_first_reader_of_a_large_bundle_does_not_wait_for_the_cache(
    stored: Path, plain, large, monkeypatch
) -> None:
    """Strips are made after PATIENCE passes over the files, in whatever process, one field after the other."""
    monkeypatch.setattr("tradewind_data.bars.PATIENCE", 2)
    made = []
    for _ in range(2 + len(FIELDS)):
        reader = open_bundle("mine").bars()
        for field in FIELDS:
            found = reader.window(field, np.array([1]), reader.last_session, 200)
            expected = plain["window"] if field == "close" else None
            if expected is not None:
                assert np.array_equal(found, expected[:, [1]], equal_nan=True)
        made.append([field for field in FIELDS if (stored / f"{field}-by-asset.f8").is_file()])
    assert made == [[], [], *(list(FIELDS[: i + 1]) for i in range(len(FIELDS)))]


def test_a_broken_count_of_what_was_spent_begins_again(stored: Path, plain, large) -> None:
    reader = open_bundle("mine").bars()
    reader.window("close", np.array([1]), reader.last_session, 200)
    (stored / "close-by-asset.spent").write_text("many")
    found = open_bundle("mine").bars().window("close", np.array([1]), reader.last_session, 200)
    assert np.array_equal(found, plain["window"][:, [1]], equal_nan=True)


def test_several_fields_are_loaded_as_one_by_one(stored: Path, plain, monkeypatch) -> None:
    for told in ("off", str(stored.parent)):
        monkeypatch.setenv("TRADEWIND_CACHE", told)
        reader = open_bundle("mine").bars()
        reader.values("high")
        found = reader.load()
        assert list(found) == list(FIELDS)
        for field in FIELDS:
            assert np.array_equal(found[field], plain[field], equal_nan=True)
            assert not found[field].flags.writeable
            assert reader.values(field) is found[field]
    with pytest.raises(FieldNotFound):
        reader.load(["close", "clsoe"])


def test_a_cache_without_room_for_strips_still_answers(stored: Path, plain, large, monkeypatch) -> None:
    rows = open_bundle("mine").bars().shape[0]
    monkeypatch.setenv("TRADEWIND_CACHE_BYTES", str(int(1.5 * 8 * 2 * rows)))
    reader = open_bundle("mine").bars()
    reader.values("close")
    assert not (stored / "close-by-asset.f8").exists()
    found = reader.window("close", np.array([1]), reader.last_session, 200)
    assert np.array_equal(found, plain["window"][:, [1]], equal_nan=True)


@pytest.mark.parametrize("n", [1, 3])
@pytest.mark.parametrize("cuts", [[0, 23], [0, 1, 2, 23], [0, 5, 10, 15, 20, 23], [0, 7, 21, 23]])
def test_strips_hold_every_row(monkeypatch, n: int, cuts: list[int]) -> None:
    monkeypatch.setattr("tradewind_data.bars.STRIP", 5)
    whole = np.arange(23 * n, dtype=float).reshape(23, n)
    held = np.stack(list(strips([whole[lo:hi] for lo, hi in pairwise(cuts)], n)))
    assert held.shape == (5, n, 5)
    rows = held.transpose(0, 2, 1).reshape(-1, n)
    assert np.array_equal(rows[:23], whole)
    assert np.isnan(rows[23:]).all()


def test_the_files_cannot_be_changed_through_the_reader(stored: Path) -> None:
    everything(open_bundle("mine"))
    values = open_bundle("mine").bars().values("open")
    with pytest.raises(ValueError, match="read-only"):
        values[0, 0] = 1.0
    assert stat.S_ISREG((stored / "open.f8").stat().st_mode)
