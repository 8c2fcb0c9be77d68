"""Continuous futures inside a run: the contract now, histories joined by hand, nothing known too early."""

import numpy as np
import pandas as pd
import pytest
from tests.framework.conftest import MarketMaker

from tradewind.api import continuous_future, future_symbol, order, record, set_slippage, slippage, symbol
from tradewind.errors import BadParameter, CannotOrderContinuousFuture, HistoryWindowStartsBeforeData
from tradewind.run import run_algorithm
from tradewind_data.errors import SymbolNotFound

NAN = float("nan")
FIRST = [50.0, 51.0, 52.0, 53.0, 54.0, 55.0, 56.0]
SECOND = [60.0, 61.0, 63.0, NAN, 64.0, 66.0, 67.0, 68.0, 69.0]
THIRD = [70.0, 71.0, 72.0, 73.0, 74.0, 75.0]


@pytest.fixture
def bundle(market):
    """Trading moves from CLH21 to CLJ21 in session 2, so the roll is in 3; CLJ21 closes in 7, CLK21 begins in 4."""
    market.contract(1, "CLH21", FIRST, volume=[9, 9, 2, 2, 2, 2, 2], auto_close=5)
    market.contract(2, "CLJ21", SECOND, volume=[1, 1, 5, 5, 5, 5, 5, 5, 5], auto_close=7)
    market.contract(3, "CLK21", THIRD, volume=1, first=4)
    return market.asset(9, [10.0 + i for i in range(10)]).bundle()


def seen(bundle, ask, sessions=10, before=False):
    """What ask(data) answers on each session."""
    found = []
    index = bundle.sessions.index
    first = bundle.sessions.at_or_after(pd.Timestamp("2021-03-01").as_unit("ns").value)
    hook = "before_trading_start" if before else "handle_data"
    run_algorithm(
        start=index[first],
        end=index[first + sessions - 1],
        bundle=bundle,
        **{hook: lambda context, data: found.append(ask(data))},
    )
    return found


def test_the_contract_of_each_session(bundle):
    by_volume = seen(bundle, lambda data: data.current(continuous_future("CL"), "contract").symbol)
    assert by_volume == ["CLH21"] * 3 + ["CLJ21"] * 4 + ["CLK21"] * 3
    by_date = seen(bundle, lambda data: data.current(continuous_future("cl", roll="calendar"), "contract").symbol)
    assert by_date == ["CLH21"] * 5 + ["CLJ21"] * 2 + ["CLK21"] * 3
    second = seen(bundle, lambda data: data.current(continuous_future("CL", offset=1), "contract"))
    assert [getattr(c, "symbol", None) for c in second] == ["CLJ21"] * 3 + [None] + ["CLK21"] * 3 + [None] * 3


def test_after_the_last_day_of_the_last_contract_there_is_none(market):
    bundle = market.contract(1, "CLH21", FIRST, volume=5, auto_close=5).asset(9, [10.0] * 9).bundle()
    asked = seen(bundle, lambda data: data.current(continuous_future("CL"), ["contract", "price", "volume"]), 9)
    assert [getattr(row["contract"], "symbol", None) for row in asked[5:]] == ["CLH21", "CLH21", None, None]
    assert [row["volume"] for row in asked[5:]] == [5, 5, 0, 0]
    assert np.isnan([row["price"] for row in asked[7:]]).all()


def test_the_chain(bundle):
    chains = seen(bundle, lambda data: [c.symbol for c in data.current_chain(continuous_future("CL"))])
    assert chains == [["CLH21", "CLJ21"]] * 3 + [["CLJ21"]] + [["CLJ21", "CLK21"]] * 3 + [["CLK21"]] * 3
    assert seen(bundle, lambda data: data.current_chain(continuous_future("CL", offset=2)))[:4] == [[]] * 4


def test_current_values_are_the_contracts_own(bundle):
    price = seen(bundle, lambda data: data.current(continuous_future("CL"), "price"))
    assert price == [50, 51, 52, 63, 64, 66, 67, 73, 74, 75]
    close = seen(bundle, lambda data: data.current(continuous_future("CL"), "close"))
    assert close[:3] == [50, 51, 52]
    assert np.isnan(close[3])
    assert seen(bundle, lambda data: data.current(continuous_future("CL", offset=1), "volume"))[3] == 0.0


