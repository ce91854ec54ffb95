"""`health`: whether a server takes decisions."""

from __future__ import annotations

from typing import Any

from grpc_health.v1 import health_pb2, health_pb2_grpc

from decision_service.cli.client.calls import call
from decision_service.cli.client.options import ServerOptions, calls_server
from decision_service.cli.display.output import Format, FormatOption, console, print_json
from decision_service.cli.errors import CommandError, Exit


@calls_server
def health(form: FormatOption = Format.TABLE, *, server: ServerOptions) -> None:
    """Ask a server whether it takes decisions.

    Exit code 3 when it does not.
    """
    with server.open() as opened:
        stub: Any = health_pb2_grpc.HealthStub(opened)
        reply = call(stub.Check, health_pb2.HealthCheckRequest(), server, timeout=5.0)
    status = health_pb2.HealthCheckResponse.ServingStatus.Name(reply.status)
    if form is Format.JSON:
        print_json({"address": server.address, "status": status})
    if status != "SERVING":
        raise CommandError(
            f"the server at {server.address} is {status}: it is starting, stopping or its store is "
            "unavailable, and its log says which",
            Exit.SERVER,
        )
    if form is Format.TABLE:
        console().print(f"{server.address} is SERVING")
