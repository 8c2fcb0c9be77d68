"""A slippage and a commission class of the user's own, asked minute by minute."""

MARKETS = ["minutes"]
FREQUENCY = "minute"
START = "2020-12-21"
END = "2020-12-29"


class HalfOfTheBar(slippage.SlippageModel):
    def process_order(self, data, order):
        volume = data.current(order.asset, "volume")
        room = int(volume * 0.5) - self.volume_for_bar
        if room <= 0:
            return None, None
        amount = min(room, abs(order.open_amount)) * order.direction
        price = (data.current(order.asset, "high") + data.current(order.asset, "low")) / 2
        return price, amount


class Ladder(commission.EquityCommissionModel):
    def calculate(self, order, transaction):
        return 1.0 if order.filled == 0 else 0.001 * abs(transaction.amount)


def initialize(context):
    context.bar = 0
    set_slippage(HalfOfTheBar())
    set_commission(Ladder())


def handle_data(context, data):
    context.bar += 1
    for rank, asset in enumerate(symbols("AAA", "BBB", "EEE")):
        if context.bar % 97 == rank and data.can_trade(asset):
            order(asset, 4000 if context.bar % 3 else -3000)
            order(asset, 50)
