"""The pages of docs/ say what the code says."""

import importlib.util
import re
from dataclasses import fields
from pathlib import Path

from tradewind.semantics import Semantics

ROOT = Path(__file__).resolve().parents[2]


def test_the_page_of_deviations_is_the_one_the_fields_make():
    spec = importlib.util.spec_from_file_location("make_deviations", ROOT / "docs/make_deviations.py")
    maker = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(maker)
    assert maker.PAGE.read_text(encoding="utf-8") == maker.page()


def test_every_deviation_names_a_test_that_exists():
    for entry in fields(Semantics):
        file, name = entry.metadata["test"].split("::")
        assert f"def {name}(" in (ROOT / "tests/framework" / file).read_text(encoding="utf-8"), entry.name


def test_every_test_that_the_page_names_exists():
    page = (ROOT / "docs/deviations.md").read_text(encoding="utf-8")
    named = re.findall(r"(tests/[\w/]+\.py)::(\w+)", page)
    assert len(named) > 25
    for file, name in named:
        assert f"def {name}(" in (ROOT / file).read_text(encoding="utf-8"), (file, name)


def test_every_known_difference_stands_on_the_page():
    page = (ROOT / "docs/deviations.md").read_text(encoding="utf-8")
    for number in range(1, 29):
        assert re.search(rf"\bD{number}\b", page), number
