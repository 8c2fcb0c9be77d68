"""Folders to ingest, written as a user would write them, and a bundle root of the test's own."""

from __future__ import annotations

from pathlib import Path

import pytest

HEADER = "date,open,high,low,close,volume"


class InputFolder:
    """A folder in the making: ``write`` puts a file into it, ``bars`` a daily file of one bar a close."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def write(self, name: str, text: str | bytes) -> Path:
        target = self.path / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(text, str):
            target.write_text(text, encoding="utf-8", newline="")
        else:
            target.write_bytes(text)
        return target

    def bars(self, symbol: str, closes: dict[str, float], extra: dict[str, str] | None = None, more: str = "") -> Path:
        """One bar a (date, close): open = close, high = close + 1, low = close / 2, volume 1000."""
        rows = [HEADER + more]
        for date, close in closes.items():
            tail = "" if extra is None else "," + extra.get(date, "," * (more.count(",") - 1))
            rows.append(f"{date},{close},{close + 1},{close / 2},{close},1000{tail}")
        return self.write(f"daily/{symbol}.csv", "\n".join(rows) + "\n")


@pytest.fixture
def folder(tmp_path: Path) -> InputFolder:
    made = tmp_path / "input"
    made.mkdir()
    return InputFolder(made)


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A fresh TRADEWIND_ROOT."""
    path = tmp_path / "root"
    monkeypatch.setenv("TRADEWIND_ROOT", str(path))
    return path
