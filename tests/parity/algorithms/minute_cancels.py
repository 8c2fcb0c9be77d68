"""Orders cancelled in the minute of their placing, a few minutes later, when partly filled, and when they are gone."""

MARKETS = ["minutes"]
FREQUENCY = "minute"
START = "2020-12-21"
END = "2020-12-30"
RECORDS = ["cancelled"]


def initialize(context):
    context.bar, context.placed, context.cancelled = 0, [], 0
    set_slippage(slippage.VolumeShareSlippage(volume_limit=0.01, price_impact=0.1))


def handle_data(context, data):
    context.bar += 1
    if context.bar % 41 == 1:
        for asset in symbols("AAA", "BBB", "DDD"):
            context.placed.append(order(asset, 150))
            cancel_order(order(asset, 11))
    if context.bar % 41 == 4 and context.placed:
        for name in context.placed[-3:]:
            found = get_order(name)
            probe("before", [found.amount, found.filled, found.commission, found.status, found.dt])
            cancel_order(name if context.bar % 2 else found)
            context.cancelled += 1
    if context.bar % 41 == 30 and len(context.placed) > 3:
        cancel_order(context.placed[0])
        cancel_order("nothing of the kind")
        probe("open", [o.amount - o.filled for o in get_open_orders(symbol("BBB"))])
    record(cancelled=context.cancelled)
