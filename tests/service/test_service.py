"""The service as a client sees it: tokens, entitlements, deferred answers, words of refusals, our own addresses."""

import asyncio
import json
import time

import aiohttp
import numpy as np
import pytest
import requests

from tradewind_optimize.meanvariance.client import AsyncClient, Client
from tradewind_optimize.meanvariance.errors import PyOptimumException, ResourceTimeout, ServiceError

PROBLEM = {"r": [0.1, 0.3], "Q": [[0.01, 0.001], [0.001, 0.02]], "mu": 0.3}
DEMO = {"username": "demo@optimize.vicbee.net", "password": "optimize"}


def client(service, **more):
    return Client(base_url=service.url, **{**DEMO, **more})


@pytest.mark.parametrize("api", ["optimize", "models", "runs", "auth"])
def test_tokens(service, api):
    answer = requests.get(f"{service.url}/{api}/api/get_token", headers=service.basic(), timeout=30)
    assert answer.status_code == 200
    assert answer.json()["duration"] == 600
    assert answer.json()["token"].count(".") == 2


@pytest.mark.parametrize("header", [None, "Basic", "Basic !!!", "Basic aGVsbG8=", "Bearer x", "Basic " + "A" * 5000])
def test_credentials_that_are_none(service, header):
    headers = {} if header is None else {"Authorization": header}
    answer = requests.get(f"{service.url}/optimize/api/get_token", headers=headers, timeout=30)
    assert answer.status_code == 401
    assert answer.json()["detail"]


@pytest.mark.parametrize("token", ["", "x", "a.b.c", "eyJhbGciOiJub25lIn0.eyJzdWIiOiJkZW1vIn0.", "é".encode()])
def test_tokens_that_are_none(service, token):
    answer = requests.post(
        f"{service.url}/optimize/api/portfolio", headers={"X-Api-Key": token}, json=PROBLEM, timeout=30
    )
    assert answer.status_code == 401
    assert "get_token" in answer.json()["detail"]


def test_a_token_opens_its_own_api_alone(service):
    answer = service.post("models/api/prices", {"symbols": ["AAPL"]}, token=service.token("optimize"))
    assert answer.status_code == 403
    assert service.post("models/api/prices", {"symbols": ["AAPL"]}, token=service.token("auth")).status_code == 200


@pytest.mark.parametrize("entry", ["lp", "qp"])
def test_the_demo_user_is_not_entitled(service, entry):
    answer = service.post(f"optimize/api/{entry}", {"c": [1]})
    assert answer.status_code == 403
    assert entry in answer.json()["detail"]


def test_errors_are_json_with_detail(service):
    for path in ("nothing", "optimize/api/nothing", "optimize/api/resource/x/y"):
        answer = requests.get(f"{service.url}/{path}", timeout=30)
        assert answer.status_code == 404
        assert answer.json()["detail"]
    wrong = requests.get(f"{service.url}/optimize/api/portfolio", timeout=30)
    assert (wrong.status_code, wrong.json()["title"] != "") == (405, True)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "the query must be an object"),
        (b"{", "not JSON"),
        (b"\xff\xfe", "not JSON"),
        (b"[" * 100_000, "nested too deeply"),
        (b"[1, 2]", "must be an object"),
        (b'{"r": [1e400], "Q": [1]}', "finite"),
        (b'{"r": [NaN], "Q": [1]}', "finite"),
        (b'{"r": [1], "Q": [Infinity]}', "finite"),
        (b'{"r": [1], "Q": [1], "xlo": [NaN]}', "xlo"),
        (b'{"r": [1], "Q": [1], "cashflow": NaN}', "cashflow"),
        (b'{"r": [1], "Q": [1], "mu": Infinity}', "mu"),
        (b'{"r": [1], "Q": [1], "rho": NaN}', "rho"),
        (b'{"r": [1], "Q": [1], "constraints": [{"bounds": [NaN, 1]}]}', "bounds"),
        (b'{"r": [' + b"9" * 5000 + b'], "Q": [1]}', ""),
    ],
)
def test_nonsense_is_refused_with_a_sentence(service, body, words):
    for entry in ("portfolio", "frontier"):
        answer = service.post(f"optimize/api/{entry}", body)
        assert answer.status_code == 400, answer.text
        assert words in answer.json()["detail"]


