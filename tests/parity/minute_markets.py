"""Markets of minutes, seeded and plain as those of `markets`: a few sessions, one of which closes early.

A market of minutes has the entries of `markets`, its daily bars made from the minutes, and besides

    counts    the number of minutes of each session
    minutes   sid → one [session, minute, open, high, low, close, volume] a bar; a minute without a trade has none

Both counted from 0. The minutes of a session end at 14:31 UTC and after, as in New York's winter.
"""

import datetime as dt
import random

EARLY = {"2020-12-24"}
OPEN = dt.timedelta(hours=14, minutes=30)
SPANS = {
    "minutes": ("2020-12-18", "2021-01-04"),
    "drawn": ("2020-12-21", "2020-12-29"),
    "contracts": ("2020-12-21", "2020-12-31"),
}


def is_minutes(name):
    """Whether a market of that name has minutes."""
    return name.partition("-")[0] in SPANS


def stamp(session, minute):
    """The end of a minute, ISO in UTC."""
    return (dt.datetime.fromisoformat(session) + OPEN + dt.timedelta(minutes=minute + 1)).isoformat()


class _Maker:
    """Assets whose price walks minute by minute; corporate actions move the walk as they move a real price."""

    def __init__(self, sessions, seed):
        self.sessions, self.random = sessions, random.Random(seed)
        self.counts = [210 if day in EARLY else 390 for day in sessions]
        empty = {name: [] for name in ("assets", "splits", "dividends", "stock_dividends", "mergers")}
        self.market = {"sessions": sessions, **empty, "bars": {}, "counts": self.counts, "minutes": {}}

    def add(self, sid, symbol, price, volume, *, first=0, last=None, close_after=1, decimals=3, every=1, **events):
        """One asset that trades about every `every` minutes.

        events: splits (session, new, old), dividends (session, pay date, fraction), holes ((session, first, stop), …)
        without trades, silent ((session, minute), …) with volume 0, swing of a minute.
        """
        last = len(self.counts) - 1 if last is None else last
        rows, silent = [], set(events.get("silent", ()))
        for session in range(first, last + 1):
            price = self._overnight(sid, session, price, events)
            closed = [span for span in events.get("holes", ()) if span[0] == session]
            for minute in range(self.counts[session]):
                price *= 1.0 + self.random.uniform(-1, 1) * events.get("swing", 0.0015)
                drawn = self._bar(price, volume, decimals)
                if any(a <= minute < b for _, a, b in closed) or self.random.random() * every >= 1.0:
                    continue
                if (session, minute) in silent:
                    drawn[-1] = 0
                rows.append([session, minute, *drawn])
        self._place(sid, symbol, rows, first, last, close_after)

    def _overnight(self, sid, session, price, events):
        """The price after what happens before a session."""
        dates, market = self.sessions, self.market
        for at, pay, share in events.get("dividends", ()):
            if at == session:
                amount = round(price * share, 4)
                market["dividends"].append([sid, dates[at], pay, amount])
                price -= amount
        for at, new, old in events.get("splits", ()):
            if at == session:
                market["splits"].append([sid, dates[at], new, old])
                price *= old / new
        return price

    def _bar(self, price, volume, decimals):
        draw = self.random.uniform
        opening = price * (1.0 + draw(-0.0008, 0.0008))
        high, low = max(opening, price) * (1.0 + draw(0.0, 0.0008)), min(opening, price) * (1.0 - draw(0.0, 0.0008))
        return [*(round(value, decimals) for value in (opening, high, low, price)), int(volume * draw(0.5, 1.5))]

    def _place(self, sid, symbol, rows, first, last, close_after):
        """Put the asset with its minutes, and days made of them, into the market."""
        dates, market = self.sessions, self.market
        days = [[row for row in rows if row[0] == session] for session in range(first, last + 1)]
        end = dt.date.fromisoformat(dates[last]) + dt.timedelta(days=close_after)
        span = {"start": dates[first], "end": dates[last], "auto_close": end.isoformat()}
        market["assets"].append({"sid": sid, "symbol": symbol, **span})
        market["minutes"][sid] = rows
        market["bars"][sid] = [_day(day) if day else None for day in days]


def _day(rows):
    _, _, opens, highs, lows, closes, volumes = zip(*rows, strict=True)
    return [opens[0], max(highs), min(lows), closes[-1], sum(volumes)]


