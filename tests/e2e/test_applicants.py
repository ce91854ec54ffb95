"""Applicants before and while they connect: references, a first sync, observed inputs."""

from __future__ import annotations

import asyncio
import json
import re
import shlex
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration
from google.protobuf.json_format import MessageToDict
from playwright.async_api import expect

from decision_service.api.v1 import applicant_service_pb2 as pb
from decision_service.api.v1 import applicant_service_pb2_grpc
from decision_service.api.v1 import decision_service_pb2 as service_pb
from decision_service.standin.sandbox import SandboxPerson, sandbox_people
from tests.e2e.browser import RECORDER, browser, opened, told
from tests.e2e.process import serving
from tests.e2e.service import PRODUCT, ROOT, Running, create, outcome, refused, running
from tests.e2e.test_json import CREATE, post
from tests.fakes.examples import some
from tests.journeys.kit import ADVANCE, people_of, syncing
from tests.journeys.test_8_privacy import observed
from tests.kits.cases import until
from tests.unit.cli.commands import command

if TYPE_CHECKING:
    from pathlib import Path


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
        ready = command(capsys, "applicants", "show", CHRISTINA.user_id, *at)
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


async def test_the_page_shows_the_answer_as_it_is_printed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The command of the documentation prints its JSON, of who has connected a payroll alone."""
    page = (ROOT / "docs" / "onboarding.md").read_text(encoding="utf-8")
    printed = re.search(r"^ *decision-service (applicants show .*--format json)$", page, re.M)
    shown = re.search(r"^ *```json\n(.*?)^ *```$", page, re.M | re.S)
    assert printed is not None
    assert shown is not None
    async with syncing(tmp_path, timedelta(seconds=1)) as desk:
        user_id = desk.connected(sandbox_people()[0], "sprout_ph", timedelta(days=1))
        await until(desk.live.service.core.source.providers)
        words = shlex.split(printed[1].replace("USER_ID", user_id))
        where = ("--address", desk.live.service.address)
        ran = await asyncio.to_thread(command, capsys, *words, *where)
    wanted = json.loads(shown[1].replace("USER_ID", user_id))
    start = ran.out.index('{\n  "user_id"')  # the service's log may stand before and after
    answer, _ = json.JSONDecoder().raw_decode(ran.out[start:])
    assert wanted in answer["product_needs"]


async def test_an_employer_of_an_unknown_kind_is_refused(shared: Running) -> None:
    """The field is named, with what it may be."""
    asked = pb.GetApplicantRequest(user_id="u-1", employer_kind="STATE")
    found = await refused(people_of(shared).GetApplicant(asked))
    assert found.code is grpc.StatusCode.INVALID_ARGUMENT
    assert "PRIVATE, GOVERNMENT, UNIFORMED" in found.fields["employer_kind"]


@pytest.mark.long
@browser
async def test_a_link_puts_no_words_of_its_own_on_the_page(tmp_path: Path) -> None:
    """A provider that no one knows is not named."""
    async with running(tmp_path, http_address="127.0.0.1:0") as live:
        made = await people_of(live).CreateApplicant(pb.CreateApplicantRequest(applicant_ref="C-1"))
        address = f"{live.service.http_url}/connect?token={made.link_token.access_token}"
        async with opened(f"{address}&first=call_0917,gsis_ph,sss_ph", widget=RECORDER) as page:
            await told(page, "If you have an account at GSIS or SSS, connect it first.")
            await expect(page.get_by_text("0917")).to_have_count(0)
            await page.get_by_role("button", name="Connect an account").click()
            await page.locator("body[data-opened]").wait_for()
            top = await page.evaluate("window.handed.topProviders")
            assert top == ["call_0917", "gsis_ph", "sss_ph"]
            await page.get_by_role("link", name="Filipino").click()
            await told(page, "Kung mayroon po kayong account sa GSIS o SSS")
        async with opened(f"{address}&first=call_0917", widget=RECORDER) as page:
            await told(page, "How it works")
            await expect(page.locator("#first")).to_be_hidden()


GEORGE, CHRISTINA = sandbox_people()[0], sandbox_people()[2]

LOAN = {"product": PRODUCT}

KINDS = [
    pytest.param(LOAN, GEORGE, "sprout_ph", id="payroll"),
    pytest.param(LOAN, GEORGE, "sss_ph", id="scheme"),
    pytest.param(ADVANCE, CHRISTINA, "grab_ph", id="platform"),
]


async def recorded(live: Running, user_id: str) -> list[str]:
    """The request ids of what is recorded of a user."""
    reply = await live.stub.ListDecisions(service_pb.ListDecisionsRequest(user_id=user_id))
    return [one.request_id for one in reply.decisions]


@pytest.mark.parametrize(("product", "person", "provider"), KINDS)
async def test_an_application_during_a_first_sync_is_refused_and_decided_later(
    tmp_path: Path, product: dict[str, Any], person: SandboxPerson, provider: str
) -> None:
    """Nothing is recorded, and the same request id is decided once the sync has finished."""
    async with syncing(tmp_path, timedelta(minutes=45)) as desk:
        user_id = desk.connected(person, provider, timedelta(minutes=30))
        asked = create(user_id, **product)
        found = await refused(desk.live.stub.CreateDecision(asked))
        assert (found.code.name, found.info.reason) == ("FAILED_PRECONDITION", "DATA_NOT_READY")
        assert found.retry == 30.0
        assert await recorded(desk.live, user_id) == []
        desk.ahead = timedelta(minutes=16)
        decision = await desk.decided(asked)
        assert await recorded(desk.live, user_id) == [asked.request_id]
        assert "DATA_ARRIVING" not in [reason.code for reason in decision.reasons]


@pytest.mark.parametrize(("product", "person", "provider"), some(KINDS, 3))
async def test_a_first_sync_of_more_than_an_hour_is_referred(
    tmp_path: Path, product: dict[str, Any], person: SandboxPerson, provider: str
) -> None:
    """After the hour a person decides, and the reason says that the data is still arriving."""
    async with syncing(tmp_path, timedelta(hours=3)) as desk:
        user_id = desk.connected(person, provider, timedelta(minutes=61))
        decision = await desk.decided(create(user_id, **product))
        assert outcome(decision) == "REFER"
        assert decision.reasons[0].code == "DATA_ARRIVING"
        assert decision.reasons[0].message == "The data of a connected account is still arriving"


@pytest.mark.long
@pytest.mark.parametrize(("product", "person", "provider"), some(KINDS, 3))
async def test_an_application_waits_until_the_first_sync_has_finished(
    tmp_path: Path, product: dict[str, Any], person: SandboxPerson, provider: str
) -> None:
    """With a wait_timeout the sync ends while the caller waits, and the data is decided on."""
    half = timedelta(minutes=30)
    async with syncing(tmp_path, half + timedelta(seconds=3)) as desk:
        user_id = desk.connected(person, provider, half)
        asked = create(user_id, wait_timeout=Duration(seconds=20), **product)
        decision = await desk.decided(asked)
        assert await recorded(desk.live, user_id) == [asked.request_id]
        assert "DATA_ARRIVING" not in [reason.code for reason in decision.reasons]
        assert decision.data_quality.upstream_calls > desk.vendor.meter.by_path()["/tasks"] > 1


@pytest.mark.parametrize(
    ("sent", "field"),
    [
        (observed(-2, 0), "inputs.bureau_monthly_debt.observed_on"),
        (observed(0, 0, observedOn="01/11/2026"), "inputs.bureau_monthly_debt.observed_on"),
        (observed(0, 0, observedOn=""), "inputs.bureau_monthly_debt.observed_on"),
        (
            observed(0, 0, consentReference="C" * 201),
            "inputs.bureau_monthly_debt.consent_reference",
        ),
    ],
)
async def test_a_wrong_day_is_refused_by_its_field(
    shared: Running, sent: dict[str, Any], field: str
) -> None:
    """Of a day to come, malformed, missing; and a consent that is too long."""
    answer = await post(shared, CREATE, {**MessageToDict(create(GEORGE.user_id)), **sent})
    assert (answer.status, answer.content["code"]) == (400, "invalid_argument")
    assert field in answer.content["message"]
