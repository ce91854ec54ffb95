"""Pages of decisions: search, one decision, replay, what-if, letters, and the whole application."""

from __future__ import annotations

import base64
import csv
import io
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from urllib.parse import urlencode

import grpc
import msgspec
from google.protobuf.timestamp_pb2 import Timestamp
from starlette.responses import Response
from starlette.routing import Route

from decision_service.api.v1 import decision_pb2 as pb
from decision_service.api.v1.ruleset_service_pb2 import ListRulesetsResponse, RulesetInput
from decision_service.api.v1.values_pb2 import InputValue
from decision_service.cli.decisions import ChainLink, chain_of, differences
from decision_service.cli.export import amount_text
from decision_service.cli.fields import money_message
from decision_service.cli.output import CommandError
from decision_service.cli.views import outcome_text, value_text
from decision_service.console.service import Refused, Service
from decision_service.console.web import Pages, Visit, sentence
from decision_service.domain.errors import visible
from decision_service.domain.ports import PagePosition
from decision_service.server.wire import numbers_of

PAGE = 50
MOST_ROWS = 10_000
"""Of an export."""

OUTCOMES = ("APPROVE", "REFER", "DECLINE", "NOT_ENROLLED")
LANGUAGES = {"en": "English", "fil": "Filipino"}
TEXTS = ("any_id", "product", "reason", "arm")
FLAGS = ("decided_again", "by_person")
DAYS = {"from": 0, "to": 1}
"""The days of a span, and how many days after the beginning of each the bound is."""

FILTER = (*TEXTS, *FLAGS, *DAYS, "outcome", "version")
FORMULA = ("=", "+", "-", "@")
"""What a cell begins with that a spreadsheet would compute."""

_LIST = "DecisionService.ListDecisions"
_PAGES = 40
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
    names = (*FILTER, "page_token")
    kept = {name: visit.query[name].strip() for name in names if visit.query.get(name, "").strip()}
    if len(kept) < len(visit.query):
        return visit.go(f"/decisions?{urlencode(kept)}" if kept else "/decisions")
    fields, wrong = fields_of(kept)
    reply, token = None, kept.pop("page_token", "")
    try:
        if not wrong:
            reply = visit.service.call(_LIST, page_size=PAGE, page_token=token, **fields)
    except Refused as refused:
        wrong = refused.fields
        if not wrong:
            raise
    if reply and "any_id" in kept and len(reply.decisions) == len(kept) == 1:
        return visit.go(f"/decisions/{reply.decisions[0].decision_id}")
    following = reply.next_page_token if reply else ""
    return visit.page(
        "decisions.html",
        400 if wrong else 200,
        kept=kept,
        wrong=wrong,
        found=reply.decisions if reply else (),
        is_first=not token,
        address=urlencode(kept),
        following=following and urlencode({**kept, "page_token": following}),
        back_to=back_to(following) if reply and len(reply.decisions) < PAGE else "",
        products=sorted({one.ref.ruleset for one in _rulesets(visit.service).rulesets}),
        outcomes=OUTCOMES,
    )


def fields_of(kept: Mapping[str, str]) -> tuple[dict[str, Any], dict[str, str]]:
    """The fields of ListDecisions for what a URL asks, and what is wrong by the name of a field."""
    fields: dict[str, Any] = {name: kept[name] for name in TEXTS if name in kept}
    fields |= {name: True for name in FLAGS if name in kept}
    wrong: dict[str, str] = {}
    if outcome := kept.get("outcome"):
        fields["outcome"] = numbers_of(pb.Outcome.DESCRIPTOR).get(outcome, 0)
        if outcome not in OUTCOMES:
            wrong["outcome"] = f"{outcome} is no outcome: choose one of the list"
    if version := kept.get("version"):
        if version.isascii() and version.isdigit() and len(version) < 10:
            fields["version"] = int(version)
        else:
            wrong["version"] = f"{version} is no version: write a number such as 3"
    for name, later in DAYS.items():
        if text := kept.get(name):
            try:
                day = date.fromisoformat(text) + timedelta(days=later)
            except (ValueError, OverflowError):
                wrong[name] = f"{text} is no day: write it as 2026-11-30"
                continue
            at = Timestamp()
            at.FromDatetime(datetime.combine(day, time(), UTC))
            fields["create_time_before" if later else "create_time_from"] = at
    return fields, wrong


def back_to(token: str) -> str:
    """The day down to which the service has looked, by the token of the page after."""
    try:
        raw = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
        _, position = msgspec.msgpack.decode(raw, type=tuple[bytes, PagePosition])
    except ValueError:
        return ""
    return f"{position.created:%Y-%m-%d}"


