"""What a service is started with, its limits, and the refusal of settings that would not be safe."""

from __future__ import annotations

import ipaddress
import os
import secrets
from dataclasses import dataclass, field
from pathlib import Path

from tradewind.errors import UsageError
from tradewind_data.bundle import bundles_root

KEY_FILE, KEY_BYTES = "service.key", 64
LOOPBACK_NAMES = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True)
class Limits:
    """What one request, one user and the service as a whole may use.

    body (bytes), body_seconds (to send it), assets, constraints, seconds (of one solve), workers (processes), queue
    (requests waiting or running), resources (deferred answers a user may keep), keep_seconds (how long), token_seconds,
    failures (refused passwords a minute and address), tokens (tokens a minute and user), grace_seconds (at shutdown).
    """

    body: int = 8_000_000
    body_seconds: float = 20.0
    assets: int = 3_000
    constraints: int = 1_000
    seconds: float = 60.0
    workers: int = field(default_factory=lambda: max(1, min(4, os.cpu_count() or 1)))
    queue: int = 256
    resources: int = 200
    keep_seconds: float = 600.0
    token_seconds: int = 600
    failures: int = 10
    tokens: int = 6_000
    grace_seconds: float = 20.0


@dataclass(frozen=True)
class Settings:
    """What ``tradewind serve`` is told.

    bundle (name, NAME@VERSION or path), host, port, users (a TOML file, or None for the demo account), runs (a folder
    of run directories to browse, or None), limits.
    """

    bundle: str = "demo"
    host: str = "127.0.0.1"
    port: int = 8000
    users: Path | None = None
    runs: Path | None = None
    limits: Limits = field(default_factory=Limits)


class NotSafe(UsageError):
    """The service would be reachable by others with the published demo password. Attribute: host."""

    def __init__(self, host: str) -> None:
        self.host = host
        super().__init__(
            f"--host was {host!r}; without --users the only account is the published demo account, so the service "
            "binds to loopback (127.0.0.1) alone. Name a file of users with --users."
        )


def check(settings: Settings) -> None:
    """Raise NotSafe for the demo account on a host that is not loopback."""
    if settings.users is None and not is_loopback(settings.host):
        raise NotSafe(settings.host)


def is_loopback(host: str) -> bool:
    """Whether a host name or address is this machine's own."""
    if host in LOOPBACK_NAMES:
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def signing_key() -> bytes:
    """The key that signs tokens: made at the first start, kept under TRADEWIND_ROOT for its owner alone (0600)."""
    path = bundles_root().parent / KEY_FILE
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return _read_key(path)
    with os.fdopen(handle, "wb") as file:
        file.write(secrets.token_bytes(KEY_BYTES))
    return _read_key(path)


def _read_key(path: Path) -> bytes:
    if path.stat().st_mode & 0o077 and os.name == "posix":
        raise UsageError(f"{path} can be read by others; make it yours alone (chmod 600), or delete it for a new one.")
    key = path.read_bytes()
    if len(key) < KEY_BYTES:
        raise UsageError(f"{path} holds {len(key)} bytes, not a key of {KEY_BYTES}; delete it and start again.")
    return key
