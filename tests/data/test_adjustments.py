"""Adjusted windows against a model that carries histories forward in fractions, and against garbage in the future."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tradewind_data import scaling, tables, windows
from tradewind_data.bundle import Bundle, open_bundle
from tradewind_data.errors import FieldNotFound, SessionOutOfBounds
from tradewind_data.ingest.market import AssetBars, Market
from tradewind_data.ingest.writer import write_folder
from tradewind_data.schema import TABLES
from tradewind_data.sessions import DAY_NS, Sessions
from tradewind_data.tables import NAT

DAYS, AFTER, ASSETS = 12, 3, 3
SIDS = (2, 5, 11)
LABELS = np.datetime64("2019-12-27", "ns").astype(np.int64) + np.arange(DAYS + AFTER) * DAY_NS
SESSIONS = Sessions("24/7", LABELS.copy(), LABELS.copy(), LABELS + DAY_NS, np.zeros(len(LABELS), dtype=bool))


def table(name: str, rows: list[tuple[Any, ...]]) -> tables.Table:
    out = tables.empty(TABLES[name])
    for i, column in enumerate(TABLES[name]):
        out[column.name] = np.array([row[i] for row in rows], dtype=out[column.name].dtype)
    return out


def market(close: np.ndarray, volume: np.ndarray, **actions: list[tuple[Any, ...]]) -> Market:
    """Assets alive on all days; bars where close is not NaN; actions in rows of their tables, days as ordinals."""
    first, last = int(LABELS[0]), int(LABELS[DAYS - 1])
    listed = [(s, f"S{s}", "", "", "equity", first, last, last + DAY_NS, 1.0, 0.01) for s in SIDS]
    stored = {
        "assets": table("assets", listed),
        "symbols": table("symbols", [(s, f"S{s}", first, last) for s in SIDS]),
        **{
            n: table(n, actions.get(n, []))
            for n in ("splits", "dividends", "stock_dividends", "mergers", "classifications")
        },
    }
    bars = []
    for i, sid in enumerate(SIDS):
        rows = np.flatnonzero(~np.isnan(close[:, i]))
        if len(rows):
            price = close[rows, i]
            bars.append(AssetBars(sid, LABELS[rows], np.stack([price, price + 1, price / 2, price, volume[rows, i]])))
    return Market(SESSIONS, stored, bars)


def opened(made: Market, folder: Path) -> Bundle:
    write_folder(made, "test", folder)
    return open_bundle(folder)


prices = st.one_of(st.none(), st.integers(100, 20_000).map(lambda c: c / 100))
day = st.integers(0, DAYS + AFTER - 1)
sid = st.sampled_from(SIDS)
ratio = st.sampled_from([(2, 1), (3, 2), (1, 10), (7, 1), (5, 4)])


@st.composite
def markets(draw: st.DrawFn) -> Market:
    cells = np.array(
        [[np.nan if p is None else p for p in draw(st.lists(prices, min_size=DAYS, max_size=DAYS))] for _ in SIDS]
    ).T
    cells[[0, -1], 0] = 50.0
    volume = np.array([[draw(st.integers(0, 10**6)) for _ in SIDS] for _ in range(DAYS)], dtype=float)
    splits = {(s, d): r for s, d, r in draw(st.lists(st.tuples(sid, day, ratio), max_size=4))}
    cash = draw(st.lists(st.tuples(sid, day, st.integers(1, 300).map(lambda c: c / 100)), max_size=5))
    mergers = {(s, d): r for s, d, r in draw(st.lists(st.tuples(sid, day, st.sampled_from([0.5, 1.25])), max_size=2))}
    return market(
        cells,
        volume,
        splits=[(s, LABELS[d], n, o) for (s, d), (n, o) in splits.items()],
        dividends=[(s, LABELS[d], NAT, a, NAT, NAT) for s, d, a in cash],
        mergers=[(s, LABELS[d], r, -1, 0.0) for (s, d), r in mergers.items()],
    )


class Model:
    """One asset: its closes and volumes as seen from each session, carried forward a session at a time in fractions."""

    def __init__(self, made: Market, asset: int, close: np.ndarray, volume: np.ndarray) -> None:
        self.seen: list[list[Fraction | None]] = []
        self.volumes: list[list[Fraction]] = []
        prices: list[Fraction | None] = []
        volumes: list[Fraction] = []
        for t in range(DAYS):
            on = {n: self._on(made.tables[n], asset, t) for n in ("splits", "dividends", "mergers")}
            factor, growth = self._change(prices, on)
            prices = [None if p is None else p * factor for p in prices]
            volumes = [v * growth for v in volumes]
            prices.append(None if np.isnan(close[t]) else Fraction(float(close[t])))
            volumes.append(Fraction(float(volume[t])))
            self.seen.append(prices)
            self.volumes.append(volumes)

    @staticmethod
    def _on(rows: tables.Table, asset: int, t: int) -> list[dict[str, Any]]:
        when = "ex_date" if "ex_date" in rows else "effective_date"
        found = np.flatnonzero((rows["sid"] == asset) & (rows[when] == LABELS[t]))
        return [{name: values[i] for name, values in rows.items()} for i in found]

    @staticmethod
    def _change(prices: list[Fraction | None], on: dict[str, list[dict[str, Any]]]) -> tuple[Fraction, Fraction]:
        last = next((p for p in reversed(prices) if p is not None), None)
        factor, growth = Fraction(1), Fraction(1)
        for cash in on["dividends"]:
            left = None if last is None else 1 - Fraction(float(cash["amount"])) / last
            factor *= left if left is not None and left > 0 else 1
        for split in on["splits"]:
            growth *= Fraction(int(split["numerator"]), int(split["denominator"]))
        for merger in on["mergers"]:
            factor *= Fraction(float(merger["ratio"]))
        return factor / growth, growth


def numbers(values: list[Fraction | None]) -> np.ndarray:
    return np.array([np.nan if v is None else float(v) for v in values])


@settings(max_examples=60, deadline=None)
@given(markets())
def test_windows_equal_histories_carried_forward(made: Market) -> None:
    with TemporaryDirectory() as folder:
        reader = opened(made, Path(folder)).bars()
        close, volume = reader.values("close"), reader.values("volume")
        for column, asset in enumerate(SIDS):
            model, only = Model(made, asset, close[:, column], volume[:, column]), np.array([column])
            for t in range(DAYS):
                seen = reader.window("close", None, t, t + 1)[:, column]
                assert np.allclose(seen, numbers(model.seen[t]), rtol=1e-12, atol=0, equal_nan=True)
                assert np.array_equal(seen[-1:], close[t, column : column + 1], equal_nan=True)
                grown = reader.window("volume", only, t, t + 1)[:, 0]
                assert np.allclose(grown, numbers(list(model.volumes[t])), rtol=1e-12, atol=0)
                for end in range(t):
                    early = reader.window("close", only, end, end + 1, seen_from=t)[:, 0]
                    assert np.allclose(early, seen[: end + 1], rtol=1e-12, atol=0, equal_nan=True)


@settings(max_examples=40, deadline=None)
@given(markets())
def test_factors_explain_windows(made: Market) -> None:
    with TemporaryDirectory() as folder:
        reader = opened(made, Path(folder)).bars()
        assert reader.factors_of(np.arange(ASSETS), np.full(ASSETS, -1)).tolist() == [1.0] * ASSETS
        for t in range(DAYS):
            for s in range(t + 1):
                mixed = reader.factors_of(np.array([2, 0, 1]), np.array([t, s, s]))
                assert mixed.tolist() == [reader.factors(t)[2], reader.factors(s)[0], reader.factors(s)[1]]
                price = reader.values("close")[s] * reader.factors(t) / reader.factors(s)
                assert np.allclose(
                    price, reader.window("close", None, s, 1, seen_from=t)[0], rtol=1e-12, atol=0, equal_nan=True
                )
                shares = reader.values("volume")[s] * reader.volume_factors(t) / reader.volume_factors(s)
                assert np.allclose(shares, reader.window("volume", None, s, 1, seen_from=t)[0], rtol=1e-12, atol=0)


def _spoiled(made: Market, other: Market, t: int) -> Market:
    """made up to the session t, other after it."""
    merged = dict(made.tables)
    for name in ("splits", "dividends", "mergers"):
        when = "ex_date" if name == "dividends" else "effective_date"
        old, new = made.tables[name], other.tables[name]
        keep, take = old[when] <= LABELS[t], new[when] > LABELS[t]
        merged[name] = {k: np.concatenate([old[k][keep], new[k][take]]) for k in old}
    bars = []
    theirs = {b.sid: b for b in other.bars}
    ours = {b.sid: b for b in made.bars}
    for one in SIDS:
        parts = [
            (b, b.labels <= LABELS[t] if b is ours.get(one) else b.labels > LABELS[t])
            for b in (ours.get(one), theirs.get(one))
            if b
        ]
        labels = np.concatenate([b.labels[m] for b, m in parts] or [LABELS[:0]])
        if len(labels):
            bars.append(AssetBars(one, labels, np.concatenate([b.values[:, m] for b, m in parts], axis=1)))
    return replace(made, tables=merged, bars=bars)


@settings(max_examples=60, deadline=None)
@given(markets(), markets(), st.integers(0, DAYS - 2))
def test_nothing_after_t_changes_what_is_seen_at_t(made: Market, garbage: Market, t: int) -> None:
    with TemporaryDirectory() as one, TemporaryDirectory() as two:
        truth, spoiled = opened(made, Path(one)).bars(), opened(_spoiled(made, garbage, t), Path(two)).bars()
        for field in ("open", "high", "low", "close", "volume"):
            a, b = (r.window(field, None, t, t + 1) for r in (truth, spoiled))
            assert np.array_equal(a, b, equal_nan=True)
        assert np.array_equal(truth.factors(t), spoiled.factors(t))
        assert np.array_equal(truth.volume_factors(t), spoiled.volume_factors(t))
        assert np.array_equal(truth.last_trade(t), spoiled.last_trade(t))


def steady(**actions: list[tuple[Any, ...]]) -> Market:
    """Closes 100, 101, 102 … for every asset, 1000 shares a day."""
    close = np.repeat(100.0 + np.arange(DAYS)[:, None], ASSETS, axis=1)
    return market(close, np.full((DAYS, ASSETS), 1000.0), **actions)


def test_a_split_and_a_dividend_of_one_date(tmp_path: Path) -> None:
    """The dividend is earned on old shares: its ratio stands on the raw close before both."""
    made = steady(splits=[(2, LABELS[4], 2, 1)], dividends=[(2, LABELS[4], NAT, 1.03, NAT, NAT)])
    reader = opened(made, tmp_path).bars()
    assert reader.factors(4)[0] == pytest.approx(0.5 * (1 - 1.03 / 103), rel=1e-15)
    assert reader.factors(3)[0] == 1.0
    assert reader.window("close", None, 4, 2)[0, 0] == pytest.approx(103 * 0.5 * 0.99, rel=1e-15)


def test_two_dividends_of_one_date_multiply(tmp_path: Path) -> None:
    made = steady(dividends=[(2, LABELS[4], NAT, 10.3, NAT, NAT), (2, LABELS[4], NAT, 5.15, NAT, NAT)])
    assert opened(made, tmp_path).bars().factors(4)[0] == pytest.approx(0.9 * 0.95, rel=1e-15)


def test_a_dividend_after_a_halt_across_a_split(tmp_path: Path) -> None:
    """Last trade at 102 on day 2, 2:1 on day 4, ex on day 6: the close it stands on is 51."""
    close = np.repeat(100.0 + np.arange(DAYS)[:, None], ASSETS, axis=1)
    close[3:6, 0] = np.nan
    made = market(
        close,
        np.full((DAYS, ASSETS), 1.0),
        splits=[(2, LABELS[4], 2, 1)],
        dividends=[(2, LABELS[6], NAT, 5.1, NAT, NAT)],
    )
    assert opened(made, tmp_path).bars().factors(6)[0] == pytest.approx(0.5 * 0.9, rel=1e-15)


def test_refused_dividends_are_recorded(tmp_path: Path) -> None:
    made = steady(dividends=[(2, LABELS[4], NAT, 200.0, NAT, NAT), (5, LABELS[0], NAT, 1.0, NAT, NAT)])
    reader = opened(made, tmp_path).bars()
    assert np.array_equal(reader.factors(DAYS - 1), np.ones(ASSETS))
    found = sorted((r.column, r.session, r.amount, str(r.close)) for r in reader.refused)
    assert found == [(0, 4, 200.0, "103.0"), (1, 0, 1.0, "nan")]


def test_actions_beyond_the_bars_do_not_reach_them(tmp_path: Path) -> None:
    made = steady(splits=[(2, LABELS[DAYS + 1], 2, 1)], dividends=[(5, LABELS[DAYS], NAT, 1.0, NAT, NAT)])
    bundle = opened(made, tmp_path)
    assert len(bundle.actions.splits) == len(bundle.actions.dividends) == 1
    last = DAYS - 1
    assert np.array_equal(bundle.bars().window("close", None, last, DAYS), bundle.bars().values("close"))


def test_pay_dates(tmp_path: Path) -> None:
    sessions = np.delete(np.arange(DAYS + AFTER), 8)
    made = steady(
        dividends=[
            (2, LABELS[4], LABELS[6], 1.0, NAT, NAT),
            (5, LABELS[4], LABELS[8], 1.0, NAT, NAT),
            (11, LABELS[4], NAT, 1.0, NAT, NAT),
            (11, LABELS[5], LABELS[-1] + 30 * DAY_NS, 1.0, NAT, NAT),
        ],
        stock_dividends=[(2, 5, LABELS[4], LABELS[8], 0.5)],
        mergers=[(2, LABELS[8], 1.0, 5, 3.0), (5, LABELS[9], 1.0, -1, 0.0)],
    )
    short = Sessions(
        *(["24/7"] + [a[sessions] for a in (SESSIONS.labels, SESSIONS.opens, SESSIONS.closes, SESSIONS.early)])
    )
    bars = [AssetBars(b.sid, np.delete(b.labels, 8), np.delete(b.values, 8, axis=1)) for b in made.bars]
    actions = opened(replace(made, sessions=short, bars=bars), tmp_path).actions
    cash = actions.dividends
    assert cash.pay.tolist() == [6, 8, 4, len(sessions)]
    assert cash.pay_is_session.tolist() == [True, False, True, False]
    assert (actions.stock_dividends.paid_column.tolist(), actions.stock_dividends.pay.tolist()) == ([1], [8])
    assert actions.mergers.session.tolist() == [8, 8]
    assert actions.mergers.acquirer_column.tolist() == [1, -1]
    assert actions.mergers.cash.tolist() == [3.0, 0.0]


def test_windows_refuse_what_is_not_there(tmp_path: Path) -> None:
    reader = opened(steady(), tmp_path).bars()
    with pytest.raises(SessionOutOfBounds, match=r"needs between 1 and 3 sessions"):
        reader.window("close", None, 2, 4)
    with pytest.raises(SessionOutOfBounds, match=r"needs between 1"):
        reader.window("close", None, 2, 0)
    with pytest.raises(SessionOutOfBounds, match=f"session {DAYS} has no bars"):
        reader.window("close", None, DAYS, 1)
    with pytest.raises(SessionOutOfBounds, match=r"earlier session 1"):
        reader.window("close", None, 2, 1, seen_from=1)
    with pytest.raises(FieldNotFound, match=r"no field 'closing'.*Did you mean close"):
        reader.window("closing", None, 2, 1)


def test_columns_in_any_order_and_twice(tmp_path: Path) -> None:
    reader = opened(steady(splits=[(5, LABELS[4], 2, 1), (11, LABELS[5], 5, 1)]), tmp_path).bars()
    whole = reader.window("close", None, 6, 5)
    columns = np.array([2, 0, 1, 2])
    assert np.array_equal(reader.window("close", columns, 6, 5), whole[:, columns])
    assert np.array_equal(reader.window("close", np.array([0]), 6, 5), whole[:, :1])


@given(seed=st.integers(0, 2**32 - 1), events=st.integers(1, 40), some=st.booleans(), crowded=st.booleans())
@settings(max_examples=300, deadline=None, derandomize=True)
def test_compiled_windows_are_those_of_arrays_bit_for_bit(seed: int, events: int, some: bool, crowded: bool) -> None:
    rng, (n, assets) = np.random.default_rng(seed), (int(seed % 7) + 1, int(seed % 11) + 1)
    whole = rng.lognormal(3, 2, (n, assets))
    whole[rng.random(whole.shape) < 0.1] = np.nan
    columns = rng.integers(0, assets, int(rng.integers(0, 6))) if some else None
    raw = whole if columns is None else whole[:, columns]
    column, rows = rng.integers(0, assets, events), rng.integers(1, 3 if crowded else n + 4, events)
    order = np.argsort(rows, kind="stable")
    ratio = rng.choice([0.5, 1 / 3, 7.0, 0.999, 0.0421, 1.0], events) * rng.uniform(0.9, 1.1, events)
    assert scaling  # what loads the compiler
    found = windows.adjusted(raw, columns, column[order], rows[order], ratio)
    expected = windows.adjusted_by_numpy(raw, columns, column[order], rows[order], ratio)
    assert found.tobytes() == np.array(expected, order="C").tobytes()


def test_a_window_without_an_action_is_the_stored_one() -> None:
    raw, none = np.ones((3, 2)), np.empty(0, dtype=np.int64)
    assert windows.adjusted(raw, None, none, none, np.empty(0)) is raw


def test_last_trades(tmp_path: Path) -> None:
    close = np.full((DAYS, ASSETS), np.nan)
    close[[0, 3, DAYS - 1], 0] = 10.0
    close[5, 1] = 10.0
    reader = opened(market(close, np.zeros((DAYS, ASSETS))), tmp_path).bars()
    assert reader.last_trade(2).tolist() == [0, -1, -1]
    assert reader.last_trade(4).tolist() == [3, -1, -1]
    assert reader.last_trade(DAYS - 1).tolist() == [DAYS - 1, 5, -1]
    assert reader.last_trade(DAYS + 5).tolist() == [DAYS - 1, 5, -1]
    assert reader.last_trades().shape == reader.shape == (DAYS, ASSETS)


def test_values_are_contiguous_and_read_only(tmp_path: Path) -> None:
    values = opened(steady(), tmp_path).bars().values("close")
    assert values.flags.c_contiguous
    assert not values.flags.writeable
    assert values.dtype == np.float64
