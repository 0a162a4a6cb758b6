"""What is private, taken out of a test's execution before it reaches the disk."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, Any, Final

from flywheel.capture.spool import encoded

if TYPE_CHECKING:
    from flywheel.learn.redaction import Redactor

_SAID: Final = ("prompt", "version", "suite", "slice", "model", "agent", "workflow_id")
_NAMES: Final = (*_SAID, "case_id", "error_type")
_TEXTS: Final = ("error_message", "comment")
_VALUES: Final = ("inputs", "output", "expected")
_FREE: Final = (*_VALUES, *_SAID, "comment")
_PARAMETERS: Final = re.compile(r"[\[ ].*", re.DOTALL).search
_CALL_TEXTS: Final = ("model", "inputs", "output", "error")
_OF_THE_CODE: Final = frozenset(
    {"attempt", "markers", "phase", "setup_ms", "teardown_ms", "subtests", "model_calls"}
)
"""Metadata that comes from the source code or a clock."""


class Privacy:
    """Takes out what is private, by the rules of `flywheel.learn.redaction`.

    Those rules are imported when a text first looks as if it could hold
    something; a suite without such texts never pays for them.

    Args:
        mode: `mask`, `hash` or `off`.
        salt: of the hashes.

    Examples:
        >>> line = {"case_id": "t.py::test_a", "inputs": {"mail": "ann@example.com"}, "metadata": {}}
        >>> Privacy("mask", "").clean(line)
        >>> line["inputs"]
        {'mail': '<email>'}
    """

    def __init__(self, mode: str, salt: str) -> None:
        self._mode = mode
        self._salt = salt
        self._redactor: Redactor | None = None

    @property
    def counts(self) -> Counter[str]:
        """What was taken out, by kind."""
        return Counter() if self._redactor is None else self._redactor.counts

    def clean(self, line: dict[str, Any]) -> None:
        """Take out of a line what is private, in place."""
        if self._mode == "off" or not self._suspicious(line):
            return
        redactor = self._loaded()
        for field in _NAMES:
            if line.get(field):
                line[field] = redactor.name(line[field])
        for field in _TEXTS:
            if line.get(field):
                line[field] = redactor.text(line[field])
        for field in _VALUES:
            if line.get(field) is not None:
                line[field] = redactor.value(line[field])
        metadata = line["metadata"]
        free = {key: value for key, value in metadata.items() if key not in _OF_THE_CODE}
        cleaned = redactor.value(free)
        if cleaned is not free and isinstance(cleaned, dict):
            own = {key: value for key, value in metadata.items() if key in _OF_THE_CODE}
            line["metadata"] = own | cleaned
        for use in line.get("models", ()):
            use["model"] = redactor.name(use["model"])

    def _suspicious(self, line: dict[str, Any]) -> bool:
        """Whether any text that does not come from the source code needs a look."""
        texts = [line[field] for field in _FREE if field in line]
        metadata = line["metadata"]
        texts += [value for key, value in metadata.items() if key not in _OF_THE_CODE and key != "calls"]
        for call in metadata.get("calls", ()):
            texts += [call[fact] for fact in _CALL_TEXTS if fact in call]
        texts += _free_part(line["case_id"])
        if "error_message" in line:
            texts.append(line["error_message"].partition('\n  File "')[0])
        if not texts:
            return False
        # Compiling its expression takes 10 ms, which a suite without such texts does not pay.
        from flywheel.learn.redaction_trigger import may_hold_private

        return may_hold_private(encoded(texts))

    def _loaded(self) -> Redactor:
        if self._redactor is None:
            from flywheel.learn.redaction import Redactor
            from flywheel.learn.redaction_policy import RedactionMode, RedactionPolicy

            self._redactor = Redactor(RedactionPolicy(mode=RedactionMode(self._mode), salt=self._salt))
        return self._redactor


def _free_part(case_id: str) -> list[str]:
    """An id that pytest made is a path and identifiers, up to the parameters or the subtest."""
    _, is_node, names = case_id.partition("::")
    found = _PARAMETERS(names) if is_node else None
    if found is not None:
        return [found[0]]
    return [] if is_node else [case_id]
