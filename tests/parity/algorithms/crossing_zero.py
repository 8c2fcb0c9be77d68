"""Sales beyond the holding and purchases beyond the short, with plain amounts; basis and cash recorded."""

RECORDS = ["amount", "basis", "cash"]


def initialize(context):
    context.day, context.asset = 0, symbol("DDD")
    set_slippage(slippage.FixedBasisPointsSlippage(basis_points=3.0, volume_limit=0.2))
    set_commission(commission.PerTrade(cost=2.5))


def handle_data(context, data):
    context.day += 1
    amounts = {2: 1000, 5: -400, 8: -1600, 12: -250.99, 15: 3000.99995, 20: -1000.00005, 26: 77, 33: -5000, 40: 2500}
    order(context.asset, amounts.get(context.day % 45, 0))
    held = context.portfolio.positions[context.asset]
    record(amount=held.amount, basis=held.cost_basis, cash=context.portfolio.cash)
