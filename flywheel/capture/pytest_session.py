"""The pytest hooks that turn each test into a line of the spool."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path
from types import TracebackType
from typing import Any, Final

import pytest

from flywheel.capture.langchain_watch import LangChainWatch
from flywheel.capture.plain import UNREADABLE
from flywheel.capture.pytest_attempt import Attempt
from flywheel.capture.pytest_case import CASE, Said
from flywheel.capture.pytest_commands import bring_in, turn
from flywheel.capture.pytest_facts import Failure, collection_failure
from flywheel.capture.pytest_lines import Lines, tell, test_name
from flywheel.capture.pytest_place import Place
from flywheel.capture.pytest_privacy import Privacy
from flywheel.capture.pytest_settings import WORKER_KEY, CaptureSettings, capture_settings
from flywheel.capture.pytest_summary import Afterwards, write_summary
from flywheel.capture.pytest_tally import Tally
from flywheel.capture.spool import Spool, part_path, whole_lines

SURPRISES: Final = (*UNREADABLE, ImportError, NameError, SyntaxError)
"""What strange objects, or a half-installed flywheel, raise; an execution is lost to it, never a test."""

PLUGIN_NAME: Final = "flywheel-capture"


def start_capture(config: pytest.Config) -> None:
    """Register the capturing hooks for this session."""
    settings = capture_settings(config)
    config.pluginmanager.register(PytestCapture(config, settings), PLUGIN_NAME)


class _Losing:
    """A block in which an execution that cannot be told is counted as lost, while its test goes on."""

    def __init__(self, spool: Spool) -> None:
        self._spool = spool

    def __enter__(self) -> None:
        return None

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        if not isinstance(error, SURPRISES):
            return False
        self._spool.lost += 1
        self._spool.problem = f"{type(error).__name__}: {error}"
        return True


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
        self._losing = _Losing(self.spool)
        self._privacy = Privacy(settings.redaction, settings.salt)
        self._attempts: dict[str, int] = {}
        self._parent: pytest.Collector | None = None
        self._place = self._lines.place(None, "")
        self._parts: list[Path] = []
        self._uncounted: list[Path] = []
        self._left: list[str] = []
        self._after = Afterwards()
        self._watch = LangChainWatch()

    def pytest_sessionstart(self) -> None:
        """Look out for LangChain."""
        self._watch.start()

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        """A test, or another attempt at it, starts."""
        with self._losing:
            self._start(item)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """A phase of a test ended; after the teardown the test is written."""
        report = yield
        with self._losing:
            self._saw(item, call, report)
        return report

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """A subtest ended, or a worker died in a test."""
        if report.when == "call":
            if self._attempt is not None and hasattr(report, "context"):
                self._saw_subtest(self._attempt, report)
        elif report.when == "???":  # type: ignore[comparison-overlap]
            self._without_item(report.nodeid, "crash", Failure("WorkerCrashed", str(report.longrepr)))

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """A module that cannot be collected is an error; workers leave it to the controller."""
        if report.failed and self.settings.worker is None:
            self._without_item(report.nodeid or ".", "collect", collection_failure(str(report.longrepr)))

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:  # noqa: ANN401 (pytest-xdist is optional)
        """Tell a worker of pytest-xdist what it belongs to."""
        node.workerinput[WORKER_KEY] = {
            "session_id": self.settings.session_id,
            "path": str(self.settings.whole),
            "groups": self.settings.groups,
        }
        self._parts.append(self._part_of(node))

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any, error: object) -> None:  # noqa: ANN401, ARG002
        """Take a worker's counts, or count its part later when it died without giving any."""
        handed = getattr(node, "workeroutput", {}).get(WORKER_KEY)
        part = self._part_of(node)
        if handed is None:
            self._uncounted.append(part)
            return
        if handed["written"] and not part.exists():
            self._left.append(f"{part} of {node.gateway.id}")
        self.tally.merge(handed)
        self.spool.lost += handed["lost"]
        self.spool.problem = handed["problem"] or self.spool.problem

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self) -> None:
        """Write the test that was interrupted, join the parts, import when asked."""
        with self._losing:
            if self._attempt is not None:
                self._finish(self._attempt)
        self._watch.stop()
        self.tally.redacted.update(self._privacy.counts)
        if self.settings.worker is not None:
            self.spool.close()
            self.config.workeroutput[WORKER_KEY] = {  # type: ignore[attr-defined]
                **self.tally.handed(),
                "written": self.spool.written,
                "lost": self.spool.lost,
                "problem": self.spool.problem,
            }
            return
        with self._losing:
            for part in self._uncounted:
                for line in whole_lines(part):
                    self.tally.add(line)
        self._left += [str(part) for part in self.spool.take_in(self._parts)]
        self.spool.close()
        if self.tally.total and (self.settings.imports or self.settings.strategy):
            self._hand_on()

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Say what was captured, where it is, what to do next."""
        if self.settings.worker is None:
            write_summary(terminalreporter, self.spool, self.tally, self._after, self._left)

    def pytest_unconfigure(self) -> None:
        """Leave nothing behind, even when the session never finished."""
        if self._attempt is not None:
            CASE.end()
        self._watch.stop()
        self.spool.close()

    def _saw(self, item: pytest.Item, call: pytest.CallInfo[None], report: pytest.TestReport) -> None:
        attempt = self._attempt
        if attempt is None or attempt.item is not item:
            attempt = self._start(item)
        attempt.saw(call, report, self.settings.root)
        if call.when == "teardown":
            self._finish(attempt)

    def _saw_subtest(self, attempt: Attempt, report: pytest.TestReport) -> None:
        with self._losing:
            said = CASE.subtest()
            self._write(self._lines.of_subtest(attempt, report), said, attempt.place)

    def _start(self, item: pytest.Item) -> Attempt:
        if self._attempt is not None:
            self._finish(self._attempt)
        nodeid = test_name(item.nodeid) if self.settings.groups else item.nodeid
        number = self._attempts[nodeid] = self._attempts.get(nodeid, 0) + 1
        parent = item.parent
        if parent is not self._parent and isinstance(parent, pytest.Collector):
            self._parent = parent
            self._place = self._lines.place(parent, nodeid)
        CASE.begin()
        attempt = self._attempt = Attempt(item, nodeid, number, self._place)
        return attempt

    def _finish(self, attempt: Attempt) -> None:
        self._attempt = None
        said = CASE.end()
        line = self._lines.of_test(attempt)
        if line is not None:
            self._write(line, said, attempt.place)

    def _without_item(self, nodeid: str, when: str, failure: Failure) -> None:
        nodeid = test_name(nodeid) if self.settings.groups else nodeid
        line = self._lines.without_item(nodeid, when, failure, self.tally.total)
        self._write(line, None, self._lines.place(None, nodeid))

    def _write(self, line: dict[str, Any], said: Said | None, place: Place) -> None:
        if said is not None:
            tell(line, said)
            if said.refused:
                self.tally.refuse([f"{line['case_id']}: {reason}" for reason in said.refused])
        self._privacy.clean(line)
        self.tally.add(line, place.fields)
        self.spool.append_bytes(self._lines.finished(line, place))

    def _part_of(self, node: Any) -> Path:  # noqa: ANN401
        worker = str(node.workerinput["workerid"])
        return part_path(self.settings.whole, self.settings.session_id, worker)

    def _hand_on(self) -> None:
        """Import; where it was asked for, a cycle of each prompt that is due then."""
        workspace = self.settings.constant.get("workspace")
        folder = self.config.invocation_params.dir
        self._after.imported = bring_in(self.spool.path, workspace, folder)
        if self._after.imported.done and self.settings.strategy:
            self._after.turned = turn(self.tally.prompts, self.settings.strategy, workspace, folder)
