"""Orders of every kind at random minutes, from a generator written out here, so that both engines draw the same."""

MARKETS = ["minutes", "drawn-1", "drawn-2", "drawn-3"]
FREQUENCY = "minute"
START = "2020-12-21"
END = "2020-12-29"
RECORDS = ["held", "open", "cash"]


def draw(context, n):
    context.state = (context.state * 6364136223846793005 + 1442695040888963407) % 2**64
    return (context.state >> 33) % n


def initialize(context):
    context.state, context.placed = 20201123, []
    context.names = symbols("AAA", "BBB", "CCC", "DDD", "EEE", "FFF")
    set_slippage(slippage.VolumeShareSlippage(volume_limit=0.1, price_impact=0.2))
    set_commission(commission.PerShare(cost=0.003, min_trade_cost=0.9))


def handle_data(context, data):
    if draw(context, 12):
        return
    asset = context.names[draw(context, 6)]
    price, amount = data.current(asset, "price"), draw(context, 300) - 150
    kind, off = draw(context, 9), (draw(context, 61) - 30) / 6000.0
    if not data.can_trade(asset):
        return
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
