"""`decisions`: list, show, replay and export what was recorded, report outcomes, see the clock."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from decision_service.api.v1 import decision_pb2 as pb
from decision_service.api.v1 import decision_service_pb2 as service_pb
from decision_service.cli.client.calls import call, decisions
from decision_service.cli.client.fields import View, ViewOption
from decision_service.cli.client.options import ServerOptions, calls_server
from decision_service.cli.decisions.chain.command import chain
from decision_service.cli.decisions.clock import clock
from decision_service.cli.decisions.differences import difference_table
from decision_service.cli.decisions.export.command import export
from decision_service.cli.decisions.listing import list_decisions
from decision_service.cli.decisions.notices import notice, notice_sent, notices
from decision_service.cli.decisions.outcomes import outcomes
from decision_service.cli.display.output import (
    Format,
    FormatOption,
    console,
    print_json,
    print_table,
)
from decision_service.cli.display.tree import decision_tree
from decision_service.cli.errors import Exit
from decision_service.cli.numbers import whole

commands = typer.Typer(
    help="Read, replay and export decisions, report outcomes.", no_args_is_help=True
)
IdArgument = Annotated[str, typer.Argument(metavar="ID", help="dec_…")]


commands.command("list")(list_decisions)
commands.command()(chain)


@commands.command()
@calls_server
def show(
    decision_id: IdArgument,
    view: ViewOption = View.FULL,
    form: FormatOption = Format.TABLE,
    *,
    server: ServerOptions,
) -> None:
    """Show one decision."""
    request = service_pb.GetDecisionRequest(decision_id=decision_id, view=view.message)
    with decisions(server) as stub:
        decision = call(stub.GetDecision, request, server).decision
    if form is Format.JSON:
        print_json(decision)
    else:
        console().print(decision_tree(decision))


@commands.command()
@calls_server
def replay(
    decision_id: IdArgument,
    version: Annotated[int, whole("of the rules; as recorded if 0", "--version")] = 0,
    digest: Annotated[str, typer.Option("--digest", help="of the rules")] = "",
    view: ViewOption = View.FULL,
    form: FormatOption = Format.TABLE,
    *,
    server: ServerOptions,
) -> None:
    """Recompute a decision and show what differs, was and now.

    Exit code 1 when anything does.
    """
    request = service_pb.ReplayDecisionRequest(
        decision_id=decision_id,
        ruleset_ref=pb.RulesetRef(version=version, digest=digest),
        view=view.message,
    )
    with decisions(server) as stub:
        reply = call(stub.ReplayDecision, request, server)
        recorded = _recorded(stub, reply, decision_id, server) if form is Format.TABLE else None
    if form is Format.JSON:
        print_json(reply)
    else:
        console().print(decision_tree(reply.decision))
        if recorded is not None:
            print_table(difference_table(recorded, reply.decision))
        console().print(_comparison(reply))
    if reply.differing_fields:
        raise typer.Exit(Exit.FINDINGS)


commands.command()(clock)
commands.command()(export)
commands.command()(outcomes)
commands.command()(notice)
commands.command()(notices)
commands.command("notice-sent")(notice_sent)


def _recorded(
    stub: Any, reply: service_pb.ReplayDecisionResponse, decision_id: str, server: ServerOptions
) -> pb.Decision | None:
    """The decision as it was recorded; None where nothing came out otherwise."""
    if not (reply.differing_fields or reply.changed_fields):
        return None
    view = pb.DECISION_VIEW_FULL if reply.decision.factor_values else pb.DECISION_VIEW_BASIC
    request = service_pb.GetDecisionRequest(decision_id=decision_id, view=view)
    decision: pb.Decision = call(stub.GetDecision, request, server).decision
    return decision


def _comparison(reply: service_pb.ReplayDecisionResponse) -> str:
    """What differs from the record, or what another version of the engine changed."""
    if reply.differing_fields:
        return f"Differs in {', '.join(reply.differing_fields)}."
    if not reply.decided_by_engine_version:
        return "Nothing differs."
    decided = f"Version {reply.decided_by_engine_version} of the engine decided"
    ours = reply.decision.engine_version
    if not reply.changed_fields:
        return f"{decided}; version {ours} gives the same."
    return f"{decided}; with version {ours} {', '.join(reply.changed_fields)} come out otherwise."
