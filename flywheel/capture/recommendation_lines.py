"""Recommendations or their outcomes from lines of JSON."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

from flywheel.capture.careful import is_half
from flywheel.capture.object_lines import objects
from flywheel.capture.reasons import first_field_where
from flywheel.errors import RejectedLine
from flywheel.records.recommendation import Recommendation, RecommendationOutcome, derived_id

R = TypeVar("R", Recommendation, RecommendationOutcome)

_STAYS = "Nothing was stored. Mend the line, then repeat the command."


def recommendations_in(path: Path, workspace: str, now: datetime) -> list[Recommendation]:
    """Recommendations of a file, one JSON object a line.

    Args:
        path: of the file; blank lines are passed over.
        workspace: of lines that name none.
        now: when a recommendation was given that does not say when. One without an id gets one
            from its content, so that a file can be brought in again.

    Raises:
        InputError: the file cannot be read.
        RejectedLine: a line is no recommendation; the first such line is named.
    """
    found = []
    for position, fields in _lines(path):
        given = {"workspace": workspace, "created_at": now}
        if "recommendation_id" not in fields:
            given["recommendation_id"] = derived_id(fields)
        whole = {**given, **fields}
        found.append(_read(Recommendation, whole, path, position))
    return found


def outcomes_in(path: Path, workspace: str, now: datetime) -> list[RecommendationOutcome]:
    """Outcomes of recommendations in a file, one JSON object a line.

    Args:
        path: of the file; blank lines are passed over.
        workspace: of lines that name none.
        now: when it was judged where the line does not say when.

    Raises:
        InputError: the file cannot be read.
        RejectedLine: a line is no outcome; the first such line is named.
    """
    return [
        _read(RecommendationOutcome, {"workspace": workspace, "evaluated_at": now, **fields}, path, position)
        for position, fields in _lines(path)
    ]


def _read(kind: type[R], fields: dict[str, Any], path: Path, position: int) -> R:
    try:
        return kind.model_validate(fields)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        field = ".".join(map(str, first["loc"])) or None
        got = "" if first["type"] == "missing" else f"got {first['input']!r:.80}; "
        raise RejectedLine(str(path), position, field, f"{got}{first['msg']}. {_STAYS}") from error


def _lines(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    for position, fields in objects(path):
        half = first_field_where(fields, is_half)
        if half is not None or any(map(is_half, fields)):
            reason = f"got half a character (a lone surrogate), need whole ones. {_STAYS}"
            raise RejectedLine(str(path), position, half, reason)
        yield position, fields
