"""Suites, experiments, prompts of the LangSmith on the loopback."""

from __future__ import annotations

import uuid
from typing import Any

from langsmith_state import ROUTES, TENANT, Answer, NotThere, Refused, State, commit_hash, stamp


def _add_suite(state: State, body: dict[str, Any], _query: Any) -> Answer:
    if any(one["name"] == body["name"] for one in state.suites.values()):
        raise Refused("Dataset with this name already exists.", 409)
    made = {"id": str(uuid.uuid4()), "tenant_id": TENANT, "created_at": stamp(), "example_count": 0, **body}
    state.suites[made["id"]] = made
    return 200, made


def _suites(state: State, _body: Any, query: dict[str, list[str]]) -> Answer:
    wanted = query.get("name")
    return 200, [one for one in state.suites.values() if wanted is None or one["name"] in wanted]


def _add_examples(state: State, body: list[dict[str, Any]], _query: Any) -> Answer:
    taken = [one["id"] for one in body if one["id"] in state.examples]
    if taken or not all({"id", "dataset_id", "inputs"} <= one.keys() for one in body):
        raise Refused(f"there already, or a field is missing: {taken}", 409 if taken else 422)
    for one in body:
        if one["dataset_id"] not in state.suites:
            raise NotThere(one["dataset_id"])
        state.examples[one["id"]] = {"created_at": stamp(), "modified_at": stamp(), **one}
    return 200, [state.examples[one["id"]] for one in body]


def _examples(state: State, _body: Any, query: dict[str, list[str]]) -> Answer:
    limit, offset = int(query.get("limit", ["100"])[0]), int(query.get("offset", ["0"])[0])
    if not 1 <= limit <= 100:
        raise Refused("limit must be between 1 and 100", 400)
    found = [
        one
        for one in state.examples.values()
        if ("dataset" not in query or one["dataset_id"] in query["dataset"])
        and ("id" not in query or one["id"] in query["id"])
    ]
    return 200, found[offset : offset + limit]


def _add_repo(state: State, body: dict[str, Any], _query: Any) -> Answer:
    if not {"repo_handle", "is_public"} <= body.keys():
        raise Refused("repo_handle, is_public: field required")
    if body["repo_handle"] in state.repos:
        raise Refused("Repo already exists", 409)
    state.repos[body["repo_handle"]] = {**body, "commits": [], "tags": {}}
    return 200, {"repo": {"repo_handle": body["repo_handle"]}}


def _repo(state: State, name: str) -> dict[str, Any]:
    if name not in state.repos:
        raise NotThere(name)
    return state.repos[name]


def _commits(state: State, _body: Any, query: dict[str, list[str]], name: str) -> Answer:
    every = _repo(state, name)["commits"]
    start = int(query["offset"][0])
    return 200, {"commits": every[::-1][start : start + int(query["limit"][0])], "total": len(every)}


def _commit(state: State, body: dict[str, Any], _query: Any, name: str) -> Answer:
    every = _repo(state, name)["commits"]
    parent = every[-1]["commit_hash"] if every else None
    hashed = commit_hash(body["manifest"])
    if body.get("parent_commit") != parent or hashed in {one["commit_hash"] for one in every}:
        raise Refused("Nothing to commit, or another parent", 409)
    made = {"id": str(uuid.uuid4()), "commit_hash": hashed, "created_at": stamp(), **body}
    every.append(made)
    return 201, {"commit": made}


def _one_commit(state: State, _body: Any, _query: Any, name: str, wanted: str) -> Answer:
    repo = _repo(state, name)
    own = repo["tags"].get(wanted)
    for one in repo["commits"][::-1]:
        if wanted == "latest" or own == one["id"] or one["commit_hash"] == wanted:
            return 200, {"commit_hash": one["commit_hash"], "manifest": one["manifest"], "examples": []}
    raise NotThere(wanted)


def _add_tag(state: State, body: dict[str, Any], _query: Any, name: str) -> Answer:
    tags = _repo(state, name)["tags"]
    if body["tag_name"] in tags:
        raise Refused("Tag already exists", 409)
    tags[body["tag_name"]] = body["commit_id"]
    return 200, body


def _move_tag(state: State, body: dict[str, Any], _query: Any, name: str, tag: str) -> Answer:
    tags = _repo(state, name)["tags"]
    if tag not in tags:
        raise NotThere(tag)
    tags[tag] = body["commit_id"]
    return 200, {"tag_name": tag, **body}


ROUTES |= {
    "POST /datasets": _add_suite,
    "GET /datasets": _suites,
    "POST /examples/bulk": _add_examples,
    "GET /examples": _examples,
    "POST /repos": _add_repo,
    "GET /commits/-/([^/]+)/": _commits,
    "GET /commits/-/([^/]+)/([^/]+)": _one_commit,
    "POST /commits/-/([^/]+)": _commit,
    "POST /repos/-/([^/]+)/tags": _add_tag,
    "PATCH /repos/-/([^/]+)/tags/([^/]+)": _move_tag,
}
