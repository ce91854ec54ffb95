"""The composition root: the only place that names the service's concrete classes."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import structlog
from ulid import ULID

from decision_service.config import (
    OFFLINE_KEY,
    OFFLINE_SECRET,
    Settings,
    SmileMode,
    split_address,
)
from decision_service.domain.errors import StoreError
from decision_service.edge.rpc import server as rpc
from decision_service.edge.rpc.decisions import UseCases
from decision_service.edge.rpc.replies import ProtoReplyEncoder
from decision_service.edge.rpc.rulesets import RulesetUseCases
from decision_service.failpoints import armed
from decision_service.language.diagnostics import count, render
from decision_service.pipeline.archive import RulesetArchive
from decision_service.pipeline.decide import DecideApplication, Ports
from decision_service.pipeline.last_good import keep, recall
from decision_service.pipeline.loading import Loading, load_rules
from decision_service.pipeline.read import ReadDecisions
from decision_service.pipeline.reload import ReloadRules
from decision_service.pipeline.replay import ReplayDecision
from decision_service.pipeline.rulesets import TryRules
from decision_service.pipeline.shelf import RuleShelf
from decision_service.ruleset.model import CompiledRuleset
from decision_service.simulator.server import build_app, serve
from decision_service.smile.limits import Limits
from decision_service.smile.source import SmileSource
from decision_service.storage.errors import StoreRefused
from decision_service.storage.rule_files import RulesFolderMissing, read_rules
from decision_service.storage.rule_watch import changes
from decision_service.storage.store import Store

PROVIDERS_DAILY = 86_400.0
PROVIDERS_RETRY = 30.0
RULES_RETRY = 1.0
HEALTH_SECONDS = 5.0

log = structlog.get_logger("decision_service.app")


class StartError(Exception):
    """The service cannot start; the message is one sentence, `lines` below it say where."""

    def __init__(self, message: str, lines: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.lines = lines


class SystemClock:
    """The machine's clocks."""

    def now(self) -> datetime:
        """The current instant in UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Seconds that never go back."""
        return time.monotonic()


class Ids:
    """Decision ids are ULIDs, made request ids are UUIDs."""

    def decision_id(self, created: datetime) -> str:
        """`dec_` and a ULID of this instant."""
        return f"dec_{ULID.from_datetime(created)}"

    def request_id(self) -> str:
        """A random UUID."""
        return str(uuid.uuid4())


@dataclass(slots=True)
class Service:
    """A started service; `smile_url` is where applicants' data comes from."""

    settings: Settings
    shelf: RuleShelf
    rpc: rpc.RpcServer
    smile_url: str
    store_name: str
    _stack: AsyncExitStack

    @property
    def address(self) -> str:
        """host:port as clients reach it."""
        host, _ = split_address(self.settings.grpc_address)
        return f"{host}:{self.rpc.port}"

    def loaded(self) -> Iterator[tuple[str, list[tuple[int, CompiledRuleset]]]]:
        """Each product with its versions."""
        for name, product in sorted(self.shelf.current().products.items()):
            yield name, sorted(product.versions.items())

    async def stop(self) -> None:
        """Stop taking calls, let those in progress finish, then close vendor and store."""
        log.info("stopping")
        await self.rpc.stop(self.settings.drain_seconds, self.settings.drain_grace)
        await self._stack.aclose()
        log.info("stopped")


async def start(settings: Settings) -> Service:
    """Start everything, in order; raises StartError with what to do, nothing left running."""
    if armed():
        log.critical("failpoints are armed, this is a test", points=armed())
    async with AsyncExitStack() as stack:
        clock = SystemClock()
        store = await _open_store(settings, stack)
        shelf = await open_shelf(settings, store, clock)
        smile_url = await _smile_url(settings, clock, stack)
        source = _source(settings, smile_url, clock)
        stack.push_async_callback(source.aclose)
        read = partial(read_rules, settings.rules_dir)
        reload = ReloadRules(read, shelf, store, clock, settings.blocked)
        for work in (_keep_providers(source), _keep_rules(settings.rules_dir, reload)):
            stack.push_async_callback(_cancelled, asyncio.create_task(work))
        services = rpc.Services(
            decisions=_use_cases(store, source, clock, shelf),
            rulesets=RulesetUseCases(
                shelf, TryRules(source, store, clock, shelf.current), read, store, clock
            ),
            most=settings.max_in_flight,
        )
        try:
            server = await rpc.start(settings.grpc_address, services)
        except rpc.AddressInUse as error:
            raise StartError(str(error)) from None
        await server.serving(yes=True)
        watch = asyncio.create_task(_keep_health(server, source, store))
        stack.push_async_callback(_cancelled, watch)
        store_name = settings.store_url.rpartition("@")[2]
        return Service(settings, shelf, server, smile_url, store_name, stack.pop_all())
    raise AssertionError("unreachable")  # pragma: no cover - the block returns or raises


