"""What is said after an optimization: the infeasible message, the table of constraints, the certificate."""

import numpy as np
import pandas as pd
import pytest

from tradewind_optimize.constraints.exposure import DollarNeutral, FactorExposure, MaxGrossExposure, NetExposure
from tradewind_optimize.constraints.group import Basket, NetGroupExposure
from tradewind_optimize.constraints.pair import Pair
from tradewind_optimize.constraints.position import CannotHold, FixedWeight, Frozen, LongOnly, PositionConcentration
from tradewind_optimize.constraints.turnover import MaxTurnover
from tradewind_optimize.entry import run_optimization
from tradewind_optimize.errors import InfeasibleConstraints
from tradewind_optimize.objectives import MaximizeAlpha, TargetWeights

GOLDEN = """The attempted optimization failed because no portfolio could be found that
satisfied all required constraints.

These constraints cannot hold together, though without any one of them the
others can:

   DollarNeutral(0.01)
   FixedWeight(Equity(24 [AAPL]), 0.1)
   LongOnly(Equity(5061 [MSFT]))

The smallest relaxation that would leave a portfolio:

   DollarNeutral(0.01): max 0.01 → 0.1 (by 0.09)

The following special portfolios were spot checked and found to be in violation
of at least one constraint:

Target Portfolio (as provided to TargetWeights):

   Would violate DollarNeutral() because:
      Net exposure (0.1) would be greater than max net exposure (0.01).

Current Portfolio (at the time of the optimization):

   Would violate LongOnly(Equity(5061 [MSFT])) because:
      New weight for Equity(5061 [MSFT]) (-0.1) would be less than 0.

Empty Portfolio (no positions):

   Would violate FixedWeight(Equity(24 [AAPL])) because:
      New weight (0.0) would not equal required weight (0.1).
"""


def test_the_golden_infeasible_example(aapl, msft, capsys):
    result = run_optimization(
        TargetWeights({aapl: 0.1, msft: 0.0}),
        [DollarNeutral(tolerance=0.01), FixedWeight(aapl, 0.10), LongOnly(msft)],
        pd.Series({aapl: 0.1, msft: -0.1}),
    )
    assert result.status == "infeasible"
    assert not result.success
    with pytest.raises(InfeasibleConstraints) as caught:
        result.raise_for_status()
    assert str(caught.value) == GOLDEN
    assert [(v.portfolio, v.constraint) for v in caught.value.violations] == [
        ("target", "DollarNeutral()"),
        ("current", "LongOnly(Equity(5061 [MSFT]))"),
        ("empty", "FixedWeight(Equity(24 [AAPL]))"),
    ]
    assert caught.value.shortfall == pytest.approx(0.09)
    result.print_diagnostics()
    assert GOLDEN in capsys.readouterr().out


def reasons(objective, constraints, held=None):
    error = run_optimization(objective, constraints, held).error
    assert isinstance(error, InfeasibleConstraints)
    return {(v.portfolio, v.constraint): v.reasons for v in error.violations}


