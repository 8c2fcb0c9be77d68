"""The README's programs run as they stand."""

import re
import runpy
from pathlib import Path

import pytest

README = (Path(__file__).resolve().parents[2] / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```python\n(.*?)```", README, re.DOTALL)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for block in BLOCKS:
        named = re.match(r"# (\w+\.py)\n", block)
        if named:
            (tmp_path / named[1]).write_text(block, encoding="utf-8")
    return tmp_path


@pytest.mark.parametrize("number", range(len(BLOCKS)))
def test_a_block_runs(folder, number, capsys):
    script = folder / f"block_{number}.py"
    script.write_text(BLOCKS[number], encoding="utf-8")
    runpy.run_path(str(script))
    if "print(" in BLOCKS[number]:
        assert capsys.readouterr().out.strip()


def test_every_page_it_names_exists():
    root = Path(__file__).resolve().parents[2]
    for target in re.findall(r"\]\(([^)#]+)\)", README):
        assert (root / target).exists(), target
