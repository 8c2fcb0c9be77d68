"""What `data` answers: shapes by argument, adjustments as seen from today, gaps, listings."""

import numpy as np
import pandas as pd
import pytest

import tradewind.api as api
from tradewind import run_algorithm
from tradewind.errors import BadParameter, HistoryWindowStartsBeforeData

NAN = np.nan


def at_the_end(market, ask, session=None):
    """Return ask(data) in the last session, or in the given one (counted from 0)."""
    answers = []
    bundle = market.bundle()
    last = len(bundle.bars().values("close")) - 1 if session is None else session

    def handle_data(context, data):
        context.n = getattr(context, "n", -1) + 1
        if context.n == last:
            answers.append(ask(data))

    run_algorithm(handle_data=handle_data, bundle=bundle)
    return answers[0]


@pytest.fixture
def two(market):
    """A splits 2:1 on the third session and pays 1.0 on the fourth; B misses the second and third sessions."""
    market.asset(1, [10, 20, 11, 10], high_low=1.0).split(1, 2, 2, 1).dividend(1, ex=3, amount=1.1)
    return market.asset(2, [5, NAN, NAN, 6], volume=300)


def assets():
    return api.sid(1), api.sid(2)


def test_current_shapes_follow_the_arguments(two):
    def ask(data):
        a, b = assets()
        return (
            data.current(a, "close"),
            data.current([a, b], "volume"),
            data.current(a, ["high", "low"]),
            data.current([a, b], ["price", "close"]),
        )

    one, series, fields, frame = at_the_end(two, ask)
    assert isinstance(one, float)
    assert one == 10.0
    assert series.name == "volume"
    assert [(asset.sid, v) for asset, v in series.items()] == [(1, 1e6), (2, 300.0)]
    assert fields.to_dict() == {"high": 11.0, "low": 9.0}
    assert frame.shape == (2, 2)
    assert list(frame.columns) == ["price", "close"]
    assert [asset.sid for asset in frame.index] == [1, 2]


def test_current_in_a_session_without_trade(two):
    ask = lambda data: [data.current(api.sid(2), f) for f in ("price", "close", "open", "volume", "last_traded")]  # noqa: E731
    price, close, opening, volume, last = at_the_end(two, ask, session=2)
    assert (price, volume) == (5.0, 0.0)
    assert np.isnan([close, opening]).all()
    assert last == pd.Timestamp("2021-03-01 21:00", tz="UTC")


def test_a_halted_price_is_seen_through_a_split_and_a_dividend(market):
    market.asset(1, [10, NAN, NAN, 9]).split(1, 1, 2, 1).dividend(1, ex=2, amount=0.5).asset(2, [1] * 4)
    price = at_the_end(market, lambda data: data.current(api.sid(1), "price"), session=2)
    # the dividend is 0.5 a new share, and the last traded close is worth 5 a new share
    assert price == pytest.approx(10 * 0.5 * (1 - 0.5 / 5))


def test_history_is_adjusted_as_seen_from_today(two):
    closes, volumes = at_the_end(
        two, lambda data: (data.history(api.sid(1), "close", 4, "1d"), data.history(api.sid(1), "volume", 4, "1d"))
    )
    dividend = 1 - 1.1 / 11
    assert closes.tolist() == pytest.approx([5 * dividend, 10 * dividend, 11 * dividend, 10])
    assert volumes.tolist() == [2e6, 2e6, 1e6, 1e6]
    assert closes.index.tz is not None
    assert closes.index[0] == pd.Timestamp("2021-03-01", tz="UTC")


def test_history_never_applies_an_action_that_is_still_to_come(two):
    closes = at_the_end(two, lambda data: data.history(api.sid(1), "close", 2, "1d"), session=1)
    assert closes.tolist() == [10.0, 20.0]


def test_the_last_row_of_history_equals_current_bit_for_bit(two):
    def ask(data):
        return data.history(assets(), "price", 3, "1d").iloc[-1], data.current(assets(), "price")

    last, current = at_the_end(two, ask)
    assert (last.to_numpy() == current.to_numpy()).all()


