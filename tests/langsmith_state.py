"""What a LangSmith on the loopback keeps: runs, feedback, projects, suites of examples, prompts."""

from __future__ import annotations

import hashlib
import json
import re
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

Answer = tuple[int, Any]
TENANT = "00000000-0000-4000-8000-000000000001"
TRANSIENT = ("feedback", "parent_run_ids")


class NotThere(LookupError):
    """No such object."""


class Refused(ValueError):
    """A request that is against the published description."""

    def __init__(self, message: str, status: int = 422) -> None:
        super().__init__(message)
        self.status = status


def stamp(moment: datetime | None = None) -> str:
    """A time as the server writes it."""
    return (moment or datetime.now(UTC)).astimezone(UTC).replace(tzinfo=None).isoformat()


def parsed(text: str) -> datetime:
    """A time as the server reads it: without an offset it is UTC."""
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


class State:
    """Everything the server keeps, with one method for each kind of request."""

    def __init__(self) -> None:
        self.runs: dict[str, dict[str, Any]] = {}
        self.feedback: list[dict[str, Any]] = []
        self.projects: dict[str, dict[str, Any]] = {}
        self.suites: dict[str, dict[str, Any]] = {}
        self.examples: dict[str, dict[str, Any]] = {}
        self.repos: dict[str, dict[str, Any]] = {}
        self.now: Callable[[], datetime] = lambda: datetime.now(UTC)

    def answer(self, method: str, path: str, body: Any, query: dict[str, list[str]]) -> Answer:
        """Status with body for a request."""
        for pattern, handler in ROUTES.items():
            wanted, _, shape = pattern.partition(" ")
            found = re.fullmatch(shape, path) if wanted == method else None
            if found is not None:
                return handler(self, body, query, *found.groups())
        raise NotThere(f"{method} {path}")

    # What tests put in directly.

    def project(self, name: str) -> str:
        """Id of a project, made when there is none."""
        for one in self.projects.values():
            if one["name"] == name:
                return str(one["id"])
        return str(self._made_project({"name": name})["id"])

    def add_run(self, project: str, **fields: Any) -> str:
        """A finished root run."""
        own = fields.pop("id", None) or str(uuid.uuid4())
        start = fields.pop("start", self.now())
        took = fields.pop("seconds", 1.5)
        run = {
            "id": own,
            "name": "triage",
            "run_type": "chain",
            "trace_id": own,
            "dotted_order": f"{start:%Y%m%dT%H%M%S%f}Z{own}",
            "session_id": self.project(project),
            "start_time": stamp(start),
            "end_time": None if took is None else stamp(start + timedelta(seconds=took)),
            "status": "pending" if took is None else "success",
            "inputs": {"question": "Where is my invoice?"},
            "outputs": {"output": "billing"},
            "extra": {"metadata": {"flywheel.version": "v1"}},
            **fields,
        }
        self.runs[own] = run
        return own

    def judge(self, run_id: str, key: str, score: float | None, **more: Any) -> None:
        """Feedback on a run, created now."""
        self._keep_feedback({"run_id": run_id, "key": key, "score": score, **more})

    # Tracing.

    def multipart(self, parts: list[tuple[str, Any]], _query: Any) -> Answer:
        """Runs and feedback as the SDK sends them in the background; a run that is there is a conflict."""
        again = [name for name, _ in parts if name.removeprefix("post.") in self.runs]
        for name, value in parts:
            kind, own, *field = name.split(".")
            if kind == "feedback":
                if "trace_id" not in value:
                    raise Refused("feedback: trace_id is required")
                self._keep_feedback({**value, "id": own})
            elif kind in ("post", "patch") and f"post.{own}" not in again:
                run = self.runs.setdefault(own, {"id": own, "status": "pending", "parent_run_id": None})
                run |= {field[0]: value} if field else {k: v for k, v in value.items() if v is not None}
        for own in {name.split(".")[1] for name, _ in parts} & self.runs.keys():
            self._settle(self.runs[own])
        if again:
            raise Refused(f"payloads already received: {again}", 409)
        return 202, {}

    def _settle(self, run: dict[str, Any]) -> None:
        run["session_id"] = run.get("session_id") or self.project(run.get("session_name") or "default")
        for key in ("start_time", "end_time"):
            run[key] = stamp(parsed(run[key])) if run.get(key) else None
        run["status"] = "error" if run.get("error") else "success" if run.get("end_time") else "pending"
        run.setdefault("trace_id", run["id"])
        usage = ((run.get("extra") or {}).get("metadata") or {}).get("usage_metadata") or {}
        run["prompt_tokens"] = usage.get("input_tokens", run.get("prompt_tokens"))
        run["total_cost"] = usage.get("total_cost", run.get("total_cost"))
        run["completion_tokens"] = usage.get("output_tokens", run.get("completion_tokens"))

    # Reading.

    def query_v1(self, body: dict[str, Any], _query: Any) -> Answer:
        """One page of runs, newest first."""
        limit = body.get("limit", 100)
        if not 1 <= limit <= 100:
            raise Refused("limit must be between 1 and 100", 400)
        found = [run for run in self.runs.values() if _is_wanted_v1(run, body)]
        page, cursor = _paged(found, limit, body.get("cursor"))
        return 200, {"runs": [self.seen_v1(run) for run in page], "cursors": {"next": cursor}}

    def query_v2(self, body: dict[str, Any], _query: Any) -> Answer:
        """One page of runs with the selected fields."""
        size = body.get("page_size", 100)
        if not 1 <= size <= 1000 or not body.get("project_ids"):
            raise Refused("page_size must be 1 to 1000, project_ids must be given", 400)
        since = parsed(body["min_start_time"]) if "min_start_time" in body else self.now() - timedelta(days=1)
        until = parsed(body["max_start_time"]) if "max_start_time" in body else self.now()
        found = [
            run
            for run in self.runs.values()
            if run["session_id"] in body["project_ids"]
            and since <= parsed(run["start_time"]) <= until
            and ("ids" not in body or run["id"] in body["ids"])
            and ("is_root" not in body or body["is_root"] == (not run.get("parent_run_id")))
        ]
        page, cursor = _paged(found, size, body.get("cursor"))
        selected = {name.lower() for name in body.get("selects", ["ID"])}
        items = [{k: v for k, v in self.seen_v2(run).items() if k in selected} for run in page]
        return 200, {"items": items, "has_more": cursor is not None, "next_cursor": cursor}

    def seen_v1(self, run: dict[str, Any]) -> dict[str, Any]:
        """A run as the old API gives it."""
        return {**run, "feedback_stats": self._stats(run["id"]) or None, "app_path": f"/o/x/r/{run['id']}"}

    def seen_v2(self, run: dict[str, Any]) -> dict[str, Any]:
        """A run as the new API gives it: other names, upper case."""
        extra = run.get("extra") or {}
        parent = run.get("parent_run_id")
        return {
            **run,
            "run_type": run["run_type"].upper(),
            "status": run["status"].upper(),
            "project_id": run["session_id"],
            "metadata": extra.get("metadata") or {},
            "parent_run_ids": [parent] if parent else [],
            "is_root": parent is None,
            "start_time": run["start_time"] + "Z",
            "end_time": run["end_time"] and run["end_time"] + "Z",
            "feedback_stats": self._stats(run["id"]),
        }

    def _stats(self, run_id: str) -> dict[str, Any]:
        stats: dict[str, Any] = {}
        for one in (one for one in self.feedback if one.get("run_id") == run_id):
            mine = stats.setdefault(one["key"], {"n": 0, "sum": 0.0, "values": {}, "comments": []})
            mine["n"] += 1
            if one.get("score") is not None:
                mine["sum"] += float(one["score"])
                mine["avg"] = mine["sum"] / mine["n"]
            elif one.get("value") is not None:
                mine["values"][str(one["value"])] = mine["values"].get(str(one["value"]), 0) + 1
            mine["comments"] += [one["comment"]] if one.get("comment") else []
        return {key: {k: v for k, v in mine.items() if k != "sum"} for key, mine in stats.items()}

    # Feedback.

    def add_feedback(self, body: dict[str, Any], _query: Any) -> Answer:
        """One point, as `POST /feedback` takes it."""
        if "key" not in body:
            raise Refused("key: field required")
        if body.get("session_id") and body["session_id"] not in self.projects:
            raise NotThere(body["session_id"])
        return 200, self._keep_feedback(body)

    def list_feedback(self, _body: Any, query: dict[str, list[str]]) -> Answer:
        """Points of runs or of a project, oldest first."""
        limit, offset = int(query.get("limit", ["100"])[0]), int(query.get("offset", ["0"])[0])
        if not 1 <= limit <= 100:
            raise Refused("limit must be between 1 and 100", 400)
        since = query.get("min_created_at")
        found = [
            one
            for one in self.feedback
            if ("run" not in query or one.get("run_id") in query["run"])
            and ("session" not in query or one["session_id"] in query["session"])
            and (since is None or parsed(one["created_at"]) >= parsed(since[0].replace(" ", "+")))
        ]
        return 200, found[offset : offset + limit]

    def _keep_feedback(self, body: dict[str, Any]) -> dict[str, Any]:
        run = self.runs.get(str(body.get("run_id")), {})
        one = {
            "id": str(uuid.uuid4()),
            "created_at": stamp(self.now()),
            "modified_at": stamp(self.now()),
            "score": None,
            "value": None,
            "comment": None,
            "correction": None,
            **body,
        }
        one["session_id"] = one.get("session_id") or run.get("session_id")
        one["trace_id"] = one.get("trace_id") or run.get("trace_id")
        self.feedback.append(one)
        return one

    # Projects.

    def list_projects(self, _body: Any, query: dict[str, list[str]]) -> Answer:
        """Projects of a name."""
        names = query.get("name")
        return 200, [one for one in self.projects.values() if names is None or one["name"] in names]

    def add_project(self, body: dict[str, Any], query: dict[str, list[str]]) -> Answer:
        """A project with the id of the client; an equal one where the client says so."""
        if query.get("upsert") == ["true"] and body.get("id") in self.projects:
            return 200, self.projects[body["id"]]
        if any(one["name"] == body["name"] for one in self.projects.values()):
            raise Refused("Session already exists.", 409)
        return 200, self._made_project(body)

    def one_project(self, _body: Any, _query: Any, own: str) -> Answer:
        """A project by its id."""
        if own not in self.projects:
            raise NotThere(own)
        return 200, self.projects[own]

    def change_project(self, body: dict[str, Any], _query: Any, own: str) -> Answer:
        """What an experiment says of itself when it ends."""
        self.projects[own] |= {key: value for key, value in body.items() if value is not None}
        return 200, self.projects[own]

    def _made_project(self, body: dict[str, Any]) -> dict[str, Any]:
        own = str(body.get("id") or uuid.uuid4())
        made = {"start_time": stamp(), "tenant_id": TENANT, "reference_dataset_id": None, **body, "id": own}
        self.projects[own] = made
        return made


