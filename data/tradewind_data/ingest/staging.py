"""Atomic versions: write into a temporary folder beside the old versions, flush it, rename it to the next number.

    <root>/bundles/<name>/.lock               held for the instants in which versions are counted, cleaned or renamed
    <root>/bundles/<name>/.ingest-XXXXXXXX    one ingest's work, locked by its process while it lives
    <root>/bundles/<name>/<version>           complete, never touched again

A killed process leaves its temporary folder unlocked; the next ingest removes it. Two ingests at once work in folders
of their own and get a number each.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from tradewind_data.bundle import bundles_root, versions_of
from tradewind_data.demo import DEMO
from tradewind_data.errors import BadIngestRequest

try:
    import fcntl
except ImportError:  # Windows has no flock
    fcntl = None  # type: ignore[assignment]  # the absent module is tested for below

PREFIX = ".ingest-"
_STALE_SECONDS = 86_400.0
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


class Staging:
    """The temporary folder of one ingest.

    ``commit`` turns it into the next version, leaving the block without it removes it.
    """

    def __init__(self, base: Path, folder: Path) -> None:
        self.base, self.folder = base, folder

    def commit(self) -> Path:
        """Flush every file to the disk and rename the folder to the next version number; the version's path."""
        # A temporary folder is its owner's alone; a version is as readable as the bundle it belongs to.
        shutil.copymode(self.base, self.folder)
        _flush(self.folder)
        with _held(self.base / ".lock"):
            target = self.base / str(max(_numbers(self.base), default=0) + 1)
            os.rename(self.folder, target)
            _flush_folder(self.base)
        return target


@contextlib.contextmanager
def staging(name: str, root: str | os.PathLike[str] | None = None) -> Iterator[Staging]:
    """A fresh temporary folder for a version of ``name``; leftovers of killed ingests are removed first.

    BadIngestRequest for ``demo`` and for names that are not 1–100 of letters, digits, ``._-`` beginning with a letter
    or digit.
    """
    check_name(name)
    base = bundles_root(root) / name
    made = _make_folders(base)
    with _held(base / ".lock"):
        _clean(base)
        folder = Path(tempfile.mkdtemp(prefix=PREFIX, dir=base))
        lock = _lock_folder(folder)
    try:
        yield Staging(base, folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        if lock is not None:
            os.close(lock)
        _remove_unused(base, made)


def remove_version(base: Path, version: int) -> None:
    """Take a version out of sight in one step, then delete it; what a kill leaves goes with the next ingest."""
    with _held(base / ".lock"):
        aside = Path(tempfile.mkdtemp(prefix=PREFIX, dir=base))
        os.rename(base / str(version), aside / "old")
        _flush_folder(base)
    shutil.rmtree(aside, ignore_errors=True)


def check_name(name: str) -> None:
    """BadIngestRequest unless the name can be a bundle's."""
    if name == DEMO:
        raise BadIngestRequest("name", name, "the demo bundle is embedded in the package; choose another name")
    if not _NAME.fullmatch(name):
        rule = "a bundle's name is 1–100 letters, digits, '.', '_' or '-', beginning with a letter or digit"
        raise BadIngestRequest("name", name, rule)


def _numbers(base: Path) -> list[int]:
    return [int(p.name) for p in base.iterdir() if p.name.isdecimal()]


def _make_folders(base: Path) -> list[Path]:
    """Create base and its parents; those that were missing, innermost first."""
    missing = [p for p in (base, *base.parents) if not p.exists()]
    base.mkdir(parents=True, exist_ok=True)
    return missing


def _remove_unused(base: Path, made: list[Path]) -> None:
    """After a failed first ingest: the bundle's folder if it has no version, then the parents this ingest made."""
    if not made or versions_of(base):
        return
    with contextlib.suppress(OSError):
        with _held(base / ".lock"):
            if any(p.name != ".lock" for p in base.iterdir()):
                return
            (base / ".lock").unlink()
        for folder in made:
            folder.rmdir()


@contextlib.contextmanager
def _held(path: Path) -> Iterator[None]:
    """Hold an exclusive lock on a file (made when missing) until the block ends."""
    while True:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        if fcntl is None:
            break
        fcntl.flock(lock, fcntl.LOCK_EX)
        # Another process may have removed the file while we waited: then the lock we hold guards nothing.
        with contextlib.suppress(OSError):
            if os.fstat(lock).st_ino == os.stat(path).st_ino:
                break
        os.close(lock)
    try:
        yield
    finally:
        os.close(lock)


def _lock_folder(folder: Path) -> int | None:
    """Lock a folder for the life of this process.

    None when another process holds it. Without flock: no lock, −1 is never returned.
    """
    if fcntl is None:
        return None
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(handle)
        return None
    return handle


def _clean(base: Path) -> None:
    """Remove the temporary folders whose process is gone (without flock: those a day old)."""
    for folder in base.glob(PREFIX + "*"):
        if fcntl is None:
            if time.time() - folder.stat().st_mtime > _STALE_SECONDS:
                shutil.rmtree(folder, ignore_errors=True)
            continue
        lock = _lock_folder(folder)
        if lock is not None:
            shutil.rmtree(folder, ignore_errors=True)
            os.close(lock)


def _flush(folder: Path) -> None:
    for path in sorted(folder.rglob("*"), reverse=True):
        if path.is_dir():
            _flush_folder(path)
        else:
            with path.open("rb+") as file:
                os.fsync(file.fileno())
    _flush_folder(folder)


def _flush_folder(folder: Path) -> None:
    if fcntl is None:
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
