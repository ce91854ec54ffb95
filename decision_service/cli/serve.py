"""`serve`: gRPC until SIGTERM or Ctrl-C, and `migrate`."""

from __future__ import annotations

import asyncio
import gc
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from io import FileIO
from pathlib import Path

from decision_service.app.core import StartError
from decision_service.app.wiring import Service, start
from decision_service.build import engine_version
from decision_service.cli.output import CommandError, Exit, as_typed, console
from decision_service.domain.errors import StoreError, visible
from decision_service.runtime.config import load
from decision_service.runtime.logs import LogQueue, configure_logging
from decision_service.runtime.settings import Settings, SmileMode
from decision_service.runtime.tasks import run_async
from decision_service.store.engine import SqliteFile, parse_store_url
from decision_service.store.store import migrate as migrate_store

HURRY_SECONDS = 2.0
"""Seconds that calls in progress have after a second signal."""


def on_stop_signals(stop: Callable[[], None], hurry: Callable[[], None]) -> None:
    """Call `stop` on the first SIGTERM or Ctrl-C, `hurry` on each later one."""
    stopping = False

    def ask() -> None:
        nonlocal stopping
        again = stopping
        stopping = True
        (hurry if again else stop)()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ask)


_SHARE = 0.001
"""Seconds after which a thread gives the interpreter to another that waits for it (Python's are
0.005). A commit waits for it several times: while a large applicant is read that was a tenth of
a second."""

_YOUNG = 10_000
"""So many objects more than were let go of are there before cycles are looked for: a decision makes
some hundred, and no cycles."""


def serve(config: Path | None, init: bool) -> int:
    settings = load(config)
    lines = LogQueue(FileIO(sys.stderr.fileno(), "w", closefd=False))
    configure_logging(settings.log_level, as_json=logs_json(), handler=lines)
    try:
        return run_async(_serve(settings, lines, init=init))
    finally:
        lines.stop()


def announce_store(url: str, *, init: bool) -> None:
    """Say where files will be before the first one is written."""
    with suppress(StoreError, OSError):  # opening the store says what is wrong with its URL
        place = parse_store_url(url)
        if not isinstance(place, SqliteFile) or place.path.exists():
            return
        # A store that was there and is not is refused without --init.
        if init or not place.companion(".lock").exists():
            folder = place.path.absolute().parent
            name = place.path.name
            words = f"New in {folder}: the store {name}, and its keys and journal as {name}.*\n"
            sys.stdout.write(visible(words))
            sys.stdout.flush()


def logs_json() -> bool:
    """Whether the log is for programs: on a terminal it is for people."""
    return not sys.stderr.isatty()


async def _serve(settings: Settings, lines: LogQueue, *, init: bool) -> int:
    asked = asyncio.Event()
    hurried = asyncio.Event()
    on_stop_signals(asked.set, hurried.set)
    announce_store(settings.store_url, init=init)
    try:
        service = await start(settings, lines, init=init)
    except StartError as error:
        raise CommandError(str(error), lines=error.lines) from None
    tune_interpreter()
    if not asked.is_set():
        sys.stdout.write("\n".join(banner(service)) + "\n")
        sys.stdout.flush()
    await asked.wait()
    await _stop(service, hurried)
    return Exit.DONE


def tune_interpreter() -> None:
    gc.freeze()  # what serves is never garbage: it need not be looked through while calls are
    gc.set_threshold(_YOUNG)
    sys.setswitchinterval(_SHARE)


async def _stop(service: Service, hurried: asyncio.Event) -> None:
    """Stop in order; a second signal leaves what is in progress two seconds."""
    ending = asyncio.create_task(service.stop())
    hurrying = asyncio.create_task(hurried.wait())
    await asyncio.wait({ending, hurrying}, return_when=asyncio.FIRST_COMPLETED)
    if not ending.done():
        await service.rpc.shorten_grace(HURRY_SECONDS)
    hurrying.cancel()
    await ending


def banner(service: Service) -> list[str]:
    settings = service.core.settings
    rules: list[str] = []
    for name, versions in service.loaded():
        numbers = [f"v{number} ({ruleset.digest[:8]})" for number, ruleset in versions]
        rules.append(f"{name} {' '.join(numbers)}")
    if service.core.rules_dir != settings.rules_dir:
        hint = as_typed("`decision-service init FOLDER` writes them to be edited")
        rules.append(f"of the package: {hint}")
    return [
        f"Credit decision service {engine_version()}",
        f"  gRPC    {service.address}  {_security(settings)}",
        f"  HTTP    {service.http.public}",
        f"  admin   {service.http.admin}  /healthz /metrics",
        *([f"  explore {service.http_url}/"] if settings.smile_mode is SmileMode.EMBEDDED else []),
        f"  Smile   {settings.smile_mode} {service.core.smile_url}",
        f"  store   {service.store_name}",
        *(f"  rules   {line}" for line in rules),
        "Ctrl-C stops it.",
    ]


def _security(settings: Settings) -> str:
    tls = "plaintext" if settings.tls_cert_file is None else "TLS"
    if settings.tls_client_ca_file is not None:
        tls = "mutual TLS"
    if settings.auth_tokens_file is None:
        return f"{tls}, every caller is `anonymous` and may call everything"
    return f"{tls}, callers of {settings.auth_tokens_file}"


def migrate(config: Path | None, init: bool, store: str) -> None:
    settings = load(config)
    url = store or settings.store_url
    announce_store(url, init=init)
    try:
        asyncio.run(migrate_store(url, init=init))
    except StoreError as error:
        raise CommandError(error.message) from None
    console().print(f"The store {url.rpartition('@')[2]} has the newest tables.", markup=False)
