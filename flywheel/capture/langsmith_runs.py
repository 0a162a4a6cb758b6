"""Executions of the runs of LangSmith: whole traces, single calls of a model, whatever was judged."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from flywheel.capture.foreign import Item, LeftOut
from flywheel.capture.foreign_values import (
    OWN,
    explained,
    kind_and_message,
    known,
    milliseconds,
    moment,
    named,
    number,
    own_fields,
)
from flywheel.capture.json_items import Part, json_parts
from flywheel.capture.langsmith_feedback import judged, told, verdict_fields
from flywheel.capture.langsmith_messages import answer_of, given_to, model_in
from flywheel.capture.reasons import Refusal, shown
from flywheel.capture.source_files import SourceFile, opened

_WANTED: Final = (("*",), ("runs", "*"), ("items", "*"))
"""A list of runs, or an answer of the API, old or new; a line of JSONL is a run by itself."""

_NESTED: Final = LeftOut("runs inside of others, which count with the whole trace or are no call of a model,")
_PENDING: Final = LeftOut("runs that have not ended")
_FIELDS_BY_NAME: Final[Mapping[str, tuple[str, ...]]] = {
    "prompt": ("lc_hub_repo", "prompt_name"),
    "version": ("lc_hub_commit_hash", "prompt_version"),
    "model": ("ls_model_name", "model_name"),
    "agent": ("lc_agent_name", "agent_name"),
    "session_id": ("thread_id", "session_id", "conversation_id"),
}
"""Keys of the metadata that give a field; those of LangChain come first."""

_TAKEN: Final = frozenset(
    {"runtime", "usage_metadata", *(name for names in _FIELDS_BY_NAME.values() for name in names)}
)
_MACHINE: Final = ("LANGSMITH_", "LANGCHAIN_", OWN)
"""Beginnings of metadata that tells of the sender, or that became a field."""


def langsmith_items(source: SourceFile) -> Iterator[Item]:
    """One item for each run of an export; positions count runs.

    A trace whose root is in the file is one execution. A run inside of it is
    another one where it was judged by itself; a call of a model whose root is
    not in the file stands for itself.
    """
    roots = _roots(source)
    for position, part in enumerate(json_parts(source, _WANTED), 1):
        value = part.value
        if not part.path and isinstance(value, dict) and value.keys() & {"runs", "items"}:
            yield Item(position, LeftOut("empty answers of the API"))
            continue
        line = _line_of(part, roots)
        is_whole = not isinstance(line, Refusal) or part.raw
        yield Item(position, line, part.raw if is_whole else json.dumps(value).encode(), part.line)


def run_line(
    run: Mapping[str, Any], is_root_known: Callable[[str], bool] = lambda _: False
) -> dict[str, Any] | LeftOut:
    """The line of evidence of a run, as either version of the API gives it.

    Args:
        run: a run object; feedback as `feedback` (single points) or `feedback_stats`.
        is_root_known: whether the root of a trace, by its id, is an execution too.

    Examples:
        >>> line = run_line({"id": "r1", "run_type": "llm", "status": "success",
        ...     "start_time": "2026-11-20T08:00:00", "end_time": "2026-11-20T08:00:01.5",
        ...     "prompt_tokens": 11, "feedback_stats": {"correctness": {"n": 1, "avg": 1.0}}})
        >>> line["execution_id"], line["latency_ms"], line["input_tokens"], line["outcome"]
        ('r1', 1500.0, 11, 'passed')
        >>> run_line({"id": "r1", "run_type": "llm", "status": "pending"}).what
        'runs that have not ended'
    """
    if is_pending(run):
        return _PENDING
    metadata = _metadata_of(run)
    said = judged(run)
    if _parent(run) is not None and not said:
        is_call = str(run.get("run_type")).lower() == "llm"
        if not is_call or is_root_known(str(run.get("trace_id"))):
            return _NESTED
    line = _plain_fields(run, metadata)
    verdict, failed = verdict_fields(said), _failed(run)
    if failed:
        verdict |= {"outcome": "error", "score": None}
    line |= verdict | failed
    line["metadata"] = _kept(run, metadata, told(said))
    return known(line) | own_fields(metadata)


def _line_of(part: Part, roots: set[str]) -> dict[str, Any] | LeftOut | Refusal:
    run = part.value
    if isinstance(run, Refusal):
        return run
    if not isinstance(run, dict):
        return Refusal(None, f"got {shown(run)}, need a run as an object")
    if not isinstance(run.get("id"), str) or not run["id"] or "run_type" not in run:
        keys = shown(sorted(run)[:8])
        return Refusal(None, f"got an object with {keys}, need a run of LangSmith with id, run_type")
    return run_line(run, roots.__contains__)


def _roots(source: SourceFile) -> set[str]:
    """Ids of the traces whose root is in a file; empty for a pipe, which can be read only once."""
    if not source.path.is_file():
        return set()
    with opened(source.path, source.limit) as again:
        runs = (part.value for part in json_parts(again, _WANTED))
        return {
            str(run.get("trace_id") or run.get("id"))
            for run in runs
            if isinstance(run, dict) and "run_type" in run and _parent(run) is None and not is_pending(run)
        }


def _plain_fields(run: Mapping[str, Any], metadata: Mapping[str, Any]) -> dict[str, Any]:
    """Fields that a run has whatever was said of it."""
    start, end = moment(run.get("start_time")), moment(run.get("end_time"))
    outputs = run.get("outputs")
    line: dict[str, Any] = {
        "execution_id": named(run.get("id")),
        "workflow_id": named(run.get("trace_id")) or named(run.get("id")),
        "case_id": named(run.get("reference_example_id")),
        "inputs": given_to(run.get("inputs")),
        "output": answer_of(outputs),
        "latency_ms": _latency_ms(run, start, end),
        **_tokens(run, metadata),
        "cost_usd": number(run.get("total_cost")),
        "started_at": start,
    }
    for field, names in _FIELDS_BY_NAME.items():
        line[field] = next((found for name in names if (found := named(metadata.get(name)))), None)
    line["session_id"] = named(run.get("thread_id")) or line["session_id"]
    line["model"] = line["model"] or _model_of(run) or named(model_in(outputs))
    return line


def _tokens(run: Mapping[str, Any], metadata: Mapping[str, Any]) -> dict[str, object]:
    """What LangSmith counted, else what the client said; zeros all over mean that nobody counted."""
    counts = [number(run.get(name)) for name in ("prompt_tokens", "completion_tokens")]
    if any(count not in (0, None) for count in counts):
        return {"input_tokens": counts[0], "output_tokens": counts[1]}
    usage = metadata.get("usage_metadata")
    told_by_client = usage if isinstance(usage, dict) else {}
    return {name: told_by_client.get(name) for name in ("input_tokens", "output_tokens")}


def _model_of(run: Mapping[str, Any]) -> str | None:
    extra = run.get("extra")
    asked = extra.get("invocation_params") if isinstance(extra, dict) else None
    if not isinstance(asked, dict):
        return None
    return named(asked.get("model_name")) or named(asked.get("model"))


def _latency_ms(run: Mapping[str, Any], start: object, end: object) -> object:
    between = milliseconds(start, end) if start and end else None
    seconds = run.get("latency_seconds")
    if between is None and isinstance(seconds, int | float) and not isinstance(seconds, bool):
        return seconds * 1000
    return between


def _failed(run: Mapping[str, Any]) -> dict[str, Any]:
    """Class with text of the error; empty where there was none."""
    error = run.get("error") or run.get("error_preview")
    if not error and str(run.get("status")).lower() not in ("error", "interrupted"):
        return {}
    if not error:
        return {"error_type": named(run.get("status")), "error_message": None}
    kind, message = kind_and_message(error if isinstance(error, str) else shown(error))
    return {"error_type": kind, "error_message": explained(message)}


def is_pending(run: Mapping[str, Any]) -> bool:
    """Whether a run has not ended.

    Examples:
        >>> is_pending({"status": "PENDING"}), is_pending({"status": "success"})
        (True, False)
    """
    status = str(run.get("status")).lower()
    return status in ("pending", "running") or (run.get("end_time") is None and status == "none")


def _parent(run: Mapping[str, Any]) -> str | None:
    parents = run.get("parent_run_ids")
    last = parents[-1] if isinstance(parents, list) and parents else None
    parent = named(run.get("parent_run_id")) or named(last)
    if parent is None and run.get("is_root") is False:
        return named(run.get("trace_id")) or "unknown"
    return parent


def _metadata_of(run: Mapping[str, Any]) -> dict[str, Any]:
    extra = run.get("extra")
    inside = extra.get("metadata") if isinstance(extra, dict) else None
    beside = run.get("metadata")
    return {**(inside if isinstance(inside, dict) else {}), **(beside if isinstance(beside, dict) else {})}


def _kept(
    run: Mapping[str, Any], metadata: Mapping[str, Any], feedback: dict[str, dict[str, Any]]
) -> dict[str, Any]:
    user = {k: v for k, v in metadata.items() if k not in _TAKEN and not k.startswith(_MACHINE)}
    first = moment(run.get("first_token_time"))
    return known(
        {
            "run": named(run.get("name")),
            "run_type": named(run.get("run_type")) and str(run["run_type"]).lower(),
            "parent_run_id": _parent(run),
            "project": named(run.get("session_id")) or named(run.get("project_id")),
            "tags": run.get("tags") or None,
            "first_token_ms": milliseconds(moment(run.get("start_time")), first) if first else None,
            "feedback": feedback,
            "properties": user,
        }
    )
