"""`flywheel probe calibration|edge-cases|comparison`, on a server that counts."""

from __future__ import annotations

import json

import pytest
from counting_server import counting_server

from flywheel.store.open import open_store

TEXT = "Name the colour in one word, with your confidence.\n{question}\n"


def painter(text: str) -> str | int:
    """A model that boasts, is silent without a question, and refuses what is too long."""
    question = text.split("\n", 1)[1].strip()
    if len(question) > 5_000:
        return 400
    if not any(letter.isalpha() for letter in question):
        return ""
    number = [word for word in question.replace("?", "").split() if word.isdigit()]
    right = bool(number) and int(number[0]) % 2 == 0
    return f"{'red' if right else 'blue'} (confidence: 90 %)"


@pytest.fixture
def colours(flywheel, tmp_path, monkeypatch):
    """The command line beside a hundred questions, with a server behind the names of any model."""
    rows = [
        {"case_id": f"c{n:03}", "inputs": {"question": f"Which colour has ball {n}?"}, "expected": "red"}
        for n in range(100)
    ]
    (tmp_path / "colours.jsonl").write_text("\n".join(map(json.dumps, rows)))
    (tmp_path / "p.txt").write_text(TEXT)
    flywheel("suite", "add", "colours", "colours.jsonl", "--scorer", "contains")
    flywheel("prompt", "add", "painter", "p.txt", "--live")
    with counting_server(painter) as counting:
        for name, value in counting.environ.items():
            monkeypatch.setenv(name, value)
        yield flywheel, counting


def call(kind: str, *more: str) -> tuple[str, ...]:
    """A probe of the colours."""
    return ("probe", kind, "colours", "--prompt", "painter", "--model", "m1", *more)


def test_stated_confidence_is_held_against_outcomes(colours):
    """Ninety percent said, half right: overconfident, above the limit, with the table on the page."""
    flywheel, _ = colours

    answer = flywheel(*call("calibration", "--max-calibration-error", "0.1"))
    found = flywheel(*call("calibration", "--json")).document["models"][0]

    assert answer.code == 1
    assert "overconfident: says 90.0 % on average" in answer.out
    assert "m1 misses --max-calibration-error" in answer.out
    assert found["calibration"]["bias"] == "overconfident"
    assert found["calibration"]["error_low"] > 0.1
    assert found["overall"]["shown"] == len(found["findings"]) > 0


def test_a_model_without_confidence_misses_the_limit_as_unknown(colours, monkeypatch):
    """Unknown is not zero: the page says why, and the check does not pass."""
    flywheel, _ = colours
    with counting_server(lambda _text: "red") as silent:
        for name, value in silent.environ.items():
            monkeypatch.setenv(name, value)
        answer = flywheel(*call("calibration", "--max-calibration-error", "1"))

    assert answer.code == 1
    assert "no answer has a confidence, logged or stated" in answer.out


def test_edges_break_where_the_model_does(colours):
    """Silence on blanks and a refusal of long inputs are found; kept as cases without an expectation."""
    flywheel, _ = colours

    document = flywheel(*call("edge-cases", "--keep", "edges", "--json")).document

    rows = {row["name"]: row for row in document["models"][0]["kinds"]}
    because = {found["kind"]: found["because"] for found in document["models"][0]["findings"]}
    assert rows["empty"]["share"] > 0
    assert rows["very long"]["share"] == 1.0
    assert because["very long"].startswith("refused")
    assert document["contract"] == "not empty, one line"
    assert document["kept"]["stored"] == len({f["case_id"] for f in document["models"][0]["findings"]})
    store = open_store("sqlite:///.flywheel/flywheel.db")
    kept = store.cases.cases("default", "edges")
    store.close()
    assert {case.role.value for case in kept} == {"reflect"}
    assert all(c.expected is None for c in kept if c.metadata["from_execution"]["kind"] == "very long")


def test_models_meet_head_to_head(colours):
    """Two names of one server tie; nothing is asked twice; one model alone is refused."""
    flywheel, server = colours

    answer = flywheel(*call("comparison", "--model", "m2"))
    asked = server.asked.total()
    document = flywheel(*call("comparison", "--model", "m2", "--json")).document

    assert answer.code == 0
    assert "a tie on" in answer.out
    assert [row["place"] for row in document["ranking"]] == [1, 1]
    assert document["pairs"][0]["better"] is None
    assert document["pairs"][0]["ties"] == document["cases"]
    assert server.asked.total() == asked == 2 * document["cases"]
    alone = flywheel(*call("comparison"))
    assert (alone.code, "needs two models" in alone.err) == (2, True)
