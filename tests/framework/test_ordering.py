"""The order verbs: sizes, styles, refusals, cancelling, looking up."""

from decimal import Decimal
from fractions import Fraction
from itertools import islice

import numpy as np
import pandas as pd
import pytest

import tradewind.api as api
from tradewind import run_algorithm
from tradewind.errors import (
    BadOrderParameters,
    BadParameter,
    CannotOrderDelistedAsset,
    NoRunningAlgorithm,
    OnlyDuringInitialize,
    OrderDuringInitialize,
    OrderInBeforeTradingStart,
    ReservedRecordName,
    RunIsOver,
    UnsupportedOrderParameters,
)
from tradewind.orders import (
    ExecutionStyle,
    LimitOrder,
    OrderNames,
    StopLimitOrder,
    StopOrder,
    order_id,
    ordinal_of,
    rounded_to_tick,
)
from tradewind.sizing import toward, whole_shares
from tradewind_data.errors import SidNotFound, SymbolNotFound


def run(market, handle_data, initialize=None, **more):
    return run_algorithm(
        initialize=initialize, handle_data=handle_data, capital_base=10_000.0, bundle=market.bundle(), **more
    )


def in_a_bar(market, call, initialize=None):
    """Run `call(context, data)` once, in the second bar of a market with one asset at 10 and 20."""
    seen = []

    def handle_data(context, data):
        context.n = getattr(context, "n", 0) + 1
        if context.n == 2:
            seen.append(call(context, data))

    market.asset(1, [10, 20, 20, 20])
    result = run(market, handle_data, initialize)
    return seen[0], result


@pytest.mark.parametrize(
    ("shares", "whole"),
    [(1.5, 1), (-1.5, -1), (2.99995, 3), (2.9998, 2), (-2.99995, -3), (0.00005, 0), (1e-5 + 7, 7), (-0.99, 0)],
)
def test_whole_shares_snap_and_cut_toward_zero(shares, whole):
    assert whole_shares(shares) == whole
    which, missing, exact = toward(np.array([0.5, shares, 0.5]), 1.0, np.array([np.nan, 1.0, 0.0]), np.array([3, 1, 4]))
    known = dict(zip(which.tolist(), missing.tolist(), strict=True))
    assert known == ({1: whole - 1, 2: -4} if whole != 1 else {2: -4})
    assert dict(zip(which.tolist(), exact.tolist(), strict=True)) == {at: [0, shares - 1, -4][at] for at in known}


@pytest.mark.parametrize(
    ("verb", "value", "shares"),
    [
        ("order", 7.9, 7),
        ("order_value", 1_000.0, 50),
        ("order_percent", 0.1, 50),
        ("order_target", 30, 30),
        ("order_target_value", -450.0, -22),
        ("order_target_percent", 0.25, 125),
    ],
)
def test_each_verb_orders_its_shares_and_names_itself(market, verb, value, shares):
    identifier, result = in_a_bar(market, lambda c, d: getattr(api, verb)(api.sid(1), value))
    order = result.orders.iloc[0]
    assert (order["amount"], order["via"]) == (shares, verb)
    assert identifier == "0" * 32


def test_targets_count_the_position_but_not_open_orders(market, free, on_sessions):
    market.asset(1, [10] * 5)

    def twice(context, data):
        api.order_target(api.sid(1), 50)
        api.order_target(api.sid(1), 50)

    again = {0: twice, 2: lambda c, d: api.order_target(api.sid(1), 50)}
    result = run(market, on_sessions(again), free)
    assert result.orders["amount"].tolist() == [50, 50, -50]


def test_nothing_to_order_gives_none_and_no_order(market):
    answer, result = in_a_bar(market, lambda c, d: api.order_target_percent(api.sid(1), 0))
    assert answer is None
    assert len(result.orders) == 0


