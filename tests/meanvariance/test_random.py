"""Random problems over every model, constraint and option against cvxpy + Clarabel, written a second time in cvxpy."""

import cvxpy as cp
import numpy as np
import pytest

from tradewind_optimize.meanvariance.errors import NotFeasible
from tradewind_optimize.meanvariance.frontier import efficient_frontier, optimal_portfolio

MODELS = ["dense", "diagonal", "factor", "singular dense", "singular diagonal", "singular factor"]


def draw_model(rng, kind, n):
    """(fields of the query, Σ as a matrix)."""
    if kind.endswith("dense"):
        rank = n if kind == "dense" else max(1, n // 2)
        root = rng.normal(size=(n, rank)) * 0.2
        covariance = root @ root.T
        covariance = (covariance + covariance.T) / 2
        return {"Q": covariance.tolist()}, covariance
    q = rng.uniform(0.01, 0.09, n)
    if kind.startswith("singular"):
        q[rng.random(n) < 0.4] = 0.0
    if kind.endswith("diagonal"):
        return {"Q": q.tolist()}, np.diag(q)
    k = int(rng.integers(1, 4))
    loadings, root = rng.normal(size=(n, k)), rng.normal(size=(k, k)) * 0.1
    between = root @ root.T + 1e-3 * np.eye(k)
    name = "Di" if rng.random() < 0.3 else "D"
    sent = np.linalg.inv(between) if name == "Di" else between
    sent = (sent + sent.T) / 2
    factors = {"Q": q.tolist(), "F": loadings.tolist(), name: sent.tolist()}
    return factors, np.diag(q) + loadings @ between @ loadings.T


def draw_limit(rng, x0, r, n):
    """(constraint of the query, its members)."""
    function = str(rng.choice(["sum", "return", "sales", "buys", "leverage"]))
    members = np.unique(rng.choice(n, size=int(rng.integers(1, n + 1))))
    size = float(rng.uniform(0.02, 0.8))
    if function == "sum":
        center = float(x0[members].sum())
        bounds = [center - size, center + rng.uniform(0, 0.5)] if rng.random() < 0.5 else [None, center + size]
    elif function == "return":
        center = float(r[members] @ x0[members])
        bounds = [center - 0.05, center + 0.05] if rng.random() < 0.5 else [-np.inf, center + 0.1]
    else:
        bounds = size
    return {"function": function, "set": members.tolist(), "bounds": bounds}, members


def draw(seed):
    rng = np.random.default_rng(seed)
    kind = MODELS[seed % len(MODELS)]
    n = int(rng.choice([1, 2, 4, 9, 25]))
    fields, covariance = draw_model(rng, kind, n)
    x0 = np.where(rng.random(n) < 0.7, rng.uniform(-0.2, 1.0, n), 0.0)
    r = rng.uniform(-0.05, 0.25, n)
    data = {"r": r.tolist(), **fields, "x0": x0.tolist()}
    choice = rng.random()
    if choice < 0.5:
        data["cashflow"] = float(rng.uniform(-0.5, 1.0))
        if abs(x0.sum() + data["cashflow"]) < 0.05:
            data["cashflow"] += 1.0
    elif choice < 0.6:
        data["cashflow"] = float(-x0.sum() - 1.0)  # a net short portfolio
    data["options"] = {name: bool(rng.random() < 0.75) for name in ("short", "buy", "sell")}
    if rng.random() < 0.4:
        data["xlo"] = [float(x0[i] - rng.uniform(0, 0.6)) if rng.random() < 0.7 else -np.inf for i in range(n)]
    if rng.random() < 0.4:
        data["xup"] = [float(max(x0[i], 0) + rng.uniform(0, 0.9)) if rng.random() < 0.7 else None for i in range(n)]
    if rng.random() < 0.5:
        data["rho"] = float(rng.choice([1e-3, 0.1]))
    limits = [draw_limit(rng, x0, r, n) for _ in range(int(rng.integers(0, 4)))]
    if limits:
        data["constraints"] = [limit for limit, _ in limits]
    if rng.random() < 0.5:
        data["mu"] = float(rng.uniform(-0.02, 0.2))
    return data, covariance


def oracle(data, covariance):
    """(status, obj, constraints as (cvxpy constraint) list, variable) of the problem as the protocol words it."""
    r, x0 = np.array(data["r"]), np.array(data["x0"])
    n, options = len(r), data["options"]
    total = x0.sum() + data["cashflow"] if "cashflow" in data else 1.0
    x = cp.Variable(n)
    rows = [cp.sum(x) == total]
    if "mu" in data:
        rows.append(r @ x == data["mu"] * abs(total))
    for name, sign in (("xlo", 1), ("xup", -1)):
        if name in data:
            bound = np.array([np.nan if b is None else b for b in data[name]], dtype=float)
            at = np.flatnonzero(np.isfinite(bound))
            if len(at):
                rows.append(sign * x[at] >= sign * bound[at])
    rows += [] if options["short"] else [x >= 0]
    rows += [] if options["buy"] else [x <= x0]
    rows += [] if options["sell"] else [x >= x0]
    for limit in data.get("constraints", []):
        rows += limit_rows(limit, x, x0, r)
    values, vectors = np.linalg.eigh(covariance)
    root = vectors * np.sqrt(np.maximum(values, 0))
    cost = (cp.sum_squares(root.T @ x) + data.get("rho", 0.0) * cp.sum_squares(x)) / total**2
    problem = cp.Problem(cp.Minimize(cost), rows)
    for tolerance in (1e-12, 1e-9):  # the tighter one is not always reached
        try:
            problem.solve(solver=cp.CLARABEL, tol_gap_abs=tolerance, tol_gap_rel=tolerance, tol_feas=tolerance)
            break
        except cp.error.SolverError:
            continue
    if problem.status is None:
        problem.solve(solver=cp.HIGHS)
    return problem.status.removesuffix("_inaccurate"), problem.value, rows, x


def limit_rows(limit, x, x0, r):
    at, bounds = limit["set"], limit["bounds"]
    part = {
        "sum": lambda: cp.sum(x[at]),
        "return": lambda: r[at] @ x[at],
        "sales": lambda: cp.sum(cp.pos(x0[at] - x[at])),
        "buys": lambda: cp.sum(cp.pos(x[at] - x0[at])),
        "leverage": lambda: cp.sum(cp.pos(-x[at])),
    }[limit["function"]]()
    if not isinstance(bounds, list):
        return [part <= bounds]
    low = [] if bounds[0] is None or bounds[0] == -np.inf else [part >= bounds[0]]
    return [*low, part <= bounds[1]]


@pytest.mark.filterwarnings("ignore:Solution may be inaccurate")
@pytest.mark.parametrize("block", range(20))
def test_against_cvxpy(block):
    """30 problems a block: the same status, the objective within 1e-6 relative, every row to 1e-8."""
    for seed in range(30 * block, 30 * block + 30):
        data, covariance = draw(seed)
        status, best, rows, x = oracle(data, covariance)
        try:
            answer = optimal_portfolio(data)
        except NotFeasible:
            assert status == "infeasible", seed
            continue
        assert answer.status == status, seed
        if status != "optimal":
            continue
        x.value = answer.x
        scale = max(1.0, abs(sum(data["x0"])))
        assert max(float(np.max(row.violation())) for row in rows) <= 1e-8 * scale, seed
        # where the best variance vanishes, relative means relative to the largest variance of an asset
        unit = max(abs(best), 1e-4 * covariance.diagonal().max())
        assert abs(answer.obj - best) <= 1e-6 * unit, (seed, answer.obj, best)
        assert answer.certificate.passed


def test_every_class_of_outcome_is_drawn():
    """The draw above meets both refusals, joint infeasibility and every function among the solvable."""
    seen = set()
    for seed in range(200):
        data, _ = draw(seed)
        try:
            answer = optimal_portfolio(data)
        except NotFeasible as refused:
            seen.add("cashflow" if refused.label == "cashflow" else "one")
            continue
        seen.add(answer.status)
        if answer.status == "optimal":
            seen |= {limit["function"] for limit in data.get("constraints", [])}
    assert seen >= {"cashflow", "one", "infeasible", "optimal", "sum", "return", "sales", "buys", "leverage"}


@pytest.mark.filterwarnings("ignore:Solution may be inaccurate")
@pytest.mark.parametrize("seed", range(60))
def test_frontier_against_cvxpy(seed):
    """Always N points, both ends exact, variances within 1e-6 of the oracle's, standard deviation not falling."""
    data, covariance = draw(1000 + seed)
    data.pop("mu", None)
    data["options"]["number_of_points"] = 5
    try:
        points = efficient_frontier(data)
    except NotFeasible:
        assert oracle(data, covariance)[0] == "infeasible"
        return
    if not points:
        assert oracle(data, covariance)[0] == "infeasible"
        return
    assert len(points) == 5
    objs = np.array([point.answer.obj for point in points])
    unit = 1e-4 * covariance.diagonal().max() + np.abs(objs)
    assert (np.diff(objs) >= -1e-7 * unit[1:]).all()
    assert points[0].answer.obj <= oracle(data, covariance)[1] + 1e-6 * unit[0]
    for i in (1, 2, 3):
        status, best, _, _ = oracle({**data, "mu": points[i].mu}, covariance)
        if status == "optimal":
            assert abs(points[i].answer.obj - best) <= 1e-6 * unit[i]
