"""Response time and satisfaction, watched beside quality."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from quality_world import day, stream

from flywheel.learn.quality import read_quality
from flywheel.learn.quality_measures import read_measures
from flywheel.records.alert import is_on_quality
from flywheel.records.quality import DetectorState, QualitySettings
from flywheel.watch.quality_news import quality_news

NOW = day(40)
SETTINGS = QualitySettings(response_ms=1000)


@pytest.fixture(scope="module")
def slow():
    """Forty days of a prompt that passes, becomes slow on day 34, and is rated as ever."""
    columns = stream(np.full(40, 0.97), per_day=60)
    age = (NOW.timestamp() - columns.moment) / 86_400
    draw = np.random.default_rng(4)
    latency = draw.lognormal(6.0, 0.25, len(columns)) * np.where(age < 6, 2.2, 1.0)
    rating = np.where(draw.random(len(columns)) < 0.3, draw.choice([4.0, 5.0], len(columns)), np.nan)
    return replace(columns, latency_ms=latency, rating=rating)


def test_a_slow_week_is_a_fall_of_response_time_alone(slow):
    """Quality is as it was; the share in time fell, the 95th percentile lies above the target."""
    quality = read_quality(slow, SETTINGS, NOW)
    time, stars = read_measures(slow, SETTINGS, NOW)
    whole = time.readings[0]

    assert quality.readings[0].fall.state is DetectorState.USUAL
    assert whole.fall.state is DetectorState.FALLEN
    assert whole.p95_low_ms > 1000
    assert whole.p95_low_ms <= whole.p95_ms <= whole.p95_high_ms
    assert stars.readings[0].fall.state is DetectorState.USUAL
    assert stars.readings[0].rate == pytest.approx(0.875, abs=0.03)


def test_the_alert_says_what_it_is_about(slow):
    """Its subject is response time, so that it is no alert on quality and starts no cycle."""
    time, _ = read_measures(slow, SETTINGS, NOW)
    (alert,) = quality_news(time).alerts

    assert alert.subject.endswith(": response time")
    assert not is_on_quality(alert.subject, str(time.readings[0].prompt))
    assert "the target is 1,000 ms" in alert.message


def test_without_a_target_or_ratings_nothing_is_watched(slow):
    """No target and no rating are no measure, never a rate of 0."""
    silent = replace(slow, rating=np.full(len(slow), np.nan))

    assert [one.settings.measure for one in read_measures(slow, QualitySettings(), NOW)] == ["satisfaction"]
    assert read_measures(silent, QualitySettings(), NOW) == ()


def test_what_quality_says_does_not_depend_on_the_other_measures(slow):
    """Latencies, ratings and a target change no reading of quality."""
    bare = replace(slow, latency_ms=None, rating=None)

    with_them = read_quality(slow, SETTINGS, NOW)
    without = read_quality(bare, QualitySettings(), NOW)

    assert with_them.readings == without.readings
    assert with_them.detectors == without.detectors


def test_few_ratings_are_unknown(slow):
    """Five stars of two people are not excellent."""
    few = replace(slow, rating=np.where(np.arange(len(slow)) >= len(slow) - 2, 5.0, np.nan))
    (stars,) = read_measures(few, QualitySettings(), NOW)

    assert stars.readings[0].level.value == "unknown"
    assert "10 are needed" in stars.readings[0].because
