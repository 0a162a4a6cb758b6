"""The block that holds a strategy of one's own."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from prefect.blocks.core import Block
from pydantic import Field, model_validator

from blocks.loading import load_block
from flywheel.records.strategy import LearningStrategy, strategy_from

Preset = Literal[
    "balanced", "conservative", "aggressive", "production", "development", "quality-focused", "monitoring"
]
"""Written out so that the form offers a list."""

Rate = Annotated[float, Field(ge=0, le=1)]
Ratio = Annotated[float, Field(gt=0)]
Hours = Annotated[float, Field(gt=0)]
Whole = Annotated[int, Field(ge=0)]

EMPTY = "Empty: the preset's."


class StrategyBlock(Block):
    """A preset with some settings of another value; what is empty stays the preset's.

    Attributes:
        preset: where it starts.
        min_tests_for_cycle, max_failure_rate, cycle_interval_hours, insight_confidence_threshold,
            model_update_threshold, validate_improvements, rollback_on_regression, significance_level,
            stage_level, min_sample_size, auto_apply_threshold, max_candidates, smallest_gain, racing,
            max_latency_ratio, max_cost_ratio, max_model_loss: as LearningStrategy has them.

    Examples:
        >>> block = StrategyBlock(preset="conservative", smallest_gain=0.02)
        >>> block.strategy("careful").in_words().startswith("careful (min_tests_for_cycle 50")
        True
    """

    _block_type_name: ClassVar[str | None] = "Flywheel Strategy"
    _block_type_slug: ClassVar[str | None] = "flywheel-strategy"
    _description: ClassVar[str | None] = "How sure a cycle must be, what it does alone."

    preset: Preset = Field(default="balanced", title="Preset", description="where it starts")
    min_tests_for_cycle: Whole | None = Field(
        default=None, title="Least tests", description=f"Scored executions a cycle needs. {EMPTY}"
    )
    max_failure_rate: Rate | None = Field(
        default=None, title="Failure rate", description=f"Share of failures that makes a need. {EMPTY}"
    )
    cycle_interval_hours: Hours | None = Field(
        default=None, title="Hours between cycles", description=f"Of scheduled ones. {EMPTY}"
    )
    insight_confidence_threshold: Rate | None = Field(
        default=None, title="Confidence of insights", description=f"Below it nothing is acted on. {EMPTY}"
    )
    model_update_threshold: Rate | None = Field(
        default=None, title="Change of belief", description=f"Below it nothing is updated. {EMPTY}"
    )
    validate_improvements: bool | None = Field(
        default=None, title="Validate", description=f"Off: every proposal waits for a person. {EMPTY}"
    )
    rollback_on_regression: bool | None = Field(
        default=None, title="Roll back", description=f"Undo a release that turns out worse. {EMPTY}"
    )
    significance_level: Annotated[float, Field(gt=0, lt=0.5)] | None = Field(
        default=None, title="Significance level", description=f"Error rate of ship. {EMPTY}"
    )
    stage_level: Annotated[float, Field(gt=0, lt=1)] | None = Field(
        default=None, title="Stage level", description=f"Up to this p a person may decide. {EMPTY}"
    )
    min_sample_size: Annotated[int, Field(ge=2)] | None = Field(
        default=None, title="Least pairs", description=f"Below it every verdict is hold. {EMPTY}"
    )
    auto_apply_threshold: Rate | None = Field(
        default=None, title="Applies alone from", description=f"Confidence; 1 is never. {EMPTY}"
    )
    max_candidates: Annotated[int, Field(ge=1, le=32)] | None = Field(
        default=None, title="Most candidates", description=f"Proposals per cycle. {EMPTY}"
    )
    racing: bool | None = Field(
        default=None, title="Race", description=f"Stop live experiments early. {EMPTY}"
    )
    smallest_gain: Rate | None = Field(
        default=None, title="Smallest gain", description=f"Worth a release; 0.03 is three points. {EMPTY}"
    )
    max_latency_ratio: Ratio | None = Field(
        default=None, title="Latency ratio", description=f"Most, candidate over control. {EMPTY}"
    )
    max_cost_ratio: Ratio | None = Field(
        default=None, title="Cost ratio", description=f"Most, candidate over control. {EMPTY}"
    )
    max_model_loss: Annotated[float, Field(gt=0, lt=1)] | None = Field(
        default=None, title="Loss on a model", description=f"Most, on models beside the first. {EMPTY}"
    )

    @model_validator(mode="before")
    @classmethod
    def _no_unknown_setting(cls, fields: Any) -> Any:  # noqa: ANN401  what Prefect or a caller hands in
        if isinstance(fields, dict):
            # Prefect adds fields of its own to what it loads; settings are refused by name alone.
            strangers = [k for k in fields if k not in cls.model_fields and not k.startswith(("_", "block_"))]
            if strangers:
                msg = f"{strangers[0]!r} is no setting of a strategy"
                raise ValueError(msg)
        return fields

    def strategy(self, name: str) -> LearningStrategy:
        """All settings, under a name.

        Args:
            name: of the saved block; it stands in the pages of cycles.
        """
        own = {k: v for k in LearningStrategy.model_fields if (v := getattr(self, k, None)) is not None}
        own.pop("name", None)
        return strategy_from(name, self.preset, own)


def strategy_of_block(name: str) -> LearningStrategy:
    """The strategy of a saved block, under the name of the block.

    Raises:
        InputError: no block of that name.
    """
    return load_block(StrategyBlock, name).strategy(name)
