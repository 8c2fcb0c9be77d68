"""Why there is no answer: minimal conflicts, smallest relaxations, runaway weights."""

import pickle
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from tests.optimize.oracle import chosen, distance, elements
from tests.optimize.test_random import draw, draw_constraints

from tradewind_optimize.compile import compile_problem
from tradewind_optimize.conflict import Filter
from tradewind_optimize.constraints.exposure import DollarNeutral, FactorExposure, MaxGrossExposure, NetExposure
from tradewind_optimize.constraints.group import Basket, NetGroupExposure
from tradewind_optimize.constraints.pair import Pair
from tradewind_optimize.constraints.position import (
    CannotHold,
    FixedWeight,
    Frozen,
    LongOnly,
    PositionConcentration,
    ShortOnly,
)
from tradewind_optimize.constraints.turnover import MaxTurnover
from tradewind_optimize.elastic import ElasticProgram, Probe
from tradewind_optimize.elastic_highs import HighsElastic
from tradewind_optimize.elastic_simplex import SimplexElastic
from tradewind_optimize.elements import Layout, height, violations
from tradewind_optimize.entry import run_optimization
from tradewind_optimize.errors import Explanation, InfeasibleConstraints
from tradewind_optimize.experimental import FACTORS, RiskModelExposure
from tradewind_optimize.explain import explain
from tradewind_optimize.labels import column
from tradewind_optimize.objectives import MaximizeAlpha, TargetWeights
from tradewind_optimize.problem import Hinge, Solution
from tradewind_optimize.refusal import elastic, proves, shortfall
from tradewind_optimize.solvers import clarabel, highs


def compiled(target, words, held):
    return compile_problem(TargetWeights(target), words, column(held, "test", "held", ""))


def conflict_of(objective, words, held=None):
    error = run_optimization(objective, words, held).error
    assert isinstance(error, InfeasibleConstraints)
    return error.conflict


def test_two_of_eight_conflict_and_no_other():
    names = [f"s{i}" for i in range(10)]
    sector = pd.Series(["TECH"] * 5 + ["CC"] * 5, index=names)
    beta = pd.DataFrame({"beta": np.linspace(0.5, 1.5, 10)}, index=names)
    groups = NetGroupExposure(sector, {"TECH": 0.5, "CC": -1}, {"TECH": 1, "CC": 1})
    positions = PositionConcentration.with_equal_bounds(-0.05, 0.05)
    words = [
        MaxGrossExposure(2.0),
        NetExposure(-1, 1),
        FactorExposure(beta, {"beta": -2}, {"beta": 2}),
        groups,
        MaxTurnover(3.0),
        positions,
        LongOnly("s0"),
        Basket(["s8", "s9"], -0.5, 0.5),
    ]
    found = conflict_of(TargetWeights(dict.fromkeys(names, 0.1)), words)
    assert found == ((groups, ("TECH",)), (positions, tuple(names[:5])))
    assert found[0][0] is groups


def test_the_order_given_decides_which_conflict_is_told():
    low, high, other = NetExposure(0.5, 1.0), NetExposure(-1.0, 0.2), NetExposure(-1.0, 0.1)
    words = [low, high, other]
    assert [word for word, _ in conflict_of(TargetWeights({"a": 1.0}), words)] == [low, other]
    assert [word for word, _ in conflict_of(TargetWeights({"a": 1.0}), words[::-1])] == [high, low]


def test_both_sides_of_a_box_are_one():
    # fixed at 0.3 and 0.1: only the lower side of the one and the upper side of the other meet the limits
    words = [FixedWeight("a", 0.3), NetExposure(0.0, 0.1), FixedWeight("b", 0.1), Basket(["b"], 0.2, 0.3)]
    found = conflict_of(TargetWeights({"a": 0.0}), words)
    assert found == ((words[2], ("b",)), (words[3], ()))
    found = conflict_of(TargetWeights({"a": 0.0}), words[:3])
    assert found == ((words[0], ("a",)), (words[1], ()), (words[2], ("b",)))


def test_frozen_everything_plus_a_violated_limit_says_which():
    held = pd.Series({"a": 0.9, "b": -0.4, "c": 0.1, "d": 0.0})
    frozen, gross = Frozen(list("abcd")), MaxGrossExposure(1.0)
    error = run_optimization(TargetWeights({}), [DollarNeutral(2.0), frozen, LongOnly("a"), gross], held).error
    # 1.4 is held; without a or b the limit would hold, c and d do not matter
    assert error.conflict == ((frozen, ("a", "b")), (gross, ()))
    assert [(r.constraint, r.side, r.bound, round(r.needed, 9)) for r in error.relaxation] == [
        (gross, "upper", 1.0, 1.4)
    ]
    text = str(error)
    assert "   Frozen(['a', 'b', 'c', 'd']) for a, b\n   MaxGrossExposure(1.0)\n" in text
    assert "MaxGrossExposure(1.0): max 1 → 1.4 (by 0.4)" in text


