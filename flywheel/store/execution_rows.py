"""Executions as rows: the two tables, with the way from a record to a row."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any, Final

import msgspec
from sqlalchemy import BigInteger, Column, Index, Integer, LargeBinary, Text, UniqueConstraint, text
from sqlmodel import Field

from flywheel.errors import InputError
from flywheel.records.execution import Execution
from flywheel.store.base import StoreTable
from flywheel.store.encoding import from_json, from_us, to_json, to_us
from flywheel.store.session import table_of

SEQUENCE = BigInteger().with_variant(Integer, "sqlite")
"""Type of a growing key; only INTEGER is one on SQLite."""


class _ExecutionColumns(StoreTable):
    """Numbers and names first: SQLite reads a row from its start, and the texts can be long."""

    workspace: str
    execution_id: str
    prompt: str | None = None
    version: str | None = None
    version_hash: str | None = None
    case_id: str | None = None
    suite: str | None = None
    slice: str | None = None
    model: str | None = None
    agent: str | None = None
    session_id: str | None = None
    workflow_id: str | None = None
    outcome: str
    score: float | None = None
    confidence: float | None = None
    latency_ms: float | None = None
    input_tokens: int | None = Field(default=None, sa_type=BigInteger)
    output_tokens: int | None = Field(default=None, sa_type=BigInteger)
    cost_usd: float | None = None
    error_type: str | None = None
    retries: int | None = Field(default=None, sa_type=BigInteger)
    rating: int | None = None
    started_at_us: int | None = Field(default=None, sa_type=BigInteger)
    stored_at_us: int = Field(sa_type=BigInteger)
    source: str
    schema_version: int
    content_hash: bytes = Field(sa_type=LargeBinary)
    inputs: str | None = Field(default=None, sa_type=Text)
    output: str | None = Field(default=None, sa_type=Text)
    expected: str | None = Field(default=None, sa_type=Text)
    metadata_json: str | None = Field(default=None, sa_type=Text)
    models: str | None = Field(default=None, sa_type=Text)
    error_message: str | None = Field(default=None, sa_type=Text)
    comment: str | None = Field(default=None, sa_type=Text)


class ExecutionRow(_ExecutionColumns, table=True):
    """The newest content of each execution; `seq` grows with every row stored, also by a replacement."""

    __tablename__ = "execution"
    __table_args__ = (
        UniqueConstraint("workspace", "execution_id", name="uq_execution"),
        Index("ix_execution_prompt", "workspace", "prompt", "seq"),
        Index(
            "ix_execution_session",
            "workspace",
            "prompt",
            "session_id",
            sqlite_where=text("session_id IS NOT NULL"),
            postgresql_where=text("session_id IS NOT NULL"),
        ),
        # A number once given is never given again, or a watermark would miss a replacement.
        {"sqlite_autoincrement": True},
    )

    seq: int | None = Field(default=None, sa_column=Column(SEQUENCE, primary_key=True, autoincrement=True))


class ExecutionHistoryRow(_ExecutionColumns, table=True):
    """Contents that were replaced, each kept once with the first time it was replaced.

    `seq` is the number the row had, None where a later line of the same batch
    replaced it before it was stored.
    """

    __tablename__ = "execution_history"
    __table_args__ = (
        UniqueConstraint("workspace", "execution_id", "content_hash", name="uq_execution_history"),
    )

    history_id: int | None = Field(
        default=None, sa_column=Column(SEQUENCE, primary_key=True, autoincrement=True)
    )
    seq: int | None = Field(default=None, sa_type=BigInteger)
    replaced_at_us: int = Field(sa_type=BigInteger)


EXECUTION = table_of(ExecutionRow)
EXECUTION_HISTORY = table_of(ExecutionHistoryRow)

_GIVEN_BY_STORE: Final = {"version_hash", "stored_at_us", "content_hash"}

ROW_COLUMNS: Final[tuple[str, ...]] = (
    *(name for name in _ExecutionColumns.model_fields if name not in _GIVEN_BY_STORE),
    "content_hash",
)
"""Order of a row handed to `SqlExecutions.write_rows`; its last value comes from `content_hash_of`."""

_RECORD_FIELDS: Final = tuple("metadata" if name == "metadata_json" else name for name in ROW_COLUMNS[:-1])
_JSON: Final = frozenset({"inputs", "output", "expected", "metadata"})
_PACK = msgspec.msgpack.Encoder().encode


def content_hash_of(values: Sequence[object]) -> bytes:
    """Digest of a row without its last value, 16 bytes; equal digests mean nothing changed.

    Args:
        values: in the order of ROW_COLUMNS without `content_hash`, whole
            numbers as int, other numbers as float, JSON as text of `to_json`.

    Examples:
        >>> content_hash_of(("default", "r1")) == content_hash_of(("default", "r1"))
        True
    """
    return hashlib.blake2b(_PACK(values), digest_size=16).digest()


def row_of(execution: Execution) -> tuple[object, ...]:
    """The row of an execution, in the order of ROW_COLUMNS.

    Raises:
        InputError: a text holds half a character (a lone surrogate), or a
            whole number is above 2**63; no database keeps these.

    Examples:
        >>> row = row_of(Execution(execution_id="r1", prompt="triage", outcome="passed"))
        >>> dict(zip(ROW_COLUMNS, row))["score"]
        1.0
    """
    started = execution.started_at
    try:
        columns = execution.__dict__ | {
            "outcome": execution.outcome.value,
            "started_at_us": None if started is None else to_us(started),
            "inputs": to_json(execution.inputs),
            "output": to_json(execution.output),
            "expected": to_json(execution.expected),
            "metadata_json": to_json(execution.metadata),
            "models": to_json([use.model_dump(exclude_none=True) for use in execution.models] or None),
        }
        values = tuple(columns[name] for name in ROW_COLUMNS[:-1])
        return (*values, content_hash_of(values))
    except (UnicodeEncodeError, OverflowError) as error:
        msg = (
            f"Execution {execution.execution_id!r} holds a value that no database keeps: {error}. "
            "It was not stored. Replace lone surrogates and keep whole numbers below 2**63."
        )
        raise InputError(msg) from error


def record_of(row: Sequence[Any]) -> Execution:
    """The execution of a row selected in the order of ROW_COLUMNS without `content_hash`."""
    values: dict[str, Any] = dict(zip(_RECORD_FIELDS, row, strict=True))
    for name in _JSON:
        values[name] = from_json(values[name])
    values["models"] = from_json(values["models"]) or ()
    if values["started_at_us"] is not None:
        values["started_at"] = from_us(values["started_at_us"])
    del values["started_at_us"]
    return Execution.model_validate(values)
