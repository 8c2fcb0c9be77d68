"""Targets asked again while orders are open: they count holdings alone, so orders pile up."""

RECORDS = ["iii", "lll", "aaa"]


def initialize(context):
    context.day = 0
    context.names = symbols("III", "LLL", "AAA")
    set_slippage(slippage.VolumeShareSlippage(volume_limit=0.03, price_impact=0.05))
    set_commission(commission.PerShare(cost=0.01, min_trade_cost=5.0))


def handle_data(context, data):
    context.day += 1
    iii, lll, aaa = context.names
    if context.day % 4 == 1 and data.can_trade(iii):
        order_target(iii, 500)
    if context.day % 7 == 1:
        order_target_value(lll, 40_000.0)
        order_target_percent(aaa, 0.2)
        order_target_percent(aaa, 0.3)
    if context.day % 50 == 0:
        order_target(lll, -30)
    amounts = [context.portfolio.positions[asset].amount for asset in context.names]
    record(iii=amounts[0], lll=amounts[1], aaa=amounts[2])
