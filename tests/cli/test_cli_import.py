"""`flywheel import`: what a file says goes in once, what it cannot say is told."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

GOOD = {"execution_id": "r1", "prompt": "triage", "version": "v1", "case_id": "a", "outcome": "passed"}


@pytest.fixture
def runs(tmp_path: Path):
    """Write a file of lines."""

    def write(*lines: object, name: str = "runs.jsonl") -> str:
        text = "\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines)
        (tmp_path / name).write_text(text + "\n", encoding="utf-8")
        return name

    return write


def test_an_import_can_be_repeated(flywheel, runs):
    """The first import makes the store and stores; the second changes nothing; a changed line replaces."""
    first = flywheel("import", "jsonl", runs(GOOD), "--json").document
    again = flywheel("import", "jsonl", "runs.jsonl", "--json").document
    changed = flywheel("import", "jsonl", runs({**GOOD, "outcome": "failed"}), "--json").document

    assert (first["stored"], again["unchanged"], changed["replaced"]) == (1, 1, 1)


def test_rejected_lines_are_told_and_kept(flywheel, runs):
    """Bad lines are exit 1 with position, field and reason; the good ones are stored; the file is kept."""
    bad = {**GOOD, "execution_id": "r2", "latency_ms": "fast"}

    answer = flywheel("import", "jsonl", runs(GOOD, bad, "{broken"))
    document = flywheel("import", "jsonl", "runs.jsonl", "--json").document

    assert answer.code == 1
    assert "line 2, field 'latency_ms'" in answer.out
    assert [r["line"] for r in document["files"][0]["rejections"]] == [2, 3]
    assert Path(document["files"][0]["quarantine"]).read_text().splitlines()[1] == "{broken"
    assert flywheel("report", "--json").document["overall"]["total_tests"] == 1


def test_a_dry_run_stores_nothing(flywheel, runs):
    """--dry-run judges every line and makes neither a store nor a quarantine file."""
    answer = flywheel("import", "jsonl", runs(GOOD, "{broken"), "--dry-run", "--json")

    assert answer.code == 1
    assert (answer.document["read"], answer.document["rejected"]) == (2, 1)
    assert not Path(".flywheel").exists()


def test_columns_are_mapped(flywheel, runs):
    """--map and a mapping file take foreign columns; both together too."""
    Path("mine.toml").write_text('[fields]\nid = "execution_id"\n')
    row = {"id": "r1", "q": "hello", "outcome": "passed", "prompt": "triage"}

    answer = flywheel("import", "jsonl", runs(row), "--mapping", "mine.toml", "--map", "q=inputs", "--json")

    assert answer.document["stored"] == 1


def test_csv_is_read(flywheel, runs):
    """A table with a header row comes in, empty cells as unknown."""
    name = runs("execution_id,prompt,outcome,latency_ms", "r1,triage,passed,", name="runs.csv")

    assert flywheel("import", "csv", name, "--json").document["stored"] == 1
    assert flywheel("report", "--json").document["overall"]["avg_response_time_ms"] is None


def test_a_prompt_name_is_filled_from_columns(flywheel, runs):
    """One file becomes many prompts."""
    rows = [{**GOOD, "prompt": None, "execution_id": s, "slice": s} for s in ("one", "two")]

    flywheel("import", "jsonl", runs(*rows), "--prompt", "bbh/{slice}")

    names = [row["prompt"] for row in flywheel("prompt", "list", "--json").document["prompts"]]
    assert names == ["bbh/one", "bbh/two"]


def test_many_files_are_summed(flywheel, runs):
    """Counts come per file and in sum."""
    names = [runs({**GOOD, "execution_id": n}, name=f"{n}.jsonl") for n in ("a", "b")]

    document = flywheel("import", "jsonl", *names, "--json").document

    assert document["stored"] == 2
    assert [one["path"] for one in document["files"]] == names


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["jsonl", "nothing.jsonl"], "nothing.jsonl"),
        (["jsonl", "."], "."),
        (["parquet", "runs.jsonl"], "parquet"),
        (["jsonl", "runs.jsonl", "--mapping", "nothing"], "recorded-runs"),
        (["jsonl", "runs.jsonl", "--map", "id"], "SOURCE=FIELD"),
        (["jsonl", "runs.jsonl", "--map", "id=nothing"], "nothing"),
    ],
    ids=["file", "folder", "format", "mapping", "pair", "field"],
)
def test_wrong_use_reads_nothing(flywheel, runs, words, said):
    """A file, format or mapping that is not there is exit 2 in plain words."""
    runs(GOOD)

    answer = flywheel("import", *words)

    assert answer.code == 2
    assert said in answer.err
    assert not Path(".flywheel").exists()


def test_an_empty_file_is_no_error(flywheel):
    """Nothing read, nothing stored, and it says so."""
    Path("runs.jsonl").touch()

    answer = flywheel("import", "jsonl", "runs.jsonl")

    assert answer.code == 0
    assert "empty" in answer.out


def test_a_binary_file_is_refused(flywheel):
    """Bytes that are no text are exit 2 or rejected, never a traceback."""
    Path("runs.jsonl").write_bytes(bytes(range(256)) * 40)

    answer = flywheel("import", "jsonl", "runs.jsonl")

    assert answer.code in (1, 2)
    assert answer.out + answer.err


def test_a_folder_that_cannot_be_written_is_exit_three(flywheel, runs):
    """A store where no file can be made is exit 3, and names the path."""
    Path("taken").write_text("a file, not a folder")

    answer = flywheel("import", "jsonl", runs(GOOD), "--store", "taken/store.db")

    assert answer.code == 3
    assert "taken" in answer.err


@pytest.mark.parametrize(
    ("file_format", "sample", "ends"),
    [("junit", "junit/surefire.xml", (2, 4, 3)), ("reportlog", "reportlog/pytest.jsonl", (10, 7, 2))],
)
def test_files_of_other_tools_are_reported_on(flywheel, file_format, sample, ends):
    """What surefire and pytest wrote is in the report after one command, with the prompt it is given."""
    path = Path(__file__).parents[1] / "data" / sample

    answer = flywheel("import", file_format, str(path), "--prompt", "triage", "--json")
    overall = flywheel("report", "--by", "prompt", "--json").document["overall"]

    assert (answer.code, answer.document["rejected"]) == (0, 0)
    assert tuple(overall[f"{end}_tests"] for end in ("successful", "failed", "error")) == ends


def test_an_import_of_nothing_does_not_send_to_the_report(flywheel, runs):
    """Where every line was rejected there is nothing to see."""
    answer = flywheel("import", "jsonl", runs("{broken"))

    assert "Nothing was stored." in answer.out
    assert "flywheel report" not in answer.out


def test_advice_repeats_the_store_and_the_workspace_that_were_given(flywheel, runs):
    """What a person copies looks at what was just imported, and a misspelt workspace shows itself."""
    given = ("--store", "mine.db", "--workspace", "team")

    imported = flywheel("import", "jsonl", runs(GOOD), *given)
    empty = flywheel("report", "--store", "mine.db", "--workspace", "taem")

    assert "See: flywheel report --store mine.db --workspace team" in imported.out
    assert "flywheel import jsonl FILE --store mine.db --workspace taem" in " ".join(empty.out.split())
