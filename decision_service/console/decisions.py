"""Pages of decisions: search, one decision, replay, what-if, letters, and the whole application."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta, tzinfo
from functools import partial
from operator import itemgetter
from typing import Any, cast
from urllib.parse import urlencode
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import grpc
from starlette.responses import Response
from starlette.routing import Route

from decision_service.api.v1 import decision_pb2 as pb
from decision_service.api.v1.decision_service_pb2 import GetDecisionResponse
from decision_service.api.v1.ruleset_service_pb2 import ListRulesetsResponse, RulesetInput
from decision_service.api.v1.values_pb2 import InputValue
from decision_service.cli.decisions import ChainLink, chain_of, differences
from decision_service.cli.fields import money_message, parse_input
from decision_service.cli.output import CommandError
from decision_service.cli.views import (
    bare_text,
    concluded_text,
    counted_by,
    is_counted_again,
    money_text,
    outcome_text,
    reason_text,
)
from decision_service.console.rules import STEPS_SAID
from decision_service.console.service import Refused, Service
from decision_service.console.web import Pages, Visit, sentence
from decision_service.domain.errors import visible
from decision_service.rulebook.releases import DECIDING
from decision_service.server.transport.wire import amount_text, numbers_of

PAGE = 50

OUTCOMES = ("APPROVE", "REFER", "DECLINE", "NOT_ENROLLED")
TEXTS = ("any_id", "product", "reason", "arm")
FLAGS = ("decided_again", "by_person")
AMOUNTS = ("amount_from", "amount_to")
DAYS = {"from": ("create_time_from", 0), "to": ("create_time_before", 1)}
"""The days of a span: the bound, and how many days after the beginning of the day it is."""

COLUMNS = (
    "decision", "application", "customer", "user", "product", "outcome", "reasons", "version",
    "arm", "day", "result", "result_by", "result_amount",
)  # fmt: skip
"""`outcome` is what the rules said; from `result` on a row says what counts since its reviews."""

FORMULA = ("=", "+", "-", "@")
"""What a cell begins with that a spreadsheet would compute."""

_LIST = "DecisionService.ListDecisions"
_GET = "DecisionService.GetDecision"
# Nine digits fit the int32 of the messages.
_WHOLE = re.compile(r"-?[0-9]{1,9}", re.ASCII)


def routes(pages: Pages) -> list[Route]:
    one = "/decisions/{id}"
    return [
        pages.route("/decisions", search),
        pages.route("/decisions.csv", export),
        pages.route(one, show),
        pages.route(f"{one}/recourse", recourse),
        pages.route(f"{one}/replay", replay, "POST"),
        pages.route(f"{one}/what-if", what_if),
        pages.route(f"{one}/letters", make_letter, "POST"),
        pages.route(f"{one}/chain", chain),
    ]


def search(visit: Visit) -> Response:
    """A form whose fields are the URL; one hit for an id leads to its decision."""
    names = (*TEXTS, *FLAGS, *DAYS, *AMOUNTS, "outcome", "version", "zone", "page_token")
    kept = {name: visit.query[name].strip() for name in names if visit.query.get(name, "").strip()}
    # The form always sends the zone of its reader, which says nothing without a day.
    if not DAYS.keys() & kept.keys():
        kept.pop("zone", None)
    # A form sends its empty fields too: the address that is passed on has what was asked alone.
    if len(kept) < len(visit.query):
        return visit.go(f"/decisions?{urlencode(kept)}" if kept else "/decisions")
    fields, wrong = fields_of(kept, _currency_of(visit.service, kept))
    token = kept.pop("page_token", "")
    found = []
    following = ""
    try:
        if not wrong:
            reply = visit.service.call(_LIST, page_size=PAGE, page_token=token, **fields)
            found = reply.decisions
            following = reply.next_page_token
    except Refused as refused:
        wrong = refused.fields
        if not wrong:
            raise
    if "any_id" in kept and len(found) == len(kept) == 1:
        return visit.go(f"/decisions/{found[0].decision_id}")
    loaded = _loaded(visit.service)
    return visit.page(
        "decisions.html",
        400 if wrong else 200,
        kept=kept,
        wrong=wrong,
        found=found,
        is_first=not token,
        address=urlencode(kept),
        following=following and urlencode({**kept, "page_token": following}),
        is_short=len(found) < PAGE,
        products=sorted({one.ref.ruleset for one in loaded.rulesets}),
        reasons=_reasons_of(loaded),
        outcomes=OUTCOMES,
    )


def _currency_of(service: Service, kept: Mapping[str, str]) -> str:
    """In which currency an amount is meant that is typed alone: the product's, or the only one."""
    # The rules are asked for where there is an amount to read, and for no search by an id.
    if kept.keys().isdisjoint(AMOUNTS):
        return ""
    product = kept.get("product", "")
    loaded = _loaded(service).rulesets
    found = {one.currency for one in loaded if product in {"", one.ref.ruleset}}
    return found.pop() if len(found) == 1 else ""


