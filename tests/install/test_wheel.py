"""A wheel built from this tree installs in an empty environment and runs the demo in an empty folder."""

import json
import subprocess
import sys
import venv
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def sh(*command, cwd):
    done = subprocess.run([str(part) for part in command], cwd=cwd, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.mark.slow
def test_the_wheel_runs_the_demo_in_an_empty_folder(tmp_path):
    sh(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", tmp_path / "dist", ROOT, cwd=tmp_path)
    (wheel,) = (tmp_path / "dist").glob("tradewind-*.whl")
    venv.create(tmp_path / "env", with_pip=True)
    python = tmp_path / "env/bin/python"
    sh(python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", wheel, cwd=tmp_path)
    (tmp_path / "empty").mkdir()
    told = sh(python.with_name("tradewind"), "demo", "--output", "run", cwd=tmp_path / "empty")
    assert "run/report.html" in told
    result = json.loads((tmp_path / "empty/run/result.json").read_text())
    assert result["info"]["status"] == "complete"
    assert (tmp_path / "empty/run/report.html").stat().st_size > 100_000
