"""Orders cancelled by id and by object, at once and later, filled in part or not; get_order and get_open_orders."""

RECORDS = ["open", "names"]


def initialize(context):
    context.day, context.placed = 0, []
    set_cancel_policy(NeverCancel())
    context.names = symbols("AAA", "III", "LLL", "FFF", "HHH")
    set_slippage(slippage.FixedBasisPointsSlippage(basis_points=2.0, volume_limit=0.05))


def handle_data(context, data):
    context.day += 1
    for rank, asset in enumerate(context.names):
        if data.can_trade(asset) and context.day % 6 == rank:
            context.placed.append(order(asset, 160 - 75 * rank))
            context.placed.append(order(asset, 400, limit_price=data.current(asset, "price") * 0.995))
    if context.day % 5 == 0:
        cancel_order(context.placed[-1])
    if context.day % 8 == 0:
        for orders in list(get_open_orders().values()):
            cancel_order(orders[-1])
    if context.day % 21 == 0:
        for asset in context.names[:3]:
            for one in list(get_open_orders(asset)):
                cancel_order(one.id)
    if context.day % 10 == 0:
        for name in context.placed[-6:]:
            one = get_order(name)
            probe("order", [one.sid, one.amount, one.filled, one.commission, int(one.status), one.created, one.dt])
    cancel_order(context.placed[0] if context.placed else "nothing")
    record(open=sum(map(len, get_open_orders().values())), names=len(get_open_orders()))