def test_crossing_boxes():
    first, second = FixedWeight("a", 0.3), PositionConcentration.with_equal_bounds(-0.1, 0.1)
    found = conflict_of(TargetWeights({"a": 0.0, "b": 0.3}), [MaxGrossExposure(1.0), first, second])
    assert found == ((first, ("a",)), (second, ("a",)))


def test_a_pair_that_must_be_short():
    pair, fixed = Pair("a", "b"), FixedWeight("a", -0.1)
    # a ≥ 0 goes first, since b ≤ 0 and the ratio say the same
    found = conflict_of(TargetWeights({"a": 0.0, "b": 0.3}), [pair, fixed])
    assert found == ((pair, ("b", "at least")), (fixed, ("a",)))


def test_the_golden_conflict_is_all_three(aapl, msft):
    words = [DollarNeutral(0.01), FixedWeight(aapl, 0.1), LongOnly(msft)]
    error = run_optimization(TargetWeights({aapl: 0.1, msft: 0.0}), words, {aapl: 0.1, msft: -0.1}).error
    assert error.conflict == ((words[0], ()), (words[1], (aapl,)), (words[2], (msft,)))
    (only,) = error.relaxation
    assert (only.constraint, only.label, only.side, only.bound) == (words[0], None, "upper", 0.01)
    assert (only.needed, only.amount) == pytest.approx((0.1, 0.09))


def infeasible_draws(count):
    seed = 0
    while count:
        names, held, target, drawn = draw(5000 + seed)
        rng = np.random.default_rng(9000 + seed)
        drawn = [*drawn, *draw_constraints(rng, names, held)]
        words = [word for word, _ in drawn]
        seed += 1
        if words and run_optimization(TargetWeights(target), words, held).status == "infeasible":
            count -= 1
            yield compiled(target, words, held)


@pytest.fixture(scope="module")
def explained():
    return [(compilation, explain(compilation)) for compilation in infeasible_draws(60)]


def test_every_conflict_is_infeasible_and_feasible_without_any_label(explained):
    sizes = []
    for compilation, found in explained:
        n, members = compilation.universe.n, chosen(compilation, found.conflict)
        assert distance(members, n)[0] > 1e-8
        for word, label in {(ordinal, label) for ordinal, label, _, _ in members}:
            rest = [e for e in members if (e[0], e[1]) != (word, label)]
            assert distance(rest, n)[0] <= 1e-8, (compilation.constraints[word], label)
        sizes.append(len(members))
    assert max(sizes) >= 5
    assert min(sizes) == 2


def test_every_relaxation_is_the_smallest_and_enough(explained):
    for compilation, found in explained[:25]:
        best, _ = distance(elements(compilation), compilation.universe.n)
        assert sum(each.amount for each in found.relaxation) == pytest.approx(best, rel=1e-5, abs=1e-8)
        assert relaxed_distance(compilation, found.relaxation) <= 1e-8
        for each in found.relaxation:
            assert each.amount == pytest.approx(abs(each.needed - each.bound), abs=1e-9)


def relaxed_distance(compilation, relaxation):
    """How far the constraints are from holding together once the named bounds are moved."""
    moved = {(id(r.constraint), r.label, r.side): r.amount for r in relaxation}
    some = []
    for ordinal, block in compilation.blocks:
        word = id(compilation.constraints[ordinal])
        labels = [label for at, label, of, _ in elements(compilation) if at == ordinal and of is block]
        up, down = (np.array([moved.get((word, label, side), 0.0) for label in labels]) for side in ("upper", "lower"))
        if isinstance(block, Hinge):
            block = replace(block, bound=block.bound + up[0])
        else:
            low, high = (np.broadcast_to(side, up.shape) for side in (block.lower, block.upper))
            block = replace(block, lower=low - down, upper=high + up)
        some += [(ordinal, label, block, row) for row, label in enumerate(labels)]
    return distance(some, compilation.universe.n)[0]