def _reasons_of(loaded: ListRulesetsResponse) -> dict[str, str]:
    """The texts of all reasons by code, as the newest version of the last product has them."""
    found: dict[str, str] = {}
    for ruleset in loaded.rulesets:
        found |= {one.code: one.text for one in ruleset.reasons}
    return found


def fields_of(kept: Mapping[str, str], currency: str = "") -> tuple[dict[str, Any], dict[str, str]]:
    """The fields of ListDecisions for what a URL asks, and what is wrong by the name of a field."""
    fields: dict[str, Any] = {name: kept[name] for name in TEXTS if name in kept}
    fields |= {name: True for name in FLAGS if name in kept}
    wrong: dict[str, str] = {}
    if outcome := kept.get("outcome"):
        fields["outcome_in_force"] = numbers_of(pb.Outcome.DESCRIPTOR).get(outcome)
        if outcome not in OUTCOMES:
            wrong["outcome"] = f"{outcome} is no outcome: choose one of the list"
    if version := kept.get("version"):
        fields["version"] = int(version) if _WHOLE.fullmatch(version) else 0
        if fields["version"] < 1:
            wrong["version"] = f"{version} is no version: write a number such as 3"
    fields |= _days(kept, wrong)
    fields |= _amounts(kept, currency, wrong)
    return fields, wrong


def _days(kept: Mapping[str, str], wrong: dict[str, str]) -> dict[str, Any]:
    """The instants of the days of a URL, in the zone of its reader."""
    fields: dict[str, Any] = {}
    zone: tzinfo = UTC
    try:
        zone = ZoneInfo(kept.get("zone", "UTC"))
    # A name that leads out of the folder of zones is a ValueError, one of a folder an OSError.
    except (ZoneInfoNotFoundError, ValueError, OSError):
        wrong["from"] = f"{kept['zone']} is no time zone: search anew"
    for name, (bound, later) in DAYS.items():
        try:
            if name in kept:
                midnight = datetime.min.time()
                day = datetime.combine(date.fromisoformat(kept[name]), midnight, zone)
                fields[bound] = day + timedelta(days=later)
        # After the last day of the calendar there is none.
        except (ValueError, OverflowError):
            wrong[name] = f"{kept[name]} is no day: write it as 2026-11-30"
    return fields


def _amounts(kept: Mapping[str, str], currency: str, wrong: dict[str, str]) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    for name in AMOUNTS:
        if name in kept and not currency:
            wrong[name] = "its currency is not known: name a product whose rules you may read"
            continue
        try:
            if name in kept:
                fields[f"approved_{name}"] = money_message(kept[name], currency)
        except CommandError as error:
            wrong[name] = str(error)
    return fields


def export(visit: Visit) -> Response:
    """What the search shows, of all its pages, as CSV; the file's name says where it is cut."""
    fields, wrong = fields_of(visit.query, _currency_of(visit.service, visit.query))
    if wrong:
        return visit.go(f"/decisions?{visit.request.url.query}")
    pages = [*visit.service.pages(_LIST, page_size=500, **fields)]
    found = [one for page in pages for one in page.decisions]
    is_cut = pages[-1].next_page_token
    name = f"decisions{'-incomplete' if is_cut else ''}.csv"
    headers = {"content-disposition": f'attachment; filename="{name}"'}
    return Response(csv_of(found), media_type="text/csv", headers=headers)


def csv_of(decisions: Sequence[pb.Decision]) -> str:
    """A table that no spreadsheet computes anything of, with control characters as marks."""
    text = io.StringIO()
    rows = csv.writer(text)
    rows.writerow(COLUMNS)
    for one in decisions:
        codes = " ".join(reason.code for reason in one.reasons)
        cells = (
            one.decision_id, one.application_id, one.customer_ref, one.user_id, one.product,
            outcome_text(one), codes, str(one.ruleset_ref.version or ""), one.assignment.arm,
            one.as_of_date, *_counted(one),
        )  # fmt: skip
        rows.writerow(visible(f"'{cell}" if cell.startswith(FORMULA) else cell) for cell in cells)
    return text.getvalue()


