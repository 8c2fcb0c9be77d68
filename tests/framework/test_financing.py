"""Interest on cash and fees for borrowed shares."""

import pytest

import tradewind.api as api
from tradewind import run_algorithm
from tradewind.errors import BadParameter, OnlyDuringInitialize


def run(market, on_sessions, actions, settle, **more):
    def initialize(context):
        api.set_slippage(api.slippage.NoSlippage())
        api.set_commission(api.commission.NoCommission())
        settle()

    return run_algorithm(
        initialize=initialize,
        handle_data=None if actions is None else on_sessions(actions),
        capital_base=36_000.0,
        bundle=market.bundle(),
        **more,
    )


@pytest.mark.parametrize("semantics", ["tradewind", "zipline"])
def test_cash_earns_by_the_calendar_day_and_it_is_a_return(market, on_sessions, semantics):
    market.asset(1, [10] * 7)  # Monday to Tuesday week, nothing is held
    result = run(market, on_sessions, None, lambda: api.set_financing(cash_rate=0.01), semantics=semantics)
    value = result.perf["portfolio_value"]
    expected, cash = [36_000.0], 36_000.0
    for days in (1, 1, 1, 1, 3, 1):
        cash *= 1 + 0.01 * days / 360
        expected.append(cash)
    assert value.tolist() == pytest.approx(expected, rel=1e-14)
    assert result.perf["pnl"].iloc[1] == pytest.approx(1.0)
    assert result.perf["returns"].iloc[1] == pytest.approx(1 / 36_000)
    assert result.info["financing"] == {
        "interest_earned": pytest.approx(expected[-1] - 36_000),
        "interest_paid": 0.0,
        "borrow_fees": 0.0,
    }


def test_debt_pays_and_shorts_pay_their_fee(market, on_sessions):
    market.asset(1, [10] * 4).asset(2, [10, 10, 20, 20])

    def trade(context, data):
        api.order(api.sid(1), 7_200)  # 72,000, twice the capital
        api.order(api.sid(2), -360)

    def settle():
        api.set_financing(debit_rate=0.05, borrow_fee={api.sid(2): 0.10})

    result = run(market, on_sessions, {0: trade}, settle)
    debt = 72_000 - 36_000 - 3_600
    first = debt * 0.05 / 360 + 3_600 * 0.10 / 360
    second = (debt + first) * 0.05 / 360 + 7_200 * 0.10 / 360
    assert result.perf["ending_cash"].tolist() == pytest.approx([36_000, -debt, -debt - first, -debt - first - second])
    assert result.perf["capital_used"].tolist() == pytest.approx([0, -debt - 36_000, -first, -second])
    assert result.info["financing"]["borrow_fees"] == pytest.approx(1.0 + 2.0)
    assert result.info["financing"]["interest_earned"] == 0.0


def test_capital_that_comes_today_has_earned_nothing_yet(market, on_sessions):
    market.asset(1, [10] * 3)
    changes = {"2021-03-02": 36_000.0}
    result = run(market, on_sessions, None, lambda: api.set_financing(0.01), capital_changes=changes)
    assert result.perf["portfolio_value"].tolist() == pytest.approx([36_000, 72_001, 72_001 * (1 + 0.01 / 360)])


def test_without_it_the_result_says_nothing_of_it(market, on_sessions):
    market.asset(1, [10] * 2)
    assert "financing" not in run(market, on_sessions, {}, lambda: None).info


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"cash_rate": "much"}, "cash_rate was 'much'"),
        ({"debit_rate": float("nan")}, "debit_rate was nan"),
        ({"borrow_fee": None}, "borrow_fee was None"),
        ({"day_count": 0}, "day_count was 0"),
    ],
)
def test_rates_that_mean_nothing_are_refused(market, on_sessions, arguments, said):
    market.asset(1, [10] * 2)
    with pytest.raises(BadParameter, match=said):
        run(market, on_sessions, None, lambda: api.set_financing(**arguments))
    with pytest.raises(OnlyDuringInitialize):
        run(market, on_sessions, {0: lambda c, d: api.set_financing()}, lambda: None)


def test_a_dict_of_fees_may_be_empty(market, on_sessions):
    market.asset(1, [10] * 3)
    short = {0: lambda c, d: api.order(api.sid(1), -100)}
    result = run(market, on_sessions, short, lambda: api.set_financing(borrow_fee={}))
    assert result.info["financing"]["borrow_fees"] == 0.0


def test_dividends_between_ex_and_pay_date_are_seen_on_the_account_and_nowhere_else(market, on_sessions):
    market.asset(1, [10] * 6).dividend(1, 2, 0.5, pay=4)
    seen = []

    def look(context, data):
        seen.append((context.account.accrued_dividends, context.portfolio.portfolio_value))
        if context.bar == 0:
            api.order(api.sid(1), -100)

    run(market, on_sessions, dict.fromkeys(range(6), look), lambda: None)
    assert seen == [(0, 36_000), (0, 36_000), (-50, 36_000), (-50, 36_000), (0, 35_950), (0, 35_950)]


def test_a_short_contract_borrows_nothing(market, on_sessions):
    market.contract(1, "CLH21", [10.0] * 4)
    init = lambda: api.set_financing(borrow_fee=0.1)  # noqa: E731

    def initialize(context):
        api.set_slippage(us_futures=api.slippage.NoSlippage())
        api.set_commission(us_futures=api.commission.NoCommission())
        init()

    short = on_sessions({0: lambda c, d: api.order(api.sid(1), -5)})
    result = run_algorithm(initialize=initialize, handle_data=short, bundle=market.bundle(), capital_base=36_000.0)
    assert result.positions["amount"].tolist() == [-5] * 3
    assert result.perf["portfolio_value"].tolist() == [36_000.0] * 4
