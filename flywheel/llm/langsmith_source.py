"""Runs of a project of LangSmith, page by page."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

from flywheel.errors import InputError, ServiceRefused
from flywheel.llm.langsmith_api import LangSmithApi
from flywheel.ports import RunPage

SELECTED: Final = (
    *("ID", "NAME", "RUN_TYPE", "STATUS", "START_TIME", "END_TIME", "FIRST_TOKEN_TIME", "ERROR", "EXTRA"),
    *("METADATA", "INPUTS", "OUTPUTS", "PARENT_RUN_IDS", "PROJECT_ID", "TRACE_ID", "THREAD_ID", "IS_ROOT"),
    *("REFERENCE_EXAMPLE_ID", "TOTAL_TOKENS", "PROMPT_TOKENS", "COMPLETION_TOKENS", "TOTAL_COST", "TAGS"),
    "FEEDBACK_STATS",
)
"""Fields asked for; the new API gives nothing but the id unless it is told."""

_OLD_SELECTED: Final = (
    *("id", "name", "run_type", "status", "start_time", "end_time", "first_token_time", "error", "extra"),
    *("inputs", "outputs", "parent_run_id", "parent_run_ids", "session_id", "trace_id", "thread_id"),
    *("reference_example_id", "total_tokens", "prompt_tokens", "completion_tokens", "total_cost", "tags"),
    "feedback_stats",
)
PAGE: Final = 100
"""Runs of one request: the most that the old API gives; a page of them is one transaction."""

_NEW, _OLD = "/api/v2/runs/query", "/api/v1/runs/query"
_NO_NEW_API: Final = frozenset({404, 405, 501})


class LangSmithSource:
    """Reads a project; the new API where there is one, else the old one.

    Args:
        api: what is asked.
        project: name or id.
    """

    def __init__(self, api: LangSmithApi, project: str) -> None:
        self._api = api
        self._project = project
        self._project_id: str | None = None
        self._has_new_api: bool | None = None

    @property
    def name(self) -> str:
        """Address with project; the same project elsewhere is another one."""
        return f"langsmith {self._api.access.base_url} {self._project}"

    def page(self, since: datetime, until: datetime, following: str | None) -> RunPage:
        """Root runs that started within a time.

        Raises:
            InputError: no such project.
            ServiceError: no answer, or none that can be used.
        """
        if self._has_new_api is not False:
            asked = {"min_start_time": _text(since), "max_start_time": _text(until), "is_root": True}
            found = self._new(asked, following)
            if found is not None:
                return found
        return self._old({"start_time": _text(since), "is_root": True}, following, until)

    def judged(self, since: datetime, until: datetime) -> Iterator[RunPage]:
        """Runs that were given feedback since a moment, whenever they started; one page for each page of it.

        Raises:
            InputError: no such project.
            ServiceError: no answer, or none that can be used.
        """
        seen: set[str] = set()
        offset = 0
        while True:
            query = {
                "session": self.project_id,
                "min_created_at": _text(since),
                "offset": offset,
                "limit": PAGE,
            }
            points = _objects(self._api.ask("GET", "/api/v1/feedback", query=query))
            ids = dict.fromkeys(str(one["run_id"]) for one in points if one.get("run_id"))
            new = [one for one in ids if one not in seen]
            seen.update(new)
            if new:
                yield self._by_id(new, points, until)
            if len(points) < PAGE:
                return
            offset += PAGE

    @property
    def project_id(self) -> str:
        """Id of the project; asked for once.

        Raises:
            InputError: no such project.
        """
        if self._project_id is None:
            self._project_id = self._found_id()
        return self._project_id

    def _found_id(self) -> str:
        try:
            return str(UUID(self._project))
        except ValueError:
            pass
        found = _objects(self._api.ask("GET", "/api/v1/sessions", query={"name": self._project, "limit": 1}))
        mine = next((one for one in found if one.get("name") == self._project), None)
        if mine is None or "id" not in mine:
            msg = (
                f"LangSmith at {self._api.access.base_url!r} has no project {self._project!r} that this key "
                "sees. Nothing was stored. Give the name as the page Tracing Projects has it, or the id."
            )
            raise InputError(msg)
        return str(mine["id"])

    def _by_id(self, ids: list[str], points: list[Mapping[str, Any]], until: datetime) -> RunPage:
        starts = [str(one["start_time"]) for one in points if one.get("start_time")]
        if self._has_new_api is not False:
            # Without a lower bound the new API looks at one day only.
            since = min(starts) if len(starts) == len(points) else "2020-01-01T00:00:00Z"
            since = since if since[-1:] == "Z" or "+" in since else since + "Z"
            asked = {"ids": ids, "min_start_time": since, "max_start_time": _text(until)}
            found = self._new(asked, None)
            if found is not None:
                return found
        return self._old({"id": ids}, None, until)

    def _new(self, asked: Mapping[str, Any], following: str | None) -> RunPage | None:
        """A page of the new API; None where the server has none."""
        body = {"project_ids": [self.project_id], "selects": list(SELECTED), "page_size": PAGE, **asked}
        if following is not None:
            body["cursor"] = following
        try:
            answer = self._api.ask("POST", _NEW, body)
        except ServiceRefused as refused:
            if self._has_new_api is None and refused.status in _NO_NEW_API:
                self._has_new_api = False
                return None
            raise
        self._has_new_api = True
        cursor = answer.get("next_cursor") if isinstance(answer, dict) else None
        return RunPage(tuple(_objects(answer, "items")), str(cursor) if cursor else None)

    def _old(self, asked: Mapping[str, Any], following: str | None, until: datetime) -> RunPage:
        body = {"session": [self.project_id], "select": list(_OLD_SELECTED), "limit": PAGE, **asked}
        if following is not None:
            body["cursor"] = following
        answer = self._api.ask("POST", _OLD, body)
        cursors = answer.get("cursors") if isinstance(answer, dict) else None
        cursor = cursors.get("next") if isinstance(cursors, dict) else None
        runs = _objects(answer, "runs")
        # The old API knows no upper bound.
        within = (run for run in runs if str(run.get("start_time") or "")[:26] <= _text(until)[:26])
        return RunPage(tuple(within), str(cursor) if cursor else None)


def _objects(answer: object, key: str | None = None) -> list[Mapping[str, Any]]:
    """The objects of an answer.

    Raises:
        ServiceRefused: it is no answer of LangSmith.
    """
    inside = answer.get(key) if key is not None and isinstance(answer, dict) else answer
    if not isinstance(inside, list):
        msg = (
            f"An answer has no list {key or 'of objects'!r}: {str(answer)[:200]!r}. Nothing was changed. "
            "Check that LANGSMITH_ENDPOINT is the address of a LangSmith."
        )
        raise ServiceRefused(msg)
    return [one for one in inside if isinstance(one, dict)]


def _text(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
