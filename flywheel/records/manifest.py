"""What `flywheel run` is asked for in one file."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from flywheel.records.base import Count, FiniteJson, Name, NonNegative, Record
from flywheel.records.case import AnswerOption
from flywheel.records.scorer import Scorer


class ManifestPrompt(Record):
    """One prompt of a manifest.

    Attributes:
        version: label, hash, or `live` when None, of a version that is kept already.
        text: of a version to keep; not together with version.
    """

    name: Name
    version: Name | None = None
    text: str | None = None

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if self.version is not None and self.text is not None:
            msg = f"prompt {self.name!r} has a version and a text; give one of them"
            raise ValueError(msg)
        return self


class ManifestCase(Record):
    """One case of a manifest; without an id it has one of its inputs."""

    case_id: Name | None = None
    inputs: dict[str, FiniteJson]
    expected: FiniteJson = None
    slice: Name | None = None
    metadata: FiniteJson = None


class Manifest(Record):
    """Cases against prompts with models.

    Attributes:
        suite: name of the cases. Without cases of its own the manifest runs the suite of this name.
        cases: inline; a file of cases is read by whoever reads the manifest.
        scorer, parameters, options: of the suite, where the manifest has cases.
        seed: of the models that take one.
        concurrency: most calls under way at once.
        budget_calls, budget_usd, budget_tokens: ceilings of one run.
    """

    suite: Name
    cases: tuple[ManifestCase, ...] = ()
    scorer: Scorer = Scorer.EXACT
    parameters: dict[str, FiniteJson] = Field(default_factory=dict)
    options: tuple[AnswerOption, ...] = ()
    prompts: Annotated[tuple[ManifestPrompt, ...], Field(min_length=1)]
    models: Annotated[tuple[Name, ...], Field(min_length=1)]
    seed: Count = 0
    concurrency: Annotated[int, Field(ge=1, le=512)] | None = None
    budget_calls: Count | None = None
    budget_usd: NonNegative | None = None
    budget_tokens: Count | None = None
