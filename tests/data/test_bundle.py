"""Finding, opening and checking bundles; versions that are added whole or not at all."""

from __future__ import annotations

import errno
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from tradewind_data.bundle import bundles_root, list_bundles, open_bundle
from tradewind_data.demo import demo_folder
from tradewind_data.errors import BundleCorrupt, BundleNotFound, BundleNotWritten, FrequencyNotFound
from tradewind_data.ingest.folder import ingest_folder
from tradewind_data.ingest.staging import staging

INGEST = (
    "import sys\n"
    "from tradewind_data.ingest.folder import ingest_folder\n"
    "print(ingest_folder(sys.argv[1], sys.argv[2], calendar='24/7', append=len(sys.argv) > 3).hash)\n"
)
HOLD = (
    "import sys\n"
    "from tradewind_data.ingest.staging import staging\n"
    "with staging('mine') as stage:\n"
    "    print(stage.folder, flush=True)\n"
    "    sys.stdin.read()\n"
)


def days(n: int, price: float) -> dict[str, float]:
    dates = [f"20{y:02d}-{m:02d}-{d:02d}" for y in range(10, 20) for m in range(1, 13) for d in range(1, 29)]
    return dict.fromkeys(dates[:n], price)


@pytest.fixture
def two(folder, root: Path) -> Path:
    """The bundle ``mine`` in versions 1 (price 1) and 2 (price 2)."""
    for price in (1.0, 2.0):
        folder.bars("A", days(5, price))
        ingest_folder(folder.path, "mine", calendar="24/7")
    return root / "bundles" / "mine"


def price(name: str | Path) -> float:
    bars = open_bundle(name).bars()
    return float(bars.values("close")[bars.first_session, 0])


def test_names_versions_and_paths(two: Path) -> None:
    assert [price(n) for n in ("mine", "mine@1", "mine@2", two, two / "1", str(two))] == [2, 1, 2, 2, 1, 2]
    assert [open_bundle(n).version for n in ("mine", "mine@1", two / "1")] == ["2", "1", "1"]
    assert repr(open_bundle("mine")) == "Bundle('mine', version 2, 1 assets, 2010-01-01 … 2010-01-05)"


def test_a_folder_moved_elsewhere_opens_by_its_path(two: Path, tmp_path: Path) -> None:
    moved = tmp_path / "elsewhere"
    shutil.copytree(two / "1", moved)
    bundle = open_bundle(moved)
    assert (bundle.name, bundle.version) == ("mine", "folder")
    bundle.verify()


def test_unknown_names_and_versions(two: Path) -> None:
    with pytest.raises(
        BundleNotFound, match=r"no bundle 'mime'.*demo, mine\. Did you mean mine\?.*tradewind ingest"
    ) as caught:
        open_bundle("mime")
    assert (caught.value.name, caught.value.known) == ("mime", ("demo", "mine"))
    with pytest.raises(BundleNotFound, match="'mine' has no version '7'; versions: 1, 2"):
        open_bundle("mine@7")
    with pytest.raises(BundleNotFound):
        open_bundle(two / "nothing")
    with pytest.raises(BundleNotFound):
        open_bundle("")


def test_the_root_comes_from_argument_environment_or_platform(two: Path, tmp_path: Path, monkeypatch) -> None:
    root = two.parents[1]
    assert bundles_root() == root / "bundles"
    assert open_bundle("mine").path == two / "2"
    other = tmp_path / "other"
    with pytest.raises(BundleNotFound):
        open_bundle("mine", root=other)
    monkeypatch.setenv("TRADEWIND_ROOT", str(other))
    with pytest.raises(BundleNotFound):
        open_bundle("mine")
    assert open_bundle("mine", root=root).version == "2"
    monkeypatch.delenv("TRADEWIND_ROOT")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "xdg"))
    assert bundles_root().name == "bundles"
    assert "tradewind" in str(bundles_root())


def test_a_version_is_as_readable_as_its_bundle(two: Path) -> None:
    assert (two / "1").stat().st_mode == two.stat().st_mode


def test_listing(two: Path) -> None:
    assert [(b.name, b.version) for b in list_bundles()] == [("demo", "embedded"), ("mine", "2")]
    assert [b.name for b in list_bundles(two / "none")] == ["demo"]


def test_frequencies(two: Path) -> None:
    bundle = open_bundle("mine")
    assert bundle.bars() is bundle.bars("1d")
    with pytest.raises(FrequencyNotFound, match="no '1m' bars; it has: 1d"):
        bundle.bars("1m")


def _flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


@pytest.mark.parametrize("file", ["assets.parquet", "sessions.parquet", "splits.parquet", "bars/1d/2010.parquet"])
@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (_flip, "SHA-256"),
        (lambda p: p.write_bytes(p.read_bytes()[:-20]), "SHA-256"),
        (lambda p: p.write_bytes(b""), "SHA-256"),
        (lambda p: p.unlink(), "is missing"),
    ],
)
def test_verify_finds_damage(two: Path, file: str, damage, says: str) -> None:
    damage(two / "2" / file)
    with pytest.raises(BundleCorrupt, match=says) as caught:
        open_bundle("mine").verify()
    assert (caught.value.bundle, caught.value.file) == ("mine", file)
    open_bundle("mine@1").verify()


