"""`serve`: gRPC until SIGTERM or Ctrl-C."""

from __future__ import annotations

import asyncio
import signal
import sys
from io import FileIO
from pathlib import Path
from typing import Annotated

import typer

from decision_service import __version__
from decision_service.app import Service, StartError, start
from decision_service.cli.errors import CommandError, Exit
from decision_service.cli.loop import run_async
from decision_service.config import LogFormat, Settings, load
from decision_service.telemetry import LogQueue, configure_logging

ConfigOption = Annotated[
    Path | None, typer.Option("--config", help="YAML file of settings; the environment wins")
]


def serve(config: ConfigOption = None) -> None:
    """Serve decisions over gRPC until SIGTERM or Ctrl-C."""
    settings = load(config)
    lines = LogQueue(FileIO(sys.stderr.fileno(), "w", closefd=False))
    configure_logging(settings.log_level, as_json=logs_json(settings), stream=lines)
    try:
        run_async(_serve(settings, lines))
    finally:
        lines.close()


def logs_json(settings: Settings) -> bool:
    """JSON lines, unless a person is watching or says otherwise."""
    chosen = settings.log_format
    if chosen is None:
        chosen = LogFormat.CONSOLE if sys.stderr.isatty() else LogFormat.JSON
    return chosen is LogFormat.JSON


async def _serve(settings: Settings, lines: LogQueue) -> None:
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    try:
        service = await start(settings, lines)
    except StartError as error:
        raise CommandError(str(error), Exit.USAGE, error.lines) from None
    sys.stdout.write("\n".join(banner(service)) + "\n")
    sys.stdout.flush()
    await stopping.wait()
    await service.stop()


def banner(service: Service) -> list[str]:
    """What an operator wants to see at once: addresses, mode, store, rules."""
    settings = service.settings
    rules = [
        f"{name} {' '.join(f'v{number} ({rules.digest[:8]})' for number, rules in versions)}"
        for name, versions in service.loaded()
    ]
    return [
        f"Credit decision service {__version__}",
        f"  gRPC    {service.address}  {_security(settings)}",
        f"  HTTP    {service.http_url}  /healthz /metrics",
        f"  Smile   {settings.smile_mode} {service.smile_url}",
        f"  store   {service.store_name}",
        *(f"  rules   {line}" for line in rules),
        "Ctrl-C stops it.",
    ]


def _security(settings: Settings) -> str:
    """How callers reach the service, and who they may be."""
    tls = "plaintext" if settings.tls_cert_file is None else "TLS"
    if settings.tls_client_ca_file is not None:
        tls = "mutual TLS"
    if settings.auth_tokens_file is None:
        return f"{tls}, every caller is `anonymous` and may call everything"
    return f"{tls}, callers of {settings.auth_tokens_file}"