@pytest.mark.parametrize(
    ("style", "is_buy", "limit", "stop"),
    [
        (LimitOrder(10.009), True, 10.0, None),
        (LimitOrder(10.0096), True, 10.01, None),
        (LimitOrder(10.001), False, 10.01, None),
        (LimitOrder(10.0004), False, 10.0, None),
        (StopOrder(10.001), True, None, 10.01),
        (StopOrder(10.009), False, None, 10.0),
        (StopLimitOrder(10.009, 9.991), True, 10.0, 10.0),
    ],
)
def test_limits_and_stops_round_to_the_tick_in_the_orders_favour(style, is_buy, limit, stop):
    got = style.prices_for(is_buy, 0.01)
    wanted = [np.nan if price is None else price for price in (limit, stop)]
    np.testing.assert_array_equal(got, wanted)


class Undecided(ExecutionStyle):
    def get_limit_price(self, is_buy):
        return -1


class AroundTwenty(ExecutionStyle):
    """A style of one's own, as the original engine knows them."""

    def __init__(self, distance):
        self.distance = distance

    def get_limit_price(self, is_buy):
        return 20 - self.distance if is_buy else 20 + self.distance

    def get_stop_price(self, is_buy):
        return None


def test_a_style_of_ones_own_answers_its_prices(market):
    _, result = in_a_bar(market, lambda c, d: [api.order(api.sid(1), n, style=AroundTwenty(1.5)) for n in (5, -5)])
    assert result.orders["limit"].tolist() == [18.5, 21.5]
    assert result.orders["stop"].isna().all()


def test_styles_tell_their_prices():
    style = StopLimitOrder(10.004, 9.996, exchange="ARCA")
    assert (style.get_limit_price(True), style.get_limit_price(False)) == (10.0, 10.01)
    assert (style.get_stop_price(True), style.get_stop_price(False)) == (10.0, 9.99)
    assert (style.exchange, api.MarketOrder("ARCA").exchange) == ("ARCA", "ARCA")
    assert api.MarketOrder().get_limit_price(True) is None is LimitOrder(5).get_stop_price(True)
    assert repr(style) == "StopLimitOrder(limit_price=10.004, stop_price=9.996)"


def test_orders_and_transactions_are_read_by_name_too(market):
    class Reading(api.commission.CommissionModel):
        def calculate(self, order, transaction):
            assert dict(transaction)["price"] == transaction["price"] == transaction.price
            return abs(transaction["amount"]) * 1.0

    def call(context, data):
        order = api.get_order(api.order(api.sid(1), 5))
        assert "filled" in order
        assert "fulfilled" not in order
        return dict(order)

    found, result = in_a_bar(market, call, lambda context: api.set_commission(Reading()))
    assert (found["amount"], found["sid"], found["status"]) == (5, 1, 0)
    assert result.fills["commission"].tolist() == [5.0]


def test_rounding_leaves_exact_ticks_alone():
    for cents in range(1, 3_000, 7):
        price = cents / 100
        assert rounded_to_tick(price, 0.01, True) == rounded_to_tick(price, 0.01, False) == price


@pytest.mark.parametrize(
    ("closes", "order", "fills"),
    [
        ([10, 12, 11, 10.5, 9], {"amount": 5, "limit_price": 11}, [11.0]),
        ([10, 12, 13, 13, 13], {"amount": 5, "limit_price": 11}, []),
        ([10, 12, 11, 10.5, 9], {"amount": -5, "limit_price": 11.5}, [12.0]),
        ([10, 10.5, 11.5, 12, 9], {"amount": 5, "stop_price": 11}, [11.5]),
        ([10, 12, 10.5, 9, 9], {"amount": -5, "stop_price": 11}, [10.5]),
        ([10, 12, 11.5, 10, 9], {"amount": 5, "stop_price": 11.8, "limit_price": 11.6}, [11.5]),
        ([10, 11, 10, 9, 9], {"amount": 5, "stop_price": 11.8, "limit_price": 11.6}, []),
    ],
)
def test_limits_and_stops_look_at_closes_and_stay_reached(market, free, on_sessions, closes, order, fills):
    market.asset(1, closes)
    result = run(market, on_sessions({0: lambda c, d: api.order(api.sid(1), **order)}), free)
    assert result.fills["price"].tolist() == fills


