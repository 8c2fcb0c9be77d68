"""A daily simulator in plain Python: dicts, fractions, one loop. It shares nothing with the engine but the rules.

A market is a PlainMarket; prices, volumes and money are Fractions, so nothing here is ever rounded except where the
rules say so.
"""

from dataclasses import dataclass, field
from fractions import Fraction

SNAP = Fraction(1, 10_000)


@dataclass
class PlainMarket:
    """closes[a][s] (None: no bar), volumes[a][s]; spans[a] = (first, last, session of the auto close)."""

    closes: list
    volumes: list
    spans: list
    splits: list = field(default_factory=list)  # (asset, session, new, old)
    dividends: list = field(default_factory=list)  # (asset, ex, pay, amount)
    stock: list = field(default_factory=list)  # (asset, paid asset, ex, pay, ratio)

    def last_trade(self, asset, session):
        """The last session up to this one with a bar, None for none."""
        first, last, _ = self.spans[asset]
        for s in range(min(session, last), first - 1, -1):
            if self.closes[asset][s] is not None:
                return s
        return None

    def known(self, asset, session):
        """The last close seen from a session: earlier ones scaled by what happened since. None: unknown, not listed."""
        first, last, _ = self.spans[asset]
        return self._seen(asset, session) if first <= session <= last else None

    def _seen(self, asset, session):
        since = self.last_trade(asset, session)
        if since is None:
            return None
        price = self.closes[asset][since]
        for s in range(since + 1, session + 1):
            price *= self._ratio(asset, s)
        return price

    def _ratio(self, asset, session):
        """By how much the actions of a session scale the prices before it."""
        ratio = Fraction(1)
        before = self._seen(asset, session - 1)
        for who, ex, _, amount in self.dividends:
            if (who, ex) == (asset, session) and before is not None and amount < before:
                ratio *= 1 - amount / before
        for who, at, new, old in self.splits:
            if (who, at) == (asset, session):
                ratio *= Fraction(old, new)
        return ratio


@dataclass
class PlainOrder:
    """An order: signed shares, limit and stop as floats or None."""

    asset: int
    amount: int
    limit: float | None
    stop: float | None
    filled: int = 0
    charged: Fraction = Fraction(0)
    status: str = "open"
    stop_reached: bool = False
    limit_reached: bool = False

    @property
    def side(self):
        return 1 if self.amount > 0 else -1


@dataclass
class Holding:
    """Shares, cost basis and last price."""

    shares: int = 0
    basis: Fraction = Fraction(0)
    price: Fraction = Fraction(0)

    def add(self, shares, price):
        """Take in shares, not 0, that cost a price each (none for a stock dividend's), or give some away for it."""
        total = self.shares + shares
        if self.shares == 0 or (self.shares > 0) == (shares > 0):
            self.basis = (self.basis * self.shares + shares * price) / total
        elif total != 0 and (total > 0) != (self.shares > 0):
            self.basis = price
        self.shares = total


def cents_or_less(price):
    """A price in cents; as it is where nothing would be left of it."""
    return round(price, 2) or price


def toward_zero(x):
    return int(x) if x >= 0 else -int(-x)


def whole(x):
    nearest = round(x)
    return nearest if abs(x - nearest) <= SNAP else toward_zero(x)


