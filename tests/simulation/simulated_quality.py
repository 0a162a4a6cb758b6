"""Streams of known rates, looked at every day; run as a program it prints a table of docs/monitoring.md.

Usage: PYTHONPATH=.:tests python tests/simulation/simulated_quality.py
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from quality_world import START, day, stream, until

from flywheel.learn.quality import read_quality
from flywheel.records.alert import Severity
from flywheel.records.columns import QualityColumns
from flywheel.records.quality import DetectorState, QualityReading, QualityReport, QualitySettings

RULES = QualitySettings()
HISTORY = RULES.history_days
PER_DAY = 200
GRID = (7, 7)


def looks(columns: QualityColumns, first: float, last: float, step: float = 1.0) -> Iterator[QualityReport]:
    """Reports of looks between two days, each over what a store would hand out then."""
    for at in np.arange(first, last + 1e-9, step):
        now = day(float(at))
        yield read_quality(until(columns, now, HISTORY + 2), RULES, now)


def has_fallen(reading: QualityReading) -> bool:
    """Whether the detector says so."""
    return reading.fall.state is DetectorState.FALLEN


def is_told(reading: QualityReading) -> bool:
    """Whether it is worth an alert that a console tells."""
    return reading.severity is not None and reading.severity.rank >= Severity.MEDIUM.rank


def is_flagged(reading: QualityReading) -> bool:
    """Whether a fixed threshold flags it."""
    return bool(reading.literal.flags)


def episodes(
    days: int, *fires: Callable[[QualityReading], bool], grid: tuple[int, int] = (1, 1), wobble: float = 0.0
) -> list[int]:
    """Times that a healthy stream begins to fire, in so many daily looks at streams of 95 %."""
    begun, span = [0] * len(fires), 150
    for seed in range(days // span):
        columns = stream(np.full(HISTORY + span, 0.95), PER_DAY, grid, seed, wobble)
        before: list[set[str]] = [set() for _ in fires]
        for report in looks(columns, HISTORY + 1, HISTORY + span):
            now = [{one.name for one in report.readings if fire(one)} for fire in fires]
            begun = [count + len(new - old) for count, new, old in zip(begun, now, before, strict=True)]
            before = now
    return begun


def days_to_a_fall(rate: float, times: int) -> float:
    """Median days until the detector shows a fall from 95 % of one stream."""
    found = []
    for seed in range(times):
        rates = np.repeat([0.95, rate], [HISTORY, 15])
        columns = stream(rates, PER_DAY, seed=10_000 + seed)
        shown = (
            (one.readings[0].fall.shown_at - START).total_seconds() / 86_400 - HISTORY
            for one in looks(columns, HISTORY + 0.25, HISTORY + 15, 0.25)
            if has_fallen(one.readings[0]) and one.readings[0].fall.shown_at >= day(HISTORY)
        )
        found.append(next(shown, np.inf))
    return float(np.median(found))


def days_to_a_cell(rate: float, times: int) -> float:
    """Median days until one bad cell of 49 is told, at four executions a day."""
    found = []
    for seed in range(times):
        rates = np.full((HISTORY + 30, 49), 0.95)
        rates[HISTORY:, 0] = rate
        columns = stream(rates, PER_DAY, GRID, 20_000 + seed)
        told = (
            number
            for number, report in enumerate(looks(columns, HISTORY + 1, HISTORY + 30), start=1)
            if any(is_told(one) for one in report.readings if (one.slice, one.model) == ("s0", "m0"))
        )
        found.append(next(told, np.inf))
    return float(np.median(found))


def main() -> None:
    """Print every row."""
    fires = (has_fallen, is_told, is_flagged)
    begun = [count / 15 for count in episodes(15_000, *fires)]
    print("1 stream: fallen, told, flagged", begun, "begun in 1,000 days", flush=True)
    (wobbly,) = episodes(6_000, has_fallen, wobble=0.01)
    print("1 stream, wobble of a point: fallen", wobbly / 6, "begun in 1,000 days", flush=True)
    for rate in (0.93, 0.90, 0.85):
        print("1 stream to", rate, days_to_a_fall(rate, 60), "days", flush=True)
    begun = [count / 450 for count in episodes(450, *fires, grid=GRID)]
    print("49 cells: fallen, told, flagged", begun, "begun a day", flush=True)
    for rate in (0.70, 0.50):
        print("49 cells, one at", rate, days_to_a_cell(rate, 25), "days", flush=True)


if __name__ == "__main__":
    main()
