"""What `flywheel serve` hands to the service, with the server that runs it."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import sys
from datetime import UTC, datetime
from types import FrameType
from typing import NoReturn

import uvicorn

from flywheel.capture.posted import take_posted
from flywheel.cli.alert_raising import alerts_config, raise_news
from flywheel.cli.doors import Door
from flywheel.errors import InputError
from flywheel.learn.value_health import RECENT_DAYS
from flywheel.phases.telling import tell_review
from flywheel.records.release import Review
from flywheel.records.value import ValueReport
from flywheel.service.app import make_app
from flywheel.service.callers import is_loopback
from flywheel.service.runs import CycleRuns
from flywheel.service.tokens import TOKENS_VARIABLE, TokenBook, read_tokens
from flywheel.service.wiring import Decision, Wiring
from flywheel.store.open import SqlStore, open_store
from flywheel.watch.alerting import AutomatedAlertingSystem
from flywheel.watch.news import review_news
from flywheel.watch.value import ValueDashboard

SHUTDOWN_S = 10
"""How long requests under way may take once the server was told to stop."""


def wiring_for(door: Door, host: str, max_body_bytes: int) -> Wiring:
    """What the service works with, checked before anything listens.

    Args:
        door: store with workspace.
        host: where it will listen.
        max_body_bytes: of a request.

    Raises:
        InputError: the host is not loopback and there is no token.
        StoreUnreachable: there is no store.
        MigrationNeeded: the store is of another version.
    """
    # A mistake in it is said now, not at the first decision.
    alerts_config()
    tokens = needed_tokens(host)
    settings = door.settings
    # A cycle needs no token: it asks the store.
    environ = {name: value for name, value in os.environ.items() if name != TOKENS_VARIABLE}
    environ["FLYWHEEL_DATABASE_URL"] = settings.database_url
    store = open_store(settings.database_url, create=False)
    return Wiring(
        store=store,
        value=lambda workspace: value_of(store, workspace),
        workspace=door.workspace,
        tokens=tokens,
        take=take_posted,
        decide=lambda decision: decide(door, decision),
        runs=CycleRuns(settings.home, environ),
        home=settings.home,
        max_body_bytes=max_body_bytes,
    )


def value_of(store: SqlStore, workspace: str) -> ValueReport:
    """What testing is worth, with the executions of a week, as `flywheel status` tells it."""
    dashboard = ValueDashboard(AutomatedAlertingSystem(store, ()), workspace)
    return dashboard.read(executions_days=RECENT_DAYS)


def needed_tokens(host: str) -> TokenBook | None:
    """The tokens callers need; None where there is none and only this machine is served.

    Raises:
        InputError: the host is not loopback and there is no token, or the tokens cannot be read.
    """
    tokens = read_tokens(os.environ)
    if tokens.entries():
        return tokens
    if not is_loopback(host):
        raise InputError(
            f"--host {host!r} is reached from other machines, and there is no token. Nothing was started. "
            "Make one with: flywheel serve --make-token WORKSPACE, or leave --host out."
        )
    return None


def decide(door: Door, decision: Decision) -> Review:
    """Carry out a decision, then tell whom it concerns, as `flywheel review` does."""
    store = door.store
    with door.telling() as observer:
        decided = store.releases.decide(
            decision.workspace,
            decision.review_id,
            decision.approve,
            decision.by,
            decision.note,
            datetime.now(UTC),
        )
        tell_review(observer, store, decided)
    waiting = sum(one.prompt == decided.prompt for one in store.releases.reviews(decision.workspace))
    raise_news(door, alerts_config(), lambda _now: review_news(decided.prompt, decision.workspace, waiting))
    return decided


def bound(host: str, port: int) -> socket.socket:
    """A socket that listens.

    Raises:
        InputError: the address is taken, or none of this machine's.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        opened = socket.socket(family, kind, protocol)
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        opened.bind(address)
        opened.listen(2048)
    except OSError as error:
        raise InputError(
            f"Cannot listen at {host!r}, port {port}: {error.strerror}. Nothing was started. Give another "
            "address with --host and --port; --port 0 takes a free one."
        ) from error
    return opened


def serve_until_stopped(wiring: Wiring, opened: socket.socket) -> None:
    """Answer requests until SIGINT or SIGTERM; requests under way are finished first."""
    sys.stdout.flush()
    config = uvicorn.Config(
        make_app(wiring),
        log_level="warning",
        access_log=False,
        server_header=False,
        # Behind no proxy that is trusted, whoever asks could say to be this machine.
        proxy_headers=False,
        timeout_graceful_shutdown=SHUTDOWN_S,
    )
    before = signal.signal(signal.SIGTERM, _stop)
    try:
        # After its own end the server raises the signal that ended it once more.
        with contextlib.suppress(KeyboardInterrupt):
            uvicorn.Server(config).run(sockets=[opened])
    finally:
        signal.signal(signal.SIGTERM, before)
        opened.close()
        wiring.store.close()


def _stop(_number: int, _frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt
