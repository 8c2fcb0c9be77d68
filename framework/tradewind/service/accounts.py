"""Who may call: users from a TOML file (or the published demo account), scrypt hashes, signed tokens, rate limits.

A token is a JWS (HS512) of the user, the APIs it opens and its end; nothing is stored, so tokens are cheap and many are
valid at once. Passwords are compared in constant time, an unknown user costs as much as a known one, and a pair that
was just verified is remembered for a minute as a keyed digest, because clients ask for a token before every call.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import secrets
import time
import tomllib
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tradewind.errors import UsageError

APIS = ("optimize", "models", "runs")
DEMO_USER, DEMO_PASSWORD = "demo@optimize.vicbee.net", "optimize"
COST, BLOCKS, LANES = 2**14, 8, 1
REMEMBERED = 60.0
ALGORITHM = "HS512"


@dataclass(frozen=True)
class User:
    """name, hash (``scrypt$N$r$p$salt$digest``), apis it may call, qp: whether lp and qp are among them."""

    name: str
    hash: str
    apis: tuple[str, ...] = APIS
    qp: bool = False


@dataclass(frozen=True)
class Caller:
    """Who a token speaks for: the user and the APIs this token opens."""

    user: User
    apis: tuple[str, ...]


class BadUsersFile(UsageError):
    """The file of users cannot be read. Attributes: path, reason."""

    def __init__(self, path: Path, reason: str) -> None:
        self.path, self.reason = path, reason
        super().__init__(
            f'{path}: {reason}. Write one table a user: [[user]] name = "…", hash = "scrypt$…" (tradewind serve '
            '--hash-password makes one), apis = ["optimize", "models", "runs"], qp = false.'
        )


def hash_password(password: str, salt: bytes | None = None) -> str:
    """``scrypt$N$r$p$salt$digest`` with a fresh salt of 16 bytes, base64."""
    salt = secrets.token_bytes(16) if salt is None else salt
    digest = _scrypt(password, salt, COST, BLOCKS, LANES)
    texts = (base64.b64encode(part).decode() for part in (salt, digest))
    return "$".join(("scrypt", str(COST), str(BLOCKS), str(LANES), *texts))


def _scrypt(password: str, salt: bytes, cost: int, blocks: int, lanes: int) -> bytes:
    memory = 256 * cost * blocks * lanes
    return hashlib.scrypt(password.encode(), salt=salt, n=cost, r=blocks, p=lanes, maxmem=memory, dklen=32)


def verify(password: str, hashed: str) -> bool:
    """Whether the password has this hash; constant time in the digest."""
    _, cost, blocks, lanes, salt, digest = hashed.split("$")
    found = _scrypt(password, base64.b64decode(salt), int(cost), int(blocks), int(lanes))
    return hmac.compare_digest(found, base64.b64decode(digest))


def demo_users() -> dict[str, User]:
    """The published demo account alone."""
    return {DEMO_USER: User(DEMO_USER, hash_password(DEMO_PASSWORD))}


def read_users(path: Path) -> dict[str, User]:
    """The users of a TOML file by name; raises BadUsersFile."""
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BadUsersFile(path, str(error)) from None
    rows = content.get("user")
    if not isinstance(rows, list) or not rows:
        raise BadUsersFile(path, "there is no [[user]]")
    users = [_user(row, path, number) for number, row in enumerate(rows, 1)]
    if len({user.name for user in users}) != len(users):
        raise BadUsersFile(path, "a name stands there twice")
    return {user.name: user for user in users}


def _user(row: Any, path: Path, number: int) -> User:
    where = f"user {number}"
    unknown = set(row) - {"name", "hash", "apis", "qp"} if isinstance(row, dict) else {"?"}
    if unknown:
        raise BadUsersFile(path, f"{where} has the unknown key {sorted(unknown)[0]!r}")
    name, hashed, apis, qp = row.get("name"), row.get("hash"), row.get("apis", list(APIS)), row.get("qp", False)
    if not isinstance(name, str) or not name or ":" in name:
        raise BadUsersFile(path, f"{where} needs a name without a colon")
    if not isinstance(hashed, str) or not _is_hash(hashed):
        raise BadUsersFile(path, f"{where} ({name}) needs a scrypt hash")
    if not isinstance(apis, list) or not set(apis) <= set(APIS):
        raise BadUsersFile(path, f"{where} ({name}): apis must be among {', '.join(APIS)}")
    if not isinstance(qp, bool):
        raise BadUsersFile(path, f"{where} ({name}): qp must be true or false")
    return User(name, hashed, tuple(apis), qp)


def _is_hash(text: str) -> bool:
    parts = text.split("$")
    if len(parts) != 6 or parts[0] != "scrypt" or not all(part.isdigit() for part in parts[1:4]):
        return False
    try:
        return all(base64.b64decode(part, validate=True) for part in parts[4:])
    except binascii.Error:
        return False


class Gate:
    """Passwords in, tokens out; tokens in, callers out."""

    def __init__(self, users: dict[str, User], key: bytes, token_seconds: int) -> None:
        self._users, self._key, self._seconds = users, key, token_seconds
        self._nobody = hash_password(secrets.token_hex())
        self._verified: dict[bytes, float] = {}

    def user(self, name: str, password: str) -> User | None:
        """The user of a name and password; None when they do not belong together. Costs ~50 ms unless remembered."""
        user = self._users.get(name)
        digest = hmac.digest(self._key, f"{name}:{password}".encode(), "sha256")
        now = time.monotonic()
        if user is not None and self._verified.get(digest, 0.0) > now:
            return user
        right = verify(password, self._nobody if user is None else user.hash)
        if user is None or not right:
            return None
        self._verified = {known: end for known, end in self._verified.items() if end > now}
        self._verified[digest] = now + REMEMBERED
        return user

    def token(self, user: User, apis: tuple[str, ...]) -> dict[str, Any]:
        """{"token", "duration"} for those of ``apis`` that the user has."""
        import jwt

        opened = [api for api in apis if api in user.apis]
        end = int(time.time()) + self._seconds
        payload = {"sub": user.name, "aud": opened, "exp": end, "jti": secrets.token_hex(8)}
        return {"token": jwt.encode(payload, self._key, ALGORITHM), "duration": self._seconds}

    def caller(self, token: str) -> Caller | None:
        """Who a token speaks for; None when it is forged, expired or of a user who is gone."""
        import jwt

        try:
            options: Any = {"verify_aud": False, "require": ["exp", "sub", "aud"]}
            payload = jwt.decode(token, self._key, algorithms=[ALGORITHM], options=options)
        except (jwt.PyJWTError, ValueError):
            return None
        user = self._users.get(payload["sub"])
        apis = payload["aud"]
        return None if user is None or not isinstance(apis, list) else Caller(user, tuple(apis))


def basic_credentials(header: str | None) -> tuple[str, str] | None:
    """(user, password) of an Authorization header with Basic credentials; None for anything else."""
    kind, _, text = (header or "").partition(" ")
    if kind.lower() != "basic":
        return None
    try:
        name, colon, password = base64.b64decode(text.strip(), validate=True).decode("utf-8").partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return None
    return (name, password) if colon else None


class Rate:
    """At most ``most`` events a minute for each key; keys without recent events are forgotten."""

    def __init__(self, most: int, seconds: float = 60.0) -> None:
        self._most, self._seconds = most, seconds
        self._events: dict[str, deque[float]] = {}

    def wait(self, key: str) -> float:
        """Seconds until another event of the key is allowed, 0.0 for now."""
        events = self._recent(key)
        return 0.0 if len(events) < self._most else max(0.0, events[0] + self._seconds - time.monotonic())

    def count(self, key: str) -> None:
        """One more event of the key."""
        if len(self._events) > 10_000:
            self._events = {known: events for known in list(self._events) if (events := self._recent(known))}
        self._events.setdefault(key, deque()).append(time.monotonic())

    def _recent(self, key: str) -> deque[float]:
        events = self._events.get(key, deque())
        oldest = time.monotonic() - self._seconds
        while events and events[0] < oldest:
            events.popleft()
        return events
