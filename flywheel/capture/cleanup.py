"""What is old taken out of the store, where nothing that decides rests on it."""

from __future__ import annotations

from datetime import datetime, timedelta

from flywheel.records.base import Count, Name, Record, UtcDatetime
from flywheel.store.open import SqlStore

KEPT_DAYS = 90.0
"""How long recommendations are kept with their words."""


class CleanupCounts(Record):
    """What a cleanup took out of a workspace.

    Attributes:
        before: what is older went.
        recommendations: with the words of their judges; their marks stay.
        trust_scores: computed then; the newest of each agent stays.
    """

    workspace: Name
    before: UtcDatetime
    recommendations: Count
    trust_scores: Count


def clean_up(store: SqlStore, workspace: str, now: datetime, days: float = KEPT_DAYS) -> CleanupCounts:
    """Delete old recommendations and old scores; trust is afterwards what it was before.

    Executions, versions, releases, lineage, cycles, the ledger of calls and
    open alerts are evidence or history that decisions rest on: no age makes
    them safe to delete. Resolved alerts have a limit of their own, kept
    answers an age of their own.

    Args:
        store: where it is kept.
        workspace: whose.
        now: the time.
        days: how long recommendations are kept.

    Raises:
        StoreError: the store cannot be written.
    """
    before = now - timedelta(days=days)
    return CleanupCounts(
        workspace=workspace,
        before=before,
        recommendations=store.recommendations.delete_before(workspace, before),
        trust_scores=store.trust.delete_before(workspace, before),
    )
