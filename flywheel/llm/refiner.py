"""A language model that rewrites prompts, as a proposer."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from importlib.resources import files

from pydantic import JsonValue

from flywheel.errors import ModelError
from flywheel.learn.drafting import Allowance, Drafts
from flywheel.learn.refinement import proposal_of
from flywheel.learn.refinement_material import Limits, Material, for_weakest
from flywheel.learn.refinement_merge import complements
from flywheel.learn.refinement_request import (
    Asked,
    Instructions,
    Rewritten,
    Unusable,
    read_rewrite,
    refinement_request,
)
from flywheel.ports import ChatModel
from flywheel.records.chat import ChatAnswer, ChatRequest, Message
from flywheel.records.proposal import DiscardedProposal

FOR_MODEL = "rewrite_for_model"
"""Looks at one model: where several are asked, at the one that fails most."""

STRATEGIES = (
    "rewrite_reflect",
    "rewrite_structure",
    "rewrite_examples",
    "rewrite_context",
    "rewrite_clarity",
    "rewrite_quality",
    FOR_MODEL,
    "rewrite_merge",
)
"""One file of instructions each, in the order that holds until outcomes say better."""

Texts = Callable[[str, str], str]
"""From the name of instructions with their shipped text to the text to write by."""

_AGAIN = 'Your answer could not be read. Send the JSON object {"prompt", "why", "show"} again, nothing else.'


class AIPromptRefiner:
    """Asks a model for one better prompt per refinement strategy.

    An answer that is no candidate (a refusal, half an answer, no JSON,
    captured text in it) becomes a discarded proposal with its reason; a
    spoiled one is asked for once more.

    Args:
        model: that writes.
        name: by which it is known.
        texts: gives the instructions to write by, from their name with the shipped text; None takes
            the shipped ones.

    Examples:
        >>> from flywheel.llm.scripted import ScriptedModel
        >>> AIPromptRefiner(ScriptedModel(lambda request: None), "none").strategies[0]
        'rewrite_reflect'
    """

    def __init__(self, model: ChatModel, name: str, texts: Texts | None = None) -> None:
        self._model = model
        self.name = name
        self._texts = texts

    @property
    def strategies(self) -> tuple[str, ...]:
        """Refinement strategies it can be asked for."""
        return STRATEGIES

    def propose(
        self, material: Material, strategies: Sequence[str], limits: Limits, allowance: Allowance
    ) -> Drafts:
        """One candidate per strategy while the allowance lasts.

        Args:
            material: what the model may see.
            strategies: which to ask for, most promising first.
            limits: sizes to keep.
            allowance: calls with USD; the next call is not made when one is used up.
        """
        drafts = Drafts()
        for strategy in strategies:
            left = allowance.calls - drafts.calls
            if left < 1 or (allowance.usd is not None and (drafts.cost_usd or 0.0) >= allowance.usd):
                break
            extra = _extra(strategy, material)
            seen = for_weakest(material) if strategy == FOR_MODEL else material
            if extra is not None:
                by = instructions_for(strategy, self._texts)
                drafts += self._draft(seen, by, extra, limits, left, allowance.seed)
        return drafts

    def _draft(
        self,
        material: Material,
        instructions: Instructions,
        extra: Mapping[str, JsonValue],
        limits: Limits,
        left: int,
        seed: int,
    ) -> Drafts:
        asked = refinement_request(material, instructions, self.name, extra, limits)
        spent = Drafts()
        request = asked.request.model_copy(update={"seed": seed})
        found: Rewritten | Unusable = Unusable("answer", "the model was not asked")
        for _ in range(min(2, left)):
            try:
                answer = self._model.complete(request)
            except ModelError as error:
                reason = f"the model did not answer: {type(error).__name__}"
                return spent + Drafts(discarded=(_discarded(instructions, "answer", reason),), calls=1)
            spent += _spent(answer)
            found = read_rewrite(asked, answer, material)
            if not isinstance(found, Unusable) or not found.repairable:
                break
            request = _once_more(request, answer)
        if isinstance(found, Unusable):
            return spent + Drafts(discarded=(_discarded(instructions, found.check, found.reason),))
        return spent + self._candidate(material, instructions, found, asked)

    def _candidate(
        self, material: Material, instructions: Instructions, found: Rewritten, asked: Asked
    ) -> Drafts:
        changes = [f"rewritten by {asked.request.model}: {instructions.strategy.removeprefix('rewrite_')}"]
        if found.shown:
            changes.append(f"shows {found.shown} solved questions")
        proposal = proposal_of(material, instructions.strategy, found.text, tuple(changes))
        merged = instructions.strategy == "rewrite_merge"
        others = (complements(material)[0].other.version.version,) if merged else ()
        update = {
            "refiner": instructions.reference,
            "merged_from": others,
            "rationale": found.why or proposal.rationale,
        }
        return Drafts(made=(proposal.model_copy(update=update),))


def refiner_of(
    name: str | None, models: Callable[[str], ChatModel], texts: Texts | None = None
) -> tuple[AIPromptRefiner, ...]:
    """The refiner of a request as a tuple of proposers; empty where none is asked for.

    Args:
        name: of the model that writes, None for none.
        models: gives a model by name.
        texts: gives the instructions to write by; None takes the shipped ones.

    Raises:
        UnknownName: there is no such model; nothing was sent.
    """
    return () if name is None else (AIPromptRefiner(models(name), name, texts),)


def instructions_for(strategy: str, texts: Texts | None = None) -> Instructions:
    """Instructions of a refinement strategy.

    Args:
        strategy: one of STRATEGIES.
        texts: gives a text from its name with the shipped text; None takes the shipped ones.

    Raises:
        InputError: a text cannot be used.

    Examples:
        >>> instructions_for("rewrite_clarity").reference.split("@")[0]
        'refiner/clarity'
    """
    task = strategy.removeprefix("rewrite_")
    shipped = {name: _file(name) for name in ("common", "request", task)}
    used = {name: texts(name, text) if texts else text for name, text in shipped.items()}
    return Instructions(strategy, task, used["common"], used["request"], used[task])


@cache
def _file(name: str) -> str:
    return files("flywheel.llm.refiner_instructions").joinpath(f"{name}.md").read_text(encoding="utf-8")


def _extra(strategy: str, material: Material) -> dict[str, JsonValue] | None:
    """Further variables of a task; None where the strategy has nothing to work on."""
    if strategy != "rewrite_merge":
        return {}
    found = complements(material)
    if not found:
        return None
    return {"other": found[0].other.version.text, "helps": ", ".join(found[0].helps)}


def _once_more(request: ChatRequest, answer: ChatAnswer) -> ChatRequest:
    said = Message(role="assistant", content=answer.text or "(nothing)")
    again = Message(role="user", content=_AGAIN)
    return request.model_copy(update={"messages": (*request.messages, said, again)})


def _spent(answer: ChatAnswer) -> Drafts:
    return Drafts(
        calls=1,
        input_tokens=answer.input_tokens,
        output_tokens=answer.output_tokens,
        cost_usd=answer.cost_usd,
    )


def _discarded(instructions: Instructions, check: str, reason: str) -> DiscardedProposal:
    return DiscardedProposal(strategy=instructions.strategy, reason=reason, check=check)
