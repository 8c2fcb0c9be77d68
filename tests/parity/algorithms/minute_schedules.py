"""Every kind of time rule, with and without half days, some of which have no minute on an early close."""

MARKETS = ["minutes"]
FREQUENCY = "minute"
START = "2020-12-21"
END = "2020-12-31"
RECORDS = ["calls"]


def initialize(context):
    context.calls = 0
    rules = [
        (date_rules.every_day(), time_rules.market_open(), True),
        (date_rules.every_day(), time_rules.market_open(minutes=90), True),
        (date_rules.every_day(), time_rules.market_open(hours=4, minutes=11), True),
        (date_rules.every_day(), time_rules.market_close(), False),
        (date_rules.every_day(), time_rules.market_close(), True),
        (date_rules.every_day(), time_rules.market_close(hours=4), True),
        (date_rules.every_day(), time_rules.market_close(minutes=30), False),
        (date_rules.week_start(), time_rules.market_open(hours=1), True),
        (date_rules.week_end(), time_rules.market_close(minutes=1), True),
        (date_rules.week_end(days_offset=1), time_rules.market_open(minutes=7), True),
        (date_rules.month_start(), time_rules.market_open(minutes=30), True),
        (date_rules.month_end(), time_rules.market_close(minutes=45), True),
        (None, None, True),
    ]
    for rank, (on, at, half) in enumerate(rules):
        schedule_function(caller(rank), on, at, half_days=half)


def caller(rank):
    def call(context, data):
        context.calls += 1
        probe(f"{rank}", data.current(symbol("AAA"), "price"))
        order(symbol("AAA"), 5 + rank)
        record(calls=context.calls)

    return call
