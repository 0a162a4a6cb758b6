"""Rephrasings that a model writes, checked before they are asked."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import replace

from flywheel.learn.probing_text import keeps_facts
from flywheel.learn.probing_variants import Made, first_reflect, main_field
from flywheel.llm.executor import Arm, Job
from flywheel.records.case import Case, Suite
from flywheel.records.execution import Execution
from flywheel.records.prompt import content_hash

KIND = "model"
"""Kind of these rephrasings."""

PROMPT = "probe-rephraser"
"""Prompt under which the calls are kept; it is not one of the workspace's."""

TEXT = """Say the text below in other words that mean exactly the same.
Keep every number, name, date, code, quotation and anything in braces letter by letter.
Do not answer it, do not add or drop anything. Reply with the new text alone.

Text:
{text}
"""

LONGEST = 4
"""Times the length of the text that a rephrasing may have."""


def rephrasing_job(job: Job, model: str, variables: Collection[str] = ()) -> Job:
    """One question per case to the model that rephrases; it goes on where it stopped as any run does.

    Args:
        job: with plain cases.
        model: that rephrases.
        variables: of the prompt that is probed.
    """
    suite = Suite(suite=job.suite.suite, workspace=job.workspace)
    cases = tuple(
        Case(
            case_id=case.case_id,
            suite=suite.suite,
            workspace=job.workspace,
            inputs={"text": case.inputs[name]},
        )
        for case in job.cases
        if (name := main_field(case, variables)) is not None
    )
    arm = Arm(PROMPT, content_hash(TEXT), TEXT, model)
    return replace(job, suite=suite, cases=cases, arms=(arm,), session_id=f"{job.session_id}/rephrased")


def rephrased(job: Job, answers: Iterable[Execution], variables: Collection[str] = ()) -> Made:
    """Variants from what the model wrote; one that lost a fact, or is an answer of none, is left out.

    Args:
        job: with plain cases.
        answers: of the rephrasing job.
        variables: of the prompt that is probed.
    """
    said = {one.case_id: one.output.strip() for one in answers if isinstance(one.output, str)}
    found, missing = [], 0
    for case in job.cases:
        name = main_field(case, variables)
        text = said.get(case.case_id, "")
        made = None
        if name is not None and is_rephrasing(str(case.inputs[name]), text):
            # The role hangs on the inputs; space at an end is no other wording.
            made = first_reflect(case, name, KIND, (text + end for end in _ENDS))
        if made is None:
            missing += 1
        else:
            found.append(made)
    return Made(tuple(found), {KIND: missing} if missing else {})


def is_rephrasing(before: str, after: str) -> bool:
    """Whether a text can be another wording: not empty, not the same, no fact lost, no number added.

    Examples:
        >>> is_rephrasing("Where does Ann live?", "What is the home of Ann?")
        True
        >>> is_rephrasing("Where does Ann live?", "Where does she live?")
        False
    """
    if not after or after.split() == before.split() or len(after) > LONGEST * len(before) + 100:
        return False
    return keeps_facts(before, after)


_ENDS = tuple(" " * spaces + "\n" * lines for lines in range(4) for spaces in range(4))
