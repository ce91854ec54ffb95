"""The ApplicantService: onboarding and subject access, with their messages."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import UTC
from typing import Any
from urllib.parse import urlencode, urlsplit

import msgspec
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp
from google.type.money_pb2 import Money as MoneyMessage

from decision_service.api.v1 import applicant_service_pb2 as pb
from decision_service.api.v1 import decision_service_pb2 as service_pb
from decision_service.api.v1.values_pb2 import InputValue
from decision_service.casework.applicant_status import ProductNeed, ReadApplicantStatus
from decision_service.casework.disclosure import (
    Disclosure,
    ExportPlace,
    money,
    observed_plainly,
    plain,
)
from decision_service.casework.onboarding import Applicant, LinkToken, OnboardApplicants
from decision_service.casework.subject_access import ExportPerson
from decision_service.decide.decide import ANSWER_MARGIN
from decision_service.domain.decision import Connect, Lacking
from decision_service.domain.ports import Clock
from decision_service.domain.schemes import EmployerKind
from decision_service.server.transport.context import RpcContext
from decision_service.server.transport.page_tokens import make_token, read_token
from decision_service.server.transport.wire import (
    Fields,
    Mapper,
    Problems,
    check_reference,
    check_user_id,
    enum_name,
    in_language,
    money_from_message,
)

SERVICE = pb.DESCRIPTOR.services_by_name["ApplicantService"]
_ADDRESS = re.compile(r"[!-\[\]-~]{1,1000}", re.ASCII)
"""Printable ASCII without a space or a backslash, which browsers read as a slash."""

_TYPE = re.compile(r"[A-Z_]{1,40}", re.ASCII)
_PROVIDER = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)
_LANGUAGE = re.compile(r"[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*", re.ASCII)
_TYPE_SHOWN = "the vendor's words, such as GOVERNMENT"
_PROVIDER_SHOWN = "the vendor's ids, such as sss_ph"
_MOST_OFFERED = 10
DISCLOSED = (
    "decision_id", "application_id", "customer_ref", "user_id", "product", "outcome", "refer_kind",
    "reasons", "data_requests", "scores", "offer", "conditions", "tags", "override", "ruleset_ref",
    "assignment", "data_quality", "as_of_date", "create_time", "expire_time", "engine_version",
    "first_decision_id", "connect",
)  # fmt: skip
"""The fields of a recorded reply that a person may read."""

LEFT_OUT = frozenset({"rule_traces", "withheld_tags", "list_answers"})
"""Those that stay with the lender."""

FOUND_ON_READING = frozenset(
    {"recourse", "review", "income_months", "outcome_in_force", "approved_amount_in_force"}
)
"""Those that no recorded reply has: reviews are records of their own, the others are not stored."""

DISCLOSED_APART = frozenset({"request_id", "inputs", "factor_values"})
"""Those that a record has of the stored facts."""

_RULES_OF: Mapping[str, Sequence[str]] = {
    "Reason": ("required", "required_value", "actual_value", "points_lost"),
    "Score": ("best_score",),
    "Offer": ("term_binding",),
}
"""The fields of a message that show the lender's rules, or say the same as another field."""

APPLICANTS = Mapper(
    {
        pb.Applicant: {
            "data": "kinds",
            "not_ready_reason": "why_not",
            "likely_referrals": None,
            "product_needs": None,
        },
        pb.LackingKind: {"data_kind": "kind", "message": None},
        pb.NamedProvider: {"provider_id": "id"},
        pb.ApplicantAccount: {
            "account_id": "account.id",
            "provider_id": "account.provider_id",
            "status": "account.connection_status",
            "error_code": "account.error_code",
            "explanation": "words",
        },
        pb.ApplicantData: {"source_id": "source", "collect_time": "collected"},
        pb.LinkToken: {"expire_time": "expires", "connect_url": None},
        pb.StoredRecord: {"content": lambda record: json.dumps(record.content, ensure_ascii=False)},
    }
)
_EMPLOYERS = tuple(EmployerKind)
_COUNTRY = re.compile(r"[A-Z]{2}", re.ASCII)
_WORD = "(?:[A-Z]?[a-z]+|[A-Z]+)"
_PERSONAL = re.compile(rf".*@.*|.*\b[A-Z][a-z]+[ ,.']+[A-Z][a-z]+\b.*|{_WORD}(?:[\W_]+{_WORD})+\W*")
"""An e-mail address, two words written as names are, or nothing but words of letters."""


_LinkRequest = pb.CreateApplicantRequest | pb.CreateLinkTokenRequest


def _none(_types: Collection[str]) -> Iterable[str]:
    return ()


def _all(ids: Collection[str]) -> Iterable[str]:
    return ids


def _no_language(_tag: str) -> str:
    return ""


