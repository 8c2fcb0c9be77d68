"""The books: nothing unbookable gets in, and every session they balance or the run stops."""

import math

import numpy as np
import pytest

import tradewind.api as api
from tradewind import kernels, run_algorithm
from tradewind.errors import BadFill, BooksDoNotBalance
from tradewind.exits import BUG, FAILED, exit_code


def buy(shares=100, **prices):
    return {0: lambda c, d: api.order(api.sid(1), shares, **prices)}


def run(market, on_sessions, actions, slip=None, cost=None, **more):
    def initialize(context):
        api.set_slippage(slip or api.slippage.NoSlippage())
        api.set_commission(cost or api.commission.NoCommission())

    return run_algorithm(initialize=initialize, handle_data=on_sessions(actions), bundle=market.bundle(), **more)


class Answers(api.slippage.SlippageModel):
    def __init__(self, price, amount):
        self.price, self.amount = price, amount

    def process_order(self, data, order):
        return self.price, self.amount


class Costs(api.commission.CommissionModel):
    def __init__(self, cost):
        self.cost = cost

    def calculate(self, order, transaction):
        return self.cost


@pytest.mark.parametrize(
    ("price", "amount", "said"),
    [
        (math.nan, 10, "the price nan"),
        (math.inf, 10, "the price inf"),
        (-1.0, 10, "the price -1.0"),
        (0.0, 10, "finite and positive"),
        ("ten", 10, "the price 'ten'"),
        (10.0, math.nan, "the amount nan"),
        (10.0, -10, "of the sign of the 100 open shares"),
        (10.0, 101, "at most the 100 open shares"),
    ],
)
def test_what_a_slippage_model_may_not_answer(market, on_sessions, price, amount, said):
    market.asset(1, [10] * 3)
    with pytest.raises(BadFill, match=said) as caught:
        run(market, on_sessions, buy(), Answers(price, amount))
    assert "Answers(price=" in str(caught.value)
    assert (caught.value.asset.sid, caught.value.order_id) == (1, "0" * 32)
    assert caught.value.__notes__ == ["simulated time: 2021-03-02 (trading)"]
    assert exit_code(caught.value) == FAILED


@pytest.mark.parametrize(("price", "amount"), [(None, None), (10.0, 0), (10.0, None), (None, 5)])
def test_what_fills_nothing(market, on_sessions, price, amount):
    market.asset(1, [10] * 3)
    result = run(market, on_sessions, buy(), Answers(price, amount))
    assert len(result.fills) == 0
    assert result.orders["bars_full"].tolist() == [2]


def test_fractions_of_shares_are_cut(market, on_sessions):
    market.asset(1, [10] * 3)
    assert run(market, on_sessions, buy(-100), Answers(10, -7.9)).fills["amount"].tolist() == [-7, -7]


@pytest.mark.parametrize("cost", [math.nan, -1.0, math.inf, "free"])
def test_what_a_commission_model_may_not_answer(market, on_sessions, cost):
    market.asset(1, [10] * 3)
    with pytest.raises(BadFill, match="the commission"):
        run(market, on_sessions, buy(), cost=Costs(cost))
    assert run(market, on_sessions, buy(), cost=Costs(None)).fills["commission"].tolist() == [0.0]


def test_what_a_built_in_model_charged_too_much_before_a_reverse_split_is_not_paid_back(market, on_sessions):
    market.asset(1, [10, 10, 100, 100], volume=1_000).split(1, 2, 1, 10)
    slip = api.slippage.FixedBasisPointsSlippage(0, 0.1)

    class Same(type(slip)):
        def process_order(self, data, order):
            return super().process_order(data, order)

    class Asking(api.commission.PerShare):
        def calculate(self, order, transaction):
            return super().calculate(order, transaction)

    charges = api.commission.PerShare(0.1), Asking(0.1)
    for model, cost in ((slip, charges[0]), (Same(0, 0.1), charges[0]), (slip, charges[1])):  # compiled, and by methods
        result = run(market, on_sessions, buy(400), model, cost)
        assert result.fills["amount"].tolist() == [100, 30]
        np.testing.assert_allclose(result.fills["commission"], [10.0, -6.0], rtol=1e-12)
        paid = [10_000_000 - result.perf["ending_cash"].iloc[-1]]
        assert paid == pytest.approx([100 * 10 + 10 + 30 * 100])


