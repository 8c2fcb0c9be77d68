"""Integer codes of many labels, remembered by object.

Asking 4,000 assets for their ``__index__`` takes 0.4 to 1.2 ms, most of it spent waiting for memory. But a label's code
is part of its identity: it cannot change while the label is hashable, and a backtest shows the same assets every day.
So each label asked once is noted under its address, in a table with open addressing, and kept alive, so that no other
object can ever come to that address; afterwards a label is recognised without being touched. The table forgets all
labels when there are more than ``MOST``.
"""

from __future__ import annotations

import operator
from threading import Lock

import numpy as np
from numba import njit
from numpy.typing import NDArray

Ints = NDArray[np.int64]

FIRST_SIZE = 1 << 13
MOST = 1 << 16


@njit(cache=True)
def _slot(table: np.ndarray, address: int) -> int:
    """Where an address stands, or the free slot (address 0) where it would."""
    mask = len(table) - 1
    at = ((address >> 4) * 0x9E3779B1 >> 16) & mask
    while table[at, 0] != 0 and table[at, 0] != address:
        at = (at + 1) & mask
    return at


@njit(cache=True)
def _find(table: np.ndarray, addresses: np.ndarray, codes: np.ndarray, missing: np.ndarray) -> int:
    """Write the codes of known addresses and the places of unknown ones; return how many are unknown."""
    count = 0
    for i in range(len(addresses)):
        at = _slot(table, addresses[i])
        codes[i] = table[at, 1]
        if table[at, 0] == 0:
            missing[count] = i
            count += 1
    return count


@njit(cache=True)
def _insert(table: np.ndarray, addresses: np.ndarray, codes: np.ndarray) -> None:
    for i in range(len(addresses)):
        at = _slot(table, addresses[i])
        table[at, 0], table[at, 1] = addresses[i], codes[i]


class Acquaintances:
    """The labels met so far and their codes.

    Compiled code keeps the interpreter's lock, so a table is never read while it is written.
    """

    def __init__(self, first_size: int = FIRST_SIZE, most: int = MOST) -> None:
        self._first_size, self._most, self._lock = first_size, most, Lock()
        self._forget()

    def _forget(self) -> None:
        self._table = np.zeros((self._first_size, 2), dtype=np.int64)
        self._kept: list[object] = []

    def codes(self, labels: NDArray[np.object_]) -> Ints | None:
        """int64[n]: ``__index__`` of every label; None when one has none or it does not fit into 64 bits."""
        labels = np.ascontiguousarray(labels)
        addresses = np.frombuffer(labels, dtype=np.int64)
        codes, missing = np.empty((2, len(labels)), dtype=np.int64)
        count = _find(self._table, addresses, codes, missing)
        if count:
            new = missing[:count]
            try:
                codes[new] = np.fromiter(map(operator.index, labels[new]), dtype=np.int64, count=count)
            except (TypeError, OverflowError):
                return None
            self._learn(labels[new], addresses[new], codes[new])
        return codes

    def _learn(self, labels: NDArray[np.object_], addresses: Ints, codes: Ints) -> None:
        """Note labels under their addresses, and keep them alive."""
        with self._lock:
            if len(self._kept) + len(labels) > self._most:
                self._forget()
            if len(labels) > self._most:
                return
            self._kept.extend(labels)
            size = len(self._table)
            while size < 2 * len(self._kept):
                size *= 2
            if size > len(self._table):
                grown = np.zeros((size, 2), dtype=np.int64)
                old = self._table[self._table[:, 0] != 0]
                _insert(grown, np.ascontiguousarray(old[:, 0]), np.ascontiguousarray(old[:, 1]))
                self._table = grown
            _insert(self._table, addresses, codes)


acquaintances = Acquaintances()
