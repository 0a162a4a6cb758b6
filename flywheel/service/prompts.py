"""Routes of prompts: what is live, as an application asks for it."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Header, Path, Query
from starlette.responses import Response

from flywheel.errors import UnknownName
from flywheel.records.base import Name, Record, UtcDatetime
from flywheel.records.release import LiveVersion
from flywheel.service.callers import Reads
from flywheel.service.problems import answers
from flywheel.store.live_text import live_text

routes = APIRouter(prefix="/api/v1", tags=["prompts"])


class LivePrompt(Record):
    """The live version of a prompt.

    Attributes:
        version: content hash of the text.
        revision: counts the moves of the live pointer.
        kind: of the release that made it live.
    """

    prompt: str
    workspace: str
    version: str
    text: str
    variables: tuple[str, ...]
    revision: int
    released_at: UtcDatetime
    kind: str


class LivePrompts(Record):
    """What is live in a workspace; a prompt of which nothing is live is not in it."""

    prompts: tuple[LiveVersion, ...]


@routes.get("/prompts", summary="What is live", responses=answers())
def read_prompts(asks: Reads) -> LivePrompts:
    """The live version of every prompt, without the texts."""
    return LivePrompts(prompts=tuple(asks.store.releases.all_live(asks.workspace).values()))


@routes.get(
    "/prompts/{name:path}",
    summary="Live text of a prompt",
    response_model=LivePrompt,
    responses={**answers(404), 304: {"description": "The text is the one the caller has."}},
)
def read_prompt(
    asks: Reads,
    name: Annotated[Name, Path(description="Name of the prompt; it may have slashes.")],
    key: Annotated[
        Name | None,
        Query(
            description="Whom the text is for, such as a user id: the same key gets the same version while a "
            "release is shared between two. As long as one version is live for everybody it changes nothing."
        ),
    ] = None,
    if_none_match: Annotated[str | None, Header(description="ETag of the text the caller has.")] = None,
) -> Response:
    """The text with its version, to the byte as it was added.

    Repeat it with If-None-Match: 304 as long as nothing else is live.
    """
    del key
    found = live_text(asks.store.database, asks.workspace, name)
    if found is None:
        msg = (
            f"Nothing is live for prompt {name!r} in workspace {asks.workspace!r}. Nothing was changed. "
            f"Make a version live with: flywheel prompt add {name} FILE --live"
        )
        raise UnknownName(msg)
    etag = f'"{found.version[:32]}.{found.revision}"'
    headers = {"ETag": etag, "Cache-Control": "private, no-cache", "Vary": "Authorization"}
    if if_none_match is not None and etag in (one.strip() for one in if_none_match.split(",")):
        return Response(None, 304, headers)
    prompt = LivePrompt(
        prompt=name,
        workspace=asks.workspace,
        version=found.version,
        text=found.text,
        variables=found.variables,
        revision=found.revision,
        released_at=found.released_at,
        kind=found.kind,
    )
    return Response(prompt.model_dump_json(), 200, headers, "application/json")
