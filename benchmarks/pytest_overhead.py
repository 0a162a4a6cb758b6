"""What capturing a suite costs: the same trivial tests under pytest alone, under flywheel, under its peers.

Every configuration loads only the plugins it names, so the suite, the
interpreter and pytest are the same. The order is drawn anew in every round, and
a ratio compares with the bare run of the same round. What others do on the machine only ever
adds time, so the ratio of the fastest runs stands beside the median. Peers
that are not installed are left out:
`pip install pytest-reportlog pytest-json-report pytest-html allure-pytest`.

    python -m benchmarks.pytest_overhead --rounds 7
"""

from __future__ import annotations

import argparse
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from importlib.metadata import entry_points
from pathlib import Path

from benchmarks.peers import beside

FILES = 50
MODEL_CALL = """
def test_{number}(flywheel_case):
    flywheel_case.prompt("triage", "v3").inputs(QUESTION).output(ANSWER).score(0.5)
    flywheel_case.model_call("small", inputs=QUESTION, output=ANSWER, input_tokens=250, output_tokens=250)
"""


@dataclass(frozen=True)
class Setup:
    """One way of running the suite: its plugins by entry point, its options, whether tests tell of models."""

    name: str
    plugins: tuple[str, ...] = ()
    options: tuple[str, ...] = ()
    calls: bool = False
    against: str = "bare"


SETUPS = (
    Setup("bare"),
    Setup("flywheel installed, not asked for", ("flywheel",)),
    Setup("--flywheel", ("flywheel",), ("--flywheel=OUT/runs.jsonl",)),
    Setup("--junitxml", (), ("--junitxml=OUT/junit.xml",)),
    Setup("pytest-reportlog", ("pytest_reportlog",), ("--report-log=OUT/log.json",)),
    Setup(
        "pytest-json-report",
        ("metadata", "pytest_jsonreport"),
        ("--json-report", "--json-report-file=OUT/r.json"),
    ),
    Setup("pytest-html", ("metadata", "html"), ("--html=OUT/r.html", "--self-contained-html")),
    Setup("allure-pytest", ("allure_pytest",), ("--alluredir=OUT/allure",)),
    Setup("bare, one model call told", ("flywheel",), (), calls=True),
    Setup(
        "--flywheel, one model call told",
        ("flywheel",),
        ("--flywheel=OUT/runs.jsonl",),
        calls=True,
        against="bare, one model call told",
    ),
)
WORKERS = (
    Setup("bare -n2", ("xdist",), ("-n2",)),
    Setup("--flywheel -n2", ("xdist", "flywheel"), ("-n2", "--flywheel=OUT/runs.jsonl"), against="bare -n2"),
    Setup(
        "pytest-reportlog -n2",
        ("xdist", "pytest_reportlog"),
        ("-n2", "--report-log=OUT/l.json"),
        against="bare -n2",
    ),
)


def write_suite(folder: Path, tests: int, *, calls: bool) -> None:
    """Files of tests that do nothing, or that tell of one model call with 1 KB in and out."""
    folder.mkdir(parents=True)
    (folder / "pytest.ini").write_text("[pytest]\n")
    body = MODEL_CALL if calls else "\ndef test_{number}():\n    assert True\n"
    head = 'QUESTION = "what is due? " * 80\nANSWER = "nothing at all. " * 64\n' if calls else ""
    for file in range(FILES):
        numbers = range(tests // FILES)
        text = head + "".join(body.format(number=number) for number in numbers)
        (folder / f"test_trivial_{file}.py").write_text(text)


def run(setup: Setup, suite: Path) -> tuple[float, float]:
    """Seconds of processor and of wall that one run took, its workers included."""
    with tempfile.TemporaryDirectory() as out:
        plugins = [part for plugin in setup.plugins for part in ("-p", plugin)]
        options = [option.replace("OUT", out) for option in setup.options]
        base = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--no-header"]
        began = time.perf_counter()
        process = subprocess.Popen(
            [*base, *plugins, *options],
            cwd=suite,
            env={**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
            stdout=subprocess.DEVNULL,
        )
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - began
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode != 0:
            message = f"{setup.name!r} ended with {process.returncode}; no figure was kept. Run it by hand."
            raise SystemExit(message)
        return usage.ru_utime + usage.ru_stime, wall


def installed(setups: tuple[Setup, ...]) -> list[Setup]:
    """Setups whose plugins are there."""
    known = {point.name for point in entry_points(group="pytest11")}
    return [setup for setup in setups if known.issuperset(setup.plugins)]


def measure(setups: list[Setup], tests: int, rounds: int) -> dict[str, list[tuple[float, float]]]:
    """Figures of every setup, a pair a round, in turns."""
    figures: dict[str, list[tuple[float, float]]] = {setup.name: [] for setup in setups}
    with tempfile.TemporaryDirectory() as folder:
        suites = {calls: Path(folder) / f"suite_{calls}" for calls in (False, True)}
        for calls, suite in suites.items():
            write_suite(suite, tests, calls=calls)
        for setup in setups:
            run(setup, suites[setup.calls])  # compiles the files
        order = random.Random(0)
        for number in range(rounds):
            for setup in order.sample(setups, len(setups)):
                figures[setup.name].append(run(setup, suites[setup.calls]))
            print(f"round {number + 1} of {rounds}", file=sys.stderr)
    return figures


def table(setups: list[Setup], figures: dict[str, list[tuple[float, float]]], tests: int) -> str:
    """Medians of the ratios to the bare run of the same round, with their range."""
    rows = [
        "| configuration | processor, median ratio [range] | fastest runs | extra us a test | wall |",
        "|---|---|---|---|---|",
    ]
    for setup in setups:
        mine, bare = figures[setup.name], figures[setup.against]
        pairs = list(zip(mine, bare, strict=True))
        cpu = [a[0] / b[0] for a, b in pairs]
        wall = statistics.median(a[1] / b[1] for a, b in pairs)
        best = min(a for a, _ in mine), min(b for b, _ in bare)
        extra = (best[0] - best[1]) / tests * 1e6
        middle = statistics.median(cpu)
        rows.append(
            f"| {setup.name} | {middle:.2f} [{min(cpu):.2f}-{max(cpu):.2f}] | {best[0] / best[1]:.3f} "
            f"| {extra:.0f} | {wall:.2f} |"
        )
    return "\n".join(rows)


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--tests", type=int, default=5000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--workers", action="store_true", help="also under pytest-xdist with two workers")
    parser.add_argument("--only", default="", help="parts of names, with commas between")
    asked = parser.parse_args()
    setups = installed((*SETUPS, *WORKERS) if asked.workers else SETUPS)
    if asked.only:
        parts = asked.only.split(",")
        chosen = {setup.name for setup in setups if any(part in setup.name for part in parts)}
        chosen |= {setup.against for setup in setups if setup.name in chosen}
        setups = [setup for setup in setups if setup.name in chosen]
    print(beside("pytest", "pytest-reportlog", "pytest-json-report", "pytest-html", "allure-pytest"))
    figures = measure(setups, asked.tests, asked.rounds)
    bare = statistics.median(cpu for cpu, _ in next(iter(figures.values())))
    print(f"{asked.tests} tests in {FILES} files, {asked.rounds} rounds, bare {bare:.2f} s of processor\n")
    print(table(setups, figures, asked.tests))


if __name__ == "__main__":
    main()
