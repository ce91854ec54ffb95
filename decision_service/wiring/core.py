"""What every part of the service is built on: settings, clock, store, rules and the vendor."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack
from datetime import timedelta
from functools import partial
from pathlib import Path

import msgspec
import structlog

from decision_service.build import engine_version
from decision_service.clock_ids import SystemClock
from decision_service.config import (
    OFFLINE_KEY,
    OFFLINE_SECRET,
    OnRevoke,
    Settings,
    SmileMode,
)
from decision_service.config.onboarding import WIDGET_SCRIPT
from decision_service.domain.errors import StoreError
from decision_service.edge.metrics import Metrics
from decision_service.edge.rpc.authenticator import CallersRefused
from decision_service.edge.rpc.server_deps import ServerDeps, certificates_of, server_deps
from decision_service.edge.tls import Certificates, CertificatesRefused
from decision_service.file_watch import FileWatch
from decision_service.language.diagnostics import render
from decision_service.pipeline.ports import Clock
from decision_service.pipeline.rollout.journal import Rollouts
from decision_service.pipeline.rules.acceptance import ReadSigners
from decision_service.pipeline.rules.active import ActiveRules
from decision_service.pipeline.rules.folder import RuleFolder
from decision_service.smile.limits import SmileLimits
from decision_service.smile.source import SmileSource
from decision_service.storage.rules_folder.files import read_rules
from decision_service.storage.store import Store
from decision_service.tracing import Tracer
from decision_service.wiring.errors import StartError
from decision_service.wiring.instrumentation import Instrumentation
from decision_service.wiring.rules import open_rules, rules_folder, signers_of

_WIDGET_APIS = {
    SmileMode.SANDBOX: "https://link-sandbox.smileapi.io/v1",
    SmileMode.PRODUCTION: "https://link.smileapi.io/v1",
}
log = structlog.get_logger("decision_service.wiring.core")


class Core(msgspec.Struct, frozen=True):
    """The adapters and the rules that decide; `smile_url` is where applicants' data comes from.

    `widget` are the script and the API of the vendor's widget.
    """

    settings: Settings
    rules_dir: Path
    clock: Clock
    deps: ServerDeps
    certificates: Certificates | None
    store: Store
    active: ActiveRules
    rollouts: Rollouts
    changed_rules: FileWatch
    source: SmileSource
    smile_url: str
    widget: tuple[str, str]
    tracer: Tracer

    @property
    def metrics(self) -> Metrics:
        """The metrics of the process."""
        return self.deps.metrics

    @property
    def read_folder(self) -> Callable[[], RuleFolder]:
        """Reads the rules folder, on the thread of its caller."""
        return partial(read_rules, self.rules_dir)

    @property
    def edits_used(self) -> bool:
        """Whether a version that has decided may change: on made-up people alone."""
        return self.settings.smile_mode is SmileMode.EMBEDDED

    @property
    def signers(self) -> ReadSigners | None:
        """Reads who may sign rules; None where signatures are not required."""
        return signers_of(self.settings, self.deps.authenticator)


async def open_core(
    settings: Settings,
    instrumentation: Instrumentation,
    stack: AsyncExitStack,
    *,
    init: bool,
    clock: Clock | None = None,
) -> Core:
    """Open store, rules and vendor, in this order, closed by the stack; raises StartError."""
    clock, root = clock or SystemClock(), rules_folder(settings)
    changed_rules = FileWatch(root)
    await asyncio.to_thread(engine_version)  # the first call asks git, where there is a checkout
    deps, certificates = _server_deps(settings, clock, instrumentation)
    store = await _open_store(settings, deps.metrics, stack, init=init)
    rules = await open_rules(settings, root, store, clock, signers_of(settings, deps.authenticator))
    smile_url, widget = await _vendor(settings, clock, stack)
    source = _source(settings, smile_url, clock, instrumentation.tracer)
    stack.push_async_callback(source.aclose)
    return Core(
        settings,
        root,
        clock,
        deps,
        certificates,
        store,
        rules.active,
        rules.rollouts,
        changed_rules,
        source,
        smile_url,
        widget,
        instrumentation.tracer,
    )


def _server_deps(
    settings: Settings, clock: Clock, instrumentation: Instrumentation
) -> tuple[ServerDeps, Certificates | None]:
    try:
        deps = server_deps(settings, clock, instrumentation.interceptors)
        return deps, certificates_of(settings)
    except CertificatesRefused as error:
        raise StartError(str(error)) from None
    except CallersRefused as error:
        raise StartError(str(error), tuple(map(render, error.diagnostics))) from None


async def _open_store(
    settings: Settings, metrics: Metrics, stack: AsyncExitStack, *, init: bool
) -> Store:
    try:
        store = await Store.open(
            settings.store_url,
            lease=settings.lease,
            init=init,
            on_commit=metrics.committed,
            journal=settings.erasure_journal,
            erase_decisions=settings.on_revoke is OnRevoke.ERASE_DECISIONS,
            identity_keys=settings.identity_key_file,
            data_keys=settings.data_key_file,
            keep_data_keys=settings.smile_mode is SmileMode.EMBEDDED,
        )
    except StoreError as error:
        raise StartError(str(error)) from None
    stack.push_async_callback(store.aclose)
    if not store.keeps_journal:
        log.warning(
            "erasures are noted nowhere but in the store, so that a restored backup brings erased "
            "data back: set DECISION_ERASURE_JOURNAL to a file or a database apart from it"
        )
    if not store.identity_keys:
        log.warning(
            "second uses of accounts and persons are not found, and rules that ask for them refer: "
            "set DECISION_IDENTITY_KEY_FILE"
        )
    if settings.smile_mode is not SmileMode.EMBEDDED:
        await _warn_of_plain_keys(store)
    return store


async def _warn_of_plain_keys(store: Store) -> None:
    if store.data_keys.newest is None:
        log.warning(
            "whoever has a copy of the database can read its snapshots, as their keys are in it: "
            "set DECISION_DATA_KEY_FILE"
        )
    elif others := await _others(store):
        log.warning(
            "the newest data key does not wrap the keys of all users: once every process has it, "
            "run `decision-service data-keys rewrap`",
            users=others,
        )


async def _others(store: Store) -> int:
    try:
        return await store.count_others()
    except StoreError as error:
        raise StartError(str(error)) from None


async def _vendor(
    settings: Settings, clock: Clock, stack: AsyncExitStack
) -> tuple[str, tuple[str, str]]:
    """Where data is read, and the widget's script and API."""
    if settings.smile_mode is not SmileMode.EMBEDDED:
        return settings.base_url, (WIDGET_SCRIPT, _WIDGET_APIS[settings.smile_mode])
    from decision_service.simulator.server import embedded  # the one way to it from what serves

    country, currency = settings.embedded_country, settings.embedded_currency
    standin = embedded((OFFLINE_KEY, OFFLINE_SECRET), country, currency, clock.now)
    return await stack.enter_async_context(standin)


def _source(settings: Settings, base_url: str, clock: Clock, tracer: Tracer) -> SmileSource:
    key, secret = OFFLINE_KEY, OFFLINE_SECRET
    if settings.smile_mode is not SmileMode.EMBEDDED:
        key = settings.smile_api_key.get_secret_value()
        secret = settings.smile_api_secret.get_secret_value()
    limits = SmileLimits(
        requests_per_second=settings.smile_requests_per_second,
        first_sync=timedelta(seconds=settings.first_sync_wait),
    )
    return SmileSource(
        base_url,
        key,
        secret,
        clock,
        limits=limits,
        tracer=tracer,
    )
