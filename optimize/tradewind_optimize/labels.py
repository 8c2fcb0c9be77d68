"""Labels: how assets named by any hashable become integer positions, and what missing values mean.

Rules. The variables of a problem are the labels of the objective, then those of the current portfolio that are not yet
there, then those a constraint brings in, each in the order given. Labels of a constraint outside this set are ignored.
A label present twice is an error. Where every label offers an integer code (``__index__``: assets, ints) alignment uses
the codes, which is several times faster than hashing objects and agrees with it, since such labels compare by code.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any, TypeVar, cast

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tradewind_optimize.errors import InvalidParameter, InvalidType

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]

_Known = TypeVar("_Known")
_FEW = 64  # up to this many strings are looked up in a dict, and labels asked one by one
_TABLE_SPAN = 1 << 20  # codes spread wider than this are searched instead of looked up in a table


class Keys:
    """Distinct labels with their integer codes (None when some label has none); from a pandas Index or a list.

    ``codes``: int64[n], distinct, when the caller knows them already; ``distinct``: whether the labels are known to
    be, as the keys of a dict are.
    """

    def __init__(self, labels: pd.Index | list[Hashable], codes: Ints | None = None, distinct: bool = False) -> None:
        self._distinct = distinct
        if isinstance(labels, pd.Index):
            self.index = labels
        else:
            self._given = labels
        if codes is not None:
            self.codes = codes

    @cached_property
    def index(self) -> pd.Index:
        """The labels as a flat pandas Index."""
        return index_of(self._given)

    def __iter__(self) -> Iterator[Hashable]:
        return iter(self._labels)

    @cached_property
    def _labels(self) -> list[Hashable]:
        if "_given" in self.__dict__:
            return self.__dict__["_given"]
        return _remembered(self.index, "labels", self.index.tolist)

    def __len__(self) -> int:
        return self._count

    @cached_property
    def _count(self) -> int:
        return len(self._labels) if "index" not in self.__dict__ else len(self.index)

    @cached_property
    def codes(self) -> Ints | None:
        """int64[n] codes from ``__index__``; None when a label offers none or two labels share one."""
        if "index" in self.__dict__:
            return _remembered(self.index, "codes", lambda: _distinct(_codes(self.index)))
        return _distinct(_codes_of(np.fromiter(self._labels, dtype=object, count=len(self._labels))))

    @cached_property
    def _names(self) -> dict[str, int] | None:
        """Position by label where there are few and all are strings: a pandas engine would cost more than it saves."""
        if len(self) > _FEW:
            return None
        return _remembered(self.index, "names", self._make_names) if "index" in self.__dict__ else self._make_names()

    def _make_names(self) -> dict[str, int] | None:
        if not all(type(label) is str for label in self._labels):
            return None
        return {str(label): at for at, label in enumerate(self._labels)}

    def require_unique(self, word: str, parameter: str) -> Keys:
        """Raise :class:`InvalidParameter` naming the labels that occur twice; else return self."""
        if not self._distinct and self.codes is None and not self._is_unique():
            twice = list(dict.fromkeys(self.index[self.index.duplicated()]))
            raise InvalidParameter(
                word, parameter, f"duplicates of {_some(twice)}", "free of duplicate labels", "Keep one row a label."
            )
        return self

    def _is_unique(self) -> bool:
        return len(self._names) == len(self) if self._names is not None else bool(self.index.is_unique)

    @cached_property
    def _lookup(self) -> tuple[int, Ints] | None:
        if "index" in self.__dict__:
            return _remembered(self.index, "lookup", self._make_lookup)
        return self._make_lookup()

    def _make_lookup(self) -> tuple[int, Ints] | None:
        codes = self.codes
        if codes is None or not len(codes):
            return None
        first, last = int(codes.min()), int(codes.max())
        if last - first >= _TABLE_SPAN:
            return None
        table = np.full(last - first + 1, -1, dtype=np.int64)
        table[codes - first] = np.arange(len(codes))
        return first, table

    def positions(self, other: Keys) -> Ints:
        """int64[len(other)]: where each label of ``other`` stands here; −1 where it does not."""
        if not len(self) or not len(other):
            return np.full(len(other), -1, dtype=np.int64)
        if self._names is not None and other._names is not None:
            return np.array([self._names.get(name, -1) for name in other._names], dtype=np.int64)
        if self.same(other):
            return np.arange(len(self))
        mine, theirs = self.codes, other.codes
        if mine is None or theirs is None:
            return np.asarray(self.index.get_indexer(other.index), dtype=np.int64)
        return self._by_code(mine, theirs)

    def same(self, other: Keys) -> bool:
        """Whether both are known at a glance to hold the same labels in the same order."""
        if other is self or self._shares_index(other):
            return True
        mine, theirs = self.codes, other.codes
        return mine is not None and theirs is not None and np.array_equal(mine, theirs)

    def _shares_index(self, other: Keys) -> bool:
        mine, theirs = self.__dict__.get("index"), other.__dict__.get("index")
        return mine is not None and theirs is not None and mine.is_(theirs)  # the same immutable data, or a view of it

    def _by_code(self, mine: Ints, theirs: Ints) -> Ints:
        if not len(mine):
            return np.full(len(theirs), -1, dtype=np.int64)
        if self._lookup is not None:
            first, table = self._lookup
            inside = (theirs >= first) & (theirs < first + len(table))
            return np.where(inside, table[np.where(inside, theirs - first, 0)], -1)
        order = np.argsort(mine)
        at = np.minimum(np.searchsorted(mine, theirs, sorter=order), len(mine) - 1)
        found = order[at]
        return np.where(mine[found] == theirs, found, -1)


def _remembered(index: pd.Index, name: str, make: Callable[[], _Known]) -> _Known:
    """What follows from an index alone, worked out once for it and its views.

    pandas keeps what it derives from an Index (whether it is unique, its hash table) in ``_cache``, which views share:
    an algorithm's alphas have the same labels day after day. An Index cannot change, so neither can these.
    """
    known = getattr(index, "_cache", None)
    if not isinstance(known, dict):
        return make()
    key = f"tradewind_optimize.{name}"
    if key not in known:
        known[key] = make()
    return cast(_Known, known[key])


def _distinct(codes: Ints | None) -> Ints | None:
    """The codes, None where two are equal."""
    if codes is None or len(codes) < 2:
        return codes
    first, last = int(codes.min()), int(codes.max())
    if last - first < _TABLE_SPAN:
        return codes if np.count_nonzero(_seen(codes, first, last)) == len(codes) else None
    ordered = np.sort(codes)
    return None if (ordered[1:] == ordered[:-1]).any() else codes


def _seen(codes: Ints, first: int, last: int) -> Flags:
    """bool[last − first + 1]: the codes that occur."""
    seen = np.zeros(last - first + 1, dtype=np.bool_)
    seen[codes - first] = True
    return seen


def _codes(index: pd.Index) -> Ints | None:
    if index.dtype == object:
        return _codes_of(index.to_numpy())
    if index.dtype.kind in "iu":
        return index.to_numpy().astype(np.int64)
    return None


def _codes_of(labels: NDArray[np.object_]) -> Ints | None:
    if len(labels) > _FEW:
        return _acquaintances().codes(labels)
    try:
        return np.fromiter(map(operator.index, labels), dtype=np.int64, count=len(labels))
    except (TypeError, OverflowError):
        return None


@cache
def _acquaintances() -> Any:
    from tradewind_optimize.codes import acquaintances

    return acquaintances


def _some(labels: Sequence[Any], most: int = 10) -> str:
    shown = ", ".join(repr(label) for label in labels[:most])
    return shown + (f" and {len(labels) - most} more" if len(labels) > most else "")


def index_of(labels: Iterable[Hashable]) -> pd.Index:
    """A flat pandas Index of the labels, tuples kept whole."""
    if isinstance(labels, pd.MultiIndex):
        return labels.to_flat_index()
    if isinstance(labels, pd.Index):
        return labels
    items = list(labels)
    if not items:
        return pd.Index([], dtype=object)
    return pd.Index(items, tupleize_cols=False)


def is_many(asset_or_assets: Any) -> bool:
    """Whether an argument is a collection of labels; a string, and anything not iterable, is one label."""
    return isinstance(asset_or_assets, Iterable) and not isinstance(asset_or_assets, (str, bytes))


def assets_of(asset_or_assets: Any, word: str) -> tuple[Hashable, ...]:
    """The labels named by one label or a collection of labels: without repetitions, in a reproducible order.

    A mapping gives its keys, a Series its values. Sets have no order of their own: their members are sorted, by value
    if they can be compared, else by repr.
    """
    if not is_many(asset_or_assets):
        items = [asset_or_assets]
    else:
        items = list(asset_or_assets)
        if isinstance(asset_or_assets, (set, frozenset)):
            items = _ordered(items)
    try:
        return tuple(dict.fromkeys(items))
    except TypeError:
        unhashable = next(item for item in items if not isinstance(item, Hashable))
        raise InvalidType(
            word, "asset_or_assets", unhashable, "a hashable label or a flat collection of them"
        ) from None


def _ordered(items: list[Any]) -> list[Any]:
    try:
        return sorted(items)
    except TypeError:
        return sorted(items, key=repr)


@dataclass(frozen=True, eq=False)
class Column:
    """Labels with one float64 value each (read-only, C-contiguous)."""

    keys: Keys
    values: Floats

    def __len__(self) -> int:
        return len(self.values)


def _pairs(values: Any, word: str, parameter: str) -> tuple[Keys, Any]:
    if isinstance(values, pd.Series):
        return Keys(index_of(values.index)), values.to_numpy()
    if isinstance(values, Mapping):
        return Keys(list(values), distinct=True), list(values.values())
    hint = "Write {asset: value, …} or a Series indexed by asset."
    raise InvalidType(word, parameter, values, "a pandas Series or a dict from label to number", hint)


def _floats(raw: Any, word: str, parameter: str) -> Floats:
    try:
        found = np.asarray(raw)
        if found.dtype.kind in "SU" or (found.dtype.kind == "O" and any(isinstance(item, str) for item in found)):
            raise TypeError  # numpy would read "0.5" as a number
        return np.array(found, dtype=np.float64)
    except (TypeError, ValueError):
        bad = next((item for item in raw if not isinstance(item, (int, float, np.number))), raw)
        raise InvalidType(word, parameter, bad, "a map from label to number") from None


def column(values: Any, word: str, parameter: str, missing: str) -> Column:
    """A Series or dict of finite numbers as a :class:`Column`.

    Raises InvalidParameter naming the labels whose value is NaN or infinite (``missing`` is the advice), or that occur
    twice; InvalidType when it is no mapping to numbers. A Column is taken too.
    """
    keys, raw = (values.keys, values.values) if isinstance(values, Column) else _pairs(values, word, parameter)
    numbers = _floats(raw, word, parameter)
    if not np.isfinite(numbers).all():
        found = f"NaN or infinity for {_some(list(keys.index[~np.isfinite(numbers)]))}"
        raise InvalidParameter(word, parameter, found, "finite for every label", missing)
    return _column(keys, numbers, word, parameter)


def bounds(values: Any, word: str, parameter: str, free: Hashable, unlimited: float) -> Column:
    """Bounds as a :class:`Column`: the sentinel ``free`` becomes ``unlimited`` (±inf), NaN is refused."""
    keys, raw = _pairs(values, word, parameter)
    if not len(raw):
        return Column(keys, _NONE)
    if isinstance(raw, list) or raw.dtype == object:
        raw = [unlimited if item is free else item for item in raw]
    numbers = _floats(raw, word, parameter)
    bad = np.isnan(numbers) | (numbers == -unlimited)
    if bad.any():
        found = f"{numbers[bad][0]:g} for {_some(list(keys.index[bad]))}".replace("nan", "NaN")
        hint = "Use NotConstrained for a side without a limit."
        raise InvalidParameter(word, parameter, found, "a number for every label", hint)
    return _column(keys, numbers, word, parameter)


_NONE: Floats = np.empty(0)
_NONE.setflags(write=False)


def _column(keys: Keys, numbers: Floats, word: str, parameter: str) -> Column:
    numbers.setflags(write=False)
    return Column(keys.require_unique(word, parameter), numbers)


def merge(first: Keys, *others: Keys) -> Keys:
    """The union of labels: those of ``first``, then the new ones of each other, in order."""
    union = first
    for other in others:
        new = union.positions(other) < 0
        if new.any():
            union = Keys(_append(union.index, other.index[new]))
    return union


def _append(index: pd.Index, more: pd.Index) -> pd.Index:
    if not len(index):
        return more
    if index.dtype == more.dtype:
        return index.append(more)
    return index.astype(object).append(more.astype(object))


@dataclass(frozen=True, eq=False)
class Universe:
    """The variables of one problem, as a constraint sees them.

    Attributes: ``keys`` (labels in order), ``current`` (float64[n], the weights held now, 0 where nothing is held).
    """

    keys: Keys
    current: Floats

    @property
    def n(self) -> int:
        """How many assets there are."""
        return len(self.current)

    @property
    def labels(self) -> pd.Index:
        """The labels, one a position."""
        return self.keys.index

    @cached_property
    def everyone(self) -> Ints:
        """int64[n]: all positions, for a block over the whole portfolio."""
        out = np.arange(self.n)
        out.setflags(write=False)
        return out

    def positions(self, labels: Keys | Iterable[Hashable]) -> Ints:
        """int64[len(labels)]: the position of each label, −1 for those outside the universe."""
        return self.keys.positions(labels if isinstance(labels, Keys) else Keys(index_of(labels)))

    def inside(self, labels: Keys | Iterable[Hashable]) -> Ints:
        """The positions of those labels that are in the universe."""
        at = self.positions(labels)
        return at[at >= 0]

    def align(self, values: Column, default: float = 0.0) -> Floats:
        """float64[n]: the values in universe order, ``default`` where a label has none."""
        if not len(values):
            return np.full(self.n, default, dtype=np.float64)
        if self.keys.same(values.keys):
            return values.values
        out = np.full(self.n, default, dtype=np.float64)
        at = self.positions(values.keys)
        known = at >= 0
        out[at[known]] = values.values[known]
        return out
