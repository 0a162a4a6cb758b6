"""Names that OpenTelemetry instrumentations give to what a call of a model is made of."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

CALLS: Final = frozenset({"chat", "generate_content", "text_completion", "completion"})
"""Operations that are calls of a model; embeddings, tools and agents are none."""

FIELDS_BY_NAME: Final[Mapping[str, tuple[str, ...]]] = {
    "model": (
        "gen_ai.request.model",
        "ai.model.id",
        "llm.request.model",
        "llm.model_name",
        "gen_ai.response.model",
        "ai.response.model",
        "llm.response.model",
    ),
    "input_tokens": (
        "gen_ai.usage.input_tokens",
        "gen_ai.usage.prompt_tokens",
        "llm.token_count.prompt",
        "llm.usage.prompt_tokens",
        "ai.usage.inputTokens",
        "ai.usage.promptTokens",
    ),
    "output_tokens": (
        "gen_ai.usage.output_tokens",
        "gen_ai.usage.completion_tokens",
        "llm.token_count.completion",
        "llm.usage.completion_tokens",
        "ai.usage.outputTokens",
        "ai.usage.completionTokens",
    ),
    "cost_usd": ("gen_ai.usage.cost", "llm.cost.total"),
    "session_id": (
        "gen_ai.conversation.id",
        "session.id",
        "traceloop.association.properties.session_id",
        "ai.telemetry.metadata.sessionId",
        "langsmith.metadata.session_id",
        "langsmith.metadata.thread_id",
    ),
    "agent": ("gen_ai.agent.name", "agent.name", "graph.node.id"),
    "prompt": ("traceloop.prompt.key", "gen_ai.prompt.name"),
    "version": ("traceloop.prompt.version", "gen_ai.prompt.version", "llm.prompt_template.version"),
}
"""Attributes that give a field, newest first: OpenTelemetry, OpenInference, OpenLLMetry, Vercel.

The model is the one that was asked for: a call that failed has no other, and
would count for another model than the calls that did not.
"""

PARAMETERS: Final = "llm.invocation_parameters"
"""OpenInference replaces the model's name by that of the answer; here is the one that was asked for."""

INPUTS: Final = (
    "gen_ai.input.messages",
    "gen_ai.prompt",
    "ai.prompt.messages",
    "ai.prompt",
    "input.value",
    "traceloop.entity.input",
)
OUTPUTS: Final = (
    "gen_ai.output.messages",
    "gen_ai.completion",
    "ai.response.text",
    "output.value",
    "traceloop.entity.output",
)
NUMBERED_INPUTS: Final = ("gen_ai.prompt.", "llm.input_messages.")
NUMBERED_OUTPUTS: Final = ("gen_ai.completion.", "llm.output_messages.")

INPUT_EVENTS: Final[Mapping[str, str]] = {
    "gen_ai.system.message": "system",
    "gen_ai.user.message": "user",
    "gen_ai.assistant.message": "assistant",
    "gen_ai.tool.message": "tool",
}
OUTPUT_EVENT: Final = "gen_ai.choice"
DETAILS_EVENT: Final = "gen_ai.client.inference.operation.details"
CONTENT_EVENTS: Final = ("gen_ai.content.prompt", "gen_ai.content.completion")
EVALUATION: Final = "gen_ai.evaluation.result"

KEPT: Final[Mapping[str, tuple[str, ...]]] = {
    "operation": ("gen_ai.operation.name", "llm.request.type", "ai.operationId"),
    "provider": ("gen_ai.provider.name", "gen_ai.system", "llm.provider", "llm.system", "ai.model.provider"),
    "response_model": ("gen_ai.response.model", "ai.response.model", "llm.response.model", "llm.model_name"),
    "temperature": ("gen_ai.request.temperature", "langsmith.metadata.ls_temperature"),
    "max_tokens": ("gen_ai.request.max_tokens",),
    "finish_reasons": ("gen_ai.response.finish_reasons", "llm.finish_reason"),
    "response_id": ("gen_ai.response.id",),
    "cached_input_tokens": (
        "gen_ai.usage.cache_read.input_tokens",
        "gen_ai.usage.cache_read_input_tokens",
        "llm.token_count.prompt_details.cache_read",
        "ai.usage.cachedInputTokens",
    ),
    "reasoning_tokens": (
        "gen_ai.usage.reasoning.output_tokens",
        "gen_ai.usage.reasoning_tokens",
        "llm.token_count.completion_details.reasoning",
    ),
    "parameters": (PARAMETERS,),
    "template": ("llm.prompt_template.template",),
    "variables": ("llm.prompt_template.variables",),
    "tags": ("tag.tags",),
    "metadata": ("metadata",),
}
"""What goes to the metadata of an execution."""

PASSED_LABELS: Final = frozenset({"pass", "passed", "true", "yes", "correct"})
FAILED_LABELS: Final = frozenset({"fail", "failed", "false", "no", "incorrect"})
