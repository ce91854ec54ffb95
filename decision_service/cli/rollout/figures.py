"""What a rollout has measured, on the screen: arms, shadows, guardrails, and what comes when."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from rich.markup import escape
from rich.table import Table

from decision_service.api.v1 import decision_pb2
from decision_service.api.v1 import rollout_figures_pb2 as pb
from decision_service.cli.display.output import table
from decision_service.cli.display.text import instant_text, money_text
from decision_service.edge.rpc.mapping.enums import enum_name

_STATES = {"waiting": "waiting", "ok": "ok", "tripped": "TRIPPED"}


def arms_table(arms: Iterable[pb.ArmFigures]) -> Table:
    """Each arm with its share, applicants, outcomes, amount and latency."""
    columns = ("share", "applicants", "approve", "refer", "decline", "missing", "approved", "p99")
    rows = table("arm", *columns)
    for column in rows.columns[1:]:
        column.justify = "right"
    for arm in arms:
        rows.add_row(*_arm(arm))
    return rows


def shadow_lines(shadows: Iterable[pb.ShadowFigures]) -> Iterator[str]:
    """Each silent version: how far it agrees, and what it would change."""
    for shadow in shadows:
        yield f" shadow v{shadow.version} of {shadow.percent} %: {', '.join(_shadow(shadow))}"


def day_lines(figures: pb.RolloutFigures) -> Iterator[str]:
    """What each cap has left of the present day."""
    for cap in figures.caps:
        tier = f" of tier {cap.tier}" if cap.tier else ""
        yield f" cap {cap.name}{tier} · today {', '.join(_used(cap))}"


def guardrail_table(guardrails: Iterable[pb.GuardrailFigures]) -> Table:
    """Each guardrail with what it sees, what is allowed, and what it says."""
    rows = table("guardrail", "watches", "now", "allowed", "state")
    for one in guardrails:
        watches = f"{one.metric} of {one.of}, {one.window}"
        now = one.value if one.units else "–"
        rows.add_row(escape(one.name), watches, now, one.allowed, _state(one))
    return rows


def next_text(one: pb.NextStage) -> str:
    """What the stage above waits for and by when."""
    words = [f"stage {one.stage} ({one.percent} %) from {instant_text(one.hold_until_time)}"]
    words.append(_count(one))
    words.append(", ".join(one.blocked_by) or _guarded(one))
    if one.HasField("ready_by_time") and one.decisions_missing:
        words.append(f"all met by {instant_text(one.ready_by_time)} at the pace so far")
    return ", ".join(words)


def outcome_text(outcome: int) -> str:
    """`approve`, `refer`, `decline`."""
    return enum_name(decision_pb2.Outcome.DESCRIPTOR, outcome).lower()


def _used(cap: pb.CapFigures) -> Iterator[str]:
    if cap.max_approvals:
        yield f"{cap.approvals:,} of {cap.max_approvals:,} approvals"
    if cap.HasField("max_amount"):
        yield f"{money_text(cap.amount)} of {money_text(cap.max_amount)}"


def _arm(arm: pb.ArmFigures) -> list[str]:
    return [
        f"{arm.arm} v{arm.version}",
        f"{float(arm.percent):.2f} %",
        f"{arm.applicants:,}",
        _with_interval(arm.approved, arm.applicants),
        _plain(arm.referred, arm.applicants),
        _plain(arm.declined, arm.applicants),
        _plain(arm.missing, arm.applicants),
        money_text(arm.approved_amount),
        f"{arm.p99_ms:,} ms" if arm.p99_ms else "–",
    ]


def _with_interval(share: pb.MeasuredShare, applicants: int) -> str:
    if not applicants:
        return "–"
    half = (float(share.high) - float(share.low)) / 2
    return f"{float(share.percent):.1f} % ±{half:.1f}"


def _plain(share: pb.MeasuredShare, applicants: int) -> str:
    return f"{float(share.percent):.1f} %" if applicants else "–"


def _shadow(shadow: pb.ShadowFigures) -> Iterator[str]:
    yield f"{shadow.compared:,} compared"
    if shadow.compared:
        yield f"agrees {shadow.agreed / shadow.compared * 100:.1f} %"
    changes = [
        f"{c.count:,} {outcome_text(c.live)}→{outcome_text(c.other)}" for c in shadow.changes
    ]
    if changes:
        would = sum(change.count for change in shadow.changes)
        yield f"{would:,} decisions would change ({', '.join(changes)})"
    if shadow.not_comparable:
        yield f"{shadow.not_comparable:,} not comparable"
    if shadow.failed:
        yield f"{shadow.failed:,} FAILED"


def _state(one: pb.GuardrailFigures) -> str:
    state, waits = _STATES[one.standing], one.standing == "waiting"
    if not (waits or one.units_missing):
        return state
    words = [f"{one.units:,} of {one.min_units:,}" if waits else f"{one.units:,} applicants"]
    if one.units_missing:
        words.append(f"about {one.units_missing:,} more needed")
    if one.HasField("units_by_time"):
        words.append(f"reached about {instant_text(one.units_by_time)}")
    return f"{state if waits else f'{state} so far'} ({', '.join(words)})"


def _guarded(one: pb.NextStage) -> str:
    """What a track's guardrails say together where none stands against going on."""
    if not one.guardrails:
        return "no guardrail watches it"
    if not one.waiting:
        return "guardrails ok"
    seen = [f"{w.units:,} of {w.min_units:,} for {w.name}" for w in one.waiting]
    if len(one.waiting) == 1:
        seen = [seen[0].partition(" for ")[0]]
    return f"guardrails have seen too little ({', '.join(seen)})"


def _count(one: pb.NextStage) -> str:
    if not one.decisions_missing:
        return f"{one.decisions:,} decisions so far"
    words = f"{one.decisions_missing:,} more decisions needed"
    if not one.HasField("decisions_by_time"):
        return words
    return f"{words} (reached about {instant_text(one.decisions_by_time)})"
