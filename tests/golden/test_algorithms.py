"""Every shipped algorithm gives the summary that stands beside it.

``python tests/golden/test_algorithms.py`` writes the summaries anew, after a change that was meant.
"""

import json
import tempfile
from pathlib import Path

import pytest

from tradewind import run_file
from tradewind_data.bundle import open_bundle
from tradewind_data.synthetic.contracts import ingest_synthetic_futures

FOLDER = Path(__file__).resolve().parents[2] / "algorithms"
ALGORITHMS = sorted(FOLDER.glob("*.py"))
ON_FUTURES = {"futures_trend"}  # the others run on the demo bundle


def summary(path, root):
    """The run's figures, as they stand in the golden file; root: a folder for the synthetic futures."""
    bundle = "demo"
    if path.stem in ON_FUTURES:
        ingest_synthetic_futures("futures", end="2012-12-31", root=root)
        bundle = open_bundle("futures", root)
    result = run_file(path, bundle=bundle)
    last = result.perf.iloc[-1]
    return {
        "sessions": len(result.perf),
        "stats": result.stats,
        "ending_cash": last["ending_cash"],
        "portfolio_value": last["portfolio_value"],
        "first_orders": result.orders[["symbol", "amount"]].head(5).values.tolist(),
        "last_holdings": dict(zip(*(result.positions.tail(3)[c].tolist() for c in ("symbol", "amount")), strict=True)),
    }


def golden(path):
    return path.with_suffix(".golden.json")


@pytest.mark.parametrize("path", ALGORITHMS, ids=lambda path: path.stem)
def test_the_summary_is_the_one_beside_it(path, tmp_path):
    expected = json.loads(golden(path).read_text(encoding="utf-8"))
    found = json.loads(json.dumps(summary(path, tmp_path)))
    stats, wanted = found.pop("stats"), expected.pop("stats")
    assert stats == pytest.approx(wanted, rel=1e-9, abs=1e-12, nan_ok=True)
    for name, value in expected.items():
        if isinstance(value, float):
            assert found[name] == pytest.approx(value, rel=1e-10), name
        else:
            assert found[name] == value, name


if __name__ == "__main__":
    for algorithm in ALGORITHMS:
        with tempfile.TemporaryDirectory() as folder:
            golden(algorithm).write_text(json.dumps(summary(algorithm, folder), indent=1) + "\n", encoding="utf-8")
