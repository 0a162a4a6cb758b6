"""How a test ends, told as an execution."""

from __future__ import annotations

import importlib.util

import pytest
from captured_runs import all_executions, executions, facts, only, run, run_apart

pytest_plugins = ["pytester"]

LATE = "import pytest\n@pytest.fixture\ndef late():\n    yield\n    raise OSError('full')\n"
ENDINGS = {
    "passed": ("def test_it(): pass", "passed", None, None),
    "assertion": ("def test_it(): assert 1 == 2", "failed", "AssertionError", "assert 1 == 2"),
    "exception": ("def test_it(): {}['amount']", "failed", "KeyError", "'amount'"),
    "pytest.fail": ("import pytest\ndef test_it(): pytest.fail('too slow')", "failed", "Failed", "too slow"),
    "own exception": (
        "class Refused(Exception): ...\ndef test_it(): raise Refused('no')",
        "failed",
        "test_own_exception.Refused",
        "no",
    ),
    "unprintable exception": (
        "class Odd(Exception):\n    def __str__(self): raise RuntimeError\ndef test_it(): raise Odd",
        "failed",
        "test_unprintable_exception.Odd",
        "<exception str() failed>",
    ),
    "setup": (
        "import pytest\n@pytest.fixture\ndef disk(): raise OSError('full')\ndef test_it(disk): pass",
        "error",
        "OSError",
        "full",
    ),
    "teardown": (
        f"{LATE}def test_it(late): pass",
        "error",
        "OSError",
        "full",
    ),
    "skip mark": (
        "import pytest\n@pytest.mark.skip(reason='later')\ndef test_it(): pass",
        "skipped",
        None,
        None,
    ),
    "skip call": ("import pytest\ndef test_it(): pytest.skip('later')", "skipped", None, None),
    "xfail": (
        "import pytest\n@pytest.mark.xfail(reason='known')\ndef test_it(): assert 0",
        "skipped",
        "AssertionError",
        "assert 0",
    ),
    "xfail call": ("import pytest\ndef test_it(): pytest.xfail('known')", "skipped", None, None),
    "xfail not run": (
        "import pytest\n@pytest.mark.xfail(run=False, reason='known')\ndef test_it(): pass",
        "skipped",
        None,
        None,
    ),
    "xpass": ("import pytest\n@pytest.mark.xfail(reason='known')\ndef test_it(): pass", "passed", None, None),
    "xpass strict": (
        "import pytest\n@pytest.mark.xfail(strict=True, reason='known')\ndef test_it(): pass",
        "failed",
        "XPassed",
        "[XPASS(strict)] known",
    ),
    "unittest": (
        "import unittest\nclass TestIt(unittest.TestCase):\n    def test_it(self): self.assertEqual(1, 2)",
        "failed",
        "AssertionError",
        "1 != 2",
    ),
}


@pytest.mark.parametrize("name", ENDINGS)
def test_endings(pytester: pytest.Pytester, name: str):
    """An execution ends as pytest says, and a failure outside of the call is an error."""
    source, outcome, error_type, message = ENDINGS[name]
    pytester.makepyfile(**{f"test_{name.replace(' ', '_').replace('.', '_')}": source})

    run(pytester)

    execution = only(pytester)
    first_line = execution.error_message.splitlines()[0] if execution.error_message else None
    assert (execution.outcome, execution.error_type, first_line) == (outcome, error_type, message)


@pytest.mark.parametrize(
    ("name", "key", "value"),
    [
        ("skip mark", "reason", "later"),
        ("skip call", "reason", "later"),
        ("xfail", "xfailed", "known"),
        ("xfail not run", "xfailed", "[NOTRUN] known"),
        ("xpass", "xpassed", "known"),
        ("setup", "phase", "setup"),
        ("teardown", "phase", "teardown"),
    ],
)
def test_reasons(pytester: pytest.Pytester, name: str, key: str, value: str):
    """Why a test was skipped, expected to fail or could not be set up is in its metadata."""
    pytester.makepyfile(ENDINGS[name][0])

    run(pytester)

    assert facts(only(pytester))[key] == value


