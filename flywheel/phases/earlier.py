"""What earlier cycles say of the candidates of this one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from flywheel.learn.accumulation import fresh_evidence, with_earlier
from flywheel.learn.evidence import column
from flywheel.learn.experiments import Judgement
from flywheel.learn.refinement import PLACEBO
from flywheel.phases.before import rules_of
from flywheel.ports import Store
from flywheel.records.columns import NOT_EVIDENCE, Scope, ScoreTable
from flywheel.records.cycle import CycleContext, FeedbackLoopInput
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

    def of(self, candidate: str, model: str | None) -> tuple[PastEvidence, ...]:
        """Those of one candidate that speak of a model; None where all do."""
        return tuple(p for p in self.pieces if p.evidence.candidate == candidate and speaks_of(p, model))


def earlier(context: CycleContext, store: Store) -> Earlier:
    """Read what earlier cycles measured.

    Args:
        context: workspace, prompt, control.
        store: cycles.

    Returns:
        Evidence on this prompt with the prior from all prompts; changes without meaning count in neither.
    """
    told = _told(context, store, None)
    gains = [(p.evidence.estimate, p.evidence.standard_error) for p in told]
    known = [(gain, error) for gain, error in gains if gain is not None and error is not None]
    return Earlier(_against_live(context, told), fit_prior([g for g, _ in known], [e for _, e in known]))


def own_pieces(context: CycleContext, store: Store) -> tuple[PastEvidence, ...]:
    """Past comparisons of the prompt alone: `earlier` without its prior, for less reading."""
    return _against_live(context, _told(context, store, context.request.prompt))


def speaks_of(piece: PastEvidence, model: str | None) -> bool:
    """Whether past evidence may be added to evidence on a model: what another model did says nothing of it.

    Args:
        piece: past evidence; recorded executions of any model speak of all of them.
        model: None where executions of any model are compared.
    """
    other = model_of(piece.context.request, piece.evidence.source)
    return model is None or other is None or other == model


def model_of(request: FeedbackLoopInput, source: str) -> str | None:
    """The model whose answers evidence of a cycle is about; None where executions of any were compared."""
    return request.model if source == LIVE or request.also_models else None


def _told(context: CycleContext, store: Store, prompt: str | None) -> list[PastEvidence]:
    return [
        p
        for p in store.cycles.past(context.request.workspace, prompt, REMEMBERED)
        if p.strategy != PLACEBO and p.context.cycle_id != context.cycle_id
    ]


def _against_live(context: CycleContext, told: Sequence[PastEvidence]) -> tuple[PastEvidence, ...]:
    prompt, control = context.request.prompt, context.control
    return tuple(p for p in told if p.context.request.prompt == prompt and p.evidence.control == control)


def gathered(
    context: CycleContext, judgements: Sequence[Judgement], table: ScoreTable, past: Earlier, store: Store
) -> tuple[Judgement, ...]:
    """Rulings that take the evidence of earlier cycles on the same model into account.

    Args:
        context: names the models; its rules say how sure to be.
        judgements: of this cycle.
        table: cases of this cycle.
        past: what earlier cycles measured.
        store: executions, to find the cases of earlier experiments again.

    Returns:
        One judgement per judgement, in order.
    """
    request, rules = context.request, rules_of(context)
    names = {p.evidence.candidate for p in past.pieces} | {j.candidate for j in judgements}
    found = []
    for one in judgements:
        pieces = past.of(one.candidate, model_of(request, one.evidence.source))
        seen = seen_cases(pieces, store)
        judgement = replace(one, evidence=fresh_evidence(one.evidence, table, one.candidate, seen))
        added = with_earlier(judgement, [p.evidence for p in pieces], rules, len(names))
        if request.also_models and added.because != judgement.because:
            added = replace(
                added, because=f"{added.because} Evidence over cycles is of {request.model} alone."
            )
        found.append(added)
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
    """The recorded executions a cycle compares; those of the model that decides where it asks several."""
    request = context.request
    return Scope(
        workspace=request.workspace,
        prompt=request.prompt,
        suite=request.suite,
        model=request.model if request.also_models else None,
        since=context.window_start,
        watermark=context.watermark,
        exclude_sources=NOT_EVIDENCE,
    )
