"""What the service works with: handed in from outside, so that rooms beside this one stay apart."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Protocol

from flywheel.cycle import SystemClock
from flywheel.ports import Clock
from flywheel.records.intake import Intake
from flywheel.records.release import Review
from flywheel.records.value import ValueReport
from flywheel.service.kept import Kept
from flywheel.service.measures import Measures
from flywheel.service.runs import CycleRuns
from flywheel.service.tokens import TokenBook
from flywheel.store.open import SqlStore

MAX_BODY_BYTES: Final = 32 * 2**20
"""Of a request; more is answered with 413 and nothing is stored."""

KEPT_S: Final = 15.0
"""How long sums over all executions are shown before they are made again."""


class TakeExecutions(Protocol):
    """Takes executions in: judged, redacted, stored."""

    def __call__(self, body: bytes, store: SqlStore, workspace: str, *, by_line: bool = False) -> Intake:
        """Store what a body carries; see `flywheel.capture.posted.take_posted`."""
        ...


@dataclass(frozen=True, slots=True)
class Decision:
    """What a person says of a staged change.

    Attributes:
        workspace: of the review.
        review_id: its whole id.
        approve: else it is rejected.
        by: who decides.
        note: why.
    """

    workspace: str
    review_id: str
    approve: bool
    by: str
    note: str


@dataclass(frozen=True, slots=True)
class Wiring:
    """All that routes reach for.

    Attributes:
        store: where everything is kept.
        workspace: of callers, where no token is needed.
        tokens: who may call; None where nobody needs one, which is for loopback alone.
        take: stores executions.
        decide: carries out a decision, and tells whom it concerns.
        runs: cycles started by request.
        value: what testing is worth in a workspace.
        home: folder whose disk is watched.
        kept: sums that are not made again at once.
        measures: what the service counts of itself.
        max_body_bytes: see `MAX_BODY_BYTES`.
        clock: the time.
    """

    store: SqlStore
    workspace: str
    tokens: TokenBook | None
    take: TakeExecutions
    decide: Callable[[Decision], Review]
    runs: CycleRuns
    value: Callable[[str], ValueReport]
    home: Path
    kept: Kept = field(default_factory=lambda: Kept(KEPT_S))
    measures: Measures = field(default_factory=Measures)
    max_body_bytes: int = MAX_BODY_BYTES
    clock: Clock = field(default_factory=SystemClock)
