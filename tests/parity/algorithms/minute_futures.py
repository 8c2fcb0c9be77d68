"""Contracts in minutes: targets and orders with prices, gains in the cash, closings at the end of a session."""

MARKETS = ["contracts"]
FREQUENCY = "minute"
START = "2020-12-22"
END = "2020-12-30"
RECORDS = ["leverage", "cash", "used", "exposure"]


def initialize(context):
    context.turn = 0
    set_commission(us_futures=commission.PerContract(0.85, 1.5, min_trade_cost=4.0))
    for minutes in (2, 31, 77, 150, 203):
        schedule_function(trade, date_rules.every_day(), time_rules.market_open(minutes=minutes))


def trade(context, data):
    context.turn += 1
    share = symbol("AAA")
    order_target_percent(share, 0.1 * (context.turn % 3))
    for rank, name in enumerate(("CLF21", "CLG21", "CLH21")):
        contract = future_symbol(name)
        if not data.can_trade(contract):
            continue
        price = data.current(contract, "price")
        if context.turn % 4 == rank:
            order_target_percent(contract, 0.3 * (-1) ** context.turn)
        if context.turn % 5 == rank:
            order(contract, 4, limit_price=price * 0.9995)
            order(contract, -3, stop_price=price * 0.9991)
        if context.turn % 7 == rank:
            order_value(contract, 150_000)
    portfolio = context.portfolio
    record(
        leverage=context.account.leverage,
        cash=portfolio.cash,
        used=portfolio.capital_used,
        exposure=portfolio.positions_exposure,
    )
    probe("value", [portfolio.portfolio_value, portfolio.positions_value, portfolio.returns])
