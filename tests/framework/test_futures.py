"""Futures: sized by the multiplier, settled in cash every session, closed at the end of their life."""

import numpy as np
import pandas as pd
import pytest

import tradewind.optimize as opt
from tradewind.api import (
    commission,
    future_symbol,
    get_open_orders,
    order,
    order_optimal_portfolio,
    order_percent,
    order_target,
    order_target_percent,
    order_target_value,
    order_value,
    record,
    set_commission,
    set_max_order_size,
    set_slippage,
    slippage,
    symbol,
)
from tradewind.contract_costs import DEFAULT_ETA, ETA, EXCHANGE_FEES
from tradewind.errors import BadParameter, TradingControlViolation
from tradewind.run import run_algorithm
from tradewind_data.errors import SymbolNotFound

CLOSES = [50.0, 51.0, 49.0, 52.0, 54.0, 53.0, 55.0, 56.0]


@pytest.fixture
def no_costs():
    def initialize(context):
        set_slippage(slippage.NoSlippage(), slippage.NoSlippage())
        set_commission(commission.NoCommission(), commission.NoCommission())

    return initialize


def ran(bundle, initialize, handle_data, sessions=8, **more):
    index = bundle.sessions.index
    first = bundle.sessions.at_or_after(pd.Timestamp("2021-03-01").as_unit("ns").value)
    days = {"start": index[first], "end": index[first + sessions - 1]}
    return run_algorithm(
        **days, initialize=initialize, handle_data=handle_data, bundle=bundle, capital_base=100_000.0, **more
    )


def test_gains_go_to_cash_each_session_and_a_contract_has_no_value(market, no_costs, on_sessions):
    bundle = market.contract(5, "CLM21", CLOSES, multiplier=100.0).bundle()
    act = {0: lambda c, d: order(symbol("CLM21"), 3), 4: lambda c, d: order(symbol("CLM21"), -5)}
    perf = ran(bundle, no_costs, on_sessions(act)).perf
    cash = 100_000.0 + np.array([0, 0, -600, 300, 900, 600, 200, 0])
    assert perf["ending_cash"].tolist() == pytest.approx(cash.tolist(), rel=1e-12)
    assert perf["portfolio_value"].tolist() == perf["ending_cash"].tolist()
    assert (perf["ending_value"] == 0).all()
    assert perf["ending_exposure"].tolist() == [0, 15_300, 14_700, 15_600, 16_200, -10_600, -11_000, -11_200]
    assert perf["gross_leverage"].iloc[5] == pytest.approx(10_600 / 100_600)
    assert perf["long_exposure"].iloc[4] == 16_200
    assert perf["short_exposure"].iloc[5] == -10_600
    assert perf["capital_used"].tolist() == pytest.approx(np.diff(np.r_[100_000, cash]).tolist(), abs=1e-9)


def test_the_portfolio_seen_by_the_algorithm(market, no_costs, on_sessions):
    bundle = market.contract(5, "CLM21", CLOSES, multiplier=100.0).asset(6, [10.0] * 8).bundle()
    seen = {}

    def look(context, data):
        portfolio, contract = context.portfolio, future_symbol("clm21")
        seen["value"] = portfolio.portfolio_value, portfolio.positions_value, portfolio.positions_exposure
        seen["weights"] = portfolio.current_portfolio_weights
        seen["basis"] = portfolio.positions[contract].cost_basis
        seen["cash"] = portfolio.cash

    start = {0: lambda c, d: [order(future_symbol("CLM21"), 2), order(symbol("BBB"), 100)], 3: look}
    ran(bundle, no_costs, on_sessions(start))
    assert seen["value"] == pytest.approx((100_200.0, 1_000.0, 11_400.0))
    assert seen["cash"] == pytest.approx(99_200.0)
    assert seen["weights"].tolist() == pytest.approx([10_400 / 100_200, 1_000 / 100_200])
    assert seen["basis"] == 51.0


def test_verbs_in_money_are_sized_by_the_multiplier(market, no_costs, on_sessions):
    bundle = market.contract(5, "CLM21", CLOSES, multiplier=100.0).bundle()
    held = []

    def at(verb, amount):
        def act(context, data):
            held.append(context.portfolio.positions[future_symbol("CLM21")].amount)
            verb(future_symbol("CLM21"), amount)

        return act

    acts = [(order_value, 25_500), (order_percent, 0.2), (order_target_value, -9_900), (order_target_percent, 1.0)]
    acts += [(order_target, 7), (order, 0)]
    ran(bundle, no_costs, on_sessions({i: at(*act) for i, act in enumerate(acts)}))
    # 25,500 / 5,000 = 5.1; 0.2·100,000 / 5,100 = 3.92; −9,900 / 4,900 − 8 = −10.02; 1.0·equity / 5,200 + 2
    assert held == [0, 5, 8, -2, 19, 7]


