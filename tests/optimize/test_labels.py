"""Alignment: by integer code where labels have one, by hash otherwise, and both the same."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradewind_optimize.constraints.position import LongOnly, PositionConcentration
from tradewind_optimize.entry import calculate_optimal_portfolio
from tradewind_optimize.errors import InvalidParameter
from tradewind_optimize.labels import Keys, index_of, merge
from tradewind_optimize.objectives import TargetWeights

labels = st.lists(st.integers(-(2**40), 2**40) | st.integers(0, 200), unique=True, max_size=30)


@given(labels, labels)
def test_codes_and_hashing_agree(mine, theirs):
    by_code = Keys(index_of(mine)).positions(Keys(index_of(theirs)))
    expected = [mine.index(label) if label in mine else -1 for label in theirs]
    assert by_code.tolist() == expected
    as_text = Keys(index_of([str(x) for x in mine])).positions(Keys(index_of([str(x) for x in theirs])))
    assert as_text.tolist() == expected


def test_assets_align_by_code_and_keep_their_objects(stock):
    names = [stock(sid, f"S{sid}") for sid in (5, 90_000_000_000, 7)]
    target = pd.Series([0.1, 0.2, 0.3], index=names)
    held = pd.Series({stock(11, "X"): 0.5, stock(7, "S7"): 0.5})
    weights = calculate_optimal_portfolio(TargetWeights(target), [PositionConcentration({}, {7: 0.25}, -1, 1)], held)
    assert list(weights.index) == [*names, stock(11, "X")]
    assert all(label is name for label, name in zip(weights.index, names, strict=False))
    assert weights.tolist() == [0.1, 0.2, 0.25, 0.0]


def test_assets_and_strings_may_stand_together(stock):
    held = {"gold": 0.1, stock(5, "A"): 0.2}
    weights = calculate_optimal_portfolio(TargetWeights({stock(5, "A"): 0.3, "gold": 0.2}), [LongOnly("gold")], held)
    assert weights.tolist() == [0.3, 0.2]
    mixed = calculate_optimal_portfolio(TargetWeights({stock(5, "A"): 0.3}), [], {"gold": 0.1})
    assert list(mixed.index) == [stock(5, "A"), "gold"]


@pytest.mark.parametrize(
    "index",
    [
        ["a", "b", "c"],
        [1, 2, 3],
        [1.5, 2.5, 3.5],
        [("a", 1), ("a", 2), ("b", 1)],
        list(pd.date_range("2020-01-01", periods=3)),
    ],
)
def test_any_hashable_label(index):
    target = dict(zip(index, [0.1, 0.2, 0.3], strict=True))
    weights = calculate_optimal_portfolio(TargetWeights(target), [PositionConcentration({}, {index[1]: 0.15}, -1, 1)])
    assert list(weights.index) == index
    assert weights.tolist() == [0.1, 0.15, 0.3]


def test_a_multiindex_is_a_list_of_tuples():
    target = pd.Series([0.1, 0.2], index=pd.MultiIndex.from_tuples([("a", 1), ("b", 2)]))
    weights = calculate_optimal_portfolio(TargetWeights(target), [], {("b", 2): 0.1, ("c", 3): 0.1})
    assert list(weights.index) == [("a", 1), ("b", 2), ("c", 3)]


def test_labels_that_share_a_code_fall_back_to_hashing():
    class Odd:
        def __init__(self, code):
            self.code = code

        def __index__(self):
            return self.code

    one, other = Odd(1), Odd(1)
    weights = calculate_optimal_portfolio(
        TargetWeights({one: 0.1, other: 0.2}), [PositionConcentration({}, {one: 0.05}, 0, 1)]
    )
    assert weights.tolist() == [0.05, 0.2]


def test_duplicates_are_refused_also_by_code(stock):
    with pytest.raises(InvalidParameter, match=r"duplicates of Equity\(5 \[A\]\)"):
        TargetWeights(pd.Series([0.1, 0.2], index=[stock(5, "A"), stock(5, "A")]))
    with pytest.raises(InvalidParameter, match="duplicates of 3"):
        TargetWeights(pd.Series([0.1, 0.2], index=[3, 3]))


def test_merge_keeps_the_order_given():
    union = merge(
        Keys(index_of(["b", "a"])), Keys(index_of(["c", "a"])), Keys(index_of([])), Keys(index_of(["d", "b"]))
    )
    assert list(union.index) == ["b", "a", "c", "d"]
    assert merge(Keys(index_of([])), Keys(index_of([4, 2]))).positions(Keys(index_of([2]))).tolist() == [1]


def test_inputs_are_never_changed():
    target, held = pd.Series({"a": 1.0, "b": 2.0}), pd.Series({"b": 0.5, "c": 0.5})
    before = target.copy(), held.copy()
    calculate_optimal_portfolio(TargetWeights(target), [LongOnly(["a"])], held)
    pd.testing.assert_series_equal(target, before[0])
    pd.testing.assert_series_equal(held, before[1])
    objective = TargetWeights(target)
    target["a"] = 9.0
    assert calculate_optimal_portfolio(objective, [])["a"] == 1.0
    assert np.isfinite(held).all()
