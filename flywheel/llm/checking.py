"""Whether a provider answers, asked without spending a token."""

from __future__ import annotations

import time
from dataclasses import dataclass

import httpx2

from flywheel.errors import ModelErrorKind
from flywheel.llm.deadline import bounded_client, deadline
from flywheel.llm.openai_failures import STATUS

WITHIN_S = 10.0


@dataclass(frozen=True, slots=True)
class Reachability:
    """What a provider said to the question which models it has.

    Attributes:
        kind: of the failure, None when it answered.
        detail: in words.
        models: names it knows, empty when it does not say.
        latency_ms: until the answer, None without one.
    """

    kind: ModelErrorKind | None
    detail: str
    models: frozenset[str] = frozenset()
    latency_ms: float | None = None


def reach(base_url: str, api_key: str | None, within_s: float = WITHIN_S) -> Reachability:
    """Ask a provider for its list of models: `GET {base_url}/models`.

    Args:
        base_url: up to and including `/v1`.
        api_key: None for servers without keys.
        within_s: longest time for the whole answer.
    """
    headers = {"authorization": f"Bearer {api_key}"} if api_key else {}
    begun = time.monotonic()
    try:
        with bounded_client(httpx2.Limits(max_connections=1)) as client, deadline(begun + within_s):
            reply = client.get(f"{base_url.rstrip('/')}/models", headers=headers, timeout=within_s)
    except httpx2.TimeoutException:
        return Reachability(ModelErrorKind.TIMEOUT, f"no answer within {within_s:g} s")
    except (httpx2.HTTPError, httpx2.InvalidURL) as error:
        return Reachability(ModelErrorKind.CONNECTION, f"no connection: {error}")
    latency_ms = (time.monotonic() - begun) * 1000.0
    if reply.status_code != 200:
        fallback = ModelErrorKind.SERVER if reply.status_code >= 500 else ModelErrorKind.OTHER
        kind = STATUS.get(reply.status_code, fallback)
        return Reachability(kind, f"HTTP {reply.status_code}", latency_ms=latency_ms)
    names = _names(reply)
    said = "answers" if names is None else f"answers, {len(names)} models"
    return Reachability(None, said, names or frozenset(), latency_ms)


def _names(reply: httpx2.Response) -> frozenset[str] | None:
    try:
        rows = reply.json()["data"]
        # Gemini writes models/NAME.
        return frozenset(str(row["id"]).removeprefix("models/") for row in rows)
    except (ValueError, LookupError, TypeError):
        return None
