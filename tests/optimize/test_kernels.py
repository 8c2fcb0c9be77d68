"""The two kernels against HiGHS and Clarabel, against each other, at every edge, and bit for bit."""

import os
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from tradewind_optimize.certify import certify
from tradewind_optimize.compile import stack
from tradewind_optimize.labels import Keys, Universe, index_of
from tradewind_optimize.objectives import Terms
from tradewind_optimize.problem import Box, Hinge, HingeSet, Linear
from tradewind_optimize.refusal import shortfall
from tradewind_optimize.route import optimize
from tradewind_optimize.solvers import clarabel, dual_newton, dual_simplex, highs


def compiled(terms, *blocks, held=None, n=None):
    held = np.zeros(n) if held is None else held
    return stack(Universe(Keys(index_of(range(len(held)))), held), terms, list(enumerate(blocks)))


def boxes(rng, n, held, linear):
    low, high = -rng.uniform(0, 4, n) / n, rng.uniform(0, 4, n) / n
    if rng.random() < 0.3:
        low[:] = 0
    fixed = rng.random(n) < rng.choice([0, 0.2])
    low[fixed] = high[fixed] = held[fixed]
    if rng.random() < 0.3 and not linear:
        low[rng.random(n) < 0.5], high[rng.random(n) < 0.5] = -np.inf, np.inf
    return low, high


def rows(rng, n, near):
    """Rows around A·near: dense or sparse, some of whole numbers, repeated, equalities, one-sided, impossible."""
    m = int(rng.choice([1, 3, 10]))
    matrix = rng.normal(size=(m, n)) * (rng.random((m, n)) < rng.choice([0.2, 1.0]))
    if rng.random() < 0.5:
        matrix[0] = 1
    if m > 2 and rng.random() < 0.5:
        matrix[-1], matrix[-2] = matrix[0], 2 * matrix[1]
    if rng.random() < 0.3:
        matrix = matrix.round(0)
    value, width = matrix @ near, rng.choice([0.0, 0.01, 0.2], size=m)
    low, high = value - width * rng.random(m), value + width * rng.random(m)
    if rng.random() < 0.3:
        low -= 0.3 * rng.normal(size=m)
        high = np.maximum(low, high)
    side = rng.random(m)
    low[side < 0.2], high[side > 0.8] = -np.inf, np.inf
    return Linear(matrix, low, high, tuple(range(m)))


def draw(seed, linear, sizes=(1, 2, 3, 8, 30, 120)):
    rng = np.random.default_rng(seed)
    n = int(rng.choice(sizes))
    one, none = np.ones(n), np.zeros(n)
    held = np.where(rng.random(n) < 0.6, rng.normal(size=n) / n, 0.0)
    low, high = boxes(rng, n, held, linear)
    blocks = [Box(np.arange(n), low, high)]
    if rng.random() < 0.8:
        near = np.clip(np.where(rng.random(n) < 0.5, held, 0), low, high)
        blocks.append(rows(rng, n, np.where(np.isfinite(near), near, 0.0)))
    if rng.random() < 0.7:
        blocks.append(Hinge(one, one, none, rng.uniform(0.2, 1.2), ""))
    if rng.random() < 0.6:
        blocks.append(Hinge(one, one, held, rng.uniform(0.05, 1.0), ""))
    if rng.random() < 0.3:
        tilt = 0.1 * one if rng.random() < 0.5 else None
        blocks.append(Hinge(none, np.abs(rng.normal(size=n)).round(1), held, rng.uniform(0.05, 0.5), "", linear=tilt))
    signal = rng.normal(size=n) * rng.choice([1 / n, 4 / n, 1.0])
    signal = signal.round(1) if rng.random() < 0.4 else signal
    costs = None
    if rng.random() < 0.4:
        costs = HingeSet(none[None], np.full((1, n), 0.1 / n), np.full((1, n), 0.05 / n), held[None].copy())
    if linear:
        return compiled(Terms(linear=-signal, costs=costs, maximize=True), *blocks, held=held)
    bend = rng.uniform(0.5, 4, n) if rng.random() < 0.5 else np.full(n, 2.0)
    tilt = rng.normal(size=n) / n if rng.random() < 0.3 else np.zeros(0)
    return compiled(Terms(curvature=bend, target=signal, linear=tilt, costs=costs), *blocks, held=held)


def check(problem, kernel, peer):
    """The kernel's answer is certified to rounding and no worse than the peer's; its refusals are true."""
    found = kernel.solve(problem)
    if found.status == "infeasible":
        assert shortfall(problem) > 1e-9
        return "infeasible"
    certificate = certify(problem, found, 1e-11)
    if found.note:  # the kernel says that it stalled: allowed only where there is nothing to find
        assert shortfall(problem) > 1e-9
        return "stalled"
    assert certificate.passed, certificate.reason()
    assert certificate.gap <= 1e-4 * certificate.gap_tolerance
    other = peer.solve(problem)
    if other.status == "optimal" and certify(problem, other, 1e-7).residual <= 1e-7:
        size = max(abs(problem.value(other.weights)), 1e-3)
        assert problem.value(found.weights) <= problem.value(other.weights) + 1e-6 * size
    return "optimal"


