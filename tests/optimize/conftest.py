"""Labels that look like assets: ordered, compared and hashed by a number they also answer to ``__index__`` with."""

from functools import total_ordering

import pytest


@total_ordering
class Stock:
    def __init__(self, sid, symbol):
        self.sid, self.symbol = sid, symbol

    def __index__(self):
        return self.sid

    def __hash__(self):
        return hash(self.sid)

    def __eq__(self, other):
        return self.sid == getattr(other, "sid", other)

    def __lt__(self, other):
        return self.sid < getattr(other, "sid", other)

    def __repr__(self):
        return f"Equity({self.sid} [{self.symbol}])"


@pytest.fixture(scope="session")
def stock():
    return Stock


@pytest.fixture(scope="session")
def aapl():
    return Stock(24, "AAPL")


@pytest.fixture(scope="session")
def msft():
    return Stock(5061, "MSFT")
