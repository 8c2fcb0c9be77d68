"""Ingest within bounds: the bytes do not depend on memory, threads or order; the disk may refuse at any moment."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import numpy as np
import pytest

from tradewind_data.bundle import open_bundle
from tradewind_data.errors import BundleNotWritten
from tradewind_data.ingest.folder import ingest_folder
from tradewind_data.ingest.parallel import Meter, ordered
from tradewind_data.ingest.spool import AssetBars, Spool, held

DAY = 86_400_000_000_000


@pytest.fixture
def many(folder, root: Path):
    rng = np.random.default_rng(5)
    days = np.arange("2018-12-20", "2020-02-10", dtype="datetime64[D]")
    for i in range(12):
        mine = days[rng.integers(0, 30) : len(days) - rng.integers(0, 30)]
        folder.bars(
            f"S{i}", {str(d): round(float(p), 2) for d, p in zip(mine, rng.uniform(5, 90, len(mine)), strict=True)}
        )
    return folder


@pytest.mark.parametrize(("workers", "budget"), [(1, 1), (4, 1), (3, 20_000), (4, 1 << 30)])
def test_one_hash_whatever_the_memory_and_the_threads(many, workers: int, budget: int) -> None:
    one = ingest_folder(many.path, "one", calendar="24/7", workers=1)
    other = ingest_folder(many.path, "other", calendar="24/7", workers=workers, budget=budget)
    assert one.hash == other.hash
    for path in one.path.rglob("*.parquet"):
        assert path.read_bytes() == (other.path / path.relative_to(one.path)).read_bytes()
    assert not [p for p in other.path.rglob("*") if p.is_file() and p.suffix not in (".parquet", ".json", ".html")]


def test_a_spool_answers_what_it_was_given(tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    parts = []
    for sid in (5, 2, 9, 2):
        start = int(rng.integers(17_000, 17_900)) if sid != 2 else 17_000 + 500 * len(parts)
        labels = np.arange(start, start + 400) * DAY
        parts.append(AssetBars(sid, labels, rng.uniform(1, 2, (5, 400))))
    whole, spilt = held(parts), Spool("Y", tmp_path, budget=10_000)
    for part in parts:
        spilt.add(part)
    assert list(tmp_path.iterdir()) == []
    assert spilt.rows == 1600
    assert spilt.span == whole.span
    assert spilt.sids.tolist() == [2, 5, 9]
    assert spilt.lifetime(2) == (int(parts[1].labels[0]), int(parts[3].labels[-1]))
    first, last = 17_300 * DAY, 18_100 * DAY
    for a, b in zip(whole.slices(first, last), spilt.slices(first, last), strict=True):
        assert a.sid == b.sid
        assert np.array_equal(a.labels, b.labels)
        assert np.array_equal(a.values, b.values)
    for part in parts[:1]:
        found = [s for s in spilt.slices(*spilt.span) if s.sid == part.sid]
        assert np.array_equal(np.concatenate([f.values for f in found], axis=1), part.values)
    spilt.close()


def test_work_is_bounded_and_in_order() -> None:
    alive, most = 0, 0

    def work(i: int) -> int:
        nonlocal alive, most
        alive += 1
        most = max(most, alive)
        return i * i

    taken = []
    for answer in ordered(work, range(40), lambda i: 10, budget=30, workers=4):
        taken.append(answer)
        alive -= 1
    assert taken == [i * i for i in range(40)]
    assert most <= 4


def test_an_error_in_the_middle_ends_the_work() -> None:
    begun = []

    def work(i: int) -> int:
        begun.append(i)
        if i == 5:
            raise ValueError("five")
        return i

    with pytest.raises(ValueError, match="five"):
        list(ordered(work, range(1000), lambda i: 1, budget=4, workers=2))
    assert len(begun) < 20


def test_the_meter_tells_pace_and_time_left(monkeypatch) -> None:
    clock = iter([100.0, 100.1, 102.0])
    monkeypatch.setattr("tradewind_data.ingest.parallel.time.monotonic", lambda: next(clock))
    told: list[tuple[int, int, str]] = []
    meter = Meter(lambda *step: told.append(step), 10)
    meter.step(1, "reading A")
    meter.count(5000)
    meter.step(4, "reading B")
    assert told == [(1, 10, "reading A"), (4, 10, "reading B, 2,500 rows/s, 3 s left")]


def test_a_full_disk_while_bars_overflow(many, root: Path, monkeypatch) -> None:
    first = ingest_folder(many.path, "mine", calendar="24/7")

    def refuse(self: Spool, folder: Path) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Spool, "_spill", refuse)
    with pytest.raises(BundleNotWritten, match="No space left"):
        ingest_folder(many.path, "mine", calendar="24/7", budget=1)
    assert sorted(p.name for p in first.path.parent.iterdir()) == [".lock", "1"]
    open_bundle("mine").verify()


@pytest.mark.slow
def test_a_small_disk(many, root: Path, tmp_path: Path) -> None:
    """A file size limit of the process cuts writes at every length: no version is lost, none half visible."""
    import subprocess
    import sys

    first = ingest_folder(many.path, "mine", calendar="24/7")
    code = (
        "import resource, signal, sys\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]),) * 2)\n"
        "from tradewind_data.errors import BundleNotWritten\n"
        "from tradewind_data.ingest.folder import ingest_folder\n"
        "try:\n"
        "    ingest_folder(sys.argv[1], 'mine', calendar='24/7', budget=1)\n"
        "except BundleNotWritten:\n"
        "    sys.exit(3)\n"
    )
    for limit in (0, 1, 500, 2_000, 5_000, 9_000, 20_000, 60_000):
        done = subprocess.run([sys.executable, "-c", code, str(many.path), str(limit)], check=False)
        assert done.returncode == 3
        assert open_bundle("mine").hash == first.hash
        open_bundle("mine").verify()
        assert sorted(p.name for p in first.path.parent.iterdir()) == [".lock", "1"]
