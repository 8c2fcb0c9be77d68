"""The published names of the simulation: each is there, under every road that leads to it."""

import inspect

import pytest

import tradewind.api as api
from tradewind.portfolio import Account, Portfolio, Position

FUNCTIONS = [
    "batch_market_order",
    "cancel_order",
    "continuous_future",
    "future_symbol",
    "get_datetime",
    "get_environment",
    "get_open_orders",
    "get_order",
    "order",
    "order_optimal_portfolio",
    "order_percent",
    "order_target",
    "order_target_percent",
    "order_target_value",
    "order_value",
    "record",
    "schedule_function",
    "set_asset_date_bounds",
    "set_asset_restrictions",
    "set_benchmark",
    "set_cancel_policy",
    "set_commission",
    "set_do_not_order_list",
    "set_fills",
    "set_financing",
    "set_long_only",
    "set_margin",
    "set_max_leverage",
    "set_max_order_count",
    "set_max_order_size",
    "set_max_position_size",
    "set_min_leverage",
    "set_slippage",
    "set_symbol_lookup_date",
    "sid",
    "symbol",
    "symbols",
]
MEMBERS = {
    "slippage": "EquitySlippageModel FixedBasisPointsSlippage FixedSlippage FutureSlippageModel MarketImpactBase "
    "NoSlippage SlippageModel VolatilityVolumeShare VolumeShareSlippage LiquidityExceeded",
    "commission": "CommissionModel EquityCommissionModel FutureCommissionModel NoCommission PerContract PerDollar "
    "PerFutureTrade PerShare PerTrade",
    "cancel_policy": "CancelPolicy EODCancel NeverCancel",
    "execution": "ExecutionStyle LimitOrder MarketOrder StopLimitOrder StopOrder",
    "date_rules": "every_day month_end month_start week_end week_start",
    "time_rules": "every_minute market_close market_open",
    "calendars": "US_EQUITIES US_FUTURES",
}
ACCOUNT = [
    "accrued_interest",
    "available_funds",
    "buying_power",
    "cushion",
    "day_trades_remaining",
    "equity_with_loan",
    "excess_liquidity",
    "initial_margin_requirement",
    "leverage",
    "maintenance_margin_requirement",
    "net_leverage",
    "net_liquidation",
    "regt_equity",
    "regt_margin",
    "settled_cash",
    "total_positions_exposure",
    "total_positions_value",
]
PORTFOLIO = [
    "capital_used",
    "cash",
    "cash_flow",
    "current_portfolio_weights",
    "pnl",
    "portfolio_value",
    "positions",
    "positions_exposure",
    "positions_value",
    "returns",
    "start_date",
    "starting_cash",
]
POSITION = ["amount", "asset", "cost_basis", "last_sale_price", "sid"]


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_is_there_for_an_import_a_method_and_in_the_text(name):
    assert name in api.__all__
    assert callable(getattr(api, name))
    assert inspect.getdoc(getattr(api, name))


@pytest.mark.parametrize("room", MEMBERS)
def test_the_rooms_hold_their_classes(room):
    assert [name for name in MEMBERS[room].split() if not hasattr(getattr(api, room), name)] == []


def test_context_offers_every_function_as_a_method(market):
    from tradewind import run_algorithm

    found = []
    market.asset(1, [10] * 2)
    run_algorithm(initialize=lambda c: found.extend(n for n in FUNCTIONS if hasattr(c, n)), bundle=market.bundle())
    assert sorted(set(FUNCTIONS) - set(found)) == []


def test_account_portfolio_and_positions_answer_every_field(market, on_sessions):
    from tradewind import run_algorithm

    missing = []

    def ask(context, data):
        position = context.portfolio.positions[api.sid(1)]
        rooms = ((context.account, ACCOUNT), (context.portfolio, PORTFOLIO), (position, POSITION))
        missing.extend(
            (type(room).__name__, name) for room, names in rooms for name in names if not hasattr(room, name)
        )
        assert isinstance(context.account, Account)
        assert isinstance(context.portfolio, Portfolio)
        assert isinstance(position, Position)

    market.asset(1, [10] * 4)
    handle_data = on_sessions({0: lambda c, d: api.order(api.sid(1), 5), 2: ask})
    run_algorithm(handle_data=handle_data, bundle=market.bundle())
    assert missing == []
