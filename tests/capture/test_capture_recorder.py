"""The recorder in one process: input, batches, threads, tasks, a store that is away."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
from planted_secrets import planted, secret_part

import flywheel
from flywheel.capture.record_buffer import RecordBuffer
from flywheel.capture.recorder import Recorder, RecorderSettings, recorder
from flywheel.errors import InputError, PolicyError
from flywheel.learn.redaction_policy import RedactionPolicy
from flywheel.records.columns import Scope
from flywheel.records.execution import Execution, ModelUse
from flywheel.store.open import SqlStore, open_store


@pytest.fixture
def settings(tmp_path: Path) -> RecorderSettings:
    """Settings with a spool of the test's own."""
    return RecorderSettings(spool=tmp_path / "spool", within_s=0.05)


@pytest.fixture
def address(tmp_path: Path) -> str:
    """Address of a SQLite store that is not there yet."""
    return f"sqlite:///{tmp_path / 'store' / 'runs.db'}"


def stored(store: SqlStore) -> list[Execution]:
    """Everything of the default workspace, in the order of storing."""
    return store.executions._records(sa_true(), None)


def sa_true() -> object:
    """A condition that holds for every row."""
    import sqlalchemy as sa

    return sa.true()


def spooled(settings: RecorderSettings) -> list[Path]:
    """Files of the spool."""
    assert settings.spool is not None
    return sorted(settings.spool.rglob("*.jsonl"))


@pytest.fixture
def blocked(tmp_path: Path, address: str) -> Iterator[Path]:
    """The store cannot be made: where its folder would be there is a file."""
    path = tmp_path / "store"
    path.write_text("not a folder")
    yield path
    path.unlink(missing_ok=True)


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
        {"outcome": "unscored", "score": 0.5},
        {"outcome": "passed", "comment": "a\0b"},
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
    lenient = RecorderSettings(spool=settings.spool, strict=False)
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
    rec = recorder(store=store, settings=RecorderSettings(spool=settings.spool, within_s=60))
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


def test_a_store_that_is_away_and_comes_back(address: str, blocked: Path, settings: RecorderSettings):
    """Meanwhile executions go to disk; then they come home, each once."""
    rec = recorder("triage", store=address, settings=settings)
    for number in range(600):
        rec.record(execution_id=f"r{number}", outcome="passed")
    rec.close()

    assert rec.counts.spooled == 600
    assert "cannot be made" in str(rec.problem)
    assert spooled(settings)
    blocked.unlink()
    with recorder("triage", store=address, settings=settings) as rec:
        rec.record(execution_id="r0", outcome="failed")

    assert rec.counts.brought_home == 600
    assert spooled(settings) == []
    assert open_store(address).executions.counts(Scope()).stored == 600


def test_a_running_recorder_notices_that_the_store_is_back(
    address: str, blocked: Path, settings: RecorderSettings
):
    """Nobody has to start the application anew."""
    with recorder("triage", store=address, settings=settings) as rec:
        rec.record(execution_id="r1", outcome="passed")
        assert rec.flush()
        assert rec.counts.spooled == 1
        blocked.unlink()
        while rec.counts.brought_home == 0:
            rec.flush()
            threading.Event().wait(0.05)
        assert rec.problem is None

    assert open_store(address).executions.counts(Scope()).stored == 1


def test_the_spool_is_a_file_of_evidence(
    address: str, blocked: Path, settings: RecorderSettings, store: SqlStore
):
    """`flywheel import jsonl` reads it, should nobody bring it home."""
    from flywheel.capture.importing import ImportSettings, import_file

    with recorder("triage", store=address, settings=settings, workspace="team") as rec:
        rec.record(
            outcome="error",
            error_message="größer",
            inputs={"a": [1, 2.5, None]},
            started_at=datetime.now(UTC),
        )

    (path,) = spooled(settings)
    report = import_file(path, store, ImportSettings())

    assert (report.stored, report.rejected) == (1, 0)
    assert stored(store)[0].error_message == "größer"