def test_a_contract_is_closed_on_its_auto_close_date_and_takes_no_orders_afterwards(market, no_costs, caplog):
    bundle = market.contract(5, "CLM21", CLOSES, multiplier=10.0, auto_close=4).bundle()

    def handle_data(context, data):
        contract = future_symbol("CLM21")
        placed = order(contract, 1)
        record(placed=placed is not None, can=bool(data.can_trade(contract)), open=len(get_open_orders()))

    result = ran(bundle, no_costs, handle_data)
    assert result.recorded["can"].tolist() == [True] * 5 + [False] * 3
    assert result.recorded["placed"].tolist() == [True] * 5 + [False] * 3
    closing = result.fills[result.fills["order_id"].isna()]
    assert closing[["amount", "price"]].to_numpy().tolist() == [[-4, 54.0]]
    assert str(closing["session"].iloc[0].date()) == "2021-03-05"
    assert result.perf["ending_cash"].iloc[-1] == pytest.approx(100_000 + 10 * (3 + 5 + 2 + 0))
    assert result.orders["reason"].tolist()[-1] == "the asset was closed"
    assert "the contract has ended; a position is closed on 2021-03-05" in caplog.text
    assert result.events["detail"].tolist() == ["order: the contract has ended"] * 3


def test_an_auto_close_date_on_a_weekend_ends_orders_before_and_closes_after_it(market, no_costs, on_sessions):
    market.contract(5, "CLM21", CLOSES)
    saturday = pd.Timestamp("2021-03-06").as_unit("ns").value
    market.assets[0] = (*market.assets[0][:7], saturday, *market.assets[0][8:])
    bundle = market.bundle()
    placed = {}
    act = {
        session: lambda c, d, s=session: placed.update({s: order(future_symbol("CLM21"), 1) is not None})
        for session in (0, 4, 5)
    }
    result = ran(bundle, no_costs, on_sessions(act))
    assert placed == {0: True, 4: True, 5: False}
    assert result.fills["amount"].tolist() == [1, 1, -2]
    assert str(result.fills["session"].iloc[2].date()) == "2021-03-08"


def test_default_models_of_contracts(market, on_sessions):
    rng = np.random.default_rng(3)
    closes = np.round(50 * np.exp(np.cumsum(rng.normal(0, 0.01, 40))), 2)
    volumes = rng.integers(1_000, 9_000, 40).astype(float)
    bundle = market.contract(5, "CLM21", closes, volume=volumes, high_low=0.5).bundle()
    act = on_sessions({30: lambda c, d: order(symbol("CLM21"), 1_000_000), 3: lambda c, d: order(symbol("CLM21"), -7)})
    result = ran(bundle, None, act, sessions=34)
    fills = result.fills
    first = fills.iloc[0]
    assert first["price"] == pytest.approx(closes[4] * (1 - 7.5e-4), rel=1e-12)
    assert first["commission"] == pytest.approx(7 * 0.85 + EXCHANGE_FEES["CL"])
    later = fills.iloc[1]
    assert later["amount"] == int(0.05 * volumes[31])
    past = closes[11:31]
    sigma = np.std(past[1:] / past[:-1] - 1, ddof=1) * np.sqrt(252)
    share = later["amount"] / volumes[11:31].mean()
    assert later["price"] == pytest.approx(closes[31] * (1 + ETA["CL"] * sigma * np.sqrt(share) / 1e4), rel=1e-12)
    assert later["commission"] == pytest.approx(later["amount"] * 0.85 + 1.5)
    assert fills.iloc[2]["commission"] == pytest.approx(fills.iloc[2]["amount"] * 0.85)
    assert DEFAULT_ETA not in ETA.values()


def test_a_root_without_an_exchange_fee_asks_for_one(market, on_sessions):
    bundle = market.contract(5, "XXM21", CLOSES).bundle()
    with pytest.raises(BadParameter, match=r"exchange_fee of 'XX'.*set_commission\(us_futures="):
        ran(bundle, None, on_sessions({0: lambda c, d: order(symbol("XXM21"), 1)}))


