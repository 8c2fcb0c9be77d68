"""Contracts long and short with the default models, held until they are closed; orders for what has ended."""

MARKETS = ["futures"]
RECORDS = ["cash", "value", "held"]


def initialize(context):
    context.day = 0
    context.longs = [future_symbol(name) for name in ("CLX20", "CLZ20", "CLF21", "ESZ20")]
    context.shorts = [future_symbol(name) for name in ("CLG21", "CLH21", "ESH21")]


def handle_data(context, data):
    context.day += 1
    for rank, contract in enumerate(context.longs):
        if context.day % 7 == rank:
            order(contract, 3 + rank)
    for rank, contract in enumerate(context.shorts):
        if context.day >= 60 and context.day % 11 == rank:
            order(contract, -2 - rank)
        if context.day % 23 == 5 and data.can_trade(contract):
            order_target(contract, -1)
    if context.day == 40:
        order(context.longs[1], 20_000)
    held = context.portfolio.positions
    record(cash=context.portfolio.cash, value=context.portfolio.portfolio_value, held=len(held))
    probe("held", {contract: position.last_sale_price for contract, position in sorted(held.items())})
