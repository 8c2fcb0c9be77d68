"""A running service over a seeded market, once a session, in a process of its own."""

import base64
import contextlib
import os
import socket
import subprocess
import sys
import time

import pytest
import requests
from tests.service import market

DEMO = ("demo@optimize.vicbee.net", "optimize")


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Running:
    """The service's base url, process and log; ``api`` calls it with a token."""

    def __init__(self, process, url, log):
        self.process, self.url, self.log = process, url, log
        self._tokens = {}

    def basic(self, user=DEMO[0], password=DEMO[1]):
        return {"Authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}

    def token(self, api="optimize", user=DEMO[0], password=DEMO[1]):
        key = (api, user)
        if key not in self._tokens:
            answer = requests.get(f"{self.url}/{api}/api/get_token", headers=self.basic(user, password), timeout=30)
            answer.raise_for_status()
            self._tokens[key] = answer.json()["token"]
        return self._tokens[key]

    def post(self, path, body, api=None, token=None, **more):
        token = self.token(api or path.split("/")[0]) if token is None else token
        data = {"json": body} if not isinstance(body, (bytes, str)) else {"data": body}
        headers = {"X-Api-Key": token, "Content-Type": "application/json"}
        return requests.post(f"{self.url}/{path}", headers=headers, timeout=60, **data, **more)

    def get(self, path, token=None, api=None, **more):
        token = self.token(api or path.split("/")[0]) if token is None else token
        return requests.get(f"{self.url}/{path}", headers={"X-Api-Key": token}, timeout=60, **more)


@contextlib.contextmanager
def running(root, *arguments, code=None):
    """A service started by ``tradewind serve`` (or by ``code``, a program that takes the port as its argument)."""
    port = free_port()
    start = ["-m", "tradewind", "serve", "--port", str(port), *arguments] if code is None else ["-c", code, str(port)]
    log = root / f"service-{port}.log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, *start], env={**os.environ, "TRADEWIND_ROOT": str(root)}, stdout=out, stderr=out
        )
    service = Running(process, f"http://127.0.0.1:{port}", log)
    try:
        _wait(service)
        yield service
    finally:
        if process.poll() is None:
            process.terminate()
        process.wait(60)


def _wait(service):
    until = time.monotonic() + 300
    while time.monotonic() < until and service.process.poll() is None:
        with contextlib.suppress(requests.ConnectionError):
            requests.get(f"{service.url}/openapi.json", timeout=5)
            return
        time.sleep(0.1)
    raise RuntimeError(service.log.read_text())


@pytest.fixture(scope="session")
def root(tmp_path_factory):
    folder = tmp_path_factory.mktemp("root")
    market.write_bundle(folder)
    return folder


@pytest.fixture(scope="session")
def service(root):
    with running(root, "-b", "published") as found:
        yield found
