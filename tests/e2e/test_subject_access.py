"""A person asks for what is stored, and then withdraws: over gRPC and from the command line."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import grpc
import pytest

from decision_service.api.v1 import applicant_service_pb2 as pb
from decision_service.api.v1 import notice_service_pb2 as notice_pb
from decision_service.api.v1.applicant_service_pb2_grpc import ApplicantServiceStub
from decision_service.api.v1.notice_service_pb2_grpc import NoticeServiceStub
from decision_service.standin.sandbox import sandbox_people
from decision_service.store.store import open_journal
from tests.e2e.service import create, refused, running
from tests.e2e.team import Metadata, Team
from tests.integration.replicas import vendor
from tests.unit.cli.commands import command

GEORGE, RYAN, _, _ = (person.user_id for person in sandbox_people())


@pytest.mark.parametrize("url", ["postgresql"], indirect=True)
async def test_a_person_asks_for_her_data_and_then_withdraws(
    url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Decision, reasons, letter and data are told; afterwards what is left is told with the reason.

    The page is the same content, and the file is its owner's alone.
    """
    key = tmp_path / "identity-keys"
    key.write_text("a2V5cyBvZiBhIHRlc3QsIDMyIGJ5dGVzIGluIGFsbCAu\n")
    journal = tmp_path / "erasures"
    settings = {"store_url": url, "identity_key_file": str(key), "erasure_journal": str(journal)}
    async with vendor() as at, running(tmp_path, **settings, **at.settings) as live:
        decided = (await live.stub.CreateDecision(create(RYAN))).decision
        await live.stub.CreateDecision(create(GEORGE))
        wanted = notice_pb.GetNoticeRequest(decision_id=decided.decision_id, language="fil")
        letter = (await NoticeServiceStub(live.channel).GetNotice(wanted)).notice.text

        async def run(*words: str) -> Any:
            at = ("--address", live.service.address)
            return await asyncio.to_thread(command, capsys, "applicants", *words, *at)

        async def export(name: str) -> Any:
            out = tmp_path / name
            assert (await run("export", RYAN, "--out", str(out))).code == 0
            return json.loads(out.read_text())

        told = await export("before.json")
        kinds = [one["kind"] for one in told["records"]]
        assert (kinds[0], kinds[-2:]) == ("about", ["decision", "reading"])
        decision, reading = (one["content"] for one in told["records"][-2:])
        assert decision["outcome"] == "DECLINE"
        assert [one["message"] for one in decision["reasons"]]
        assert [one["text"] for one in decision["letters"]] == [letter]
        assert reading["incomes"][0]["employer"] == "Bayan Calls Outsourcing, Inc."
        assert GEORGE not in json.dumps(told)

        out = tmp_path / "ryan.json"
        assert (await run("export", RYAN, "--out", str(out))).code == 0
        assert out.stat().st_mode & 0o777 == 0o600
        page = out.read_text()
        for words in ("Bayan Calls Outsourcing, Inc.", "PHP 20000.00", decided.decision_id):
            assert words in page
        again = await run("export", RYAN, "--out", str(out))
        assert (again.code, "is there already" in again.err) == (2, True)

        for _ in range(2):
            assert (await run("erase", RYAN, "--yes")).code == 0
        assert (await run("erase", "nobody", "--yes")).code == 3
        left = (await export("after.json"))["records"]
        assert [one["kind"] for one in left if one["kind"] != "reference"] == ["about", "decision"]
        noted = await (await open_journal(journal)).marks()
        assert left[0]["content"]["withdrawals"] == len(noted) == 1
        assert "stay for 25 months" in left[0]["content"]["after_erasure"]
        assert "Bayan Calls Outsourcing" not in json.dumps(left)

        unknown = await run("export", "nobody", "--out", str(tmp_path / "none"))
        assert (unknown.code, "nothing is stored" in unknown.err) == (3, True)
        assert not (tmp_path / "none").exists()


async def test_who_may_export_reaches_own_applicants_alone(tmp_path: Path) -> None:
    """Another's user is unknown as one that does not exist; other roles export nobody."""
    team = Team(tmp_path)
    crm, other = team.hire("crm", "onboard", "subject_access"), team.hire("o", "subject_access")
    officer = team.hire("officer", "subject_access", "onboard_all")
    auditor = team.hire("auditor", "read", "onboard_all", "decide")
    async with running(tmp_path, auth_tokens_file=str(team.path)) as live:
        stub = ApplicantServiceStub(live.channel)
        made = pb.CreateApplicantRequest(applicant_ref="CRM 1")
        user_id = (await stub.CreateApplicant(made, metadata=crm)).user_id
        asked = pb.ExportApplicantRequest(user_id=user_id)
        for metadata in (crm, officer):
            page = await stub.ExportApplicant(asked, metadata=metadata)
            assert [one.kind for one in page.records] == ["about", "reference", "link_token"]
        error = await refused(stub.ExportApplicant(asked, metadata=other))
        assert (error.code, error.info.reason) == (grpc.StatusCode.NOT_FOUND, "USER_UNKNOWN")
        nobody = pb.ExportApplicantRequest(user_id="nobody")
        alike = await refused(stub.ExportApplicant(nobody, metadata=other))
        assert alike.message == error.message
        error = await refused(stub.ExportApplicant(asked, metadata=auditor))
        assert error.code is grpc.StatusCode.PERMISSION_DENIED
        await _refuses_foreign_tokens(stub, page.next_page_token, officer)


async def _refuses_foreign_tokens(
    stub: ApplicantServiceStub, token: str, metadata: Metadata
) -> None:
    for page_token in (token, "x"):
        asked = pb.ExportApplicantRequest(user_id="somebody", page_token=page_token)
        error = await refused(stub.ExportApplicant(asked, metadata=metadata))
        assert error.info.reason == "PAGE_TOKEN_INVALID"
