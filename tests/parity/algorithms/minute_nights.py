"""Orders of the last minute and orders that rest for days, over splits, dividends and an early close."""

MARKETS = ["minutes"]
FREQUENCY = "minute"
START = "2020-12-18"
END = "2021-01-04"
RECORDS = ["held", "open"]


def initialize(context):
    set_cancel_policy(cancel_policy.NeverCancel())
    schedule_function(last_minute, date_rules.every_day(), time_rules.market_close(minutes=1))
    schedule_function(rest, date_rules.every_day(), time_rules.market_open(minutes=11))


def last_minute(context, data):
    for asset in symbols("AAA", "BBB", "CCC", "EEE"):
        if data.can_trade(asset):
            order(asset, 100)
            order(asset, -33)


def rest(context, data):
    for asset in symbols("BBB", "CCC", "EEE"):
        if data.can_trade(asset):
            price = data.current(asset, "price")
            order(asset, 250, limit_price=price * 0.96)
            order(asset, -95, limit_price=price * 1.05, stop_price=price * 1.06)
            order(asset, -5, stop_price=price * 0.9)


def handle_data(context, data):
    held = sum(p.amount for p in context.portfolio.positions.values())
    record(held=held, open=sum(map(len, get_open_orders().values())))