def _counted(decision: pb.Decision) -> tuple[str, str, str]:
    """The outcome that counts, whose it is, and the amount of an approval."""
    by = counted_by(decision)
    if is_counted_again(decision):
        by += ", decided again"
    amount = ""
    if decision.HasField("approved_amount_in_force"):
        amount = money_text(decision.approved_amount_in_force)
    return concluded_text(decision.outcome_in_force, 0), by, amount


def show(visit: Visit, status: int = 200, **refused: str) -> Response:
    """The page of a decision; `replay` and `letter` say why there is none."""
    found = _found(visit, recourse="recourse" in visit.query)
    return visit.page(
        "decision.html",
        status,
        decision=found.decision,
        notices=found.notices,
        outcomes=_reports(visit, found.decision),
        refused=refused,
    )


def _decision(visit: Visit, *, recourse: bool = False) -> pb.Decision:
    """The decision of the page."""
    return _found(visit, recourse=recourse).decision


def _found(visit: Visit, *, recourse: bool = False) -> GetDecisionResponse:
    """The decision of the page, with its letters."""
    # What would change it takes up to a second, and is asked for where it is shown.
    found: GetDecisionResponse = visit.service.call(
        _GET,
        decision_id=visit.path["id"],
        view=pb.DECISION_VIEW_FULL,
        without_recourse=not recourse,
        with_notices=True,
    )
    return found


def _reports(visit: Visit, decision: pb.Decision) -> list[Any]:
    """Every report of a loan about a decision; none where the person may not read them."""
    asked = {"decision_id": decision.decision_id, "page_size": 500}
    pages = visit.service.pages("OutcomeService.ListOutcomes", **asked)
    try:
        return [one for page in pages for one in page.outcomes]
    except Refused as refused:
        # A page goes on without the part that its reader has no role for.
        if refused.code is grpc.StatusCode.PERMISSION_DENIED:
            return []
        raise


def recourse(visit: Visit) -> Response:
    if not visit.is_part:
        return visit.go(f"/decisions/{visit.path['id']}?recourse=yes#recourse")
    return visit.page("recourse.html", decision=_decision(visit, recourse=True))


def replay(visit: Visit) -> Response:
    decision = _decision(visit)
    try:
        reply = _replayed(visit)
    except Refused as refused:
        return show(visit, 409, replay=sentence(refused))
    return visit.page("replay.html", decision=decision, reply=reply, rows=_rows(decision, reply))


def _rows(decision: pb.Decision, reply: Any) -> list[tuple[str, str, str]]:
    """What differs, but for rules of the offer: the offer itself says the same."""
    found = differences(decision, reply.decision)
    return [row for row in found if not row[0].startswith("rule offer.")]


def _replayed(visit: Visit, **changes: Any) -> Any:
    method = "DecisionService.ReplayDecision"
    view = pb.DECISION_VIEW_FULL
    return visit.service.call(method, decision_id=visit.path["id"], view=view, **changes)


def what_if(visit: Visit) -> Response:
    """The recorded inputs as a form, and what comes out with what was typed into it."""
    decision = _decision(visit)
    about = inputs_of(decision, _loaded(visit.service))
    was = {name: typed_text(decision.inputs[name]) for name in about if name in decision.inputs}
    typed = {name: visit.query.get(name, was.get(name, "")).strip() for name in about}
    # A field left empty is not sent: what was recorded stays.
    changed = [about[name] for name in about if typed[name] not in {"", was.get(name, "")}]
    changes, wrong = changes_of(changed, typed, decision)
    reply = None
    words = ""
    try:
        if changed and not wrong:
            reply = _replayed(visit, **changes)
    except Refused as refused:
        words = sentence(refused)
        wrong = {name.removeprefix("inputs."): text for name, text in refused.fields.items()}
    return visit.page(
        "what-if.html",
        400 if wrong or words else 200,
        decision=decision,
        about=about.values(),
        was=was,
        typed=typed,
        reply=reply,
        wrong=wrong,
        words=words,
        rows=_rows(decision, reply) if reply else (),
    )


def inputs_of(decision: pb.Decision, loaded: ListRulesetsResponse) -> dict[str, RulesetInput]:
    """The inputs that the decision's rules declare, as far as they are loaded, and the recorded."""
    ref = decision.ruleset_ref
    declared = next((one.inputs for one in loaded.rulesets if one.ref == ref), ())
    about = {one.name: one for one in declared}
    for name, value in sorted(decision.inputs.items()):
        about.setdefault(name, RulesetInput(name=name, type=value.WhichOneof("value")))
    return about


def typed_text(value: InputValue) -> str:
    """An input as a person types it."""
    return amount_text(value.money) if value.HasField("money") else bare_text(value)


