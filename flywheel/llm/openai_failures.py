"""What went wrong in a call of an OpenAI-compatible model: worth another try, or not."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Literal

from flywheel.errors import ModelError, ModelUnavailable, UnreadableReply

RETRIED_STATUS = frozenset({408, 409, 425, 429})
MALFORMED_TRIES = 2
"""A malformed answer is asked for once more; a second one is the server's habit."""

_HINTS = {
    400: "Look at the parameters of the model; some servers refuse what others take.",
    401: "Check the API key.",
    403: "Check what the API key may use.",
    404: "Check the model's name and the base address.",
    413: "The prompt is too long for this server.",
    422: "Look at the parameters of the model; some servers refuse what others take.",
}


@dataclass(frozen=True, slots=True)
class Failure:
    """One failed attempt.

    Attributes:
        kind: `busy` where another try may succeed, `fatal` where it will not, `malformed` where
            the server answered, but not what was agreed.
        detail: what happened, in words.
        hint: what to do about it.
        wait_s: how long the server asks to wait, None when it does not say.
    """

    kind: Literal["busy", "fatal", "malformed"]
    detail: str
    hint: str
    wait_s: float | None = None


def classify(error: Exception) -> Failure:
    """What a failed attempt means.

    Args:
        error: what the client library raised: one of its own errors, or the
            ValueError, TypeError, IndexError or KeyError it stumbles into on a malformed body.
    """
    status = getattr(error, "status_code", None)
    if isinstance(status, int):
        return _of_status(error, status)
    name = type(error).__name__
    if "Timeout" in name:
        return Failure("busy", "no byte came in time", "Raise the timeout, or try again later.")
    if "Connection" in name:
        return Failure("busy", "the connection failed", "Check the base address, and that it is up.")
    return Failure(
        "malformed",
        f"the answer was not a chat completion ({name}: {_short(error)})",
        "Check the base address.",
    )


def as_model_error(model: str, failure: Failure, tries: int) -> ModelError:
    """The error to raise when no more attempts are made."""
    times = "1 try" if tries == 1 else f"{tries} tries"
    kind = ModelUnavailable if failure.kind == "busy" else UnreadableReply
    return kind(
        f"Model {model!r} gave no answer after {times}: {failure.detail}. Nothing was kept. {failure.hint}"
    )


def _of_status(error: Exception, status: int) -> Failure:
    code = getattr(error, "code", None)
    said = f"HTTP {status}" + (f" ({code})" if code else "") + f": {_short(error)}"
    if code == "insufficient_quota":
        return Failure("fatal", said, "The account has no quota left.")
    retryable = status in RETRIED_STATUS or status >= 500
    hint = "Try again later." if retryable else _HINTS.get(status, "Look at the server's message.")
    return Failure("busy" if retryable else "fatal", said, hint, _wait_of(error))


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