class PlainSimulator:
    """The rules of a daily run, said once more. `slippage` and `commission` are (kind, first, second)."""

    def __init__(self, market, capital, slippage, commission):
        self.market, self.slippage, self.commission = market, slippage, commission
        self.cash = self.flow = Fraction(0)
        self.cash += capital
        self.holdings, self.orders = {}, []
        self.claims, self.share_claims = [], []
        self.session, self.fills, self.rows, self.held = 0, [], [], []
        self.value = Fraction(capital)

    # ------------------------------------------------------------ money

    def move(self, amount):
        self.cash += amount
        self.flow += amount

    def equity(self):
        return self.cash + sum(h.shares * h.price for h in self.holdings.values())

    def trade(self, asset, shares, price):
        h = self.holdings.setdefault(asset, Holding())
        self.move(-shares * price)
        h.add(shares, price)
        h.price = price
        if h.shares == 0:
            del self.holdings[asset]

    # ------------------------------------------------------------ a session

    def start(self):
        self.flow_before = self.flow
        self._cash_dividends()
        self._stock_dividends()
        for asset, at, new, old in sorted(self.market.splits, key=lambda split: (split[1], split[0])):
            if at == self.session:
                self._split_orders(asset, new, old)
                self._split_holding(asset, new, old)
                self.share_claims = [
                    (pay, paid, exact * Fraction(new, old) if paid == asset else exact)
                    for pay, paid, exact in self.share_claims
                ]

    def _cash_dividends(self):
        for asset, ex, pay, amount in self.market.dividends:
            if ex == self.session and asset in self.holdings:
                self.claims.append((pay, self.holdings[asset].shares * amount))
        for pay, amount in self.claims:
            if pay == self.session:
                self.move(amount)

    def _stock_dividends(self):
        for asset, paid, ex, pay, ratio in self.market.stock:
            if ex == self.session and asset in self.holdings:
                self.share_claims.append((pay, paid, self.holdings[asset].shares * ratio))
        for pay, paid, exact in self.share_claims:
            if pay == self.session:
                self._receive(paid, exact)

    def _receive(self, asset, exact):
        price = self.market.known(asset, self.session - 1)
        shares = toward_zero(exact)
        if price is not None:
            self.move((exact - shares) * price)
        h = self.holdings.setdefault(asset, Holding(price=price or Fraction(0)))
        if shares:
            h.add(shares, Fraction(0))
        if h.shares == 0:
            del self.holdings[asset]

    def _split_orders(self, asset, new, old):
        for order in self.orders:
            if order.asset == asset and order.status == "open":
                left = toward_zero(Fraction((order.amount - order.filled) * new, old))
                order.filled = toward_zero(Fraction(order.filled * new, old))
                order.amount = order.filled + left
                order.limit = None if order.limit is None else cents_or_less(order.limit * (old / new))
                order.stop = None if order.stop is None else cents_or_less(order.stop * (old / new))
                if left == 0:
                    order.status = "cancelled"

    def _split_holding(self, asset, new, old):
        if asset in self.holdings:
            h = self.holdings[asset]
            exact, ratio = Fraction(h.shares * new, old), Fraction(old, new)
            h.shares, h.basis, h.price = toward_zero(exact), h.basis * ratio, h.price * ratio
            self.move((exact - h.shares) * h.price)
            if h.shares == 0:
                del self.holdings[asset]

    def bar(self):
        """Fill what is open, charge for it, mark the holdings."""
        used, full, charges = {}, set(), []
        for number, order in enumerate(self.orders):
            first, last, _ = self.market.spans[order.asset]
            if order.status != "open" or not first <= self.session <= last:
                continue
            price, volume = (
                self.market.closes[order.asset][self.session],
                self.market.volumes[order.asset][self.session],
            )
            if price is None or not volume or order.asset in full or not self._triggered(order, price):
                continue
            self._fill(number, order, price, volume, used, full, charges)
        for asset, cost in charges:
            self.move(-cost)
            if asset in self.holdings:
                h = self.holdings[asset]
                h.basis = (h.basis * h.shares + cost) / h.shares
        for asset, h in self.holdings.items():
            price = self.market.known(asset, self.session)
            h.price = h.price if price is None else price

    def _triggered(self, order, price):
        if order.stop is not None and not order.stop_reached:
            order.stop_reached = order.side * price >= order.side * Fraction(order.stop)
            if not order.stop_reached:
                return False
        if order.limit is not None and not order.limit_reached:
            order.limit_reached = order.side * price <= order.side * Fraction(order.limit)
            return order.limit_reached
        return True

    def _fill(self, number, order, price, volume, used, full, charges):
        taken = used.get(order.asset, 0)
        paid, shares = self._slipped(order, price, volume, taken)
        if shares == 0:
            full.add(order.asset)
            return
        if order.limit is not None and order.side * paid > order.side * Fraction(order.limit):
            if self.slippage[0] == "share":
                return
            paid = Fraction(order.limit)
        used[order.asset] = taken + shares
        cost = self._charged(order, shares, paid)
        charges.extend([(order.asset, cost)] if cost > 0 else [])
        order.filled += order.side * shares
        order.charged += cost
        if order.filled == order.amount:
            order.status = "filled"
        self.fills.append((self.session, number, order.asset, order.side * shares, paid, cost))
        self.trade(order.asset, order.side * shares, paid)

    def _slipped(self, order, price, volume, taken):
        kind, first, second = self.slippage
        wanted = abs(order.amount - order.filled)
        if kind == "none":
            return price, wanted
        if kind == "fixed":
            return price + order.side * first / 2, wanted
        if kind == "points":
            return price * (1 + order.side * first / 10_000), max(0, min(wanted, int(second * volume) - taken))
        room = first * volume - taken
        shares = int(min(room, wanted)) if room >= 1 else 0
        part = min(Fraction(taken + shares) / volume, first)
        return price * (1 + order.side * second * part**2), shares

    def _charged(self, order, shares, paid):
        kind, first, second = self.commission
        new = order.filled == 0 and order.charged == 0
        if kind == "share":
            if new:
                return max(second, shares * first)
            total = (abs(order.filled) + shares) * first
            return Fraction(0) if total < second else total - order.charged
        if kind == "trade":
            return first if new else Fraction(0)
        return shares * paid * first if kind == "dollar" else Fraction(0)

    def end(self):
        """Close what is over, write the session down."""
        for number, order in enumerate(self.orders):
            if order.status == "open" and self.market.spans[order.asset][2] <= self.session:
                self.cancel(number)
        for asset in sorted(self.holdings):
            if self.market.spans[asset][2] <= self.session:
                h = self.holdings[asset]
                self.fills.append((self.session, -1, asset, -h.shares, h.price, Fraction(0)))
                self.trade(asset, -h.shares, h.price)
        equity = self.equity()
        self.rows.append((self.cash, equity - self.cash, equity - self.value, self.flow - self.flow_before))
        self.held.extend((self.session, a, h.shares, h.basis, h.price) for a, h in sorted(self.holdings.items()))
        self.value = equity

    # ------------------------------------------------------------ what an algorithm does

    def cancel(self, number):
        if number < len(self.orders) and self.orders[number].status == "open":
            self.orders[number].status = "cancelled"

    def order(self, asset, verb, size, limit, stop):
        """Place an order by a verb of the API; nothing happens where it is refused."""
        first, last, over = self.market.spans[asset]
        if self.session > min(last, over):
            return
        shares = self._shares(asset, verb, size)
        amount = 0 if shares is None else whole(shares)
        if amount and self.session >= first:
            self.orders.append(PlainOrder(asset, amount, limit, stop))

    def _shares(self, asset, verb, size):
        held = self.holdings[asset].shares if asset in self.holdings else 0
        if verb == "order":
            return Fraction(size)
        if verb == "order_target":
            return Fraction(size - held)
        price = self.market.known(asset, self.session)
        if price is None:
            return None
        if verb == "order_value":
            return size * 50 / price
        return Fraction(size, 1024) * self.equity() / price - held
