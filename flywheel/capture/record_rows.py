"""Fields of a call as a row, a row as a line of the spool."""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from flywheel.capture.lines import LineReader, Row
from flywheel.capture.plain import plain
from flywheel.capture.reasons import JSON_FIELDS, Refusal, got_and_need
from flywheel.records.base import Record
from flywheel.store.encoding import from_us
from flywheel.store.execution_rows import ROW_COLUMNS

_JSON_COLUMNS: Final = frozenset({"inputs", "output", "expected", "metadata_json", "models"})
_FIELD_OF: Final = {"metadata_json": "metadata"}
_NAMED: Final = tuple(
    (position, _FIELD_OF.get(name, name), name in _JSON_COLUMNS)
    for position, name in enumerate(ROW_COLUMNS[:-1])
    if name != "started_at_us"
)
_STARTED: Final = ROW_COLUMNS.index("started_at_us")
_JSON_POSITIONS: Final = tuple(position for position, _, is_json in _NAMED if is_json)
_LONG: Final = (*_JSON_POSITIONS, ROW_COLUMNS.index("error_message"), ROW_COLUMNS.index("comment"))
_SAFE_BRACKETS: Final = 200
_ROW_BYTES: Final = 600
_ENCODE: Final = msgspec.json.Encoder().encode
_TRUTH: Final = {True: "passed", False: "failed"}


class CallReader:
    """Makes rows of the fields that a caller gives.

    Args:
        reader: with the workspace, the prompt, the source of fields that name none.
        given: fields of every call that names them not.

    Examples:
        >>> reader = CallReader(LineReader("default", "triage", "python"), {"model": "small"})
        >>> row = reader.row({"outcome": True, "inputs": {"at": datetime(2026, 1, 1, tzinfo=UTC)}})
        >>> columns = dict(zip(ROW_COLUMNS, row))
        >>> columns["outcome"], columns["model"], columns["score"], columns["inputs"]
        ('passed', 'small', 1.0, '{"at":"2026-01-01T00:00:00Z"}')
        >>> reader.row({"outcome": "passed", "score": "high"}).reason
        "got 'high', need a number from 0 to 1, or null"
    """

    def __init__(self, reader: LineReader, given: Mapping[str, Any]) -> None:
        self.reader = reader
        self.given = {name: value for name, value in given.items() if value is not None}

    def row(self, fields: Mapping[str, Any]) -> Row | Refusal:
        """The row of one call; the fields are copied, so that later changes of theirs do not show."""
        data = {**self.given, **{name: value for name, value in fields.items() if value is not None}}
        if "execution_id" not in data:
            data["execution_id"] = os.urandom(16).hex()
        outcome = data.get("outcome")
        if type(outcome) is not str:
            data["outcome"] = (
                _TRUTH.get(outcome, outcome) if isinstance(outcome, bool) else _plain_text(outcome)
            )
        refusal = _put_start(data)
        if refusal is not None:
            return refusal
        if isinstance(data.get("models"), list | tuple):
            data["models"] = [_plain_use(use) for use in data["models"]]
        try:
            row = self.reader.fields_row(data, suspicious=False)
        except TypeError:
            # Something that is no JSON: a dataclass, an array, an object of the application.
            row = Refusal(None, "is no JSON")
        if not isinstance(row, Refusal) and _is_shallow(row):
            nul = [name for name, value in data.items() if type(value) is str and "\0" in value]
            if not nul or JSON_FIELDS.issuperset(nul):
                return row
        return self.reader.fields_row(_mended(data))


def row_bytes(row: Row) -> int:
    """About how much memory a row takes."""
    return _ROW_BYTES + sum(len(text) for p in _LONG if type(text := row[p]) is str)


def line_of(row: Row) -> bytes:
    r"""A row as a line of evidence, which reads back as the same row.

    Examples:
        >>> from flywheel.records.execution import Execution
        >>> from flywheel.store.execution_rows import row_of
        >>> row = row_of(Execution(execution_id="r1", outcome="error", inputs=[1]))
        >>> line_of(row)
        b'{"workspace":"default","execution_id":"r1","outcome":"error","source":"python","schema_version":1,"inputs":[1]}\n'
        >>> LineReader().row(line_of(row)) == row
        True
    """
    line: dict[str, Any] = {}
    for position, name, is_json in _NAMED:
        value = row[position]
        if value is not None:
            line[name] = msgspec.Raw(str(value).encode()) if is_json else value
    started = row[_STARTED]
    if isinstance(started, int):
        line["started_at"] = from_us(started).isoformat()
    return _ENCODE(line) + b"\n"


def _mended(data: dict[str, Any]) -> dict[str, Any]:
    """Plain JSON in the JSON fields, whole characters without NUL in all texts; other faults stay."""
    mended = data | {name: plain(data[name]) for name in JSON_FIELDS & data.keys()}
    return {name: _whole(value) for name, value in mended.items()}


def _whole(value: Any) -> Any:  # noqa: ANN401 - any JSON
    if isinstance(value, str):
        if value.isascii() and "\0" not in value:
            return value
        return value.encode("utf-8", "replace").decode().replace("\0", "")
    if isinstance(value, dict):
        return {_whole(key): _whole(part) for key, part in value.items()}
    return [_whole(part) for part in value] if isinstance(value, list) else value


def _put_start(data: dict[str, Any]) -> Refusal | None:
    """The moment as text; now where there is none."""
    moment = data.get("started_at")
    if moment is None:
        data["started_at"] = datetime.now(UTC).isoformat()
        return None
    if not isinstance(moment, datetime):
        return None
    if moment.tzinfo is None:
        return got_and_need("started_at", moment.isoformat())
    data["started_at"] = moment.isoformat()
    return None


def _plain_text(value: object) -> object:
    return str.__str__(value) if isinstance(value, str) else value


def _plain_use(use: object) -> object:
    return use.model_dump(exclude_none=True) if isinstance(use, Record) else use


def _is_shallow(row: Row) -> bool:
    """Whether no JSON of the row can nest too deeply to be read back."""
    for position in _JSON_POSITIONS:
        text = row[position]
        if type(text) is str and text.count("[") + text.count("{") > _SAFE_BRACKETS:
            return False
    return True
