"""`flywheel cycle`: one prompt or many, recorded evidence or live runs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest


def test_recorded_evidence_ships_the_better_version(triage):
    """v2 beat v1 on the same cases, so it goes live, with edges and a release that say why."""
    answer = triage("cycle", "--prompt", "triage", "--all-time", "--json")

    cycle = answer.document["cycles"][0]
    assert answer.code == 0
    assert cycle["output"]["shipped"] == [cycle["output"]["live"]]
    assert cycle["verdicts"][0]["ruling"] == "ship"
    assert triage("release", "history", "triage", "--json").document["releases"][0]["kind"] == "cycle"


def test_many_prompts_run_in_one_call(triage, tmp_path):
    """A pattern takes every prompt it matches; one that cannot be done does not stop the rest."""
    (tmp_path / "other.txt").write_text("Other: {question}")
    triage("prompt", "add", "bbh/one", "other.txt", "--live")
    triage("prompt", "add", "bbh/two", "other.txt", "--live")

    document = triage("cycle", "--prompt", "bbh/*", "--prompt", "triage", "--all-time", "--json").document

    assert [cycle["prompt"] for cycle in document["cycles"]] == ["bbh/one", "bbh/two", "triage"]
    assert document["done"] + document["failed"] == 3
    assert document["cycles"][2]["output"]["shipped"]


def test_progress_goes_to_stderr(triage):
    """Stdout has the answer, stderr one line per phase."""
    answer = triage("cycle", "--prompt", "triage", "--all-time")

    phases = ("collect", "analyze", "generate", "validate", "apply", "track")
    assert [line.split(": ")[1] for line in answer.err.splitlines()] == list(phases)
    assert "shipped" in answer.out


def test_a_finished_cycle_is_read_back(triage):
    """The same request over the same evidence does nothing twice and gives the same answer."""
    words = ("cycle", "--prompt", "triage", "--all-time", "--dry-run")
    first, again = triage(*words), triage(*words)

    assert "already done" not in first.err
    assert again.err.count("already done") == 6
    assert again.out == first.out


def test_again_makes_a_new_cycle(triage):
    """--again does not read the finished cycle back."""
    first = triage("cycle", "--prompt", "triage", "--all-time", "--dry-run", "--json").document
    second = triage("cycle", "--prompt", "triage", "--all-time", "--dry-run", "--again", "--json").document

    assert first["cycles"][0]["output"]["cycle_id"] != second["cycles"][0]["output"]["cycle_id"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--prompt", "nothing"], "No prompt 'nothing'"),
        (["--prompt", "nothing*"], "No prompt matches"),
        (["--prompt", "triage", "--strategy", "agressive"], "Did you mean 'aggressive'"),
        (["--prompt", "triage", "--suite", "nothing", "--model", "embedded-nano"], "No suite 'nothing'"),
        (["--prompt", "triage", "--all-time", "--window-days", "3"], "contradict"),
        (["--prompt", "triage", "--model", "gpt-nothing"], "No model 'gpt-nothing'"),
        (["--prompt", "triage", "--seed", "-1"], "--seed"),
    ],
    ids=["prompt", "pattern", "strategy", "suite", "window", "model", "seed"],
)
def test_what_cannot_be_asked_starts_nothing(triage, monkeypatch, words, said):
    """Wrong names and contradictions are exit 2, in plain words, before anything runs."""
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "FLYWHEEL_LLM_BASE_URL", "FLYWHEEL_LLM_API_KEY"):
        monkeypatch.delenv(name, raising=False)

    answer = triage("cycle", *words)

    assert answer.code == 2
    assert said in answer.err
    assert triage("status", "--json").document["cycles"] == []


def test_a_suite_needs_a_model(triage, tmp_path):
    """Live experiments without a model are refused, not guessed."""
    (tmp_path / "cases.jsonl").write_text('{"inputs": "my card is blocked", "expected": "login"}\n')
    triage("suite", "add", "triage", "cases.jsonl")

    answer = triage("cycle", "--prompt", "triage", "--suite", "triage")

    assert answer.code == 2
    assert "--model" in answer.err


@pytest.mark.slow
@pytest.mark.integration
def test_the_flow_gives_the_same_answer(triage):
    """--prefect runs the phases as tasks and ends where plain Python ends."""
    plain = triage("cycle", "--prompt", "triage", "--all-time", "--dry-run", "--json").document
    flow = triage("cycle", "--prompt", "triage", "--all-time", "--dry-run", "--prefect", "--json").document

    assert flow == plain


def test_what_was_undone_is_not_proposed_again(triage):
    """After a rollback the same command is a new cycle that leaves the undone version alone."""
    words = ("cycle", "--prompt", "triage", "--all-time")
    first = triage(*words)
    triage("rollback", "triage", "--why", "not yet")

    again = triage(*words)

    assert "now live" in first.out
    assert "now live" not in again.out
    assert "nothing is left to propose" in again.out


def test_a_rollback_to_what_is_live_writes_nothing(triage):
    """The version that is live already is told so, with exit code 0 and no entry in the history."""
    before = triage("release", "history", "triage", "--json").document

    told = triage("rollback", "triage", "--to", "v1", "--why", "to be sure")
    document = triage("rollback", "triage", "--to", "v1", "--why", "to be sure", "--json").document

    assert (told.code, document["release"]) == (0, None)
    assert "is live already; nothing was done" in told.out
    assert triage("release", "history", "triage", "--json").document == before


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--proposals", "none.json"], "cannot be read"),
        (["--proposals", "gepa:many"], "needs a number of calls"),
        (["--proposals", "gepa:100"], "--refiner"),
        (["--proposals", "none.json", "--prefect"], "does not go with --prefect"),
    ],
    ids=["missing", "number", "models", "prefect"],
)
def test_proposals_that_cannot_be_had_start_nothing(triage, words, said):
    """Files and optimizers are looked at before anything runs."""
    answer = triage("cycle", "--prompt", "triage", *words)

    assert answer.code == 2
    assert said in answer.err
    assert triage("status", "--json").document["cycles"] == []


def test_prompts_of_a_file_are_a_cycle_of_their_own(triage, tmp_path):
    """The content of the file is part of the identity of the cycle; what is thrown out is told."""
    cases = [{"inputs": {"message": f"my card {n} is blocked"}, "expected": "login"} for n in range(80)]
    (tmp_path / "cases.jsonl").write_text("\n".join(json.dumps(case) for case in cases))
    triage("suite", "add", "own", "cases.jsonl")
    (tmp_path / "mine.txt").write_text("Sort it, please.")
    words = (
        "cycle",
        "--prompt",
        "triage",
        "--suite",
        "own",
        "--model",
        "embedded-nano",
        "--all-time",
        "--json",
    )

    plain = triage(*words, "--json", "--dry-run").document["cycles"][0]
    mine = triage(*words, "--json", "--dry-run", "--proposals", "mine.txt").document["cycles"][0]

    assert mine["output"]["cycle_id"] != plain["output"]["cycle_id"]
    assert ("file:mine", "variables") in {(d["strategy"], d["check"]) for d in mine["thrown_out"]}


def test_a_reason_is_told_once(triage, tmp_path: Path):
    """A prompt with nothing to try says why in one place of its page."""
    text = "Pick red or blue. Answer with the bare name, nothing else.\n\nQuestion: {question}"
    (tmp_path / "p.txt").write_text(text)
    words = ("red", "blue")
    runs = [
        {"prompt": "fine", "version": "v1", "case_id": f"c{n}", "outcome": "passed", "output": words[n % 2]}
        for n in range(40)
    ]
    (tmp_path / "runs.jsonl").write_text("\n".join(map(json.dumps, runs)))
    triage("prompt", "add", "fine", "p.txt", "--label", "v1", "--live")
    triage("import", "jsonl", "runs.jsonl")

    page = " ".join(triage("cycle", "--prompt", "fine", "--all-time").out.split())

    assert page.count("40 of 40 passed") == 1
