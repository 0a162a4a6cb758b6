"""Equal questions of threads with event loops: one call, whoever leaves."""

from __future__ import annotations

import asyncio
import gc
import threading

import pytest
from two_doors import until

from flywheel.errors import ModelErrorKind, ModelUnavailable
from flywheel.llm.single_flight import SingleFlight
from flywheel.llm.ways import HERE, IN_LOOP, run_here
from flywheel.records.chat import ChatAnswer

WHOLE = ChatAnswer(text="dob", model="m")


class Asking:
    """A call that is answered when it may be."""

    def __init__(self):
        self.asked = self.left = 0
        self.may_end = asyncio.Event()

    async def __call__(self):
        """The answer."""
        self.asked += 1
        try:
            await self.may_end.wait()
        except asyncio.CancelledError:
            self.left += 1
            raise
        return WHOLE


async def begun(flights, ask, callers):
    """Tasks with equal questions, all of them under way."""
    tasks = [asyncio.create_task(flights.call("k", ask, 30, IN_LOOP)) for _ in range(callers)]
    await until(lambda: ask.asked)
    return tasks


def test_equal_questions_of_tasks_are_asked_once():
    """Eight tasks of one loop make one call, and seven know that it was another's."""

    async def eight():
        ask = Asking()
        tasks = await begun(SingleFlight(), ask, 8)
        ask.may_end.set()
        found = await asyncio.gather(*tasks)
        return ask.asked, [is_shared for _, is_shared in found]

    assert asyncio.run(eight()) == (1, [False] + [True] * 7)


@pytest.mark.parametrize("cancelled", [[3], [0], [0, 1, 2], [3, 1, 0]])
def test_cancelling_some_of_several_cancels_no_other(cancelled):
    """Who leaves is not missed, also who was first; the one call goes on for those who stay."""

    async def four():
        ask = Asking()
        tasks = await begun(SingleFlight(), ask, 4)
        for number in cancelled:
            tasks[number].cancel()
            await until(tasks[number].done)
        ask.may_end.set()
        found = await asyncio.gather(*tasks, return_exceptions=True)
        left = [number for number, one in enumerate(found) if isinstance(one, asyncio.CancelledError)]
        return ask.asked, left, {one[0].text for number, one in enumerate(found) if number not in left}

    assert asyncio.run(four()) == (1, sorted(cancelled), {"dob"})


def test_the_last_who_leaves_ends_the_call():
    """A call that nobody wants any more is over before its last caller is; the next one asks anew."""

    async def all_leave():
        flights, ask = SingleFlight(), Asking()
        tasks = await begun(flights, ask, 3)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        assert ask.left == 1
        ask.may_end.set()
        return await flights.call("k", ask, 30, IN_LOOP)

    assert asyncio.run(all_leave()) == (WHOLE, False)


def test_a_call_of_a_loop_goes_on_for_a_thread():
    """The task that began it leaves; the thread that waits gets the answer, and no second call is made."""
    flights, ask = SingleFlight(), Asking()

    async def never():
        raise AssertionError("asked anew")

    async def begins():
        (task,) = await begun(flights, ask, 1)
        thread = asyncio.create_task(asyncio.to_thread(lambda: run_here(flights.call("k", never, 30, HERE))))
        await until(lambda: flights._flights["k"].waiting)
        task.cancel()
        await until(task.done)
        ask.may_end.set()
        return await thread

    assert asyncio.run(begins()) == (WHOLE, True)


def test_a_thread_that_gives_up_last_ends_the_call_of_a_loop():
    """Nobody is left to want the answer, so the loop drops the call."""
    flights, ask = SingleFlight(), Asking()

    async def begins():
        (task,) = await begun(flights, ask, 1)
        hasty = asyncio.create_task(asyncio.to_thread(lambda: run_here(flights.call("k", ask, 0.2, HERE))))
        await until(lambda: flights._flights["k"].waiting)
        task.cancel()
        with pytest.raises(ModelUnavailable, match="equal call"):
            await hasty
        await until(lambda: ask.left)

    asyncio.run(begins())
    assert ask.asked == 1


def test_a_failure_that_nobody_waited_for_is_told_to_those_who_stay(caplog):
    """The first one leaves, the call fails: the others get the error, and no task complains of it."""

    async def fails():
        asked.append(1)
        await may_end.wait()
        raise ModelUnavailable("busy", kind=ModelErrorKind.SERVER)

    async def two():
        flights = SingleFlight()
        tasks = [asyncio.create_task(flights.call("k", fails, 30, IN_LOOP)) for _ in range(2)]
        await until(lambda: asked)
        tasks[0].cancel()
        await until(tasks[0].done)
        may_end.set()
        with pytest.raises(ModelUnavailable, match="busy"):
            await tasks[1]

    asked, may_end = [], asyncio.Event()
    asyncio.run(two())
    gc.collect()
    assert asked == [1]
    assert caplog.records == []


def test_a_thread_waits_for_the_call_of_a_loop():
    """Both get the one answer, and so does a loop that waits for a thread's call."""
    flights, asked, may_end = SingleFlight(), [], threading.Event()

    async def in_loop():
        asked.append("loop")
        await asyncio.to_thread(may_end.wait, 30)
        return WHOLE

    async def in_thread():
        asked.append("thread")
        may_end.wait(30)
        return WHOLE

    def waits():
        return run_here(flights.call("k", in_thread, 30, HERE))

    async def both():
        mine = asyncio.create_task(flights.call("k", in_loop, 30, IN_LOOP))
        await until(lambda: asked)
        thread = asyncio.create_task(asyncio.to_thread(waits))
        await until(lambda: flights._flights["k"].waiting)
        may_end.set()
        return await asyncio.gather(mine, thread)

    first = asyncio.run(both())
    may_end.clear()

    async def other_way():
        thread = asyncio.create_task(asyncio.to_thread(waits))
        await until(lambda: len(asked) == 2)
        mine = asyncio.create_task(flights.call("k", in_loop, 30, IN_LOOP))
        await until(lambda: flights._flights["k"].waiting)
        may_end.set()
        return await asyncio.gather(thread, mine)

    second = asyncio.run(other_way())

    assert asked == ["loop", "thread"]
    assert [is_shared for _, is_shared in (*first, *second)] == [False, True, False, True]


def test_a_blocking_call_inside_a_loop_does_not_wait_for_that_loop():
    """The call under way could not end while the thread of its loop waits, so it is made a second time."""

    async def inside():
        flights, ask = SingleFlight(), Asking()
        (task,) = await begun(flights, ask, 1)

        async def at_once():
            return WHOLE

        answer, is_shared = run_here(flights.call("k", at_once, 30, HERE))
        ask.may_end.set()
        await task
        return answer.text, is_shared

    assert asyncio.run(inside()) == ("dob", False)


def test_a_call_that_hangs_does_not_hold_up_who_has_less_time():
    """A task gives up waiting for an equal call at its own deadline."""

    async def hasty():
        flights, ask = SingleFlight(), Asking()
        (task,) = await begun(flights, ask, 1)
        with pytest.raises(ModelUnavailable, match="equal call") as caught:
            await flights.call("k", ask, 0.01, IN_LOOP)
        ask.may_end.set()
        await task
        return caught.value.kind

    assert asyncio.run(hasty()) is ModelErrorKind.TIMEOUT