def test_history_shapes_follow_the_arguments(two):
    def ask(data):
        a, b = assets()
        return (
            data.history([a, b], "close", 2, "1d"),
            data.history(a, ["open", "volume"], 3, "1d"),
            data.history([a, b], ["close", "volume"], 2, "1d"),
        )

    wide, fields, long = at_the_end(two, ask)
    assert wide.shape == (2, 2)
    assert [c.sid for c in wide.columns] == [1, 2]
    assert fields.shape == (3, 2)
    assert list(fields.columns) == ["open", "volume"]
    assert long.index.names == ["date", "asset"]
    assert long.shape == (4, 2)
    assert long.loc[(wide.index[0], wide.columns[0]), "close"] == wide.iloc[0, 0]


def test_price_is_carried_forward_from_before_the_window_and_close_is_not(two):
    ask = lambda data: data.history(api.sid(2), ["price", "close"], 2, "1d")  # noqa: E731
    frame = at_the_end(two, ask, session=2)
    assert frame["price"].tolist() == [5.0, 5.0]
    assert frame["close"].isna().all()


def test_price_ends_with_the_asset_and_starts_with_it(market):
    market.asset(1, [10, 11], first=1).asset(2, [1] * 6)
    price = at_the_end(market, lambda data: data.history(api.sid(1), "price", 5, "1d"))
    np.testing.assert_array_equal(price, [10, 11, NAN, NAN, NAN])
    early = at_the_end(market, lambda data: data.current(api.sid(1), "price"), session=0)
    assert np.isnan(early)


def test_random_windows_against_pandas(market):
    rng = np.random.default_rng(7)
    frames = {}
    for sid in (1, 2, 3):
        closes = 50 * np.exp(np.cumsum(rng.normal(0, 0.02, 30)))
        closes[rng.random(30) < 0.3] = NAN
        closes[[0, -1]] = 50.0
        market.asset(sid, closes)
        frames[sid] = closes
    market.split(2, 10, 3, 1).split(3, 20, 1, 4).dividend(1, 15, 0.7)

    def expected(sid, end):
        close = pd.Series(frames[sid][: end + 1])
        for at, ratio in {2: [(10, 1 / 3)], 3: [(20, 4.0)], 1: [(15, None)]}[sid]:
            if at <= end:
                before = close[:at].ffill().iloc[-1]
                close[:at] *= (1 - 0.7 / before) if ratio is None else ratio
        return close

    bundle = market.bundle()

    def handle_data(context, data):
        end = context.n = getattr(context, "n", -1) + 1
        bars = int(rng.integers(1, end + 2))
        for field in ("close", "price"):
            got = data.history([api.sid(s) for s in frames], field, bars, "1d")
            for asset in got.columns:
                want = expected(asset.sid, end)
                want = want.ffill() if field == "price" else want
                np.testing.assert_allclose(got[asset], want.iloc[-bars:], rtol=1e-12)

    assert len(run_algorithm(handle_data=handle_data, bundle=bundle).perf) == 30


def test_what_can_trade_and_what_is_stale(market):
    market.asset(1, [NAN, 10, NAN, 10], auto_close=3).asset(2, [1] * 6).asset(3, [2, 2], first=3)
    seen = {}

    def handle_data(context, data):
        context.n = getattr(context, "n", -1) + 1
        every = [api.sid(1), api.sid(2), api.sid(3)]
        seen[context.n] = data.can_trade(every).tolist(), data.is_stale(every).tolist()
        assert data.can_trade(api.sid(2)) is True
        assert data.is_stale(api.sid(2)) is False

    run_algorithm(handle_data=handle_data, bundle=market.bundle())
    assert seen[0] == ([False, True, False], [False, False, False])
    assert seen[1] == ([True, True, False], [False, False, False])
    assert seen[2] == ([True, True, False], [True, False, False])
    assert seen[3] == ([True, True, True], [False, False, False])
    assert seen[4] == ([False, True, True], [False, False, False])


