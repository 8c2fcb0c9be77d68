"""An asset before, on and after its first session: refused by value, then bought."""

RECORDS = ["refused", "amount"]


def initialize(context):
    context.day, context.refused, context.asset = 0, 0, symbol("GGG")


def handle_data(context, data):
    context.day += 1
    if context.day % 5 == 0:
        try:
            order_value(context.asset, 12_345.0)
            order_target_percent(context.asset, 0.07)
        except Exception as error:
            context.refused += 1
            probe("refused", type(error).__name__)
    record(refused=context.refused, amount=context.portfolio.positions[context.asset].amount)