def test_a_store_that_hangs_stops_nobody(address: str, settings: RecorderSettings):
    """While another program holds the lock, executions go to disk; memory holds no more than it may."""
    open_store(address).close()
    path = address.removeprefix("sqlite:///")
    holder = sqlite3.connect(path, isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")
    few = RecorderSettings(spool=settings.spool, within_s=0.05, most_records=16, close_s=0.1, wait_s=0.01)
    rec = recorder("triage", store=address, settings=few)
    for number in range(400):
        rec.record(execution_id=f"r{number}", outcome="passed")

    assert rec.counts.spooled >= 400 - 16
    holder.execute("COMMIT")
    holder.close()
    rec.close()
    with recorder("triage", store=address, settings=settings) as rec:
        rec.flush()

    assert open_store(address).executions.counts(Scope()).stored == 400
    assert spooled(settings) == []


def test_a_full_disk_is_counted_not_raised(
    address: str, blocked: Path, settings: RecorderSettings, caplog: pytest.LogCaptureFixture
):
    """What neither store nor disk can take is lost, counted, logged; the application goes on."""
    tiny = RecorderSettings(spool=settings.spool, within_s=0.05, spool_bytes=1_000)
    with caplog.at_level(logging.ERROR), recorder("triage", store=address, settings=tiny) as rec:
        for _ in range(300):
            rec.record(outcome="passed")

    assert rec.counts.lost + rec.counts.spooled == 300
    assert rec.counts.lost > 200
    assert "are lost" in caplog.text


def test_a_value_no_database_keeps_spoils_no_batch(store: SqlStore, settings: RecorderSettings):
    """One bad execution of a batch is rejected, the others are stored."""
    with recorder(store=store, settings=settings) as rec:
        for number in range(10):
            rec.record(
                execution_id=f"r{number}", outcome="passed", comment="\ud800" if number == 5 else "fine"
            )

    assert (rec.counts.stored, rec.counts.rejected) in {(9, 1), (10, 0)}
    assert len(stored(store)) == rec.counts.stored


def test_nothing_private_leaves_memory(
    address: str, blocked: Path, settings: RecorderSettings, caplog: pytest.LogCaptureFixture
):
    """Of 10,000 planted values none is in the spool, the store or a log."""
    secrets = list(planted(10_000))
    with caplog.at_level(logging.DEBUG):
        rec = recorder("triage", store=address, settings=settings)
        for position, one in enumerate(secrets[:5_000]):
            rec.record(**hidden(position, one.text))
        rec.close()
        on_disk = b"".join(path.read_bytes() for path in spooled(settings))
        assert remaining(on_disk, secrets) == []
        blocked.unlink()
        with recorder("triage", store=address, settings=settings) as rec:
            for position, one in enumerate(secrets[5_000:], start=5_000):
                rec.record(**hidden(position, one.text))

    assert open_store(address).executions.counts(Scope()).stored == 10_000
    folder = Path(address.removeprefix("sqlite:///")).parent
    kept = b"".join(path.read_bytes() for path in folder.iterdir())
    assert remaining(kept, secrets) == []
    assert remaining(caplog.text.encode(), secrets) == []
    assert sum(rec.counts.redacted.values()) >= 5_000


def test_the_policy_of_the_workspace_is_followed(store: SqlStore, settings: RecorderSettings):
    """Off leaves everything, hash makes equal values equal marks, in one recorder at the same time."""
    store.workspaces.set_policy(RedactionPolicy(workspace="open", mode="off"))
    store.workspaces.set_policy(RedactionPolicy(workspace="hashed", mode="hash", salt="pepper"))
    with recorder(store=store, settings=settings) as rec:
        for workspace in ("open", "hashed", "default"):
            rec.record(
                workspace=workspace, outcome="passed", output="ann@example.com", comment="Ann@Example.com"
            )

    kept = {e.workspace: e for e in stored(store)}
    assert kept["open"].output == "ann@example.com"
    assert kept["default"].output == "<email>"
    assert kept["hashed"].output == kept["hashed"].comment != "<email>"


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


def hidden(position: int, text: str) -> dict[str, object]:
    """An execution with a text in one of many places."""
    places: tuple[dict[str, object], ...] = (
        {"inputs": {"messages": [{"role": "user", "content": text}]}},
        {"output": text},
        {"error_message": f"Traceback: {text}"},
        {"comment": text},
        {"metadata": {"request": {"headers": [text], text: 1}}},
        {"expected": [[text]]},
        {"inputs": repr({"body": text})},
        {"error_type": text[:300].replace("\0", "") or "x", "session_id": text[:300] or "x"},
    )
    return {"execution_id": f"r{position}", "outcome": "error", **places[position % len(places)]}


def remaining(data: bytes, secrets: list[object]) -> list[str]:
    """Planted values that are still there, as they were or as JSON spells them."""
    found = []
    for one in secrets:
        if one.kind == "pem":
            parts = one.value.split("\n")[1:-1]
        else:
            parts = [secret_part(one.value)]
        found += [part for part in parts if part.encode() in data]
    return found
