"""What a running server says of itself: `health`, `rules status`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any

import grpc
import typer
from grpc_health.v1 import health_pb2, health_pb2_grpc
from rich.table import Table

from decision_service.api.v1 import ruleset_service_pb2 as pb
from decision_service.cli.client import ServerOptions, call, calls_server, rulesets
from decision_service.cli.output import (
    CommandError,
    Exit,
    Format,
    FormatOption,
    console,
    print_json,
    print_table,
    table,
)
from decision_service.cli.views import counted, second_text
from decision_service.server.health import REASON


@calls_server
def health(form: FormatOption = Format.TABLE, *, server: ServerOptions) -> None:
    """Ask a server whether it takes decisions, and why not.

    Exit code 3 when it does not.
    """
    with server.open() as opened:
        stub: Any = health_pb2_grpc.HealthStub(opened)
        answer: tuple[Any, grpc.Call] = call(
            stub.Check.with_call, health_pb2.HealthCheckRequest(), server, timeout=5.0
        )
    reply, ended = answer
    status = health_pb2.HealthCheckResponse.ServingStatus.Name(reply.status)
    reason = str(dict(ended.trailing_metadata() or ()).get(REASON, ""))
    if form is Format.JSON:
        print_json({"address": server.address, "status": status, "reason": reason or None})
    if status != "SERVING":
        why = reason or "its log says why"
        raise CommandError(f"the server at {server.address} is {status}: {why}", Exit.SERVER)
    if form is Format.TABLE:
        console().print(f"{server.address} is SERVING")


@calls_server
def status(
    product: Annotated[str, typer.Argument(metavar="PRODUCT", help="all products when empty")] = "",
    form: FormatOption = Format.TABLE,
    *,
    server: ServerOptions,
) -> None:
    """Show the rules that a server decides by.

    Exit code 1 when it refused the folder's.
    """
    with rulesets(server) as stub:
        reply = call(stub.ListRulesets, pb.ListRulesetsRequest(product=product), server)
    if form is Format.JSON:
        print_json(reply)
    else:
        print_table(version_table(reply))
        for line in (*reading_lines(reply), *publication_lines(reply), *list_lines(reply)):
            console().print(line, markup=False, soft_wrap=True)
    if reply.refused:
        raise typer.Exit(Exit.FINDINGS)


def publication_lines(reply: pb.ListRulesetsResponse) -> Iterator[str]:
    if not reply.HasField("published"):
        return
    published = reply.published
    when = second_text(published.publish_time)
    signed = f", approved by {published.approved_by}" if published.approved_by else ""
    who = (
        f"proposed by {published.proposed_by}"
        if published.proposed_by
        else f"by {published.published_by}"
    )
    yield f"Published at {when} {who}{signed}, digest {published.digest[:12]}"
    evidence = {
        "ticket": published.ticket,
        "impact report": published.impact_digest[:12],
        "proofs": published.proofs_digest[:12],
    }
    words = ", ".join(f"{name} {value}" for name, value in evidence.items() if value)
    if words:
        yield f"  {words}"


def list_lines(reply: pb.ListRulesetsResponse) -> Iterator[str]:
    for keys in reply.lists:
        count = counted(keys.keys, "hashed key" if keys.hashed else "key")
        yield f"{keys.product} asks lists.{keys.name}: {count}, {keys.digest[:12]}"
    for change in reply.list_changes:
        when = second_text(change.time)
        before, after = (d[:12] or "none" for d in (change.digest_before, change.digest_after))
        who = f", published by {change.published_by}" if change.published_by else ""
        counts = f"{change.added} added, {change.removed} removed, {change.keys} now"
        yield f"{when}: {change.path} changed from {before} to {after} ({counts}){who}"


def version_table(reply: pb.ListRulesetsResponse) -> Table:
    rows = table("product", "version", "role", "digest", "loaded since")
    for ruleset in reply.rulesets:
        ref = ruleset.ref
        since = second_text(ruleset.loaded_time)
        rows.add_row(ref.ruleset, f"v{ref.version}", ruleset.role or "–", ref.digest[:12], since)
    return rows


def reading_lines(reply: pb.ListRulesetsResponse) -> Iterator[str]:
    read = second_text(reply.read_time)
    if not reply.refused:
        yield f"The rules folder was read at {read}; it is what the server decides by."
    else:
        yield f"The rules folder was read at {read} and REFUSED; the versions above go on:"
    for problem in reply.refused:
        yield problem.rendered
    for rules in reply.in_force:
        if not rules.here:
            yield (
                f"RULES_DIFFER: {rules.processes} of the processes on this store decide by other "
                f"rules, {rules.digest[:12]}: publish the same everywhere"
            )
