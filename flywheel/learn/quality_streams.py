"""Executions sorted into the streams whose quality is watched."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from flywheel.learn.reporting import ERROR, PASSED, SKIPPED, UNSCORED
from flywheel.records.columns import QualityColumns
from flywheel.records.quality import QualitySettings

DAY_S = 86_400.0

KINDS: tuple[tuple[bool, bool], ...] = ((False, False), (False, True), (True, False), (True, True))
"""Whether a kind of stream is split by slice, by model: the whole, models, slices, cells."""

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Watched:
    """The executions that count, n rows in the order of time.

    Attributes:
        moment: float64, seconds since 1970.
        score: float64 in [0, 1]; NaN is unscored.
        age: int64, whole days before now; 0 is the last 24 hours.
        prompt, slice, model: int64 codes; 0 is unknown, the rest the names' positions plus 1.
        names: of prompt, slice, model.
    """

    moment: Floats
    score: Floats
    age: Ints
    prompt: Ints
    slice: Ints
    model: Ints
    names: tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Streams:
    """Streams of one kind, k of them.

    Attributes:
        by_slice, by_model: what they are split by.
        prompt, slice, model: int64 codes as in `Watched`, shape (k,); 0 where not split.
        order: rows of `Watched`, stream after stream, each in the order of time.
        starts: int64, shape (k + 1,), where each stream begins in order.
        scored, total: float64, shape (k, days): scored executions of each day back from now, with the
            sum of their scores.
        unscored: int64, shape (k,), in the window.
    """

    by_slice: bool
    by_model: bool
    prompt: Ints
    slice: Ints
    model: Ints
    order: NDArray[np.int32]
    starts: Ints
    scored: Floats
    total: Floats
    unscored: Ints

    def __len__(self) -> int:
        return len(self.prompt)

    def rows(self, number: int) -> NDArray[np.int32]:
        """Rows of one stream, in the order of time."""
        return self.order[self.starts[number] : self.starts[number + 1]]


def watched(
    columns: QualityColumns, settings: QualitySettings, now_s: float, live: Mapping[str, Collection[str]]
) -> Watched:
    """What counts, sorted by time.

    Left out are skipped executions, those of versions that never were live
    where a prompt has a live one, and what is not within the history.

    Args:
        columns: n executions.
        settings: how long the history is, what is measured.
        now_s: seconds since 1970.
        live: names of the versions that are or were live, by prompt; a prompt without any counts whole.
    """
    begin = np.floor(now_s / DAY_S - settings.history_days) * DAY_S
    keep = (columns.outcome != SKIPPED) & (columns.moment >= begin) & (columns.moment <= now_s)
    keep &= was_live(columns, live)
    rows = np.flatnonzero(keep)
    rows = rows[np.argsort(columns.moment[rows], kind="stable")]
    moment = columns.moment[rows]
    prompt, slice_, model = (
        coded.codes[rows].astype(np.int64) + 1 for coded in (columns.prompt, columns.slice, columns.model)
    )
    return Watched(
        moment=moment,
        score=measured(columns, settings)[rows],
        age=((now_s - moment) // DAY_S).astype(np.int64),
        prompt=prompt,
        slice=slice_,
        model=model,
        names=(columns.prompt.names, columns.slice.names, columns.model.names),
    )


def streams_of(data: Watched, settings: QualitySettings) -> Iterator[Streams]:
    """Streams of the four kinds, the whole first; a split into one part is not made."""
    several_slices = _several(data.prompt, data.slice)
    several_models = _several(data.prompt, data.model)
    for by_slice, by_model in KINDS:
        mine = np.ones(data.prompt.size, dtype=bool)
        if by_slice:
            mine &= several_slices & (data.slice > 0)
        if by_model:
            mine &= several_models & (data.model > 0)
        yield _streams(data, np.flatnonzero(mine), (by_slice, by_model), settings)


def _streams(data: Watched, rows: Ints, split: tuple[bool, bool], settings: QualitySettings) -> Streams:
    by_slice, by_model = split
    slice_ = data.slice[rows] if by_slice else np.zeros(rows.size, np.int64)
    model = data.model[rows] if by_model else np.zeros(rows.size, np.int64)
    wide_slice, wide_model = len(data.names[1]) + 1, len(data.names[2]) + 1
    key = (data.prompt[rows] * wide_slice + slice_) * wide_model + model
    keys, number = np.unique(key, return_inverse=True)
    order = np.argsort(number, kind="stable")
    days = settings.history_days + 1
    place = number * days + data.age[rows]
    score = data.score[rows]
    known = ~np.isnan(score)
    size = keys.size * days
    recent = data.age[rows] < settings.window_days
    return Streams(
        by_slice=by_slice,
        by_model=by_model,
        prompt=keys // (wide_slice * wide_model),
        slice=keys // wide_model % wide_slice,
        model=keys % wide_model,
        order=rows[order].astype(np.int32),
        starts=np.concatenate(([0], np.cumsum(np.bincount(number, minlength=keys.size)))).astype(np.int64),
        scored=np.bincount(place[known], minlength=size).reshape(-1, days).astype(np.float64),
        total=np.bincount(place[known], score[known], size).reshape(-1, days).astype(np.float64),
        unscored=np.bincount(number[~known & recent], minlength=keys.size),
    )


def _several(prompt: Ints, part: Ints) -> NDArray[np.bool_]:
    """Whether the prompt of a row has more than one part; what is unknown is a part too."""
    seen = np.zeros((int(prompt.max(initial=0)) + 1, int(part.max(initial=0)) + 1), dtype=bool)
    seen[prompt, part] = True
    parts = seen.sum(axis=1)
    return np.asarray(parts[prompt] > 1, dtype=np.bool_)


def measured(columns: QualityColumns, settings: QualitySettings) -> Floats:
    """What is counted of each execution: 1 or 0, its score, or its rating as a share; NaN is unscored."""
    if settings.measure == "response time":
        return _in_time(columns, settings.response_ms)
    if settings.measure == "satisfaction":
        return np.full(len(columns), np.nan) if columns.rating is None else (columns.rating - 1) / 4
    if settings.measure == "score":
        # An error without a score is a failure, as everywhere.
        return np.where((columns.outcome == ERROR) & np.isnan(columns.score), 0.0, columns.score)
    return np.where(columns.outcome == UNSCORED, np.nan, (columns.outcome == PASSED).astype(np.float64))


def _in_time(columns: QualityColumns, response_ms: float) -> Floats:
    """1 where an answer came in time; 95 % in time is the same as a 95th percentile within it."""
    if columns.latency_ms is None:
        return np.full(len(columns), np.nan)
    return np.where(np.isnan(columns.latency_ms), np.nan, (columns.latency_ms <= response_ms).astype(float))


def was_live(columns: QualityColumns, live: Mapping[str, Collection[str]]) -> NDArray[np.bool_]:
    """Rows of versions that were live, of unknown versions, of prompts of which none is."""
    allowed = np.ones((len(columns.prompt.names) + 1, len(columns.version.names) + 1), dtype=bool)
    for code, name in enumerate(columns.prompt.names):
        if live.get(name):
            allowed[code + 1, 1:] = [version in live[name] for version in columns.version.names]
    return np.asarray(allowed[columns.prompt.codes + 1, columns.version.codes + 1], dtype=np.bool_)
