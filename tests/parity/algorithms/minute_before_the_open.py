"""What is known before the open: prices of the minute before, histories, the portfolio, all as seen from today."""

MARKETS = ["minutes"]
FREQUENCY = "minute"
START = "2020-12-22"
END = "2021-01-04"
RECORDS = ["value", "cash"]


def initialize(context):
    context.names = symbols("AAA", "BBB", "CCC", "DDD", "EEE", "FFF", "III")


def before_trading_start(context, data):
    probe("current", data.current(context.names, ["price", "open", "high", "low", "close", "volume"]))
    probe("may", data.can_trade(context.names))
    probe("stale", data.is_stale(context.names))
    probe("minutes", data.history(context.names, "price", 3, "1m"))
    probe("volume", data.history(context.names, "volume", 3, "1m"))
    for field in ("price", "open", "high", "low", "close", "volume"):
        probe(f"days {field}", data.history(context.names, field, 1, "1d"))
    probe("two days", data.history(context.names, "price", 2, "1d"))
    portfolio = context.portfolio
    record(value=portfolio.portfolio_value, cash=portfolio.cash)
    probe("positions", [[p.amount, p.last_sale_price] for _, p in sorted(portfolio.positions.items())])


def handle_data(context, data):
    now = get_datetime()
    if now.hour == 15 and now.minute == 7:
        for asset in context.names:
            if data.can_trade(asset):
                order(asset, 40)
