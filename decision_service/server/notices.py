"""The NoticeService: letters of decisions that a caller may read."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec

from decision_service.api.v1 import notice_service_pb2 as pb
from decision_service.casework.compose import html, text
from decision_service.casework.letters import (
    NoticeFilter,
    NoticeKey,
    Notices,
    Sending,
    StoredNotice,
)
from decision_service.domain.ports import Clock
from decision_service.rules.letters import NoticeKind
from decision_service.server.context import RpcContext
from decision_service.server.page_tokens import make_token, page_size, read_token
from decision_service.server.reviews import review_id_from
from decision_service.server.wire import (
    Problems,
    check_decision_id,
    check_page_size,
    enum_name,
    same,
    timestamp,
)

SERVICE = pb.DESCRIPTOR.services_by_name["NoticeService"]
LONGEST_CHANNEL = 100
_LONGEST_LANGUAGE = 35
_SENT = {pb.SENT_FILTER_SENT: True, pb.SENT_FILTER_NOT_SENT: False}


def notice_message(notice: StoredNotice) -> pb.Notice:
    letter, sending = notice.letter, notice.sent
    return pb.Notice(
        **same(notice, "decision_id", "template_digest", "review_id"),
        **same(letter, "language", "title"),
        kind=f"NOTICE_KIND_{letter.kind.name}",
        text=text(letter),
        html=html(letter),
        create_time=timestamp(notice.made),
        created_by=notice.made_by,
        send_time=None if sending is None else timestamp(sending.at),
        channel="" if sending is None else sending.channel,
        sent_by="" if sending is None else sending.by,
    )


def notice_filter(request: pb.ListNoticesRequest, scope: str) -> NoticeFilter:
    with Problems() as problems:
        if request.decision_id:
            check_decision_id(problems, request.decision_id)
        kind = _kind(request.kind, problems) if request.kind else None
        if request.sent not in pb.SentFilter.values():
            problems.add("sent", f"is {request.sent}, which is no SentFilter")
        check_page_size(problems, request.page_size)
    return NoticeFilter(request.decision_id, scope, kind, _SENT.get(request.sent))


def sending_from(
    request: pb.RecordNoticeSentRequest, caller: str, now: datetime
) -> tuple[NoticeKey, Sending]:
    with Problems() as problems:
        check_decision_id(problems, request.decision_id)
        kind = _kind(request.kind, problems)
        language = _language(request.language, problems)
        channel = request.channel.strip()
        if not 1 <= len(channel) <= LONGEST_CHANNEL or not channel.isprintable():
            problems.add("channel", f"must have 1 to {LONGEST_CHANNEL} printable characters")
        at = _sent_at(request, now, problems)
        if request.review_id:
            review_id_from(request.review_id, problems)
    key = NoticeKey(request.decision_id, kind or NoticeKind.APPROVAL, language, request.review_id)
    return key, Sending(at, channel, caller)


def _sent_at(request: pb.RecordNoticeSentRequest, now: datetime, problems: Problems) -> datetime:
    if not request.HasField("send_time"):
        problems.add("send_time", "is not set: say when the letter was sent")
        return now
    try:
        at = request.send_time.ToDatetime(UTC)
    except (ValueError, OverflowError):
        problems.add("send_time", "is no instant")
        return now
    if at > now:
        problems.add("send_time", f"is {at:%Y-%m-%dT%H:%M:%SZ}, which lies in the future")
    return at


def _kind(value: int, problems: Problems) -> NoticeKind | None:
    found = NoticeKind.__members__.get(enum_name(pb.NoticeKind.DESCRIPTOR, value))
    if found is None:
        what = "is not set" if not value else f"is {value}, which is no NoticeKind"
        known = ", ".join(kind.name for kind in NoticeKind)
        problems.add("kind", f"{what}: say one of {known}")
    return found


def _language(value: str, problems: Problems) -> str:
    if not 1 <= len(value) <= _LONGEST_LANGUAGE or not value.isascii() or not value.isprintable():
        problems.add("language", "must be a language tag, such as en or fil")
    return value


class NoticeUseCases(msgspec.Struct, frozen=True):
    notices: Notices
    clock: Clock


class NoticeServicer:
    def __init__(self, use_cases: NoticeUseCases) -> None:
        self._notices, self._clock = use_cases.notices, use_cases.clock

    async def get_notice(
        self, request: pb.GetNoticeRequest, context: RpcContext
    ) -> pb.GetNoticeResponse:
        """The letter of a decision."""
        with Problems() as problems:
            check_decision_id(problems, request.decision_id)
            language = _language(request.language, problems)
        info = context.info
        notice = await self._notices.get(request.decision_id, language, info.caller, info.scope)
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
        key, sending = sending_from(request, info.caller, self._clock.now())
        notice = await self._notices.sent(key, sending, info.scope)
        return pb.RecordNoticeSentResponse(notice=notice_message(notice))
