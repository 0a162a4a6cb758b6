"""Cycles, their phases, what they found."""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa
from release_material import (
    FIRST,
    NOW,
    SECOND,
    THIRD,
    context_of,
    proposal_to,
    review_of,
    verdict_on,
)

from flywheel.errors import InputError, UnknownName
from flywheel.ports import CycleStore
from flywheel.records.analysis import Analysis, FailurePattern, Need, TestExecutionReport
from flywheel.records.cycle import CycleContext, FeedbackLoopOutput, Phase
from flywheel.records.findings import RootCause
from flywheel.records.proposal import Proposal, Proposals
from flywheel.records.verdict import Evidence, Ruling, Verdict, Verdicts
from flywheel.store.cycles import CYCLE, PHASE
from flywheel.store.experiments import EVIDENCE, EXPERIMENT
from flywheel.store.open import SqlStore

LATER = NOW + timedelta(days=1)


def opened(
    store: SqlStore, cycle_id: str, prompt: str = "triage", workspace: str = "default"
) -> CycleContext:
    """A cycle that runs."""
    return store.cycles.open(context_of(cycle_id, prompt, workspace), NOW)


def output_of(context: CycleContext) -> FeedbackLoopOutput:
    """What a cycle says it did."""
    return FeedbackLoopOutput(
        success=True,
        feedback_collected=3,
        improvements_identified=0,
        improvements_validated=0,
        improvements_applied=0,
        performance_delta=None,
        confidence_score=None,
        p_value=None,
        statistically_significant=False,
        workflow_stages=(),
        cycle_id=context.cycle_id,
        prompt=context.request.prompt,
        workspace=context.request.workspace,
        control=context.control,
        live=None,
        because="nothing to do",
    )


def tracked(store: SqlStore, cycle_id: str, prompt: str = "triage", workspace: str = "default") -> None:
    """A cycle that finished its last phase."""
    output = output_of(opened(store, cycle_id, prompt, workspace))
    store.cycles.finish(cycle_id, Phase.TRACK, output.model_dump_json(), 0.1, NOW)


def pattern_of(key: str, count: int) -> FailurePattern:
    """A failure pattern."""
    return FailurePattern(
        pattern_key=key,
        kind="confusion",
        title=key,
        cause="two answers look alike",
        recommendation="define both",
        count=count,
        share=count / 100,
        confidence=0.8,
        slice="dates",
        examples=("e1", "e2"),
    )


def analysis_of(context: CycleContext, *patterns: FailurePattern) -> Analysis:
    """An analysis with patterns."""
    report = TestExecutionReport(total_tests=0, successful_tests=0, failed_tests=0, success_rate=None)
    need = Need(should_optimize=True, score=50, reasons=("fails",))
    return Analysis(context=context, report=report, patterns=patterns, need=need)


def ruled(store: SqlStore, cycle_id: str, *verdicts: Verdict) -> Verdicts:
    """A cycle whose verdicts are kept."""
    kept = Verdicts(context=opened(store, cycle_id), verdicts=verdicts)
    store.cycles.keep_verdicts(kept, NOW)
    return kept


def test_the_same_cycle_opened_again_has_its_first_window(store: SqlStore) -> None:
    """A repeated or resumed cycle works on the window, watermark and control of its first opening."""
    cycles: CycleStore = store.cycles
    first = context_of("c1")
    assert cycles.open(first, NOW) == first
    moved = first.model_copy(update={"window_end": LATER, "watermark": 99, "control": "cot"})
    assert cycles.open(moved, LATER) == first


def test_a_cycle_id_of_another_prompt_is_refused(store: SqlStore) -> None:
    """One id names one cycle, over all prompts and workspaces."""
    opened(store, "c1")
    for prompt, workspace in (("other", "default"), ("triage", "elsewhere")):
        with pytest.raises(InputError, match="belongs to prompt 'triage'"):
            opened(store, "c1", prompt, workspace)


def test_a_finished_phase_keeps_its_first_payload(store: SqlStore) -> None:
    """A second finish of a phase changes nothing; other phases and cycles are not finished by it."""
    opened(store, "c1")
    opened(store, "c2")
    assert store.cycles.finished("c1", Phase.COLLECT) is None
    for payload in ('{"n": 1}', '{"n": 2}'):
        store.cycles.finish("c1", Phase.COLLECT, payload, 0.5, NOW)
    assert store.cycles.finished("c1", Phase.COLLECT) == '{"n": 1}'
    assert store.cycles.finished("c1", Phase.ANALYZE) is None
    assert store.cycles.finished("c2", Phase.COLLECT) is None
    with store.database.read() as connection:
        assert connection.execute(sa.select(PHASE.c.seconds)).scalars().all() == [0.5]


