"""The settings of a cycle, with the presets users know by name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from pydantic import Field

from flywheel.errors import UnknownName
from flywheel.records.base import Count, Record, Share


class LearningStrategy(Record):
    """When a cycle runs, how sure it must be, what it does alone.

    Attributes:
        min_tests_for_cycle: scored executions a cycle needs before it starts.
        max_failure_rate: share of failures that triggers a cycle by itself.
        cycle_interval_hours: least time between two scheduled cycles.
        insight_confidence_threshold: failure patterns below it are shown but not acted on.
        model_update_threshold: change of belief below which nothing is updated.
        validate_improvements: False stages every proposal instead of testing it.
        rollback_on_regression: undo a release that turns out worse.
        significance_level: two-sided error rate of ship.
        stage_level: up to this p a candidate waits for a person or more evidence.
        min_sample_size: pairs below which every verdict is hold.
        auto_apply_threshold: confidence (1 - p, at most 0.99) from which ship applies alone.
        max_candidates: proposals per cycle.
        smallest_gain: least difference worth a release, rate units; an experiment must be able to show it.
        racing: watch live experiments and stop them early, with every look paid for.
        max_latency_ratio, max_cost_ratio: guardrails, candidate over control.
        max_model_loss: loss that must be excluded on every further model, rate units.
    """

    name: str = "balanced"
    min_tests_for_cycle: Count = 20
    max_failure_rate: Share = 0.3
    cycle_interval_hours: Annotated[float, Field(gt=0)] = 24
    insight_confidence_threshold: Share = 0.6
    model_update_threshold: Share = 0.1
    validate_improvements: bool = True
    rollback_on_regression: bool = True
    significance_level: Annotated[float, Field(gt=0, lt=0.5)] = 0.05
    stage_level: Annotated[float, Field(gt=0, lt=1)] = 0.20
    min_sample_size: Annotated[int, Field(ge=2)] = 30
    auto_apply_threshold: Share = 0.95
    max_candidates: Annotated[int, Field(ge=1, le=32)] = 8
    racing: bool = True
    smallest_gain: Share = 0.05
    max_latency_ratio: Annotated[float, Field(gt=0)] = 1.20
    max_cost_ratio: Annotated[float, Field(gt=0)] = 1.25
    max_model_loss: Annotated[float, Field(gt=0, lt=1)] = 0.05

    @classmethod
    def balanced(cls) -> LearningStrategy:
        """The default."""
        return cls()

    @classmethod
    def conservative(cls) -> LearningStrategy:
        """Fewer, surer changes."""
        return cls(
            name="conservative",
            min_tests_for_cycle=50,
            max_failure_rate=0.2,
            cycle_interval_hours=48,
            insight_confidence_threshold=0.8,
            model_update_threshold=0.05,
            significance_level=0.01,
            stage_level=0.05,
            min_sample_size=100,
            auto_apply_threshold=0.99,
        )

    @classmethod
    def aggressive(cls) -> LearningStrategy:
        """More changes, more of them wrong."""
        return cls(
            name="aggressive",
            min_tests_for_cycle=10,
            max_failure_rate=0.4,
            cycle_interval_hours=6,
            insight_confidence_threshold=0.4,
            model_update_threshold=0.2,
            significance_level=0.10,
            stage_level=0.30,
            min_sample_size=20,
            auto_apply_threshold=0.90,
        )

    def differences(self) -> dict[str, bool | int | float]:
        """The settings that are not those of the balanced strategy.

        Examples:
            >>> LearningStrategy(name="mine", smallest_gain=0.02).differences()
            {'smallest_gain': 0.02}
        """
        usual = LearningStrategy().model_dump()
        return {k: v for k, v in self.model_dump().items() if k != "name" and v != usual[k]}

    def in_words(self) -> str:
        """The name with what makes it differ from the balanced strategy.

        Examples:
            >>> LearningStrategy(name="mine", racing=False, smallest_gain=0.02).in_words()
            'mine (racing off, smallest_gain 0.02)'
        """
        said = [
            f"{name} {('on' if value else 'off') if isinstance(value, bool) else f'{value:g}'}"
            for name, value in self.differences().items()
        ]
        return f"{self.name} ({', '.join(said)})" if said else self.name


PRESETS: dict[str, LearningStrategy] = {
    "balanced": LearningStrategy(),
    "conservative": LearningStrategy.conservative(),
    "aggressive": LearningStrategy.aggressive(),
    "production": LearningStrategy.conservative().model_copy(
        update={"name": "production", "auto_apply_threshold": 1.0}
    ),
    "development": LearningStrategy.aggressive().model_copy(update={"name": "development"}),
    "quality-focused": LearningStrategy(
        name="quality-focused", significance_level=0.01, stage_level=0.10, min_sample_size=50
    ),
    "monitoring": LearningStrategy(name="monitoring", auto_apply_threshold=1.0, max_candidates=1),
}
"""Presets by name; `production` and `monitoring` never apply without a person."""


def strategy_from(name: str, preset: str, fields: Mapping[str, object]) -> LearningStrategy:
    """A strategy of one's own: a preset with some settings of another value.

    Raises:
        UnknownName: there is no such preset.
        ValueError: a field is not known, or its value lies outside its range.

    Examples:
        >>> strategy_from("mine", "conservative", {"smallest_gain": 0.02}).min_sample_size
        100
    """
    if preset not in PRESETS:
        msg = f"preset {preset!r} does not exist; there are {', '.join(PRESETS)}"
        raise UnknownName(msg)
    return LearningStrategy.model_validate({**PRESETS[preset].model_dump(), **fields, "name": name})
