"""A stored execution as a case that can be asked again."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from typing import Final

from pydantic import JsonValue

from flywheel.records.case import Case, Suite
from flywheel.records.execution import Execution

PROVENANCE: Final = "from_execution"
"""Key of the metadata of a case under which its execution stands."""

_FACTS: Final = ("execution_id", "session_id", "prompt", "version", "model", "source", "error_type")


def case_from_execution(execution: Execution, suite: Suite) -> Case | None:
    """The case an execution makes, None when it has no inputs or no expectation.

    Inputs that are no object become `{"input": ...}`; without a case id one
    is derived from the inputs, so that equal inputs are one case.

    Args:
        execution: stored, so that nothing private is in it.
        suite: which the case will belong to.

    Examples:
        >>> run = Execution(execution_id="r7", outcome="failed", inputs="refund?", expected="billing")
        >>> case = case_from_execution(run, Suite(suite="triage"))
        >>> case.inputs, case.expected, case.metadata["from_execution"]["execution_id"]
        ({'input': 'refund?'}, 'billing', 'r7')
        >>> case_from_execution(run.model_copy(update={"expected": None}), Suite(suite="triage")) is None
        True
    """
    if execution.inputs is None or execution.expected is None:
        return None
    asked: JsonValue = execution.inputs
    inputs: dict[str, JsonValue] = asked if isinstance(asked, dict) else {"input": asked}
    return Case(
        case_id=execution.case_id or _id_of(inputs),
        suite=suite.suite,
        workspace=suite.workspace,
        inputs=inputs,
        expected=execution.expected,
        slice=execution.slice,
        metadata={PROVENANCE: _provenance(execution)},
    )


def provenance_of(case: Case) -> dict[str, JsonValue] | None:
    """The execution a case was made from, None for a case of a file.

    Examples:
        >>> provenance_of(Case(case_id="c1", suite="triage", inputs={})) is None
        True
    """
    found = case.metadata.get(PROVENANCE) if isinstance(case.metadata, dict) else None
    return found if isinstance(found, dict) else None


def cases_to_keep(made: Iterable[Case], known: Sequence[Case]) -> tuple[list[Case], int]:
    """The cases a suite does not have yet, or has with another expectation, and how many stay as they are.

    A case that asks the same keeps its first provenance, so that repeating
    changes nothing; a case of a file is never replaced by an execution.

    Args:
        made: from executions.
        known: those the suite has.

    Examples:
        >>> known = Case(case_id="c1", suite="triage", inputs={"n": 1})
        >>> kept, stayed = cases_to_keep([known, known.model_copy(update={"case_id": "c2"})], [known])
        >>> [case.case_id for case in kept], stayed
        (['c2'], 1)
    """
    by_id = {case.case_id: case for case in known}
    fresh: dict[str, Case] = {}
    count = 0
    for case in made:
        count += 1
        old = by_id.get(case.case_id)
        if old is None or (provenance_of(old) is not None and _content(old) != _content(case)):
            fresh[case.case_id] = case
    return list(fresh.values()), count - len(fresh)


def _content(case: Case) -> tuple[JsonValue, JsonValue, str | None]:
    return case.inputs, case.expected, case.slice


def _provenance(execution: Execution) -> dict[str, JsonValue]:
    facts: dict[str, JsonValue] = {name: getattr(execution, name) for name in _FACTS}
    facts["outcome"] = execution.outcome.value
    facts["started_at"] = execution.started_at.isoformat() if execution.started_at else None
    return {name: value for name, value in facts.items() if value is not None}


def _id_of(inputs: dict[str, JsonValue]) -> str:
    canonical = json.dumps(inputs, sort_keys=True, ensure_ascii=False)
    return hashlib.blake2b(canonical.encode(), digest_size=8).hexdigest()
