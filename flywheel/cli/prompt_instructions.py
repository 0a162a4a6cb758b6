"""Texts for the refiner are held against what it fills, before they are stored."""

from __future__ import annotations

from collections.abc import Sequence

from flywheel.cli.names import nearest
from flywheel.errors import InputError, UnknownName
from flywheel.records.prompt import INSTRUCTIONS, PromptVersion


def check_instructions(versions: Sequence[PromptVersion]) -> None:
    """Refuse texts a refiner could not write by; prompts of applications are let through.

    Args:
        versions: about to be stored.

    Raises:
        UnknownName: the refiner reads no instructions of that name.
        InputError: a text lacks a variable, or has one that nothing fills.
    """
    own = [version for version in versions if version.prompt.startswith(INSTRUCTIONS)]
    if not own:
        return
    from flywheel.phases.instructions import wrong_variables

    shipped = _shipped()
    for version in own:
        if version.prompt not in shipped:
            near = nearest(version.prompt, list(shipped))
            raise UnknownName(
                f"The refiner reads no instructions {version.prompt!r}. {near} Nothing was stored. "
                f"Prompts of your own take any name that does not begin with {INSTRUCTIONS!r}."
            )
        wrong = wrong_variables(version.text or "", shipped[version.prompt])
        if wrong:
            raise InputError(
                f"The text for the instructions {version.prompt!r} {wrong}. Nothing was stored. "
                "Mend the text, and give it again."
            )


def _shipped() -> dict[str, str]:
    """Shipped instructions by the names of their prompts."""
    from flywheel.llm.refiner import STRATEGIES, instructions_for

    texts: dict[str, str] = {}
    for strategy in STRATEGIES:
        found = instructions_for(strategy)
        texts |= {"common": found.common, "request": found.request, found.name: found.task}
    return {f"{INSTRUCTIONS}{name}": text for name, text in texts.items()}
