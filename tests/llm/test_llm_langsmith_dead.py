"""LangSmith is slow, dead or picky: the work goes on, and what is missing there is counted."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from langsmith_state import ROUTES, Refused
from langsmith_stub import KEY, Stub, langsmith_stub
from two_doors import wait_until

from flywheel.errors import ServiceUnavailable
from flywheel.llm.langsmith_api import LangSmithAccess
from flywheel.llm.langsmith_observer import LangSmithObserver, langsmith_observer
from flywheel.llm.langsmith_outbox import Outbox, Signs
from flywheel.llm.langsmith_sending import LOADING_S, LONGEST_S, MOST_WAITING, PATIENCE_S, given_up_at
from flywheel.llm.observed_runner import ObservedRunner
from flywheel.llm.registry import chat_model
from flywheel.llm.runner import Runner
from flywheel.ports import RunPlan
from flywheel.records.case import Case, Suite

CASES = [
    Case(case_id=f"c{n}", suite="questions", inputs={"q": "Which city?"}, expected="city") for n in range(5)
]
TEXT = "- city\n- dob\nQ: {q}\nA:"
PLAN = RunPlan("default", "triage", "v1v1v1v1", TEXT, Suite(suite="questions"), "embedded-large", "cycle-7")


CHILD = """
import os, sys
from flywheel.llm.langsmith_observer import langsmith_observer
from flywheel.ports import RunPlan
from flywheel.records.case import Case, Suite
from flywheel.records.execution import Execution
plan = RunPlan("default", "triage", "v1", "{q}", Suite(suite="s"), "m", "cycle-7")
cases = [Case(case_id=str(n), suite="s", inputs={"q": "?"}) for n in range(300)]
executions = [Execution(execution_id=str(n), outcome="passed") for n in range(300)]
for address in sys.argv[1:]:
    observer = langsmith_observer({**os.environ, "LANGSMITH_ENDPOINT": address})
    observer.ran(plan, cases, executions)
    print(observer.close(), flush=True)
"""


@dataclass
class DeadServer:
    """A server that is no use: what it does stands in its path; what it holds up ends with the test."""

    base: str = ""
    posted: int = 0
    released: threading.Event = field(default_factory=threading.Event)


@contextlib.contextmanager
def dead_server() -> Iterator[DeadServer]:
    """It refuses, drips without end, or says yes once and nothing ever after."""
    dead = DeadServer()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            _, kind, *_ = self.path.split("/")
            if kind.isdigit():
                self.send_response(int(kind))
                self.end_headers()
            elif kind == "later":
                self.send_response(200)
                self.end_headers()
                self.wfile.write(b"{}")
            else:
                with contextlib.suppress(OSError):
                    self.wfile.write(b"HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n")
                    while not dead.released.wait(0.3):
                        self.wfile.write(b" ")

        def do_POST(self) -> None:
            dead.posted += 1
            dead.released.wait()

        def log_message(self, *_args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    dead.base = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield dead
    finally:
        dead.released.set()
        server.shutdown()
        server.server_close()


@pytest.mark.integration
def test_a_dead_endpoint_does_not_hold_up_the_end():
    """Nobody, a silent one, one that drips, is busy, broken, or dies: the process ends while they hang."""
    with dead_server() as dead, socket.socket() as closed, socket.socket() as silent:
        closed.bind(("127.0.0.1", 0))
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        addresses = [f"http://127.0.0.1:{port.getsockname()[1]}" for port in (closed, silent)]
        addresses += [f"{dead.base}/{kind}" for kind in ("429", "500", "drip", "later")]
        environ = {**os.environ, "LANGSMITH_API_KEY": KEY, "LANGSMITH_TRACING": "true"}
        child = subprocess.run(
            [sys.executable, "-c", CHILD, *addresses],
            env=environ,
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
        assert not dead.released.is_set()

    said = child.stdout.splitlines()
    assert len(said) == len(addresses)
    assert all("300 of 300 messages" in line and "everything is in the store" in line for line in said)


@pytest.mark.integration
def test_the_end_does_not_wait_for_a_request_that_hangs():
    """It returns while its only request is still under way; the request's own limits are far longer."""
    executions = Runner(chat_model).run(PLAN, CASES)
    with dead_server() as dead:
        observer = LangSmithObserver(LangSmithAccess(KEY, f"{dead.base}/later"))
        observer.ran(PLAN, CASES, executions)
        thread = observer._sending._thread
        # The end waits for the server alone, not for our own work before the request.
        wait_until(lambda: dead.posted)
        told = observer.close()
        assert thread is not None
        assert (thread.is_alive(), thread.daemon, dead.released.is_set()) == (True, True, False)
        assert dead.posted == 1

    assert f"no answer within {PATIENCE_S:.1f} s" in (told or "")


