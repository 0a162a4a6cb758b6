"""`flywheel serve`: the HTTP API with the dashboard."""

from __future__ import annotations

from typing import Annotated

import typer

from flywheel.cli.doors import Document, open_door, shown_address
from flywheel.cli.options import JsonOption, StoreOption, WorkspaceOption, examples

app = typer.Typer(add_completion=False)

USUAL_PORT = 8765


@app.command(
    epilog=examples(
        "flywheel serve",
        "flywheel serve --make-token support",
        "flywheel serve --host 0.0.0.0 --port 8080",
    )
)
def serve(
    *,
    host: Annotated[
        str,
        typer.Option(
            "--host", metavar="HOST", help="Address to listen at. Others than loopback need tokens."
        ),
    ] = "127.0.0.1",
    port: Annotated[
        int, typer.Option("--port", min=0, max=65_535, metavar="N", help="0 takes a free one.")
    ] = USUAL_PORT,
    make_token: Annotated[
        str | None,
        typer.Option(
            "--make-token", metavar="WORKSPACE", help="Print a new token of a workspace, serve nothing."
        ),
    ] = None,
    max_body_mb: Annotated[
        float,
        typer.Option("--max-body-mb", min=0.001, metavar="X", help="Largest body of a request, in MiB."),
    ] = 32.0,
    store: StoreOption = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """The HTTP API and the dashboard, until Ctrl-C.

    Without tokens it serves this machine alone, and one workspace; with tokens each opens its own. Exit
    code 3 when the store is unreachable, 2 when another address than loopback is asked for without a token.
    """
    import os

    from flywheel.cli.serve_running import bound, serve_until_stopped, wiring_for
    from flywheel.service.tokens import make_token as new_token
    from flywheel.service.tokens import tokens_path

    door = open_door(store, workspace, as_json)
    if make_token is not None:
        path = tokens_path(os.environ)
        token = new_token(path, make_token)
        made: Document = {"workspace": make_token, "token": token, "file": str(path)}
        door.answer(made, lambda console: console.print(token, markup=False, soft_wrap=True))
        door.err.print(
            f"For workspace {make_token!r}; only its hash is kept, in {path}. It is not shown again.",
            markup=False,
            soft_wrap=True,
        )
        return
    wiring = wiring_for(door, host, int(max_body_mb * 2**20))
    socket = bound(host, port)
    address = _address(host, socket.getsockname()[1])
    document: Document = {
        "address": address,
        "store": shown_address(door.settings.database_url),
        "workspace": None if wiring.tokens is not None else door.workspace,
        "tokens": len(wiring.tokens.entries()) if wiring.tokens is not None else 0,
    }
    whose = "by token" if wiring.tokens is not None else f"workspace {door.workspace!r}, no token needed"

    def draw(console: object) -> None:
        del console
        door.out.print(f"Serving {address} ({whose}). Ctrl-C ends.", markup=False, soft_wrap=True)

    door.answer(document, draw)
    serve_until_stopped(wiring, socket)
    door.err.print("Stopped. Cycles that were started go on by themselves.", style="dim")


def _address(host: str, port: int) -> str:
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
