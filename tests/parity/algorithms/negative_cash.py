"""Three times the capital bought, then four times sold short: cash below zero is silent."""

CAPITAL = 250_000.0
RECORDS = ["cash", "leverage"]


def initialize(context):
    context.day, context.names = 0, symbols("AAA", "BBB", "DDD", "KKK")
    set_slippage(slippage.NoSlippage())


def handle_data(context, data):
    context.day += 1
    if context.day in (2, 80):
        for asset in context.names:
            order_target_percent(asset, 0.75 if context.day == 2 else -1.0)
    record(cash=context.portfolio.cash, leverage=context.account.leverage)
