"""The application: every address of the published API, and ours beside them.

    GET  /{optimize,models,runs,auth}/api/get_token        Basic → {"token", "duration"}
    POST /optimize/api/{portfolio,frontier,lp,qp,run_optimization}, /models/api/{prices,basic,custom}
    GET  /{optimize,models}/api/resource/{id}/{status,value}
    GET  /{optimize,models}/api/ui, /openapi.json
    GET  /runs/api/runs, /runs/api/runs/{name}, /runs/api/runs/{name}/report

The event loop only checks who calls and moves bytes: parsing and solving happen in worker processes.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from fastapi import APIRouter, FastAPI, Request, Response
from starlette.exceptions import HTTPException

from tradewind.service import runs
from tradewind.service.accounts import Caller, Gate, Rate, User, basic_credentials, demo_users, read_users
from tradewind.service.page import page
from tradewind.service.pool import Pool, QueueFull
from tradewind.service.resources import Resources, TooMany
from tradewind.service.schemas import body_of, refusals
from tradewind.service.settings import Settings, check, is_loopback, signing_key
from tradewind.service.work import Answer, problem

LOG = logging.getLogger("tradewind.service")
ENTRIES = {
    "optimize": ("portfolio", "frontier", "lp", "qp", "run_optimization"),
    "models": ("prices", "basic", "custom"),
}
ENTITLED = ("lp", "qp")
JSON = "application/json"
SUMMARIES = {
    "portfolio": "The portfolio of least variance for a required return",
    "frontier": "The efficient frontier",
    "lp": "A linear program (entitled users)",
    "qp": "A quadratic program (entitled users)",
    "run_optimization": "An objective and constraints in the Optimize API's words",
    "prices": "The latest closes",
    "basic": "Models on the basic market and ranges",
    "custom": "Models on markets and ranges of your choice",
}


class Refused(Exception):
    """An answer other than the one asked for. Attributes: status, detail, headers."""

    def __init__(self, status: int, detail: str, **headers: str) -> None:
        super().__init__(status, detail)
        self.status, self.detail = status, detail
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}


def answered(answer: Answer, headers: dict[str, str] | None = None) -> Response:
    """An Answer as a response."""
    return Response(answer[1], answer[0], headers, JSON)


class Service:
    """What the addresses share: gate, rates, workers, deferred answers."""

    def __init__(self, settings: Settings) -> None:
        check(settings)
        limits = settings.limits
        users = demo_users() if settings.users is None else read_users(settings.users)
        self.settings, self.limits = settings, limits
        self.gate = Gate(users, signing_key(), limits.token_seconds)
        self.failures, self.tokens = Rate(limits.failures), Rate(limits.tokens)
        self.pool = Pool(settings.bundle, limits)
        self.resources = Resources(limits.keep_seconds, limits.resources)

    async def authenticated(self, request: Request, challenge: bool = False) -> User:
        """The user of the Basic credentials; 401 for wrong ones, 429 after too many."""
        address = request.client.host if request.client else "?"
        given = basic_credentials(request.headers.get("authorization"))
        headers = {"WWW_Authenticate": "Basic"} if challenge else {}
        if given is None:
            raise Refused(401, "send a user and password as Authorization: Basic", **headers)
        wait = self.failures.wait(address)
        if wait:
            raise Refused(429, f"too many wrong passwords; try again in {wait:.0f} s", Retry_After=f"{wait:.0f}")
        user = await asyncio.to_thread(self.gate.user, *given)
        if user is None:
            self.failures.count(address)
            raise Refused(401, "unknown user or wrong password", **headers)
        return user

    def caller(self, request: Request, api: str) -> Caller:
        """Who the token of X-Api-Key speaks for; 401 without a valid one, 403 when it does not open the API."""
        caller = self.gate.caller(request.headers.get("x-api-key", ""))
        if caller is None:
            raise Refused(401, "X-Api-Key holds no valid token, or an expired one: get a new one from get_token")
        request.state.user = caller.user.name
        if api not in caller.apis:
            raise Refused(403, f"this token does not open the {api} API; get one from /{api}/api/get_token")
        return caller

    async def token(self, request: Request, apis: tuple[str, ...]) -> Response:
        """get_token."""
        user = await self.authenticated(request)
        request.state.user = user.name
        wait = self.tokens.wait(user.name)
        if wait:
            raise Refused(429, f"too many tokens; try again in {wait:.0f} s", Retry_After=f"{wait:.0f}")
        self.tokens.count(user.name)
        if not set(apis) & set(user.apis):
            raise Refused(403, f"{user.name} may not call this API")
        return answered((200, json.dumps(self.gate.token(user, apis)).encode()))

    async def call(self, request: Request, api: str, entry: str) -> Response:
        """One entry point: who, what, and then a worker."""
        caller = self.caller(request, api)
        if entry in ENTITLED and not caller.user.qp:
            raise Refused(403, f"{caller.user.name} is not entitled to {entry}")
        body = await self.body(request)
        deferred = b'"is_async"' in body and _wants_deferral(body)
        if deferred:
            self._room(caller.user.name)
        try:
            future = self.pool.submit(entry, body)
        except QueueFull:
            raise Refused(503, "the service is busy; try again", Retry_After="1") from None
        if deferred:
            resource = self.resources.add(caller.user.name, future)
            return answered((202, json.dumps({"id": resource.id, "status": "pending"}).encode()))
        return answered(await asyncio.wrap_future(future))

    def _room(self, owner: str) -> None:
        try:
            self.resources.room(owner)
        except TooMany:
            raise Refused(429, "too many deferred answers are kept for you; collect some", Retry_After="10") from None

    async def body(self, request: Request) -> bytes:
        """The body, at most limits.body bytes in at most limits.body_seconds."""
        most = self.limits.body
        length = request.headers.get("content-length", "0")
        if length.isdigit() and int(length) > most:
            raise Refused(413, f"the body is larger than {most} bytes", Connection="close")
        try:
            return await asyncio.wait_for(_read(request, most), self.limits.body_seconds)
        except TimeoutError:
            seconds = self.limits.body_seconds
            raise Refused(408, f"the body did not arrive within {seconds:g} s", Connection="close") from None

    def resource(self, request: Request, api: str, identity: str, wants_value: bool) -> Response:
        """The state or value of a deferred answer: 200 pending, 302 ready; refused jobs answer as they would have."""
        caller = self.caller(request, api)
        resource = self.resources.find(identity, caller.user.name)
        if resource is None:
            raise Refused(404, "there is no such resource of yours; deferred answers are kept for a while only")
        if not resource.future.done():
            pending = json.dumps({"id": identity, "status": "pending"}).encode()
            return answered((202 if wants_value else 200, pending))
        answer = resource.future.result()
        if wants_value or answer[0] != 200:
            resource.collected = True
            return answered(answer)
        return answered((302, b'{"status":"ready"}'), {"Location": f"/{api}/api/resource/{identity}/value"})


async def _read(request: Request, most: int) -> bytes:
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size > most:
            raise Refused(413, f"the body is larger than {most} bytes", Connection="close")
        parts.append(part)
    return b"".join(parts)


def _wants_deferral(body: bytes) -> bool:
    try:
        data = json.loads(body)
    except (ValueError, RecursionError):
        return False
    return isinstance(data, dict) and data.get("is_async") is True


def create_app(settings: Settings) -> FastAPI:
    """The application for uvicorn; raises NotSafe, BadUsersFile and what opening the bundle raises."""
    service = Service(settings)

    @contextlib.asynccontextmanager
    async def life(_: FastAPI) -> AsyncIterator[None]:
        await asyncio.to_thread(service.pool.start)
        yield
        left = await asyncio.to_thread(service.pool.drain, settings.limits.grace_seconds)
        for identity in service.resources.unfinished():
            LOG.warning("shut down before the deferred answer %s was ready", identity)
        LOG.info("stopped with %d requests unfinished", left)
        await asyncio.to_thread(service.pool.stop)

    app = FastAPI(title="tradewind", version="1", lifespan=life, docs_url=None, redoc_url=None)
    app.state.service = service
    app.add_middleware(_Guard, service=service)
    app.add_exception_handler(Refused, _refused)
    app.add_exception_handler(HTTPException, _http)
    for router in (_optimize_and_models(service), _runs(service)):
        app.include_router(router)
    return app


async def _refused(_: Request, error: Exception) -> Response:
    assert isinstance(error, Refused)
    return answered(problem(error.status, error.detail), error.headers)


async def _http(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return answered(problem(error.status_code, str(error.detail)), dict(error.headers or {}))


Handler = Callable[[Request], Awaitable[Response]]


def _optimize_and_models(service: Service) -> APIRouter:
    router = APIRouter()
    opens = {
        "optimize": ("optimize",),
        "models": ("models",),
        "runs": ("runs",),
        "auth": ("optimize", "models", "runs"),
    }
    for api, opened in opens.items():
        _get(router, f"/{api}/api/get_token", _token(service, opened), f"A token for the {api} API", 401, 429)
    for api, entries in ENTRIES.items():
        for entry in entries:
            router.add_api_route(
                f"/{api}/api/{entry}",
                _entry(service, api, entry),
                methods=["POST"],
                summary=SUMMARIES[entry],
                responses=refusals(400, 401, 403, 408, 413, 503),
                openapi_extra=body_of(entry),
            )
        for wants_value in (False, True):
            word = "value" if wants_value else "status"
            path = f"/{api}/api/resource/{{identity}}/{word}"
            _get(router, path, _resource(service, api, wants_value), f"The {word} of a deferred answer", 400, 401, 404)
        router.add_api_route(f"/{api}/api/ui", _page, methods=["GET"], include_in_schema=False)
    return router


def _get(router: APIRouter, path: str, handler: Callable[..., Any], summary: str, *statuses: int) -> None:
    router.add_api_route(path, handler, methods=["GET"], summary=summary, responses=refusals(*statuses))


def _token(service: Service, apis: tuple[str, ...]) -> Handler:
    async def get_token(request: Request) -> Response:
        return await service.token(request, apis)

    return get_token


def _entry(service: Service, api: str, entry: str) -> Handler:
    async def call(request: Request) -> Response:
        return await service.call(request, api, entry)

    return call


def _resource(service: Service, api: str, wants_value: bool) -> Callable[..., Awaitable[Response]]:
    async def resource(request: Request, identity: str) -> Response:
        return service.resource(request, api, identity, wants_value)

    return resource


async def _page(request: Request) -> Response:
    return Response(page(request.app.openapi()), media_type="text/html; charset=utf-8")


def _runs(service: Service) -> APIRouter:
    """Browsing of runs, by token or, for a browser, by user and password."""
    router, folder = APIRouter(), service.settings.runs

    async def admitted(request: Request) -> None:
        if "x-api-key" in request.headers:
            service.caller(request, "runs")
        elif "runs" not in (await service.authenticated(request, challenge=True)).apis:
            raise Refused(403, "you may not browse runs")

    async def list_runs(request: Request) -> Response:
        await admitted(request)
        names = list(await asyncio.to_thread(runs.listed, folder))
        return answered((200, json.dumps({"runs": names}).encode()))

    async def show_run(request: Request, name: str) -> Response:
        await admitted(request)
        path = (await asyncio.to_thread(runs.listed, folder)).get(name)
        if path is None:
            raise Refused(404, "there is no run of that name")
        return answered((200, runs.encoded(await asyncio.to_thread(runs.summary, name, path))))

    async def show_report(request: Request, name: str) -> Response:
        await admitted(request)
        path = (await asyncio.to_thread(runs.listed, folder)).get(name)
        html = None if path is None else await asyncio.to_thread(runs.report_of, path)
        if html is None:
            raise Refused(404, "there is no report of that run")
        return Response(html, media_type="text/html; charset=utf-8")

    _get(router, "/runs/api/runs", list_runs, "The runs of the folder", 401, 403)
    _get(router, "/runs/api/runs/{name}", show_run, "What a run recorded", 401, 403, 404)
    _get(router, "/runs/api/runs/{name}/report", show_report, "A run's report as HTML", 401, 403, 404)
    return router


class _Guard:
    """Around every request: the Host must be ours, errors of ours become JSON, one log line without secrets."""

    def __init__(self, app: Any, service: Service) -> None:
        self._app = app
        self._local = is_loopback(service.settings.host)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began, seen = time.perf_counter(), {"status": 0}
        scope.setdefault("state", {})

        async def watched(message: Any) -> None:
            if message["type"] == "http.response.start":
                seen["status"] = message["status"]
            await send(message)

        try:
            if self._local and not is_loopback(_host(scope)):
                refusal = answered(problem(400, "the Host of this request is not this machine"))
                await refusal(scope, receive, watched)
            else:
                await self._app(scope, receive, watched)
        except Exception:
            LOG.exception("%s %s failed", scope["method"], scope["path"])
            if not seen["status"]:
                await answered(problem(500, "this is a bug of the service; its log knows more"))(
                    scope, receive, watched
                )
        finally:
            user, spent = scope["state"].get("user", "-"), 1e3 * (time.perf_counter() - began)
            LOG.info("%s %s %d %s %.1f ms", scope["method"], _printable(scope["path"]), seen["status"], user, spent)


def _host(scope: Any) -> str:
    """The host a request names, without its port; "localhost" when it names none."""
    text = next((value.decode("latin-1") for name, value in scope["headers"] if name == b"host"), "localhost")
    return text[1:].partition("]")[0] if text.startswith("[") else text.partition(":")[0]


def _printable(path: str) -> str:
    return "".join(c if c.isprintable() else "?" for c in path[:200])
