"""What a constraint of the user's own yields: made into arrays, its sizes, signs and values checked.

Nothing of it may be dropped in silence: a certificate that leaves a limit out, or compares with NaN, proves nothing.
The words of this package are trusted.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from tradewind_optimize.constraints.base import Constraint
from tradewind_optimize.errors import InvalidParameter, InvalidType
from tradewind_optimize.labels import Floats, Universe
from tradewind_optimize.parameters import number
from tradewind_optimize.problem import Block, Box, Convex, Hinge, Linear, Quadratic, RowMatrix

_HOUSE = __name__.partition(".")[0]
_KINDS = "opt.Box, opt.Linear, opt.Hinge, opt.Quadratic or opt.Convex"


def blocks_of(constraint: Constraint, universe: Universe) -> Iterable[Block]:
    """The blocks of a constraint over the universe.

    Raises InvalidType or InvalidParameter for what ``rows`` of a class outside this package cannot mean.
    """
    author = getattr(type(constraint).rows, "__module__", "").partition(".")[0]
    return constraint.rows(universe) if author == _HOUSE else _own(constraint, universe)


def _own(constraint: Constraint, universe: Universe) -> Iterator[Block]:
    word, given = type(constraint).__name__, constraint.rows(universe)
    if isinstance(given, Block):
        given = [given]
    if not isinstance(given, Iterable):
        raise InvalidType(word, "rows()", given, f"an iterable of {_KINDS}", "Yield blocks, or return a list of them.")
    for block in given:
        yield _checked(block, universe.n, word)


def _checked(block: Any, n: int, word: str) -> Block:
    if isinstance(block, Box):
        return _box(block, n, word)
    if isinstance(block, Linear):
        return _linear(block, n, word)
    if isinstance(block, Hinge):
        return _hinge(block, n, word)
    if isinstance(block, Quadratic):
        return _quadratic(block, n, word)
    if isinstance(block, Convex) and callable(block.build):
        return block
    hint = "What is written in cvxpy goes into opt.Convex(lambda w: …)."
    raise InvalidType(word, "rows()", block, f"an iterable of {_KINDS}", hint)


def _box(block: Box, n: int, word: str) -> Box:
    at = np.atleast_1d(np.asarray(block.positions))
    if at.ndim != 1 or (len(at) and (at.dtype.kind not in "iu" or at.min() < 0 or at.max() >= n)):
        hint = "universe.inside(labels) gives the positions of the labels that are in the problem."
        raise InvalidParameter(word, "Box.positions", at.tolist(), f"integers from 0 to {n - 1}", hint)
    low, high = (_floats(word, f"Box.{side}", getattr(block, side), at.shape, True) for side in ("lower", "upper"))
    _require_reachable(low, high, word, "Box")
    return replace(block, positions=at.astype(np.int64), lower=low, upper=high)


def _linear(block: Linear, n: int, word: str) -> Linear:
    labels = tuple(block.labels)
    m = len(labels)
    given = block.matrix.to_dense() if isinstance(block.matrix, RowMatrix) else block.matrix
    matrix = _floats(word, "Linear.matrix", given, (m, n))
    low, high = (_floats(word, f"Linear.{side}", getattr(block, side), (m,), True) for side in ("lower", "upper"))
    if (low > high).any():
        at = int(np.argmax(low - high))
        found = f"{low[at]:g} > {high[at]:g} in the row of {labels[at]!r}"
        raise InvalidParameter(word, "Linear.lower", found, "at most Linear.upper in every row")
    _require_reachable(low, high, word, "Linear")
    return replace(block, matrix=matrix, lower=low, upper=high, labels=labels)


def _require_reachable(low: Floats, high: Floats, word: str, kind: str) -> None:
    if (low == np.inf).any() or (high == -np.inf).any():
        side, end = ("lower", "inf") if (low == np.inf).any() else ("upper", "-inf")
        raise InvalidParameter(word, f"{kind}.{side}", end, "a bound that some weight can keep")


def _hinge(block: Hinge, n: int, word: str) -> Hinge:
    up, down, anchor = (_floats(word, f"Hinge.{name}", getattr(block, name), (n,)) for name in ("up", "down", "anchor"))
    for name, slopes in (("up", up), ("down", down)):
        if (slopes < 0).any():
            raise InvalidParameter(word, f"Hinge.{name}", f"{slopes.min():g}", "≥ 0, or the set is not convex")
    linear = None if block.linear is None else _floats(word, "Hinge.linear", block.linear, (n,))
    bound = number(word, "Hinge.bound", block.bound, infinite=True)
    return replace(block, up=up, down=down, anchor=anchor, bound=bound, linear=linear)


def _quadratic(block: Quadratic, n: int, word: str) -> Quadratic:
    k = np.shape(block.factors)[-1] if np.ndim(block.factors) == 2 else 0
    factors, center = (
        _floats(word, f"Quadratic.{name}", getattr(block, name), shape)
        for name, shape in (("factors", (n, k)), ("center", (n,)))
    )
    scales = _floats(word, "Quadratic.scales", block.scales, (k,))
    specific = None if block.specific is None else _floats(word, "Quadratic.specific", block.specific, (n,))
    for name, sizes in (("scales", scales), ("specific", specific)):
        if sizes is not None and (sizes < 0).any():
            raise InvalidParameter(word, f"Quadratic.{name}", f"{sizes.min():g}", "≥ 0, or the set is not convex")
    radius = number(word, "Quadratic.radius", block.radius, least=0.0)
    return replace(block, factors=factors, scales=scales, center=center, radius=radius, specific=specific)


def _floats(word: str, name: str, given: Any, shape: tuple[int, ...], infinite: bool = False) -> Floats:
    """float64 of the shape (one number is repeated), without NaN, and finite unless ``infinite``."""
    try:
        array = np.asarray(given, dtype=np.float64)
    except (TypeError, ValueError):
        raise InvalidType(word, name, given, "an array of numbers") from None
    if array.ndim and array.shape != shape:
        raise InvalidParameter(word, name, f"shape {array.shape}", f"of shape {shape}")
    if np.isnan(array).any() or (np.isinf(array).any() and not infinite):
        found = "NaN" if np.isnan(array).any() else "infinity"
        raise InvalidParameter(word, name, found, "free of NaN" if infinite else "finite everywhere")
    return np.ascontiguousarray(np.broadcast_to(array, shape))
