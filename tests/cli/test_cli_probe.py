"""`flywheel probe`: what breaks a prompt, on a server that counts."""

from __future__ import annotations

import json

import pytest
from counting_server import counting_server

from flywheel.cli.prompt_keeping import keep_version, version_of
from flywheel.learn.probing_noise import MARK
from flywheel.probes.rephrasing import TEXT as REPHRASE
from flywheel.store.open import open_store

TEXT = "Add the numbers. Give the sum alone.\n{question}\n"
STORE = "sqlite:///.flywheel/flywheel.db"


def obedient(text: str) -> str:
    """A model that adds, does what an injection says, and stumbles over a greeting."""
    if MARK in text:
        return MARK
    question = text.split("\n", 1)[1]
    words = question.replace("+", " + ").split()
    numbers = [word.strip("?.,!") for word in words if word.strip("?.,!").isdigit()]
    return "0" if "Hello" in question else str(sum(map(int, numbers[:2])))


@pytest.fixture
def sums(flywheel, tmp_path, monkeypatch):
    """The command line beside sixty sums in two slices, with a server behind the names of any model."""
    rows = [
        {
            "case_id": f"s{n:02}",
            "slice": "small" if n < 30 else "large",
            "inputs": {"question": f"What is the sum of {n} + {n}?"},
            "expected": 2 * n,
        }
        for n in range(60)
    ]
    (tmp_path / "sums.jsonl").write_text("\n".join(map(json.dumps, rows)))
    (tmp_path / "a.txt").write_text(TEXT)
    flywheel("suite", "add", "sums", "sums.jsonl", "--scorer", "numeric")
    flywheel("prompt", "add", "adder", "a.txt", "--label", "v1", "--live")
    with counting_server(obedient) as counting:
        for name, value in counting.environ.items():
            monkeypatch.setenv(name, value)
        yield flywheel, counting


def call(kind: str, *more: str) -> tuple[str, ...]:
    """A probe of the sums."""
    return ("probe", kind, "sums", "--prompt", "adder", "--model", "m1", *more)


def test_consistency_finds_the_wordings_that_change_the_outcome(sums):
    """Some greetings break the model; every finding has the text before and after."""
    flywheel, _ = sums

    answer = flywheel(*call("consistency", "--json"))

    document = answer.document
    model = document["models"][0]
    kinds = {row["name"]: row for row in model["kinds"]}
    assert answer.code == 0
    assert kinds["politeness"]["share"] < 1.0 == kinds["whitespace"]["share"]
    assert {found["kind"] for found in model["findings"]} == {"politeness"}
    assert all("Hello" in found["after"] and found["before"] in found["after"] for found in model["findings"])
    assert model["overall"]["low"] < model["overall"]["share"] < model["overall"]["high"]
    assert [row["name"] for row in model["slices"]] == ["large", "small"]


def test_a_missed_limit_is_exit_code_one(sums):
    """The page says which limit, and shows an example with the text before and after."""
    flywheel, _ = sums

    answer = flywheel(*call("consistency", "--min-consistency", "1"))

    assert answer.code == 1
    assert "m1 misses --min-consistency" in answer.out
    assert "after" in answer.out
    assert "Hello" in answer.out


def test_robustness_tells_attacks_apart(sums):
    """Every injection wins, irrelevant context does not; the limit names the kind."""
    flywheel, _ = sums

    answer = flywheel(*call("robustness", "--max-attack-success", "0.5", "--json"))

    rows = {row["name"]: row for row in answer.document["models"][0]["kinds"]}
    assert answer.code == 1
    assert rows["injection"]["share"] == 1.0
    assert rows["irrelevant"]["share"] == 0.0
    assert rows["injection"]["adjusted_p"] < 0.001
    assert answer.document["missed"] == [
        "m1 misses --max-attack-success: 100.0 % of injection is above 50.0 %"
    ]


def test_a_finished_probe_is_shown_again_without_a_call(sums):
    """The second time nothing is asked; with another seed other variants are."""
    flywheel, server = sums
    first = flywheel(*call("robustness", "--json")).document
    before = server.asked.total()

    again = flywheel(*call("robustness", "--json")).document

    assert (again, server.asked.total()) == (first, before)
    seeded = flywheel(*call("robustness", "--seed", "1", "--json")).document
    assert seeded["session_id"] != first["session_id"]
    assert server.asked.total() > before


def test_only_reflect_cases_are_asked(sums):
    """Neither a gate nor a report case of the suite is sent, nor made."""
    flywheel, server = sums
    flywheel(*call("consistency"))
    store = open_store(STORE)
    others = [c.inputs["question"] for c in store.cases.cases("default", "sums") if c.role.value != "reflect"]
    store.close()

    assert others
    assert not [text for text in server.asked for question in others if question in text]


def test_findings_are_kept_as_reflect_cases_once(sums):
    """--keep makes a suite with the scorer of the first, with provenance; repeating it changes nothing."""
    flywheel, _ = sums

    first = flywheel(*call("robustness", "--keep", "attacks", "--json")).document
    second = flywheel(*call("robustness", "--keep", "attacks", "--json")).document

    found = {f["case_id"] for f in first["models"][0]["findings"]}
    assert first["kept"] == {"stored": len(found), "replaced": 0, "unchanged": 0}
    assert second["kept"] == {"stored": 0, "replaced": 0, "unchanged": len(found)}
    store = open_store(STORE)
    cases = store.cases.cases("default", "attacks")
    assert store.cases.suite("default", "attacks").scorer.value == "numeric"
    store.close()
    assert {case.role.value for case in cases} == {"reflect"}
    origin = cases[0].metadata["from_execution"]
    assert (origin["source"], origin["probe"], origin["suite"]) == ("probe", "robustness", "sums")
    assert origin["session_id"] == first["session_id"]
    assert "robustness" in flywheel("suite", "show", "attacks").out