def changes_of(
    changed: Sequence[RulesetInput], typed: Mapping[str, str], decision: pb.Decision
) -> tuple[dict[str, Any], dict[str, str]]:
    """The fields of ReplayDecision for what was typed, and what is wrong by an input's name."""
    fields: dict[str, Any] = {"inputs": {}}
    wrong: dict[str, str] = {}
    money = (one.money.currency_code for one in decision.inputs.values() if one.HasField("money"))
    currency = next(money, "")
    for one in changed:
        try:
            value = input_of(one.type, typed[one.name], currency)
        except CommandError as error:
            wrong[one.name] = str(error)
            continue
        if one.name == "requested_amount":
            fields[one.name] = value.money
        elif one.name == "requested_term_months":
            fields[one.name] = int(value.number)
        else:
            fields["inputs"][one.name] = _observed_as(value, one, decision)
    return fields, wrong


def _observed_as(value: InputValue, about: RulesetInput, decision: pb.Decision) -> InputValue:
    """The value as if observed when the recorded one was; on the day of the decision without it."""
    if about.name in decision.inputs:
        was = decision.inputs[about.name]
        value.observed_on = was.observed_on
        value.consent_reference = was.consent_reference
    elif about.max_age_days:
        value.observed_on = decision.as_of_date
    return value


def input_of(kind: str, text: str, currency: str) -> InputValue:
    """An input of a type of rules; raises CommandError where it is no amount or whole number."""
    if kind == "integer" and not _WHOLE.fullmatch(text):
        raise CommandError(f"{text} is no whole number: write one such as 6")
    if kind == "money":
        return InputValue(money=money_message(text, currency))
    return InputValue(text=text) if kind == "text" else parse_input(f"{kind}={text}")[1]


def make_letter(visit: Visit) -> Response:
    """The letter in a language: the same as before where it was made already."""
    method = "NoticeService.GetNotice"
    decision_id = visit.path["id"]
    if visit.text("sure") == "no":
        return visit.go(f"/decisions/{decision_id}#letters")
    may = visit.session.may("decide", "review", "review_second")
    if may and visit.text("sure") != "yes":
        return _letter_summary(visit)
    try:
        visit.service.call(method, decision_id=decision_id, language=visit.text("language"))
    except Refused as refused:
        return show(visit, 409, letter=sentence(refused))
    return visit.go(f"/decisions/{decision_id}#letters")


def _letter_summary(visit: Visit) -> Response:
    """Of what a letter would be: it is made once, and stays as it is."""
    decision = _decision(visit)
    in_force = decision.outcome_in_force or decision.outcome
    said = [reason_text(one) for one in decision.reasons]
    if decision.HasField("approved_amount_in_force"):
        said = [money_text(decision.approved_amount_in_force)]
    return visit.summary(
        "Make the letter",
        rows=[
            ("Application", decision.application_id or decision.decision_id),
            ("Product", decision.product),
            ("Language", {"fil": "Filipino"}.get(visit.text("language"), "English")),
            ("Outcome", concluded_text(in_force, 0)),
            ("Of", "\n".join(said)),
        ],
    )


def chain(visit: Visit) -> Response:
    """All that happened to an application, to print for its file."""

    def stored(decision_id: str) -> GetDecisionResponse | None:
        asked = {"view": pb.DECISION_VIEW_FULL, "without_recourse": True, "with_notices": True}
        found = visit.service.find(_GET, decision_id=decision_id, **asked)
        return cast("GetDecisionResponse | None", found)

    def reviews(decision: pb.Decision) -> list[Any]:
        return [visit.service.review(one) for one in decision.review.review_ids]

    links = [
        ChainLink(
            one.decision,
            reviews(one.decision),
            one.notices,
            outcomes=_reports(visit, one.decision),
        )
        for one in chain_of(_found(visit), stored)
    ]
    journal = visit.service.find("RulesetService.ListReleases", page_size=100)
    released = partial(_release_of, journal.releases if journal else ())
    return visit.page("chain.html", links=links, released=released, said_of=STEPS_SAID)


def _release_of(releases: Sequence[Any], decision: pb.Decision) -> Any:
    """The release that was in force when a decision was made; None where it is not listed."""
    made = decision.create_time.ToDatetime()
    deciding = [
        (step.time.ToDatetime(), step.position, one)
        for one in releases
        for step in one.steps
        if step.action in DECIDING
    ]
    before = [found for found in deciding if found[0] <= made]
    # By position: two steps may have the same instant.
    return max(before, key=itemgetter(1))[2] if before else None


def _loaded(service: Service) -> ListRulesetsResponse:
    """The loaded rules; none where the person may not read them."""
    return service.find("RulesetService.ListRulesets") or ListRulesetsResponse()
