"""What became of the improvements that were applied."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flywheel.learn.loop_health import loop_health, meets
from flywheel.records.cycle import FeedbackLoopOutput
from flywheel.records.loop_health import KnownShare
from flywheel.records.release import ReleaseEvent

START = datetime(2026, 3, 1, tzinfo=UTC)


def event(number: int, kind: str = "cycle", **changes: object) -> ReleaseEvent:
    """The release of version `v<number>`, so many days after the first."""
    usual = {
        "release_id": f"r{number}",
        "prompt": "triage",
        "workspace": "default",
        "version": f"v{number}",
        "previous": f"v{number - 1}",
        "kind": kind,
        "state": "verified",
        "cycle_id": f"c{number}",
        "created_at": START + timedelta(days=number),
    }
    return ReleaseEvent.model_validate({**usual, **changes})


def output(number: int, gain: tuple[float, float, float] | None, **changes: object) -> FeedbackLoopOutput:
    """What the cycle of that release gave; gain is low, estimate, high on report cases."""
    low, estimate, high = gain or (None, None, None)
    usual = {
        "success": True,
        "feedback_collected": 10,
        "improvements_identified": 1,
        "improvements_validated": 1,
        "improvements_applied": 1,
        "performance_delta": 0.1,
        "confidence_score": 0.99,
        "p_value": 0.01,
        "statistically_significant": True,
        "workflow_stages": (),
        "cycle_id": f"c{number}",
        "prompt": "triage",
        "workspace": "default",
        "control": "v0",
        "live": f"v{number}",
        "because": "",
        "shipped": (f"v{number}",),
        "report_low": low,
        "report_gain": estimate,
        "report_high": high,
    }
    return FeedbackLoopOutput.model_validate({**usual, **changes})


def test_each_improvement_has_one_end():
    """Shown better, shown worse, neither, unmeasured: two answers of four, and a mean gain of three."""
    events = [event(0, "first"), event(1), event(2), event(3), event(4, "review")]
    outputs = [output(1, (0.02, 0.1, 0.2)), output(2, (-0.3, -0.2, -0.1)), output(3, (-0.1, 0.04, 0.2))]

    found = loop_health(events, outputs)

    assert (found.applied, found.real.count, found.false.count, found.unanswered) == (4, 1, 1, 2)
    assert found.real.share == 0.5
    assert (found.measured, found.mean_gain) == (3, pytest.approx(-0.02))
    assert found.hours_between == 24


def test_what_was_rolled_back_was_none():
    """A rollback undoes all releases since the one it goes back to; a gain measured before counts no more."""
    events = [
        event(0, "first"),
        event(1),
        event(2),
        event(3),
        event(4, "rollback", version="v1", previous="v3", cycle_id=None),
    ]

    found = loop_health(events, [output(n, (0.02, 0.1, 0.2)) for n in (1, 2, 3)])

    assert (found.real.count, found.false.count, found.false.share) == (1, 2, pytest.approx(2 / 3))


def test_a_release_that_was_reverted_was_never_applied():
    """Only what the journal says went live counts, whatever the order it is told in."""
    events = [event(2, state="reverted"), event(1, state="intent"), event(3)]

    assert loop_health(events, []) == loop_health(events[::-1], [])
    assert loop_health(events, []).applied == 1


def test_nothing_known_is_no_zero():
    """Without improvements every share is unknown."""
    found = loop_health([event(0, "first")], [])

    assert (found.real.share, found.false.share, found.refused.share) == (None, None, None)
    assert (found.mean_gain, found.hours_between) == (None, None)


def test_candidates_that_were_rejected():
    """The share of rejected candidates is taken over all that got a verdict."""
    outputs = [output(1, None, rejected=("a", "b"), held=("c",)), output(2, None, staged=("d",))]

    assert (loop_health([], outputs).refused.count, loop_health([], outputs).refused.of) == (2, 6)


@pytest.mark.parametrize(
    ("low", "high", "at_least", "kept"),
    [
        (0.92, 1.0, True, True),
        (0.5, 0.8, True, False),
        (0.85, 0.95, True, None),
        (None, None, True, None),
        (0.0, 0.8, False, True),
        (0.95, 1.0, False, False),
        (0.85, 0.95, False, None),
    ],
)
def test_a_promise_is_kept_missed_or_open(low, high, at_least, kept):
    """Against a target of 0.9 an interval on one side of it answers, any other does not."""
    share = None if low is None else (low + high) / 2

    found = meets(KnownShare(count=1, of=2, share=share, low=low, high=high), 0.9, at_least=at_least)

    assert found is kept


@given(st.lists(st.sampled_from(["cycle", "review", "manual", "rollback"]), max_size=12))
def test_answers_add_up(kinds):
    """Real, false and unanswered are all that was applied."""
    events = [event(0, "first")]
    for number, kind in enumerate(kinds, start=1):
        back = {"version": events[-1].previous or "v0"} if kind == "rollback" else {}
        events.append(event(number, kind, **back))

    found = loop_health(events, [output(n, (0.01, 0.1, 0.2)) for n in range(0, 12, 2)])

    assert found.real.count + found.false.count + found.unanswered == found.applied
