"""A LangChain handler that adds each model call to the test that makes it.

Importing this file imports `langchain_core`; `langchain_watch` does so only
where the tests have done it before.
"""

from __future__ import annotations

import time
from contextvars import ContextVar
from typing import Any, Final
from uuid import UUID

from langchain_core.callbacks.base import BaseCallbackHandler
from langchain_core.messages import BaseMessage
from langchain_core.outputs import LLMResult
from langchain_core.tracers import context

from flywheel.capture.pytest_case import CASE, ModelCall, Said


class CaseCallback(BaseCallbackHandler):
    """Tells the running test of every model call: messages, answer, model, tokens, latency.

    A call belongs to the test that ran when it started, whichever thread it
    ends in. LangChain logs what a handler raises, so it cannot fail a test.
    """

    run_inline = True
    ignore_agent = ignore_chain = ignore_retriever = ignore_retry = ignore_custom_event = True

    def __init__(self) -> None:
        self._started: dict[UUID, tuple[Said, float, dict[str, Any]]] = {}

    def on_chat_model_start(
        self,
        serialized: dict[str, Any],
        messages: list[list[BaseMessage]],
        *,
        run_id: UUID,
        **facts: Any,  # noqa: ANN401 (LangChain's own signature)
    ) -> None:
        """A chat model is asked."""
        asked = [[_message(message) for message in batch] for batch in messages]
        self._start(run_id, serialized, asked[0] if len(asked) == 1 else asked, facts)

    def on_llm_start(
        self,
        serialized: dict[str, Any],
        prompts: list[str],
        *,
        run_id: UUID,
        **facts: Any,  # noqa: ANN401
    ) -> None:
        """A completion model is asked."""
        self._start(run_id, serialized, prompts[0] if len(prompts) == 1 else prompts, facts)

    def on_llm_end(self, response: LLMResult, *, run_id: UUID, **_: Any) -> None:  # noqa: ANN401
        """It answered."""
        said, began, call = self._started.pop(run_id, (None, 0.0, {}))
        if said is None:
            return
        model, used = _used(response)
        facts: ModelCall = {
            "inputs": call["inputs"],
            "output": _answer(response),
            "latency_ms": _since_ms(began),
            **used,
        }
        said.call(model or call["model"], facts)

    def on_llm_error(self, error: BaseException, *, run_id: UUID, **_: Any) -> None:  # noqa: ANN401
        """It did not."""
        said, began, call = self._started.pop(run_id, (None, 0.0, {}))
        if said is not None:
            what = f"{type(error).__name__}: {error}".removesuffix(": ")
            facts: ModelCall = {"inputs": call["inputs"], "latency_ms": _since_ms(began), "error": what}
            said.call(call["model"], facts)

    def _start(
        self, run_id: UUID, serialized: dict[str, Any] | None, inputs: object, facts: dict[str, Any]
    ) -> None:
        asked = facts.get("metadata") or {}
        settings = facts.get("invocation_params") or {}
        model = (
            asked.get("ls_model_name")
            or settings.get("model")
            or settings.get("model_name")
            or facts.get("name")
            or ((serialized or {}).get("id") or ["unknown"])[-1]
        )
        self._started[run_id] = (CASE.said, time.perf_counter(), {"model": str(model), "inputs": inputs})


HANDLER: Final = CaseCallback()
_VARIABLE: Final[ContextVar[CaseCallback | None]] = ContextVar("flywheel_case_callback", default=HANDLER)
"""A default, and not a value that is set, so that threads and tasks of any origin see it."""


def attach() -> None:
    """Have every LangChain run of this process tell `HANDLER` of its model calls."""
    detach()
    context.register_configure_hook(_VARIABLE, inheritable=True)


def detach() -> None:
    """Take `HANDLER` away again."""
    hooks = context._configure_hooks  # noqa: SLF001 (LangChain has a way in and none out)
    hooks[:] = [hook for hook in hooks if hook[0] is not _VARIABLE]


def _since_ms(began: float) -> float:
    return round((time.perf_counter() - began) * 1000.0, 3)


def _message(message: BaseMessage) -> dict[str, Any]:
    told: dict[str, Any] = {"role": message.type, "content": message.content}
    tool_calls = getattr(message, "tool_calls", None)
    if tool_calls:
        told["tool_calls"] = tool_calls
    return told


def _answer(response: LLMResult) -> object:
    answers = [_generation(choices[0]) for choices in response.generations if choices]
    return answers[0] if len(answers) == 1 else answers


def _generation(choice: Any) -> object:  # noqa: ANN401 (a chat or a text generation)
    message = getattr(choice, "message", None)
    if message is None:
        return choice.text
    told = _message(message)
    return told["content"] if "tool_calls" not in told else told


def _used(response: LLMResult) -> tuple[str | None, ModelCall]:
    messages = [
        getattr(choice, "message", None) for choices in response.generations for choice in choices[:1]
    ]
    known = [message for message in messages if message is not None]
    whole = response.llm_output or {}
    named = (message.response_metadata.get("model_name") for message in known)
    model = next(filter(None, named), None) or whole.get("model_name")
    usages = [message.usage_metadata for message in known if getattr(message, "usage_metadata", None)]
    if usages and len(usages) == len(messages):
        return model, {
            "input_tokens": sum(usage["input_tokens"] for usage in usages),
            "output_tokens": sum(usage["output_tokens"] for usage in usages),
        }
    counted = whole.get("token_usage") or {}
    return model, {
        "input_tokens": counted.get("prompt_tokens"),
        "output_tokens": counted.get("completion_tokens"),
    }
