"""Stock dividends long and short, in the asset itself and in another, sold after the ex date, paid when flat."""

RECORDS = ["aaa", "eee", "fff"]


def initialize(context):
    context.day, context.names = 0, symbols("AAA", "EEE", "FFF")
    set_slippage(slippage.NoSlippage())


def handle_data(context, data):
    context.day += 1
    aaa, eee, fff = context.names
    day = {3: (eee, 777), 30: (eee, -100), 45: (eee, -1500), 66: (eee, 3000), 70: (aaa, -333), 75: (aaa, 333)}
    if context.day in day:
        order(*day[context.day])
    if context.day == 90:
        order(aaa, 1010)
    if context.day == 130:
        order_target(fff, 0)
    record(**{asset.symbol.lower(): context.portfolio.positions[asset].amount for asset in context.names})
