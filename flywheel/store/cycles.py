"""Cycles with what each finished phase gave, so that no phase is done twice."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlmodel import Field

from flywheel.errors import InputError, UnknownName
from flywheel.learn.templates import variables
from flywheel.records.analysis import Analysis, FailurePattern
from flywheel.records.cycle import CycleContext, FeedbackLoopOutput, Phase
from flywheel.records.prompt import PromptVersion
from flywheel.records.proposal import Proposal, Proposals
from flywheel.records.verdict import Evidence, PastEvidence, Verdicts
from flywheel.store.base import StoreTable
from flywheel.store.claims import Claim
from flywheel.store.encoding import to_us
from flywheel.store.experiments import EVIDENCE, looks, replace_experiment
from flywheel.store.patterns import keep_causes, patterns_of, replace_patterns
from flywheel.store.prompts import SqlPrompts
from flywheel.store.proposals import PROPOSAL, rejections, replace_proposals, rule_on, winners
from flywheel.store.session import Database, table_of

RUNNING = "running"
FAILED = "failed"
FINAL = ("completed", "degraded")


class CycleRow(StoreTable, table=True):
    """One cycle; `seq` is the order of opening, `analyzed_us` is set when its analysis is kept."""

    __tablename__ = "cycle"
    __table_args__ = (
        sa.UniqueConstraint("cycle_id", name="uq_cycle"),
        sa.Index("ix_cycle_prompt", "workspace", "prompt", "seq"),
    )

    seq: int | None = Field(default=None, primary_key=True)
    cycle_id: str
    workspace: str
    prompt: str
    status: str
    message: str = Field(default="", sa_type=sa.Text)
    control: str | None = None
    seed: int = Field(sa_type=sa.BigInteger)
    context_json: str = Field(sa_type=sa.Text)
    opened_us: int = Field(sa_type=sa.BigInteger)
    analyzed_us: int | None = Field(default=None, sa_type=sa.BigInteger)
    closed_us: int | None = Field(default=None, sa_type=sa.BigInteger)


class CyclePhaseRow(StoreTable, table=True):
    """What one phase of one cycle gave when it was finished."""

    __tablename__ = "cycle_phase"
    __table_args__ = (sa.UniqueConstraint("cycle_id", "phase", name="uq_cycle_phase"),)

    seq: int | None = Field(default=None, primary_key=True)
    workspace: str
    cycle_id: str = Field(foreign_key="cycle.cycle_id")
    phase: str
    payload_json: str = Field(sa_type=sa.Text)
    seconds: float
    finished_us: int = Field(sa_type=sa.BigInteger)


CYCLE = table_of(CycleRow)
PHASE = table_of(CyclePhaseRow)


class SqlCycles:
    """Cycles, their phases and their findings in one database.

    A cycle id is derived from the request, the workspace included, so it names
    one cycle over all workspaces.

    Args:
        db: where they are kept.

    Examples:
        >>> from flywheel.store.open import open_store
        >>> store = open_store("sqlite://")
        >>> store.cycles.unfinished("default", "triage") is None
        True
        >>> store.cycles.outputs("default", None, limit=5)
        []
    """

    def __init__(self, db: Database) -> None:
        self._db = db

    def open(self, context: CycleContext, now: datetime) -> CycleContext:
        """Start a cycle, or give the context under which the same cycle was started before.

        The window of a repeated or resumed cycle is the one of its first
        opening. A failed cycle runs again; a completed one stays completed.

        Raises:
            InputError: the id belongs to a cycle of another prompt or workspace.
        """
        request = context.request
        row = {
            "cycle_id": context.cycle_id,
            "workspace": request.workspace,
            "prompt": request.prompt,
            "status": RUNNING,
            "message": "",
            "control": context.control,
            "seed": request.seed,
            "context_json": context.model_dump_json(),
            "opened_us": to_us(now),
        }
        with self._db.write() as connection:
            if self._db.upsert(connection, CYCLE, [row], key=("cycle_id",)):
                return context
            first = _locked(connection, context)
            if first.status == FAILED:
                connection.execute(
                    sa.update(CYCLE)
                    .where(CYCLE.c.cycle_id == context.cycle_id)
                    .values(status=RUNNING, message="", closed_us=None)
                )
        return CycleContext.model_validate_json(first.context_json)

    def unfinished(self, workspace: str, prompt: str) -> CycleContext | None:
        """Context of the newest cycle of the prompt that was opened and never closed."""
        query = (
            sa.select(CYCLE.c.context_json)
            .where(CYCLE.c.workspace == workspace, CYCLE.c.prompt == prompt, CYCLE.c.status == RUNNING)
            .order_by(CYCLE.c.seq.desc())
            .limit(1)
        )
        with self._db.read() as connection:
            found = connection.execute(query).scalar()
        return None if found is None else CycleContext.model_validate_json(found)

    def last(self, workspace: str, prompt: str) -> CycleContext | None:
        """Context of the newest cycle of the prompt that ended well and was no dry run."""
        query = (
            sa.select(CYCLE.c.context_json)
            .where(CYCLE.c.workspace == workspace, CYCLE.c.prompt == prompt, CYCLE.c.status.in_(FINAL))
            .order_by(CYCLE.c.seq.desc())
        )
        with self._db.read() as connection:
            for found in connection.execute(query).scalars():
                context = CycleContext.model_validate_json(found)
                if not context.request.dry_run:
                    return context
        return None

    def context(self, cycle_id: str) -> CycleContext | None:
        """What was fixed when a cycle opened, None for one that is not kept."""
        query = sa.select(CYCLE.c.context_json).where(CYCLE.c.cycle_id == cycle_id)
        with self._db.read() as connection:
            found = connection.execute(query).scalar()
        return None if found is None else CycleContext.model_validate_json(found)

    def finished(self, cycle_id: str, phase: Phase) -> str | None:
        """JSON of what the phase gave when it was finished, else None."""
        with self._db.read() as connection:
            payload: str | None = connection.execute(
                sa.select(PHASE.c.payload_json).where(
                    PHASE.c.cycle_id == cycle_id, PHASE.c.phase == phase.value
                )
            ).scalar()
        return payload

    def finish(self, cycle_id: str, phase: Phase, payload: str, seconds: float, now: datetime) -> None:
        """Keep what a phase gave; a second finish of the same phase changes nothing.

        Raises:
            UnknownName: no such cycle was opened.
        """
        with self._db.write() as connection:
            row = {
                "workspace": _cycle(connection, cycle_id).workspace,
                "cycle_id": cycle_id,
                "phase": phase.value,
                "payload_json": payload,
                "seconds": seconds,
                "finished_us": to_us(now),
            }
            self._db.upsert(connection, PHASE, [row], key=("cycle_id", "phase"))

    def alone(
        self, context: CycleContext, phase: Phase, waiting: Callable[[str], None]
    ) -> AbstractContextManager[None]:
        """Work on a phase of an opened cycle as the only one; others who come meanwhile wait.

        Where the one who works is killed, its machine's other processes go on
        at once, those of other machines after at most `claims.LEASE_S` seconds.

        Args:
            context: of the cycle.
            phase: what is worked on.
            waiting: told, in words, when there is somebody to wait for.
        """
        name = f"cycle {context.cycle_id} {phase.value}"
        claim = Claim(self._db, context.request.workspace, (name,), "this phase of the same cycle")
        return claim.held(waiting)

    def close(self, cycle_id: str, status: str, message: str, now: datetime) -> None:
        """Mark a cycle completed, degraded or failed.

        A cycle that ended completed or degraded keeps its first ending.

        Raises:
            InputError: the status is none of the three.
            UnknownName: no such cycle was opened.
        """
        if status not in {*FINAL, FAILED}:
            msg = (
                f"Cycle {cycle_id!r} cannot be closed as {status!r}; it was left as it was. "
                "Give completed, degraded or failed."
            )
            raise InputError(msg)
        with self._db.write() as connection:
            _cycle(connection, cycle_id)
            connection.execute(
                sa.update(CYCLE)
                .where(CYCLE.c.cycle_id == cycle_id, CYCLE.c.status.not_in(FINAL))
                .values(status=status, message=message, closed_us=to_us(now))
            )

    def outputs(self, workspace: str, prompt: str | None, limit: int) -> list[FeedbackLoopOutput]:
        """Outputs of the last finished cycles, newest first; those whose track phase is done."""
        wanted = [CYCLE.c.workspace == workspace, PHASE.c.phase == Phase.TRACK.value]
        if prompt is not None:
            wanted.append(CYCLE.c.prompt == prompt)
        with self._db.read() as connection:
            rows = connection.execute(
                sa.select(PHASE.c.payload_json)
                .join(CYCLE, CYCLE.c.cycle_id == PHASE.c.cycle_id)
                .where(*wanted)
                .order_by(PHASE.c.seq.desc())
                .limit(limit)
            ).all()
        return [FeedbackLoopOutput.model_validate_json(row.payload_json) for row in rows]

    def keep_analysis(self, analysis: Analysis, now: datetime) -> None:
        """Keep the failure patterns of a cycle as rows; repeated, they take the place of the first.

        Raises:
            UnknownName: the cycle was not opened.
        """
        with self._db.write() as connection:
            _locked(connection, analysis.context)
            replace_patterns(connection, analysis)
            connection.execute(
                sa.update(CYCLE)
                .where(CYCLE.c.cycle_id == analysis.context.cycle_id)
                .values(analyzed_us=to_us(now))
            )

    def keep_proposals(self, proposals: Proposals, now: datetime) -> None:
        """Keep the proposals of a cycle as rows, and their texts as prompt versions.

        Raises:
            UnknownName: the cycle was not opened.
        """
        context = proposals.context
        with self._db.write() as connection:
            _locked(connection, context)
            replace_proposals(self._db, connection, context, proposals.proposals)
            for proposal in proposals.proposals:
                version = _version(context, proposal, now)
                if version is not None:
                    # Joins this transaction: a proposal never stands without its text.
                    SqlPrompts(self._db).add(version)

    def keep_verdicts(self, verdicts: Verdicts, now: datetime) -> None:
        """Keep the experiment and the evidence of a cycle as rows, and the rulings on its proposals.

        Raises:
            UnknownName: the cycle was not opened.
        """
        with self._db.write() as connection:
            _locked(connection, verdicts.context)
            replace_experiment(self._db, connection, verdicts, to_us(now))
            rule_on(self._db, connection, verdicts.context, verdicts.verdicts)

    def patterns(self, workspace: str, prompt: str | None) -> list[FailurePattern]:
        """Failure patterns of the newest analyzed cycle of each prompt, most damaging first."""
        with self._db.read() as connection:
            return patterns_of(connection, workspace, _newest_analyzed(workspace, prompt))

    def keep_causes(self, workspace: str, prompt: str | None, patterns: Sequence[FailurePattern]) -> int:
        """Put the written causes of patterns beside the stored ones; gives how many are stored."""
        with self._db.write() as connection:
            return keep_causes(connection, workspace, _newest_analyzed(workspace, prompt), patterns)

    def rejected(self, workspace: str, prompt: str) -> list[Proposal]:
        """Proposals that a verdict or a reviewer rejected before, newest first, each once."""
        with self._db.read() as connection:
            return [proposal for proposal, _ in rejections(connection, workspace, prompt)]

    def rejections(self, workspace: str, prompt: str) -> list[tuple[Proposal, str]]:
        """The same proposals, each with the reason of the verdict or of the reviewer."""
        with self._db.read() as connection:
            return rejections(connection, workspace, prompt)

    def winners(self, workspace: str, prompt: str) -> list[tuple[Proposal, dict[str, float]]]:
        """Generated proposals that a gate found better, newest first, with the gain by slice."""
        with self._db.read() as connection:
            return winners(connection, workspace, prompt)

    def past(self, workspace: str, prompt: str | None, limit: int) -> list[PastEvidence]:
        """Evidence over all cases of the newest comparisons, oldest first."""
        query = (
            sa.select(EVIDENCE.c.record_json, CYCLE.c.context_json, PROPOSAL.c.strategy)
            .join(CYCLE, CYCLE.c.cycle_id == EVIDENCE.c.cycle_id)
            .join(
                PROPOSAL,
                sa.and_(
                    PROPOSAL.c.workspace == EVIDENCE.c.workspace,
                    PROPOSAL.c.cycle_id == EVIDENCE.c.cycle_id,
                    PROPOSAL.c.version == EVIDENCE.c.candidate,
                ),
            )
            .where(EVIDENCE.c.workspace == workspace, EVIDENCE.c.slice.is_(None))
            .order_by(EVIDENCE.c.seq.desc())
            .limit(limit)
        )
        if prompt is not None:
            query = query.where(EVIDENCE.c.prompt == prompt)
        with self._db.read() as connection:
            rows = connection.execute(query).all()
        return [
            PastEvidence(
                context=CycleContext.model_validate_json(row.context_json),
                strategy=row.strategy,
                evidence=Evidence.model_validate_json(row.record_json),
            )
            for row in reversed(rows)
        ]

    def gate_looks(self, workspace: str, prompt: str) -> int:
        """How many experiments have compared scored cases of the prompt, recorded or live."""
        with self._db.read() as connection:
            return looks(connection, workspace, prompt)


def _newest_analyzed(workspace: str, prompt: str | None) -> sa.Select[tuple[str]]:
    """Ids of the newest analyzed cycle of each prompt."""
    newest = sa.select(sa.func.max(CYCLE.c.seq)).where(
        CYCLE.c.workspace == workspace, CYCLE.c.analyzed_us.is_not(None)
    )
    if prompt is not None:
        newest = newest.where(CYCLE.c.prompt == prompt)
    return sa.select(CYCLE.c.cycle_id).where(CYCLE.c.seq.in_(newest.group_by(CYCLE.c.prompt)))


def _cycle(connection: Connection, cycle_id: str) -> sa.Row[Any]:
    """The row of a cycle, locked against other writers."""
    row = connection.execute(
        sa.select(CYCLE).where(CYCLE.c.cycle_id == cycle_id).with_for_update()
    ).one_or_none()
    if row is None:
        msg = f"Cycle {cycle_id!r} was never opened; nothing was kept. Open it before its phases are kept."
        raise UnknownName(msg)
    return row


def _locked(connection: Connection, context: CycleContext) -> sa.Row[Any]:
    row, request = _cycle(connection, context.cycle_id), context.request
    if (row.workspace, row.prompt) != (request.workspace, request.prompt):
        msg = (
            f"Cycle {context.cycle_id!r} belongs to prompt {row.prompt!r} of workspace {row.workspace!r}, "
            f"not to {request.prompt!r} of {request.workspace!r}; it was left as it was. "
            "Give the new cycle an id of its own, for example with another correlation_id."
        )
        raise InputError(msg)
    return row


def _version(context: CycleContext, proposal: Proposal, now: datetime) -> PromptVersion | None:
    if proposal.text is None:
        return None
    return PromptVersion(
        prompt=context.request.prompt,
        workspace=context.request.workspace,
        version=proposal.version,
        text=proposal.text,
        variables=variables(proposal.text),
        created_at=now,
        origin=proposal.origin,
    )
