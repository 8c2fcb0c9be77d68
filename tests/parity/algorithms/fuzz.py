"""Orders of every kind at random, from a generator written out here, so that both engines draw the same."""

MARKETS = ["actions", "random-20", "random-21", "random-22", "random-23"]
RECORDS = ["held", "open", "cash"]


def draw(context, n):
    context.state = (context.state * 6364136223846793005 + 1442695040888963407) % 2**64
    return (context.state >> 33) % n


def initialize(context):
    context.state, context.placed = 20201020, []
    context.names = symbols("AAA", "BBB", "CCC", "DDD", "EEE", "FFF", "GGG", "HHH")
    set_slippage(slippage.VolumeShareSlippage(volume_limit=0.02, price_impact=0.2))
    set_commission(commission.PerShare(cost=0.003, min_trade_cost=0.9))


def handle_data(context, data):
    for _ in range(draw(context, 5)):
        asset = context.names[draw(context, 8)]
        price, amount = data.current(asset, "price"), draw(context, 900) - 450
        kind, off = draw(context, 9), (draw(context, 61) - 30) / 1000.0
        if not data.can_trade(asset):
            continue
        if kind <= 1:
            context.placed.append(order(asset, amount))
        elif kind == 2:
            context.placed.append(order(asset, amount, limit_price=price * (1 + off)))
        elif kind == 3:
            context.placed.append(order(asset, amount, stop_price=price * (1 + off)))
        elif kind == 4:
            style = StopLimitOrder(price * (1 + off), price * (1 + off / 2))
            context.placed.append(order(asset, amount, style=style))
        elif kind == 5:
            context.placed.append(order_target(asset, amount))
        elif kind == 6:
            context.placed.append(order_target_percent(asset, amount / 4000.0))
        elif kind == 7:
            context.placed.append(order_value(asset, amount * 20.0))
        elif context.placed:
            cancel_order(context.placed[draw(context, len(context.placed))] or "nothing")
    record(
        held=sum(p.amount for p in context.portfolio.positions.values()),
        open=sum(map(len, get_open_orders().values())),
        cash=context.portfolio.cash,
    )
