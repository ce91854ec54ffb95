"""`people`: the embedded sandbox people, and what their data looks like."""

from __future__ import annotations

import sys
from datetime import UTC, date, datetime
from textwrap import wrap
from typing import Annotated, Any

import typer

from decision_service.cli.display.output import Format, FormatOption, print_json
from decision_service.cli.errors import CommandError, Exit
from decision_service.simulator.formats.dates import civil_day
from decision_service.simulator.people.residence import (
    HOME_CURRENCY,
    Residence,
    ResidenceRefused,
)
from decision_service.simulator.people.sandbox.people import (
    SandboxPerson,
    sandbox_data,
    sandbox_people,
)

_WIDTH = 80
_INDENT = "    "


def people(
    data: Annotated[bool, typer.Option("--data", help="with all their data, in JSON")] = False,
    country: Annotated[
        str, typer.Option("--country", envvar="DECISION_EMBEDDED_COUNTRY", help="as `serve` has it")
    ] = "",
    currency: Annotated[
        str, typer.Option("--currency", envvar="DECISION_EMBEDDED_CURRENCY", help="the same")
    ] = HOME_CURRENCY,
    form: FormatOption = Format.TABLE,
) -> None:
    """Show the sandbox people that the embedded stand-in knows."""
    residence = _residence(country, currency)
    if data or form is Format.JSON:
        today = civil_day(datetime.now(UTC)) if data else None
        print_json([_row(person, residence, today) for person in sandbox_people()])
        return
    for person in sandbox_people():
        sys.stdout.write(f"{person.name:<20} {person.user_id}  {country or person.country}\n")
        story = wrap(person.story, _WIDTH, initial_indent=_INDENT, subsequent_indent=_INDENT)
        sys.stdout.writelines(f"{line}\n" for line in story)


def _residence(country: str, currency: str) -> Residence:
    try:
        return Residence(country, currency)
    except ResidenceRefused as error:
        raise CommandError(str(error), Exit.USAGE) from None


def _row(person: SandboxPerson, residence: Residence, today: date | None) -> dict[str, Any]:
    """A person, with all data where a day is given."""
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
