"""What a probe asks: a suite's reflect cases as they are, beside their variants."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from flywheel.errors import InputError, UnknownName
from flywheel.learn.measurement import replicate_of
from flywheel.learn.probing_edges import edges
from flywheel.learn.probing_noise import attacks
from flywheel.learn.probing_rephrasing import rephrasings
from flywheel.learn.probing_variants import Made
from flywheel.learn.templates import variables
from flywheel.llm.executor import Arm, Job
from flywheel.llm.executor_budget import Ceiling
from flywheel.records.case import Case, ReflectCases, Role
from flywheel.records.columns import PROBE
from flywheel.records.probe import ProbeKind, Variant
from flywheel.records.prompt import PromptVersion
from flywheel.store.open import SqlStore


@dataclass(frozen=True, slots=True)
class Subject:
    """What a probe is of.

    Attributes:
        version: with its text.
        seed: of the variants, and of the models.
        begun: of a new measurement; None goes on with the usual one.
    """

    kind: ProbeKind
    workspace: str
    suite: str
    version: PromptVersion
    seed: int = 0
    begun: datetime | None = None

    @property
    def session_id(self) -> str:
        """The same for the same subject, so that a probe goes on where it stopped."""
        stem = f"probe/{self.kind.value}/{self.suite}/{self.version.prompt}@{self.version.short}"
        seeded = stem + (f"/seed-{self.seed}" if self.seed else "")
        return seeded if self.begun is None else f"{seeded}/{self.begun:%Y%m%dT%H%M%S.%f}"


def plain_job(store: SqlStore, subject: Subject, models: Sequence[str], ceiling: Ceiling) -> Job:
    """The reflect cases of the suite as they are, with each model.

    Raises:
        UnknownName: there is no such suite.
        InputError: it has no reflect case, or the version has no text.
    """
    suite = store.cases.suite(subject.workspace, subject.suite)
    if suite is None:
        raise UnknownName(
            f"No suite {subject.suite!r} in workspace {subject.workspace!r}. Nothing was sent. "
            f"Add it with: flywheel suite add {subject.suite} CASES.jsonl"
        )
    version = subject.version
    if version.text is None:
        raise InputError(
            f"Version {version.short!r} of prompt {version.prompt!r} has no text. Nothing was sent. "
            f"Add it with: flywheel prompt add {version.prompt} FILE"
        )
    cases = tuple(store.cases.cases(subject.workspace, subject.suite, Role.REFLECT))
    arms = tuple(Arm(version.prompt, version.version, version.text, m, version.short) for m in models)
    asking = replicate_of(subject.session_id)
    job = Job(subject.workspace, suite, cases, arms, subject.session_id, subject.seed, ceiling, asking)
    return as_probe(job)


def as_probe(job: Job) -> Job:
    """The job with executions that no report of quality counts.

    Raises:
        InputError: there is no case to ask.
        ValueError: a case is not reflect.
    """
    if not job.cases:
        raise InputError(
            f"Suite {job.suite.suite!r} has no reflect case, and probes ask no other. Nothing was sent. "
            f"Add cases with: flywheel suite add {job.suite.suite} CASES.jsonl"
        )
    ReflectCases(cases=job.cases)
    return replace(job, purpose=PROBE, source=PROBE)


def made_for(subject: Subject, job: Job) -> Made:
    """The variants of a job's cases that need no model; none where a kind asks cases as they are.

    Args:
        subject: kind and seed.
        job: with plain cases.
    """
    named = variables(subject.version.text or "")
    match subject.kind:
        case ProbeKind.CONSISTENCY:
            return rephrasings(job.cases, named, subject.seed)
        case ProbeKind.ROBUSTNESS:
            return attacks(job.cases, job.suite.options, named, subject.seed)
        case ProbeKind.EDGE_CASES:
            return edges(job.cases, named, subject.seed)
        case _:
            return Made((), {})


def as_they_are(job: Job) -> tuple[Variant, ...]:
    """The cases themselves, where what a probe finds is no variant of one."""
    return tuple(Variant(case=one, of=one.case_id, kind="plain", before="", after="") for one in job.cases)


def with_variants(job: Job, made: Made) -> Job:
    """The job with every case followed by its variants, so that a run that ends early has both.

    Args:
        job: with plain cases.
        made: of these cases.
    """
    of: dict[str, list[Case]] = {}
    for one in made.variants:
        of.setdefault(one.of, []).append(one.case)
    cases = (case for plain in job.cases for case in (plain, *of.get(plain.case_id, ())))
    return replace(job, cases=tuple(cases))
