"""Examples of answers for OpenAPI; a test holds each against its schema."""

from __future__ import annotations

from typing import Any, Final

_VERSION: Final = "39288996cfe8c6fb6bbdf0d64bf253fea8097c45895dd960ceb2ca76180b7760"
_BEFORE: Final = "9351a249ea19ce5235824d5e71987824541537972feff1bc3f52f1a8865f4367"
_AT: Final = "2026-11-21T10:00:00Z"
_BECAUSE: Final = (
    "Better on 118 cases, worse on 20: +25.2 points (95% range +19.7 to +30.4). A person must decide."
)

_LIVE: Final[dict[str, Any]] = {
    "prompt": "triage",
    "workspace": "support",
    "version": _VERSION,
    "revision": 2,
    "released_at": _AT,
    "kind": "cycle",
}
_REVIEW: Final[dict[str, Any]] = {
    "review_id": "944eb79088",
    "prompt": "triage",
    "workspace": "support",
    "version": _VERSION,
    "previous": _BEFORE,
    "cycle_id": "d78d33f42d3d446e",
    "state": "waiting",
    "because": _BECAUSE,
    "reviewer": None,
    "note": "",
    "created_at": _AT,
    "decided_at": None,
}
_RUN: Final[dict[str, Any]] = {
    "run_id": "20261121T100000-3f2a9c41d07b",
    "workspace": "support",
    "prompt": "triage",
    "asked": {"prompt": "triage", "all_time": True},
    "started_at": _AT,
    "state": "running",
    "output": None,
    "because": "",
}
_PROPOSAL: Final[dict[str, Any]] = {
    "version": _VERSION,
    "parent": _BEFORE,
    "text": "Route the question. Answer with one word.",
    "strategy": "output_format",
    "rationale": "119 failures violate the format.",
    "risk": "low",
    "expected_delta": 0.14,
}
_NOBODY: Final[dict[str, Any]] = {"count": 0, "of": 0, "share": None, "low": None, "high": None}
_LOOP: Final[dict[str, Any]] = {
    "applied": 0,
    "real": _NOBODY,
    "false": _NOBODY,
    "unanswered": 0,
    "mean_gain": None,
    "measured": 0,
    "hours_between": None,
    "refused": _NOBODY,
}

EXAMPLES: Final[dict[tuple[str, str], Any]] = {
    ("post", "/api/v1/executions"): {
        "read": 2,
        "stored": 1,
        "replaced": 0,
        "unchanged": 0,
        "rejected": 1,
        "rejections": [
            {"position": 2, "field": "score", "reason": "got 3, need a number from 0 to 1, or null"}
        ],
    },
    ("get", "/api/v1/executions"): {
        "executions": [
            {
                "execution_id": "r1",
                "workspace": "support",
                "prompt": "triage",
                "outcome": "passed",
                "score": 1.0,
            }
        ],
        "next": "YWZ0ZXIgNDE3",
    },
    ("get", "/api/v1/prompts"): {"prompts": [_LIVE]},
    ("get", "/api/v1/prompts/{name}"): {
        **_LIVE,
        "text": "Route the question. Answer with one word.\n\n{question}",
        "variables": ["question"],
    },
    ("get", "/api/v1/reviews"): {"reviews": [_REVIEW]},
    ("get", "/api/v1/reviews/{review_id}"): {
        "review": _REVIEW,
        "verdict": {"proposal": _PROPOSAL, "ruling": "stage", "because": _BECAUSE, "evidence": None},
        "readiness": {
            "is_ready": None,
            "gain": None,
            "confidence": None,
            "recommendation": "Look at the difference of the texts, then approve or reject.",
        },
        "diff": "--- 9351a249ea19\n+++ 39288996cfe8\n@@ -1 +1 @@",
    },
    ("post", "/api/v1/reviews/{review_id}/approve"): {**_REVIEW, "state": "approved", "reviewer": "ann"},
    ("post", "/api/v1/reviews/{review_id}/reject"): {**_REVIEW, "state": "rejected", "reviewer": "ann"},
    ("get", "/v1/virtuous-cycle/status"): {
        "workspace": "support",
        "read_at": _AT,
        "prompts": ["triage"],
        "live": [_LIVE],
        "cycles": [],
        "runs": [_RUN],
        "reviews_waiting": [_REVIEW],
        "alerts_open": [],
        "loop": _LOOP,
    },
    ("post", "/v1/virtuous-cycle/trigger"): _RUN,
    ("get", "/v1/virtuous-cycle/runs/{run_id}"): {
        **_RUN,
        "state": "stopped",
        "because": "The process ended.",
    },
    ("get", "/health"): {"status": "ok", "version": "0.1.0"},
    ("get", "/health/detailed"): {
        "status": "ok",
        "version": "0.1.0",
        "workspace": "support",
        "read_at": _AT,
        "store": {"status": "ok", "address": "sqlite:///.flywheel/flywheel.db", "latency_ms": 0.9},
        "disk": {"status": "ok", "free_bytes": 80245723136, "free_share": 0.3},
        "cycle": {"status": "unknown", "because": "no cycle has ended yet"},
        "models": [],
    },
}
"""By method and path; pages and texts have theirs beside their routes."""

PROBLEM: Final[dict[str, Any]] = {
    "type": "urn:flywheel:problem:unknown-name",
    "title": "Not Found",
    "status": 404,
    "detail": "No review '3f2a9c' in workspace 'support'. Nothing was changed.",
    "instance": "/api/v1/reviews/3f2a9c",
    "got": None,
    "need": None,
    "next": "See those there are: GET /api/v1/reviews?state=all",
    "errors": [],
    "rejections": [],
}
