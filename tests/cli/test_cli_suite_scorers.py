"""`flywheel suite add` with scorers and their parameters."""

from __future__ import annotations

import json

import pytest


@pytest.fixture
def kept(flywheel, tmp_path):
    """Keep a suite of one case with a scorer; gives the answer of the command."""
    (tmp_path / "cases.jsonl").write_text('{"inputs": "2 + 2?", "expected": 4}\n')
    return lambda *words: flywheel("suite", "add", "sums", "cases.jsonl", *words)


def test_parameters_come_back_as_they_were_given(flywheel, kept, tmp_path):
    """A scorer with parameters is stored with the suite; `@FILE` reads a value, and the page shows them."""
    schema = {"type": "object", "required": ["sum"]}
    (tmp_path / "schema.json").write_text(json.dumps(schema))

    assert kept("--scorer", "json_schema", "--set", "schema=@schema.json", "--set", "fenced=true").code == 0
    shown = flywheel("suite", "show", "sums", "--json").document

    assert (shown["scorer"], shown["parameters"]) == ("json_schema", {"schema": schema, "fenced": True})
    assert "fenced=true" in " ".join(flywheel("suite", "show", "sums").out.split())
    assert flywheel("suite", "list", "--json").document["suites"][0]["scorer"] == "json_schema"


def test_a_scorer_can_be_changed(flywheel, kept):
    """Adding the suite again with another scorer replaces it, parameters included."""
    kept("--scorer", "numeric", "--set", "relative=0.5")
    kept("--scorer", "exact")

    shown = flywheel("suite", "show", "sums", "--json").document
    assert (shown["scorer"], shown["parameters"]) == ("exact", {})


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--scorer", "numeric", "--set", "relativ=1"), "relativ: it has no such parameter"),
        (("--scorer", "regex", "--set", "pattern=("), "no regular expression"),
        (("--scorer", "json_schema", "--set", 'schema={"type": "thing"}'), "no JSON Schema"),
        (("--scorer", "code", "--set", "path=nowhere:at_all"), "cannot be imported"),
        (("--scorer", "judge"), "model: it needs this parameter"),
        (("--scorer", "numeric", "--set", "relative"), "is no KEY=VALUE"),
        (("--scorer", "numeric", "--set", "which=last", "--set", "which=first"), "comes twice"),
    ],
    ids=["unknown", "pattern", "schema", "path", "missing", "form", "twice"],
)
def test_a_scorer_that_cannot_work_is_refused(flywheel, kept, words, said):
    """Wrong parameters are exit 2 in plain words; nothing is stored."""
    flywheel("init")

    answer = kept(*words)

    assert answer.code == 2
    assert said in " ".join(answer.err.split())
    assert flywheel("suite", "list", "--json").document["suites"] == []
