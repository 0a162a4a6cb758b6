"""The block that says whose LangSmith is read."""

from __future__ import annotations

import os
from typing import ClassVar

from prefect.blocks.core import Block
from pydantic import Field, SecretStr

from blocks.loading import load_block
from flywheel.llm.langsmith_api import DEFAULT_ENDPOINT, LangSmithAccess, langsmith_access


class LangSmithBlock(Block):
    """Key with address of a LangSmith; without them the worker's environment decides.

    Attributes:
        api_key: None reads LANGSMITH_API_KEY where the flow runs; without that one LangSmith is left alone.
        endpoint: None reads LANGSMITH_ENDPOINT, else the vendor's address.
        workspace_id: for keys of an organisation.
        project: read where a run names none; None reads LANGSMITH_PROJECT, else `default`.

    Examples:
        >>> block = LangSmithBlock(api_key="secret", endpoint="http://127.0.0.1:9")
        >>> "secret" in repr(block), "secret" in repr(block.access())
        (False, False)
        >>> block.access().base_url
        'http://127.0.0.1:9'
    """

    _block_type_name: ClassVar[str | None] = "Flywheel LangSmith"
    _block_type_slug: ClassVar[str | None] = "flywheel-langsmith"
    _description: ClassVar[str | None] = "The LangSmith whose production runs become evidence."

    api_key: SecretStr | None = Field(
        default=None, title="API key", description="Empty: LANGSMITH_API_KEY of the worker."
    )
    endpoint: str | None = Field(
        default=None, title="Address", description="Empty: LANGSMITH_ENDPOINT of the worker."
    )
    workspace_id: str | None = Field(default=None, title="Workspace id of LangSmith")
    project: str | None = Field(
        default=None, title="Project", description="Empty: LANGSMITH_PROJECT of the worker, else `default`."
    )

    def access(self) -> LangSmithAccess | None:
        """Key with address; None where there is no key anywhere."""
        if self.api_key is None:
            return langsmith_access(os.environ)
        # Key and address go together: a key never travels to another's address.
        key = self.api_key.get_secret_value()
        return LangSmithAccess(key, self.endpoint or DEFAULT_ENDPOINT, self.workspace_id)

    def project_or(self, asked: str | None) -> str:
        """The project a run asks for, else the one of the block, else that of the environment."""
        return asked or self.project or os.environ.get("LANGSMITH_PROJECT") or "default"


def langsmith_block(name: str) -> LangSmithBlock:
    """The LangSmith block of a name; `default` needs no saved one.

    Raises:
        InputError: no block of that name.
    """
    return load_block(LangSmithBlock, name)