def test_shortcuts_change_nothing(explained):
    """Against deletion in its plainest form: one element after another, a fresh program for every question."""
    for compilation, found in explained[:25]:
        blocks = [block for _, block in compilation.blocks]
        owner = np.repeat([o for o, _ in compilation.blocks], [height(block) for block in blocks])
        active = np.ones(len(owner), dtype=bool)
        groups = [owner == ordinal for ordinal in range(len(compilation.constraints))]
        for group in [*groups, *np.eye(len(owner), dtype=bool)]:
            rest = active & ~group
            if ElasticProgram(blocks, compilation.universe.n).solve(rest).total > 1e-9:
                active = rest
        first = ElasticProgram(blocks, compilation.universe.n).solve(np.ones(len(owner), dtype=bool))
        kept = Filter(ElasticProgram(blocks, compilation.universe.n), owner, first).run()
        assert kept.tolist() == active.tolist()
        assert len(found.conflict) == len(set(owner[active]))


def test_a_proof_spoilt_by_rounding_is_found_out(monkeypatch):
    honest = ElasticProgram._support

    def wrong(self, active, weights, duals):
        support = honest(self, active, weights, duals)
        support[np.flatnonzero(support)[:1]] = False
        return support

    monkeypatch.setattr(ElasticProgram, "_support", wrong)
    words = [MaxGrossExposure(1.0), NetExposure(2.0, 3.0), LongOnly("a"), ShortOnly("b")]
    found = explain(compiled({"a": 1.0, "b": 0.0}, words, {}))
    assert found.conflict == ((words[0], ()), (words[1], ()))


def test_feasible_problems_have_nothing_to_explain():
    assert explain(compiled({"a": 1.0}, [MaxGrossExposure(1.0)], {})) == Explanation()


def contest(n, extra):
    rng = np.random.default_rng(0)
    names = [f"s{i}" for i in range(n)]
    sector = rng.integers(0, 11, n)
    loadings = pd.DataFrame(rng.normal(size=(n, 16)), index=names, columns=list(FACTORS))
    loadings.iloc[:, :11] = np.eye(11)[sector]
    words = [
        MaxGrossExposure(1.0),
        DollarNeutral(),
        PositionConcentration.with_equal_bounds(-5 / n, 5 / n),
        RiskModelExposure(loadings, version=0),
        NetGroupExposure.with_equal_bounds(pd.Series(sector, names), -0.05, 0.05),
        MaxTurnover(0.5),
        extra,
    ]
    held = pd.Series(rng.normal(size=n) * 1.4 / n, index=names)
    return pd.Series(rng.normal(size=n) / n, index=names), words, held


@pytest.mark.parametrize(
    "extra",
    [NetExposure(0.9, 2.0), Frozen([f"s{i}" for i in range(500)]), Basket([f"s{i}" for i in range(40)], 0.5, 1.0)],
)
def test_five_hundred_assets_are_explained_with_few_programs(extra, monkeypatch):
    target, words, held = contest(500, extra)
    compilation, probes, honest = compiled(target, words, held), [], ElasticProgram.solve
    monkeypatch.setattr(ElasticProgram, "solve", lambda self, active: probes.append(1) or honest(self, active))
    found = explain(compilation)
    assert len(probes) <= 20  # of some 1,000 elements; each takes a millisecond or two
    members = chosen(compilation, found.conflict)
    assert distance(members, 500)[0] > 1e-8
    assert words[-1] in [word for word, _ in found.conflict]


def test_explanations_are_made_when_asked_for_and_travel():
    calls = []

    def slow():
        calls.append(1)
        return Explanation(((LongOnly("a"), ("a",)),), ())

    error = InfeasibleConstraints((), 0.5, slow)
    assert not calls
    assert error.shortfall == 0.5
    assert len(error.conflict) == 1
    assert "LongOnly('a')" in str(error)
    assert len(calls) == 1
    again = pickle.loads(pickle.dumps(error))
    assert str(again) == str(error)

    class Local(LongOnly):
        """Cannot be pickled: it is local."""

    far = pickle.loads(pickle.dumps(InfeasibleConstraints((), 0.1, Explanation(((Local("b"), ("b",)),), ()))))
    assert repr(far.conflict[0][0]) == "Local('b')"


def test_long_lists_are_cut():
    names = [f"s{i}" for i in range(30)]
    positions = PositionConcentration.with_equal_bounds(0, 0.01)
    error = run_optimization(TargetWeights(dict.fromkeys(names, 0.1)), [NetExposure(1, 1), positions]).error
    assert len(error.conflict[1][1]) == 30
    assert "PositionConcentration(0.0, 0.01) for s0, s1, s2, s3, s4, s5, s6, s7, s8, s9 and 20 more\n" in str(error)
    tight = [FixedWeight(name, 0.5) for name in names]
    error = run_optimization(TargetWeights({}), [CannotHold(names), *tight]).error
    assert "… and 20 more." in str(error)


