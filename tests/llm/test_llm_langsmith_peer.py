"""What LangSmith is told, before a server that others wrote and that reads the vendor's description."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

import httpx2
import pytest
from langsmith_stub import KEY, langsmith_stub
from peer_servers import prism, program

from flywheel.llm.langsmith_api import LangSmithAccess
from flywheel.llm.langsmith_observer import LangSmithObserver
from flywheel.llm.observed_runner import ObservedRunner
from flywheel.llm.registry import chat_model
from flywheel.llm.runner import Runner
from flywheel.ports import ObservedCall, RunPlan
from flywheel.records.case import Case, Suite
from flywheel.records.chat import ChatAnswer, ChatRequest, Message
from flywheel.records.cycle import CycleContext, FeedbackLoopInput, Phase
from flywheel.records.prompt import PromptVersion, content_hash
from flywheel.records.release import LiveVersion
from flywheel.records.strategy import PRESETS

PRISM = program("FLYWHEEL_TEST_PRISM", "prism")
RECORDED = Path(
    os.environ.get("FLYWHEEL_RECORDED_DATA") or Path(__file__).resolve().parents[3] / "shared" / "data"
)
API = RECORDED / "langsmith_openapi" / "langsmith-openapi-2026-05.json"
NOW = datetime(2026, 3, 1, tzinfo=UTC)
TEXT = "- city\n- dob\nQ: {q}\nA:"

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(PRISM is None, reason="npm's @stoplight/prism-cli is not installed"),
    pytest.mark.skipif(not API.exists(), reason="the published description is not here"),
]


def tell_everything(observer: LangSmithObserver) -> None:
    """A cycle with a phase and a call, an experiment of five cases, a release."""
    context = CycleContext(
        cycle_id="c7",
        request=FeedbackLoopInput(prompt="triage"),
        strategy=PRESETS["balanced"],
        window_start=None,
        window_end=NOW,
        watermark=0,
        control="v0",
    )
    asked = ChatRequest(model="m", messages=(Message(role="user", content="?"),), purpose="refine")
    observer.began(context, Phase.GENERATE)
    observer.called(ObservedCall(asked, NOW, NOW, ChatAnswer(text="!", model="m", cost_usd=0.1)))
    observer.ended(context, Phase.GENERATE, None, "broken")
    suite = Suite(suite="questions")
    cases = [
        Case(case_id=f"c{n}", suite="questions", inputs={"q": "Which city?"}, expected="city")
        for n in range(5)
    ]
    plan = RunPlan("default", "triage", "v1v1v1v1", TEXT, suite, "embedded-large", "cycle-7")
    ObservedRunner(Runner(chat_model), observer.ran).run(plan, cases)
    version = PromptVersion(
        prompt="triage", version=content_hash("Sort {q}"), text="Sort {q}", variables=("q",)
    )
    live = LiveVersion(
        prompt="triage",
        workspace="default",
        version=version.version,
        revision=1,
        released_at=NOW,
        kind="cycle",
    )
    observer.released(version, live)


def test_no_request_is_refused_by_the_vendors_description():
    """Every request of a cycle, an experiment and a release, sent again as it was, is one the API takes."""
    with langsmith_stub() as stub:
        observer = LangSmithObserver(LangSmithAccess(KEY, stub.url))
        tell_everything(observer)
        assert observer.close() is None
    refused = []
    with prism(PRISM, API) as address, httpx2.Client(base_url=address, timeout=30) as client:
        for (method, asked), raw, headers in zip(stub.requests, stub.raw, stub.headers, strict=True):
            # The vendor's own SDK asks for commits with a slash at the end, which no path described has.
            path = asked.replace("/?", "?")
            sent = {
                name: headers[name] for name in ("x-api-key", "content-type", "accept") if name in headers
            }
            reply = client.request(method, path, content=raw or None, headers=sent)
            if reply.status_code >= 400:
                refused.append((method, path, reply.status_code, reply.headers.get("sl-violations")))

    assert len(stub.requests) >= 12
    assert refused == []
