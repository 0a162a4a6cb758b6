"""A prompt as a file that an application reads, plus what it was held against."""

from __future__ import annotations

from enum import StrEnum

from flywheel.records.base import Name, Record, UtcDatetime


class ValidationStage(StrEnum):
    """The four stages a text goes through, in order."""

    SYNTAX = "syntax"
    CONTENT = "content"
    INTEGRATION = "integration"
    QUALITY = "quality"


class StageResult(Record):
    """How a text did in one stage; `passed` is None where nothing is known."""

    stage: ValidationStage
    passed: bool | None
    said: str


class FileRelease(Record):
    """One change of a prompt file.

    Attributes:
        path: of the file, as it was given.
        version: content hash of what the file holds now.
        previous: content hash of what it held before, None where it was not there.
        backup: name of the file in the folder of backups with the bytes before; None where there were none.
        kind: `release` or `rollback`.
    """

    prompt: Name
    workspace: Name
    path: str
    version: Name
    previous: Name | None
    backup: str | None
    kind: Name
    at: UtcDatetime
