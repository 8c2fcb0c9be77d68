"""Clients of the Optimize and Models API: Client over requests, AsyncClient over aiohttp (extra ``tradewind[client]``).

A call goes to base_url/api/prefix/entry_point with the token in X-Api-Key; a token comes from auth_url/get_token for a
user and password, is kept until 30 s before it expires, and is renewed once when the service answers 401. Neither
library is imported before the first call. ``with client:`` (``async with``) keeps one connection pool for all calls.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import re
import time
from collections.abc import AsyncIterator, Iterator
from functools import cache
from typing import Any, Literal

import numpy as np

from tradewind_optimize.meanvariance.errors import PyOptimumException, ResourceTimeout, ServiceError

Verb = Literal["get", "post", "put", "patch", "delete"]
VERBS = ("get", "post", "put", "patch", "delete")
CONNECT, TOTAL = 10.0, 300.0
"""Seconds to connect, and to wait for one answer."""
EARLY = 30.0
FIRST_WAIT = 0.05
_ENDS = re.compile(r"^/+|/+$")


class Client:
    """Synchronous client.

    Parameters: ``username`` and ``password``, or a ``token``; ``auto_token_renewal``, whether tokens are fetched and
    renewed by themselves (never without credentials); ``base_url``, ``api`` ("optimize" or "models") and ``prefix``,
    the parts of the address; ``auth_url``, where get_token lives (default: the same address).
    Attributes: ``token``; ``detail``, the service's words about the last refusal, None after an answer.
    Raises PyOptimumException without a token or both credentials.
    """

    def __init__(
        self,
        username: str | None = None,
        password: str | None = None,
        token: str | None = None,
        auto_token_renewal: bool = True,
        base_url: str = "https://optimize.vicbee.net",
        api: str = "optimize",
        prefix: str = "api",
        auth_url: str = "",
    ) -> None:
        self.username, self.password, self.token = username, password, token
        self.auto_token_renewal = auto_token_renewal
        if not token and not self._has_credentials():
            raise PyOptimumException("Token or username/password have not been provided.")
        self.base_url = Client.url_join(base_url, api, prefix)
        self.auth_url = auth_url or self.base_url
        self.detail: str | None = None
        self._expires = float("inf")
        self._session: Any = None

    @staticmethod
    def url_join(*args: str) -> str:
        """The parts joined by one "/" each: outer slashes of every part are dropped, and parts without text."""
        return "/".join(part for part in (_ENDS.sub("", arg) for arg in args) if part)

    def get_token(self) -> None:
        """Fetch a token for the credentials; requests.HTTPError when refused, PyOptimumException for nonsense."""
        with self._connected() as session:
            self._fetch_token(session)

    def call(self, entry_point: str, data: Any = None, method: Verb = "post") -> Any:
        """The answer of an entry point, parsed from JSON.

        ``data`` is sent as JSON, or as the query of get and delete; arrays count as lists, infinities are kept. Raises
        PyOptimumException with the service's detail for status 400, requests.HTTPError (which is a PyOptimumException,
        too) for other refusals, ValueError for another method.
        """
        verb = _checked(method)
        with self._connected() as session:
            if self._wants_token():
                self._fetch_token(session)
            response = self._send(session, verb, entry_point, data)
            if response.status_code == 401 and self._may_renew():
                self._fetch_token(session)
                response = self._send(session, verb, entry_point, data)
            return self._read(response)

    def __enter__(self) -> Client:
        import requests

        self._session = requests.Session()
        return self

    def __exit__(self, *_: object) -> None:
        self._session.close()
        self._session = None

    @contextlib.contextmanager
    def _connected(self) -> Iterator[Any]:
        import requests

        if self._session is not None:
            yield self._session
            return
        with requests.Session() as session:
            yield session

    def _send(self, session: Any, verb: str, entry_point: str, data: Any) -> Any:
        url = Client.url_join(self.base_url, entry_point)
        body = {"params": data} if verb in ("get", "delete") else {"data": encoded(data)}
        return session.request(verb, url, headers=self._headers(), timeout=(CONNECT, TOTAL), **body)

    def _fetch_token(self, session: Any) -> None:
        url = Client.url_join(self.auth_url, "get_token")
        self.detail = None
        response = session.get(url, headers=self._credentials(), timeout=(CONNECT, TOTAL))
        if not response.ok:
            raise _http_error()(*_told(_loose(response.text), response.status_code, url), response=response)
        self._keep(_parsed(response.text))

    def _read(self, response: Any) -> Any:
        if response.ok:
            self.detail = None
            return _parsed(response.text)
        detail, status, url = _told(_loose(response.text), response.status_code, response.url)
        self.detail = detail
        if status == 400:
            raise ServiceError(detail, status, url)
        raise _http_error()(detail, status, url, response=response)

    # tokens

    def _has_credentials(self) -> bool:
        return bool(self.username) and bool(self.password)

    def _may_renew(self) -> bool:
        return self.auto_token_renewal and self._has_credentials()

    def _wants_token(self) -> bool:
        if self.token is None and not self._may_renew():
            raise PyOptimumException("No token available. Call get_token first")
        return self._may_renew() and (self.token is None or time.monotonic() > self._expires - EARLY)

    def _keep(self, answer: Any) -> None:
        token = answer.get("token") if isinstance(answer, dict) else None
        if not isinstance(token, str):
            raise PyOptimumException("Error while retrieving token: the answer holds none")
        duration = answer.get("duration")
        self.token = token
        self._expires = time.monotonic() + duration if isinstance(duration, (int, float)) else float("inf")

    def _headers(self) -> dict[str, str]:
        return {"Content-type": "application/json", "Accept": "application/json", "X-Api-Key": self.token or ""}

    def _credentials(self) -> dict[str, str]:
        pair = base64.b64encode(f"{self.username}:{self.password}".encode()).decode()
        kind = "application/json"
        return {"Content-type": kind, "Accept": kind, "Authorization": f"Basic {pair}"}


class _Resolved:
    """A class attribute that is an attribute of aiohttp, imported when it is first looked at."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __get__(self, instance: object, owner: type) -> Any:
        import aiohttp

        return getattr(aiohttp, self.name)


