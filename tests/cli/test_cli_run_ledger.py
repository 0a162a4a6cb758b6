"""What `flywheel run` and `flywheel judge` ask is in the ledger, and below its ceilings."""

from __future__ import annotations

import json
import signal
import sys
from pathlib import Path

import pytest
from counting_server import counting_server
from test_cli_run_stopped import CASES, RUN, echo, line_with, started, stored_questions, wait_for

from flywheel.store.open import open_store

sys.path.insert(0, str(Path(__file__).parents[1] / "llm"))

__all__ = ["echo"]

ASK = ("run", "echo", "--prompt", "echo", "--model", "m", "--concurrency", "4")
VERDICT = json.dumps({"reason": "It says yes.", "score": 1.0})


@pytest.fixture
def served(monkeypatch):
    """A server behind any name; one question is refused, the judge is content."""

    def said(text):
        if "You judge one answer" in text:
            return VERDICT
        if "You compare two answers" in text:
            return json.dumps({"reason": "first", "better": "first"})
        return 400 if text.strip().endswith("q7") else f"yes {len(text)}"

    with counting_server(said) as counting:
        for name, value in counting.environ.items():
            monkeypatch.setenv(name, value)
        yield counting


def spent(flywheel, by="purpose"):
    """The ledger as the command shows it: calls and outcomes by group."""
    rows = flywheel("models", "--spent", "--by", by, "--json").document[f"{by}s"]
    return {row[by]: (row["spend"]["calls"], row["outcomes"]) for row in rows}


def test_every_call_of_a_run_is_in_the_ledger(echo, served):
    """Calls that failed are there too; a second run adds what it asks and nothing else."""
    first = echo(*ASK)
    assert spent(echo) == {"run": (CASES, {"answered": CASES - 1, "bad_request": 1})}
    assert served.asked.total() == CASES
    assert f"Models took {CASES} calls, {13 * (CASES - 1):,} tokens" in flat(first.err)
    echo(*ASK)
    assert spent(echo)["run"][0] == served.asked.total() == CASES + 1


def test_again_asks_again(echo, served):
    """--again and another session send every question anew; the same session goes on."""
    echo(*ASK)
    first = dict(served.asked)
    again = echo(*ASK, "--again", "--json").document
    assert {q: served.asked[q] - n for q, n in first.items()} == dict.fromkeys(first, 1)
    echo(*ASK, "--session", again["session"])
    echo(*ASK, "--session", "other")
    assert served.asked["q1"] == 3
    assert "cached" not in spent(echo)["run"][1]


def test_judges_are_in_the_ledger(echo, served):
    """The judge of a suite and that of pairs have a purpose of their own, in the suite's workspace."""
    own = ("--workspace", "team")
    Path("b.txt").write_text("Say no.\n{question}\n")
    echo("suite", "add", "kind", "cases.jsonl", "--scorer", "judge", "--set", "model=big", *own)
    for label, file in (("v1", "echo.txt"), ("v2", "b.txt")):
        echo("prompt", "add", "kind", file, "--label", label, *own)
    echo("run", "kind", "--prompt", "kind@v1", "--prompt", "kind@v2", "--model", "m", "--limit", "6", *own)
    names = ("--control", "kind@v1", "--candidate", "kind@v2", "--model", "m", "--judge", "big")
    pairs = echo("judge", "pairs", "kind", *names, *own)
    rows = echo("models", "--spent", "--by", "purpose", "--json", *own).document["purposes"]
    sums = {row["purpose"]: row["spend"]["calls"] for row in rows}
    assert sum(sums.values()) == served.asked.total()
    assert set(sums) == {"run", "judge"}
    assert "calls, about" in flat(pairs.err)
    assert "USD unknown" in flat(pairs.err)
    assert f"Models took {pairs_calls(pairs)} calls" in flat(pairs.err)
    assert echo("models", "--spent", "--json").document["models"] == []


def pairs_calls(answer):
    """Calls the bill names."""
    return flat(answer.err).split("Models took ")[1].split(" calls")[0]


def test_a_budget_in_tokens_is_never_passed(echo, served):
    """The run ends below the ceiling, by option as by manifest, and says why."""
    answer = echo(*ASK, "--budget-tokens", "100", "--json")
    ledger = echo("models", "--spent", "--json").document["models"][0]["spend"]
    assert (answer.code, ledger["tokens"], answer.document["tokens"]) == (1, 91, 91)
    assert "the budget of 100 tokens is spent" in flat(answer.err)
    Path("more.json").write_text(
        json.dumps({"suite": "echo", "prompts": ["echo"], "models": ["m"], "budget_tokens": 26})
    )
    assert echo("run", "more.json", "--json").document["tokens"] == 26  # a refused question takes none
    assert echo("run", "more.json", "--dry-run", "--json").code == 1


