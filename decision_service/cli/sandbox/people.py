"""`people`: the embedded sandbox people, and what their data looks like."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from textwrap import wrap
from typing import Annotated, Any

import typer

from decision_service.cli.display.output import Format, FormatOption, print_json
from decision_service.simulator.formats.dates import civil_day
from decision_service.simulator.people.sandbox.people import (
    SandboxPerson,
    sandbox_data,
    sandbox_people,
)

_WIDTH = 80
_INDENT = "    "


def people(
    data: Annotated[
        bool, typer.Option("--data", help="with all their data; needs --format json")
    ] = False,
    form: FormatOption = Format.TABLE,
) -> None:
    """Show the sandbox people that the embedded stand-in knows."""
    if data or form is Format.JSON:
        print_json([_row(person, data=data) for person in sandbox_people()])
        return
    for person in sandbox_people():
        sys.stdout.write(f"{person.name:<20} {person.user_id}  {person.country}\n")
        story = wrap(person.story, _WIDTH, initial_indent=_INDENT, subsequent_indent=_INDENT)
        sys.stdout.writelines(f"{line}\n" for line in story)


def _row(person: SandboxPerson, *, data: bool) -> dict[str, Any]:
    row: dict[str, Any] = {
        "name": person.name,
        "user_name": person.user_name,
        "user_id": person.user_id,
        "country": person.country,
        "story": person.story,
    }
    if data:
        row["data"] = sandbox_data(person.user_name, civil_day(datetime.now(UTC)))
    return row
