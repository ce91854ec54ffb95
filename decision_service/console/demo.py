"""`sandbox console`: the service with the stand-in, some decisions, and the console on them."""

from __future__ import annotations

import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

from google.type.money_pb2 import Money
from starlette.concurrency import run_in_threadpool

from decision_service.api.v1 import decision_pb2 as pb
from decision_service.app.core import StartError
from decision_service.app.wiring import start
from decision_service.cli.client import ServerOptions
from decision_service.cli.output import CommandError, whole
from decision_service.console.command import Settings, serve_console
from decision_service.console.service import Service
from decision_service.runtime.config import load
from decision_service.runtime.logs import configure_logging
from decision_service.runtime.tasks import run_async
from decision_service.server.transport.callers import new_token, token_hash
from decision_service.standin.sandbox import sandbox_people

LOANS = "loan-system"
CALLERS = {
    "rosa": ("reviewer", ["review", "see_persons", "read"]),
    "tomas": ("senior reviewer", ["review", "review_second", "see_persons", "read"]),
    "imelda": ("risk and operations", ["rules", "rules_approve", "rollout", "read"]),
    "noel": ("auditor", ["read"]),
    LOANS: ("", ["decide"]),
}
"""Who they are, and their roles; all but the loan system are people to sign in as."""

APPLICATIONS = (
    ("George", 20_000, 6), ("Christina", 20_000, 6), ("Anisha", 15_000, 6), ("Ryan", 20_000, 6),
    ("Christina", 60_000, 12), ("Anisha", 20_000, 9), ("Anisha", 30_000, 12),
    ("Christina", 10_000, 3), ("Anisha", 60_000, 12), ("Christina", 35_000, 9),
)  # fmt: skip
"""Who applies for how much, in PHP, over how many months."""


def sandbox_console(
    port: Annotated[int, whole("of the pages", "--port", least=1, most=65_535)] = 8090,
) -> None:
    """On loopback alone, with a store for this run alone."""
    configure_logging("error", as_json=False)
    with TemporaryDirectory() as folder:
        run_async(_serve(Path(folder), f"127.0.0.1:{port}"))


async def _serve(folder: Path, listen: str) -> None:
    tokens = {name: new_token() for name in CALLERS}
    known = {
        name: {"roles": roles, "tokens": [token_hash(tokens[name])]}
        for name, (_, roles) in CALLERS.items()
    }
    callers = folder / "callers.yaml"
    # JSON is YAML as well.
    callers.write_text(json.dumps({"callers": known}), encoding="utf-8")
    settings = load(
        environ={
            **{f"DECISION_{one}_ADDRESS": "127.0.0.1:0" for one in ("GRPC", "HTTP", "ADMIN")},
            "DECISION_STORE_URL": f"sqlite:///{folder / 'decisions.db'}",
            "DECISION_AUTH_TOKENS_FILE": str(callers),
            "DECISION_DRAIN_GRACE": "1s",
        }
    )
    try:
        service = await start(settings, init=True)
    except StartError as error:
        raise CommandError(str(error), lines=error.lines) from None
    try:
        server = ServerOptions(service.address)
        # These calls block, and the service answers them on this event loop.
        await run_in_threadpool(_decide, server, tokens[LOANS])
        people = {f"{name}, {one}": tokens[name] for name, (one, _) in CALLERS.items() if one}
        await serve_console(Settings(f"http://{listen}", people=people), server, listen)
    finally:
        await service.stop()


def _decide(server: ServerOptions, token: str) -> None:
    """The morning's applications; a declined applicant contests."""
    users = {person.name.partition(" ")[0]: person.user_id for person in sandbox_people()}
    with server.connect() as connection:
        loans = Service(connection, token)
        for number, (name, amount, term) in enumerate(APPLICATIONS, 1):
            made = loans.call(
                "DecisionService.CreateDecision",
                user_id=users[name],
                product="personal-loan-ph",
                application_id=f"A-{number:04}",
                customer_ref=f"C-{name.upper()}",
                requested_amount=Money(currency_code="PHP", units=amount),
                requested_term_months=term,
            ).decision
            if made.outcome == pb.OUTCOME_DECLINE:
                loans.call(
                    "ReviewService.RequestReview",
                    decision_id=made.decision_id,
                    request_id=f"contest-{number}",
                    text="I have worked there since spring; my first payslips were on paper.",
                )
