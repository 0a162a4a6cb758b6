"""Waits until a test imports LangChain, then asks it to tell of its model calls."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Final

AWAITED: Final = "langchain_core.tracers.context"
"""The module of LangChain that keeps the list of handlers for every call."""


class LangChainWatch(MetaPathFinder):
    """Attaches the handler when `langchain_core` is there, or as soon as it comes.

    A suite that never imports LangChain never pays for it: all that happens is
    one comparison of names per import.
    """

    def __init__(self) -> None:
        self._attached = False

    def start(self) -> None:
        """Attach now where LangChain is imported already, else wait for it."""
        if AWAITED in sys.modules:
            self._attach()
        elif self not in sys.meta_path:
            sys.meta_path.insert(0, self)

    def stop(self) -> None:
        """Wait no longer, and take the handler away again."""
        if self in sys.meta_path:
            sys.meta_path.remove(self)
        if self._attached:
            from flywheel.capture.langchain_callback import detach

            detach()
            self._attached = False

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None,  # noqa: ARG002 (the import system names these)
        target: ModuleType | None = None,  # noqa: ARG002
    ) -> ModuleSpec | None:
        """None for every module but the awaited one, loaded as ever and then followed by the handler."""
        if fullname != AWAITED:
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(fullname)
        if spec is not None and spec.loader is not None:
            spec.loader = _Followed(spec.loader, self)
        return spec

    def _attach(self) -> None:
        from flywheel.capture.langchain_callback import attach

        attach()
        self._attached = True


class _Followed(Loader):
    def __init__(self, loader: Loader, watch: LangChainWatch) -> None:
        self._loader = loader
        self._watch = watch

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return self._loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        if module.__spec__ is not None:
            module.__spec__.loader = module.__loader__ = self._loader
        self._loader.exec_module(module)
        self._watch._attach()  # noqa: SLF001 (the two are one thing, split by the import system)
