"""Rulesets by digest: the loaded ones, and older ones compiled again from their stored text."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from cachetools import LRUCache

from decision_service.domain.errors import RulesetUnknown
from decision_service.factors.registry import catalogue
from decision_service.pipeline.ports import TextLog
from decision_service.pipeline.rules.compilation import CompilationThread
from decision_service.pipeline.rules.rulebook import Rulebook
from decision_service.pipeline.rules.texts import files_from_body
from decision_service.ruleset.compile.compiler import compile_ruleset
from decision_service.ruleset.program.model import CompiledRuleset

_KEPT = 64


class RulesetArchive:
    """Finds rulesets by digest, for decisions of any age."""

    def __init__(
        self, log: TextLog, rulebook: Callable[[], Rulebook], thread: CompilationThread
    ) -> None:
        self._log = log
        self._rulebook = rulebook
        self._thread = thread
        self._lock = asyncio.Lock()
        self._compiled: LRUCache[str, CompiledRuleset] = LRUCache(_KEPT)

    async def by_digest(self, digest: str) -> CompiledRuleset:
        """The ruleset of a digest; raises RulesetUnknown, and Overloaded as compilations do."""
        loaded = self._rulebook().by_digest(digest) or self._compiled.get(digest)
        if loaded is not None:
            return loaded
        async with self._lock:  # whoever asks for the same meanwhile finds it
            compiled = self._compiled.get(digest)
            if compiled is None:
                compiled = self._compiled[digest] = await self._again(digest)
        return compiled

    async def _again(self, digest: str) -> CompiledRuleset:
        text = await self._log.text(digest)
        if text is None or text.kind != "ruleset":
            raise RulesetUnknown(
                f"no ruleset with digest {digest[:16]} was ever loaded here", digest=digest[:64]
            )
        compiled = await self._thread.run(_compiled, text.body)
        if compiled is None:
            raise RulesetUnknown(
                f"the ruleset with digest {digest[:16]} no longer compiles with this version",
                digest=digest[:64],
            )
        return compiled


def _compiled(body: bytes) -> CompiledRuleset | None:
    return compile_ruleset(files_from_body(body), catalogue(), checks=()).ruleset
