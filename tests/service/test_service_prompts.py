"""What an application gets when it asks for a prompt."""

from __future__ import annotations

from fastapi.testclient import TestClient
from service_world import FIRST, SECOND, make_live

from flywheel.store.open import SqlStore


def test_the_live_text_comes_to_the_byte(client: TestClient, store: SqlStore) -> None:
    """Line ends and signs are kept, the version is the hash of the text, a name may have slashes."""
    version = make_live(store, "default", FIRST, prompt="bbh/word sorting?")

    answer = client.get("/api/v1/prompts/bbh/word%20sorting%3F")

    prompt = answer.json()
    assert (answer.status_code, prompt["text"], prompt["version"]) == (200, FIRST, version)
    assert (prompt["variables"], prompt["revision"]) == (["question"], 1)
    assert [one["prompt"] for one in client.get("/api/v1/prompts").json()["prompts"]] == ["bbh/word sorting?"]


def test_an_unchanged_text_is_not_sent_again(client: TestClient, store: SqlStore) -> None:
    """304 while the same release is live; another text, and the same text released again, are sent."""
    make_live(store, "default", FIRST)
    etag = client.get("/api/v1/prompts/triage").headers["etag"]
    seen = {"If-None-Match": f'"another", {etag}'}

    same = client.get("/api/v1/prompts/triage", headers=seen)
    make_live(store, "default", SECOND)
    other = client.get("/api/v1/prompts/triage", headers=seen)

    assert (same.status_code, same.content, same.headers["etag"]) == (304, b"", etag)
    assert (other.status_code, other.json()["text"]) == (200, SECOND)


def test_a_key_is_taken_and_every_key_gets_what_is_live(small: TestClient) -> None:
    """As long as one version is live for everybody, whom the text is for changes nothing."""
    texts = {small.get("/api/v1/prompts/triage", params={"key": f"user-{n}"}).text for n in range(5)}

    assert len(texts) == 1


def test_nothing_live_is_404_with_the_next_step(small: TestClient) -> None:
    """An unknown prompt names what makes one live."""
    problem = small.get("/api/v1/prompts/unknown").json()

    assert (problem["status"], problem["type"]) == (404, "urn:flywheel:problem:unknown-name")
    assert "flywheel prompt add" in problem["next"]
