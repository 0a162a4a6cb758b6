"""What the stored executions say of the quality of every stream."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from flywheel.learn.quality_falls import Reference, fall_of, moment_of, reference_of
from flywheel.learn.quality_levels import (
    BAD,
    Prior,
    chances_below,
    days_below,
    flat_prior,
    level_of,
    row_and_column,
)
from flywheel.learn.quality_reasons import judged
from flywheel.learn.quality_streams import Streams, Watched, streams_of, watched
from flywheel.learn.quality_trends import literal_of, silent_since, trend_of
from flywheel.records.columns import QualityColumns
from flywheel.records.quality import QualityLevel, QualityReading, QualityReport, QualitySettings
from flywheel.stats.proportions import Counts, wilson

Floats = NDArray[np.float64]

Key = tuple[int, int, int]
"""Codes of prompt, slice, model; 0 is all of them."""


def read_quality(
    columns: QualityColumns,
    settings: QualitySettings,
    now: datetime,
    live: Mapping[str, Collection[str]] | None = None,
    workspace: str = "default",
) -> QualityReport:
    """Readings of all streams; the same executions at the same moment give the same readings.

    Args:
        columns: of one workspace, in any order.
        settings: levels, windows, error rates.
        now: the time; executions that start later do not count.
        live: versions that are or were live, by prompt. Where a prompt has such versions only their
            executions count, those of unknown versions too.
        workspace: the one they are of.

    Returns:
        One reading for each stream: the whole of each prompt, its models, its slices, its cells.

    Examples:
        >>> from datetime import UTC
        >>> from flywheel.records.columns import Coded
        >>> one, none = Coded(np.zeros(400, np.int32), ("triage",)), Coded(np.full(400, -1, np.int32), ())
        >>> moment = datetime(2026, 3, 1, tzinfo=UTC).timestamp() + np.arange(400) * 17_280.0
        >>> outcome = np.where(np.arange(400) < 300, 0, np.arange(400) % 2).astype(np.int8)
        >>> columns = QualityColumns(outcome, 1.0 - outcome, moment, one, none, none, none)
        >>> settings = QualitySettings(history_days=100)
        >>> report = read_quality(columns, settings, datetime(2026, 5, 20, tzinfo=UTC))
        >>> report.readings[0].fall.state.value, report.readings[0].level.value
        ('fallen', 'critical')
    """
    data = watched(columns, settings, now.timestamp(), live or {})
    kinds = list(_kinds(data, settings, now)) if data.moment.size else []
    detectors = sum(not one.because for kind in kinds for one in kind.references)
    places = [(kind, number) for kind in kinds for number in range(len(kind.streams))]
    look = _Look(data, settings, now, detectors, len(places))
    readings = sorted((_reading(look, kind, number) for kind, number in places), key=_in_order)
    chances = [one.literal.false_chance for one in readings if one.literal.false_chance is not None]
    return QualityReport(
        workspace=workspace,
        read_at=now,
        settings=settings,
        readings=tuple(readings),
        detectors=detectors,
        literal_false=math.fsum(chances),
    )


@dataclass(frozen=True, slots=True)
class _Kind:
    """Streams of one kind with what is believed of them before and after the window."""

    streams: Streams
    prior: Prior
    passed: Floats
    failed: Floats
    references: tuple[Reference, ...]
    usual: Floats


@dataclass(frozen=True, slots=True)
class _Look:
    """What all readings of one look share."""

    data: Watched
    settings: QualitySettings
    now: datetime
    detectors: int
    streams: int


def _kinds(data: Watched, settings: QualitySettings, now: datetime) -> Iterator[_Kind]:
    """The four kinds, each with a prior that is made of those before it."""
    rates: dict[Key, float] = {}
    usual: dict[Key, float] = {}
    for streams in streams_of(data, settings):
        prior = _prior(streams, rates, settings)
        window = slice(0, settings.window_days)
        passed, failed = prior.with_data(
            streams.scored[:, window].sum(axis=1), streams.total[:, window].sum(axis=1)
        )
        before = _prior(streams, usual, settings)
        references = tuple(
            reference_of(
                *_scored(data, streams, number), now.timestamp(), (float(mean), before.weight), settings
            )
            for number, mean in enumerate(before.mean)
        )
        shown = np.array(
            [m if one.because else one.rate for one, m in zip(references, before.mean, strict=True)]
        )
        yield _Kind(streams, prior, passed, failed, references, shown)
        rates.update(zip(_keys(streams), (passed / (passed + failed)).tolist(), strict=True))
        usual.update(zip(_keys(streams), shown.tolist(), strict=True))


def _prior(streams: Streams, known: Mapping[Key, float], settings: QualitySettings) -> Prior:
    """Of the whole no opinion, of models and slices the whole, of cells their row and column."""
    if not (streams.by_slice or streams.by_model):
        return flat_prior(len(streams))
    keys = _keys(streams)
    whole = np.array([known[prompt, 0, 0] for prompt, _, _ in keys])
    if not (streams.by_slice and streams.by_model):
        return Prior(whole, settings.prior_executions)
    row = np.array([known[prompt, slice_, 0] for prompt, slice_, _ in keys])
    column = np.array([known[prompt, 0, model] for prompt, _, model in keys])
    return Prior(row_and_column(whole, row, column), settings.prior_executions)


def _keys(streams: Streams) -> list[Key]:
    parts = (streams.prompt.tolist(), streams.slice.tolist(), streams.model.tolist())
    return list(zip(*parts, strict=True))


def _scored(data: Watched, streams: Streams, number: int) -> tuple[Floats, Floats]:
    rows = streams.rows(number)
    score = data.score[rows]
    known = ~np.isnan(score)
    return data.moment[rows][known], score[known]


def _reading(look: _Look, kind: _Kind, number: int) -> QualityReading:
    streams, settings, now_s = kind.streams, look.settings, look.now.timestamp()
    names = _named(look.data, streams, number)
    moment = look.data.moment[streams.rows(number)]
    reference = kind.references[number]
    days = (streams.scored[number], streams.total[number])
    is_cell = streams.by_slice and streams.by_model
    silent = None if is_cell else silent_since(moment, now_s, settings.silence_factor)
    found = QualityReading(
        **names,
        unscored=int(streams.unscored[number]),
        fall=fall_of(*_scored(look.data, streams, number), reference, look.detectors, settings),
        trend=trend_of(*days, look.streams, settings),
        literal=literal_of(*days, None if reference.because else reference.rate, settings),
        last_at=moment_of(moment[-1]),
        silent_since=None if silent is None else moment_of(silent),
    )
    return judged(_with_level(found, kind, number, look), settings)


def _with_level(found: QualityReading, kind: _Kind, number: int, look: _Look) -> QualityReading:
    settings = look.settings
    window = settings.window_days
    scored, total = kind.streams.scored[number], kind.streams.total[number]
    count, passes = round(float(scored[:window].sum())), float(total[:window].sum())
    if not count:
        return found.model_copy(update={"because": f"no scored executions in {window} days"})
    # Wilson's interval of scores is wider than need be, never narrower.
    spread = wilson(Counts(min(count, round(passes)), count))
    passed, failed = kind.passed[number : number + 1], kind.failed[number : number + 1]
    chances = chances_below(passed, failed, settings.levels)[0]
    rate = min(1.0, passes / count)
    changes: dict[str, object] = {
        "scored": count,
        "rate": rate,
        "low": min(rate, spread.low or 0.0),
        "high": max(rate, 1.0 if spread.high is None else spread.high),
    }
    if count < settings.least_executions:
        why = f"{count} scored executions in {window} days; {settings.least_executions} are needed"
        return found.model_copy(update={**changes, "because": why})
    level = level_of(chances, settings.certainty)
    names = ("below_critical", "below_warning", "below_target", "below_excellent")
    changes |= dict(zip(names, map(float, chances), strict=True))
    changes["level"] = level
    if level in BAD:
        prior = replace(kind.prior, mean=kind.prior.mean[number : number + 1])
        days = days_below(scored, total, prior, _edge(level, settings), (window, settings.certainty))
        changes["level_since"] = look.now - timedelta(days=days)
    return found.model_copy(update=changes)


def _edge(level: QualityLevel, settings: QualitySettings) -> float:
    levels = settings.levels
    return (levels.critical, levels.warning, levels.target)[BAD.index(level)]


def _named(data: Watched, streams: Streams, number: int) -> dict[str, str | None]:
    def name(names: Sequence[str], code: int) -> str | None:
        return names[code - 1] if code else None

    prompts, slices, models = data.names
    return {
        "prompt": name(prompts, int(streams.prompt[number])),
        "slice": name(slices, int(streams.slice[number])),
        "model": name(models, int(streams.model[number])),
    }


def _in_order(reading: QualityReading) -> tuple[str, int, str, str]:
    split = (reading.slice is not None) + (reading.model is not None)
    return (reading.prompt or "", split, reading.slice or "", reading.model or "")
