"""Suites, experiments, prompts of the LangSmith on the loopback."""

from __future__ import annotations

import uuid
from typing import Any

from langsmith_state import ROUTES, TENANT, Answer, NotThere, Refused, State, commit_hash, stamp


def _upload(state: State, body: dict[str, Any], _query: Any) -> Answer:
    """An experiment that has already been run, as the published description has it."""
    needed = {"experiment_name", "results", "experiment_start_time", "experiment_end_time"}
    known = {"experiment_description", "dataset_name", "dataset_id", "experiment_metadata"} | needed
    if not needed <= body.keys() <= known:
        raise Refused(f"keys {sorted(body)}")
    name = body["dataset_name"]
    suite = state.suites.setdefault(name, {"id": str(uuid.uuid4()), "name": name, "tenant_id": TENANT})
    project = state.project(body["experiment_name"])
    state.projects[project] |= {"reference_dataset_id": suite["id"], "extra": body["experiment_metadata"]}
    for row in body["results"]:
        if not {"inputs", "start_time", "end_time"} <= row.keys():
            raise Refused(f"row {sorted(row)}")
        state.examples[row["row_id"]] = {"dataset_id": suite["id"], "inputs": row["inputs"]}
        run = state.add_run(
            body["experiment_name"],
            name=row["run_name"],
            inputs=row["inputs"],
            outputs=row["actual_outputs"],
            error=row["error"],
            reference_example_id=row["row_id"],
            extra={"metadata": row["run_metadata"]},
        )
        for score in row["evaluation_scores"]:
            state.judge(run, **{"score": None, **score})
    return 200, {"dataset": suite, "experiment": state.projects[project]}


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
    return 200, {"commits": every[::-1][: int(query["limit"][0])], "total": len(every)}


def _commit(state: State, body: dict[str, Any], _query: Any, name: str) -> Answer:
    every = _repo(state, name)["commits"]
    parent = every[-1]["commit_hash"] if every else None
    hashed = commit_hash(body["manifest"])
    if body.get("parent_commit") != parent or hashed == parent:
        raise Refused("Nothing to commit, or another parent", 409)
    made = {"id": str(uuid.uuid4()), "commit_hash": hashed, "created_at": stamp(), **body}
    every.append(made)
    return 201, {"commit": made}


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
    "POST /datasets/upload-experiment": _upload,
    "POST /repos": _add_repo,
    "GET /commits/-/([^/]+)/": _commits,
    "POST /commits/-/([^/]+)": _commit,
    "POST /repos/-/([^/]+)/tags": _add_tag,
    "PATCH /repos/-/([^/]+)/tags/([^/]+)": _move_tag,
}
