"""A version that became live as a commit of LangSmith's prompt hub, with the tag `live` on it."""

from __future__ import annotations

import hashlib
import re
from typing import Any, Final

from flywheel.errors import ServiceRefused
from flywheel.learn.templates import f_string, messages_of
from flywheel.llm.langsmith_api import LangSmithApi
from flywheel.records.prompt import PromptVersion

TAG: Final = "live"
_NOT_FOUND: Final = 404
_CONFLICT: Final = 409
_DESCRIPTION_CHARACTERS: Final = 1_000


def push_live(api: LangSmithApi, version: PromptVersion, why: str) -> None:
    """Commit a text unless it is the newest commit already, then move the tag to it.

    Raises:
        ServiceError: LangSmith did not take it.
    """
    repo = handle(version.workspace, version.prompt)
    _made(api, "/api/v1/repos", {"repo_handle": repo, "is_public": False, "description": version.prompt})
    commits = f"{api.access.prefix}/commits/-/{repo}"
    found = api.ask("GET", f"{commits}/", query={"limit": 1, "offset": 0}).get("commits") or [{}]
    newest: dict[str, Any] = found[0]
    body = {"manifest": manifest(version.text or ""), "description": why[:_DESCRIPTION_CHARACTERS]}
    if newest:
        body["parent_commit"] = newest["commit_hash"]
    made = _made(api, commits, body)
    commit = made["commit"] if made is not None else newest
    tags = f"/api/v1/repos/-/{repo}/tags"
    try:
        api.ask("PATCH", f"{tags}/{TAG}", {"commit_id": commit["id"]})
    except ServiceRefused as refused:
        if refused.status != _NOT_FOUND:
            raise
        api.ask("POST", tags, {"tag_name": TAG, "commit_id": commit["id"]})


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


def _made(api: LangSmithApi, path: str, body: dict[str, Any]) -> Any:  # noqa: ANN401 (as above)
    """The answer to a new object; None where there is an equal one."""
    try:
        return api.ask("POST", path, body)
    except ServiceRefused as refused:
        if refused.status != _CONFLICT:
            raise
        return None
