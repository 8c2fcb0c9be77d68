"""docs/optimize.md: every program runs, top to bottom, and prints what the page shows; every word is on it."""

import re
from pathlib import Path

import tradewind.optimize as opt

PAGE = (Path(__file__).resolve().parents[2] / "docs/optimize.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"```python\n(.*?)```\n(?:\n```text\n(.*?)```\n)?", re.DOTALL)
DEPRECATED = {"MaxGrossLeverage", "NetPartitionExposure", "TargetPortfolioWeights", "WeightedExposure"}


def test_every_program_prints_what_is_shown(capsys):
    namespace = {"__name__": "page"}
    for number, (program, shown) in enumerate(BLOCK.findall(PAGE)):
        exec(compile(program, f"docs/optimize.md, block {number}", "exec"), namespace)
        assert capsys.readouterr().out == shown, program


def test_the_page_has_a_program_for_every_kind_of_word():
    programs = "".join(program for program, _ in BLOCK.findall(PAGE))
    words = [name for name in opt.__all__ if isinstance(getattr(opt, name), type)]
    kinds = (opt.Objective, opt.Constraint, opt.Penalty)
    used = {name for name in words if issubclass(getattr(opt, name), kinds)} - DEPRECATED - {"Objective"}
    assert not {name for name in used if f"opt.{name}" not in programs}
    assert not {name for name in opt.__all__ if name not in PAGE} - {"Diagnostics"}


def test_no_program_shows_less_than_it_prints():
    for program, shown in BLOCK.findall(PAGE):
        assert bool(shown) == ("show(" in program.replace("def show(", "") or "print" in program.split("def show")[-1])
