"""An asset as the benchmark of a minute run: alpha, beta and its returns by day."""

MARKETS = ["minutes"]
FREQUENCY = "minute"
START = "2020-12-21"
END = "2021-01-04"


def initialize(context):
    set_benchmark(symbol("BBB"))
    schedule_function(trade, date_rules.every_day(), time_rules.market_open(minutes=4))


def trade(context, data):
    order_target_percent(symbol("AAA"), 0.6)
    order_target_percent(symbol("DDD"), -0.3)
