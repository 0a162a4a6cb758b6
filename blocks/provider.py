"""The block that holds the address of one provider of models, with its key."""

from __future__ import annotations

from typing import Annotated, ClassVar

from prefect.blocks.core import Block
from pydantic import Field, SecretStr

from blocks.loading import load_block
from flywheel.records.provider import ModelsConfig, Provider


class ProviderBlock(Block):
    """One provider: its fields go over what the models file says of it.

    Attributes:
        provider: name of a shipped provider, of one in the models file, or a new one.
        base_url: up to and including `/v1`; None keeps the known address.
        api_key: key for that address; None reads the variable the provider names, for the known address only.
        requests_per_minute, tokens_per_minute: limits of the account; None keeps the known ones.
        concurrency: most calls at once; None keeps the known number.

    Examples:
        >>> block = ProviderBlock(provider="groq", api_key="secret")
        >>> "secret" in repr(block)
        False
        >>> from flywheel.llm.providers import read_config
        >>> config, keys = block.over(read_config({"FLYWHEEL_HOME": "/nowhere"}))
        >>> config.providers["groq"].base_url, list(keys.values())
        ('https://api.groq.com/openai/v1', ['secret'])
    """

    _block_type_name: ClassVar[str | None] = "Flywheel Provider"
    _block_type_slug: ClassVar[str | None] = "flywheel-provider"
    _description: ClassVar[str | None] = "A provider of language models: address, key, limits."

    provider: str = Field(title="Provider", description="openai, groq, gemini, anthropic, ollama, vllm, ...")
    base_url: str | None = Field(default=None, title="Base URL", description="Empty: the known address.")
    api_key: SecretStr | None = Field(
        default=None, title="API key", description="Empty: the environment of the worker."
    )
    requests_per_minute: Annotated[float, Field(gt=0)] | None = Field(default=None, title="Requests a minute")
    tokens_per_minute: Annotated[float, Field(gt=0)] | None = Field(default=None, title="Tokens a minute")
    concurrency: Annotated[int, Field(ge=1, le=1024)] | None = Field(default=None, title="Calls at once")

    def over(self, config: ModelsConfig) -> tuple[ModelsConfig, dict[str, str]]:
        """A configuration with this provider in it, and its key by the name the provider then has for it.

        Args:
            config: what is known without the block.
        """
        known = config.providers.get(self.provider) or Provider(name=self.provider)
        fields = ("base_url", "requests_per_minute", "tokens_per_minute", "concurrency")
        update = {name: value for name in fields if (value := getattr(self, name)) is not None}
        keys: dict[str, str] = {}
        if self.api_key is not None:
            # No environment variable can have such a name, so that none is overwritten.
            update["api_key_env"] = f"block:{self.provider}"
            keys[str(update["api_key_env"])] = self.api_key.get_secret_value()
        elif self.base_url not in (None, known.base_url):
            update["api_key_env"] = None
        providers = {**config.providers, self.provider: known.model_copy(update=update)}
        return config.model_copy(update={"providers": providers}), keys


def provider_block(name: str) -> ProviderBlock:
    """The saved provider block of a name.

    Raises:
        InputError: no block of that name.
    """
    return load_block(ProviderBlock, name)