def test_infinity_bounds_are_accepted(service):
    body = json.dumps({**PROBLEM, "xlo": [-np.inf, None], "xup": [np.inf, 1.0]})
    assert service.post("optimize/api/portfolio", body).json()["status"] == "optimal"


def test_answers_hold_finite_numbers_or_null(service):
    answer = service.post("optimize/api/portfolio", {**PROBLEM, "mu": 0.9, "options": {"short": False}})
    assert answer.json() == {"status": "infeasible", "x": None, "obj": None}
    assert "NaN" not in answer.text


def test_deferred_answers(service):
    answer = service.post("optimize/api/portfolio", {**PROBLEM, "is_async": True})
    assert answer.status_code == 202
    path = f"optimize/api/resource/{answer.json()['id']}"
    until = time.monotonic() + 30
    while (
        state := service.get(f"{path}/status", allow_redirects=False)
    ).status_code == 200 and time.monotonic() < until:
        time.sleep(0.02)
    assert state.status_code == 302
    assert state.headers["Location"].endswith("/value")
    assert service.get(f"{path}/value").json()["status"] == "optimal"


def test_refused_deferred_answers_say_why(service):
    answer = service.post("optimize/api/portfolio", {"r": [1, 2], "Q": [1], "is_async": True})
    path = f"optimize/api/resource/{answer.json()['id']}"
    while (state := service.get(f"{path}/status", allow_redirects=False)).status_code == 200:
        time.sleep(0.02)
    assert state.status_code == 400
    assert "must be an array" in state.json()["detail"]
    assert service.get(f"{path}/value").status_code == 400


def test_the_page_and_its_document(service):
    page = requests.get(f"{service.url}/optimize/api/ui", timeout=30)
    assert page.status_code == 200
    assert "/optimize/api/portfolio" in page.text
    assert "http" not in page.text.replace("http-equiv", "")
    paths = requests.get(f"{service.url}/openapi.json", timeout=30).json()["paths"]
    assert {"/optimize/api/frontier", "/models/api/custom", "/optimize/api/run_optimization"} <= set(paths)


def test_models_are_those_of_the_toolbox(service, root):
    from tests.service.market import closes

    from tradewind_optimize.meanvariance.estimate import estimate_models

    body = {"tickers": ["AAPL", "MSFT"], "market": ["^DJI"], "range": "1y", "end": "2024-12-13"}
    found = service.post("models/api/custom", body).json()
    mine = estimate_models(closes(), ["AAPL", "MSFT"], ["^DJI"], "1y", end="2024-12-13").to_dict()
    assert found["models"].keys() == mine["models"].keys()
    for name in ("r", "Q", "F", "D"):
        np.testing.assert_allclose(found["models"]["1y"][name], mine["models"]["1y"][name], rtol=1e-9)


def test_unknown_symbols_are_named(service):
    answer = service.post("models/api/prices", {"symbols": ["AAPL", "APPL"]})
    assert answer.status_code == 400
    assert "'APPL'" in answer.json()["detail"]


def test_the_optimize_apis_words(service):
    body = {
        "objective": {"type": "MaximizeAlpha", "alphas": {"A": 1.0, "B": -1.0, "C": 0.5}},
        "constraints": [
            {"type": "MaxGrossExposure", "max": 1.0},
            {"type": "DollarNeutral"},
            {"type": "PositionConcentration", "min_weights": {"A": -0.4}, "max_weights": {"A": 0.4},
             "default_min_weight": -1.0, "default_max_weight": 1.0},
        ],
        "current_portfolio": {"C": 0.1},
    }  # fmt: skip
    found = service.post("optimize/api/run_optimization", body).json()
    assert found["status"] == "optimal"
    assert found["weights"] == pytest.approx({"A": 0.4, "B": -0.5, "C": 0.1}, abs=1e-4)
    assert found["binding"]
    body["constraints"].append({"type": "FixedWeight", "asset": "A", "weight": 0.9})
    refused = service.post("optimize/api/run_optimization", body).json()
    assert refused["status"] == "infeasible"
    assert "no portfolio" in refused["message"]
    for bad in ({"type": "eval"}, {"type": "MaxGrossExposure", "maximum": 1}, 3):
        answer = service.post("optimize/api/run_optimization", {**body, "constraints": [bad]})
        assert answer.status_code == 400
        assert "constraints[0]" in answer.json()["detail"]


