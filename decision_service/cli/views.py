"""Decisions, their factors, rules and reviews as text and as trees."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import groupby
from operator import attrgetter
from textwrap import wrap

from google.protobuf.timestamp_pb2 import Timestamp
from google.type.money_pb2 import Money
from rich.markup import escape
from rich.tree import Tree

from decision_service.api.v1 import decision_pb2 as pb
from decision_service.api.v1 import outcome_service_pb2 as outcome_pb
from decision_service.api.v1 import review_service_pb2 as review_pb
from decision_service.api.v1 import values_pb2
from decision_service.cli.output import console
from decision_service.domain.errors import visible
from decision_service.rules.language.diagnostics import plural
from decision_service.server.transport.wire import enum_name

_WIDTH = 80
INDENT = "    "
_COLOURS = {
    pb.OUTCOME_APPROVE: "green",
    pb.OUTCOME_REFER: "yellow",
    pb.OUTCOME_DECLINE: "red",
    pb.OUTCOME_NOT_ENROLLED: "cyan",
}
_CONCLUDED = {
    pb.OUTCOME_APPROVE: "approved",
    pb.OUTCOME_REFER: "referred",
    pb.OUTCOME_DECLINE: "declined",
    pb.OUTCOME_NOT_ENROLLED: "not enrolled",
}
_NEEDS = {
    ">=": "needs ",
    ">": "needs more than ",
    "<=": "needs at most ",
    "<": "needs less than ",
    "==": "needs ",
    "!=": "needs other than ",
}
_TRUTHS = {"TRUE": "[bold]TRUE[/]", "FALSE": "false", "UNKNOWN": "UNKNOWN"}
_SEGMENT = "segment"
"""The row of a stage that says whether its segment holds."""


def instant_text(instant: Timestamp) -> str:
    """`2026-11-10 09:12 UTC`."""
    return f"{instant.ToDatetime():%Y-%m-%d %H:%M} UTC"


def outcome_text(decision: pb.Decision) -> str:
    """`APPROVE`, `DECLINE`, `REFER data`, `REFER policy capped` …"""
    words = concluded_text(decision.outcome, decision.refer_kind)
    if decision.HasField("override"):
        words += f" {decision.override.kind.lower()}"
    return words


def concluded_text(outcome: int, refer_kind: int) -> str:
    """`APPROVE`, `DECLINE`, `REFER data` …"""
    name = enum_name(pb.Outcome.DESCRIPTOR, outcome)
    if refer_kind:
        kind = enum_name(pb.ReferKind.DESCRIPTOR, refer_kind).lower()
        return f"{name} {kind}"
    return name.replace("_", " ")


def counted_by(decision: pb.Decision) -> str:
    """Whose outcome counts: `rules`, `a person` or `two persons`."""
    return {"": "rules", "review": "a person"}.get(decision.review.role, "two persons")


def is_counted_again(decision: pb.Decision) -> bool:
    """Whether what counts is of a later decision on the application."""
    standing = decision.review.standing_decision_id
    return bool(standing) and standing != decision.decision_id


def counted_text(decision: pb.Decision) -> str:
    """What counts in place of the rules' outcome: `approved by two persons: 20,000 PHP`.

    Empty while that outcome counts.
    """
    review = decision.review
    again = is_counted_again(decision)
    if not (review.role or again):
        return ""
    by = counted_by(decision) if review.role else "the rules"
    words = f"{_CONCLUDED[review.outcome]} by {by}"
    if again:
        words = f"decided again, {words}"
    if review.HasField("approved_amount"):
        words += f": {money_text(review.approved_amount)}"
    return words


def heading_text(decision: pb.Decision) -> str:
    """`Referred by the rules, approved by two persons: 20,000 PHP`; empty as `counted_text`."""
    counted = counted_text(decision)
    return f"{_CONCLUDED[decision.outcome].capitalize()} by the rules, {counted}" if counted else ""


def override_text(override: pb.Override) -> str:
    rules = f"the rules concluded {concluded_text(override.outcome, override.refer_kind)}"
    cap = f"the cap `{override.cap}` of the day was reached" if override.cap else ""
    return f"{rules}; {cap or 'the clock could not be believed'}"


def reason_text(reason: pb.Reason) -> str:
    if reason.component == pb.COMPONENT_DATA:
        return f"{reason.message} ({reason.factor})" if reason.factor else reason.message
    seen = [f"has {reason.actual}"] if reason.actual else []
    if reason.required:
        sign, space, bound = reason.required.partition(" ")
        words = f"{_NEEDS[sign]}{bound}" if space and sign in _NEEDS else f"needs {reason.required}"
        seen.append(words)
    return f"{reason.message} ({', '.join(seen)})" if seen else reason.message


def score_text(decision: pb.Decision) -> str:
    """`A 340` for each scorecard, `B ≥ 280` where missing data leaves bounds."""
    words = []
    for score in decision.scores:
        bound = "≥ " if score.best_score != score.score else ""
        words.append(f"{score.band} {bound}{score.score}".strip())
    return ", ".join(words) or "–"


def offer_text(decision: pb.Decision) -> str:
    """`20,000 PHP · T2`, `9,500 PHP reduced · T4`, or a dash."""
    if not decision.HasField("offer") or not decision.offer.HasField("approved_amount"):
        return "–"
    offer = decision.offer
    amount = money_text(offer.approved_amount)
    if offer.kind == pb.OFFER_KIND_REDUCED:
        amount += " reduced"
    return f"{amount} · {offer.tier}" if offer.tier else amount


def money_text(money: Money) -> str:
    """An amount such as `20,000 PHP` or `412.20 PHP`."""
    amount = Decimal(money.units) + Decimal(money.nanos).scaleb(-9)
    places = 0 if amount == amount.to_integral_value() else 2
    return f"{amount:,.{places}f} {money.currency_code}"


def overdrawn_text(state: outcome_pb.Overdrawn) -> str:
    """Such as `OVERDRAWN: 40,000 PHP paid out on 20,000 PHP approved`."""
    paid_out = money_text(state.paid_out_amount)
    approved = money_text(state.approved_amount)
    return f"OVERDRAWN: {paid_out} paid out on {approved} approved"


def value_text(value: values_pb2.InputValue) -> str:
    """A value, with the day of its observation and the consent where it was observed outside."""
    if not value.observed_on:
        return bare_text(value)
    consent = f", consent {value.consent_reference}" if value.consent_reference else ""
    return f"{bare_text(value)}, observed on {value.observed_on}{consent}"


def bare_text(value: values_pb2.InputValue) -> str:
    match value.WhichOneof("value"):
        case "money":
            return money_text(value.money)
        case "flag":
            return "true" if value.flag else "false"
        case None:
            return "missing"
        case name:
            return str(getattr(value, name))


def cause_text(cause: values_pb2.MissingCause) -> str:
    words = [cause.cause.lower().replace("_", " ")]
    if cause.reason and cause.reason != cause.cause:
        words.append(cause.reason)
    if cause.account_error_code:
        words.append(f"account error {cause.account_error_code}")
    if cause.source_id:
        words.append(f"account {cause.source_id}")
    if cause.month:
        words.append(f"month {cause.month}")
    if cause.due_date:
        words.append(f"due by {cause.due_date}")
    if cause.detail:
        words.append(cause.detail)
    return ", ".join(words)


def _add_observed(tree: Tree, decision: pb.Decision) -> None:
    """Add the inputs that a source outside observed, each with its day."""
    for name, given in sorted(decision.inputs.items()):
        if given.observed_on:
            tree.add(escape(f"observed outside · {name} = {value_text(given)}"))


def add_factors(tree: Tree, decision: pb.Decision) -> None:
    """Add each factor with its value and evidence."""
    if decision.factor_values:
        branch = tree.add("factors")
        for factor in decision.factor_values:
            node = branch.add(escape(_factor_text(factor)))
            if evidence := ", ".join(_evidence_text(factor.evidence)):
                node.add(f"[dim]{escape(evidence)}[/]")


def _factor_text(factor: pb.FactorValue) -> str:
    if factor.missing:
        return f"{factor.name} missing: {'; '.join(map(cause_text, factor.missing))}"
    return f"{factor.name} = {value_text(factor.value)}"


def _evidence_text(evidence: pb.Evidence) -> Iterator[str]:
    if evidence.record_count:
        span = f", {evidence.first} to {evidence.last}" if evidence.first else ""
        yield f"{plural(evidence.record_count, 'record')}{span}"
    if evidence.horizon:
        yield f"horizon {evidence.horizon}"
    if evidence.grade:
        yield evidence.grade
    yield from evidence.notes
    if evidence.record_ids:
        yield f"heaviest {', '.join(evidence.record_ids)}"


def add_recourse(tree: Tree, decision: pb.Decision) -> None:
    if not decision.HasField("recourse"):
        return
    recourse = decision.recourse
    branch = tree.add(f"recourse · {escape(recourse_text(recourse))}")
    for change in recourse.changes:
        branch.add(escape(change_text(change)))


def recourse_text(recourse: pb.Recourse) -> str:
    if recourse.kind == "NOTHING":
        return "nothing of what is looked at changes the decision"
    day = recourse.decide_again_on
    what = {"WAIT": f"decide again on {day}"}.get(recourse.kind, "the smallest change")
    words = [f"{what}, from {day} on" if recourse.changes and day else what]
    if recourse.HasField("approved_amount"):
        words.append(f"approves {money_text(recourse.approved_amount)}")
    words.append(
        "disclosed to applicants" if recourse.may_be_told else "not disclosed to applicants"
    )
    return " · ".join(words)


def change_text(change: pb.FactorChange) -> str:
    """`liabilities.overdue_total: ₱ 2,000.00 → ₱ 1,000.00 (5 steps)`."""
    hidden = "" if change.may_be_told else ", not disclosed"
    steps = f"{change.steps} step{'' if change.steps == '1' else 's'}"
    values = f"{value_text(change.value)} → {value_text(change.needed)}"
    return f"{change.factor}: {values} ({steps}{hidden})"


@dataclass(frozen=True, slots=True)
class RuleView:
    """A rule, characteristic, row or offer line in words; `truth` is TRUE, FALSE or UNKNOWN."""

    name: str
    truth: str
    effect: str = ""
    reason: str = ""
    lines: Sequence[str] = ()


def add_stage(tree: Tree, name: str, component: str, concluded: str, note: str = "") -> Tree:
    kind = "knock-out" if component == "KNOCKOUT" else component.lower()
    label = f"{escape(name)} ({kind}) → {concluded or 'nothing'}"
    return tree.add(f"{label}  {escape(note)}" if note else label)


def add_rule(branch: Tree, stage: str, component: str, rule: RuleView) -> None:
    words = [f"{escape(rule.name):<20}"]
    # The condition of a stage has a truth whatever the component.
    judged = component != "SCORECARD" and stage != "offer"
    if judged or rule.name == _SEGMENT:
        words.append(_TRUTHS.get(rule.truth, ""))
    if rule.effect:
        words.append(f"→ {escape(rule.effect)}  {rule.reason}".rstrip())
    node = branch.add(" ".join(words).rstrip())
    for line in rule.lines:
        node.add(escape(line))


def comparison_text(left: str, actual: str, operator: str, right: str, required: str) -> str:
    """A comparison with the values it saw: `income.months_24m = 3   < min_months (4)`."""
    if not right:  # a missing value lies in no bin
        return f"{left} = {actual}"
    seen = f"{left} = {actual}   {operator} {right}"
    return f"{seen} ({required})" if required and required != right else seen


def print_review(review: review_pb.Review) -> None:
    if not review.review_id:
        console().print("There is no review to take.")
        return
    for line in (*head_lines(review), *_event_lines(review.events)):
        console().print(line, soft_wrap=True)


def print_decision(decision: pb.Decision) -> None:
    console().print(decision_tree(decision))


def head_lines(review: review_pb.Review) -> Iterator[str]:
    """What a review is and its state (rich markup)."""
    late = "  [red]overdue[/]" if review.overdue else ""
    yield f"[bold]{review.review_id}[/]  {escape(state_text(review))}{late}"
    yield from wrapped(subject_text(review), INDENT)
    if review.tags:
        yield from wrapped(f"tags {', '.join(review.tags)}", INDENT)
    if review.skipped_by:
        yield from wrapped(f"skipped by {', '.join(review.skipped_by)}", INDENT)
    if review.HasField("result"):
        yield from wrapped(result_text(review.result))
    if review.term_months:
        yield from wrapped(terms_text(review))
    if review.failed_checks:
        yield from wrapped(f"fails checks of the rules: {', '.join(review.failed_checks)}")
    if review.second_reasons:
        yield from wrapped(second_text(review))
    if review.own_application and not review.HasField("end_time"):
        yield from wrapped("you sent its application: another person has to end it")


def second_text(review: review_pb.Review) -> str:
    """`needs a second person: above one person's authority, above the 12,000 PHP offered`."""
    offered = money_text(review.offered_amount) if review.HasField("offered_amount") else "amount"
    words = {
        "ABOVE_AUTHORITY": "above one person's authority",
        "ABOVE_OFFER": f"above the {offered} that the rules offered",
        "LEGAL_REFERRAL": "referred for the law",
        "FAILED_CHECK": "fails a check against the law",
    }
    why = [words.get(one, one) for one in review.second_reasons]
    return f"needs a second person: {', '.join(why)}"


def subject_text(review: review_pb.Review) -> str:
    """`contested · personal-loan-ph · queue contest · DECLINE · 20,000 PHP · due …`."""
    decided = concluded_text(review.decided_outcome, review.kind)
    has = review.HasField("requested_amount")
    asked = f" · {money_text(review.requested_amount)}" if has else ""
    origin = "contested · " if review.origin == review_pb.REVIEW_ORIGIN_CONTESTED else ""
    words = f"{origin}{review.product} · queue {review.queue} · {decided}{asked}"
    return f"{words} · due {_at(review.due_time)}"


def state_text(review: review_pb.Review) -> str:
    """`CLAIMED by ana until …`, `DECIDED_AGAIN as dec_…`."""
    name = enum_name(pb.ReviewState.DESCRIPTOR, review.state)
    if review.claimed_by:
        return f"{name} by {review.claimed_by} until {_at(review.claim_end_time)}"
    if review.decided_again_as:
        return f"{review.end_reason} as {review.decided_again_as}"
    if review.end_reason:
        return f"{name}: {review.end_reason}"
    if review.awaited_kinds:
        return f"{name}: {', '.join(review.awaited_kinds)}"
    people = [one for one in (review.completed_by, review.confirmed_by) if one]
    return f"{name} by {' and '.join(people)}" if people else name


def terms_text(approved: review_pb.Review | pb.DecisionReview) -> str:
    """`6 months, 2,955.26 PHP a month`."""
    has = approved.HasField("instalment")
    monthly = f", {money_text(approved.instalment)} a month" if has else ""
    return f"{plural(approved.term_months, 'month')}{monthly}"


def result_text(result: review_pb.ReviewResult) -> str:
    """`APPROVE PHP 20,000.00, INCOME_CONFIRMED: the employer confirms it`."""
    outcome = enum_name(pb.Outcome.DESCRIPTOR, result.outcome)
    has = result.HasField("approved_amount")
    amount = f" {money_text(result.approved_amount)}" if has else ""
    return f"{outcome}{amount}, {result.reason}: {result.explanation}"


def chain_lines(review: pb.DecisionReview) -> Iterator[str]:
    """The reviews of a decision and the state of the newest; then the outcome after them."""
    state = enum_name(pb.ReviewState.DESCRIPTOR, review.state)
    yield f"review · {state} · {', '.join(review.review_ids)}"
    if review.decided_again_as:
        yield f"decided again as {review.decided_again_as}"
    has = review.HasField("approved_amount")
    amount = f" {money_text(review.approved_amount)}" if has else ""
    over = f" over {terms_text(review)}" if review.term_months else ""
    until = f", until {_at(review.expire_time)}" if review.HasField("expire_time") else ""
    by = f" by a person ({review.role})" if review.role else ""
    current = f"result: {concluded_text(review.outcome, 0)}{amount}{over}{by}{until}"
    yield f"{current} · {review.standing_decision_id}"


def _event_lines(events: Iterable[review_pb.ReviewEvent]) -> Iterator[str]:
    for event in events:
        who = event.who or "service"
        yield escape(f"  {event.position:>3}  {_at(event.event_time)}  {event.action} · {who}")
        for words in step_words(event):
            yield from wrapped(words)


def step_words(event: review_pb.ReviewEvent) -> Iterator[str]:
    text = f"to {event.text}" if event.action in {"HANDED_OVER", "MOVED"} else event.text
    said = [*event.data_kinds, text, event.decision_id]
    if event.HasField("result"):
        said.append(result_text(event.result))
    yield from filter(None, said)


def wrapped(words: str, indent: str = INDENT * 2) -> Iterator[str]:
    """Lines of 80 columns (rich markup) to the right of an indent."""
    for line in visible(words).splitlines():
        yield from map(escape, wrap(
            line, _WIDTH, initial_indent=indent, subsequent_indent=indent,
            break_long_words=False, break_on_hyphens=False,
        ))  # fmt: skip


def _at(instant: Timestamp) -> str:
    return f"{instant.ToDatetime():%Y-%m-%d %H:%M}"


def outcome_style(decision: pb.Decision) -> str:
    return f"bold {_COLOURS.get(decision.outcome, 'white')}"


def styled_outcome(decision: pb.Decision) -> str:
    """The outcome in its colour (rich markup)."""
    return f"[{outcome_style(decision)}]{outcome_text(decision)}[/]"


def decision_tree(decision: pb.Decision, title: str = "") -> Tree:
    tree = Tree(_headline(decision, title), guide_style="dim")
    add_verdict(tree, decision)
    add_recourse(tree, decision)
    _add_stages(tree, decision)
    _add_observed(tree, decision)
    add_factors(tree, decision)
    tree.add(escape(_provenance(decision)))
    _add_review(tree, decision)
    return tree


def _add_review(tree: Tree, decision: pb.Decision) -> None:
    if decision.first_decision_id:
        tree.add(f"decided again after {decision.first_decision_id}")
    if not decision.HasField("review"):
        return
    head, *lines = chain_lines(decision.review)
    branch = tree.add(escape(head))
    for line in lines:
        branch.add(escape(line))


def add_verdict(tree: Tree, decision: pb.Decision) -> None:
    if decision.HasField("override"):
        override = decision.override
        branch = tree.add(f"[bold]{override.kind}[/] {escape(override_text(override))}")
        for reason in override.reasons:
            branch.add(f"[bold]{escape(reason.code)}[/] {escape(reason_text(reason))}")
    for reason in decision.reasons:
        tree.add(f"[bold]{escape(reason.code)}[/] {escape(reason_text(reason))}")
    for request in decision.data_requests:
        what = f"{request.factor}: {cause_text(request.cause)}"
        tree.add(f"data needed · {escape(what)}").add(escape(request.help))
    if decision.HasField("connect"):
        types = escape(" or ".join(decision.connect.provider_types))
        what = f"an account of the type {types}" if types else "another account"
        branch = tree.add(f"connect · {what} could show it; what is decided then is not known")
        for one in decision.connect.lacking:
            names = " or ".join(provider.name for provider in one.providers)
            branch.add(escape(": ".join(filter(None, (one.data_kind, names)))))
    _add_offer(tree, decision)
    if decision.tags:
        tree.add(f"tags · {escape(', '.join(decision.tags))}")
    if decision.withheld_tags:
        tree.add(f"tags not disclosed · {escape(', '.join(decision.withheld_tags))}")


def _headline(decision: pb.Decision, title: str) -> str:
    words = [decision.decision_id, f"as of {decision.as_of_date}", *_arm_text(decision)]
    head = f"{escape(title)}: " if title else ""
    return f"{head}{styled_outcome(decision)} · {escape(' · '.join(words))}"


def _arm_text(decision: pb.Decision) -> Iterator[str]:
    assignment = decision.assignment
    if assignment.arm:
        yield f"{assignment.arm} v{decision.ruleset_ref.version}"
    place = assignment.enrolment_reason.lower().replace("_", " ")
    slot = f", slot {assignment.enrolment_slot:,}" if assignment.HasField("enrolment_slot") else ""
    yield f"{place} {assignment.stage}{slot}"


def _add_offer(tree: Tree, decision: pb.Decision) -> None:
    if not decision.HasField("offer"):
        return
    offer = decision.offer
    words = [money_text(offer.approved_amount), plural(offer.term_months, "month")]
    if offer.monthly_rate:
        words.append(f"{offer.monthly_rate} a month")
    if offer.binding:
        words.append(f"limited by {offer.binding}")
    if offer.term_binding:
        words.append(f"term by {offer.term_binding}")
    branch = tree.add(f"offer · {escape(' · '.join(words))}")
    for condition in decision.conditions:
        branch.add(escape(f"{condition.id}: {condition.text}"))


def _add_stages(tree: Tree, decision: pb.Decision) -> None:
    for (stage, component, outcome), rules in groupby(
        decision.rule_traces, key=attrgetter("stage", "component", "stage_outcome")
    ):
        kind = enum_name(pb.Component.DESCRIPTOR, component)
        concluded = enum_name(pb.Outcome.DESCRIPTOR, outcome) if outcome else ""
        branch = add_stage(tree, stage, kind, concluded=concluded)
        for rule in rules:
            add_rule(branch, stage, kind, rule=_shown(rule))


def _shown(rule: pb.RuleTrace) -> RuleView:
    seen = [
        comparison_text(c.left, c.actual, c.operator, right=c.right, required=c.required)
        for c in rule.comparisons
    ]
    truth = enum_name(pb.Truth.DESCRIPTOR, rule.truth)
    lines = (*seen, rule.note) if rule.note else seen
    return RuleView(rule.rule, truth, rule.effect, reason=rule.reason, lines=lines)


def _provenance(decision: pb.Decision) -> str:
    quality = decision.data_quality
    words = [f"{quality.upstream_calls} upstream calls"]
    if decision.HasField("ruleset_ref"):
        ref = decision.ruleset_ref
        words.append(f"{ref.ruleset} v{ref.version} {ref.digest[:12]}")
    if quality.snapshot_id:
        words.append(quality.snapshot_id)
    if decision.HasField("expire_time"):
        words.append(f"valid until {instant_text(decision.expire_time)}")
    return " · ".join(words)


def print_reviews(reply: review_pb.ListReviewsResponse) -> None:
    out = console()
    lines = [line for review in reply.reviews for line in head_lines(review)]
    for line in lines or ["No review matches."]:
        out.print(line, soft_wrap=True)
    if reply.next_page_token:
        out.print(f"More: --page-token {escape(reply.next_page_token)}", soft_wrap=True)