class AsyncClient(Client):
    """Asynchronous client; parameters and attributes as for Client.

    ``ClientSession`` and ``ClientResponse`` are aiohttp's classes.
    """

    ClientSession = _Resolved("ClientSession")
    ClientResponse = _Resolved("ClientResponse")

    async def get_token(self) -> None:  # type: ignore[override]  # the published classes are related this way
        """Fetch a token for the credentials; aiohttp.ClientResponseError when they are refused."""
        async with self._opened() as session:
            await self._fetch(session)

    async def call(  # type: ignore[override]  # as above
        self,
        entry_point: str,
        data: Any = None,
        params: dict[str, Any] | None = None,
        method: Verb = "post",
        follow_resource: bool = False,
        wait_time: float = 10,
        max_retries: int = 18,
    ) -> Any:
        """The answer of an entry point, parsed from JSON.

        Parameters: ``data`` is sent as JSON by post, put and patch; ``params`` as the query; ``follow_resource``: wait
        for a deferred answer (status 202) and return its value. It is asked for at once, then after pauses that grow to
        ``wait_time`` seconds, for ``max_retries``·``wait_time`` seconds in all (ResourceTimeout, a PyOptimumException).
        Raises PyOptimumException with the service's detail for status 400 and for every refusal while waiting,
        aiohttp.ClientResponseError (also a PyOptimumException) for others, ValueError for another method.
        """
        verb = _checked(method)
        async with self._opened() as session:
            if self._wants_token():
                await self._fetch(session)
            status, url, text = await self._ask(session, verb, entry_point, data, params)
            if status == 401 and self._may_renew():
                await self._fetch(session)
                status, url, text = await self._ask(session, verb, entry_point, data, params)
            answer = self._answer(status, url, text)
            if status == 202 and follow_resource:
                return await self._follow(session, answer, wait_time, max_retries)
            return answer

    async def __aenter__(self) -> AsyncClient:
        self._session = self._new_session()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._session.close()
        self._session = None

    def _new_session(self) -> Any:
        import aiohttp

        return aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=TOTAL, connect=CONNECT))

    @contextlib.asynccontextmanager
    async def _opened(self) -> AsyncIterator[Any]:
        if self._session is not None:
            yield self._session
            return
        async with self._new_session() as session:
            yield session

    async def _ask(
        self, session: Any, verb: str, entry_point: str, data: Any = None, params: dict[str, Any] | None = None
    ) -> tuple[int, str, str]:
        """(status, url, text) of one request; redirects are not followed."""
        url = Client.url_join(self.base_url, entry_point)
        body = {} if verb in ("get", "delete") else {"data": encoded(data)}
        request = session.request(verb, url, params=params, headers=self._headers(), allow_redirects=False, **body)
        async with request as response:
            return response.status, url, await response.text()

    async def _fetch(self, session: Any) -> None:
        url = Client.url_join(self.auth_url, "get_token")
        self.detail = None
        async with session.get(url, headers=self._credentials()) as response:
            text = await response.text()
            if response.status >= 400:
                raise _response_error()(response, *_told(_loose(text), response.status, url))
        self._keep(_parsed(text))

    def _answer(self, status: int, url: str, text: str) -> Any:
        if status < 400:
            self.detail = None
            return _parsed(text)
        detail, _, _ = _told(_loose(text), status, url)
        self.detail = detail
        if status == 400:
            raise ServiceError(detail, status, url)
        raise _response_error()(None, detail, status, url)

    async def _follow(self, session: Any, deferred: Any, wait_time: float, max_retries: int) -> Any:
        """The value of a deferred answer, asked for with growing pauses."""
        if not isinstance(deferred, dict) or "id" not in deferred:
            raise PyOptimumException("Invalid response: a deferred answer without an id")
        resource = f"resource/{deferred['id']}"
        until, pause = time.monotonic() + wait_time * (max_retries + 1), min(FIRST_WAIT, wait_time)
        while True:
            status, url, text = await self._ask(session, "get", f"{resource}/status")
            if status == 302:
                break
            self._refuse(status, url, text)
            if time.monotonic() >= until:
                timeout = ResourceTimeout(str(deferred["id"]), max_retries)
                self.detail = str(timeout)
                raise timeout
            await asyncio.sleep(pause)
            pause = min(2 * pause, wait_time)
        status, url, text = await self._ask(session, "get", f"{resource}/value")
        self._refuse(status, url, text)
        self.detail = None
        return _parsed(text)

    def _refuse(self, status: int, url: str, text: str) -> None:
        if status >= 400:
            self.detail = _told(_loose(text), status, url)[0]
            raise ServiceError(self.detail, status, url)


