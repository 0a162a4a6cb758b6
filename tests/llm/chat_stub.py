"""A chat completions server on the loopback that answers from a script."""

from __future__ import annotations

import contextlib
import json
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

PATIENCE_S = 60.0


@dataclass(frozen=True)
class Reply:
    """One answer of the server.

    `drip_s` sends the body byte by byte with that much rest between, what is `at_once` before;
    `reset` cuts the connection instead of answering; `promised` claims that many bytes more than are
    sent; nothing is said before so many requests have come `after` which it may be.
    """

    body: Any = None
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    drip_s: float = 0.0
    at_once: int = 0
    reset: bool = False
    promised: int = 0
    after: int = 0


@dataclass
class Stub:
    """A running server: what it will say, what it was asked, how many ask at once, who left early."""

    replies: list[Reply]
    requests: list[dict[str, Any]] = field(default_factory=list)
    base_url: str = ""
    connections: int = 0
    most_at_once: int = 0
    left: threading.Event = field(default_factory=threading.Event)
    _under_way: int = 0
    _lock: Any = field(default_factory=threading.Lock)
    _came: Any = field(default_factory=threading.Condition)

    def keep(self, request: dict[str, Any]) -> None:
        """One request more."""
        with self._came:
            self.requests.append(request)
            self._came.notify_all()

    def wait_for(self, number: int) -> None:
        """Until so many requests have come."""
        with self._came:
            assert self._came.wait_for(lambda: len(self.requests) >= number, PATIENCE_S)

    @contextmanager
    def answering(self) -> Iterator[Callable[[], None]]:
        """Count a request until what this yields is called, at the latest until the block ends.

        The handler calls it before the last byte leaves: after that byte the client may ask again
        before this thread runs, and would be counted twice.
        """
        with self._lock:
            self._under_way += 1
            self.most_at_once = max(self.most_at_once, self._under_way)
        counted = [True]

        def answered() -> None:
            with self._lock:
                self._under_way -= counted[0]
                counted[0] = False

        try:
            yield answered
        finally:
            answered()

    def count(self, connections: int) -> None:
        """So many connections more."""
        with self._lock:
            self.connections += connections


def completion(text: str | None = "dob", finish: str = "stop", **message: Any) -> dict[str, Any]:
    """The body of a usual answer."""
    said = {"role": "assistant", "content": text, **message}
    return {
        "id": "c1",
        "object": "chat.completion",
        "created": 1,
        "model": "stub-1",
        "choices": [{"index": 0, "message": said, "finish_reason": finish}],
        "usage": {"prompt_tokens": 11, "completion_tokens": 2, "total_tokens": 13},
    }


def stream_body(*texts: str, finish: str | None = "stop", usage: bool = True) -> str:
    """The body of a streamed answer; without `finish` it breaks off."""
    parts: list[dict[str, Any]] = [{"delta": {"role": "assistant", "content": text}} for text in texts]
    if finish:
        parts.append({"delta": {}, "finish_reason": finish})
    head = {"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "stub-1"}
    events = [{**head, "choices": [{"index": 0, "finish_reason": None, **part}]} for part in parts]
    if finish and usage:
        counted = {"prompt_tokens": 11, "completion_tokens": 2, "total_tokens": 13}
        events.append({**head, "choices": [], "usage": counted})
    lines = [f"data: {json.dumps(event)}\n\n" for event in events]
    return "".join([*lines, "data: [DONE]\n\n"] if finish else lines)


def send(file: Any, data: bytes, reply: Reply, left: threading.Event, answered: Callable[[], None]) -> None:
    """The body at once, or byte by byte until the client has had enough; `answered` before the last byte."""
    if not reply.drip_s:
        answered()
        file.write(data)
        return
    try:
        file.write(data[: reply.at_once])
        for byte in data[reply.at_once : -1]:
            file.write(bytes([byte]))
            file.flush()
            time.sleep(reply.drip_s)
        answered()
        file.write(data[-1:])
        file.flush()
    except OSError:
        left.set()


def served_at(server: ThreadingHTTPServer, tls: ssl.SSLContext | None) -> str:
    """The address of a server, behind TLS where there is a certificate."""
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    return f"http{'s' if tls else ''}://127.0.0.1:{server.server_port}/v1"


@contextmanager
def chat_stub(*replies: Reply, tls: ssl.SSLContext | None = None, keep_alive: bool = False) -> Iterator[Stub]:
    """Serve the replies in order, the last one for ever."""
    stub = Stub(list(replies))

    class Handler(BaseHTTPRequestHandler):
        """One request at a time from the script."""

        protocol_version = "HTTP/1.1" if keep_alive else "HTTP/1.0"
        # Head and body are two packets; the second would wait 40 ms for a delayed acknowledgement.
        disable_nagle_algorithm = True

        def setup(self) -> None:
            """A connection more."""
            stub.count(1)
            super().setup()

        def do_POST(self) -> None:
            """Keep the request, give the next reply."""
            with stub.answering() as answered:
                self._answer(answered)

        def _answer(self, answered: Callable[[], None]) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            stub.keep({"body": json.loads(body), "headers": dict(self.headers), "path": self.path})
            reply = stub.replies.pop(0) if len(stub.replies) > 1 else stub.replies[0]
            stub.wait_for(reply.after)
            if reply.reset:
                # Linger 0 makes closing a reset instead of an orderly end.
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                self.connection.close()
                return
            text = reply.body if isinstance(reply.body, str) else json.dumps(reply.body)
            self.send_response(reply.status)
            for name, value in {"content-type": "application/json", **reply.headers}.items():
                self.send_header(name, value)
            self.send_header("content-length", str(len(text.encode()) + reply.promised))
            self.end_headers()
            send(self.wfile, text.encode(), reply, stub.left, answered)

        def do_GET(self) -> None:
            """The one model there is."""
            data = json.dumps({"data": [{"id": "stub-1"}]}).encode()
            self.send_response(200)
            self.send_header("content-length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def finish(self) -> None:
            """A connection that was reset has nothing left to flush."""
            stub.count(-1)
            with contextlib.suppress(OSError, ValueError):
                super().finish()

        def log_message(self, *_args: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    stub.base_url = served_at(server, tls)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield stub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