def test_shares_keep_their_compiled_path_beside_contracts(market, on_sessions):
    bundle = market.contract(5, "CLM21", CLOSES).asset(6, [10.0] * 8).bundle()
    result = ran(bundle, None, on_sessions({0: lambda c, d: [order(symbol("BBB"), 10), order(symbol("CLM21"), 1)]}))
    assert result.fills["price"].tolist() == pytest.approx([10.005, 51.0 * (1 + 7.5e-4)])


def test_a_control_of_worth_counts_the_multiplier(market, no_costs, on_sessions):
    bundle = market.contract(5, "CLM21", CLOSES, multiplier=100.0).bundle()

    def initialize(context):
        no_costs(context)
        set_max_order_size(max_notional=15_000)

    act = {0: lambda c, d: order(symbol("CLM21"), 3), 1: lambda c, d: order(symbol("CLM21"), -3)}
    with pytest.raises(TradingControlViolation, match="3 shares at 51 are worth more than max_notional=15000"):
        ran(bundle, initialize, on_sessions(act))


def test_models_of_the_other_class_are_refused(market):
    bundle = market.contract(5, "CLM21", CLOSES).bundle()
    for act in (
        lambda context: set_slippage(us_equities=slippage.VolatilityVolumeShare()),
        lambda context: set_commission(us_futures=commission.PerShare()),
    ):
        with pytest.raises(BadParameter, match="allowed_asset_types"):
            ran(bundle, act, None)


def test_a_symbol_of_a_share_is_no_contract(market, no_costs, on_sessions):
    bundle = market.contract(5, "CLM21", CLOSES).asset(6, [10.0] * 8).bundle()
    with pytest.raises(SymbolNotFound, match=r"use symbol\('BBB'\)"):
        ran(bundle, no_costs, on_sessions({0: lambda c, d: future_symbol("BBB")}))
    with pytest.raises(SymbolNotFound, match="Did you mean CLM21"):
        ran(bundle, no_costs, on_sessions({0: lambda c, d: future_symbol("CLM22")}))


def test_the_optimizer_weighs_contracts_by_their_exposure(market, no_costs, on_sessions):
    bundle = market.contract(5, "CLM21", CLOSES, multiplier=100.0).asset(6, [10.0] * 8).bundle()

    def rebalance(context, data):
        weights = {future_symbol("CLM21"): 0.5, symbol("BBB"): -0.2}
        order_optimal_portfolio(opt.TargetWeights(weights), [opt.MaxGrossExposure(1.0)])

    result = ran(bundle, no_costs, on_sessions({0: rebalance, 5: rebalance}))
    # 0.5 · 100,000 / 5,000 = 10 contracts; then 0.5 · 102,000 / 5,300 = 9.6
    assert result.orders[["sid", "amount"]].to_numpy().tolist() == [[5, 10], [6, -2_000], [5, -1], [6, -40]]
    weights = result.weights.iloc[2]
    assert weights.tolist() == pytest.approx([49_000 / 98_000, -20_000 / 98_000])


@pytest.mark.parametrize("seed", range(6))
def test_equity_is_the_capital_and_what_every_fill_has_gained(market, seed):
    """capital + Σ over fills of amount·(price now − price paid)·multiplier − commissions, whatever was ordered."""
    rng = np.random.default_rng(seed)
    for sid, (name, first, last) in enumerate([("CLH21", 0, 18), ("CLJ21", 4, 26), ("ESM21", 0, 30)], 1):
        close = np.round(50 * np.exp(rng.normal(0, 0.03, last - first).cumsum()), 2)
        close[1:-1][rng.random(last - first - 2) < 0.1] = np.nan
        volume = rng.integers(20, 400, last - first).astype(float)
        closing = last - int(rng.integers(1, 4))
        market.contract(sid, name, close, rng.choice([0.1, 50.0]), volume=volume, first=first, auto_close=closing)
    market.asset(9, np.round(20 * np.exp(rng.normal(0, 0.02, 30).cumsum()), 2), volume=500)
    bundle = market.bundle()

    def initialize(context):
        set_commission(commission.PerShare(0.01), commission.PerContract(0.5, 1.0))
        set_slippage(us_futures=slippage.VolumeShareSlippage(0.2))

    def handle_data(context, data):
        for asset in bundle.finder:
            if rng.random() < 0.4 and data.can_trade(asset):
                price = data.current(asset, "price")
                limit = None if rng.random() < 0.6 else float(price * rng.uniform(0.97, 1.03))
                order(asset, int(rng.integers(-40, 41)), limit_price=limit)

    result = ran(bundle, initialize, handle_data, sessions=30)
    perf, fills = result.perf, result.fills
    assert len(fills) > 20
    first = bundle.sessions.ordinal(perf.index[0].value)
    marks = pd.DataFrame(bundle.bars().values("close")[first : first + 30], perf.index, bundle.finder.sids).ffill()
    closings = fills[fills["order_id"].isna()]
    for session, row in perf.iterrows():
        done = fills[fills["session"] <= session]
        now = np.array([marks.at[session, sid] for sid in done["sid"]])
        gained = (done["amount"] * (now - done["price"]) * done["multiplier"]).sum() - done["commission"].sum()
        assert row["portfolio_value"] == pytest.approx(100_000 + gained, rel=1e-12)
        assert row["ending_value"] == pytest.approx(done[done["sid"] == 9]["amount"].sum() * marks.at[session, 9])
    assert len(closings) <= 3
    assert set(closings["commission"]) <= {0.0}


