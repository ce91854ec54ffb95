"""A loan system asks for the accounts that a product needs before the first decision."""

from __future__ import annotations

import asyncio
import json
import re
import shlex
from datetime import timedelta
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration
from playwright.async_api import expect

from decision_service.api.v1 import applicant_service_pb2 as pb
from decision_service.api.v1 import applicant_service_pb2_grpc
from decision_service.standin.sandbox import sandbox_people
from tests.e2e.browser import RECORDER, browser, confirm, log_in, opened, told
from tests.e2e.service import ROOT, Running, create, outcome, refused, running
from tests.journeys.kit import syncing
from tests.kits.until import until
from tests.unit.cli.commands import command

FILIPINO = (("accept-language", "fil-PH"),)
DAY = timedelta(days=1)


def stub_of(live: Running) -> applicant_service_pb2_grpc.ApplicantServiceStub:
    return applicant_service_pb2_grpc.ApplicantServiceStub(live.channel)


async def needs_of(live: Running, user_id: str, **known: str) -> dict[str, pb.ProductNeed]:
    """What each product needs of an applicant, in Filipino."""
    asked = pb.GetApplicantRequest(user_id=user_id, **known)
    seen = await stub_of(live).GetApplicant(asked, metadata=FILIPINO)
    return {one.product: one for one in seen.applicant.product_needs}


def named(lacking: list[pb.LackingKind]) -> dict[str, list[str]]:
    """Who is asked for, by kind of data."""
    return {one.data_kind: [each.name for each in one.providers] for one in lacking}


async def test_who_asks_before_the_first_decision_has_no_referral_for_want_of_a_scheme(
    tmp_path: Path,
) -> None:
    """Who does not ask is referred, and the reply asks for the same; neither names an outcome."""
    settings = {"connect_public_url": "https://connect.example"}
    async with syncing(tmp_path, timedelta(seconds=1), **settings) as desk:
        george, stub = sandbox_people()[0], stub_of(desk.live)
        made = await stub.CreateApplicant(pb.CreateApplicantRequest(applicant_ref="CRM-1"))
        await until(desk.live.service.core.source.providers)

        at_first = await needs_of(desk.live, made.user_id)
        loan, advance = at_first["personal-loan-ph"], at_first["gig-advance-ph"]
        assert list(loan.data_kinds) == ["eincomes", "contributions", "liabilities"]
        schemes = ["SSS", "GSIS", "Pag-IBIG"]
        assert named(loan.lacking) == {
            "eincomes": [],
            "contributions": schemes,
            "liabilities": schemes,
        }
        assert named(advance.lacking) == {"eincomes": [], "transactions": []}
        assert list(advance.link_token_request.provider_types) == ["GIG"]

        desk.connect(made.user_id, george, "sprout_ph", DAY)
        loan = (await needs_of(desk.live, made.user_id, employer_kind="PRIVATE"))[
            "personal-loan-ph"
        ]
        schemes = ["SSS", "Pag-IBIG"]
        assert named(loan.lacking) == {"contributions": schemes, "liabilities": schemes}
        assert (
            loan.lacking[1].message == "Hindi mapatunayan ang inyong mga utang sa social security"
        )

        link = await stub.CreateLinkToken(loan.link_token_request)
        asked = parse_qs(urlsplit(link.link_token.connect_url).query)
        assert (asked["first"], asked["lang"]) == (["sss_ph,pagibig_ph"], ["fil"])
        assert "providers" not in asked

        hasty = await desk.decided(create(made.user_id))
        assert outcome(hasty) == "REFER"
        assert named(hasty.connect.lacking) == named(loan.lacking)
        assert list(hasty.connect.link_token_request.first_provider_ids) == ["sss_ph", "pagibig_ph"]

        desk.connect(made.user_id, george, "sss_ph", DAY)
        loan = (await needs_of(desk.live, made.user_id))["personal-loan-ph"]
        assert (list(loan.lacking), loan.HasField("link_token_request")) == ([], False)
        later = await desk.decided(create(made.user_id))
        assert (outcome(later), later.HasField("connect")) == ("APPROVE", False)


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
        user_id = desk.connected(sandbox_people()[0], "sprout_ph", DAY)
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
    found = await refused(stub_of(shared).GetApplicant(asked))
    assert found.code is grpc.StatusCode.INVALID_ARGUMENT
    assert "PRIVATE, GOVERNMENT, UNIFORMED" in found.fields["employer_kind"]


@pytest.mark.long
@browser
async def test_the_page_offers_first_what_a_product_needs(tmp_path: Path) -> None:
    """In the person's language, by the names of people; and the loan is decided without asking."""
    known = {"connect_public_url": "https://connect.example", "http_address": "127.0.0.1:0"}
    async with running(tmp_path, **known) as live:
        stub = stub_of(live)
        made = await stub.CreateApplicant(pb.CreateApplicantRequest(applicant_ref="CRM-1"))
        need = (await needs_of(live, made.user_id))["personal-loan-ph"]
        link = await stub.CreateLinkToken(need.link_token_request)
        address = f"{live.service.http_url}/connect?{urlsplit(link.link_token.connect_url).query}"
        async with opened(address) as page:
            await told(page, "Kung mayroon po kayong account sa SSS, GSIS")
            await told(page, "walang ipinapangakong pasya")
            await page.get_by_role("button", name="Magkonekta ng account").click()
            offered = page.get_by_role("list", name="Providers").get_by_role("listitem")
            await expect(offered.nth(0)).to_contain_text("SSS")
            await expect(offered.nth(1)).to_contain_text("GSIS")
            await expect(offered.nth(2)).to_contain_text("Pag-IBIG")
            await offered.nth(0).get_by_role("button").click()
            await log_in(page, "123456")
            await confirm(page, "1234")
            await told(page, "Nakakonekta na ang inyong account sa SSS")
        decided = await live.stub.CreateDecision(
            create(made.user_id, wait_timeout=Duration(seconds=20)), timeout=30
        )
        assert outcome(decided.decision) == "APPROVE"


@pytest.mark.long
@browser
async def test_a_link_puts_no_words_of_its_own_on_the_page(tmp_path: Path) -> None:
    """A provider that no one knows is not named; the lender's own first ones come after."""
    settings = {"http_address": "127.0.0.1:0", "connect_top_providers": "grab_ph, sss_ph"}
    async with running(tmp_path, **settings) as live:
        made = await stub_of(live).CreateApplicant(pb.CreateApplicantRequest(applicant_ref="C-1"))
        address = f"{live.service.http_url}/connect?token={made.link_token.access_token}"
        async with opened(f"{address}&first=call_0917,gsis_ph,sss_ph", widget=RECORDER) as page:
            await told(page, "If you have an account at GSIS or SSS, connect it first.")
            await expect(page.get_by_text("0917")).to_have_count(0)
            await page.get_by_role("button", name="Connect an account").click()
            await page.locator("body[data-opened]").wait_for()
            top = await page.evaluate("window.handed.topProviders")
            assert top == ["call_0917", "gsis_ph", "sss_ph", "grab_ph"]
            await page.get_by_role("link", name="Filipino").click()
            await told(page, "Kung mayroon po kayong account sa GSIS o SSS")
        async with opened(f"{address}&first=call_0917", widget=RECORDER) as page:
            await told(page, "How it works")
            await expect(page.locator("#first")).to_be_hidden()
