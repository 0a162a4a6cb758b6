"""Instructions of the refiner, kept as prompts with versions of their own."""

from __future__ import annotations

from dataclasses import dataclass

from flywheel.errors import InputError
from flywheel.learn.templates import variables
from flywheel.ports import Store
from flywheel.records.prompt import INSTRUCTIONS, PromptVersion, content_hash


@dataclass(frozen=True, slots=True)
class KeptInstructions:
    """The texts a refiner of one workspace writes by.

    Every text that is used is a version of the prompt `refiner/NAME`, so that
    what a proposal was written by can be read later. A version that is made
    live there takes the place of the shipped text.

    Attributes:
        store: prompts with their releases.
        workspace: whose prompts.
    """

    store: Store
    workspace: str

    def text(self, name: str, shipped: str) -> str:
        """What is live, else the shipped text.

        Args:
            name: `common`, `request`, or a task such as `reflect`.
            shipped: text of this release of flywheel, kept as a version when it is used.

        Raises:
            InputError: the live text has other variables than the shipped one; nothing was sent.
        """
        prompt = f"{INSTRUCTIONS}{name}"
        live = self.store.releases.live(self.workspace, prompt)
        own = self.store.prompts.get(self.workspace, prompt, live.version) if live else None
        if own is not None and own.text is not None:
            _check(own, shipped)
            return own.text
        version = content_hash(shipped)
        if self.store.prompts.get(self.workspace, prompt, version) is None:
            self.store.prompts.add(
                PromptVersion(
                    prompt=prompt,
                    workspace=self.workspace,
                    version=version,
                    text=shipped,
                    variables=variables(shipped),
                    origin="shipped",
                )
            )
        return shipped


def wrong_variables(text: str, shipped: str) -> str:
    """What a refiner cannot fill in a text, or an empty text.

    Args:
        text: of a person's own.
        shipped: the text it is to take the place of.

    Examples:
        >>> wrong_variables("{{prompt}} {{mood}}", "{{prompt}} {{failures}}")
        'lacks {{failures}}, has {{mood}}, which nothing fills; it needs exactly failures, prompt'
        >>> wrong_variables("{{prompt}}", "Here: {{ prompt }}")
        ''
    """
    got, need = set(variables(text)), set(variables(shipped))
    if got == need:
        return ""
    wrong = [f"lacks {{{{{name}}}}}" for name in sorted(need - got)]
    wrong += [f"has {{{{{name}}}}}, which nothing fills" for name in sorted(got - need)]
    return f"{', '.join(wrong)}; it needs exactly {', '.join(sorted(need)) or 'no variables'}"


def _check(own: PromptVersion, shipped: str) -> None:
    wrong = wrong_variables(own.text or "", shipped)
    if wrong:
        raise InputError(
            f"Live version {own.short!r} of the instructions {own.prompt!r} {wrong}. No model was asked. "
            f"Add a version that has them with: flywheel prompt add {own.prompt} FILE --live"
        )
