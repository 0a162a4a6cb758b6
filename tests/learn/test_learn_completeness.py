"""The score of captured data."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flywheel.learn.completeness import CRITERIA, SessionCounts, session_quality

WHEN = datetime(2026, 1, 31, tzinfo=UTC)
NAMES = [criterion.name for criterion in CRITERIA]


def counts(executions: int, failures: int, known: dict[str, int]) -> SessionCounts:
    """A session with so many executions that fulfil each criterion."""
    return SessionCounts("s1", executions, 0, executions - failures, failures, known, WHEN, WHEN)


def test_the_points_sum_to_a_hundred():
    """The scale is what it says."""
    assert sum(criterion.points for criterion in CRITERIA) == 100
    assert len(set(NAMES)) == len(NAMES)


def test_everything_known_is_a_hundred():
    """Nothing is missing, nothing is asked for."""
    quality = session_quality(counts(7, 2, {**dict.fromkeys(NAMES, 7), "explained": 2}))

    assert quality.score == pytest.approx(100)
    assert quality.missing == ()


def test_nothing_known_is_zero():
    """A session of executions without anything has no points, and every criterion says how to add it."""
    quality = session_quality(counts(7, 7, {}))

    assert quality.score == 0
    assert [found.criterion.name for found in quality.missing[:2]] == ["outcome", "prompt"]
    assert all(found.criterion.how for found in quality.missing)


def test_a_session_of_skipped_tests_has_no_score():
    """Unknown is not zero."""
    assert session_quality(counts(0, 0, {})).score is None


def test_what_applies_to_nothing_is_left_out():
    """Without failures there is nothing to explain, and no points are lost by it."""
    assert session_quality(counts(4, 0, dict.fromkeys(NAMES, 4))).score == pytest.approx(100)


@given(st.integers(1, 50), st.data())
def test_more_known_never_lowers_the_score(executions: int, data: st.DataObject):
    """The score lies between 0 and 100 and grows with every criterion."""
    failures = data.draw(st.integers(0, executions))
    known = {
        name: data.draw(st.integers(0, failures if name == "explained" else executions)) for name in NAMES
    }
    name = data.draw(st.sampled_from(NAMES))
    most = failures if name == "explained" else executions

    score = session_quality(counts(executions, failures, known)).score
    more = session_quality(counts(executions, failures, {**known, name: most})).score

    assert score is not None
    assert more is not None
    assert 0 <= score <= more + 1e-9 <= 100 + 1e-6
