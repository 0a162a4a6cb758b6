"""The arms of a live experiment on one model, run case by case."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import chain, zip_longest

from flywheel.learn.counting import count_of, were
from flywheel.learn.planning import CallCost
from flywheel.learn.rulings import GateRules
from flywheel.ports import CaseRunner, RunPlan, Store
from flywheel.records.case import Case, Suite
from flywheel.records.cycle import CycleContext
from flywheel.records.execution import Execution, Outcome
from flywheel.records.proposal import Proposal
from flywheel.stats.shrinkage import GainPrior

UNMEASURED = frozenset({Outcome.ERROR, Outcome.SKIPPED})
"""Outcomes of cases that gave no measurement; they are run again."""

BATCH = 64
"""Cases run between two writes where nothing is watched: what a killed experiment can lose."""


@dataclass(frozen=True, slots=True)
class Setup:
    """What an experiment works with.

    Attributes:
        control_text: text of the live version.
        proposals: candidates, most promising first.
        cases: gate cases.
        cost: of one call, as far as it is known before the first answer.
        prior: where true gains lie, learned from past experiments.
        before: what this cycle ran already, which counts against its ceilings.
    """

    context: CycleContext
    suite: Suite
    control_text: str
    proposals: tuple[Proposal, ...]
    cases: tuple[Case, ...]
    rules: GateRules
    store: Store
    runner: CaseRunner
    progress: Callable[[str], None]
    cost: CallCost = field(default_factory=CallCost)
    prior: GainPrior | None = None
    before: tuple[Execution, ...] = ()


@dataclass(slots=True)
class LiveArms:
    """Executions of an experiment as they come in.

    Attributes:
        model: that answers; None is the one that decides.
        executions: by version, the control first.
        kept: those of the same session that are stored already.
        purpose: `gate`, or `screen` before it.
    """

    setup: Setup
    model: str | None = None
    executions: dict[str, list[Execution]] = field(default_factory=dict)
    kept: dict[tuple[str | None, str | None], Execution] = field(default_factory=dict)
    purpose: str = "gate"

    def __post_init__(self) -> None:
        request = self.setup.context.request
        stored = self.setup.store.executions.in_session(request.workspace, request.prompt, self.session)
        self.kept = {(e.version, e.case_id): e for e in stored if e.outcome not in UNMEASURED}
        self.executions = {version: [] for version in self.texts}

    @property
    def control(self) -> str:
        """Version that is live."""
        return self.setup.context.control or ""

    @property
    def session(self) -> str:
        """Of the cycle; each further model has a part of its own, so that no run replaces another."""
        root = "experiment" if self.purpose == "gate" else self.purpose
        session = f"{root}/{self.setup.context.cycle_id}"
        return session if self.model is None else f"{session}/{self.model}"

    @property
    def texts(self) -> dict[str, str]:
        """Text of every arm by its version, the control first."""
        texts = {self.control: self.setup.control_text}
        texts.update({p.version: p.text or "" for p in self.setup.proposals})
        return texts

    @property
    def flat(self) -> list[Execution]:
        """All executions so far."""
        return [e for executions in self.executions.values() for e in executions]

    def run(self, versions: Sequence[str], cases: Sequence[Case]) -> None:
        """Add the executions of some arms on some cases, running what is not kept."""
        texts = self.texts
        for version in versions:
            missing = [c for c in cases if (version, c.case_id) not in self.kept]
            plan = self._plan(version, texts[version])
            for start in range(0, len(missing), BATCH):
                fresh = self.setup.runner.run(plan, missing[start : start + BATCH])
                self.setup.store.executions.write(fresh)
                self.kept.update({(version, e.case_id): e for e in fresh})
            self.executions[version].extend(self.kept[version, c.case_id] for c in cases)

    def _plan(self, version: str, text: str) -> RunPlan:
        request = self.setup.context.request
        return RunPlan(
            workspace=request.workspace,
            prompt=request.prompt,
            version=version,
            text=text,
            suite=self.setup.suite,
            model=self.model or request.model or "",
            session_id=self.session,
            purpose=self.purpose,
            seed=request.seed,
            source="experiment",
            cycle_id=self.setup.context.cycle_id,
            replicate=self.setup.context.replicate,
        )


def interleaved(cases: Sequence[Case], salt: str = "") -> tuple[Case, ...]:
    """Cases in a fixed order in which every stretch holds all slices.

    Args:
        cases: in any order.
        salt: another one gives another order.

    Returns:
        The same cases; within a slice ordered by a hash of the id, slices in turn.
    """
    slices: dict[str | None, list[Case]] = defaultdict(list)
    for case in sorted(
        cases, key=lambda c: hashlib.blake2b((salt + c.case_id).encode(), digest_size=8).digest()
    ):
        slices[case.slice].append(case)
    turns = zip_longest(*(slices[name] for name in sorted(slices, key=str)))
    return tuple(case for case in chain.from_iterable(turns) if case is not None)


def usual_error(executions: Sequence[Execution]) -> str:
    """The error that came most often, by its type; a message may hold what must not spread."""
    kinds = [e.error_type or e.outcome.value for e in executions if e.outcome in UNMEASURED]
    return max(sorted(set(kinds)), key=kinds.count, default="unknown")


def silence(executions: Sequence[Execution]) -> str:
    """Why an experiment is over when nothing it asked was answered, or an empty text."""
    if not executions or any(e.outcome not in UNMEASURED for e in executions):
        return ""
    asked = len({e.case_id for e in executions})
    return f"{count_of(asked, 'case')} {were(asked)} asked and none was answered ({usual_error(executions)})"
