"""`flywheel suite`: files of cases, checked whole before the first is kept."""

from __future__ import annotations

import json

import pytest

CASES = [
    {
        "case_id": "a",
        "inputs": {"question": "Why was I charged twice?"},
        "expected": "billing",
        "slice": "de",
    },
    {"task_id": "b", "input": "I cannot log in", "expected": "login", "difficulty": 3},
    {"inputs": "Hello?", "expected": None},
]


@pytest.fixture
def cases(tmp_path):
    """A file of three cases in the spellings people use."""
    path = tmp_path / "cases.jsonl"
    path.write_text("\n".join(json.dumps(case) for case in CASES) + "\n\n", encoding="utf-8")
    return path


def test_a_suite_is_kept_with_options(flywheel, cases, tmp_path):
    """Cases, options and roles; other columns go to the metadata; repeating changes nothing."""
    (tmp_path / "options.json").write_text('["billing", {"name": "login", "description": "passwords"}]')
    words = ("suite", "add", "triage", "cases.jsonl", "--options", "options.json", "--json")

    first, again = flywheel(*words).document, flywheel(*words).document
    shown = flywheel("suite", "show", "triage", "--json").document

    assert (first["stored"], again["unchanged"]) == (3, 3)
    assert sum(first["roles"].values()) == 3
    by_id = {case["case_id"]: case for case in shown["cases"]}
    assert by_id["b"]["inputs"] == {"input": "I cannot log in"}
    assert by_id["b"]["metadata"] == {"difficulty": 3}
    assert [option["name"] for option in shown["options"]] == ["billing", "login"]
    assert flywheel("suite", "list", "--json").document["suites"][0]["cases"] == 3


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("{not json", "line 2: is not JSON"),
        ("[1]", "line 2: got [1], need a JSON object"),
        ('{"expected": "x"}', "line 2, field 'inputs'"),
        ('{"inputs": {"n": NaN}}', "finite number, got nan"),
        ('{"case_id": "a", "inputs": "another"}', "'a' names another case"),
    ],
    ids=["json", "kind", "field", "nan", "twice"],
)
def test_a_bad_line_keeps_everything_out(flywheel, tmp_path, line, said):
    """One line that cannot be a case is named with its position; nothing is stored."""
    (tmp_path / "cases.jsonl").write_text(json.dumps(CASES[0]) + "\n" + line + "\n")
    flywheel("init")

    answer = flywheel("suite", "add", "triage", "cases.jsonl")

    assert answer.code == 2
    assert said in answer.err
    assert flywheel("suite", "list", "--json").document["suites"] == []


@pytest.mark.parametrize("content", [b"", b"\xff\xfe\x00binary"], ids=["empty", "binary"])
def test_a_file_without_cases_is_refused(flywheel, tmp_path, content):
    """An empty or a binary file is exit 2 in plain words."""
    (tmp_path / "cases.jsonl").write_bytes(content)

    answer = flywheel("suite", "add", "triage", "cases.jsonl")

    assert answer.code == 2
    assert "Nothing was stored" in answer.err


def test_a_missing_file_is_named(flywheel):
    """A path that is not there is exit 2 with the path."""
    answer = flywheel("suite", "add", "triage", "nothing.jsonl", "--json")

    assert answer.code == 2
    assert "nothing.jsonl" in answer.document["error"]["message"]


def test_a_mapping_renames_columns(flywheel, tmp_path):
    """--map takes a column of any name; a field that does not exist is refused."""
    (tmp_path / "cases.jsonl").write_text('{"text": "Where is my card?", "gold": "cards"}\n')

    flywheel("suite", "add", "s", "cases.jsonl", "--map", "text=inputs", "--map", "gold=expected")
    case = flywheel("suite", "show", "s", "--json").document["cases"][0]

    assert (case["inputs"], case["expected"]) == ({"input": "Where is my card?"}, "cards")
    assert flywheel("suite", "add", "s", "cases.jsonl", "--map", "text=nothing").code == 2
    assert flywheel("suite", "add", "s", "cases.jsonl", "--map", "text").code == 2


def test_an_unknown_suite_is_named(flywheel):
    """Asking for a suite that is not there is exit 2."""
    flywheel("init")

    assert flywheel("suite", "show", "nothing").code == 2