@pytest.mark.parametrize("linear", [False, True], ids=["newton", "simplex"])
def test_random_problems(linear):
    kernel, peer = (dual_simplex, highs) if linear else (dual_newton, clarabel)
    ends = [check(draw(seed, linear), kernel, peer) for seed in range(60)]
    assert ends.count("optimal") >= 35
    assert ends.count("infeasible") >= 8
    assert ends.count("stalled") <= 1


@pytest.mark.slow
@pytest.mark.parametrize("linear", [False, True], ids=["newton", "simplex"])
def test_very_many_random_problems(linear):
    kernel, peer = (dual_simplex, highs) if linear else (dual_newton, clarabel)
    ends = [check(draw(seed, linear), kernel, peer) for seed in range(1000, 4000)]
    assert ends.count("stalled") <= 12


def proximal(problem, rounds=60):
    """The linear program by the Newton kernel: w ← argmin c'w + ½ε‖w − w₀‖², ε ever smaller."""
    scale = max(float(np.abs(problem.linear).max()), 1e-12)
    weights = np.clip(problem.current, problem.lower, problem.upper)
    for turn in range(rounds):
        bend = scale * max(0.5**turn, 1e-3)
        near = replace(problem, curvature=np.full(problem.n, bend), target=weights)
        found = dual_newton.solve(near)
        assert certify(near, found, 1e-11).passed
        if np.abs(found.weights - weights).max(initial=0.0) <= 1e-13 and turn > 15:
            break
        weights = found.weights
    return weights


@pytest.mark.parametrize("seed", range(25))
def test_the_proximal_route_meets_the_simplex(seed):
    problem = draw(seed, linear=True, sizes=(3, 8, 30))
    vertex = dual_simplex.solve(problem)
    if vertex.status == "optimal":
        value = problem.value(vertex.weights)
        assert problem.value(proximal(problem)) == pytest.approx(value, abs=1e-9 * max(1.0, abs(value)))


def limits(n, gross=1.0):
    one, none = np.ones(n), np.zeros(n)
    return Box(np.arange(n), -0.5, 0.5), Hinge(one, one, none, gross, "")


KERNELS = [(dual_newton, lambda t: Terms(curvature=np.full(len(t), 2.0), target=t)),
           (dual_simplex, lambda t: Terms(linear=-t, maximize=True))]  # fmt: skip


@pytest.mark.parametrize(("kernel", "terms"), KERNELS, ids=["newton", "simplex"])
class TestEdges:
    def test_no_asset(self, kernel, terms):
        problem = compiled(terms(np.zeros(0)), *limits(0), n=0)
        assert kernel.solve(problem).weights.tolist() == []
        assert optimize(problem).status == "optimal"

    def test_one_asset(self, kernel, terms):
        found = kernel.solve(compiled(terms(np.array([0.9])), *limits(1, 0.3), n=1))
        assert found.weights.tolist() == pytest.approx([0.3], abs=1e-16)
        assert found.hinge_duals[0] == pytest.approx(1.2 if kernel is dual_newton else 0.9)

    def test_everything_fixed(self, kernel, terms):
        at = np.array([0.1, -0.2, 0.0])
        row = Linear(np.ones((1, 3)), np.array([-0.1]), np.array([-0.1]), (None,))
        problem = compiled(terms(np.ones(3)), Box(np.arange(3), at, at), row, n=3)
        found = kernel.solve(problem)
        assert found.weights.tolist() == at.tolist()
        assert (
            kernel.solve(replace(problem, row_lower=np.array([0.1]), row_upper=np.array([0.2]))).status == "infeasible"
        )

    def test_equalities_alone(self, kernel, terms):
        rng = np.random.default_rng(2)
        matrix = rng.normal(size=(4, 9))
        value = matrix @ (rng.normal(size=9) / 30)
        problem = compiled(terms(rng.normal(size=9)), limits(9)[0], Linear(matrix, value, value, tuple(range(4))), n=9)
        certificate = certify(problem, kernel.solve(problem), 1e-14)
        assert certificate.passed, certificate.reason()

    def test_rows_that_say_the_same_thing(self, kernel, terms):
        rng = np.random.default_rng(3)
        row = rng.normal(size=(1, 20))
        once = compiled(
            terms(rng.normal(size=20)), *limits(20), Linear(row, np.array([0.01]), np.array([0.01]), (0,)), n=20
        )
        matrix = np.concatenate([row, 2 * row, row, np.zeros((1, 20)), -row])
        value = np.array([0.01, 0.02, 0.01, 0.0, -0.01])
        again = replace(once, rows=type(once.rows).of(matrix), row_lower=value, row_upper=value)
        assert kernel.solve(again).weights == pytest.approx(kernel.solve(once).weights, abs=1e-14)

    def test_bounds_that_touch(self, kernel, terms):
        # the only portfolio is at its upper bound everywhere
        row = Linear(np.ones((1, 4)), np.array([2.0]), np.array([3.0]), (None,))
        found = kernel.solve(compiled(terms(-np.ones(4)), limits(4)[0], row, n=4))
        assert found.weights == pytest.approx(np.full(4, 0.5), abs=1e-14)

    def test_five_thousand_assets(self, kernel, terms):
        rng = np.random.default_rng(4)
        n = 5000
        loadings = rng.normal(size=(16, n))
        row = Linear(loadings, np.full(16, -0.05), np.full(16, 0.05), tuple(range(16)))
        problem = compiled(terms(rng.normal(size=n) * 2 / n), Box(np.arange(n), -0.002, 0.002), limits(n)[1], row, n=n)
        certificate = certify(problem, kernel.solve(problem), 1e-13)
        assert certificate.passed, certificate.reason()

    def test_an_impossible_row_is_refused(self, kernel, terms):
        row = Linear(np.ones((1, 6)), np.array([3.1]), np.array([np.inf]), (None,))
        assert kernel.solve(compiled(terms(np.ones(6)), limits(6)[0], row, n=6)).status == "infeasible"
        assert kernel.solve(compiled(terms(np.ones(6)), *limits(6, gross=-0.1), n=6)).status == "infeasible"


