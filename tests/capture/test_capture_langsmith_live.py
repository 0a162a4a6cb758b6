"""Production runs come in from LangSmith: every one once, late ones too, whatever the server does."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from langsmith_stub import KEY, Stub, langsmith_stub

from flywheel.capture.importing import ImportReport
from flywheel.capture.langsmith_live import LiveSettings, import_runs
from flywheel.errors import InputError, ServiceRefused, ServiceUnavailable
from flywheel.llm.langsmith_api import REQUESTS, LangSmithAccess, LangSmithApi, Patience
from flywheel.llm.langsmith_source import LangSmithSource
from flywheel.records.columns import Scope
from flywheel.store.open import SqlStore, open_store

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)


class Now:
    """A clock that is set by hand; waiting moves it."""

    def __init__(self) -> None:
        self.moment = NOW
        self.waited: list[float] = []

    def now(self) -> datetime:
        """What it shows."""
        return self.moment

    def sleep(self, seconds: float) -> None:
        """Wait without waiting."""
        self.waited.append(seconds)
        self.moment += timedelta(seconds=seconds)

    def seconds(self) -> float:
        """What it shows, in seconds."""
        return self.moment.timestamp()


@pytest.fixture
def clock() -> Now:
    """A clock at noon."""
    return Now()


@pytest.fixture
def store() -> Iterator[SqlStore]:
    """A store in memory."""
    kept = open_store("sqlite://")
    yield kept
    kept.close()


@pytest.fixture(params=["new", "old"])
def stub(request: pytest.FixtureRequest, clock: Now) -> Iterator[Stub]:
    """A server of either generation that has the same clock."""
    with langsmith_stub(has_new_api=request.param == "new") as served:
        served.state.now = clock.now
        served.state.project("support")
        yield served


@pytest.fixture
def poll(stub: Stub, store: SqlStore, clock: Now, tmp_path: Path) -> Callable[..., ImportReport]:
    """Read the project once."""

    def read(project: str = "support", key: str = KEY, **settings: object) -> ImportReport:
        patience = Patience(timeout_s=60.0, deadline_s=30.0, sleep=clock.sleep, clock=clock.seconds)
        source = LangSmithSource(LangSmithApi(LangSmithAccess(key, stub.url), patience), project)
        wanted = LiveSettings(prompt="triage", quarantine_folder=tmp_path, **settings)
        return import_runs(source, store, wanted, clock)

    return read


def outcomes(store: SqlStore) -> dict[str, int]:
    """Executions of the prompt by outcome."""
    counts = store.executions.counts(Scope(prompt="triage", exclude_sources=()))
    return {outcome.value: count for outcome, count in counts.by_outcome.items() if count}


def total(store: SqlStore) -> int:
    """Executions there are."""
    return store.executions.counts(Scope(prompt="triage", exclude_sources=())).stored


def test_every_run_comes_in_once(stub: Stub, store: SqlStore, poll, clock: Now):
    """Pages follow each other to the end; the second reading stores nothing; nested runs stay out."""
    for number in range(230):
        stub.state.add_run("support", start=NOW - timedelta(minutes=number))
    stub.state.add_run("support", parent_run_id="x", run_type="llm")
    stub.state.add_run("elsewhere")

    first, again = poll(), poll()

    assert (first.stored, first.rejected) == (230, 0)
    assert (again.stored, again.replaced) == (0, 0)
    assert again.unchanged < 30
    assert total(store) == 230


def test_late_runs_and_those_that_end_late_come_in(stub: Stub, store: SqlStore, poll, clock: Now):
    """A run that arrives late, or ends hours after its neighbours, is not lost behind the watermark."""
    slow = stub.state.add_run("support", start=NOW - timedelta(hours=5), seconds=None)
    stub.state.add_run("support", start=NOW)
    report = poll()
    assert report.stored == 1
    assert "1 runs that have not ended" in report.notes[0]

    clock.sleep(3600)
    stub.state.add_run("support", start=NOW - timedelta(minutes=10))
    stub.state.runs[slow] |= {"status": "success", "end_time": "2026-11-20T12:30:00"}

    assert poll().stored == 2


def test_late_feedback_changes_what_is_stored(stub: Stub, store: SqlStore, poll, clock: Now):
    """Feedback given long after the run replaces the unscored execution; the old one is history."""
    run = stub.state.add_run("support", start=NOW - timedelta(hours=20))
    poll()
    for _ in range(3):
        clock.sleep(3600)
        stub.state.add_run("support", start=clock.moment)
        poll()
    assert outcomes(store) == {"unscored": 4}

    clock.sleep(3600)
    stub.state.judge(run, "correctness", 0, comment="wrong team")
    report = poll()

    assert report.replaced == 1
    assert outcomes(store) == {"unscored": 3, "failed": 1}
    assert poll().replaced == 0


def test_duplicates_of_a_page_are_one(stub: Stub, store: SqlStore, poll):
    """A run that stands on two pages, as it does when runs come in between, is one execution."""
    for number in range(150):
        stub.state.add_run("support", start=NOW - timedelta(minutes=number))
    answer = stub.state.answer

    def twice(method: str, path: str, body: object, query: object):
        status, said = answer(method, path, body, query)
        if "runs/query" in path:
            key = "items" if "items" in said else "runs"
            said[key] = said[key] + said[key][:40]
        return status, said

    stub.state.answer = twice

    assert poll().rejected == 0
    assert total(store) == 150


def test_a_reading_that_was_cut_off_goes_on(stub: Stub, store: SqlStore, poll):
    """Where the server fails in the middle, stored pages stay and are not asked for again."""
    for number in range(350):
        stub.state.add_run("support", start=NOW - timedelta(minutes=number))
    where = "/api/v2/runs/query" if stub.has_new_api else "/api/v1/runs/query"
    ask = stub.fault_for
    count = iter(range(100))
    stub.fault_for = lambda path: ask(path) if where not in path or next(count) >= 2 else None
    stub.fail(where, 500, times=5)

    with pytest.raises(ServiceUnavailable, match="goes on where it stopped"):
        poll()
    assert total(store) == 200
    before = stub.asked(where)
    report = poll()

    assert (report.stored, total(store)) == (150, 350)
    assert stub.asked(where) - before <= 4


def test_a_page_the_server_forgot_is_read_anew(stub: Stub, store: SqlStore, poll):
    """A cursor that is refused later starts the window again, and nothing is stored twice."""
    for number in range(250):
        stub.state.add_run("support", start=NOW - timedelta(minutes=number))
    where = "/api/v2/runs/query" if stub.has_new_api else "/api/v1/runs/query"
    ask = stub.fault_for
    count = iter(range(100))
    stub.fault_for = lambda path: ask(path) if where not in path or next(count) >= 1 else None
    stub.fail(where, 500, times=5)
    stub.fail(where, 400)
    with pytest.raises(ServiceUnavailable):
        poll()

    assert (poll().unchanged >= 100, total(store)) == (True, 250)


@pytest.mark.parametrize(
    ("fault", "wait"),
    [((429, "7"), 7.0), ((429, ""), 0.5), ((500, ""), 0.5), ((503, ""), 0.5), ((0, ""), 0.5)],
)
def test_a_server_in_trouble_is_asked_again(
    stub: Stub, poll, clock: Now, fault: tuple[int, str], wait: float
):
    """Rate limits, errors, cut connections: it waits as long as it is told, then goes on."""
    status, told = fault
    stub.state.add_run("support")
    stub.fail("/sessions", status, headers=(("retry-after", told),) if told else ())

    assert poll().stored == 1
    assert clock.waited == [wait]


def test_a_server_that_drips_is_left_at_the_deadline(stub: Stub, store: SqlStore, tmp_path: Path):
    """Byte by byte is no silence; the deadline ends it all the same."""
    stub.state.add_run("support", outputs={"output": "x" * 4000})
    stub.fail("/sessions", drip_s=0.02, times=9)
    patience = Patience(timeout_s=60.0, deadline_s=0.5, tries=2)
    source = LangSmithSource(LangSmithApi(LangSmithAccess(KEY, stub.url), patience), "support")

    with pytest.raises(ServiceUnavailable, match="its answer took longer than"):
        source.page(NOW, NOW, None)


def test_a_wrong_key_or_project_is_said_at_once(stub: Stub, store: SqlStore, poll, clock: Now):
    """Neither is tried twice; both say what to check."""
    with pytest.raises(ServiceRefused, match="LANGSMITH_API_KEY") as refused:
        poll(key="wrong")
    with pytest.raises(InputError, match="no project 'sales'"):
        poll(project="sales")

    assert "wrong" not in str(refused.value)
    assert clock.waited == []


def test_the_rate_limit_is_kept(stub: Stub, store: SqlStore, poll, clock: Now):
    """More pages than the limit allows wait for their turn."""
    for number in range(100 * REQUESTS + 1):
        stub.state.add_run("support", start=NOW - timedelta(seconds=number))

    assert poll().stored == 100 * REQUESTS + 1
    assert sum(clock.waited) >= 9.0


def test_the_old_api_is_asked_once_the_new_one_is_not_there(stub: Stub, poll):
    """A server without the new API is asked for it once; the key goes in the header alone."""
    for number in range(150):
        stub.state.add_run("support", start=NOW - timedelta(minutes=number))
    poll()

    old = stub.asked("/api/v1/runs/query")
    assert (stub.asked("/api/v2/"), old) == ((2, 0) if stub.has_new_api else (1, 2))
    assert {headers.get("x-api-key") for headers in stub.headers} == {KEY}
    assert KEY not in str(stub.requests) + str(stub.bodies)


def test_a_dry_run_and_an_own_window(stub: Stub, store: SqlStore, poll):
    """A dry run stores nothing, not even how far it got; --since looks further back than a day."""
    stub.state.add_run("support", start=NOW - timedelta(days=3))

    assert poll(since=NOW - timedelta(days=7), dry_run=True).read == 1
    assert total(store) == 0
    assert (poll().stored, poll(since=NOW - timedelta(days=7)).stored) == (0, 1)