def test_a_session_without_trade_fills_and_triggers_nothing(market, free, on_sessions):
    market.asset(1, [10, np.nan, 12])
    result = run(market, on_sessions({0: lambda c, d: api.order(api.sid(1), 5)}), free)
    assert result.fills["price"].tolist() == [12.0]


def test_cancelling_and_looking_up_orders(market, on_sessions):
    market.asset(1, [10, 11, 12]).asset(2, [10, 11, 12])
    seen = {}

    def place(context, data):
        context.ids = [api.order(api.sid(s), 10, limit_price=1.0) for s in (1, 2, 1)]

    def cancel(context, data):
        seen["open"] = {a.sid: [o.id for o in orders] for a, orders in api.get_open_orders().items()}
        api.cancel_order(context.ids[0])
        api.cancel_order(api.get_order(2))
        api.cancel_order("no such order")
        seen["left"] = api.get_open_orders(api.sid(1))
        order = api.get_order(context.ids[0])
        seen["order"] = (order.amount, order.open_amount, order.limit, order.stop, order["status"], order.reason)

    result = run(market, on_sessions({0: place, 1: cancel}))
    assert seen["open"] == {1: [order_id(0), order_id(2)], 2: [order_id(1)]}
    assert seen["left"] == []
    assert seen["order"] == (10, 10, 1.0, None, 2, "cancelled by the algorithm")
    assert result.orders["status"].tolist() == ["cancelled", "open", "cancelled"]
    assert result.perf["orders_count"].tolist() == [3, 2, 0]


def test_order_names_are_never_falsy_and_found_by_either_form():
    assert order_id(0)
    expected = [order_id(ordinal) for ordinal in range(13_090)]
    assert list(islice(OrderNames(), 13_090)) == expected
    names = OrderNames()
    assert [*names.take(4_000), next(names), *names.take(95), next(names), *names.take(8_993)] == expected
    assert ordinal_of(order_id(4_000)) == ordinal_of(4_000) == 4_000
    assert [ordinal_of(name) for name in ("nonsense", "ABC", "10", " " * 31 + "1", "-" + "0" * 31)] == [-1] * 5


@pytest.mark.parametrize(
    ("call", "error", "said"),
    [
        (lambda: api.order(1, 5), UnsupportedOrderParameters, "asset was 1"),
        (lambda: api.order(api.sid(1), np.nan), BadOrderParameters, "amount was nan"),
        (lambda: api.order(api.sid(1), -2e11), BadOrderParameters, "100,000,000,000"),
        (lambda: api.order(api.sid(1), 5, limit_price=-1), BadOrderParameters, "limit_price was -1"),
        (lambda: api.order(api.sid(1), 5, stop_price=np.inf), BadOrderParameters, "stop_price was inf"),
        (lambda: api.order(api.sid(1), 5, limit_price=1, style=LimitOrder(1)), UnsupportedOrderParameters, "not both"),
        (lambda: api.order(api.sid(1), 5, style="limit"), UnsupportedOrderParameters, "style was 'limit'"),
        (lambda: api.order(api.sid(1), 5, limit_price="10"), BadOrderParameters, "limit_price was '10'"),
        (lambda: api.order(api.sid(1), 5, style=Undecided()), BadOrderParameters, "get_limit_price was -1"),
        (lambda: api.batch_market_order([5]), BadParameter, r"share_counts was \[5\]; it must be a Series, or dict"),
        (lambda: api.get_datetime("Mars"), BadParameter, "tz was 'Mars'; it must be a time zone"),
        (lambda: api.get_datetime(5), BadParameter, "tz was 5"),
        (lambda: api.get_environment(["start"]), BadParameter, r"field was \['start'\]"),
        (lambda: api.sid("1"), BadParameter, "sid was '1'; it must be a whole number; use symbol"),
        (lambda: api.sid(1.5), BadParameter, "sid was 1.5"),
        (lambda: api.set_slippage(None), OnlyDuringInitialize, "set_slippage"),
        (lambda: api.symbol("AAB"), SymbolNotFound, "AAA"),
        (lambda: api.symbol(5), BadParameter, "use sid"),
        (lambda: api.sid(99), SidNotFound, "99"),
        (lambda: api.record("a"), BadParameter, "pairs"),
        (lambda: api.schedule_function(print, calendar="XNYS"), BadParameter, "calendar was 'XNYS'"),
        (lambda: api.schedule_function(None), BadParameter, "func was None; .* its name, without parentheses"),
        (lambda: api.schedule_function(print, print), BadParameter, "date_rule was .* such as date_rules.every_day"),
        (lambda: api.schedule_function(print, None, 5), BadParameter, "time_rule was 5; .* time_rules.market_open"),
    ],
)
def test_refusals_name_what_was_wrong(market, call, error, said):
    with pytest.raises(error, match=said):
        in_a_bar(market, lambda c, d: call())


