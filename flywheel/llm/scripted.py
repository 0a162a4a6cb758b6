"""A chat model whose answers are written down: the double for tests of prompts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from flywheel.errors import ModelUnavailable
from flywheel.records.chat import ChatAnswer, ChatRequest


@dataclass(frozen=True, slots=True)
class ScriptedModel:
    """Answers by a function of the request; None is a call that fails.

    It is for tests, ours and yours: no network, no cost, the same answer each
    time. Tokens, cost and latency stay unknown.

    Args:
        answer: gives the text, or None for a model that does not answer.

    Examples:
        >>> from flywheel.records.chat import Message
        >>> model = ScriptedModel(lambda request: request.messages[-1].content.upper())
        >>> request = ChatRequest(model="scripted", messages=(Message(role="user", content="hi"),))
        >>> model.complete(request).text
        'HI'
    """

    answer: Callable[[ChatRequest], str | None]

    @property
    def remote(self) -> bool:
        """It answers in this process."""
        return False

    def complete(self, request: ChatRequest) -> ChatAnswer:
        """The written answer.

        Raises:
            ModelUnavailable: the script says None.
        """
        text = self.answer(request)
        if text is None:
            msg = f"Model {request.model!r} did not answer: its script says so. Nothing was kept."
            raise ModelUnavailable(msg)
        return ChatAnswer(text=text, model=request.model)

    async def acomplete(self, request: ChatRequest) -> ChatAnswer:
        """The same, for an event loop.

        Raises:
            ModelUnavailable: as for `complete`.
        """
        return self.complete(request)
