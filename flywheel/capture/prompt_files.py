"""Versions of prompts from a file with one JSON object a line."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError

from flywheel.capture.careful import is_half
from flywheel.capture.object_lines import objects
from flywheel.capture.reasons import shown
from flywheel.errors import InputError, MappingError, RejectedLine
from flywheel.learn.templates import variables
from flywheel.records.prompt import PromptVersion, content_hash

PROMPT_FIELDS: Final = ("name", "label", "text")
"""What a line of a file of prompts gives."""

OTHER_NAMES: Final[Mapping[str, str]] = {
    "prompt": "name",
    "version": "label",
    "prompt_version": "label",
    "template": "text",
}
"""Columns that other tools use for them."""

_BRACES: Final = re.compile(r"\{([^{}]+)\}")


@dataclass(frozen=True, slots=True)
class PromptFileSettings:
    """How a file of prompts is read.

    Attributes:
        workspace: of the versions.
        name: name of every prompt, with columns in braces, as in `bbh/{task}`; None reads it from the lines.
        mapping: columns to `name`, `label` and `text`, before the names known by default.
    """

    workspace: str = "default"
    name: str | None = None
    mapping: Mapping[str, str] = field(default_factory=dict)


def prompts_file(path: Path, settings: PromptFileSettings) -> list[PromptVersion]:
    """Versions in a file, checked all before the first is given.

    A text is kept to the byte; an array of messages becomes a chat version. A
    version that comes with several labels is one version. Other columns are
    not read.

    Args:
        path: JSONL, packed with gzip or not.
        settings: how it is read.

    Raises:
        RejectedLine: a line has no name or no text, or a label names two texts of one prompt.
        MappingError: the mapping names something else than name, label and text.
        InputError: the file cannot be read, or has no prompt.
    """
    unknown = sorted(set(settings.mapping.values()) - set(PROMPT_FIELDS))
    if unknown:
        known = ", ".join(PROMPT_FIELDS)
        msg = f"--map names {unknown!r}; a line of prompts gives {known}. Nothing was stored."
        raise MappingError(msg)
    found: dict[tuple[str, str], PromptVersion] = {}
    labelled: dict[tuple[str, str], str] = {}
    for position, line in objects(path):
        version = _version(path, position, line, settings)
        key = (version.prompt, version.version)
        for label in version.labels:
            if labelled.setdefault((version.prompt, label), version.version) != version.version:
                reason = f"{label!r} names another text of {version.prompt!r} already. Nothing was stored"
                raise RejectedLine(str(path), position, "label", reason)
        earlier = found.get(key)
        labels = (*earlier.labels, *version.labels) if earlier is not None else version.labels
        found[key] = version.model_copy(update={"labels": tuple(dict.fromkeys(labels))})
    if not found:
        raise InputError(f"{str(path)!r} holds no prompt. Nothing was stored. Give one JSON object a line.")
    return list(found.values())


def _version(path: Path, position: int, line: dict[str, Any], settings: PromptFileSettings) -> PromptVersion:
    names = {**OTHER_NAMES, **settings.mapping}
    fields: dict[str, Any] = {name: line[name] for name in PROMPT_FIELDS if name in line}
    fields |= {names[column]: value for column, value in line.items() if column in names}
    text, label = fields.get("text"), fields.get("label")
    if isinstance(text, list):
        text = json.dumps(text, ensure_ascii=False)
    if isinstance(text, str) and is_half(text):
        raise RejectedLine(
            str(path), position, "text", "got half a character (a lone surrogate). Nothing was stored"
        )
    if not isinstance(text, str):
        reason = f"got {shown(text)}, need a text; say which column has it with --map COLUMN=text"
        raise RejectedLine(str(path), position, "text", reason)
    name = fields.get("name") if settings.name is None else _filled(path, position, settings.name, line)
    try:
        return PromptVersion(
            prompt=name,
            workspace=settings.workspace,
            version=content_hash(text),
            text=text,
            labels=() if label is None else (label,),
            variables=variables(text),
            origin="import",
        )
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = {"prompt": "name", "labels": "label"}.get(str(first["loc"][0]), str(first["loc"][0]))
        reason = f"got {shown(first['input'])}, need a text of 1 to 300 characters. Nothing was stored"
        raise RejectedLine(str(path), position, where, reason) from error


def _filled(path: Path, position: int, name: str, line: Mapping[str, Any]) -> str:
    for column in _BRACES.findall(name):
        value = line.get(column)
        if isinstance(value, bool) or not isinstance(value, str | int):
            reason = f"the name is {name!r}, and column {column!r} is {shown(value)}"
            raise RejectedLine(str(path), position, column, reason)
        name = name.replace(f"{{{column}}}", str(value))
    return name
