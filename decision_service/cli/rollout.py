"""Rollouts for people."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from rich.markup import escape
from rich.table import Table

from decision_service.api.v1 import decision_pb2, rollout_pb2
from decision_service.api.v1 import rollout_figures_pb2 as figures_pb
from decision_service.api.v1 import rollout_service_pb2 as pb
from decision_service.api.v1 import ruleset_service_pb2 as ruleset_pb
from decision_service.cli.output import as_typed, console, print_lines, print_table, table
from decision_service.cli.records import print_record, print_wrapped
from decision_service.cli.releases import release_lines
from decision_service.cli.views import instant_text, money_text
from decision_service.server.transport.wire import enum_name

ENROLMENT = {
    "KILLED": "the product is killed",
    "DENIED": "the applicant is on the plan's deny list",
    "ALLOWED": "the applicant is on the plan's allow list",
    "PINNED": "the applicant was decided here before",
    "SEGMENT": "the share of segment {1} counts",
    "IN_STAGE": "the applicant is inside stage {0}",
    "NOT_IN_STAGE": "the applicant is outside stage {0}",
}
ARM = {
    "CHAMPION": "no share of a challenger holds the applicant",
    "CHALLENGER": "the challenger's share holds the applicant",
    "PINNED": "this version decided the applicant before",
    "PIN_ENDED": "the version that decided the applicant before decides no longer",
    "LIMIT_REACHED": "the challenger has reached a limit",
}
_GUARDRAIL_COLUMNS = ("guardrail", "watches", "now", "allowed", "state")
_RULESET_COLUMNS = ("product", "version", "role", "digest", "loaded since")
_STEP_COLUMNS = ("step", "when", "who", "action", "what", "why", "ticket")
_STATES = {"waiting": "waiting", "ok": "ok", "tripped": "TRIPPED"}


def stage_text(track: rollout_pb2.RolloutTrack) -> str:
    """`stage early (5 %)`, `below its first stage (0 %)`; killed or not."""
    stage = f"stage {track.stage}" if track.stage else "below its first stage"
    killed = ", KILLED" if track.killed else ""
    return f"{stage} ({track.percent} %){killed}"


def track_text(track: rollout_pb2.RolloutTrack) -> str:
    words = f"{stage_text(track)} since {instant_text(track.since_time)}"
    if not track.HasField("entered_by"):
        return words
    step = track.entered_by
    return f"{words} by {step.who} “{step.why}”"


def moved_text(step: rollout_pb2.RolloutStep) -> str:
    """What a step changed, for example `go-live staff → pilot`."""
    if not step.HasField("before"):
        after = step.after
        words = f"go-live at {_stage(after.go_live_stage)}"
        if after.challenger_version:
            stage = _stage(after.challenger_stage)
            words += f", challenger v{after.challenger_version} at {stage}"
        return words
    plan = [f"plan {step.plan_digest[:16]} in force"] if step.action == "plan" else []
    return ", ".join((*plan, *_moves(step.before, step.after))) or "nothing moved"


def proposed_text(change: rollout_pb2.ProposedStep) -> str:
    words = {
        "advance": f"{change.track} to {change.stage}",
        "revive": f"{change.arm or 'product'} revived",
        "plan": f"plan {change.plan_digest[:16]}",
    }[change.action]
    if not change.by:
        return f"{words} waits for two callers to confirm it"
    until = instant_text(change.expire_time)
    return f"{words} proposed by {change.by}, another caller confirms it by {until}"


def _moves(
    before: rollout_pb2.RolloutStanding, after: rollout_pb2.RolloutStanding
) -> Iterator[str]:
    if before.go_live_stage != after.go_live_stage:
        yield f"go-live {_stage(before.go_live_stage)} → {_stage(after.go_live_stage)}"
    if before.killed != after.killed:
        yield "product killed" if after.killed else "product revived"
    if before.paused != after.paused:
        yield "paused" if after.paused else "resumed"
    if after.HasField("proposed") and before.proposed != after.proposed:
        yield proposed_text(after.proposed)
    yield from _challenger_moves(before, after)


def _challenger_moves(
    before: rollout_pb2.RolloutStanding, after: rollout_pb2.RolloutStanding
) -> Iterator[str]:
    if before.challenger_version != after.challenger_version:
        yield f"challenger {_version(before)} → {_version(after)}"
        return
    if before.challenger_stage != after.challenger_stage:
        stages = f"{_stage(before.challenger_stage)} → {_stage(after.challenger_stage)}"
        yield f"challenger v{after.challenger_version} {stages}"
    if before.challenger_killed != after.challenger_killed:
        state = "killed" if after.challenger_killed else "revived"
        yield f"challenger v{after.challenger_version} {state}"


def _stage(name: str) -> str:
    return name or "0 %"


def _version(standing: rollout_pb2.RolloutStanding) -> str:
    return f"v{standing.challenger_version}" if standing.challenger_version else "none"


def arms_table(arms: Iterable[figures_pb.ArmFigures]) -> Table:
    columns = ("share", "applicants", "approve", "refer", "decline", "missing", "approved", "p99")
    rows = table("arm", *columns)
    for column in rows.columns[1:]:
        column.justify = "right"
    for arm in arms:
        rows.add_row(
            f"{arm.arm} v{arm.version}",
            f"{float(arm.percent):.2f} %",
            f"{arm.applicants:,}",
            _with_interval(arm.approved, arm.applicants),
            _plain(arm.referred, arm.applicants),
            _plain(arm.declined, arm.applicants),
            _plain(arm.missing, arm.applicants),
            money_text(arm.approved_amount),
            f"{arm.p99_ms:,} ms" if arm.p99_ms else "–",
        )
    return rows


def shadow_lines(shadows: Iterable[figures_pb.ShadowFigures]) -> Iterator[str]:
    for shadow in shadows:
        yield f" shadow v{shadow.version} of {shadow.percent} %: {', '.join(_shadow(shadow))}"


def day_lines(figures: figures_pb.RolloutFigures) -> Iterator[str]:
    for cap in figures.caps:
        tier = f" of tier {cap.tier}" if cap.tier else ""
        used = []
        if cap.max_approvals:
            used.append(f"{cap.approvals:,} of {cap.max_approvals:,} approvals")
        if cap.HasField("max_amount"):
            used.append(f"{money_text(cap.amount)} of {money_text(cap.max_amount)}")
        yield f" cap {cap.name}{tier} · today {', '.join(used)}"


def guardrail_table(guardrails: Iterable[figures_pb.GuardrailFigures]) -> Table:
    rows = table(*_GUARDRAIL_COLUMNS)
    for one in guardrails:
        watches = f"{one.metric} of {one.of}, {one.window}"
        now = one.value if one.units else "–"
        rows.add_row(escape(one.name), watches, now, one.allowed, _state(one))
    return rows


def next_text(one: figures_pb.NextStage) -> str:
    words = [f"stage {one.stage} ({one.percent} %) from {instant_text(one.hold_until_time)}"]
    words.append(_count(one))
    words.append(", ".join(one.blocked_by) or _guarded(one))
    return ", ".join(words)


def outcome_text(outcome: int) -> str:
    return enum_name(decision_pb2.Outcome.DESCRIPTOR, outcome).lower()


def _with_interval(share: figures_pb.MeasuredShare, applicants: int) -> str:
    if not applicants:
        return "–"
    half = (float(share.high) - float(share.low)) / 2
    return f"{float(share.percent):.1f} % ±{half:.1f}"


def _plain(share: figures_pb.MeasuredShare, applicants: int) -> str:
    return f"{float(share.percent):.1f} %" if applicants else "–"


def _shadow(shadow: figures_pb.ShadowFigures) -> Iterator[str]:
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


def _state(one: figures_pb.GuardrailFigures) -> str:
    state = _STATES[one.standing]
    if one.standing != "waiting":
        return state
    return f"{state} ({one.units:,} of {one.min_units:,})"


def _guarded(one: figures_pb.NextStage) -> str:
    if not one.guardrails:
        return "no guardrail watches it"
    if not one.waiting:
        return "guardrails ok"
    seen = [f"{w.units:,} of {w.min_units:,} for {w.name}" for w in one.waiting]
    if len(one.waiting) == 1:
        seen = [seen[0].partition(" for ")[0]]
    return f"guardrails have seen too little ({', '.join(seen)})"


def _count(one: figures_pb.NextStage) -> str:
    if not one.decisions_missing:
        return f"{one.decisions:,} decisions so far"
    return f"{one.decisions_missing:,} more decisions needed"


def print_rollout(reply: pb.GetRolloutResponse) -> None:
    rollout = reply.rollout
    out = console()
    print_lines(*map(as_typed, headlines(rollout)), *group_lines(rollout), *_refused(rollout))
    figures = reply.figures
    out.print(f"Since {instant_text(figures.since_time)}:", markup=False)
    print_table(arms_table(figures.arms))
    print_lines(*shadow_lines(figures.shadows), *day_lines(figures))
    out.print()
    if figures.guardrails:
        print_table(guardrail_table(figures.guardrails))
        out.print()
    print_lines(*map(as_typed, next_lines(rollout, figures.next)))


def headlines(rollout: rollout_pb2.Rollout) -> Iterator[str]:
    yield f"{rollout.product} · go-live {track_text(rollout.go_live)}"
    if rollout.HasField("challenger"):
        challenger = rollout.challenger
        yield f"  challenger v{challenger.version} · {track_text(challenger)}"
    if rollout.paused:
        yield "  PAUSED: nothing advances until it is resumed"
    if rollout.HasField("proposed"):
        yield f"  WAITS: {proposed_text(rollout.proposed)}"
        yield from (f"    {words}" for words in rollout.widens)
        yield f'    → decision-service rollout confirm {rollout.product} --why "…"'


def group_lines(rollout: rollout_pb2.Rollout) -> Iterator[str]:
    """Who has a share of their own, whatever the stage, in the order in which it is decided."""
    if rollout.denied:
        yield f"  deny list · {_units(rollout.denied, rollout)} · 0 %"
    if rollout.allowed:
        yield f"  allow list · {_units(rollout.allowed, rollout)} · 100 %"
    for segment in rollout.segments:
        yield f"  segment {segment.name} · {segment.condition} · {segment.percent} %"


def _units(number: int, rollout: rollout_pb2.Rollout) -> str:
    return f"{number:,} {rollout.unit}{'' if number == 1 else 's'}"


def next_lines(
    rollout: rollout_pb2.Rollout, coming: Iterable[figures_pb.NextStage]
) -> Iterator[str]:
    for one in coming:
        if one.track == "challenger" and not one.decisions:
            unseen = "it has decided no application at this stage yet"
            yield f"Next: {one.track} {next_text(one)}; {unseen}"
            continue
        choice = f" --track {one.track}" if rollout.HasField("challenger") else ""
        command = f'decision-service rollout advance {rollout.product}{choice} --why "…"'
        yield f"Next: {one.track} {next_text(one)} → {command}"
    yield f"Plan {rollout.plan_digest[:16]}, journal at {rollout.position}"


def _refused(rollout: rollout_pb2.Rollout) -> Iterator[str]:
    if rollout.refused:
        yield "  The last reading of its rules was refused; what was read before goes on:"
    for problem in rollout.refused:
        yield problem.rendered


def print_rulesets(reply: ruleset_pb.ListRulesetsResponse) -> None:
    """The versions, what refused the last reading, other rules elsewhere; then all else."""
    rows = table(*_RULESET_COLUMNS)
    for one in reply.rulesets:
        ref = one.ref
        since = instant_text(one.loaded_time)
        rows.add_row(ref.ruleset, f"v{ref.version}", one.role or "–", ref.digest[:12], since)
    print_table(rows)
    read = instant_text(reply.read_time)
    lines = [f"The rules folder was read at {read}; it is what the server decides by."]
    if reply.refused:
        lines = [f"The rules folder was read at {read} and REFUSED; the versions above go on:"]
        lines += [problem.rendered for problem in reply.refused]
    lines += [
        f"RULES_DIFFER: {rules.processes} of the processes on this store decide by other rules, "
        f"{rules.digest[:12]}: publish the same everywhere"
        for rules in reply.in_force
        if not rules.here
    ]
    if reply.HasField("release"):
        lines = [*release_lines(reply.release), *lines]
    print_lines(*lines)
    rest = ruleset_pb.ListRulesetsResponse(lists=reply.lists, list_changes=reply.list_changes)
    if rest.ListFields():
        print_record(rest)


def print_steps(reply: pb.ListRolloutStepsResponse) -> None:
    rows = table(*_STEP_COLUMNS)
    for step in reply.steps:
        figures = "".join(f" · {name}: {value}" for name, value in sorted(step.figures.items()))
        rows.add_row(
            str(step.position),
            instant_text(step.create_time),
            escape(step.who),
            step.action,
            escape(moved_text(step)),
            escape(f"{step.why}{figures}"),
            escape(step.ticket),
        )
    print_table(rows)
    if reply.next_page_token:
        console().print(f"More: --page-token {reply.next_page_token}")


def print_explained(reply: pb.ExplainAssignmentResponse) -> None:
    """What would happen to this applicant, in a sentence; then all fields."""
    given = reply.assignment
    words = f"{reply.assignment.rollout} would not decide this applicant"
    if reply.version:
        words = f"{given.rollout} would decide this applicant by {given.arm} v{reply.version}"
    why = [ENROLMENT[given.enrolment_reason].format(given.stage or "0 %", reply.segment)]
    if given.arm_reason:
        why.append(ARM[given.arm_reason])
    print_wrapped(f"{words}: {'; '.join(why)}.")
    console().print()
    print_record(reply)
