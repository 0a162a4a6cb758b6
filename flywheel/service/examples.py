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

_RECOMMENDATION: Final[dict[str, Any]] = {
    "recommendation_id": "r1",
    "workspace": "support",
    "agent": "reviewer",
    "type": "refund",
    "content": "Ask for the order number.",
    "confidence": 0.9,
    "created_at": _AT,
}
_OUTCOME: Final[dict[str, Any]] = {
    "recommendation_id": "r1",
    "workspace": "support",
    "qualities": {"tone": 80.0, "use": 90.0},
    "overall": 85.0,
    "status": "approved",
    "evaluated_at": _AT,
    "judged_by": "ann",
}
_PART: Final[dict[str, Any]] = {"value": 0.86, "low": 0.64, "high": 0.98, "n_eff": 9.3}
_TRUST: Final[dict[str, Any]] = {
    "agent": "reviewer",
    "workspace": "support",
    "outcomes": 60,
    "accuracy": _PART,
    "consistency": {"value": 0.7, "n_eff": 2.0, "because": "nothing was repeated"},
    "timeliness": {"because": "no latency is known"},
    "reliability": {"because": "no execution names this agent"},
    "score": 0.8,
    "score_low": 0.6,
    "score_high": 0.93,
    "known_score": 0.71,
    "ema": 0.79,
    "seed": 0.77,
    "confidence": 0.86,
    "chance": 0.77,
    "strength": "weak",
    "trend": "steady",
    "drift": 0.01,
    "vote": 1.8,
    "trusted": False,
    "known_trusted": False,
}
_PATTERN: Final[dict[str, Any]] = {
    "pattern_key": "5bb83e4ce401aab2",
    "workspace": "support",
    "kind": "failure_avoidance",
    "where": [{"attribute": "type", "value": "refund"}],
    "judged": 21,
    "succeeded": 2,
    "success_rate": 0.095,
    "shrunk_rate": 0.27,
    "low": 0.14,
    "high": 0.42,
    "frequency": 0.5,
    "base_rate": 0.9,
    "lift": 0.3,
    "p_value": 0.00001,
    "q_value": 0.00003,
    "confidence": 0.99,
    "strength": "strong",
    "tier": "supported",
    "later": 9,
    "later_rate": 0.11,
}
_LEARNING: Final = "/api/v1/learning"

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
    ("post", f"{_LEARNING}/recommendations/track"): {"recommendation_id": "r1", "written": "stored"},
    ("get", f"{_LEARNING}/recommendations/agent/{{agent_id}}"): {
        "agent": "reviewer",
        "record": {"recorded": 60, "judged": 58, "approved": 47, "approval": 0.82, "mean_confidence": None},
        "recommendations": [_RECOMMENDATION],
    },
    ("get", f"{_LEARNING}/recommendations/{{recommendation_id}}"): {
        "recommendation": _RECOMMENDATION,
        "outcomes": [_OUTCOME],
    },
    ("post", f"{_LEARNING}/outcomes/evaluate"): {"recommendation_id": "r1", "written": "stored"},
    ("get", f"{_LEARNING}/trust-scores"): {
        "workspace": "support",
        "computed_at": _AT,
        "agents": [_TRUST],
        "population": 0.82,
        "forgetting": 0.99,
        "judgements": 58,
        "executions": 0,
        "own_judgements": 0,
        "capped_judgements": 0,
    },
    ("get", f"{_LEARNING}/trust-scores/{{agent_id}}"): {"trust": _TRUST, "decision_boost": 0.0},
    ("post", f"{_LEARNING}/learning-cycles/trigger"): {
        "judged": 58,
        "patterns": [_PATTERN],
        "rules": [],
        "retired": 0,
        "agents": 1,
    },
    ("get", f"{_LEARNING}/patterns"): {"patterns": [_PATTERN]},
    ("get", f"{_LEARNING}/agent-profiles/{{agent_id}}"): {
        "workspace": "support",
        "agent": "reviewer",
        "judged": 58,
        "mean": 0.82,
        "low": 0.7,
        "high": 0.9,
        "strengths": ["login"],
        "weaknesses": ["refund"],
    },
    ("get", f"{_LEARNING}/stats"): {
        "workspace": "support",
        "recommendations": 60,
        "judgements": 58,
        "own_judgements": 0,
        "agents": 1,
        "trusted_agents": 0,
        "success_rate": 0.82,
        "patterns": {"supported": 1},
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
