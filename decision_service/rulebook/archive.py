"""Older rulesets by digest: their stored texts, compiled again when they are asked for."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, ParamSpec, TypeVar

import msgspec
from cachetools import LRUCache

from decision_service.domain.errors import Overloaded, RulesetUnknown
from decision_service.domain.ports import StoredText, TextLog
from decision_service.factors.registry import known_factors
from decision_service.rulebook.rulebook import Rulebook
from decision_service.rules.compile import compile_ruleset
from decision_service.rules.program import CompiledRuleset, RulesetFiles

MOST = 8
"""How many compilations run or are queued."""

P = ParamSpec("P")
R = TypeVar("R")

_KEPT = 64


class CompilationThread:
    """Runs one compilation at a time; a queued one whose caller has left is not begun."""

    def __init__(self) -> None:
        # One: compiling is Python's own work, which a second thread would not make faster.
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="compilation")
        self._jobs: set[Future[Any]] = set()

    async def run(self, work: Callable[P, R], *given: P.args, **named: P.kwargs) -> R:
        """The result of the work; raises what it raises, and Overloaded where eight are left."""
        if len(self._jobs) >= MOST:
            raise Overloaded(
                f"{MOST} rulesets are being compiled or wait for it: call again in a moment"
            )
        job = self._thread.submit(work, *given, **named)
        self._jobs.add(job)
        job.add_done_callback(self._jobs.discard)
        return await asyncio.wrap_future(job)


class _Files(msgspec.Struct, frozen=True):
    product: str
    path: str
    text: str
    data: dict[str, str]
    tables: dict[str, str]
    shared: dict[str, str] = msgspec.field(default_factory=dict)


def ruleset_text(ruleset: CompiledRuleset, files: RulesetFiles) -> StoredText:
    stored = _Files(
        files.product,
        files.path,
        files.text,
        data=dict(files.data),
        tables=dict(files.tables),
        shared=dict(files.shared),
    )
    return StoredText(ruleset.digest, "ruleset", msgspec.json.encode(stored))


def files_from_body(body: bytes) -> RulesetFiles:
    """The files that were stored; raises msgspec.ValidationError when the bytes are not those."""
    stored = msgspec.json.decode(body, type=_Files)
    # Lists are no content of a version: which there were then is not stored.
    return RulesetFiles(**msgspec.structs.asdict(stored), lists=None)


class RulesetArchive:
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
        # One after the other, so that whoever asks for the same meanwhile finds it compiled.
        async with self._lock:
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
    # Without checks, since what has decided passed those of its time.
    return compile_ruleset(files_from_body(body), known_factors(), checks=()).ruleset
