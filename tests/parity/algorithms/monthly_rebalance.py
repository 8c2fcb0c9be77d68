"""Equal weights each month, half a book in the middle of it; default costs."""

MARKETS = ["actions", "random-1"]
RECORDS = ["gross", "month"]


def initialize(context):
    context.month = 0
    context.names = symbols("AAA", "BBB", "CCC", "DDD", "EEE", "FFF")
    schedule_function(rebalance, date_rules.month_start(1), time_rules.market_open())
    schedule_function(halve, date_rules.month_end(7), time_rules.market_close(minutes=30))


def rebalance(context, data):
    context.month += 1
    for asset in context.names:
        if data.can_trade(asset):
            order_target_percent(asset, 0.9 / len(context.names))
    record(month=context.month)


def halve(context, data):
    for asset, position in list(context.portfolio.positions.items()):
        order_target(asset, position.amount // 2)


def handle_data(context, data):
    record(gross=context.account.leverage)
