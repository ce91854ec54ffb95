"""All products with their rules and plans: the active ones, and older ones by digest."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime
from functools import cached_property
from typing import Any, ParamSpec, TypeVar

import msgspec
from cachetools import LRUCache
from msgspec.structs import replace

from decision_service.domain.decision import Arm
from decision_service.domain.errors import Overloaded, ProductUnknown, RulesetUnknown
from decision_service.domain.ports import StoredText, TextLog
from decision_service.factors.registry import catalogue
from decision_service.rollout.model import Plan
from decision_service.rollout.state import RolloutState
from decision_service.rulebook.folder import Policy
from decision_service.rulebook.manifest import Publication
from decision_service.rules.compile import compile_ruleset
from decision_service.rules.language.diagnostics import Diagnostic, count
from decision_service.rules.letters import NoticeTexts
from decision_service.rules.program import CompiledRuleset, KeyList, RulesetFiles

MOST = 8
"""How many compilations run or are queued."""

P = ParamSpec("P")
R = TypeVar("R")

_KEPT = 64


class Product(msgspec.Struct, frozen=True, dict=True):
    """One product: its ruleset versions, its rollout plan, and the rollout's state.

    `notices` are its texts for letters by language. `waiting` is a changed plan that takes effect
    once two callers have confirmed it; until then `plan`, the one in force, goes on.
    """

    name: str
    versions: Mapping[int, CompiledRuleset]
    plan: Plan
    state: RolloutState
    notices: Mapping[str, NoticeTexts] = msgspec.field(default_factory=dict)
    waiting: Plan | None = None

    @property
    def champion(self) -> CompiledRuleset:
        return self.versions[self.plan.versions.champion]

    def version(self, number: int) -> CompiledRuleset:
        found = self.versions.get(number) if number else self.champion
        if found is None:
            known = ", ".join(str(version) for version in sorted(self.versions))
            raise RulesetUnknown(
                f"{self.name} has no version {number}: the loaded ones are {known}", version=number
            )
        return found

    @cached_property
    def lists(self) -> tuple[KeyList, ...]:
        found = {one.name: one for v in self.versions.values() for one in v.lists.values()}
        return tuple(found[name] for name in sorted(found))

    @cached_property
    def input_names(self) -> frozenset[str]:
        """The inputs that any loaded version declares, so that clients may send them early."""
        return frozenset(name for version in self.versions.values() for name in version.inputs)


class Rulebook(msgspec.Struct, frozen=True, dict=True):
    """All products without errors; `published` is who published them, None where unpublished."""

    products: Mapping[str, Product] = msgspec.field(default_factory=dict)
    published: Publication | None = None
    policy: Policy = Policy()

    def product(self, name: str) -> Product:
        found = self.products.get(name)
        if found is None:
            known = ", ".join(sorted(self.products)) or "none"
            raise ProductUnknown(
                f"there is no product {name}: the loaded ones are {known}", product=name
            )
        return found

    def with_products(self, moved: Mapping[str, Product]) -> Rulebook:
        return replace(self, products={**self.products, **moved})

    @property
    def deciding(self) -> Mapping[str, CompiledRuleset]:
        """Each product's champion and challenger by their names, `personal-loan-ph v1`."""
        versions = [
            product.versions[number]
            for product in self.products.values()
            for arm in (Arm.CHAMPION, Arm.CHALLENGER)
            if (number := product.plan.versions.of(arm) or 0) in product.versions
        ]
        return {f"{one.ruleset} v{one.version}": one for one in versions}

    @cached_property
    def digests(self) -> Mapping[str, CompiledRuleset]:
        return {
            ruleset.digest: ruleset
            for product in self.products.values()
            for ruleset in product.versions.values()
        }

    def by_digest(self, digest: str) -> CompiledRuleset | None:
        return self.digests.get(digest)


class ActiveRulesStatus(msgspec.Struct, frozen=True):
    """`since` is when each digest began to decide; `refused` is empty after a good reading."""

    rulebook: Rulebook
    since: Mapping[str, datetime]
    read: datetime
    refused: tuple[Diagnostic, ...] = ()

    @property
    def remarks(self) -> tuple[str, ...]:
        """A line for operators where the folder's last reading was refused."""
        if not self.refused:
            return ()
        found, when = count(self.refused), f"{self.read:%Y-%m-%dT%H:%M:%SZ}"
        return (f"rules refused at {when} ({found}); the last good ones decide",)


class ActiveRules:
    """A decision takes `current()` once and keeps it; a later `put` does not reach it."""

    def __init__(self, rulebook: Rulebook, now: datetime) -> None:
        self._status = ActiveRulesStatus(rulebook, dict.fromkeys(rulebook.digests, now), now)

    def current(self) -> Rulebook:
        """The last good rulebook."""
        return self._status.rulebook

    @property
    def status(self) -> ActiveRulesStatus:
        return self._status

    def put(self, rulebook: Rulebook, now: datetime) -> None:
        since = {digest: self._status.since.get(digest, now) for digest in rulebook.digests}
        self._status = ActiveRulesStatus(rulebook, since, now)

    def set_products(self, moved: Mapping[str, Product]) -> None:
        self._status = replace(self._status, rulebook=self.current().with_products(moved))

    def refuse(self, problems: tuple[Diagnostic, ...], now: datetime) -> None:
        self._status = replace(self._status, read=now, refused=problems)


class CompilationThread:
    """Runs one compilation at a time; a queued one whose caller has left is not begun."""

    def __init__(self) -> None:
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
    beside = dict(files.data), dict(files.tables), dict(files.shared)
    stored = _Files(files.product, files.path, files.text, *beside)
    return StoredText(ruleset.digest, "ruleset", msgspec.json.encode(stored))


def used_mark(ruleset: CompiledRuleset) -> StoredText:
    """The note that a version has decided with this content, stored before its first decision."""
    kind = f"used {ruleset.ruleset}@{ruleset.version}"
    return StoredText(f"{kind} {ruleset.digest}", kind, ruleset.digest.encode())


def files_from_body(body: bytes) -> RulesetFiles:
    """The files that were stored; raises msgspec.ValidationError when the bytes are not those."""
    stored = msgspec.json.decode(body, type=_Files)
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
