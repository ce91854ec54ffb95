"""`serve`: gRPC until SIGTERM or Ctrl-C."""

from __future__ import annotations

import asyncio
import signal
import sys
from pathlib import Path
from typing import Annotated

import typer

from decision_service import __version__
from decision_service.app import Service, StartError, start
from decision_service.cli.errors import CommandError, Exit
from decision_service.cli.loop import run_async
from decision_service.config import LogFormat, Settings, load
from decision_service.telemetry import configure_logging

ConfigOption = Annotated[
    Path | None, typer.Option("--config", help="YAML file of settings; the environment wins")
]


def serve(config: ConfigOption = None) -> None:
    """Serve decisions over gRPC until SIGTERM or Ctrl-C."""
    settings = load(config)
    configure_logging(settings.log_level, as_json=logs_json(settings))
    run_async(_serve(settings))


def logs_json(settings: Settings) -> bool:
    """JSON lines, unless a person is watching or says otherwise."""
    chosen = settings.log_format
    if chosen is None:
        chosen = LogFormat.CONSOLE if sys.stderr.isatty() else LogFormat.JSON
    return chosen is LogFormat.JSON


async def _serve(settings: Settings) -> None:
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    try:
        service = await start(settings)
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
        f"  gRPC    {service.address}",
        f"  Smile   {settings.smile_mode} {service.smile_url}",
        f"  store   {service.store_name}",
        *(f"  rules   {line}" for line in rules),
        "Ctrl-C stops it.",
    ]
