"""How alerts are told: when, how often, through which channels."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from flywheel.records.alert import Severity
from flywheel.records.base import Name, NonNegative, Record
from flywheel.records.quality import QualitySettings

Positive = Annotated[float, Field(gt=0)]


class AlertSettings(Record):
    """When an alert is told, when it rises.

    Attributes:
        least: below it nothing is raised.
        cooldown_minutes: least time between two notices about one subject, unless it gets worse.
        longest_cooldown_minutes: an open alert that is raised again is told again after one
            cooldown, then two, four, eight, up to this.
        escalate_after_minutes: an alert nobody acknowledges for so long rises one severity; 0 is never.
            Low or info never do.
        escalate_after_times: the same after it was raised so often; 0 is never.
        deadline_s: longest time a caller waits for all channels together.
    """

    least: Severity = Severity.INFO
    cooldown_minutes: NonNegative = 15.0
    longest_cooldown_minutes: NonNegative = 240.0
    escalate_after_minutes: NonNegative = 30.0
    escalate_after_times: Annotated[int, Field(ge=0)] = 3
    deadline_s: Annotated[float, Field(gt=0, le=50)] = 15.0


class ChannelSettings(Record):
    """What all channels have.

    Attributes:
        name: of the channel.
        least: least severity it is told.
        timeout_s: longest silence of a server.
    """

    name: Name
    least: Severity = Severity.MEDIUM
    timeout_s: Positive = 10.0


class ConsoleSettings(ChannelSettings):
    """Lines on stderr."""

    kind: Literal["console"] = "console"


class FileSettings(ChannelSettings):
    """A file of JSON lines.

    Attributes:
        path: of the file.
        most_bytes: size from which it becomes `PATH.1`, and a new one begins.
        keep: such older files.
    """

    kind: Literal["file"] = "file"
    least: Severity = Severity.INFO
    path: Annotated[str, Field(min_length=1)]
    most_bytes: Annotated[int, Field(ge=1_000)] = 10_000_000
    keep: Annotated[int, Field(ge=0, le=100)] = 5


class EmailSettings(ChannelSettings):
    """A message by SMTP.

    Attributes:
        host, port: of the server; without a port 587, or 465 where security is ssl.
        security: starttls, ssl, or none for a server on this machine.
        sender, to: addresses.
        user: None sends without logging in.
        password_env: name of the environment variable with the password.
    """

    kind: Literal["email"] = "email"
    host: Annotated[str, Field(min_length=1)]
    port: Annotated[int, Field(ge=1, le=65_535)] | None = None
    security: Literal["starttls", "ssl", "none"] = "starttls"
    sender: Annotated[str, Field(pattern=r"^[^@\s]+@[^@\s]+$")]
    to: Annotated[tuple[Annotated[str, Field(pattern=r"^[^@\s]+@[^@\s]+$")], ...], Field(min_length=1)]
    user: str | None = None
    password_env: str | None = None


class WebhookSettings(ChannelSettings):
    """A POST of JSON.

    Attributes:
        url_env: name of the environment variable with the address, which is a secret with most services.
        form: json has the fields of the alert, slack one text.
        token_env: name of the variable with a token, sent as `Authorization: Bearer`.
    """

    kind: Literal["webhook"] = "webhook"
    url_env: Annotated[str, Field(min_length=1)]
    form: Literal["json", "slack"] = "json"
    token_env: str | None = None


class AppriseSettings(ChannelSettings):
    """Any service the library Apprise knows.

    Attributes:
        urls_env: name of the environment variable with its addresses, apart by spaces.
    """

    kind: Literal["apprise"] = "apprise"
    urls_env: Annotated[str, Field(min_length=1)]


AnyChannel = Annotated[
    ConsoleSettings | FileSettings | EmailSettings | WebhookSettings | AppriseSettings,
    Field(discriminator="kind"),
]


def _console() -> dict[str, AnyChannel]:
    return {"console": ConsoleSettings(name="console")}


class AlertsConfig(Record):
    """Everything about alerts from one file; without one there is a console.

    Attributes:
        alerts: when one is told.
        watch: how quality is watched.
        channels: ways out, by name.
    """

    alerts: AlertSettings = AlertSettings()
    watch: QualitySettings = QualitySettings()
    channels: dict[str, AnyChannel] = Field(default_factory=_console)