def test_looking_up_works_in_analyze_and_changing_the_run_does_not(market):
    market.asset(1, [10] * 3)
    seen = []

    def analyze(context, perf):
        asset = api.symbol("AAA")
        assert [asset, api.get_order(0).amount, api.get_environment("arena")] == [api.sid(1), 5, "backtest"]
        assert api.get_datetime() == context.get_datetime() == api.get_environment("end")
        for call in (
            lambda: api.order(asset, 5),
            lambda: api.order_target_percent(asset, 0.5),
            lambda: api.batch_market_order({asset: 5}),
            lambda: api.cancel_order(0),
            lambda: api.record(late=1),
            lambda: api.schedule_function(print),
        ):
            with pytest.raises(RunIsOver, match=r"\(\) cannot be called in analyze: the run is over"):
                call()
            seen.append(call)
        raise ValueError("on purpose")

    with pytest.raises(ValueError, match="on purpose") as caught:
        run(market, lambda c, d: api.order(api.sid(1), 5), analyze=analyze)
    assert len(seen) == 6
    assert caught.value.__notes__ == ["simulated time: 2021-03-03 (analyze)"]


def test_orders_at_the_wrong_moment_are_refused(market):
    market.asset(1, [10])
    with pytest.raises(OrderDuringInitialize, match="order_target\\(\\) cannot be called in initialize"):
        run(market, None, lambda context: api.order_target(api.sid(1), 1))
    with pytest.raises(OrderInBeforeTradingStart, match="the market is not open yet"):
        run(market, None, before_trading_start=lambda c, d: api.order(api.sid(1), 1))
    with pytest.raises(NoRunningAlgorithm, match="calculate_optimal_portfolio"):
        api.order_optimal_portfolio(None, [])


def test_values_of_an_asset_without_a_price_are_refused(market, on_sessions):
    market.asset(1, [10] * 4).asset(2, [np.nan, 10, 10, 10]).asset(3, [10, 10], first=2)
    for sid, said in ((2, "has not traded yet"), (3, "is not listed yet")):
        asks = on_sessions({0: lambda c, d, sid=sid: api.order_value(api.sid(sid), 100)})
        with pytest.raises(CannotOrderDelistedAsset, match=said):
            run(market, asks)


def test_orders_before_the_listing_and_after_the_life_log_and_do_nothing(market, on_sessions, caplog):
    market.asset(1, [10] * 5).asset(2, [10, 10], first=3).asset(3, [10, 10], auto_close=3)
    asks = {0: lambda c, d: api.order(api.sid(2), 5), 4: lambda c, d: api.order_target_percent(api.sid(3), 0.5)}
    result = run(market, on_sessions(asks))
    assert len(result.orders) == 0
    assert [record.message.split(": ")[1] for record in caplog.records] == [
        "it is listed from 2021-03-04 on",
        "the asset was delisted; a position is closed on 2021-03-04",
    ]


