"""One input with its expectation; the suites they belong to; the role each plays."""

from __future__ import annotations

import hashlib
import json
from enum import StrEnum
from typing import Self

from pydantic import Field, JsonValue, model_validator

from flywheel.records.base import FiniteJson, Name, Record
from flywheel.records.scorer import Scorer, ScorerRules, rules_of

__all__ = [
    "OPTION_SCORERS",
    "AnswerOption",
    "Case",
    "GateCases",
    "ReflectCases",
    "Role",
    "Scorer",
    "Suite",
    "role_of",
]


class Role(StrEnum):
    """What a case is used for; it never changes for the same content."""

    REFLECT = "reflect"
    GATE = "gate"
    REPORT = "report"


OPTION_SCORERS = frozenset({Scorer.EXACT, Scorer.NORMALISED, Scorer.CONTAINS, Scorer.NUMERIC})
"""Scorers that go with permitted answers."""


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
    """A named set of cases with a scorer and the answers it permits.

    Attributes:
        parameters: of the scorer; docs/scorers.md lists them.

    Examples:
        >>> Suite(suite="sums", scorer="numeric", parameters={"relative": 0.01}).rules.relative
        0.01
    """

    suite: Name
    workspace: Name = "default"
    scorer: Scorer = Scorer.EXACT
    parameters: dict[str, FiniteJson] = Field(default_factory=dict)
    options: tuple[AnswerOption, ...] = ()
    description: str = ""

    @model_validator(mode="after")
    def _parameters_fit(self) -> Self:
        rules_of(self.scorer, self.parameters)
        if self.options and self.scorer not in OPTION_SCORERS:
            names = ", ".join(sorted(OPTION_SCORERS))
            msg = f"scorer {self.scorer.value!r} reads no options; permitted answers go with {names}"
            raise ValueError(msg)
        return self

    @property
    def rules(self) -> ScorerRules:
        """The parameters with their defaults, as the rules of the scorer."""
        return rules_of(self.scorer, self.parameters)


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
