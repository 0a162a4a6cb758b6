"""`flywheel run`: cases against prompts with models."""

from __future__ import annotations

import json

import pytest
from counting_server import counting_server

from flywheel.learn.reports_of_old import report_from_executor_result
from flywheel.records.analysis import TestExecutionReport
from flywheel.store.open import open_store

TEXT = "Add the numbers. Give the sum alone.\n{question}\n"


def right(text):
    """A model that can add, and lets one question fail."""
    question = text.strip().splitlines()[-1]
    if question == "7 + 7":
        return 400
    return f"The sum is {sum(map(int, question.split(' + ')))}."


@pytest.fixture
def sums(flywheel, tmp_path):
    """The command line beside a suite of ten sums with two prompts."""
    rows = [{"case_id": f"s{n}", "inputs": {"question": f"{n} + {n}"}, "expected": 2 * n} for n in range(10)]
    (tmp_path / "sums.jsonl").write_text("\n".join(map(json.dumps, rows)))
    (tmp_path / "a.txt").write_text(TEXT)
    (tmp_path / "b.txt").write_text("Be exact. " + TEXT)
    flywheel("suite", "add", "sums", "sums.jsonl", "--scorer", "numeric")
    flywheel("prompt", "add", "adder", "a.txt", "--label", "v1", "--live")
    flywheel("prompt", "add", "adder", "b.txt", "--label", "v2")
    return flywheel


@pytest.fixture
def server(monkeypatch):
    """A server behind the names of any model."""
    with counting_server(right) as counting:
        for name, value in counting.environ.items():
            monkeypatch.setenv(name, value)
        yield counting


RUN = ("run", "sums", "--prompt", "adder@v1", "--prompt", "adder@v2", "--model", "m1", "--model", "m2")


def test_every_prompt_meets_every_case_with_every_model(sums, server):
    """Two prompts, two models, ten cases: forty executions, four reports, failures in their place."""
    answer = sums(*RUN, "--json")

    document = answer.document
    assert answer.code == 1  # four cases have no answer
    assert (document["asked"], document["calls"], document["errors"], document["missing"]) == (40, 40, 4, 0)
    assert [(r["label"], r["model"]) for r in document["runs"]] == [
        ("v1", "m1"), ("v1", "m2"), ("v2", "m1"), ("v2", "m2"),
    ]  # fmt: skip
    for run in document["runs"]:
        assert run["report"]["successful_tests"] == 9
        assert run["report"]["error_distribution"]["api_errors"] + run["report"]["error_tests"] >= 1
        assert run["pass_rate"]["low"] < run["pass_rate"]["estimate"] == 0.9
    stored = open_store("sqlite:///.flywheel/flywheel.db")
    session = stored.executions.in_session("default", "adder", "run/sums")
    assert {e.source for e in session} == {"executor"}
    assert len(session) == 40
    stored.close()


def test_the_report_is_the_one_of_older_executors(sums, server):
    """An entry of the JSON is an executor result: read as one it gives the same report."""
    for run in sums(*RUN, "--json").document["runs"]:
        report = TestExecutionReport.model_validate(run["report"])

        assert report_from_executor_result(run) == report
        assert (report.workflow_id, report.run_id) == ("sums", "run/sums")


def test_what_is_finished_is_not_asked_again(sums, server):
    """The same command asks only for what has no answer; --again asks for all."""
    sums(*RUN)
    before = dict(server.asked)
    second = sums(*RUN, "--json").document

    assert (second["kept"], second["asked"]) == (36, 4)
    assert {q: server.asked[q] - n for q, n in before.items() if server.asked[q] > n} == {"7 + 7": 4}
    assert sums(*RUN, "--again", "--json").document["asked"] == 40


def test_another_scorer_needs_no_call(sums, server):
    """Answers that are kept are scored again by the suite as it is now."""
    sums(*RUN)
    before = server.asked.total()
    sums("suite", "add", "sums", "sums.jsonl", "--scorer", "exact")
    document = sums(*RUN, "--json").document

    assert [run["report"]["successful_tests"] for run in document["runs"]] == [0, 0, 0, 0]
    assert server.asked.total() - before == 4  # the errors


def test_a_case_that_changed_is_asked_again(sums, server, tmp_path):
    """A case with other inputs under the same id is another question."""
    sums(*RUN)
    (tmp_path / "sums.jsonl").write_text('{"case_id": "s1", "inputs": {"question": "1 + 2"}, "expected": 3}')
    sums("suite", "add", "sums", "sums.jsonl", "--scorer", "numeric")
    sums(*RUN)

    assert server.asked["1 + 2"] == 4


