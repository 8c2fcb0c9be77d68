"""Kills at random instants and full disks: no version is lost, none half visible, the next ingest cleans up.

The processes that are killed are forked from one that has imported everything, so that every instant falls into the
work itself. A writer that is not atomic is put to the same test, which has to find it out.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tradewind_data.bundle import open_bundle, versions_of
from tradewind_data.errors import DataError
from tradewind_data.ingest.folder import ingest_folder

pytestmark = pytest.mark.slow

INSTANTS, IN_THE_WORK = 60, 15
SERVER = """
import os, shutil, sys, time
import exchange_calendars, pyarrow.csv, pyarrow.parquet
from tradewind_data.ingest import staging
from tradewind_data.ingest.folder import ingest_folder
from tradewind_data.ingest.versions import clean

source, work = sys.argv[1:]

def slowly(stage):
    '''A writer as it must not be: the version's folder fills before everyone's eyes.'''
    target = stage.base / str(max(staging._numbers(stage.base), default=0) + 1)
    target.mkdir()
    for path in sorted(stage.folder.rglob("*"), key=lambda path: path.name != "manifest.json"):
        if path.is_file():
            (target / path.relative_to(stage.folder)).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target / path.relative_to(stage.folder))
            time.sleep(0.002)
    return target

if work == "careless":
    staging.Staging.commit = slowly

def run():
    if work == "clean":
        clean("mine", keep=1)
    else:
        ingest_folder(source, "mine", calendar="24/7", append=work == "append")

print("ready", flush=True)
for _ in sys.stdin:
    child = os.fork()
    if child == 0:
        try:
            run()
        finally:
            os._exit(0)
    print(child, flush=True)
    os.waitid(os.P_PID, child, os.WEXITED | os.WNOWAIT)
    print("over", flush=True)
    sys.stdin.readline()  # its number stays taken until nobody can mean it any more
    os.waitpid(child, 0)
"""


def _days(n: int, price: float) -> dict[str, float]:
    dates = [f"20{y:02d}-{m:02d}-{d:02d}" for y in range(10, 20) for m in range(1, 13) for d in range(1, 29)]
    return dict.fromkeys(dates[:n], price)


@pytest.fixture
def two_states(folder, root: Path) -> tuple[str, str]:
    """The hashes of version 1 and of what the folder makes of it now."""
    for symbol in "ABCDEFGH":
        folder.bars(symbol, _days(1500, 7.0))
    first = ingest_folder(folder.path, "mine", calendar="24/7").hash
    for symbol in "ABCDEFGHI":
        folder.bars(symbol, _days(2500, 7.0))
    return first, ingest_folder(folder.path, "other", calendar="24/7").hash


class Victims:
    """Processes that do one piece of work each, killed after a while."""

    def __init__(self, folder: Path, work: str) -> None:
        words = [sys.executable, "-W", "ignore", "-c", SERVER, str(folder), work]
        self._server = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self._said() == "ready"

    def _said(self) -> str:
        assert self._server.stdout is not None
        return self._server.stdout.readline().strip()

    def _tell(self, word: str) -> None:
        assert self._server.stdin is not None
        self._server.stdin.write(word + "\n")
        self._server.stdin.flush()

    def run(self, seconds: float | None) -> float:
        """Let one work, until it ends or for so many seconds; how long it took."""
        self._tell("go")
        victim, begun = int(self._said()), time.perf_counter()
        if seconds is not None:
            time.sleep(seconds)
            os.kill(victim, signal.SIGKILL)
        assert self._said() == "over"
        spent = time.perf_counter() - begun
        self._tell("bury")
        return spent

    def close(self) -> None:
        self._server.communicate()


@pytest.fixture
def victims(folder) -> Iterator[Callable[[str], Victims]]:
    made: list[Victims] = []

    def make(work: str) -> Victims:
        made.append(Victims(folder.path, work))
        return made[-1]

    yield make
    for each in made:
        each.close()


def _killed(base: Path, victims: Victims, first: str, second: str) -> tuple[int, int]:
    """Kill at INSTANTS random instants; how many left an unfinished folder, and how many a finished version."""
    rng = random.Random(7)
    unfinished = finished = 0
    whole = sorted(victims.run(None) for _ in range(3))[1]
    for version in versions_of(base)[1:]:
        shutil.rmtree(base / str(version))
    for _ in range(INSTANTS):
        victims.run(whole * rng.uniform(0.02, 1.02))
        unfinished += any(base.glob(".ingest-*"))
        assert open_bundle("mine@1").hash == first
        for version in versions_of(base):
            bundle = open_bundle(f"mine@{version}")
            bundle.verify()
            assert bundle.hash in (first, second)
            if version > 1:
                finished += 1
                shutil.rmtree(base / str(version))
    return unfinished, finished


@pytest.mark.parametrize("work", ["ingest", "append"])
def test_killed_at_any_instant_the_versions_stay_whole(two_states, root: Path, victims, work: str) -> None:
    first, second = two_states
    base, running = root / "bundles" / "mine", victims(work)
    unfinished, _ = _killed(base, running, first, second)
    assert unfinished >= IN_THE_WORK
    running.run(None)
    assert open_bundle("mine").hash == second
    assert not list(base.glob(".ingest-*"))


def test_a_writer_that_is_not_atomic_is_found_out(two_states, root: Path, victims) -> None:
    first, second = two_states
    with pytest.raises((DataError, AssertionError)):
        _killed(root / "bundles" / "mine", victims("careless"), first, second)


def test_killed_while_old_versions_go(two_states, folder, root: Path, victims) -> None:
    """A version that is being removed is whole or gone, and the latest stays."""
    first, second = two_states
    base, running, rng = root / "bundles" / "mine", victims("clean"), random.Random(11)
    for _ in range(20):
        for version in (1, 2):
            if not (base / str(version)).exists():
                shutil.copytree(root / "bundles" / "other" / "1", base / str(version))
        running.run(rng.uniform(0.0, 0.02))
        for version in versions_of(base):
            open_bundle(f"mine@{version}").verify()
        assert open_bundle("mine").hash == second
    assert first != second


SMALL = """
import os, subprocess, sys
from pathlib import Path
from tradewind_data.bundle import open_bundle
from tradewind_data.errors import BundleNotWritten
from tradewind_data.ingest.folder import ingest_folder

