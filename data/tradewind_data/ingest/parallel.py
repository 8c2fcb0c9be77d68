"""Work on many files at once within a budget of bytes, answers in the order of the files; and how far it has come.

The order, and so every byte that is written, does not depend on the number of threads.
"""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from tradewind_data.ingest.market import Progress

Item = TypeVar("Item")
Answer = TypeVar("Answer")

_SILENT_SECONDS = 0.5


def ordered(
    work: Callable[[Item], Answer],
    items: Sequence[Item],
    cost: Callable[[Item], int],
    budget: int,
    workers: int | None = None,
) -> Iterator[Answer]:
    """work(item) for each item, in their order, on ``workers`` threads (default: the machine's cores).

    Items are begun while the costs (bytes) of those begun and not yet taken stay within the budget, at least one. The
    first error ends the iteration; what has not begun by then never does.
    """
    workers = workers or os.cpu_count() or 1
    if workers == 1 or len(items) == 1:
        yield from map(work, items)
        return
    waiting, held = deque(items), 0
    begun: deque[tuple[Future[Answer], int]] = deque()
    with ThreadPoolExecutor(workers) as pool:
        try:
            while waiting or begun:
                while waiting and len(begun) < 4 * workers and (not begun or held + cost(waiting[0]) <= budget):
                    held += cost(waiting[0])
                    begun.append((pool.submit(work, waiting[0]), cost(waiting.popleft())))
                answer, bytes_held = begun.popleft()
                yield answer.result()
                held -= bytes_held
        finally:
            for future, _ in begun:
                future.cancel()


class Meter:
    """Tells a progress callback how far a step has come, with rows a second and the time left once it is known."""

    def __init__(self, progress: Progress | None, total: int) -> None:
        self._progress, self._total, self._rows = progress, total, 0
        self._begun = time.monotonic()

    def count(self, rows: int) -> None:
        """``rows`` more rows are behind us."""
        self._rows += rows

    def step(self, done: int, label: str) -> None:
        """``done`` of the total are finished, ``label`` comes next."""
        if self._progress is not None:
            self._progress(done, self._total, label + self._pace(done))

    def _pace(self, done: int) -> str:
        spent = time.monotonic() - self._begun
        if spent < _SILENT_SECONDS or not done:
            return ""
        left = spent / done * (self._total - done)
        pace = f", {self._rows / spent:,.0f} rows/s" if self._rows else ""
        return f"{pace}, {left:.0f} s left"