def test_our_client(service):
    mine = client(service)
    assert mine.token is None
    assert mine.call("/portfolio", PROBLEM)["status"] == "optimal"
    token = mine.token
    mine.call("portfolio", {**PROBLEM, "r": np.array(PROBLEM["r"]), "rho": np.float64(0)})
    assert mine.token == token
    assert mine.detail is None
    mine.token = "expired"
    assert mine.call("portfolio", PROBLEM)["status"] == "optimal"
    assert mine.token != "expired"
    with pytest.raises(PyOptimumException, match="must be an array"):
        mine.call("portfolio", {**PROBLEM, "r": [1]})
    assert "must be an array" in mine.detail
    with pytest.raises(requests.HTTPError) as caught:
        mine.call("lp", {"c": [1]})
    assert isinstance(caught.value, PyOptimumException)
    assert (caught.value.status, "entitled" in str(caught.value)) == (403, True)
    with pytest.raises(ValueError, match="method"):
        mine.call("portfolio", {}, method="fetch")
    with pytest.raises(requests.HTTPError):
        mine.call("portfolio", PROBLEM, method="put")
    with pytest.raises(requests.HTTPError):
        client(service, token="x", username=None, password=None).call("portfolio", PROBLEM)
    with mine as kept:
        assert [kept.call("portfolio", PROBLEM)["status"] for _ in range(3)] == ["optimal"] * 3


def test_a_client_needs_something_to_prove_itself():
    for arguments in ({}, {"username": "a"}, {"password": "b"}, {"token": ""}):
        with pytest.raises(PyOptimumException):
            Client(**arguments)
    quiet = Client(username="a", password="b", auto_token_renewal=False)
    with pytest.raises(PyOptimumException, match="get_token"):
        quiet.call("portfolio", {})
    assert Client.url_join("//a:5000", "", "/b/", "c//") == "a:5000/b/c"


def test_our_asynchronous_client(service):
    async def walk():
        async with AsyncClient(base_url=service.url, **DEMO) as mine:
            assert (await mine.call("portfolio", PROBLEM))["status"] == "optimal"
            deferred = {**PROBLEM, "is_async": True}
            assert set(await mine.call("portfolio", deferred)) >= {"id"}
            began = time.monotonic()
            assert (await mine.call("portfolio", deferred, follow_resource=True))["status"] == "optimal"
            assert time.monotonic() - began < 5
            with pytest.raises(PyOptimumException, match="must be an array"):
                await mine.call("portfolio", {**deferred, "r": [1]}, follow_resource=True)
            with pytest.raises(aiohttp.ClientResponseError) as caught:
                await mine.call("lp", {"c": [1]})
            assert isinstance(caught.value, ServiceError)
            assert caught.value.status == 403
            with pytest.raises(ServiceError, match="no such resource"):
                await mine._follow(mine._session, {"id": "nobody"}, 1, 1)
            mine._refuse = lambda *_: None
            with pytest.raises(ResourceTimeout):
                await mine._follow(mine._session, {"id": "nobody"}, 0.1, 1)

    asyncio.run(walk())
    assert AsyncClient.ClientSession is aiohttp.ClientSession
    assert AsyncClient.ClientResponse is aiohttp.ClientResponse
    with pytest.raises(aiohttp.ClientResponseError):
        asyncio.run(AsyncClient(base_url=service.url, username=DEMO["username"], password="x").get_token())


def test_the_log_knows_no_secret(service):
    client(service).call("portfolio", PROBLEM)
    text = service.log.read_text()
    assert "POST /optimize/api/portfolio 200 demo@optimize.vicbee.net" in text
    assert service.basic()["Authorization"] not in text
    assert service.token() not in text
