"""The NoticeService: letters of decisions that a caller may read."""

from __future__ import annotations

from datetime import datetime

import msgspec

from decision_service.api.v1 import notice_service_pb2 as pb
from decision_service.casework.compose import html, text
from decision_service.casework.letters import (
    NoticeKey,
    NoticeReader,
    Notices,
    Sending,
    StoredNotice,
)
from decision_service.domain.ports import Clock
from decision_service.rules.letters import NoticeKind
from decision_service.server.services.reviews import check_review_id
from decision_service.server.transport.auth import REVIEWERS
from decision_service.server.transport.context import CallInfo, Role, RpcContext
from decision_service.server.transport.wire import Mapper, Problems, check_decision_id, of_given

SERVICE = pb.DESCRIPTOR.services_by_name["NoticeService"]
LONGEST_CHANNEL = 100
_LONGEST_LANGUAGE = 35


def _text(notice: StoredNotice) -> str:
    return text(notice.letter)


def _html(notice: StoredNotice) -> str:
    return html(notice.letter)


NOTICES = Mapper(
    {
        pb.Notice: {
            "kind": "letter.kind.name",
            "language": "letter.language",
            "title": "letter.title",
            "text": _text,
            "html": _html,
            "create_time": "made",
            "created_by": "made_by",
            "send_time": of_given("sent", "at"),
            "channel": of_given("sent", "channel"),
            "sent_by": of_given("sent", "by"),
        }
    }
)


def sending_from(
    request: pb.RecordNoticeSentRequest, caller: str, now: datetime
) -> tuple[NoticeKey, Sending]:
    with Problems() as problems:
        check_decision_id(problems, request.decision_id)
        kind = problems.enum(request, "kind", NoticeKind, required=True)
        language = _language(request.language, problems)
        channel = request.channel.strip()
        if not 1 <= len(channel) <= LONGEST_CHANNEL or not channel.isprintable():
            problems.add("channel", f"must have 1 to {LONGEST_CHANNEL} printable characters")
        at = _sent_at(request, now, problems)
        if request.review_id:
            check_review_id(problems, request.review_id)
    key = NoticeKey(
        request.decision_id, kind or NoticeKind.APPROVAL, language, review_id=request.review_id
    )
    return key, Sending(at, channel, caller)


def _sent_at(request: pb.RecordNoticeSentRequest, now: datetime, problems: Problems) -> datetime:
    at = problems.instant(request, "send_time")
    if not request.HasField("send_time"):
        problems.add("send_time", "is not set: say when the letter was sent")
    elif at is not None and at > now:
        problems.add("send_time", f"is {at:%Y-%m-%dT%H:%M:%SZ}, which lies in the future")
    return at or now


def _language(value: str, problems: Problems) -> str:
    if not 1 <= len(value) <= _LONGEST_LANGUAGE or not value.isascii() or not value.isprintable():
        problems.add("language", "must be a language tag, such as en or fil")
    return value


def _reader(info: CallInfo) -> NoticeReader:
    is_reviewer = not REVIEWERS.isdisjoint(info.roles)
    return NoticeReader(
        caller=info.caller,
        scope=info.scope,
        may_make=is_reviewer or Role.DECIDE in info.roles,
        is_reviewer=is_reviewer,
    )


def notice_message(notice: StoredNotice) -> pb.Notice:
    return NOTICES.message(pb.Notice, notice)


class NoticeServicer(msgspec.Struct, frozen=True):
    notices: Notices
    clock: Clock

    async def get_notice(
        self, request: pb.GetNoticeRequest, context: RpcContext
    ) -> pb.GetNoticeResponse:
        with Problems() as problems:
            check_decision_id(problems, request.decision_id)
            language = _language(request.language, problems)
        reader = _reader(context.info)
        notice = await self.notices.get(request.decision_id, language, reader)
        return pb.GetNoticeResponse(notice=notice_message(notice))

    async def record_notice_sent(
        self, request: pb.RecordNoticeSentRequest, context: RpcContext
    ) -> pb.RecordNoticeSentResponse:
        info = context.info
        key, sending = sending_from(request, info.caller, self.clock.now())
        notice = await self.notices.sent(key, sending, info.scope)
        return pb.RecordNoticeSentResponse(notice=notice_message(notice))