def test_only_answers_of_the_server_move_the_end():
    """However often a request is sent, however long our own work takes, the deadline stays where it was."""
    with dead_server() as dead:
        outbox = Outbox(LangSmithAccess(KEY, f"{dead.base}/500"))
        began = time.monotonic()
        for _ in range(3):
            with pytest.raises(ServiceUnavailable):
                outbox.look(60.0)
        assert given_up_at(began, outbox.signs) == began + PATIENCE_S
        outbox.access = LangSmithAccess(KEY, f"{dead.base}/later")
        outbox.look(60.0)
        moved = given_up_at(began, outbox.signs)
        outbox.run("post", {"id": "r1", "name": "n"})

    assert began + PATIENCE_S < moved < began + LONGEST_S
    assert given_up_at(began, outbox.signs) == moved


@pytest.mark.parametrize(
    ("heard_at", "is_loading", "until"),
    [
        (float("-inf"), False, 100 + PATIENCE_S),
        (90.0, False, 100 + PATIENCE_S),
        (101.5, False, 101.5 + PATIENCE_S),
        (159.9, False, 100 + LONGEST_S),
        (100.5, True, 100 + LOADING_S),
    ],
)
def test_the_end_has_one_deadline(heard_at: float, is_loading: bool, until: float):
    """Two seconds from its beginning or from the last answer, ten for the client, never beyond a minute."""
    assert given_up_at(100.0, Signs(heard_at, is_loading)) == until


@pytest.mark.integration
def test_a_server_that_was_silent_is_not_waited_for_again():
    """Each task of a flow has an observer of its own; the second one knows what the first one learnt."""
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        address = f"http://127.0.0.1:{silent.getsockname()[1]}"
        executions = Runner(chat_model).run(PLAN, CASES)
        told = []
        for _ in range(2):
            observer = LangSmithObserver(LangSmithAccess(KEY, address))
            observer.ran(PLAN, CASES, executions)
            told.append(observer.close())

    assert "5 of 5 messages" in (told[0] or "")
    assert "did not answer" in (told[1] or "")


def test_memory_is_bounded_where_the_server_is_slow():
    """What comes on top of what may wait is dropped and counted, never kept."""
    executions = Runner(chat_model).run(PLAN, CASES)
    with langsmith_stub(waited_for=False) as stub:
        # Minutes until the server has said that it is there.
        stub.fail("info", drip_s=0.5)
        observer = LangSmithObserver(LangSmithAccess(KEY, stub.url))
        for _ in range(MOST_WAITING // len(CASES) + 10):
            observer.ran(PLAN, CASES, executions)
        waiting = observer._sending._waiting
        told = observer.close()

    assert waiting <= MOST_WAITING
    assert f"{MOST_WAITING + 50:,} of {MOST_WAITING + 50:,} messages" in (told or "")


def test_one_run_that_is_refused_keeps_no_other_back(stub: Stub, observer: LangSmithObserver):
    """A request that is refused goes again in halves, until the one that is to blame is left."""
    take = stub.state.multipart

    def picky(parts: list[tuple[str, Any]], query: Any) -> Any:
        if any(isinstance(value, dict) and value.get("output") == "bad" for _, value in parts):
            raise Refused("not this one")
        return take(parts, query)

    executions = Runner(chat_model).run(PLAN, CASES)
    executions[2] = executions[2].model_copy(update={"output": "bad"})
    with pytest.MonkeyPatch.context() as patched:
        patched.setitem(ROUTES, "POST /runs/multipart", lambda _state, *said: picky(*said))
        observer.ran(PLAN, CASES, executions)
        told = observer.close()

    assert len(stub.state.runs) == 4
    assert "1 of 5 messages" in (told or "")


def test_what_is_hidden_stays_here(stub: Stub):
    """With LangSmith's own switches neither inputs nor answers leave, but scores and tokens do."""
    hidden = {"LANGSMITH_HIDE_INPUTS": "true", "LANGSMITH_HIDE_OUTPUTS": "true"}
    environ = {"LANGSMITH_API_KEY": KEY, "LANGSMITH_TRACING": "true", "LANGSMITH_ENDPOINT": stub.url}
    observer = langsmith_observer({**environ, **hidden})
    assert observer is not None
    ObservedRunner(Runner(chat_model), observer.ran).run(PLAN, CASES)

    assert observer.close() is None
    assert [run["inputs"] for run in stub.state.runs.values()] == [{}] * 5
    assert [run["outputs"] for run in stub.state.runs.values()] == [{}] * 5
    assert {(str(e["inputs"]), str(e["outputs"])) for e in stub.state.examples.values()} == {("{}", "{}")}
    assert len(stub.state.feedback) == 5
