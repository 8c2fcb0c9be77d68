"""The peers' environments: one virtual environment an engine, made when first asked for (peers.txt)."""

import os
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
FOLDER = Path(os.environ.get("PEERS", HERE.parent / ".venv-peers")).resolve()


def wanted():
    """Name → requirements, as peers.txt has them."""
    lines = (HERE / "peers.txt").read_text(encoding="utf-8").splitlines()
    rows = [line.split() for line in lines if line.strip() and not line.startswith("#")]
    return {row[0]: row[1:] for row in rows}


def python_of(name, requirements):
    """The peer's interpreter; None, after one sentence, when its environment cannot be made."""
    home = FOLDER / name
    stamp, python = home / "installed.txt", home / "bin" / "python"
    line = " ".join(requirements) + "\n"
    if stamp.exists() and stamp.read_text(encoding="utf-8") == line:
        return str(python)
    print(f"making the environment of {name} in {home}", flush=True)
    for command in (
        [sys.executable, "-m", "venv", str(home)],
        [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *requirements],
    ):
        ran = subprocess.run(command, capture_output=True, text=True)
        if ran.returncode:
            why = [row for row in ran.stderr.splitlines() if row.startswith("ERROR")] or ran.stderr.splitlines()
            print(f"{name} is left out, its environment cannot be made: {why[-1] if why else 'no reason given'}")
            return None
    stamp.write_text(line, encoding="utf-8")
    return str(python)


def pythons(names=None):
    """Name → interpreter of every peer that is there or could be installed."""
    found = {name: python_of(name, what) for name, what in wanted().items() if names is None or name in names}
    return {name: python for name, python in found.items() if python}
