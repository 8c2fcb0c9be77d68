"""Every constraint: its mathematics, its edge cases, the arguments it refuses."""

import logging

import numpy as np
import pandas as pd
import pytest

from tradewind_optimize import experimental
from tradewind_optimize.constraints.base import Constraint
from tradewind_optimize.constraints.exposure import DollarNeutral, FactorExposure, MaxGrossExposure, NetExposure
from tradewind_optimize.constraints.group import Basket, NetGroupExposure
from tradewind_optimize.constraints.pair import Pair
from tradewind_optimize.constraints.position import (
    CannotHold,
    FixedWeight,
    Frozen,
    LongOnly,
    PositionConcentration,
    ReduceOnly,
    ShortOnly,
)
from tradewind_optimize.constraints.turnover import MaxTurnover
from tradewind_optimize.entry import calculate_optimal_portfolio, run_optimization
from tradewind_optimize.errors import InvalidParameter, InvalidType
from tradewind_optimize.experimental import FACTORS, SECTORS, STYLES, Newest, RiskModelExposure
from tradewind_optimize.labels import assets_of
from tradewind_optimize.objectives import TargetWeights
from tradewind_optimize.parameters import NotConstrained
from tradewind_optimize.problem import Linear


def nearest(target, constraints, held=None):
    return calculate_optimal_portfolio(TargetWeights(target), constraints, held).to_dict()


def close(expected):
    return pytest.approx(expected, abs=2e-8)


class TestExposure:
    def test_net_exposure_raises_and_lowers(self):
        assert nearest({"a": 0.1, "b": 0.1}, [NetExposure(0.6, 1)]) == close({"a": 0.3, "b": 0.3})
        assert nearest({"a": 0.6, "b": 0.6}, [NetExposure(-1, 1)]) == close({"a": 0.5, "b": 0.5})

    def test_dollar_neutral_holds_held_assets_too(self):
        found = nearest({"a": 0.5}, [DollarNeutral(), Frozen("x")], {"x": -0.2})
        assert found == close({"a": 0.2001, "x": -0.2})

    def test_gross_counts_shorts(self):
        assert nearest({"a": 1.0, "b": -1.0}, [MaxGrossExposure(1)]) == close({"a": 0.5, "b": -0.5})

    def test_an_infinite_gross_limit_is_none(self):
        assert nearest({"a": 10.0}, [MaxGrossExposure(np.inf)]) == {"a": 10.0}

    def test_factor_exposure_projects_along_the_loadings(self):
        loadings = pd.DataFrame({"beta": {"a": 1.0, "b": 2.0}})
        found = nearest({"a": 0.5, "b": 0.5}, [FactorExposure(loadings, {"beta": -1}, {"beta": 1.0})])
        assert found == close({"a": 0.4, "b": 0.3})

    def test_loadings_of_strangers_are_ignored_and_missing_ones_are_zero(self, caplog):
        loadings = pd.DataFrame({"beta": {"z": 9.0, "b": 2.0, "c": np.nan, "y": np.nan}})
        with caplog.at_level(logging.WARNING):
            found = nearest({"a": 0.5, "b": 0.5, "c": 0.5}, [FactorExposure(loadings, {"beta": 0}, {"beta": 0})])
        assert found == close({"a": 0.5, "b": 0.0, "c": 0.5})
        assert [record.getMessage() for record in caplog.records] == [
            "FactorExposure: 1 of 3 assets have NaN loadings; each NaN counts as 0."
        ]

    def test_one_side_may_be_open(self):
        loadings = pd.DataFrame({"beta": {"a": 1.0}})
        limits = pd.Series({"beta": NotConstrained}), pd.Series({"beta": 0.2})
        assert nearest({"a": -5.0}, [FactorExposure(loadings, *limits)]) == {"a": -5.0}

    @pytest.mark.parametrize(
        ("build", "text"),
        [
            (lambda: MaxGrossExposure(-1), "max must be a number ≥ 0; found -1.0"),
            (lambda: MaxGrossExposure(float("nan")), "found nan"),
            (lambda: MaxGrossExposure("1"), "max must be a number; found a str"),
            (lambda: NetExposure(0.1, -0.1), r"min must be ≤ max = -0\.1; found 0\.1\. Swap"),
            (lambda: DollarNeutral(-0.1), "tolerance must be a finite number ≥ 0"),
            (lambda: FactorExposure({"a": 1}, {}, {}), "loadings must be a DataFrame"),
            (lambda: FactorExposure(FRAME, {"beta": 0}, {"beta": 1}), r"min_exposures .* no bound for \['size'\]"),
            (lambda: FactorExposure(FRAME, BOTH, {**BOTH, "sze": 1}), r"bounds for \['sze'\]"),
            (lambda: FactorExposure(FRAME, BOTH, {"beta": -1, "size": 1}), "min 0 > max -1 for 'beta'"),
            (lambda: FactorExposure(FRAME, {"beta": np.nan, "size": 0}, BOTH), "NaN for 'beta'"),
            (lambda: FactorExposure(pd.concat([FRAME, FRAME]), BOTH, BOTH), r"loadings.index .* duplicates of 'a'"),
            (lambda: nearest({"a": 1.0}, [FactorExposure(FRAME / 0, BOTH, BOTH)]), "infinite for 'a' in column 'beta'"),
        ],
    )
    def test_refusals(self, build, text):
        with pytest.raises((InvalidParameter, InvalidType), match=text):
            build()


