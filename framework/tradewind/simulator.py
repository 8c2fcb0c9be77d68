"""The event loop: session after session, bar after bar, in the order in which things happen in a market.

session start        capital comes in or goes out (in a minute run also before a minute), dividends go ex and are paid,
                     the session's starting figures are taken, interest and borrowing fees are charged, splits and
                     mergers take effect
before the open      before_trading_start
each bar             orders of earlier bars fill, their commissions are charged, holdings are marked at the close,
                     then handle_data and the scheduled functions run; what they order waits for the next bar
session end          positions in assets whose life is over are closed, open orders are cancelled if the cancel policy
                     says so, margin is called for, the account controls look at the leverage, the session's row is
                     recorded
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from tradewind import algorithm as running
from tradewind import cancel_policy, mergers
from tradewind.algorithm import Algorithm, Context, Market
from tradewind.blotter import ASSET_CLOSED, Blotter
from tradewind.cancel_policy import NeverCancel
from tradewind.capital import CapitalChange
from tradewind.filling import Filling
from tradewind.financing import Charges
from tradewind.ledger import Ledger
from tradewind.margin_desk import MarginDesk
from tradewind.order_pad import Phase
from tradewind.recorder import Recorder
from tradewind.semantics import Semantics
from tradewind.verbs import current_pad
from tradewind_data.adjustments import Actions
from tradewind_optimize.entry import current_portfolio

Progress = Callable[[int, int, int, float], None]
"""Called after each session with (sessions done, sessions in all, session label in ns, portfolio value)."""

MINUTES_BEFORE_OPEN = 45 * 60 * 10**9
MOST_AT_ONCE = 64  # quiet sessions between two looks at the keyboard and the progress line


class Simulator:
    """One run: the loop over the clock, and the step each event takes."""

    def __init__(
        self,
        algorithm: Algorithm,
        market: Market,
        actions: Actions,
        ledger: Ledger,
        blotter: Blotter,
        filling: Filling,
        recorder: Recorder,
        semantics: Semantics,
        capital_changes: Mapping[int, Sequence[CapitalChange]] | None = None,
    ) -> None:
        self.algorithm, self.market, self.actions = algorithm, market, actions
        self.ledger, self.blotter, self.filling = ledger, blotter, filling
        self.recorder, self.semantics = recorder, semantics
        self.capital_changes = capital_changes or {}
        self.session = market.clock.first
        algorithm.once_in_24_hours = not (semantics.scheduled_on_early_closes or market.clock.by_minute)
        algorithm.once_a_day = not semantics.every_minute_is_each
        algorithm.pad.exact_prices = semantics.exact_prices
        self.desk: MarginDesk | None = None
        self._eventful = self._eventful_sessions()
        self._pays: list[bool] = ledger.sessions_with_dividends.tolist()
        self._quiet, self._schedules_seen = ~self._eventful, 0

    def initialize(self) -> None:
        """Run the user's initialize, with the time at the first session's label."""
        initialize = self.algorithm.functions.initialize
        if initialize is not None:
            with self.user_code():
                initialize(self.algorithm.context)
        margin, market = self.algorithm.settings.margin, self.market
        if margin is not None:
            log = self.algorithm.log
            self.desk = MarginDesk(margin, market.finder, self.ledger, self.blotter, market.prices, log)
            self.algorithm.account.ask_for_margin(self.desk)

    def run(self, progress: Progress | None = None) -> None:
        """Run every session of the clock."""
        clock, always, plain = self.market.clock, self.algorithm.acts_every_session, self._plain_sessions()
        with self.user_code():
            session = clock.first
            while session <= clock.last:
                self.session = session
                if not always and self._is_quiet(session):
                    session = self.quiet_sessions(session)
                else:
                    session = self.plain_session(session) if plain[session] else self.one_session(session)
                if progress is not None:
                    done = session - clock.first
                    progress(done, len(clock), clock.label(session - 1), self.ledger.equity)
        self.algorithm.phase = Phase.DONE
        self.algorithm.pad.turn()

    def one_session(self, session: int) -> int:
        """Run one session, event by event; return the next."""
        self.start_of_session(session)
        self.before_trading_start(session)
        self.market.prices.open_session(session)
        if self.market.clock.by_minute:
            self.minutes(session)
        else:
            self.bar(session, self.market.clock.close(session))
        self.end_of_session(session, self.market.clock.close(session))
        return session + 1

    def plain_session(self, session: int) -> int:
        """Run one session of a daily run that has nothing but dividends, its bar and the user's functions."""
        algorithm, blotter, ledger, prices = self.algorithm, self.blotter, self.ledger, self.market.prices
        now, quotes = self.market.clock.close(session), prices.quotes(session)
        if self._pays[session]:
            ledger.start_of_session(session, prices.price_before)
        algorithm.to_session(session, now, quotes)
        if blotter.anything_open:
            self._fill(session, now)
        if not ledger.mark_row(quotes):
            ledger.mark(ledger.held, prices.marks(ledger.held, session, session))
        algorithm.run_bar()
        self.recorder.end_of_session(session, begun=False)
        return session + 1

    def _plain_sessions(self) -> list[bool]:
        """Return, by session, whether plain_session() does all there is to do, once initialize has run."""
        algorithm, settings = self.algorithm, self.algorithm.settings
        more = algorithm.functions.before_trading_start or algorithm.controls.account or self.desk or settings.financing
        ends = type(self.blotter.cancel_policy) is not NeverCancel or not self.semantics.pnl_includes_dividends
        none = bool(more) or ends or self.market.clock.by_minute
        plain: list[bool] = (~self._eventful & (not none)).tolist()
        return plain

    def quiet_sessions(self, session: int) -> int:
        """Run the sessions from this one on that nobody acts on, in compiled code; return the next one."""
        after = np.flatnonzero(~self._quiet[session : self.market.clock.last + 1])
        stop = session + int(after[0]) if len(after) else self.market.clock.last + 1
        reached = self.recorder.run_quiet(self.market.prices.session_closes, session, min(stop, session + MOST_AT_ONCE))
        return reached if reached > session else self.one_session(session)

    def _is_quiet(self, session: int) -> bool:
        """Return whether nobody acts in this session: no function of the user runs, no order is open."""
        if len(self.algorithm.scheduled) != self._schedules_seen:
            self._quiet = ~(self._eventful | self.algorithm.scheduled_sessions())
            self._schedules_seen = len(self.algorithm.scheduled)
        if self.market.clock.by_minute and (len(self.ledger.held) or self.recorder.by_minute):
            return False  # holdings are valued at the last minute, which the daily closes need not show
        return bool(self._quiet[session]) and not len(self.blotter.open_orders)

    def _eventful_sessions(self) -> np.ndarray:
        """Return bool[S]: the sessions with splits, stock dividends, capital changes or assets at their end."""
        eventful = self.ledger.sessions_with_stock.copy()
        ends = self.market.finder.auto_close
        eventful[self.actions.splits.session] = eventful[self.actions.mergers.session] = True
        eventful[ends[ends < len(eventful)]] = True
        eventful[list(self.capital_changes)] = True
        return eventful

    def start_of_session(self, session: int) -> None:
        """Capital changes, dividends, the session's starting figures, splits: of open orders, then of positions."""
        charges = self._charges(session)
        for change in self.capital_changes.get(session, ()):
            if not change.minute:
                self._change_capital(session, change)
        if self.semantics.pnl_includes_dividends:
            self.recorder.start_of_session()
            self.ledger.start_of_session(session, self.market.prices.price_before)
        else:
            self.ledger.start_of_session(session, self.market.prices.price_before)
            self.recorder.start_of_session()
        if charges is not None:
            self.ledger.charge(charges.interest, charges.columns, charges.fees)
        if self._eventful[session]:
            self._split(session)
            if self.semantics.mergers_replace_shares:
                self._merge(session)

    def _charges(self, session: int) -> Charges | None:
        """Return the interest and fees since the session before, None when there are none."""
        financing = self.algorithm.settings.financing
        if financing is None or session == self.market.clock.first:
            return None
        labels, ledger = self.market.clock.sessions.labels, self.ledger
        return financing.charges(ledger.book, ledger.cash, ledger.held, int(labels[session] - labels[session - 1]))

    def _change_capital(self, session: int, change: CapitalChange) -> None:
        """Let money in or out, at the last known prices."""
        equity = self.ledger.equity
        delta = change.delta(equity)
        self.ledger.change_capital(delta)
        self.recorder.capital_change(session, change.kind, change.value, change.minute, equity, delta)

    def _split(self, session: int) -> None:
        """Apply the session's splits to open orders, then to positions."""
        splits = self.actions.splits
        self.blotter.move_to(self.market.clock.open(session))
        for row in range(*np.searchsorted(splits.session, (session, session + 1))):
            terms = int(splits.column[row]), int(splits.numerator[row]), int(splits.denominator[row])
            self.blotter.split(*terms)
            self.ledger.apply_split(*terms)

    def _merge(self, session: int) -> None:
        """Replace shares of merged assets by cash and shares of the acquirer, and cancel open orders in them."""
        now = self.market.clock.open(session)
        for terms in mergers.taking_effect(self.actions.mergers, session):
            self.blotter.cancel_all(terms.target, ASSET_CLOSED)
            amount = int(self.ledger.book.amount[terms.target])
            if amount:
                last, known = float(self.ledger.book.last_price[terms.target]), np.nan
                if terms.acquirer >= 0:
                    columns, before = np.array([terms.acquirer]), self.market.clock.before(session)
                    known = float(self.market.prices.last_known(columns, before, session)[0])
                got, shares, price = mergers.exchange(terms, amount, last, known)
                self._close_out([terms.target, terms.acquirer], [-amount, shares], [got, price], now)

    def before_trading_start(self, session: int) -> None:
        """Run the user's before_trading_start; it knows the previous session's bars, adjusted to today."""
        function = self.algorithm.functions.before_trading_start
        if function is None:
            return
        clock = self.market.clock
        looks_ahead = not (self.semantics.no_look_ahead_before_open or clock.by_minute)
        known = session if looks_ahead else clock.before(session)
        now = int(clock.sessions.opens[session]) - MINUTES_BEFORE_OPEN
        self._mark(known, session)
        self.algorithm.move_to(Phase.BEFORE_OPEN, known, session, now)
        self.algorithm.data.shut = clock.by_minute and not self.semantics.tradable_before_open
        function(self.algorithm.context, self.algorithm.data)
        self.algorithm.data.shut = False

    def bar(self, session: int, now: int) -> None:
        """Run a session's one bar: fill the orders of earlier bars, mark the holdings, run the user's functions."""
        self.algorithm.move_to(Phase.TRADING, session, session, now)
        self._fill(session, now)
        self._mark(session, session)
        self.algorithm.run_bar()
        if self.desk is not None:
            self.desk.review(session, session)

    def minutes(self, session: int) -> None:
        """Run a session's minutes: fill, then the user's functions; minutes in which nothing can happen are passed
        over.

        Holdings are marked when somebody looks at them, and at the session's end.
        """
        algorithm, blotter, ledger, clock = self.algorithm, self.blotter, self.ledger, self.market.clock
        context, data, handle_data = algorithm.context, algorithm.data, algorithm.functions.handle_data
        pad, placed, mark_now, stamps = algorithm.pad, blotter.placed, self._mark_now, clock.stamps(session)
        blank = pad.blank
        bars, due = clock.bars(session), algorithm.due(session, stamps)
        more = self.desk is not None or self.recorder.by_minute
        algorithm.move_to(Phase.TRADING, bars[0], session, stamps[0])
        minutes: Iterable[Any] = zip(stamps, self.market.prices.known_rows(), strict=True)
        if session in self.capital_changes:
            minutes = self._changing_capital(session, minutes)
        if handle_data is None and not self.recorder.by_minute:
            minutes = self._awaited(minutes, due)
        for now, known in minutes:
            data.now, data.known, pad.unit = now, known, blank
            if placed or blotter.anything_open:
                blotter.move_to(now)
                self._fill(data.end, now)
            blotter.now, ledger.mark_first = now, mark_now
            if handle_data is not None:
                handle_data(context, data)
            if due or more:
                self._rest_of_minute(due.get(now, ()), now)
        algorithm.move_to(Phase.TRADING, bars[-1], session, stamps[-1])
        self._mark_now()

    def _changing_capital(self, session: int, minutes: Iterable[Any]) -> Iterator[Any]:
        """Let money in or out before the minutes that begin with it, at the prices of the minute before."""
        changes = sorted((each for each in self.capital_changes[session] if each.minute), key=lambda each: each.minute)
        data, before = self.algorithm.data, None
        for minute in minutes:
            while changes and changes[0].minute <= minute[0]:
                if before is not None:
                    data.now, data.known = before
                    self._mark_now()
                self._change_capital(session, changes.pop(0))
            before = minute
            yield minute

    def _awaited(self, minutes: Iterable[Any], due: Container[int]) -> Iterator[Any]:
        """Pick the minutes in which something can happen: an order is open, or a function is due."""
        for minute in minutes:
            if self.blotter.placed or self.blotter.anything_open or minute[0] in due:
                yield minute

    def _rest_of_minute(self, due: Iterable[Callable[[Any, Any], Any]], now: int) -> None:
        """Run the scheduled functions, look at the margin, and write the minute down, where that is wanted."""
        algorithm = self.algorithm
        for function in due:
            function(algorithm.context, algorithm.data)
        if self.desk is not None:
            self.desk.review(algorithm.end, self.session)
        if self.recorder.by_minute:
            self._mark_now()
            self.recorder.end_of_minute(self.session, now)

    def _mark_now(self) -> None:
        """Value the holdings at the last known prices of the current bar."""
        self.ledger.mark_first = None
        self._mark(self.algorithm.end, self.session)

    def _fill(self, at: int, now: int) -> None:
        """Fill the open orders against the bar at a moment."""
        made = self.filling.fill(at, self.session, now, self.algorithm.data)
        if made:
            fills = self.blotter.fills
            self.ledger.apply_fills(fills.table, fills.count - made, fills.count)

    def end_of_session(self, session: int, now: int) -> None:
        """Close what reached the end of its life, cancel what the policy ends, check leverage, record the session."""
        if self._eventful[session]:
            self._close_ended(session, now)
        for ordinal in self.blotter.end_of_session(now, self.market.clock.by_minute):
            if self.blotter.cancel_policy.warn_on_cancel:
                self.algorithm.log.warning(cancel_policy.told(self.blotter.snapshot(ordinal)))
        if self.desk is not None:
            self.desk.end_of_session(session, f"{self.market.clock.sessions.index[session]:%Y-%m-%d}")
        if self.algorithm.controls.account:
            self.algorithm.controls.check_account(self.algorithm.account.leverage, now)
        self.recorder.end_of_session(session)

    def _mark(self, end: int, seen: int) -> None:
        """Value the holdings at the last known prices."""
        prices = self.market.prices
        if prices.row_of(end, seen) < 0 or not self.ledger.mark_row(prices.quotes(end)):
            held = self.ledger.held
            self.ledger.mark(held, prices.marks(held, end, seen))

    def _close_ended(self, session: int, now: int) -> None:
        """Close positions at their last price, free of cost, and cancel orders, where the auto-close date has come."""
        ends = self.market.finder.auto_close
        held = self.ledger.held
        over = held[ends[held] <= session]
        for column in np.unique(self.blotter.open_amounts()[0]):
            if ends[column] <= session:
                self.blotter.cancel_all(int(column), ASSET_CLOSED)
        if len(over):
            book = self.ledger.book
            self._close_out(over, -book.amount[over], book.last_price[over], now)

    def _close_out(self, columns: ArrayLike, amounts: ArrayLike, prices: ArrayLike, now: int) -> None:
        """Book trades that no order asked for and nobody charges for."""
        fills = self.blotter.close_out(np.asarray(columns), np.asarray(amounts), np.asarray(prices, dtype=float), now)
        self.ledger.apply_fills(fills, 0, len(fills))

    def user_code(self) -> _UserCode:
        """Return the context in which the user's functions run."""
        return _UserCode(self)


class _UserCode:
    """While user code runs: the API acts on this algorithm, the optimizer knows its portfolio, errors name the day."""

    def __init__(self, simulator: Simulator) -> None:
        self._simulator = simulator

    def __enter__(self) -> None:
        algorithm = self._simulator.algorithm
        self._tokens = running.current.set(algorithm), current_portfolio.set(algorithm.current_weights)
        self._pad_token = current_pad.set(algorithm.pad)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        running.current.reset(self._tokens[0])
        current_portfolio.reset(self._tokens[1])
        current_pad.reset(self._pad_token)
        if isinstance(error, Exception):
            advice = Context.advice(error)
            if advice is not None:
                error.add_note(advice)
            error.add_note(f"simulated time: {self._moment()}")

    def _moment(self) -> str:
        algorithm = self._simulator.algorithm
        if algorithm.phase is Phase.INITIALIZE:
            return "initialize"
        if algorithm.market.clock.by_minute:
            return f"{pd.Timestamp(algorithm.now):%Y-%m-%d %H:%M} UTC ({algorithm.phase.value})"
        label = algorithm.market.clock.sessions.index[self._simulator.session]
        return f"{label:%Y-%m-%d} ({algorithm.phase.value})"
