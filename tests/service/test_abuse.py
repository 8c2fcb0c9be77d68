"""The service under users who mean no good and under bad luck: wrong passwords, floods, dead workers."""

import os
import signal
import socket
import stat
import threading
import time

import numpy as np
import pytest
import requests
from tests.service.conftest import running

from tradewind.service.accounts import BadUsersFile, Gate, Rate, User, hash_password, read_users, verify
from tradewind.service.settings import NotSafe, Settings, check, signing_key

STRICT = """
import sys
from pathlib import Path
from tradewind.service.server import serve
from tradewind.service.settings import Limits, Settings
limits = Limits(body=1_000_000, body_seconds=1.5, assets=400, seconds=1.0, workers=1, queue=3, resources=2,
                keep_seconds=1.0, failures=3, token_seconds=3, grace_seconds=5)
serve(Settings("published", port=int(sys.argv[1]), users=Path({users!r}), runs=Path({runs!r}), limits=limits))
"""
PROBLEM = {"r": [0.1, 0.3], "Q": [[0.01, 0.001], [0.001, 0.02]], "mu": 0.3}


def heavy(points, n=180, seed=0):
    """A dense problem that takes about 20 ms a point."""
    rng = np.random.default_rng(seed)
    root = rng.normal(size=(n, n)).round(2)
    covariance = root @ root.T / 100
    return {"r": rng.normal(size=n).tolist(), "Q": covariance.round(6).tolist(), "rho": 0.1,
            "options": {"number_of_points": points}}  # fmt: skip


@pytest.fixture(scope="module")
def strict(root, tmp_path_factory):
    """Small limits, one worker, two users of whom one is entitled to lp and qp."""
    folder = tmp_path_factory.mktemp("strict")
    rows = [("ada", '["optimize", "models", "runs"]', "true"), ("bob", '["optimize"]', "false")]
    users = folder / "users.toml"
    users.write_text(
        "".join(
            f'[[user]]\nname = "{name}"\nhash = "{hash_password(name + " pw")}"\napis = {apis}\nqp = {qp}\n'
            for name, apis, qp in rows
        )
    )
    runs = folder / "runs"
    (runs / "one").mkdir(parents=True)
    (runs / "one" / "result.json").write_text(
        '{"kind": "tradewind run", "schema": 1, "info": {"start": "2020"}, "tables": {}}'
    )
    (runs / "one" / "report.html").write_text("<p>report</p>")
    (runs / "secret.json").write_text("{}")
    (runs / "link").symlink_to(folder)
    with running(root, code=STRICT.format(users=str(users), runs=str(runs))) as found:
        yield found


def token(service, user="ada", api="optimize"):
    answer = requests.get(f"{service.url}/{api}/api/get_token", headers=service.basic(user, f"{user} pw"), timeout=30)
    assert answer.status_code == 200, answer.text
    return answer.json()["token"]


def test_without_users_the_service_stays_at_home(capsys):
    from click.testing import CliRunner

    from tradewind.cli import cli

    for host in ("0.0.0.0", "192.168.0.1", "example.org"):
        with pytest.raises(NotSafe):
            check(Settings(host=host))
    for host in ("127.0.0.1", "localhost", "::1", "127.8.8.8"):
        check(Settings(host=host))
    done = CliRunner().invoke(cli, ["serve", "--host", "0.0.0.0"])
    assert done.exit_code == 2
    assert "--users" in done.output
    assert CliRunner().invoke(cli, ["serve", "-b", "nobody"]).exit_code == 3
    hashed = CliRunner().invoke(cli, ["serve", "--hash-password"], input="pass\npass\n").output.split()[-1]
    assert verify("pass", hashed)
    assert not verify("Pass", hashed)


