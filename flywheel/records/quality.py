"""What is watched of quality, with what was found."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from flywheel.records.alert import Severity
from flywheel.records.base import Count, Name, NonNegative, Record, Share, UtcDatetime

Positive = Annotated[float, Field(gt=0)]
Days = Annotated[int, Field(ge=1, le=400)]


class QualityLevel(StrEnum):
    """How good a stream is shown to be, from the best; `unclear` is not shown to be below any level."""

    EXCELLENT = "excellent"
    ON_TARGET = "on target"
    UNCLEAR = "unclear"
    BELOW_TARGET = "below target"
    WARNING = "warning"
    CRITICAL = "critical"
    UNKNOWN = "unknown"


class QualityLevels(Record):
    """Pass rates that mean something.

    Attributes:
        excellent: nothing to do from here on.
        target: what should be reached.
        warning: below it a person should look.
        critical: below it a person must look.
    """

    excellent: Share = 0.98
    target: Share = 0.95
    warning: Share = 0.90
    critical: Share = 0.85

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if not self.excellent >= self.target >= self.warning >= self.critical > 0:
            msg = (
                f"levels are {self.excellent:g}, {self.target:g}, {self.warning:g}, {self.critical:g}; "
                "need excellent >= target >= warning >= critical > 0"
            )
            raise ValueError(msg)
        return self


SATISFIED = QualityLevels(excellent=0.9, target=0.8, warning=0.7, critical=0.6)
"""Mean ratings from 1 to 5 as shares of the way: 4.6, 4.2, 3.8, 3.4."""


class QualitySettings(Record):
    """How quality is watched.

    Attributes:
        levels: see `QualityLevels`.
        measure: `pass rate`, or the mean `score`; of a further look `response time` or `satisfaction`.
        response_ms: response time that 95 % should keep to; 0 does not watch it.
        satisfaction: levels of the mean rating, 0 for one star, 1 for five.
        window_days: over which a level is judged.
        certainty: chance from which a level is shown.
        prior_executions: executions the prior of a stream counts for.
        least_executions: scored executions in the window below which a level is unknown.
        history_days: how far back is read; what is older plays no part.
        reference_days: longest reference, at the start of the history; the first half of a shorter one.
        least_reference_days: shortest reference; without it no fall can be shown.
        least_reference_executions: scored executions a reference needs.
        false_alarm_days: days between false falls, on average at least, over all streams together.
        trend_days: over which a trend is looked for.
        trend_horizon_days: a trend that reaches a level later than this is not told.
        trend_error: two-sided error rate of a trend, over all streams together.
        silence_factor: a stream is silent after so many times its usual pause; 0 is never.
    """

    levels: QualityLevels = QualityLevels()
    measure: Literal["pass rate", "score", "response time", "satisfaction"] = "pass rate"
    response_ms: NonNegative = 0
    satisfaction: QualityLevels = SATISFIED
    window_days: Days = 7
    certainty: Annotated[float, Field(gt=0.5, lt=1)] = 0.95
    prior_executions: Positive = 20
    least_executions: Annotated[int, Field(ge=1)] = 10
    history_days: Days = 56
    reference_days: Days = 28
    least_reference_days: Days = 7
    least_reference_executions: Annotated[int, Field(ge=2)] = 30
    false_alarm_days: Annotated[float, Field(gt=1)] = 1000
    trend_days: Annotated[int, Field(ge=3, le=400)] = 14
    trend_horizon_days: Positive = 7
    trend_error: Annotated[float, Field(gt=0, lt=1)] = 0.005
    silence_factor: NonNegative = 3

    @model_validator(mode="after")
    def _fits(self) -> Self:
        longest = max(self.window_days, self.reference_days, self.trend_days)
        if self.history_days < longest or self.reference_days < self.least_reference_days:
            msg = (
                f"history_days is {self.history_days}; need at least window_days, reference_days and "
                f"trend_days ({longest}), and reference_days >= least_reference_days"
            )
            raise ValueError(msg)
        return self


class DetectorState(StrEnum):
    """What the detector says of a stream beside its own past."""

    USUAL = "usual"
    FALLEN = "fallen"
    RECOVERED = "recovered"
    UNKNOWN = "unknown"


class QualityFall(Record):
    """A stream beside its own reference.

    Attributes:
        reference: rate of the reference period; None where there is none.
        bound: the detector watches for means below it: the lower bound of the reference.
        executions: of the reference, scored.
        run_length: scored executions between false falls of this stream, on average at least.
        evidence: wealth of the bets at the end; the bar is run_length.
        began_at: when the last fall most likely began.
        shown_at: when the evidence reached the bar.
        over_at: when it was shown to be over.
        fallen_to: rate since began_at, up to over_at.
        because: why it is unknown.
    """

    state: DetectorState = DetectorState.UNKNOWN
    reference: Share | None = None
    bound: Share | None = None
    executions: Count = 0
    run_length: NonNegative | None = None
    evidence: NonNegative | None = None
    began_at: UtcDatetime | None = None
    shown_at: UtcDatetime | None = None
    over_at: UtcDatetime | None = None
    fallen_to: Share | None = None
    because: str = ""


class QualityTrend(Record):
    """A straight line through the daily rates.

    Attributes:
        slope_per_day, low, high: rate units a day, with a 95 % interval; None where no number exists.
        p_value: two-sided, of no trend.
        days: with enough executions.
        crosses: level that is reached within the horizon, where the trend is shown.
        in_days: until then.
        because: why it is unknown.
    """

    slope_per_day: float | None = None
    low: float | None = None
    high: float | None = None
    p_value: Share | None = None
    days: Count = 0
    crosses: str | None = None
    in_days: NonNegative | None = None
    because: str = ""


class LiteralThresholds(Record):
    """The same stream by fixed thresholds on the last day, which decide nothing.

    Attributes:
        executions: scored, of the last day.
        rate: of the last day; None without executions.
        flags: `below 85 %`, `falling`, `varies` and the like.
        false_chance: chance of a flag on a day as usual; None where what is usual is unknown.
    """

    executions: Count = 0
    rate: Share | None = None
    flags: tuple[str, ...] = ()
    false_chance: Share | None = None


class QualityReading(Record):
    """One stream: all executions of a prompt, those of a model, of a slice, or of both.

    Attributes:
        model, slice: None is all of them.
        scored, unscored: executions in the window; skipped ones are in neither.
        rate, low, high: in the window, with a 95 % interval; None without scored executions.
        below_critical, below_warning, below_target, below_excellent: chance that the true rate lies
            below the level, given the prior; None where the level is unknown.
        level: what is shown of that.
        level_since: start of the unbroken days at this level or a worse one; None where it is not bad.
        last_at: start of the newest execution.
        silent_since: the same, where it has been too long; None otherwise.
        severity: of the alert this reading is worth; None is none.
        reasons: what fired, each with its evaluator.
        because: why the level is unknown.
        p95_ms, p95_low_ms, p95_high_ms: response time that one in twenty exceeds, with a 95 % interval; of
            the measure `response time` only.
    """

    prompt: Name | None = None
    model: Name | None = None
    slice: Name | None = None
    scored: Count = 0
    unscored: Count = 0
    rate: Share | None = None
    low: Share | None = None
    high: Share | None = None
    below_critical: Share | None = None
    below_warning: Share | None = None
    below_target: Share | None = None
    below_excellent: Share | None = None
    level: QualityLevel = QualityLevel.UNKNOWN
    level_since: UtcDatetime | None = None
    fall: QualityFall = QualityFall()
    trend: QualityTrend = QualityTrend()
    literal: LiteralThresholds = LiteralThresholds()
    last_at: UtcDatetime | None = None
    silent_since: UtcDatetime | None = None
    severity: Severity | None = None
    reasons: tuple[str, ...] = ()
    because: str = ""
    p95_ms: NonNegative | None = None
    p95_low_ms: NonNegative | None = None
    p95_high_ms: NonNegative | None = None

    @property
    def degraded(self) -> bool:
        """Whether it is shown to be critical, or to have fallen."""
        return self.level is QualityLevel.CRITICAL or self.fall.state is DetectorState.FALLEN

    @property
    def name(self) -> str:
        """The stream in words.

        Examples:
            >>> QualityReading(prompt="triage", model="small").name
            'triage on small'
        """
        words = [self.prompt or "no prompt"]
        words += [f"in {self.slice}"] if self.slice is not None else []
        words += [f"on {self.model}"] if self.model is not None else []
        return " ".join(words)


class QualityReport(Record):
    """Readings of all streams of a workspace at one moment.

    Attributes:
        readings: sorted by prompt, slice, model; the whole of a prompt first.
        detectors: streams with a reference; they share the false alarms of the settings.
        literal_false: flags the fixed thresholds would raise on a day as usual, expected.
    """

    workspace: Name = "default"
    read_at: UtcDatetime
    settings: QualitySettings = QualitySettings()
    readings: tuple[QualityReading, ...] = ()
    detectors: Count = 0
    literal_false: NonNegative = 0.0

    @property
    def degraded(self) -> tuple[QualityReading, ...]:
        """Readings that are shown to be critical, or to have fallen."""
        return tuple(reading for reading in self.readings if reading.degraded)

    @property
    def literal_flagged(self) -> int:
        """Streams the fixed thresholds flag now."""
        return sum(1 for reading in self.readings if reading.literal.flags)
