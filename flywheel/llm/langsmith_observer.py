"""What a cycle did, told to LangSmith: experiments with their calls, scores, what became live.

Nothing of it may hold a cycle up. Everything is collected while the cycle
runs, and sent by a daemon thread when it has ended; a server that does not
answer is left within `PATIENCE_S`.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from flywheel.errors import FlywheelError
from flywheel.llm.langsmith_api import LangSmithAccess, LangSmithApi, Patience, langsmith_access
from flywheel.llm.langsmith_experiment import Arm, experiment
from flywheel.llm.langsmith_prompts import push_live
from flywheel.ports import RunPlan
from flywheel.records.case import Case
from flywheel.records.execution import Execution
from flywheel.records.prompt import PromptVersion

PATIENCE_S: Final = 2.0
"""Longest wait for a server that has not answered yet."""

LONGEST_S: Final = 60.0
"""Longest wait for a server that answers, one thing after the other."""

_ON: Final = frozenset({"true", "1", "yes", "on"})


class LangSmithObserver:
    """Tells LangSmith; the CycleObserver of the cycle.

    Args:
        access: address with key.

    Examples:
        >>> observer = LangSmithObserver(LangSmithAccess("key", "http://127.0.0.1:9"))
        >>> observer.close() is None
        True
    """

    def __init__(self, access: LangSmithAccess) -> None:
        self._access = access
        self._api = LangSmithApi(access, Patience(timeout_s=10.0, deadline_s=20.0, tries=2))
        self._arms: dict[tuple[str, ...], Arm] = {}
        self._releases: list[tuple[PromptVersion, str]] = []
        self._sending: _Sending | None = None

    def ran(self, plan: RunPlan, cases: Sequence[Case], executions: Sequence[Execution]) -> None:
        """Collect the executions of a plan; batches of one arm are one experiment."""
        key = (plan.workspace, plan.session_id, plan.prompt, plan.version, plan.model)
        arm = self._arms.setdefault(key, Arm(plan))
        arm.add(cases, executions, time.time())
        self._begin()

    def released(self, version: PromptVersion, why: str) -> None:
        """Collect what became live."""
        self._releases.append((version, why))
        self._begin()

    def close(self) -> str | None:
        """Send what was collected.

        Returns:
            What could not be sent, in words; None where all was.
        """
        if self._sending is None:
            return None
        jobs: list[Callable[[], object]] = [
            lambda arm=arm: self._api.ask("POST", "/api/v1/datasets/upload-experiment", experiment(arm))  # type: ignore[misc]
            for arm in self._arms.values()
        ]
        jobs += [lambda one=one: push_live(self._api, *one) for one in self._releases]  # type: ignore[misc]
        self._arms, self._releases = {}, []
        sending, self._sending = self._sending, None
        told = sending.finish(jobs)
        if told is None:
            return None
        return (
            f"LangSmith at {self._access.base_url!r} was not told all: {told}. "
            "The cycle itself is done, and everything is in the store."
        )

    def _begin(self) -> None:
        """Look early whether the server is there, so that nothing waits for it in the end."""
        if self._sending is None:
            probe = LangSmithApi(self._access, Patience(timeout_s=PATIENCE_S, deadline_s=PATIENCE_S, tries=1))
            self._sending = _Sending(lambda: probe.ask("GET", "/api/v1/info"))
            self._sending.start()


def langsmith_observer(environ: Mapping[str, str]) -> LangSmithObserver | None:
    """The observer that an environment asks for; None without a key, or where tracing is not switched on.

    Examples:
        >>> langsmith_observer({"LANGSMITH_TRACING": "true"}) is None
        True
        >>> langsmith_observer({"LANGSMITH_API_KEY": "k"}) is None
        True
    """
    access = langsmith_access(environ)
    wanted = environ.get("LANGSMITH_TRACING") or environ.get("LANGCHAIN_TRACING_V2") or ""
    if access is None or wanted.strip().lower() not in _ON:
        return None
    return LangSmithObserver(access)


@dataclass
class _Sending:
    """A daemon thread: first a look whether the server is there, then the jobs one by one."""

    probe: Callable[[], object]
    jobs: list[Callable[[], object]] = field(default_factory=list)
    ready: threading.Event = field(default_factory=threading.Event)
    ended: threading.Event = field(default_factory=threading.Event)
    is_there: bool = False
    told: str | None = None

    def start(self) -> None:
        threading.Thread(target=self._run, name="flywheel-langsmith", daemon=True).start()

    def finish(self, jobs: list[Callable[[], object]]) -> str | None:
        """Hand the jobs over and wait; what was not sent, in words."""
        self.jobs = jobs
        self.ready.set()
        began = time.monotonic()
        while not self.ended.wait(0.02):
            waited = time.monotonic() - began
            if waited > LONGEST_S or (not self.is_there and waited > PATIENCE_S):
                return self.told or f"no answer within {waited:.1f} s"
        return self.told

    def _run(self) -> None:
        try:
            self.probe()
            self.is_there = True
            self.ready.wait()
            for job in self.jobs:
                self._do(job)
        except FlywheelError as error:
            self.told = str(error)
        finally:
            self.ended.set()

    def _do(self, job: Callable[[], object]) -> None:
        """One job; what the server refuses does not keep the others back."""
        try:
            job()
        except FlywheelError as error:
            self.told = str(error)
