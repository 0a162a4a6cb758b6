"""The recorder when the store is away, slow or choosy; what it leaves on disk."""

from __future__ import annotations

import logging
import sqlite3
import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest
from planted_secrets import planted
from recorder_world import hidden, remaining, spooled, stored

from flywheel.capture.importing import ImportSettings, import_file
from flywheel.capture.record_delivery import Delivery
from flywheel.capture.record_spool import RecordSpool
from flywheel.capture.recorder import RecorderSettings, recorder
from flywheel.learn.redaction_policy import RedactionPolicy
from flywheel.records.columns import Scope
from flywheel.records.execution import Execution
from flywheel.store.execution_rows import row_of
from flywheel.store.open import SqlStore, open_store


@pytest.fixture
def settings(tmp_path: Path) -> RecorderSettings:
    """Settings with a spool of the test's own."""
    return RecorderSettings(spool=tmp_path / "spool", within_s=0.05, close_s=60)


@pytest.fixture
def address(tmp_path: Path) -> str:
    """Address of a SQLite store that is not there yet."""
    return f"sqlite:///{tmp_path / 'store' / 'runs.db'}"


@pytest.fixture
def blocked(tmp_path: Path) -> Path:
    """The store cannot be made: where its folder would be there is this file."""
    path = tmp_path / "store"
    path.write_text("not a folder")
    return path


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


def test_the_spool_is_a_file_of_evidence(address: str, blocked: Path, settings: RecorderSettings):
    """`flywheel import jsonl` reads it, should nobody bring it home."""
    with recorder("triage", store=address, settings=settings, workspace="team") as rec:
        rec.record(
            outcome="error",
            error_message="größer",
            inputs={"a": [1, 2.5, None]},
            started_at=datetime.now(UTC),
        )

    (path,) = spooled(settings)
    store = open_store("sqlite://")
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
    worker = rec._thread
    rec.close()
    # What it had in hand when nobody waited any more may go to disk after the next one has looked.
    worker.join(60)
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


def test_broken_text_of_a_model_is_mended(store: SqlStore, settings: RecorderSettings):
    """Half a character, a NUL, endless nesting: content is no fault of the caller's."""
    deep: object = "end"
    for _ in range(400):
        deep = [deep]
    with recorder(store=store, settings=settings) as rec:
        rec.record(outcome="passed", output="half \ud800", comment="a\0b", inputs={"deep": deep, "\udfff": 1})

    kept = stored(store)[0]
    assert (kept.output, kept.comment) == ("half ?", "ab")
    assert isinstance(kept.inputs, dict)
    assert kept.inputs["?"] == 1


def test_a_value_no_database_keeps_spoils_no_batch(settings: RecorderSettings):
    """One bad row of a batch is rejected, the others are stored."""
    store = open_store("sqlite://")
    rows = [row_of(Execution(execution_id=f"r{n}", outcome="passed", comment="fine")) for n in range(10)]
    rows[5] = tuple("half \ud800" if value == "fine" else value for value in rows[5])
    delivery = Delivery(lambda: store, RecordSpool(settings.spool, 10_000))

    delivery.deliver(rows)

    assert (delivery.counts["stored"], delivery.counts["rejected"]) == (9, 1)
    assert not delivery.is_away


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
