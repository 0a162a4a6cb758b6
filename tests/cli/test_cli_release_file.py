"""`flywheel release file`: prompt files with backups."""

from __future__ import annotations

import json

import pytest


@pytest.fixture
def written(triage, tmp_path):
    """The command line beside a file with the live version."""
    path = tmp_path / "prompts" / "triage.txt"
    path.parent.mkdir()
    assert triage("release", "file", "triage", str(path)).code == 0
    return triage, path


def test_the_file_is_the_live_text_to_the_byte(written):
    """Line ends included; the same again writes nothing; a check of it is exit code 0."""
    triage, path = written
    before = path.stat().st_mtime_ns

    again = triage("release", "file", "triage", str(path), "--json").document

    assert path.read_bytes() == b"Route the question.\r\n{question}"
    assert (path.stat().st_mtime_ns, again["release"]["backup"]) == (before, None)
    assert triage("release", "file", "triage", str(path), "--check").code == 0


def test_a_release_is_followed_and_undone(written):
    """After a cycle the check fails, the file follows; undoing brings the bytes back, twice goes forth."""
    triage, path = written
    old = path.read_bytes()
    triage("cycle", "--prompt", "triage", "--all-time")
    words = ("release", "file", "triage", str(path))

    checked = triage(*words, "--check", "--json")
    released = triage(*words, "--json").document
    new = path.read_bytes()
    undone = triage(*words, "--undo", "--json").document

    assert (checked.code, checked.document["is_current"]) == (1, False)
    assert {one["stage"]: one["passed"] for one in released["stages"]}["quality"] is True
    assert new != old
    assert path.read_bytes() == old
    assert (undone["release"]["kind"], undone["release"]["version"]) == (
        "rollback",
        released["release"]["previous"],
    )
    triage(*words, "--undo")
    assert path.read_bytes() == new
    assert (
        path.parent.parent / ".flywheel" / "prompt-files" / released["release"]["backup"]
    ).read_bytes() == old


def test_a_stage_that_fails_writes_nothing(written, tmp_path):
    """A version with another variable is refused with exit code 1, and the file stays."""
    triage, path = written
    old = path.read_bytes()
    (tmp_path / "v9.txt").write_text("Name the team of {customer}. Answer with one word.")
    triage("prompt", "add", "triage", "v9.txt", "--label", "v9")

    answer = triage("release", "file", "triage", str(path), "--version", "v9")

    assert answer.code == 1
    assert "it lacks question" in " ".join(answer.out.split())
    assert path.read_bytes() == old


def test_a_text_nobody_knows_is_not_lost(written):
    """A file that was changed by hand is left alone; --overwrite keeps a backup of it."""
    triage, path = written
    path.write_bytes("Route it politely.\n{question} ü".encode())
    words = ("release", "file", "triage", str(path))

    refused = triage(*words)
    forced = triage(*words, "--overwrite", "--json").document
    triage(*words, "--undo")

    assert (refused.code, "flywheel prompt add triage" in " ".join(refused.err.split())) == (2, True)
    assert forced["release"]["backup"]
    assert path.read_bytes() == "Route it politely.\n{question} ü".encode()


def test_a_text_that_was_added_by_hand_is_known(written):
    """What a person took over with `prompt add` may be replaced."""
    triage, path = written
    path.write_text("Route it well.\n{question}")
    triage("prompt", "add", "triage", str(path))

    assert triage("release", "file", "triage", str(path)).code == 0


def test_what_cannot_be_done_is_said(written, tmp_path):
    """No text, no folder, nothing to undo, two wishes at once: exit code, words, nothing changed."""
    triage, path = written
    binary = tmp_path / "logo.txt"
    binary.write_bytes(b"\xff\xfe\x00")
    words = ("release", "file", "triage")

    assert triage(*words, str(binary)).code == 2
    assert triage(*words, str(tmp_path / "nowhere" / "x.txt")).code == 3
    assert triage(*words, str(tmp_path / "new.txt"), "--undo").code == 2
    assert triage(*words, str(path), "--undo").code == 2
    assert triage(*words, str(path), "--undo", "--check").code == 2
    assert triage(*words, str(path), "--suite", "none").code == 2
    assert triage(*words, str(path), "--version", "none").code == 2
    assert binary.read_bytes() == b"\xff\xfe\x00"


def test_half_a_line_of_history_is_passed_over(written, tmp_path):
    """A process that was killed while it wrote the history leaves a file that can still be released."""
    triage, path = written
    history = tmp_path / ".flywheel" / "prompt-files" / "history.jsonl"
    with history.open("a", encoding="utf-8") as file:
        file.write(json.dumps({"prompt": "triage"})[:7])

    triage("cycle", "--prompt", "triage", "--all-time")

    assert triage("release", "file", "triage", str(path)).code == 0
    assert triage("release", "file", "triage", str(path), "--undo").code == 0


def test_the_mode_of_the_file_stays(written):
    """A file that only its owner may read is one afterwards too."""
    triage, path = written
    path.chmod(0o600)
    triage("cycle", "--prompt", "triage", "--all-time")
    triage("release", "file", "triage", str(path))

    assert path.stat().st_mode & 0o777 == 0o600


def test_a_link_stays_a_link(written, tmp_path):
    """Behind a symbolic link the file it leads to is written, so that whoever reads that sees the release."""
    triage, path = written
    link = tmp_path / "link.txt"
    link.symlink_to(path)
    old = path.read_bytes()
    triage("cycle", "--prompt", "triage", "--all-time")

    triage("release", "file", "triage", str(link))
    new = path.read_bytes()
    triage("release", "file", "triage", str(link), "--undo")

    assert link.is_symlink()
    assert new != old
    assert path.read_bytes() == old
