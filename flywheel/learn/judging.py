"""What the verdicts of a judge are worth beside labels given by people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from flywheel.records.execution import Execution, Outcome
from flywheel.stats.agreement import Confusion, cohen_kappa, prediction_powered_mean, rogan_gladen
from flywheel.stats.means import Moments, mean_interval
from flywheel.stats.paired import mcnemar_exact
from flywheel.stats.proportions import Counts, Interval, wilson

_SCORED = (Outcome.PASSED, Outcome.FAILED)


@dataclass(frozen=True, slots=True)
class ArmRate:
    """Pass rate of one prompt version with one model, as the judge says and as the labels correct it.

    Attributes:
        judged: share of its verdicts that are passed.
        corrected: by the errors of the judge on all labels (Rogan, Gladen).
        powered: from the arm's own labels with the verdicts on the rest (prediction-powered).
        labels: labelled executions of the arm.
    """

    prompt: str
    version: str
    model: str
    judged: Interval
    corrected: Interval
    powered: Interval
    labels: int


@dataclass(frozen=True, slots=True)
class JudgeCalibration:
    """A judge beside labels.

    Attributes:
        confusion: verdicts beside labels, counted.
        agreement, kappa, sensitivity, specificity: with their ranges.
        arms: pass rates, corrected.
    """

    confusion: Confusion
    agreement: Interval
    kappa: Interval
    sensitivity: Interval
    specificity: Interval
    arms: tuple[ArmRate, ...]


def calibrate(executions: Sequence[Execution], labels: Mapping[str, bool]) -> JudgeCalibration:
    """Hold the verdicts of a judge against labels.

    Args:
        executions: judged; those without a verdict are left out.
        labels: passed or not, by execution id.

    Returns:
        Agreement over all labels; pass rates by arm. The corrected rate takes the verdicts without
        labels, or all when everything is labelled.

    Examples:
        >>> runs = [Execution(execution_id=f"{n}", outcome="passed" if n % 3 else "failed") for n in range(9)]
        >>> calibrate(runs, {"1": True, "2": True, "3": False, "4": False}).confusion
        Confusion(both_pass=2, judge_only=1, label_only=0, neither=1)
    """
    scored = [e for e in executions if e.outcome in _SCORED]
    both = [e for e in scored if e.execution_id in labels]
    table = Confusion.of([_passed(e) for e in both], [labels[e.execution_id] for e in both])
    arms: dict[tuple[str, str, str], list[Execution]] = {}
    for execution in scored:
        key = execution.prompt or "", execution.version or "", execution.model or ""
        arms.setdefault(key, []).append(execution)
    return JudgeCalibration(
        confusion=table,
        agreement=wilson(table.agreement),
        kappa=cohen_kappa(table),
        sensitivity=wilson(table.sensitivity),
        specificity=wilson(table.specificity),
        arms=tuple(_rate(key, runs, labels, table) for key, runs in sorted(arms.items())),
    )


@dataclass(frozen=True, slots=True)
class Duel:
    """One pair of answers, judged in both orders; True is the candidate, False the control, None a tie.

    Attributes:
        ahead, behind: who was better with the candidate in the first place, and in the second.
    """

    ahead: bool | None
    behind: bool | None

    @property
    def winner(self) -> bool | None:
        """Who was better in both orders; a tie where the order decided."""
        return self.ahead if self.ahead is self.behind else None

    @property
    def first_place(self) -> float:
        """1 when the first place won in both orders, -1 when the second did, halves between."""
        said = ((self.ahead, True), (self.behind, False))
        return sum(0.0 if who is None else 0.5 if who is first else -0.5 for who, first in said)


@dataclass(frozen=True, slots=True)
class DuelSummary:
    """What pairs of answers say.

    Attributes:
        wins, losses, ties: of the candidate.
        preference: mean of 1 for a win, one half for a tie, 0 for a loss, with its range.
        p_value: exact, wins against losses; None when all are ties.
        swapped: share of pairs in which the order decided.
        position_bias: by how much the first place is favoured, in [-1, 1]; 0 is none.
    """

    wins: int
    losses: int
    ties: int
    preference: Interval
    p_value: float | None
    swapped: Interval
    position_bias: Interval


def summarise(duels: Sequence[Duel]) -> DuelSummary:
    """Wins of the candidate, with how far the order of the answers decided.

    Args:
        duels: one per case.

    Examples:
        >>> said = summarise([Duel(True, True)] * 6 + [Duel(True, False)] * 2 + [Duel(False, False)] * 2)
        >>> said.wins, said.losses, said.ties, said.preference.estimate, said.position_bias.estimate
        (6, 2, 2, 0.7, 0.2)
    """
    winners = [duel.winner for duel in duels]
    wins, losses = winners.count(True), winners.count(False)
    scores = np.array([0.5 if w is None else float(w) for w in winners])
    swapped = sum(duel.ahead is not duel.behind for duel in duels)
    return DuelSummary(
        wins=wins,
        losses=losses,
        ties=winners.count(None),
        preference=_within(mean_interval(Moments.of(scores)), 0.0),
        p_value=mcnemar_exact(wins, losses),
        swapped=wilson(Counts(swapped, len(duels))),
        position_bias=_within(mean_interval(Moments.of([duel.first_place for duel in duels])), -1.0),
    )


def _rate(
    key: tuple[str, str, str], runs: Sequence[Execution], labels: Mapping[str, bool], table: Confusion
) -> ArmRate:
    mine = [e for e in runs if e.execution_id in labels]
    rest = [e for e in runs if e.execution_id not in labels]
    verdicts = [_passed(e) for e in rest or runs]
    return ArmRate(
        *key,
        judged=wilson(Counts(sum(map(_passed, runs)), len(runs))),
        corrected=rogan_gladen(Counts(sum(verdicts), len(verdicts)), table.sensitivity, table.specificity),
        powered=prediction_powered_mean(
            [labels[e.execution_id] for e in mine], [_passed(e) for e in mine], [_passed(e) for e in rest]
        ),
        labels=len(mine),
    )


def _passed(execution: Execution) -> bool:
    return execution.outcome is Outcome.PASSED


def _within(found: Interval, least: float) -> Interval:
    """The interval cut at what is possible."""
    if found.low is None or found.high is None:
        return found
    return Interval(found.estimate, max(least, found.low), min(1.0, found.high), found.coverage)
