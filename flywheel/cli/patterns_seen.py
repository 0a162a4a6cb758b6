"""What `flywheel patterns` looks at: failures with passes, slices, flaky tests, what was tried."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from flywheel.learn.advice import Grounds, advice
from flywheel.learn.attributes import attributes_of, attributes_of_columns
from flywheel.learn.flaky import flaky_only
from flywheel.learn.pattern_states import RESOLVED, with_states
from flywheel.learn.patterns import PatternEvidence, mine_patterns
from flywheel.learn.slices import search_slices
from flywheel.ports import Store
from flywheel.records.advice import Advice
from flywheel.records.analysis import FailurePattern
from flywheel.records.columns import OUTCOMES, Scope
from flywheel.records.cycle import FeedbackLoopOutput
from flywheel.records.execution import Execution
from flywheel.records.findings import FlakyTest, SliceFinding

READ_LIMIT = 20_000
"""Failures, then passes, whose texts are read, spread over all; more would not change which patterns lead."""

OUTPUTS_READ = 50
Tried = dict[str, dict[str, str]]
"""Version with its ruling, by key of the pattern it was proposed from."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What there is to show.

    Attributes:
        failures, passes: those read with their texts.
        total_failures, total_passes: how many there are.
        patterns: of the failures, most damaging first.
        resolved: known ones that would have shown by now.
        worse: places where more fails than in the rest.
        flaky: tests that pass as well as fail although nothing changed.
        advice: what to refine first.
    """

    failures: Sequence[Execution]
    passes: Sequence[Execution]
    total_failures: int
    total_passes: int
    patterns: list[FailurePattern]
    resolved: list[FailurePattern]
    worse: tuple[SliceFinding, ...]
    flaky: tuple[FlakyTest, ...]
    advice: Advice

    @property
    def part(self) -> float:
        """Failures there are for each one read."""
        return max(1.0, self.total_failures / max(1, len(self.failures)))


def look(store: Store, scope: Scope) -> Seen:
    """Patterns with states, worse places, flaky tests of a scope.

    Args:
        store: where executions and earlier cycles are.
        scope: which executions.
    """
    columns = store.executions.columns(scope)
    counts = dict(zip(OUTCOMES, np.bincount(columns.outcome, minlength=len(OUTCOMES)).tolist(), strict=True))
    total, good = counts["failed"] + counts["error"], counts["passed"]
    evidence = PatternEvidence(
        failures=store.executions.failures(scope, READ_LIMIT),
        passes=store.executions.passes(scope, READ_LIMIT),
        total_failures=total,
        total_passes=good,
        known=store.cycles.patterns(scope.workspace, scope.prompt),
        columns=columns,
    )
    stated = with_states(mine_patterns(evidence), evidence.known, total + good)
    read = (*evidence.failures, *evidence.passes)
    whole = len(read) >= total + good
    return Seen(
        failures=evidence.failures,
        passes=evidence.passes,
        total_failures=total,
        total_passes=good,
        patterns=[p for p in stated if p.count],
        resolved=[p for p in stated if not p.count and p.state == RESOLVED],
        worse=search_slices(attributes_of(read) if whole else attributes_of_columns(columns)),
        flaky=flaky_only(columns),
        advice=advice(
            Grounds(
                columns,
                tuple(p for p in stated if p.count),
                tuple(store.strategy_outcomes.recent(scope.workspace)),
            )
        ),
    )


def tried_for(store: Store, workspace: str, prompt: str | None) -> Tried:
    """Versions that finished cycles proposed from each pattern, with what became of them."""
    tried: Tried = {}
    for output in reversed(store.cycles.outputs(workspace, prompt, OUTPUTS_READ)):
        for insight in output.insights:
            for key in insight.patterns:
                for version in insight.proposals:
                    tried.setdefault(key, {})[version] = _became(output, version)
    return tried


def _became(output: FeedbackLoopOutput, version: str) -> str:
    rulings = (
        ("released", output.shipped),
        ("waits for a person", output.staged),
        ("rejected", output.rejected),
        ("held", output.held),
    )
    return next((word for word, versions in rulings if version in versions), "not released")
