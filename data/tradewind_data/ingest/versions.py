"""The versions of a bundle beside each other: what differs between two, and the removal of old ones.

    added, removed     rows (tables) or bars (asset × time) that only the second, or only the first, has
    changed            bars of both that differ in any field

Files with equal content hashes are not read.
"""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tradewind_data.bundle import Bundle, bundles_root, versions_of
from tradewind_data.errors import BadIngestRequest, BundleNotFound
from tradewind_data.gridfile import FloatArray, GridFile
from tradewind_data.ingest.staging import remove_version
from tradewind_data.schema import FIELDS
from tradewind_data.sessions import Int64Array


@dataclass(frozen=True)
class FileDiff:
    """What differs between two versions of one table or bar file; counts of rows or bars."""

    file: str
    added: int
    removed: int
    changed: int


@dataclass(frozen=True)
class BundleDiff:
    """What differs between two bundles: names with versions, hashes, whether the data are equal, the files by path."""

    first: str
    second: str
    first_hash: str
    second_hash: str
    same: bool
    files: tuple[FileDiff, ...]


def diff(first: Bundle, second: Bundle) -> BundleDiff:
    """Compare the data of two bundles, or two versions of one. BundleCorrupt for a file that cannot be read."""
    paths = sorted({*first.manifest.files, *second.manifest.files})
    found = [_file_diff(first, second, path) for path in paths if _content(first, path) != _content(second, path)]
    a, b = (f"{bundle.name}@{bundle.version}" for bundle in (first, second))
    return BundleDiff(a, b, first.hash, second.hash, first.hash == second.hash, tuple(found))


def _content(bundle: Bundle, path: str) -> str:
    facts = bundle.manifest.files.get(path)
    return "" if facts is None else facts.content


def _file_diff(first: Bundle, second: Bundle, path: str) -> FileDiff:
    if path.startswith("bars/"):
        return _bars_diff(first, second, path)
    before, after = (_rows(b, path) for b in (first, second))
    return FileDiff(path, (after - before).total(), (before - after).total(), 0)


def _rows(bundle: Bundle, path: str) -> Counter[tuple[tuple[str, object], ...]]:
    """The rows of a table or dataset with the names of its columns; none where the bundle has no such file."""
    if path not in bundle.manifest.files:
        return Counter()
    folder, _, name = path.removesuffix(".parquet").rpartition("/")
    table = bundle.datasets.dataset(name).table if folder == "datasets" else bundle.table(name)
    # A NaN is not equal to itself, but one row without a value is like another.
    columns = [[repr(value) for value in column.tolist()] for column in table.values()]
    return Counter(tuple(zip(table, row, strict=True)) for row in zip(*columns, strict=True))


def _bars_diff(first: Bundle, second: Bundle, path: str) -> FileDiff:
    files = [GridFile(b.path / path, b.name) if path in b.manifest.files else None for b in (first, second)]
    times = np.unique(np.concatenate([_times(f) for f in files if f is not None]))
    sids = np.unique(np.concatenate([f.grid.sids for f in files if f is not None]))
    had, has = (_spread(f, "close", times, sids) for f in files)
    before, after = ~np.isnan(had), ~np.isnan(has)
    differ = np.zeros(before.shape, dtype=bool)
    for field in FIELDS:
        a, b = (_spread(f, field, times, sids) for f in files)
        differ |= a != b
    both = before & after
    added, removed = np.count_nonzero(after & ~before), np.count_nonzero(before & ~after)
    return FileDiff(path, int(added), int(removed), int(np.count_nonzero(both & differ)))


def _times(file: GridFile) -> Int64Array:
    return file.stamps() if file.frequency == "1m" else file.labels()


def _spread(file: GridFile | None, field: str, times: Int64Array, sids: Int64Array) -> FloatArray:
    """A field on axes that hold the file's own."""
    out = np.full((len(times), len(sids)), np.nan)
    if file is not None:
        out[np.ix_(np.searchsorted(times, _times(file)), np.searchsorted(sids, file.grid.sids))] = file.values(field)
    return out


def clean(name: str, keep: int = 1, root: str | os.PathLike[str] | None = None) -> list[str]:
    """Remove all but the latest ``keep`` versions of a bundle; the numbers removed, ascending.

    A version goes in one step: killed half-way, it is either there or the next ingest removes the rest. BundleNotFound;
    BadIngestRequest for keep < 1.
    """
    if keep < 1:
        raise BadIngestRequest("keep", keep, "at least one version stays")
    base = bundles_root(root)
    versions = versions_of(base / name) if Path(name).name == name else []
    if not versions:
        raise BundleNotFound(name, str(base), [p.name for p in base.glob("*") if versions_of(p)])
    old = versions[:-keep]
    for version in old:
        remove_version(base / name, version)
    return [str(version) for version in old]
