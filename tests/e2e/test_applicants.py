"""The ApplicantService over gRPC, and its commands."""

import asyncio
import json
import re
import shlex
from pathlib import Path

import grpc
import pytest

from decision_service.api.v1 import applicant_service_pb2 as pb
from decision_service.api.v1 import applicant_service_pb2_grpc
from decision_service.standin.sandbox import sandbox_people
from tests.e2e.process import serving
from tests.e2e.service import ROOT, Running, refused, running
from tests.kits.until import until
from tests.unit.cli.commands import command

GEORGE, _, CHRISTINA, _ = (person.user_id for person in sandbox_people())


def stub_of(live: Running) -> applicant_service_pb2_grpc.ApplicantServiceStub:
    return applicant_service_pb2_grpc.ApplicantServiceStub(live.channel)


async def test_an_applicant_from_creation_to_a_refused_decision(shared: Running) -> None:
    """Creating is idempotent by reference; without accounts the applicant is not ready."""
    stub = stub_of(shared)
    request = pb.CreateApplicantRequest(applicant_ref="CRM 1/2026")
    first, second = await stub.CreateApplicant(request), await stub.CreateApplicant(request)
    assert (first.created, second.created, second.user_id) == (True, False, first.user_id)
    assert first.link_token.mode == "SANDBOX"
    assert first.link_token.expire_time.seconds > 0
    more = await stub.CreateLinkToken(pb.CreateLinkTokenRequest(user_id=first.user_id))
    assert more.link_token.access_token not in ("", first.link_token.access_token)
    seen = await stub.GetApplicant(pb.GetApplicantRequest(user_id=first.user_id))
    assert (seen.applicant.ready, list(seen.applicant.accounts)) == (False, [])
    assert "link token" in seen.applicant.not_ready_reason


async def test_the_first_command_of_the_page_works_as_printed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """On a service without settings, before and after a restart."""
    page = (ROOT / "docs" / "onboarding.md").read_text(encoding="utf-8")
    printed = re.search(r"^ *decision-service (applicants create .*)$", page, re.M)
    assert printed is not None
    for created in ("created  yes", "created  no"):
        async with running(tmp_path) as live:
            words = (*shlex.split(printed[1]), "--address", live.service.address)
            ran = await asyncio.to_thread(command, capsys, *words)
            assert (ran.code, created in ran.out) == (0, True)


@pytest.mark.parametrize(
    "reference",
    [
        *("", "ñandú", " padded", "x" * 201, "two\nlines"),
        *("juan@example.ph", "CRM-7 <juan@example.ph>", "Juan Dela Cruz", "Dela Cruz, Juan P."),
        *("juan.delacruz", "DELA_CRUZ-JUAN", "Juan Cruz 1990-03-12", "CRM-7 (Juan Cruz)"),
    ],
)
async def test_a_reference_the_vendor_should_not_keep_is_refused(
    shared: Running, reference: str
) -> None:
    """No name and no e-mail address, 1 to 200 printable ASCII characters; the field is named."""
    told = await refused(
        stub_of(shared).CreateApplicant(pb.CreateApplicantRequest(applicant_ref=reference))
    )
    assert (told.code, told.info.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "FIELD_INVALID")
    assert "applicant_ref" in told.fields
    assert not reference or reference not in str(told)


@pytest.mark.parametrize(
    "reference",
    [
        *("CRM 1042", "LOAN APP 1042", "crm", "loan-app-1042/2", "APP#7", "V1StGXR8_Z5jdHi6B-myT"),
        *("018f3c5e-7d1a-7abc-8def-0123456789ab", "Ab-cDeF_ghIJkl", "x"),
    ],
)
async def test_a_reference_of_a_loan_system_is_taken(shared: Running, reference: str) -> None:
    """Numbers, ids of any alphabet, and words with a number that are no name."""
    request = pb.CreateApplicantRequest(applicant_ref=reference)
    assert (await stub_of(shared).CreateApplicant(request)).user_id


def test_the_commands(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """create, link-token and show answer in words, and as JSON where asked."""
    with serving(tmp_path) as process:
        at = ("--address", process.address)
        made = command(capsys, "applicants", "create", "CRM-1", *at, "--format", "json")
        user_id = json.loads(made.out)["user_id"]
        again = command(capsys, "applicants", "create", "CRM-1", *at)
        assert f"user id  {user_id}\ncreated  no\n" in again.out
        token = command(capsys, "applicants", "link-token", user_id, *at)
        assert "mode          SANDBOX" in token.out
        assert "expire time   20" in token.out
        asked = ("erase", "nobody", "--yes", *at)
        gone = command(capsys, "applicants", *asked)
        assert (gone.code, "Smile knows no user with this user_id" in gone.err) == (
            3,
            True,
        )
        shown = command(capsys, "applicants", "show", user_id, *at)
        assert "ready             no\nnot ready reason  no account is connected" in shown.out
        ready = command(capsys, "applicants", "show", CHRISTINA, *at)
        assert "ready    yes" in ready.out
        assert "contributions" in ready.out
        unknown = command(capsys, "applicants", "show", "nobody", *at)
        assert (unknown.code, "no user" in unknown.err) == (3, True)


@pytest.mark.parametrize(
    ("country", "likely"),
    [
        ("", []),
        ("PH", []),
        (
            "IN",
            [
                ("gig-advance-ph", "FOREIGN_CURRENCY"),
                ("personal-loan-ph", "FOREIGN_CURRENCY"),
                ("personal-loan-ph", "NO_PROVIDER"),
            ],
        ),
    ],
)
async def test_who_is_likely_to_be_referred_is_said_before_anything_is_connected(
    shared: Running, country: str, likely: list[tuple[str, str]]
) -> None:
    """No scheme of India shows loans, and nothing there is paid in pesos."""
    await until(shared.service.core.source.providers)
    stub = stub_of(shared)
    made = await stub.CreateApplicant(pb.CreateApplicantRequest(applicant_ref="ABROAD-1"))
    asked = pb.GetApplicantRequest(user_id=made.user_id, country=country)
    found = (await stub.GetApplicant(asked)).applicant.likely_referrals
    assert [(one.product, one.reason) for one in found] == likely


async def test_a_country_is_two_capital_letters(
    shared: Running, capsys: pytest.CaptureFixture[str]
) -> None:
    """Another word is refused, and the command prints why a referral is likely."""
    await until(shared.service.core.source.providers)
    stub = stub_of(shared)
    made = await stub.CreateApplicant(pb.CreateApplicantRequest(applicant_ref="ABROAD-2"))
    wrong = pb.GetApplicantRequest(user_id=made.user_id, country="Japan")
    assert "country" in (await refused(stub.GetApplicant(wrong))).fields
    words = ("applicants", "show", made.user_id, "--country", "IN")
    where = ("--address", shared.service.address)
    shown = await asyncio.to_thread(command, capsys, *words, *where)
    assert "NO_PROVIDER       personal-loan-ph reads liabilities" in shown.out
