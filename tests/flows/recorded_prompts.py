"""A prompt with a live version and a better recorded rival."""

from __future__ import annotations

from datetime import UTC, datetime

from flywheel.records.execution import Execution
from flywheel.records.prompt import PromptVersion, content_hash
from flywheel.records.release import JournalState, ReleaseEvent, ReleaseKind
from flywheel.store.open import SqlStore

LIVE, BETTER = "Answer: {question}", "Think first. Answer with one word: {question}"
MOMENT = datetime(2026, 3, 1, tzinfo=UTC)


def add_recorded(store: SqlStore, prompt: str, cases: int = 60) -> None:
    """A live version that passes a third of its cases, and a recorded rival that passes nearly all.

    Args:
        store: where it goes.
        prompt: its name.
        cases: executions of each version.
    """
    live, better = content_hash(LIVE), content_hash(BETTER)
    for text, label in ((LIVE, "v1"), (BETTER, "v2")):
        store.prompts.add(
            PromptVersion(
                prompt=prompt, version=content_hash(text), text=text, labels=(label,), variables=("question",)
            )
        )
    event = ReleaseEvent(
        release_id=f"first-{prompt}",
        prompt=prompt,
        workspace="default",
        version=live,
        previous=None,
        kind=ReleaseKind.FIRST,
        state=JournalState.INTENT,
        created_at=MOMENT,
    )
    store.releases.promote(None, event, None)
    store.executions.write(
        Execution(
            execution_id=f"{prompt}-{version[:4]}-{case}",
            prompt=prompt,
            version=version,
            case_id=f"case-{case:03}",
            inputs={"question": f"question {case}"},
            outcome="passed" if passes(case) else "failed",
            output="yes",
            expected="yes" if passes(case) else "no",
            started_at=MOMENT,
        )
        for version, passes in ((live, lambda c: c % 3 == 0), (better, lambda c: c % 20 != 1))
        for case in range(cases)
    )
