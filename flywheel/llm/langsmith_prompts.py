"""A version that became live as a commit of LangSmith's prompt hub, with the tag `live` on it."""

from __future__ import annotations

import hashlib
import re
from typing import Any, Final

from flywheel.errors import ServiceRefused
from flywheel.learn.templates import f_string, messages_of
from flywheel.llm.langsmith_outbox import Outbox
from flywheel.records.prompt import PromptVersion

TAG: Final = "live"
_NOT_FOUND: Final = 404
_PAGE: Final = 100
_COMMITS: Final = 1_000
"""Commits that are looked at for an earlier one of the same text."""

_DESCRIPTION_CHARACTERS: Final = 1_000


def push_live(outbox: Outbox, version: PromptVersion, why: str) -> None:
    """Move the tag to the commit of a text; one that has none yet is committed first.

    Raises:
        ServiceError: LangSmith did not take it.
    """
    repo = handle(version.workspace, version.prompt)
    commit = _committed(outbox, repo, version, why)
    tags = f"/api/v1/repos/-/{repo}/tags"
    try:
        outbox.ask("PATCH", f"{tags}/{TAG}", {"commit_id": commit["id"]})
    except ServiceRefused as refused:
        if refused.status != _NOT_FOUND:
            raise
        outbox.ask("POST", tags, {"tag_name": TAG, "commit_id": commit["id"]})


def _committed(outbox: Outbox, repo: str, version: PromptVersion, why: str) -> dict[str, Any]:
    """The commit of a text, made where there is none; once more where somebody else committed meanwhile."""
    path = f"{outbox.access.prefix}/commits/-/{repo}"
    body = {
        "manifest": manifest(version.text or ""),
        "description": f"{version.short}: {why}"[:_DESCRIPTION_CHARACTERS],
    }
    newest: dict[str, Any] = {}
    for _ in range(2):
        there = _commits(outbox, path)
        if there is None:
            about = {"repo_handle": repo, "is_public": False, "description": version.prompt}
            outbox.made("/api/v1/repos", about)
            there = []
        same = next((one for one in there if _is_same(one, body)), None)
        if same is not None:
            return same
        newest = there[0] if there else {}
        parent = {"parent_commit": newest["commit_hash"]} if newest else {}
        made = outbox.made(path, {**body, **parent})
        if made is not None:
            return dict(made["commit"])
    return newest


def _commits(outbox: Outbox, path: str) -> list[dict[str, Any]] | None:
    """Commits of a prompt, newest first, as many as are looked at; None where there is no such prompt."""
    found: list[dict[str, Any]] = []
    for offset in range(0, _COMMITS, _PAGE):
        try:
            page = outbox.ask("GET", f"{path}/", query={"limit": _PAGE, "offset": offset})
        except ServiceRefused as refused:
            if refused.status != _NOT_FOUND:
                raise
            return None
        commits = page.get("commits") or []
        found += commits
        if len(commits) < _PAGE:
            break
    return found


def _is_same(commit: dict[str, Any], body: dict[str, Any]) -> bool:
    """Whether a commit is of the same text: by its content, else by the version in its description."""
    digest = body["description"].partition(":")[0]
    return commit.get("manifest") == body["manifest"] or str(commit.get("description")).startswith(
        f"{digest}:"
    )


def manifest(text: str) -> Any:  # noqa: ANN401 (JSON has no name of its own in typing)
    """A version as the hub keeps it: a chat prompt of LangChain.

    Examples:
        >>> message = manifest("Sort {question}")["kwargs"]["messages"][0]
        >>> message["kwargs"]["prompt"]["kwargs"]["template"]
        'Sort {question}'
    """
    # Half a second of import, paid by those who have LangSmith alone.
    from langchain_core.load import dumpd
    from langchain_core.prompts import ChatPromptTemplate

    return dumpd(ChatPromptTemplate.from_messages([(m.role, f_string(m.content)) for m in messages_of(text)]))


def handle(workspace: str, prompt: str) -> str:
    """A name that the hub takes; one that had to be changed carries a hash, so that it stays unique.

    Examples:
        >>> handle("default", "triage"), handle("default", "Bank/Q 1")[:8]
        ('triage', 'bank-q-1')
    """
    whole = prompt if workspace == "default" else f"{workspace}-{prompt}"
    plain = re.sub(r"[^a-z0-9_-]+", "-", whole.lower()).strip("-")[:80]
    if plain == whole:
        return plain
    digest = hashlib.blake2b(f"{workspace}\0{prompt}".encode(), digest_size=4).hexdigest()
    return f"{plain or 'prompt'}-{digest}"
