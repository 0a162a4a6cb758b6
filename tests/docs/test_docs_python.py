"""Python that a page shows runs."""

from __future__ import annotations

import doctest
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[2] / "docs"


@pytest.mark.parametrize(
    "page",
    ["scorers.md", pytest.param("refinement.md", marks=pytest.mark.slow, id="refinement.md")],
)
def test_examples_of_a_page_run(page: str):
    """Examples in the form of a Python session give what the page shows."""
    flags = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS

    result = doctest.testfile(str(DOCS / page), module_relative=False, optionflags=flags)

    assert result.attempted > 0
    assert result.failed == 0