class InPython(commission.PerContract):
    """A subclass that overrides the method runs in Python."""

    def calculate(self, order, transaction):
        return super().calculate(order, transaction)


@pytest.mark.parametrize(
    "terms", [(), (0.37, 1.1, 2.9), ({"CL": 2.13}, {"CL": 0.77, "ES": 0.1}, 40.0), (0.1, {"CL": 3.0, "ES": 5.0})]
)
def test_contracts_cost_the_same_in_compiled_code_and_in_python(market, terms):
    rng = np.random.default_rng(5)
    for sid, name in enumerate(["CLM21", "ESM21", "CLN21"], 1):
        close = np.round(50 * np.exp(rng.normal(0, 0.03, 12).cumsum()), 2)
        market.contract(sid, name, close, volume=rng.integers(20, 90, 12).astype(float))
    bundle = market.asset(9, [10.0] * 12, volume=500).bundle()

    def results(model):
        draw = np.random.default_rng(6)

        def initialize(context):
            set_commission(commission.PerShare(0.01), model)
            set_slippage(us_futures=slippage.VolumeShareSlippage(0.2))

        def handle_data(context, data):
            for asset in bundle.finder:
                order(asset, int(draw.integers(-30, 31)))

        return ran(bundle, initialize, handle_data, sessions=12)

    compiled, python = results(commission.PerContract(*terms)), results(InPython(*terms))
    assert len(compiled.fills) > 30
    assert compiled.orders["commission"].nunique() > 5
    for name in ("fills", "orders", "perf"):
        pd.testing.assert_frame_equal(getattr(compiled, name), getattr(python, name), check_exact=True)


@pytest.mark.parametrize("contracts", [4, -4])
def test_quiet_sessions_settle_as_watched_ones_do(market, no_costs, contracts):
    bundle = market.contract(5, "CLM21", CLOSES, multiplier=7.0).bundle()

    def once(context, data):
        order(symbol("CLM21"), contracts)

    def starting(watch):
        from tradewind.api import date_rules, schedule_function

        def initialize(context):
            no_costs(context)
            schedule_function(once, date_rules.month_start())

        return initialize, (lambda context, data: None) if watch else None

    frames = [ran(bundle, *starting(watch)).perf for watch in (False, True)]
    pd.testing.assert_frame_equal(*frames)
    assert frames[0]["ending_cash"].iloc[-1] == pytest.approx(100_000 + 7 * contracts * (56 - 51))
    assert frames[0]["ending_exposure"].iloc[-1] == 7 * contracts * 56
    assert frames[0]["gross_leverage"].iloc[-1] == pytest.approx(28 * 56 / frames[0]["ending_cash"].iloc[-1])


@pytest.mark.parametrize("contracts", [4, -4])
def test_a_commission_moves_the_basis_of_a_contract_by_points(market, on_sessions, contracts):
    bundle = market.contract(5, "CLM21", CLOSES, multiplier=100.0).bundle()
    seen = []

    def initialize(context):
        set_slippage(us_futures=slippage.NoSlippage())
        set_commission(us_futures=commission.PerContract(2.5, 0.0))

    def look(context, data):
        seen.append(context.portfolio.positions[future_symbol("CLM21")].cost_basis)

    ran(bundle, initialize, on_sessions({0: lambda c, d: order(symbol("CLM21"), contracts), 1: look}))
    assert seen == pytest.approx([51.0 + 10.0 / (contracts * 100.0)], rel=1e-14)
