"""When pytest captures, where it writes, what it says at the end."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from captured_runs import all_executions, executions, only, plain_pytest, run, run_apart

pytest_plugins = ["pytester"]

ENOUGH = "def test_it(): pass"


def spooled(pytester: pytest.Pytester) -> list[Path]:
    """Files in the default folder."""
    return sorted((pytester.path / ".flywheel" / "spool").glob("*"))


def test_the_plugin_imports_pytest_alone():
    """Loading the plugin loads no other module of flywheel, and none that takes time."""
    code = (
        "import sys, pytest; before = set(sys.modules); import flywheel.capture.pytest_plugin;"
        "print(sorted(set(sys.modules) - before))"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "['flywheel', 'flywheel.capture', 'flywheel.capture.pytest_plugin']"


def test_capture_opens_no_database_and_no_model_client(pytester: pytest.Pytester):
    """A whole captured run imports neither a database nor a model client nor LangChain."""
    pytester.makepyfile(
        """
        import sys
        HEAVY = "sqlalchemy", "sqlmodel", "sqlite3", "numpy", "langchain_core", "openai", "pydantic"
        def test_it(): assert 1 == 2
        def pytest_unconfigure(): print("loaded", [name for name in HEAVY if name in sys.modules])
        """,
        conftest="from test_capture_opens_no_database_and_no_model_client import pytest_unconfigure",
    )

    result = run_apart(pytester, "-s")

    result.stdout.fnmatch_lines(["captured 1 execution: 1 failed", "loaded []"])


def test_nothing_happens_unless_asked(pytester: pytest.Pytester):
    """Without --flywheel there is no file, no section and no hook of ours."""
    pytester.makepyfile(
        "def test_it(pytestconfig): assert not pytestconfig.pluginmanager.has_plugin('flywheel-capture')"
    )

    result = pytester.runpytest_inprocess(*plain_pytest())

    assert result.ret == 0
    assert "flywheel" not in "\n".join(line for line in result.outlines if not line.startswith("plugins:"))
    assert {path.name for path in pytester.path.iterdir()} <= {
        "test_nothing_happens_unless_asked.py",
        "__pycache__",
    }


@pytest.mark.parametrize(
    "arguments",
    [["-p", "no:flywheel"], ["--flywheel", "--collect-only"], ["--flywheel", "--setup-only"]],
    ids=" ".join,
)
def test_switched_off(pytester: pytest.Pytester, arguments: list[str]):
    """`-p no:flywheel`, --collect-only and --setup-only write nothing."""
    pytester.makepyfile(ENOUGH)

    assert pytester.runpytest_inprocess(*plain_pytest(), *arguments).ret == 0

    assert spooled(pytester) == []


def test_the_environment_switches(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch):
    """FLYWHEEL_PYTEST=off wins over the option, FLYWHEEL_PYTEST=on replaces it."""
    pytester.makepyfile(ENOUGH)

    monkeypatch.setenv("FLYWHEEL_PYTEST", "off")
    run(pytester)
    assert not (pytester.path / "runs.jsonl").exists()

    monkeypatch.setenv("FLYWHEEL_PYTEST", "on")
    pytester.runpytest_inprocess(*plain_pytest())
    assert len(spooled(pytester)) == 1


def test_the_ini_file(pytester: pytest.Pytester):
    """Every option has a twin in the ini file, with paths that start at its folder."""
    pytester.makeini(
        "[pytest]\nflywheel = true\nflywheel_path = out\nflywheel_prompt = triage\nflywheel_version = v1\n"
        "flywheel_workspace = w\nflywheel_suite = s\nflywheel_workflow = nightly\n"
    )
    pytester.makepyfile(ENOUGH)

    pytester.runpytest_inprocess(*plain_pytest())

    (path,) = (pytester.path / "out").glob("*.jsonl")
    (execution,) = all_executions(path)
    assert path.stem == execution.session_id
    names = (execution.prompt, execution.version, execution.workspace, execution.suite, execution.workflow_id)
    assert names == ("triage", "v1", "w", "s", "nightly")


def test_tests_named_behind_the_option_are_tests(pytester: pytest.Pytester):
    """`pytest --flywheel tests` runs `tests` with the options its conftest adds."""
    pytester.mkpydir("tests").joinpath("conftest.py").write_text(
        "def pytest_addoption(parser): parser.addoption('--mine', action='store_true')\n"
    )
    (pytester.path / "tests" / "test_a.py").write_text(ENOUGH)
    (pytester.path / "test_other.py").write_text("def test_other(): assert 0")

    result = pytester.runpytest_inprocess(*plain_pytest(), "--flywheel", "tests", "--mine")

    result.assert_outcomes(passed=1)
    (path,) = spooled(pytester)
    assert [e.case_id for e in all_executions(path)] == ["tests/test_a.py::test_it"]


def test_a_folder_or_a_file(pytester: pytest.Pytester):
    """A path that ends in .jsonl is a file that grows, any other is a folder with a file for each session."""
    pytester.makepyfile(ENOUGH)

    for _ in range(2):
        pytester.runpytest_inprocess(*plain_pytest(), "--flywheel=deep/runs.jsonl")
        pytester.runpytest_inprocess(*plain_pytest(), "--flywheel=folder")

    assert len(all_executions(pytester.path / "deep" / "runs.jsonl")) == 2
    assert len(list((pytester.path / "folder").glob("*.jsonl"))) == 2


def test_the_section(pytester: pytest.Pytester):
    """One section says what was captured, where it is and what to do next."""
    pytester.makepyfile(
        """
        import pytest
        def test_a(flywheel_case): flywheel_case.model_call("small", input_tokens=1200, output_tokens=34)
        def test_b(flywheel_case): flywheel_case.inputs(1)
        def test_c(): assert 0
        @pytest.mark.xfail
        def test_d(): assert 0
        """
    )

    result = run(pytester)

    result.stdout.fnmatch_lines(
        [
            "*= flywheel =*",
            "captured 4 executions: 2 passed, 1 failed, 1 skipped (of these 1 xfailed)",
            "1 with inputs, output, expectation or score, 1 model call (1,234 tokens)",
            "written to runs.jsonl",
            "next: flywheel import jsonl runs.jsonl",
        ]
    )


def test_quiet(pytester: pytest.Pytester):
    """-q leaves one line, -qq none."""
    pytester.makepyfile(ENOUGH)

    once, twice = run(pytester, "-q"), run(pytester, "-qq")

    assert [line for line in once.outlines if "flywheel" in line] == ["flywheel: 1 execution in runs.jsonl"]
    assert "flywheel" not in twice.stdout.str()


def test_no_tests_no_file(pytester: pytest.Pytester):
    """A run that captured nothing leaves no file and says so."""
    result = run(pytester)

    assert not (pytester.path / "runs.jsonl").exists()
    result.stdout.fnmatch_lines(["nothing was captured, so no file was written"])


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk(pytester: pytest.Pytester):
    """The tests pass as ever, and one line says what was lost, why and what to do."""
    pytester.makepyfile("def test_a(): pass\ndef test_b(): pass")
    (pytester.path / "runs.jsonl").symlink_to("/dev/full")

    result = run(pytester)

    assert result.ret == 0
    (line,) = [line for line in result.outlines if line.startswith("flywheel:")]
    assert line == (
        "flywheel: 2 of 2 executions could not be written to runs.jsonl: No space left on device. "
        "The tests were not affected. Name another place with --flywheel=PATH."
    )
    result.stdout.no_fnmatch_line("next:*")


def test_a_path_that_cannot_be(pytester: pytest.Pytester):
    """A path below a file is no place to write, and no reason to fail."""
    path = pytester.makepyfile(ENOUGH)

    result = pytester.runpytest_inprocess(*plain_pytest(), f"--flywheel={path}/runs")

    assert result.ret == 0
    result.stdout.fnmatch_lines(["flywheel: 1 of 1 execution could not be written to *: Not a directory. *"])


def test_an_object_that_breaks_the_telling(pytester: pytest.Pytester):
    """An execution that cannot be told is counted as lost, and the run goes on."""
    pytester.makepyfile(
        """
        def test_a(request): request.node.user_properties.append(3)
        def test_b(): pass
        """
    )

    result = run(pytester)

    result.assert_outcomes(passed=2)
    assert [e.case_id for e in executions(pytester).values()] == [
        "test_an_object_that_breaks_the_telling.py::test_b"
    ]
    result.stdout.fnmatch_lines(["flywheel: 1 of * could not be written to runs.jsonl: TypeError*"])


def test_private_texts_never_reach_the_file(pytester: pytest.Pytester):
    """Secrets in ids, parameters, inputs, errors, properties and model calls are masked and counted."""
    secret = "sk-proj-9fQ2xLr7TzVbN4mKcH8sWdYp3JgE6uAa1RoX5iZk"  # noqa: S105 (made up)
    pytester.makepyfile(
        f"""
        import pytest
        SECRET = {secret!r}
        @pytest.mark.parametrize("mail", ["ann@example.com"])
        def test_a(mail, flywheel_case, record_property):
            record_property("key", SECRET)
            flywheel_case.inputs({{"api_key": SECRET}}).output(SECRET)
            flywheel_case.set(comment=SECRET, metadata={{"x": SECRET}})
            flywheel_case.model_call("small", inputs=[SECRET], error=SECRET).prompt(SECRET)
        def test_b(): raise ValueError(SECRET)
        """
    )

    result = run(pytester)

    written = (pytester.path / "runs.jsonl").read_text()
    assert secret not in written
    assert "ann@example.com" not in written
    assert "<api_key>" in written
    result.stdout.fnmatch_lines(["*private texts taken out: * api_key, * email, *"])


def test_redaction_is_a_setting(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch):
    """It can be off, or leave equal values equal; a hash without a salt is refused before a test runs."""
    pytester.makepyfile("def test_it(flywheel_case): flywheel_case.inputs(['ann@example.com'] * 2)")

    refused = run(pytester, "-o", "flywheel_redaction=hash")
    monkeypatch.setenv("FLYWHEEL_REDACTION_SALT", "8c1f")
    run(pytester, "-o", "flywheel_redaction=hash")
    run(pytester, "-o", "flywheel_redaction=off")

    hashed, kept = (e.inputs for e in all_executions(pytester.path / "runs.jsonl"))
    assert refused.ret == pytest.ExitCode.USAGE_ERROR
    assert isinstance(hashed, list)
    assert hashed[0] == hashed[1] != "<email>"
    assert kept == ["ann@example.com", "ann@example.com"]


def test_import_at_the_end(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch):
    """--flywheel-import brings the executions into the store; importing the file again changes nothing."""
    monkeypatch.setenv("FLYWHEEL_DATABASE_URL", f"sqlite:///{pytester.path / 'store.db'}")
    pytester.makepyfile("def test_a(): pass\ndef test_b(): assert 0")

    result = run(pytester, "--flywheel-import")

    result.stdout.fnmatch_lines(["imported: 2 stored; next: flywheel report"])
    command = [sys.executable, "-c", "from flywheel.cli.main import main; main()"]
    again = subprocess.run(
        [*command, "import", "jsonl", "runs.jsonl", "--json"],
        cwd=pytester.path,
        capture_output=True,
        check=True,
    )
    report = json.loads(again.stdout)
    assert (report["unchanged"], report["stored"], report["rejected"]) == (2, 0, 0)


def test_an_import_that_fails(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch):
    """A store that cannot be reached fails no test; a line says why, and how to import later."""
    monkeypatch.setenv("FLYWHEEL_DATABASE_URL", "sqlite:////proc/nowhere/store.db")
    pytester.makepyfile(ENOUGH)

    result = run(pytester, "--flywheel-import")

    assert result.ret == 0
    assert only(pytester).outcome == "passed"
    result.stdout.fnmatch_lines(["flywheel: not imported: * Later: flywheel import jsonl runs.jsonl"])


def test_a_cycle_at_the_end(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch):
    """--flywheel-cycle imports, then starts a cycle of each prompt that is due; the others say why not."""
    monkeypatch.setenv("FLYWHEEL_DATABASE_URL", f"sqlite:///{pytester.path / 'store.db'}")
    (pytester.path / "prompt.txt").write_text("Route {question}")
    command = [sys.executable, "-c", "from flywheel.cli.main import main; main()"]
    add = [*command, "prompt", "add", "triage", "prompt.txt", "--label", "v1", "--live"]
    subprocess.run(add, cwd=pytester.path, capture_output=True, check=True)
    pytester.makepyfile(
        """
        import pytest

        @pytest.mark.flywheel(prompt="triage", version="v1")
        @pytest.mark.parametrize("n", range(52))
        def test_it(n): assert n % 2

        @pytest.mark.flywheel(prompt="other")
        def test_other(): pass
        """
    )

    result = run(pytester, "--flywheel-cycle")

    result.stdout.fnmatch_lines(
        [
            "imported: 53 stored; next: flywheel report",
            "no cycle of other: no version is live, so there is nothing to beat",
            "cycle of triage (26 of 52 new executions of the live version failed (50 %), more than 20 %): *",
        ]
    )


def test_no_cycle_without_a_prompt(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch):
    """Where no test names a prompt, or the strategy does not exist, a line says so and no test fails."""
    monkeypatch.setenv("FLYWHEEL_DATABASE_URL", f"sqlite:///{pytester.path / 'store.db'}")
    pytester.makepyfile(ENOUGH)

    nameless = run(pytester, "--flywheel-cycle")
    misspelt = run(pytester, "--flywheel-cycle=produktion", "--flywheel-prompt=triage")

    assert (nameless.ret, misspelt.ret) == (0, 0)
    nameless.stdout.fnmatch_lines(["no cycle: no test names a prompt*"])
    misspelt.stdout.fnmatch_lines(["no cycle: No strategy 'produktion'.*"])
