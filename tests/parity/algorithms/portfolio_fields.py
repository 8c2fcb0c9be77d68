"""Every field of portfolio and account, recorded each day while long, short and in cash."""

MARKETS = ["actions", "random-14"]
RECORDS = [
    "cash", "value", "positions_value", "pnl_so_far", "returns_so_far", "used", "start", "exposure", "leverage", "net",
    "liquidation", "settled", "total_value", "total_exposure", "cushion", "power", "accrued", "equity", "funds",
]  # fmt: skip


def initialize(context):
    context.day, context.names = 0, symbols("AAA", "BBB", "DDD", "EEE")


def handle_data(context, data):
    context.day += 1
    portfolio, account = context.portfolio, context.account
    record(
        cash=portfolio.cash,
        value=portfolio.portfolio_value,
        positions_value=portfolio.positions_value,
        pnl_so_far=portfolio.pnl,
        returns_so_far=portfolio.returns,
        used=portfolio.cash_flow,
        start=portfolio.starting_cash,
        exposure=portfolio.positions_exposure,
        leverage=account.leverage,
        net=account.net_leverage,
        liquidation=account.net_liquidation,
        settled=account.settled_cash,
        total_value=account.total_positions_value,
        total_exposure=account.total_positions_exposure,
        cushion=account.cushion,
        power=account.buying_power,
        accrued=account.accrued_interest,
        equity=account.equity_with_loan,
        funds=account.available_funds,
    )
    if context.day % 12 == 3:
        for rank, asset in enumerate(context.names):
            order_target_percent(asset, (0.3, -0.2, 0.25, 0.1)[(rank + context.day // 12) % 4])
    if context.day % 30 == 0:
        weights = portfolio.current_portfolio_weights
        probe("weights", weights.sort_index())
        for asset, held in sorted(portfolio.positions.items()):
            probe("position", [asset, held.amount, held.cost_basis, held.last_sale_price])
