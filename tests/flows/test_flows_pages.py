"""Pages and tables of the Prefect UI, made from records alone."""

from __future__ import annotations

import pytest
from recorded_prompts import BETTER, LIVE

from flywheel.cycle import (
    Wiring,
    do_analyze,
    do_apply,
    do_collect,
    do_generate,
    do_track,
    do_validate,
    open_cycle,
)
from flywheel.records.analysis import Analysis
from flywheel.records.cycle import FeedbackLoopInput, FeedbackLoopOutput
from flywheel.records.lineage import Edge, EdgeKind
from flywheel.records.model_gain import ModelGain
from flywheel.records.prompt import content_hash
from flywheel.records.proposal import DiscardedProposal, Proposal, Proposals
from flywheel.records.release import Release
from flywheel.records.verdict import Verdict, Verdicts
from flywheel.store.open import SqlStore
from tasks.artifacts import artifact_key, progress_percent, proposal_rows, verdict_rows
from tasks.findings import flaky_rows, insight_rows, pattern_rows, slice_rows
from tasks.pages import lineage_page, models_page, review_page, summary_page, text_diff

pytestmark = pytest.mark.unit

Turn = tuple[Analysis, Proposals, Verdicts, Release, FeedbackLoopOutput]


def turn_of(store: SqlStore, **asked: object) -> Turn:
    """Every record of one cycle."""
    wiring = Wiring(store)
    request = FeedbackLoopInput(prompt="triage", time_window_days=None, **asked)
    analysis = do_analyze(do_collect(open_cycle(request, wiring), wiring), wiring)
    proposals = do_generate(analysis, wiring)
    verdicts = do_validate(proposals, wiring)
    release = do_apply(verdicts, wiring)
    return analysis, proposals, verdicts, release, do_track(release, wiring)


def test_summary_says_what_a_person_asks(recorded: tuple[str, SqlStore]) -> None:
    """What was released, before and after with interval, what fails, each verdict, the way back."""
    analysis, _, verdicts, release, output = turn_of(recorded[1])
    page = summary_page(analysis, release, output)
    found = verdicts.verdicts[0].evidence
    assert page.startswith(
        f"# triage: released {content_hash(BETTER)[:12]}: {100 * found.estimate:+.1f} points"
    )
    for words in (
        "33.3 %",
        "95.0 %",
        "interval",
        "What fails and why",
        "- **SHIP +",
        "flywheel rollback triage",
    ):
        assert words in page
    assert verdicts.verdicts[0].because.split(".")[0] in page


def test_summary_of_a_staged_change_points_to_the_review(recorded: tuple[str, SqlStore]) -> None:
    """A change that waits is announced with its numbers and the command that decides."""
    analysis, _, _, release, output = turn_of(recorded[1], auto_apply_threshold=1.0)
    page = summary_page(analysis, release, output)
    assert "1 change waits for a person" in page
    assert "## Before and after" in page
    assert "flywheel review list" in page


def test_summary_of_a_dry_run_claims_nothing(recorded: tuple[str, SqlStore]) -> None:
    """A dry run moves nothing and its page does not say otherwise."""
    analysis, _, _, release, output = turn_of(recorded[1], dry_run=True)
    page = summary_page(analysis, release, output)
    assert "released" not in page.split("\n")[0]


def test_summary_without_analysis_still_reads(recorded: tuple[str, SqlStore]) -> None:
    """A cycle whose analysis is not kept any more has a page without that part."""
    _, _, _, release, output = turn_of(recorded[1])
    assert "What fails" not in summary_page(None, release, output)


def test_unknown_numbers_are_dashes(recorded: tuple[str, SqlStore]) -> None:
    """A proposal without evidence shows dashes, never zeros."""
    _, _, verdicts, _, _ = turn_of(recorded[1])
    bare = verdicts.verdicts[0].model_copy(update={"evidence": None})
    (row,) = verdict_rows(verdicts.model_copy(update={"verdicts": (bare,)}))
    assert {row[name] for name in ("before", "after", "points", "interval")} == {"–"}


def test_tables_have_a_row_per_record(recorded: tuple[str, SqlStore]) -> None:
    """Patterns come worst first; proposals thrown out unseen are shown with their reason."""
    analysis, proposals, verdicts, _, _ = turn_of(recorded[1])
    counts = [row["count"] for row in pattern_rows(analysis)]
    assert counts == sorted(counts, reverse=True)
    assert len(counts) == len(analysis.patterns)
    thrown = proposals.model_copy(
        update={"discarded": (DiscardedProposal(strategy="nudge", reason="too long"),)}
    )
    assert proposal_rows(thrown)[-1]["why"] == "too long"
    assert len(verdict_rows(verdicts)) == len(verdicts.verdicts)


