"""A small workspace to ask over HTTP."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from fastapi.testclient import TestClient

from flywheel.cli.doors import Door
from flywheel.cli.serve_running import wiring_for
from flywheel.records.execution import Execution
from flywheel.records.prompt import PromptVersion, content_hash
from flywheel.records.proposal import Proposal
from flywheel.records.release import JournalState, ReleaseEvent, ReleaseKind, Review
from flywheel.records.verdict import Evidence, Ruling, Verdict
from flywheel.service.app import make_app
from flywheel.service.kept import Kept
from flywheel.service.tokens import TokenBook, entry_of
from flywheel.service.wiring import Wiring
from flywheel.settings import Settings
from flywheel.store.open import SqlStore

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
FIRST = "Route the question.\r\n{question}"
SECOND = "Route the question to billing, login or other. Answer with one word.\n\n{question}"
TOKENS = {"support": "a-token-for-support-only", "sales": "a-token-for-sales-only!!"}


def wiring_at(address: str, home: Path, workspace: str = "default", **changes: Any) -> Wiring:
    """What `flywheel serve` works with, but for sums, which are made anew each time."""
    door = Door(Settings(address, home, workspace), workspace, as_json=False)
    return replace(wiring_for(door, "127.0.0.1", 2**20), kept=Kept(0), **changes)


def client_of(wiring: Wiring, token: str | None = None) -> TestClient:
    """A client of this machine, with a token or without."""
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    return TestClient(
        make_app(wiring), base_url="http://127.0.0.1", headers=headers, raise_server_exceptions=False
    )


def book() -> TokenBook:
    """Tokens of both workspaces."""
    return TokenBook(Path("no-tokens.toml"), tuple(entry_of(w, token) for w, token in TOKENS.items()))


def add_text(store: SqlStore, workspace: str, text: str, prompt: str = "triage") -> str:
    """Keep a text; gives its content hash."""
    version = PromptVersion(
        prompt=prompt, workspace=workspace, version=content_hash(text), text=text, variables=("question",)
    )
    store.prompts.add(version)
    return version.version


def make_live(store: SqlStore, workspace: str, text: str, prompt: str = "triage") -> str:
    """Add a text and make it live; gives its content hash."""
    version = add_text(store, workspace, text, prompt)
    live = store.releases.live(workspace, prompt)
    event = ReleaseEvent(
        release_id=f"by-hand-{workspace}-{prompt}-{version[:8]}",
        prompt=prompt,
        workspace=workspace,
        version=version,
        previous=None,
        kind=ReleaseKind.MANUAL,
        state=JournalState.INTENT,
        created_at=NOW,
    )
    store.releases.promote(None, event, live.revision if live else None)
    return version


def add_executions(store: SqlStore, workspace: str, version: str, passing: int = 6) -> None:
    """Ten executions of a version, in two slices."""
    store.executions.write(
        Execution(
            execution_id=f"{workspace}-{version[:8]}-{number}",
            workspace=workspace,
            prompt="triage",
            version=version,
            case_id=f"case-{number}",
            slice=("billing", "login")[number % 2],
            model="small",
            inputs={"question": f"question {number} of {workspace}"},
            outcome="passed" if number < passing else "failed",
        )
        for number in range(10)
    )


def stage(store: SqlStore, workspace: str, review_id: str, text: str = SECOND) -> Review:
    """Put a text before a person, against what is live."""
    candidate = add_text(store, workspace, text)
    live = store.releases.live(workspace, "triage")
    before = live.version if live else None
    evidence = Evidence(
        control=before or "nothing",
        candidate=candidate,
        source="recorded",
        method="exact McNemar",
        pairs=60,
        wins=20,
        losses=4,
        ties=36,
        estimate=0.27,
        low=0.1,
        high=0.4,
    )
    proposal = Proposal(
        version=candidate, parent=before or "nothing", text=text, strategy="output_format", rationale="format"
    )
    verdict = Verdict(proposal=proposal, ruling=Ruling.STAGE, because="20 better, 4 worse", evidence=evidence)
    review = Review(
        review_id=review_id,
        prompt="triage",
        workspace=workspace,
        version=candidate,
        previous=before,
        cycle_id=None,
        state="waiting",
        because=verdict.because,
        created_at=NOW,
    )
    return store.releases.stage(review, verdict)


def furnish(store: SqlStore, workspace: str) -> None:
    """A live prompt with executions, and a change that waits."""
    version = make_live(store, workspace, FIRST)
    add_executions(store, workspace, version)
    stage(store, workspace, f"review-of-{workspace}")
