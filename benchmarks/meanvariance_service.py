"""The service on loopback: frontiers a second and latency at 1, 8 and 64 clients.

python -m benchmarks.meanvariance_service [--quick]

Every client asks for a 20-point frontier of 50 assets and 3 factors, again and again, with tokens as the client library
renews them. Wall seconds, clients and service on one machine.
"""

import asyncio
import contextlib
import os
import socket
import subprocess
import sys
import tempfile
import time

import numpy as np

from tradewind_optimize.meanvariance.client import AsyncClient

DEMO = {"username": "demo@optimize.vicbee.net", "password": "optimize"}


def problem(n=50):
    rng = np.random.default_rng(0)
    return {
        "r": rng.normal(5e-4, 3e-4, n).tolist(),
        "Q": rng.uniform(1e-4, 4e-4, n).tolist(),
        "F": rng.normal(0.01, 0.004, (n, 3)).tolist(),
        "D": np.eye(3).tolist(),
        "options": {"short": False},
    }


@contextlib.contextmanager
def running():
    """The url of a service over the demo bundle."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    with tempfile.TemporaryDirectory() as root:
        command = [sys.executable, "-m", "tradewind", "serve", "--port", str(port)]
        environment = {**os.environ, "TRADEWIND_ROOT": root}
        process = subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL)
        try:
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait()


async def until_ready(url):
    while True:
        with contextlib.suppress(Exception):
            await AsyncClient(base_url=url, **DEMO).call("portfolio", {"r": [1, 2], "Q": [1, 1]})
            return
        await asyncio.sleep(0.1)


async def load(url, clients, seconds):
    """The latencies of all calls."""
    body, spent = problem(), []
    until = time.monotonic() + seconds

    async def one():
        async with AsyncClient(base_url=url, **DEMO) as client:
            while time.monotonic() < until:
                began = time.monotonic()
                await client.call("frontier", body)
                spent.append(time.monotonic() - began)

    await asyncio.gather(*(one() for _ in range(clients)))
    return np.array(spent)


def main(quick=False):
    seconds = 3 if quick else 15
    with running() as url:
        asyncio.run(until_ready(url))
        print("clients   frontiers/s    p50 ms    p99 ms")
        for clients in (1, 8, 64):
            spent = 1e3 * asyncio.run(load(url, clients, seconds))
            p50, p99 = np.percentile(spent, [50, 99])
            print(f"{clients:7d} {len(spent) / seconds:13.0f} {p50:9.0f} {p99:9.0f}")


if __name__ == "__main__":
    main("--quick" in sys.argv)
