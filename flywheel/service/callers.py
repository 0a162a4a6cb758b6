"""Who asks: the workspace that a token opens."""

from __future__ import annotations

import base64
import binascii
import ipaddress
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request
from fastapi.security import HTTPBasic, HTTPBearer
from starlette.concurrency import run_in_threadpool

from flywheel.service.problems import Refused
from flywheel.service.wiring import Wiring
from flywheel.store.open import SqlStore

BEARER = HTTPBearer(auto_error=False, description="Made by `flywheel serve --make-token WORKSPACE`.")
BASIC = HTTPBasic(auto_error=False, description="For browsers: any user, the token as password.")


@dataclass(frozen=True, slots=True)
class Caller:
    """One request's rights.

    Attributes:
        wiring: of the service.
        workspace: the only one this caller reads or writes.
    """

    wiring: Wiring
    workspace: str

    @property
    def store(self) -> SqlStore:
        """Where everything is kept."""
        return self.wiring.store


def wiring_of(request: Request) -> Wiring:
    """What the service works with."""
    wiring: Wiring = request.app.state.wiring
    return wiring


async def writer(request: Request, _scheme: Annotated[object, Depends(BEARER)] = None) -> Caller:
    """The caller of a route that changes something: a bearer token.

    Raises:
        Refused: 401, without a token that opens a workspace.
    """
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return await _caller(request, token.strip() if scheme.lower() == "bearer" else None)


async def reader(
    request: Request,
    _bearer: Annotated[object, Depends(BEARER)] = None,
    _basic: Annotated[object, Depends(BASIC)] = None,
) -> Caller:
    """The caller of a route that only reads: a bearer token, or what a browser asks its user for.

    The user of a browser gives the token as password. A browser sends it also where a page of another site
    asks it to, so that it opens nothing that changes something.

    Raises:
        Refused: 401, without a token that opens a workspace.
    """
    scheme, _, given = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return await _caller(request, given.strip() if scheme.lower() == "bearer" else None)
    try:
        password = base64.b64decode(given.strip(), validate=True).decode("utf-8").partition(":")[2]
    except (binascii.Error, UnicodeDecodeError):
        password = ""
    return await _caller(request, password)


async def _caller(request: Request, token: str | None) -> Caller:
    wiring = wiring_of(request)
    if wiring.tokens is None:
        _refuse_other_hosts(request)
        return Caller(wiring, wiring.workspace)
    # The file of tokens may have changed, and reading it may wait for a disk.
    workspace = None if not token else await run_in_threadpool(wiring.tokens.workspace_of, token)
    if workspace is None:
        told = {
            "got": "no token" if not token else "a token that opens no workspace",
            "need": "Authorization: Bearer TOKEN",
            "next": "Ask who runs the server for a token: flywheel serve --make-token WORKSPACE",
        }
        headers = {"WWW-Authenticate": 'Bearer realm="flywheel", Basic realm="flywheel", charset="UTF-8"'}
        raise Refused(401, "no-token", "Who asks is not known. Nothing was done.", told, headers)
    return Caller(wiring, workspace)


def _refuse_other_hosts(request: Request) -> None:
    """Keep out pages of other sites whose name leads to this machine; here nobody needs a token."""
    host = request.url.hostname or ""
    if is_loopback(host):
        return
    told = {"got": f"Host: {host}"[:120], "need": "localhost, or a loopback address"}
    raise Refused(421, "other-host", "Without tokens only this machine is served. Nothing was done.", told)


def is_loopback(host: str) -> bool:
    """Whether a host is this machine alone.

    Examples:
        >>> is_loopback("localhost"), is_loopback("127.0.0.1"), is_loopback("0.0.0.0")
        (True, True, False)
    """
    return host == "localhost" or _is_loopback(host)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


Reads = Annotated[Caller, Depends(reader)]
"""The caller of a route that only reads."""

Writes = Annotated[Caller, Depends(writer)]
"""The caller of a route that changes something."""
