"""`demo`: decide for the sandbox people over real gRPC, show how it went, and end."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Annotated, Any

import grpc
import typer
from google.type.money_pb2 import Money as MoneyMessage

from decision_service.api.v1 import decision_pb2 as pb
from decision_service.api.v1 import decision_service_pb2 as service_pb
from decision_service.cli.client.calls import Stub, described
from decision_service.cli.display.output import Format, FormatOption, print_json
from decision_service.cli.errors import CommandError, Exit
from decision_service.cli.loop import run_async
from decision_service.cli.sandbox.demo_report import (
    AMOUNT,
    PRODUCT,
    TERM,
    DemoDecision,
    json_row,
    print_heading,
    print_report,
)
from decision_service.config import load
from decision_service.simulator.people.sandbox.people import SandboxPerson, sandbox_people
from decision_service.telemetry import configure_logging
from decision_service.wiring.app import Service, StartError, start


def demo(
    store: Annotated[
        Path | None,
        typer.Option("--store", help="SQLite file to record in, instead of one for this run alone"),
    ] = None,
    form: FormatOption = Format.TABLE,
) -> None:
    """Decide for the four sandbox people, and show how it went.

    With the embedded stand-in, and a store for this run alone.
    """
    configure_logging("error", as_json=False)
    with TemporaryDirectory() as folder:  # what was granted in another run would count in this one
        differs = run_async(_demo(store or Path(folder, "demo.db"), form))
    if differs:
        raise typer.Exit(Exit.FINDINGS)


async def _demo(store: Path, form: Format) -> bool:
    """Whether any replay differed."""
    async with _started(store) as (service, stub):
        if form is Format.TABLE:
            champion = service.core.active.current().product(PRODUCT).champion
            print_heading(champion.version, champion.digest, store.name)
        shown = [await _decide(stub, person) for person in sandbox_people()]
    if form is Format.JSON:
        print_json([json_row(one) for one in shown])
    else:
        print_report(shown, own_rules=service.core.rules_dir == service.core.settings.rules_dir)
    return any(one.differing for one in shown)


@asynccontextmanager
async def _started(store: Path) -> AsyncIterator[tuple[Service, Any]]:
    settings = load(
        environ={
            "DECISION_GRPC_ADDRESS": "127.0.0.1:0",
            "DECISION_HTTP_ADDRESS": "127.0.0.1:0",
            "DECISION_STORE_URL": f"sqlite:///{store}",
            "DECISION_DRAIN_GRACE": "1s",
        }
    )
    try:
        service = await start(settings, init=True)
    except StartError as error:
        raise CommandError(str(error), Exit.USAGE, error.lines) from None
    try:
        async with grpc.aio.insecure_channel(service.address) as channel:
            yield service, Stub(channel)
    finally:
        await service.stop()


async def _decide(stub: Any, person: SandboxPerson) -> DemoDecision:
    request = service_pb.CreateDecisionRequest(
        request_id=str(uuid.uuid4()),
        user_id=person.user_id,
        product=PRODUCT,
        requested_amount=MoneyMessage(currency_code="PHP", units=AMOUNT),
        requested_term_months=TERM,
        view=pb.DECISION_VIEW_FULL,
    )
    started = perf_counter()
    try:
        decision = (await stub.CreateDecision(request, timeout=10)).decision
        milliseconds = (perf_counter() - started) * 1000
        again = service_pb.ReplayDecisionRequest(decision_id=decision.decision_id)
        replayed = await stub.ReplayDecision(again, timeout=10)
    except grpc.RpcError as error:
        raise described(error) from None
    return DemoDecision(person, decision, milliseconds, tuple(replayed.differing_fields))
