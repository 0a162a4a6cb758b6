"""Readings of quality: what is shown of a stream, what is not, what is unknown."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from quality_world import day, part, stream

from flywheel.learn.quality import read_quality
from flywheel.learn.quality_levels import Prior, days_below
from flywheel.learn.quality_parts import speaking
from flywheel.records.columns import Coded, QualityColumns
from flywheel.records.quality import (
    QualityLevel,
    QualityLevels,
    QualityReading,
    QualityReport,
    QualitySettings,
)

RULES = QualitySettings()
NOW = day(56)
ORDER = [level for level in QualityLevel if level is not QualityLevel.UNKNOWN]


def read(columns: QualityColumns, at: float = 56, **changed: object) -> QualityReport:
    """A look at a moment with some settings of another value."""
    return read_quality(columns, RULES.model_copy(update=changed), day(at))


def test_a_healthy_stream_has_nothing_to_tell() -> None:
    """At 97 % for eight weeks: on target, as usual, no severity, no reason."""
    (reading,) = read(stream(np.full(56, 0.97))).readings

    assert (reading.level, reading.fall.state) == ("on target", "usual")
    assert (reading.severity, reading.reasons, reading.scored) == (None, (), 1_400)
    assert reading.low < reading.rate < reading.high
    assert reading.below_critical <= reading.below_warning <= reading.below_target <= reading.below_excellent


def test_a_fall_says_since_when() -> None:
    """From 97 to 85 % five days ago: fallen, the start within a day of the true one."""
    report = read(stream(np.repeat([0.97, 0.85], [51, 5])))
    (reading,) = report.readings

    assert reading.fall.state == "fallen"
    assert abs(reading.fall.began_at - day(51)) < timedelta(days=1)
    assert reading.fall.began_at < reading.fall.shown_at < day(53)
    assert reading.severity == "high"
    assert reading.reasons[0].startswith("fall: ")
    assert report.degraded == (reading,)


def test_a_fall_below_critical_is_critical() -> None:
    """The detector with the level: the highest severity; either alone is less."""
    (fallen,) = read(stream(np.repeat([0.97, 0.6], [49, 7]))).readings
    (always,) = read(stream(np.full(56, 0.6))).readings

    assert (fallen.level, fallen.fall.state, fallen.severity) == ("critical", "fallen", "critical")
    assert (always.level, always.fall.state, always.severity) == ("critical", "usual", "high")


@pytest.mark.parametrize("rate", [0.0, 0.01, 0.5, 1.0])
def test_a_stream_that_never_was_otherwise_has_not_fallen(rate: float) -> None:
    """Also one that never passes, or always does."""
    (reading,) = read(stream(np.full(56, rate), per_day=400)).readings

    assert reading.fall.state == "usual"
    assert 0 < reading.fall.bound < reading.fall.reference


def test_a_fall_that_is_over_is_told_no_more() -> None:
    """Back at the old rate for ten days: recovered, nothing is degraded."""
    (reading,) = read(stream(np.repeat([0.97, 0.8, 0.97], [40, 5, 11]))).readings

    assert reading.fall.state == "recovered"
    assert day(45) < reading.fall.over_at < day(49)
    assert reading.severity is None


def test_a_slow_decline_is_told_before_the_level_is_reached() -> None:
    """99 to 96 % in a straight line over two weeks: the target is days away, and the trend says so."""
    rates = np.concatenate([np.full(42, 0.99), np.linspace(0.99, 0.962, 14)])
    (reading,) = read(stream(rates, per_day=2_000)).readings

    assert reading.level == "on target"
    assert reading.trend.crosses == "target"
    assert 0 < reading.trend.in_days <= RULES.trend_horizon_days
    assert any(reason.startswith("trend: ") for reason in reading.reasons)


def test_too_few_executions_are_unknown_with_a_because() -> None:
    """Nine in the window, and a week of history: neither a level nor a fall, each with its reason."""
    few = stream(np.full(3, 0.0), per_day=3)
    (reading,) = read(few, at=3).readings

    assert (reading.level, reading.severity) == ("unknown", None)
    assert reading.because == "9 scored executions in 7 days; 10 are needed"
    assert reading.rate == 0.0
    assert reading.below_warning is None
    assert "a reference needs" in reading.fall.because
    assert "a trend needs" in reading.trend.because


def test_unscored_and_skipped_are_no_failures() -> None:
    """Half unscored, some skipped: the rate is that of the scored ones, and unscored are counted."""
    columns = stream(np.full(7, 1.0), per_day=100)
    outcome = columns.outcome.copy()
    outcome[::2], outcome[1::10] = 4, 3
    (reading,) = read(replace(columns, outcome=outcome), at=7).readings

    assert (reading.rate, reading.scored, reading.unscored) == (1.0, 280, 350)


def test_an_error_is_a_failure_and_a_score_is_a_score() -> None:
    """The pass rate counts outcomes, the mean score counts scores, an error without one as 0."""
    columns = stream(np.full(7, 1.0), per_day=100)
    outcome, score = columns.outcome.copy(), np.full(700, 0.8)
    outcome[:70], score[:70] = 2, np.nan
    columns = replace(columns, outcome=outcome, score=score)

    assert read(columns, at=7).readings[0].rate == pytest.approx(0.9)
    assert read(columns, at=7, measure="score").readings[0].rate == pytest.approx(0.72)


def test_only_what_was_live_counts() -> None:
    """Where versions were released, a candidate that fails says nothing of what is live."""
    columns = stream(np.full(10, 1.0), per_day=20)
    codes = (np.arange(200) % 2).astype(np.int32)
    tried = replace(columns, outcome=codes.astype(np.int8), version=Coded(codes, ("good", "bad")))

    everything = read_quality(tried, RULES, day(10)).readings[0]
    live = read_quality(tried, RULES, day(10), {"p": {"good"}}).readings[0]
    assert (everything.rate, live.rate) == (0.5, 1.0)
    assert read_quality(tried, RULES, day(10), {"q": {"good"}}).readings[0] == everything


def test_what_lies_ahead_or_far_back_does_not_count() -> None:
    """Executions after the moment, or before the history, change nothing."""
    columns = stream(np.repeat([0.0, 0.97, 0.0], [20, 56, 5]))
    now = day(76.0)
    whole, cut = (read_quality(c, RULES, now) for c in (columns, part(columns, slice(20 * 200, 76 * 200))))

    assert whole == cut


def test_one_bad_cell_of_many_is_found_and_named() -> None:
    """Of 9 cells one falls to 50 %: it fires, healthy ones do not."""
    rates = np.full((56, 9), 0.96)
    rates[49:, 4] = 0.5
    report = read(stream(rates, per_day=200, grid=(3, 3)))
    cells = {one.name: one for one in report.readings if one.slice and one.model}

    assert len(report.readings) == 16
    assert report.detectors == 16
    assert [name for name, one in cells.items() if one.severity] == ["p in s1 on m1"]
    assert cells["p in s1 on m1"].severity == "critical"


def test_a_split_into_one_part_is_no_stream_of_its_own() -> None:
    """One model, three slices: the whole with three slices, neither a model nor a cell."""
    report = read(stream(np.full(56, 0.97), grid=(3, 1)))

    assert [one.name for one in report.readings] == ["p", "p in s0", "p in s1", "p in s2"]


def test_silence_is_told_and_a_weekend_is_none() -> None:
    """Working days only: quiet on Monday morning is usual, quiet for a week is not."""
    columns = stream(np.full(40, 0.97))
    weekday = (columns.moment // 86_400).astype(int) % 7
    working = part(columns, np.flatnonzero(weekday < 5))
    last = working.moment[-1]

    def silent(hours: float) -> bool:
        now = day(0) + timedelta(seconds=last - day(0).timestamp() + 3_600 * hours)
        return read_quality(working, RULES, now).readings[0].silent_since is not None

    assert not silent(60)
    assert silent(7 * 24)


def test_fixed_thresholds_are_shown_with_their_false_flags() -> None:
    """On thin cells they flag healthy streams by the dozen, as many as is said; they decide nothing."""
    reports = [
        read(stream(np.full(56, 0.95), grid=(7, 7), seed=seed), at=at) for seed in (1, 2) for at in (54, 56)
    ]
    flagged = np.mean([report.literal_flagged for report in reports])
    expected = np.mean([report.literal_false for report in reports])

    assert flagged > 30
    assert flagged == pytest.approx(expected, rel=0.2)
    assert sum(len(report.degraded) for report in reports) == 0


def test_the_false_alarms_are_shared() -> None:
    """With 16 detectors each one's evidence must be 16 times as strong, and its bound lies lower."""
    alone = read(stream(np.full(56, 0.96))).readings[0].fall
    shared = read(stream(np.full(56, 0.96), grid=(3, 3))).readings[0].fall

    assert shared.run_length == pytest.approx(16 * alone.run_length)
    assert shared.bound < alone.bound < alone.reference


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 60))
def test_more_failures_never_raise_a_level(seed: int, more: int) -> None:
    """Passes of one cell turned into failures: no stream it is part of looks better for it."""
    columns = stream(np.full(10, 0.93), per_day=30, grid=(2, 2), seed=seed)
    rows = np.flatnonzero((columns.slice.codes == 0) & (columns.model.codes == 1))
    outcome = columns.outcome.copy()
    outcome[np.random.default_rng(seed).permutation(rows)[:more]] = 1
    before, after = (read(c, at=10) for c in (columns, replace(columns, outcome=outcome)))

    for old, new in zip(before.readings, after.readings, strict=True):
        if old.slice not in (None, "s0") or old.model not in (None, "m1"):
            continue
        assert ORDER.index(new.level) >= ORDER.index(old.level)
        assert new.rate <= old.rate
        assert new.below_warning >= old.below_warning - 1e-9


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000), st.permutations(range(4)))
def test_the_order_of_cells_is_irrelevant(seed: int, names: list[int]) -> None:
    """Executions in another order, names with other codes: the same report."""
    columns = stream(np.full(30, 0.9), per_day=20, grid=(2, 2), seed=seed)
    shuffled = part(columns, np.random.default_rng(seed).permutation(len(columns)))
    place = np.array(names, dtype=np.int32)
    renamed = replace(
        shuffled,
        slice=Coded(place[shuffled.slice.codes], tuple(f"s{names.index(at)}" for at in range(4))),
    )

    assert read(renamed, at=30) == read(columns, at=30) == read(columns, at=30)


