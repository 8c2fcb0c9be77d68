"""The derived cache: decoded fields as plain files that are mapped into memory and shared between processes.

    <cache>/<content hash>/<key>.f8      the array's bytes, C order, little endian
    <cache>/<content hash>/NAME.parquet  a table of a bundle that lies elsewhere, as it is there
    <cache>/<content hash>/<key>.json    its shape, its size and the time of its last change

<cache> is the environment's TRADEWIND_CACHE (``off`` = none), else ``bundles`` in the platform's cache folder. A daily
field is one file over all its years, so the reader's (session × asset) array is the mapping itself; a field of minutes
is one file a month. The cache is never the truth: an array that is missing, foreign, or changed since it was written is
made again from the bundle, and a disk that refuses means that none is kept. TRADEWIND_CACHE_BYTES bounds its size
(default 8 GB): the bundles unused for longest are dropped first.
"""

from __future__ import annotations

import hashlib
import json
import mmap
import os
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from tradewind_data.gridfile import FloatArray
from tradewind_data.manifest import file_sha256

FORMAT = 1  # rises when a derived number changes its meaning
DEFAULT_BYTES = 8_000_000_000
SMALLEST_BYTES = 1 << 19


def cache_root() -> Path | None:
    """The folder of the cache, None when the environment turns it off. Not created here."""
    told = os.environ.get("TRADEWIND_CACHE", "")
    if told.strip().lower() in ("off", "0", "none"):
        return None
    if told:
        return Path(told).expanduser()
    import platformdirs

    return Path(platformdirs.user_cache_dir("tradewind", appauthor=False)) / "bundles"


class Cache:
    """The arrays of one content hash. Every method answers None, or does nothing, where the cache cannot serve."""

    def __init__(self, content: str, smallest: int | None = None) -> None:
        root = cache_root()
        self._smallest = SMALLEST_BYTES if smallest is None else smallest
        self._root = root
        self._folder = None if root is None else root / content

    def open(self, key: str, shape: tuple[int, ...]) -> FloatArray | None:
        """The array of a key, mapped, read-only: float64 of that shape (−1: any length); None when it must be made."""
        path = self._trusted(key, shape)
        if path is None:
            return None
        try:
            with path.open("rb") as file:
                mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
            return np.frombuffer(mapped, dtype="<f8").reshape(shape)
        except (OSError, ValueError):
            return None

    def blocks(self, key: str, shape: tuple[int, int], rows: int) -> Iterator[FloatArray] | None:
        """The array of a key in blocks of some rows, read one after the other; None when it must be made.

        A mapping that is walked through would count as this process's memory as a whole.
        """
        path = self._trusted(key, shape)
        return None if path is None else _blocks(path, shape[1], rows)

    def lines(self, key: str, shape: tuple[int, ...], places: Iterable[int]) -> FloatArray | None:
        """float64[k, L]: the lines along the last axis (L long) at some places, read singly; None when it must be made.

        The system maps large pieces of a file around each cell that is touched; these reads keep nothing.
        """
        path, size = self._trusted(key, shape), 8 * shape[-1]
        if path is None:
            return None
        found = bytearray()
        try:
            with path.open("rb", buffering=0) as file:
                for place in places:
                    file.seek(place * size)
                    found += file.read(size)
            return np.frombuffer(found, dtype="<f8").reshape(-1, shape[-1])
        except (OSError, ValueError):
            return None

    def file(self, name: str, sha256: str, fetch: Callable[[], bytes]) -> Path | None:
        """A copy of a file that lies elsewhere, fetched unless there is one of that hash; None if it cannot be kept."""
        if self._folder is None or self._root is None:
            return None
        path = self._folder / name
        if path.is_file() and file_sha256(path) == sha256:
            return path
        data = fetch()
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            if hashlib.sha256(data).hexdigest() != sha256 or not make_room(self._root, len(data), self._folder):
                return None
            handle, made = tempfile.mkstemp(prefix=".making-", dir=self._folder)
            with os.fdopen(handle, "wb") as file:
                file.write(data)
            os.replace(made, path)
        except OSError:
            return None
        return path

    def spent(self, key: str, more: int) -> int:
        """What was spent without the array of a key, in all processes: ``more`` than before; 0 if nothing is kept."""
        if self._folder is None:
            return 0
        path = self._folder / f"{key}.spent"
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            before = int(path.read_text()) if path.is_file() else 0
            path.write_text(str(before + more))
        except (OSError, ValueError):
            with suppress(OSError):
                path.unlink()
            return 0
        return before + more

    def _trusted(self, key: str, shape: tuple[int, ...]) -> Path | None:
        """The file of a key when it is what was written."""
        if self._folder is None or (8 * int(np.prod(shape)) < self._smallest and -1 not in shape):
            return None
        path = self._folder / f"{key}.f8"
        try:
            facts = json.loads((self._folder / f"{key}.json").read_text())
            told = [found if asked < 0 else asked for asked, found in zip(shape, facts["shape"], strict=True)]
            return path if facts == _facts(told, path.stat()) else None
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def store(self, key: str, shape: tuple[int, ...], blocks: Iterable[FloatArray]) -> FloatArray | None:
        """Write the blocks one after the other as the array of a key, and open it; None when the disk refuses.

        blocks: float64 whose bytes add up to the shape's. A block is written while the next is made, so none is changed
        after it was given. Another process that writes the same key writes the same bytes; the last one stays.
        """
        size = 8 * int(np.prod(shape))
        if self._folder is None or self._root is None or size < self._smallest or size > limit():
            return None
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            if not make_room(self._root, size, self._folder):
                return None
            self._write(key, shape, blocks)
        except OSError:
            return None
        return self.open(key, shape)

    def _write(self, key: str, shape: tuple[int, ...], blocks: Iterable[FloatArray]) -> None:
        assert self._folder is not None
        handle, name = tempfile.mkstemp(prefix=".making-", dir=self._folder)
        try:
            with os.fdopen(handle, "wb") as file, ThreadPoolExecutor(1) as writer:
                written: Future[int] | None = None
                for block in blocks:
                    if written is not None:
                        written.result()
                    written = writer.submit(file.write, np.ascontiguousarray(block, dtype="<f8").data)
                if written is not None:
                    written.result()
            path = self._folder / f"{key}.f8"
            (self._folder / f"{key}.json").unlink(missing_ok=True)
            os.replace(name, path)
            made = Path(name + ".json")
            made.write_text(json.dumps(_facts(shape, path.stat())))
            os.replace(made, self._folder / f"{key}.json")
        except BaseException:
            with suppress(OSError):
                os.unlink(name)
            raise


