"""What is kept, one protocol per noun."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Literal, Protocol

from flywheel.ports.counts import WindowCounts, WriteCounts
from flywheel.records.alert import Alert
from flywheel.records.analysis import Analysis, FailurePattern
from flywheel.records.case import Case, GateCases, ReflectCases, Role, Suite
from flywheel.records.columns import ExecutionColumns, RecommendationColumns, Scope, ScoreTable
from flywheel.records.cycle import CycleContext, FeedbackLoopOutput, Phase
from flywheel.records.execution import Execution
from flywheel.records.lineage import Edge
from flywheel.records.prompt import PromptVersion
from flywheel.records.proposal import Proposal, Proposals
from flywheel.records.recommendation import Recommendation, RecommendationOutcome
from flywheel.records.release import LiveVersion, ReleaseEvent, Review
from flywheel.records.strategy_outcome import StrategyOutcome
from flywheel.records.verdict import PastEvidence, Verdict, Verdicts


class ExecutionStore(Protocol):
    """Executions: bulk in, columns out."""

    def write(self, executions: Iterable[Execution]) -> WriteCounts:
        """Store in bulk; equal ones are left alone, changed ones replace and keep the old in history."""
        ...

    def watermark(self, workspace: str) -> int:
        """Largest sequence number stored, 0 when empty."""
        ...

    def digest(self, scope: Scope) -> str:
        """Hash of the content of the executions in the scope, independent of their order of storing."""
        ...

    def counts(self, scope: Scope) -> WindowCounts:
        """Counts of a scope, by one grouped query."""
        ...

    def columns(self, scope: Scope) -> ExecutionColumns:
        """All executions of the scope as arrays."""
        ...

    def failures(self, scope: Scope, limit: int) -> list[Execution]:
        """Failed and errored executions of the scope with their texts, oldest first, at most limit.

        Where there are more, a stable choice spread over all of them, with the oldest and the newest.
        """
        ...

    def passes(self, scope: Scope, limit: int) -> list[Execution]:
        """Passed executions of the scope with their texts, chosen and ordered as failures are."""
        ...

    def in_session(self, workspace: str, prompt: str, session_id: str) -> list[Execution]:
        """Executions of one session of a prompt, so that a resumed experiment repeats no call."""
        ...

    def score_table(
        self, scope: Scope, arms: Sequence[str], by: Literal["version", "model", "agent"]
    ) -> ScoreTable:
        """Mean score per case and arm; arms of by=version are content hashes or labels."""
        ...


class PromptStore(Protocol):
    """Prompts and their immutable versions."""

    def add(self, version: PromptVersion, *, move: bool = False) -> bool:
        """Keep a version; False when it was there already. New labels are added.

        A label that points elsewhere is refused, unless move is True.
        """
        ...

    def get(self, workspace: str, prompt: str, ref: str) -> PromptVersion | None:
        """A version by content hash, by a unique prefix of at least 8 digits, or by label.

        A label that only executions carry gives a version without text.
        """
        ...

    def versions(self, workspace: str, prompt: str) -> list[PromptVersion]:
        """All versions with text, oldest first."""
        ...

    def recorded(self, workspace: str, prompt: str) -> list[str]:
        """Versions that executions of the prompt carry: content hash where known, else label."""
        ...

    def names(self, workspace: str) -> list[str]:
        """Prompts that have a version or an execution, sorted."""
        ...


class CaseStore(Protocol):
    """Suites and their cases."""

    def add(self, suite: Suite, cases: Iterable[Case]) -> WriteCounts:
        """Keep a suite and its cases in bulk."""
        ...

    def suite(self, workspace: str, name: str) -> Suite | None:
        """A suite by name."""
        ...

    def suites(self, workspace: str) -> list[Suite]:
        """All suites, by name."""
        ...

    def cases(self, workspace: str, suite: str, role: Role | None = None) -> list[Case]:
        """Cases of a suite in the order of their ids; all roles when role is None."""
        ...

    def reflect(self, workspace: str, suite: str) -> ReflectCases:
        """The cases a proposer may see."""
        ...

    def gate(self, workspace: str, suite: str) -> GateCases:
        """The cases that decide."""
        ...


class CycleStore(Protocol):
    """Cycles with the finished phases, so that none is done twice."""

    def open(self, context: CycleContext, now: datetime) -> CycleContext:
        """Start a cycle, or give the context under which the same cycle was started before."""
        ...

    def unfinished(self, workspace: str, prompt: str) -> CycleContext | None:
        """Context of the newest cycle of the prompt that was opened and never closed."""
        ...

    def last(self, workspace: str, prompt: str) -> CycleContext | None:
        """Context of the newest cycle of the prompt that ended well and was no dry run."""
        ...

    def finished(self, cycle_id: str, phase: Phase) -> str | None:
        """JSON of what the phase gave when it was finished, else None."""
        ...

    def finish(self, cycle_id: str, phase: Phase, payload: str, seconds: float, now: datetime) -> None:
        """Keep what a phase gave; a second finish of the same phase changes nothing."""
        ...

    def alone(
        self, context: CycleContext, phase: Phase, waiting: Callable[[str], None]
    ) -> AbstractContextManager[None]:
        """Work on a phase of an opened cycle as the only one; told in words whom it has to wait for."""
        ...

    def close(self, cycle_id: str, status: str, message: str, now: datetime) -> None:
        """Mark a cycle completed, degraded or failed."""
        ...

    def outputs(self, workspace: str, prompt: str | None, limit: int) -> list[FeedbackLoopOutput]:
        """Outputs of the last finished cycles, newest first."""
        ...

    def keep_analysis(self, analysis: Analysis, now: datetime) -> None:
        """Keep the failure patterns of a cycle as rows."""
        ...

    def keep_proposals(self, proposals: Proposals, now: datetime) -> None:
        """Keep the proposals of a cycle as rows, and their texts as prompt versions."""
        ...

    def keep_verdicts(self, verdicts: Verdicts, now: datetime) -> None:
        """Keep experiments and evidence of a cycle as rows."""
        ...

    def patterns(self, workspace: str, prompt: str | None) -> list[FailurePattern]:
        """Failure patterns of the newest cycle of each prompt, most damaging first."""
        ...

    def keep_causes(self, workspace: str, prompt: str | None, patterns: Sequence[FailurePattern]) -> int:
        """Put the written causes of patterns beside the stored ones; gives how many are stored."""
        ...

    def rejected(self, workspace: str, prompt: str) -> list[Proposal]:
        """Proposals that were rejected before, newest first."""
        ...

    def past(self, workspace: str, prompt: str | None, limit: int) -> list[PastEvidence]:
        """Evidence over all cases of the newest comparisons, oldest first; of all prompts when None."""
        ...

    def rejections(self, workspace: str, prompt: str) -> list[tuple[Proposal, str]]:
        """The same proposals, each with the reason of the verdict or of the reviewer."""
        ...

    def winners(self, workspace: str, prompt: str) -> list[tuple[Proposal, dict[str, float]]]:
        """Generated proposals that a gate found better, newest first, with the gain by slice."""
        ...

    def gate_looks(self, workspace: str, prompt: str) -> int:
        """How many experiments have looked at gate cases of the prompt."""
        ...


class ReleaseTarget(Protocol):
    """What is live: moved in one transaction with its evidence, through a journal."""

    def live(self, workspace: str, prompt: str) -> LiveVersion | None:
        """What is live for a prompt."""
        ...

    def promote(
        self,
        verdict: Verdict | None,
        event: ReleaseEvent,
        expected_revision: int | None,
    ) -> LiveVersion:
        """Move the pointer: intent, move with evidence in one transaction, verify.

        An event whose release_id is already applied changes nothing. Raises
        StaleRelease when the pointer moved since expected_revision was read,
        and UnknownName when the version has no text.
        """
        ...

    def rollback(
        self, workspace: str, prompt: str, to: str | None, why: str, actor: str, now: datetime
    ) -> ReleaseEvent:
        """Restore the previous version (or `to`) to the byte."""
        ...

    def recover(self, workspace: str, now: datetime) -> list[ReleaseEvent]:
        """Finish or undo what a killed process left in the journal; gives what it touched."""
        ...

    def history(self, workspace: str, prompt: str | None) -> list[ReleaseEvent]:
        """All releases of a prompt, or of all prompts, newest first."""
        ...

    def stage(self, review: Review, verdict: Verdict) -> Review:
        """Put a change before a person; the same change twice is one review."""
        ...

    def reviews(self, workspace: str, state: str | None = "waiting") -> list[Review]:
        """Reviews in a state, oldest first."""
        ...

    def review(self, workspace: str, review_id: str) -> tuple[Review, Verdict] | None:
        """One review with the verdict that staged it."""
        ...

    def decide(
        self, workspace: str, review_id: str, approve: bool, reviewer: str, note: str, now: datetime
    ) -> Review:
        """Approve (promotes) or reject a waiting review; a decided one raises InputError, unchanged."""
        ...


class LineageStore(Protocol):
    """Parentage of versions."""

    def add(self, edges: Sequence[Edge], now: datetime) -> int:
        """Keep edges; ones already there are left alone. Raises LineageLoop or UnknownParent."""
        ...

    def edges(self, workspace: str, prompt: str) -> list[Edge]:
        """All edges of a prompt, oldest first."""
        ...


class StrategyOutcomes(Protocol):
    """How refinement strategies fared."""

    def recent(self, workspace: str, cycles: int = 100) -> list[StrategyOutcome]:
        """Outcomes of the newest cycles that compared generated candidates, oldest first."""
        ...


class RecommendationStore(Protocol):
    """Recommendations of agents with what judges made of them."""

    def add(self, recommendations: Iterable[Recommendation]) -> WriteCounts:
        """Keep in bulk; equal ones are left alone, changed ones replace."""
        ...

    def get(self, workspace: str, recommendation_id: str) -> Recommendation | None:
        """A recommendation by its id; None when there is none, or when a cleanup took it."""
        ...

    def of_agent(self, workspace: str, agent: str, limit: int) -> list[Recommendation]:
        """The newest recommendations of an agent, newest first."""
        ...

    def of_workflow(self, workspace: str, workflow: str) -> list[Recommendation]:
        """All recommendations of a workflow, oldest first."""
        ...

    def of_correlation(self, workspace: str, correlation_id: str) -> list[Recommendation]:
        """All recommendations on one question, oldest first."""
        ...

    def evaluate(self, outcomes: Iterable[RecommendationOutcome]) -> WriteCounts:
        """Keep in bulk what judges made of stored recommendations; a judge's newer outcome replaces.

        Raises UnknownName when a recommendation is not there; nothing is stored then.
        """
        ...

    def outcomes(self, workspace: str, recommendation_ids: Sequence[str]) -> list[RecommendationOutcome]:
        """Outcomes of recommendations, in the order they were judged."""
        ...

    def columns(self, workspace: str, since: datetime | None = None) -> RecommendationColumns:
        """Judgements as arrays in the order of time; since bounds the time of the judgement."""
        ...

    def delete_before(self, workspace: str, moment: datetime) -> int:
        """Delete recommendations given before a moment, with the words of their judges.

        Marks stay as columns, so trust is what it was. Gives how many were deleted.
        """
        ...


class AlertStore(Protocol):
    """Warnings that were raised."""

    def open(self, workspace: str) -> list[Alert]:
        """Alerts nobody resolved, newest first."""
        ...


class Store(Protocol):
    """All that is kept, one attribute per noun.

    Kinds of release other than cycle are listed in ReleaseKind.
    """

    @property
    def executions(self) -> ExecutionStore:
        """Executions."""
        ...

    @property
    def prompts(self) -> PromptStore:
        """Prompts and versions."""
        ...

    @property
    def cases(self) -> CaseStore:
        """Suites and cases."""
        ...

    @property
    def cycles(self) -> CycleStore:
        """Cycles and phases."""
        ...

    @property
    def releases(self) -> ReleaseTarget:
        """Live versions, journal and reviews."""
        ...

    @property
    def lineage(self) -> LineageStore:
        """Edges."""
        ...

    @property
    def strategy_outcomes(self) -> StrategyOutcomes:
        """Refinement strategies with their record."""
        ...

    @property
    def alerts(self) -> AlertStore:
        """Warnings."""
        ...

    @property
    def recommendations(self) -> RecommendationStore:
        """Recommendations with their outcomes."""
        ...