def test_the_key_is_its_owners_alone(tmp_path, monkeypatch):
    monkeypatch.setenv("TRADEWIND_ROOT", str(tmp_path))
    key = signing_key()
    path = tmp_path / "service.key"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert signing_key() == key
    path.chmod(0o644)
    with pytest.raises(Exception, match="chmod 600"):
        signing_key()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[[user]]\n",
        '[[user]]\nname = "a"\nhash = "plain"\n',
        '[[user]]\nname = "a:b"\nhash = "scrypt$2$1$1$YQ==$YQ=="\n',
        '[[user]]\nname = "a"\nhash = "scrypt$2$1$1$YQ==$YQ=="\napis = ["all"]\n',
        '[[user]]\nname = "a"\nhash = "scrypt$2$1$1$YQ==$YQ=="\nadmin = true\n',
        '[[user]]\nname = "a"\nhash = "scrypt$2$1$1$YQ==$YQ=="\n' * 2,
        "not toml [",
    ],
)
def test_users_files_that_cannot_be_meant(tmp_path, text):
    path = tmp_path / "users.toml"
    path.write_text(text)
    with pytest.raises(BadUsersFile, match=r"users\.toml"):
        read_users(path)


def test_tokens_end_and_cannot_be_forged():
    import jwt

    user = User("ada", hash_password("pw"))
    gate = Gate({"ada": user}, b"k" * 64, 600)
    good = gate.token(user, ("optimize",))["token"]
    assert gate.caller(good).apis == ("optimize",)
    payload = jwt.decode(good, options={"verify_signature": False})
    assert gate.caller(jwt.encode({**payload, "exp": 1}, b"k" * 64, "HS512")) is None
    assert gate.caller(jwt.encode(payload, b"x" * 64, "HS512")) is None
    assert gate.caller(jwt.encode(payload, b"k" * 64, "HS256")) is None
    assert gate.caller(jwt.encode({**payload, "sub": "eve"}, b"k" * 64, "HS512")) is None
    assert gate.caller(jwt.encode({k: v for k, v in payload.items() if k != "exp"}, b"k" * 64, "HS512")) is None
    assert Gate({}, b"k" * 64, 600).caller(good) is None
    assert gate.user("ada", "pw") is user
    assert gate.user("ada", "PW") is None
    assert gate.user("eve", "pw") is None


def test_unknown_users_cost_as_much_as_known_ones():
    gate = Gate({"ada": User("ada", hash_password("pw"))}, b"k" * 64, 600)

    def spent(name):
        began = time.process_time()
        for _ in range(3):
            gate.user(name, "wrong")
        return time.process_time() - began

    known, unknown = spent("ada"), spent("eve")
    assert 0.4 < unknown / known < 2.5


def test_rates_forget():
    rate = Rate(2, seconds=0.1)
    rate.count("a")
    rate.count("a")
    assert 0 < rate.wait("a") <= 0.1
    assert rate.wait("b") == 0
    time.sleep(0.12)
    assert rate.wait("a") == 0


def test_the_demo_account_ends_where_users_begin(strict):
    answer = requests.get(f"{strict.url}/optimize/api/get_token", headers=strict.basic(), timeout=30)
    assert answer.status_code == 401


def test_apis_and_programs_by_entitlement(strict):
    assert (
        requests.get(
            f"{strict.url}/models/api/get_token", headers=strict.basic("bob", "bob pw"), timeout=30
        ).status_code
        == 403
    )
    program = {"A": [[2]], "blo": [0], "bup": [4], "c": [-1], "xlo": [0], "xup": [2]}
    assert strict.post("optimize/api/lp", program, token=token(strict, "bob")).status_code == 403
    found = strict.post("optimize/api/lp", program, token=token(strict)).json()
    assert (found["status"], found["x"], found["obj"]) == ("optimal", [2.0], -2.0)
    quadratic = {**program, "Q": [[1.0]]}
    assert strict.post("optimize/api/qp", quadratic, token=token(strict)).json()["x"] == pytest.approx([1.0])
    for bad in (
        {**program, "A": [[1, 2]]},
        {**program, "c": []},
        {**program, "xlo": [None, 1]},
        {"c": [1], "Q": [[-1]]},
    ):
        entry = "qp" if "Q" in bad else "lp"
        assert strict.post(f"optimize/api/{entry}", bad, token=token(strict)).status_code == 400
    infeasible = {"c": [1], "A": [[1]], "blo": [3], "xup": [2]}
    assert strict.post("optimize/api/lp", infeasible, token=token(strict)).json()["status"] == "infeasible"
    assert strict.post("optimize/api/lp", {"c": [1]}, token=token(strict)).json()["status"] == "unbounded"


