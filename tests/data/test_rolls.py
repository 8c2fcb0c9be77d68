"""Chains and their rolls: by hand, against a plain session-by-session walk, and blind to what is still to come."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradewind_data import tables
from tradewind_data.assets import AssetFinder
from tradewind_data.contracts import Chain, ContinuousFuture, chain_of
from tradewind_data.errors import SymbolNotFound
from tradewind_data.ingest.market import sessions_for
from tradewind_data.rolls import calendar_rolls, contracts_at, volume_rolls

SESSIONS = np.arange(12)


def chain(*contracts):
    """A chain of (start, close, end), in columns 0, 1, …"""
    start, close, end = (np.array(values) for values in zip(*contracts, strict=True))
    return Chain("CL", np.arange(len(contracts)), start, close, end)


def volumes(*columns):
    return np.array(columns, dtype=float).T


def test_by_the_calendar_the_next_contract_takes_over_where_one_is_closed():
    made = chain((0, 4, 5), (0, 8, 8), (6, 20, 11))
    assert contracts_at(made, calendar_rolls(made), SESSIONS, 0).tolist() == [0] * 4 + [1] * 4 + [2] * 4
    assert contracts_at(made, calendar_rolls(made), SESSIONS, 1).tolist() == [1] * 4 + [-1, -1, 2, 2] + [-1] * 4
    gap = chain((0, 4, 5), (6, 20, 11))
    assert contracts_at(gap, calendar_rolls(gap), SESSIONS, 0).tolist() == [0] * 4 + [-1, -1] + [1] * 6


def test_by_volume_the_session_after_the_next_one_traded_more():
    made = chain((0, 9, 9), (0, 20, 11))
    volume = volumes([9, 9, 9, 9, 4, 4, 4, 4, 4, 4, 0, 0], [1, 1, 1, 9, 9, 9, 9, 9, 9, 9, 9, 9])
    assert volume_rolls(made, volume).tolist() == [5]
    assert contracts_at(made, volume_rolls(made, volume), SESSIONS, 0).tolist() == [0] * 5 + [1] * 7


def test_a_chain_never_goes_back():
    made = chain((0, 9, 9), (0, 20, 11))
    volume = volumes([9] * 12, [1, 1, 10, 1, 1, 1, 1, 1, 1, 1, 1, 1])
    assert volume_rolls(made, volume).tolist() == [3]


def test_without_a_change_of_volume_the_calendar_or_the_end_of_its_life_ends_a_contract():
    volume = volumes([9] * 12, [1] * 12)
    assert volume_rolls(chain((0, 9, 11), (0, 20, 11)), volume).tolist() == [9]
    assert volume_rolls(chain((0, 9, 6), (0, 20, 11)), volume).tolist() == [7]


def test_what_is_listed_today_has_no_volume_yesterday():
    volume = volumes([0] * 12, [5] * 12)
    assert volume_rolls(chain((0, 9, 9), (4, 20, 11)), volume).tolist() == [5]


lives = st.tuples(st.integers(0, 8), st.integers(1, 12), st.integers(0, 11)).map(
    lambda t: (t[0], max(t[1], t[0] + 1), max(t[2], t[0]))
)
chains = st.lists(lives, min_size=1, max_size=5).map(lambda found: chain(*sorted(found, key=lambda life: life[1])))


def plain_walk(made, volume):
    """The place of the primary contract in each session, one session after the other."""
    place, found = 0, []
    for s in range(len(SESSIONS)):
        while place < len(made) - 1:
            over = s >= made.close[place] or s > made.end[place]
            both = s > made.start[place] and s > made.start[place + 1] and s - 1 < len(volume)
            passed = both and volume[s - 1, place + 1] > volume[s - 1, place]
            if not (over or passed):
                break
            place += 1
        found.append(place)
    return found


def grids(made):
    size = len(SESSIONS) * len(made)
    return st.lists(st.integers(0, 3), min_size=size, max_size=size).map(
        lambda values: np.array(values, dtype=float).reshape(len(SESSIONS), len(made))
    )


@given(st.data())
def test_rolls_agree_with_a_walk_through_the_sessions(data):
    made = data.draw(chains)
    volume = data.draw(grids(made))
    rolls = volume_rolls(made, volume)
    assert (np.diff(rolls) >= 0).all()
    places = np.searchsorted(rolls, SESSIONS, side="right")
    # A contract that is gone before it was ever the primary one is passed over at once.
    assert places[made.start[0] :].tolist() == plain_walk(made, volume)[made.start[0] :]


@given(st.data())
def test_nothing_of_today_or_later_is_looked_at(data):
    made = data.draw(chains)
    volume, other = data.draw(grids(made)), data.draw(grids(made))
    today = data.draw(st.integers(0, 11))
    other[:today] = volume[:today]
    seen = [contracts_at(made, volume_rolls(made, v), SESSIONS[: today + 1], 0).tolist() for v in (volume, other)]
    assert seen[0] == seen[1]


def finder_of(symbols, root):
    sessions = sessions_for("24/7", *(pd.Timestamp(d).as_unit("ns").value for d in ("2021-01-01", "2021-12-31")))
    n = len(symbols)
    days = sessions.labels[sessions.at_or_after(pd.Timestamp("2021-01-01").as_unit("ns").value) :].astype(np.int64)
    close = days[10 + 5 * np.arange(n)]
    table = {
        "sid": np.arange(n),
        "symbol": np.array(symbols, dtype=object),
        "asset_name": np.array(symbols, dtype=object),
        "exchange": np.full(n, "NYMEX", dtype=object),
        "asset_type": np.full(n, "future", dtype=object),
        "start_date": np.full(n, days[0]),
        "end_date": close,
        "auto_close_date": close,
        "price_multiplier": np.full(n, 10.0),
        "tick_size": np.full(n, 0.01),
    }
    none = np.full(n, tables.NAT)
    contracts = {"sid": np.arange(n), "root_symbol": np.array([root] * n, dtype=object)}
    contracts |= {"notice_date": none, "expiration_date": none}
    borne = {name: table[name] for name in ("sid", "symbol", "start_date", "end_date")}
    return AssetFinder(table, borne, sessions, "made", contracts)


def test_a_chain_is_in_the_order_of_closing_and_holds_the_months_that_are_traded():
    gold = finder_of(["GCF21", "GCG21", "GCH21", "GCJ21"], "GC")
    assert [gold.asset_at(c).symbol for c in chain_of(gold, "gc").columns] == ["GCG21", "GCJ21"]
    oil = finder_of(["CLH21", "CLF21", "CLG21"], "CL")
    assert chain_of(oil, "CL").columns.tolist() == [0, 1, 2]
    with pytest.raises(SymbolNotFound, match="Its root symbols: CL"):
        chain_of(oil, "XX")


def test_continuous_futures_are_equal_by_what_they_say():
    day = pd.Timestamp("2021-01-01")
    made = [
        ContinuousFuture(root, offset, roll, adjustment, day, day, "NYMEX")
        for root in ("CL", "ES")
        for offset in (0, 1)
        for roll in ("volume", "calendar")
        for adjustment in ("mul", "add", None)
    ]
    assert len(set(made)) == len({cf.sid for cf in made}) == 24
    assert made[0] == ContinuousFuture("CL", 0, "volume", "mul", day, day, "")
    assert made[0] != 1
    assert sorted(made)[0].root_symbol == "CL"
    assert repr(made[0]) == "ContinuousFuture(CL, 0, volume, mul)"
