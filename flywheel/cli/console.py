"""A console that names cannot steer."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment

_BIDI = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


class PlainConsole(Console):
    """Prints text without the characters that move the cursor, colour, or turn the direction of writing.

    What a name holds comes from evidence that others sent; a terminal would obey it. `--json` has the
    name as it is.
    """

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """Segments of something that can be drawn, their text made harmless."""
        for segment in super().render(renderable, options):
            yield segment if segment.control else Segment(harmless(segment.text), segment.style)


def harmless(text: str) -> str:
    r"""A text that a terminal only shows.

    Examples:
        >>> harmless("\x1b[31mred\u202e"), harmless("two\nlines")
        ('[31mred', 'two\nlines')
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(one for one in text if one in "\n\t" or not _steers(one))


def _steers(one: str) -> bool:
    return one in _BIDI or unicodedata.category(one) == "Cc"
