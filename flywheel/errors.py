"""The errors a user can meet, drawn as one tree.

FlywheelError
  InputError             what was handed in cannot be used (exit 2)
    RejectedLine           one line of evidence, with its position, field and reason
    MappingError           a mapping names columns or fields that do not exist
    UnknownName            no such prompt, version, suite, cycle, strategy or review
  NotEnoughData          a number does not exist yet; the phases turn it into hold
  StoreError             the store did not do what was asked (exit 3)
    StoreUnreachable       no connection, no permission, or no space
    MigrationNeeded        the schema is older or newer than this program
    StaleRelease           what is live changed while a release was being prepared
  ModelError             a language model or the embedded model gave no usable answer
    ModelUnavailable       worth another try later
    UnreadableReply        not worth another try
    BudgetSpent            the ceiling in calls, tokens or USD is reached
  ServiceError           a service beside the store and the models did not do what was asked (exit 3)
    ServiceUnavailable     worth another try later
    ServiceRefused         key, name or request was not accepted
  PolicyError            settings that contradict each other (exit 2)
  LineageError           the graph of versions would be wrong
    UnknownParent          an edge names a version nobody stored
    LineageLoop            a version would become its own ancestor

Every message says what, what was got and what is needed, what was left as it
was, and what to do next.
"""

from __future__ import annotations

from enum import StrEnum


class FlywheelError(Exception):
    """Root of all errors raised on purpose by flywheel.

    Attributes:
        exit_code: what a command line returns when it meets this error.
    """

    exit_code: int = 1


class InputError(FlywheelError):
    """What was handed in cannot be used; nothing was changed."""

    exit_code = 2


class RejectedLine(InputError):
    """One line of evidence could not be read.

    Args:
        source: file or stream it came from.
        position: 1-based line or row number.
        field: the field at fault, or None when the whole line is.
        reason: what was got and what is needed.
    """

    def __init__(self, source: str, position: int, field: str | None, reason: str) -> None:
        where = f", field {field!r}" if field else ""
        super().__init__(f"{source}, line {position}{where}: {reason}")
        self.source = source
        self.position = position
        self.field = field
        self.reason = reason


class MappingError(InputError):
    """A mapping names columns or fields that do not exist."""


class UnknownName(InputError):
    """No such prompt, version, suite, cycle, strategy or review."""


class NotEnoughData(FlywheelError):
    """A number does not exist yet.

    Args:
        quantity: what was asked for.
        have: observations there are.
        need: observations there must be.
    """

    def __init__(self, quantity: str, have: int, need: int) -> None:
        super().__init__(f"{quantity} needs {need} scored observations and has {have}.")
        self.quantity = quantity
        self.have = have
        self.need = need


class StoreError(FlywheelError):
    """The store did not do what was asked."""

    exit_code = 3


class StoreUnreachable(StoreError):
    """No connection, no permission, or no space."""


class MigrationNeeded(StoreError):
    """The schema of the store is older or newer than this program."""


class StaleRelease(StoreError):
    """What is live changed while a release was being prepared; nothing was moved."""

    exit_code = 1


class ModelErrorKind(StrEnum):
    """Why a model gave no usable answer; every ModelError is of one of these kinds."""

    AUTH = "auth"
    BAD_REQUEST = "bad_request"
    TOO_LONG = "too_long"
    NOT_FOUND = "not_found"
    RATE_LIMITED = "rate_limited"
    QUOTA = "quota"
    SERVER = "server"
    TIMEOUT = "timeout"
    CONNECTION = "connection"
    BAD_RESPONSE = "bad_response"
    REFUSAL = "refusal"
    TRUNCATED = "truncated"
    CONTENT_FILTER = "content_filter"
    BUDGET = "budget"
    CIRCUIT_OPEN = "circuit_open"
    OTHER = "other"


class ModelError(FlywheelError):
    """A language model or the embedded model gave no usable answer.

    Args:
        message: for people.
        kind: of the closed set of ModelErrorKind.
        wait_s: how long the server asks to wait, None when it does not say.
        detail: what happened, without what to do about it.
        hint: what to do about it.
        partial_text: what came of an answer before it broke off.
    """

    exit_code = 3
    default_kind = ModelErrorKind.OTHER

    def __init__(
        self,
        message: str,
        *,
        kind: ModelErrorKind | None = None,
        wait_s: float | None = None,
        detail: str = "",
        hint: str = "",
        partial_text: str = "",
    ) -> None:
        super().__init__(message)
        self.kind = self.default_kind if kind is None else kind
        self.wait_s = wait_s
        self.detail = detail or message
        self.hint = hint
        self.partial_text = partial_text


class ModelUnavailable(ModelError):
    """The model did not answer; another try later may succeed."""


class UnreadableReply(ModelError):
    """The model answered something that cannot be used; a retry would not help."""


class BudgetSpent(ModelError):
    """The ceiling in calls, tokens or USD is reached; nothing more was sent."""

    exit_code = 1
    default_kind = ModelErrorKind.BUDGET


class ServiceError(FlywheelError):
    """A service beside the store and the models did not do what was asked."""

    exit_code = 3


class ServiceUnavailable(ServiceError):
    """The service did not answer; another try later may succeed."""


class ServiceRefused(ServiceError):
    """The service did not accept key, name or request; a retry would not help.

    Args:
        message: what was refused, and what to do.
        status: of the answer, None where it was no answer of HTTP.
    """

    def __init__(self, message: str, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status


class PolicyError(FlywheelError):
    """Settings that contradict each other."""

    exit_code = 2


class LineageError(FlywheelError):
    """The graph of versions would be wrong; no edge was written."""


class UnknownParent(LineageError):
    """An edge names a version nobody stored."""


class LineageLoop(LineageError):
    """A version would become its own ancestor."""
