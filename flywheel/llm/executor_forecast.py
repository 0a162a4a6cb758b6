"""What a run will take, before anything is sent."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from flywheel.errors import InputError
from flywheel.learn.spending import calls_each
from flywheel.learn.templates import render
from flywheel.llm.executor import Arm, Job, kept_executions, unfinished
from flywheel.ports import RunPlan, Store
from flywheel.records.case import Case
from flywheel.records.columns import PROBE, Scope

CHARS_PER_TOKEN = 4
"""Of English text, roughly; used only where no run of the arm has told its tokens."""


@dataclass(frozen=True, slots=True)
class RunForecast:
    """What is still to be done, at most; None is unknown.

    Attributes:
        cases: all arms together.
        kept: finished before.
        calls: what is left, the calls of a judge included.
        input_tokens, output_tokens, usd: of the arms, without a judge.
        measured: whether tokens and USD come from executions; else the tokens are counted from the text.
    """

    cases: int
    kept: int
    calls: int
    input_tokens: int | None
    output_tokens: int | None
    usd: float | None
    measured: bool

    @property
    def tokens(self) -> int | None:
        """Input plus output; the input alone while the length of answers is unknown."""
        return None if self.input_tokens is None else self.input_tokens + (self.output_tokens or 0)


def forecast(job: Job, store: Store) -> RunForecast:
    """The cost of what is left of a job.

    The mean of what each arm has cost so far, in any session of the store;
    for an arm that never ran, the length of its text.

    Args:
        job: what would be run.
        store: with earlier executions.

    Returns:
        Sums over the arms; a sum is unknown as soon as a part of it is.
    """
    done = kept_executions(job, store)
    left = unfinished(job, done)
    parts = []
    for arm in job.arms:
        cases = [task.case for task in left if _names(task.plan) == _names(arm)]
        parts.append(_arm(job, store, arm, cases))
    sums = [_total([part[i] for part in parts]) for i in range(3)]
    return RunForecast(
        cases=len(job.arms) * len(job.cases),
        kept=len(done),
        calls=len(left) * calls_each(job.suite.scorer),
        input_tokens=None if sums[0] is None else round(sums[0]),
        output_tokens=None if sums[1] is None else round(sums[1]),
        usd=sums[2],
        measured=all(part[3] for part in parts),
    )


def _arm(
    job: Job, store: Store, arm: Arm, cases: list[Case]
) -> tuple[float | None, float | None, float | None, bool]:
    if not cases:
        return 0.0, 0.0, 0.0, True
    # What a probe asks is longer than what is asked in use.
    without = () if job.source == PROBE else (PROBE,)
    scope = Scope(job.workspace, arm.prompt, arm.version, model=arm.model, exclude_sources=without)
    columns = store.executions.columns(scope)
    inputs = _mean(columns.input_tokens)
    if inputs is None:
        characters = sum(_length(arm.text, case) for case in cases)
        return characters / CHARS_PER_TOKEN, None, None, False
    means = (inputs, _mean(columns.output_tokens), _mean(columns.cost_usd))
    tokens_in, tokens_out, usd = (None if mean is None else mean * len(cases) for mean in means)
    return tokens_in, tokens_out, usd, True


def _length(text: str, case: Case) -> int:
    try:
        return len(render(text, case.inputs))
    except InputError:
        # A case that lacks a variable is never sent.
        return 0


def _names(one: Arm | RunPlan) -> tuple[str, str, str]:
    return one.prompt, one.version, one.model


def _mean(values: NDArray[np.float64]) -> float | None:
    known = values[~np.isnan(values)]
    return float(known.mean()) if known.size else None


def _total(values: list[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) if len(known) == len(values) else None
