"""The ApplicantService: onboarding and subject access, with their messages."""

from __future__ import annotations

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
from decision_service.casework.applicant_status import ReadApplicantStatus
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
from decision_service.domain.ports import Clock
from decision_service.server.context import RpcContext
from decision_service.server.page_tokens import make_token, read_token
from decision_service.server.wire import (
    Mapper,
    Problems,
    check_reference,
    check_user_id,
    enum_name,
    money_from_message,
)

SERVICE = pb.DESCRIPTOR.services_by_name["ApplicantService"]
_ADDRESS = re.compile(r"[!-\[\]-~]{1,1000}", re.ASCII)
"""Printable ASCII without a space or a backslash, which browsers read as a slash."""

_TYPE = re.compile(r"[A-Z_]{1,40}", re.ASCII)
_MOST_TYPES = 10
DISCLOSED = (
    "decision_id", "application_id", "customer_ref", "user_id", "product", "outcome", "refer_kind",
    "reasons", "data_requests", "scores", "offer", "conditions", "tags", "override", "ruleset_ref",
    "assignment", "data_quality", "as_of_date", "create_time", "expire_time", "engine_version",
    "first_decision_id", "connect",
)  # fmt: skip
"""The fields of a recorded reply that a person may read."""

LEFT_OUT = frozenset({"rule_traces", "withheld_tags", "list_answers"})
"""Those that stay with the lender."""

FOUND_ON_READING = frozenset({"recourse", "review", "income_months"})
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
        pb.Applicant: {"data": "kinds", "not_ready_reason": "why_not", "likely_referrals": None},
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
_COUNTRY = re.compile(r"[A-Z]{2}", re.ASCII)
_WORD = "(?:[A-Z]?[a-z]+|[A-Z]+)"
_PERSONAL = re.compile(rf".*@.*|.*\b[A-Z][a-z]+[ ,.']+[A-Z][a-z]+\b.*|{_WORD}(?:[\W_]+{_WORD})+\W*")
"""An e-mail address, two words written as names are, or nothing but words of letters."""


class ConnectLinks(msgspec.Struct, frozen=True):
    """Makes links to the page at `base`, empty where that is not known.

    `origins` are those that a page may lead back to, such as `https://lender.example`, and
    `providers_of` gives the ids of the providers of some of the vendor's types.
    """

    base: str
    origins: tuple[str, ...]
    providers_of: Callable[[Collection[str]], Iterable[str]] = lambda _: ()

    def check(self, problems: Problems, return_url: str, provider_types: Sequence[str]) -> None:
        """Note a way back that is not to an allowed origin, and words that can be no types."""
        if len(provider_types) > _MOST_TYPES:
            problems.add("provider_types", f"has {len(provider_types)}: at most {_MOST_TYPES}")
        for word in provider_types[:_MOST_TYPES]:
            problems.text("provider_types", word, _TYPE, "the vendor's words, such as GOVERNMENT")
        if return_url and not self._allowed(return_url):
            known = ", ".join(self.origins) or "none"
            problems.add(
                "return_url",
                "must be an address of at most 1,000 characters at an origin of "
                f"DECISION_CONNECT_RETURN_ORIGINS ({known})",
            )

    def link(self, access_token: str, return_url: str, provider_types: Collection[str] = ()) -> str:
        """The whole link; empty where the base is not known.

        It names the providers of the types, and none, for all of them, where none is known.
        """
        if not self.base:
            return ""
        providers = ",".join(self.providers_of(provider_types)) if provider_types else ""
        given = {"token": access_token, "return_url": return_url, "providers": providers}
        return f"{self.base}/connect?{urlencode({k: v for k, v in given.items() if v})}"

    def _allowed(self, return_url: str) -> bool:
        if not _ADDRESS.fullmatch(return_url):
            return False
        try:
            parts = urlsplit(return_url)
        except ValueError:
            return False
        return f"{parts.scheme}://{parts.netloc}".lower() in self.origins


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
            self.links.check(problems, request.return_url, request.provider_types)
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
            self.links.check(problems, request.return_url, request.provider_types)
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
        look, scope = self.look, context.info.applicant_scope
        seen = await look(request.user_id, scope, self._stop_at(context))
        likely = look.likely_referrals(request.country) if request.country else ()
        applicant = APPLICANTS.message(pb.Applicant, seen, likely_referrals=likely)
        return pb.GetApplicantResponse(applicant=applicant)

    async def erase_applicant(
        self, request: pb.EraseApplicantRequest, context: RpcContext
    ) -> pb.EraseApplicantResponse:
        user_id, scope = _user_id(request.user_id), context.info.applicant_scope
        erased = await self.onboard.erase(user_id, scope, self._stop_at(context))
        return pb.EraseApplicantResponse(
            revoked_accounts=erased.accounts, erased_snapshots=erased.snapshots
        )

    async def export_applicant(
        self, request: pb.ExportApplicantRequest, context: RpcContext
    ) -> pb.ExportApplicantResponse:
        user_id, scope = _user_id(request.user_id), context.info.applicant_scope
        place = read_token(user_id, request.page_token, ExportPlace)
        page = await self.export(user_id, scope, place)
        return pb.ExportApplicantResponse(
            records=[APPLICANTS.message(pb.StoredRecord, one) for one in page.records],
            next_page_token=make_token(user_id, page.next),
        )

    def _token(
        self, token: LinkToken, request: pb.CreateApplicantRequest | pb.CreateLinkTokenRequest
    ) -> pb.LinkToken:
        links, types = self.links, request.provider_types
        url = links.link(token.access_token, request.return_url, types)
        return APPLICANTS.message(pb.LinkToken, token, connect_url=url)

    def _stop_at(self, context: RpcContext) -> float:
        return self.clock.monotonic() + context.info.seconds - ANSWER_MARGIN


def _user_id(user_id: str) -> str:
    with Problems() as problems:
        check_user_id(problems, user_id)
    return user_id
