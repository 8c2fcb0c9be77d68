"""Write docs/deviations.md from the fields of tradewind.semantics.Semantics: ``python docs/make_deviations.py``."""

from dataclasses import fields
from pathlib import Path

from tradewind.semantics import Semantics

PAGE = Path(__file__).with_name("deviations.md")

HEAD = """# Where we differ from the original engine

Our default semantics follow zipline wherever that engine is right. Each difference below is a field of
`tradewind.semantics.Semantics`; `semantics="zipline"` switches all of them off, and a Semantics of your own any one:

    from dataclasses import replace
    from tradewind.semantics import TRADEWIND
    run_algorithm(..., semantics=replace(TRADEWIND, exact_splits=False))

This page is made from those fields by `python docs/make_deviations.py`; a test compares the two.
"""

ALWAYS = """
## Always ours

- **D4** A bundle carries the pay dates of its dividends. A dividend whose input names none is paid on its ex date.
- **D14** As in the original, a trading control with on_error="log" logs the violation and the order is placed all the
  same. The log line and the order's story say so. Test:
  `tests/framework/test_controls.py::test_with_log_the_violation_is_logged_and_the_order_placed`.
- **Models** A fill with a price that is not finite (or, for an equity, not positive), with shares of the wrong sign or
  more than are open, or a commission that is not finite stops the run with BadFill; in the original it reaches the
  books. So does a negative commission of a model of one's own, which the original does not book. Test:
  `tests/framework/test_books.py`.
- **A slippage model decides in process_order alone.** One that overrides `simulate`, which the original calls for each
  asset, is refused when it is set. One that answers 0 shares, or less than one, waits for the next bar; in the original
  that ends the run. Test:
  `tests/framework/test_costs.py::test_a_model_of_ones_own_says_what_it_is_for_and_decides_in_one_method`.
- **Controls and restrictions of what is no asset** (a symbol's name, say) are refused; in the original they hold for
  nothing. Test: `tests/framework/test_controls.py::test_limits_that_mean_nothing_are_refused`.
- **Schedules.** A time rule in the place of the date rule holds every day; in the original not with daily bars, where
  it never comes. An offset of minutes and a fraction is cut to whole minutes; in the original such a rule never comes.
  Tests: `tests/framework/test_schedule.py::test_a_time_rule_in_the_place_of_a_date_rule_holds_every_day`,
  `tests/framework/test_schedule.py::test_time_offsets`.
- **analyze** may look everything up, but change nothing: orders, `record` and the like are refused there. Test:
  `tests/framework/test_ordering.py::test_looking_up_works_in_analyze_and_changing_the_run_does_not`.
- **Positions** are listed in the order of their sids, in the original in the order in which they were opened. Test:
  `tests/framework/test_event_order.py::test_positions_are_listed_by_sid`.
- **batch_market_order** passes the trading controls, as every other verb does; in the original it goes around them.
- **D17** An order for an asset that is not listed yet is refused with a log line, as one for a delisted asset is; the
  largest size of an order (10¹¹ shares) holds for sells as for buys. Test: `tests/framework/test_ordering.py`.
- **D21** A fill is an order's first when nothing was filled and nothing charged before, not when its commission is 0.
  Test: `tests/framework/test_costs.py::test_commission_over_two_fills_of_one_order`.
- **Stops that were reached** stay with their order (`stop`, `stop_reached`); the original forgets the stop of a
  stop-limit order. `Result.to_zipline()` shows orders in its form.
- **Past its last day** an asset has no price before the open of the next session, either; in a minute run of the
  original it still has its last one there, since the question is asked as of the minute before. Test:
  `tests/framework/test_minutes.py::test_an_asset_past_its_last_day_has_no_price_before_the_open`.
- **A bar with prices and volume 0** is a bar: `last_traded` and the price before a history's window count it, though
  nothing fills in it. `last_traded` is the time of the bar, its close; the original gives the session's label.
- **History of one asset and several fields** has sessions in its rows, as the original's documentation says; its code
  gives rows (session, asset).
- **An order cancelled at a session's end** is told with that session; the original tells it with the next one.
- **Volume rolls** of a continuous future look at earlier sessions alone, and a chain never goes back: the primary
  contract changes in the session after the next one first traded more. The original looks up to 90 sessions ahead to
  find out which change of volume is the last one, and its histories depend on a window it reads beforehand. With one
  change a contract both agree (`tests/parity`). Without any, ours changes on the auto-close date, the original a
  session later. Test:
  `tests/framework/test_continuous.py::test_nothing_is_known_too_early`.
- **max_notional** of a trading control is compared with shares · price · multiplier; in the original the multiplier of
  a contract is left out. Test: `tests/framework/test_futures.py::test_a_control_of_worth_counts_the_multiplier`.
- **A chain** is in the order of the auto-close dates, in the original in the order of sids. A place beyond the last
  listed contract answers None and NaN, in the original an AttributeError.
- **A price carried into a history** of a continuous future from before its first session is joined like the others; the
  original leaves it as it was. Its current price in a minute without a trade is its contract's; in the original,
  after a roll, that of the contract before. Before the open, the contract and the history are today's.
- **Near-zero targets** of TargetWeights mean "leave", but the answer of the optimizer is never clipped: that would
  break constraints that were certified.

## As in the original, on purpose

- **D10** Orders are reached and filled at closes; `set_fills` fills at the open or reaches by the bar's range. Test:
  `tests/framework/test_fill_rules.py::test_the_range_of_a_bar_reaches_limits_and_stops`.
- **D11** order_target and its relatives leave open orders out of account; order_optimal_portfolio counts them. Tests:
  `tests/framework/test_ordering.py::test_targets_count_the_position_but_not_open_orders`,
  `tests/framework/test_optimal_portfolio.py::test_the_same_target_again_orders_nothing_even_before_the_fill`.
- **D13** Between ex and pay date a dividend is in nobody's books; `account.accrued_dividends` shows it. Test:
  `tests/framework/test_financing.py::test_dividends_between_ex_and_pay_date_are_seen_on_the_account_and_nowhere_else`.
- **D18** A position past its asset's life is closed at the last price, free of cost. Test:
  `tests/framework/test_event_order.py::test_positions_past_their_life_are_closed_at_the_last_price_free_of_cost`.
- **D19** The benchmark's return of the first session counts, though nothing can be held on it. Test:
  `tests/framework/test_run.py::test_the_benchmarks_first_return_needs_the_bar_before_or_its_open`.
- **D20** The price of a halted holding falls on its ex date. Test:
  `tests/framework/test_bar_data.py::test_a_halted_price_is_seen_through_a_split_and_a_dividend`.
- **D24** Cash may go negative and leverage is not bounded, unless `set_margin` says so. Test:
  `tests/framework/test_margin.py::test_the_newest_orders_beyond_the_equity_are_rejected`.

## Without a place yet

- **D22** The original's pipeline factor MaxDrawdown divides by the trough. There is no pipeline here, so nothing to
  switch; the drawdowns of a result divide by the peak (docs of `tradewind.metrics`).
"""


def page() -> str:
    """The text of the page."""
    parts = [HEAD]
    for entry in fields(Semantics):
        about = entry.metadata
        parts.append(
            f"## {about['code']} · `{entry.name}`\n\n{about['text']}\n\nTest: `tests/framework/{about['test']}`\n"
        )
    return "\n".join(parts) + ALWAYS


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
