"""One line of evidence into one row: read fast, judged as `Execution` would.

A line that the fast reading takes is one that `Execution` takes, with the
same content; a line that it does not take is read again with care, so that
`Execution` decides, with a reason where it refuses. A test holds both equal.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from operator import itemgetter
from typing import Annotated, Any, Final, Literal, cast

import msgspec
from msgspec import Meta
from msgspec.structs import astuple
from pydantic import ConfigDict, JsonValue, TypeAdapter, ValidationError

from flywheel.capture.careful import careful, decoded
from flywheel.capture.reasons import JSON_FIELDS, Refusal
from flywheel.capture.repeated import keys_in, repeated, told_once
from flywheel.store.execution_rows import ROW_COLUMNS, content_hash_of, row_of

Row = tuple[object, ...]
"""Values in the order of `ROW_COLUMNS`."""

_Name = Annotated[str, Meta(min_length=1, max_length=300)]
_Share = Annotated[float, Meta(ge=0, le=1)]
_Amount = Annotated[float, Meta(ge=0)]
_Count = Annotated[int, Meta(ge=0, le=2**63 - 1)]


class _ModelUse(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True, gc=False):
    model: _Name
    confidence: _Share | None = None
    input_tokens: _Count | None = None
    output_tokens: _Count | None = None
    cost_usd: _Amount | None = None
    latency_ms: _Amount | None = None


_ABSENT: Final[Any] = None
"""Stands for absent where null is refused."""


class _Line(msgspec.Struct, forbid_unknown_fields=True, kw_only=True, gc=False):
    """Fields in the order of ROW_COLUMNS; one is None where a line does not have it."""

    workspace: _Name = _ABSENT
    execution_id: _Name = _ABSENT
    prompt: _Name | None = None
    version: _Name | None = None
    case_id: _Name | None = None
    suite: _Name | None = None
    slice: _Name | None = None
    model: _Name | None = None
    agent: _Name | None = None
    session_id: _Name | None = None
    workflow_id: _Name | None = None
    outcome: Literal["passed", "failed", "error", "skipped", "unscored"]
    score: _Share | None = None
    confidence: _Share | None = None
    latency_ms: _Amount | None = None
    input_tokens: _Count | None = None
    output_tokens: _Count | None = None
    cost_usd: _Amount | None = None
    error_type: _Name | None = None
    retries: _Count | None = None
    rating: Annotated[int, Meta(ge=1, le=5)] | None = None
    started_at: str | None = None
    source: _Name = _ABSENT
    schema_version: Annotated[int, Meta(ge=1, le=1)] = _ABSENT
    inputs: Any = None
    output: Any = None
    expected: Any = None
    metadata: Any = None
    models: list[_ModelUse] = _ABSENT
    error_message: str | None = None
    comment: str | None = None


_ID: Final = ROW_COLUMNS.index("execution_id")
_FIRST_JSON: Final = ROW_COLUMNS.index("inputs")
_BEHIND_JSON: Final = ROW_COLUMNS.index("models")
_CONTENT: Final = itemgetter(
    *(
        position
        for position, name in enumerate(ROW_COLUMNS[:-1])
        if name not in {"workspace", "execution_id", "source", "schema_version"}
    )
)
"""What an id is derived from: the same evidence has one id in any workspace, from any file format."""

_IMPLIED_SCORE: Final = {"passed": 1.0, "failed": 0.0}
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_FIRST_US: Final = (datetime.min.replace(tzinfo=UTC) - _EPOCH) // _MICROSECOND
_LAST_US: Final = (datetime.max.replace(tzinfo=UTC) - _EPOCH) // _MICROSECOND
# Seven digits and more are cut by Pydantic but rounded by others: they are read with care.
_COMMON_TIME: Final = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,6})?"
    r"(?:[Zz]|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9])"
).fullmatch
_SAFE_BRACKETS: Final = 200
"""So many brackets cannot nest deeper than Pydantic reads back (255 levels)."""

_DECODE: Final = msgspec.json.Decoder(_Line).decode
_ENCODE: Final = msgspec.json.Encoder().encode
_JSON: Final = TypeAdapter[Any](JsonValue, config=ConfigDict(allow_inf_nan=False))
DECODE_ERRORS: Final = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, ValueError)
"""What msgspec raises for bytes or values that it cannot take."""


def _keys_of(fields: _Line) -> int:
    """Names a line surely has: those whose value is there, with what is inside."""
    given = astuple(fields)
    known = len(given) - given.count(None)
    for value in given[_FIRST_JSON:_BEHIND_JSON]:
        if value.__class__ is dict or value.__class__ is list:
            known += keys_in(value)
    for use in fields.models or ():
        known += len(use.__struct_fields__) - astuple(use).count(None)
    return known


@dataclass(frozen=True, slots=True)
class LineReader:
    """Reads lines of one source.

    Attributes:
        workspace: of lines that name none.
        prompt: of lines that name none.
        source: of lines that name none: jsonl, csv, http, ...

    Examples:
        >>> reader = LineReader("default", "triage", "jsonl")
        >>> row = reader.row(b'{"execution_id": "r1", "outcome": "passed"}')
        >>> dict(zip(ROW_COLUMNS, row))["score"]
        1.0
        >>> reader.row(b'{"execution_id": "r1", "outcome": "good"}').reason
        "got 'good', need one of passed, failed, error, skipped, unscored"
    """

    workspace: str = "default"
    prompt: str | None = None
    source: str = "jsonl"

    def row(self, line: bytes) -> Row | Refusal:
        """The row of a line of JSON, with or without its line break.

        A missing `execution_id` is derived from the content, so that equal
        lines are one execution.
        """
        row: Row | Refusal | None
        try:
            fields = _DECODE(line)
            keys = _keys_of(fields)
            twice = None if told_once(line, keys) else repeated(line)
            row = twice or self._finished(fields, suspicious=is_suspicious(line, keys))
        except DECODE_ERRORS:
            row = None
        if row is not None:
            return row
        data = decoded(line)
        return data if isinstance(data, Refusal) else repeated(line) or self._careful_row(data)

    def fields_row(self, data: dict[str, Any], *, suspicious: bool = True) -> Row | Refusal:
        """The row of fields that were read elsewhere.

        Args:
            data: values as JSON has them, by field of a line of evidence.
            suspicious: False when `is_suspicious` has cleared the text they came from.
        """
        try:
            row = self._finished(msgspec.convert(data, _Line), suspicious=suspicious)
        except DECODE_ERRORS:
            row = None
        return self._careful_row(data) if row is None else row

    def _finished(self, fields: _Line, *, suspicious: bool) -> Row | None:
        """The row of fields of the right types; None where only a careful reading can tell."""
        if fields.score is None:
            fields.score = _IMPLIED_SCORE.get(fields.outcome)
        elif fields.outcome == "unscored":
            return None
        if fields.started_at is not None:
            moment = _common_us(fields.started_at)
            if moment is None:
                return None
            fields.started_at = cast("Any", moment)
        if suspicious and not _is_harmless(fields):
            return None
        if fields.inputs is not None:
            fields.inputs = _ENCODE(fields.inputs).decode()
        if fields.output is not None:
            fields.output = _ENCODE(fields.output).decode()
        if fields.expected is not None:
            fields.expected = _ENCODE(fields.expected).decode()
        if fields.metadata is not None:
            fields.metadata = _ENCODE(fields.metadata).decode()
        fields.models = cast("Any", _ENCODE(fields.models).decode() if fields.models else None)
        fields.workspace = fields.workspace or self.workspace
        fields.source = fields.source or self.source
        fields.prompt = fields.prompt or self.prompt
        fields.schema_version = 1
        values = astuple(fields)
        return _with_hash(values if fields.execution_id else _with_derived_id(values))

    def _careful_row(self, data: Mapping[str, Any]) -> Row | Refusal:
        complete = {"workspace": self.workspace, "source": self.source, "execution_id": "-", **data}
        if complete.get("prompt") is None:
            complete["prompt"] = self.prompt
        execution = careful(complete)
        if isinstance(execution, Refusal):
            return execution
        row = row_of(execution)
        return row if "execution_id" in data else _with_hash(_with_derived_id(row[:-1]))


def is_suspicious(line: bytes, keys: int = _SAFE_BRACKETS) -> bool:
    r"""Whether a line may nest too deeply or hold the character NUL.

    Args:
        line: JSON, or a row of cells with JSON in them.
        keys: of the objects in what was read from the line, at all depths, where somebody knows.

    Examples:
        >>> is_suspicious(b'{"comment": "fine"}'), is_suspicious(rb'{"comment": "\u0000"}')
        (False, True)
    """
    # One byte before six, for most lines have none.
    if b"\\" in line and b"\\u0000" in line:
        return True
    # Objects without arrays nest no deeper than they have keys.
    is_flat = keys < _SAFE_BRACKETS and b"[" not in line
    return not is_flat and line.count(b"[") + line.count(b"{") > _SAFE_BRACKETS


def _is_harmless(fields: _Line) -> bool:
    """Whether texts have no NUL, numbers are finite, and no JSON nests deeper than it can be read back."""
    for name in _Line.__struct_fields__:
        value = getattr(fields, name)
        if name in JSON_FIELDS:
            try:
                _JSON.validate_python(value)
            except ValidationError:
                return False
        elif isinstance(value, str):
            if "\0" in value:
                return False
        elif isinstance(value, float) and not math.isfinite(value):
            return False
    return True


def _common_us(text: str) -> int | None:
    """Microseconds since 1970 of a time in the common spelling, else None."""
    if not _COMMON_TIME(text):
        return None
    moment = (datetime.fromisoformat(text) - _EPOCH) // _MICROSECOND
    return moment if _FIRST_US <= moment <= _LAST_US else None


def _with_derived_id(values: Row) -> Row:
    derived = content_hash_of(_CONTENT(values)).hex()
    return (*values[:_ID], derived, *values[_ID + 1 :])


def _with_hash(values: Row) -> Row:
    return (*values, content_hash_of(values))