def test_levels_out_of_order_are_refused() -> None:
    """A warning above the target would be no warning."""
    with pytest.raises(ValidationError, match="need excellent >= target"):
        QualityLevels(warning=0.97)
    with pytest.raises(ValidationError, match="need at least window_days"):
        QualitySettings(history_days=5)


def test_nothing_is_nothing() -> None:
    """Without executions there is no reading and no promise."""
    report = read(part(stream(np.full(2, 1.0)), slice(0, 0)))

    assert (report.readings, report.detectors, report.literal_false) == ((), 0, 0.0)


def test_a_prompt_that_is_bad_everywhere_is_one_alert() -> None:
    """When all slices or most of them fired, the whole speaks; one of eight speaks for itself."""

    def spoken(bad: int, of: int) -> list[str]:
        parts = [
            QualityReading(
                prompt="p",
                slice=f"s{n}",
                scored=100,
                rate=0.2 if n < bad else 1.0,
                level=QualityLevel.CRITICAL if n < bad else QualityLevel.ON_TARGET,
                severity="high" if n < bad else None,
            )
            for n in range(of)
        ]
        rate = sum(one.rate for one in parts) / of
        whole = QualityReading(
            prompt="p", scored=100 * of, rate=rate, level=QualityLevel.CRITICAL, severity="high"
        )
        return [one.name for one in speaking([whole, *parts], QualitySettings())]

    assert spoken(8, 8) == ["p"]
    assert spoken(5, 8) == ["p"]
    assert spoken(1, 8) == ["p in s0"]


def test_days_without_executions_are_no_bad_days() -> None:
    """A stream that began two days ago was not bad before, whatever its whole is like."""
    scored = np.array([50.0, 50, 0, 0, 0, 0])
    prior = Prior(np.array([0.2]), 20.0)

    assert days_below(scored, scored * 0.2, prior, 0.85, (1, 0.95)) == 1
