"""What the executions of a probe say, with each model."""

from __future__ import annotations

from collections.abc import Sequence

from flywheel.learn.probing_calibration import calibrated
from flywheel.learn.probing_comparison import compared_model, pairs_of, ranking_of
from flywheel.learn.probing_contract import Contract, contract_of
from flywheel.learn.probing_findings import asked_of, consistency_of, passed, robustness_of
from flywheel.learn.probing_invariants import edges_of
from flywheel.learn.probing_variants import Made
from flywheel.learn.rulings import GateRules
from flywheel.llm.executor import Job, RunResult
from flywheel.probes.asking import Subject
from flywheel.records.execution import Execution
from flywheel.records.probe import ProbedModel, ProbeKind, ProbeReport


def probe_report(subject: Subject, job: Job, made: Made, result: RunResult) -> ProbeReport:
    """What a probe found with each model.

    Args:
        subject: what was probed.
        job: with plain cases.
        made: the variants that were asked; none where cases are asked as they are.
        result: of the job with the variants.
    """
    arms = {arm.arm.model: arm.executions for arm in result.arms}
    report = ProbeReport(
        kind=subject.kind,
        workspace=subject.workspace,
        suite=subject.suite,
        prompt=subject.version.prompt,
        version=subject.version.version,
        session_id=subject.session_id,
        seed=subject.seed,
        cases=len(job.cases),
        variants=len(made.variants),
        without=made.without,
    )
    if subject.kind is ProbeKind.COMPARISON:
        rules = GateRules()
        compared = {
            "models": tuple(compared_model(name, job.cases, arms) for name in arms),
            "ranking": ranking_of(arms, rules),
            "pairs": pairs_of(arms, rules),
        }
        return report.model_copy(update=compared)
    contract = _contract(subject, job, [run for done in arms.values() for run in done])
    models = tuple(_judged(subject, job, made, (name, done), contract) for name, done in arms.items())
    words = contract.words if subject.kind is ProbeKind.EDGE_CASES else ""
    return report.model_copy(update={"models": models, "contract": words})


def _judged(
    subject: Subject, job: Job, made: Made, arm: tuple[str, Sequence[Execution]], contract: Contract
) -> ProbedModel:
    model, executions = arm
    asked = asked_of(made.variants, executions)
    match subject.kind:
        case ProbeKind.CONSISTENCY:
            return consistency_of(model, job.cases, asked)
        case ProbeKind.ROBUSTNESS:
            return robustness_of(model, job.cases, asked)
        case ProbeKind.EDGE_CASES:
            return edges_of(model, job.cases, asked, contract)
        case _:
            return calibrated(model, job.cases, executions)


def _contract(subject: Subject, job: Job, executions: Sequence[Execution]) -> Contract:
    """From right answers to plain cases of all models."""
    plain = {case.case_id for case in job.cases}
    right = [str(run.output) for run in executions if run.case_id in plain and passed(run)]
    return contract_of(job.suite, right if subject.kind is ProbeKind.EDGE_CASES else ())
