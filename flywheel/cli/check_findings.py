"""What is looked at before a deployment: one finding for each thing that can be wrong."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata
from typing import TYPE_CHECKING, Literal

from flywheel.errors import FlywheelError
from flywheel.learn.counting import count_of

if TYPE_CHECKING:
    from flywheel.cli.doors import Door

ANSWER_S = 5.0
"""How long a service may take to say that it is well."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        area: environment, file, store, prompt or service.
        what: which one.
        state: `wrong` keeps a deployment back, `warning` does not.
        said: what was found, with what to do.
    """

    area: str
    what: str
    state: Literal["ok", "warning", "wrong"]
    said: str


def findings(door: Door, urls: Sequence[str]) -> Iterator[Finding]:
    """Everything that is looked at, in the order a deployment needs it.

    Args:
        door: store with workspace.
        urls: health endpoints of services; each must answer with a status below 300.
    """
    environ = os.environ
    yield packages()
    yield from files(environ)
    yield from keys(environ)
    yield from stored(door)
    prefect = environ.get("PREFECT_API_URL")
    for url in (*urls, *([f"{prefect.rstrip('/')}/health"] if prefect else [])):
        yield service(url)


def packages() -> Finding:
    """Whether what is installed is what this version was made for.

    Examples:
        >>> packages().state
        'ok'
    """
    from packaging.requirements import Requirement

    wrong, looked_at = [], 0
    for line in metadata.requires("flywheel") or ():
        need = Requirement(line)
        if need.marker is not None and not need.marker.evaluate({"extra": ""}):
            continue
        looked_at += 1
        try:
            have = metadata.version(need.name)
        except metadata.PackageNotFoundError:
            wrong.append(f"{need.name} is missing")
            continue
        if not need.specifier.contains(have, prereleases=True):
            wrong.append(f"{need.name} is {have}, need {need.specifier}")
    if wrong:
        return Finding("environment", "packages", "wrong", f"{', '.join(wrong)}. Install flywheel again.")
    return Finding("environment", "packages", "ok", f"{looked_at} as needed")


def files(environ: Mapping[str, str]) -> Iterator[Finding]:
    """Whether the files of models, alerts and strategies can be read, where there are any."""
    from flywheel.cli.strategies import own_strategies
    from flywheel.llm.providers import config_file, read_config
    from flywheel.watch.alerts_file import read_alerts

    def models() -> str:
        config = read_config(environ)
        own = f"{len(config.own_models)} of your own" if config_file(environ) else "the shipped ones"
        return f"{count_of(len(config.models), 'model')}, {own}"

    def alerts() -> str:
        return count_of(len(read_alerts(environ).channels), "channel")

    def strategies() -> str:
        return f"{len(own_strategies(environ))} of your own"

    for name, read in (("models", models), ("alerts", alerts), ("strategies", strategies)):
        yield _tried("file", name, read)


def keys(environ: Mapping[str, str]) -> Iterator[Finding]:
    """Whether what was switched on has its keys."""
    from flywheel.llm.providers import read_config

    try:
        config = read_config(environ)
    except FlywheelError:
        # Told as a finding of its own.
        return
    for name in config.own_models:
        variable = config.providers[config.models[name].provider].api_key_env
        if variable and not environ.get(variable):
            said = f"{variable} is not set, so the model cannot be asked"
            yield Finding("environment", f"key of {name}", "wrong", said)
    if environ.get("LANGSMITH_TRACING", "").lower() == "true" and not environ.get("LANGSMITH_API_KEY"):
        said = "LANGSMITH_TRACING is true without LANGSMITH_API_KEY: nothing is told, all else goes on"
        yield Finding("environment", "LangSmith", "warning", said)


def stored(door: Door) -> Iterator[Finding]:
    """Whether the store answers at the right revision, and what is live in it is whole."""
    from flywheel.cli.doors import shown_address
    from flywheel.records.alert import Severity
    from flywheel.records.prompt import application_prompts

    def opened() -> str:
        known = store.prompts.names(workspace)
        return f"{shown_address(door.settings.database_url)}, {count_of(len(known), 'prompt')}"

    try:
        store, workspace = door.store, door.workspace
        yield Finding("store", "store", "ok", opened())
    except FlywheelError as error:
        yield Finding("store", "store", "wrong", str(error))
        return
    for name in application_prompts(store.prompts.names(workspace)):
        yield live_prompt(door, name)
    grave = [a for a in store.alerts.open(workspace) if a.severity.rank >= Severity.HIGH.rank]
    for alert in grave:
        state: Literal["warning", "wrong"] = "wrong" if alert.severity is Severity.CRITICAL else "warning"
        yield Finding(
            "store", f"alert {alert.subject}", state, f"{alert.severity.value}, open: {alert.message}"
        )


def live_prompt(door: Door, name: str) -> Finding:
    """Whether the text that is live is there, to the byte."""
    from pydantic import ValidationError

    live = door.store.releases.live(door.workspace, name)
    if live is None:
        return Finding("prompt", name, "warning", "nothing is live: get_prompt has no text to give")
    try:
        kept = door.store.prompts.get(door.workspace, name, live.version)
    except ValidationError:
        # The record of a version refuses a text that its hash does not belong to.
        said = f"the text of {live.version[:12]} is another than when it was released; roll back"
        return Finding("prompt", name, "wrong", said)
    if kept is None or kept.text is None:
        said = f"version {live.version[:12]} is live and its text is not stored; roll back, or add it"
        return Finding("prompt", name, "wrong", said)
    variables = ", ".join(kept.variables) or "none"
    return Finding("prompt", name, "ok", f"{live.version[:12]} is live, variables: {variables}")


def service(url: str) -> Finding:
    """Whether a service says that it is well."""
    import httpx2

    try:
        reply = httpx2.get(url, timeout=ANSWER_S)
    except (httpx2.HTTPError, httpx2.InvalidURL) as error:
        return Finding("service", url, "wrong", f"does not answer: {error or type(error).__name__}")
    if not reply.is_success:
        return Finding("service", url, "wrong", f"answers with status {reply.status_code}")
    return Finding("service", url, "ok", f"answers in {1000 * reply.elapsed.total_seconds():.0f} ms")


def _tried(area: str, what: str, read: Callable[[], str]) -> Finding:
    try:
        return Finding(area, what, "ok", read())
    except FlywheelError as error:
        return Finding(area, what, "wrong", str(error))
