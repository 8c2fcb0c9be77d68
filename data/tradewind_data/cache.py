"""The derived cache: decoded fields as plain files that are mapped into memory and shared between processes.

    <cache>/<content hash>/<key>.f8      the array's bytes, C order, little endian
    <cache>/<content hash>/<key>.json    its shape, its size and the time of its last change

<cache> is the environment's TRADEWIND_CACHE (``off`` = none), else ``bundles`` in the platform's cache folder. A daily
field is one file over all its years, so the reader's (session × asset) array is the mapping itself; a field of minutes
is one file a month. The cache is never the truth: an array that is missing, foreign, or changed since it was written is
made again from the bundle, and a disk that refuses means that none is kept. TRADEWIND_CACHE_BYTES bounds its size
(default 8 GB): the bundles unused for longest are dropped first.
"""

from __future__ import annotations

import json
import mmap
import os
import shutil
import tempfile
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from tradewind_data.gridfile import FloatArray

FORMAT = 1
DEFAULT_BYTES = 8_000_000_000
SMALLEST_BYTES = 1 << 22


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

    def __init__(self, content: str) -> None:
        root = cache_root()
        self._root = root
        self._folder = None if root is None else root / content

    def open(self, key: str, shape: tuple[int, ...]) -> FloatArray | None:
        """The array of a key, float64 of that shape, read-only and mapped; None when it must be made."""
        path = self._trusted(key, shape)
        if path is None:
            return None
        try:
            with path.open("rb") as file:
                mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
            return np.frombuffer(mapped, dtype="<f8").reshape(shape)
        except (OSError, ValueError):
            return None

    def gather(self, key: str, shape: tuple[int, int], lo: int, hi: int, columns: Sequence[int]) -> FloatArray | None:
        """float64[hi − lo, k]: rows lo … hi − 1 of a few columns, read cell by cell; None when it must be made.

        A mapping would make whole neighbourhoods of each cell count as this process's memory.
        """
        path = self._trusted(key, shape)
        if path is None or not hasattr(os, "pread"):
            return None
        cells = bytearray()
        try:
            with path.open("rb") as file:
                handle, width = file.fileno(), shape[1]
                for row in range(lo * width, hi * width, width):
                    for column in columns:
                        cells += os.pread(handle, 8, 8 * (row + column))
            return np.frombuffer(cells, dtype="<f8").reshape(hi - lo, len(columns))
        except (OSError, ValueError):
            return None

    def _trusted(self, key: str, shape: tuple[int, ...]) -> Path | None:
        """The file of a key when it is what was written."""
        if self._folder is None or 8 * int(np.prod(shape)) < SMALLEST_BYTES:
            return None
        path = self._folder / f"{key}.f8"
        try:
            facts = json.loads((self._folder / f"{key}.json").read_text())
            return path if facts == _facts(shape, path.stat()) else None
        except (OSError, ValueError):
            return None

    def store(self, key: str, shape: tuple[int, ...], blocks: Iterable[FloatArray]) -> FloatArray | None:
        """Write the blocks one after the other as the array of a key, and open it; None when the disk refuses.

        blocks: C-contiguous float64 whose bytes add up to the shape's. Another process that writes the same key writes
        the same bytes; the last one stays.
        """
        size = 8 * int(np.prod(shape))
        if self._folder is None or self._root is None or size < SMALLEST_BYTES or size > limit():
            return None
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            make_room(self._root, size, self._folder)
            self._write(key, shape, blocks)
        except OSError:
            return None
        return self.open(key, shape)

    def _write(self, key: str, shape: tuple[int, ...], blocks: Iterable[FloatArray]) -> None:
        assert self._folder is not None
        handle, name = tempfile.mkstemp(prefix=".making-", dir=self._folder)
        try:
            with os.fdopen(handle, "wb") as file:
                for block in blocks:
                    file.write(np.ascontiguousarray(block, dtype="<f8").data)
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


def _facts(shape: tuple[int, ...], stat: os.stat_result) -> dict[str, Any]:
    return {"format": FORMAT, "shape": list(shape), "bytes": stat.st_size, "changed": stat.st_mtime_ns}


def limit() -> int:
    """The most bytes the cache may hold."""
    try:
        return int(os.environ.get("TRADEWIND_CACHE_BYTES", DEFAULT_BYTES))
    except ValueError:
        return DEFAULT_BYTES


def make_room(root: Path, size: int, keep: Path) -> None:
    """Drop the least recently used folders, never ``keep``, until ``size`` more bytes fit the limit."""
    os.utime(keep)
    folders = sorted((p for p in root.iterdir() if p.is_dir()), key=lambda p: p.stat().st_mtime_ns)
    held = {folder: bytes_in(folder) for folder in folders}
    over = sum(held.values()) + size - limit()
    for folder in folders:
        if over <= 0:
            return
        if folder != keep:
            shutil.rmtree(folder, ignore_errors=True)
            over -= held[folder]


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