def test_nothing_is_kept_of_a_cycle_nobody_opened(store: SqlStore) -> None:
    """Phases, findings and endings of an unknown cycle are refused."""
    context = context_of("c1")
    for act in (
        lambda: store.cycles.finish("c1", Phase.COLLECT, "{}", 0.1, NOW),
        lambda: store.cycles.close("c1", "completed", "", NOW),
        lambda: store.cycles.keep_analysis(analysis_of(context, pattern_of("p", 1)), NOW),
        lambda: store.cycles.keep_proposals(Proposals(context=context), NOW),
        lambda: store.cycles.keep_verdicts(Verdicts(context=context), NOW),
    ):
        with pytest.raises(UnknownName, match="never opened; nothing was kept"):
            act()
    assert store.cycles.patterns("default", None) == []


def test_the_newest_cycle_that_never_closed_is_unfinished(store: SqlStore) -> None:
    """A closed cycle is not continued, a failed one neither, unless it is opened again."""
    assert store.cycles.unfinished("default", "triage") is None
    for number in (1, 2, 3):
        opened(store, f"c{number}")
    assert store.cycles.unfinished("default", "triage").cycle_id == "c3"
    store.cycles.close("c3", "failed", "no model", NOW)
    store.cycles.close("c2", "completed", "", NOW)
    assert store.cycles.unfinished("default", "triage").cycle_id == "c1"
    opened(store, "c3")
    assert store.cycles.unfinished("default", "triage") == context_of("c3")
    assert store.cycles.unfinished("elsewhere", "triage") is None
    assert store.cycles.unfinished("default", "other") is None


@pytest.mark.parametrize("ending", ["completed", "degraded"])
def test_a_cycle_keeps_its_first_good_ending(store: SqlStore, ending: str) -> None:
    """A failed cycle can still end well; a completed or degraded one stays as it ended."""
    opened(store, "c1")
    for status, message in (("failed", "no model"), (ending, "done"), ("failed", "late")):
        store.cycles.close("c1", status, message, NOW)
    opened(store, "c1")
    with store.database.read() as connection:
        row = connection.execute(sa.select(CYCLE)).one()
    assert (row.status, row.message) == (ending, "done")


def test_an_unknown_ending_is_refused(store: SqlStore) -> None:
    """A cycle ends completed, degraded or failed."""
    opened(store, "c1")
    with pytest.raises(InputError, match=r"'great'.*completed, degraded or failed"):
        store.cycles.close("c1", "great", "", NOW)
    assert store.cycles.unfinished("default", "triage") is not None


def test_outputs_are_those_of_tracked_cycles_newest_first(store: SqlStore) -> None:
    """The payload of the track phase is the output; limit, prompt and workspace restrict."""
    for number, prompt in ((1, "triage"), (2, "other"), (3, "triage")):
        tracked(store, f"c{number}", prompt)
    opened(store, "c4")
    tracked(store, "c5", workspace="elsewhere")
    assert [o.cycle_id for o in store.cycles.outputs("default", None, 9)] == ["c3", "c2", "c1"]
    assert [o.cycle_id for o in store.cycles.outputs("default", "triage", 9)] == ["c3", "c1"]
    assert store.cycles.outputs("default", "triage", 1) == [output_of(context_of("c3"))]


def test_patterns_are_those_of_the_newest_analysis_of_each_prompt(store: SqlStore) -> None:
    """Older cycles, other workspaces and prompts not asked for do not show; most damaging first."""
    small, large, other = pattern_of("small", 3), pattern_of("large", 30), pattern_of("other", 9)
    store.cycles.keep_analysis(analysis_of(opened(store, "c1"), pattern_of("old", 99)), NOW)
    store.cycles.keep_analysis(analysis_of(opened(store, "c2"), small, large), NOW)
    store.cycles.keep_analysis(analysis_of(opened(store, "c3", "other"), other), NOW)
    store.cycles.keep_analysis(
        analysis_of(opened(store, "c4", workspace="elsewhere"), pattern_of("far", 50)), NOW
    )
    opened(store, "c5")
    assert store.cycles.patterns("default", None) == [large, other, small]
    assert store.cycles.patterns("default", "triage") == [large, small]


def test_a_newer_analysis_without_patterns_hides_the_older_ones(store: SqlStore) -> None:
    """When nothing fails any more there are no patterns left."""
    store.cycles.keep_analysis(analysis_of(opened(store, "c1"), pattern_of("old", 9)), NOW)
    store.cycles.keep_analysis(analysis_of(opened(store, "c2")), NOW)
    assert store.cycles.patterns("default", "triage") == []


def test_an_analysis_kept_twice_is_kept_once(store: SqlStore) -> None:
    """A phase that is done again after a kill replaces its rows."""
    context = opened(store, "c1")
    for count in (9, 5):
        store.cycles.keep_analysis(analysis_of(context, pattern_of("p", count)), NOW)
    assert [p.count for p in store.cycles.patterns("default", "triage")] == [5]


