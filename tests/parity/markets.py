"""The markets of the parity suite: seeded, described in plain values, made by this module alone on both sides.

Nothing but the standard library is imported here, since it runs in two environments. A market is a dict:

    sessions         ISO dates of the whole span
    assets           {sid, symbol, start, end, auto_close}, dates ISO
    bars             sid → one [open, high, low, close, volume] a session from start to end; None = no bar
    splits           [sid, date, new shares, old shares]
    dividends        [sid, ex date, pay date, amount]
    stock_dividends  [sid, paid sid, ex date, pay date, ratio]
    mergers          [sid, date, ratio]

and in a market with futures, whose bars stand among the others,

    contracts        {sid, symbol, root, start, end, auto_close, multiplier, tick}
"""

import datetime as dt
import hashlib
import json
import random

RATIOS = [(2, 1), (3, 1), (3, 2), (1, 2), (1, 10), (1, 3), (7, 5)]
FIRST, LAST = "2020-10-01", "2021-06-30"


def _day(date, days):
    return (dt.date.fromisoformat(date) + dt.timedelta(days=days)).isoformat()


def _next_weekday(date, weekday):
    """The first date after `date` on that weekday (Monday = 0)."""
    day = dt.date.fromisoformat(date) + dt.timedelta(days=1)
    while day.weekday() != weekday:
        day += dt.timedelta(days=1)
    return day.isoformat()


class _Maker:
    """Assets with random-walk bars; corporate actions move the walk as they move a real price."""

    def __init__(self, sessions, seed):
        self.sessions, self.random = sessions, random.Random(seed)
        self.market = {
            "sessions": sessions,
            "assets": [],
            "bars": {},
            "splits": [],
            "dividends": [],
            "stock_dividends": [],
            "mergers": [],
        }

    def add(
        self,
        sid,
        symbol,
        price,
        volume,
        *,
        first=0,
        last=None,
        close_after=1,
        decimals=2,
        swing=0.02,
        splits=(),
        dividends=(),
        holes=(),
        silent=(),
    ):
        """One asset: splits (session, new, old), dividends (session, pay date, fraction of price); sessions counted."""
        last = len(self.sessions) - 1 if last is None else last
        dates = self.sessions
        start, end = dates[first], dates[last]
        self.market["assets"].append(
            {"sid": sid, "symbol": symbol, "start": start, "end": end, "auto_close": _day(end, close_after)}
        )
        by_split = {at: (new, old) for at, new, old in splits}
        by_ex = {at: (pay, share) for at, pay, share in dividends}
        rows = []
        for at in range(first, last + 1):
            if at in by_ex:
                pay, share = by_ex[at]
                amount = round(price * share, 4)
                self.market["dividends"].append([sid, dates[at], pay, amount])
                price -= amount
            if at in by_split:
                new, old = by_split[at]
                self.market["splits"].append([sid, dates[at], new, old])
                price *= old / new
            price *= 1.0 + self.random.uniform(-swing, swing)
            rows.append(None if at in holes and at not in (first, last) else self._bar(price, volume, decimals))
            if at in silent and at + 1 not in holes and rows[-1] is not None:
                rows[-1][4] = 0
        self.market["bars"][sid] = rows

    def _bar(self, price, volume, decimals):
        draw = self.random.uniform
        opening = price * (1.0 + draw(-0.01, 0.01))
        high = max(opening, price) * (1.0 + draw(0.0, 0.01))
        low = min(opening, price) * (1.0 - draw(0.0, 0.01))
        values = [round(value, decimals) for value in (opening, high, low, price)]
        return [*values, int(volume * draw(0.5, 1.5))]


def _actions(sessions):
    """A curated market: every kind of event at a known place."""
    made, d = _Maker(sessions, seed=11), sessions
    made.add(1, "AAA", 50.0, 400_000)
    made.add(2, "BBB", 300.0, 200_000, splits=[(30, 2, 1), (70, 3, 2), (120, 7, 5)])
    made.add(3, "CCC", 0.9, 500_000, splits=[(35, 1, 10), (80, 1, 3), (130, 1, 7)])
    saturday = _next_weekday(d[60], 5)
    made.add(
        4,
        "DDD",
        80.0,
        300_000,
        splits=[(90, 2, 1), (140, 3, 1)],
        dividends=[
            (25, d[32], 0.01),
            (60, saturday, 0.012),
            (90, d[97], 0.011),
            (140, d[140], 0.008),
            (150, d[157], 0.01),
        ],
    )
    made.add(5, "EEE", 40.0, 250_000, dividends=[(52, d[58], 0.02)])
    made.market["stock_dividends"] += [
        [5, 5, d[40], d[46], 0.05],
        [5, 1, d[75], d[83], 0.0313],
        [1, 6, d[110], d[112], 0.02],
    ]
    made.add(
        6,
        "FFF",
        25.0,
        90_000,
        holes={20, 21, 22, 41, 63, 64, 65, 66, 100, 101, 139},
        silent={50, 51, 97, 145},
        dividends=[(42, d[50], 0.01), (65, d[70], 0.01), (101, d[105], 0.01)],
        splits=[(64, 3, 2), (100, 1, 4)],
    )
    made.add(7, "GGG", 15.0, 150_000, first=55, dividends=[(55, d[60], 0.01), (95, d[99], 0.02)])
    made.add(8, "HHH", 33.0, 120_000, last=85, close_after=4, dividends=[(80, d[95], 0.03)])
    friday = next(i for i in range(100, 110) if dt.date.fromisoformat(d[i]).weekday() == 4)
    made.add(9, "III", 12.0, 1_500, last=friday, close_after=1, holes={friday - 3})
    made.add(10, "JJJ", 1.2345678, 40_000, decimals=7, splits=[(45, 1, 4), (105, 5, 1)])
    made.add(11, "KKK", 100.0, 5_000_000, swing=0.008, dividends=[(58, d[63], 0.004), (122, d[126], 0.004)])
    made.add(12, "LLL", 60.0, 300, decimals=5)
    made.market["mergers"].append([12, d[88], 0.97])
    return made.market


