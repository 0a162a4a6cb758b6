"""Arms of experiments on their way to LangSmith: whatever a run refers to is made before it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import urlencode

from flywheel.llm.langsmith_experiment import (
    Told,
    case_document,
    experiment,
    run_document,
    score_document,
    suite_name,
)
from flywheel.llm.langsmith_nodes import case_key, experiment_id, stamp
from flywheel.llm.langsmith_outbox import Outbox
from flywheel.ports import RunPlan
from flywheel.records.case import Case
from flywheel.records.execution import Execution

TOGETHER: Final = 100
"""Executions that wait for each other, so that their cases are looked up in one request."""


@dataclass
class Arms:
    """What is known to be there: suites, cases, experiments; what waits for them.

    Attributes:
        suites: ids by name.
        cases, experiments: ids.
    """

    suites: dict[str, str] = field(default_factory=dict)
    cases: set[str] = field(default_factory=set)
    experiments: set[str] = field(default_factory=set)
    _waiting: list[Told] = field(default_factory=list)

    @property
    def is_empty(self) -> bool:
        """Whether nothing waits."""
        return not self._waiting

    def add(
        self,
        outbox: Outbox,
        plan: RunPlan,
        pairs: Iterable[tuple[Case, Execution]],
        at: datetime,
    ) -> None:
        """Take executions; hand all on when they are many.

        Raises:
            ServiceError: as for `hand_on`.
        """
        own = experiment_id(plan)
        self._waiting += [Told(plan, case, execution, own, case_key(case), at) for case, execution in pairs]
        if len(self._waiting) >= TOGETHER:
            self.hand_on(outbox)

    def hand_on(self, outbox: Outbox) -> None:
        """Make suites, cases, experiments that are not there, then add the runs.

        Raises:
            ServiceError: no answer, or a refusal; what waited is lost.
        """
        told, self._waiting = self._waiting, []
        by_suite: dict[str, list[Told]] = {}
        for one in told:
            by_suite.setdefault(suite_name(one.plan), []).append(one)
        for name, ones in by_suite.items():
            self._make_cases(outbox, ones, self._suite(outbox, name))
            for one in ones:
                self._make_experiment(outbox, one)
        for one in told:
            run = run_document(one)
            outbox.run("post", run)
            outbox.feedback(score_document(run, one.execution))

    def drop(self) -> None:
        """Forget what waits."""
        self._waiting = []

    def close(self, outbox: Outbox) -> None:
        """Say that the experiments have ended.

        Raises:
            ServiceError: no answer, or a refusal.
        """
        self.hand_on(outbox)
        for own in sorted(self.experiments):
            outbox.ask("PATCH", f"/api/v1/sessions/{own}", {"end_time": stamp(datetime.now(UTC))})
        self.experiments.clear()

    def _suite(self, outbox: Outbox, name: str) -> str:
        if name not in self.suites:
            made = outbox.made("/api/v1/datasets", {"name": name, "data_type": "kv"})
            if made is None:
                made = outbox.ask("GET", "/api/v1/datasets", query={"name": name, "limit": 1})[0]
            self.suites[name] = str(made["id"])
        return self.suites[name]

    def _make_cases(self, outbox: Outbox, ones: Sequence[Told], suite_id: str) -> None:
        wanted = {one.key: one.case for one in ones if one.key not in self.cases}
        keys = list(wanted)
        for some in (keys[start : start + TOGETHER] for start in range(0, len(keys), TOGETHER)):
            query = urlencode(
                {"dataset": suite_id, "limit": TOGETHER, "select": "id", "id": some}, doseq=True
            )
            known: list[dict[str, Any]] = outbox.ask("GET", f"/api/v1/examples?{query}")
            there = {str(one["id"]) for one in known}
            new = [case_document(wanted[key], suite_id) for key in some if key not in there]
            if new:
                hidden = outbox.hiding
                outbox.ask("POST", "/api/v1/examples/bulk", [hidden.of(document) for document in new])
            self.cases.update(some)

    def _make_experiment(self, outbox: Outbox, one: Told) -> None:
        if one.own not in self.experiments:
            document = experiment(one.plan, self.suites[suite_name(one.plan)], one.at)
            outbox.made("/api/v1/sessions", document, {"upsert": "true"})
            self.experiments.add(one.own)
