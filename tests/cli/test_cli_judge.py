"""`flywheel judge`, beside a judge on the loopback."""

from __future__ import annotations

import json

import pytest
from counting_server import counting_server

CASES = 120


def politeness(text):
    """Answers questions; as a judge it passes what says please, wrong about every ninth."""
    if "You judge one answer" in text:
        said = next(line for line in text.splitlines() if line.startswith("answer: "))
        number = int(said.split("#")[1].split('"')[0])
        return json.dumps({"reason": "please", "score": float(("please" in said) != (number % 9 == 0))})
    if "You compare two answers" in text:
        said = next(line for line in text.splitlines() if line.startswith("first answer: "))
        return json.dumps({"reason": "please", "better": "first" if "please" in said else "second"})
    number = int(text.strip().splitlines()[-1].split()[-1])
    polite = "Be polite" in text or number % 3 == 0
    return f"{'please ' if polite else ''}give #{number}"


@pytest.fixture
def tone(flywheel, tmp_path, monkeypatch):
    """The command line beside a finished run that a model has judged, and the server behind both."""
    rows = [{"case_id": f"c{n}", "inputs": {"question": f"case {n}"}} for n in range(CASES)]
    (tmp_path / "cases.jsonl").write_text("\n".join(map(json.dumps, rows)))
    (tmp_path / "a.txt").write_text("Ask.\n{question}\n")
    (tmp_path / "b.txt").write_text("Be polite. Ask.\n{question}\n")
    parameters = ("--set", "model=big", "--set", "criteria=It says please.")
    flywheel("suite", "add", "tone", "cases.jsonl", "--scorer", "judge", *parameters)
    flywheel("prompt", "add", "ask", "a.txt", "--label", "v1")
    flywheel("prompt", "add", "ask", "b.txt", "--label", "v2")
    with counting_server(politeness) as server:
        for name, value in server.environ.items():
            monkeypatch.setenv(name, value)
        words = ("run", "tone", "--prompt", "ask@v1", "--prompt", "ask@v2", "--model", "small", "--json")
        ran = flywheel(*words)
        assert ran.code == 0
        assert ran.document["calls"] == 4 * CASES
        yield flywheel, server, words


def test_a_judged_run_is_not_judged_again(tone):
    """Kept verdicts are not asked for again; with other criteria the judge is, once for equal answers."""
    flywheel, server, words = tone
    before = server.asked.total()
    assert flywheel(*words).document["calls"] == 0
    flywheel("suite", "add", "tone", "cases.jsonl", "--scorer", "judge", "--set", "model=big")
    again = flywheel(*words).document

    assert (again["calls"], again["asked"], again["kept"]) == (2 * CASES, 0, 2 * CASES)
    assert CASES < server.asked.total() - before <= 2 * CASES


def test_kept_answers_are_judged_side_by_side(flywheel, tmp_path, monkeypatch):
    """With other criteria several kept answers are judged at once, within the concurrency asked for."""
    rows = [{"case_id": f"c{n}", "inputs": {"question": f"case {n}"}} for n in range(12)]
    (tmp_path / "cases.jsonl").write_text("\n".join(map(json.dumps, rows)))
    (tmp_path / "a.txt").write_text("Ask.\n{question}\n")
    flywheel("prompt", "add", "ask", "a.txt", "--label", "v1")
    words = ("run", "tone", "--prompt", "ask@v1", "--model", "small", "--concurrency", "3", "--json")
    with counting_server(politeness, rest_s=0.05, together=2) as server:
        for name, value in server.environ.items():
            monkeypatch.setenv(name, value)
        for criteria in ("It says please.", "It is kind."):
            flywheel(
                *("suite", "add", "tone", "cases.jsonl", "--scorer", "judge"),
                *("--set", "model=big", "--set", f"criteria={criteria}"),
            )
            server.most_at_once = 0
            found = flywheel(*words).document

    assert (found["asked"], found["kept"], found["calls"]) == (0, 12, 12)
    assert 2 <= server.most_at_once <= 3


