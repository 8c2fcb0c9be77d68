"""No answer remembers the one before: any order of problems, any repetition, a fresh process: the same bytes."""

import hashlib
import json
import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.optimize.test_random import draw

from tradewind_optimize.entry import run_optimization
from tradewind_optimize.objectives import MaximizeAlpha, TargetWeights

PROBLEMS = 24


def fingerprint(number, words=None):
    """Everything an answer says, as a hash; with ``words`` the constraints made earlier, else new ones."""
    _, held, target, drawn = draw(700 + number // 2)
    objective = (TargetWeights, MaximizeAlpha)[number % 2](target)
    result = run_optimization(objective, [word for word, _ in drawn] if words is None else words, held)
    text = result.status
    if result.success:
        numbers = result.diagnostics.constraints[["value", "slack", "shadow_price"]].to_numpy(dtype=float)
        text += result.new_weights.to_numpy().tobytes().hex() + numbers.tobytes().hex()
    elif result.status == "infeasible":
        text += repr(result.error.conflict) + repr(result.error.relaxation) + repr(result.error.shortfall)
    return hashlib.sha256(text.encode()).hexdigest()


def elsewhere(numbers):
    """The fingerprints of a process of their own, in that order."""
    code = (
        "import json; from tests.optimize.test_memory import fingerprint; "
        f"print(json.dumps([fingerprint(number) for number in {numbers}]))"
    )
    return json.loads(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout)


@pytest.fixture(scope="module")
def expected():
    order = list(range(PROBLEMS))[::-1]
    return dict(zip(order, elsewhere(order), strict=True))


@pytest.fixture(scope="module")
def kept():
    return [[word for word, _ in draw(700 + number // 2)[3]] for number in range(PROBLEMS)]


@settings(max_examples=15, deadline=None, derandomize=True)
@given(st.lists(st.tuples(st.integers(0, PROBLEMS - 1), st.booleans()), min_size=2, max_size=8))
def test_interleaved_problems_answer_as_in_a_process_of_their_own(expected, kept, order):
    for number, same_words in order:
        assert fingerprint(number, kept[number] if same_words else None) == expected[number]


@pytest.mark.slow
@pytest.mark.parametrize("number", range(0, PROBLEMS, 3))
def test_the_only_problem_of_a_process(expected, number):
    assert elsewhere([number]) == [expected[number]]
