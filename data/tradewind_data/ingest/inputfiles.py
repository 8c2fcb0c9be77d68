"""The files of a folder that is ingested: which belong to whom, and which are parsed together."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import unquote

from tradewind_data.errors import BadIngestRequest, BadInputFile, did_you_mean
from tradewind_data.ingest.actions import FILES
from tradewind_data.ingest.listing import ASSETS_FILE, SYMBOLS_FILE

BATCH_BYTES = 2 << 20
COMPILED_BYTES = 100 << 20
_SUFFIXES = (".csv", ".csv.gz", ".parquet")
_KNOWN = (ASSETS_FILE, SYMBOLS_FILE, *(f"{name}.csv" for name in FILES), "futures.csv")


def bar_files(folder: Path, part: str) -> dict[str, Path]:
    """symbol → file of ``daily/`` or ``minute/``, sorted by symbol."""
    if not folder.is_dir():
        raise BadIngestRequest("path", folder, "there is no such folder")
    inside = folder / part
    if not inside.is_dir():
        rule = f"the folder has no folder {part!r} with one file a symbol in it"
        above = ". Name the folder above it" if folder.name == part else ""
        raise BadIngestRequest("path", folder, rule + above)
    found: dict[str, Path] = {}
    for name in sorted(entry.name for entry in os.scandir(inside) if entry.is_file()):
        suffix = next((s for s in reversed(_SUFFIXES) if name.lower().endswith(s)), None)
        if suffix is None or name.startswith("."):
            continue
        symbol = unquote(name[: -len(suffix)])
        if symbol in found:
            rule = f"the symbol {symbol!r} already has the file {found[symbol].name}"
            raise BadInputFile(f"{part}/{name}", rule, "Keep one file a symbol")
        found[symbol] = inside / name
    if not found:
        raise BadIngestRequest("path", inside, "the folder has no SYMBOL.csv, SYMBOL.csv.gz or SYMBOL.parquet in it")
    return dict(sorted(found.items()))


def batches(files: dict[str, Path]) -> list[tuple[str, ...]]:
    """The symbols in their order, CSV files together until they have BATCH_BYTES, every other file alone."""
    out: list[tuple[str, ...]] = []
    batch: list[str] = []
    held = 0
    for symbol, path in files.items():
        plain = path.suffix == ".csv"
        size = path.stat().st_size if plain else BATCH_BYTES
        if batch and held + size > BATCH_BYTES:
            out.append(tuple(batch))
            batch, held = [], 0
        batch, held = [*batch, symbol], held + size
    return [*out, tuple(batch)]


def compiling_pays(files: Mapping[str, Path]) -> bool:
    """Whether to parse the files by compiled code: loading the compiler takes as long as it saves on COMPILED_BYTES."""
    return (
        "numba" in sys.modules or sum(p.stat().st_size for p in files.values() if p.suffix == ".csv") > COMPILED_BYTES
    )


def left_out(folder: Path) -> list[str]:
    """A word on each CSV file that the folder format does not know."""
    warnings = []
    for path in sorted(folder.glob("*.csv")):
        if path.name not in _KNOWN:
            near = did_you_mean(path.name, _KNOWN)
            warnings.append(f"{path.name} was left out: the folder format knows no such file.{near}".rstrip("."))
    return warnings