def test_several_at_once(bundle):
    def ask(data):
        cf, gone = continuous_future("CL"), continuous_future("CL", offset=1)
        names = [cf, symbol("DDD"), gone]
        return names, data.current(names, "price"), data.current(names, ["contract", "volume", "last_traded"])

    names, price, frame = seen(bundle, ask)[3]
    assert list(price.index) == names
    assert price.tolist()[:2] == [63.0, 13.0]
    assert np.isnan(price.iloc[2])
    assert frame["contract"].tolist() == [bundle.finder.retrieve(2), bundle.finder.retrieve(9), None]
    assert frame["volume"].tolist() == [0.0, 1e6, 0.0]
    assert pd.isna(frame["last_traded"].iloc[2])
    row = seen(bundle, lambda data: data.current(continuous_future("CL"), ["contract", "close"]))[0]
    assert row.tolist() == [bundle.finder.retrieve(1), 50.0]


@pytest.mark.parametrize("adjustment", ["mul", "add", None])
def test_histories_are_joined_at_the_closes_before_each_roll(bundle, adjustment):
    def adjusted(value, a, b):
        return {"mul": value * b / a, "add": value + b - a, None: value}[adjustment]

    def ask(data):
        last = data.current_session.day == 12
        return data.history(continuous_future("CL", adjustment=adjustment), "price", 9, "1d") if last else None

    prices = seen(bundle, ask, 10)
    first = [adjusted(v, 52.0, 63.0) for v in FIRST[:3]]
    expected = [*first, 63.0, 64.0, 66.0, 67.0]
    expected = [adjusted(v, 67.0, 72.0) for v in expected] + [73.0, 74.0, 75.0]
    assert prices[9].tolist() == pytest.approx(expected[1:], rel=1e-13)
    assert prices[9].iloc[-1] == 75.0


def test_a_window_that_begins_before_the_data_is_refused(bundle):
    with pytest.raises(HistoryWindowStartsBeforeData):
        seen(bundle, lambda data: data.history(continuous_future("CL"), "price", 2, "1d"))


def test_shapes_and_fields_of_histories(market):
    market.contract(1, "CLH21", [50.0, 51.0, 52.0, NAN, 54.0], volume=[9, 9, 2, 2, 2], auto_close=4)
    market.contract(2, "CLJ21", [60.0, 61.0, 63.0, 64.0, 65.0], volume=[1, 1, 5, 5, 5])
    made = market.asset(9, [10.0 + i for i in range(5)]).bundle()
    cf = []

    def ask(data):
        cf[:] = [continuous_future("CL", adjustment="add")]
        if data.current_dt.day < 5:
            return None
        names = [cf[0], symbol("CCC")]
        return (
            data.history(names, "close", 4, "1d"),
            data.history(names, ["close", "volume"], 4, "1d"),
            data.history(cf[0], ["sid", "volume"], 4, "1d"),
        )

    frame, long, own = seen(made, ask, 5)[4]
    assert list(frame.columns) == [cf[0], made.finder.retrieve(9)]
    assert frame.to_numpy().tolist() == [[62.0, 11.0], [63.0, 12.0], [64.0, 13.0], [65.0, 14.0]]
    assert long.index.names == ["date", "asset"]
    assert long["close"].tolist() == [62.0, 11.0, 63.0, 12.0, 64.0, 13.0, 65.0, 14.0]
    assert long["volume"].tolist()[::2] == [9.0, 2.0, 5.0, 5.0]
    assert own["sid"].tolist() == [1, 1, 2, 2]
    assert str(frame.index[-1]) == "2021-03-05 00:00:00+00:00"


def test_before_the_open_a_history_is_joined_to_todays_contract(bundle):
    def ask(data):
        cf = continuous_future("CL", adjustment="add")
        return (
            data.current(cf, "contract").symbol,
            data.current(cf, "price"),
            data.history(cf, "price", 1, "1d").iloc[0],
        )

    found = seen(bundle, lambda data: ask(data) if data.current_session.day == 4 else None, 5, before=True)
    assert found[3] == ("CLJ21", 63.0, 63.0)


def test_orders_name_the_contract_to_order(bundle):
    with pytest.raises(CannotOrderContinuousFuture, match=r"now that is Future\(1 \[CLH21\]\)") as caught:
        seen(bundle, lambda data: order(continuous_future("CL"), 1))
    assert caught.value.contract.symbol == "CLH21"


def test_questions_of_yes_and_no(bundle):
    def ask(data):
        cf = continuous_future("CL")
        both = data.can_trade([cf, continuous_future("CL", offset=1)]).tolist()
        return data.can_trade(cf), both, data.is_stale(cf)

    assert seen(bundle, ask, 4) == [(True, [True, True], False)] * 3 + [(True, [True, False], True)]


