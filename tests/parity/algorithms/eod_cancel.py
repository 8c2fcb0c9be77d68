"""EODCancel with daily bars: the first of several open orders of an asset goes each day, a lone one rests."""

RECORDS = ["open"]


def initialize(context):
    context.day, context.names = 0, symbols("AAA", "III", "LLL", "FFF")
    set_cancel_policy(cancel_policy.EODCancel(warn_on_cancel=False))
    set_slippage(slippage.VolumeShareSlippage(volume_limit=0.01, price_impact=0.1))


def handle_data(context, data):
    context.day += 1
    for rank, asset in enumerate(context.names):
        if data.can_trade(asset) and context.day % 9 == rank:
            price = data.current(asset, "price")
            for size in (90, 5000, 60)[: 1 + rank]:
                order(asset, size)
            order(asset, 100, limit_price=price * 0.95)
    record(open=sum(map(len, get_open_orders().values())))
