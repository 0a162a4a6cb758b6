"""A chat completions endpoint on the loopback: the embedded model, beside a writer with canned ideas."""

from __future__ import annotations

import json
import random
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from flywheel.demo import application
from flywheel.learn.insertion import layout
from flywheel.llm.registry import chat_model
from flywheel.records.chat import ChatRequest, Message

HEAD = layout(application.first_prompt()).head.strip()
TAIL = layout(application.first_prompt()).tail
IDEAS = (
    (
        "Output format: reply with exactly one of the names listed above, spelled as it is listed, "
        "with nothing else: no sentence, no quotation marks, no explanation."
    ),
    "Think carefully, and make sure that the answer is right.",
    "You are an expert for customer records with twenty years of experience.",
    "Be friendly, and explain your answer in one or two sentences.",
    "Look at all the fields before you choose.",
)
_FIELD = re.compile(r"\[\[ ## (\w+) ## \]\]\n?(.*?)(?=\n\[\[ ##|\Z)", re.DOTALL)
_OUTPUTS = re.compile(r"Your output fields are:\n(.*?)\nAll interactions", re.DOTALL)
_GOAL = re.compile(r"your objective is:\s*(.*)\Z", re.DOTALL)


@dataclass
class Endpoint:
    """A running server with its meter."""

    url: str = ""
    calls: int = 0
    tokens: int = 0
    rng: random.Random = field(default_factory=lambda: random.Random(0))

    def reset(self, seed: int) -> None:
        """Start the meter anew; the ideas of the writer follow from the seed."""
        self.calls = self.tokens = 0
        self.rng = random.Random(seed)

    def idea(self) -> str:
        """The first prompt with one of the additions."""
        return f"{HEAD}\n\n{self.rng.choice(IDEAS)}"


@contextmanager
def serve(model: str) -> Iterator[Endpoint]:
    """Serve the embedded model until the block ends."""
    endpoint = Endpoint()
    answering = chat_model(model, {})
    lock = threading.Lock()

    def ask(text: str) -> str:
        request = ChatRequest(model=model, messages=(Message(role="user", content=text),), seed=7)
        return answering.complete(request).text

    def answer(body: dict[str, Any]) -> str:
        messages = [(m["role"], str(m["content"])) for m in body["messages"]]
        if "[[ ## " in messages[0][1]:
            return _as_dspy(messages, ask, endpoint)
        if body["model"] != "writer":
            return ask(messages[-1][1])
        idea = endpoint.idea()
        if "JSON object" in messages[0][1]:
            return json.dumps({"prompt": f"{idea}\n\n{TAIL}", "why": "an idea", "show": ["c1", "c2", "c3"]})
        return f"```\n{idea}\n```"

    class Handler(BaseHTTPRequestHandler):
        """One request at a time and thread."""

        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            """Count, answer."""
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            length = sum(len(str(m["content"])) for m in body["messages"]) // 4
            with lock:
                endpoint.calls += 1
                endpoint.tokens += length
            text = answer(body)
            reply = {
                "id": "c",
                "object": "chat.completion",
                "created": 1,
                "model": body["model"],
                "choices": [
                    {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": text}}
                ],
                "usage": {"prompt_tokens": length, "completion_tokens": 1, "total_tokens": length + 1},
            }
            data = json.dumps(reply).encode()
            self.send_response(200)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_args: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    endpoint.url = f"http://127.0.0.1:{server.server_port}/v1"
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield endpoint
    finally:
        server.shutdown()
        server.server_close()


def _as_dspy(messages: list[tuple[str, str]], ask: Callable[[str], str], endpoint: Endpoint) -> str:
    """A call in DSPy's own format: instruction with demonstrations, read like a plain prompt."""
    system = messages[0][1]
    listed = _OUTPUTS.search(system)
    outputs = re.findall(r"`(\w+)`", listed[1]) if listed else ["answer"]
    if outputs != ["answer"]:
        said = dict.fromkeys(outputs, "Questions of service agents about fields of a customer record.")
        said.update({name: endpoint.idea() for name in outputs if "instruction" in name})
        return "\n\n".join(f"[[ ## {n} ## ]]\n{t}" for n, t in said.items()) + "\n\n[[ ## completed ## ]]"
    goal = _GOAL.search(system)
    lines = [re.sub(r"^ {8}", "", goal[1], flags=re.MULTILINE).strip() if goal else HEAD, ""]
    for role, content in messages[1:]:
        parts = {name: text.strip() for name, text in _FIELD.findall(content)}
        if role == "user":
            lines += [f"Question: {parts.get('question', '')}"]
        else:
            lines += [f"Answer: {parts.get('answer', '')}", ""]
    return f"[[ ## answer ## ]]\n{ask(chr(10).join(lines))}\n\n[[ ## completed ## ]]"
