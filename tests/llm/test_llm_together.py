"""Work that callers share: group commits of answers, from threads and event loops."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from two_doors import both_doors, until

from flywheel.errors import StoreUnreachable
from flywheel.llm.answer_cache import AnswerCache
from flywheel.llm.together import Together
from flywheel.llm.ways import HERE, IN_LOOP, run_here
from flywheel.records.chat import ChatAnswer
from flywheel.records.provider import CacheSettings

PATIENCE_S = 30


class Gated:
    """Work that waits for a gate the first time; an AnswerStore too."""

    def __init__(self, fails=None):
        self.pieces, self.fails, self.gate = [], fails, threading.Event()

    def __call__(self, items):
        """Upper case, or the failure."""
        self.pieces.append(list(items))
        assert self.gate.wait(PATIENCE_S)
        if self.fails is not None:
            raise self.fails
        return [item.upper() for item in items]

    def put_many(self, answers, now):
        """As the work does."""
        self(answers)

    def get_many(self, keys, since):
        """Nothing is kept."""
        return {}


def all_done(door, work, items, is_waiting):
    """What each item gave, an error in its place; the first is under way before the others come."""
    first, others = items[0], items[1:]
    if door == "thread":

        def one(item):
            try:
                return run_here(work(item, HERE))
            except (StoreUnreachable, KeyboardInterrupt) as error:
                return error

        with ThreadPoolExecutor(len(items)) as pool:
            found = [pool.submit(one, first)]
            asyncio.run(until(lambda: is_waiting(0)))
            found += [pool.submit(one, item) for item in others]
            asyncio.run(until(lambda: is_waiting(len(others))))
            return [result.result() for result in found]

    async def looped():
        tasks = [asyncio.create_task(work(first, IN_LOOP))]
        await until(lambda: is_waiting(0))
        tasks += [asyncio.create_task(work(item, IN_LOOP)) for item in others]
        await until(lambda: is_waiting(len(others)))
        return await asyncio.gather(*tasks, return_exceptions=True)

    return asyncio.run(looped())


def opens_when_they_wait(gated, together):
    """Whether the work has begun and so many wait for its next piece; then the gate opens."""

    def are_waiting(number):
        is_so = bool(gated.pieces) and len(together._waiting) == number
        if is_so and number:
            gated.gate.set()
        return is_so

    return are_waiting


@both_doors
def test_who_comes_while_others_are_worked_on_shares_the_next_piece(door):
    """Five callers make two pieces, and each gets what is its own."""
    gated = Gated()
    together = Together(gated)
    found = all_done(door, together.done, list("abcde"), opens_when_they_wait(gated, together))

    assert found == list("ABCDE")
    assert [len(piece) for piece in gated.pieces] == [1, 4]


@both_doors
def test_answers_that_finish_at_once_share_a_commit(door):
    """While one commit is under way, the answers that come are kept together by the next, then given."""
    store = Gated()
    cache = AnswerCache(CacheSettings(), store)

    async def put(key, way):
        await cache.put(key, ChatAnswer(text=key, model="m"), way)
        return any(key in piece for piece in store.pieces)

    found = all_done(door, put, list("abcde"), opens_when_they_wait(store, cache._keeping))

    assert found == [True] * 5
    assert [len(piece) for piece in store.pieces] == [1, 4]


@pytest.mark.parametrize(
    ("door", "error"),
    [
        ("thread", StoreUnreachable("away")),
        ("loop", StoreUnreachable("away")),
        # Ctrl-C reaches the main thread only, which works for no event loop.
        ("thread", KeyboardInterrupt()),
    ],
)
def test_a_failure_is_told_to_all_of_its_piece(door, error):
    """Nobody waits for work that failed or was interrupted; each gets an error object of its own."""
    gated = Gated(error)
    together = Together(gated)
    found = all_done(door, together.done, list("abc"), opens_when_they_wait(gated, together))

    assert [type(one) for one in found] == [type(error)] * 3
    assert len({id(one) for one in found}) == 3
    gated.fails = None
    assert run_here(together.done("d", HERE)) == "D"


def test_an_answer_of_a_task_that_gives_up_is_kept():
    """Cancelling who waits for a commit takes nothing out of it, and holds nobody else up."""
    gated = Gated()
    together = Together(gated)

    async def given_up():
        tasks = [asyncio.create_task(together.done(item, IN_LOOP)) for item in "abc"]
        await until(lambda: gated.pieces and len(together._waiting) == 3 - len(gated.pieces[0]))
        for task in tasks[:2]:
            task.cancel()
        await asyncio.gather(*tasks[:2], return_exceptions=True)
        gated.gate.set()
        return await tasks[2]

    assert asyncio.run(given_up()) == "C"
    assert sorted(item for piece in gated.pieces for item in piece) == list("abc")
