"""`health`: whether a server takes decisions."""

from __future__ import annotations

from typing import Any

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from decision_service.cli.client.calls import call
from decision_service.cli.client.options import ServerOptions, calls_server
from decision_service.cli.display.output import Format, FormatOption, console, print_json
from decision_service.cli.errors import CommandError, Exit
from decision_service.edge.rpc.services.health import REASON


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
