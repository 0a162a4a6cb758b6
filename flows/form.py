"""Fields of the forms that start a flow; flat, because nested optional models break the form."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

Strategy = Literal[
    "balanced", "conservative", "aggressive", "production", "development", "quality-focused", "monitoring"
]
"""Presets of LearningStrategy; written out so that the form offers a list."""

NonBlank = Annotated[str, Field(min_length=1, pattern=r"\S")]

PromptsField = Annotated[
    list[str], Field(title="Prompts", description="names; empty takes every prompt of the workspace")
]
SuiteField = Annotated[
    str | None,
    Field(title="Suite", description="cases for live experiments; empty: recorded only"),
]
ModelField = Annotated[
    str | None, Field(title="Model", description="answers in live experiments; empty: the model block's")
]
AlsoModelsField = Annotated[
    list[str],
    Field(title="Also models", description="a winner must be shown not to be worse on each of these"),
]
StrategyField = Annotated[Strategy, Field(title="Strategy", description="how sure, what it does alone")]
StrategyBlockField = Annotated[
    str | None,
    Field(title="Strategy block", description="one of your own: name of a Flywheel Strategy block"),
]
AlertsField = Annotated[
    list[str],
    Field(title="Alerts", description="names of Flywheel Alert Channel blocks; none tells nobody"),
]
WindowField = Annotated[
    float | None, Field(gt=0, title="Window (days)", description="how far back; empty takes everything")
]
CallsField = Annotated[
    int | None, Field(ge=0, title="Budget (calls)", description="per prompt; empty: no ceiling")
]
TokensField = Annotated[
    int | None, Field(ge=0, title="Budget (tokens)", description="per prompt; empty: no ceiling")
]
UsdField = Annotated[
    float | None, Field(ge=0, title="Budget (USD)", description="per prompt; empty: no ceiling")
]
SeedField = Annotated[int, Field(ge=0, title="Seed", description="of every random draw")]
DryRunField = Annotated[bool, Field(title="Dry run", description="everything but the release")]
DueField = Annotated[
    bool,
    Field(
        title="Only if due",
        description="leave out prompts without new tests, or whose failures, alerts and time ask for nothing",
    ),
]
TriggerField = Annotated[
    Literal["manual", "test_completion", "schedule"],
    Field(title="Trigger", description="who asks whether a cycle is due; nothing else depends on it"),
]
ReviewField = Annotated[
    bool, Field(title="Wait for review", description="suspend with a form when a change is staged")
]
WorkspaceField = Annotated[NonBlank, Field(title="Workspace", description="where the prompts are")]
StoreField = Annotated[NonBlank, Field(title="Store block", description="name of a Flywheel Store block")]
ModelsField = Annotated[
    NonBlank, Field(title="Model block", description="name of a Flywheel Chat Model block")
]
MoreField = Annotated[
    dict[str, Any],
    Field(title="More", description='other fields of FeedbackLoopInput, e.g. {"min_sample_size": 50}'),
]
