"""By minute: leverage above the limit within a session is nobody's business, at its end it ends the run."""

MARKETS = ["minutes"]
FREQUENCY = "minute"
START = "2020-12-21"
END = "2020-12-30"
CAPITAL = 40_000.0
ENDS = True


def initialize(context):
    context.bar = 0
    set_max_leverage(1.0)
    schedule_function(sell, date_rules.every_day(), time_rules.market_close(minutes=20))


def sell(context, data):
    probe("before", [context.account.leverage, context.portfolio.cash])
    if get_datetime().day < 24:
        order_target_percent(symbol("AAA"), 0.2)


def handle_data(context, data):
    context.bar += 1
    if context.bar % 60 == 7:
        probe("account", [context.account.leverage, context.portfolio.portfolio_value, context.portfolio.cash])
        order_target_percent(symbol("AAA"), 1.4)
