"""A run on disk: result.json and one Parquet file a table, written whole or not at all, checked when read.

result.json holds a marker, the run's facts and, for every table but timing, its rows and the sha256 of its file. No
file but timing.parquet holds a clock time, so equal runs are equal bytes.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import shutil
import tempfile
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import pandas as pd

from tradewind.errors import UsageError
from tradewind_data.errors import DataError

FACTS = "result.json"
REPORT = "report.html"
MARKER = "tradewind run"
SCHEMA = 1
UNHASHED = "timing"


class RunNotFound(UsageError):
    """There is no run at that path. Attributes: path, reason."""

    def __init__(self, path: Path, reason: str) -> None:
        self.path, self.reason = path, reason
        super().__init__(f"{path} is not a run: {reason}. A run is a directory that `tradewind run -o DIR` wrote.")


class RunDamaged(DataError):
    """A run's files do not say what they should. Attributes: path (the file), reason."""

    def __init__(self, path: Path, reason: str) -> None:
        self.path, self.reason = path, reason
        super().__init__(f"{path} is damaged: {reason}. Run the algorithm again to replace the run.")


class OutputRefused(UsageError):
    """The output path holds something that is not ours to replace. Attributes: path, reason."""

    def __init__(self, path: Path, reason: str) -> None:
        self.path, self.reason = path, reason
        super().__init__(f"{path} {reason}; nothing was written. Name another directory.")


def file_of(table: str) -> str:
    """The file name of a table."""
    return f"{table}.parquet"


def check_output(directory: Path, tables: Iterable[str]) -> None:
    """Raise OutputRefused unless `directory` is free, empty, or a run that holds nothing but a run's files."""
    if not directory.exists():
        return
    if not directory.is_dir():
        raise OutputRefused(directory, "exists and is a file")
    found = {entry.name for entry in directory.iterdir()}
    if not found:
        return
    if FACTS not in found or not _marked(directory):
        raise OutputRefused(directory, "exists and is not a run directory")
    foreign = sorted(found - {FACTS, REPORT, *map(file_of, tables)})
    if foreign:
        raise OutputRefused(directory, f"holds a run and other files ({', '.join(foreign[:3])})")


def _marked(directory: Path) -> bool:
    with suppress(OSError, ValueError):
        facts = json.loads((directory / FACTS).read_text(encoding="utf-8"))
        return isinstance(facts, dict) and facts.get("kind") == MARKER
    return False


def write(directory: Path, facts: Mapping[str, Any], tables: Mapping[str, pd.DataFrame]) -> Path:
    """Write the tables, then result.json, beside `directory`, and rename the whole into place.

    A failure before the rename leaves an earlier run as it was. Raises OutputRefused as `check_output`.
    """
    directory = directory.absolute()
    check_output(directory, tables)
    directory.parent.mkdir(parents=True, exist_ok=True)
    staged = Path(tempfile.mkdtemp(prefix=f".{directory.name}-", dir=directory.parent))
    try:
        hashes = {name: _write_table(staged / file_of(name), frame) for name, frame in tables.items()}
        hashes.pop(UNHASHED, None)
        record = {"kind": MARKER, "schema": SCHEMA, **facts, "tables": hashes}
        (staged / FACTS).write_text(as_json(record), encoding="utf-8")
        staged.chmod(0o777 & ~_umask())
        _swap(staged, directory)
    except BaseException:
        shutil.rmtree(staged, ignore_errors=True)
        raise
    return directory


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _swap(staged: Path, directory: Path) -> None:
    """Rename `staged` to `directory`; what stood there is moved aside first and removed last."""
    if not directory.exists():
        staged.rename(directory)
        return
    aside = Path(tempfile.mkdtemp(prefix=f".{directory.name}-old-", dir=directory.parent)) / "run"
    directory.rename(aside)
    try:
        staged.rename(directory)
    except BaseException:
        aside.rename(directory)
        raise
    finally:
        shutil.rmtree(aside.parent, ignore_errors=True)


def _write_table(path: Path, frame: pd.DataFrame) -> dict[str, Any]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pa.Table.from_pandas(frame, preserve_index=None, nthreads=1)
    pq.write_table(table, path, compression="zstd", version="2.6")
    return {"rows": len(frame), "sha256": _sha256(path)}


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def as_json(value: Any) -> str:
    """`value` as indented JSON with sorted keys and a final newline; NaN and infinities become null."""
    return json.dumps(_plain(value), indent=1, sort_keys=True, allow_nan=False, ensure_ascii=False) + "\n"


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if hasattr(value, "item") and not isinstance(value, str):
        value = value.item()
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value if value is None or isinstance(value, str | int | bool) else str(value)


def read(directory: Path, names: Iterable[str]) -> tuple[dict[str, Any], dict[str, pd.DataFrame]]:
    """The info and the tables of a run.

    Raises RunNotFound when `directory` is missing or no run, RunDamaged when a table is missing, unreadable or not the
    one whose sha256 was recorded.
    """
    record = read_facts(directory)
    hashes = record.get("tables", {})
    return record["info"], {name: _read_table(directory / file_of(name), hashes.get(name)) for name in names}


def read_facts(directory: Path) -> dict[str, Any]:
    """The content of result.json. Raises as `read`."""
    if not directory.is_dir():
        raise RunNotFound(directory, "it is a file" if directory.exists() else "there is no such directory")
    path = directory / FACTS
    if not path.exists():
        raise RunNotFound(directory, f"it has no {FACTS}")
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as e:
        raise RunDamaged(path, f"it is not JSON ({e})") from e
    if not isinstance(record, dict) or record.get("kind") != MARKER:
        raise RunNotFound(directory, f"its {FACTS} was written by another program")
    if record.get("schema") != SCHEMA:
        raise RunDamaged(path, f"its schema is {record.get('schema')!r} and this version reads {SCHEMA}")
    return record


def _read_table(path: Path, recorded: Mapping[str, Any] | None) -> pd.DataFrame:
    import pyarrow as pa
    import pyarrow.parquet as pq

    if not path.exists():
        raise RunDamaged(path, "the file is missing")
    if recorded is None and path.name != file_of(UNHASHED):
        raise RunDamaged(path, f"{FACTS} does not list it")
    if recorded is not None and _sha256(path) != recorded["sha256"]:
        raise RunDamaged(path, f"its content does not have the sha256 recorded in {FACTS}")
    try:
        return pq.read_table(path).to_pandas()
    except (pa.ArrowException, OSError) as e:
        raise RunDamaged(path, f"it cannot be read as Parquet ({e})") from e
