"""docs/futures.md: every program runs, top to bottom, and prints what the page shows."""

import re
from pathlib import Path

import pytest

PATH = Path(__file__).resolve().parents[2] / "docs/futures.md"
BLOCK = re.compile(r"```python\n(.*?)```\n\n```text\n(.*?)```\n", re.DOTALL)


@pytest.fixture
def printed(capsys):
    """What each program prints; the programs follow one upon the other."""
    namespace, found = {"__name__": "page"}, []
    for number, (program, _) in enumerate(BLOCK.findall(PATH.read_text(encoding="utf-8"))):
        exec(compile(program, f"docs/futures.md, block {number}", "exec"), namespace)
        found.append(capsys.readouterr().out)
    return found


def test_every_program_prints_what_is_shown(printed):
    shown = [text for _, text in BLOCK.findall(PATH.read_text(encoding="utf-8"))]
    assert len(shown) == 4
    assert printed == shown
