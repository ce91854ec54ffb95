"""Letters over gRPC and from the command line."""

from __future__ import annotations

import asyncio
from pathlib import Path

import grpc
import pytest

from decision_service.api.v1 import notice_service_pb2 as pb
from decision_service.api.v1.notice_service_pb2_grpc import NoticeServiceStub
from decision_service.standin.sandbox import sandbox_people
from tests.e2e.service import create, refused, running
from tests.unit.cli.commands import command

GEORGE, RYAN, CHRISTINA, ANISHA = (one.user_id for one in sandbox_people())
MUCH = {"currency_code": "PHP", "units": 150_000}


@pytest.mark.long
async def test_each_decision_has_its_letter(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """An approval, an offer of less, a decline and a lack are written of; a review waits.

    A letter is made once, is the same ever after, and its first sending is kept.
    """
    async with running(tmp_path) as live:
        stub = NoticeServiceStub(live.channel)

        async def decided(user: str, **more: object) -> str:
            return (await live.stub.CreateDecision(create(user, **more))).decision.decision_id

        async def letter(decision: str, language: str = "en") -> pb.Notice:
            request = pb.GetNoticeRequest(decision_id=decision, language=language)
            return (await stub.GetNotice(request)).notice

        approved, reduced = await decided(GEORGE), await decided(GEORGE, requested_amount=MUCH)
        declined, lacking = await decided(RYAN), await decided(CHRISTINA)
        assert (await letter(approved)).kind == pb.NOTICE_KIND_APPROVAL
        assert "It is less than the ₱\u00a0150,000" in (await letter(reduced)).text
        incomplete = await letter(lacking)
        assert incomplete.kind == pb.NOTICE_KIND_INCOMPLETE
        assert "we could not read all of it (contributions to" in incomplete.text
        first = await letter(declined, "fil")
        assert "\nBakit\n- " in first.text
        assert first.html.startswith("<!doctype html>")
        assert await letter(declined, "fil") == first

        error = await refused(letter(await decided(ANISHA)))
        assert (error.code, error.info.reason) == (
            grpc.StatusCode.FAILED_PRECONDITION,
            "NOTICE_NOT_DUE",
        )
        error = await refused(letter(declined, "ceb"))
        assert (error.code, error.info.reason) == (grpc.StatusCode.NOT_FOUND, "LANGUAGE_UNKNOWN")
        error = await refused(stub.RecordNoticeSent(pb.RecordNoticeSentRequest(review_id="x")))
        needed = {"decision_id", "kind", "language", "channel", "send_time"}
        assert set(error.fields) == needed | {"review_id"}

        async def run(*words: str) -> str:
            at = ("--address", live.service.address)
            done = await asyncio.to_thread(command, capsys, "letters", *words, *at)
            assert done.code == 0, done.err
            return done.out

        sent = ("sent", declined, "--kind", "adverse-action", "--language", "fil")
        assert "channel          email\n" in await run(*sent, "--channel", "email")
        assert "channel          email\n" in await run(*sent, "--channel", "post")
        assert first.text in await run("show", declined, "--language", "fil")
        listed = await run("list", "--sent", "not-sent", "--limit", "2")
        assert lacking in listed
        assert declined not in listed
        token = listed.rpartition("--page-token ")[2].strip()
        assert approved in await run(
            "list", "--sent", "not-sent", "--limit", "2", "--page-token", token
        )
