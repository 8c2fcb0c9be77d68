"""The long-step ratio test: which variable enters the basis, and which flip to their other bounds on the way."""

from __future__ import annotations

from numba import njit

from tradewind_optimize.solvers.program import NOISE, State


@njit(cache=True)
def candidates(state: State, turn: float) -> int:
    """Variables whose reduced cost falls to zero along the step, with their ratios; returns how many."""
    count, chosen, alpha, side = 0, state.chosen, state.alpha, state.side
    for v in range(len(alpha)):
        chosen[count] = v
        count += turn * alpha[v] * side[v] > 1e-11
    for at in range(count):
        v = chosen[at]
        state.ratio[at] = max(turn * state.reduced[v] / alpha[v], 0.0)
    return count


@njit(cache=True)
def _swap(state: State, a: int, b: int) -> None:
    state.chosen[a], state.chosen[b] = state.chosen[b], state.chosen[a]
    state.ratio[a], state.ratio[b] = state.ratio[b], state.ratio[a]


@njit(cache=True)
def _weight(state: State, at: int) -> float:
    v = state.chosen[at]
    return abs(state.alpha[v]) * (state.most[v] - state.least[v])


@njit(cache=True)
def long_step(state: State, count: int, slope: float) -> tuple[int, int, float]:
    """Order the candidates so that the passed ones come first; (how many passed, those tied with the last, ratio).

    The step passes candidates while ``slope`` less their weights stays positive. (−1, 0, 0) when it passes all.
    """
    low, high = 0, count
    while low < high:
        middle = _median(state.ratio[low], state.ratio[(low + high) // 2], state.ratio[high - 1])
        less, at, more = low, low, high
        lighter = same = 0.0
        while at < more:
            if state.ratio[at] < middle:
                lighter += _weight(state, at)
                _swap(state, at, less)
                less, at = less + 1, at + 1
            elif state.ratio[at] > middle:
                more -= 1
                _swap(state, at, more)
            else:
                same += _weight(state, at)
                at += 1
        if lighter >= slope:
            high = less
        elif lighter + same >= slope:
            return less, more, middle
        else:
            slope -= lighter + same
            low = more
    return -1, 0, 0.0


@njit(cache=True)
def _median(a: float, b: float, c: float) -> float:
    return max(min(a, b), min(max(a, b), c))


@njit(cache=True)
def entering_one(state: State, count: int, ratio: float, turn: float, scale: float) -> int:
    """The place of the candidate with the largest coefficient among those that the step brings to zero."""
    best, found = 0.0, -1
    for at in range(count):
        v = state.chosen[at]
        size = abs(state.alpha[v])
        if size > best and abs(state.reduced[v] - ratio * turn * state.alpha[v]) <= 1e-3 * NOISE * scale:
            best, found = size, at
    return found
