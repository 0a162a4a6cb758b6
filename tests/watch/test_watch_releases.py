"""Releases held against the version before, on both databases."""

from __future__ import annotations

import numpy as np
import pytest
from alert_world import HandClock
from quality_world import day, executions, part, stream

from flywheel.cli.prompt_keeping import keep_version, version_of
from flywheel.learn.release_watch import read_release
from flywheel.records.columns import Coded
from flywheel.records.cycle import CycleContext, FeedbackLoopInput
from flywheel.records.quality import QualitySettings
from flywheel.records.release import JournalState, ReleaseEvent, ReleaseKind
from flywheel.records.release_watch import ReleaseReading
from flywheel.records.strategy import LearningStrategy
from flywheel.store.open import SqlStore
from flywheel.watch.alerting import AutomatedAlertingSystem
from flywheel.watch.news import spread
from flywheel.watch.releases import ReleaseWatch, release_news

TEXTS = ("One word: {q}", "One word, please: {q}")


def watch_of(store: SqlStore, at: float) -> ReleaseWatch:
    """A watch that tells nobody, at a moment."""
    return ReleaseWatch(AutomatedAlertingSystem(store, (), clock=HandClock(day(at))))


def released(store: SqlStore, rates: tuple[float, float], *, rollback: bool = True, by: str = "c1") -> None:
    """A cycle replaced v1 by v2 on day 10; executions of v1 before, of v2 for three days after."""
    old, new = (version_of("default", "p", text, [f"v{n}"]) for n, text in enumerate(TEXTS, start=1))
    keep_version(store, old, live=True)
    keep_version(store, new, live=False)
    context = CycleContext(
        cycle_id=by,
        request=FeedbackLoopInput(prompt="p"),
        strategy=LearningStrategy(rollback_on_regression=rollback),
        window_start=None,
        window_end=day(10),
        watermark=0,
        control=old.version,
    )
    store.cycles.open(context, day(10))
    event = ReleaseEvent(
        release_id="r2", prompt="p", workspace="default", version=new.version, previous=old.version,
        kind=ReleaseKind.CYCLE, state=JournalState.INTENT, cycle_id=by, created_at=day(10),
    )  # fmt: skip
    live = store.releases.live("default", "p")
    store.releases.promote(None, event, expected_revision=live.revision)
    columns = stream(np.repeat(rates, [10, 3]), per_day=60, grid=(2, 2))
    store.executions.write(executions(part(columns, slice(0, 600)), version="v1"))
    store.executions.write(executions(part(columns, slice(600, 780)), version="v2"))


def test_a_release_that_is_worse_is_undone_once(store: SqlStore) -> None:
    """92 to 60 %: regressed, the version before is live again with the evidence as reason, told once."""
    released(store, (0.92, 0.60))
    watch = watch_of(store, 13)

    (reading,) = watch.read()
    event = watch.undo(reading)
    for _ in range(2):
        spread(watch.system, release_news(watch.read(), watch.undone(), day(13)))

    assert (reading.state, reading.may_roll_back, reading.pairs) == ("regressed", True, 180)
    assert reading.e_value >= 20
    assert reading.difference < -0.2
    assert store.releases.live("default", "p").version == reading.previous == event.version
    newest = store.releases.history("default", "p")[0]
    assert (newest.kind, newest.actor, newest.state) == ("rollback", "release-watch", "verified")
    assert "regressed: " in newest.why
    assert "e = " in newest.why
    assert watch.read() == ()
    (alert,) = store.alerts.open("default")
    assert (alert.subject, alert.severity, alert.times) == ("p: rolled back", "high", 1)


def test_undoing_twice_moves_once(store: SqlStore) -> None:
    """Two that saw the same: the second finds the pointer moved, or the rollback made."""
    released(store, (0.92, 0.60))
    watch = watch_of(store, 13)
    (reading,) = watch.read()
    watch.undo(reading)
    revision = store.releases.live("default", "p").revision

    watch.undo(reading)

    assert store.releases.live("default", "p").revision == revision


