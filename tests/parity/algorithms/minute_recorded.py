"""Values recorded in some minutes of some days: the last one of a day counts, and stays."""

MARKETS = ["minutes"]
FREQUENCY = "minute"
START = "2020-12-21"
END = "2020-12-31"
RECORDS = ["last", "seldom", "price"]


def initialize(context):
    context.bar = 0
    schedule_function(seldom, date_rules.week_end(), time_rules.market_open(minutes=45))


def handle_data(context, data):
    context.bar += 1
    record("last", context.bar, "price", data.current(symbol("EEE"), "price"))
    if context.bar % 7 == 0:
        probe("known", [context.bar, data.current(symbol("EEE"), "close")])
    if context.bar % 400 == 0:
        order_percent(symbol("DDD"), 0.02)


def seldom(context, data):
    record(seldom=context.bar)
