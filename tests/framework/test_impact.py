"""VolatilityVolumeShare: its compiled form against its definition in Python, order by order."""

import numpy as np
import pandas as pd
import pytest

from tradewind.api import (
    commission,
    order,
    set_cancel_policy,
    set_commission,
    set_fills,
    set_slippage,
    slippage,
)
from tradewind.cancel_policy import NeverCancel
from tradewind.run import run_algorithm
from tradewind_data.bundle import open_bundle
from tradewind_data.ingest.folder import ingest_folder
from tradewind_data.sessions import build_sessions

SESSIONS = 60
CASES = {
    "default": ((), {}, "tradewind"),
    "one eta": ((0.05, 300.0), {}, "tradewind"),
    "rounded prices": ((0.2, {"CL": 900.0, "ES": 40.0}), {}, "zipline"),
    "at the open": ((0.004, {"NG": 50.0}), {"price": "open"}, "tradewind"),
    "at the open, rounded": ((0.05, 70.0), {"price": "open"}, "zipline"),
    "in the range": ((0.05, {"CL": 900.0}), {"triggers": "range"}, "tradewind"),
    "in the range, narrow": ((0.004, 500.0), {"triggers": "range"}, "zipline"),
}


class InPython(slippage.VolatilityVolumeShare):
    """A subclass that says a part of the model itself fills through the definition."""

    def get_txn_volume(self, data, order):
        return super().get_txn_volume(data, order)


class WithoutData(slippage.VolatilityVolumeShare):
    NO_DATA_VOLATILITY_SLIPPAGE_IMPACT = 0.02


class WithoutDataInPython(InPython):
    NO_DATA_VOLATILITY_SLIPPAGE_IMPACT = 0.02


def contracts(market):
    """Four contracts and a share: listed later, days without a trade, hardly any volume, prices that cross zero."""
    rng = np.random.default_rng(11)

    def closes(sessions, at=50.0, scale=0.02):
        close = np.round(at * np.exp(rng.normal(0, scale, sessions).cumsum()), 2)
        close[1:-1][rng.random(sessions - 2) < 0.08] = np.nan
        return close

    market.contract(1, "CLQ21", closes(SESSIONS), volume=rng.integers(100, 4_000, SESSIONS), high_low=0.3)
    market.contract(2, "ESQ21", closes(SESSIONS - 9), 50.0, volume=rng.integers(0, 90, SESSIONS - 9), first=9)
    falling = np.round(np.linspace(3, -3, SESSIONS) + rng.normal(0, 0.3, SESSIONS), 2)
    market.contract(3, "NGQ21", falling, volume=rng.integers(100, 900, SESSIONS), high_low=0.1)
    market.contract(4, "XXQ21", closes(30), volume=700.0, first=25, high_low=0.2)
    return market.asset(9, closes(SESSIONS, 20.0), volume=9_000.0).bundle()


def on_contracts(bundle, model, seed=3, fills=None, **more):
    """A run that orders at the market, with limits and with stops, two orders an asset and bar now and then."""
    draw = np.random.default_rng(seed)

    def initialize(context):
        set_commission(commission.PerShare(0.01), commission.PerContract(0.85, 1.5))
        set_slippage(us_futures=model)
        set_cancel_policy(NeverCancel())
        if fills:
            set_fills(**fills)

    def handle_data(context, data):
        for asset in (asset for asset in bundle.finder for _ in range(2)):
            kind, size, off = draw.integers(0, 5), int(draw.integers(-300, 301)), draw.uniform(0.97, 1.03)
            price = float(data.current(asset, "price"))
            if kind > 2 or not data.can_trade(asset):
                continue
            priced = {0: {}, 1: {"limit_price": abs(price * off)}, 2: {"stop_price": abs(price * off)}}[int(kind)]
            order(asset, size, **priced)

    return run_algorithm(initialize=initialize, handle_data=handle_data, bundle=bundle, **more)


def told(orders):
    """The orders; bars without room and bars beyond the limit together, for the definition's answer is the same."""
    waited = orders["bars_full"] + orders["bars_beyond_limit"]
    return orders.drop(columns=["bars_full", "bars_beyond_limit"]).assign(waited=waited)


