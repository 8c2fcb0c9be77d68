"""Every verb sized in money on contracts: a point is worth the multiplier; targets up, down and through zero."""

MARKETS = ["futures"]
RECORDS = ["exposure", "leverage", "net"]
CAPITAL = 5_000_000.0


def initialize(context):
    context.day = 0
    set_slippage(us_futures=slippage.FixedSlippage(spread=0.5))
    set_commission(us_futures=commission.PerContract(cost={"CL": 0.4}, exchange_fee={"ES": 1.5}, min_trade_cost=3.0))


def handle_data(context, data):
    context.day += 1
    oil, index = future_symbol("clg21"), future_symbol("ESH21")
    if data.can_trade(oil):
        if context.day % 10 == 0:
            order_target_percent(oil, 0.4 * (-1) ** (context.day // 10))
        if context.day % 10 == 3:
            order_value(oil, -260_000)
        if context.day % 10 == 6:
            order_percent(oil, 0.13)
    if data.can_trade(index):
        if context.day % 8 == 0:
            order_target_value(index, 900_000 - 30_000 * (context.day % 40))
        if context.day % 24 == 5:
            order_target(index, -3)
    record(
        exposure=context.portfolio.positions_exposure,
        leverage=context.account.leverage,
        net=context.account.net_leverage,
    )
