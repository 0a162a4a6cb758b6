"""A named prompt's immutable versions, by content hash."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Self

from pydantic import model_validator

from flywheel.records.base import Name, Record, UtcDatetime

HASH_LENGTH = 64

INSTRUCTIONS = "refiner/"
"""Begins the names of prompts that are instructions of the refiner; a cycle takes them up only by name."""


def content_hash(text: str) -> str:
    """SHA-256 of the UTF-8 bytes, 64 hex digits; the identity of a version.

    Examples:
        >>> content_hash("Answer: {question}")[:12]
        '9c5c4e46d720'
    """
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def application_prompts(names: Iterable[str]) -> list[str]:
    """Names without those of the refiner's instructions.

    Examples:
        >>> application_prompts(["triage", "refiner/reflect"])
        ['triage']
    """
    return [name for name in names if not name.startswith(INSTRUCTIONS)]


class PromptVersion(Record):
    """One immutable text of a prompt.

    A version known only by the label its executions carried has text None: it
    can be compared but not released.
    """

    prompt: Name
    workspace: Name = "default"
    version: str
    text: str | None
    labels: tuple[Name, ...] = ()
    variables: tuple[str, ...] = ()
    created_at: UtcDatetime | None = None
    origin: str = "user"

    @model_validator(mode="after")
    def _hash_matches_text(self) -> Self:
        if self.text is not None and content_hash(self.text) != self.version:
            msg = f"version {self.version!r} is not the content hash of its text"
            raise ValueError(msg)
        return self

    @property
    def short(self) -> str:
        """Twelve digits of the hash, or the label of a version without text."""
        return self.version[:12] if self.text is not None else self.version
