"""What earlier cycles say of the candidates of this one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from flywheel.learn.accumulation import fresh_evidence, with_earlier
from flywheel.learn.evidence import column
from flywheel.learn.experiments import Judgement
from flywheel.learn.refinement import PLACEBO
from flywheel.learn.rulings import GateRules
from flywheel.ports import Store
from flywheel.records.columns import Scope, ScoreTable
from flywheel.records.cycle import CycleContext
from flywheel.records.verdict import PastEvidence
from flywheel.stats.shrinkage import GainPrior, fit_prior

LIVE = "live"
"""Source of evidence from runs of the cycle itself."""

REMEMBERED = 500
"""Past comparisons of a workspace that say where true gains lie."""


@dataclass(frozen=True, slots=True)
class Earlier:
    """Past comparisons of a prompt against the version that is live now.

    Attributes:
        pieces: oldest first, this cycle's own left out.
        prior: where true gains lie, from all prompts of the workspace.
    """

    pieces: tuple[PastEvidence, ...]
    prior: GainPrior

    def of(self, candidate: str) -> tuple[PastEvidence, ...]:
        """Those of one candidate."""
        return tuple(p for p in self.pieces if p.evidence.candidate == candidate)


def earlier(context: CycleContext, store: Store) -> Earlier:
    """Read what earlier cycles measured.

    Args:
        context: workspace, prompt, control.
        store: cycles.

    Returns:
        Evidence on this prompt with the prior from all prompts; changes without meaning count in neither.
    """
    request = context.request
    told = [
        p
        for p in store.cycles.past(request.workspace, None, REMEMBERED)
        if p.strategy != PLACEBO and p.context.cycle_id != context.cycle_id
    ]
    gains = [(p.evidence.estimate, p.evidence.standard_error) for p in told]
    known = [(gain, error) for gain, error in gains if gain is not None and error is not None]
    own = (
        p
        for p in told
        if p.context.request.prompt == request.prompt and p.evidence.control == context.control
    )
    return Earlier(tuple(own), fit_prior([g for g, _ in known], [e for _, e in known]))


def gathered(
    judgements: Sequence[Judgement], table: ScoreTable, past: Earlier, rules: GateRules, store: Store
) -> tuple[Judgement, ...]:
    """Rulings that take the evidence of earlier cycles into account.

    Args:
        judgements: of this cycle.
        table: cases of this cycle.
        past: what earlier cycles measured.
        rules: how sure to be.
        store: executions, to find the cases of earlier experiments again.

    Returns:
        One judgement per judgement, in order.
    """
    names = {p.evidence.candidate for p in past.pieces} | {j.candidate for j in judgements}
    found = []
    for one in judgements:
        pieces = past.of(one.candidate)
        seen = seen_cases(pieces, store)
        judgement = replace(one, evidence=fresh_evidence(one.evidence, table, one.candidate, seen))
        found.append(with_earlier(judgement, [p.evidence for p in pieces], rules, len(names)))
    return tuple(found)


def seen_cases(pieces: Sequence[PastEvidence], store: Store) -> frozenset[str]:
    """Cases that earlier experiments on the same two versions compared.

    Args:
        pieces: their evidence.
        store: executions.
    """
    seen: set[str] = set()
    for piece in pieces:
        arms = (piece.evidence.control, piece.evidence.candidate)
        table = store.executions.score_table(experiment_scope(piece), arms, "version")
        both = ~np.isnan(column(table, arms[0]) - column(table, arms[1]))
        seen.update(case for case, known in zip(table.cases, both, strict=True) if known)
    return frozenset(seen)


def experiment_scope(piece: PastEvidence) -> Scope:
    """The executions a past experiment compared."""
    context, request = piece.context, piece.context.request
    if piece.evidence.source == LIVE:
        session = f"experiment/{context.cycle_id}"
        return Scope(workspace=request.workspace, prompt=request.prompt, session_id=session)
    return recorded_scope(context)


def recorded_scope(context: CycleContext) -> Scope:
    """The recorded executions a cycle compares."""
    request = context.request
    return Scope(
        workspace=request.workspace,
        prompt=request.prompt,
        suite=request.suite,
        since=context.window_start,
        watermark=context.watermark,
        exclude_sources=("experiment",),
    )