@pytest.mark.parametrize("model", [api.slippage.FixedSlippage(30), api.slippage.FixedBasisPointsSlippage(10_000, 1)])
def test_a_built_in_model_driven_below_zero_is_named(market, on_sessions, model):
    market.asset(1, [10] * 3)
    with pytest.raises(BadFill, match=r"Fixed.*gave the price -?[0-9.]+ for an order of Equity\(1 \[AAA\]\)"):
        run(market, on_sessions, buy(-100), model)


def tampering(change):
    """Buy, then write to the books behind the ledger's back on the third session."""

    def write(context, data):
        change(context._algorithm.ledger.book)

    return {**buy(), 2: write}


@pytest.mark.parametrize(
    ("change", "sid"),
    [
        (lambda book: book.amount.__setitem__(0, 101), 1),
        (lambda book: book.last_price.__setitem__(0, np.nan), 1),
        (lambda book: book.last_price.__setitem__(0, 10.001), 1),
        (lambda book: book.cash.__setitem__(0, book.cash[0] + 0.05), None),
        (lambda book: book.cash.__setitem__(0, np.nan), None),
        (lambda book: book.cash.__setitem__(0, np.inf), None),
    ],
)
def test_books_that_do_not_balance_stop_the_run_and_name_the_asset(market, on_sessions, change, sid):
    market.asset(1, [10, 10, 10, 11, 12]).asset(2, [10] * 5)
    with pytest.raises(BooksDoNotBalance, match="the books do not balance on 2021-03-03") as caught:
        run(market, on_sessions, tampering(change))
    assert caught.value.session == "2021-03-03"
    assert (caught.value.asset.sid if sid else caught.value.asset) == sid
    assert exit_code(caught.value) == BUG


def test_a_price_beyond_all_numbers_never_stays_in_the_books(market, on_sessions):
    market.asset(1, [10] * 3)
    with pytest.raises(BooksDoNotBalance, match="the books do not balance on 2021-03-02"):
        run(market, on_sessions, buy(), Answers(1e308, 100))


def test_a_millionth_of_a_currency_unit_more_is_found_in_quiet_sessions_too(market):
    market.asset(1, [10.0, 10, 10, 11, 12, 13])

    def once(context, data):
        api.order(api.sid(1), 100)
        ledger = context._algorithm.ledger
        settle = ledger.run_quiet

        def and_add(*arguments):
            ledger.book.cash[0] += 1e-5
            return settle(*arguments)

        ledger.run_quiet = and_add

    def initialize(context):
        api.schedule_function(once, api.date_rules.month_start())

    with pytest.raises(BooksDoNotBalance, match="the cash changed without a booking"):
        run_algorithm(initialize=initialize, capital_base=1_000.0, bundle=market.bundle())


@pytest.mark.parametrize("semantics", ["tradewind", "zipline"])
def test_books_balance_through_splits_dividends_holes_shorts_and_delistings(market, on_sessions, semantics):
    closes = [10.3, 11.7, np.nan, 3.9, 4.1, 4.3, 4.7, 5.3]
    market.asset(1, closes).asset(2, [c * 1.7 for c in closes], volume=3_001).asset(3, closes[:4], auto_close=6)
    market.split(1, 3, 3, 1).split(2, 4, 1, 7).dividend(1, 3, 0.37, 5).dividend(3, 2, 0.11)
    market.stock_dividend(1, 1, 4, 6, 0.0333).stock_dividend(1, 2, 2, 3, 0.1)

    def trade(context, data):
        for sid, shares in ((1, 1_003), (2, -517), (3, 99)):
            api.order(api.sid(sid), shares if context.bar % 3 else -2 * shares)

    slip, cost = api.slippage.VolumeShareSlippage(), api.commission.PerTrade(3.3)
    result = run(market, on_sessions, dict.fromkeys(range(8), trade), slip, cost, semantics=semantics)
    assert len(result.perf) == 8
    assert len(result.fills) > 10


def test_what_was_sold_is_held_no_longer():
    book, held = kernels.Book(5, 0.0), np.full(5, -1, dtype=np.int64)
    book.amount[[1, 3, 4]] = 7, -2, 1
    assert kernels.update_held(book.table, held, 0, np.array([4, 1, 3])) == 3
    assert held[:3].tolist() == [1, 3, 4]
    book.amount[1] = 0
    assert kernels.update_held(book.table, held, 3, np.array([0, 1])) == 2
    assert held[:2].tolist() == [3, 4]
