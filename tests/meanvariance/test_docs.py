"""docs/meanvariance.md: its programs run as they stand, its picture is the one that is drawn."""

import importlib.util
import re
import runpy
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs/meanvariance.md").read_text(encoding="utf-8")
BLOCKS = {match[1]: match[0] for match in re.finditer(r"# (\w+\.py)\n.*?(?=```)", PAGE, re.DOTALL)}


def test_the_walk_runs(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    for name, block in BLOCKS.items():
        (tmp_path / name).write_text(block, encoding="utf-8")
    assert set(BLOCKS) == {"walk.py", "chart.py", "problem.py"}
    for name in BLOCKS:
        runpy.run_path(name)
        assert capsys.readouterr().out.strip(), name
    sys.modules.pop("walk", None)
    assert "bokeh" in (tmp_path / "frontier.html").read_text(encoding="utf-8").lower()


def test_the_picture_is_the_one_that_is_drawn():
    spec = importlib.util.spec_from_file_location("make_frontier", ROOT / "docs/make_frontier.py")
    maker = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(maker)
    assert maker.PICTURE.read_text(encoding="utf-8") == maker.picture()


def test_every_page_it_names_exists():
    for page in ("docs/meanvariance.md", "docs/service.md"):
        for target in re.findall(r"\]\(([^)#]+)", (ROOT / page).read_text(encoding="utf-8")):
            assert (ROOT / "docs" / target).exists(), target
