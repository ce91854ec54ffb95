"""The ApplicantService: onboarding and subject access, one method for each RPC."""

from __future__ import annotations

import re

import msgspec

from decision_service.api.v1 import applicant_service_pb2 as pb
from decision_service.edge.rpc.context import RpcContext
from decision_service.edge.rpc.mapping.connect_links import ConnectLinks
from decision_service.edge.rpc.mapping.page_tokens import make_export_token, read_export_token
from decision_service.edge.rpc.mapping.problems import Problems, check_reference, check_user_id
from decision_service.edge.rpc.mapping.subject_access import record_message
from decision_service.edge.rpc.mapping.values import timestamp
from decision_service.edge.rpc.services.methods import Methods, unary
from decision_service.pipeline.applicants.onboarding import OnboardApplicants
from decision_service.pipeline.applicants.ports import Applicant, LinkToken
from decision_service.pipeline.applicants.status import (
    AccountStatus,
    ApplicantStatus,
    ReadApplicantStatus,
)
from decision_service.pipeline.decide.decide import ANSWER_MARGIN
from decision_service.pipeline.ports import Clock
from decision_service.pipeline.subject_access.export import ExportPerson

SERVICE = "decision_service.api.v1.ApplicantService"
_COUNTRY = re.compile(r"[A-Z]{2}", re.ASCII)
_WORD = "(?:[A-Z]?[a-z]+|[A-Z]+)"
_PERSONAL = re.compile(rf".*@.*|.*\b[A-Z][a-z]+[ ,.']+[A-Z][a-z]+\b.*|{_WORD}(?:[\W_]+{_WORD})+\W*")
"""An e-mail address, two words written as names are, or nothing but words of letters."""


class ApplicantUseCases(msgspec.Struct, frozen=True):
    """What the servicer translates for."""

    onboard: OnboardApplicants
    look: ReadApplicantStatus
    clock: Clock
    links: ConnectLinks
    export: ExportPerson


class ApplicantServicer:
    """Translates between the wire and onboarding; callers reach the users that they created."""

    def __init__(self, use_cases: ApplicantUseCases) -> None:
        self._use_cases = use_cases

    async def create_applicant(
        self, request: pb.CreateApplicantRequest, context: RpcContext
    ) -> pb.CreateApplicantResponse:
        """The applicant's user with a new token."""
        problems = Problems()
        check_reference(problems, "applicant_ref", request.applicant_ref, required=True)
        if _PERSONAL.fullmatch(request.applicant_ref):
            problems.add(
                "applicant_ref",
                "reads like a name or an e-mail address, which the vendor would keep: send a "
                "reference of your own, such as CRM-1042",
            )
        self._use_cases.links.check(problems, request.return_url, request.provider_types)
        problems.raise_if_any()
        applicant = Applicant(context.info.caller, request.applicant_ref)
        made = await self._use_cases.onboard.create(applicant, self._stop_at(context))
        token = self._token(made.token, request)
        return pb.CreateApplicantResponse(
            user_id=made.user_id, link_token=token, created=made.created
        )

    async def create_link_token(
        self, request: pb.CreateLinkTokenRequest, context: RpcContext
    ) -> pb.CreateLinkTokenResponse:
        """A new token."""
        problems = Problems()
        check_user_id(problems, request.user_id)
        self._use_cases.links.check(problems, request.return_url, request.provider_types)
        problems.raise_if_any()
        token = await self._use_cases.onboard.link_token(
            request.user_id, context.info.applicant_scope, self._stop_at(context)
        )
        return pb.CreateLinkTokenResponse(link_token=self._token(token, request))

    async def get_applicant(
        self, request: pb.GetApplicantRequest, context: RpcContext
    ) -> pb.GetApplicantResponse:
        """Where the applicant stands now."""
        problems = Problems()
        check_user_id(problems, request.user_id)
        if request.country:
            problems.text("country", request.country, _COUNTRY, "a country of ISO 3166, such as PH")
        problems.raise_if_any()
        look, scope = self._use_cases.look, context.info.applicant_scope
        seen = await look(request.user_id, scope, self._stop_at(context))
        likely = look.likely_referrals(request.country) if request.country else ()
        applicant = _applicant(seen)
        applicant.likely_referrals.extend(
            pb.LikelyReferral(product=one.product, reason=one.reason, message=one.message)
            for one in likely
        )
        return pb.GetApplicantResponse(applicant=applicant)

    async def erase_applicant(
        self, request: pb.EraseApplicantRequest, context: RpcContext
    ) -> pb.EraseApplicantResponse:
        """Destroy what is stored, and revoke."""
        user_id, scope = _user_id(request.user_id), context.info.applicant_scope
        erased = await self._use_cases.onboard.erase(user_id, scope, self._stop_at(context))
        return pb.EraseApplicantResponse(
            revoked_accounts=erased.accounts, erased_snapshots=erased.snapshots
        )

    async def export_applicant(
        self, request: pb.ExportApplicantRequest, context: RpcContext
    ) -> pb.ExportApplicantResponse:
        """One page of what is stored."""
        user_id, scope = _user_id(request.user_id), context.info.applicant_scope
        place = read_export_token(user_id, request.page_token)
        page = await self._use_cases.export(user_id, scope, place)
        return pb.ExportApplicantResponse(
            records=[record_message(one) for one in page.records],
            next_page_token="" if page.next is None else make_export_token(user_id, page.next),
        )

    def _token(
        self, token: LinkToken, request: pb.CreateApplicantRequest | pb.CreateLinkTokenRequest
    ) -> pb.LinkToken:
        return pb.LinkToken(
            access_token=token.access_token,
            expire_time=timestamp(token.expires),
            mode=token.mode,
            connect_url=self._use_cases.links.link(
                token.access_token, request.return_url, request.provider_types
            ),
        )

    def _stop_at(self, context: RpcContext) -> float:
        return self._use_cases.clock.monotonic() + context.info.seconds - ANSWER_MARGIN


def methods(servicer: ApplicantServicer) -> Methods:
    """The service's methods."""
    return {
        "CreateApplicant": unary(servicer.create_applicant, pb.CreateApplicantRequest),
        "CreateLinkToken": unary(servicer.create_link_token, pb.CreateLinkTokenRequest),
        "GetApplicant": unary(servicer.get_applicant, pb.GetApplicantRequest),
        "EraseApplicant": unary(servicer.erase_applicant, pb.EraseApplicantRequest),
        "ExportApplicant": unary(servicer.export_applicant, pb.ExportApplicantRequest),
    }


def _user_id(user_id: str) -> str:
    problems = Problems()
    check_user_id(problems, user_id)
    problems.raise_if_any()
    return user_id


def _applicant(seen: ApplicantStatus) -> pb.Applicant:
    return pb.Applicant(
        user_id=seen.user_id,
        accounts=[_account(one) for one in seen.accounts],
        data=[
            pb.ApplicantData(
                kind=one.kind.value, source_id=one.source, collect_time=timestamp(one.collected)
            )
            for one in seen.kinds
        ],
        ready=seen.ready,
        not_ready_reason=seen.why_not,
    )


def _account(one: AccountStatus) -> pb.ApplicantAccount:
    return pb.ApplicantAccount(
        account_id=one.account.id,
        provider_id=one.account.provider_id,
        status=one.account.connection_status,
        error_code=one.account.error_code or "",
        explanation=one.words,
        advice=one.advice,
    )