def test_who_runs_away_and_what_is_missing():
    error = run_optimization(MaximizeAlpha({"a": 1.0, "b": -2.0}), [DollarNeutral()]).error
    assert dict(zip(error.assets, error.directions, strict=True)) == {"a": 1, "b": -1}
    assert error.missing == ("MaxGrossExposure(max)", "PositionConcentration.with_equal_bounds(min, max)")
    error = run_optimization(
        MaximizeAlpha({"a": 1.0, "b": 1.0}), [PositionConcentration({}, {}, 0, float("inf"))]
    ).error
    assert set(error.assets) == {"a", "b"}
    assert "PositionConcentration with finite bounds for these assets" in str(error)


def test_printed_explanations(capsys):
    run_optimization(TargetWeights({"a": 1.0}), [NetExposure(1, 1), CannotHold("a")]).print_diagnostics()
    printed = capsys.readouterr().out
    for part in (
        "status: infeasible",
        "cannot hold together",
        "NetExposure(1.0, 1.0): min 1 → 0 (by 1)",
        "Empty Portfolio",
    ):
        assert part in printed
    run_optimization(MaximizeAlpha({"a": 1.0}), []).print_diagnostics()
    assert "a (long)" in capsys.readouterr().out.replace("'", "")


def test_a_probe_is_a_value():
    probe = Probe(1.0, np.zeros(1), np.ones(1, dtype=bool))
    with pytest.raises(AttributeError):
        probe.total = 2.0


def test_both_solvers_of_the_elastic_program_agree(explained):
    rng = np.random.default_rng(5)
    proved = 0
    for compilation, _ in explained[:25]:
        blocks = [block for _, block in compilation.blocks]
        layout = Layout(blocks, compilation.universe.n)
        own, general = SimplexElastic(layout), HighsElastic(layout)
        for _ in range(4):
            active = rng.random(int(layout.starts[-1])) < 0.9
            found, (other, _) = own.solve(active), general.solve(active)
            if found is not None:
                totals = [(violations(blocks, w[None])[0] * active).sum() for w in (found[0], other)]
                assert totals[0] == pytest.approx(totals[1], abs=1e-8)
                proved += 1
    assert proved >= 98


def test_a_refusal_is_proved_by_the_multipliers_of_the_kernel(monkeypatch):
    target, words, held = contest(60, NetExposure(0.9, 2.0))

    def refuse(problem):
        raise AssertionError("the ray is proof enough")

    monkeypatch.setattr(highs, "solve", refuse)
    for objective in (TargetWeights(target), MaximizeAlpha(target)):
        error = run_optimization(objective, words, held).error
        assert isinstance(error, InfeasibleConstraints)
    monkeypatch.undo()
    assert error.shortfall == pytest.approx(0.8999)


def test_only_what_proves_is_believed():
    problem = compiled({"a": 1.0, "b": 0.0}, [NetExposure(0.5, 1.0), MaxGrossExposure(0.4)], {}).problem
    ray = np.array([1.0]), np.array([1.0])
    assert proves(problem, Solution.without_answer("infeasible", "test", ray=ray))
    for y, price in ((1.0, 0.7), (-1.0, 1.0), (0.0, 0.0), (1.0, -1.0)):
        weak = np.array([y]), np.array([price])
        assert not proves(problem, Solution.without_answer("infeasible", "test", ray=weak))
    assert not proves(problem, Solution.without_answer("infeasible", "test"))


def test_exits_in_the_way_are_told_from_constraints_that_cannot_hold():
    held = {"a": 0.3, "b": 0.2}
    released = run_optimization(TargetWeights({}), [NetExposure(0.25, 1.0), Frozen("b")], held)
    assert released.new_weights.to_dict() == pytest.approx({"a": 0.05, "b": 0.2})
    assert run_optimization(TargetWeights({}), [NetExposure(0.25, 1.0), MaxGrossExposure(0.2)], held).status == (
        "infeasible"
    )


def test_refusals_need_no_interior_point(monkeypatch):
    def refuse(problem):
        raise AssertionError("the linear program in pieces is enough")

    target, words, held = contest(60, NetExposure(0.9, 2.0))
    problem = compiled(target, words, held).problem
    monkeypatch.setattr(clarabel, "solve", refuse)
    assert shortfall(problem) == pytest.approx(0.8999)
    assert elastic(problem).rows.rows.tolist() == sorted(elastic(problem).rows.rows.tolist())