def test_what_pytest_knows(pytester: pytest.Pytester):
    """An execution has what pytest knows of a test, from its place to its parameters."""
    pytester.makeini("[pytest]\nmarkers =\n    llm: asks a model\n    slow: takes long\n")
    pytester.mkpydir("shop")
    source = """
        import pytest, time
        pytestmark = pytest.mark.slow
        class TestTriage:
            @pytest.mark.llm
            @pytest.mark.parametrize("text,model", [("refund", object())])
            def test_route(self, text, model):
                time.sleep(0.01)
    """
    (pytester.path / "shop" / "test_triage.py").write_text(pytester.makepyfile(source).read_text())
    (pytester.path / "test_what_pytest_knows.py").unlink()

    run(pytester)

    execution = only(pytester)
    assert execution.case_id == "shop/test_triage.py::TestTriage::test_route[refund-model0]"
    assert (execution.suite, execution.workflow_id) == (pytester.path.name, pytester.path.name)
    assert execution.slice == "shop/test_triage"
    assert execution.session_id is not None
    assert execution.execution_id.startswith(execution.session_id)
    assert execution.source == "pytest"
    assert execution.latency_ms is not None
    assert 10 <= execution.latency_ms < 10_000
    assert execution.started_at is not None
    # A busy machine may make the setup of a test worth telling.
    assert {k: v for k, v in facts(execution).items() if k not in ("setup_ms", "teardown_ms")} == {
        "python": facts(execution)["python"],
        "pytest": pytest.__version__,
        "module": "shop/test_triage",
        "attempt": 1,
        "markers": ["llm", "slow"],
        "parameters": {"text": "refund", "model": "<object object>"},
    }


def test_the_way_of_an_exception(pytester: pytest.Pytester):
    """An error message ends with the places the exception came through, without folders of the machine."""
    pytester.makepyfile(app="def parse(text):\n    return int(text)\n")
    pytester.makepyfile("from app import parse\ndef test_it(): parse('x')\n")

    run(pytester)

    message = only(pytester).error_message
    assert message is not None
    assert message.splitlines()[1:] == [
        '  File "test_the_way_of_an_exception.py", line 2, in test_it',
        '  File "app.py", line 2, in parse',
    ]


def test_a_failed_test_whose_teardown_fails_too(pytester: pytest.Pytester):
    """The first failure decides, the second is kept in the metadata."""
    pytester.makepyfile(f"{LATE}def test_it(late): assert 0")

    run(pytester)

    execution = only(pytester)
    assert (execution.outcome, execution.error_type) == ("failed", "AssertionError")
    assert facts(execution)["teardown_error"].startswith("OSError: full")


@pytest.mark.skipif(importlib.util.find_spec("_pytest.subtests") is None, reason="pytest 9 has subtests")
def test_subtests(pytester: pytest.Pytester):
    """Each subtest is an execution of its own, and one that fails fails the test."""
    pytester.makepyfile(
        """
        def test_it(subtests, flywheel_case):
            flywheel_case.prompt("triage", "v3")
            for number in range(3):
                with subtests.test("row", number=number % 2):
                    flywheel_case.inputs(number).score(0.5)
                    assert number != 1
        """
    )

    run(pytester)

    found = executions(pytester)
    whole = "test_subtests.py::test_it"
    assert {case: execution.outcome.value for case, execution in found.items()} == {
        f"{whole} [row] (number=0)": "passed",
        f"{whole} [row] (number=1)": "failed",
        f"{whole} [row] (number=0) #2": "passed",
        whole: "failed",
    }
    assert [execution.inputs for execution in found.values()] == [0, 1, 2, None]
    assert {execution.version for execution in found.values()} == {"v3"}
    assert found[whole].error_type == "SubtestsFailed"


@pytest.mark.skipif(importlib.util.find_spec("_pytest.subtests") is None, reason="pytest 9 has subtests")
def test_subtests_of_unittest(pytester: pytest.Pytester):
    """The subTest of unittest is a subtest as well."""
    pytester.makepyfile(
        """
        import unittest
        class TestIt(unittest.TestCase):
            def test_it(self):
                for number in range(2):
                    with self.subTest(number=number):
                        self.assertEqual(number, 0)
        """
    )

    run(pytester)

    outcomes = [execution.outcome.value for execution in executions(pytester).values()]
    assert outcomes == ["passed", "failed", "failed"]


def test_property_based(pytester: pytest.Pytester):
    """A Hypothesis test is one execution; its smallest failing input is what the test said last."""
    pytester.makepyfile(
        """
        from hypothesis import given, settings, strategies as st
        @settings(database=None)
        @given(st.integers(min_value=0))
        def test_it(flywheel_case, number):
            flywheel_case.inputs({"number": number})
            assert number < 10
        """
    )

    run(pytester, needs=("hypothesispytest",))

    execution = only(pytester)
    assert execution.outcome == "failed"
    assert execution.inputs == {"number": 10}
    assert facts(execution)["markers"] == ["hypothesis"]
    assert "number=10" in "".join(facts(execution)["notes"])