MONTHS = "FGHJKMNQUVXZ"
ROLL_BEFORE = 6  # sessions before its auto-close date in which trading moves on to the next contract


class _Chain:
    """The monthly contracts of one root: prices move together, volume moves on from one contract to the next."""

    def __init__(self, maker, root, sid, multiplier, tick, price, volume):
        self.made, self.root, self.sid, self.volume = maker, root, sid, volume
        self.multiplier, self.tick, self.random = multiplier, tick, maker.random
        self.spot = [price]
        for _ in maker.sessions[1:]:
            self.spot.append(self.spot[-1] * (1.0 + self.random.uniform(-0.02, 0.02)))

    def add(self, months, holes=(), silent=()):
        """One contract a month, closed on about the 20th; it trades three months before, and up to two sessions on."""
        days, starts, closes = self.made.sessions, [], []
        for number, month in enumerate(months):
            closing = next((i for i, day in enumerate(days) if day >= f"{month}-20"), len(days) - 1)
            starts.append(max(0, closing - 65 if number > 1 else 0))
            closes.append(closing)
        for number, month in enumerate(months):
            before = closes[number - 1] - ROLL_BEFORE if number else -1
            self._contract(number, month, starts[number], closes[number], before, holes, silent)

    def _contract(self, number, month, first, closing, primary_from, holes, silent):
        year, _, of_year = month.partition("-")
        days, sid = self.made.sessions, self.sid + number
        last = min(closing + self.random.choice([0, 2]), len(days) - 1)
        facts = {"sid": sid, "symbol": f"{self.root}{MONTHS[int(of_year) - 1]}{year[2:]}", "root": self.root}
        dates = {"start": days[first], "end": days[last], "auto_close": min(days[closing], f"{month}-20")}
        self.made.market["contracts"].append({**facts, **dates, "multiplier": self.multiplier, "tick": self.tick})
        bars, carry = [], 1.0 + self.random.uniform(0.002, 0.01) * number
        for at in range(first, last + 1):
            bars.append(None if (number, at) in holes else self._bar(self.spot[at] * carry, at, closing, primary_from))
            if (number, at) in silent:
                bars[-1][4] = 0
        self.made.market["bars"][sid] = bars

    def _bar(self, price, at, closing, primary_from):
        draw = self.random.uniform
        opening, close = price * (1.0 + draw(-0.01, 0.01)), price
        high, low = max(opening, close) * (1.0 + draw(0.0, 0.01)), min(opening, close) * (1.0 - draw(0.0, 0.01))
        prices = [round(round(value / self.tick) * self.tick, 4) for value in (opening, high, low, close)]
        share = 1.0 if primary_from <= at < closing - ROLL_BEFORE else 0.2
        return [*prices, int(self.volume * share * draw(0.7, 1.3))]


def _futures(sessions):
    """Two shares, and two chains of contracts that overlap, close and trade on past their closing."""
    made = _Maker(sessions, seed=31)
    made.market["contracts"] = []
    made.add(1, "AAA", 50.0, 400_000, dividends=[(30, sessions[36], 0.01)], splits=[(70, 2, 1)])
    made.add(2, "BBB", 120.0, 200_000)
    months = ["2020-11", "2020-12", "2021-01", "2021-02", "2021-03", "2021-04", "2021-05", "2021-06"]
    oil = _Chain(made, "CL", 100, 1000.0, 0.01, 41.0, 20_000)
    oil.add(months, holes={(1, 20), (2, 50), (3, 51)}, silent={(1, 21), (4, 90)})
    index = _Chain(made, "ES", 200, 50.0, 0.25, 3400.0, 90_000)
    index.add([months[1], months[4], months[7]], holes={(1, 60), (1, 61)})
    return made.market


def _random(sessions, seed):
    """A market in which everything happens at random."""
    made, n = _Maker(sessions, seed), len(sessions)
    draw = made.random
    for sid in range(1, 9):
        first = 0 if sid <= 4 else draw.choice([0, 0, draw.randrange(10, 60)])
        last = n - 1 if sid <= 4 else draw.choice([n - 1, draw.randrange(90, n - 10)])
        inside = range(first + 2, last - 1)
        splits = [(at, *draw.choice(RATIOS)) for at in draw.sample(inside, 2)]
        dividends = [
            (at, _day(sessions[at], draw.randrange(0, 14)), draw.uniform(0.002, 0.02)) for at in draw.sample(inside, 3)
        ]
        made.add(
            sid,
            chr(ord("A") + sid - 1) * 3,
            draw.uniform(2.0, 400.0),
            draw.choice([800, 20_000, 1_000_000]),
            first=first,
            last=last,
            close_after=draw.randrange(1, 8),
            decimals=draw.choice([2, 3, 5, 8]),
            swing=draw.choice([0.01, 0.03]),
            splits=splits,
            dividends=dividends,
            holes=set(draw.sample(inside, 6)),
            silent=set(draw.sample(inside, 2)),
        )
    return made.market


def make(name, sessions):
    """The market of that name ("actions", "random-1", …) over the given sessions (ISO dates of the exchange)."""
    if name == "actions":
        return _actions(sessions)
    if name == "futures":
        return _futures(sessions)
    kind, _, seed = name.partition("-")
    assert kind == "random", name
    return _random(sessions, int(seed))


def digest(market):
    """A digest of a market, by which both sides know that they speak of the same one."""
    return hashlib.sha256(json.dumps(market).encode()).hexdigest()
