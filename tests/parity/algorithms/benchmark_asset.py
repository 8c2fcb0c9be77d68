"""A benchmark that pays dividends; alpha and beta run along."""


def initialize(context):
    set_benchmark(symbol("KKK"))
    schedule_function(rebalance, date_rules.week_start(), time_rules.market_open())


def rebalance(context, data):
    for name in ("AAA", "DDD", "KKK"):
        order_target_percent(symbol(name), 0.3)
