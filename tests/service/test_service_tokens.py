"""Tokens, and the walls between workspaces."""

from __future__ import annotations

import base64
import re
import stat
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from service_world import TOKENS, client_of

from flywheel.cli.serve_running import needed_tokens
from flywheel.errors import InputError
from flywheel.service.tokens import TokenBook, make_token, read_tokens
from flywheel.service.wiring import Wiring

READS = (
    "/",
    "/metrics",
    "/health/detailed",
    "/api/v1/executions?limit=1000",
    "/api/v1/prompts",
    "/api/v1/prompts/triage",
    "/api/v1/reviews?state=all",
    "/api/v1/reviews/review-of-support",
    "/v1/virtuous-cycle/status",
)


def test_a_token_reads_nothing_of_another_workspace(walls: Wiring) -> None:
    """No answer to the token of one workspace names the other, or holds a word of it."""
    for own, other in (("support", "sales"), ("sales", "support")):
        client = client_of(walls, TOKENS[own])
        answers = [client.get(path) for path in READS if "review-of" not in path or own in path]

        assert all(answer.status_code == 200 for answer in answers)
        assert [a.request.url.path for a in answers if re.search(other, a.text)] == []


def test_a_token_decides_nothing_in_another_workspace(walls: Wiring) -> None:
    """A review of another workspace is not there: neither to read, nor to approve or reject."""
    client = client_of(walls, TOKENS["sales"])
    path = "/api/v1/reviews/review-of-support"

    assert client.get(path).status_code == 404
    assert client.post(f"{path}/approve", json={"by": "eve"}).status_code == 404
    assert client.post(f"{path}/reject", json={"by": "eve"}).status_code == 404
    assert walls.store.releases.reviews("support")[0].state == "waiting"


def test_a_token_writes_into_its_own_workspace_alone(walls: Wiring) -> None:
    """An execution that names another workspace is rejected; one that names none goes into the token's."""
    client = client_of(walls, TOKENS["sales"])
    line = {"execution_id": "mine", "outcome": "passed"}

    taken = client.post("/api/v1/executions", json=[line, {**line, "workspace": "support"}]).json()

    assert (taken["stored"], taken["rejected"]) == (1, 1)
    assert taken["rejections"][0]["field"] == "workspace"
    other = client_of(walls, TOKENS["support"]).get("/api/v1/executions", params={"limit": 1000})
    assert "mine" not in other.text


def test_without_a_token_nothing_is_read(walls: Wiring) -> None:
    """No token, a wrong one and half of one are 401 with what is needed; `/health` alone needs none."""
    for token in (None, "wrong", TOKENS["sales"][:-1], ""):
        client = client_of(walls, token)
        answers = [client.get(path) for path in (*READS, "/v1/virtuous-cycle/runs/x")]

        assert {answer.status_code for answer in answers} == {401}
        assert {answer.json()["need"] for answer in answers} == {"Authorization: Bearer TOKEN"}
        assert all("Bearer" in answer.headers["www-authenticate"] for answer in answers)
    assert client_of(walls).get("/health").status_code == 200


def test_a_browser_reads_with_the_token_as_password_and_changes_nothing(walls: Wiring) -> None:
    """Basic credentials open pages; a browser sends them for other sites too, so they decide nothing."""
    password = base64.b64encode(f"anybody:{TOKENS['support']}".encode()).decode()
    client = client_of(walls)
    client.headers["Authorization"] = f"Basic {password}"

    assert client.get("/").status_code == 200
    review = client.post("/api/v1/reviews/review-of-support/approve", json={"by": "ann"})
    assert review.status_code == 401
    assert client.post("/api/v1/executions", json={"outcome": "passed"}).status_code == 401
    for broken in ("Basic", "Basic !!", "Basic /w=="):
        client.headers["Authorization"] = broken
        assert client.get("/").status_code == 401


def test_a_name_that_leads_to_this_machine_is_not_this_machine(small: TestClient) -> None:
    """Where no token is needed a page of another site, whose name was pointed here, gets nothing."""
    assert small.get("/", headers={"Host": "evil.example"}).status_code == 421
    assert small.get("/", headers={"Host": "localhost:8765"}).status_code == 200
    assert small.get("/", headers={"Host": "[::1]:8765"}).status_code == 200


def test_a_form_of_another_site_decides_nothing(small: TestClient) -> None:
    """What a browser sends for another site without asking is not JSON, and is refused."""
    for path in ("/api/v1/reviews/review-of-default/approve", "/v1/virtuous-cycle/trigger"):
        answer = small.post(path, content=b'{"by": "eve"}', headers={"Content-Type": "text/plain"})

        assert answer.status_code == 415
    assert len(small.get("/api/v1/reviews").json()["reviews"]) == 1


def test_only_the_hash_of_a_token_is_kept(tmp_path: Path) -> None:
    """The file has neither the token nor readers; a token that is taken out is refused at once."""
    path = tmp_path / "new" / "tokens.toml"
    first, second = make_token(path, 'sup"port\n'), make_token(path, "sales")
    book = TokenBook(path)

    assert [book.workspace_of(one) for one in (first, second, "x")] == ['sup"port\n', "sales", None]
    assert first not in path.read_text()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    kept = path.read_text().split("[[token]]")
    path.write_text(f"{kept[0]}[[token]]{kept[1]}")
    assert (book.workspace_of(second), book.workspace_of(first)) == (None, 'sup"port\n')
    path.unlink()
    assert book.workspace_of(first) is None


@pytest.mark.parametrize(
    "text", ["[[token", "[[token]]\nworkspace = 'x'", "[[token]]\nworkspace='x'\nsha256='y'"]
)
def test_a_damaged_file_lets_nobody_in(tmp_path: Path, text: str) -> None:
    """A file that cannot be read is an error that says so, and no token opens anything."""
    (tmp_path / "tokens.toml").write_text(text)

    with pytest.raises(InputError, match="Nobody is let in"):
        TokenBook(tmp_path / "tokens.toml").workspace_of("anything")


def test_tokens_of_the_environment_must_be_long() -> None:
    """A token that can be guessed, or that opens nothing, is refused before anything listens."""
    for given in ("support=short", "=a-token-without-its-workspace", "a-token-without-its-workspace"):
        with pytest.raises(InputError, match="Nothing was started"):
            read_tokens({"FLYWHEEL_TOKENS": given})


def test_other_machines_are_served_with_tokens_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a token any address but loopback is refused."""
    for host in ("127.0.0.1", "::1", "localhost", "127.8.8.8"):
        assert needed_tokens(host) is None
    everywhere = "0.0.0.0"  # noqa: S104 - nothing is bound
    for host in (everywhere, "::", "example.org", "10.0.0.1"):
        with pytest.raises(InputError, match="there is no token"):
            needed_tokens(host)
    monkeypatch.setenv("FLYWHEEL_TOKENS", "support=a-token-for-support-only")
    assert needed_tokens(everywhere) is not None