FRAME = pd.DataFrame({"beta": {"a": 1.0}, "size": {"a": 2.0}})
BOTH = {"beta": 0.0, "size": 0.0}


class TestGroups:
    labels = {"a": "TECH", "b": "TECH", "c": "CC", "d": None, "z": "CC"}

    def test_each_group_has_its_own_bounds(self):
        constraint = NetGroupExposure(self.labels, {"TECH": -0.5, "CC": -0.25}, {"TECH": 0.5, "CC": 0.25})
        found = nearest({"a": 0.4, "b": 0.4, "c": -0.4, "d": 9.0, "e": 8.0}, [constraint])
        assert found == close({"a": 0.25, "b": 0.25, "c": -0.25, "d": 9.0, "e": 8.0})

    def test_not_constrained_leaves_a_side_open(self):
        constraint = NetGroupExposure(
            pd.Series(self.labels), {"TECH": NotConstrained, "CC": -0.25}, {"TECH": 0.5, "CC": NotConstrained}
        )
        found = nearest({"a": -7.0, "b": 0.0, "c": 3.0}, [constraint])
        assert found == {"a": -7.0, "b": 0.0, "c": 3.0}

    @pytest.mark.parametrize("form", [dict, pd.Series])
    def test_equal_bounds(self, form):
        constraint = NetGroupExposure.with_equal_bounds(labels=form(self.labels), min=-0.1, max=0.1)
        assert nearest({"a": 0.4, "b": 0.4, "c": -0.4}, [constraint]) == close({"a": 0.05, "b": 0.05, "c": -0.1})
        assert constraint.groups == ("TECH", "CC")

    def test_integer_labels_and_nan(self):
        labels = pd.Series({"a": 101.0, "b": np.nan, "c": -1.0})
        found = nearest({"a": 0.4, "b": 0.4, "c": 0.4}, [NetGroupExposure.with_equal_bounds(labels, -0.1, 0.1)])
        assert found == close({"a": 0.1, "b": 0.4, "c": 0.1})

    def test_a_group_without_members_still_has_a_sum(self):
        constraint = NetGroupExposure({"z": "CC"}, {"CC": 0.1}, {"CC": 0.2})
        assert run_optimization(TargetWeights({"a": 1.0}), [constraint]).status == "infeasible"

    def test_bounds_of_labels_nobody_uses_are_ignored(self):
        constraint = NetGroupExposure({"a": "CC"}, {"CC": 0.1, "OLD": 3}, {"CC": 0.2, "OLD": 4})
        assert nearest({"a": 1.0}, [constraint]) == close({"a": 0.2})

    @pytest.mark.parametrize(
        ("low", "high", "text"),
        [
            ({"TECH": 0}, {"TECH": 1, "CC": 1}, r"min_weights .* no bound for \['CC'\].*NotConstrained"),
            ({"TECH": 0, "CC": 0}, {"TECH": 1}, r"max_weights .* no bound for \['CC'\]"),
            ({"TECH": 0, "CC": 2}, {"TECH": 1, "CC": 1}, "min 2 > max 1 for 'CC'"),
            ({"TECH": np.nan, "CC": 2}, {"TECH": 1, "CC": 1}, "NaN for 'TECH'"),
        ],
    )
    def test_refusals(self, low, high, text):
        with pytest.raises(InvalidParameter, match=text):
            NetGroupExposure(self.labels, low, high)

    def test_basket(self):
        found = nearest({"a": 0.4, "b": 0.4, "c": 0.4}, [Basket(["a", "b", "stranger"], -1, 0.6)])
        assert found == close({"a": 0.3, "b": 0.3, "c": 0.4})
        assert repr(Basket(["a", "b"], 0, 1)) == "Basket(['a', 'b'], 0.0, 1.0)"


