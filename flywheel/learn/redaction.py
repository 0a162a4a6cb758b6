"""What is private, taken out of evidence before anything is kept."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Callable
from functools import lru_cache
from typing import Any, Final, cast

from pydantic import JsonValue

from flywheel.learn.check_digits import is_card
from flywheel.learn.redaction_contacts import e164
from flywheel.learn.redaction_finders import apart, finders
from flywheel.learn.redaction_findings import Finding
from flywheel.learn.redaction_keys import about_of, kind_under
from flywheel.learn.redaction_policy import Private, RedactionMode, RedactionPolicy
from flywheel.learn.redaction_trigger import may_hold_private
from flywheel.records.execution import Execution

HASH_DIGITS: Final = 12
"""Hex digits of a mark: 48 bits, so that a million different values meet by chance with probability 0.002."""

NAME_LENGTH: Final = 300
"""Characters of a name; a longer one after redaction becomes one mark."""

NAMES: Final = (
    "execution_id", "prompt", "version", "case_id", "suite", "slice", "model", "agent",
    "session_id", "workflow_id", "error_type", "source",
)  # fmt: skip
"""Fields that tell executions apart: a mark there always carries a hash."""

TEXTS: Final = ("error_message", "comment")
VALUES: Final = ("inputs", "output", "expected", "metadata")

_LEAST_CARD: Final = 10**12


class Redactor:
    """Takes out what a policy calls private; counts by kind, keeps no value.

    A text without anything private costs under a microsecond for a hundred
    characters and comes back as the same object. Give short texts that repeat
    to `name`, which remembers them; give JSON that is text already to
    `may_hold_private` first, and decode it only when that says True.

    Args:
        policy: of the workspace.

    Attributes:
        counts: how often each kind was taken out since the redactor was made.

    Examples:
        >>> redactor = Redactor(RedactionPolicy())
        >>> redactor.text("Ann <ann@example.com> paid with 4111 1111 1111 1111")
        'Ann <<email>> paid with <card>'
        >>> redactor.value({"user": {"phone": "+49 30 1234567"}, "api_key": "k-123"})
        {'user': {'phone': '<phone>'}, 'api_key': '<secret>'}
        >>> sorted(redactor.counts.items())
        [('card', 1), ('email', 1), ('phone', 1), ('secret', 1)]
    """

    def __init__(self, policy: RedactionPolicy) -> None:
        self.policy = policy
        self.counts: Counter[str] = Counter()
        self.is_off = policy.mode is RedactionMode.OFF
        self._hashing = policy.mode is RedactionMode.HASH
        self._finders = finders(policy)
        kinds = "|".join((*Private, *(pattern.name for pattern in policy.patterns), "name"))
        self._mark_in = re.compile(rf"<(?:{kinds})(?::[0-9a-f]{{{HASH_DIGITS}}})?>(?:#[0-9]+)?")
        self._suspects = _suspicion(policy)
        self._kept = frozenset(map(str, policy.kept))
        # Names repeat: prompts, models, slices. Ids do not, and push nothing useful out of so many places.
        self._remembered = lru_cache(maxsize=4096)(self._name)

    def suspects(self, text: str) -> bool:
        """Whether a text, or JSON as text, needs a look; False means it stays as it is."""
        return self._suspects(text)

    def text(self, text: str) -> str:
        """A text without what is private; the same object when there is nothing."""
        return self._clean(text, hashing=self._hashing) if self._suspects(text) else text

    def name(self, text: str) -> str:
        """A name or an id; different ones stay different, so a mark carries a hash in any mode."""
        if self.is_off:
            return text
        return self._remembered(text)

    def value(self, value: JsonValue) -> JsonValue:
        """A JSON value of the same shape without what is private in texts, keys and long numbers."""
        return value if self.is_off else self._walk(value, None)

    def execution(self, execution: Execution) -> Execution:
        """An execution without what is private; the same object when there is nothing."""
        if self.is_off:
            return execution
        changed: dict[str, Any] = {}
        for fields, clean in ((NAMES, self.name), (TEXTS, self.text), (VALUES, self.value)):
            for field in fields:
                value = getattr(execution, field)
                if value is not None:
                    found = cast("Callable[[Any], Any]", clean)(value)
                    # A name that is remembered may be another object of the same text.
                    if found is not value and found != value:
                        changed[field] = found
        models = tuple(
            use if (name := self.name(use.model)) == use.model else use.model_copy(update={"model": name})
            for use in execution.models
        )
        if models != execution.models:
            changed["models"] = models
        return execution.model_copy(update=changed) if changed else execution

    def find(self, text: str) -> list[Finding]:
        """What is private in a text, from left to right, without overlaps."""
        if not self._suspects(text):
            return []
        marks = [Finding(m.start(), m.end(), "", "") for m in self._mark_in.finditer(text)]
        found = [finding for find in self._finders for finding in find(text)]
        return apart(found, marks)

    def _clean(self, text: str, *, hashing: bool) -> str:
        """Until nothing is left: taking one out can bring another to light."""
        while findings := self.find(text):
            parts: list[str] = []
            position = 0
            for finding in findings:
                self.counts[str(finding.kind)] += 1
                parts += (text[position : finding.start], self._mark(finding.kind, finding.normal, hashing))
                position = finding.end
            text = "".join((*parts, text[position:]))
        return text

    def _mark(self, kind: str, normal: str, hashing: bool) -> str:
        if not hashing:
            return f"<{kind}>"
        salt = (self.policy.salt or self.policy.workspace).encode("utf-8", "surrogatepass")
        digest = hashlib.blake2b(
            f"{kind}\0{normal}".encode("utf-8", "surrogatepass"),
            key=hashlib.sha256(salt).digest(),
            digest_size=HASH_DIGITS // 2,
        )
        return f"<{kind}:{digest.hexdigest()}>"

    def _name(self, text: str) -> str:
        if not self._suspects(text):
            return text
        clean = self._clean(text, hashing=True)
        return clean if len(clean) <= NAME_LENGTH else self._mark("name", text, hashing=True)

    def _walk(self, value: JsonValue, about: str | None) -> JsonValue:
        """A value under a key that says what it is about."""
        if isinstance(value, str):
            return self._text_under(value, about)
        if isinstance(value, dict):
            return self._object(value)
        if isinstance(value, list):
            parts = [self._walk(part, about) for part in value]
            return parts if any(new is not old for new, old in zip(parts, value, strict=True)) else value
        if type(value) is int and (about is not None or value >= _LEAST_CARD):
            return self._number_under(value, about)
        return value

    def _object(self, value: dict[str, JsonValue]) -> dict[str, JsonValue]:
        new: dict[str, JsonValue] = {}
        is_changed = False
        for key, part in value.items():
            clean_key = self.text(key)
            clean = self._walk(part, about_of(key))
            if clean_key is not key:
                clean_key = _free(clean_key, new, value)
                is_changed = True
            new[clean_key] = clean
            is_changed = is_changed or clean is not part
        return new if is_changed else value

    def _text_under(self, text: str, about: str | None) -> str:
        kind = None if about is None or self._mark_in.fullmatch(text) else kind_under(about, text)
        if kind is None or kind in self._kept:
            return self.text(text)
        self.counts[str(kind)] += 1
        normal = e164(text, self.policy.calling_code) if kind == Private.PHONE else text
        return self._mark(kind, normal, self._hashing)

    def _number_under(self, number: int, about: str | None) -> JsonValue:
        digits = str(abs(number))
        kind = kind_under(about, digits) if about is not None else None
        if kind is None and is_card(digits):
            kind = Private.CARD
        if kind is None or kind in self._kept:
            return number
        self.counts[str(kind)] += 1
        normal = e164(digits, self.policy.calling_code) if kind == Private.PHONE else digits
        return self._mark(kind, normal, self._hashing)


def _free(key: str, taken: dict[str, JsonValue], old: dict[str, JsonValue]) -> str:
    """A key that no other has: `<email>`, `<email>#2`, ..."""
    number, free = 1, key
    while free in taken or free in old:
        number += 1
        free = f"{key}#{number}"
    return free


def _suspicion(policy: RedactionPolicy) -> Callable[[str], bool]:
    """The quick look of a policy: none when it is off, always yes where patterns could be anything."""
    if policy.mode is RedactionMode.OFF:
        return lambda _text: False
    return (lambda _text: True) if policy.patterns else may_hold_private
