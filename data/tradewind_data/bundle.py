"""Bundles: find one by name or path, open it, check it. Nothing is read before it is asked for.

    <root>/bundles/<name>/<version>/manifest.json, tables and bars as in schema.py

root is the argument, else the environment's TRADEWIND_ROOT, else the platform's data folder. Versions are whole
numbers from 1; an ingest adds one and changes none. ``demo`` is embedded in the package. A bundle may lie on this
machine or on any pyarrow filesystem (places.py); what is derived from it is kept on this machine (cache.py).
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Literal, overload

import numpy as np

from tradewind_data import tables
from tradewind_data.adjustments import Actions, actions_of
from tradewind_data.assets import AssetFinder
from tradewind_data.bars import HELD_BYTES, BarFiles, BarReader
from tradewind_data.cache import Cache
from tradewind_data.demo import DEMO, demo_folder
from tradewind_data.errors import BadIngestRequest, BundleCorrupt, BundleNotFound, FrequencyNotFound
from tradewind_data.gridfile import GridFile
from tradewind_data.manifest import Manifest, file_sha256, read_manifest
from tradewind_data.minutebars import MinuteReader
from tradewind_data.places import Place, is_remote, place_of
from tradewind_data.pointintime import Classifications, DatasetReader
from tradewind_data.schema import FUTURES, MANIFEST, TABLES, Column
from tradewind_data.sessions import DAY_NS, Sessions

if TYPE_CHECKING:
    from pyarrow.fs import FileSystem


class Bundle:
    """One version of one bundle. Frozen on disk; each part is read once, when first asked for.

    name; version (the version folder's name, ``embedded`` for the demo, ``folder`` for a path outside the root); path
    (a Path, or a RemotePath elsewhere); manifest.
    """

    def __init__(self, path: Place, name: str, version: str) -> None:
        self.path, self.name, self.version = path, name, version
        self.manifest: Manifest = read_manifest(path, name)

    def __repr__(self) -> str:
        span = f"{self.manifest.first_session} … {self.manifest.last_session}"
        return f"Bundle({self.name!r}, version {self.version}, {self.manifest.assets} assets, {span})"

    @property
    def folder(self) -> Path:
        """The path of a bundle on this machine. BadIngestRequest for one that lies elsewhere."""
        if isinstance(self.path, Path):
            return self.path
        rule = "this needs a bundle of this machine; `tradewind bundles pull SOURCE --name NAME` copies one here"
        raise BadIngestRequest("bundle", self.path, rule)

    @property
    def hash(self) -> str:
        """The content hash, 64 hex digits: equal for equal data, whatever the name or the time of ingestion."""
        return self.manifest.content_hash

    @cached_property
    def sessions(self) -> Sessions:
        """The stored session table.

        It reaches from the Monday of the week in which the first month of data begins to twelve months past the last
        bar.
        """
        table = self.table("sessions")
        return Sessions(self.manifest.calendar, table["session"], table["open"], table["close"], table["early"])

    @cached_property
    def finder(self) -> AssetFinder:
        """The assets and their symbols."""
        futures = self.table("futures") if "futures.parquet" in self.manifest.files else None
        return AssetFinder(self.table("assets"), self.table("symbols"), self.sessions, self.name, futures)

    @cached_property
    def actions(self) -> Actions:
        """Splits, dividends, stock dividends and mergers by column and session."""
        names = ("splits", "dividends", "stock_dividends", "mergers")
        return actions_of({name: self.table(name) for name in names}, self.finder, self.sessions)

    @cached_property
    def classifications(self) -> Classifications:
        """Codes of schemes such as sectors, with the dates on which they held."""
        return Classifications(self.table("classifications"), self.finder.sids, self.name)

    @cached_property
    def datasets(self) -> DatasetReader:
        """The point-in-time datasets."""
        names = [p for p in self.manifest.files if p.startswith("datasets/")]
        return DatasetReader(self.name, {Path(p).stem: self.path / p for p in names}, lambda: self.finder.sids)

    @overload
    def bars(self, frequency: Literal["1d"] = "1d") -> BarReader: ...
    @overload
    def bars(self, frequency: Literal["1m"]) -> MinuteReader: ...
    @overload
    def bars(self, frequency: str) -> BarReader | MinuteReader: ...
    def bars(self, frequency: str = "1d") -> BarReader | MinuteReader:
        """The reader of the bars of a frequency: ``1d`` (BarReader) or ``1m`` (MinuteReader).

        The same object each time. FrequencyNotFound names those the bundle has.
        """
        if frequency not in self.manifest.frequencies:
            raise FrequencyNotFound(frequency, self.name, self.manifest.frequencies)
        return self._minutes if frequency == "1m" else self._daily

    @cached_property
    def _daily(self) -> BarReader:
        return BarReader(self._bar_files("1d"), self.sessions, lambda: self.actions)

    @cached_property
    def _minutes(self) -> MinuteReader:
        return MinuteReader(self._bar_files("1m"), self.sessions, self._daily)

    def verify(self) -> None:
        """Compare every file with its SHA-256 in the manifest.

        BundleCorrupt names the first that is missing, foreign or changed, or the manifest when its own hash is not that
        of what it lists.
        """
        listed = self.manifest.computed_hash
        if listed != self.hash:
            raise BundleCorrupt(self.name, MANIFEST, f"has the content hash {self.hash}, its tables have {listed}")
        for relative, facts in sorted(self.manifest.files.items()):
            path = self.path / relative
            if not path.is_file():
                raise BundleCorrupt(self.name, relative, "is missing")
            found = file_sha256(path)
            if found != facts.sha256:
                raise BundleCorrupt(self.name, relative, f"has SHA-256 {found}, its manifest says {facts.sha256}")

    def _bar_files(self, frequency: str) -> BarFiles:
        prefix = f"bars/{frequency}/"
        span = (self.manifest.first_session, self.manifest.last_session)
        first, last = (self.sessions.ordinal(int(np.datetime64(d, "D").astype(np.int64)) * DAY_NS) for d in span)
        names = [p for p in sorted(self.manifest.files) if p.startswith(prefix)]
        files = tuple(GridFile(self.path / p, self.name) for p in names)
        # What is derived from a large bundle, or from one that lies elsewhere, is kept whatever its size.
        sids = self._columns("assets", TABLES["assets"][:1])["sid"]
        dear = 8 * (last + 1) * len(sids) > HELD_BYTES or not isinstance(self.path, Path)
        return BarFiles(files, sids, first, last, Cache(self.hash, 1 if dear else None))

    def table(self, name: str) -> Mapping[str, tables.Array]:
        """A table of schema.py as it is stored, column → array (tables.py). BundleCorrupt."""
        return self._columns(name, FUTURES if name == "futures" else TABLES[name])

    def _near(self, file: str) -> Place:
        """A table's file; of a bundle elsewhere the copy that is kept on this machine, where it can be."""
        path, facts = self.path / file, self.manifest.files.get(file)
        if isinstance(path, Path) or facts is None:
            return path
        return Cache(self.hash).file(file, facts.sha256, path.read_bytes) or path

    def _columns(self, name: str, columns: tuple[Column, ...]) -> Mapping[str, tables.Array]:
        import pyarrow as pa

        file = f"{name}.parquet"
        facts = self.manifest.files.get(file)
        if facts is not None and facts.rows == 0 and isinstance(self.path, Path) and (self.path / file).is_file():
            return tables.empty(columns)
        try:
            return tables.read(self._near(file), columns)
        except FileNotFoundError:
            raise BundleCorrupt(self.name, file, "is missing") from None
        except (pa.ArrowException, OSError, KeyError) as e:
            raise BundleCorrupt(self.name, file, f"cannot be read ({type(e).__name__}: {e})") from e


def bundles_root(root: str | os.PathLike[str] | None = None) -> Path:
    """``<root>/bundles`` on this machine; root defaults to TRADEWIND_ROOT, else the platform's data folder.

    Not created here. BadIngestRequest for a root elsewhere: bundles are made here.
    """
    text = _root_text(root)
    if is_remote(text):
        rule = "bundles are made in a folder of this machine; `tradewind bundles push NAME TARGET` copies one elsewhere"
        raise BadIngestRequest("root", text, rule)
    return Path(text).expanduser() / "bundles"


def _root_text(root: str | os.PathLike[str] | None) -> str:
    found = os.environ.get("TRADEWIND_ROOT") if root is None else os.fspath(root)
    if found:
        return found
    import platformdirs

    return platformdirs.user_data_dir("tradewind", appauthor=False)


def versions_of(folder: Place) -> list[int]:
    """The complete versions in a bundle's folder, ascending; temporary folders and foreign names are passed over."""
    if not folder.is_dir():
        return []
    return sorted(int(p.name) for p in folder.iterdir() if p.name.isdecimal() and (p / MANIFEST).is_file())


def open_bundle(
    name_or_path: str | os.PathLike[str],
    root: str | os.PathLike[str] | None = None,
    *,
    filesystem: FileSystem | None = None,
) -> Bundle:
    """Open ``demo``, a name (its latest version), ``name@3`` (that version), or a bundle folder by its path.

    A text is taken as a path when it has a path separator: a folder of this machine, ``s3://bucket/prefix/name`` or
    another address that pyarrow knows (places.py). filesystem: a pyarrow filesystem in which the path, or else the
    root, lies. BundleNotFound names the bundles (or versions) there are; BundleCorrupt for a manifest that cannot be
    read; PlaceUnreachable for a store that does not answer or refuses.
    """
    text = os.fspath(name_or_path)
    if isinstance(name_or_path, os.PathLike) or os.sep in text or "/" in text:
        return _open_path(place_of(text, filesystem))
    if text == DEMO:
        return Bundle(demo_folder(), DEMO, "embedded")
    base = place_of(_root_text(root), filesystem) / "bundles"
    name, _, version = text.partition("@")
    found = versions_of(base / name) if name and not name.startswith(".") else []
    if not found:
        raise BundleNotFound(name, str(base), sorted([DEMO, *_names(base)]))
    chosen = version or str(found[-1])
    if chosen not in {str(v) for v in found}:
        raise BundleNotFound(name, str(base), [str(v) for v in found], version=chosen)
    return Bundle(base / name / chosen, name, chosen)


def list_bundles(root: str | os.PathLike[str] | None = None, *, filesystem: FileSystem | None = None) -> list[Bundle]:
    """The latest version of every bundle, ``demo`` first, then by name.

    Unreadable ones raise when opened, and are passed over here.
    """
    found = [Bundle(demo_folder(), DEMO, "embedded")]
    for name in _names(place_of(_root_text(root), filesystem) / "bundles"):
        try:
            found.append(open_bundle(name, root, filesystem=filesystem))
        except BundleCorrupt:
            continue
    return found


def _names(base: Place) -> list[str]:
    if not base.is_dir():
        return []
    return sorted(p.name for p in base.iterdir() if p.is_dir() and not p.name.startswith(".") and versions_of(p))


def _open_path(path: Place) -> Bundle:
    if not path.is_dir():
        raise BundleNotFound(str(path), str(path.parent), ())
    if not (path / MANIFEST).is_file() and (versions := versions_of(path)):
        path = path / str(versions[-1])
    version = path.name if path.name.isdecimal() else "folder"
    return Bundle(path, read_manifest(path, str(path)).name, version)
