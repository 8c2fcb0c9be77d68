"""Our engine with the original's semantics against what the original reports: every field, to 1e-9 relative.

The expected files are what zipline-reloaded 3.2.1 said; `make parity` makes them anew and compares at once. Compared
are the performance columns with the running risk columns, orders as they stood on each session, transactions,
positions, recorded values, and what the texts probe: histories, current values, snapshots of orders.
"""

import ast

import pytest
from tests.parity import compare, plain
from tests.parity.cases import EXPECTED, FOLDER, all_cases
from tests.parity.ours import run

CASES = {case.name: case for case in all_cases()}
# What a text cannot show here: what ends a run, what needs other data, and what the original does not have.
ELSEWHERE = {
    "calculate_optimal_portfolio",
    "calendars",
    "execution",
    "log",
    "margin",
    "order_optimal_portfolio",
    "run_optimization",
    "set_asset_date_bounds",
    "set_fills",
    "set_financing",
    "set_margin",
    "set_min_leverage",
    "sid",
}


@pytest.fixture(scope="session")
def root(tmp_path_factory):
    """Where the markets are written as bundles."""
    return tmp_path_factory.mktemp("parity")


@pytest.mark.parametrize("name", CASES)
def test_agrees_with_the_original(name, root):
    case = CASES[name]
    expected = plain.read(EXPECTED / f"{name}.json.gz")
    found, count = compare.differences(run(case, root), expected, case.capital)
    assert count > (50 if case.ends else 1000)
    assert len(expected["sessions"]) > 2
    assert ("raised" in expected) == case.ends
    assert not found, f"{len(found)} of {count} values differ, first: {found[:5]}"


def test_every_text_has_its_expected_file_and_every_file_its_text():
    assert {path.name for path in EXPECTED.iterdir()} == {f"{name}.json.gz" for name in CASES}
    assert len(list(FOLDER.glob("*.py"))) >= 25


def test_the_texts_use_every_function_of_the_api():
    from tradewind import api

    used = {
        node.id if isinstance(node, ast.Name) else node.attr
        for path in FOLDER.glob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Name | ast.Attribute)
    }
    assert set(api.__all__) - ELSEWHERE <= used


def test_a_different_end_is_found():
    expected = plain.read(EXPECTED / "ends_minute_position.json.gz")
    changed = plain.read(EXPECTED / "ends_minute_position.json.gz")
    changed["raised"] |= {"at": "2020-12-20 15:01", "amount": -1}
    found, _ = compare.differences(changed, expected, 1.0)
    assert [place[2] for place in found] == ["/amount", "/at"]
    del changed["raised"]
    assert compare.differences(changed, expected, 1.0)[0]


def test_a_difference_is_found():
    case = next(iter(CASES.values()))
    expected = plain.read(EXPECTED / f"{case.name}.json.gz")
    changed = plain.read(EXPECTED / f"{case.name}.json.gz")
    changed["perf"]["ending_cash"][-1] *= 1 + 2e-9
    changed["positions"][-1][0]["amount"] += 1
    found, _ = compare.differences(changed, expected, case.capital)
    assert [place[:3] for place in found] == [
        ("perf", expected["sessions"][-1], "ending_cash"),
        ("positions", expected["sessions"][-1], "amount"),
    ]
