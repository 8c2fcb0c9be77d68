"""Shares and contracts in one portfolio, with models of their own and an equity split and dividend between."""

MARKETS = ["futures"]
RECORDS = ["gain", "used", "value", "positions_value"]


def initialize(context):
    context.day = 0
    context.shares = symbols("AAA", "BBB")
    set_slippage(
        us_equities=slippage.VolumeShareSlippage(volume_limit=0.02, price_impact=0.2),
        us_futures=slippage.VolatilityVolumeShare(volume_limit=0.03, eta={"CL": 0.09}),
    )
    set_commission(us_equities=commission.PerShare(0.004, 1.0), us_futures=commission.PerFutureTrade({"CL": 3.5}))
    set_max_position_size(asset=future_symbol("CLH21"), max_shares=40, on_error="log")


def handle_data(context, data):
    context.day += 1
    chain = [future_symbol(name) for name in ("CLZ20", "CLF21", "CLG21", "CLH21", "CLJ21", "CLM21")]
    live = [contract for contract in chain if data.can_trade(contract)]
    if context.day % 12 == 1:
        for asset in [*context.shares, *live[:2]]:
            order_target_percent(asset, 0.3)
    if context.day % 12 == 7:
        for asset in [*context.shares, *live]:
            order_target_percent(asset, -0.1)
    portfolio = context.portfolio
    weights = portfolio.current_portfolio_weights.sort_index()
    probe("weights", dict(weights.items()))
    probe("open", [order.amount - order.filled for orders in get_open_orders().values() for order in orders])
    record(
        gain=portfolio.pnl,
        used=portfolio.capital_used,
        value=portfolio.portfolio_value,
        positions_value=portfolio.positions_value,
    )
