"""The bodies of requests and answers as JSON Schema: what the OpenAPI page shows. The checks are made elsewhere."""

from __future__ import annotations

from typing import Any

Schema = dict[str, Any]

NUMBER: Schema = {"type": "number"}
VECTOR: Schema = {"type": "array", "items": NUMBER}
BOUNDS: Schema = {"type": "array", "items": {"type": ["number", "null"]}, "description": "±Infinity or null: no bound"}
MATRIX: Schema = {"type": "array", "items": VECTOR}
TEXTS: Schema = {"type": "array", "items": {"type": "string"}}
FLAG: Schema = {"type": "boolean"}


def _object(required: tuple[str, ...] = (), **properties: Schema) -> Schema:
    return {"type": "object", "required": list(required), "properties": properties}


SETS: Schema = {
    "type": "array",
    "items": _object(
        ("label", "indices"), label={"type": "string"}, indices={"type": "array", "items": {"type": "integer"}}
    ),
}
CONSTRAINTS: Schema = {
    "type": "array",
    "items": _object(
        label={"type": "string"},
        function={"type": "string", "enum": ["sum", "return", "sales", "buys", "leverage"]},
        set={"description": '":" (all), the label of a set, indices, or labels'},
        bounds={"description": "a number (at most), or [least, most]"},
    ),
}
OPTIONS = _object(short=FLAG, buy=FLAG, sell=FLAG, basis={"type": "string", "enum": ["absolute", "relative"]})
PORTFOLIO = _object(
    ("r", "Q"),
    r={**VECTOR, "description": "expected returns"},
    Q={"description": "covariance n x n, or its diagonal", "anyOf": [VECTOR, MATRIX]},
    F={**MATRIX, "description": "factor loadings n x k"},
    D={**MATRIX, "description": "factor covariance k x k"},
    Di={**MATRIX, "description": "its inverse, instead of D"},
    x0={**VECTOR, "description": "holdings (0)"},
    cashflow={**NUMBER, "description": "money in or out (1 − Σx0)"},
    mu={**NUMBER, "description": "required return; absent: least variance"},
    xlo=BOUNDS,
    xup=BOUNDS,
    sets=SETS,
    labels=TEXTS,
    constraints=CONSTRAINTS,
    rho={**NUMBER, "description": "ridge (0)"},
    options=OPTIONS,
    is_async={**FLAG, "description": "defer the answer: 202 with an id"},
)
FRONTIER = {
    **PORTFOLIO,
    "properties": {
        **PORTFOLIO["properties"],
        "options": _object(**OPTIONS["properties"], number_of_points={"type": "integer"}, mu_min=NUMBER, mu_max=NUMBER),
    },
}
PROGRAM = _object(("c",), A=MATRIX, blo=BOUNDS, bup=BOUNDS, c=VECTOR, xlo=BOUNDS, xup=BOUNDS)
QUADRATIC = {**PROGRAM, "required": ["c", "Q"], "properties": {**PROGRAM["properties"], "Q": MATRIX}}
WORDS = _object(
    ("objective",),
    objective={"type": "object", "description": '{"type": "MaximizeAlpha", "alphas": {asset: number}}'},
    constraints={"type": "array", "items": {"type": "object"}},
    current_portfolio={"type": "object", "additionalProperties": NUMBER},
)
PRICES = _object(("symbols",), symbols=TEXTS)
BASIC = _object(
    ("tickers",),
    tickers=TEXTS,
    end={"type": "string"},
    options=_object(include_prices=FLAG, horizon={"type": "integer"}),
)
CUSTOM = _object(
    ("tickers",),
    tickers=TEXTS,
    market=TEXTS,
    range={"anyOf": [{"type": "string"}, TEXTS]},
    end={"type": "string"},
    options=_object(
        common=FLAG,
        include_prices=FLAG,
        trim_weekends=FLAG,
        horizon={"type": "integer"},
        weights={"type": "string", "enum": ["linear", "quadratic", "equal"]},
    ),
)
BODIES: dict[str, Schema] = {
    "portfolio": PORTFOLIO,
    "frontier": FRONTIER,
    "lp": PROGRAM,
    "qp": QUADRATIC,
    "run_optimization": WORDS,
    "prices": PRICES,
    "basic": BASIC,
    "custom": CUSTOM,
}


def body_of(entry: str) -> Schema:
    """The requestBody of an entry point."""
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": BODIES[entry]}}}}


ERROR = _object(
    ("status", "title", "detail"),
    status={"type": "integer"},
    title={"type": "string"},
    type={"type": "string"},
    detail={"type": "string"},
)


def refusals(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The error answers of an entry point."""
    return {
        status: {"content": {"application/json": {"schema": ERROR}}, "description": "refused"} for status in statuses
    }
