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


def test_the_blocks_run_one_after_the_other(folder, capsys):
    for number, block in enumerate(BLOCKS):
        script = folder / f"block_{number}.py"
        script.write_text(block, encoding="utf-8")
        runpy.run_path(str(script))
        said = capsys.readouterr().out
        assert said.strip() or "print(" not in block


def test_what_it_quotes_is_what_is_printed(folder, capsys):
    (block,) = [block for block in BLOCKS if "InfeasibleConstraints" in block]
    (folder / "block.py").write_text(block, encoding="utf-8")
    runpy.run_path(str(folder / "block.py"))
    quoted = re.search(r"    These constraints.*?\(by 0.2\)", README, re.DOTALL)[0]
    said = capsys.readouterr().out
    assert "\n".join(line[4:] for line in quoted.splitlines()) in said


def test_every_page_it_names_exists():
    root = Path(__file__).resolve().parents[2]
    for target in re.findall(r"\]\(([^)#]+)\)", README):
        assert (root / target).exists(), target