def _is_wanted_v1(run: dict[str, Any], body: dict[str, Any]) -> bool:
    start = parsed(run["start_time"])
    return (
        (not body.get("session") or run["session_id"] in body["session"])
        and (not body.get("id") or run["id"] in body["id"])
        and (body.get("is_root") is None or body["is_root"] == (not run.get("parent_run_id")))
        and (not body.get("start_time") or start >= parsed(body["start_time"]))
    )


def _paged(runs: list[dict[str, Any]], size: int, cursor: str | None) -> tuple[list[Any], str | None]:
    """A page behind the last id of the one before, newest first; the next cursor, if there is more."""
    ordered = sorted(runs, key=lambda run: (run["start_time"], run["id"]), reverse=True)
    if cursor is not None:
        last = json.loads(cursor)
        ordered = [run for run in ordered if [run["start_time"], run["id"]] < last]
    page = ordered[:size]
    more = len(ordered) > size
    return page, json.dumps([page[-1]["start_time"], page[-1]["id"]]) if more else None


def commit_hash(manifest: Any) -> str:
    """The hash of a commit."""
    return hashlib.sha256(json.dumps(manifest, sort_keys=True).encode()).hexdigest()


def _info(_state: State, _body: Any, _query: Any) -> Answer:
    limits = {
        "use_multipart_endpoint": True,
        "size_limit": 100,
        "size_limit_bytes": 20_971_520,
        "scale_up_qsize_trigger": 1000,
        "scale_up_nthreads_limit": 16,
        "scale_down_nempty_trigger": 4,
    }
    return 200, {"version": "0.18.2", "batch_ingest_config": limits, "instance_flags": {}}


ROUTES: dict[str, Callable[..., Answer]] = {
    "GET /info": _info,
    "POST /runs/multipart": State.multipart,
    "POST /runs/query": State.query_v1,
    "POST /api/v2/runs/query": State.query_v2,
    "POST /feedback": State.add_feedback,
    "GET /feedback": State.list_feedback,
    "GET /sessions": State.list_projects,
    "POST /sessions": State.add_project,
    "GET /sessions/([^/]+)": State.one_project,
    "PATCH /sessions/([^/]+)": State.change_project,
}
