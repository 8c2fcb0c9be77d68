"""A slippage model of one's own: half the range as spread, at most 700 shares, nothing on thin days."""

MARKETS = ["actions", "random-10"]


class HalfRange(slippage.SlippageModel):
    def __init__(self):
        super().__init__()

    def process_order(self, data, order):
        high, low = data.current(order.asset, "high"), data.current(order.asset, "low")
        volume = data.current(order.asset, "volume")
        if volume % 7 == 0:
            return None, None
        amount = max(-700, min(700, order.open_amount))
        room = int(volume * 0.02) - self.volume_for_bar
        if room <= 0:
            raise slippage.LiquidityExceeded()
        amount = max(-room, min(room, amount))
        return data.current(order.asset, "close") + (high - low) / 2 * order.direction, amount


def initialize(context):
    context.day, context.names = 0, symbols("AAA", "BBB", "DDD", "FFF")
    set_slippage(HalfRange())
    set_commission(commission.PerShare(0.004, 1.25))


def handle_data(context, data):
    context.day += 1
    for rank, asset in enumerate(context.names):
        if context.day % 9 == rank and data.can_trade(asset):
            order(asset, 1900)
            order(asset, -800, limit_price=data.current(asset, "price") * 1.002)
            order(asset, 333, stop_price=data.current(asset, "price") * 1.002)
