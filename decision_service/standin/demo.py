"""`demo`: decide for the sandbox people over real gRPC, show how it went, and end."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import TYPE_CHECKING, Annotated, Any

import grpc
import typer
from google.type.money_pb2 import Money as MoneyMessage

from decision_service.api.v1 import decision_pb2 as pb
from decision_service.api.v1 import decision_service_pb2 as service_pb
from decision_service.api.v1.decision_service_pb2_grpc import DecisionServiceStub
from decision_service.app.core import StartError
from decision_service.app.wiring import Service, start
from decision_service.build import engine_version
from decision_service.cli.client import described
from decision_service.cli.output import (
    CommandError,
    Exit,
    Format,
    FormatOption,
    as_typed,
    console,
    message_dict,
    print_json,
    print_lines,
    print_table,
    table,
)
from decision_service.cli.views import (
    decision_tree,
    offer_text,
    reason_text,
    score_text,
    styled_outcome,
)
from decision_service.runtime.config import load
from decision_service.runtime.logs import configure_logging
from decision_service.runtime.tasks import run_async
from decision_service.standin.sandbox import SandboxPerson, sandbox_people

if TYPE_CHECKING:
    from rich.table import Table


PRODUCT = "personal-loan-ph"
AMOUNT = 20_000
TERM = 6
COLUMNS = 100


@dataclass(frozen=True, slots=True)
class DemoDecision:
    """One person's decision and how long it took, in milliseconds."""

    person: SandboxPerson
    decision: pb.Decision
    milliseconds: float
    differing: tuple[str, ...]


def print_heading(version: int, digest: str, store: str) -> None:
    rules = f"{PRODUCT} v{version} ({digest[:4]}…{digest[-2:]})"
    out = console(most=COLUMNS)
    out.print(f"Credit decision service {engine_version()}")
    out.print(f"Embedded sandbox · {rules} · store {store}")
    out.print(f"Deciding {AMOUNT:,} PHP over {TERM} months for the four sandbox people …\n")


def print_report(shown: list[DemoDecision], *, own_rules: bool) -> None:
    out = console(most=COLUMNS)
    print_table(_outcomes(shown), COLUMNS)
    out.print()
    print_table(_reasons(shown), COLUMNS)
    declined = next((one for one in shown if one.decision.outcome == pb.OUTCOME_DECLINE), shown[0])
    out.print()
    first_name = declined.person.name.partition(" ")[0]
    out.print(decision_tree(_without_factors(declined.decision), f"{first_name}, in full"))
    out.print(f"Its {len(declined.decision.factor_values)} factors: --view full, below.")
    # Lines to be typed stay whole, however long the path of the program is.
    version = declined.decision.ruleset_ref.version
    print_lines(*_closing(shown, declined, version=version, own_rules=own_rules))


def _outcomes(shown: list[DemoDecision]) -> Table:
    columns = ("person", "outcome", "score", "offer", "calls", "ms")
    rows = table(*columns)
    for one in shown:
        decision = one.decision
        rows.add_row(
            one.person.name,
            styled_outcome(decision),
            score_text(decision),
            offer_text(decision),
            str(decision.data_quality.upstream_calls),
            f"{one.milliseconds:.0f}",
        )
    return rows


def _reasons(shown: list[DemoDecision]) -> Table:
    rows = table("person", "why")
    for one in shown:
        if one.decision.reasons:
            why = "\n".join(reason_text(reason) for reason in one.decision.reasons)
            rows.add_row(one.person.name, why)
    return rows


def _without_factors(decision: pb.Decision) -> pb.Decision:
    shown = pb.Decision()
    shown.CopyFrom(decision)
    shown.ClearField("factor_values")
    return shown


def _closing(
    shown: list[DemoDecision], example: DemoDecision, *, version: int, own_rules: bool
) -> list[str]:
    differing = [one for one in shown if one.differing]
    replays = "replaying each gives the same answer"
    if differing:
        replays = "replaying gives another answer for " + "; ".join(
            f"{one.decision.decision_id} ({', '.join(one.differing)})" for one in differing
        )
    decide = [
        "",
        f"Recorded {len(shown)} decisions; {replays}.",
        "Try next: start the service in one terminal, and decide in another.",
        "  decision-service serve",
        f"  decision-service decide --user-id {example.person.user_id} \\",
        f"    --product {PRODUCT} --amount {AMOUNT} --term {TERM} --view full",
        "A browser shows and tries every call at http://127.0.0.1:8080/ then.",
    ]
    edit = [
        f"Edit rules/{PRODUCT}/v{version}.yaml, and see what that changes.",
        "  decision-service rules check && decision-service sandbox demo",
    ]
    if own_rules:
        return [as_typed(line) for line in [*decide, *edit]]
    begin = ["Make a folder of rules.", "  decision-service init mine && cd mine"]
    return [as_typed(line, elsewhere=True) for line in [*decide, *begin, *edit]]


def demo(
    store: Annotated[
        Path | None,
        typer.Option("--store", help="SQLite file to record in, instead of one for this run alone"),
    ] = None,
    form: FormatOption = Format.TABLE,
) -> None:
    """With the embedded stand-in, and a store for this run alone."""
    configure_logging("error", as_json=False)
    with TemporaryDirectory() as folder:  # what was granted in another run would count in this one
        differs = run_async(_demo(store, Path(folder), form))
    if differs:
        raise typer.Exit(Exit.FINDINGS)


async def _demo(kept: Path | None, folder: Path, form: Format) -> bool:
    """Decide in the store that is kept, or in one in a folder that is not."""
    async with _started(kept or folder / "demo.db") as (service, stub):
        if form is Format.TABLE:
            champion = service.core.active.current().product(PRODUCT).champion
            where = "for this run alone" if kept is None else str(kept)
            print_heading(champion.version, champion.digest, where)
        shown = [await _decide(stub, person) for person in sandbox_people()]
    if form is Format.JSON:
        print_json(
            [
                {
                    "person": one.person.name,
                    "milliseconds": round(one.milliseconds, 1),
                    "differing_fields": list(one.differing),
                    "decision": message_dict(one.decision),
                }
                for one in shown
            ]
        )
    else:
        print_report(shown, own_rules=service.core.rules_dir == service.core.settings.rules_dir)
    return any(one.differing for one in shown)


@asynccontextmanager
async def _started(store: Path) -> AsyncIterator[tuple[Service, Any]]:
    settings = load(
        environ={
            "DECISION_GRPC_ADDRESS": "127.0.0.1:0",
            "DECISION_HTTP_ADDRESS": "127.0.0.1:0",
            "DECISION_ADMIN_ADDRESS": "127.0.0.1:0",
            "DECISION_STORE_URL": f"sqlite:///{store}",
            "DECISION_DRAIN_GRACE": "1s",
        }
    )
    try:
        service = await start(settings, init=True)
    except StartError as error:
        raise CommandError(str(error), lines=error.lines) from None
    try:
        async with grpc.aio.insecure_channel(service.address) as channel:
            yield service, DecisionServiceStub(channel)
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
    return DemoDecision(person, decision, milliseconds, differing=tuple(replayed.differing_fields))
