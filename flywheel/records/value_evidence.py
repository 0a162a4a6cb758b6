"""What value metrics are made of, as the store has it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from flywheel.records.alert import Alert
from flywheel.records.columns import Coded
from flywheel.records.cycle import FeedbackLoopOutput
from flywheel.records.release import ReleaseEvent


@dataclass(frozen=True, slots=True)
class ValueColumns:
    """n passed, failed or errored executions in the order they were stored.

    Attributes:
        passed: float64, 1 or 0.
        moment: float64, seconds since 1970 of the start, or of storing.
        confidence: float64 in [0, 1]; NaN is unknown, for errors too.
        prompt, version, case, model, slice: coded text.
    """

    passed: NDArray[np.float64]
    moment: NDArray[np.float64]
    confidence: NDArray[np.float64]
    prompt: Coded
    version: Coded
    case: Coded
    model: Coded
    slice: Coded

    def __len__(self) -> int:
        return len(self.passed)


@dataclass(frozen=True, slots=True)
class PastCycle:
    """One cycle of the window.

    Attributes:
        status: running, completed, degraded or failed.
        control: version it looked at.
    """

    cycle_id: str
    prompt: str
    status: str
    control: str | None
    opened_at: datetime


@dataclass(frozen=True, slots=True)
class PastPattern:
    """A failure pattern as one cycle of the window saw it.

    Attributes:
        count: failures; share of all failures of that cycle.
    """

    cycle_id: str
    prompt: str
    pattern_key: str
    count: int
    share: float


@dataclass(frozen=True, slots=True)
class ValueEvidence:
    """Everything value is told from, of one workspace.

    Attributes:
        columns: executions of the window, without experiments and probes.
        cycles: of the window, oldest first.
        patterns: as these cycles saw them.
        outputs: of finished cycles, newest first.
        releases: the whole journal.
        alerts: open ones with the last that were resolved.
        kept_cases: ids of the cases of all suites.
    """

    columns: ValueColumns
    cycles: tuple[PastCycle, ...] = ()
    patterns: tuple[PastPattern, ...] = ()
    outputs: tuple[FeedbackLoopOutput, ...] = ()
    releases: tuple[ReleaseEvent, ...] = ()
    alerts: tuple[Alert, ...] = ()
    kept_cases: frozenset[str] = frozenset()
