"""closes_of: a bundle's closes by symbol, as they were known at the end."""

from datetime import date

import numpy as np
import pandas as pd
import pytest
from tests.service import market

from tradewind.prices import closes_of
from tradewind_data.bundle import open_bundle


@pytest.fixture(scope="module")
def source(root):
    return closes_of(open_bundle("published", root))


def test_closes_are_those_ingested(source):
    expected = market.closes()
    found = source(["MSFT", "NNE"], None, None)
    assert found.columns.tolist() == ["MSFT", "NNE"]
    np.testing.assert_allclose(found["MSFT"], expected["MSFT"])
    np.testing.assert_array_equal(found["NNE"].isna(), expected["NNE"].isna())
    assert found.iloc[-1].tolist() == [310.0, 33.0]


def test_dates_are_inclusive_and_clamped(source):
    found = source(["AAPL"], date(2024, 1, 1), date(2024, 1, 7))
    assert found.index.tolist() == list(pd.to_datetime(["2024-01-02", "2024-01-03", "2024-01-04", "2024-01-05"]))
    assert source(["AAPL"], None, date(2030, 1, 1)).index[-1] == pd.Timestamp(market.LAST)
    assert len(source(["AAPL"], None, date(2001, 1, 1))) == 0
    assert len(source(["AAPL"], date(2030, 1, 1), None)) == 0


def test_symbols_unknown_then_have_no_column(source):
    assert source(["AAPL", "nobody"], None, None).columns.tolist() == ["AAPL"]
    assert source(["AAPL", "NNE"], None, date(2023, 12, 29)).columns.tolist() == ["AAPL"]
    assert source(["nobody"], None, None).shape[1] == 0


def test_nothing_after_the_end_is_in_adjusted_closes():
    whole = closes_of("demo")
    early = whole(["AAPL"], None, date(2005, 2, 1))["AAPL"]
    late = whole(["AAPL"], None, None)["AAPL"].loc[: early.index[-1]]
    ratio = (late / early).dropna()
    assert early.iloc[-1] == pytest.approx(77.53)
    assert ratio.std() < 1e-9
    assert ratio.iloc[0] < 1
