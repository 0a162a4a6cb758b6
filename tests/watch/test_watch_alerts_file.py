"""The alerts file: read, refused with its place, secrets kept out."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from alert_world import alert

from flywheel.errors import InputError, ServiceRefused
from flywheel.watch.alerts_file import config_of, read_alerts
from flywheel.watch.channels import channel_of, routes_of

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[alert]\n", "alert: Extra"),
        ("[alerts]\ncooldwn_minutes = 3\n", "alerts.cooldwn_minutes"),
        ("[alerts]\ncooldown_minutes = -3\n", "alerts.cooldown_minutes"),
        ('[channels.mail]\nkind = "email"\nhots = "x"\n', "channels.mail"),
        ('[channels.log]\nkind = "file"\npath = "x"\nkeeps = 3\n', "channels.log.keeps"),
        ('[channels.log]\nkind = "fax"\n', "channels.log"),
        ('[channels.log]\nkind = "console"\nleast = "loud"\n', "channels.log.least"),
        ("[channels]\nlog = 3\n", "channels.log"),
        ("channels = 3\n", "channels"),
    ],
)
def test_a_mistake_is_named_with_its_place(text: str, said: str) -> None:
    """Unknown tables, fields, kinds and values are refused."""
    with pytest.raises(InputError, match="Nothing was started") as refused:
        config_of(tomllib.loads(text), "alerts.toml")
    assert f"alerts.toml: {said}" in str(refused.value)


@pytest.mark.parametrize(
    ("field", "instead"), [("password", "password_env"), ("url", "url_env"), ("token", "token_env")]
)
def test_a_secret_in_the_file_is_refused_without_being_shown(field: str, instead: str) -> None:
    """The message names the field to use, never the secret."""
    with pytest.raises(InputError, match=instead) as refused:
        config_of({"channels": {"x": {"kind": "webhook", field: "hunter2"}}}, "alerts.toml")
    assert "hunter2" not in str(refused.value)


def test_the_file_is_found_where_the_environment_says(tmp_path: Path) -> None:
    """In the home folder, or where the variable points; a variable that points nowhere is refused."""
    (tmp_path / "alerts.toml").write_text('[channels.log]\nkind = "file"\npath = "a.jsonl"\n')
    assert list(read_alerts({"FLYWHEEL_HOME": str(tmp_path)}).channels) == ["log"]
    assert list(read_alerts({"FLYWHEEL_ALERTS_FILE": str(tmp_path / "alerts.toml")}).channels) == ["log"]
    with pytest.raises(InputError, match="nowhere"):
        read_alerts({"FLYWHEEL_ALERTS_FILE": "nowhere.toml"})


def test_a_channel_without_its_secret_says_so_when_it_is_used(tmp_path: Path) -> None:
    """A variable that is not set stops nothing before."""
    config = config_of({"channels": {"chat": {"kind": "webhook", "url_env": "CHAT_URL"}}}, "f")
    (route,) = routes_of(config.channels.values(), {}, tmp_path)
    with pytest.raises(ServiceRefused, match="CHAT_URL, which is not set"):
        route.channel.send(alert())


def test_a_password_never_travels_in_plain_text(tmp_path: Path) -> None:
    """A login without encryption is for this machine alone."""
    row = {
        "kind": "email",
        "host": "mail.example.com",
        "sender": "a@b",
        "to": ["c@d"],
        "user": "u",
        "security": "none",
    }
    config = config_of({"channels": {"far": row, "near": {**row, "host": "localhost"}}}, "f")
    with pytest.raises(ServiceRefused, match="plain text"):
        channel_of(config.channels["far"], {}, tmp_path).send(alert())
    assert channel_of(config.channels["near"], {}, tmp_path).port == 587
