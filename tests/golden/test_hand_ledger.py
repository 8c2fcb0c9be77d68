"""A run of fourteen sessions agrees with figures worked out on paper (hand_ledger/README.md), below the cent."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tradewind import run_algorithm
from tradewind.api import commission, order, order_target, set_commission, set_slippage, sid, slippage
from tradewind_data.bundle import open_bundle
from tradewind_data.ingest.folder import ingest_folder

HERE = Path(__file__).parent / "hand_ledger"


def initialize(context):
    set_slippage(slippage.FixedBasisPointsSlippage(10, 0.1))
    set_commission(commission.PerShare(0.01, 1.0))
    context.session = 0


def handle_data(context, data):
    alpha, beta = sid(1), sid(2)
    context.session += 1
    match context.session:
        case 1:
            order(alpha, 1501)
            order(beta, -400)
        case 8:
            order(alpha, -3000)
        case 11:
            order(beta, 400)
        case 13:
            order_target(alpha, 0)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    root = tmp_path_factory.mktemp("root")
    ingest_folder(HERE, "hand", root=root)
    return run_algorithm(
        initialize=initialize, handle_data=handle_data, capital_base=100_000.0, bundle=open_bundle("hand", root)
    )


@pytest.fixture(scope="module")
def expected():
    return pd.read_csv(HERE / "expected.csv", parse_dates=["session"], index_col="session")


def test_cash_and_value_every_session(run, expected):
    assert len(run.perf) == len(expected) == 14
    assert (run.perf.index == expected.index).all()
    np.testing.assert_allclose(run.perf["ending_cash"], expected["cash"], rtol=0, atol=1e-8)
    np.testing.assert_allclose(run.perf["portfolio_value"], expected["value"], rtol=0, atol=1e-8)


@pytest.mark.parametrize("symbol", ["AAA", "BBB"])
def test_shares_and_cost_basis_every_session(run, expected, symbol):
    held = run.positions[run.positions["symbol"] == symbol].set_index("session").reindex(expected.index)
    np.testing.assert_array_equal(held["amount"].fillna(0), expected[f"shares_{symbol}"])
    np.testing.assert_allclose(held["cost_basis"].fillna(0.0), expected[f"basis_{symbol}"], rtol=1e-13)


def test_orders_and_fills(run):
    assert run.fills["amount"].tolist() == [1000, -400, 501, -3000, 400, 749]
    assert run.fills["commission"].round(10).tolist() == [10.0, 4.0, 5.01, 30.0, 4.0, 7.49]
    assert run.orders["filled"].tolist() == [1501, -400, -3000, 400, 749]
    assert set(run.orders["status"]) == {"filled"}
