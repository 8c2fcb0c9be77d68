"""The embedded bundle: what it holds, and that its script makes it again."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pandas as pd
import pytest

from tradewind import run_algorithm, terminal
from tradewind_data import tables
from tradewind_data.bundle import Bundle, open_bundle
from tradewind_data.demo import demo_folder
from tradewind_data.gridfile import GridFile
from tradewind_data.manifest import content_hash
from tradewind_data.schema import BARS, FIELDS, TABLES

SCRIPT = Path(__file__).parents[2] / "data" / "make_demo_bundle.py"


@pytest.fixture(scope="module")
def demo() -> Bundle:
    return open_bundle("demo")


@pytest.fixture(scope="module")
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("make_demo_bundle", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def at(bundle: Bundle, date: str) -> int:
    return bundle.sessions.ordinal(pd.Timestamp(date).as_unit("ns").value)


def test_the_script_makes_the_committed_bundle(demo: Bundle, script: ModuleType, tmp_path: Path) -> None:
    made = script.make(tmp_path / "demo")
    assert made.content_hash == demo.hash
    assert {p: f.content for p, f in made.files.items()} == {p: f.content for p, f in demo.manifest.files.items()}


def test_it_has_been_judged_and_a_run_says_so(demo: Bundle) -> None:
    assert demo.manifest.grade == "A"
    assert len(pd.read_parquet(demo.path / "quality.parquet")) == 0
    result = run_algorithm(start="2012-01-03", end="2012-01-31", initialize=lambda context: None)
    assert result.info["bundle"]["grade"] == "A"
    assert result.info["bundle"]["hash"] == demo.hash
    assert terminal.title(result).endswith("on demo (grade A)")


def test_it_verifies_and_is_small(demo: Bundle) -> None:
    demo.verify()
    assert sum(p.stat().st_size for p in demo_folder().rglob("*") if p.is_file()) < 450_000
    assert "public domain" in (demo_folder() / "NOTICE").read_text(encoding="utf-8")


def test_assets(demo: Bundle) -> None:
    found = {a.symbol: (a.sid, a.exchange, str(a.start_date.date())) for a in demo.finder}
    assert found == {
        "AAPL": (24, "NASDAQ", "2000-03-01"),
        "IBM": (3766, "NYSE", "2000-03-01"),
        "MSFT": (5061, "NASDAQ", "2000-03-01"),
        "GOOG": (26578, "NASDAQ", "2004-08-19"),
        "FB": (42950, "NASDAQ", "2012-05-18"),
    }
    assert {str(a.end_date.date()) for a in demo.finder} == {"2013-03-01"}
    assert (demo.finder.auto_close > demo.bars().last_session).all()


def test_sessions_reach_from_a_monday_to_a_year_beyond_the_data(demo: Bundle) -> None:
    assert str(demo.sessions.index[0].date()) == "2000-02-28"
    assert str(demo.sessions.index[-1].date()) == "2014-02-28"
    assert demo.bars().last_session == at(demo, "2013-03-01") == 3271
    assert demo.bars().first_session == at(demo, "2000-03-01") == 2


def test_known_splits(demo: Bundle) -> None:
    splits = demo.actions.splits
    found = {
        (demo.finder.asset_at(c).symbol, str(demo.sessions.label(s).date()), int(n), int(d))
        for c, s, n, d in zip(splits.column, splits.session, splits.numerator, splits.denominator, strict=True)
    }
    assert found == {("AAPL", "2000-06-21", 2, 1), ("AAPL", "2005-02-28", 2, 1), ("MSFT", "2003-02-18", 2, 1)}


def test_known_dividends(demo: Bundle) -> None:
    cash = demo.actions.dividends
    paid = {
        (demo.finder.asset_at(c).symbol, str(demo.sessions.label(e).date())): float(a)
        for c, e, a in zip(cash.column, cash.ex, cash.amount, strict=True)
    }
    assert paid["MSFT", "2004-11-15"] == 3.08
    assert paid["MSFT", "2003-02-19"] == 0.08
    assert paid["AAPL", "2012-08-09"] == paid["AAPL", "2012-11-07"] == paid["AAPL", "2013-02-07"] == 2.65
    assert paid["IBM", "2000-05-08"] == 0.13
    assert paid["IBM", "2012-11-07"] == 0.85
    count = {s: sum(1 for k in paid if k[0] == s) for s in ("AAPL", "MSFT", "IBM", "GOOG", "FB")}
    assert count == {"AAPL": 3, "MSFT": 37, "IBM": 52, "GOOG": 0, "FB": 0}
    assert np.array_equal(cash.pay, cash.ex)
    assert cash.pay_is_session.all()
    assert demo.bars().refused == ()


def test_bars_are_the_sample(demo: Bundle, script: ModuleType) -> None:
    for symbol, frame in script.sample().items():
        asset = demo.finder.lookup_symbol(symbol)
        rows = np.searchsorted(demo.sessions.labels, pd.DatetimeIndex(frame["date"]).as_unit("ns").asi8)
        for field in ("open", "high", "low", "close", "volume"):
            stored = demo.bars().values(field)[:, asset.column]
            assert np.array_equal(stored[rows], frame[field].to_numpy(dtype=float))
            rest = np.delete(stored, rows)
            assert (rest == 0).all() if field == "volume" else np.isnan(rest).all()


def test_adjusted_closes_follow_the_sample(demo: Bundle, script: ModuleType) -> None:
    """The source adjusts by the ex-date's close, we by the close before it: they agree to second order in a / c."""
    reader, last = demo.bars(), demo.bars().last_session
    for symbol, frame in script.sample().items():
        asset = demo.finder.lookup_symbol(symbol)
        ours = reader.window("close", np.array([asset.column]), last, last + 1)[:, 0]
        ours = ours[~np.isnan(ours)]
        theirs = frame["adj_close"].to_numpy() / frame["adj_close"].iloc[-1] * frame["close"].iloc[-1]
        assert np.allclose(ours, theirs, rtol=0.02)