def test_tokens_expire(strict):
    held = token(strict)
    assert strict.post("optimize/api/portfolio", PROBLEM, token=held).status_code == 200
    time.sleep(3.2)
    assert strict.post("optimize/api/portfolio", PROBLEM, token=held).status_code == 401


def test_other_users_answers_do_not_exist(strict):
    deferred = strict.post("optimize/api/portfolio", {**PROBLEM, "is_async": True}, token=token(strict)).json()
    path = f"optimize/api/resource/{deferred['id']}/value"
    assert strict.get(path, token=token(strict, "bob")).status_code == 404
    assert strict.get(path, token=token(strict)).status_code in (200, 202)
    assert strict.get("optimize/api/resource/../../etc/value", token=token(strict)).status_code == 404
    time.sleep(1.3)
    assert strict.get(path, token=token(strict)).status_code in (200, 404)
    time.sleep(1.3)
    assert strict.get(path, token=token(strict)).status_code == 404


def test_too_many_deferred_answers_are_refused(strict):
    held = token(strict)
    time.sleep(1.2)
    codes = [
        strict.post("optimize/api/portfolio", {**PROBLEM, "is_async": True}, token=held).status_code for _ in range(4)
    ]
    assert codes[:2] == [202, 202]
    assert 429 in codes[2:]


def test_large_bodies_are_refused(strict):
    large = b'{"r": [' + b"1," * 5_000_000 + b"1]}"
    began = time.monotonic()
    try:
        answer = strict.post("optimize/api/portfolio", large, token=token(strict))
        assert answer.status_code == 413
        assert "1000000 bytes" in answer.json()["detail"]
    except requests.ConnectionError:
        pass  # the service closed the connection while the body was still being sent
    assert time.monotonic() - began < 10
    many = {"r": [0.1] * 401, "Q": [1.0] * 401}
    answer = strict.post("optimize/api/portfolio", many, token=token(strict))
    assert answer.status_code == 413
    assert "at most 400" in answer.json()["detail"]


def test_bodies_without_a_length_are_counted(strict):
    def parts():
        for _ in range(200):
            yield b"1," * 10_000

    try:
        assert strict.post("optimize/api/portfolio", b"", token=token(strict)).status_code == 400
        headers = {"X-Api-Key": token(strict)}
        url = f"{strict.url}/optimize/api/portfolio"
        assert requests.post(url, data=parts(), headers=headers, timeout=30).status_code == 413
    except requests.ConnectionError:
        pass


def test_slow_clients_are_let_go(strict):
    host, port = strict.url.removeprefix("http://").split(":")
    held = token(strict)
    with socket.create_connection((host, int(port)), timeout=20) as s:
        head = (
            f"POST /optimize/api/portfolio HTTP/1.1\r\nHost: {host}\r\nX-Api-Key: {held}\r\nContent-Length: 500\r\n\r\n"
        )
        s.sendall(head.encode() + b"{")
        began = time.monotonic()
        answer = s.recv(4096)
        assert b" 408 " in answer.split(b"\r\n")[0]
        assert 1 < time.monotonic() - began < 10
    assert strict.post("optimize/api/portfolio", PROBLEM, token=token(strict)).status_code == 200


def test_a_foreign_host_is_not_answered(strict):
    answer = requests.get(f"{strict.url}/openapi.json", headers={"Host": "evil.example"}, timeout=30)
    assert answer.status_code == 400
    assert "Host" in answer.json()["detail"]