def test_recorded_names_stay_until_the_next_value_and_reserved_ones_are_refused(market, on_sessions):
    market.asset(1, [10] * 3)
    result = run(market, on_sessions({1: lambda c, d: api.record("a", 1, b=2.5)}))
    assert result.recorded["a"].tolist()[1:] == [1, 1]
    assert np.isnan(result.recorded["a"].iloc[0])
    with pytest.raises(ReservedRecordName, match="'pnl' is a performance column"):
        run(market, lambda c, d: api.record(pnl=1))


def test_what_holds_one_number_is_recorded_as_that_number(market):
    market.asset(1, [10] * 2)
    made = {
        "array": np.array([1.5]),
        "series": pd.Series([2.5]),
        "frame": pd.DataFrame([3.5]),
        "scalar": np.float32(4.5),
    }
    result = run(market, lambda c, d: api.record(**made))
    assert result.recorded.iloc[-1].tolist() == [1.5, 2.5, 3.5, 4.5]


@pytest.mark.parametrize(
    ("args", "line"),
    [
        (("%d of %s", 5, "x"), "5 of x"),
        (("{} of {}", 5, "x"), "5 of x"),
        (("%(a)s", {"a": 5}), "5"),
        (("100 %", 5), "100 % 5"),
        (("no place", 5, None), "no place 5 None"),
        (("{a}", 5), "{a} 5"),
        (("{weights} %s", 5), "{weights} 5"),
        (("%d", "x"), "%d x"),
        ((5,), "5"),
        (("{}",), "{}"),
    ],
)
def test_a_log_line_never_ends_a_run(market, caplog, args, line):
    in_a_bar(market, lambda c, d: api.log.warn(*args))
    assert caplog.messages == [f"2021-03-02 21:00 {line}"]


def test_a_batch_places_market_orders_in_order(market, free, on_sessions):
    market.asset(1, [10] * 3).asset(2, [10] * 3).asset(3, [10] * 3)
    seen = []

    def batch(context, data):
        shares = pd.Series([5, 0.3, -7.99999], index=[api.sid(s) for s in (3, 1, 2)])
        seen.extend(api.batch_market_order(shares))

    result = run(market, on_sessions({0: batch}), free)
    assert result.orders[["sid", "amount", "via"]].values.tolist() == [
        [3, 5, "batch_market_order"],
        [2, -8, "batch_market_order"],
    ]
    assert seen == [order_id(0), order_id(1)]
    with pytest.raises(OrderInBeforeTradingStart, match="batch_market_order"):
        run(market, None, before_trading_start=lambda c, d: api.batch_market_order({}))


def test_the_older_keyword_of_an_asset(market):
    def call(context, data):
        for verb in ("order", "order_value", "order_percent", "order_target", "order_target_value"):
            getattr(api, verb)(sid=api.sid(1), **{ARGUMENT.get(verb, "target"): 0.5 if "percent" in verb else 100})
        api.order_target_percent(asset=api.sid(1), target=0.5)
        return len(api.get_open_orders(sid=api.sid(1)))

    open_orders, result = in_a_bar(market, call)
    assert open_orders == 6
    assert result.orders["amount"].tolist() == [100, 5, 250, 100, 5, 250]


ARGUMENT = {"order": "amount", "order_value": "value", "order_percent": "percent"}


def test_a_missing_asset_or_amount_is_named(market):
    with pytest.raises(UnsupportedOrderParameters, match="asset was None"):
        in_a_bar(market, lambda c, d: api.order(amount=5))
    with pytest.raises(BadOrderParameters, match="amount was nan"):
        in_a_bar(market, lambda c, d: api.order(api.sid(1)))


