"""One way of asking LangSmith: within its rate limit, with patience, never beyond a deadline."""

from __future__ import annotations

import email.utils
import json
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

from flywheel.errors import InputError, ServiceRefused, ServiceUnavailable

if TYPE_CHECKING:
    from langsmith import Langsmith

DEFAULT_ENDPOINT: Final = "https://api.smith.langchain.com"

REQUESTS: Final = 12
"""Requests within WINDOW_S; LangSmith allows 15 queries of runs for a key, which others use too."""

WINDOW_S: Final = 10.0
LONGEST_WAIT_S: Final = 60.0
_FIRST_BACKOFF_S: Final = 0.5
_RETRIED: Final = frozenset({408, 425, 429})
_STREAMED: Final = {"X-Stainless-Raw-Response": "stream"}


@dataclass(frozen=True, slots=True)
class Multipart:
    """A body of several named parts, as the ingestion of runs takes it.

    Attributes:
        content: the whole body.
        boundary: what stands between the parts.
    """

    content: bytes
    boundary: str


Body = Mapping[str, Any] | Sequence[Mapping[str, Any]] | Multipart
"""What is sent: one JSON object, many of them, or parts."""


@dataclass(frozen=True, slots=True)
class LangSmithAccess:
    """Whose LangSmith, where.

    Attributes:
        api_key: never shown.
        endpoint: its address, with `/api/v1` or without.
        workspace_id: for keys of an organisation.
    """

    api_key: str = field(repr=False)
    endpoint: str = DEFAULT_ENDPOINT
    workspace_id: str | None = None

    @property
    def base_url(self) -> str:
        """The address without the part that names a version of the API.

        Examples:
            >>> LangSmithAccess("k", "https://ls.example.org/api/v1/").base_url
            'https://ls.example.org'
        """
        return self.endpoint.rstrip("/").removesuffix("/v1").removesuffix("/api")

    @property
    def prefix(self) -> str:
        """What stands before paths without a version: a server of one's own has them below `/api/v1`.

        Examples:
            >>> LangSmithAccess("k", "https://ls.example.org/api/v1").prefix, LangSmithAccess("k").prefix
            ('/api/v1', '')
        """
        return self.endpoint.rstrip("/").removeprefix(self.base_url)


@dataclass(frozen=True, slots=True)
class Patience:
    """How long LangSmith is waited for.

    Attributes:
        timeout_s: longest silence between two bytes.
        deadline_s: longest time for one answer, however slowly it comes.
        tries: attempts for one answer.
        sleep, clock: of the machine.
    """

    timeout_s: float = 20.0
    deadline_s: float = 120.0
    tries: int = 5
    sleep: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic


def langsmith_access(environ: Mapping[str, str]) -> LangSmithAccess | None:
    """Access that an environment gives; None where it has no key, and LangSmith is left alone.

    Examples:
        >>> langsmith_access({}) is None
        True
        >>> langsmith_access({"LANGSMITH_API_KEY": "k"}).base_url
        'https://api.smith.langchain.com'
    """
    key = (environ.get("LANGSMITH_API_KEY") or environ.get("LANGCHAIN_API_KEY") or "").strip()
    if not key:
        return None
    endpoint = environ.get("LANGSMITH_ENDPOINT") or environ.get("LANGCHAIN_ENDPOINT") or DEFAULT_ENDPOINT
    return LangSmithAccess(key, endpoint, environ.get("LANGSMITH_WORKSPACE_ID") or None)


def needed_access(access: LangSmithAccess | None) -> LangSmithAccess:
    """Access that must be there.

    Raises:
        InputError: there is no key.
    """
    if access is None:
        msg = (
            "LangSmith needs a key, and LANGSMITH_API_KEY is not set. Nothing was asked, nothing was "
            "changed. Set it, or import an exported file: flywheel import langsmith FILE. "
            "All else works without a key."
        )
        raise InputError(msg)
    return access


