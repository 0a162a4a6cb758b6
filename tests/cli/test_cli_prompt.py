"""`flywheel prompt`: names, immutable versions, labels, what is live."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ODD = 'Zeile eins\r\n{frage} – „ja"\r\n```json\n{"a": {"b": 1}}\n```\n\ttab \U0001f600 end without newline'


def test_a_text_survives_to_the_byte(flywheel, tmp_path):
    """CRLF, braces, fences, Unicode and a missing last newline come back as they were."""
    (tmp_path / "odd.txt").write_bytes(ODD.encode())
    added = flywheel("prompt", "add", "triage", "odd.txt", "--live", "--json").document

    assert added["variables"] == ["frage"]
    shown = subprocess.run(
        [sys.executable, "-c", "from flywheel.cli.main import main; main()", "prompt", "show", "triage"],
        capture_output=True,
        check=True,
    )
    assert shown.stdout == ODD.encode()
    assert flywheel("prompt", "show", "triage", "--json").document["text"] == ODD


def test_the_same_text_is_one_version(flywheel, tmp_path):
    """Adding a text twice adds nothing; a new label is added all the same."""
    (tmp_path / "a.txt").write_text("Hello {name}")

    first = flywheel("prompt", "add", "greet", "a.txt", "--json").document
    again = flywheel("prompt", "add", "greet", "a.txt", "--label", "v1", "--label", "kind", "--json").document

    assert (first["added"], again["added"]) == (True, False)
    assert flywheel("prompt", "log", "greet", "--json").document["versions"][0]["labels"] == ["kind", "v1"]


def test_stdin_is_a_file_too(flywheel):
    """`-` reads the text from stdin."""
    flywheel("prompt", "add", "greet", "-", stdin="Hello {name}\n")

    assert flywheel("prompt", "show", "greet").out == "Hello {name}\n"


def test_live_moves_once(flywheel, tmp_path):
    """--live points the release at the version, once; a second version replaces it."""
    (tmp_path / "a.txt").write_text("A")
    (tmp_path / "b.txt").write_text("B")
    first = flywheel("prompt", "add", "p", "a.txt", "--live", "--json").document
    again = flywheel("prompt", "add", "p", "a.txt", "--live", "--json").document
    flywheel("prompt", "add", "p", "b.txt", "--live")

    assert (first["made_live"], again["made_live"]) == (True, False)
    assert [r["kind"] for r in flywheel("release", "history", "p", "--json").document["releases"]] == [
        "manual",
        "first",
    ]
    assert flywheel("prompt", "show", "p").out == "B"


@pytest.mark.parametrize(
    ("old", "new", "shown"),
    [
        ("a\r\nb\r\n", "a\nb\n", ["-a␍", "-b␍", "+a", "+b"]),
        ("a \t\n", "a\n", ["-a·⇥", "+a"]),
        ("a", "a\n", ["-a", "\\ No line break at the end of the text", "+a"]),
    ],
    ids=["line ends", "blanks", "end of text"],
)
def test_a_diff_shows_what_cannot_be_seen(flywheel, tmp_path, old, new, shown):
    """Texts that differ in line ends or blanks alone are shown with signs in their place."""
    for label, text in (("old", old), ("new", new)):
        (tmp_path / label).write_bytes(text.encode())
        flywheel("prompt", "add", "plain", label, "--label", label)

    answer = flywheel("prompt", "diff", "plain", "old", "new")

    assert answer.out.splitlines()[3:] == shown


def test_a_diff_shows_what_changed(triage):
    """Removed and added lines, by label, by hash, or live."""
    document = triage("prompt", "diff", "triage", "v2", "live", "--json").document

    assert document["same"] is False
    assert "-Question: {question}" in document["diff"]
    assert "same text" in triage("prompt", "diff", "triage", "v1").out


def test_many_prompts_come_from_one_file(flywheel, tmp_path):
    """One line a version, names filled from columns, one label made live."""
    rows = [
        {"task": task, "version": version, "template": f"{task} {version}: {{input}}"}
        for task in ("sorting", "dates")
        for version in ("direct", "cot")
    ]
    (tmp_path / "prompts.jsonl").write_text("\n".join(map(json.dumps, rows)))
    words = ("--name", "bbh/{task}", "--label-from", "version", "--text-from", "template")

    answer = flywheel("prompt", "import", "prompts.jsonl", *words, "--live-label", "direct", "--json")

    assert answer.document["added"] == 4
    assert answer.document["made_live"] == ["bbh/dates", "bbh/sorting"]
    assert flywheel("prompt", "show", "bbh/dates").out == "dates direct: {input}"


def test_a_version_without_text_says_so(triage):
    """A label that only executions carry can be listed, not shown."""
    from flywheel.records.execution import Execution
    from flywheel.store.open import open_store

    store = open_store("sqlite:///.flywheel/flywheel.db")
    store.executions.write([Execution(execution_id="x", prompt="triage", version="old", outcome="passed")])
    store.close()

    answer = triage("prompt", "show", "triage", "old")

    assert answer.code == 2
    assert "not shown or released" in answer.err
    assert triage("prompt", "diff", "triage", "old", "v1").code == 2
    assert triage("prompt", "log", "triage", "--json").document["recorded_without_text"] == ["old"]


@pytest.mark.parametrize(
    ("content", "said"),
    [(b"", "empty"), (b"\xff\xfe\x00", "not UTF-8"), (None, "nothing.txt")],
    ids=["empty", "binary", "missing"],
)
def test_a_file_that_is_no_prompt_is_refused(flywheel, tmp_path, content, said):
    """Nothing is stored from an empty, a binary or a missing file."""
    if content is not None:
        (tmp_path / "nothing.txt").write_bytes(content)

    answer = flywheel("prompt", "add", "p", "nothing.txt")

    assert answer.code == 2
    assert said in answer.err
    assert not Path(".flywheel").exists()


def test_a_label_keeps_its_version(triage, tmp_path):
    """A label that names another text is refused; nothing is stored."""
    (tmp_path / "other.txt").write_text("Other {question}")

    answer = triage("prompt", "add", "triage", "other.txt", "--label", "v1")

    assert answer.code == 2
    assert len(triage("prompt", "log", "triage", "--json").document["versions"]) == 2


def test_names_with_brackets_are_shown_as_they_are(flywheel, tmp_path):
    """What looks like markup in a name is no markup."""
    (tmp_path / "a.txt").write_text("A")

    flywheel("prompt", "add", "[bold]x[/]", "a.txt", "--live")

    for words in (["prompt", "list"], ["status"], ["release", "show", "[bold]x[/]"]):
        answer = flywheel(*words)
        assert answer.code == 0
    assert "[bold]x[/]" in flywheel("prompt", "list").out


@pytest.mark.parametrize("more", [("--live",), ()], ids=["live", "kept"])
@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("refiner/merge", "Merge with {{other}}. {{mood}}", ("lacks {{helps}}", "has {{mood}}")),
        ("refiner/reflcet", "Look.", ("no instructions 'refiner/reflcet'", "'refiner/reflect'")),
    ],
    ids=["variables", "name"],
)
def test_instructions_the_refiner_cannot_use_are_refused(flywheel, tmp_path: Path, more, name, text, said):
    """The error names what is missing and what is unknown, and nothing is stored."""
    (tmp_path / "mine.md").write_text(text)

    answer = flywheel("prompt", "add", name, "mine.md", *more)

    assert answer.code == 2
    assert all(part in answer.err for part in (*said, "Nothing was stored"))
    assert not (tmp_path / ".flywheel" / "flywheel.db").exists()


def test_instructions_the_refiner_can_use_go_live(flywheel, tmp_path: Path):
    """The same variables in other words are taken."""
    (tmp_path / "mine.md").write_text("Join both: {{ helps }} from {{other}}.")

    assert flywheel("prompt", "add", "refiner/merge", "mine.md", "--live", "--json").document["made_live"]


def test_a_prompt_without_a_live_version_says_how_to_get_one(flywheel, tmp_path: Path):
    """`live` is no name a person could have misspelt."""
    (tmp_path / "a.txt").write_text("One {x}")
    flywheel("prompt", "add", "triage", "a.txt")

    answer = flywheel("prompt", "show", "triage", "live")

    assert answer.code == 2
    assert "No version of prompt 'triage' is live" in answer.err
    assert "flywheel prompt add triage FILE --live" in answer.err
