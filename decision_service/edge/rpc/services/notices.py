"""The NoticeService: letters of decisions that a caller may read."""

from __future__ import annotations

import msgspec

from decision_service.api.v1 import notice_service_pb2 as pb
from decision_service.edge.rpc.context import RpcContext
from decision_service.edge.rpc.mapping.notices import (
    notice_filter,
    notice_message,
    sending_from,
    wanted_from,
)
from decision_service.edge.rpc.mapping.page_tokens import make_token, page_size, read_token
from decision_service.edge.rpc.services.methods import Methods, unary
from decision_service.pipeline.notices.make import Notices
from decision_service.pipeline.ports import Clock

SERVICE = "decision_service.api.v1.NoticeService"


class NoticeUseCases(msgspec.Struct, frozen=True):
    """What the servicer translates for."""

    notices: Notices
    clock: Clock


class NoticeServicer:
    """Translates between the wire and the letters."""

    def __init__(self, use_cases: NoticeUseCases) -> None:
        self._notices, self._clock = use_cases.notices, use_cases.clock

    async def get_notice(
        self, request: pb.GetNoticeRequest, context: RpcContext
    ) -> pb.GetNoticeResponse:
        """The letter of a decision."""
        decision_id, language = wanted_from(request)
        info = context.info
        notice = await self._notices.get(decision_id, language, info.caller, info.scope)
        return pb.GetNoticeResponse(notice=notice_message(notice))

    async def list_notices(
        self, request: pb.ListNoticesRequest, context: RpcContext
    ) -> pb.ListNoticesResponse:
        """One page of letters."""
        chosen = notice_filter(request, context.info.scope)
        after = read_token(chosen, request.page_token)
        page = await self._notices.list(chosen, after, page_size(request.page_size))
        return pb.ListNoticesResponse(
            notices=[notice_message(one) for one in page.notices],
            next_page_token="" if page.next is None else make_token(chosen, page.next),
        )

    async def record_notice_sent(
        self, request: pb.RecordNoticeSentRequest, context: RpcContext
    ) -> pb.RecordNoticeSentResponse:
        """Note that a letter was sent."""
        info = context.info
        told = sending_from(request, info.caller, self._clock.now())
        notice = await self._notices.sent(*told, info.scope)
        return pb.RecordNoticeSentResponse(notice=notice_message(notice))


def methods(servicer: NoticeServicer) -> Methods:
    """The service's methods."""
    return {
        "GetNotice": unary(servicer.get_notice, pb.GetNoticeRequest),
        "ListNotices": unary(servicer.list_notices, pb.ListNoticesRequest),
        "RecordNoticeSent": unary(servicer.record_notice_sent, pb.RecordNoticeSentRequest),
    }
