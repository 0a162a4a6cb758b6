"""Executions as columns, for arithmetic over many of them at once."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

OUTCOMES: tuple[str, ...] = ("passed", "failed", "error", "skipped", "unscored")
"""Outcome codes are positions in this tuple."""

PROBE = "probe"
"""Source of what a probe asked: cases made to break a prompt say nothing of how it does in use."""

NOT_EVIDENCE: tuple[str, ...] = ("experiment", PROBE)
"""Sources that no analysis or report of quality counts."""

NOT_NEW: tuple[str, ...] = (*NOT_EVIDENCE, "collect")
"""The same with what a cycle asks to have anything to look at: none of it makes a cycle due."""


@dataclass(frozen=True, slots=True)
class Scope:
    """Which executions are meant; None means no restriction.

    Attributes:
        version: content hash or label; executions recorded under any label of
            the hash are included.
        since, until: bounds of started_at, or of the time of storing where an
            execution has no start; until is exclusive.
        session_id: executions of one session.
        watermark: largest sequence number that still counts.
        after: sequence numbers up to this one do not count.
        exclude_sources: executions of these sources are left out; cycles leave out NOT_EVIDENCE.
    """

    workspace: str = "default"
    prompt: str | None = None
    version: str | None = None
    suite: str | None = None
    slice: str | None = None
    model: str | None = None
    session_id: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    watermark: int | None = None
    exclude_sources: tuple[str, ...] = ()
    after: int | None = None

    def of_version(self, version: str) -> Scope:
        """The same scope for one version.

        Examples:
            >>> Scope(prompt="triage").of_version("v1").version
            'v1'
        """
        return replace(self, version=version)


@dataclass(frozen=True, slots=True)
class Coded:
    """A text column as codes; `names[codes[i]]` is row i, code -1 is unknown.

    Attributes:
        codes: int32, shape (n,).
        names: distinct values, in order of first appearance.
    """

    codes: NDArray[np.int32]
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ExecutionColumns:
    """Executions of a scope in the order they were stored, n rows; NaN is unknown.

    Attributes:
        seq: int64, store sequence number.
        outcome: int8, position in OUTCOMES.
        score, confidence: float64 in [0, 1].
        latency_ms, cost_usd, input_tokens, output_tokens: float64, >= 0.
        started_at: float64, seconds since 1970 in UTC.
        version, slice, model, agent, case, error_type: coded text; version is
            the content hash where it is known, else the label.
    """

    seq: NDArray[np.int64]
    outcome: NDArray[np.int8]
    score: NDArray[np.float64]
    confidence: NDArray[np.float64]
    latency_ms: NDArray[np.float64]
    cost_usd: NDArray[np.float64]
    input_tokens: NDArray[np.float64]
    output_tokens: NDArray[np.float64]
    started_at: NDArray[np.float64]
    version: Coded
    slice: Coded
    model: Coded
    agent: Coded
    case: Coded
    error_type: Coded

    def __len__(self) -> int:
        return len(self.seq)


@dataclass(frozen=True, slots=True)
class QualityColumns:
    """What watching quality needs of n executions, in the order they were stored.

    Attributes:
        outcome: int8, position in OUTCOMES.
        score: float64 in [0, 1], NaN is unknown.
        moment: float64, seconds since 1970 of the start, or of storing where there is no start.
        prompt, version, slice, model: coded text; version is the content hash where it is known.
    """

    outcome: NDArray[np.int8]
    score: NDArray[np.float64]
    moment: NDArray[np.float64]
    prompt: Coded
    version: Coded
    slice: Coded
    model: Coded

    def __len__(self) -> int:
        return len(self.outcome)


@dataclass(frozen=True, slots=True)
class AgentColumns:
    """Executions that name an agent, in the order of time, n rows; NaN is unknown.

    Attributes:
        outcome: int8, position in OUTCOMES.
        score: float64 in [0, 1].
        latency_ms: float64, >= 0.
        moment: float64, seconds since 1970 of the start, or of storing where there is no start.
        agent, slice, case: coded text; agent is never unknown.
    """

    outcome: NDArray[np.int8]
    score: NDArray[np.float64]
    latency_ms: NDArray[np.float64]
    moment: NDArray[np.float64]
    agent: Coded
    slice: Coded
    case: Coded

    def __len__(self) -> int:
        return len(self.outcome)


@dataclass(frozen=True, slots=True)
class RecommendationColumns:
    """Judgements of recommendations in the order of time, n rows; NaN is unknown.

    A recommendation that several judged has a row for each; one that nobody
    judged has one row with unknown success.

    Attributes:
        recommendation: int32, equal for rows of one recommendation.
        agent, type, workflow, correlation, judge: coded text; type is the context of trust.
        confidence: float64 in [0, 1], of the agent.
        success: float64 in [0, 1]: approved 1, partial 0.5, rejected 0.
        quality: float64 in [0, 1], the overall mark over 100.
        created, evaluated: float64, seconds since 1970 in UTC.
    """

    recommendation: NDArray[np.int32]
    agent: Coded
    type: Coded
    workflow: Coded
    correlation: Coded
    judge: Coded
    confidence: NDArray[np.float64]
    success: NDArray[np.float64]
    quality: NDArray[np.float64]
    created: NDArray[np.float64]
    evaluated: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.recommendation)


@dataclass(frozen=True, slots=True)
class ScoreTable:
    """Mean score of each arm on each case; NaN where an arm has no scored execution.

    Attributes:
        cases: case ids, length n, sorted.
        slices: slice of each case or None, length n.
        arms: names, length k.
        scores: float64, shape (n, k), in [0, 1].
        runs: int32, shape (n, k), scored executions behind each mean.
        latency_ms, cost_usd: float64, shape (n, k), means; NaN is unknown.
    """

    cases: tuple[str, ...]
    slices: tuple[str | None, ...]
    arms: tuple[str, ...]
    scores: NDArray[np.float64]
    runs: NDArray[np.int32]
    latency_ms: NDArray[np.float64]
    cost_usd: NDArray[np.float64]