def export(visit: Visit) -> Response:
    """What the search shows, of all its pages, as CSV; the file's name says where it is cut."""
    fields, wrong = fields_of(visit.query)
    if wrong:
        return visit.go(f"/decisions?{visit.request.url.query}")
    found: list[pb.Decision] = []
    for page in visit.service.pages(_LIST, _PAGES, page_size=500, **fields):
        found.extend(page.decisions)
        if len(found) >= MOST_ROWS:
            break
    is_cut = page.next_page_token or len(found) > MOST_ROWS
    name = f"decisions{'-incomplete' if is_cut else ''}.csv"
    headers = {"content-disposition": f'attachment; filename="{name}"'}
    return Response(table_of(found[:MOST_ROWS]), media_type="text/csv", headers=headers)


def table_of(decisions: list[pb.Decision]) -> str:
    text = io.StringIO()
    rows = csv.writer(text)
    rows.writerow((
        "decision", "application", "customer", "user", "product", "outcome", "reasons", "version",
        "arm", "day",
    ))  # fmt: skip
    for one in decisions:
        codes = " ".join(reason.code for reason in one.reasons)
        cells = (
            one.decision_id, one.application_id, one.customer_ref, one.user_id, one.product,
            outcome_text(one), codes, str(one.ruleset_ref.version or ""), one.assignment.arm,
            one.as_of_date,
        )  # fmt: skip
        rows.writerow(map(cell, cells))
    return text.getvalue()


def cell(text: str) -> str:
    """A text that no spreadsheet computes, with its control characters as marks."""
    return visible(f"'{text}" if text.startswith(FORMULA) else text)


def show(visit: Visit) -> Response:
    return _shown(visit)


def _shown(visit: Visit, status: int = 200, **refused: str) -> Response:
    """The page of a decision; `replay` and `letter` say why there is none."""
    decision = _decision(visit, visit.path["id"], recourse="recourse" in visit.query)
    return visit.page(
        "decision.html",
        status,
        decision=decision,
        notices=_all(visit, "NoticeService.ListNotices", "notices", decision),
        outcomes=_all(visit, "OutcomeService.ListOutcomes", "outcomes", decision),
        languages=LANGUAGES,
        refused=refused,
    )


def _decision(visit: Visit, decision_id: str, *, recourse: bool = False) -> pb.Decision:
    reply = visit.service.call(
        "DecisionService.GetDecision",
        decision_id=decision_id,
        view=pb.DECISION_VIEW_FULL,
        without_recourse=not recourse,
    )
    decision: pb.Decision = reply.decision
    return decision


def _all(visit: Visit, method: str, field: str, decision: pb.Decision) -> list[Any]:
    """Every entry of a list about a decision; none where the person may not read it."""
    pages = visit.service.pages(method, _PAGES, decision_id=decision.decision_id, page_size=500)
    try:
        return [one for page in pages for one in getattr(page, field)]
    except Refused as refused:
        if refused.code is grpc.StatusCode.PERMISSION_DENIED:
            return []
        raise


def recourse(visit: Visit) -> Response:
    """What would change a decision, searched for when it is asked for: it takes up to a second."""
    if not visit.is_part:
        return visit.go(f"/decisions/{visit.path['id']}?recourse=yes#recourse")
    return visit.page("recourse.html", decision=_decision(visit, visit.path["id"], recourse=True))


def replay(visit: Visit) -> Response:
    decision = _decision(visit, visit.path["id"])
    try:
        reply = _replayed(visit, decision)
    except Refused as refused:
        return _shown(visit, 409, replay=sentence(refused))
    rows = [*differences(decision, reply.decision)]
    return visit.page("replay.html", decision=decision, reply=reply, rows=rows)


def _replayed(visit: Visit, decision: pb.Decision, **changed: Any) -> Any:
    return visit.service.call(
        "DecisionService.ReplayDecision",
        decision_id=decision.decision_id,
        view=pb.DECISION_VIEW_FULL,
        **changed,
    )


@dataclass(frozen=True, slots=True)
class Field:
    """An input to try: `was` is the recorded value as a form has it, `typed` that of the form."""

    about: RulesetInput
    was: str
    typed: str

    def value(self, currency: str) -> InputValue:
        """What was typed; raises CommandError where it is no amount or whole number."""
        kind = self.about.type
        if kind == "integer" and not _WHOLE.fullmatch(self.typed):
            raise CommandError(f"{self.typed} is no whole number: write one such as 6")
        if kind == "money":
            return InputValue(money=money_message(self.typed, currency))
        if kind == "flag":
            return InputValue(flag=self.typed == "true")
        return InputValue(**{"number" if kind == "integer" else kind: self.typed})


