"""The long-step ratio test: which variable enters the basis, and which flip to their other bounds on the way."""

from __future__ import annotations

from numba import njit

from tradewind_optimize.solvers.program import NOISE, State


@njit(cache=True)
def candidates(state: State, turn: float) -> int:
    """Variables whose reduced cost falls to zero along the step, with ratios and weights; returns how many."""
    count, chosen, alpha, side = 0, state.chosen, state.alpha, state.side
    for v in range(len(alpha)):
        chosen[count] = v
        count += turn * alpha[v] * side[v] > 1e-11
    for at in range(count):
        v = chosen[at]
        state.ratio[at] = max(turn * state.reduced[v] / alpha[v], 0.0)
        state.weight[at] = abs(alpha[v]) * (state.most[v] - state.least[v])
    return count


@njit(cache=True)
def _swap(state: State, a: int, b: int) -> None:
    state.chosen[a], state.chosen[b] = state.chosen[b], state.chosen[a]
    state.ratio[a], state.ratio[b] = state.ratio[b], state.ratio[a]
    state.weight[a], state.weight[b] = state.weight[b], state.weight[a]


@njit(cache=True)
def _gather(state: State, low: int, high: int, limit: float, also_equal: bool) -> tuple[int, float]:
    """Bring the candidates with ratios below ``limit`` (or equal to it) to the front; (their end, their weight).

    Every entry is exchanged, with itself at worst: a processor cannot guess which are small, and need not.
    """
    end, total = low, 0.0
    for at in range(low, high):
        ratio, weight = state.ratio[at], state.weight[at]
        belongs = (ratio < limit) | (also_equal & (ratio == limit))
        _swap(state, at, end)
        total += weight if belongs else 0.0
        end += belongs
    return end, total


@njit(cache=True)
def long_step(state: State, count: int, slope: float) -> tuple[int, int, float]:
    """Order the candidates so that the passed ones come first; (how many passed, those tied with the last, ratio).

    The step passes candidates while ``slope`` less their weights stays positive. (−1, 0, 0) when it passes all.
    """
    low, high = 0, count
    while low < high:
        middle = _median(state.ratio[low], state.ratio[(low + high) // 2], state.ratio[high - 1])
        less, lighter = _gather(state, low, high, middle, False)
        if lighter >= slope:
            high = less
            continue
        more, same = _gather(state, less, high, middle, True)
        if lighter + same >= slope:
            return less, more, middle
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
