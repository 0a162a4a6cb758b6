"""The sample application put into a store, ready for a turn of the flywheel."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from flywheel.demo import application
from flywheel.demo.turn import LABEL, prepare
from flywheel.llm.runner import Runner
from flywheel.llm.scripted import ScriptedModel
from flywheel.ports import Store
from flywheel.records.chat import ChatRequest
from flywheel.records.columns import Scope
from flywheel.records.prompt import PromptVersion, content_hash
from flywheel.records.release import JournalState, ReleaseEvent, ReleaseKind

MODEL = "scripted"
NOW = datetime(2025, 10, 1, 9, tzinfo=UTC)
SCOPE = Scope(workspace=application.WORKSPACE, prompt=application.PROMPT_NAME)


class FixedClock:
    """A clock that stands still."""

    def now(self) -> datetime:
        """Always the same moment."""
        return NOW


def always_dob(request: ChatRequest) -> str:
    """A model with one answer for everything."""
    return "dob"


def runner() -> Runner:
    """A runner of the scripted model."""
    return Runner({MODEL: ScriptedModel(always_dob)})


def refuses() -> Runner:
    """A runner that must not be asked for anything."""
    return Runner({})


@pytest.mark.integration
def test_prepare_stores_one_scored_execution_for_every_case(store: Store) -> None:
    """Nothing is left out of the baseline, all of it counts as evidence."""
    prepared = prepare(store, runner(), MODEL, FixedClock())
    counts = store.executions.counts(SCOPE)
    assert prepared.executions == prepared.ran == prepared.written.stored == len(application.cases())
    assert sum(counts.by_outcome.values()) == counts.stored == len(application.cases())
    right = [c for c in application.cases() if isinstance(c.expected, dict) and c.expected["field"] == "dob"]
    assert counts.by_outcome["passed"] == len(right) > 0


@pytest.mark.integration
def test_prepare_stores_suite_and_cases_as_the_application_gives_them(store: Store) -> None:
    """What is read back is what the data files say."""
    prepare(store, runner(), MODEL, FixedClock())
    assert store.cases.suite(application.WORKSPACE, application.SUITE_NAME) == application.suite()
    kept = store.cases.cases(application.WORKSPACE, application.SUITE_NAME)
    assert sorted(kept, key=lambda c: c.case_id) == sorted(application.cases(), key=lambda c: c.case_id)


@pytest.mark.integration
def test_prepare_makes_the_first_prompt_live_under_its_label(store: Store) -> None:
    """The cycle finds a version to beat."""
    prepared = prepare(store, runner(), MODEL, FixedClock())
    live = store.releases.live(application.WORKSPACE, application.PROMPT_NAME)
    version = store.prompts.get(application.WORKSPACE, application.PROMPT_NAME, LABEL)
    assert live is not None
    assert (live.version, live.kind) == (prepared.version, ReleaseKind.FIRST)
    assert version is not None
    assert (version.text, version.variables) == (application.first_prompt(), ("question",))


@pytest.mark.integration
def test_preparing_again_runs_no_case_and_changes_nothing(store: Store) -> None:
    """The second call asks no model, so one that does not exist will do."""
    first = prepare(store, runner(), MODEL, FixedClock())
    before = (store.executions.digest(SCOPE), store.executions.watermark(application.WORKSPACE))
    again = prepare(store, refuses(), MODEL, FixedClock())
    assert (store.executions.digest(SCOPE), store.executions.watermark(application.WORKSPACE)) == before
    assert (again.ran, again.executions, again.request) == (0, first.executions, first.request)
    assert len(store.releases.history(application.WORKSPACE, application.PROMPT_NAME)) == 1


@pytest.mark.integration
def test_preparing_again_leaves_a_version_that_went_live_later(store: Store) -> None:
    """What a cycle released is not taken back by repeating the preparation."""
    prepared = prepare(store, runner(), MODEL, FixedClock())
    better = application.first_prompt() + "\nAnswer with the name only."
    version = content_hash(better)
    place = {"prompt": application.PROMPT_NAME, "workspace": application.WORKSPACE, "version": version}
    store.prompts.add(PromptVersion(**place, text=better))
    live = store.releases.live(application.WORKSPACE, application.PROMPT_NAME)
    assert live is not None
    event = ReleaseEvent(
        **place,
        release_id="later",
        previous=prepared.version,
        kind=ReleaseKind.MANUAL,
        state=JournalState.INTENT,
        created_at=NOW,
    )
    store.releases.promote(None, event, live.revision)
    prepare(store, refuses(), MODEL, FixedClock())
    now_live = store.releases.live(application.WORKSPACE, application.PROMPT_NAME)
    assert now_live is not None
    assert now_live.version == version


@pytest.mark.integration
def test_an_interrupted_baseline_continues_with_the_cases_that_are_missing(store: Store) -> None:
    """A preparation that was killed half-way costs no call twice."""
    half: list[int] = []

    def interrupt(done: int) -> None:
        half.append(done)
        if done == 300:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        prepare(store, runner(), MODEL, FixedClock(), interrupt)
    rest: list[int] = []
    prepared = prepare(store, runner(), MODEL, FixedClock(), rest.append)
    assert prepared.executions == len(application.cases())
    assert 0 < prepared.ran == len(rest) < len(application.cases())
    assert store.executions.counts(SCOPE).stored == len(application.cases())


@pytest.mark.unit
def test_the_request_asks_for_the_whole_history_with_live_experiments(store: Store) -> None:
    """The cycle that follows sees all of the baseline, whenever it was captured."""
    request = prepare(store, runner(), MODEL, FixedClock()).request
    assert (request.prompt, request.suite, request.workspace) == (
        application.PROMPT_NAME,
        application.SUITE_NAME,
        "demo",
    )
    assert (request.model, request.time_window_days, request.seed) == (MODEL, None, 7)
    assert (request.max_cost_ratio, request.max_latency_ratio) == (6.0, 1.75)
