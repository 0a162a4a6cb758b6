"""`flywheel prompt check` with `flywheel prompt features`."""

from __future__ import annotations

import json

import pytest

FORMAT = "Answer with one word only.\nOutput format: one word, nothing else.\nQuestion: {q}\n"


def test_a_text_is_scored_with_places_and_cures(flywheel, tmp_path):
    """A text without its input is critical, the exit code says so, and a better text scores more."""
    (tmp_path / "bad.txt").write_text("Answer somehow.")
    (tmp_path / "good.txt").write_text(FORMAT)
    flywheel("prompt", "add", "triage", "bad.txt", "--label", "bad")
    flywheel("prompt", "add", "triage", "good.txt", "--label", "good")

    bad = flywheel("prompt", "check", "triage", "bad", "--json")
    good = flywheel("prompt", "check", "triage", "good", "--json")

    assert (bad.code, good.code) == (1, 0)
    assert bad.document["score"] < good.document["score"]
    assert all(issue["cure"] for issue in bad.document["issues"])
    assert "line 1" in flywheel("prompt", "check", "triage", "bad").out


@pytest.fixture
def rated(flywheel, tmp_path):
    """Five prompts with an output format that pass, five without that mostly fail."""
    rows = []
    for n in range(10):
        good = n < 5
        (tmp_path / f"{n}.txt").write_text(FORMAT + "x" * n if good else f"Say it {'!' * n} {{q}}")
        flywheel("prompt", "add", f"p{n}", f"{n}.txt", "--label", "v1")
        rows += [
            {
                "execution_id": f"{n}-{k}",
                "prompt": f"p{n}",
                "version": "v1",
                "slice": "a" if k % 2 else "b",
                "outcome": "passed" if good or k < 3 else "failed",
            }
            for k in range(10)
        ]
    (tmp_path / "runs.jsonl").write_text("\n".join(map(json.dumps, rows)))
    flywheel("import", "jsonl", "runs.jsonl")
    return flywheel


def test_features_that_tell_good_prompts_apart_are_named(rated):
    """What all good prompts have and no bad one is on top, with an interval above zero."""
    document = rated("prompt", "features", "p*", "--by", "slice", "--json").document

    top = document["rows"][0]["features"][0]
    assert document["versions"] == 10
    assert [row["slice"] for row in document["rows"]] == [None, "a", "b"]
    assert (top["high"], top["low"]) == ([5, 5], [0, 5])
    assert top["low_end"] > 0
    assert top["adjusted_p"] <= 0.05


def test_features_say_so_when_nothing_can_be_told(rated):
    """One version is compared with nothing, and a pattern without prompts is refused."""
    assert "nothing to compare" in rated("prompt", "features", "p1").out
    assert rated("prompt", "features", "nobody").code == 2