class TestPositions:
    def test_unlisted_assets_cannot_be_held_by_default(self):
        constraint = PositionConcentration({"a": -0.1}, {"a": 0.1, "b": 0.2})
        found = nearest({"a": 0.5, "b": -0.5, "c": 0.5}, [constraint], {"x": 0.3})
        assert found == {"a": 0.1, "b": 0.0, "c": 0.0, "x": 0.0}

    def test_defaults_and_equal_bounds(self):
        constraint = PositionConcentration({}, {"a": NotConstrained}, -0.1, 0.1)
        assert nearest({"a": 5.0, "b": -5.0}, [constraint]) == {"a": 5.0, "b": -0.1}
        assert nearest({"a": 5.0, "b": -5.0}, [PositionConcentration.with_equal_bounds(-0.2, 0.3)]) == {
            "a": 0.3,
            "b": -0.2,
        }

    @pytest.mark.parametrize(("low", "high"), [({"a": 0.1}, {}), ({}, {"a": -0.1}), ({"a": 0.3}, {"a": 0.2})])
    def test_crossing_bounds_are_refused(self, low, high):
        with pytest.raises(InvalidParameter, match="for 'a'"):
            PositionConcentration(low, high)

    def test_signs(self):
        constraints = [LongOnly(["a", "b"]), ShortOnly("c"), CannotHold(pd.Index(["d"]))]
        found = nearest({"a": 1.0, "b": -1.0, "c": 1.0, "d": 1.0}, constraints)
        assert found == {"a": 1.0, "b": 0.0, "c": 0.0, "d": 0.0}

    def test_a_long_only_asset_held_short_can_be_closed(self):
        assert nearest({}, [LongOnly("a")], {"a": -0.3}) == {"a": 0.0}

    def test_frozen_needs_no_target(self):
        assert nearest({"a": 1.0}, [Frozen({"a", "b", "stranger"})], {"a": 0.1, "b": -0.2}) == {"a": 0.1, "b": -0.2}

    def test_frozen_of_an_unheld_asset_keeps_it_out(self):
        assert nearest({"a": 1.0, "b": 1.0}, [Frozen("a")]) == {"a": 0.0, "b": 1.0}

    def test_reduce_only(self):
        held = {"a": 0.3, "b": -0.3, "c": 0.3}
        found = nearest({"a": 0.5, "b": 0.5, "c": 0.1, "d": 0.1}, [ReduceOnly(list("abcd"))], held)
        assert found == {"a": 0.3, "b": 0.0, "c": 0.1, "d": 0.0}

    def test_fixed_weight_brings_its_asset(self):
        assert nearest({"a": 1.0}, [FixedWeight("b", 0.25)]) == {"a": 1.0, "b": 0.25}
        assert nearest({"a": 1.0}, [FixedWeight("b", 0)]) == {"a": 1.0}

    def test_turnover(self):
        found = nearest({"a": 0.5, "b": 0.0}, [MaxTurnover(0.4)], {"a": 0.1, "b": 0.2})
        assert found == close({"a": 0.3, "b": 0.0})

    def test_rounding_never_makes_a_box_empty(self):
        third = 0.1 + 0.2
        constraints = [FixedWeight("a", third), PositionConcentration.with_equal_bounds(-0.3, 0.3)]
        assert nearest({"a": 1.0}, constraints)["a"] == pytest.approx(0.3)

    def test_reprs(self):
        assert repr(LongOnly("a")) == "LongOnly('a')"
        assert repr(Frozen(["a", "b"])) == "Frozen(['a', 'b'])"
        assert repr(CannotHold(list("abc"), max_error_display=2)) == "CannotHold(['a', 'b', … 1 more])"
        assert repr(MaxTurnover(1)) == "MaxTurnover(1.0)"
        assert repr(FixedWeight("a", 1)) == "FixedWeight('a', 1.0)"

    def test_collections_of_assets(self):
        assert assets_of("abc", "w") == ("abc",)
        assert assets_of({"b", "a"}, "w") == ("a", "b")
        assert assets_of({1, "a"}, "w") == ("a", 1)
        assert assets_of({"k": 1}, "w") == ("k",)
        assert assets_of((x for x in "aab"), "w") == ("a", "b")
        with pytest.raises(InvalidType, match="a hashable label"):
            LongOnly([["a"]])


