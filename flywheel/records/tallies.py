"""How much of everything a workspace holds."""

from __future__ import annotations

from flywheel.records.base import Count, NonNegative, Record, UtcDatetime
from flywheel.records.model_call import CallSummary


class ExecutionTally(Record):
    """Executions of one prompt, version, model and slice, by outcome.

    Attributes:
        version: content hash where it is known, else the label.
        cost_usd: sum of the costs that are known; None where none is. One above 1e15 is taken as unknown.
        priced: executions whose cost is known.
        last_at: start, or time of storing, of the newest one.
    """

    prompt: str | None
    version: str | None
    model: str | None
    slice: str | None
    passed: Count = 0
    failed: Count = 0
    error: Count = 0
    skipped: Count = 0
    unscored: Count = 0
    cost_usd: NonNegative | None = None
    priced: Count = 0
    last_at: UtcDatetime

    @property
    def scored(self) -> int:
        """Executions that count for a pass rate.

        Examples:
            >>> from datetime import UTC, datetime
            >>> ExecutionTally(
            ...     prompt="p", version=None, model=None, slice=None, passed=2, error=1, unscored=4,
            ...     last_at=datetime(2026, 1, 1, tzinfo=UTC),
            ... ).scored
            3
        """
        return self.passed + self.failed + self.error

    @property
    def all(self) -> int:
        """Executions of any outcome."""
        return self.scored + self.skipped + self.unscored


class WorkspaceTallies(Record):
    """Numbers of a workspace at one moment, for `/metrics`.

    Attributes:
        executions: by outcome.
        cycles: by status.
        verdicts: by ruling.
        alerts_open: by severity.
        reviews: by state.
        calls: the ledger by model, all of it.
        last_cycle_at: when the newest cycle was closed; None where none was.
    """

    executions: dict[str, Count]
    cycles: dict[str, Count]
    verdicts: dict[str, Count]
    alerts_open: dict[str, Count]
    reviews: dict[str, Count]
    calls: tuple[CallSummary, ...]
    last_cycle_at: UtcDatetime | None