def test_the_apple_split_as_seen_before_and_after(demo: Bundle) -> None:
    reader, day = demo.bars(), at(demo, "2005-02-28")
    apple = np.array([demo.finder.lookup_symbol("AAPL").column])
    assert reader.window("close", apple, day, 2)[:, 0].tolist() == [88.99 / 2, 44.86]
    assert reader.window("close", apple, day - 1, 2)[-1, 0] == 88.99
    raw = reader.values("volume")[day - 1, apple[0]]
    assert reader.window("volume", apple, day, 2)[0, 0] == 2 * raw


def test_sectors(demo: Bundle) -> None:
    codes = demo.classifications.as_of("morningstar_sector", int(demo.sessions.labels[3200]))
    assert codes.tolist() == [311] * 5
    early = demo.classifications.as_of("morningstar_sector", int(demo.sessions.labels[2]))
    assert early.tolist() == [311, 311, 311, -1, -1]


def test_opening_is_light() -> None:
    """All five fields without a calendar library, and no table reader before use."""
    code = (
        "import sys\n"
        "from tradewind_data.bundle import open_bundle\n"
        "assert not {'exchange_calendars', 'pyarrow.parquet', 'scipy'} & set(sys.modules)\n"
        "bars = open_bundle('demo').bars()\n"
        "total = sum(bars.values(f).size for f in ('open', 'high', 'low', 'close', 'volume'))\n"
        "assert total == 5 * 5 * 3272\n"
        "assert 'exchange_calendars' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)


def test_content_hashes_are_those_of_the_values_on_disk(demo: Bundle) -> None:
    """Read back, every table has the content hash that was computed before it was written."""
    for path, facts in demo.manifest.files.items():
        if path.startswith("quality."):
            assert facts.content == ""  # what is said of the data is not the data
            continue
        columns = BARS if path.startswith("bars/") else TABLES[path.removesuffix(".parquet")]
        if path.startswith("bars/"):
            found = tables.read(demo.path / path, BARS[:2])
            found |= {f: GridFile(demo.path / path, "demo").values(f).reshape(-1) for f in FIELDS}
        else:
            found = tables.read(demo.path / path, columns)
        assert tables.digest(columns, found) == facts.content, path
        assert tables.length(found) == facts.rows
    contents = {path: facts.content for path, facts in demo.manifest.files.items() if facts.content}
    span = (demo.manifest.first_session, demo.manifest.last_session)
    assert content_hash("XNYS", "USD", span, contents) == demo.hash
    assert content_hash("XNYS", "EUR", span, contents) != demo.hash
