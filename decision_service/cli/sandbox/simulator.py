"""`simulator`: the Smile stand-in alone, with scenarios and faults."""

from __future__ import annotations

import asyncio
import signal
import sys
from pathlib import Path
from typing import Annotated

import typer
import yaml

from decision_service.cli.errors import CommandError, Exit
from decision_service.cli.loop import run_async
from decision_service.cli.numbers import whole
from decision_service.config import OFFLINE_KEY, OFFLINE_SECRET
from decision_service.simulator.scenario import Scenario, ScenarioRefused, load_scenario
from decision_service.simulator.server import ListenRefused, Simulator, build_app, serve
from decision_service.small_file import read_small


def simulator(
    port: Annotated[int, whole("0 takes a free one", "--port", most=65_535)] = 8081,
    scenario: Annotated[
        Path | None, typer.Option("--scenario", help="YAML file of people and faults")
    ] = None,
    key: Annotated[str, typer.Option("--key", help="API key to accept")] = OFFLINE_KEY,
    secret: Annotated[str, typer.Option("--secret", help="API secret to accept")] = OFFLINE_SECRET,
) -> None:
    """Serve a stand-in for the Smile sandbox until Ctrl-C.

    On loopback alone.
    """
    played = _scenario(scenario)
    app = build_app(
        played.world,
        api_key=key,
        api_secret=secret,
        requests_per_second=played.requests_per_second,
        faults=played.faults,
        collecting=played.collecting,
        residence=played.residence,
    )
    run_async(_serve(app, port, key))


def _scenario(path: Path | None) -> Scenario:
    try:
        return load_scenario(yaml.safe_load(read_small(path).decode("utf-8")) if path else {})
    except ScenarioRefused as error:
        raise CommandError(f"{path}: {error}", Exit.USAGE) from None
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        why = getattr(error, "strerror", None) or "it is not YAML in UTF-8"
        raise CommandError(f"the scenario {path} cannot be read: {why}", Exit.USAGE) from None


async def _serve(app: Simulator, port: int, key: str) -> None:
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    try:
        async with serve(app, port=port) as base_url:
            sys.stdout.write(f"Smile stand-in at {base_url}, API key {key}; Ctrl-C stops it.\n")
            sys.stdout.flush()
            await stopping.wait()
    except ListenRefused as error:
        raise CommandError(str(error), Exit.USAGE) from None