def test_reruns(pytester: pytest.Pytester):
    """Every attempt at a flaky test is an execution, numbered."""
    pytest.importorskip("pytest_rerunfailures")
    pytester.makepyfile("tries = []\ndef test_it():\n    tries.append(1)\n    assert len(tries) == 3\n")

    result = run(pytester, "--reruns=3", needs=("rerunfailures",))

    found = all_executions(pytester.path / "runs.jsonl")
    assert [(e.outcome.value, e.retries, facts(e)["attempt"]) for e in found] == [
        ("failed", None, 1),
        ("failed", 1, 2),
        ("passed", 2, 3),
    ]
    assert {e.case_id for e in found} == {"test_reruns.py::test_it"}
    result.stdout.fnmatch_lines(["captured 3 executions: 1 passed, 2 failed (of these 2 rerun)"])


def test_coroutines(pytester: pytest.Pytester):
    """A test of pytest-asyncio is captured, with what it says while others wait."""
    pytest.importorskip("pytest_asyncio")
    pytester.makepyfile(
        """
        import asyncio, pytest
        @pytest.mark.asyncio
        async def test_it(flywheel_case):
            async def ask(number):
                await asyncio.sleep(0)
                flywheel_case.model_call("small", input_tokens=number)
            await asyncio.gather(ask(1), ask(2))
        """
    )

    run(pytester, "-o", "asyncio_default_fixture_loop_scope=function", needs=("asyncio",))

    assert only(pytester).input_tokens == 3


def test_a_module_that_cannot_be_collected(pytester: pytest.Pytester):
    """It is an error with the type and text of the exception, and the other modules are captured."""
    pytester.makepyfile(test_broken="import nowhere", test_well="def test_it(): pass")

    run(pytester, "--continue-on-collection-errors")

    found = executions(pytester)
    assert found["test_broken.py"].outcome == "error"
    assert found["test_broken.py"].error_type == "ModuleNotFoundError"
    assert found["test_broken.py"].error_message == "No module named 'nowhere'"
    assert found["test_well.py::test_it"].outcome == "passed"


def test_the_first_failure_ends_the_run(pytester: pytest.Pytester):
    """With -x, all up to and with the first failure is kept."""
    pytester.makepyfile("def test_a(): pass\ndef test_b(): assert 0\ndef test_c(): pass")

    run(pytester, "-x")

    assert [e.outcome.value for e in executions(pytester).values()] == ["passed", "failed"]


@pytest.mark.parametrize("how", ["raise KeyboardInterrupt", "pytest.exit('enough')"])
def test_an_interrupted_run(pytester: pytest.Pytester, how: str):
    """The test that was interrupted is unscored, and keeps the cost of the calls it had made."""
    pytester.makepyfile(
        f"""
        import pytest
        def test_a(): pass
        def test_b(flywheel_case):
            flywheel_case.score(0.5).model_call("small", cost_usd=0.25)
            {how}
        """
    )

    result = run_apart(pytester)

    a, b = executions(pytester).values()
    assert result.ret == pytest.ExitCode.INTERRUPTED
    assert (a.outcome, b.outcome, b.score, b.cost_usd) == ("passed", "unscored", None, 0.25)
    assert b.error_type == "Interrupted"


def test_a_killed_run(pytester: pytest.Pytester):
    """Killing pytest loses the test it was in, and no other."""
    pytester.makepyfile(
        """
        import os, pytest
        @pytest.mark.parametrize("number", range(20))
        def test_a(number): pass
        def test_b(): os.kill(os.getpid(), 9)
        """
    )

    result = run_apart(pytester)

    assert result.ret == -9
    assert len(all_executions(pytester.path / "runs.jsonl")) == 20


def test_repeated_node_ids(pytester: pytest.Pytester):
    """A test that is asked for twice has two executions of one case."""
    path = pytester.makepyfile("def test_a(): pass")

    run(pytester, "--keep-duplicates", str(path), str(path))

    assert len({e.execution_id for e in all_executions(pytester.path / "runs.jsonl")}) == 2


def test_long_and_strange_ids(pytester: pytest.Pytester):
    """A parameter of any length or script gives a case id that an import takes."""
    pytester.makepyfile(
        """
        import pytest
        @pytest.mark.parametrize("text", ["x" * 999, "y" * 999, "\\x00", "\\udc80", "día 日本", "a::b[c]"])
        def test_it(text): pass
        """
    )

    run(pytester)

    assert len(executions(pytester)) == 6


def test_doctests(pytester: pytest.Pytester):
    """Tests that are no functions are captured as well."""
    pytester.maketxtfile(test_page=">>> 1 + 1\n3\n")

    run(pytester)

    assert only(pytester).outcome == "failed"
