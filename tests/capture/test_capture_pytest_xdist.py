"""Capture where pytest-xdist distributes the tests."""

from __future__ import annotations

from pathlib import Path

import pytest
from captured_runs import all_executions, executions, facts, run, run_apart

pytest_plugins = ["pytester"]
pytest.importorskip("xdist")

SUITE = """
    import pytest
    @pytest.mark.parametrize("number", range(6))
    def test_many(number, flywheel_case): flywheel_case.inputs(number).model_call("small", input_tokens=1)
    @pytest.mark.xdist_group("slow")
    def test_bad(): assert 0
    @pytest.mark.xdist_group("slow")
    @pytest.mark.parametrize("text", ["a@b"])
    def test_grouped(text): pass
"""
WORKERS = ("-n2", "--max-worker-restart=1")


def test_workers_tell_what_one_process_tells(pytester: pytest.Pytester):
    """Two workers capture the cases, outcomes and data of a run without workers, in one file."""
    pytester.makepyfile(SUITE)

    run(pytester)
    alone = executions(pytester)
    (pytester.path / "runs.jsonl").unlink()
    result = run_apart(pytester, "-n2", "--dist=loadgroup", needs=("xdist",))

    shared = executions(pytester)
    assert {c: (e.outcome, e.inputs, e.model, e.slice) for c, e in shared.items()} == {
        c: (e.outcome, e.inputs, e.model, e.slice) for c, e in alone.items()
    }
    assert len({e.session_id for e in shared.values()}) == 1
    assert {facts(e)["worker"] for e in shared.values()} <= {"gw0", "gw1"}
    assert [path.name for path in pytester.path.glob("*.jsonl")] == ["runs.jsonl"]
    result.stdout.fnmatch_lines(
        ["captured 8 executions: 7 passed, 1 failed", "6 with inputs*, 6 model calls (6 tokens)"]
    )


def test_a_worker_that_dies(pytester: pytest.Pytester):
    """The test it was in is an error, the tests it had finished are kept, and all are counted."""
    pytester.makepyfile(
        """
        import os, pytest
        @pytest.mark.parametrize("number", range(4))
        def test_before(number): pass
        def test_dies(): os.kill(os.getpid(), 9)
        @pytest.mark.parametrize("number", range(4))
        def test_after(number): pass
        """
    )

    result = run_apart(pytester, *WORKERS, needs=("xdist",))

    found = executions(pytester)
    dead = found.pop("test_a_worker_that_dies.py::test_dies")
    assert (dead.outcome, dead.error_type, facts(dead)["phase"]) == ("error", "WorkerCrashed", "crash")
    assert dead.error_message is not None
    assert "crashed while running" in dead.error_message
    assert [e.outcome.value for e in found.values()] == ["passed"] * 8
    result.stdout.fnmatch_lines(["captured 9 executions: 8 passed, 1 error"])


def test_a_module_that_no_worker_can_collect(pytester: pytest.Pytester):
    """It is one error, however many workers met it."""
    pytester.makepyfile(test_broken="import nowhere", test_well="def test_it(): pass")

    run_apart(pytester, *WORKERS, "--continue-on-collection-errors", needs=("xdist",))

    outcomes = sorted(e.outcome.value for e in all_executions(pytester.path / "runs.jsonl"))
    assert outcomes == ["error", "passed"]


def test_every_worker_runs_every_test(pytester: pytest.Pytester):
    """With --dist each, a test has an execution for each worker."""
    pytester.makepyfile("def test_it(): pass")

    run_apart(pytester, "--dist=each", "--tx=2*popen", needs=("xdist",))

    assert len(all_executions(pytester.path / "runs.jsonl")) == 2


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_parts_that_cannot_be_joined_stay(pytester: pytest.Pytester):
    """When the file cannot take the parts, they are named and can be imported by themselves."""
    pytester.makepyfile(SUITE)
    (pytester.path / "runs.jsonl").symlink_to("/dev/full")

    result = run_apart(pytester, "-n2", needs=("xdist",))

    parts = [path for path in pytester.path.glob("runs.*.jsonl") if path.name != "runs.jsonl"]
    assert sum(len(all_executions(part)) for part in parts) == 8
    result.stdout.fnmatch_lines(
        ["flywheel: a part was not joined (No space left on device), import it by itself: *gw*.jsonl*"]
    )


def test_a_controller_that_dies(pytester: pytest.Pytester):
    """The parts of the workers are complete files, with all tests that had ended."""
    pytester.makepyfile(
        """
        import os, time
        def test_a(): pass
        def test_b():
            time.sleep(0.5)
            os.kill(os.getppid(), 9)
            time.sleep(2)
        """
    )

    run_apart(pytester, "-n1", needs=("xdist",))

    (part,) = pytester.path.glob("runs.pytest-*.gw0.jsonl")
    assert "test_a_controller_that_dies.py::test_a" in {e.case_id for e in all_executions(part)}