def test_what_went_live_since_is_not_touched(store: SqlStore) -> None:
    """Another version went live between reading and undoing: nothing is moved."""
    released(store, (0.92, 0.60))
    watch = watch_of(store, 13)
    (reading,) = watch.read()
    third = version_of("default", "p", "Please: {q}", ["v3"])
    keep_version(store, third, live=True)

    assert watch.undo(reading) is None
    assert store.releases.live("default", "p").version == third.version


def test_a_release_as_good_stays(store: SqlStore) -> None:
    """92 and 92 %: no worse shown; an open alert about it is over."""
    released(store, (0.92, 0.92))
    watch = watch_of(store, 13)
    (reading,) = watch.read()

    assert (reading.state, reading.is_worse) == ("no worse shown", False)
    assert release_news([reading], [], day(13)).over == (("default", "p: release"),)


def test_a_strategy_without_rollback_only_tells(store: SqlStore) -> None:
    """It may not be undone by itself, and the alert says how a person does it."""
    released(store, (0.92, 0.60), rollback=False)
    watch = watch_of(store, 13)
    (reading,) = watch.read()
    (alert,) = release_news([reading], watch.undone(), day(13)).alerts

    assert not reading.may_roll_back
    assert (alert.severity, alert.subject) == ("high", "p: release")
    assert "flywheel rollback p --why TEXT" in alert.message


def test_without_executions_it_is_unknown(store: SqlStore) -> None:
    """Right after the release nothing is known, and nothing is told."""
    released(store, (0.92, 0.60))
    (reading,) = watch_of(store, 10).read()

    assert (reading.state, reading.because) == ("unknown", "no scored executions since the release")
    assert release_news([reading], [], day(10)).alerts == ()


def reading_of(before: float, after: float, seed: int = 0, per_day: int = 100) -> ReleaseReading:
    """Ten days of one version, then ten of the next."""
    columns = stream(np.repeat([before, after], [10, 10]), per_day, (2, 2), seed)
    known = ReleaseReading(prompt="p", version="b", previous="a", revision=2, released_at=day(10))
    return read_release(known, columns, ({"b"}, {"a"}), QualitySettings())


def test_the_floor_acts_where_the_version_before_was_above_it() -> None:
    """At 84 instead of 84 % nothing is gained by going back."""
    assert reading_of(0.70, 0.70).state == "no worse shown"
    assert reading_of(0.97, 0.70).is_worse


def test_pairs_are_of_one_model_and_slice() -> None:
    """A release that came with more of the hard cases is no regression."""
    columns = stream(np.full(20, 0.9), per_day=100, grid=(2, 1))
    hard = columns.moment >= day(10).timestamp()
    rng = np.random.default_rng(1)
    codes = np.where(rng.random(len(columns)) < np.where(hard, 0.9, 0.5), 1, 0).astype(np.int32)
    passed = rng.random(len(columns)) < np.where(codes == 1, 0.6, 0.98)
    mixed = type(columns)(
        (~passed).astype(np.int8), passed * 1.0, columns.moment, columns.prompt, columns.version,
        Coded(codes, ("easy", "hard")), columns.model,
    )  # fmt: skip
    known = ReleaseReading(prompt="p", version="b", previous="a", revision=2, released_at=day(10))

    found = read_release(known, mixed, ({"b"}, {"a"}), QualitySettings())

    assert found.rate < found.rate_before - 0.1
    assert found.state == "no worse shown"


@pytest.mark.slow
def test_releases_that_are_no_worse_are_rarely_undone() -> None:
    """Looked at to the end, at most one in twenty; a loss of ten points is found nearly always."""
    same = sum(reading_of(0.9, 0.9, seed).is_worse for seed in range(400))
    worse = sum(reading_of(0.9, 0.8, seed).is_worse for seed in range(100))

    assert same / 400 <= 0.05
    assert worse >= 90
