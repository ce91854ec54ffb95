"""What the demonstration asks for, and how its decisions are shown in 100 columns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from decision_service.api.v1 import decision_pb2 as pb
from decision_service.build import engine_version
from decision_service.cli.display.output import console, message_dict, print_table, table
from decision_service.cli.display.text import offer_text, reason_text, score_text
from decision_service.cli.display.tree import decision_tree, styled_outcome
from decision_service.simulator.people.sandbox.people import SandboxPerson

if TYPE_CHECKING:
    from rich.table import Table

PRODUCT = "personal-loan-ph"
AMOUNT = 20_000
TERM = 6
COLUMNS = 100
FACTORS = 5


@dataclass(frozen=True, slots=True)
class DemoDecision:
    """One person's decision and how long it took, in milliseconds."""

    person: SandboxPerson
    decision: pb.Decision
    milliseconds: float
    differing: tuple[str, ...]


def print_heading(version: int, digest: str, store: str) -> None:
    """Which program decides by which rules, where it records, and what is asked for."""
    rules = f"{PRODUCT} v{version} ({digest[:4]}…{digest[-2:]})"
    out = console(most=COLUMNS)
    out.print(f"Credit decision service {engine_version()}")
    out.print(f"Embedded sandbox · {rules} · store {store}")
    out.print(f"Deciding {AMOUNT:,} PHP over {TERM} months for the four sandbox people …\n")


def print_report(shown: list[DemoDecision], *, own_rules: bool) -> None:
    """The outcomes, their reasons, one decision in full, and what to try next."""
    out = console(most=COLUMNS)
    print_table(_outcomes(shown), COLUMNS)
    out.print()
    print_table(_reasons(shown), COLUMNS)
    declined = next((one for one in shown if one.decision.outcome == pb.OUTCOME_DECLINE), shown[0])
    out.print()
    first_name = declined.person.name.partition(" ")[0]
    out.print(decision_tree(declined.decision, f"{first_name}, in full", FACTORS))
    out.print("\n".join(_closing(shown, declined, own_rules=own_rules)))


def _outcomes(shown: list[DemoDecision]) -> Table:
    rows = table("person", "outcome", "score", "offer", "calls", "ms")
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


def _closing(shown: list[DemoDecision], example: DemoDecision, *, own_rules: bool) -> list[str]:
    program = "make" if own_rules else "decision-service"
    differing = [one for one in shown if one.differing]
    replays = "replaying each gives the same answer"
    if differing:
        replays = "replaying gives another answer for " + "; ".join(
            f"{one.decision.decision_id} ({', '.join(one.differing)})" for one in differing
        )
    return [
        "",
        f"Recorded {len(shown)} decisions; {replays}.",
        f"Try next, with `{program} serve` in a second terminal:",
        f"  decision-service decide --user-id {example.person.user_id} \\",
        f"    --product {PRODUCT} --amount {AMOUNT} --term {TERM} --view full",
        *([] if own_rules else ["  decision-service init mine && cd mine"]),
        f"  edit rules/{PRODUCT}/v1.yaml, then: decision-service rules check && {program} demo",
    ]


def json_row(one: DemoDecision) -> dict[str, Any]:
    """A decision for programs."""
    return {
        "person": one.person.name,
        "milliseconds": round(one.milliseconds, 1),
        "differing_fields": list(one.differing),
        "decision": message_dict(one.decision),
    }
