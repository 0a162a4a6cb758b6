"""What a probe found, kept as cases of a suite."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import JsonValue

from flywheel.learn.probing_findings import cases_found
from flywheel.learn.regression_cases import PROVENANCE, cases_to_keep
from flywheel.ports import WriteCounts
from flywheel.records.case import Suite
from flywheel.records.columns import PROBE
from flywheel.records.probe import ProbeReport, Variant
from flywheel.store.open import SqlStore


def keep_found(
    store: SqlStore, report: ProbeReport, variants: Sequence[Variant], name: str, like: Suite
) -> WriteCounts:
    """Keep the variants that broke as cases of a suite; repeating it changes nothing.

    A suite that is there keeps its scorer; a new one gets that of the probed suite.

    Args:
        store: with the suites.
        report: with findings.
        variants: that were asked.
        name: of the suite to keep them in.
        like: the probed suite.

    Returns:
        Counts of the cases; their metadata say from which probe they come.
    """
    new = like.model_copy(update={"suite": name, "description": f"found by probes of {like.suite}"})
    suite = store.cases.suite(report.workspace, name) or new
    made = [
        one.case.model_copy(
            update={"suite": name, "metadata": {PROVENANCE: _provenance(report, one)}},
        )
        for one in cases_found(report.models, variants)
    ]
    fresh, stayed = cases_to_keep(made, store.cases.cases(report.workspace, name))
    counts = store.cases.add(suite, fresh)
    return WriteCounts(counts.stored, counts.replaced, counts.unchanged + stayed)


def _provenance(report: ProbeReport, one: Variant) -> dict[str, JsonValue]:
    found = [f for model in report.models for f in model.findings if f.case_id == one.case.case_id]
    return {
        "source": PROBE,
        "probe": report.kind.value,
        "kind": one.kind,
        "suite": report.suite,
        "case_id": one.of,
        "session_id": report.session_id,
        "prompt": report.prompt,
        "version": report.version,
        "models": [finding.model for finding in found],
        "because": found[0].because,
        "before": one.before,
    }
