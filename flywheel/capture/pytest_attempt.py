"""One attempt at a test, from its setup to its teardown."""

from __future__ import annotations

from typing import Final, NamedTuple

import pytest

from flywheel.capture.pytest_facts import Failure, Phase, phase_of
from flywheel.capture.pytest_place import Place

INTERRUPTED: Final = Failure("Interrupted", "the run was interrupted before this test ended")


class Ending(NamedTuple):
    """How an attempt ended.

    Attributes:
        outcome: passed, failed, error, skipped or unscored.
        phase: the phase that decided.
        when: its name, None where the call decided.
        failure: why, where there is one.
    """

    outcome: str
    phase: Phase | None = None
    when: str | None = None
    failure: Failure | None = None


class Attempt:
    """What is known of a test while it runs.

    Attributes:
        item: the test.
        nodeid: its id, without the group pytest-xdist may add.
        number: 1 for the first attempt in this session.
        place: what it shares with the tests of its class or module.
        setup, call, teardown: phases that ended.
        subtests: ids of the subtests that ended, as often as they did.
        failed_subtests: how many of them failed.
    """

    __slots__ = (
        "call",
        "failed_subtests",
        "item",
        "nodeid",
        "number",
        "place",
        "setup",
        "subtests",
        "teardown",
    )

    def __init__(self, item: pytest.Item, nodeid: str, number: int, place: Place) -> None:
        self.item = item
        self.nodeid = nodeid
        self.number = number
        self.place = place
        self.setup: Phase | None = None
        self.call: Phase | None = None
        self.teardown: Phase | None = None
        self.subtests: list[str] = []
        self.failed_subtests = 0

    def saw(self, call: pytest.CallInfo[None], report: pytest.TestReport, root: str) -> None:
        """Keep a phase that ended; a subtest is a call too, which the test's own call then replaces."""
        phase = phase_of(call, report, root)
        if call.when == "call":
            self.call = phase
        elif call.when == "setup":
            self.setup = phase
        else:
            self.teardown = phase

    def ending(self) -> Ending | None:
        """How it ended, as pytest counts: a failure outside of the call is an error.

        Returns:
            None where pytest was told not to call it (`--setup-only`).
        """
        setup, call, teardown = self.setup, self.call, self.teardown
        if setup is not None and setup.outcome != "passed":
            return _not_set_up(setup)
        if call is None:
            return None if teardown is not None else Ending("unscored", setup, None, INTERRUPTED)
        if teardown is not None and teardown.outcome == "failed" and call.outcome != "failed":
            return Ending("error", teardown, "teardown", teardown.failure)
        if self.failed_subtests and call.outcome == "passed":
            return Ending("failed", call, None, Failure("SubtestsFailed", f"{self.failed_subtests} failed"))
        return Ending(call.outcome, call, None, call.failure)


def _not_set_up(setup: Phase) -> Ending:
    outcome = "error" if setup.outcome == "failed" else "skipped"
    return Ending(outcome, setup, "setup", setup.failure)
