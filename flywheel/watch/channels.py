"""From settings with their secrets to ways out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from flywheel.errors import ServiceRefused
from flywheel.ports import AlertChannel
from flywheel.records.alert import Alert
from flywheel.records.alerting import (
    AnyChannel,
    AppriseSettings,
    EmailSettings,
    FileSettings,
    WebhookSettings,
)
from flywheel.watch.apprise_channel import AppriseChannel
from flywheel.watch.console import ConsoleChannel
from flywheel.watch.email_channel import EmailChannel
from flywheel.watch.file_channel import FileChannel
from flywheel.watch.routes import Route
from flywheel.watch.webhook import WebhookChannel

LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


@dataclass(frozen=True, slots=True)
class DeadChannel:
    """A channel that cannot work as it is set; the others do, and every alert says why this one does not.

    Attributes:
        why: what is missing.
    """

    why: str

    def send(self, alert: Alert) -> None:
        """Refuse.

        Raises:
            ServiceRefused: always.
        """
        raise ServiceRefused(f"{self.why} Alert {alert.alert_id!r} was not sent.")


def routes_of(settings: Iterable[AnyChannel], secrets: Mapping[str, str], home: Path) -> tuple[Route, ...]:
    """Ways out for the channels of a configuration; nothing is opened, nothing sent.

    Args:
        settings: of the channels.
        secrets: the environment, or what a block holds, by the names the settings give.
        home: folder of relative paths.

    Examples:
        >>> from flywheel.records.alerting import ConsoleSettings
        >>> [route.name for route in routes_of([ConsoleSettings(name="here")], {}, Path("."))]
        ['here']
    """
    return tuple(
        Route(
            one.name,
            channel_of(one, secrets, home),
            one.least,
            joins=isinstance(one, EmailSettings | WebhookSettings | AppriseSettings)
            and not (isinstance(one, WebhookSettings) and one.form == "json"),
        )
        for one in settings
    )


def channel_of(settings: AnyChannel, secrets: Mapping[str, str], home: Path) -> AlertChannel:
    """The channel of its settings; one whose secret is missing is dead, and says so when it is used."""
    missing = [name for name in _names_of_secrets(settings) if not secrets.get(name)]
    if missing:
        return DeadChannel(f"Channel {settings.name!r} needs the variable {missing[0]}, which is not set.")
    if isinstance(settings, FileSettings):
        return FileChannel(home / settings.path, settings.most_bytes, settings.keep)
    if isinstance(settings, EmailSettings):
        return _email(settings, secrets)
    if isinstance(settings, WebhookSettings):
        token = secrets[settings.token_env] if settings.token_env else ""
        return WebhookChannel(secrets[settings.url_env].strip(), settings.form, token, settings.timeout_s)
    if isinstance(settings, AppriseSettings):
        return AppriseChannel(tuple(secrets[settings.urls_env].split()))
    return ConsoleChannel()


def _email(settings: EmailSettings, secrets: Mapping[str, str]) -> AlertChannel:
    if settings.user is not None and settings.security == "none" and settings.host not in LOOPBACK:
        return DeadChannel(
            f"Channel {settings.name!r} would send a password to {settings.host!r} in plain text. "
            "Set security to starttls or ssl."
        )
    return EmailChannel(
        host=settings.host,
        port=settings.port or (465 if settings.security == "ssl" else 587),
        sender=settings.sender,
        to=settings.to,
        security=settings.security,
        user=settings.user,
        password=secrets[settings.password_env] if settings.password_env else "",
        timeout_s=settings.timeout_s,
    )


def _names_of_secrets(settings: AnyChannel) -> list[str]:
    named = (getattr(settings, field, None) for field in ("password_env", "url_env", "token_env", "urls_env"))
    return [name for name in named if name]