def test_the_second_order_of_a_bar_is_held_to_the_same_rules_as_the_first(market):
    def call(context, data):
        listed, coming, gone = (api.sid(n) for n in (1, 2, 3))
        names = [api.order(listed, 5), api.order(listed, 0.5), api.order(coming, 5), api.order(gone, 5)]
        names += [api.order(listed, np.int64(-3)), api.order(sid=listed, amount=2.99995), api.order(listed, 7, 1.0)]
        for amount, error in ((np.nan, BadOrderParameters), (2e11, BadOrderParameters), ("5", BadOrderParameters)):
            with pytest.raises(error):
                api.order(listed, amount)
        with pytest.raises(UnsupportedOrderParameters):
            api.order("S1", 5)
        return names

    market.asset(2, [5, 5], first=2).asset(3, [5], auto_close=3)
    names, result = in_a_bar(market, call)
    assert names == [order_id(0), None, None, None, order_id(1), order_id(2), order_id(3)]
    assert result.orders["amount"].tolist() == [5, -3, 3, 7]
    assert result.orders["asked"].tolist() == [5, -3, 2.99995, 7]


VERBS = ("order", "order_value", "order_percent", "order_target", "order_target_value", "order_target_percent")
NO_NUMBERS = ["5", None, pd.NA, pd.NaT, 5j, [5], np.array([1.0, 2.0]), pd.Series([1, 2]), pd.Timedelta(5), 10**400]


@pytest.mark.parametrize("verb", VERBS)
def test_what_is_no_number_is_refused_by_every_verb_with_its_argument(market, verb):
    name = ARGUMENT.get(verb, "target")

    def call(context, data):
        call = getattr(api, verb)
        call(api.sid(1), 1.0)  # the second order of a bar goes the short way
        for wrong in [*NO_NUMBERS, api.sid(1)]:
            with pytest.raises(BadOrderParameters, match=f"^{verb}: {name} was .*; it must be one finite number"):
                call(api.sid(1), wrong)
        for wrong in (np.nan, -np.inf, Decimal("NaN"), np.float32("inf")):
            with pytest.raises(BadOrderParameters, match=f"^{verb}: {name} was .*; it must be finite"):
                call(api.sid(1), wrong)

    in_a_bar(market, call)


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("first", [False, True])
def test_numbers_of_any_make_order_the_same(market, verb, first):
    made = [Decimal(2), Fraction(2), np.float32(2), np.int8(2), np.array(2), np.array([2.0]), pd.Series([2])]

    def call(context, data):
        unit = 20 if verb.endswith("value") else 1
        if first:
            getattr(api, verb)(api.sid(1), 2.0 * unit)
        for number in made:
            getattr(api, verb)(api.sid(1), number * unit)

    _, result = in_a_bar(market, call)
    assert len(result.orders) == len(made) + first
    assert result.orders["amount"].nunique() == 1


def test_an_asset_past_its_life_is_passed_over_whatever_was_asked(market):
    market.asset(3, [5], auto_close=3)
    names, result = in_a_bar(market, lambda c, d: [getattr(api, verb)(api.sid(3), np.nan) for verb in VERBS])
    assert names == [None] * len(VERBS)
    assert len(result.orders) == 0


def test_only_an_id_an_ordinal_or_an_order_names_an_order(market):
    def call(context, data):
        asset, other = api.sid(1), order_id(1)
        for _ in range(2):
            api.order(asset, 5)
        for nothing in (asset, True, "1", "00000001", "A", other[1:], f"0x{other[2:]}", other.encode(), None, 1.0):
            api.cancel_order(nothing)
            assert api.get_order(nothing) is None
        return len(api.get_open_orders(asset)), [api.get_order(name).id for name in (1, np.int64(1), other)]

    assert in_a_bar(market, call)[0] == (2, [order_id(1)] * 3)


def test_open_orders_are_asked_for_by_asset(market):
    for wrong in ("S1", 1.5, ["S1"]):
        with pytest.raises(BadParameter, match="get_open_orders: asset was"):
            in_a_bar(market, lambda c, d, wrong=wrong: api.get_open_orders(wrong))
    assert in_a_bar(market, lambda c, d: (api.order(api.sid(1), 5), len(api.get_open_orders(1))))[0][1] == 1


