"""Commands that call a server, made of rows of the table: options, call, what is printed."""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from dataclasses import dataclass
from enum import StrEnum
from inspect import Parameter
from typing import Annotated, Any, get_args

import typer
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from decision_service.cli.client import ServerOptions, method_of
from decision_service.cli.fields import field_options, fill_request
from decision_service.cli.options import parameters, with_options
from decision_service.cli.output import print_json
from decision_service.cli.table import Rpc, named

VIEWS = {
    "Decision": "cli.views:print_decision",
    "Review": "cli.views:print_review",
    "ListDecisionsResponse": "cli.decisions:print_page",
    "ListReviewsResponse": "cli.views:print_reviews",
    "GetRolloutResponse": "cli.rollout:print_rollout",
    "ListRolloutStepsResponse": "cli.rollout:print_steps",
    "ListReleasesResponse": "cli.releases:print_releases",
    "GetReleaseResponse": "cli.releases:print_release",
    "Release": "cli.releases:print_step",
    "ExplainAssignmentResponse": "cli.rollout:print_explained",
    "ListRulesetsResponse": "cli.rollout:print_rulesets",
}
"""Records that people read daily, with what prints them; any other is printed field by field."""


class Form(StrEnum):
    TABLE = "table"
    JSON = "json"
    QUIET = "quiet"


@dataclass(frozen=True, slots=True)
class Call:
    """One use of a command: its row, the filled request, and the server that it goes to."""

    row: Rpc
    request: Any
    server: ServerOptions
    form: Form

    def send(self, seconds: float = 10.0) -> Any:
        with self.server.connect() as connection:
            return connection.call(self.row.method, self.request, seconds, self.row.findings)

    def show(self, reply: Message) -> None:
        from decision_service.cli.records import ids, print_record, record_of

        record = record_of(reply)
        if self.form is Form.JSON:
            print_json(record)
        elif self.form is Form.QUIET:
            typer.echo("\n".join(ids(record)))
        else:
            view = VIEWS.get(record.DESCRIPTOR.name)
            (print_record if view is None else named(view))(record)


def _send(call: Call) -> None:
    call.show(call.send())


def command_of(row: Rpc) -> Callable[..., Any]:
    """The function of a row; its options are the fields', those of its own and a connection's."""
    request = GetMessageClass(method_of(row.method).input_type) if row.method else None
    fields = (
        []
        if request is None
        else [*field_options(request, row.argument, row.without, defaults=row.defaults)]
    )
    by = named(row.by) if row.by else _send
    own = parameters(by)[1:]
    shared = [] if any(one.name == "form" for one in own) else [_FORM]
    if any(one.path[-1].endswith("amount") for one in fields):
        shared.append(_CURRENCY)
    connection = parameters(ServerOptions.of)
    if not row.shows_connection:
        connection = [*map(_hidden, connection)]

    def run(**given: Any) -> Any:
        def taken(some: list[Parameter]) -> dict[str, Any]:
            return {one.name: given.pop(one.name) for one in some}

        server = ServerOptions.of(**taken(connection))
        common = taken(shared)
        filled = None if request is None else request()
        if filled is not None:
            values = taken([one.parameter for one in fields])
            fill_request(filled, fields, values, currency=common.get("currency", ""))
        return by(Call(row, filled, server, form=common.get("form", Form.TABLE)), **given)

    every = [*(one.parameter for one in fields), *own, *shared, *connection]
    return with_options(run, sorted(every, key=_needed))


_FORM = Parameter(
    "form",
    Parameter.KEYWORD_ONLY,
    default=Form.TABLE,
    annotation=Annotated[
        Form, typer.Option("--format", help="table for people, json for programs, quiet: ids alone")
    ],
)
_CURRENCY = Parameter(
    "currency",
    Parameter.KEYWORD_ONLY,
    default="PHP",
    annotation=Annotated[str, typer.Option("--currency", help="of the amount, ISO 4217")],
)


def _hidden(parameter: Parameter) -> Parameter:
    """An option that the help of the command does not show."""
    kind, option = get_args(parameter.annotation)
    option = copy(option)
    option.hidden = True
    return parameter.replace(annotation=Annotated[kind, option])


def _needed(parameter: Parameter) -> int:
    """Arguments and options that are needed come first in the help."""
    return 0 if parameter.default is Parameter.empty else 1
