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
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack
from multiprocessing.connection import Connection

from benchmarks.peers import beside

AT_ONCE = 16
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
Ask = Callable[[int], object]
AsyncAsk = Callable[[int], Awaitable[object]]
Many = Callable[[int, int], object]
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


def callers(address: str, folder: str, ending: AsyncExitStack) -> tuple[dict[str, Ask], dict[str, AsyncAsk]]:
    """Ways to make one call, blocking ones and those of a loop; the number makes each question a new one."""
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

    blocking: dict[str, Ask] = {
        "openai": lambda number: bare.chat.completions.create(model="m", messages=_messages(number)),
        "ChatOpenAI": lambda number: chain.invoke(_messages(number)),
        "layers without store": through("layers without store"),
        "all layers, SQLite": through("all layers, SQLite"),
        "a kept answer": lambda _number: asks["all layers, SQLite"].complete(
            _request(ChatRequest, Message, -1)
        ),
    }
    loop_bare = openai.AsyncOpenAI(base_url=address, api_key="none", max_retries=0)
    ending.push_async_callback(loop_bare.close)
    in_loop: dict[str, AsyncAsk] = {
        "AsyncOpenAI": lambda number: loop_bare.chat.completions.create(
            model="m", messages=_messages(number)
        ),
        "ChatOpenAI.ainvoke": lambda number: chain.ainvoke(_messages(number)),
        **{
            f"{name}, in a loop": lambda number, model=model: model.acomplete(
                _request(ChatRequest, Message, number + 500_000)
            )
            for name, model in asks.items()
        },
        "a kept answer, in a loop": lambda _number: asks["all layers, SQLite"].acomplete(
            _request(ChatRequest, Message, -1)
        ),
    }
    return blocking, in_loop


def _messages(number: int) -> list[dict[str, str]]:
    return [{"role": "user", "content": f"question {number}"}]


def _request(request: type, message: type, number: int) -> object:
    return request(model="peer/m", messages=(message(role="user", content=f"question {number}"),))


def one_by_one(call: Ask, calls: int, first: int) -> None:
    """Calls of one thread, one after the other."""
    for number in range(first, first + calls):
        call(number)


def by_threads(call: Ask, calls: int, first: int) -> None:
    """Calls from several threads."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(call, range(first, first + calls)))


async def by_tasks(call: AsyncAsk, calls: int, first: int, at_once: int) -> None:
    """Calls of one loop, so many at once."""
    numbers = iter(range(first, first + calls))

    async def some() -> None:
        for number in numbers:
            await call(number)

    await asyncio.gather(*(some() for _ in range(at_once)))


def ways(
    address: str, folder: str, running: tuple[asyncio.Runner, AsyncExitStack], at_once: int
) -> dict[str, Many]:
    """Every way to make many calls, by name."""
    runner, ending = running
    blocking, in_loop = callers(address, folder, ending)
    many = one_by_one if at_once == 1 else by_threads
    found: dict[str, Many] = {
        name: lambda calls, first, call=call: many(call, calls, first) for name, call in blocking.items()
    }
    for name, call in in_loop.items():
        found[name] = lambda calls, first, call=call: runner.run(by_tasks(call, calls, first, at_once))
    return found


def measured(many: Many, calls: int, first: int, at_once: int) -> float:
    """CPU of this process a call in ms for one after the other, calls a second for several at once."""
    clock = time.process_time if at_once == 1 else time.perf_counter
    begun = clock()
    many(calls, first)
    took = clock() - begun
    return took * 1000.0 / calls if at_once == 1 else calls / took


def main() -> None:
    """Print CPU per call on an instant server, calls a second on one that takes 20 ms, as ratios."""
    print(beside("openai", "langchain-openai"))
    calls = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    for wait_s, at_once, unit in ((0.0, 1, "ms CPU a call"), (0.02, AT_ONCE, f"calls/s, {AT_ONCE} at once")):
        server, address = served(wait_s)
        with tempfile.TemporaryDirectory() as folder, asyncio.Runner() as runner:
            found: dict[str, list[float]] = {}
            ending = AsyncExitStack()
            all_ways = ways(address, folder, (runner, ending), at_once)
            for many in all_ways.values():
                many(1, -2)
            for round_ in range(ROUNDS):
                # In turn, so that a busy moment of the machine meets all of them.
                for name, many in all_ways.items():
                    found.setdefault(name, []).append(
                        measured(many, calls, (round_ + 1) * 1_000_000, at_once)
                    )
            pick = min if at_once == 1 else max
            base = pick(found["openai"])
            print(f"{unit}, server answers after {wait_s * 1000:.0f} ms, best of {ROUNDS} x {calls}")
            for name, values in found.items():
                best = pick(values)
                print(
                    f"  {name:<32} {best:9.2f}  {best / base:5.2f} x openai   "
                    f"(median {statistics.median(values):.2f})"
                )
            # While the loop still runs: a client that is left over complains when it is gone.
            runner.run(ending.aclose())
        server.terminate()
        server.join()


if __name__ == "__main__":
    main()
