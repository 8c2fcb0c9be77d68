"""Cancel policies: what a session's end does to open orders."""

import numpy as np
import pytest

import tradewind.api as api
from tradewind import run_algorithm
from tradewind.api import EODCancel, NeverCancel, cancel_policy
from tradewind.errors import BadParameter, OnlyDuringInitialize
from tradewind.semantics import ZIPLINE

CANCELLED = "cancelled at the end of the session"


def run(market, on_sessions, policy, actions, semantics="tradewind"):
    def initialize(context):
        api.set_slippage(api.slippage.FixedBasisPointsSlippage(0, 0.1))
        api.set_commission(api.commission.NoCommission())
        if policy is not None:
            api.set_cancel_policy(policy)

    return run_algorithm(
        initialize=initialize, handle_data=on_sessions(actions), bundle=market.bundle(), semantics=semantics
    )


def rest(sid, shares=10, price=1.0):
    """Order at a limit that is never reached."""
    api.order(api.sid(sid), shares, limit_price=price)


def table(result):
    days = (result.orders["updated"].dt.normalize().dt.tz_localize(None)).map(result.perf.index.get_loc)
    return list(zip(result.orders["status"], result.orders["reason"], days, strict=True))


@pytest.mark.parametrize("policy", [None, NeverCancel()])
def test_by_default_an_order_rests_until_the_run_ends(market, on_sessions, policy):
    market.asset(1, [10] * 4)
    result = run(market, on_sessions, policy, {0: lambda c, d: rest(1)})
    assert table(result) == [("open", "open when the run ended", 0)]


@pytest.mark.parametrize(
    ("semantics", "wanted"),
    [
        # order 0 rests alone on asset 1; 1 and 2 on asset 2; 3 comes to asset 1 a session later
        ("tradewind", [("cancelled", CANCELLED, 1)] * 3 + [("cancelled", CANCELLED, 2)]),
        (
            ZIPLINE,
            [
                ("cancelled", CANCELLED, 1),
                ("cancelled", CANCELLED, 0),
                ("open", "open when the run ended", 0),
                ("open", "open when the run ended", 1),
            ],
        ),
    ],
)
def test_eod_cancel_ends_every_order_that_had_its_bar_and_in_the_original_the_first_of_several(
    market, on_sessions, semantics, wanted
):
    market.asset(1, [10] * 5).asset(2, [10] * 5)
    first = {0: lambda c, d: [rest(sid) for sid in (1, 2, 2)], 1: lambda c, d: rest(1)}
    result = run(market, on_sessions, EODCancel(), first, semantics)
    assert table(result) == wanted
    assert result.perf["orders_count"].tolist() == ([3, 4, 1, 0, 0] if semantics == "tradewind" else [3, 2, 0, 0, 0])


def test_an_order_placed_in_the_last_bar_keeps_its_chance_and_what_was_filled_stays(market, on_sessions, caplog):
    market.asset(1, [10] * 4, volume=1_000)
    result = run(market, on_sessions, EODCancel(), {0: lambda c, d: api.order(api.sid(1), 250)})
    assert result.fills[["amount", "price"]].values.tolist() == [[100, 10]]
    assert table(result) == [("cancelled", CANCELLED, 1)]
    assert result.positions["amount"].tolist() == [100] * 3
    assert [r.getMessage() for r in caplog.records] == [
        "2021-03-02 21:00 the order for 250 shares of Equity(1 [AAA]) was cancelled at the end of the session: "
        "100 were bought, 150 were not"
    ]


def test_the_log_says_when_nothing_was_sold_and_can_be_silenced(market, on_sessions, caplog):
    market.asset(1, [10, np.nan, 10])
    actions = {0: lambda c, d: api.order(api.sid(1), -5)}
    result = run(market, on_sessions, EODCancel(), actions)
    assert (
        caplog.records[0].getMessage().endswith("for -5 shares of Equity(1 [AAA]) was " + CANCELLED + ": none was sold")
    )
    assert len(result.fills) == 0
    caplog.clear()
    run(market, on_sessions, EODCancel(warn_on_cancel=False), actions)
    assert caplog.records == []


def test_a_policy_of_ones_own(market, on_sessions):
    class OnTheThirdDay(cancel_policy.CancelPolicy):
        warn_on_cancel = False

        def should_cancel(self, event):
            return event == cancel_policy.SESSION_END and api.get_datetime().day == 3

    market.asset(1, [10] * 5)
    result = run(market, on_sessions, OnTheThirdDay(), {0: lambda c, d: rest(1)})
    assert table(result) == [("cancelled", CANCELLED, 2)]


def test_refusals(market, on_sessions):
    market.asset(1, [10] * 2)
    with pytest.raises(BadParameter, match="cancel_policy was 'EODCancel'"):
        run(market, on_sessions, "EODCancel", {})
    with pytest.raises(OnlyDuringInitialize, match="set_cancel_policy"):
        run(market, on_sessions, None, {0: lambda c, d: api.set_cancel_policy(NeverCancel())})
    with pytest.raises(NotImplementedError, match="should_cancel"):
        run(market, on_sessions, cancel_policy.CancelPolicy(), {})
    assert (repr(EODCancel()), repr(NeverCancel())) == ("EODCancel(warn_on_cancel=True)", "NeverCancel()")
