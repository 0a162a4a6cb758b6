"""The recorder in one process: input, batches, threads, tasks."""

from __future__ import annotations

import asyncio
import threading
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
from recorder_world import stored

import flywheel
from flywheel.capture.record_buffer import RecordBuffer
from flywheel.capture.recorder import Recorder, RecorderSettings, recorder
from flywheel.errors import InputError, PolicyError
from flywheel.records.execution import Execution, ModelUse
from flywheel.store.open import SqlStore


@pytest.fixture
def settings(tmp_path: Path) -> RecorderSettings:
    """Settings with a spool of the test's own."""
    return RecorderSettings(spool=tmp_path / "spool", within_s=0.05, close_s=60)


def test_what_is_recorded_reads_back(store: SqlStore, settings: RecorderSettings):
    """Every field arrives as it was given, on either database."""
    started = datetime(2026, 1, 31, 12, tzinfo=UTC)
    with recorder("triage", store=store, settings=settings, version="v2", model="small") as rec:
        rec.record(
            execution_id="r1",
            outcome="failed",
            inputs={"question": "Where?"},
            output=["a", 1.5],
            expected=None,
            metadata={"a": {"b": [True]}},
            confidence=0.25,
            latency_ms=12,
            input_tokens=190,
            models=[{"model": "small", "confidence": 0.5}, ModelUse(model="large")],
            error_message="no",
            started_at=started,
        )

    assert stored(store) == [
        Execution(
            execution_id="r1",
            prompt="triage",
            version="v2",
            model="small",
            outcome="failed",
            inputs={"question": "Where?"},
            output=["a", 1.5],
            metadata={"a": {"b": [True]}},
            confidence=0.25,
            latency_ms=12,
            input_tokens=190,
            models=(ModelUse(model="small", confidence=0.5), ModelUse(model="large")),
            error_message="no",
            started_at=started,
        )
    ]


def test_fields_are_copied_when_they_are_recorded(store: SqlStore, settings: RecorderSettings):
    """What the application does to its objects afterwards does not show."""
    inputs = {"question": "Where?"}
    with recorder(store=store, settings=settings) as rec:
        rec.record(outcome=True, inputs=inputs)
        inputs["question"] = "changed"

    assert stored(store)[0].inputs == {"question": "Where?"}


def test_objects_become_plain_json(store: SqlStore, settings: RecorderSettings):
    """Dataclasses, times, exceptions, NaN: none of it stops the application."""

    @dataclass
    class Question:
        text: str

    with recorder(store=store, settings=settings) as rec:
        rec.record(
            outcome="passed", inputs=Question("Where?"), output={"error": ValueError("x")}, metadata={1: {2}}
        )

    kept = stored(store)[0]
    assert kept.inputs == {"text": "Where?"}
    assert kept.output == {"error": "ValueError('x')"}
    assert kept.metadata == {"1": [2]}


def test_what_is_absent_is_filled_in(store: SqlStore, settings: RecorderSettings):
    """An id is made, the moment is now, the score follows from the outcome."""
    before = datetime.now(UTC)
    with recorder(store=store, settings=settings, workspace="team") as rec:
        execution_id = rec.record(outcome="passed")

    kept = stored(store)[0]
    assert (kept.execution_id, kept.workspace, kept.score) == (execution_id, "team", 1.0)
    assert kept.started_at is not None
    assert before <= kept.started_at <= datetime.now(UTC)


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"outcome": "good"},
        {"outcome": "passed", "score": "high"},
        {"outcome": "passed", "latency_ms": -1},
        {"outcome": "passed", "started_at": datetime(2026, 1, 1)},  # noqa: DTZ001 - that is the fault
        {"outcome": "passed", "latencyms": 3},
        {"outcome": "passed", "case_id": ""},
        {"outcome": "passed", "models": 5},
        {"outcome": "passed", "models": [{"name": "small"}]},
        {"outcome": "unscored", "score": 0.5},
    ],
)
def test_wrong_input_is_refused_or_counted(
    store: SqlStore, settings: RecorderSettings, fields: dict[str, object]
):
    """Wrong types raise at the call; with strict=False they are counted and nothing is raised."""
    with (
        recorder(store=store, settings=settings) as rec,
        pytest.raises(InputError, match="Nothing was recorded"),
    ):
        rec.record(**fields)
    lenient = RecorderSettings(spool=settings.spool, strict=False, close_s=60)
    with recorder(store=store, settings=lenient) as rec:
        assert rec.record(**fields) is None
        assert rec.record(outcome="passed") is not None

    assert (rec.counts.rejected, rec.counts.stored) == (1, 1)


