"""The block that says where alerts go, with the secrets for it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Annotated, Any, ClassVar, Literal

from prefect.blocks.core import Block
from pydantic import Field, SecretStr, TypeAdapter, ValidationError

from blocks.loading import load_block
from flywheel.errors import InputError
from flywheel.records.alerting import AnyChannel
from flywheel.settings import read_settings
from flywheel.watch.alerts_file import read_alerts
from flywheel.watch.channels import routes_of
from flywheel.watch.routes import Route

FIELDS = {
    "console": (),
    "file": ("path",),
    "email": ("host", "port", "security", "sender", "to", "user", "password_env"),
    "webhook": ("url_env", "form", "token_env"),
    "apprise": ("urls_env",),
}
"""Which fields of the form belong to which kind."""


class AlertChannelBlock(Block):
    """One way out for alerts; the fields below the kind are those of its kind.

    Attributes:
        kind: console, file, email, webhook or apprise.
        least: least severity it is told.
        timeout_s: longest silence of a server.
        path: of a file; relative ones lie in FLYWHEEL_HOME of the worker.
        host, port, security, sender, to, user, password: of e-mail.
        url, form, token: of a webhook; slack is one text, json the fields of the alert.
        urls: of Apprise, apart by spaces.

    Examples:
        >>> block = AlertChannelBlock(kind="webhook", url="https://hooks.example.com/hunter2")
        >>> "hunter2" in repr(block) + repr(block.route("ours"))
        False
    """

    _block_type_name: ClassVar[str | None] = "Flywheel Alert Channel"
    _block_type_slug: ClassVar[str | None] = "flywheel-alert-channel"
    _description: ClassVar[str | None] = "Where alerts go: console, file, e-mail, webhook, Apprise."

    kind: Literal["console", "file", "email", "webhook", "apprise"] = Field(default="console", title="Kind")
    least: Literal["critical", "high", "medium", "low", "info"] = Field(
        default="medium", title="Least severity", description="what is less is not told here"
    )
    timeout_s: Annotated[float, Field(gt=0)] = Field(default=10.0, title="Timeout (s)")
    path: str | None = Field(default=None, title="Path", description="file: where the JSON lines go")
    host: str | None = Field(default=None, title="Host", description="email: the server")
    port: Annotated[int, Field(ge=1, le=65_535)] | None = Field(
        default=None, title="Port", description="email; empty: 587, or 465 with ssl"
    )
    security: Literal["starttls", "ssl", "none"] = Field(
        default="starttls", title="Security", description="email"
    )
    sender: str | None = Field(default=None, title="Sender", description="email: an address")
    to: list[str] = Field(default_factory=list, title="To", description="email: addresses")
    user: str | None = Field(default=None, title="User", description="email; empty: no login")
    password: SecretStr | None = Field(default=None, title="Password", description="email")
    url: SecretStr | None = Field(default=None, title="Address", description="webhook")
    form: Literal["json", "slack"] = Field(default="json", title="Form", description="webhook")
    token: SecretStr | None = Field(default=None, title="Token", description="webhook: sent as Bearer")
    urls: SecretStr | None = Field(
        default=None, title="Addresses of Apprise", description="apprise: apart by spaces"
    )

    @property
    def is_saved(self) -> bool:
        """Whether Prefect has it; the stand-in for an unsaved `default` is not."""
        return self._block_document_id is not None

    def route(self, name: str) -> Route:
        """The way out under a name; nothing is opened, nothing sent.

        Raises:
            InputError: the kind needs a field that is empty.
        """
        secrets = {
            field: secret.get_secret_value()
            for field in ("password", "url", "token", "urls")
            if (secret := getattr(self, field)) is not None
        }
        fields = {**self.model_dump(), **{f"{field}_env": field for field in secrets}}
        own: dict[str, Any] = {k: fields[k] for k in FIELDS[self.kind] if fields.get(k) is not None}
        shared = {"kind": self.kind, "name": name, "least": self.least, "timeout_s": self.timeout_s}
        try:
            settings: AnyChannel = TypeAdapter(AnyChannel).validate_python({**own, **shared})
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            field = str(first["loc"][-1]).removesuffix("_env")
            msg = (
                f"Alert channel block {name!r} of kind {self.kind!r}: {field}: {first['msg']}. "
                "Nothing was started. Fill it in, in the UI under Blocks."
            )
            raise InputError(msg) from error
        (route,) = routes_of([settings], secrets, read_settings().home)
        return route


def alert_routes(names: Sequence[str]) -> tuple[Route, ...]:
    """Ways out for the names of saved blocks.

    Args:
        names: of the blocks; an unsaved `default` stands for the alerts file of the worker, else a console.

    Raises:
        InputError: no block of a name, or one lacks a field of its kind.
    """
    routes: list[Route] = []
    for name in dict.fromkeys(names):
        block = load_block(AlertChannelBlock, name)
        if block.is_saved:
            routes.append(block.route(name))
        else:
            config = read_alerts(os.environ)
            routes += routes_of(config.channels.values(), os.environ, read_settings().home)
    return tuple(routes)