def test_a_tied_program_ends_at_the_nearest_point_whatever_the_vertex():
    n = 12
    held = np.zeros(n)
    held[3] = 0.3
    problem = compiled(Terms(linear=-np.ones(n), maximize=True), *limits(n, gross=0.9), held=held)
    outcome = optimize(problem)
    expected = np.full(n, 0.6 / n)
    expected[3] += 0.3
    assert outcome.solution.weights == pytest.approx(expected, abs=1e-14)
    assert optimize(problem, "highs").solution.weights == pytest.approx(expected, abs=1e-14)


def test_weights_without_a_box_are_bounded_by_the_hinge_rows():
    rng = np.random.default_rng(5)
    one, none = np.ones(7), np.zeros(7)
    alpha = rng.normal(size=7)
    problem = compiled(Terms(linear=-alpha, maximize=True), Hinge(one, one, none, 2.0, ""), n=7)
    found = dual_simplex.solve(problem)
    best = np.argmax(np.abs(alpha))
    assert found.weights[best] == pytest.approx(2.0 * np.sign(alpha[best]))
    assert not dual_simplex.accepts(compiled(Terms(linear=-alpha, maximize=True), n=7))


@pytest.mark.parametrize("seed", range(8))
def test_factor_objectives(seed):
    rng = np.random.default_rng(seed)
    n, k = int(rng.choice([5, 60])), int(rng.choice([1, 4, 20]))
    loadings, mean = rng.normal(size=(n, k)) / 10, rng.normal(size=n) / 10
    terms = Terms(
        curvature=rng.uniform(0.01, 0.1, n), target=np.zeros(n), linear=-mean if seed % 2 else np.zeros(0),
        factors=loadings, factor_scales=rng.uniform(0, 2, k).round(1), factor_center=np.full(n, 0.5 / n),
    )  # fmt: skip
    budget = Linear(np.ones((1, n)), np.array([1.0]), np.array([1.0]), (None,))
    held = np.full(n, 1 / n)
    turnover = Hinge(np.ones(n), np.ones(n), held, 0.4, "")
    problem = compiled(terms, Box(np.arange(n), 0.0, 1.0), budget, turnover, held=held)
    assert problem.kind == "factor"
    found, other = dual_newton.solve(problem), clarabel.solve(problem)
    certificate = certify(problem, found, 1e-13)
    assert certificate.passed, certificate.reason()
    assert certificate.gap <= 1e-4 * certificate.gap_tolerance
    assert found.weights == pytest.approx(other.weights, abs=2e-5)


SCRIPT = """
import hashlib, sys
sys.path.insert(0, {here!r})
from test_kernels import answers
print(hashlib.sha256(answers({order})).hexdigest())
"""


def answers(order):
    out = {}
    for seed in order:
        for linear in (False, True):
            outcome = optimize(draw(seed, linear))
            if outcome.solution is not None:
                out[seed, linear] = outcome.solution.weights.tobytes() + outcome.solution.row_duals.tobytes()
    return b"".join(out[key] for key in sorted(out))


def test_same_bytes_in_any_order_process_and_hash_seed():
    order = list(range(12))
    once = answers(order)
    assert len(once) > 2000
    assert answers(order[::-1]) == once
    import hashlib

    code = SCRIPT.format(here=os.path.dirname(__file__), order=order)
    for hash_seed in ("1", "77"):
        environment = {**os.environ, "PYTHONHASHSEED": hash_seed}
        ran = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
        assert ran.stdout.strip() == hashlib.sha256(once).hexdigest()
