"""Continuous futures that roll by volume, and a strategy that follows the primary contract of each."""

MARKETS = ["futures"]
END = "2021-04-09"
RECORDS = ["value"]


def initialize(context):
    context.day = 0
    context.oil = continuous_future("CL", adjustment="mul")
    context.index = continuous_future("ES", offset=0, roll="volume", adjustment="add")
    set_commission(us_futures=commission.PerContract(0.85, 1.0))


def handle_data(context, data):
    context.day += 1
    oil, index = data.current(context.oil, "contract"), data.current(context.index, "contract")
    for held in list(context.portfolio.positions):
        if held not in (oil, index):
            order_target(held, 0)
    if context.day % 3 == 0 and context.day > 5:
        prices = data.history(context.oil, "close", 15, "1d").ffill()
        order_target_percent(oil, 0.5 if prices.iloc[-1] > prices.mean() else -0.5)
    if context.day % 4 == 0:
        order_target(index, 2)
    probe("contracts", [oil, index])
    if context.day % 6 == 0 and context.day > 30:
        probe("oil", data.history(context.oil, "close", 40, "1d"))
        probe("index", data.history(context.index, "price", 25, "1d"))
        probe("sids", data.history(context.oil, "sid", 30, "1d"))
    record(value=context.portfolio.portfolio_value)
