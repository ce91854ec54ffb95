"""`people` and `simulator`: the embedded sandbox people, and the stand-in alone."""

from __future__ import annotations

import asyncio
import signal
import sys
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from textwrap import wrap
from typing import Annotated, Any

import msgspec
import typer
import yaml

from decision_service.cli.output import CommandError, Format, FormatOption, print_json, whole
from decision_service.runtime.config import OFFLINE_KEY, OFFLINE_SECRET
from decision_service.runtime.files import read_small
from decision_service.runtime.tasks import run_async
from decision_service.standin.faults import Fault, FaultRefused
from decision_service.standin.formats import civil_day, owner_digits
from decision_service.standin.sandbox import SandboxPerson, sandbox, sandbox_data, sandbox_people
from decision_service.standin.server import REQUESTS_PER_SECOND, Simulator, build_app, serve
from decision_service.standin.tenant import COLLECTING
from decision_service.standin.world import (
    HOME_CURRENCY,
    UNCHANGED,
    Residence,
    ResidenceRefused,
    World,
    WorldMaker,
)

_WIDTH = 80
_INDENT = "    "


def people(
    data: Annotated[bool, typer.Option("--data", help="with all their data, in JSON")] = False,
    country: Annotated[
        str,
        typer.Option("--country", help="where they live, ISO 3166"),
    ] = "",
    currency: Annotated[
        str,
        typer.Option("--currency", help="of their pay, ISO 4217"),
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


class ScenarioRefused(ValueError):
    """An invalid scenario; the message is one sentence: where, what, what to do."""


class _Residence(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    country: str = UNCHANGED.country
    currency: str = UNCHANGED.currency


class _Scenario(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    sandbox: bool = True
    requests_per_second: Annotated[int, msgspec.Meta(ge=1)] = REQUESTS_PER_SECOND
    collecting: Annotated[int, msgspec.Meta(ge=0)] = int(COLLECTING.total_seconds())
    residence: _Residence = _Residence()
    faults: tuple[dict[str, Any], ...] = ()


class _Hit(msgspec.Struct, frozen=True):
    """Which requests a fault hits; any other key of it is a setting of its effect."""

    fault: str
    user: str | None = None
    path: Annotated[str, msgspec.Meta(min_length=1)] = "*"
    method: Annotated[str, msgspec.Meta(min_length=1)] = "*"
    times: Annotated[int, msgspec.Meta(ge=1)] | None = None
    skip: Annotated[int, msgspec.Meta(ge=0)] = 0


@dataclass(frozen=True, slots=True)
class Scenario:
    world: WorldMaker
    faults: tuple[Fault, ...]
    requests_per_second: int
    residence: Residence
    collecting: timedelta


def load_scenario(mapping: object) -> Scenario:
    try:
        read = msgspec.convert(mapping, _Scenario)
        residence = Residence(read.residence.country, read.residence.currency)
    except ResidenceRefused as error:
        raise ScenarioRefused(f"residence.{error}") from None
    except msgspec.ValidationError as error:
        what, _, where = str(error).partition(" - at `$.")
        raise ScenarioRefused(f"{where.rstrip('`') or 'the scenario'}: {what}") from None
    return Scenario(
        sandbox if read.sandbox else _empty,
        tuple(_fault(one, f"faults[{number}]") for number, one in enumerate(read.faults)),
        read.requests_per_second,
        residence=residence,
        collecting=timedelta(seconds=read.collecting),
    )


def _empty(today: date) -> World:
    return World(today, {})


def _fault(given: dict[str, Any], where: str) -> Fault:
    own = _Hit.__struct_fields__
    try:
        hit = msgspec.convert({n: value for n, value in given.items() if n in own}, _Hit)
        settings = {name: value for name, value in given.items() if name not in own}
        return Fault(
            hit.fault,
            hit.path,
            _user(hit.user),
            method=hit.method,
            times=hit.times,
            skip=hit.skip,
            settings=settings,
        )
    except (msgspec.ValidationError, FaultRefused) as error:
        raise ScenarioRefused(f"{where}: {error}") from None


def _user(given: str | None) -> str | None:
    names = {person.user_name: person.user_id for person in sandbox_people()}
    if given is None or given in names or owner_digits(given):
        return names.get(given, given) if given else None
    known = ", ".join(names)
    raise FaultRefused(f"user is {given!r}: give a user id or one of {known}")