def test_wrong_settings_are_refused(store: SqlStore):
    """A recorder that could not work is not made."""
    with pytest.raises(InputError, match="did you mean 'latency_ms'"):
        recorder(store=store, latencyms=3)
    with pytest.raises(InputError, match="workspace is ''"):
        recorder(store=store, workspace="")
    with pytest.raises(PolicyError, match="most_records"):
        RecorderSettings(most_records=0)


def test_recording_twice_stores_once(store: SqlStore, settings: RecorderSettings):
    """The same execution id with the same content is one execution."""
    started = datetime(2026, 1, 1, tzinfo=UTC)
    with recorder(store=store, settings=settings) as rec:
        for _ in range(3):
            rec.record(execution_id="r1", outcome="passed", started_at=started)

    assert len(stored(store)) == 1
    assert (rec.counts.stored, rec.counts.unchanged) == (1, 2)


def test_threads_share_a_recorder(store: SqlStore, settings: RecorderSettings):
    """Eight threads lose nothing and store nothing twice."""
    with recorder(store=store, settings=settings) as rec:

        def work(number: int) -> None:
            for position in range(200):
                rec.record(execution_id=f"{number}-{position}", outcome="passed")

        threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    assert len({e.execution_id for e in stored(store)}) == 1600
    assert rec.counts.recorded == 1600
    assert rec.counts.lost == 0


def test_tasks_share_a_recorder(store: SqlStore, settings: RecorderSettings):
    """The async twin stores the same from a hundred tasks, and the loop goes on meanwhile."""

    async def work() -> Recorder:
        async with recorder("triage", store=store, settings=settings) as rec:
            ids = await asyncio.gather(*(rec.arecord(outcome="passed", metadata=n) for n in range(100)))
            assert await rec.aflush()
            assert len(set(ids)) == 100
        return rec

    rec = asyncio.run(work())

    assert len(stored(store)) == 100
    assert rec.counts.stored == 100


def test_flush_makes_everything_visible(store: SqlStore, settings: RecorderSettings):
    """After a flush the store has what was recorded, long before the time of a batch is over."""
    rec = recorder(store=store, settings=RecorderSettings(spool=settings.spool, within_s=60, close_s=60))
    rec.record(outcome="passed")

    assert rec.flush()
    assert len(stored(store)) == 1
    rec.close()


def test_a_closed_recorder_starts_again(store: SqlStore, settings: RecorderSettings):
    """Recording after a close is no fault of the application's."""
    rec = recorder(store=store, settings=settings)
    for _ in range(2):
        rec.record(outcome="passed")
        rec.close()

    assert len(stored(store)) == 2


def test_a_buffer_never_holds_more_than_it_may():
    """Rows that wait count together with rows in the worker's hands."""
    buffer = RecordBuffer(most=4, most_bytes=10**6, size_of=len)
    taken = [buffer.put((str(n),), 0) for n in range(6)]
    in_hand = buffer.take(1, 0)

    assert taken == [True] * 4 + [False] * 2
    assert not buffer.put(("more",), 0)
    assert buffer.rescue() == in_hand
    assert buffer.put(("more",), 0)


def test_the_front_door_has_the_recorder():
    """`flywheel.recorder` is there without being imported before, other names are not."""
    assert flywheel.recorder is recorder
    assert "get_prompt" in dir(flywheel)
    with pytest.raises(AttributeError, match="no attribute 'recoder'"):
        _ = flywheel.recoder