def what_if(visit: Visit) -> Response:
    """The recorded inputs as a form, and what comes out with what was typed into it."""
    decision = _decision(visit, visit.path["id"])
    fields = inputs_of(decision, _rulesets(visit.service), visit.query)
    changes, wrong = changes_of(fields, decision)
    reply, words = None, ""
    try:
        if changes and not wrong:
            reply = _replayed(visit, decision, **_sent(changes))
    except Refused as refused:
        words = sentence(refused)
        wrong = {name.removeprefix("inputs."): text for name, text in refused.fields.items()}
    return visit.page(
        "what-if.html",
        400 if wrong or words else 200,
        decision=decision,
        fields=fields,
        reply=reply,
        wrong=wrong,
        words=words,
        rows=[*differences(decision, reply.decision)] if reply else (),
    )


def inputs_of(
    decision: pb.Decision, loaded: ListRulesetsResponse, query: Mapping[str, str]
) -> list[Field]:
    """The inputs that the decision's rules declare, as far as they are loaded, and the recorded."""
    ref, was = decision.ruleset_ref, decision.inputs
    declared = next((one.inputs for one in loaded.rulesets if one.ref == ref), ())
    about = {one.name: one for one in declared}
    for name, value in sorted(was.items()):
        about.setdefault(name, RulesetInput(name=name, type=value.WhichOneof("value")))
    texts = {name: _text(value) for name, value in was.items()}
    return [
        Field(one, texts.get(name, ""), query.get(name, texts.get(name, "")).strip())
        for name, one in about.items()
    ]


def _text(value: InputValue) -> str:
    return amount_text(value.money) if value.HasField("money") else value_text(value)


def changes_of(
    fields: list[Field], decision: pb.Decision
) -> tuple[dict[str, InputValue], dict[str, str]]:
    """The inputs that were typed otherwise, and what is wrong by the name of an input."""
    changes: dict[str, InputValue] = {}
    wrong: dict[str, str] = {}
    money = (one.money.currency_code for one in decision.inputs.values() if one.HasField("money"))
    currency = next(money, decision.offer.approved_amount.currency_code)
    for field in fields:
        if field.typed not in {"", field.was}:
            try:
                changes[field.about.name] = field.value(currency)
            except CommandError as error:
                wrong[field.about.name] = str(error)
    return changes, wrong


def _sent(changes: dict[str, InputValue]) -> dict[str, Any]:
    """The fields of ReplayDecision: amount and term have their own."""
    sent: dict[str, Any] = {"inputs": {**changes}}
    if amount := sent["inputs"].pop("requested_amount", None):
        sent["requested_amount"] = amount.money
    if term := sent["inputs"].pop("requested_term_months", None):
        sent["requested_term_months"] = int(term.number)
    return sent


def make_letter(visit: Visit) -> Response:
    """The letter in a language: the same as before where it was made already."""
    decision_id = visit.path["id"]
    try:
        visit.service.call(
            "NoticeService.GetNotice", decision_id=decision_id, language=visit.text("language")
        )
    except Refused as refused:
        if refused.code in {grpc.StatusCode.NOT_FOUND, grpc.StatusCode.UNAUTHENTICATED}:
            raise
        return _shown(visit, 409, letter=sentence(refused))
    return visit.go(f"/decisions/{decision_id}#letters")


def chain(visit: Visit) -> Response:
    """All that happened to an application, to print for its file."""

    def stored(decision_id: str) -> pb.Decision | None:
        try:
            return _decision(visit, decision_id)
        except Refused as refused:
            if refused.code is grpc.StatusCode.NOT_FOUND:
                return None
            raise

    decisions = chain_of(_decision(visit, visit.path["id"]), stored)
    loaded = _rulesets(visit.service)
    return visit.page(
        "chain.html",
        first=decisions[0],
        links=[_link(visit, one) for one in decisions],
        digests={one.ref.digest for one in loaded.rulesets},
        published=loaded.published if loaded.HasField("published") else None,
    )


def _link(visit: Visit, decision: pb.Decision) -> ChainLink:
    return ChainLink(
        decision,
        [_review(visit.service, review_id) for review_id in decision.review.review_ids],
        _all(visit, "NoticeService.ListNotices", "notices", decision)[::-1],
        _all(visit, "OutcomeService.ListOutcomes", "outcomes", decision),
    )


def _review(service: Service, review_id: str) -> Any:
    """A review with all of its steps."""
    pages = service.pages("ReviewService.GetReview", _PAGES, review_id=review_id, page_size=100)
    review = next(pages).review
    for page in pages:
        review.events.extend(page.review.events)
    return review


def _rulesets(service: Service) -> ListRulesetsResponse:
    """The loaded rules; none where the person may not read them."""
    return service.find("RulesetService.ListRulesets") or ListRulesetsResponse()
