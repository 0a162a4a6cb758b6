"""A cycle that a program asked for, from the request to its end."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any, Self

from pydantic import AliasChoices, ConfigDict, Field, model_validator

from flywheel.records.base import Count, Name, NonNegative, Record, UtcDatetime
from flywheel.records.cycle import FeedbackLoopOutput

Ratio = Annotated[float, Field(gt=0)]


class CycleAsked(Record):
    """What one cycle is asked for; the fields are the options of `flywheel cycle`.

    Attributes:
        prompt: name of the prompt; `pattern_id` is accepted as an alias.
        models: the first decides, on the others a winner must not be worse.
        window_days: evidence of the last days; None is the default of the command.
        all_time: all stored evidence.
        racing: None leaves it to the strategy.
        again: a new cycle, even when the same one was finished before.
        if_due: start only where the strategy says so.
    """

    model_config = ConfigDict(populate_by_name=True)

    prompt: Name = Field(validation_alias=AliasChoices("prompt", "pattern_id"))
    strategy: Name = "balanced"
    suite: Name | None = None
    models: tuple[Name, ...] = ()
    window_days: Ratio | None = None
    all_time: bool = False
    budget_calls: Count | None = None
    budget_tokens: Count | None = None
    budget_usd: NonNegative | None = None
    max_cost_ratio: Ratio | None = None
    max_latency_ratio: Ratio | None = None
    max_model_loss: Annotated[float, Field(gt=0, lt=1)] | None = None
    racing: bool | None = None
    explain: Name | None = None
    refiner: Name | None = None
    placebo: bool = False
    dry_run: bool = False
    seed: Count = 0
    again: bool = False
    if_due: bool = False

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.all_time and self.window_days is not None:
            msg = "all_time and window_days contradict each other; give one"
            raise ValueError(msg)
        if self.suite is not None and not self.models:
            msg = f"suite is {self.suite!r}, which asks for live experiments; name the models that answer"
            raise ValueError(msg)
        return self


class RunState(StrEnum):
    """How far a run is; `stopped` is one whose process ended without an answer."""

    RUNNING = "running"
    FINISHED = "finished"
    FAILED = "failed"
    STOPPED = "stopped"


class CycleRun(Record):
    """One cycle that was asked for.

    Attributes:
        state: see `RunState`.
        output: of the cycle; None while it runs, where it failed, and where it was not due.
        because: of the output; else why there is none.
    """

    run_id: Name
    workspace: Name
    prompt: Name
    asked: CycleAsked
    started_at: UtcDatetime
    state: RunState
    output: FeedbackLoopOutput | None = None
    because: str = ""


def command_of(asked: CycleAsked, workspace: str) -> list[str]:
    """The words of the command that does the same.

    Examples:
        >>> command_of(CycleAsked(prompt="triage", models=("m",), dry_run=True), "team")[1:]
        ['--prompt=triage', '--workspace=team', '--strategy=balanced', '--seed=0', '--model=m', '--dry-run']
    """
    given: dict[str, Any] = asked.model_dump(exclude={"models", "racing"}, exclude_none=True)
    flags = [f"--{name.replace('_', '-')}" for name, value in given.items() if value is True]
    values = [
        f"--{name.replace('_', '-')}={value}"
        for name, value in given.items()
        if not isinstance(value, bool) and name != "prompt"
    ]
    race = [] if asked.racing is None else ["--race" if asked.racing else "--no-race"]
    models = [f"--model={name}" for name in asked.models]
    return [
        "cycle",
        f"--prompt={asked.prompt}",
        f"--workspace={workspace}",
        *values,
        *models,
        *flags,
        *race,
    ]