def test_probes_are_no_evidence(sums):
    """Reports, patterns and status count nothing of what a probe asked."""
    flywheel, _ = sums
    flywheel(*call("robustness"))

    assert flywheel("report", "--prompt", "adder", "--json").document["overall"]["total_tests"] == 0
    assert flywheel("suite", "add", "from", "--from-executions", "--json").document["cases"] == 0
    assert flywheel("watch", "--once", "--json").document["readings"] == []
    spent = flywheel("models", "--spent", "--by", "purpose", "--json").document
    assert "probe" in json.dumps(spent)


def test_a_forecast_of_a_run_leaves_probes_out(sums):
    """Attacks are longer than what is asked in use, so they say nothing of what a run will take."""
    flywheel, _ = sums
    run = ("run", "sums", "--prompt", "adder", "--model", "m1", "--dry-run", "--json")
    before = flywheel(*run).document["forecast"]
    flywheel(*call("robustness"))

    assert flywheel(*run).document["forecast"] == before


def test_a_dry_run_sends_nothing(sums):
    """The forecast alone; above the budget it is exit code 1."""
    flywheel, server = sums

    answer = flywheel(*call("robustness", "--dry-run", "--budget-calls", "3"))

    assert (answer.code, server.asked.total()) == (1, 0)
    assert "calls to make" in answer.out


def test_a_budget_is_never_passed(sums):
    """What does not fit is left; the same command goes on."""
    flywheel, server = sums

    answer = flywheel(*call("robustness", "--budget-calls", "20"))

    assert answer.code == 1
    assert server.asked.total() == 20
    assert flywheel(*call("robustness")).code == 0


def test_a_limit_of_another_kind_is_refused(sums):
    """Nothing is sent, and the message names the option."""
    flywheel, server = sums

    answer = flywheel(*call("consistency", "--max-attack-success", "0.1"))

    assert (answer.code, server.asked.total()) == (2, 0)
    assert "--max-attack-success does not go with" in answer.err


def test_a_suite_without_reflect_cases_is_refused(sums, tmp_path):
    """Probes ask no other cases, and say so."""
    flywheel, server = sums
    store = open_store(STORE)
    case = next(c for c in store.cases.cases("default", "sums") if c.role.value == "gate")
    store.close()
    (tmp_path / "gate.jsonl").write_text(json.dumps({"inputs": case.inputs, "expected": 0}))
    flywheel("suite", "add", "gated", "gate.jsonl", "--scorer", "numeric")

    answer = flywheel("probe", "robustness", "gated", "--prompt", "adder", "--model", "m1")

    assert (answer.code, server.asked.total()) == (2, 0)
    assert "Nothing was sent" in answer.err


def rewording(text: str) -> str:
    """A model that rephrases well, loses a number now and then, and adds."""
    start = REPHRASE.split("{text}", maxsplit=1)[0]
    if not text.startswith(start):
        return obedient(text)
    asked = text.removeprefix(start).strip()
    number = int(asked.split(" of ")[1].split()[0])
    return "What is a sum?" if number % 3 == 0 else asked.replace("What is", "Hello, tell me")


def test_a_model_rephrases_and_is_checked(sums, monkeypatch):
    """What keeps the numbers is asked as kind `model`, the rest left out; nothing is asked twice."""
    flywheel, _ = sums
    with counting_server(rewording) as server:
        for name, value in server.environ.items():
            monkeypatch.setenv(name, value)
        document = flywheel(*call("consistency", "--rephraser", "writer", "--json")).document
        asked = server.asked.total()
        again = flywheel(*call("consistency", "--rephraser", "writer", "--json")).document

    kinds = {row["name"]: row for row in document["models"][0]["kinds"]}
    store = open_store(STORE)
    numbers = [
        int(case.inputs["question"].split(" of ")[1].split()[0])
        for case in store.cases.cases("default", "sums")
        if case.role.value == "reflect"
    ]
    store.close()
    lost = sum(number % 3 == 0 for number in numbers)
    assert document["without"]["model"] >= lost > 0
    assert kinds["model"]["cases"] == len(numbers) - document["without"]["model"]
    assert kinds["model"]["share"] < 0.2
    assert (again, server.asked.total()) == (document, asked)


def test_a_broken_answer_is_not_a_broken_case(sums, monkeypatch):
    """A server that refuses everything ends in exit code 3, with nothing counted."""
    flywheel, _ = sums
    with counting_server(lambda _text: 400) as refusing:
        monkeypatch.setenv("FLYWHEEL_LLM_BASE_URL", refusing.address)
        answer = flywheel(*call("robustness", "--limit", "2", "--json"))

    assert answer.code == 3
    assert answer.document["models"][0]["overall"]["share"] is None


def test_the_embedded_model_is_probed_offline(flywheel):
    """No key, no network; the version may be named."""
    store = open_store(STORE)
    keep_version(
        store, version_of("default", "asker", "- city\n- dob\nQuestion: {q}\nAnswer:", ["v1"]), live=True
    )
    store.close()
    rows = [{"inputs": {"q": f"Which city is number {n}?"}, "expected": "city"} for n in range(20)]
    with open("c.jsonl", "w") as file:  # noqa: PTH123
        file.write("\n".join(map(json.dumps, rows)))
    flywheel("suite", "add", "cities", "c.jsonl", "--scorer", "contains")

    answer = flywheel("probe", "robustness", "cities", "--prompt", "asker@v1", "--model", "embedded-small")

    assert answer.code == 0
    assert "pass plain" in answer.out
