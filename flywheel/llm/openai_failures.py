"""What went wrong in a call of an OpenAI-compatible model, as one of a closed set of kinds."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from flywheel.errors import ModelError, ModelErrorKind, ModelUnavailable, UnreadableReply

STATUS = {
    400: ModelErrorKind.BAD_REQUEST,
    401: ModelErrorKind.AUTH,
    403: ModelErrorKind.AUTH,
    404: ModelErrorKind.NOT_FOUND,
    408: ModelErrorKind.TIMEOUT,
    409: ModelErrorKind.SERVER,
    413: ModelErrorKind.TOO_LONG,
    422: ModelErrorKind.BAD_REQUEST,
    425: ModelErrorKind.SERVER,
    429: ModelErrorKind.RATE_LIMITED,
}
_CODES = {
    "insufficient_quota": ModelErrorKind.QUOTA,
    "context_length_exceeded": ModelErrorKind.TOO_LONG,
    "content_filter": ModelErrorKind.CONTENT_FILTER,
    "content_policy_violation": ModelErrorKind.CONTENT_FILTER,
    "model_not_found": ModelErrorKind.NOT_FOUND,
}
"""What the body says weighs more than the status: 429 is sent for an empty account too."""

PASSING = frozenset(
    {
        ModelErrorKind.RATE_LIMITED,
        ModelErrorKind.SERVER,
        ModelErrorKind.TIMEOUT,
        ModelErrorKind.CONNECTION,
        ModelErrorKind.CIRCUIT_OPEN,
    }
)
"""Kinds that may be gone on another try later."""

_HINTS = {
    ModelErrorKind.AUTH: "Check the API key, and what it may use.",
    ModelErrorKind.BAD_REQUEST: "Look at the parameters of the model; some servers refuse what others take.",
    ModelErrorKind.TOO_LONG: "The prompt is too long for this model; shorten it or take another model.",
    ModelErrorKind.NOT_FOUND: "Check the model's name and the base address.",
    ModelErrorKind.QUOTA: "The account has no quota left.",
    ModelErrorKind.CONTENT_FILTER: "The provider's filter refused the request; look at the texts in it.",
    ModelErrorKind.TIMEOUT: "Raise deadline_s or timeout_s, ask for fewer output tokens, or try again later.",
    ModelErrorKind.CONNECTION: "Check the base address, and that it is up.",
    ModelErrorKind.BAD_RESPONSE: "Check the base address.",
    ModelErrorKind.OTHER: "Look at the server's message.",
}


@dataclass(frozen=True, slots=True)
class Failure:
    """One failed attempt.

    Attributes:
        kind: of the closed set.
        detail: what happened, in words.
        wait_s: how long the server asks to wait, None when it does not say.
    """

    kind: ModelErrorKind
    detail: str
    wait_s: float | None = None

    @property
    def hint(self) -> str:
        """What to do about it."""
        return _HINTS.get(self.kind, "Try again later.")


def classify(error: Exception) -> Failure:
    """What a failed attempt means.

    Args:
        error: what the client library raised: one of its own errors, one of the HTTP client's, or
            the ValueError, TypeError, IndexError or KeyError it stumbles into on a malformed body.
    """
    status = getattr(error, "status_code", None)
    if isinstance(status, int):
        return _of_status(error, status)
    name = type(error).__name__
    if "Timeout" in name:
        return Failure(ModelErrorKind.TIMEOUT, "no byte came in time")
    if "Connection" in name or name in ("ReadError", "WriteError", "ConnectError", "RemoteProtocolError"):
        return Failure(ModelErrorKind.CONNECTION, "the connection failed")
    if name == "APIError":
        # The SDK's word for an error event inside of a stream.
        return Failure(ModelErrorKind.SERVER, f"the stream reported an error: {_short(error)}")
    return Failure(
        ModelErrorKind.BAD_RESPONSE, f"the answer was not a chat completion ({name}: {_short(error)})"
    )


def as_model_error(model: str, failure: Failure, partial_text: str = "") -> ModelError:
    """The error of one attempt.

    Args:
        model: name by which it is known here.
        failure: what happened.
        partial_text: what came before a stream broke off.
    """
    error_class = ModelUnavailable if failure.kind in PASSING else UnreadableReply
    kept = f"The first {len(partial_text)} characters are kept" if partial_text else "Nothing was kept"
    return error_class(
        f"Model {model!r} gave no answer: {failure.detail}. {kept}. {failure.hint}",
        kind=failure.kind,
        wait_s=failure.wait_s,
        detail=failure.detail,
        hint=failure.hint,
        partial_text=partial_text,
    )


def _of_status(error: Exception, status: int) -> Failure:
    code = getattr(error, "code", None)
    said = f"HTTP {status}" + (f" ({code})" if code else "") + f": {_short(error)}"
    fallback = ModelErrorKind.SERVER if status >= 500 else ModelErrorKind.OTHER
    kind = _CODES.get(str(code)) or STATUS.get(status, fallback)
    return Failure(kind, said, _wait_of(error) if kind in PASSING else None)


def _wait_of(error: Exception) -> float | None:
    headers = getattr(getattr(error, "response", None), "headers", None)
    if headers is None:
        return None
    for name, factor in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        value = headers.get(name)
        if value is None:
            continue
        try:
            return max(0.0, float(value) * factor)
        except ValueError:
            return _until(value)
    return None


def _until(value: str) -> float | None:
    try:
        moment = parsedate_to_datetime(value)
    except ValueError:
        return None
    return max(0.0, (moment.astimezone(UTC) - datetime.now(UTC)).total_seconds())


def _short(error: Exception) -> str:
    flat = " ".join(str(error).split())
    return flat if len(flat) <= 200 else flat[:197] + "..."