class TestPair:
    def test_hedge_ratio_is_exact_without_tolerance(self):
        found = nearest({"a": 0.4, "b": -0.1}, [Pair("a", "b", hedge_ratio=2.0)])
        assert found["a"] == pytest.approx(-2 * found["b"], abs=1e-9)
        assert found["b"] < 0

    def test_tolerance_opens_a_cone(self):
        found = nearest({"a": 0.4, "b": -0.1}, [Pair("a", "b", hedge_ratio=2.0, tolerance=0.5)])
        assert found["a"] == pytest.approx(-2.5 * found["b"], abs=1e-8)
        inside = nearest({"a": 0.22, "b": -0.1}, [Pair("a", "b", hedge_ratio=2.0, tolerance=0.5)])
        assert inside == {"a": 0.22, "b": -0.1}

    def test_holding_neither_is_allowed_and_signs_are_kept(self):
        assert nearest({"a": -0.4, "b": 0.1}, [Pair("a", "b")]) == close({"a": 0.0, "b": 0.0})

    @pytest.mark.parametrize(
        ("arguments", "text"),
        [
            (("a", "a"), "another asset than long"),
            (("a", "b", 0), "hedge_ratio must be greater than 0"),
            (("a", "b", -1), "hedge_ratio"),
            (("a", "b", 1, -0.1), "tolerance"),
        ],
    )
    def test_refusals(self, arguments, text):
        with pytest.raises(InvalidParameter, match=text):
            Pair(*arguments)


class TestLookthru:
    frame = pd.DataFrame({"ETF": {"a": 0.5, "b": 0.5}, "OTHER": {"a": 1.0, "b": 0.0}})

    def test_groups_see_the_constituents(self):
        labels = {"a": "TECH", "b": "CC", "ETF": "FUND"}
        constraint = NetGroupExposure.with_equal_bounds(labels, -0.2, 0.2, etf_lookthru=self.frame)
        found = nearest({"a": 0.1, "ETF": 0.4}, [constraint])
        # TECH = a + ETF/2 ≤ 0.2 : the step from (0.1, 0.4) is along (1, 1/2)
        assert found == close({"a": 0.02, "ETF": 0.36})

    def test_positions_are_effective_weights_and_funds_have_none(self):
        constraint = PositionConcentration.with_equal_bounds(-0.2, 0.2, etf_lookthru=self.frame)
        assert nearest({"ETF": 0.9}, [constraint]) == close({"ETF": 0.4})
        assert nearest({"OTHER": 0.9}, [constraint]) == close({"OTHER": 0.2})

    def test_a_constituent_outside_the_portfolio_is_bounded_too(self):
        constraint = PositionConcentration({}, {"a": 0.05, "ETF": 1}, -1, 1, etf_lookthru=self.frame)
        assert nearest({"ETF": 0.9}, [constraint]) == close({"ETF": 0.1})

    def test_refusals_and_warnings(self, caplog):
        with pytest.raises(InvalidParameter, match=r"found 1\.5 for 'a' in 'ETF'"):
            PositionConcentration.with_equal_bounds(0, 1, etf_lookthru=self.frame * 3)
        with pytest.raises(InvalidType, match="etf_lookthru must be a DataFrame"):
            PositionConcentration.with_equal_bounds(0, 1, etf_lookthru={"ETF": 1})
        with caplog.at_level(logging.WARNING):
            PositionConcentration.with_equal_bounds(0, 1, etf_lookthru=self.frame * 0.5)
        assert "'ETF' in etf_lookthru sum to 0.5" in caplog.text


