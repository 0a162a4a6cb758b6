"""A baseline of many models: which session it is, what came before, what it should reach."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from flywheel.errors import InputError, UnknownName
from flywheel.learn.baseline import Targets, baseline_matrix
from flywheel.learn.completeness import SessionCounts
from flywheel.learn.measurement import replicate_of
from flywheel.learn.rulings import GateRules
from flywheel.llm.executor import Arm, Job
from flywheel.llm.executor_budget import Ceiling
from flywheel.llm.providers import entry_of
from flywheel.records.baseline import BaselineMatrix
from flywheel.records.execution import Execution
from flywheel.records.prompt import PromptVersion
from flywheel.records.provider import ModelsConfig
from flywheel.store.open import SqlStore

BEGINS = "baseline/"
"""Begins the names of their sessions: `baseline/SUITE/PROMPT@VERSION`, then a time for a repeated one."""

PURPOSE = "baseline"
"""What their calls are booked under."""

MOST = 50
"""Baselines of a suite that are looked at."""


@dataclass(frozen=True, slots=True)
class Subject:
    """What a baseline is of.

    Attributes:
        version: with its text.
    """

    workspace: str
    suite: str
    version: PromptVersion


def known_baselines(
    store: SqlStore, workspace: str, suite: str, prompt: str | None = None
) -> list[SessionCounts]:
    """Baselines of a suite, the newest first; of one prompt where it is named."""
    begins = f"{BEGINS}{suite}/" + (f"{prompt}@" if prompt else "")
    return store.sessions.counts(workspace, begins=begins, limit=MOST)


def named_baseline(
    store: SqlStore, subject: Subject, now: datetime | None = None, against: str | None = None
) -> BaselineMatrix:
    """The baseline to be measured, without rows yet.

    Args:
        store: with the baselines there are.
        subject: what is measured.
        now: begins a new baseline; None goes on with the last one of this version.
        against: session of an earlier one; None takes the one before.

    Raises:
        UnknownName: there is no baseline `against`.
    """
    prompt = subject.version.prompt
    stem = f"{BEGINS}{subject.suite}/{prompt}@{subject.version.short}"
    found = known_baselines(store, subject.workspace, subject.suite, prompt)
    known = [counts.session_id for counts in found if counts.session_id is not None]
    if against is not None and against not in known:
        raise UnknownName(
            f"No baseline {against!r} of suite {subject.suite!r} with prompt {prompt!r}. Nothing was sent. "
            f"See: flywheel baseline {subject.suite} --list"
        )
    mine = [session for session in known if session == stem or session.startswith(f"{stem}/")]
    session = next(iter(mine), stem) if now is None else f"{stem}/{now:%Y%m%dT%H%M%S.%f}"
    older = known[known.index(session) + 1 :] if session in known else known
    return BaselineMatrix(
        workspace=subject.workspace,
        suite=subject.suite,
        prompt=prompt,
        version=subject.version.version,
        session_id=session,
        against=against or next(iter(older), None),
    )


def baseline_job(store: SqlStore, named: BaselineMatrix, models: Sequence[str], ceiling: Ceiling) -> Job:
    """All cases of the suite, the version with each model.

    Raises:
        UnknownName: there is no such suite.
        InputError: it has no cases, or the version has no text.
    """
    suite = store.cases.suite(named.workspace, named.suite)
    if suite is None:
        raise UnknownName(
            f"No suite {named.suite!r} in workspace {named.workspace!r}. Nothing was sent. "
            f"Add it with: flywheel suite add {named.suite} CASES.jsonl"
        )
    cases = tuple(sorted(store.cases.cases(named.workspace, named.suite), key=lambda case: case.case_id))
    version = store.prompts.get(named.workspace, named.prompt, named.version)
    if not cases or version is None or version.text is None:
        lacking = "no cases" if not cases else f"no text for version {named.version!r} of {named.prompt!r}"
        raise InputError(f"A baseline of suite {named.suite!r} has {lacking}. Nothing was sent.")
    arms = tuple(Arm(named.prompt, version.version, version.text, m, version.short) for m in models)
    asking = replicate_of(named.session_id)
    return Job(named.workspace, suite, cases, arms, named.session_id, 0, ceiling, asking, PURPOSE)


def measured(
    store: SqlStore,
    named: BaselineMatrix,
    arms: Mapping[str, Sequence[Execution]],
    config: ModelsConfig,
) -> BaselineMatrix:
    """The matrix of what was run, held against targets with the earlier baseline.

    Args:
        store: with the earlier executions.
        named: which baseline it is.
        arms: executions by model.
        config: targets of the models.
    """
    earlier: dict[str, list[Execution]] = {}
    if named.against is not None:
        for execution in store.executions.in_session(named.workspace, named.prompt, named.against):
            earlier.setdefault(execution.model or "", []).append(execution)
    entries = {name: entry_of(config, name) for name in arms}
    targets = {
        n: Targets(e.quality_target, e.response_ms_target) for n, e in entries.items() if e is not None
    }
    return baseline_matrix(named, arms, targets, GateRules(), earlier)