def test_a_judge_is_held_against_labels(tone, tmp_path):
    """A sample is drawn, labelled, and gives agreement, kappa, and pass rates nearer to the truth."""
    flywheel, _, _ = tone
    rows = [
        json.loads(line) for line in flywheel("judge", "sample", "tone", "--limit", "100").out.splitlines()
    ]
    assert [row["label"] for row in rows] == [None] * 100
    assert rows == flywheel("judge", "sample", "tone", "--limit", "100", "--json").document["rows"]
    for row in rows[:-1]:
        row["label"] = "please" in row["output"]
    (tmp_path / "labels.jsonl").write_text("\n".join(map(json.dumps, rows)))

    found = flywheel("judge", "calibrate", "tone", "labels.jsonl", "--json")

    document = found.document
    assert (found.code, document["labels"]) == (0, 99)
    assert document["agreement"]["low"] < 8 / 9 < document["agreement"]["high"]
    assert 0 < document["kappa"]["low"] < document["kappa"]["estimate"] < 1
    truth = {"v1": 1 / 3, "v2": 1.0}
    arms = sorted(document["arms"], key=lambda arm: arm["judged"]["estimate"])
    for arm, label in zip(arms, ("v1", "v2"), strict=True):
        assert arm["corrected"]["low"] <= truth[label] <= arm["corrected"]["high"]
        assert abs(arm["corrected"]["estimate"] - truth[label]) < abs(
            arm["judged"]["estimate"] - truth[label]
        )
    assert "kappa" in flywheel("judge", "calibrate", "tone", "labels.jsonl").out
    assert flywheel("judge", "calibrate", "tone", "labels.jsonl", "--min-kappa", "0.99").code == 1


def test_a_bad_label_is_refused(tone, tmp_path):
    """A label that belongs to nothing or says nothing is exit 2 with its line."""
    flywheel, _, _ = tone
    first = json.loads(flywheel("judge", "sample", "tone", "--limit", "1").out)["execution_id"]
    refusals = [
        ({"execution_id": "none", "label": True}, "need an execution of this run"),
        ({"label": True}, "field 'execution_id'"),
        ({"execution_id": first, "label": "perhaps"}, "need true or false"),
        ({"execution_id": first, "label": None}, "holds no label"),
    ]
    for row, said in refusals:
        (tmp_path / "labels.jsonl").write_text(json.dumps(row))

        answer = flywheel("judge", "calibrate", "tone", "labels.jsonl")

        assert answer.code == 2, row
        assert said in " ".join(answer.err.split())


def test_pairs_are_compared_in_both_orders(tone):
    """Two prompts are compared on common cases; verdicts are kept, budgets held, reasons told."""
    flywheel, server, _ = tone
    names = ("--control", "ask@v1", "--candidate", "ask@v2", "--model", "small", "--judge", "big")
    words = ("judge", "pairs", "tone", *names, "--json")
    before = server.asked.total()
    part = flywheel(*words, "--budget-calls", "40")
    whole = flywheel(*words)
    again = flywheel(*words)

    assert (part.code, part.document["stopped"]) == (1, "the budget of 40 calls is spent")
    assert 36 < part.document["calls"] <= 40
    document = whole.document
    assert (document["wins"], document["losses"], document["ties"]) == (80, 0, 40)
    assert document["p_value"] < 1e-6
    assert document["preference"]["low"] > 0.5
    assert document["swapped"]["estimate"] == 0
    assert again.document["calls"] == 0
    assert server.asked.total() - before == 160
    assert {reason for row in document["pairs"] for reason in row["verdict"]["reasons"]} >= {"please"}
    assert "80 better, 0 worse, 40 ties" in flywheel(*words[:-1]).out
    overall = flywheel("report", "--json").document["overall"]
    assert overall["total_tests"] == 2 * CASES  # verdicts on pairs are no evidence


def test_what_was_not_run_cannot_be_judged(flywheel, tmp_path):
    """Without a run there is nothing to sample; the answer says what to do first."""
    (tmp_path / "cases.jsonl").write_text('{"inputs": "a"}')
    flywheel("suite", "add", "tone", "cases.jsonl", "--scorer", "judge", "--set", "model=m")

    answer = flywheel("judge", "sample", "tone")

    assert answer.code == 2
    assert "Run it first: flywheel run tone" in " ".join(answer.err.split())
