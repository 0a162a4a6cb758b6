"""A true deadline for calls over HTTP: no socket is waited for beyond it.

The timeouts of HTTP clients bound the silence between two bytes, so that a
server that sends a byte now and then is waited for without end. Here every
wait of a thread's sockets is bounded by the deadline of the call it makes.
"""

from __future__ import annotations

import contextlib
import ssl
import threading
import time
from collections.abc import Iterable, Iterator
from typing import Any

import httpcore2
import httpx2

_OWN = threading.local()


@contextlib.contextmanager
def deadline(ends: float | None) -> Iterator[None]:
    """Bound every wait of this thread's sockets inside the block.

    Name resolution is the one wait this cannot bound; the resolver has a limit of its own.

    Args:
        ends: moment of `time.monotonic()`, None for no bound.

    Examples:
        >>> with deadline(time.monotonic() + 5.0):
        ...     left_s(60.0, TimeoutError) <= 5.0
        True
    """
    outer = getattr(_OWN, "ends", None)
    _OWN.ends = ends
    try:
        yield
    finally:
        _OWN.ends = outer


def left_s(timeout_s: float | None, error: type[Exception]) -> float | None:
    """Seconds that may still be waited: the time left, or the timeout where that is shorter.

    Args:
        timeout_s: what the client would wait, None for ever.
        error: raised when no time is left.
    """
    ends: float | None = getattr(_OWN, "ends", None)
    if ends is None:
        return timeout_s
    left = ends - time.monotonic()
    if left <= 0:
        msg = "the deadline of the call has passed"
        raise error(msg)
    return left if timeout_s is None else min(left, timeout_s)


def bounded_client(limits: httpx2.Limits, trust: ssl.SSLContext | None = None) -> httpx2.Client:
    """A client whose connections keep the deadline of the thread that uses them.

    Proxies of the environment are used as every httpx client does.

    Args:
        limits: of its connections.
        trust: certificates that are trusted; None takes those of the environment.
    """
    client = httpx2.Client(limits=limits, follow_redirects=True, verify=trust or True)
    for transport in (client._transport, *client._mounts.values()):  # noqa: SLF001 - no public way to a backend
        if isinstance(transport, httpx2.HTTPTransport):
            transport._pool._network_backend = _Backend()  # noqa: SLF001
    return client


class _Backend(httpcore2.NetworkBackend):
    def __init__(self) -> None:
        self._inner = httpcore2.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore2.NetworkStream:
        left = left_s(timeout, httpcore2.ConnectTimeout)
        return _Stream(self._inner.connect_tcp(host, port, left, local_address, socket_options))

    def sleep(self, seconds: float) -> None:
        self._inner.sleep(seconds)


class _Stream(httpcore2.NetworkStream):
    def __init__(self, inner: httpcore2.NetworkStream) -> None:
        self._inner = inner

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._inner.read(max_bytes, left_s(timeout, httpcore2.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._inner.write(buffer, left_s(timeout, httpcore2.WriteTimeout))

    def close(self) -> None:
        self._inner.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore2.NetworkStream:
        left = left_s(timeout, httpcore2.ConnectTimeout)
        return _Stream(self._inner.start_tls(ssl_context, server_hostname, left))

    def get_extra_info(self, info: str) -> Any:  # noqa: ANN401 - httpcore's own type
        return self._inner.get_extra_info(info)
