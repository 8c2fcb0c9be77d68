"""The compiled problem in its full shape: every part, solved by every solver that accepts it, against cvxpy."""

from dataclasses import replace

import cvxpy as cp
import numpy as np
import pytest

from tradewind_optimize.certify import certify, gap, residual
from tradewind_optimize.compile import stack
from tradewind_optimize.labels import Keys, Universe, index_of
from tradewind_optimize.objectives import Terms
from tradewind_optimize.problem import MANY_ROWS, Box, Hinge, HingeSet, Linear, Quadratic, RowMatrix
from tradewind_optimize.route import optimize
from tradewind_optimize.solvers import clarabel, highs, osqp

N = 12
RNG = np.random.default_rng(8)
SIGNAL, HELD, LOADINGS = RNG.normal(size=N), RNG.normal(size=N) / 20, RNG.normal(size=(N, 3))
CENTER = RNG.normal(size=N) / 20
SCALES = np.array([0.5, 2.0, 0.0])
ONE, ZERO = np.ones(N), np.zeros(N)


def problem(terms, *blocks):
    universe = Universe(Keys(index_of(range(N))), HELD)
    box = Box(np.arange(N), -0.3, 0.3)
    return stack(universe, terms, [(i, block) for i, block in enumerate((box, *blocks))])


def gross(bound):
    return Hinge(ONE, ONE, ZERO, bound, "")


TARGET = Terms(curvature=np.full(N, 2.0), target=SIGNAL)
ALPHA = Terms(linear=-SIGNAL)
COSTS = HingeSet(np.zeros((1, N)), np.full((1, N), 0.3), np.full((1, N), 0.1), HELD[None])
RISK = Quadratic(LOADINGS, SCALES, CENTER, 0.15)
SELLS = Hinge(ZERO, np.abs(LOADINGS[:, 0]), HELD, 0.2, "", linear=0.1 * ONE)

EXACT = {"tol_gap_abs": 1e-10, "tol_gap_rel": 1e-10, "tol_feas": 1e-10}

w = cp.Variable(N)
BOX = [w >= -0.3, w <= 0.3]


def risk(x):
    return cp.sum_squares(np.diag(np.sqrt(SCALES)) @ LOADINGS.T @ (x - CENTER))


CASES = {
    "separable": (problem(TARGET, gross(1.0)), cp.sum_squares(w - SIGNAL), [cp.norm1(w) <= 1.0]),
    "linear": (problem(ALPHA, gross(1.0)), -SIGNAL @ w, [cp.norm1(w) <= 1.0]),
    "one-sided hinge with a linear part": (
        problem(TARGET, SELLS),
        cp.sum_squares(w - SIGNAL),
        [0.1 * cp.sum(w) + np.abs(LOADINGS[:, 0]) @ cp.pos(HELD - w) <= 0.2],
    ),
    "hinge costs": (
        problem(replace(ALPHA, costs=COSTS), gross(1.0)),
        -SIGNAL @ w + cp.sum(0.3 * cp.pos(w - HELD) + 0.1 * cp.pos(HELD - w)),
        [cp.norm1(w) <= 1.0],
    ),
    "factor risk": (
        problem(
            replace(ALPHA, factors=LOADINGS, factor_scales=SCALES, factor_center=CENTER),
            Linear(np.ones((1, N)), np.array([0.0]), np.array([0.1]), (None,)),
        ),
        -SIGNAL @ w + 0.5 * risk(w),
        [cp.sum(w) >= 0, cp.sum(w) <= 0.1],
    ),
    "quadratic bound": (problem(TARGET, RISK), cp.sum_squares(w - SIGNAL), [risk(w) <= 0.15**2]),
    "quadratic bound, linear objective": (problem(ALPHA, RISK, gross(1.5)), -SIGNAL @ w,
                                          [risk(w) <= 0.15**2, cp.norm1(w) <= 1.5]),
}  # fmt: skip
KINDS = dict(zip(CASES, ["separable", "separable", "separable", "separable", "factor", "conic", "conic"], strict=True))


