"""Any numbers whatever: an answer, or a refusal with a sentence; never another exception, never NaN."""

import json
import warnings

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tradewind_optimize.meanvariance import api
from tradewind_optimize.meanvariance.errors import PyOptimumException

sizes = st.integers(1, 4)
numbers = st.one_of(
    st.floats(-2, 2), st.floats(allow_nan=True, allow_infinity=True), st.sampled_from([0.0, 1e-300, 1e300, -1e300, 1.0])
)
junk = st.recursive(
    st.one_of(st.none(), st.booleans(), numbers, st.text(max_size=3)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=4), inner, max_size=3)),
    max_leaves=6,
)


@st.composite
def queries(draw):
    n = draw(sizes)
    vector = st.lists(numbers, min_size=n, max_size=n)
    positive = st.lists(st.one_of(st.floats(0, 2), numbers), min_size=n, max_size=n)
    functions = st.sampled_from(["sum", "return", "sales", "buys", "leverage"])
    limit = st.fixed_dictionaries(
        {"bounds": st.one_of(numbers, st.lists(numbers, min_size=2, max_size=2))},
        optional={"function": functions, "set": st.lists(st.integers(0, n), max_size=2), "label": st.text(max_size=3)},
    )
    flags = dict.fromkeys(("short", "buy", "sell"), st.booleans()) | dict.fromkeys(("mu_min", "mu_max"), numbers)
    flags["basis"] = st.sampled_from(["absolute", "relative"])
    column = st.lists(st.lists(numbers, min_size=1, max_size=1), min_size=n, max_size=n)
    fields = dict.fromkeys(("x0", "xlo", "xup"), vector) | dict.fromkeys(("cashflow", "mu", "rho"), numbers)
    fields |= dict.fromkeys(("labels", "sets"), junk)
    fields |= {"F": column, "D": st.just([[0.5]]), "constraints": st.lists(limit, max_size=2)}
    fields["options"] = st.fixed_dictionaries({"number_of_points": st.integers(1, 4)}, optional=flags)
    return draw(st.fixed_dictionaries({"r": vector, "Q": positive}, optional=fields))


def held(entry, data):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # overflow at 1e300 is what is being tried
        try:
            answer = entry(data)
        except PyOptimumException:
            return
    text = json.dumps(answer)
    assert "NaN" not in text
    assert "Infinity" not in text


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(queries())
def test_problems(data):
    held(api.portfolio, data)
    held(api.frontier, data)


@settings(max_examples=150, deadline=None)
@given(st.dictionaries(st.sampled_from(["r", "Q", "F", "D", "options", "constraints", "sets", "mu", "x0"]), junk))
def test_junk(data):
    held(api.portfolio, data)


@settings(max_examples=150, deadline=None)
@given(st.dictionaries(st.sampled_from(["tickers", "market", "range", "end", "options", "symbols"]), junk))
def test_junk_for_models(data):
    import pandas as pd

    index = pd.bdate_range("2024-01-01", "2024-06-28")
    closes = pd.DataFrame({"A": np.linspace(1, 2, len(index))}, index)
    for entry in (api.prices, api.basic, api.custom):
        held(lambda body, entry=entry: entry(closes, body), data)
