"""The optimizer gepa as a proposer: its search, our evaluator, our gate."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from types import ModuleType
from typing import Any, Protocol

from flywheel.errors import InputError, ModelError
from flywheel.learn.drafting import Allowance, Drafts
from flywheel.learn.insertion import is_chat, layout
from flywheel.learn.refinement import proposal_of
from flywheel.learn.refinement_material import Limits, Material
from flywheel.ports import CaseRunner, ChatModel, RunPlan
from flywheel.records.case import Case, Suite
from flywheel.records.chat import ChatRequest, Message
from flywheel.records.execution import Execution
from flywheel.records.prompt import content_hash
from flywheel.records.proposal import DiscardedProposal, Proposal

STRATEGY = "gepa"
COMPONENT = "instructions"
LESSONS = "make_reflective_dataset"
"""What gepa calls the method that gives it something to reflect on; the word is not ours."""

MOST_CASES = 50
"""Reflect cases for its minibatches, then as many others for its own validation."""

BEST = 3
"""Candidates of its last pool that go to our gate."""


@dataclass(frozen=True, slots=True)
class GepaProposer:
    """Runs gepa on reflect cases; its winner is a candidate like any other.

    Only what the prompt says before its input is rewritten. gepa may overshoot
    its limit by one validation, so it is told a limit that is lower by that.

    Attributes:
        runner: runs cases through the model of the application.
        writer: model that reflects.
        name: of the writer.
        metric_calls: most runs of cases.
        asked_for: a person asked for it, so that history does not keep it waiting.
    """

    runner: CaseRunner
    writer: ChatModel
    name: str
    metric_calls: int
    asked_for: bool = True

    @property
    def strategies(self) -> tuple[str, ...]:
        """Just the one."""
        return (STRATEGY,)

    def propose(
        self,
        material: Material,
        strategies: Sequence[str],  # noqa: ARG002  there is only one
        limits: Limits,  # noqa: ARG002  the hard checks hold them
        allowance: Allowance,
    ) -> Drafts:
        """The best candidates of one run of gepa.

        Args:
            material: control, suite with reflect cases; gate cases stay out of reach.
            strategies: not needed.
            limits: not needed.
            allowance: lowers the limit of runs where the budget of the cycle is smaller.

        Raises:
            InputError: the extra is not installed; nothing was run.
        """
        gepa = _package()
        control = material.control.text or ""
        ordered = sorted(material.cases.cases, key=_shuffled)
        half = min(MOST_CASES, len(ordered) // 2)
        ceiling = min(self.metric_calls, allowance.calls) - half
        if material.suite is None or material.model is None or is_chat(control) or half < 3 or ceiling < half:
            reason = (
                f"gepa needs a text prompt, a suite, a model and {2 * half} runs or more; "
                f"there are {len(ordered)} reflect cases and {ceiling + half} runs"
            )
            return Drafts(discarded=(DiscardedProposal(strategy=STRATEGY, reason=reason, check="answer"),))
        parts = layout(control)
        bridge = _Bridge(self, material, material.suite, material.model, parts.tail, allowance.seed)
        result = gepa.optimize(
            seed_candidate={COMPONENT: parts.head.strip()},
            trainset=ordered[:half],
            valset=ordered[half : 2 * half],
            adapter=bridge,
            reflection_lm=bridge.reflect,
            max_metric_calls=ceiling,
            seed=allowance.seed,
            logger=_Silent(),
            display_progress_bar=False,
        )
        return Drafts(
            made=tuple(self._made(material, result, bridge)),
            calls=bridge.runs + bridge.reflections,
        )

    def _made(self, material: Material, result: _Result, bridge: _Bridge) -> list[Proposal]:
        scores = result.val_aggregate_scores
        ranked = sorted(range(1, len(result.candidates)), key=lambda i: (-scores[i], i))
        made = []
        for index in ranked[:BEST]:
            text = bridge.text_of(result.candidates[index])
            proposal = proposal_of(material, STRATEGY, text, (f"rewritten by gepa with {self.name}",))
            claim = (
                f"gepa claims {scores[index]:.3f}, and {scores[0]:.3f} for the live version, on its own cases"
            )
            made.append(proposal.model_copy(update={"rationale": claim}))
        return made


class _Result(Protocol):
    """What gepa gives."""

    candidates: list[dict[str, str]]
    val_aggregate_scores: list[float]


class _Batch(Protocol):
    """What `evaluate` gave, handed back."""

    trajectories: list[Execution]


@dataclass
class _Bridge:
    """What gepa calls: the adapter of its protocol."""

    proposer: GepaProposer
    material: Material
    suite: Suite
    model: str
    tail: str
    seed: int
    runs: int = 0
    reflections: int = 0
    propose_new_texts: None = field(default=None)

    def __post_init__(self) -> None:
        setattr(self, LESSONS, self.lessons)

    def text_of(self, candidate: Mapping[str, str]) -> str:
        """The whole prompt of a candidate."""
        return f"{candidate[COMPONENT].strip()}\n\n{self.tail}"

    def evaluate(self, batch: list[Case], candidate: dict[str, str], *kept: bool, **named: bool) -> object:
        """Run a candidate on cases; a case that could not be run scores 0, as gepa's protocol wants.

        The last argument asks for the executions, under a name of gepa's.
        """
        text = self.text_of(candidate)
        control = self.material.control
        plan = RunPlan(
            workspace=control.workspace,
            prompt=control.prompt,
            version=content_hash(text),
            text=text,
            suite=self.suite,
            model=self.model,
            session_id="gepa",
            purpose="refine",
            seed=self.seed,
            cycle_id=self.material.cycle_id,
        )
        executions = self.proposer.runner.run(plan, batch)
        self.runs += len(batch)
        scores = [e.score or 0.0 for e in executions]
        made = import_module("gepa.core.adapter").EvaluationBatch
        return made(
            outputs=[e.output for e in executions],
            scores=scores,
            trajectories=executions if any((*kept, *named.values())) else None,
        )

    def lessons(
        self,
        candidate: dict[str, str],  # noqa: ARG002  named by the protocol
        eval_batch: _Batch,
        components_to_update: list[str],
    ) -> dict[str, list[dict[str, Any]]]:
        """What failed with the words of the check, as gepa shows it to the model that reflects."""
        rows = [_row(execution) for execution in eval_batch.trajectories]
        return dict.fromkeys(components_to_update, rows)

    def reflect(self, prompt: str | list[dict[str, Any]]) -> str:
        """One answer of the writer; empty where there is none, which gepa takes as no proposal."""
        text = prompt if isinstance(prompt, str) else "\n\n".join(str(m.get("content")) for m in prompt)
        self.reflections += 1
        request = ChatRequest(
            model=self.proposer.name,
            messages=(Message(role="user", content=text),),
            purpose="refine",
            seed=self.seed,
            workspace=self.material.control.workspace,
            cycle_id=self.material.cycle_id,
        )
        try:
            return self.proposer.writer.complete(request).text
        except ModelError:
            return ""


class _Silent:
    """A logger that says nothing; the cycle's own output says what gepa gave."""

    def log(self, message: str) -> None:
        """Nothing."""


def _row(execution: Execution) -> dict[str, Any]:
    return {
        "Inputs": execution.inputs,
        "Generated Outputs": execution.output,
        "Feedback": execution.error_message or "This answer is right.",
    }


def _shuffled(case: Case) -> bytes:
    """An order that the id of a case alone decides, so that slices are mixed."""
    return hashlib.blake2b(case.case_id.encode(), digest_size=8).digest()


def _package() -> ModuleType:
    try:
        return import_module("gepa")
    except ImportError as error:
        msg = "gepa is not installed. Nothing was started. Install it with: pip install 'flywheel[gepa]'"
        raise InputError(msg) from error
