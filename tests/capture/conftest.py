"""What pytest runs inside tests must find loaded already.

A run of pytest in this process forgets every module it loaded first. A second
load would make second classes, which the chat clients of other tests refuse.
"""

from __future__ import annotations

import langchain_core.messages
import langchain_openai

LOADED = (
    *(getattr(langchain_core.messages, name) for name in langchain_core.messages.__all__),
    langchain_openai.ChatOpenAI,
)
"""Named one by one, because both packages load their parts on first use."""
