"""`flywheel baseline`: models x slices, targets, the baseline before."""

from __future__ import annotations

import json

import pytest
from counting_server import counting_server

TEXT = "Add the numbers. Give the sum alone.\n{question}\n"


def adding(text):
    """A model that can add, save for numbers from 20 on."""
    number = int(text.strip().splitlines()[-1].split(" + ")[0])
    return str(2 * number if number < 20 else 0)


@pytest.fixture
def sums(flywheel, tmp_path, monkeypatch):
    """The command line beside forty sums in two slices, with a server behind the names of any model."""
    rows = [
        {
            "case_id": f"s{n:02}",
            "slice": "small" if n < 20 else "large",
            "inputs": {"question": f"{n} + {n}"},
            "expected": 2 * n,
        }
        for n in range(40)
    ]
    (tmp_path / "sums.jsonl").write_text("\n".join(map(json.dumps, rows)))
    (tmp_path / "a.txt").write_text(TEXT)
    flywheel("suite", "add", "sums", "sums.jsonl", "--scorer", "numeric")
    flywheel("prompt", "add", "adder", "a.txt", "--label", "v1", "--live")
    with counting_server(adding) as counting:
        for name, value in counting.environ.items():
            monkeypatch.setenv(name, value)
        yield flywheel, counting


CALL = ("baseline", "sums", "--prompt", "adder", "--model", "m1", "--model", "m2")


def test_every_model_is_measured_on_every_slice(sums):
    """Two models, two slices, forty cases: eighty executions, intervals, a tie."""
    flywheel, server = sums

    answer = flywheel(*CALL, "--json")

    document = answer.document
    assert (answer.code, document["slices"], document["missing"]) == (0, ["large", "small"], 0)
    assert sum(server.asked.values()) == 80
    for row in document["models"]:
        assert [(c["slice"], c["pass_rate"]) for c in row["slices"]] == [("large", 0.0), ("small", 1.0)]
        assert row["overall"]["low"] < row["overall"]["pass_rate"] == 0.5 < row["overall"]["high"]
        assert (row["place"], len(row["tied_with"]), row["quality"]) == (1, 1, "no target")
    assert document["against"] is None
    spent = flywheel("models", "--spent", "--by", "purpose", "--json").document
    assert "baseline" in json.dumps(spent)
    assert '"run"' not in json.dumps(spent)


def test_a_finished_baseline_is_shown_again_without_a_call(sums):
    """The second time nothing is asked; the first columns of the picture are still there."""
    flywheel, server = sums
    flywheel(*CALL)
    before = sum(server.asked.values())

    again = flywheel(*CALL)

    assert sum(server.asked.values()) == before
    assert "50.0 %" in again.out
    assert "large (20 cases)" in again.out


def test_a_new_baseline_says_what_changed(sums, monkeypatch):
    """--again asks anew; the model behind the name got worse, which is shown paired by case."""
    flywheel, _ = sums
    first = flywheel(*CALL, "--json").document
    with counting_server(lambda _text: "0") as worse:
        for name, value in worse.environ.items():
            monkeypatch.setenv(name, value)
        second = flywheel(*CALL, "--again", "--json").document

    assert second["against"] == first["session_id"]
    assert second["session_id"] != first["session_id"]
    changes = [(c["model"], c["pairs"], c["verdict"]) for c in second["changes"]]
    assert changes == [("m1", 40, "worse"), ("m2", 40, "worse")]
    listed = flywheel("baseline", "sums", "--list", "--json").document["baselines"]
    assert [row["session"] for row in listed] == [second["session_id"], first["session_id"]]


def test_a_missed_target_is_exit_code_one(sums, tmp_path):
    """Half of the cases is shown to be less than the 90 % that the models file asks for."""
    flywheel, server = sums
    (tmp_path / ".flywheel").mkdir(exist_ok=True)
    (tmp_path / ".flywheel" / "models.toml").write_text(
        f'[providers.here]\nbase_url = "{server.address}"\n[models."here/m"]\nquality_target = 0.9\n'
    )

    answer = flywheel("baseline", "sums", "--prompt", "adder", "--model", "here/m")

    assert answer.code == 1
    assert "here/m misses its target: 50.0 % instead of 90 %" in answer.out


def test_a_dry_run_sends_nothing(sums):
    """The forecast alone."""
    flywheel, server = sums

    answer = flywheel(*CALL, "--dry-run")

    assert (answer.code, sum(server.asked.values())) == (0, 0)
    assert "80 calls to make" in answer.out


def test_an_unknown_earlier_baseline_is_refused(sums):
    """Named with the way to the list; nothing is asked."""
    flywheel, server = sums

    answer = flywheel(*CALL, "--against", "baseline/none")

    assert answer.code == 2
    assert "flywheel baseline sums --list" in answer.err
    assert not server.asked


def test_a_model_that_never_answers_is_told_apart_from_one_that_is_wrong(sums, monkeypatch):
    """Beside the matrix stands how many cases got no answer, and the error behind it."""
    flywheel, _server = sums

    with counting_server(lambda _text: 400) as refusing:
        monkeypatch.setenv("FLYWHEEL_LLM_BASE_URL", refusing.address)
        answer = flywheel(*CALL, "--limit", "3")

    assert answer.code == 3
    assert "error: " in answer.out


def test_a_change_of_other_models_is_one_sentence(sums):
    """No model in common with the baseline before: no empty table."""
    flywheel, _server = sums
    flywheel(*CALL)

    answer = flywheel("baseline", "sums", "--prompt", "adder", "--model", "m3", "--again")

    assert "No model is also in the baseline before" in answer.out
    assert "points" not in answer.out


def test_a_prompt_whose_name_holds_an_at_is_found(sums):
    """What is a prompt's whole name is not cut in two."""
    flywheel, _ = sums
    flywheel("prompt", "add", "adder@home", "a.txt", "--live")

    answer = flywheel("baseline", "sums", "--prompt", "adder@home", "--model", "m1", "--json")

    assert (answer.code, answer.document["prompt"]) == (0, "adder@home")
    assert flywheel("run", "sums", "--prompt", "adder@home", "--model", "m1").code == 0