class ConnectLinks(msgspec.Struct, frozen=True):
    """Makes links to the page at `base`, empty where that is not known.

    `origins` are those that a page may lead back to, such as `https://lender.example`.
    `providers_of` gives the ids of the providers of some of the vendor's types, `offered` those of
    some ids that the page offers, and `language_of` the page's language of a tag, empty for none.
    """

    base: str
    origins: tuple[str, ...]
    providers_of: Callable[[Collection[str]], Iterable[str]] = _none
    offered: Callable[[Collection[str]], Iterable[str]] = _all
    language_of: Callable[[str], str] = _no_language

    def check(self, problems: Problems, request: _LinkRequest) -> None:
        """Note a way back that is not to an allowed origin, and words that can be no ids."""
        _check_words(
            problems, "provider_types", request.provider_types, pattern=_TYPE, shown=_TYPE_SHOWN
        )
        _check_words(
            problems,
            "first_provider_ids",
            request.first_provider_ids,
            pattern=_PROVIDER,
            shown=_PROVIDER_SHOWN,
        )
        if request.language:
            problems.text(
                "language", request.language, _LANGUAGE, "a language tag, such as fil or en-PH"
            )
        if request.return_url and not self._allowed(request.return_url):
            known = ", ".join(self.origins) or "none"
            problems.add(
                "return_url",
                "must be an address of at most 1,000 characters at an origin of "
                f"DECISION_CONNECT_RETURN_ORIGINS ({known})",
            )

    def link(self, access_token: str, request: _LinkRequest) -> str:
        """The whole link; empty where the base is not known.

        It names the providers of the types, and none, for all of them, where none is known.
        """
        if not self.base:
            return ""
        types = request.provider_types
        first = request.first_provider_ids
        given = {
            "token": access_token,
            "return_url": request.return_url,
            "providers": ",".join(self.providers_of(types)) if types else "",
            "first": ",".join(self.offered(first)) if first else "",
            "lang": self.language_of(request.language) if request.language else "",
        }
        return f"{self.base}/connect?{urlencode({k: v for k, v in given.items() if v})}"

    def _allowed(self, return_url: str) -> bool:
        if not _ADDRESS.fullmatch(return_url):
            return False
        try:
            parts = urlsplit(return_url)
        except ValueError:
            return False
        return f"{parts.scheme}://{parts.netloc}".lower() in self.origins


def _check_words(
    problems: Problems, field: str, words: Sequence[str], pattern: re.Pattern[str], shown: str
) -> None:
    if len(words) > _MOST_OFFERED:
        problems.add(field, f"has {len(words)}: at most {_MOST_OFFERED}")
    for word in words[:_MOST_OFFERED]:
        problems.text(field, word, pattern, shown)


def link_request(
    user_id: str, connect: Connect, languages: Sequence[str]
) -> pb.CreateLinkTokenRequest:
    """The request for a link whose page offers first what lacks, in the first of the languages."""
    return pb.CreateLinkTokenRequest(
        user_id=user_id,
        provider_types=connect.types,
        first_provider_ids=connect.first[:_MOST_OFFERED],
        language=languages[0] if languages else "",
    )


def lacking_fields(lacking: Iterable[Lacking], languages: Sequence[str]) -> list[Fields]:
    return [
        APPLICANTS.fields(pb.LackingKind, one, message=in_language(one.texts, languages))
        for one in lacking
    ]


def disclosed_reply(reply: bytes, disclosed: Disclosure) -> Mapping[str, object]:
    decision = service_pb.CreateDecisionResponse.FromString(reply).decision
    for reason in (*decision.reasons, *decision.override.reasons):
        if not disclosed.includes(reason.factor):
            reason.ClearField("factor")
            reason.ClearField("actual")
    for asked in decision.data_requests:
        if not disclosed.includes(asked.factor):
            asked.ClearField("factor")
    fields = _set_fields(decision)
    return {name: fields[name] for name in DISCLOSED if name in fields}


def _set_fields(message: Message) -> dict[str, Any]:
    left_out = _RULES_OF.get(message.DESCRIPTOR.name, ())
    return {
        field.name: _field(field, value)
        for field, value in message.ListFields()
        if field.name not in left_out
    }


def _field(field: FieldDescriptor, value: Any) -> Any:
    kind = field.message_type
    if kind is not None and kind.GetOptions().map_entry:
        return {name: _value(field, one) for name, one in sorted(value.items())}
    if field.is_repeated:
        return [_value(field, one) for one in value]
    return _value(field, value)