def test_a_run_beyond_the_ceilings_of_the_models_file_is_not_begun(echo, served):
    """Nothing is sent, nothing is stored as skipped; the message says what is left."""
    Path(".flywheel/models.toml").write_text("[caps]\ncalls = 59\n")
    answer = echo(*ASK)
    assert (answer.code, served.asked.total()) == (1, 0)
    assert "59 calls left" in flat(answer.err)
    Path(".flywheel/models.toml").write_text("[caps]\ncalls = 60\n")
    assert echo(*ASK, "--json").document["asked"] == CASES


def test_a_budget_in_usd_without_a_price_is_refused_before_a_cycle(triage, served, tmp_path):
    """A ceiling nobody can hold is wrong use; the forecast says that USD are unknown."""
    rows = [{"case_id": f"{n}", "inputs": {"question": f"q{n}"}, "expected": "yes"} for n in range(40)]
    Path("cases.jsonl").write_text("\n".join(map(json.dumps, rows)))
    triage("suite", "add", "s", "cases.jsonl")
    words = ("cycle", "--prompt", "triage", "--suite", "s", "--model", "m", "--all-time", "--dry-run")
    answer = triage(*words, "--budget-usd", "1")
    assert (answer.code, served.asked.total()) == (2, 0)
    assert "USD unknown" in flat(answer.err)
    assert "give --budget-calls or --budget-tokens" in flat(answer.err)
    held = triage(*words, "--budget-tokens", "900", "--json")
    assert held.code == 0
    assert 13 * served.asked.total() <= 900


@pytest.mark.integration
@pytest.mark.parametrize("cache", ["on", "off"])
def test_the_ledger_of_a_killed_run_holds_what_is_stored(echo, tmp_path, monkeypatch, cache):
    """After kill -9 no finished call is repeated; at most the rows of calls under way are lost."""
    Path(".flywheel/models.toml").write_text(f"[cache]\nenabled = {str(cache == 'on').lower()}\n")
    with counting_server(lambda _: "yes", rest_s=0.03) as server:
        process = started(tmp_path, server.environ)
        wait_for(server.asked, 30)
        process.kill()
        process.communicate()
        kept, before = stored_questions(), dict(server.asked)
        assert len(kept) <= spent(echo)["run"][0] <= len(before)
        for name, value in server.environ.items():
            monkeypatch.setenv(name, value)
        assert echo(*RUN, "--json").document["kept"] == len(kept)
        repeated = {question for question, n in before.items() if server.asked[question] > n}
        assert not repeated & kept
        assert server.asked.total() - spent(echo)["run"][0] <= 4


@pytest.mark.integration
def test_the_ledger_of_an_interrupted_run_is_whole(echo, tmp_path):
    """After Ctrl-C every request is in the ledger, and the bill is said."""
    with counting_server(lambda _: "yes", freely=8) as server:
        process = started(tmp_path, server.environ)
        wait_for(server.asked, 12)
        process.send_signal(signal.SIGINT)
        line_with(process, "Stopping")
        server.goes_on.set()
        _, err = process.communicate(timeout=200)
        assert spent(echo)["run"][0] == server.asked.total()
        assert f"Models took {server.asked.total()} calls" in flat(err)


def test_a_provider_that_dies_leaves_its_failures_in_the_ledger(echo, monkeypatch):
    """Half-way every call fails: all attempts are in the ledger, and its hint leads there."""
    Path(".flywheel/models.toml").write_text("[breaker]\nfailures = 3\ncooldown_s = 0.1\n")
    seen = []

    def dying(text):
        seen.append(text)
        return "yes" if len(seen) <= 20 else 404

    with counting_server(dying) as server:
        for name, value in server.environ.items():
            monkeypatch.setenv(name, value)
        answer = echo(*ASK)
        calls, outcomes = spent(echo)["run"]
    assert answer.code == 1
    assert (calls, outcomes["answered"]) == (server.asked.total(), 20)
    assert outcomes["not_found"] == calls - 20
    assert len(stored_questions()) == CASES
    store = open_store("sqlite:///.flywheel/flywheel.db")
    assert store.responses.count() == 20
    store.close()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--since", "soon"), "need 90m, 12h"),
        (("--since", "2d", "--hours", "3"), "contradict"),
        (("--by", "colour"), "colour"),
    ],
)
def test_a_wrong_question_to_the_ledger_is_refused(echo, words, said):
    """Exit code 2 with what is possible."""
    answer = echo("models", "--spent", *words)
    assert answer.code == 2
    assert said in flat(answer.err)


def flat(text):
    """What was wrapped, on one line."""
    return " ".join(text.split())
