"""Outcomes of refinement strategies, read from the proposals with their evidence."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Set
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from flywheel.learn.helping import helped
from flywheel.records.model_gain import ModelGain, ModelStanding
from flywheel.records.strategy_outcome import StrategyOutcome
from flywheel.records.verdict import Verdicts
from flywheel.store.cycles import CYCLE
from flywheel.store.experiments import EVIDENCE, EXPERIMENT
from flywheel.store.proposals import PROPOSAL
from flywheel.store.session import Database

KEPT_CYCLES = 100
"""Cycles with an experiment that are looked at; older ones are forgotten, the models they used are too."""


class SqlStrategyOutcomes:
    """How refinement strategies fared; nothing is written, verdicts are the only source.

    Args:
        db: where proposals with their evidence are kept.

    Examples:
        >>> from flywheel.store.open import open_store
        >>> open_store("sqlite://").strategy_outcomes.recent("default")
        []
    """

    def __init__(self, db: Database) -> None:
        self._db = db

    def recent(self, workspace: str, cycles: int = KEPT_CYCLES) -> list[StrategyOutcome]:
        """Outcomes of the newest cycles that compared generated candidates, oldest first.

        A candidate that was put to several models gives one outcome for each, under that model.

        Args:
            workspace: all its prompts count; what works on one is a hint for another.
            cycles: how many.
        """
        compared = (
            sa.select(EVIDENCE.c.cycle_id)
            .join(PROPOSAL, sa.and_(*_same_candidate(), PROPOSAL.c.origin == "generated"))
            .where(EVIDENCE.c.workspace == workspace, EVIDENCE.c.slice.is_(None))
        )
        newest = (
            sa.select(CYCLE.c.cycle_id)
            .where(CYCLE.c.workspace == workspace, CYCLE.c.cycle_id.in_(compared))
            .order_by(CYCLE.c.seq.desc())
            .limit(cycles)
        )
        query = (
            sa.select(
                CYCLE.c.cycle_id,
                CYCLE.c.prompt,
                CYCLE.c.context_json,
                PROPOSAL.c.version,
                PROPOSAL.c.record_json,
                EVIDENCE.c.ruling,
                EVIDENCE.c.estimate,
                EVIDENCE.c.low,
                EVIDENCE.c.high,
            )
            .join(EVIDENCE, sa.and_(*_same_candidate()))
            .join(CYCLE, CYCLE.c.cycle_id == PROPOSAL.c.cycle_id)
            .where(
                PROPOSAL.c.workspace == workspace,
                PROPOSAL.c.origin == "generated",
                PROPOSAL.c.strategy != "placebo",
                EVIDENCE.c.slice.is_(None),
                PROPOSAL.c.cycle_id.in_(newest.subquery().select()),
            )
            .order_by(CYCLE.c.seq, PROPOSAL.c.seq)
        )
        with self._db.read() as connection:
            rows = connection.execute(query).mappings().all()
            several = _verdicts_of(connection, workspace, {row["cycle_id"] for row in rows})
        contexts: dict[str, dict[str, Any]] = {}
        return [outcome for row in rows for outcome in _outcomes(row, contexts, several)]


def _same_candidate() -> tuple[sa.ColumnElement[bool], ...]:
    return (
        EVIDENCE.c.workspace == PROPOSAL.c.workspace,
        EVIDENCE.c.cycle_id == PROPOSAL.c.cycle_id,
        EVIDENCE.c.candidate == PROPOSAL.c.version,
    )


def _verdicts_of(connection: Connection, workspace: str, cycles: Set[str]) -> dict[str, Verdicts]:
    """Verdicts of the cycles that asked several models; the others say all they know in columns."""
    query = sa.select(EXPERIMENT.c.cycle_id, EXPERIMENT.c.verdicts_json).where(
        EXPERIMENT.c.workspace == workspace,
        EXPERIMENT.c.cycle_id.in_(sorted(cycles)),
        EXPERIMENT.c.verdicts_json.contains('"also_models"', autoescape=True),
    )
    rows = connection.execute(query).all()
    return {row.cycle_id: Verdicts.model_validate_json(row.verdicts_json) for row in rows}


def _outcomes(
    row: Mapping[Any, Any], contexts: dict[str, dict[str, Any]], several: Mapping[str, Verdicts]
) -> Iterator[StrategyOutcome]:
    """The outcome on the model that decided, then one for each other model that answered."""
    first = _outcome(row, contexts)
    yield first
    smallest = contexts[row["cycle_id"]]["strategy"].get("smallest_gain", 0.05)
    verdicts = several.get(row["cycle_id"])
    for gain in gains_elsewhere(verdicts, row["version"]) if verdicts is not None else ():
        yield first.model_copy(
            update={
                "model": gain.model,
                "helped": helped(gain.estimate, gain.low, smallest),
                "estimate": gain.estimate,
                "low": gain.low,
                "high": gain.high,
            }
        )


def gains_elsewhere(verdicts: Verdicts, version: str) -> tuple[ModelGain, ...]:
    """What a candidate gained on the models beside the one that decided, where they answered.

    Args:
        verdicts: of its cycle.
        version: the candidate's.
    """
    return tuple(
        gain
        for verdict in verdicts.verdicts
        if verdict.proposal.version == version
        for gain in verdict.models
        if gain.standing not in (ModelStanding.DECIDED, ModelStanding.NOT_RUN)
    )


def _outcome(row: Mapping[Any, Any], contexts: dict[str, dict[str, Any]]) -> StrategyOutcome:
    context = contexts.get(row["cycle_id"])
    if context is None:
        context = contexts[row["cycle_id"]] = json.loads(row["context_json"])
    proposal = json.loads(row["record_json"])
    return StrategyOutcome(
        cycle_id=row["cycle_id"],
        prompt=row["prompt"],
        version=row["version"],
        strategy=proposal["strategy"],
        kind=proposal.get("kind"),
        model=context["request"].get("model"),
        ruling=row["ruling"],
        helped=helped(row["estimate"], row["low"], context["strategy"].get("smallest_gain", 0.05)),
        estimate=row["estimate"],
        low=row["low"],
        high=row["high"],
    )