def _value(field: FieldDescriptor, value: Any) -> Any:
    match value:
        case Timestamp():
            return plain(value.ToDatetime(UTC))
        case MoneyMessage():
            return money(money_from_message(value))
        case InputValue():
            found = next(iter(_set_fields(value).values()), None)
            if not value.observed_on:
                return found
            return observed_plainly(found, value.observed_on, value.consent_reference)
        case Message():
            return _set_fields(value)
    if field.enum_type is not None:
        return enum_name(field.enum_type, value)
    return value


class ApplicantServicer(msgspec.Struct, frozen=True):
    """Translates between the wire and onboarding; callers reach the users that they created."""

    onboard: OnboardApplicants
    look: ReadApplicantStatus
    clock: Clock
    links: ConnectLinks
    export: ExportPerson

    async def create_applicant(
        self, request: pb.CreateApplicantRequest, context: RpcContext
    ) -> pb.CreateApplicantResponse:
        with Problems() as problems:
            check_reference(problems, "applicant_ref", request.applicant_ref, required=True)
            if _PERSONAL.fullmatch(request.applicant_ref):
                problems.add(
                    "applicant_ref",
                    "reads like a name or an e-mail address, which the vendor would keep: send a "
                    "reference of your own, such as CRM-1042",
                )
            self.links.check(problems, request)
        applicant = Applicant(context.info.caller, request.applicant_ref)
        made = await self.onboard.create(applicant, self._stop_at(context))
        token = self._token(made.token, request)
        return pb.CreateApplicantResponse(
            user_id=made.user_id, link_token=token, created=made.created
        )

    async def create_link_token(
        self, request: pb.CreateLinkTokenRequest, context: RpcContext
    ) -> pb.CreateLinkTokenResponse:
        with Problems() as problems:
            check_user_id(problems, request.user_id)
            self.links.check(problems, request)
        token = await self.onboard.link_token(
            request.user_id, context.info.applicant_scope, self._stop_at(context)
        )
        return pb.CreateLinkTokenResponse(link_token=self._token(token, request))

    async def get_applicant(
        self, request: pb.GetApplicantRequest, context: RpcContext
    ) -> pb.GetApplicantResponse:
        with Problems() as problems:
            check_user_id(problems, request.user_id)
            if request.country:
                problems.text(
                    "country", request.country, _COUNTRY, "a country of ISO 3166, such as PH"
                )
            if request.employer_kind and request.employer_kind not in _EMPLOYERS:
                problems.add("employer_kind", f"must be one of {', '.join(_EMPLOYERS)}")
        look = self.look
        scope = context.info.applicant_scope
        seen = await look(request.user_id, scope, self._stop_at(context))
        employer = EmployerKind(request.employer_kind) if request.employer_kind else None
        needs = await asyncio.to_thread(look.product_needs, seen, employer)
        likely = look.likely_referrals(request.country) if request.country else ()
        applicant = APPLICANTS.message(pb.Applicant, seen, likely_referrals=likely)
        for one in needs:
            applicant.product_needs.append(_need(seen.user_id, one, context.info.languages))
        return pb.GetApplicantResponse(applicant=applicant)

    async def erase_applicant(
        self, request: pb.EraseApplicantRequest, context: RpcContext
    ) -> pb.EraseApplicantResponse:
        user_id = _user_id(request.user_id)
        scope = context.info.applicant_scope
        erased = await self.onboard.erase(user_id, scope, self._stop_at(context))
        return pb.EraseApplicantResponse(
            revoked_accounts=erased.accounts, erased_snapshots=erased.snapshots
        )

    async def export_applicant(
        self, request: pb.ExportApplicantRequest, context: RpcContext
    ) -> pb.ExportApplicantResponse:
        user_id = _user_id(request.user_id)
        scope = context.info.applicant_scope
        place = read_token(user_id, request.page_token, ExportPlace)
        page = await self.export(user_id, scope, place)
        return pb.ExportApplicantResponse(
            records=[APPLICANTS.message(pb.StoredRecord, one) for one in page.records],
            next_page_token=make_token(user_id, page.next),
        )

    def _token(self, token: LinkToken, request: _LinkRequest) -> pb.LinkToken:
        url = self.links.link(token.access_token, request)
        return APPLICANTS.message(pb.LinkToken, token, connect_url=url)

    def _stop_at(self, context: RpcContext) -> float:
        return self.clock.monotonic() + context.info.seconds - ANSWER_MARGIN


def _need(user_id: str, need: ProductNeed, languages: Sequence[str]) -> pb.ProductNeed:
    asked = None if need.connect is None else link_request(user_id, need.connect, languages)
    return pb.ProductNeed(
        product=need.product,
        data_kinds=need.kinds,
        lacking=() if need.connect is None else lacking_fields(need.connect.lacking, languages),
        link_token_request=asked,
    )


def _user_id(user_id: str) -> str:
    with Problems() as problems:
        check_user_id(problems, user_id)
    return user_id