def test_sentences_of_every_word():
    impossible = FixedWeight("z", 1e6)
    labels = {"a": "TECH", "b": "CC"}
    loadings = pd.DataFrame({"beta": {"a": 2.0, "b": 0.0}})
    constraints = [
        impossible,
        MaxGrossExposure(1.0),
        NetExposure(-0.1, 0.2),
        MaxTurnover(0.5),
        FactorExposure(loadings, {"beta": -0.5}, {"beta": 0.5}),
        NetGroupExposure.with_equal_bounds(labels, -0.25, 0.25),
        PositionConcentration.with_equal_bounds(-0.5, 0.75),
        Basket(["a", "b"], -1, 0),
        CannotHold(["a", "b", "c"], max_error_display=2),
        Frozen("a"),
        Pair("b", "c"),
    ]
    found = reasons(TargetWeights({"a": 1.0, "b": -0.25, "c": 0.5}), constraints, {"a": 0.125})
    target = {constraint: text for (portfolio, constraint), text in found.items() if portfolio == "target"}
    assert target == {
        "FixedWeight('z')": ("New weight (0.0) would not equal required weight (1000000.0).",),
        "MaxGrossExposure()": ("Gross exposure (1.75) would be greater than max gross exposure (1.0).",),
        "NetExposure()": ("Net exposure (1.25) would be greater than max net exposure (0.2).",),
        "MaxTurnover()": ("Turnover (1.625) would be greater than max turnover (0.5).",),
        "FactorExposure()": ("Exposure to beta (2.0) would be greater than max exposure (0.5).",),
        "NetGroupExposure()": ("Net exposure to TECH (1.0) would be greater than max exposure (0.25).",),
        "PositionConcentration()": ("New weight for a (1.0) would be greater than max weight (0.75).",),
        "Basket(['a', 'b'])": ("Net exposure to the basket (0.75) would be greater than max net exposure (0.0).",),
        "CannotHold(['a', 'b', … 1 more])": (
            "New weight for a (1.0) would not be 0.",
            "New weight for b (-0.25) would not be 0.",
            "… and 1 more.",
        ),
        "Frozen('a')": ("New weight for a (1.0) would not equal current weight (0.125).",),
        "Pair('b', 'c')": (
            "New weight for b (-0.25) would be less than 0.",
            "New weight for c (0.5) would be greater than 0.",
            "Long weight less hedge ratio × short size (0.25) would be greater than 0.0 (hedge ratio 1).",
        ),
    }


def test_no_target_block_without_a_target():
    found = reasons(MaximizeAlpha({"a": 1.0}), [FixedWeight("a", 2.0), MaxGrossExposure(1.0)])
    assert {portfolio for portfolio, _ in found} == {"current", "empty"}


def test_the_table_of_a_target():
    result = run_optimization(
        TargetWeights({"a": 0.9, "b": -0.5, "c": 0.1}),
        [MaxGrossExposure(1.0), NetExposure(-1, 1), PositionConcentration.with_equal_bounds(-0.25, 1)],
    )
    table = result.diagnostics.constraints
    assert list(table.columns) == [
        "constraint", "label", "side", "value", "lower", "upper", "slack", "shadow_price", "binding",
    ]  # fmt: skip
    assert list(table["constraint"]) == [
        "MaxGrossExposure(1.0)",
        "NetExposure(-1.0, 1.0)",
        "PositionConcentration(-0.25, 1.0)",
    ]
    gross, net, box = (row for _, row in table.iterrows())
    # w = (0.75, −0.25, 0): the gross multiplier is 2·(0.9 − 0.75), the box's 2·(0.5 − 0.25) − 0.3
    assert gross["binding"]
    assert gross["side"] == "upper"
    assert gross["value"] == pytest.approx(1.0)
    assert gross["shadow_price"] == pytest.approx(0.3, abs=1e-6)
    assert not net["binding"]
    assert net["side"] == ""
    assert net["shadow_price"] == pytest.approx(0, abs=1e-8)
    assert net["slack"] == pytest.approx(0.5, abs=1e-7)
    assert (box["label"], box["side"], box["lower"]) == ("b", "lower", -0.25)
    assert box["shadow_price"] == pytest.approx(0.2, abs=1e-6)
    assert len(result.diagnostics.table(every=True)) == 5


