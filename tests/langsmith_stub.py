"""A LangSmith on the loopback that answers as its published API does, with faults on demand."""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import langsmith_hub  # noqa: F401  its routes
import pytest
from langsmith_state import NotThere, Refused, State

from flywheel.llm import langsmith_sending

KEY = "lsv2_pt_loopback"


@dataclass(frozen=True)
class Fault:
    """What happens to a request instead of an answer.

    Attributes:
        where: part of the path it is for.
        status: of the answer; 0 cuts the connection.
        headers: of the answer.
        drip_s: rest between the bytes of a proper answer, None for no such thing.
        times: requests it happens to.
    """

    where: str
    status: int = 500
    headers: tuple[tuple[str, str], ...] = ()
    drip_s: float | None = None
    times: int = 1


@dataclass
class Stub:
    """A running server.

    Attributes:
        state: what it keeps.
        has_new_api: whether it knows `/api/v2`.
        faults: those to come, in order.
        requests: method with path of each request, in order.
        bodies: JSON bodies in the same order, None where there was none.
        raw: bodies as they came, in the same order.
    """

    url: str = ""
    state: State = field(default_factory=State)
    has_new_api: bool = True
    faults: list[Fault] = field(default_factory=list)
    requests: list[tuple[str, str]] = field(default_factory=list)
    bodies: list[Any] = field(default_factory=list)
    raw: list[bytes] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)

    def fail(self, where: str, status: int = 500, times: int = 1, **more: Any) -> None:
        """Let the next requests of a path fail."""
        self.faults.append(Fault(where, status, times=times, **more))

    def fault_for(self, path: str) -> Fault | None:
        """The fault of a request, used up."""
        for place, fault in enumerate(self.faults):
            if fault.where in path:
                rest = fault.times - 1
                self.faults[place : place + 1] = [Fault(**{**vars(fault), "times": rest})] if rest else []
                return fault
        return None

    def asked(self, where: str) -> int:
        """How many requests had this in their path."""
        return sum(where in path for _, path in self.requests)


@contextmanager
def langsmith_stub(*, has_new_api: bool = True, waited_for: bool = True) -> Iterator[Stub]:
    """A server, stopped at the end of the block.

    Args:
        has_new_api: whether it knows `/api/v2`.
        waited_for: as long as it takes; without, no longer than a server is that may be dead. This one
            answers, however busy the machine.
    """
    stub = Stub(has_new_api=has_new_api)

    class Handler(_Handler):
        served = stub

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    stub.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        with pytest.MonkeyPatch.context() as patched:
            if waited_for:
                for name in ("PATIENCE_S", "LOADING_S", "LONGEST_S"):
                    patched.setattr(langsmith_sending, name, 120.0)
            yield stub
    finally:
        server.shutdown()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Head and body are two packets; the second would wait 40 ms for a delayed acknowledgement.
    disable_nagle_algorithm = True
    served: Stub

    def log_message(self, *_args: object) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        self._serve("GET")

    def do_POST(self) -> None:
        self._serve("POST")

    def do_PATCH(self) -> None:
        self._serve("PATCH")

    def do_DELETE(self) -> None:
        self._serve("DELETE")

    def _serve(self, method: str) -> None:
        stub, path = self.served, urlsplit(self.path).path
        raw = self._read()
        kind = self.headers.get("content-type", "")
        body = json.loads(raw) if raw and "json" in kind else None
        stub.requests.append((method, self.path))
        stub.bodies.append(body)
        stub.raw.append(raw)
        stub.headers.append({name.lower(): value for name, value in self.headers.items()})
        fault = stub.fault_for(path)
        if fault is not None and fault.drip_s is None:
            self._fail(fault)
            return
        status, answer = self._answer(method, path, body, raw)
        self._send(status, json.dumps(answer).encode(), (), None if fault is None else fault.drip_s)

    def _answer(self, method: str, path: str, body: Any, raw: bytes) -> tuple[int, Any]:
        if self.headers.get("x-api-key") != KEY and path != "/api/v1/info":
            return 401, {"detail": "Invalid token"}
        if path.startswith("/api/v2/") and not self.served.has_new_api:
            return 404, {"detail": "Not Found"}
        path = re.sub(r"^/api/v1(?=/)", "", path)
        query = parse_qs(urlsplit(self.path).query)
        if path.endswith("/multipart") or (path.endswith("/examples") and method == "POST"):
            body = list(_parts(raw, self.headers.get("content-type", "")))
        try:
            return self.served.state.answer(method, path, body, query)
        except Refused as refused:
            return refused.status, {"detail": str(refused)}
        except NotThere as missing:
            return 404, {"detail": f"{missing} not found"}

    def _read(self) -> bytes:
        if "chunked" not in self.headers.get("transfer-encoding", ""):
            return self.rfile.read(int(self.headers.get("content-length") or 0))
        whole = b""
        while size := int(self.rfile.readline().strip(), 16):
            whole += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return whole

    def _fail(self, fault: Fault) -> None:
        if fault.status == 0:
            self.close_connection = True
            # The header promises more than comes.
            self.wfile.write(
                b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 900\r\n\r\n{"
            )
            self.wfile.flush()
            self.connection.close()
            return
        self._send(fault.status, json.dumps({"detail": "on demand"}).encode(), fault.headers)

    def _send(
        self, status: int, body: bytes, headers: tuple[tuple[str, str], ...], drip_s: float | None = None
    ) -> None:
        try:
            self.send_response(status)
            for name, value in (("content-type", "application/json"), *headers):
                self.send_header(name, value)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            if drip_s is None:
                self.wfile.write(body)
                return
            for byte in body:
                self.wfile.write(bytes([byte]))
                self.wfile.flush()
                time.sleep(drip_s)
        except OSError:
            self.close_connection = True


def _parts(raw: bytes, kind: str) -> Iterator[tuple[str, Any]]:
    """Name and JSON of each part of a multipart body."""
    found = re.search(r'boundary="?([^";]+)', kind)
    if found is None:
        return
    for part in raw.split(b"--" + found[1].encode())[1:-1]:
        head, _, content = part.partition(b"\r\n\r\n")
        name = re.search(rb'name="([^"]+)"', head)
        if name is not None:
            yield name[1].decode(), json.loads(content.removesuffix(b"\r\n") or b"null")
