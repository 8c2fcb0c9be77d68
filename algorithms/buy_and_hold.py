"""Buy one stock on the first day and keep it."""

from tradewind.api import order_target_percent, record, symbol


def initialize(context):
    context.asset = symbol("AAPL")
    context.bought = False


def handle_data(context, data):
    if not context.bought:
        order_target_percent(context.asset, 1.0)
        context.bought = True
    record(AAPL=data.current(context.asset, "price"))
