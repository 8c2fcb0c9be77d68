"""Copies of bundles elsewhere and back: ``push`` to any pyarrow filesystem, ``pull`` to this machine.

A version appears at the target when its manifest does, which is written last, under another name, and then renamed; a
reader passes over a numbered folder without one. So a push that is cut off shows nothing, and what it left may be
deleted. Two pushes at once take a number each: a push writes a claim of its own into the next free number, looks, and
draws back to try again when it finds another's.
"""

from __future__ import annotations

import hashlib
import os
import random
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tradewind_data.bundle import Bundle, bundles_root, versions_of
from tradewind_data.errors import BadIngestRequest, BundleCorrupt, PlaceUnreachable
from tradewind_data.ingest.market import Progress
from tradewind_data.ingest.staging import check_name
from tradewind_data.ingest.writer import Written, writing
from tradewind_data.manifest import read_manifest
from tradewind_data.places import RemotePath, place_of
from tradewind_data.schema import MANIFEST

if TYPE_CHECKING:
    from pyarrow.fs import FileSystem

PIECE = 8 << 20
ATTEMPTS, PAUSE = 8, 0.2
_CLAIM = ".claim-"


@dataclass(frozen=True)
class Pushed:
    """A version at its target: where, its number, and whether files had to be copied (False: it was there already)."""

    place: str
    version: str
    copied: bool
    files: int
    bytes: int


def push(
    bundle: Bundle,
    target: str,
    filesystem: FileSystem | None = None,
    progress: Progress | None = None,
) -> Pushed:
    """Copy a bundle to the next version of the bundle folder ``target`` (``s3://bucket/prefix/name``).

    Every file is compared with its hash on the way. Where the latest version there holds the same data, nothing is
    copied. filesystem: the pyarrow filesystem in which target lies. BadIngestRequest for a target on this machine's
    plain disk; BundleCorrupt; PlaceUnreachable.
    """
    base = place_of(target, filesystem)
    if not isinstance(base, RemotePath):
        raise BadIngestRequest("target", target, "a bundle is pushed to another filesystem, as s3://bucket/prefix/name")
    facts = bundle.manifest.files
    size = sum(f.bytes for f in facts.values())
    there = versions_of(base)
    if there and read_manifest(base / str(there[-1]), str(base)).content_hash == bundle.hash:
        return Pushed(str(base / str(there[-1])), str(there[-1]), False, len(facts), size)
    folder, claim = _claimed(base)
    try:
        for relative, data in _files(bundle, progress):
            with (folder / relative).writing() as file:
                for piece in data:
                    file.write(piece)
            if (folder / relative).size() != facts[relative].bytes:
                raise PlaceUnreachable(str(folder / relative), "what was written there does not have its size")
        made = folder / f".{MANIFEST}"
        made.write_bytes(bundle.manifest.text().encode())
        made.rename(folder / MANIFEST)
    finally:
        claim.unlink()
    return Pushed(str(folder), folder.name, True, len(facts), size)


def pull(
    bundle: Bundle, name: str, root: str | os.PathLike[str] | None = None, progress: Progress | None = None
) -> Written:
    """Copy a bundle from wherever it lies to the next version of ``name`` on this machine.

    Every file is compared with its hash. Where the latest version here holds the same data, that is the answer.
    BadIngestRequest for a name no bundle can have; BundleCorrupt; BundleNotWritten.
    """
    check_name(name)
    base = bundles_root(root) / name
    there = versions_of(base)
    if there and (manifest := read_manifest(base / str(there[-1]), name)).content_hash == bundle.hash:
        return Written(base / str(there[-1]), str(there[-1]), manifest)
    with writing(name, root) as stage:
        for relative, data in _files(bundle, progress):
            path = stage.folder / relative
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("wb") as file:
                for piece in data:
                    file.write(piece)
        (stage.folder / MANIFEST).write_text(bundle.manifest.text(), encoding="utf-8")
        path = stage.commit()
    return Written(path, path.name, bundle.manifest)


def _files(bundle: Bundle, progress: Progress | None) -> Iterator[tuple[str, Iterator[bytes]]]:
    """(relative path, pieces of its bytes) of every file; after the last piece its hash has been compared."""
    facts = sorted(bundle.manifest.files.items())
    for done, (relative, fact) in enumerate(facts):
        if progress is not None:
            progress(done, len(facts), f"copying {relative}")
        yield relative, _pieces(bundle, relative, fact.sha256)
    if progress is not None:
        progress(len(facts), len(facts), "copied")


def _pieces(bundle: Bundle, relative: str, sha256: str) -> Iterator[bytes]:
    hasher = hashlib.sha256()
    try:
        with (bundle.path / relative).open("rb") as file:
            while piece := file.read(PIECE):
                hasher.update(piece)
                yield piece
    except FileNotFoundError:
        raise BundleCorrupt(bundle.name, relative, "is missing") from None
    if hasher.hexdigest() != sha256:
        raise BundleCorrupt(bundle.name, relative, f"has SHA-256 {hasher.hexdigest()}, its manifest says {sha256}")


def _claimed(base: RemotePath) -> tuple[RemotePath, RemotePath]:
    """A numbered folder that no other push writes to, and the claim that holds it.

    Of two that claim one number at once each sees the other's claim, or only the later one does: who sees one goes.
    """
    for _ in range(ATTEMPTS):
        taken = [int(p.name) for p in base.iterdir() if p.name.isdecimal()]
        folder = base / str(max(taken, default=0) + 1)
        claim = folder / f"{_CLAIM}{uuid.uuid4().hex}"
        claim.write_bytes(b"")
        if [p.name for p in folder.iterdir()] == [claim.name]:
            return folder, claim
        claim.unlink()
        time.sleep(PAUSE * random.random())
    raise PlaceUnreachable(str(base), f"{ATTEMPTS} times another push took the next version first")