def _blocks(path: Path, width: int, rows: int) -> Iterator[FloatArray]:
    with path.open("rb") as file:
        while len(block := np.fromfile(file, dtype="<f8", count=rows * width)):
            yield block.reshape(-1, width)


def _facts(shape: Sequence[int], stat: os.stat_result) -> dict[str, Any]:
    return {"format": FORMAT, "shape": list(shape), "bytes": stat.st_size, "changed": stat.st_mtime_ns}


def limit() -> int:
    """The most bytes the cache may hold."""
    try:
        return int(os.environ.get("TRADEWIND_CACHE_BYTES", DEFAULT_BYTES))
    except ValueError:
        return DEFAULT_BYTES


def make_room(root: Path, size: int, keep: Path) -> bool:
    """Drop the least recently used folders, never ``keep``, until ``size`` more bytes fit the limit; whether they do.

    Nothing is dropped in vain.
    """
    os.utime(keep)
    folders = sorted((p for p in root.iterdir() if p.is_dir()), key=lambda p: p.stat().st_mtime_ns)
    held = {folder: bytes_in(folder) for folder in folders}
    if held[keep] + size > limit():
        return False
    over = sum(held.values()) + size - limit()
    for folder in folders:
        if over > 0 and folder != keep:
            shutil.rmtree(folder, ignore_errors=True)
            over -= held[folder]
    return True


def bytes_in(folder: Path) -> int:
    """Bytes of the files in a folder; those that vanish meanwhile count nothing."""
    total = 0
    for path in folder.rglob("*"):
        with suppress(OSError):
            total += path.stat().st_size
    return total


def clean_cache() -> int:
    """Remove the whole cache; the bytes that were freed."""
    root = cache_root()
    if root is None or not root.is_dir():
        return 0
    freed = 0
    for folder in [p for p in root.iterdir() if p.is_dir() and _is_hash(p.name)]:
        freed += bytes_in(folder)
        shutil.rmtree(folder, ignore_errors=True)
    return freed


def _is_hash(name: str) -> bool:
    return len(name) == 64 and all(c in "0123456789abcdef" for c in name)
