"""A short so large that equity falls below zero."""

CAPITAL = 20_000.0
RECORDS = ["value"]


def initialize(context):
    context.day = 0
    set_slippage(slippage.NoSlippage())


def handle_data(context, data):
    context.day += 1
    if context.day == 2:
        order(symbol("BBB"), -2500)
        order(symbol("AAA"), 9000)
    if context.day == 60:
        order_target_percent(symbol("KKK"), 0.5)
    record(value=context.portfolio.portfolio_value)