def test_long_solves_are_stopped_and_the_service_goes_on(strict):
    held = token(strict)
    began = time.monotonic()
    answer = strict.post("optimize/api/frontier", heavy(1000, n=195), token=held)
    assert answer.status_code == 503
    assert "longer than the 1 s" in answer.json()["detail"]
    assert time.monotonic() - began < 20
    assert strict.post("optimize/api/portfolio", PROBLEM, token=token(strict)).status_code == 200


def test_a_full_queue_says_so(strict):
    held = token(strict)
    codes = []

    def call():
        codes.append(strict.post("optimize/api/frontier", heavy(20), token=held).status_code)

    threads = [threading.Thread(target=call) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert set(codes) <= {200, 503}
    assert 503 in codes
    assert strict.post("optimize/api/portfolio", PROBLEM, token=token(strict)).status_code == 200


def workers_of(service):
    """The process ids of the service's workers."""
    found = []
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                with open(f"/proc/{name}/stat") as file:
                    parent = file.read().rpartition(")")[2].split()[1]
                with open(f"/proc/{name}/cmdline") as file:
                    command = file.read()
            except OSError:
                continue
            if int(parent) == service.process.pid and "spawn_main" in command:
                found.append(int(name))
    return found


@pytest.mark.skipif(not os.path.isdir("/proc"), reason="needs /proc to find the workers")
def test_a_worker_killed_in_a_solve_harms_nobody(strict):
    held = token(strict)
    answers = []
    thread = threading.Thread(
        target=lambda: answers.append(strict.post("optimize/api/frontier", heavy(60), token=held))
    )
    thread.start()
    time.sleep(0.12)
    killed = workers_of(strict)
    for pid in killed:
        os.kill(pid, signal.SIGKILL)
    thread.join(60)
    assert killed
    assert answers[0].status_code in (200, 503), answers[0].text
    for _ in range(3):
        assert strict.post("optimize/api/portfolio", PROBLEM, token=token(strict)).status_code == 200
    assert "a worker died under" in strict.log.read_text()


def test_runs_are_browsed_by_their_own_names(strict):
    ada = token(strict, "ada", "runs")
    assert strict.get("runs/api/runs", token=ada).json() == {"runs": ["one"]}
    assert strict.get("runs/api/runs/one", token=ada).json()["info"] == {"start": "2020"}
    report = strict.get("runs/api/runs/one/report", token=ada)
    assert (report.text, report.headers["content-type"]) == ("<p>report</p>", "text/html; charset=utf-8")
    for name in ("..", "%2e%2e", "secret.json", "link", "one%2F..%2F..", "/etc", "one/report.html", "%00"):
        assert strict.get(f"runs/api/runs/{name}", token=ada).status_code in (400, 404)
    assert strict.get("runs/api/runs", token=token(strict)).status_code == 403
    browser = requests.get(f"{strict.url}/runs/api/runs", timeout=30)
    assert (browser.status_code, browser.headers["www-authenticate"]) == (401, "Basic")
    assert requests.get(f"{strict.url}/runs/api/runs", auth=("ada", "ada pw"), timeout=30).status_code == 200
    assert requests.get(f"{strict.url}/runs/api/runs", auth=("bob", "bob pw"), timeout=30).status_code == 403


def test_wrong_passwords_are_slowed_down(strict):
    url, headers = f"{strict.url}/optimize/api/get_token", strict.basic("ada", "wrong")
    answers = [requests.get(url, headers=headers, timeout=30) for _ in range(6)]
    assert answers[-1].status_code == 429
    assert int(answers[-1].headers["Retry-After"]) > 0


def test_shutting_down_finishes_what_runs(root):
    with running(root, "-b", "published") as service:
        held, answers = service.token(), []
        body = heavy(20)
        thread = threading.Thread(
            target=lambda: answers.append(service.post("optimize/api/frontier", body, token=held))
        )
        thread.start()
        time.sleep(0.3)
        service.process.terminate()
        thread.join(60)
        assert answers[0].status_code == 200
        assert service.process.wait(60) == 0
        assert "stopped with 0 requests unfinished" in service.log.read_text()
