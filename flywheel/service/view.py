"""What the dashboard shows, read in a handful of queries."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from flywheel.learn.loop_health import loop_health
from flywheel.records.alert import Alert
from flywheel.records.analysis import FailurePattern
from flywheel.records.columns import NOT_EVIDENCE, Scope
from flywheel.records.cycle import FeedbackLoopOutput
from flywheel.records.learned import LearnedPattern
from flywheel.records.loop_health import LoopHealth
from flywheel.records.model_call import CallSummary
from flywheel.records.prompt import application_prompts
from flywheel.records.release import LiveVersion, Review
from flywheel.records.tallies import ExecutionTally
from flywheel.records.trust import AgentTrust
from flywheel.records.value import ValueReport
from flywheel.store.open import SqlStore
from flywheel.store.reviews import WAITING
from flywheel.store.tallies import execution_tallies

JUDGED_CYCLES: Final = 1_000
"""Cycles that the health of the loop is told from."""

LEDGER_DAYS: Final = 30


@dataclass(frozen=True, slots=True)
class View:
    """One workspace at one moment.

    Attributes:
        tallies: executions that count as evidence.
        outputs: of cycles, newest first.
        agents: trust as it was kept last, the highest first.
        learned: patterns of recommendations as they were kept last.
        patterns: of the newest analysis of each prompt, most damaging first.
        spend: the ledger of the last 30 days by model.
        value: what testing is worth; None where nobody counted it.
    """

    workspace: str
    read_at: datetime
    prompts: tuple[str, ...]
    live: Mapping[str, LiveVersion]
    tallies: tuple[ExecutionTally, ...]
    outputs: tuple[FeedbackLoopOutput, ...]
    loop: LoopHealth
    reviews: tuple[Review, ...]
    patterns: tuple[FailurePattern, ...]
    alerts: tuple[Alert, ...]
    spend: tuple[CallSummary, ...]
    agents: tuple[AgentTrust, ...]
    learned: tuple[LearnedPattern, ...]
    value: ValueReport | None = None


def read_view(store: SqlStore, workspace: str, now: datetime) -> View:
    """What there is to show of a workspace.

    Raises:
        StoreError: the store cannot be read.

    Examples:
        >>> from datetime import UTC
        >>> from flywheel.store.open import open_store
        >>> read_view(open_store("sqlite://"), "default", datetime(2026, 1, 1, tzinfo=UTC)).prompts
        ()
    """
    outputs = store.cycles.outputs(workspace, None, JUDGED_CYCLES)
    evidence = Scope(workspace=workspace, exclude_sources=NOT_EVIDENCE)
    alerts = sorted(store.alerts.open(workspace), key=lambda alert: -alert.severity.rank)
    return View(
        workspace=workspace,
        read_at=now,
        prompts=tuple(application_prompts(store.prompts.names(workspace))),
        live=store.releases.all_live(workspace),
        tallies=tuple(execution_tallies(store.database, evidence)),
        outputs=tuple(outputs),
        loop=loop_health(store.releases.history(workspace, None), outputs),
        reviews=tuple(store.releases.reviews(workspace, WAITING)),
        patterns=tuple(p for p in store.cycles.patterns(workspace, None) if p.count),
        alerts=tuple(alerts),
        spend=tuple(store.model_calls.summary(now - timedelta(days=LEDGER_DAYS), workspace)),
        agents=tuple(store.trust.latest(workspace)),
        learned=tuple(store.learned.patterns(workspace)),
    )