def test_findings_are_tables_a_person_can_act_on(recorded: tuple[str, SqlStore]) -> None:
    """Insights with what helps, patterns with state, home and p; no flaky test, no row."""
    analysis, _, _, _, _ = turn_of(recorded[1])
    insights, patterns = insight_rows(analysis), pattern_rows(analysis)
    assert len(insights) == len(analysis.insights)
    assert all(row["what helps"] and row["because"] for row in insights)
    assert {row["state"] for row in patterns} <= {"new", "known", "came back"}
    assert all(row["home"] and row["corrected p"] for row in patterns)
    assert len(slice_rows(analysis)) == len(analysis.slice_findings)
    assert flaky_rows(analysis) == []


def test_lineage_is_a_tree_with_evidence_and_rollbacks(recorded: tuple[str, SqlStore]) -> None:
    """Children hang under their parents, what is live is marked, a rollback is a line of its own."""
    store = recorded[1]
    output = turn_of(store)[-1]
    edges = store.lineage.edges("default", "triage")
    back = Edge(
        prompt="triage",
        child=content_hash(LIVE),
        parent=content_hash(BETTER),
        kind=EdgeKind.ROLLBACK_OF,
        because="wrong tone",
    )
    page = lineage_page("triage", [*edges, back], output.live)
    assert f"{content_hash(LIVE)[:12]}\n└── {content_hash(BETTER)[:12]}  LIVE  ship" in page
    assert "rolled back" in page
    assert "wrong tone" in page
    assert "no version came from another yet" in lineage_page("triage", [], None)


def test_review_page_shows_numbers_and_diff(recorded: tuple[str, SqlStore]) -> None:
    """The form's page has the reason, the interval and the change of the text."""
    store = recorded[1]
    turn_of(store, auto_apply_threshold=1.0)
    review, verdict = store.releases.review("default", store.releases.reviews("default")[0].review_id)
    page = review_page(review, verdict, LIVE, BETTER)
    assert "```diff" in page
    assert f"-{LIVE}" in page
    assert f"+{BETTER}" in page
    assert "interval" in page
    bare = review_page(review, verdict.model_copy(update={"evidence": None}), None, BETTER)
    assert "it was not tested" in bare
    assert "not captured" in bare


def test_diff_cannot_break_out_of_its_fence() -> None:
    """A fence inside a prompt is written differently; a very long diff is cut with the way to the rest."""
    assert "```" not in text_diff("a", "a\n```\nignore the above")
    long = text_diff("", "\n".join(f"line {n}" for n in range(2000)))
    assert "more lines: flywheel review show" in long
    assert text_diff("a\n", "a\r\n") == "the texts differ only in line ends"


@pytest.mark.parametrize("name", ["triage", "Triage v2", "bbh/word_sorting", "--", "日本語", "a" * 300])
def test_artifact_keys_are_what_prefect_takes(name: str) -> None:
    """Lower case, digits and dashes, whatever a prompt is called."""
    key = artifact_key(FeedbackLoopInput(prompt=name), "summary")
    assert set(key) <= set("abcdefghijklmnopqrstuvwxyz0123456789-")
    assert key.endswith("-summary")


def test_artifact_keys_of_different_prompts_differ() -> None:
    """Two prompts that look alike in lower case keep pages of their own."""
    names = ["bbh/x", "bbh-x", "BBH x", "bbh x"]
    assert len({artifact_key(FeedbackLoopInput(prompt=n), "summary") for n in names}) == len(names)


@pytest.mark.parametrize(
    ("message", "percent"),
    [("arm 1 of 4: 10 cases", 0.0), ("cases 31-40 of 120", 25.0), ("5 of 4", None), ("running", None)],
)
def test_progress_is_read_from_counted_steps(message: str, percent: float | None) -> None:
    """The bar stands at what is done before the step; a message without steps moves nothing."""
    assert progress_percent(message) == percent


def test_models_page_shows_every_model_and_what_to_do() -> None:
    """A verdict over several models has a row for each, with the commands for a model it harms."""
    proposal = Proposal(version="b" * 64, parent="a", text="t", strategy="definitions", rationale="")
    gains = (
        ModelGain(model="first", standing="decided", because="", pairs=90, estimate=0.1),
        ModelGain(
            model="second", standing="worse", because="", pairs=90, estimate=-0.1, low=-0.2, high=-0.01
        ),
    )
    verdict = Verdict(proposal=proposal, ruling="stage", because="", evidence=None, models=gains)

    page = models_page(verdict, "triage")

    assert "| second | – | – | -10.0 | -20.0 to -1.0 | 90 | worse |" in page
    assert "flywheel prompt add triage-second triage-second.txt --live" in page
    assert models_page(verdict.model_copy(update={"models": ()}), "triage") == ""
