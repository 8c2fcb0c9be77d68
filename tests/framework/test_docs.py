"""Pages of docs/ whose programs run, each page from top to bottom, and print what the page shows."""

import re
from pathlib import Path

import pytest

DOCS = Path(__file__).resolve().parents[2] / "docs"
BLOCK = re.compile(r"```python\n(.*?)```\n\n```text\n(.*?)```\n", re.DOTALL)


@pytest.mark.parametrize(("page", "programs"), [("futures.md", 4), ("simulation.md", 5)])
def test_every_program_prints_what_is_shown(page, programs, capsys):
    blocks = BLOCK.findall((DOCS / page).read_text(encoding="utf-8"))
    assert len(blocks) == programs
    namespace, printed = {"__name__": "page"}, []
    for number, (program, _) in enumerate(blocks):
        exec(compile(program, f"docs/{page}, block {number}", "exec"), namespace)
        printed.append(capsys.readouterr().out)
    assert printed == [shown for _, shown in blocks]