@pytest.mark.parametrize("objective", [TargetWeights, MaximizeAlpha])
def test_shadow_prices_are_the_gain_of_a_relaxed_bound(objective):
    rng = np.random.default_rng(5)
    names = [f"s{i}" for i in range(12)]
    goal = objective(pd.Series(rng.normal(size=12) / 4, index=names))
    held = pd.Series(rng.normal(size=12) / 30, index=names)
    loadings = pd.DataFrame({"beta": rng.normal(size=12) + 1}, index=names)

    def limits(gross=0.0, net=0.0, beta=0.0, turnover=0.0, most=0.0):
        return [
            MaxGrossExposure(0.9 + gross),
            NetExposure(0.05 - net, 0.6),
            FactorExposure(loadings, {"beta": -1}, {"beta": 0.02 + beta}),
            MaxTurnover(0.8 + turnover),
            PositionConcentration({}, {"s3": 0.11 + most}, -0.2, 0.11),
        ]

    def value(**steps):
        result = run_optimization(goal, limits(**steps), held)
        return result.diagnostics.objective * (1 if objective is MaximizeAlpha else -1)

    table = run_optimization(goal, limits(), held).diagnostics.constraints
    prices = table[table["label"].isin([None, "beta", "s3"])].groupby("constraint")["shadow_price"].max()
    step, base = 1e-5, value()
    for word, change in {
        "MaxGrossExposure(0.9)": "gross",
        "NetExposure(0.05, 0.6)": "net",
        "FactorExposure(['beta'], -1.0, 0.02)": "beta",
        "MaxTurnover(0.8)": "turnover",
        "PositionConcentration({}, {'s3': 0.11}, -0.2, 0.11)": "most",
    }.items():
        gain = (value(**{change: step}) - base) / step
        assert gain == pytest.approx(prices.get(word, 0.0), abs=2e-3), word
    assert (prices > 1e-3).sum() >= 2


def test_two_constraints_of_one_class_are_told_apart():
    result = run_optimization(TargetWeights({"a": 1.0}), [NetExposure(0, 0.9), NetExposure(0, 0.5)])
    table = result.diagnostics.constraints
    assert table["binding"].tolist() == [False, True]
    assert table["shadow_price"].tolist() == pytest.approx([0.0, 1.0], abs=1e-6)


def test_the_certificate_and_the_printed_summary(capsys):
    result = run_optimization(TargetWeights({"a": 0.9, "b": 0.9}), [MaxGrossExposure(1.0)])
    certificate = result.diagnostics.certificate
    assert certificate.passed
    assert certificate.solver == result.diagnostics.solver != ""
    assert certificate.residual <= 1e-8
    assert 0 <= certificate.gap <= 1e-8
    assert result.diagnostics.iterations > 0
    result.print_diagnostics()
    printed = capsys.readouterr().out
    for part in ("status:     optimal", "objective:  0.32", "violation:", "gap:", "MaxGrossExposure(1.0)"):
        assert part in printed
    run_optimization(TargetWeights({}), []).print_diagnostics()
    assert "no constraint binds" in capsys.readouterr().out


def test_diagnostics_of_a_failure_measure_the_current_portfolio():
    result = run_optimization(
        MaximizeAlpha({"a": 1.0}), [NetExposure(1, 2), LongOnly("a"), CannotHold("a")], {"a": 0.5}
    )
    table = result.diagnostics.constraints
    assert table.loc[table["constraint"] == "NetExposure(1.0, 2.0)", "slack"].item() == -0.5
    assert table["shadow_price"].isna().all()
    assert np.isnan(result.diagnostics.objective)
    assert result.diagnostics.certificate is None


def test_binding_rows_are_the_binding_rows_of_the_table():
    rng = np.random.default_rng(3)
    names = [f"s{i}" for i in range(30)]
    frame = pd.DataFrame(rng.normal(size=(30, 2)), index=names, columns=["x", "y"])
    limits = [
        MaxGrossExposure(0.8),
        DollarNeutral(),
        PositionConcentration.with_equal_bounds(-0.05, 0.05),
        FactorExposure(frame, {"x": -0.01, "y": -0.01}, {"x": 0.01, "y": 0.01}),
        LongOnly(names[:3]),
    ]
    found = run_optimization(MaximizeAlpha(pd.Series(rng.normal(size=30), names)), limits).diagnostics
    rows, table = found.binding_rows(), found.constraints
    table = table[table["binding"]]
    assert len(table) > 20
    assert rows.constraint == list(table["constraint"])
    assert rows.label == list(table["label"])
    assert rows.column("side").tolist() == list(table["side"])
    bound = np.where(table["side"] == "upper", table["upper"], table["lower"])
    for name, numbers in (
        ("value", table["value"]),
        ("bound", bound),
        *((n, table[n]) for n in ("slack", "shadow_price")),
    ):
        np.testing.assert_allclose(rows.column(name), numbers, rtol=1e-12, atol=1e-15)
    assert set(rows.column("side")) == {"lower", "upper"}
