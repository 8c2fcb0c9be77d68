"""Controls that raise, caught: which one it was, in the order in which they were set, for every verb and style."""

RECORDS = ["refused", "held"]


def initialize(context):
    context.day = context.refused = 0
    context.names = symbols("AAA", "BBB", "DDD", "EEE", "FFF", "LLL")
    set_max_position_size(max_notional=30_000.0)
    set_max_order_size(symbol("AAA"), max_shares=150)
    set_asset_restrictions(StaticRestrictions([symbol("LLL")]))
    set_max_order_count(3)
    set_max_order_size(max_shares=600)
    set_long_only()


def attempts(asset, step, price):
    yield lambda: order(asset, 37 * step - 260)
    yield lambda: order_value(asset, 2_500.0 * step - 9_000.0)
    yield lambda: order_percent(asset, 0.01 * step - 0.03, limit_price=price * 1.01)
    yield lambda: order_target(asset, 60 * step - 100, stop_price=price * 0.99)
    yield lambda: order_target_value(asset, 9_000.0 * step - 5_000.0, style=LimitOrder(price))
    yield lambda: order_target_percent(asset, 0.008 * step - 0.005)


def handle_data(context, data):
    context.day += 1
    for rank, asset in enumerate(context.names):
        verbs = list(attempts(asset, (context.day + 2 * rank) % 12, data.current(asset, "price")))
        try:
            verbs[(context.day + rank) % 6]()
        except Exception as error:
            context.refused += 1
            control = getattr(error, "control", None) or error.kwargs["constraint"].split("(")[0]
            what = (
                (error.asset, error.amount)
                if hasattr(error, "control")
                else (error.kwargs["asset"], error.kwargs["amount"])
            )
            probe("refused", [type(error).__name__, control, *what])
    record(refused=context.refused, held=sum(p.amount for p in context.portfolio.positions.values()))