def test_the_environment_of_a_run(market):
    def facts(context, data):
        assert api.get_environment() == api.get_environment("platform") == "tradewind"
        with pytest.raises(BadParameter, match="Did you mean 'arena'"):
            api.get_environment("arenas")
        return context.get_environment("*")

    assert in_a_bar(market, facts)[0] == {
        "arena": "backtest",
        "data_frequency": "daily",
        "start": pd.Timestamp("2021-03-01 14:31", tz="UTC"),
        "end": pd.Timestamp("2021-03-04 21:00", tz="UTC"),
        "capital_base": 10_000.0,
        "platform": "tradewind",
    }


def test_a_country_is_accepted(market):
    names = in_a_bar(market, lambda c, d: [api.symbol("AAA", "US"), *api.symbols("AAA", country_code="US")])[0]
    assert [asset.sid for asset in names] == [1, 1]


def test_symbols_are_looked_up_as_of_the_lookup_date(market):
    market.asset(1, [10] * 2).asset(2, [10] * 2, first=2)
    market.assets[1] = (2, "AAA", *market.assets[1][2:])  # the symbol changes hands
    seen = []

    def initialize(context):
        for date in (None, "2021-03-02", pd.Timestamp("2021-03-04", tz="UTC")):
            if date is not None:
                api.set_symbol_lookup_date(date)
            seen.append(api.symbol("AAA").sid)

    run(market, None, initialize)
    assert seen == [2, 1, 2]
    with pytest.raises(BadParameter, match="set_symbol_lookup_date: dt was 'soon'"):
        run(market, None, lambda context: api.set_symbol_lookup_date("soon"))


def test_context_keeps_attributes_and_offers_the_verbs(market, on_sessions):
    market.asset(1, [10] * 3)

    def trade(context, data):
        context.mine = context.symbol("AAA")
        context.order_target_percent(context.mine, 0.5)
        assert not hasattr(context, "unknown")

    us = api.calendars.US_EQUITIES
    schedule = lambda context: context.schedule_function(lambda c, d: None, calendar=us)  # noqa: E731
    assert len(run(market, on_sessions({0: trade}), schedule).orders) == 1


def test_an_attribute_that_a_context_does_not_have_is_told_with_advice(market, on_sessions):
    market.asset(1, [10] * 3)
    with pytest.raises(AttributeError) as caught:
        run(market, on_sessions({0: lambda context, data: context.unknown}))
    assert "context has no attribute 'unknown': set it in initialize, as context.unknown = …" in caught.value.__notes__
    with pytest.raises(AttributeError) as caught:
        run(market, on_sessions({0: lambda context, data: data.unknown}))
    assert not any("initialize, as" in note for note in caught.value.__notes__)


@pytest.mark.parametrize("few", [1, 3])
def test_a_bar_that_is_prepared_orders_what_one_after_another_does(market, monkeypatch, few):
    draw = np.random.default_rng(5)
    for number in range(1, 9):
        closes = (20 * np.exp(0.1 * draw.normal(size=12).cumsum())).round(2).tolist()
        closes[number] = np.nan if number in (3, 4) else closes[number]
        market.asset(number, closes)
    weights = np.where(draw.random((12, 8)) < 0.2, 0.0, draw.normal(size=(12, 8)) * 0.2)
    days = [0]

    def handle_data(context, data):
        for number, weight in zip(range(1, 9), weights[days[0]], strict=True):
            api.order_target_percent(api.sid(number), weight if number % 2 else float(weight))
        days[0] += 1

    monkeypatch.setattr("tradewind.order_pad.FEW", 10**9)
    expected = run(market, handle_data).orders
    days[0] = 0
    monkeypatch.setattr("tradewind.order_pad.FEW", few)
    pd.testing.assert_frame_equal(run(market, handle_data).orders, expected, check_exact=True)
    assert len(expected) > 50
