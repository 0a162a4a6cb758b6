"""What the service counts of itself: requests with the time each took."""

from __future__ import annotations

import threading
import time
from bisect import bisect_left
from dataclasses import dataclass, field
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

BOUNDS_S: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Upper bounds of the histogram."""

OTHER: Final = "other"
"""Stands for paths no route has, so that a stranger cannot make endless series."""

_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})

Key = tuple[str, str, int]
"""Method, path of the route, status."""


@dataclass(slots=True)
class Latency:
    """A histogram; `buckets[i]` counts what took at most `BOUNDS_S[i]`, the last one the rest."""

    count: int = 0
    sum_s: float = 0.0
    buckets: list[int] = field(default_factory=lambda: [0] * (len(BOUNDS_S) + 1))


class Measures:
    """Counts requests; threads share it.

    Examples:
        >>> measures = Measures()
        >>> measures.add("GET", "/health", 200, 0.003)
        >>> requests, latencies = measures.read()
        >>> requests, latencies["/health"].buckets[0]
        ({('GET', '/health', 200): 1}, 1)
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._requests: dict[Key, int] = {}
        self._latencies: dict[str, Latency] = {}

    def add(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count one request."""
        key = (method if method in _METHODS else OTHER, route, status)
        with self._lock:
            self._requests[key] = self._requests.get(key, 0) + 1
            latency = self._latencies.setdefault(route, Latency())
            latency.count += 1
            latency.sum_s += seconds
            latency.buckets[bisect_left(BOUNDS_S, seconds)] += 1

    def read(self) -> tuple[dict[Key, int], dict[str, Latency]]:
        """Requests with latencies by route, as they are now."""
        with self._lock:
            copies = {
                route: Latency(one.count, one.sum_s, list(one.buckets))
                for route, one in self._latencies.items()
            }
            return dict(self._requests), copies


class MeasuredRequests:
    """Middleware that counts each request under the path of its route.

    Args:
        app: what answers.
        measures: where it is counted.
    """

    def __init__(self, app: ASGIApp, measures: Measures) -> None:
        self.app = app
        self.measures = measures

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, and count it also where answering it fails."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        status = 500
        started = time.perf_counter()

        async def sending(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self.app(scope, receive, sending)
        finally:
            route = getattr(scope.get("route"), "path_format", OTHER)
            self.measures.add(scope["method"], route, status, time.perf_counter() - started)
