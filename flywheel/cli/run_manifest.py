"""Manifests on their way from TOML, JSON or YAML into a job."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Collection
from pathlib import Path
from typing import Any

import yaml

from flywheel.cli.names import known_prompt, known_version
from flywheel.cli.suite_files import id_of, read_cases, read_options
from flywheel.cli.text_files import read_utf8
from flywheel.errors import InputError
from flywheel.ports import Store
from flywheel.records.case import Case
from flywheel.records.manifest import Manifest
from flywheel.records.prompt import PromptVersion

SUFFIXES = (".toml", ".json", ".yaml", ".yml")

LONGEST = 10_000_000
"""Bytes of a manifest; larger sets of cases go into a JSONL file of their own."""


def is_manifest(target: str) -> bool:
    """Whether the target of a run is a file, not the name of a suite.

    Examples:
        >>> is_manifest("nightly.toml"), is_manifest("triage")
        (True, False)
    """
    return Path(target).suffix.lower() in SUFFIXES


def read_manifest(path: Path, workspace: str) -> tuple[Manifest, tuple[Case, ...]]:
    """A manifest with its cases; paths inside are relative to its folder.

    Args:
        path: TOML, JSON or YAML, by its suffix.
        workspace: of the cases.

    Returns:
        The manifest, and the cases it holds or names; none when it runs a suite that is kept.

    Raises:
        InputError: the file is something else.
        ValidationError: a field is something else.
    """
    data = _parsed(path)
    folder = path.parent
    data.setdefault("suite", path.stem)
    cases = data.get("cases")
    listed = read_cases(folder / cases, data["suite"], workspace, {}) if isinstance(cases, str) else ()
    if isinstance(cases, str):
        del data["cases"]
    if isinstance(data.get("options"), str):
        data["options"] = read_options(folder / data["options"])
    scorer = data.get("scorer")
    if isinstance(scorer, dict):
        data["parameters"] = {key: value for key, value in scorer.items() if key != "name"}
        data["scorer"] = scorer.get("name")
    data["prompts"] = [_prompt(one, folder) for one in _listed(data.pop("prompt", data.get("prompts", [])))]
    data["models"] = _listed(data.pop("model", data.get("models", [])))
    manifest = Manifest.model_validate(data)
    return manifest, listed or tuple(_cases(manifest, workspace))


def prompt_of(reference: str, known: Collection[str] = ()) -> dict[str, str]:
    """`NAME` or `NAME@VERSION` as the fields of a prompt.

    Args:
        reference: as it was typed.
        known: names of prompts; one that holds an `@` itself is a name as it stands.

    Examples:
        >>> prompt_of("triage@v2"), prompt_of("triage")
        ({'name': 'triage', 'version': 'v2'}, {'name': 'triage'})
        >>> prompt_of("ops@home", ["ops@home"])
        {'name': 'ops@home'}
    """
    if reference in known:
        return {"name": reference}
    name, sign, version = reference.rpartition("@")
    return {"name": name, "version": version} if sign and name and version else {"name": reference}


def named_version(store: Store, workspace: str, reference: str) -> PromptVersion:
    """The version that `NAME` (the live one) or `NAME@VERSION` means.

    Raises:
        UnknownName: there is no such prompt or version.
    """
    wanted = prompt_of(reference, store.prompts.names(workspace))
    name = known_prompt(store, workspace, wanted["name"])
    return known_version(store, workspace, name, wanted.get("version", "live"))


def _cases(manifest: Manifest, workspace: str) -> list[Case]:
    found: dict[str, Case] = {}
    for one in manifest.cases:
        fields = {**one.model_dump(), "case_id": one.case_id or id_of(one.inputs)}
        case = Case(suite=manifest.suite, workspace=workspace, **fields)
        if case.case_id in found:
            raise InputError(f"Case {case.case_id!r} comes twice in the manifest. Nothing was run. Keep one.")
        found[case.case_id] = case
    return list(found.values())


def _prompt(one: Any, folder: Path) -> Any:  # noqa: ANN401 - whatever the file holds; the record refuses it
    if isinstance(one, str):
        return prompt_of(one)
    if isinstance(one, dict) and isinstance(one.get("file"), str):
        rest = {key: value for key, value in one.items() if key != "file"}
        return {**rest, "text": read_utf8(folder / one["file"])}
    return one


def _listed(value: Any) -> list[Any]:  # noqa: ANN401 - as above
    return value if isinstance(value, list) else [value]


def _parsed(path: Path) -> dict[str, Any]:
    if path.stat().st_size > LONGEST:
        raise InputError(
            f"{str(path)!r} has {path.stat().st_size:,} bytes; need at most {LONGEST:,}. Nothing was run. "
            'Put the cases into a JSONL file and name it: cases = "cases.jsonl".'
        )
    text = read_utf8(path)
    try:
        if path.suffix.lower() == ".toml":
            data = tomllib.loads(text)
        else:
            data = json.loads(text) if path.suffix.lower() == ".json" else _yaml(text)
    except (ValueError, RecursionError, yaml.YAMLError) as error:
        said = " ".join(str(error).split())[:300]
        raise InputError(f"{str(path)!r} cannot be read: {said}. Nothing was run. Correct it.") from error
    if not isinstance(data, dict):
        raise InputError(f"{str(path)!r} holds no table of fields. Nothing was run. See docs/running.md.")
    return data


class _PlainLoader(yaml.SafeLoader):
    """YAML in which only true and false are truth values, and dates stay texts."""


_PlainLoader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if not tag.endswith((":bool", ":timestamp"))]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_PlainLoader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile("^(?:true|false)$"), list("tf"))


def _yaml(text: str) -> Any:  # noqa: ANN401 - as above
    # An alias can make a small file huge, and no manifest needs one.
    if any(isinstance(token, yaml.AliasToken) for token in yaml.scan(text)):
        msg = "aliases (*name) are not read here; write the value out"
        raise ValueError(msg)
    return yaml.load(text, Loader=_PlainLoader)  # noqa: S506 - it is a SafeLoader