def _curated(sessions):
    """Every kind of event at a known place; session 4 closes early."""
    made, d = _Maker(sessions, seed=5), sessions
    made.add(1, "AAA", 50.0, 4_000)
    made.add(2, "BBB", 300.0, 900, splits=[(3, 2, 1), (6, 3, 2)])
    made.add(3, "CCC", 0.9, 2_500, splits=[(5, 1, 10)], every=2)
    made.add(4, "DDD", 80.0, 1_200, dividends=[(2, d[4], 0.01), (5, d[8], 0.012), (7, d[7], 0.01)])
    made.add(
        5,
        "EEE",
        25.0,
        300,
        every=6,
        holes=[(1, 100, 390), (2, 0, 390), (3, 0, 7), (5, 0, 390), (6, 20, 60)],
        silent=[(0, 40), (0, 41), (4, 100)],
        dividends=[(2, d[3], 0.01), (6, d[7], 0.01)],
        splits=[(5, 3, 2)],
    )
    made.add(6, "FFF", 15.0, 700, first=3, dividends=[(6, d[8], 0.02)])
    made.add(7, "GGG", 33.0, 600, last=5, close_after=1, holes=[(5, 300, 390)])
    made.add(8, "HHH", 12.0, 40, last=6, close_after=3, every=3)
    made.add(9, "III", 1.2345678, 800, decimals=7, splits=[(2, 1, 4)])
    made.market["stock_dividends"] += [[1, 1, d[4], d[6], 0.05], [4, 6, d[4], d[7], 0.0313]]
    made.market["mergers"].append([9, d[7], 0.97])
    return made.market


def _drawn(sessions, seed):
    """A market in which everything happens at random; a session in the middle closes early."""
    made, d, n = _Maker(sessions, seed), sessions, len(sessions)
    draw = made.random
    for sid in range(1, 7):
        first = 0 if sid <= 3 else draw.choice([0, 1, 2])
        last = n - 1 if sid <= 3 else draw.choice([n - 1, n - 2, n - 3])
        inside = range(first + 1, last + 1)
        holes = [(draw.choice(inside), a, a + draw.randrange(1, 120)) for a in draw.sample(range(380), 3)]
        made.add(
            sid,
            chr(ord("A") + sid - 1) * 3,
            draw.uniform(2.0, 400.0),
            draw.choice([30, 400, 9_000]),
            first=first,
            last=last,
            close_after=draw.randrange(1, 4),
            decimals=draw.choice([2, 3, 5]),
            every=draw.choice([1, 1.2, 4]),
            swing=draw.choice([0.0005, 0.002]),
            splits=[(at, *draw.choice([(2, 1), (3, 2), (1, 3), (7, 5)])) for at in draw.sample(inside, 1)],
            dividends=[(at, d[min(at + 1, n - 1)], draw.uniform(0.002, 0.02)) for at in draw.sample(inside, 1)],
            holes=holes,
            silent=[(draw.choice(inside), draw.randrange(200)) for _ in range(5)],
        )
    return made.market


def _contracts(sessions):
    """A share, and three contracts of one root; the first is closed in session 3, the second in session 5."""
    made = _Maker(sessions, seed=17)
    made.market["contracts"] = []
    made.add(1, "AAA", 50.0, 4_000, dividends=[(2, sessions[4], 0.01)])
    for sid, symbol, price, volume, last, closing in (
        (100, "CLF21", 47.5, [300, 60, 30, 20, 0, 0, 0, 0], 4, "2020-12-24"),
        (101, "CLG21", 47.9, [80, 90, 300, 40, 50, 60, 30, 0], 6, "2020-12-28"),
        (102, "CLH21", 48.4, [20, 30, 50, 260, 290, 300, 300, 300], 7, "2021-01-20"),
    ):
        made.add(sid, symbol, price, 1, last=last, decimals=2, every=1.3, holes=[(1, 5, 9), (2, 388, 390)])
        for row in made.market["minutes"][sid]:
            row[6] = 1 + int(volume[row[0]] * (0.5 + (row[1] * 7 % 11) / 11))
        days = [[r for r in made.market["minutes"][sid] if r[0] == s] for s in range(last + 1)]
        made.market["bars"][sid] = [_day(day) for day in days]
        facts = made.market["assets"].pop()
        more = {"root": "CL", "auto_close": closing, "multiplier": 1000.0, "tick": 0.01}
        made.market["contracts"].append({**facts, **more})
    return made.market


def make(name, sessions):
    """The market of that name ("minutes", "drawn-1", …) over those of the given sessions that lie in its span."""
    kind, _, seed = name.partition("-")
    first, last = SPANS[kind]
    inside = [day for day in sessions if first <= day <= last]
    if kind == "contracts":
        return _contracts(inside)
    return _curated(inside) if kind == "minutes" else _drawn(inside, int(seed))