class TestRiskModel:
    @pytest.fixture
    def loadings(self):
        rng = np.random.default_rng(0)
        return pd.DataFrame(rng.normal(size=(6, 16)), index=list("abcdef"), columns=list(FACTORS))

    def bounds(self, constraint):
        return dict(
            zip(constraint.factors, zip(constraint.min_exposures, constraint.max_exposures, strict=True), strict=True)
        )

    def test_defaults_of_version_zero(self, loadings):
        found = self.bounds(RiskModelExposure(loadings, version=0))
        assert {found[name] for name in SECTORS} == {(-0.18, 0.18)}
        assert {found[name] for name in STYLES} == {(-0.36, 0.36)}
        assert found == self.bounds(RiskModelExposure(loadings, version=Newest))

    def test_overrides_and_a_bound_of_zero(self, loadings):
        constraint = RiskModelExposure(loadings, version=0, max_momentum=0, min_size=-1, max_value=None)
        found = self.bounds(constraint)
        assert found["momentum"] == (-0.36, 0.0)
        assert found["size"] == (-1.0, 0.36)
        assert found["value"] == (-0.36, 0.36)
        lifted = RiskModelExposure(loadings, version=0, min_energy=NotConstrained)
        assert self.bounds(lifted)["energy"] == (-np.inf, 0.18)

    def test_exposures_hold(self, loadings):
        target = pd.Series(np.linspace(-1, 1, 6), index=list("abcdef"))
        weights = calculate_optimal_portfolio(TargetWeights(target), [RiskModelExposure(loadings, version=0)])
        exposure = (weights @ loadings).abs()
        assert (exposure[list(SECTORS)] <= 0.18 + 1e-8).all()
        assert (exposure[list(STYLES)] <= 0.36 + 1e-8).all()
        assert (exposure > 0.17).any()

    def test_all_32_bounds_are_in_the_signature(self):
        import inspect

        names = list(inspect.signature(RiskModelExposure).parameters)
        assert names[:4] == ["risk_model_loadings", "version", "min_basic_materials", "max_basic_materials"]
        assert len(names) == 34

    def test_without_version_one_warning_a_process(self, loadings, caplog):
        experimental._warn_once.cache_clear()
        with caplog.at_level(logging.WARNING):
            first = self.bounds(RiskModelExposure(loadings))
            RiskModelExposure(risk_model_loadings=loadings)
        assert len(caplog.records) == 1
        assert first == self.bounds(RiskModelExposure(loadings, version=Newest))

    def test_extra_columns_are_ignored_and_missing_ones_refused(self, loadings):
        wide = loadings.assign(beta=1.0)[["beta", *reversed(FACTORS)]]
        assert RiskModelExposure(wide, version=0).factors == FACTORS
        with pytest.raises(InvalidParameter, match=r"no column for \['size'\]"):
            RiskModelExposure(loadings.drop(columns="size"), version=0)

    def test_refusals(self, loadings):
        with pytest.raises(InvalidParameter, match="Did you mean 'max_momentum'"):
            RiskModelExposure(loadings, version=0, max_momentun=1)
        with pytest.raises(InvalidParameter, match="version must be Newest or an integer"):
            RiskModelExposure(loadings, version=1)
        with pytest.raises(InvalidParameter, match="for 'momentum'"):
            RiskModelExposure(loadings, version=0, min_momentum=0.5)


class TestOldNames:
    @pytest.mark.parametrize(
        ("name", "arguments", "base"),
        [
            ("TargetPortfolioWeights", ({"a": 1.0},), TargetWeights),
            ("MaxGrossLeverage", (1.0,), MaxGrossExposure),
            ("NetPartitionExposure", ({"a": 1}, {1: 0}, {1: 1}), NetGroupExposure),
            ("WeightedExposure", (FRAME, BOTH, BOTH), FactorExposure),
        ],
    )
    def test_they_warn_and_work(self, name, arguments, base):
        from tradewind_optimize import deprecated

        with pytest.warns(DeprecationWarning, match=f"{name} is now {base.__name__}"):
            word = getattr(deprecated, name)(*arguments)
        assert isinstance(word, base)

    def test_alternate_constructors_too(self):
        from tradewind_optimize.deprecated import NetPartitionExposure

        with pytest.warns(DeprecationWarning, match="NetPartitionExposure"):
            assert NetPartitionExposure.with_equal_bounds({"a": 1}, -1, 1).groups == (1,)


def test_a_constraint_of_the_users_own():
    class NoMoreLongThan(Constraint):
        """Σ of the first two weights at most 0.1."""

        def rows(self, universe):
            matrix = np.zeros((1, universe.n))
            matrix[0, :2] = 1.0
            yield Linear(matrix, np.array([-np.inf]), np.array([0.1]), ("first two",))

    assert nearest({"a": 0.2, "b": 0.1, "c": 0.3}, [NoMoreLongThan()]) == close({"a": 0.1, "b": 0.0, "c": 0.3})
    result = run_optimization(
        TargetWeights({"a": 0.2, "b": 0.1}), [NoMoreLongThan(), FixedWeight("a", 1), LongOnly("b")]
    )
    assert "Exposure to first two (0.3) would be greater than max exposure (0.1)." in str(result.error)


def test_not_constrained_is_one_object_even_after_pickling():
    import pickle

    assert pickle.loads(pickle.dumps(NotConstrained)) is NotConstrained
    assert pickle.loads(pickle.dumps(Newest)) is Newest
