"""`people` and `simulator`: the embedded sandbox people, and the stand-in alone."""

from __future__ import annotations

import asyncio
import signal
import sys
from datetime import UTC, date, datetime
from pathlib import Path
from textwrap import wrap
from typing import Annotated, Any

import typer
import yaml

from decision_service.cli.output import CommandError, Format, FormatOption, print_json, whole
from decision_service.runtime.config import OFFLINE_KEY, OFFLINE_SECRET
from decision_service.runtime.files import read_small
from decision_service.runtime.tasks import run_async
from decision_service.standin.formats import civil_day
from decision_service.standin.sandbox import SandboxPerson, sandbox_data, sandbox_people
from decision_service.standin.scenario import Scenario, ScenarioRefused, load_scenario
from decision_service.standin.server import Simulator, build_app, serve
from decision_service.standin.world import HOME_CURRENCY, Residence

_WIDTH = 80
_INDENT = "    "


def people(
    data: Annotated[bool, typer.Option("--data", help="with all their data, in JSON")] = False,
    country: Annotated[
        str,
        typer.Option(
            "--country", envvar="DECISION_EMBEDDED_COUNTRY", help="where they live, as for `serve`"
        ),
    ] = "",
    currency: Annotated[
        str,
        typer.Option(
            "--currency", envvar="DECISION_EMBEDDED_CURRENCY", help="of their pay, as for `serve`"
        ),
    ] = HOME_CURRENCY,
    form: FormatOption = Format.TABLE,
) -> None:
    residence = Residence(country, currency)
    if data or form is Format.JSON:
        today = civil_day(datetime.now(UTC)) if data else None
        print_json([_row(person, residence, today) for person in sandbox_people()])
        return
    for person in sandbox_people():
        sys.stdout.write(f"{person.name:<20} {person.user_id}  {country or person.country}\n")
        story = wrap(person.story, _WIDTH, initial_indent=_INDENT, subsequent_indent=_INDENT)
        sys.stdout.writelines(f"{line}\n" for line in story)


def _row(person: SandboxPerson, residence: Residence, today: date | None) -> dict[str, Any]:
    row: dict[str, Any] = {
        "name": person.name,
        "user_name": person.user_name,
        "user_id": person.user_id,
        "country": residence.country or person.country,
        "story": person.story,
    }
    if today is not None:
        row["data"] = sandbox_data(person.user_name, today, residence)
    return row


def simulator(
    port: Annotated[int, whole("0 takes a free one", "--port", most=65_535)] = 8081,
    scenario: Annotated[
        Path | None, typer.Option("--scenario", help="YAML file of people and faults")
    ] = None,
    key: Annotated[str, typer.Option("--key", help="API key to accept")] = OFFLINE_KEY,
    secret: Annotated[str, typer.Option("--secret", help="API secret to accept")] = OFFLINE_SECRET,
) -> None:
    """On loopback alone."""
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
    run_async(serve_until_stopped(app, port, key))


def _scenario(path: Path | None) -> Scenario:
    try:
        return load_scenario(yaml.safe_load(read_small(path).decode("utf-8")) if path else {})
    except ScenarioRefused as error:
        raise CommandError(f"{path}: {error}") from None
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        why = getattr(error, "strerror", None) or "it is not YAML in UTF-8"
        raise CommandError(f"the scenario {path} cannot be read: {why}") from None


async def serve_until_stopped(app: Simulator, port: int, key: str) -> None:
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    async with serve(app, port=port) as base_url:
        sys.stdout.write(f"Smile stand-in at {base_url}, API key {key}; Ctrl-C stops it.\n")
        sys.stdout.flush()
        await stopping.wait()
