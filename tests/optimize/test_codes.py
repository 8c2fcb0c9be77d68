"""Codes remembered by object against ``__index__`` asked of every label anew."""

import gc
from threading import Thread

import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from tradewind_optimize.codes import Acquaintances
from tradewind_optimize.labels import Keys


class Label:
    """An asset with a code of its own."""

    def __init__(self, code):
        self.code = code

    def __index__(self):
        return self.code

    def __hash__(self):
        return hash(self.code)

    def __eq__(self, other):
        return isinstance(other, Label) and self.code == other.code


def objects(labels):
    return np.fromiter(labels, dtype=object, count=len(labels))


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.integers(-(2**63), 2**63 - 1), min_size=1, max_size=60),
    st.lists(st.lists(st.integers(0, 59), max_size=80), max_size=8),
    st.integers(2, 70),
)
def test_any_calls_in_any_order_give_what_the_labels_say(numbers, calls, most):
    known, labels = Acquaintances(first_size=4, most=most), [Label(code) for code in numbers]
    for call in calls:
        shown = [labels[i % len(labels)] for i in call]
        assert known.codes(objects(shown)).tolist() == [label.code for label in shown]


def test_a_label_that_takes_the_place_of_a_dropped_one_is_not_taken_for_it():
    known = Acquaintances()
    for day in range(50):
        labels = [Label(day * 1000 + i) for i in range(300)]
        assert known.codes(objects(labels)).tolist() == [label.code for label in labels]
        del labels
        gc.collect()


def test_it_forgets_when_it_knows_too_many():
    known = Acquaintances(first_size=8, most=100)
    for day in range(20):
        known.codes(objects([Label(day * 30 + i) for i in range(30)]))
        assert len(known._kept) <= 100
    assert known.codes(objects([Label(i) for i in range(500)])).tolist() == list(range(500))
    assert len(known._kept) <= 100


def test_a_label_without_a_code_or_with_too_large_a_one_gives_none():
    known, some = Acquaintances(), [Label(i) for i in range(5)]
    assert known.codes(objects([*some, "text"])) is None
    assert known.codes(objects([*some, Label(2**63)])) is None
    assert known.codes(objects(some)).tolist() == list(range(5))


def test_a_sliced_array_is_read_by_its_own_labels():
    known, labels = Acquaintances(), [Label(i) for i in range(10)]
    assert known.codes(objects(labels)[::-3]).tolist() == [9, 6, 3, 0]


def test_many_equal_labels_are_no_codes_even_as_different_objects():
    assert Keys(pd.Index([Label(i % 90) for i in range(100)], dtype=object)).codes is None
    assert Keys(pd.Index([Label(i * 2**40) for i in range(90)] * 2, dtype=object)).codes is None
    assert Keys(pd.Index([Label(i) for i in range(100)], dtype=object)).codes.tolist() == list(range(100))


def test_threads_that_meet_the_same_labels_get_the_same_codes():
    known, labels = Acquaintances(first_size=4, most=700), [Label(i * 7) for i in range(1000)]
    rng, wrong = np.random.default_rng(0), []

    def ask(picks):
        asked = [(pick, known.codes(objects([labels[i] for i in pick]))) for pick in picks]
        wrong.extend(pick for pick, codes in asked if codes.tolist() != [i * 7 for i in pick])

    threads = [Thread(target=ask, args=(rng.integers(0, 1000, (200, 70)).tolist(),)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
