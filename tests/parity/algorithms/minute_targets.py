"""order_target, its two relatives, order_value and order_percent at several minutes of each day."""

MARKETS = ["minutes"]
FREQUENCY = "minute"
START = "2020-12-21"
END = "2020-12-31"
RECORDS = ["leverage", "cash", "value"]


def initialize(context):
    context.turn = 0
    for minutes in (2, 3, 61, 150, 151):
        schedule_function(trade, date_rules.every_day(), time_rules.market_open(minutes=minutes))


def trade(context, data):
    context.turn += 1
    a, b, c, d, e = symbols("AAA", "BBB", "CCC", "DDD", "EEE")
    share = (context.turn % 5 - 2) / 10.0
    for asset in (a, b, c):
        order_target_percent(asset, share)
    order_target_value(d, 20_000 * share)
    order_value(a, 777.0)
    if data.can_trade(e):
        order_percent(e, 0.001)
        order_target(e, 50 + context.turn)
    account = context.account
    record(leverage=account.leverage, cash=context.portfolio.cash, value=context.portfolio.portfolio_value)
    probe("account", [account.net_leverage, account.equity_with_loan, account.total_positions_value])