def test_proposals_are_kept_with_their_texts(store: SqlStore) -> None:
    """The text of a proposal is a prompt version with its variables; a recorded label has none."""
    label = Proposal(version="cot", parent="direct", text=None, strategy="recorded", rationale="it ran")
    proposals = Proposals(context=opened(store, "c1"), proposals=(proposal_to(FIRST), label))
    for _ in range(2):
        store.cycles.keep_proposals(proposals, NOW)
    (version,) = store.prompts.versions("default", "triage")
    assert (version.text, version.variables, version.origin) == (FIRST, ("question",), "generated")
    assert version.created_at == NOW


def test_proposals_of_an_interrupted_try_are_replaced(store: SqlStore) -> None:
    """When generate is done again after a kill, only its new proposals stand."""
    context = opened(store, "c1")
    for text in (FIRST, SECOND):
        store.cycles.keep_proposals(Proposals(context=context, proposals=(proposal_to(text),)), NOW)
    verdicts = Verdicts(context=context, verdicts=(verdict_on(proposal_to(SECOND), Ruling.REJECT),))
    store.cycles.keep_verdicts(verdicts, NOW)
    assert store.cycles.rejected("default", "triage") == [proposal_to(SECOND)]


def test_evidence_is_one_row_per_candidate_and_slice(store: SqlStore) -> None:
    """Numbers are columns a query can ask for, and the record reads back equal; twice kept is once there."""
    verdicts = (verdict_on(proposal_to(FIRST)), verdict_on(proposal_to(SECOND), Ruling.HOLD))
    for _ in range(2):
        ruled(store, "c1", *verdicts)
    with store.database.read() as connection:
        experiment = connection.execute(sa.select(EXPERIMENT)).one()
        rows = connection.execute(sa.select(EVIDENCE).order_by(EVIDENCE.c.seq)).all()
    assert (experiment.control, experiment.candidates, experiment.seed) == ("direct", 2, 7)
    assert (experiment.method, experiment.cases_digest) == ("exact McNemar", "c0ffee")
    assert [(r.ruling, r.slice, r.wins, r.adjusted_p) for r in rows] == [
        ("ship", None, 31, 0.0014),
        (None, "dates", 31, 0.0014),
        ("hold", None, 31, 0.0014),
        (None, "dates", 31, 0.0014),
    ]
    assert Evidence.model_validate_json(rows[0].record_json) == verdicts[0].evidence


def test_a_written_cause_is_kept_beside_the_stored_pattern(store: SqlStore) -> None:
    """The newest cycle's pattern carries it; a pattern no cycle stored is left out."""
    store.cycles.keep_analysis(
        analysis_of(opened(store, "c1"), pattern_of("p1", 3), pattern_of("p2", 1)), NOW
    )
    cause = RootCause(cause="prose", fix="forbid it", model="judge")
    written = [pattern_of(key, 3).model_copy(update={"root_cause": cause}) for key in ("p1", "gone")]

    assert store.cycles.keep_causes("default", "triage", written) == 1
    assert [p.root_cause for p in store.cycles.patterns("default", "triage")] == [cause, None]


def test_an_experiment_that_compared_nothing_has_not_looked(store: SqlStore) -> None:
    """Only experiments with scored pairs count as looks; one kept twice is one look."""
    blind = verdict_on(proposal_to(FIRST), Ruling.HOLD).model_copy(update={"evidence": None, "slices": ()})
    ruled(store, "c1", blind)
    assert store.cycles.gate_looks("default", "triage") == 0
    for cycle_id in ("c2", "c2", "c3"):
        ruled(store, cycle_id, verdict_on(proposal_to(FIRST)))
    assert store.cycles.gate_looks("default", "triage") == 2
    assert store.cycles.gate_looks("elsewhere", "triage") == 0


def test_rejected_proposals_are_each_there_once_newest_first(store: SqlStore) -> None:
    """What a verdict or a person rejected is not proposed again; what was held or shipped may be."""
    ruled(
        store,
        "c1",
        verdict_on(proposal_to(FIRST), Ruling.REJECT),
        verdict_on(proposal_to(SECOND), Ruling.HOLD),
    )
    ruled(store, "c2", verdict_on(proposal_to(THIRD), Ruling.REJECT))
    ruled(store, "c3", verdict_on(proposal_to(FIRST), Ruling.REJECT))
    assert store.cycles.rejected("default", "triage") == [proposal_to(FIRST), proposal_to(THIRD)]
    assert store.cycles.rejected("elsewhere", "triage") == []
    held = verdict_on(proposal_to(SECOND), Ruling.STAGE)
    store.releases.stage(review_of(held, None), held)
    store.releases.decide("default", "r1", approve=False, reviewer="ana", note="wrong tone", now=NOW)
    assert proposal_to(SECOND) in store.cycles.rejected("default", "triage")
