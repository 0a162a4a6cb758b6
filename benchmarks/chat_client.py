"""What the layers of the chat client cost against the bare openai client, on a server of its own process.

Run: python -m benchmarks.chat_client [CALLS]
"""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.connection import Connection

THREADS = 16
ROUNDS = 7
BODY = json.dumps(
    {
        "id": "c1",
        "object": "chat.completion",
        "created": 1,
        "model": "m",
        "choices": [
            {"index": 0, "message": {"role": "assistant", "content": "billing"}, "finish_reason": "stop"}
        ],
        "usage": {"prompt_tokens": 190, "completion_tokens": 3, "total_tokens": 193},
    }
).encode()
HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(BODY)


def serve(pipe: Connection, wait_s: float) -> None:
    """Answer every request with the same body after a while, until the process is ended."""

    async def one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = next(
                    int(line.split(b":")[1])
                    for line in head.lower().split(b"\r\n")
                    if line.startswith(b"content-length")
                )
                await reader.readexactly(length)
                if wait_s:
                    await asyncio.sleep(wait_s)
                writer.write(HEAD + BODY)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    async def main() -> None:
        server = await asyncio.start_server(one, "127.0.0.1", 0)
        pipe.send(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    asyncio.run(main())


def served(wait_s: float) -> tuple[multiprocessing.Process, str]:
    """A server process with its address."""
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.Process(target=serve, args=(theirs, wait_s), daemon=True)
    process.start()
    return process, f"http://127.0.0.1:{ours.recv()}/v1"


def callers(address: str, folder: str) -> dict[str, Callable[[int], object]]:
    """Ways to make one call; the number makes each question a new one."""
    import openai
    from langchain_openai import ChatOpenAI

    from flywheel.llm.gateway import Gateway, Keeping
    from flywheel.llm.providers import merged
    from flywheel.records.chat import ChatRequest, Message
    from flywheel.store.open import open_store

    bare = openai.OpenAI(base_url=address, api_key="none", max_retries=0)
    chain = ChatOpenAI(
        model="m", base_url=address, api_key="none", max_retries=0, use_responses_api=False, timeout=60
    )
    store = open_store(f"sqlite:///{folder}/bench.db")
    tables = {"providers": {"peer": {"base_url": address, "concurrency": 64}}}
    plain = Gateway(merged({**tables, "cache": {"enabled": False}}, "bench"), {})
    whole = Gateway(merged(tables, "bench"), {}, Keeping(store.model_calls, store.responses))
    asks = {"layers without store": plain.model("peer/m"), "all layers, SQLite": whole.model("peer/m")}
    whole.model("peer/m").complete(_request(ChatRequest, Message, -1))

    def through(name: str) -> Callable[[int], object]:
        return lambda number: asks[name].complete(_request(ChatRequest, Message, number))

    return {
        "openai": lambda number: bare.chat.completions.create(
            model="m", messages=[{"role": "user", "content": f"question {number}"}]
        ),
        "ChatOpenAI": lambda number: chain.invoke([{"role": "user", "content": f"question {number}"}]),
        "layers without store": through("layers without store"),
        "all layers, SQLite": through("all layers, SQLite"),
        "a kept answer": lambda _number: asks["all layers, SQLite"].complete(
            _request(ChatRequest, Message, -1)
        ),
    }


def _request(request: type, message: type, number: int) -> object:
    return request(model="peer/m", messages=(message(role="user", content=f"question {number}"),))


def cpu_ms(call: Callable[[int], object], calls: int, first: int) -> float:
    """CPU of this process for one call, in milliseconds, one after the other."""
    begun = time.process_time()
    for number in range(first, first + calls):
        call(number)
    return (time.process_time() - begun) * 1000.0 / calls


def per_second(call: Callable[[int], object], calls: int, first: int) -> float:
    """Calls a second from several threads."""
    with ThreadPoolExecutor(THREADS) as pool:
        begun = time.perf_counter()
        list(pool.map(call, range(first, first + calls)))
        return calls / (time.perf_counter() - begun)


def main() -> None:
    """Print CPU per call on an instant server, calls a second on one that takes 20 ms, as ratios."""
    calls = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    for wait_s, measure, unit in ((0.0, cpu_ms, "ms CPU a call"), (0.02, per_second, "calls/s, 16 threads")):
        server, address = served(wait_s)
        with tempfile.TemporaryDirectory() as folder:
            ways = callers(address, folder)
            for call in ways.values():
                call(-2)
            found: dict[str, list[float]] = {name: [] for name in ways}
            for round_ in range(ROUNDS):
                # In turn, so that a busy moment of the machine meets all of them.
                for name, call in ways.items():
                    found[name].append(measure(call, calls, (round_ + 1) * 1_000_000))
            pick = min if measure is cpu_ms else max
            base = pick(found["openai"])
            print(f"{unit}, server answers after {wait_s * 1000:.0f} ms, best of {ROUNDS} x {calls}")
            for name, values in found.items():
                best = pick(values)
                print(
                    f"  {name:<22} {best:9.2f}  {best / base:5.2f} x openai   "
                    f"(median {statistics.median(values):.2f})"
                )
        server.terminate()
        server.join()


if __name__ == "__main__":
    main()