@pytest.mark.parametrize("damage", [lambda p: p.write_bytes(p.read_bytes()[:-20]), lambda p: p.unlink()])
def test_reading_damaged_files_is_a_sentence(two: Path, damage) -> None:
    damage(two / "2" / "bars/1d/2010.parquet")
    with pytest.raises(BundleCorrupt, match=r"bars/1d|1d/2010\.parquet"):
        open_bundle("mine").bars().values("close")
    damage(two / "2" / "assets.parquet")
    with pytest.raises(BundleCorrupt, match=r"assets\.parquet"):
        len(open_bundle("mine").finder)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda m: "{", "not a readable manifest"),
        (lambda m: json.dumps({**m, "format": "other"}), "not of a tradewind bundle"),
        (lambda m: json.dumps({**m, "schema_version": 99}), "schema version 99, this tradewind reads 1"),
        (lambda m: json.dumps({k: v for k, v in m.items() if k != "files"}), "not a readable manifest"),
        (lambda m: json.dumps([1]), "not a readable manifest"),
    ],
)
def test_foreign_manifests(two: Path, change, says: str) -> None:
    path = two / "2" / "manifest.json"
    path.write_text(change(json.loads(path.read_text())))
    with pytest.raises(BundleCorrupt, match=says):
        open_bundle("mine")
    assert [b.name for b in list_bundles()] == ["demo"]


def test_a_folder_without_a_manifest_is_no_version(two: Path) -> None:
    (two / "3").mkdir()
    assert open_bundle("mine").version == "2"


def test_numbers_are_not_reused(two: Path, folder) -> None:
    (two / "7").mkdir()
    report = ingest_folder(folder.path, "mine", calendar="24/7")
    assert report.version == "8"


def test_an_interrupted_ingest_leaves_nothing(two: Path, folder) -> None:
    def interrupt(done: int, total: int, label: str) -> None:
        if label.startswith("writing"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        ingest_folder(folder.path, "mine", calendar="24/7", progress=interrupt)
    with pytest.raises(KeyboardInterrupt):
        ingest_folder(folder.path, "fresh", calendar="24/7", progress=interrupt)
    assert sorted(p.name for p in two.iterdir()) == [".lock", "1", "2"]
    assert sorted(p.name for p in two.parent.iterdir()) == ["mine"]


@pytest.mark.parametrize("call", ["write_table", "fsync", "rename"])
def test_a_disk_that_refuses_loses_nothing(two: Path, folder, monkeypatch, call: str) -> None:
    """ENOSPC while a table is written, flushed, or renamed into place."""

    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(
        {"write_table": "pyarrow.parquet.write_table", "fsync": "os.fsync", "rename": "os.rename"}[call], refuse
    )
    with pytest.raises(BundleNotWritten, match=r"'mine' could not be written.*No space left") as caught:
        ingest_folder(folder.path, "mine", calendar="24/7")
    assert caught.value.bundle == "mine"
    assert sorted(p.name for p in two.iterdir()) == [".lock", "1", "2"]
    open_bundle("mine").verify()


def test_a_root_that_is_a_file(folder, tmp_path: Path) -> None:
    folder.bars("A", days(2, 1.0))
    (tmp_path / "file").write_text("x")
    with pytest.raises(BundleNotWritten, match="TRADEWIND_ROOT"):
        ingest_folder(folder.path, "mine", calendar="24/7", root=tmp_path / "file")


def test_leftovers_are_removed_and_living_ingests_spared(two: Path, folder) -> None:
    (two / ".ingest-dead" / "bars").mkdir(parents=True)
    (two / ".ingest-dead" / "bars" / "x").write_text("x")
    holder = subprocess.Popen([sys.executable, "-c", HOLD], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert holder.stdout is not None
    alive = Path(holder.stdout.readline().strip())
    try:
        assert not (two / ".ingest-dead").exists()
        assert alive.is_dir()
        ingest_folder(folder.path, "mine", calendar="24/7")
        assert alive.is_dir()
        holder.send_signal(signal.SIGKILL)
        holder.wait()
        assert alive.is_dir()
        ingest_folder(folder.path, "mine", calendar="24/7")
        assert not alive.exists()
    finally:
        holder.kill()
        holder.communicate()
    assert sorted(p.name for p in two.iterdir()) == [".lock", "1", "2", "3", "4"]


def test_an_ingest_waits_while_another_counts_versions(two: Path) -> None:
    fcntl = pytest.importorskip("fcntl")
    entered = threading.Event()

    def enter() -> None:
        with staging("mine"):
            entered.set()

    with (two / ".lock").open("rb+") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        waiting = threading.Thread(target=enter)
        waiting.start()
        assert not entered.wait(0.3)
        assert not list(two.glob(".ingest-*"))
        fcntl.flock(lock, fcntl.LOCK_UN)
        assert entered.wait(10)
    waiting.join()
    assert sorted(p.name for p in two.iterdir()) == [".lock", "1", "2"]


def test_two_ingests_at_once_never_mix(folder, root: Path, tmp_path: Path) -> None:
    hashes = set()
    running = []
    for i in range(2):
        folder.bars("A", days(600, 1.0 + i))
        source = tmp_path / f"source{i}"
        shutil.copytree(folder.path, source)
        hashes.add(ingest_folder(source, f"alone{i}", calendar="24/7").hash)
        running += [subprocess.Popen([sys.executable, "-c", INGEST, str(source), "both"]) for _ in range(2)]
    assert [p.wait() for p in running] == [0, 0, 0, 0]
    found = [open_bundle(f"both@{v}") for v in (1, 2, 3, 4)]
    for bundle in found:
        bundle.verify()
    assert {b.hash for b in found} == hashes
    assert sorted(p.name for p in (root / "bundles" / "both").iterdir()) == [".lock", "1", "2", "3", "4"]


def test_the_demo_opens_without_a_root(monkeypatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TRADEWIND_ROOT", str(tmp_path / "nowhere"))
    assert open_bundle("demo").path == demo_folder()
    assert not os.path.exists(tmp_path / "nowhere")
