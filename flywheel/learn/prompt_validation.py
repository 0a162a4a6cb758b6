"""Four stages a text goes through before an application reads it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from pydantic import JsonValue

from flywheel.errors import InputError
from flywheel.learn.prompt_analysis import analyze_prompt
from flywheel.learn.redaction import Redactor
from flywheel.learn.redaction_policy import RedactionPolicy
from flywheel.learn.templates import messages_of, render_messages, variables
from flywheel.records.lineage import Edge
from flywheel.records.prompt_file import StageResult, ValidationStage
from flywheel.records.verdict import Ruling

LONGEST = 200_000
"""Characters beyond which a text is no prompt but a mistake."""

_SYNTAX_ISSUES = frozenset({"broken_placeholder"})


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a text is held against.

    Attributes:
        replaced: text that applications read now; None for a first one.
        inputs: of cases that it must be able to take, by case id.
        edges: of the lineage, with what was measured.
        approved: whether a person let this version through.
        policy: what is private.
    """

    replaced: str | None = None
    inputs: Mapping[str, JsonValue] | None = None
    edges: Sequence[Edge] = ()
    approved: bool = False
    policy: RedactionPolicy = field(default_factory=RedactionPolicy)


def validate_prompt(version: str, text: str, around: Surroundings) -> tuple[StageResult, ...]:
    """How a version does in each stage; all of them are looked at.

    Syntax: text that can be written, messages and placeholders that can be read.
    Content: no secret or private text in it, no absurd length, no critical
    weakness that the text it replaces has not. Integration: the variables of the text it
    replaces, and all cases can be put into it. Quality: a verdict of ship, or a
    person's approval; a version nobody measured is unknown, which is no pass.

    Args:
        version: its content hash.
        text: of it.
        around: what it is held against.

    Examples:
        >>> text = "Name the team. Answer with one word. Question: {question}"
        >>> found = validate_prompt("v1", text, Surroundings())
        >>> [(one.stage.value, one.passed) for one in found]
        [('syntax', True), ('content', True), ('integration', True), ('quality', None)]
    """
    return (
        _result(ValidationStage.SYNTAX, list(_syntax(text)), f"{len(text):,} characters"),
        _content(text, around),
        _result(ValidationStage.INTEGRATION, list(_integration(text, around)), _taken(text, around)),
        _quality(version, around),
    )


def _result(stage: ValidationStage, wrong: Sequence[str], fine: str) -> StageResult:
    return StageResult(stage=stage, passed=not wrong, said="; ".join(wrong) if wrong else fine)


def _syntax(text: str) -> Iterable[str]:
    if not text.strip():
        yield "there is no text"
        return
    if "\0" in text:
        yield "there is a character NUL in it"
    try:
        text.encode()
    except UnicodeEncodeError as error:
        yield f"character {error.start} is half of a pair and cannot be written as UTF-8"
    try:
        messages_of(text)
    except InputError as error:
        yield str(error)
    for issue in analyze_prompt(text).issues:
        if issue.kind in _SYNTAX_ISSUES:
            yield issue.message


def _content(text: str, around: Surroundings) -> StageResult:
    """Weaknesses the replaced text has too are no reason: it works with them."""
    redactor = Redactor(around.policy)
    redactor.text(text)
    wrong = [f"{count} {kind} in it" for kind, count in sorted(redactor.counts.items())]
    if len(text) > LONGEST:
        wrong.append(f"{len(text):,} characters, need at most {LONGEST:,}")
    weak = _weaknesses(text)
    for kind in _weaknesses(around.replaced or ""):
        weak.pop(kind, None)
    if around.replaced is not None:
        wrong += weak.values()
    if wrong or not weak:
        return _result(ValidationStage.CONTENT, wrong, "nothing private, no new weakness")
    said = f"nothing private; suspected, with nothing to compare with: {'; '.join(weak.values())}"
    return StageResult(stage=ValidationStage.CONTENT, passed=None, said=said)


def _weaknesses(text: str) -> dict[str, str]:
    """Critical issues by kind."""
    issues = analyze_prompt(text).issues if text else ()
    return {issue.kind: issue.message for issue in issues if issue.severity == "critical"}


def _integration(text: str, around: Surroundings) -> Iterable[str]:
    has = set(variables(text))
    if around.replaced is not None:
        had = set(variables(around.replaced))
        if missing := sorted(had - has):
            yield f"it lacks {', '.join(missing)}, which the text it replaces has"
        if new := sorted(has - had):
            yield f"it needs {', '.join(new)}, which nobody gives to the text it replaces"
    unfit = [case for case, values in (around.inputs or {}).items() if not _takes(text, values)]
    if unfit:
        many = f"{len(unfit)} of {len(around.inputs or {})} cases cannot be put into it"
        yield f"{many}: {', '.join(unfit[:3])}{', ...' if len(unfit) > 3 else ''}"


def _takes(text: str, values: JsonValue) -> bool:
    try:
        render_messages(text, values if isinstance(values, dict) else {})
    except InputError:
        return False
    return True


def _taken(text: str, around: Surroundings) -> str:
    names = ", ".join(variables(text)) or "none"
    cases = f", {len(around.inputs)} cases can be put into it" if around.inputs else ""
    return f"variables: {names}{cases}"


def _quality(version: str, around: Surroundings) -> StageResult:
    """By the newest edge that was measured; approval by a person goes before it."""
    stage = ValidationStage.QUALITY
    if around.approved:
        return StageResult(stage=stage, passed=True, said="a person approved it")
    measured = [edge for edge in around.edges if edge.child == version and edge.ruling is not None]
    if not measured:
        return StageResult(stage=stage, passed=None, said="it was never measured against another version")
    edge = measured[-1]
    said = f"{edge.ruling.value if edge.ruling else ''}: {edge.because}"
    passed = {Ruling.SHIP: True, Ruling.REJECT: False}.get(edge.ruling) if edge.ruling else None
    return StageResult(stage=stage, passed=passed, said=said)
