"""The block that says which language model answers, with whose key."""

from __future__ import annotations

import os
from typing import Annotated, ClassVar

from prefect.blocks.core import Block
from pydantic import Field, SecretStr

from blocks.loading import load_block
from blocks.provider import provider_block
from flywheel.cycle import SystemClock
from flywheel.llm.gateway import Gateway, Keeping
from flywheel.llm.names import embedded_names
from flywheel.llm.providers import read_config
from flywheel.llm.runner import Models, Runner
from flywheel.ports import AsyncChatModel

ENVIRONMENT_SERVER = frozenset(
    {"FLYWHEEL_LLM_BASE_URL", "FLYWHEEL_LLM_API_KEY", "OPENAI_BASE_URL", "OPENAI_API_KEY"}
)
"""What the environment says of one server; a block that names another takes none of it."""


class ChatModelBlock(Block):
    """A model's name, address and key; without them the worker's environment decides.

    Attributes:
        model: used where a run names a suite but no model; None leaves the run on recorded executions.
        base_url: OpenAI-compatible address; None reads FLYWHEEL_LLM_BASE_URL, then OPENAI_BASE_URL.
        api_key: key for that address; None reads the variable that belongs to it.
        providers: names of Flywheel Provider blocks, whose keys and limits go over the models file.
        concurrency: most calls under way at once; the embedded model computes one by one.

    Examples:
        >>> block = ChatModelBlock(base_url="http://127.0.0.1:9/v1", api_key="secret")
        >>> "secret" in repr(block)
        False
        >>> block.chat("embedded-small").variant.name
        'embedded-small'
    """

    _block_type_name: ClassVar[str | None] = "Flywheel Chat Model"
    _block_type_slug: ClassVar[str | None] = "flywheel-chat-model"
    _description: ClassVar[str | None] = "The language model that answers in live experiments."

    model: str | None = Field(
        default=None,
        title="Model",
        description="embedded-medium, openai:MODEL, ... Used where a run names none.",
    )
    base_url: str | None = Field(
        default=None, title="Base URL", description="OpenAI-compatible. Empty: environment of the worker."
    )
    api_key: SecretStr | None = Field(
        default=None, title="API key", description="Empty: environment of the worker."
    )
    providers: list[str] = Field(
        default_factory=list,
        title="Providers",
        description="Names of Flywheel Provider blocks. Empty: models file and environment of the worker.",
    )
    concurrency: Annotated[int, Field(ge=1, le=256)] = Field(default=8, title="Calls at once")

    def chat(self, name: str) -> AsyncChatModel:
        """A model by name, at this block's address; nothing is sent yet.

        Raises:
            UnknownName: no such embedded model, and no address or key for another.
        """
        return self.gateway().model(name)

    def gateway(self, keeping: Keeping | None = None) -> Gateway:
        """The models of this block; close it to bring its ledger to the store.

        Args:
            keeping: the store's part; None keeps the ledger in the process.

        Raises:
            InputError: the models file cannot be read, or there is no provider block of a name.
        """
        environ = self._environ()
        config = read_config(environ)
        for name in self.providers:
            config, keys = provider_block(name).over(config)
            environ.update(keys)
        return Gateway(config, environ, keeping)

    def runner(
        self, gateway: Gateway | None = None, model: str | None = None, judges: Models | None = None
    ) -> Runner:
        """What runs cases through the models of this block; a suite's judge is asked in the same place.

        Args:
            gateway: of this block; None makes one without a store.
            model: that answers; the embedded ones answer the same at any time and get no time stamp.
            judges: gives models that judge; None takes those that answer.
        """
        models = (gateway or self.gateway()).model
        name = model or self.model
        clock = None if name is None or name in embedded_names() else SystemClock()
        return Runner(models, self.concurrency, clock, judges=models if judges is None else judges)

    def _environ(self) -> dict[str, str]:
        if self.base_url is None and self.api_key is None:
            return dict(os.environ)
        # Address and key go together: a key never travels to another's address.
        own = {name: value for name, value in os.environ.items() if name not in ENVIRONMENT_SERVER}
        own["FLYWHEEL_LLM_BASE_URL"] = self.base_url or ""
        own["FLYWHEEL_LLM_API_KEY"] = self.api_key.get_secret_value() if self.api_key else ""
        return own


def model_block(name: str) -> ChatModelBlock:
    """The model block of a name; `default` needs no saved one.

    Raises:
        InputError: no block of that name.
    """
    return load_block(ChatModelBlock, name)
