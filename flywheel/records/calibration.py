"""Confidence beside outcomes of what is stored, group by group."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from flywheel.records.base import Count, Name, Record, Share
from flywheel.records.probe import Calibration


class Recalibrated(Record):
    """What a correction of confidence would gain, on executions it was not fitted on.

    Attributes:
        offset, slope: of the log odds; (0, 1) changes nothing.
        fitted_on, scored_on: executions of each half.
        gain, gain_low, gain_high: fall of the Brier score on the other half, with a 95 % interval.
        error_before, error_after: debiased calibration error on the other half.
        because: why there is none, else empty.
    """

    offset: float | None = None
    slope: float | None = None
    fitted_on: Count = 0
    scored_on: Count = 0
    gain: float | None = None
    gain_low: float | None = None
    gain_high: float | None = None
    error_before: Share | None = None
    error_after: Share | None = None
    because: str = ""


class GroupCalibration(Record):
    """One group of executions.

    Attributes:
        name: the model, prompt or slice; None is all of them.
        calibration: what was found.
        recalibration: what a correction would gain.
        check: where the calibration error stands to the largest one allowed.
    """

    name: str | None = None
    calibration: Calibration
    recalibration: Recalibrated
    check: Annotated[str, Field(pattern="^(kept|missed|cannot tell|unknown|not asked)$")] = "not asked"


class CalibrationReport(Record):
    """Whether confidence means what it says, over all and by group.

    Attributes:
        by: what the groups are, None without groups.
        max_error: largest calibration error allowed, None when nothing was asked.
        coverage: of the intervals of the calibration error; wider for more groups.
        overall: all executions together.
        groups: those with a confidence, most executions first.
        silent: groups in which no execution has a confidence.
    """

    workspace: Name = "default"
    by: str | None = None
    max_error: Share | None = None
    coverage: Share = 0.95
    overall: GroupCalibration
    groups: tuple[GroupCalibration, ...] = ()
    silent: tuple[str, ...] = ()

    @property
    def judged(self) -> tuple[GroupCalibration, ...]:
        """What is held against the largest error: the groups where there are any, else all together."""
        return self.groups or (self.overall,)

    @property
    def refused(self) -> bool:
        """Whether a check was asked for that says no: something is shown to be above, or nothing is known."""
        if self.max_error is None:
            return False
        checks = [one.check for one in self.judged]
        return "missed" in checks or set(checks) == {"unknown"}
