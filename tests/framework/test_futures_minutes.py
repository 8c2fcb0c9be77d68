"""Contracts and continuous futures in minute runs."""

import pytest
from tests.framework.test_minutes import daily, frame

from tradewind import run_algorithm
from tradewind.api import continuous_future, future_symbol, order, record, set_commission, set_slippage
from tradewind.commission import NoCommission
from tradewind.slippage import NoSlippage
from tradewind_data.bundle import open_bundle
from tradewind_data.ingest.folder import ingest_folder


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    """CLF22 rises a cent a minute from 70 and is closed on the third day; CLG22 does so from 71."""
    folder, root = tmp_path_factory.mktemp("contracts"), tmp_path_factory.mktemp("root")
    for kind in ("daily", "minute"):
        (folder / kind).mkdir()
    for name, table in {"CLF22": frame(70.0, 0.01), "CLG22": frame(71.0, 0.01)}.items():
        table.to_csv(folder / "minute" / f"{name}.csv", index=False)
        daily(table).to_csv(folder / "daily" / f"{name}.csv", index=False)
    (folder / "futures.csv").write_text(
        "symbol,sid,root_symbol,auto_close_date,multiplier\nCLF22,1,CL,2021-11-29,100\nCLG22,2,CL,2021-12-20,100\n"
    )
    ingest_folder(folder, "contracts", root=root)
    return open_bundle("contracts", root)


def ran(bundle, handle_data):
    def initialize(context):
        context.minute = -1
        set_slippage(us_futures=NoSlippage())
        set_commission(us_futures=NoCommission())

    def each(context, data):
        context.minute += 1
        handle_data(context, data)

    return run_algorithm(initialize=initialize, handle_data=each, bundle=bundle, data_frequency="minute")


def test_gains_are_in_the_cash_as_soon_as_somebody_looks(bundle):
    seen = {}

    def handle_data(context, data):
        if context.minute == 0:
            order(future_symbol("CLF22"), 2)
        if context.minute in (1, 101, 450):
            portfolio = context.portfolio
            seen[context.minute] = portfolio.capital_used, portfolio.cash, portfolio.portfolio_value
        record(exposure=context.portfolio.positions_exposure)

    result = ran(bundle, handle_data)
    assert seen[1] == pytest.approx((0.0, 1e7, 1e7))
    assert seen[101] == pytest.approx((200.0, 1e7 + 200, 1e7 + 200))
    assert seen[450] == pytest.approx((2 * 449.0, 1e7 + 898, 1e7 + 898))
    assert result.fills["amount"].tolist() == [2, -2]
    assert result.perf["ending_cash"].tolist() == pytest.approx([1e7 + 776, 1e7 + 1_196, 1e7 + 1_976])
    assert result.recorded["exposure"].iloc[0] == pytest.approx(2 * 100 * 73.89)


def test_histories_of_minutes_and_days_are_joined_at_the_roll(bundle):
    found = {}

    def handle_data(context, data):
        cf = continuous_future("CL", roll="calendar", adjustment="add")
        if context.minute in (599, 601):
            found[context.minute] = (
                data.current(cf, "contract").symbol,
                data.history(cf, "close", 4, "1m").tolist(),
                data.history(cf, "close", 2, "1d").tolist(),
                data.history(cf, "sid", 4, "1m").tolist(),
            )

    ran(bundle, handle_data)
    assert found[599] == ("CLF22", *(pytest.approx(v) for v in ([75.96, 75.97, 75.98, 75.99], [73.89, 75.99])), [1] * 4)
    minutes, days = [76.98, 76.99, 77.0, 77.01], [76.99, 77.01]
    assert found[601] == ("CLG22", pytest.approx(minutes), pytest.approx(days), [1, 1, 2, 2])