@pytest.mark.parametrize("solver", [highs, clarabel, osqp], ids=lambda module: module.NAME)
@pytest.mark.parametrize("case", CASES)
def test_every_shape_on_every_solver(case, solver):
    compiled, goal, rows = CASES[case]
    assert compiled.kind == KINDS[case]
    if not solver.accepts(compiled):
        assert solver is not clarabel
        return
    best = cp.Problem(cp.Minimize(goal), [*BOX, *rows])
    best.solve(solver=cp.CLARABEL, **EXACT)
    solution = solver.solve(compiled)
    certificate = certify(compiled, solution, 1e-7)
    if solver is osqp and compiled.is_linear and solution.note.startswith("maximum iterations"):
        return  # operator splitting may not finish a linear program: then it must say so, and the route moves on
    assert certificate.passed, certificate.reason()
    assert compiled.value(solution.weights) == pytest.approx(best.value, abs=2e-7)
    assert solution.weights == pytest.approx(w.value, abs=2e-4)


@pytest.mark.parametrize("case", CASES)
def test_the_route_certifies_every_shape(case):
    outcome = optimize(CASES[case][0])
    assert outcome.status == "optimal"
    assert outcome.certificate.passed


@pytest.mark.parametrize("case", CASES)
def test_the_gap_bounds_the_distance_to_the_optimum(case):
    compiled = CASES[case][0]
    solution = clarabel.solve(compiled)
    best = compiled.value(solution.weights)
    for seed in range(20):
        noise = np.random.default_rng(seed).normal(size=N) * 0.02
        weights = np.clip(solution.weights * 0.9 + noise, compiled.lower, compiled.upper)
        if residual(compiled, weights) <= 0:
            excess = compiled.value(weights) - best
            assert gap(compiled, replace(solution, weights=weights)) >= excess - 1e-9
            assert excess > 1e-7


def test_infeasible_cones_are_refused():
    far = Linear(np.ones((1, N)), np.array([3.599]), np.array([4.0]), (None,))
    assert optimize(problem(TARGET, replace(RISK, radius=0.01), far)).status == "infeasible"


def test_triplets_and_dense_rows_are_the_same_matrix():
    dense = np.where(RNG.random((5, N)) < 0.4, RNG.normal(size=(5, N)), 0.0)
    rows, columns = np.nonzero(dense)
    sparse = RowMatrix((5, N), None, rows, columns, dense[rows, columns])
    y = RNG.normal(size=5)
    assert sparse.dot(SIGNAL) == pytest.approx(dense @ SIGNAL)
    assert sparse.transpose_dot(y) == pytest.approx(y @ dense)
    assert sparse.to_dense().tolist() == dense.tolist()
    assert sparse.row_scale() == pytest.approx(np.abs(dense).max(axis=1))
    both = RowMatrix.stack([RowMatrix.of(dense), sparse], N)
    assert both.to_dense().tolist() == np.concatenate([dense, dense]).tolist()


def test_many_rows_leave_the_kernels_and_are_solved_all_the_same():
    m = MANY_ROWS + 1
    matrix = RNG.normal(size=(m, N))
    block = Linear(matrix, np.full(m, -0.1), np.full(m, 0.1), tuple(range(m)))
    compiled = problem(TARGET, block)
    assert compiled.kind == "rows"
    outcome = optimize(compiled)
    best = cp.Problem(cp.Minimize(cp.sum_squares(w - SIGNAL)), [*BOX, cp.abs(matrix @ w) <= 0.1])
    best.solve(solver=cp.CLARABEL, **EXACT)
    assert compiled.value(outcome.solution.weights) == pytest.approx(best.value, abs=1e-8)


def test_arrays_of_a_compiled_problem_are_frozen():
    compiled = CASES["one-sided hinge with a linear part"][0]
    for array in (
        compiled.lower, compiled.upper, compiled.row_lower, compiled.row_upper, compiled.rows.dense,
        compiled.hinges.up, compiled.hinges.anchor, compiled.hinge_bounds, compiled.target, compiled.linear,
    ):  # fmt: skip
        assert not array.flags.writeable
