"""LangChain calls that a test makes are attached to it without any code in the test."""

from __future__ import annotations

import sys

import pytest
from captured_runs import executions, facts, only, run, run_apart

from flywheel.capture import langchain_callback
from flywheel.capture.langchain_watch import AWAITED, LangChainWatch

pytest_plugins = ["pytester"]
context = pytest.importorskip("langchain_core.tracers.context")


def test_a_chain(pytester: pytest.Pytester):
    """The messages, the answer and the latency of a chat model inside a chain are the execution's."""
    pytester.makepyfile(
        """
        from langchain_core.language_models.fake_chat_models import FakeListChatModel
        from langchain_core.prompts import ChatPromptTemplate
        def test_it():
            asked = ChatPromptTemplate.from_messages([("system", "Route."), ("human", "{text}")])
            chain = asked | FakeListChatModel(responses=["billing"])
            assert chain.invoke({"text": "refund?"}).content == "billing"
        """
    )

    run(pytester)

    execution = only(pytester)
    assert execution.inputs == [
        {"role": "system", "content": "Route."},
        {"role": "human", "content": "refund?"},
    ]
    assert (execution.output, execution.model) == ("billing", "FakeListChatModel")
    assert execution.models[0].latency_ms is not None
    assert execution.input_tokens is None


def test_tokens_model_and_tools(pytester: pytest.Pytester):
    """Tokens, the model's own name and tool calls come from the answer."""
    pytester.makepyfile(
        """
        from langchain_core.language_models.fake_chat_models import GenericFakeChatModel
        from langchain_core.messages import AIMessage
        def answer():
            return AIMessage(
                content="", tool_calls=[{"name": "refund", "args": {"amount": 3}, "id": "t1"}],
                usage_metadata={"input_tokens": 30, "output_tokens": 4, "total_tokens": 34},
                response_metadata={"model_name": "small-1"},
            )
        def test_it(): GenericFakeChatModel(messages=iter([answer(), answer()])).batch(["a", "b"])
        """
    )

    run(pytester)

    execution = only(pytester)
    assert (execution.model, execution.input_tokens, execution.output_tokens) == ("small-1", 60, 8)
    assert facts(execution)["model_calls"] == 2
    assert isinstance(execution.output, dict)
    assert execution.output["tool_calls"][0]["args"] == {"amount": 3}


def test_coroutines_streams_and_threads(pytester: pytest.Pytester):
    """A call counts once, however it is made, for the test that made it."""
    pytester.makepyfile(
        """
        import asyncio, threading
        from langchain_core.language_models.fake import FakeListLLM
        model = FakeListLLM(responses=["yes"])
        def test_awaited(): asyncio.run(model.ainvoke("a"))
        def test_streamed(): assert "".join(model.stream("b")) == "yes"
        def test_in_a_thread():
            thread = threading.Thread(target=model.invoke, args=["c"])
            thread.start()
            thread.join()
        def test_none(): pass
        """
    )

    run(pytester)

    told = [(e.inputs, e.output, len(e.models)) for e in executions(pytester).values()]
    assert told == [("a", "yes", 1), ("b", "yes", 1), ("c", "yes", 1), (None, None, 0)]


def test_a_call_that_fails(pytester: pytest.Pytester):
    """A call that raises is kept with its error, and the test ends as it would without capture."""
    pytester.makepyfile(
        """
        import pytest
        from langchain_core.language_models.fake_chat_models import FakeListChatModel
        def test_it():
            with pytest.raises(Exception):
                list(FakeListChatModel(responses=["ab"], error_on_chunk_number=0).stream("a"))
        """
    )

    run(pytester)

    execution = only(pytester)
    assert (execution.outcome, execution.inputs) == ("passed", [{"role": "human", "content": "a"}])
    assert facts(execution)["calls"][0]["error"] == "FakeListChatModelError"


def test_the_test_has_the_last_word(pytester: pytest.Pytester):
    """What the test says itself replaces what the calls tell."""
    pytester.makepyfile(
        """
        from langchain_core.language_models.fake import FakeListLLM
        def test_it(flywheel_case):
            flywheel_case.inputs("question").output("answer").set(model="mine")
            FakeListLLM(responses=["yes"]).invoke("a")
        """
    )

    run(pytester)

    execution = only(pytester)
    assert (execution.inputs, execution.output, execution.model) == ("question", "answer", "mine")
    assert facts(execution)["calls"][0]["inputs"] == "a"


def test_a_late_import(pytester: pytest.Pytester):
    """A test that is the first of its process to import LangChain, in its own body, is heard as well."""
    pytester.makepyfile(
        """
        import sys
        def test_before(): assert "langchain_core" not in sys.modules
        def test_it():
            from langchain_core.language_models.fake import FakeListLLM
            FakeListLLM(responses=["yes"]).invoke("a")
        """
    )

    run_apart(pytester)

    assert [(e.outcome, e.output) for e in executions(pytester).values()] == [
        ("passed", None),
        ("passed", "yes"),
    ]


def test_nothing_stays_behind():
    """After the session LangChain knows no handler of ours, and imports are as before."""
    hooks, finders = list(context._configure_hooks), list(sys.meta_path)
    watch = LangChainWatch()

    watch.start()
    assert len(context._configure_hooks) == len(hooks) + 1
    watch.stop()

    assert list(context._configure_hooks) == hooks
    assert sys.meta_path == finders
    assert AWAITED in sys.modules
    assert langchain_callback.HANDLER._started == {}
