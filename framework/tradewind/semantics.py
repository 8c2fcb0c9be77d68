"""What the simulator does where reasonable engines differ: one frozen record, one named field a deviation.

The default (TRADEWIND) follows the original platform's engine wherever that is right; each field below that is True in
TRADEWIND and False in ZIPLINE is a deliberate difference. The simulator reads the record once and hands each room the
number or function it needs. docs/deviations.md lists the fields with the reason and the test of each.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields

from tradewind.errors import BadParameter


def _deviation(code: str, text: str, test: str) -> bool:
    """Declare a field that is True by default, with its entry in docs/deviations.md: code, text, and the test of it."""
    return field(default=True, metadata={"code": code, "text": text, "test": test})


@dataclass(frozen=True)
class Semantics:
    """The deliberate differences from the original engine, each switchable."""

    no_look_ahead_before_open: bool = _deviation(
        "D1",
        "before_trading_start sees the previous session's prices, adjusted to today. "
        "The original shows it today's close in daily mode, hours before that close exists.",
        "test_event_order.py::test_before_trading_start_knows_yesterday_seen_from_today",
    )
    session_end_cancels_all: bool = _deviation(
        "D2",
        "With daily bars, EODCancel cancels at a session's end every open order that has had a bar to fill in. "
        "The original cancels only the first order of an asset that has two or more; a lone order rests for ever.",
        "test_cancelling.py::test_eod_cancel_ends_every_order_that_had_its_bar_and_in_the_original_the_first_of_several",
    )
    pay_on_next_session: bool = _deviation(
        "D3",
        "A dividend whose pay date is not a session is paid on the next session. The original never pays it.",
        "test_corporate_actions.py::test_a_pay_date_that_is_no_session_pays_on_the_next_one_and_never_in_the_original",
    )
    dividend_ratio_from_last_close: bool = _deviation(
        "D5",
        "A dividend adjusts earlier prices by 1 − amount / the last close before its ex date. The original looks at "
        "the session just before alone: without a bar there, earlier prices are never adjusted.",
        "test_coarse.py::test_a_dividend_after_a_hole_adjusts_and_in_the_original_not",
    )
    tradable_before_open: bool = _deviation(
        "D6",
        "In a minute run, data.can_trade in before_trading_start answers for the coming session. In the original it is "
        "always False there, since it asks about the moment of the opening bell, which ends no minute.",
        "test_minutes.py::test_before_the_open_an_asset_can_be_traded_and_in_the_original_none",
    )
    exact_splits: bool = _deviation(
        "D7",
        "A split multiplies shares by an exact ratio and pays the fraction at market value; the basis is not rounded; "
        "limits and stops of open orders keep the decimals of the asset's tick and never become 0. "
        "The original divides by a rounded float, which can lose a whole share, pays the fraction at a cost basis "
        "rounded to cents, and rounds limits and stops to cents, so that a stop of a few cents can become 0.",
        "test_corporate_actions.py::test_a_split_keeps_value_and_pays_the_fraction_at_market_value",
    )
    emptied_order_is_cancelled: bool = _deviation(
        "D8",
        "An open order that a reverse split reduces to nothing is reported as cancelled, with the reason. "
        "The original calls it filled, with nothing filled, and does not report it.",
        "test_corporate_actions.py::test_an_order_emptied_by_a_reverse_split",
    )
    limit_caps_price: bool = _deviation(
        "D9",
        "No slippage model may fill a limit order at a price worse than its limit. "
        "In the original, fixed and basis-point slippage may.",
        "test_costs.py::test_a_limit_caps_the_price_of_every_model",
    )
    stock_dividend_dilutes: bool = _deviation(
        "D12",
        "Shares received as a stock dividend dilute the cost basis of the holding, and a fraction is paid in cash; "
        "those that are still owed when they split are split, too. "
        "In the original they cost 0, the holding keeps its basis, the fraction is lost and what is owed stays as it "
        "was.",
        "test_corporate_actions.py::test_a_stock_dividend_dilutes_the_basis_and_pays_the_fraction",
    )
    mergers_replace_shares: bool = _deviation(
        "D28",
        "A merger that names an acquirer or cash replaces the shares held by shares of the acquirer (1/ratio for one, "
        "a fraction paid at its price) and cash, and cancels open orders. In the original it changes earlier prices "
        "alone, and the holding stays in an asset that does not trade any more.",
        "test_mergers.py::test_a_merger_replaces_shares_and_in_the_original_they_stay",
    )
    exact_prices: bool = _deviation(
        "D15",
        "Prices and volumes are the float64 numbers of the bundle. The original stores prices in thousandths and "
        "volumes as 32-bit whole numbers (larger ones become 0), and rounds a history to three decimals; its limits "
        "and stops are products n · 0.01, with the error of the product; a style that was not told its asset rounds to "
        "0.01 whatever the asset's tick.",
        "test_coarse.py::test_prices_keep_every_digit_and_in_the_original_three_decimals",
    )
    pnl_includes_dividends: bool = _deviation(
        "D16",
        "A session's pnl and starting_cash are measured from the previous session's end, so pnl includes the dividends "
        "paid that day, as returns do. The original takes starting_cash after they are paid; its pnl leaves them out.",
        "test_corporate_actions.py::test_pnl_of_the_pay_day_includes_the_dividend_and_in_the_original_not",
    )
    minute_orders_last_a_day: bool = _deviation(
        "D26",
        "In a minute run, orders still open at the end of a session are cancelled with a log line, as on the original "
        "platform; set_cancel_policy(NeverCancel()) keeps them. The original engine keeps them by default.",
        "test_minutes.py::test_minute_orders_end_with_the_session",
    )
    every_minute_is_each: bool = _deviation(
        "D27",
        "time_rules.every_minute() runs a scheduled function in each minute of a session. In the original it runs in "
        "the first minute alone, since a rule holds once a day.",
        "test_minutes.py::test_every_minute_means_each_and_in_the_original_the_first_of_a_day",
    )
    reserved_record_names: bool = _deviation(
        "D23",
        "record() refuses the name of a performance column. The original silently replaces the column.",
        "test_ordering.py::test_recorded_names_stay_until_the_next_value_and_reserved_ones_are_refused",
    )
    scheduled_on_early_closes: bool = _deviation(
        "D25",
        "With daily bars, a scheduled function runs on every session of its date rule. In the original it misses an "
        "early close on the calendar day after a session on which it ran, since 24 hours have not passed.",
        "test_schedule.py::test_an_early_close_is_not_missed_and_in_the_original_it_is",
    )


TRADEWIND = Semantics()
ZIPLINE = Semantics(**{f.name: False for f in fields(Semantics)})

_BY_NAME = {"tradewind": TRADEWIND, "zipline": ZIPLINE}


def semantics_named(semantics: str | Semantics) -> Semantics:
    """Return the semantics of that name ("tradewind" or "zipline"); a Semantics is returned as it is."""
    if isinstance(semantics, Semantics):
        return semantics
    if semantics not in _BY_NAME:
        raise BadParameter("semantics", semantics, "'tradewind', 'zipline' or a Semantics", tuple(_BY_NAME))
    return _BY_NAME[semantics]


def name_of(semantics: Semantics) -> str:
    """Return the name under which a result states these semantics ("custom" when they are a mixture)."""
    return next((name for name, known in _BY_NAME.items() if known == semantics), "custom")
