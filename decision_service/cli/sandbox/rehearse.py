"""`rehearse`: the stand-in behind TLS, tokens and webhooks, with throwaway files, until Ctrl-C."""

from __future__ import annotations

import asyncio
import shlex
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from decision_service.cli.errors import CommandError, Exit
from decision_service.cli.loop import run_async
from decision_service.cli.sandbox.demo_report import AMOUNT, PRODUCT, TERM
from decision_service.cli.sandbox.rehearsal import SETTINGS, prepare, write_client
from decision_service.clock_ids import SystemClock
from decision_service.config import OFFLINE_KEY, OFFLINE_SECRET, is_loopback, split_address
from decision_service.edge.http.webhooks import PATH
from decision_service.simulator.people.sandbox.people import sandbox_people
from decision_service.simulator.server import build_app
from decision_service.simulator.server import serve as serve_stand_in
from decision_service.telemetry import configure_logging
from decision_service.wiring.app import Service, StartError, start


def rehearse(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="new, empty, or an earlier one")],
    grpc_address: Annotated[
        str, typer.Option("--grpc-address", help="of this machine")
    ] = "127.0.0.1:50051",
    http_address: Annotated[
        str, typer.Option("--http-address", help="of this machine")
    ] = "127.0.0.1:8080",
    rules: Annotated[Path, typer.Option("--rules", help="the rules folder")] = Path("rules"),
) -> None:
    """Serve the made-up people with TLS, token and webhooks.

    Prints the calls to try.

    Writes throwaway certificates, a caller, a webhook secret and settings into FOLDER.
    """
    for option, address in (("--grpc-address", grpc_address), ("--http-address", http_address)):
        _check(option, address)
    configure_logging("warning", as_json=False)
    run_async(_rehearse(folder, grpc_address, http_address, rules))


def _check(option: str, address: str) -> None:
    try:
        here = is_loopback(split_address(address)[0])
    except ValueError as error:
        raise CommandError(f"{option}: {error}", Exit.USAGE) from None
    if not here:
        raise CommandError(
            f"{option} {address} is reached by others, and a rehearsal is for this machine alone: "
            "name an address such as 127.0.0.1:50051",
            Exit.USAGE,
        )


async def _rehearse(folder: Path, grpc_address: str, http_address: str, rules: Path) -> None:
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    app = build_app(api_key=OFFLINE_KEY, api_secret=OFFLINE_SECRET, clock=SystemClock().now)
    async with serve_stand_in(app) as smile_url:
        settings = prepare(folder, smile_url, grpc_address, http_address, rules)
        try:
            service = await start(settings, init=True)
        except StartError as error:
            raise CommandError(str(error), Exit.USAGE, error.lines) from None
        try:
            client = write_client(folder, service.address)
            sys.stdout.write("\n".join(_calls(service, folder, client)) + "\n")
            sys.stdout.flush()
            await stopping.wait()
        finally:
            await service.stop()


def _calls(service: Service, folder: Path, client: Path) -> Iterator[str]:
    """Where the service is, and what to try."""
    george, config = sandbox_people()[0], shlex.quote(str(folder / SETTINGS))
    loaded = [name for name, _ in service.loaded()]
    product = PRODUCT if PRODUCT in loaded else loaded[0]
    hook, authority = service.http_url + PATH, shlex.quote(str(folder / "ca.pem"))
    settings = service.core.settings
    yield f"Rehearsal in {folder}, with throwaway certificates, token and webhook secret"
    yield f"  gRPC    {service.address}  TLS, callers of {settings.auth_tokens_file}"
    yield f"  HTTP    {service.http_url}  /healthz /metrics {PATH}"
    yield f"  Smile   {service.core.smile_url}, the stand-in"
    yield "In a second terminal:"
    yield f"  . {shlex.quote(str(client))}"
    yield f"  decision-service config check --config {config}"
    yield "  decision-service health"
    yield f"  decision-service decide --user-id {george.user_id} \\"
    yield f"    --product {product} --amount {AMOUNT} --term {TERM}"
    yield "  env -u DECISION_CLIENT_TOKEN_FILE decision-service decisions list  # UNAUTHENTICATED"
    yield f"  curl --cacert {authority} {service.http_url}/healthz"
    yield f"  decision-service webhooks register {hook} --config {config}"
    yield f"  decision-service webhooks send-test {hook} --config {config}"
    yield f"  decision-service preflight --no-prove --config {config}"
    yield "Ctrl-C stops it. Delete the folder afterwards."
