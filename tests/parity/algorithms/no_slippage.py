"""No slippage and a fee a trade, charged once however many bars an order needs."""


def initialize(context):
    context.day, context.names = 0, symbols("AAA", "EEE", "LLL")
    set_slippage(slippage.NoSlippage())
    set_commission(commission.PerTrade(cost=9.99))


def handle_data(context, data):
    context.day += 1
    if context.day % 14 == 1:
        for rank, asset in enumerate(context.names):
            order_target_percent(asset, 0.3 if (context.day // 14 + rank) % 2 else -0.2)
