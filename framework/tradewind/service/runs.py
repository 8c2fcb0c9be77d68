"""Browsing a folder of runs: its names are listed first, and only a listed name is ever opened."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tradewind import runfiles


def listed(folder: Path | None) -> dict[str, Path]:
    """The run directories of the folder by name, sorted; symbolic links are not followed."""
    if folder is None or not folder.is_dir():
        return {}
    found = (entry for entry in folder.iterdir() if entry.is_dir() and not entry.is_symlink())
    return {entry.name: entry for entry in sorted(found) if (entry / runfiles.FACTS).is_file()}


def summary(name: str, path: Path) -> dict[str, Any]:
    """A run's name, its recorded info, its tables and whether there is a report."""
    facts = runfiles.read_facts(path)
    tables = {table: entry.get("rows") for table, entry in facts.get("tables", {}).items() if isinstance(entry, dict)}
    return {"name": name, "info": facts.get("info", {}), "tables": tables, "report": (path / runfiles.REPORT).is_file()}


def report_of(path: Path) -> str | None:
    """The run's report as HTML, None when there is none."""
    file = path / runfiles.REPORT
    return file.read_text(encoding="utf-8") if file.is_file() and not file.is_symlink() else None


def encoded(facts: dict[str, Any]) -> bytes:
    """The facts as JSON."""
    return runfiles.as_json(facts).encode()
