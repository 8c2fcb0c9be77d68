"""The deletion filter: a smallest set of elements that cannot hold together.

In the order given, first whole constraints and then their elements one by one are deleted whenever what remains still
cannot hold together; what is left is irreducible. The result depends on that order alone. Three things save probes and
change nothing in it: an element outside the proof at hand may go without a probe; an element that one known portfolio
alone breaks must stay; and elements are deleted in blocks that double as long as it succeeds, which by monotony gives
the same set as one after another. Should several hundred elements defy all three, the rest of the proof is kept whole.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import product
from typing import Protocol

import numpy as np

from tradewind_optimize.elastic import ElasticProgram, Probe
from tradewind_optimize.elements import NOTHING, Flags, height, hinge_values, one_sided, violations
from tradewind_optimize.problem import Block, Box, Floats, Hinge, Ints, Linear, RowMatrix

MOVED = 512  # portfolios tried at once
ROWS = 256  # more rows than this are not worth a tangent
FEW = 3  # elements in doubt that are sooner probed than moved across
WORK = 30_000_000  # elements × assets of all probes for elements, but 30 to 300 of them
REMEMBERED = 64  # portfolios kept as witnesses


class Elastic(Protocol):
    """What the filter needs: probes of subsets of the elements of ``blocks`` over ``n`` assets."""

    blocks: Sequence[Block]
    n: int

    def solve(self, active: Flags) -> Probe:
        """least(S) of the active elements."""
        ...


class Filter:
    """One run over the elements; ``owner`` (int64[E]) is the constraint each belongs to.

    ``active`` starts as all elements and ends as the conflict; ``needed`` are those known to stay.
    """

    def __init__(self, program: Elastic, owner: Ints, first: Probe) -> None:
        self.program, self.owner = program, owner
        self.active = np.ones(len(owner), dtype=bool)
        self.support = first.support
        self.needed = np.zeros(len(owner), dtype=bool)
        self._broken: deque[Floats] = deque(maxlen=REMEMBERED)
        self._latest: Probe | None = first
        self._left = 0
        self._see(first)

    def run(self, most: int | None = None) -> Flags:
        """Delete constraints, then elements; bool[E]. With ``most`` larger supports keep all their elements."""
        for ordinal in dict.fromkeys(self.owner.tolist()):
            members = self.owner == ordinal
            if not (members & self.support).any() or not self._must_stay(members):
                self._delete(members)
        if most is None or (self.active & self.support).sum() <= most:
            self._elements()
        else:
            self.active &= self.support
        return self.active

    def _elements(self) -> None:
        self._witnesses()
        at, size = 0, 1
        self._left = min(max(WORK // max(len(self.active) * self.program.n, 1), 30), 300)
        while at < len(self.active):
            self._restrict(at)
            ahead = at + np.flatnonzero((self.active & ~self.needed)[at:])
            if not len(ahead):
                return
            if not self._left:
                self.active &= self.support | self.needed
                return
            block = np.zeros(len(self.active), dtype=bool)
            block[ahead[:size]] = True
            if self._attempt(block):
                at, size = int(ahead[min(size, len(ahead)) - 1]) + 1, 2 * size
            elif size == 1:
                self.needed[ahead[0]] = True
                at = int(ahead[0]) + 1
                self._witnesses()
            else:
                size = max(size // 4, 1)

    def _restrict(self, at: int) -> None:
        """Elements from ``at`` up to the next one in the proof are not needed for it, and go."""
        proving = np.flatnonzero((self.support & ~self.needed)[at:])
        stop = at + int(proving[0]) if len(proving) else len(self.active)
        self.active[at:stop] &= self.needed[at:stop] | self.support[at:stop]

    def _must_stay(self, members: Flags) -> bool:
        return self._witnessed(members) or not self._attempt(members)

    def _witnessed(self, members: Flags) -> bool:
        rest = self.active & ~members
        return any(float(broken[rest].sum()) <= NOTHING for broken in self._broken)

    def _attempt(self, members: Flags) -> bool:
        """Delete the members if the rest still cannot hold together; whether it did."""
        rest = self.active & ~members
        self._left -= 1
        probe = self._latest = self.program.solve(rest)
        self._see(probe)
        if probe.total <= NOTHING:
            return False
        self.support = probe.support
        self._delete(members)
        return True

    def _delete(self, members: Flags) -> None:
        self.active = self.active & ~members
        self.support = self.support & ~members
        self._flag()

    def _see(self, probe: Probe) -> None:
        self._broken.append(violations(self.program.blocks, probe.weights[None])[0])
        self._flag()

    def _flag(self) -> None:
        """An element is needed when a known portfolio breaks it and no other active one."""
        broken = (np.array(self._broken) > NOTHING) & self.active
        self.needed[broken[broken.sum(axis=1) == 1].argmax(axis=1)] = True

    def _witnesses(self) -> None:
        """Find needed elements by moving the latest portfolio across one box each (once for every portfolio)."""
        doubtful = self.active & self.support & ~self.needed
        if doubtful.sum() <= FEW:
            return
        latest, self._latest = self._latest, None
        if latest is None or not isinstance(self.program, ElasticProgram) or self.program.m > ROWS:
            return
        blocks, column = list(_kept(self.program, self.active)), np.cumsum(self.active) - 1
        for elements, points in moves(self.program, latest.weights, doubtful, self.active):
            broken = violations(blocks, points)
            alone = broken.sum(axis=1) - broken[np.arange(len(elements)), column[elements]] <= NOTHING
            self.needed[elements[alone]] = True


def _kept(program: ElasticProgram, active: Flags) -> Iterator[Block]:
    """The blocks with their active rows alone."""
    for start, block in zip(program.starts, program.blocks, strict=False):
        on = np.flatnonzero(active[start : start + height(block)])
        if not len(on):
            continue
        if isinstance(block, Box):
            low, high = (np.broadcast_to(side, block.positions.shape)[on] for side in (block.lower, block.upper))
            yield replace(block, positions=block.positions[on], lower=low, upper=high)
        elif isinstance(block, Linear):
            matrix, labels = RowMatrix.of(block.matrix).to_dense()[on], tuple(block.labels[i] for i in on)
            yield replace(block, matrix=matrix, lower=block.lower[on], upper=block.upper[on], labels=labels)
        else:
            yield block


def moves(program: ElasticProgram, weights: Floats, candidates: Flags, active: Flags) -> Iterator[tuple[Ints, Floats]]:
    """Portfolios (int64[c] elements, float64[c, n] points) that cross one box each to mend every broken row.

    The asset of the box moves alone, but for the assets off every kink, which move along so that tight rows stay.
    They are guesses: whoever takes them measures them. No single step mends two assets that sit on a kink outside their
    boxes.
    """
    outside, inside = _broken_boxes(program, weights, active), _inside(program, weights, active)
    if len({position for position, _ in outside if not inside[position]}) > 1:
        return
    at = _Tangent(program, weights, active)
    for start, box in zip(program.starts, program.blocks, strict=False):
        if isinstance(box, Box):
            rows = np.flatnonzero(candidates[start : start + len(box.positions)])
            for sign, part in product((1.0, -1.0), range(0, len(rows), MOVED)):
                some = _leaving(box, rows[part : part + MOVED], weights, sign)
                good, points = at.step(box.positions[some], sign)
                if len(good):
                    yield start + some[good], points


def _leaving(box: Box, rows: Ints, weights: Floats, sign: float) -> Ints:
    """Those rows of a box that a step of the given sign can bring outside: not the ones that sit on its other side."""
    lower, upper = (np.broadcast_to(side, box.positions.shape)[rows] for side in (box.lower, box.upper))
    held, width = weights[box.positions[rows]], upper - lower
    other = (held <= lower + NOTHING) if sign > 0 else (held >= upper - NOTHING)
    return rows[~other | (width <= NOTHING)]


class _Tangent:
    """The rows of an elastic program at one portfolio: which are broken, which are tight, and who may move along.

    Rows that hold come first and must not change, broken ones after them, and must change by what they are off. A free
    asset outside its own box has no choice: it goes back to the side it broke (``_jump``), and its row with it.
    """

    def __init__(self, program: ElasticProgram, weights: Floats, active: Flags) -> None:
        self.weights = weights
        left, right, excess, tight = _rows(program, weights, active)
        free = _inside(program, weights, active)
        broken = np.abs(excess) > NOTHING
        boxes = _broken_boxes(program, weights, active)
        units = np.zeros((len(boxes), program.n))
        for row, (position, _) in enumerate(boxes):
            units[row, position] = 1.0
        hold = tight & ~broken
        self._held = int(hold.sum())
        self._change = -np.concatenate([np.zeros(self._held), excess[broken], [size for _, size in boxes]])
        self._rows = {
            sign: np.concatenate([rows[hold], rows[broken], units]) for sign, rows in ((1.0, right), (-1.0, left))
        }
        self._free = np.flatnonzero(free)
        self._loose = self._rows[1.0][:, self._free]
        self._settle(free, dict(reversed(boxes)))

    def _settle(self, free: Flags, sizes: dict[int, float]) -> None:
        """Send the free assets outside their boxes back; what is left is a system of the few rows alone."""
        back = [position for position in sizes if free[position]]
        self._back, self._jump = np.array(back, dtype=np.int64), np.array([-sizes[position] for position in back])
        self._others = np.setdiff1d(self._free, self._back)
        rows = self._rows[1.0]
        self._open = np.abs(rows[:, self._others]).max(axis=1, initial=0.0) > 0
        left = self._change - rows[:, self._back] @ self._jump
        self._open |= np.abs(left) > NOTHING
        self._open[: self._held] = True
        self._goal, self._narrow = left[self._open], rows[self._open][:, self._others]
        self._inverse = _inverse(self._narrow)
        self._apart = _outside(self._narrow, self._inverse, self._goal)

    def step(self, positions: Ints, sign: float) -> tuple[Ints, Floats]:
        """(which positions can, points float64[c, n]): a step of each asset that mends all broken rows."""
        steep = sign * self._rows[sign][:, positions]
        if np.abs(self._apart).max(initial=0.0) > 1e-6 * np.abs(self._change).max(initial=0.0):
            who = self._others
            good, length, along = self._exact(steep[self._open])
            good, (length, along) = self._elsewhere(positions, good, length, along)
            points = np.repeat(self.weights[None], len(good), axis=0)
            points[:, self._back] += self._jump
        else:
            who = self._free
            good, length, along = self._least(steep)
            points = np.repeat(self.weights[None], len(good), axis=0)
        points[:, who] += along.T
        points[np.arange(len(good)), positions[good]] += sign * length
        return good, points

    def _elsewhere(
        self, positions: Ints, good: Ints, length: Floats, along: Floats
    ) -> tuple[Ints, tuple[Floats, Floats]]:
        """Only those whose asset is not sent back anyway."""
        keep = ~np.isin(positions[good], self._back)
        return good[keep], (length[keep], along[:, keep])

    def _exact(self, steep: Floats) -> tuple[Ints, Floats, Floats]:
        """(who, how far, float64[f, c] how the others move along) where those alone could not change the rows so."""
        left = _outside(self._narrow, self._inverse, steep)
        with np.errstate(divide="ignore", invalid="ignore"):
            length = (left * self._apart[:, None]).sum(axis=0) / (left**2).sum(axis=0)
            miss = np.abs(left * length - self._apart[:, None]).max(axis=0, initial=0.0)
        good = np.flatnonzero((length > 0) & (miss <= NOTHING))
        length = length[good]
        return good, length, self._inverse @ (self._goal[:, None] - steep[:, good] * length)

    def _least(self, steep: Floats) -> tuple[Ints, Floats, Floats]:
        """The same where they could: the free keep the rows that hold, and the step is as long as the rest needs."""
        h = self._held
        along = -_inverse(self._loose[:h]) @ steep[:h]
        rate = steep[h:] + self._loose[h:] @ along
        with np.errstate(divide="ignore", invalid="ignore"):
            need = self._change[h:, None] / rate
        good = np.flatnonzero((np.isfinite(need) & (need > 0)).all(axis=0) & (len(need) > 0))
        length = need[:, good].max(axis=0, initial=0.0)
        return good, length, along[:, good] * length


def _inverse(rows: Floats) -> Floats:
    """The pseudo-inverse of a few rows over many assets, float64[f, rows]."""
    return np.asarray(rows.T @ np.linalg.pinv(rows @ rows.T, rcond=1e-10, hermitian=True))


def _outside(rows: Floats, inverse: Floats, change: Floats) -> Floats:
    """The part of a change of the rows that no move of the free assets can make."""
    return np.asarray(change - rows @ (inverse @ change))


def _rows(program: ElasticProgram, weights: Floats, active: Flags) -> tuple[Floats, Floats, Floats, Flags]:
    """Of the active linear and hinge rows: (left and right gradients, signed excess, tight)."""
    left, right, excess, tight = [], [], [], []
    for at, block in zip(program.starts, program.blocks, strict=False):
        if isinstance(block, Linear):
            gradient = RowMatrix.of(block.matrix).to_dense()
            values, low, high, pair = gradient @ weights, block.lower, block.upper, (gradient, gradient)
        elif isinstance(block, Hinge):
            values, low, high = hinge_values(block, weights[None]), np.array([-np.inf]), np.array([block.bound])
            ahead = one_sided(block, weights)
            pair = ahead[0][None], ahead[1][None]
        else:
            continue
        on = active[at : at + len(values)]
        left.append(pair[0][on])
        right.append(pair[1][on])
        excess.append((np.maximum(values - high, 0.0) - np.maximum(low - values, 0.0))[on])
        tight.append((np.minimum(np.abs(values - low), np.abs(values - high)) <= 1e-9)[on])
    none = np.zeros((0, program.n))
    gradients = np.concatenate([none, *left]), np.concatenate([none, *right])
    return *gradients, np.concatenate([np.zeros(0), *excess]), np.concatenate([np.zeros(0, dtype=bool), *tight])


def _inside(program: ElasticProgram, weights: Floats, active: Flags) -> Flags:
    """Assets that sit on no kink: of an active box, or of any hinge."""
    inside = np.ones(program.n, dtype=bool)
    for at, block in zip(program.starts, program.blocks, strict=False):
        if isinstance(block, Box):
            held = weights[block.positions]
            touch = (np.abs(held - block.lower) <= NOTHING) | (np.abs(held - block.upper) <= NOTHING)
            inside[block.positions[touch & active[at : at + len(held)]]] = False
        elif isinstance(block, Hinge) and active[at]:
            inside &= (block.up + block.down == 0) | (np.abs(weights - block.anchor) > NOTHING)
    return inside


def _broken_boxes(program: ElasticProgram, weights: Floats, active: Flags) -> list[tuple[int, float]]:
    """(position, signed excess) of every active box side that is broken."""
    out = []
    for at, block in zip(program.starts, program.blocks, strict=False):
        if isinstance(block, Box):
            held = weights[block.positions]
            excess = np.maximum(held - block.upper, 0.0) - np.maximum(block.lower - held, 0.0)
            on = active[at : at + len(held)] & (np.abs(excess) > NOTHING)
            out += [(int(block.positions[i]), float(excess[i])) for i in np.flatnonzero(on)]
    return out
