"""The change of what is live, plus its undoing."""

from __future__ import annotations

from enum import StrEnum

from flywheel.records.base import Count, Name, NonNegative, Record, UtcDatetime
from flywheel.records.cycle import CycleContext
from flywheel.records.verdict import Verdict


class ReleaseKind(StrEnum):
    """Why the live pointer moved."""

    FIRST = "first"
    CYCLE = "cycle"
    REVIEW = "review"
    MANUAL = "manual"
    ROLLBACK = "rollback"


class JournalState(StrEnum):
    """States of the write-ahead journal of a release."""

    INTENT = "intent"
    APPLIED = "applied"
    VERIFIED = "verified"
    REVERTED = "reverted"


class LiveVersion(Record):
    """What is live for one prompt; `revision` counts the moves of the pointer."""

    prompt: Name
    workspace: Name
    version: Name
    revision: Count
    released_at: UtcDatetime
    kind: ReleaseKind
    why: str = ""


class ReleaseEvent(Record):
    """One entry of the release journal, newest state."""

    release_id: Name
    prompt: Name
    workspace: Name
    version: Name
    previous: Name | None
    kind: ReleaseKind
    state: JournalState
    cycle_id: str | None = None
    why: str = ""
    actor: str = "flywheel"
    created_at: UtcDatetime


class Review(Record):
    """A staged change waiting for a person."""

    review_id: Name
    prompt: Name
    workspace: Name
    version: Name
    previous: Name | None
    cycle_id: str | None
    state: str
    because: str
    reviewer: str | None = None
    note: str = ""
    created_at: UtcDatetime
    decided_at: UtcDatetime | None = None


class Release(Record):
    """What the apply phase did with the verdicts; promoted is a subset of ship."""

    context: CycleContext
    verdicts: tuple[Verdict, ...]
    promoted: Name | None = None
    previous: Name | None = None
    staged: tuple[str, ...] = ()
    rejected: tuple[str, ...] = ()
    held: tuple[str, ...] = ()
    recovered: tuple[str, ...] = ()
    because: str = ""
    calls: Count = 0
    input_tokens: Count | None = None
    output_tokens: Count | None = None
    cost_usd: NonNegative | None = None
