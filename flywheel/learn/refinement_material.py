"""What a proposer may see, within which sizes it must stay."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

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