@pytest.mark.parametrize(
    ("ask", "error", "said"),
    [
        (lambda data: data.current(api.sid(1), "closing"), BadParameter, "Did you mean 'close'"),
        (lambda data: data.history(api.sid(1), "volumes", 1, "1d"), BadParameter, "Did you mean 'volume'"),
        (lambda data: data.history(api.sid(1), "close", 0, "1d"), BadParameter, "bar_count was 0"),
        (lambda data: data.history(api.sid(1), "close", 1, "1m"), BadParameter, "frequency was '1m'"),
        (lambda data: data.history(api.sid(1), "close", 9, "1d"), HistoryWindowStartsBeforeData, "at most 4"),
        (lambda data: data.current(api.sid(1), None), BadParameter, "fields was None"),
        (lambda data: data.current(list(api.symbols("AAA")), 5), BadParameter, "fields was 5"),
        (lambda data: data.history(api.sid(1), None, 1, "1d"), BadParameter, "fields was None"),
        (lambda data: data.current(1, "price"), BadParameter, "assets was 1; it must be an Asset or several"),
        (lambda data: data.can_trade(None), BadParameter, "assets was None"),
        (lambda data: data.history("AAA", "price", 1, "1d"), BadParameter, r"use symbol\('AAA'\)"),
    ],
)
def test_refusals(two, ask, error, said):
    with pytest.raises(error, match=said):
        at_the_end(two, ask)


def test_history_may_be_written_to_without_harm(two):
    def ask(data):
        frame = data.history(assets(), "close", 4, "1d")
        frame.iloc[:, :] = 0.0
        return data.history(assets(), "close", 4, "1d").iloc[-1].tolist()

    assert at_the_end(two, ask) == [10.0, 6.0]


def test_what_is_done_to_an_answer_is_not_in_the_next(market):
    market.asset(1, [10, 11, 12, 13]).asset(2, [5, 6, 7, 8])
    seen = []

    def look(context, data):
        wanted = [api.sid(1), api.sid(2)]
        for field in ("close", "open", "price"):
            answers = [data.history(which, field, 1, "1d") for which in (wanted, wanted[:1], wanted[0])]
            answers += [data.current(wanted, field), data.current(wanted, [field, "volume"])]
            answers += [data.can_trade(wanted), data.is_stale(wanted)]
            for answer in answers:
                seen.append((answer.index.name, getattr(answer, "columns", answer.index).name, dict(answer.attrs)))
                answer.index.name = getattr(answer, "columns", answer.index).name = "mine"
                answer.attrs["mine"] = True

    result = run_algorithm(handle_data=look, bundle=market.bundle())
    assert len(seen) == 7 * 3 * len(result.perf)
    assert seen == [(None, None, {})] * len(seen)


@pytest.mark.parametrize("semantics", ["tradewind", "zipline"])
def test_a_window_is_the_history_as_an_array(market, semantics):
    """Every field, number of bars and list of assets, asked in turn and again, in every session and before it."""
    market.asset(1, [10, 20, 11, 10, 12, 13], high_low=1.0).split(1, 2, 2, 1).dividend(1, ex=3, amount=1.1)
    market.asset(2, [5, NAN, NAN, 6, 6.5, NAN], volume=300).asset(3, [7, 8, 9], first=2).split(3, 4, 1, 3)
    compared = []

    def compare(context, data):
        a, b, c = (api.sid(n) for n in (1, 2, 3))
        context.seen = getattr(context, "seen", 0) + (context.before is False)
        for wanted in (a, [a, b, c], (c, a), [b], [a, b, c], c, [c, b, a], b):
            for field in ("price", "open", "high", "low", "close", "volume"):
                for bars in range(1, context.seen + 1):
                    window = data.window(wanted, field, bars, "1d")
                    history = data.history(wanted, field, bars, "1d")
                    np.testing.assert_array_equal(window, history.to_numpy())
                    assert not window.flags.writeable
                    history.iloc[0] = -1.0  # the frame is the caller's own: nothing of it is in the next answer
                    compared.append(window.shape == history.shape)

    def handle_data(context, data):
        context.before = False
        compare(context, data)

    def before_trading_start(context, data):
        context.before = True
        compare(context, data)

    run_algorithm(
        handle_data=handle_data, before_trading_start=before_trading_start, bundle=market.bundle(), semantics=semantics
    )
    assert len(compared) == 8 * 6 * (sum(range(1, 7)) + sum(range(6)))
    assert all(compared)


def test_a_window_is_refused_as_a_history_is(two):
    def ask(data):
        a, _ = assets()
        for wrong in (("last_traded", 1, "1d"), ("close", 0, "1d"), ("close", 2.5, "1d"), ("close", 1, "1m")):
            with pytest.raises(BadParameter):
                data.window(a, *wrong)
        with pytest.raises(HistoryWindowStartsBeforeData):
            data.window([a], "close", 9, "1d")
        with pytest.raises(BadParameter):
            data.window(a, ["close"], 1, "1d")

    at_the_end(two, ask)
