"""The pytest hooks that turn each test into a line of the spool."""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator
from pathlib import Path
from typing import Any, Final

import pytest

from flywheel.capture.langchain_watch import LangChainWatch
from flywheel.capture.pytest_attempt import Attempt
from flywheel.capture.pytest_case import CASE
from flywheel.capture.pytest_facts import Failure, Place, collection_failure, place_of
from flywheel.capture.pytest_lines import Lines, test_name
from flywheel.capture.pytest_settings import WORKER_KEY, CaptureSettings, capture_settings
from flywheel.capture.pytest_summary import Imported, bring_in, write_summary
from flywheel.capture.pytest_tally import Tally
from flywheel.capture.spool import Spool, part_path, whole_lines

PLUGIN_NAME: Final = "flywheel-capture"


def start_capture(config: pytest.Config) -> None:
    """Register the capturing hooks for this session."""
    settings = capture_settings(config)
    config.pluginmanager.register(PytestCapture(config, settings), PLUGIN_NAME)


class PytestCapture:
    """Hooks of one process of one session.

    Where pytest-xdist distributes the tests, each worker writes a part of its
    own and the controller joins them, because a worker knows the test, its
    parameters and its exception, and a controller only a report. The
    controller adds what no worker can tell: modules that could not be
    collected, and tests whose worker died.
    """

    def __init__(self, config: pytest.Config, settings: CaptureSettings) -> None:
        self.config = config
        self.settings = settings
        self.spool = Spool(settings.path)
        self.tally = Tally()
        self._lines = Lines(settings)
        self._attempt: Attempt | None = None
        self._attempts: Counter[str] = Counter()
        self._places: dict[object, Place] = {}
        self._parts: list[Path] = []
        self._uncounted: list[Path] = []
        self._left: list[str] = []
        self._imported: Imported | None = None
        self._watch = LangChainWatch()

    def pytest_sessionstart(self) -> None:
        """Look out for LangChain."""
        self._watch.start()

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        """A test, or another attempt at it, starts."""
        self._start(item)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """A phase of a test ended; after the teardown the test is written."""
        report = yield
        attempt = self._attempt
        if attempt is None or attempt.item is not item:
            attempt = self._start(item)
        attempt.saw(call, report, self.settings.root)
        if call.when == "teardown":
            self._finish(attempt)
        return report

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """A subtest ended, or a worker died in a test."""
        if report.when == "call":
            attempt = self._attempt
            if attempt is not None and hasattr(report, "context"):
                self._append(self._lines.of_subtest(attempt, report))
        elif report.when == "???":  # type: ignore[comparison-overlap]
            self._crashed(report)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """A module that cannot be collected is an error; workers leave it to the controller."""
        if report.failed and self.settings.worker is None:
            failure = collection_failure(str(report.longrepr))
            self._append(self._lines.without_item(report.nodeid or ".", "collect", failure, self.tally.total))

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:  # noqa: ANN401 (pytest-xdist is optional)
        """Tell a worker of pytest-xdist what it belongs to."""
        node.workerinput[WORKER_KEY] = {
            "session_id": self.settings.session_id,
            "path": str(self.settings.whole),
        }
        worker = str(node.workerinput["workerid"])
        self._parts.append(part_path(self.settings.whole, self.settings.session_id, worker))

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any, error: object) -> None:  # noqa: ANN401, ARG002
        """Take a worker's counts, or count its part later when it died without giving any."""
        handed = getattr(node, "workeroutput", {}).get(WORKER_KEY)
        if handed is None:
            worker = str(node.workerinput["workerid"])
            self._uncounted.append(part_path(self.settings.whole, self.settings.session_id, worker))
            return
        self.tally.merge(handed)
        self.spool.lost += handed["lost"]
        self.spool.problem = handed["problem"] or self.spool.problem

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self) -> None:
        """Write the test that was interrupted, join the parts, import when asked."""
        if self._attempt is not None:
            self._finish(self._attempt)
        self._watch.stop()
        if self.settings.worker is not None:
            self.spool.close()
            self.config.workeroutput[WORKER_KEY] = {  # type: ignore[attr-defined]
                **self.tally.handed(),
                "lost": self.spool.lost,
                "problem": self.spool.problem,
            }
            return
        for part in self._uncounted:
            for line in whole_lines(part):
                self.tally.add(line)
        self._left += [str(part) for part in self.spool.take_in(self._parts)]
        self.spool.close()
        if self.tally.total and self._import_wanted():
            workspace = self.settings.constant.get("workspace")
            self._imported = bring_in(self.spool.path, workspace, self.config.invocation_params.dir)

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Say what was captured, where it is, what to do next."""
        if self.settings.worker is None:
            write_summary(terminalreporter, self.spool, self.tally, self._imported, self._left)

    def pytest_unconfigure(self) -> None:
        """Leave nothing behind, even when the session never finished."""
        self._watch.stop()
        self.spool.close()

    def _start(self, item: pytest.Item) -> Attempt:
        if self._attempt is not None:
            self._finish(self._attempt)
        nodeid = item.nodeid
        if self.settings.groups:
            nodeid = test_name(nodeid, groups=True)
        self._attempts[nodeid] += 1
        place = self._places.get(item.parent)
        if place is None:
            place = self._places[item.parent] = place_of(item.parent, nodeid)
        attempt = Attempt(item, nodeid, self._attempts[nodeid], place, CASE.begin())
        self._attempt = attempt
        return attempt

    def _finish(self, attempt: Attempt) -> None:
        self._attempt = None
        CASE.end(attempt.said)
        line = self._lines.of_test(attempt)
        if line is not None:
            self._append(line)
        if attempt.said.refused:
            self.tally.refuse([f"{attempt.nodeid}: {reason}" for reason in attempt.said.refused])

    def _append(self, line: dict[str, Any]) -> None:
        self.spool.append(line)
        self.tally.add(line)

    def _crashed(self, report: pytest.TestReport) -> None:
        failure = Failure("WorkerCrashed", str(report.longrepr))
        self._append(self._lines.without_item(report.nodeid, "crash", failure, self.tally.total))

    def _import_wanted(self) -> bool:
        config = self.config
        return bool(config.getoption("flywheel_import") or config.getini("flywheel_import"))
