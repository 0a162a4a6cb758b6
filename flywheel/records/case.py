"""One input with its expectation; the suites they belong to; the role each plays."""

from __future__ import annotations

import hashlib
import json
from enum import StrEnum

from pydantic import JsonValue

from flywheel.records.base import Name, Record


class Role(StrEnum):
    """What a case is used for; it never changes for the same content."""

    REFLECT = "reflect"
    GATE = "gate"
    REPORT = "report"


class Scorer(StrEnum):
    """How an answer is held against its expectation."""

    EXACT = "exact"
    NORMALISED = "normalised"
    CONTAINS = "contains"
    NUMERIC = "numeric"


class AnswerOption(Record):
    """One permitted answer with what it means: an entry of the team's data dictionary."""

    name: Name
    description: str = ""
    slice: Name | None = None


class Case(Record):
    """One input with its expectation."""

    case_id: Name
    suite: Name
    workspace: Name = "default"
    inputs: dict[str, JsonValue]
    expected: JsonValue = None
    slice: Name | None = None
    metadata: JsonValue = None

    @property
    def role(self) -> Role:
        """Role by stable hash of the inputs: 40 % reflect, 50 % gate, 10 % report."""
        return role_of(self.inputs)


class Suite(Record):
    """A named set of cases with a scorer and the answers it permits."""

    suite: Name
    workspace: Name = "default"
    scorer: Scorer = Scorer.EXACT
    options: tuple[AnswerOption, ...] = ()
    description: str = ""


class ReflectCases(Record):
    """Cases a proposer may see; the type refuses any other role."""

    cases: tuple[Case, ...]

    def model_post_init(self, _context: object, /) -> None:
        """Refuse a case of another role."""
        _refuse_other_roles(self.cases, Role.REFLECT)


class GateCases(Record):
    """Cases that decide; the type refuses any other role."""

    cases: tuple[Case, ...]

    def model_post_init(self, _context: object, /) -> None:
        """Refuse a case of another role."""
        _refuse_other_roles(self.cases, Role.GATE)


def role_of(inputs: JsonValue) -> Role:
    """Role of a case by a stable hash of its inputs, so a copy under another id keeps it.

    Examples:
        >>> role_of({"question": "Where does she live?"}) == role_of({"question": "Where does she live?"})
        True
    """
    canonical = json.dumps(inputs, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    draw = int.from_bytes(hashlib.blake2b(canonical.encode(), digest_size=8).digest(), "big") / 2**64
    if draw < 0.4:
        return Role.REFLECT
    return Role.GATE if draw < 0.9 else Role.REPORT


def _refuse_other_roles(cases: tuple[Case, ...], role: Role) -> None:
    for case in cases:
        if case.role is not role:
            msg = f"case {case.case_id!r} has role {case.role.value!r}; only {role.value!r} cases belong here"
            raise ValueError(msg)
