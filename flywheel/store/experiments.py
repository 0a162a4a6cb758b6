"""Experiments as rows, with the numbers of every comparison as columns."""

from __future__ import annotations

from collections.abc import Iterator

import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlmodel import Field

from flywheel.records.verdict import Evidence, Verdict, Verdicts
from flywheel.store.base import StoreTable
from flywheel.store.session import Database, table_of


class ExperimentRow(StoreTable, table=True):
    """The planned comparison of one cycle: its control against its candidates.

    `looked` says whether scored cases were compared, so that cases wear out
    by experiments that looked at them and by no others.
    """

    __tablename__ = "experiment"
    __table_args__ = (
        sa.UniqueConstraint("workspace", "cycle_id", name="uq_experiment"),
        sa.Index("ix_experiment_prompt", "workspace", "prompt"),
    )

    seq: int | None = Field(default=None, primary_key=True)
    workspace: str
    prompt: str
    cycle_id: str = Field(foreign_key="cycle.cycle_id")
    control: str | None = None
    candidates: int
    method: str | None = None
    source: str | None = None
    cases_digest: str | None = None
    looked: bool
    seed: int = Field(sa_type=sa.BigInteger)
    because: str = Field(sa_type=sa.Text)
    verdicts_json: str = Field(sa_type=sa.Text)
    decided_us: int = Field(sa_type=sa.BigInteger)


class EvidenceRow(StoreTable, table=True):
    """The numbers of one candidate, over all cases where `slice` is NULL, else over that slice."""

    __tablename__ = "evidence"
    __table_args__ = (sa.Index("ix_evidence_cycle", "workspace", "cycle_id", "candidate"),)

    seq: int | None = Field(default=None, primary_key=True)
    workspace: str
    prompt: str
    cycle_id: str = Field(foreign_key="cycle.cycle_id")
    candidate: str
    control: str
    slice: str | None = None
    ruling: str | None = None
    source: str
    method: str
    pairs: int
    wins: int
    losses: int
    ties: int
    control_mean: float | None = None
    candidate_mean: float | None = None
    estimate: float | None = None
    low: float | None = None
    high: float | None = None
    coverage: float
    p_value: float | None = None
    adjusted_p: float | None = None
    shrunken_gain: float | None = None
    e_value: float | None = None
    calls: int
    cost_usd: float | None = None
    cases_digest: str
    record_json: str = Field(sa_type=sa.Text)


EXPERIMENT = table_of(ExperimentRow)
EVIDENCE = table_of(EvidenceRow)
_NUMBERS = set(EvidenceRow.model_fields) & set(Evidence.model_fields)


def replace_experiment(db: Database, connection: Connection, verdicts: Verdicts, decided_us: int) -> None:
    """Keep the experiment of a cycle in place of what the same cycle kept before."""
    row = _experiment_row(verdicts, decided_us)
    changed = tuple(name for name in row if name not in {"workspace", "cycle_id", "decided_us"})
    db.upsert(connection, EXPERIMENT, [row], key=("workspace", "cycle_id"), update=changed)
    connection.execute(
        sa.delete(EVIDENCE).where(
            EVIDENCE.c.workspace == row["workspace"], EVIDENCE.c.cycle_id == row["cycle_id"]
        )
    )
    rows = [entry for verdict in verdicts.verdicts for entry in _evidence_rows(verdicts, verdict)]
    if rows:
        connection.execute(sa.insert(EVIDENCE), rows)


def looks(connection: Connection, workspace: str, prompt: str) -> int:
    """Experiments of a prompt that compared scored cases."""
    count = connection.execute(
        sa.select(sa.func.count()).where(
            EXPERIMENT.c.workspace == workspace, EXPERIMENT.c.prompt == prompt, EXPERIMENT.c.looked
        )
    )
    return int(count.scalar_one())


def experiment_of(connection: Connection, workspace: str, cycle_id: str | None) -> int | None:
    """Key of the experiment of a cycle, None when it had none."""
    found: int | None = connection.execute(
        sa.select(EXPERIMENT.c.seq).where(
            EXPERIMENT.c.workspace == workspace, EXPERIMENT.c.cycle_id == cycle_id
        )
    ).scalar()
    return found


def _experiment_row(verdicts: Verdicts, decided_us: int) -> dict[str, object]:
    context = verdicts.context
    evidence = [v.evidence for v in verdicts.verdicts if v.evidence is not None]
    return {
        "workspace": context.request.workspace,
        "prompt": context.request.prompt,
        "cycle_id": context.cycle_id,
        "control": context.control,
        "candidates": len(verdicts.verdicts),
        "method": evidence[0].method if evidence else None,
        "source": evidence[0].source if evidence else None,
        "cases_digest": evidence[0].cases_digest if evidence else None,
        "looked": any(e.pairs > 0 for e in evidence),
        "seed": context.request.seed,
        "because": verdicts.because,
        "verdicts_json": verdicts.model_dump_json(),
        "decided_us": decided_us,
    }


def _evidence_rows(verdicts: Verdicts, verdict: Verdict) -> Iterator[dict[str, object]]:
    request = verdicts.context.request
    whole = () if verdict.evidence is None else (verdict.evidence,)
    for evidence in (*whole, *verdict.slices):
        yield {
            **evidence.model_dump(include=_NUMBERS),
            "workspace": request.workspace,
            "prompt": request.prompt,
            "cycle_id": verdicts.context.cycle_id,
            "ruling": verdict.ruling.value if evidence.slice is None else None,
            "record_json": evidence.model_dump_json(),
        }
