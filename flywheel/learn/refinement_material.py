"""What a proposer may see, within which sizes it must stay."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from flywheel.learn.planning import CallCost
from flywheel.learn.prompt_leaks import LeakGuard
from flywheel.records.analysis import FailurePattern
from flywheel.records.case import ReflectCases, Suite
from flywheel.records.execution import Execution
from flywheel.records.findings import ContrastPair
from flywheel.records.prompt import PromptVersion
from flywheel.records.proposal import Proposal


@dataclass(frozen=True, slots=True)
class RejectedText:
    """A proposal that must not come again, with the reason a person or a gate gave.

    Attributes:
        proposal: what was rejected.
        because: why; empty when nobody said.
    """

    proposal: Proposal
    because: str = ""


@dataclass(frozen=True, slots=True)
class Winner:
    """A version that passed a gate of this prompt but is not live, with the slices it helps.

    Attributes:
        version: with text.
        strategy: that made it.
        parent_text: of the version it was made from; None when that is unknown.
        gains: measured gain by slice, rate units.
    """

    version: PromptVersion
    strategy: str
    parent_text: str | None
    gains: tuple[tuple[str, float], ...]


@dataclass(frozen=True, slots=True)
class Material:
    """What a proposer may see: nothing here comes from a gate case.

    Attributes:
        control: the live version, with text.
        suite: scorer and permitted answers, None when there is no suite.
        cases: reflect cases.
        failures: failed executions of reflect cases.
        patterns: failure patterns of those failures.
        failure_rate: share of scored executions of control that failed; None when unknown.
        avoid: versions already rejected, released before, or under test.
        passes: passed executions of reflect cases.
        pairs: the same input once passed, once failed.
        rejected: texts that were rejected, newest first.
        winners: versions that passed a gate but are not live.
        model: that answers in live experiments.
        cycle_id: of the cycle that writes candidates, None outside of one.
        weakest: model that failed most of those the cycle asks; None where one model is asked, or nothing of
            the others is recorded.
        guard: knows runs of words of gate cases without being able to say them.
    """

    control: PromptVersion
    suite: Suite | None
    cases: ReflectCases
    failures: tuple[Execution, ...]
    patterns: tuple[FailurePattern, ...]
    failure_rate: float | None
    avoid: frozenset[str] = frozenset()
    passes: tuple[Execution, ...] = ()
    pairs: tuple[ContrastPair, ...] = ()
    rejected: tuple[RejectedText, ...] = ()
    winners: tuple[Winner, ...] = ()
    model: str | None = None
    cycle_id: str | None = None
    weakest: str | None = None
    guard: LeakGuard = field(default_factory=LeakGuard)


@dataclass(frozen=True, slots=True)
class Limits:
    """Sizes that a candidate must keep.

    Attributes:
        max_chars: length of the whole prompt.
        max_demonstrations: solved questions shown.
        max_candidates: proposals of a cycle.
        least_calls: calls that even the shortest experiment of one candidate takes, both arms.
        cost: of one call of the live version; unknown parts are not checked.
        budget_tokens, budget_usd: ceilings of the cycle; None is no ceiling.
    """

    max_chars: int = 60_000
    max_demonstrations: int = 48
    max_candidates: int = 8
    least_calls: int = 60
    cost: CallCost = field(default_factory=CallCost)
    budget_tokens: int | None = None
    budget_usd: float | None = None


def main_kind(patterns: Sequence[FailurePattern]) -> str | None:
    """Kind of failure pattern with the most failures; None without patterns."""
    counts: dict[str, int] = {}
    for pattern in patterns:
        counts[pattern.kind] = counts.get(pattern.kind, 0) + pattern.count
    return min(counts, key=lambda kind: (-counts[kind], kind), default=None)


def weakest_model(
    failures: Sequence[Execution], passes: Sequence[Execution], models: Sequence[str]
) -> str | None:
    """The model with the largest share of failures; None with fewer than two models that have run.

    Args:
        failures: failed executions of reflect cases.
        passes: passed ones.
        models: those a cycle asks.

    Returns:
        A name of models; a model with fewer than LEAST_OF_A_MODEL executions is left out.

    Examples:
        >>> one = [Execution(execution_id=str(n), outcome="failed", model="a") for n in range(10)]
        >>> two = [Execution(execution_id=str(n), outcome="passed", model="b") for n in range(10)]
        >>> weakest_model(one, two, ("a", "b")), weakest_model(one, [], ("a",))
        ('a', None)
    """
    shares = {}
    for model in models:
        failed, passed = (sum(e.model == model for e in ran) for ran in (failures, passes))
        if failed + passed >= LEAST_OF_A_MODEL:
            shares[model] = failed / (failed + passed)
    return max(shares, key=lambda model: shares[model]) if len(shares) > 1 else None


def for_weakest(material: Material) -> Material:
    """The material as the weakest model gives it: its failures, its passes, its name.

    Args:
        material: of all models; returned as it is where no model is known to be the weakest.
    """
    if material.weakest is None:
        return material
    own = material.weakest
    return replace(
        material,
        model=own,
        failures=tuple(e for e in material.failures if e.model == own),
        passes=tuple(e for e in material.passes if e.model == own),
    )


LEAST_OF_A_MODEL = 10
"""Executions below which a share of failures says nothing of a model."""
