"""A fee a trade over partial fills, and basis after it."""

RECORDS = ["basis"]


def initialize(context):
    context.day, context.asset = 0, symbol("LLL")
    set_slippage(slippage.FixedBasisPointsSlippage(basis_points=0.0, volume_limit=0.1))
    set_commission(commission.PerTrade(cost=4.0))


def handle_data(context, data):
    context.day += 1
    if context.day % 20 == 2:
        order(context.asset, 170 if context.day < 100 else -260)
    record(basis=context.portfolio.positions[context.asset].cost_basis)
