"""Proposals as rows, each with the ruling it got."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlmodel import Field

from flywheel.records.cycle import CycleContext
from flywheel.records.proposal import Proposal
from flywheel.records.verdict import Ruling, Verdict
from flywheel.store.base import StoreTable
from flywheel.store.experiments import EVIDENCE
from flywheel.store.reviews import REJECTED, REVIEW
from flywheel.store.session import Database, table_of


class ProposalRow(StoreTable, table=True):
    """One proposal of one cycle; ruling is None until it is decided."""

    __tablename__ = "proposal"
    __table_args__ = (
        sa.UniqueConstraint("workspace", "cycle_id", "version", name="uq_proposal"),
        sa.Index("ix_proposal_prompt", "workspace", "prompt", "version"),
    )

    seq: int | None = Field(default=None, primary_key=True)
    workspace: str
    prompt: str
    cycle_id: str = Field(foreign_key="cycle.cycle_id")
    version: str
    parent: str
    strategy: str
    origin: str
    expected_delta: float | None = None
    ruling: str | None = None
    because: str | None = Field(default=None, sa_type=sa.Text)
    record_json: str = Field(sa_type=sa.Text)


PROPOSAL = table_of(ProposalRow)
_KEY = ("workspace", "cycle_id", "version")


def replace_proposals(
    db: Database, connection: Connection, context: CycleContext, proposals: Sequence[Proposal]
) -> None:
    """Keep the proposals of a cycle in place of undecided ones of an interrupted try."""
    connection.execute(
        sa.delete(PROPOSAL).where(
            PROPOSAL.c.workspace == context.request.workspace,
            PROPOSAL.c.cycle_id == context.cycle_id,
            PROPOSAL.c.ruling.is_(None),
        )
    )
    rows = [_row(context, proposal) for proposal in proposals]
    db.upsert(connection, PROPOSAL, rows, key=_KEY)


def rule_on(db: Database, connection: Connection, context: CycleContext, verdicts: Sequence[Verdict]) -> None:
    """Write the rulings on the proposals, which are added where they are missing."""
    rows = [{**_row(context, v.proposal), "ruling": v.ruling.value, "because": v.because} for v in verdicts]
    db.upsert(connection, PROPOSAL, rows, key=_KEY, update=("ruling", "because"))


def rejections(connection: Connection, workspace: str, prompt: str) -> list[tuple[Proposal, str]]:
    """Proposals a verdict or a reviewer rejected, newest first, each version once, with the reason."""
    reviewed = sa.and_(
        REVIEW.c.workspace == PROPOSAL.c.workspace,
        REVIEW.c.prompt == PROPOSAL.c.prompt,
        REVIEW.c.version == PROPOSAL.c.version,
        REVIEW.c.state == REJECTED,
    )
    newest = (
        sa.select(sa.func.max(PROPOSAL.c.seq))
        .where(
            PROPOSAL.c.workspace == workspace,
            PROPOSAL.c.prompt == prompt,
            sa.or_(PROPOSAL.c.ruling == Ruling.REJECT.value, sa.exists().where(reviewed)),
        )
        .group_by(PROPOSAL.c.version, PROPOSAL.c.parent)
    )
    rows = connection.execute(
        sa.select(
            PROPOSAL.c.record_json,
            PROPOSAL.c.because,
            sa.select(REVIEW.c.note).where(reviewed).order_by(REVIEW.c.seq.desc()).limit(1).scalar_subquery(),
        )
        .where(PROPOSAL.c.seq.in_(newest))
        .order_by(PROPOSAL.c.seq.desc())
    )
    return [(Proposal.model_validate_json(text), note or because or "") for text, because, note in rows]


def winners(
    connection: Connection, workspace: str, prompt: str, limit: int = 20
) -> list[tuple[Proposal, dict[str, float]]]:
    """Generated proposals ruled ship, newest first, with the measured gain by slice."""
    rows = connection.execute(
        sa.select(PROPOSAL.c.cycle_id, PROPOSAL.c.version, PROPOSAL.c.record_json)
        .where(
            PROPOSAL.c.workspace == workspace,
            PROPOSAL.c.prompt == prompt,
            PROPOSAL.c.origin == "generated",
            PROPOSAL.c.ruling == Ruling.SHIP.value,
        )
        .order_by(PROPOSAL.c.seq.desc())
        .limit(limit)
    ).all()
    gains: dict[tuple[str, str], dict[str, float]] = {}
    found = connection.execute(
        sa.select(EVIDENCE.c.cycle_id, EVIDENCE.c.candidate, EVIDENCE.c.slice, EVIDENCE.c.estimate).where(
            EVIDENCE.c.workspace == workspace,
            EVIDENCE.c.cycle_id.in_([row.cycle_id for row in rows]),
            EVIDENCE.c.slice.is_not(None),
            EVIDENCE.c.estimate.is_not(None),
        )
    )
    for cycle_id, version, name, estimate in found:
        gains.setdefault((cycle_id, version), {})[name] = estimate
    return [
        (Proposal.model_validate_json(row.record_json), gains.get((row.cycle_id, row.version), {}))
        for row in rows
    ]


def _row(context: CycleContext, proposal: Proposal) -> dict[str, object]:
    return {
        **proposal.model_dump(include={"version", "parent", "strategy", "origin", "expected_delta"}),
        "workspace": context.request.workspace,
        "prompt": context.request.prompt,
        "cycle_id": context.cycle_id,
        "ruling": None,
        "because": None,
        "record_json": proposal.model_dump_json(),
    }