def test_bad_parameters(bundle, market):
    for bad, says in (
        ({"offset": -1}, "offset was -1"),
        ({"roll": "volum"}, "Did you mean 'volume'"),
        ({"adjustment": "div"}, "'mul', 'add' or None"),
    ):
        with pytest.raises(BadParameter, match=says):
            seen(bundle, lambda data, bad=bad: continuous_future("CL", **bad))
    with pytest.raises(SymbolNotFound, match="Its root symbols: CL"):
        seen(bundle, lambda data: continuous_future("NG"))
    with pytest.raises(BadParameter, match="current_chain"):
        seen(bundle, lambda data: data.current_chain(symbol("DDD")))
    with pytest.raises(BadParameter, match="one of contract"):
        seen(bundle, lambda data: data.current(continuous_future("CL"), "pric"))
    for wrong in (None, 5):
        with pytest.raises(BadParameter, match=f"assets was {wrong}; it must be an Asset or several"):
            seen(bundle, lambda data, wrong=wrong: data.current(wrong, "price"))
        with pytest.raises(BadParameter, match=f"fields was {wrong}"):
            seen(bundle, lambda data, wrong=wrong: data.history(continuous_future("CL"), wrong, 1, "1d"))


def random_market(root, seed, cut):
    """Three overlapping contracts with holes; what follows session `cut` is drawn anew with every seed."""
    market = MarketMaker(root)
    past, later = np.random.default_rng(77), np.random.default_rng(seed)
    for sid, (symbol_, first, last) in enumerate([("CLH21", 0, 14), ("CLJ21", 0, 22), ("CLK21", 6, 30)], 1):
        n = last - first
        moves, holes, volume = past.normal(0, 0.02, n), past.random(n) < 0.15, past.integers(1, 9, n)
        rest = np.arange(first, last) > cut
        moves[rest], volume[rest] = later.normal(0, 0.05, n)[rest], later.integers(1, 9, n)[rest]
        holes[rest] = (later.random(n) < 0.2)[rest]
        close = np.where(holes, np.nan, np.round(50 * np.exp(moves.cumsum()), 2))
        market.contract(sid, symbol_, close, volume=volume.astype(float), first=first, auto_close=last - 1)
    return market.bundle(f"seed-{seed}")


@pytest.mark.parametrize("cut", [9, 13, 15, 21])
def test_nothing_is_known_too_early(tmp_path, cut):
    def ask(data):
        day = len(found)
        names = [continuous_future("CL", roll=r, adjustment=a) for r in ("volume", "calendar") for a in ("mul", "add")]
        found.append(day)
        return [
            data.current(names, "contract").tolist(),
            [[c.sid for c in data.current_chain(name)] for name in names],
            data.history(names, "price", day + 1, "1d").to_numpy() if day else None,
            data.current(names, "price").to_numpy(),
        ]

    answers = []
    for seed in (1, 2):
        found: list = []
        answers.append(seen(random_market(tmp_path / str(seed), seed, cut), ask, cut + 1))
    assert len(answers[0]) == cut + 1
    np.testing.assert_equal(answers[0], answers[1])
    history, price = answers[0][-1][2], answers[0][-1][3]
    np.testing.assert_array_equal(history[-1], price)


def test_a_strategy_that_follows_the_primary_contract(bundle):
    def free(context):
        set_slippage(us_futures=slippage.NoSlippage())

    def handle_data(context, data):
        contract = data.current(continuous_future("CL"), "contract")
        for held in context.portfolio.positions:
            if held != contract:
                order(held, -context.portfolio.positions[held].amount)
        if contract not in context.portfolio.positions and data.can_trade(contract):
            order(contract, 1)
        record(primary=contract.sid, asked=future_symbol("CLJ21").sid)

    index = bundle.sessions.index
    first = bundle.sessions.at_or_after(pd.Timestamp("2021-03-01").as_unit("ns").value)
    days = {"start": index[first], "end": index[first + 8]}
    result = run_algorithm(**days, initialize=free, handle_data=handle_data, bundle=bundle)
    assert result.recorded["primary"].tolist() == [1, 1, 1, 2, 2, 2, 2, 3, 3]
    assert result.fills[["sid", "amount"]].to_numpy().tolist() == [[1, 1], [1, -1], [2, 1], [2, -1], [3, 1]]


def test_a_window_joins_contracts_as_a_history_does(bundle):
    sessions = []

    def same(data):
        sessions.append(len(sessions))
        cf = continuous_future("CL"), continuous_future("CL", adjustment="add")
        for wanted in (cf[0], [*cf, symbol("DDD")], symbol("DDD")):
            for bars in (1, min(4, len(sessions))):
                history = data.history(wanted, "close", bars, "1d").to_numpy()
                np.testing.assert_array_equal(data.window(wanted, "close", bars, "1d"), history)
        return True

    assert seen(bundle, same) == [True] * 10
