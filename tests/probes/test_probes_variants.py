"""Probes on both databases: run, judged, kept, never evidence."""

from __future__ import annotations

import pytest

from flywheel.cli.prompt_keeping import version_of
from flywheel.errors import InputError, UnknownName
from flywheel.llm.executor import execute
from flywheel.llm.executor_budget import Ceiling
from flywheel.llm.registry import chat_model
from flywheel.llm.runner import Runner
from flywheel.probes.asking import Subject, as_they_are, made_for, plain_job, with_variants
from flywheel.probes.judging import probe_report
from flywheel.probes.keeping import keep_found
from flywheel.records.case import Case, Suite
from flywheel.records.columns import NOT_EVIDENCE, Scope
from flywheel.records.probe import ProbeKind

TEXT = "Pick one:\n- city: the town\n- dob: the date of birth\nGive the name alone.\n\nQuestion: {q}\nAnswer:"


@pytest.fixture
def version(store):
    """A prompt version beside a suite of forty cases."""
    version = version_of("default", "asker", TEXT, ["v1"])
    store.prompts.add(version)
    cases = [
        Case(case_id=f"{word}{n}", suite="s", inputs={"q": f"{n} Which {said}?"}, expected=word)
        for n in range(20)
        for word, said in (("city", "town is it"), ("dob", "date of birth is it"))
    ]
    store.cases.add(Suite(suite="s", scorer="contains"), cases)
    return version


def probed(store, subject):
    """The report of a probe with an embedded model."""
    job = plain_job(store, subject, ["embedded-small"], Ceiling())
    made = made_for(subject, job)
    result = execute(with_variants(job, made), store, Runner(chat_model))
    return probe_report(subject, job, made, result), made, job


@pytest.mark.parametrize("kind", [one for one in ProbeKind if one is not ProbeKind.COMPARISON])
def test_a_probe_is_no_evidence_and_can_be_kept(store, version, kind):
    """Executions are there, no scope of a report sees them, findings become cases once."""
    subject = Subject(kind, "default", "s", version)

    report, made, job = probed(store, subject)
    again, _, _ = probed(store, subject)

    assert report == again
    assert report.models[0].overall.cases > 0
    scope = Scope(prompt="asker")
    assert store.executions.counts(scope).stored == report.cases + report.variants
    assert store.executions.counts(Scope(prompt="asker", exclude_sources=NOT_EVIDENCE)).stored == 0
    found = {finding.case_id for finding in report.models[0].findings}
    asked = made.variants or as_they_are(job)
    kept = [keep_found(store, report, asked, "found", job.suite) for _ in range(2)]
    assert [(one.stored, one.unchanged) for one in kept] == [(len(found), 0), (0, len(found))]
    assert len(store.cases.reflect("default", "found").cases) == len(found)


def test_an_unknown_suite_is_refused(store, version):
    """Named, with the command that adds it."""
    with pytest.raises(UnknownName, match="flywheel suite add none"):
        plain_job(store, Subject(ProbeKind.ROBUSTNESS, "default", "none", version), ["m"], Ceiling())


def test_a_suite_without_reflect_cases_is_refused(store, version):
    """Probes ask no other."""
    store.cases.add(Suite(suite="empty"), [])

    with pytest.raises(InputError, match="has no reflect case"):
        plain_job(store, Subject(ProbeKind.ROBUSTNESS, "default", "empty", version), ["m"], Ceiling())
