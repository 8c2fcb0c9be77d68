"""Minute emission: what the account holds at the end of each minute, and the highest leverage over all of them."""

MARKETS = ["minutes"]
FREQUENCY = "minute"
EMISSION = "minute"
START = "2020-12-21"
END = "2020-12-31"
RECORDS = ["bar"]


def initialize(context):
    context.bar = 0
    schedule_function(in_and_out, date_rules.every_day(), time_rules.market_open(minutes=40))


def in_and_out(context, data):
    order_target_percent(symbol("AAA"), 1.5)
    order_target_percent(symbol("DDD"), -0.4)


def handle_data(context, data):
    context.bar += 1
    record(bar=context.bar)
    if context.bar % 130 == 0:
        order_target(symbol("AAA"), 1000)
