"""A part of the sample application, small enough for a cycle of a second or two."""

from __future__ import annotations

from flywheel.cycle import SystemClock
from flywheel.demo import application
from flywheel.learn.templates import variables
from flywheel.ports import Store
from flywheel.records.prompt import PromptVersion, content_hash
from flywheel.records.release import JournalState, ReleaseEvent, ReleaseKind

CASES = 240


def add_small_application(store: Store) -> None:
    """Suite, cases and the weak first prompt, which is live; no execution yet."""
    cases = sorted(application.cases(), key=lambda case: content_hash(case.case_id))[:CASES]
    store.cases.add(application.suite(), cases)
    text, now = application.first_prompt(), SystemClock().now()
    version = PromptVersion(
        prompt=application.PROMPT_NAME,
        workspace=application.WORKSPACE,
        version=content_hash(text),
        text=text,
        labels=("v1",),
        variables=variables(text),
        created_at=now,
    )
    store.prompts.add(version)
    event = ReleaseEvent(
        release_id="first",
        prompt=application.PROMPT_NAME,
        workspace=application.WORKSPACE,
        version=version.version,
        previous=None,
        kind=ReleaseKind.FIRST,
        state=JournalState.INTENT,
        created_at=now,
    )
    store.releases.promote(None, event, None)
