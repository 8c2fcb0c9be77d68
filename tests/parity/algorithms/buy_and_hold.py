"""Equal shares of everything bought at once and held through every action."""

RECORDS = ["bar", "total"]


def initialize(context):
    context.bar = 0
    context.names = symbols("AAA", "BBB", "CCC", "DDD", "EEE", "FFF", "JJJ", "KKK")


def handle_data(context, data):
    context.bar += 1
    record(bar=context.bar, total=context.portfolio.portfolio_value)
    if context.bar == 1:
        for asset in context.names:
            order_target_percent(asset, 0.12, style=MarketOrder())
