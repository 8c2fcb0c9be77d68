"""How old the price of a holding is, seen in the bar and before the open: over holes, past a life, after a dividend."""

MARKETS = ["actions", "random-15"]
RECORDS = ["leverage", "cushion"]


def initialize(context):
    context.day, context.names = 0, symbols("AAA", "EEE", "FFF", "GGG", "HHH")
    set_slippage(slippage.FixedBasisPointsSlippage(basis_points=5.0, volume_limit=0.05))


def look(context, name):
    for asset, held in sorted(context.portfolio.positions.items()):
        probe(name, [asset, held.last_sale_price, f"{held.last_sale_date:%Y-%m-%d %H:%M}"])


def before_trading_start(context, data):
    if context.day % 3 == 0:
        look(context, "morning")


def handle_data(context, data):
    context.day += 1
    for rank, asset in enumerate(context.names):
        if data.can_trade(asset) and context.day % 10 == rank:
            order(asset, 300 if rank % 2 else -250)
    if context.day % 3 == 1:
        look(context, "bar")
    record(leverage=context.account.gross_leverage, cushion=context.account.cushion)
