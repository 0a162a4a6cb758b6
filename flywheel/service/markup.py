"""HTML put together from parts, where text is escaped unless it is markup already."""

from __future__ import annotations

from html import escape

EMPTY = frozenset({"meta", "line", "rect", "circle", "br", "link"})
"""Elements without an end."""


class Markup(str):
    """Text that is HTML already."""

    __slots__ = ()


def tag(name: str, /, *children: str | None, **attributes: str | float | None) -> Markup:
    """An element.

    Args:
        name: of the element.
        children: texts, which are escaped, or markup, which is not; None is left out.
        attributes: None is left out; a final underscore is dropped, others become hyphens.

    Examples:
        >>> tag("td", "<b>", class_="n")
        '<td class="n">&lt;b&gt;</td>'
        >>> tag("p", tag("b", "yes"), aria_label='a "b"')
        '<p aria-label="a &quot;b&quot;"><b>yes</b></p>'
    """
    given = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(str(value))}"'
        for key, value in attributes.items()
        if value is not None
    )
    if name in EMPTY and not children:
        # In a picture the slash ends the element; elsewhere it means nothing.
        return Markup(f"<{name}{given} />")
    return Markup(f"<{name}{given}>{joined(*children)}</{name}>")


def joined(*parts: str | None) -> Markup:
    """Parts after one another.

    Examples:
        >>> joined("a & b", Markup("<hr>"), None)
        'a &amp; b<hr>'
    """
    return Markup("".join(part if isinstance(part, Markup) else escape(part) for part in parts if part))