def assert_same(compiled, python, least):
    assert len(compiled.fills) > least
    for ours, theirs in (
        (compiled.fills, python.fills),
        (told(compiled.orders), told(python.orders)),
        (compiled.perf, python.perf),
    ):
        pd.testing.assert_frame_equal(ours, theirs, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(("terms", "fills", "semantics"), CASES.values(), ids=CASES)
def test_compiled_fills_are_those_of_the_definition(market, terms, fills, semantics, monkeypatch):
    bundle, run = contracts(market), {"fills": fills, "semantics": semantics}
    with monkeypatch.context() as patch:
        patch.setattr(slippage.VolatilityVolumeShare, "process_order", None)  # nothing may ask the definition
        compiled = on_contracts(bundle, slippage.VolatilityVolumeShare(*terms), **run)
    assert_same(compiled, on_contracts(bundle, InPython(*terms), **run), 20)


def test_what_is_not_known_moves_the_price_by_the_constant_of_the_class(market):
    bundle = contracts(market)
    found = on_contracts(bundle, WithoutData())
    assert_same(found, on_contracts(bundle, WithoutDataInPython()), 20)
    assert not found.fills["price"].equals(on_contracts(bundle, slippage.VolatilityVolumeShare()).fills["price"])


def test_beside_a_commission_of_ones_own_the_fills_are_the_same(market):
    class Own(commission.PerContract):
        def calculate(self, order, transaction):
            return super().calculate(order, transaction)

    def initialize(context):
        set_slippage(us_futures=slippage.VolatilityVolumeShare(0.05, 500.0))
        set_commission(us_futures=Own() if context.own else commission.PerContract())

    bundle, runs = contracts(market), []
    for own in (False, True):

        def handle_data(context, data):
            for asset in bundle.finder.assets[:3]:
                order(asset, 70)

        def begin(context, own=own):
            context.own = own
            initialize(context)

        runs.append(run_algorithm(initialize=begin, handle_data=handle_data, bundle=bundle))
    assert_same(*runs, 50)


def test_a_model_whose_parts_are_overridden_and_an_eta_that_is_no_number_are_left_to_python():
    kinds = [model.compiled_kind() for model in (slippage.VolatilityVolumeShare(), WithoutData(), InPython())]
    assert kinds[0] == kinds[1] != kinds[2]


@pytest.fixture(scope="module")
def minutes(tmp_path_factory):
    """Two contracts over the minutes of twenty-four sessions, some of them without a trade."""
    folder, root = tmp_path_factory.mktemp("minutes"), tmp_path_factory.mktemp("root")
    table, rng = (
        build_sessions("XNYS", pd.Timestamp("2021-03-01"), pd.Timestamp("2021-06-30")),
        np.random.default_rng(2),
    )
    stamps = table.minutes.stamps(0, int(table.minutes.starts[24]))
    owner = table.minutes.sessions(np.arange(len(stamps)))
    for kind in ("minute", "daily"):
        (folder / kind).mkdir()
    for name in ("CLQ21", "CLU21"):
        close = np.round(50 * np.exp(rng.normal(0, 0.001, len(stamps)).cumsum()), 2)
        bars = pd.DataFrame({"open": close, "high": close + 0.05, "low": close - 0.04, "close": close})
        bars["volume"] = rng.integers(0, 900, len(stamps)).astype(float)
        days = bars.groupby(owner).agg({"open": "first", "high": "max", "low": "min", "close": "last", "volume": "sum"})
        dated = bars.assign(date=pd.DatetimeIndex(stamps.astype("datetime64[ns]")))
        dated[rng.random(len(stamps)) > 0.02].to_parquet(folder / "minute" / f"{name}.parquet")
        days.assign(date=table.index[days.index]).to_parquet(folder / "daily" / f"{name}.parquet")
    (folder / "futures.csv").write_text(
        "symbol,sid,root_symbol,auto_close_date,multiplier\nCLQ21,1,CL,2021-07-01,100\nCLU21,2,CL,2021-07-20,100\n"
    )
    ingest_folder(folder, "contracts", root=root)
    return open_bundle("contracts", root)


@pytest.mark.parametrize("semantics", ["tradewind", "zipline"])
def test_minutes_know_the_days_before(minutes, semantics):
    index, first = minutes.sessions.index, minutes.bars("1m").first_session
    span = {"start": index[first + 19], "end": index[first + 20], "data_frequency": "minute", "semantics": semantics}
    runs = [on_contracts(minutes, model(0.1, 700.0), **span) for model in (slippage.VolatilityVolumeShare, InPython)]
    assert_same(*runs, 100)
