"""Whether a probe's findings are within the limits that were set."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from flywheel.records.probe import Calibration, ProbeKind, ProbeReport, ProbeRow

OF_KIND: dict[ProbeKind, tuple[str, ...]] = {
    ProbeKind.CONSISTENCY: ("min_consistency",),
    ProbeKind.ROBUSTNESS: ("max_attack_success",),
    ProbeKind.EDGE_CASES: ("max_broken",),
    ProbeKind.CALIBRATION: ("max_calibration_error",),
}
"""Names of the limits that go with each kind."""


def missed_limits(report: ProbeReport, limits: Mapping[str, float | None]) -> tuple[str, ...]:
    """One sentence for each model and limit that is missed; an unknown share misses its limit.

    Args:
        report: what a probe found.
        limits: by name; None is none.

    Examples:
        >>> report = ProbeReport(kind="consistency", suite="s", prompt="p", version="v", session_id="x",
        ...     models=({"model": "m", "overall": {"name": "all", "cases": 4, "shown": 3, "share": 0.75}},))
        >>> missed_limits(report, {"min_consistency": 0.8})
        ('m misses --min-consistency: 75.0 % of all is below 80.0 %',)
        >>> missed_limits(report, {"min_consistency": 0.7})
        ()
    """
    return tuple(
        sentence
        for name in OF_KIND.get(report.kind, ())
        if (limit := limits.get(name)) is not None
        for sentence in _missed(report, name, limit)
    )


def _missed(report: ProbeReport, name: str, limit: float) -> Iterator[str]:
    least = name.startswith("min_")
    for model in report.models:
        if model.calibration is not None:
            yield from _miscalibrated(model.model, model.calibration, limit)
            continue
        rows: tuple[ProbeRow, ...] = (model.overall,) if least else model.kinds or (model.overall,)
        said = f"{model.model} misses --{name.replace('_', '-')}"
        if all(row.share is None for row in rows):
            yield f"{said}: nothing was measured, need {100 * limit:.1f} %"
        for row in rows:
            if row.share is not None and (row.share < limit if least else row.share > limit):
                side = "below" if least else "above"
                yield f"{said}: {100 * row.share:.1f} % of {row.name} is {side} {100 * limit:.1f} %"


def _miscalibrated(model: str, found: Calibration, limit: float) -> Iterator[str]:
    if found.error is None:
        yield f"{model} misses --max-calibration-error: unknown, {found.because}"
    elif found.error > limit:
        yield f"{model} misses --max-calibration-error: {found.error:.3f} is above {limit:.3f}"
