"""Runs with feedback on their way to LangSmith, many in one request."""

from __future__ import annotations

import json
import secrets
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from flywheel.errors import ServiceRefused
from flywheel.llm.langsmith_api import Body, LangSmithAccess, LangSmithApi, Multipart, Patience
from flywheel.llm.langsmith_presence import server_limits

RUNS: Final = 100
"""Runs of one request, as the service asks for; a server that wants fewer says so."""

BYTES: Final = 4_000_000
"""Of one request; the service takes 20 MB, a slow line would not bring them over in time."""

BIGGEST_RUN: Final = 2_000_000
"""Bytes of one run; texts of a longer one are left out."""

_APART: Final = ("inputs", "outputs", "extra", "error")
_CONFLICT: Final = 409
_ENCODER: Final = json.JSONEncoder(separators=(",", ":"))

Parts = tuple[bytes, ...]
"""Of a body: several for a run, one for a point of feedback."""


@dataclass(frozen=True, slots=True)
class Hiding:
    """What of a run stays here, as LangSmith's own clients leave it out."""

    inputs: bool = False
    outputs: bool = False

    def of(self, run: Mapping[str, Any]) -> dict[str, Any]:
        """The run without what stays here.

        Examples:
            >>> Hiding(inputs=True).of({"inputs": {"q": "?"}, "outputs": {"a": "!"}})
            {'inputs': {}, 'outputs': {'a': '!'}}
        """
        hidden = {"inputs": self.inputs, "outputs": self.outputs}
        return {key: {} if hidden.get(key) and value else value for key, value in run.items()}


@dataclass
class Signs:
    """What tells that waiting for a server is worth while.

    Attributes:
        heard_at: of its last answer, by the monotonic clock, or of the moment its client was loaded after
            one; minus infinity before the first.
        is_loading: whether its client is being loaded, which says nothing of the server.
    """

    heard_at: float = float("-inf")
    is_loading: bool = False


