"""Versions of prompts from files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from flywheel.capture.prompt_files import PromptFileSettings, prompts_file
from flywheel.errors import InputError, MappingError, RejectedLine
from flywheel.records.prompt import PromptVersion, content_hash


def read(
    folder: Path, *lines: dict[str, Any] | str, name: str | None = None, **mapping: str
) -> list[PromptVersion]:
    """Write a file of prompts and read it."""
    path = folder / "prompts.jsonl"
    path.write_text("\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines))
    return prompts_file(path, PromptFileSettings(workspace="shop", name=name, mapping=mapping))


def test_a_text_is_kept_to_the_byte(tmp_path: Path):
    """Braces, fences, CRLF and signs beyond ASCII survive; variables are found."""
    text = 'Reply as {"x": 1}.\r\n```\n{input} of {{ team }}\n``` é😀'

    [version] = read(tmp_path, {"name": "triage", "label": "v1", "text": text})

    assert (version.prompt, version.workspace, version.labels) == ("triage", "shop", ("v1",))
    assert (version.text, version.version) == (text, content_hash(text))
    assert version.variables == ("input", "team")


def test_a_prompt_is_named_by_columns(tmp_path: Path):
    """A name with braces takes the values of columns; other names of the fields are known."""
    line = {"prompt_id": "dates/cot", "task": "dates", "version": "cot", "template": "Q: {input}"}

    [version] = read(tmp_path, line, name="bbh/{task}")

    assert (version.prompt, version.labels, version.text) == ("bbh/dates", ("cot",), "Q: {input}")


def test_columns_can_be_mapped(tmp_path: Path):
    """A mapping names the columns of name, label and text."""
    line = {"task": "dates", "rev": "r7", "body": [{"role": "user", "content": "Q: {q}"}]}

    [version] = read(tmp_path, line, task="name", rev="label", body="text")

    assert (version.prompt, version.labels, version.variables) == ("dates", ("r7",), ("q",))
    assert json.loads(version.text or "") == line["body"]


def test_one_text_with_two_labels_is_one_version(tmp_path: Path):
    """Labels of equal texts of a prompt are joined."""
    lines = [{"name": "a", "label": label, "text": "same"} for label in ("v1", "v2", "v1")]

    assert [version.labels for version in read(tmp_path, *lines)] == [("v1", "v2")]


@pytest.mark.parametrize(
    ("line", "field", "words"),
    [
        ({"label": "v1", "text": "x"}, "name", "got null, need a text of 1 to 300 characters"),
        ({"name": "", "text": "x"}, "name", "got '', need a text"),
        ({"name": "a", "label": 3, "text": "x"}, "label", "got 3, need a text"),
        ({"name": "a", "body": "x"}, "text", "which column has it with --map COLUMN=text"),
        ({"name": "a", "text": 3}, "text", "got 3, need a text"),
        ({"name": "a", "text": "\ud800"}, "text", "half a character"),
        ({"name": "a", "label": "v0", "text": "other"}, "label", "'v0' names another text of 'a' already"),
        ("{", None, "is not JSON"),
        ("[]", None, "need a JSON object"),
    ],
)
def test_a_line_that_is_no_prompt_is_named(
    line: dict[str, Any] | str, field: str | None, words: str, tmp_path: Path
):
    """One wrong line refuses the file, with its position, before anything is given."""
    with pytest.raises(RejectedLine, match=words) as caught:
        read(tmp_path, {"name": "a", "label": "v0", "text": "first"}, "", line)

    assert (caught.value.position, caught.value.field) == (3, field)


def test_a_name_needs_its_columns(tmp_path: Path):
    """A line without the column of the name is refused."""
    with pytest.raises(RejectedLine, match="column 'task' is null"):
        read(tmp_path, {"text": "x"}, name="bbh/{task}")


def test_files_and_mappings_without_prompts_are_refused(tmp_path: Path):
    """An empty file, a missing one and a field that does not exist are told apart."""
    with pytest.raises(InputError, match="holds no prompt"):
        read(tmp_path, "")
    with pytest.raises(MappingError, match=r"names \['body'\]; a line of prompts gives name, label, text"):
        read(tmp_path, "", text="body")
    with pytest.raises(InputError, match="No such file"):
        prompts_file(tmp_path / "absent.jsonl", PromptFileSettings())
