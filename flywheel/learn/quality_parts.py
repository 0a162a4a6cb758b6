"""Which of the streams that fired speak for the others."""

from __future__ import annotations

from collections.abc import Sequence

from flywheel.records.quality import QualityLevel, QualityReading, QualitySettings

LEAST_LEFT = 0.4
"""Share of a stream's executions that must be well for its bad parts to be the whole story."""


def speaking(readings: Sequence[QualityReading], settings: QualitySettings) -> tuple[QualityReading, ...]:
    """Streams that fired and are neither explained by a part of them nor said by their whole.

    A stream is explained when it is no worse than parts of it that fired, and
    without them, two fifths of it at least, it is as good as it should be: one bad
    cell is one alert, not four; eight bad slices of eight are one as well. What is
    left speaks for its parts, unless a part is worse.

    Args:
        readings: of one report.
        settings: levels.

    Examples:
        >>> whole = QualityReading(prompt="p", scored=200, rate=0.9, severity="low", level="below target")
        >>> cell = QualityReading(prompt="p", slice="s", scored=20, rate=0.4, severity="high")
        >>> [one.name for one in speaking([whole, cell], QualitySettings())]
        ['p in s']
    """
    fired = [one for one in readings if one.severity is not None]
    left = [one for one in fired if not _is_explained(one, fired, settings)]
    # A stream that explains another one is heard itself, even where a third one holds both.
    return tuple(one for one in left if not any(_rank(w) >= _rank(one) and holds(w, one) for w in left))


def holds(whole: QualityReading, part: QualityReading) -> bool:
    """Whether one stream is a true part of another one.

    Examples:
        >>> holds(QualityReading(prompt="p"), QualityReading(prompt="p", slice="s"))
        True
    """
    fits = whole.slice in (None, part.slice) and whole.model in (None, part.model)
    same = (whole.slice, whole.model) == (part.slice, part.model)
    return whole.prompt == part.prompt and fits and not same


def _is_explained(one: QualityReading, fired: Sequence[QualityReading], settings: QualitySettings) -> bool:
    """Whether without its fired parts, all of one kind, a stream would be well."""
    parts = [part for part in fired if holds(one, part) and _rank(part) >= _rank(one)]
    kinds = {(part.slice is None, part.model is None) for part in parts}
    return any(
        _is_well(one, [p for p in parts if (p.slice is None, p.model is None) == kind], settings)
        for kind in kinds
    )


def _is_well(one: QualityReading, parts: Sequence[QualityReading], settings: QualitySettings) -> bool:
    count = one.scored - sum(part.scored for part in parts)
    total = one.scored * (one.rate or 0.0) - sum(part.scored * (part.rate or 0.0) for part in parts)
    return count >= LEAST_LEFT * one.scored and total / count >= _should(one, settings)


def _should(one: QualityReading, settings: QualitySettings) -> float:
    """The rate from which on nothing would have fired."""
    levels = settings.levels
    edges = {
        QualityLevel.CRITICAL: levels.critical,
        QualityLevel.WARNING: levels.warning,
        QualityLevel.BELOW_TARGET: levels.target,
    }
    bound = one.fall.bound if one.fall.shown_at is not None and one.fall.over_at is None else None
    return max(edges.get(one.level, 0.0), bound or 0.0)


def _rank(reading: QualityReading) -> int:
    return -1 if reading.severity is None else reading.severity.rank
