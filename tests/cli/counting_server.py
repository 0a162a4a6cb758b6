"""A chat completions server on the loopback that counts what it is asked."""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PATIENCE_S = 200.0
Answering = Callable[[str], str | int]
"""The answer to the last message, or the status of a failure."""


@dataclass
class Counting:
    """A running server: where it is, how often it was asked each question, whether it rests."""

    address: str = ""
    asked: Counter[str] = field(default_factory=Counter)
    at_once: int = 0
    most_at_once: int = 0
    goes_on: threading.Event = field(default_factory=threading.Event)
    lock: threading.Condition = field(default_factory=threading.Condition)

    @property
    def environ(self) -> dict[str, str]:
        """What a program needs in its environment to ask it."""
        return {"FLYWHEEL_LLM_BASE_URL": self.address, "FLYWHEEL_LLM_API_KEY": "k"}


@contextmanager
def counting_server(
    answer: Answering, rest_s: float = 0.0, *, freely: float = float("inf"), together: int = 0
) -> Iterator[Counting]:
    """Serve answers; the last line of the last message is the question.

    Args:
        answer: gives one.
        rest_s: before each.
        freely: so many are answered; each further question waits until the server `goes_on`.
        together: the first answer waits until so many questions are there at once.
    """
    counting = Counting()

    class Handler(BaseHTTPRequestHandler):
        """Counts, rests, answers."""

        protocol_version = "HTTP/1.1"
        # Head and body are two packets; the second would wait 40 ms for a delayed acknowledgement.
        disable_nagle_algorithm = True

        def do_POST(self) -> None:
            """Answer one request."""
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            text = body["messages"][-1]["content"]
            with counting.lock:
                counting.asked[text.strip().splitlines()[-1]] += 1
                counting.at_once += 1
                counting.most_at_once = max(counting.most_at_once, counting.at_once)
                is_free = counting.asked.total() <= freely
                counting.lock.notify_all()
                assert counting.lock.wait_for(lambda: counting.most_at_once >= together, PATIENCE_S)
            time.sleep(rest_s)
            if not is_free:
                counting.goes_on.wait(PATIENCE_S)
            said = answer(text)
            with counting.lock:
                counting.at_once -= 1
            self._reply(said)

        def _reply(self, said: str | int) -> None:
            message = {"role": "assistant", "content": said}
            document = {
                "id": "c",
                "object": "chat.completion",
                "created": 1,
                "model": "counting",
                "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
                "usage": {"prompt_tokens": 11, "completion_tokens": 2, "total_tokens": 13},
            }
            failed = isinstance(said, int)
            data = json.dumps({"error": {"message": "told to fail"}} if failed else document).encode()
            try:
                self.send_response(said if failed else 200)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)
            except OSError:
                return

        def log_message(self, *_args: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    counting.address = f"http://127.0.0.1:{server.server_port}/v1"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield counting
    finally:
        counting.goes_on.set()
        server.shutdown()
        server.server_close()
        thread.join()