async def _keep_providers(source: SmileSource) -> None:
    """Read the vendor's provider list now and daily; soon again while it cannot be read.

    A good reading is also what tells that refused keys work again.
    """
    while True:
        done = await source.refresh_providers()
        await asyncio.sleep(PROVIDERS_DAILY if done else PROVIDERS_RETRY)


async def _keep_health(server: rpc.RpcServer, source: SmileSource, store: Store) -> None:
    """Say NOT_SERVING while no decision could be made: the store fails, or our keys are refused."""
    while True:
        await asyncio.sleep(HEALTH_SECONDS)
        try:
            await store.check()
        except StoreError:
            well = False
        else:
            well = not source.status.keys_refused
        await server.serving(yes=well)


async def _keep_rules(root: Path, reload: ReloadRules) -> None:
    """Take changed rules over; a folder that goes away is looked for again."""
    while True:
        async for _ in changes(root, asyncio.Event()):
            done = await reload()
            log.info("rules", accepted=done.accepted, faults=done.faults)
        await asyncio.sleep(RULES_RETRY)


async def _cancelled(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def open_shelf(settings: Settings, store: Store, clock: SystemClock) -> RuleShelf:
    """The rules to start with: the folder's, or the last good ones where it has mistakes.

    Raises StartError with every problem of every file where there never was a good folder.
    """
    try:
        folder = read_rules(settings.rules_dir)
    except RulesFolderMissing as error:
        raise StartError(str(error)) from None
    loading = load_rules(folder, clock.now(), settings.blocked)
    if loading.rulebook is not None:
        await store.put_texts(loading.texts)
        await keep(store, folder, clock.now())
        return RuleShelf(loading.rulebook, clock.now())
    return await _last_good(settings.rules_dir, store, loading, clock)


async def _last_good(root: Path, store: Store, bad: Loading, clock: SystemClock) -> RuleShelf:
    problems = tuple(render(diagnostic) for diagnostic in bad.errors)
    folder = await recall(store)
    good = None if folder is None else load_rules(folder, clock.now()).rulebook
    if good is None:
        raise StartError(
            f"the rules in {root} have {count(bad.errors)}: mend them, and try "
            "`decision-service rules check`",
            problems,
        )
    for problem in problems:
        log.error("rules refused, the last good ones decide", problem=problem)
    shelf = RuleShelf(good, clock.now())
    shelf.refuse(bad.errors, clock.now())
    return shelf


async def _open_store(settings: Settings, stack: AsyncExitStack) -> Store:
    try:
        store = await Store.open(settings.store_url)
    except StoreRefused as error:
        raise StartError(str(error)) from None
    stack.push_async_callback(store.aclose)
    return store


async def _smile_url(settings: Settings, clock: SystemClock, stack: AsyncExitStack) -> str:
    if settings.smile_mode is not SmileMode.EMBEDDED:
        return settings.base_url
    app = build_app(api_key=OFFLINE_KEY, api_secret=OFFLINE_SECRET, clock=clock.now)
    return await stack.enter_async_context(serve(app))


def _source(settings: Settings, base_url: str, clock: SystemClock) -> SmileSource:
    key, secret = OFFLINE_KEY, OFFLINE_SECRET
    if settings.smile_mode is not SmileMode.EMBEDDED:
        key = settings.smile_api_key.get_secret_value()
        secret = settings.smile_api_secret.get_secret_value()
    limits = Limits(requests_per_second=settings.smile_requests_per_second)
    return SmileSource(base_url, key, secret, clock, limits=limits, fetch=settings.smile_fetch)


def _use_cases(store: Store, source: SmileSource, clock: SystemClock, shelf: RuleShelf) -> UseCases:
    ports = Ports(source, store, ProtoReplyEncoder(), clock, Ids())
    archive = RulesetArchive(store, shelf.current)
    reading = ReadDecisions(store, archive)
    return UseCases(
        decide=DecideApplication(ports, shelf.current),
        read=reading,
        replay=ReplayDecision(store, reading, archive, shelf.current),
        clock=clock,
    )
