"""Deferred answers: kept for their owner for a while, then forgotten. Ids are random and mean nothing to others."""

from __future__ import annotations

import secrets
import time
from concurrent.futures import Future
from dataclasses import dataclass

from tradewind.service.work import Answer


class TooMany(Exception):
    """The owner keeps too many deferred answers."""


@dataclass
class Resource:
    """One deferred answer. ``finished``: when it came (monotonic seconds), None while it has not.

    ``collected``: whether its owner has been given the value.
    """

    id: str
    owner: str
    future: Future[Answer]
    finished: float | None = None
    collected: bool = False


class Resources:
    """All deferred answers; used from the event loop alone."""

    def __init__(self, keep_seconds: float, most: int) -> None:
        self._keep, self._most = keep_seconds, most
        self._all: dict[str, Resource] = {}

    def room(self, owner: str) -> None:
        """Raise TooMany unless the owner may defer one more; what was collected makes room, the oldest first."""
        self._forget()
        own = [resource for resource in self._all.values() if resource.owner == owner]
        if len(own) < self._most:
            return
        oldest = next((resource for resource in own if resource.collected), None)
        if oldest is None:
            raise TooMany
        del self._all[oldest.id]

    def add(self, owner: str, future: Future[Answer]) -> Resource:
        """Keep the answer of a future."""
        resource = Resource(secrets.token_urlsafe(16), owner, future)
        self._all[resource.id] = resource
        return resource

    def find(self, identity: str, owner: str) -> Resource | None:
        """The owner's resource of that id; None for another's, for one forgotten and for one that never was."""
        self._forget()
        resource = self._all.get(identity)
        return resource if resource is not None and resource.owner == owner else None

    def unfinished(self) -> list[str]:
        """The ids of answers that have not come."""
        return [resource.id for resource in self._all.values() if not resource.future.done()]

    def _forget(self) -> None:
        now = time.monotonic()
        for resource in list(self._all.values()):
            if resource.finished is None and resource.future.done():
                resource.finished = now
            if resource.finished is not None and now - resource.finished > self._keep:
                del self._all[resource.id]