source, disk = sys.argv[1:]

def mount(*options):
    subprocess.run(["mount", "-t", "tmpfs", "-o", ",".join(options), "tmpfs", disk], check=True)

mount("size=64m")
first = ingest_folder(source, "mine", calendar="24/7", root=disk)
used = sum(p.stat().st_blocks * 512 for p in Path(disk).rglob("*"))
for append in (False, True):
    refused = 0
    Path(source, "daily/Z.csv").write_text(Path(source, "daily/A.csv").read_text().replace(",7.0", ",9.0"))
    for free in (0, 4, 8, 16, 32, 48, 64, 96):
        mount("remount", f"size={used // 1024 + free}k")
        try:
            ingest_folder(source, "mine", calendar="24/7", root=disk, append=append, budget=1)
        except BundleNotWritten as e:
            assert "No space left" in str(e), e
            refused += 1
        else:
            break
        assert sorted(p.name for p in (Path(disk) / "bundles/mine").iterdir()) == [".lock", "1"]
        open_bundle("mine", disk).verify()
        assert open_bundle("mine", disk).hash == first.hash
    assert refused >= 3, refused
mount("remount", "size=64m")
again = ingest_folder(source, "mine", calendar="24/7", root=disk, append=True)
assert again.version == "2" and again.hash != first.hash
print("held")
"""


def test_a_disk_that_fills_up(folder, tmp_path: Path) -> None:
    """A small tmpfs in a mount namespace of its own, fuller and fuller."""
    if shutil.which("unshare") is None or subprocess.run(["unshare", "-rm", "true"], check=False).returncode:
        pytest.skip("mount namespaces are not to be had here")
    for symbol in "ABC":
        folder.bars(symbol, _days(1500, 7.0))
    (tmp_path / "disk").mkdir()
    words = ["unshare", "-rm", sys.executable, "-W", "ignore", "-c", SMALL, str(folder.path), str(tmp_path / "disk")]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "held", done.stderr
