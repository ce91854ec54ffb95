"""What a running server says of itself: `health`, `rules status`."""

from __future__ import annotations

from typing import Any

import typer
from grpc_health.v1 import health_pb2, health_pb2_grpc

from decision_service.cli.calls import Call, Form
from decision_service.cli.output import CommandError, Exit, console, print_json
from decision_service.server.health import REASON


def health(call: Call) -> None:
    address = call.server.address
    with call.server.connect() as connection:
        stub: Any = health_pb2_grpc.HealthStub(connection.channel)
        asked = health_pb2.HealthCheckRequest()
        reply, ended = connection.answer(stub.Check.with_call, asked, 5.0)
    status = health_pb2.HealthCheckResponse.ServingStatus.Name(reply.status)
    reason = str(dict(ended.trailing_metadata() or ()).get(REASON, ""))
    if call.form is Form.JSON:
        print_json({"address": address, "status": status, "reason": reason or None})
    if status != "SERVING":
        why = reason or "its log says why"
        raise CommandError(f"the server at {address} is {status}: {why}", Exit.SERVER)
    if call.form is Form.TABLE:
        console().print(f"{address} is SERVING")


def status(call: Call) -> None:
    reply: Any = call.send()
    call.show(reply)
    if reply.refused:
        raise typer.Exit(Exit.FINDINGS)
