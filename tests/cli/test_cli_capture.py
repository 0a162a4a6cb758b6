"""`flywheel redaction`, `flywheel sessions`: what is captured, in what quality."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Call = Callable[..., Any]


def write_runs(folder: Path) -> Path:
    """Two executions with something private, one line that is none."""
    path = folder / "runs.jsonl"
    lines = [
        {"execution_id": "r1", "outcome": "passed", "session_id": "s1", "output": "ann@example.com"},
        {
            "execution_id": "r2",
            "outcome": "error",
            "session_id": "s1",
            "comment": "C-123456, Ann@example.com",
        },
        {"execution_id": "r3", "outcome": "good ann@example.com"},
    ]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


def test_the_default_policy_is_shown(triage: Call):
    """A workspace without a policy of its own masks everything."""
    document = triage("redaction", "show", "--json").document

    assert document["mode"] == "mask"
    assert document["kept"] == []
    assert "private text becomes <kind>" in triage("redaction", "show").out


def test_a_policy_is_set_and_kept(flywheel: Call):
    """Mode, patterns, kept kinds; the salt is made once and never shown."""
    done = flywheel(
        "redaction",
        "set",
        "hash",
        "--pattern",
        r"client=\bC-[0-9]{6}\b",
        "--keep",
        "ip",
        "--calling-code",
        "+49",
        "--json",
    )
    shown = flywheel("redaction", "show", "--json").document

    assert done.document == shown
    assert shown["patterns"] == [{"name": "client", "pattern": r"\bC-[0-9]{6}\b"}]
    assert (shown["mode"], shown["kept"], shown["salted"]) == ("hash", ["ip"], True)
    assert "salt" not in shown


def test_the_salt_survives_unless_a_new_one_is_asked_for(flywheel: Call):
    """Marks of yesterday join with those of today."""

    def mark() -> str:
        return str(flywheel("redaction", "try", "ann@example.com", "--json").document["text"])

    flywheel("redaction", "set", "hash")
    first = mark()
    flywheel("redaction", "set", "off")
    flywheel("redaction", "set", "hash")
    assert mark() == first
    flywheel("redaction", "set", "hash", "--new-salt")
    assert mark() != first


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--pattern", "client"), "no '='"),
        (("--pattern", "client=("), "no regular expression"),
        (("--keep", "names"), "kept"),
        (("--calling-code", "49"), "calling_code"),
    ],
)
def test_a_wrong_policy_is_refused(flywheel: Call, words: tuple[str, ...], said: str):
    """What is wrong is said, and nothing is changed."""
    answer = flywheel("redaction", "set", "mask", *words)

    assert answer.code == 2
    assert said in answer.err
    assert "Nothing was changed" in answer.err


def test_a_text_can_be_tried(flywheel: Call, tmp_path: Path):
    """Without a store it is the default policy, and no store is made by trying."""
    answer = flywheel("redaction", "try", "-", "--json", stdin="pay 4111 1111 1111 1111 to ann@example.com")

    assert answer.document["text"] == "pay <card> to <email>"
    assert answer.document["counts"] == {"card": 1, "email": 1}
    assert list(tmp_path.iterdir()) == []


def test_an_import_follows_the_policy(flywheel: Call, tmp_path: Path):
    """Nothing private is in the store, in the quarantine file, or in what is printed."""
    flywheel("redaction", "set", "hash", "--pattern", r"client=\bC-[0-9]{6}\b")
    answer = flywheel("import", "jsonl", str(write_runs(tmp_path)), "--json")

    kept = b"".join(path.read_bytes() for path in (tmp_path / ".flywheel").rglob("*") if path.is_file())
    assert answer.code == 1
    assert b"<email:" in kept
    assert b"example.com" not in kept
    assert b"C-123456" not in kept
    assert "example.com" not in answer.out + answer.err


def test_a_workspace_that_is_off_keeps_everything(flywheel: Call, tmp_path: Path):
    """Switching off is one command."""
    flywheel("redaction", "set", "off")
    flywheel("import", "jsonl", str(write_runs(tmp_path)))

    kept = b"".join(path.read_bytes() for path in (tmp_path / ".flywheel").rglob("*.db*"))
    assert b"ann@example.com" in kept


def test_sessions_are_scored(flywheel: Call, tmp_path: Path):
    """A score with what is missing; one session with what to do about it; a limit for a pipeline."""
    flywheel("import", "jsonl", str(write_runs(tmp_path)), "--prompt", "triage")
    (session,) = flywheel("sessions", "--json").document["sessions"]

    assert (session["session_id"], session["executions"]) == ("s1", 2)
    assert 0 < session["score"] < 60
    assert session["criteria"][0]["known"] < session["criteria"][0]["of"]
    assert "version" in flywheel("sessions").out
    assert "of 100" in flywheel("sessions", "s1").out
    assert flywheel("sessions", "--below", "99").code == 1
    assert flywheel("sessions", "--below", "1").code == 0
    assert flywheel("sessions", "s2").code == 2


def test_pages_show_no_marks_of_their_own(flywheel: Call, tmp_path: Path):
    """What is bold is drawn, not written."""
    flywheel("import", "jsonl", str(write_runs(tmp_path)), "--prompt", "triage")

    for page in (flywheel("redaction", "show"), flywheel("sessions", "s1")):
        assert page.code == 0
        assert "[bold]" not in page.out