class LangSmithApi:
    """Asks the API through the client of LangSmith; thread by thread.

    Args:
        access: address with key.
        patience: how long it is waited for.
    """

    def __init__(self, access: LangSmithAccess, patience: Patience | None = None) -> None:
        self.access = access
        self._patience = patience or Patience()
        self._asked: deque[float] = deque(maxlen=REQUESTS)

    def ask(
        self,
        method: str,
        path: str,
        body: Body | None = None,
        query: Mapping[str, Any] | None = None,
    ) -> Any:  # noqa: ANN401 (JSON has no name of its own in typing)
        """The JSON of an answer; None where it is empty.

        Raises:
            ServiceRefused: LangSmith said no, which another try would not change.
            ServiceUnavailable: no answer within the tries and the deadline.
        """
        patience = self._patience
        until = patience.clock() + patience.deadline_s
        told = ""
        for attempt in range(1, patience.tries + 1):
            if path.endswith("/runs/query"):
                self._take_turn()
            try:
                return self._once(method, path, (body, query), until)
            except _Retry as again:
                told = again.told
                wait = min(again.wait_s or _FIRST_BACKOFF_S * 2 ** (attempt - 1), LONGEST_WAIT_S)
            if attempt == patience.tries or patience.clock() + wait > until:
                break
            patience.sleep(wait)
        msg = (
            f"LangSmith at {self.access.base_url!r} did not answer {method} {path}: {told}. "
            "What was stored before stays stored. Try again later; the same command goes on where it stopped."
        )
        raise ServiceUnavailable(msg)

    def prepare(self) -> None:
        """Load the client, so that the time this takes is not taken for the server's."""
        _ = self._client

    def _take_turn(self) -> None:
        """Wait until one more request is within the limit."""
        patience = self._patience
        now = patience.clock()
        if len(self._asked) == REQUESTS and (early := self._asked[0] + WINDOW_S - now) > 0:
            patience.sleep(early)
            now = patience.clock()
        self._asked.append(now)

    def _once(
        self,
        method: str,
        path: str,
        said: tuple[Body | None, Mapping[str, Any] | None],
        until: float,
    ) -> Any:  # noqa: ANN401 (as above)
        import httpx2
        import langsmith

        body, query = said
        options: Any = {"headers": _STREAMED, "params": dict(query or {})}
        try:
            if method == "GET":
                response: Any = self._client.get(path, cast_to=object, options=options)
            elif isinstance(body, Multipart):
                # Spelled in small letters the client would make the body anew, with four writes for each
                # part; media types have no case (RFC 9110, section 8.3.1).
                kind = f"Multipart/form-data; boundary={body.boundary}"
                options["headers"] = {**_STREAMED, "Content-Type": kind}
                response = self._client.post(path, cast_to=object, content=body.content, options=options)
            else:
                send = getattr(self._client, method.lower())
                said_body = [*body] if isinstance(body, Sequence) else dict(body or {})
                response = send(path, cast_to=object, body=said_body, options=options)
            answer = self._read(response, until)
            return json.loads(answer) if answer.strip() else None
        except langsmith.APIStatusError as error:
            raise self._said_no(error, method, path) from error
        except (langsmith.APIConnectionError, httpx2.HTTPError, httpx2.StreamError) as error:
            raise _Retry(f"{type(error).__name__}: {error.__cause__ or error}") from error
        except ValueError as error:
            raise _Retry(f"its answer is not JSON: {error}") from error

    def _read(self, response: Any, until: float) -> bytes:  # noqa: ANN401 (a type of the client's innards)
        """All of a body; a server that drips is left at the deadline."""
        whole = bytearray()
        try:
            for piece in response.iter_bytes():
                whole += piece
                if self._patience.clock() > until:
                    raise _Retry(f"its answer took longer than {self._patience.deadline_s:g} s")
        finally:
            response.close()
        return bytes(whole)

    def _said_no(self, error: Any, method: str, path: str) -> Exception:  # noqa: ANN401 (lazily imported)
        status: int = error.status_code
        if status in _RETRIED or status in (500, 502, 503, 504):
            return _Retry(f"status {status}", retry_after_s(error.response.headers.get("retry-after")))
        what = f"LangSmith at {self.access.base_url!r} refused {method} {path} with status {status}"
        if status in (401, 403):
            return ServiceRefused(
                f"{what}: the key is not accepted. Nothing was changed. Check LANGSMITH_API_KEY, "
                "LANGSMITH_ENDPOINT (its region), and LANGSMITH_WORKSPACE_ID for a key of an organisation.",
                status,
            )
        return ServiceRefused(f"{what}: {str(error.body)[:300]}. Nothing was changed.", status)

    @cached_property
    def _client(self) -> Langsmith:
        # The client takes half a second to import; nothing but an answer is worth that.
        import httpx2
        from langsmith import Langsmith

        access, timeout_s = self.access, self._patience.timeout_s
        return Langsmith(
            api_key=access.api_key,
            tenant_id=access.workspace_id,
            base_url=access.base_url,
            max_retries=0,
            timeout=httpx2.Timeout(timeout_s, connect=min(timeout_s, 5.0)),  # type: ignore[arg-type]
        )


class _Retry(Exception):
    """Another try may succeed."""

    def __init__(self, told: str, wait_s: float | None = None) -> None:
        super().__init__(told)
        self.told = told
        self.wait_s = wait_s


def retry_after_s(header: str | None) -> float | None:
    """Seconds that a server asks to wait, given as a number or as a date.

    Examples:
        >>> retry_after_s("1.5"), retry_after_s(None), retry_after_s("soon")
        (1.5, None, None)
    """
    if header is None:
        return None
    try:
        return max(0.0, float(header))
    except ValueError:
        pass
    try:
        return max(0.0, email.utils.parsedate_to_datetime(header).timestamp() - time.time())
    except ValueError:
        return None