@dataclass
class Outbox:
    """What is sent from one thread; runs wait here until a request is full.

    Attributes:
        access: address with key.
        hiding: what is left out.
        stop: set when nobody waits any more; every wait ends, nothing more is sent.
        signs: when the server was last heard of, by the monotonic clock.
        taken: runs, with changes of runs, that the server took.
        because: what it last said to a run that it did not take.
    """

    access: LangSmithAccess
    hiding: Hiding = field(default_factory=Hiding)
    stop: threading.Event = field(default_factory=threading.Event)
    signs: Signs = field(default_factory=Signs)
    taken: int = 0
    because: str = ""
    _most: int = RUNS
    _parts: list[Parts] = field(default_factory=list)
    _size: int = 0

    def __post_init__(self) -> None:
        patience = Patience(timeout_s=10.0, deadline_s=90.0, tries=5, sleep=self._sleep, clock=self._clock)
        self._api = LangSmithApi(self.access, patience)

    @property
    def is_empty(self) -> bool:
        """Whether nothing waits."""
        return not self._parts

    def look(self, within_s: float) -> None:
        """Ask whether the server is there, and how much it takes at once.

        Without its client, which takes a second to load: nobody waits for that where nobody is there.

        Raises:
            ServiceUnavailable: it is not.
        """
        limits = self._answer(lambda: server_limits(self.access.base_url, within_s))
        self.signs.is_loading = True
        try:
            self._api.prepare()
        finally:
            self.signs.heard_at, self.signs.is_loading = time.monotonic(), False
        most = limits.get("size_limit")
        self._most = max(1, min(RUNS, most)) if isinstance(most, int) else RUNS

    def ask(
        self, method: str, path: str, body: Body | None = None, query: Mapping[str, Any] | None = None
    ) -> Any:  # noqa: ANN401 (JSON has no name of its own in typing)
        """An answer; what waits was sent before, so that it is there.

        Raises:
            ServiceError: no answer, or a refusal.
        """
        self.send()
        said = _encodable(body)
        return self._answer(lambda: self._api.ask(method, path, said, query))

    def made(self, path: str, body: Mapping[str, Any], query: Mapping[str, Any] | None = None) -> Any:  # noqa: ANN401
        """The answer to a new object; None where there is an equal one.

        Raises:
            ServiceError: no answer, or another refusal.
        """
        try:
            return self.ask("POST", path, body, query)
        except ServiceRefused as refused:
            if refused.status != _CONFLICT:
                raise
            return None

    def run(self, kind: str, run: Mapping[str, Any]) -> None:
        """Add a run: `post` a new one, `patch` a change.

        Raises:
            ServiceError: a request was full, and could not be sent.
        """
        shown = self.hiding.of(run)
        parts = _run_parts(kind, shown)
        if _size_of(parts) > BIGGEST_RUN:
            note = {"left_out": f"too long for LangSmith: {_size_of(parts):,} bytes"}
            short = {key: note if key in ("inputs", "outputs") else value for key, value in shown.items()}
            short["error"] = str(short["error"])[:1000] if short.get("error") else None
            parts = _run_parts(kind, {key: value for key, value in short.items() if value is not None})
        self._add(parts)

    def feedback(self, point: Mapping[str, Any]) -> None:
        """Add feedback on a run.

        Raises:
            ServiceError: as for `run`.
        """
        self._add((_part(f"feedback.{point['id']}", point),))

    def send(self) -> None:
        """Send what waits.

        Raises:
            ServiceError: no answer; what waited is lost.
        """
        parts, self._parts, self._size = self._parts, [], 0
        if parts:
            self._sent(parts)

    def drop(self) -> None:
        """Forget what waits."""
        self._parts, self._size = [], 0

    def _add(self, parts: Parts) -> None:
        size = _size_of(parts)
        if self._parts and (len(self._parts) >= 2 * self._most or self._size + size > BYTES):
            self.send()
        self._parts.append(parts)
        self._size += size

    def _sent(self, parts: list[Parts]) -> None:
        """One request; where it is refused, its halves, so that one bad run does not keep the others back."""
        path = f"{self.access.prefix}/runs/multipart"
        try:
            self._answer(lambda: self._api.ask("POST", path, _body(parts)))
        except ServiceRefused as refused:
            if refused.status in (401, 403):
                raise
            # A conflict: they came with a request whose answer was lost.
            if refused.status != _CONFLICT and len(parts) == 1:
                self.because = str(refused)
                return
            if refused.status != _CONFLICT:
                middle = len(parts) // 2
                self._sent(parts[:middle])
                self._sent(parts[middle:])
                return
        self.taken += sum(len(several) > 1 for several in parts)

    def _answer(self, ask: Callable[[], Any]) -> Any:  # noqa: ANN401 (as above)
        try:
            answer = ask()
        except ServiceRefused:
            self.signs.heard_at = time.monotonic()
            raise
        self.signs.heard_at = time.monotonic()
        return answer

    def _sleep(self, seconds: float) -> None:
        self.stop.wait(seconds)

    def _clock(self) -> float:
        """The time; the end of time where nobody waits any more, so that no try is left."""
        return float("inf") if self.stop.is_set() else time.monotonic()


def _encodable(body: Body | None) -> Body | None:
    """The same JSON; halves of characters, which UTF-8 cannot hold, become question marks."""
    if body is None or isinstance(body, Multipart):
        return body
    text = json.dumps(body, ensure_ascii=False)
    if text.isascii():
        return body
    clean: Body = json.loads(text.encode("utf-8", "replace"))
    return clean


def _run_parts(kind: str, run: Mapping[str, Any]) -> Parts:
    """A run with its large fields apart, as the clients of LangSmith send it."""
    name = f"{kind}.{run['id']}"
    head = _part(name, {key: value for key, value in run.items() if key not in _APART})
    return (head, *(_part(f"{name}.{key}", run[key]) for key in _APART if key in run))


def _part(name: str, value: object) -> bytes:
    content = _ENCODER.encode(value).encode()
    head = (
        f'content-disposition: form-data; name="{name}"\r\n'
        f"content-type: application/json; length={len(content)}\r\n"
        f"content-length: {len(content)}\r\n\r\n"
    )
    return head.encode() + content + b"\r\n"


def _body(parts: list[Parts]) -> Multipart:
    boundary = secrets.token_hex(16)
    edge = b"--" + boundary.encode()
    whole = b"".join(edge + b"\r\n" + part for several in parts for part in several)
    return Multipart(whole + edge + b"--\r\n", boundary)


def _size_of(parts: Parts) -> int:
    return sum(map(len, parts))