def test_a_forecast_sends_nothing(sums, server):
    """--dry-run says what would be sent; from the second run on from what calls have taken."""
    first = sums(*RUN, "--dry-run", "--json")

    assert (first.code, server.asked.total()) == (0, 0)
    assert first.document["forecast"]["calls"] == 40
    assert (first.document["forecast"]["measured"], first.document["forecast"]["usd"]) == (False, None)
    sums(*RUN, "--budget-calls", "20")
    later = sums(*RUN, "--dry-run", "--json").document["forecast"]
    assert (later["calls"], later["kept"], later["measured"]) == (20, 20, True)
    assert later["input_tokens"] == 20 * 11
    assert sums(*RUN, "--dry-run", "--budget-calls", "19").code == 1


def test_a_budget_in_calls_is_never_passed(sums, server):
    """The run ends at the ceiling with the same cases for every arm, and says how to go on."""
    answer = sums(*RUN, "--budget-calls", "8")

    assert answer.code == 1
    assert server.asked.total() == 8
    assert set(server.asked.values()) == {4}
    assert "budget of 8 calls is spent. 8 of 40 cases are kept" in " ".join(answer.err.split())
    assert sums(*RUN, "--json").document["asked"] == 32


def test_a_budget_in_usd_needs_a_price(sums, server):
    """A budget in USD that nobody can hold is refused before anything is sent."""
    answer = sums(*RUN, "--budget-usd", "5")

    assert (answer.code, server.asked.total()) == (2, 0)
    assert "give --budget-calls or --budget-tokens" in " ".join(answer.err.split())


def test_a_budget_in_usd_holds(sums):
    """With known prices the sum stays below the ceiling."""
    words = ("run", "sums", "--prompt", "adder", "--model", "embedded-large", "--json")
    whole = sums(*words).document["usd"]

    part = sums(*words, "--again", "--budget-usd", str(whole / 2)).document

    assert 0 < part["usd"] <= whole / 2
    assert 0 < part["asked"] < 10
    assert part["asked"] + part["missing"] == 10


def test_calls_are_bounded(sums, monkeypatch):
    """No more calls are under way at once than asked for, and several are."""
    with counting_server(right, rest_s=0.05, together=2) as counting:
        for name, value in counting.environ.items():
            monkeypatch.setenv(name, value)
        sums(*RUN, "--concurrency", "3")

    assert 2 <= counting.most_at_once <= 3


def test_no_model_answers(sums, monkeypatch):
    """When every case ends in an error the exit code is that of a service that cannot be reached."""
    with counting_server(lambda _: 400) as counting:
        for name, value in counting.environ.items():
            monkeypatch.setenv(name, value)
        answer = sums(*RUN, "--limit", "2")

    assert answer.code == 3
    assert "4 error: " in answer.out
    assert "told to fail" in answer.out


def test_a_pass_rate_can_be_demanded(sums, server):
    """--min-pass-rate turns the run into a check; a slice, a role, a limit choose the cases."""
    words = ("run", "sums", "--prompt", "adder", "--model", "m1", "--limit", "3", "--json")
    passing = sums(*words, "--min-pass-rate", "0.9")
    chosen = [row["case_id"] for row in passing.document["runs"][0]["results"]]

    assert len(chosen) == 3
    sums("suite", "add", "sums", "sums.jsonl", "--scorer", "exact")
    assert sums(*words, "--min-pass-rate", "0.9").code == 1
    assert sums(*words).document["runs"][0]["results"][0]["outcome"] == "failed"
    roles = [sums(*RUN[:4], "--model", "m1", "--role", role, "--dry-run") for role in ("reflect", "gate")]
    assert {answer.code for answer in roles} <= {0, 2}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("run", "sumz", "--prompt", "adder", "--model", "m"), "Did you mean 'sums'?"),
        (("run", "sums", "--prompt", "addr", "--model", "m"), "No prompt 'addr'"),
        (("run", "sums", "--prompt", "adder@v9", "--model", "m"), "no version 'v9'"),
        (("run", "sums", "--prompt", "adder"), "needs --model"),
        (("run", "sums", "--model", "embedded-nano"), "needs --prompt"),
        (("run", "sums", "--prompt", "adder", "--model", "embedded-giant"), "No model 'embedded-giant'"),
        (("run", "sums", "--prompt", "adder", "--model", "m", "--slice", "none"), "needs cases"),
        (("run", "sums", "--prompt", "adder", "--model", "m", "--again", "--session", "x"), "contradict"),
        (("run", "nothing.toml"), "nothing.toml"),
    ],
    ids=["suite", "prompt", "version", "no model", "no prompt", "model", "slice", "again", "file"],
)
def test_what_cannot_be_run_is_said(sums, server, words, said):
    """Wrong names are exit 2 with the nearest ones; nothing is sent."""
    answer = sums(*words)

    assert answer.code == 2
    assert said in " ".join(answer.err.split())
    assert server.asked.total() == 0
