"""Schemathesis over the OpenAPI document, and a minute of 64 clients: no 5xx, no lost answer."""

import asyncio
import collections
import time

import numpy as np
import pytest

from tradewind_optimize.meanvariance.client import AsyncClient

pytestmark = pytest.mark.slow

DEMO = {"username": "demo@optimize.vicbee.net", "password": "optimize"}


def test_schemathesis_finds_no_server_error(service):
    import schemathesis

    schema = schemathesis.openapi.from_url(f"{service.url}/openapi.json")
    tokens = {api: service.token(api) for api in ("optimize", "models", "runs")}
    seen = collections.Counter()
    for result in schema.get_all_operations():
        operation = result.ok()
        _check(operation, tokens.get(operation.path.split("/")[1], ""), seen)
    assert seen["/optimize/api/portfolio", 400] > 0


def _check(operation, token, seen):
    from hypothesis import HealthCheck, Phase, given, settings

    @given(case=operation.as_strategy())
    @settings(
        max_examples=60, deadline=None, database=None, suppress_health_check=list(HealthCheck), phases=[Phase.generate]
    )
    def check(case):
        answer = case.call(headers={"X-Api-Key": token})
        seen[operation.path, answer.status_code] += 1
        assert answer.status_code < 500, (operation.path, case.body, answer.text)

    check()


def test_64_clients_for_a_minute(service, capsys):
    seconds = 60
    rng = np.random.default_rng(0)
    n = 30
    problem = {
        "r": rng.normal(5e-4, 3e-4, n).tolist(),
        "Q": rng.uniform(1e-4, 4e-4, n).tolist(),
        "F": rng.normal(0.01, 0.004, (n, 3)).tolist(),
        "D": np.eye(3).tolist(),
        "options": {"short": False, "number_of_points": 10},
    }
    spent = []

    async def one(number, until):
        async with AsyncClient(base_url=service.url, **DEMO) as client:
            while time.monotonic() < until:
                began = time.monotonic()
                deferred = number % 4 == 0
                body = {**problem, "is_async": True} if deferred else problem
                found = await client.call("frontier", body, follow_resource=True, wait_time=1)
                assert len(found["frontier"]) == 10
                spent.append(time.monotonic() - began)

    async def all_of_them():
        until = time.monotonic() + seconds
        await asyncio.gather(*(one(number, until) for number in range(64)))

    asyncio.run(all_of_them())
    p50, p99 = np.percentile(spent, [50, 99])
    with capsys.disabled():
        print(f"\n64 clients, {seconds} s: {len(spent)} frontiers, p50 {1e3 * p50:.0f} ms, p99 {1e3 * p99:.0f} ms")
    assert len(spent) > 64