def encoded(data: Any) -> str:
    """The data as JSON; numpy arrays and numbers as lists and numbers, infinities and NaN as Python writes them."""
    return json.dumps(data, default=_plain)


def _plain(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError(f"{type(value).__name__} cannot be sent as JSON")


def _checked(method: str) -> str:
    if method not in VERBS:
        raise ValueError(f"method must be one of {', '.join(VERBS)}; found {method!r}")
    return method


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise PyOptimumException(f"Invalid response: {error}") from None


def _loose(text: str) -> Any:
    """The JSON of an error's body, None when it is none."""
    with contextlib.suppress(ValueError):
        return json.loads(text)
    return None


def _told(content: Any, status: int, url: str) -> tuple[str, int, str]:
    """(detail, status, url) of a refusal."""
    detail = content.get("detail") if isinstance(content, dict) else None
    return (str(detail) if detail else f"the service answered {status}"), status, url


@cache
def _http_error() -> Any:
    """requests.HTTPError that is also a ServiceError."""
    import requests

    class HTTPError(requests.exceptions.HTTPError, ServiceError):
        """A refusal other than 400. Attributes: detail, status, url, response."""

        def __init__(self, detail: str, status: int, url: str, response: Any) -> None:
            requests.exceptions.HTTPError.__init__(self, f"{status} for {url}: {detail}", response=response)
            self.detail, self.status, self.url = detail, status, url

        __str__ = requests.exceptions.HTTPError.__str__

    return HTTPError


@cache
def _response_error() -> Any:
    """aiohttp.ClientResponseError that is also a ServiceError."""
    import aiohttp

    class ResponseError(aiohttp.ClientResponseError, ServiceError):
        """A refusal other than 400. Attributes: detail, status, url."""

        def __init__(self, response: Any, detail: str, status: int, url: str) -> None:
            info: Any = None if response is None else response.request_info
            history = () if response is None else response.history
            aiohttp.ClientResponseError.__init__(self, info, history, status=status, message=detail)
            self.detail, self.url = detail, url

        def __str__(self) -> str:
            return f"{self.status} for {self.url}: {self.detail}"

    return ResponseError
