"""Assets behave as their sids; the finder knows who bore which symbol when."""

from __future__ import annotations

import pickle

import numpy as np
import pandas as pd
import pytest

from tradewind_data.assets import Asset, AssetFinder, Equity, Future
from tradewind_data.errors import ForeignAsset, SidNotFound, SymbolNotFound
from tradewind_data.sessions import DAY_NS, Sessions
from tradewind_data.tables import Table


def ns(text: str) -> int:
    return pd.Timestamp(text).as_unit("ns").value


def sessions(first: str, days: int) -> Sessions:
    labels = ns(first) + np.arange(days) * DAY_NS
    return Sessions("24/7", labels, labels.copy(), labels + DAY_NS, np.zeros(days, dtype=bool))


def listing(*rows: tuple) -> Table:
    """(sid, symbol, type, start, end, close)"""
    columns = list(zip(*rows, strict=True))
    n = len(rows)
    return {
        "sid": np.array(columns[0]),
        "symbol": np.array(columns[1], dtype=object),
        "asset_name": np.array([f"{s} Inc." for s in columns[1]], dtype=object),
        "exchange": np.array(["NYSE"] * n, dtype=object),
        "asset_type": np.array(columns[2], dtype=object),
        **{
            k: np.array([ns(x) for x in columns[i]])
            for i, k in ((3, "start_date"), (4, "end_date"), (5, "auto_close_date"))
        },
        "price_multiplier": np.array([50.0 if t == "future" else 1.0 for t in columns[2]]),
        "tick_size": np.full(n, 0.01),
    }


def borne(*rows: tuple) -> Table:
    sid, symbol, start, end = zip(*rows, strict=True)
    return {
        "sid": np.array(sid),
        "symbol": np.array(symbol, dtype=object),
        "start_date": np.array([ns(s) for s in start]),
        "end_date": np.array([ns(e) for e in end]),
    }


@pytest.fixture
def finder() -> AssetFinder:
    table = listing(
        (3, "NEW", "equity", "2020-01-01", "2020-01-20", "2020-01-21"),
        (7, "TAKER", "equity", "2020-01-08", "2020-01-12", "2020-01-15"),
        (9, "ESZ0", "future", "2019-12-01", "2021-01-01", "2021-01-02"),
    )
    symbols = borne(
        (3, "OLD", "2020-01-01", "2020-01-05"),
        (3, "NEW", "2020-01-06", "2020-01-20"),
        (7, "OLD", "2020-01-08", "2020-01-09"),
        (7, "TAKER", "2020-01-10", "2020-01-12"),
        (9, "ESZ0", "2019-12-01", "2021-01-01"),
    )
    return AssetFinder(table, symbols, sessions("2020-01-01", 20), "mine")


def test_an_asset_is_its_sid(finder: AssetFinder) -> None:
    a, b = finder.retrieve(3), finder.retrieve(7)
    assert repr(a) == "Equity(3 [NEW])"
    assert a == 3
    assert a == np.int64(3)
    assert a != b
    assert a != "NEW"
    assert a < b <= 7 < 8
    assert b > a
    assert b >= 7
    assert sorted([b, a]) == [a, b]
    assert {a: "x"}[3] == "x"  # type: ignore[index]
    assert np.arange(10)[a] == 3
    assert int(a) == 3
    assert pd.Series([1.0, 2.0], index=[a, b])[b] == 2.0


def test_an_asset_cannot_change_and_survives_pickling(finder: AssetFinder) -> None:
    a = finder.retrieve(3)
    with pytest.raises(AttributeError):
        a.symbol = "X"  # type: ignore[misc]
    with pytest.raises((AttributeError, TypeError)):
        a.note = "X"  # type: ignore[attr-defined]
    again = pickle.loads(pickle.dumps(a))
    assert again == a
    assert again.start_date == a.start_date
    assert type(again) is Equity


def test_the_facts_of_an_asset(finder: AssetFinder) -> None:
    a, f = finder.retrieve(3), finder.retrieve(9)
    assert (a.asset_name, a.security_name, a.exchange, a.column, a.tick_size) == (
        "NEW Inc.",
        "NEW Inc.",
        "NYSE",
        0,
        0.01,
    )
    assert a.start_date == pd.Timestamp("2020-01-01")
    assert a.start_date.unit == "ns"
    assert a.start_date.tz is None
    assert a.security_start_date == pd.Timestamp("2020-01-01", tz="UTC")
    assert a.security_end_date == pd.Timestamp("2020-01-20", tz="UTC")
    assert type(a) is Equity
    assert type(f) is Future
    assert f.price_multiplier == 50.0


def test_lifetimes_as_session_ordinals(finder: AssetFinder) -> None:
    assert finder.sids.tolist() == [3, 7, 9]
    assert finder.start.tolist() == [0, 7, 0]
    assert finder.end.tolist() == [19, 11, 19]
    assert finder.auto_close.tolist() == [20, 14, 20]


def test_finding_by_sid_and_column(finder: AssetFinder) -> None:
    assert len(finder) == 3
    assert [int(a) for a in finder.assets] == [3, 7, 9]
    assert finder.asset_at(1) is finder.retrieve(7) is finder[1] is finder.assets[1]
    assert finder.column(finder.retrieve(9)) == 2
    with pytest.raises(SidNotFound, match="sid 4") as caught:
        finder.retrieve(4)
    assert caught.value.sid == 4
    with pytest.raises(IndexError, match="outside"):
        finder.asset_at(3)


@pytest.mark.parametrize(
    ("symbol", "as_of", "sid"),
    [
        ("OLD", "2020-01-01", 3),
        ("OLD", "2020-01-07", 3),
        ("OLD", "2020-01-08", 7),
        ("OLD", "2030-01-01", 7),
        ("OLD", None, 7),
        ("NEW", "2020-01-06", 3),
        ("new", None, 3),
        ("TAKER", None, 7),
    ],
)
def test_symbols_as_of_a_date(finder: AssetFinder, symbol: str, as_of: str | None, sid: int) -> None:
    assert finder.lookup_symbol(symbol, None if as_of is None else ns(as_of)) == sid


def test_unknown_symbols(finder: AssetFinder) -> None:
    with pytest.raises(SymbolNotFound, match=r"no asset with the symbol 'TAKR'.*Did you mean TAKER") as caught:
        finder.lookup_symbol("TAKR")
    assert (caught.value.symbol, caught.value.bundle) == ("TAKR", "mine")
    with pytest.raises(SymbolNotFound, match=r"as of 2020-01-05.*borne from 2020-01-06 on"):
        finder.lookup_symbol("NEW", ns("2020-01-05"))


def test_a_foreign_asset_is_refused_by_name(finder: AssetFinder) -> None:
    other = listing((4, "XYZ", "equity", "2020-01-01", "2020-01-02", "2020-01-03"))
    stranger = AssetFinder(other, borne((4, "XYZ", "2020-01-01", "2020-01-02")), sessions("2020-01-01", 5), "other")[0]
    with pytest.raises(ForeignAsset, match=r"Equity\(4 \[XYZ\]\) is not an asset of bundle 'mine'"):
        finder.column(stranger)
    with pytest.raises(ForeignAsset, match="'AAPL' is not an asset"):
        finder.column("AAPL")  # type: ignore[arg-type]


def test_an_equal_asset_of_another_opening_is_accepted(finder: AssetFinder) -> None:
    twin: Asset = pickle.loads(pickle.dumps(finder.retrieve(7)))
    assert finder.column(twin) == 1
