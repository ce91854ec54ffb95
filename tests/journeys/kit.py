"""What several journeys share: an office with its people, a lender with keys, a slow first sync."""

from __future__ import annotations

import asyncio
import json
import shutil
import uuid
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import grpc
import httpx2
import pytest
from google.type.money_pb2 import Money
from structlog.testing import capture_logs

from decision_service.api.v1 import applicant_service_pb2 as people_pb
from decision_service.api.v1 import decision_pb2
from decision_service.api.v1 import decision_service_pb2 as service_pb
from decision_service.api.v1 import notice_service_pb2 as notice_pb
from decision_service.api.v1 import outcome_service_pb2 as outcome_pb
from decision_service.api.v1 import review_service_pb2 as pb
from decision_service.api.v1.applicant_service_pb2_grpc import ApplicantServiceStub
from decision_service.api.v1.decision_service_pb2_grpc import DecisionServiceStub
from decision_service.api.v1.notice_service_pb2_grpc import NoticeServiceStub
from decision_service.api.v1.outcome_service_pb2_grpc import OutcomeServiceStub
from decision_service.api.v1.review_service_pb2_grpc import ReviewServiceStub
from decision_service.api.v1.values_pb2 import InputValue
from decision_service.runtime.clock import SystemClock
from decision_service.smile.events import PATH, signature
from decision_service.standin.faults import Fault
from decision_service.standin.linking import LinkSessions
from decision_service.standin.sandbox import SandboxPerson, sandbox_people
from decision_service.standin.server import Simulator, build_app, serve
from decision_service.store.keys import IDENTITY_KEYS
from decision_service.store.seals import JOURNAL_KEYS
from tests.e2e.process import serving
from tests.e2e.service import ROOT, Running, at_vendor, create, running
from tests.e2e.team import Metadata, Team, bearer
from tests.kits.cases import until
from tests.unit.cli.commands import Done, command

BOTH_STORES = pytest.mark.parametrize(
    "url", ["sqlite", pytest.param("postgresql", marks=pytest.mark.long)], indirect=True
)
"""A way on SQLite is walked at every `make test`, on PostgreSQL with the long tests."""

GEORGE, RYAN, CHRISTINA, ANISHA = (person.user_id for person in sandbox_people())

# An office: a loan system, reviewers, and who does both

SECRET = "one of the vendor's"
SETTINGS = {
    "webhook_secrets": SECRET,
    "http_address": "127.0.0.1:0",
}


class Office:
    """A service with its people, each with a token."""

    def __init__(self, live: Running, vendor: Simulator, *people: Metadata) -> None:
        self.live, self.vendor = live, vendor
        self.los, self.ana, self.ben, *others = people
        self.counter = others[0] if others else self.los
        self.stub = ReviewServiceStub(live.channel)
        self.decisions = DecisionServiceStub(live.channel)

    async def decided(
        self, user_id: str, units: int = 20_000, term: int = 6, **inputs: InputValue
    ) -> Any:
        """A new decision."""
        amount = Money(currency_code="PHP", units=units)
        request = create(
            user_id, requested_amount=amount, requested_term_months=term, inputs=inputs
        )
        reply = await self.decisions.CreateDecision(request, metadata=self.los)
        return reply.decision

    async def read(self, decision_id: str, *, full: bool = False) -> decision_pb2.Decision:
        """A decision as its caller reads it later."""
        view = decision_pb2.DECISION_VIEW_FULL if full else decision_pb2.DECISION_VIEW_BASIC
        request = service_pb.GetDecisionRequest(decision_id=decision_id, view=view)
        found: decision_pb2.Decision = (
            await self.decisions.GetDecision(request, metadata=self.los)
        ).decision
        return found

    async def claimed(self, review_id: str, who: Metadata) -> pb.Review:
        request = pb.ClaimReviewRequest(review_id=review_id)
        claimed: pb.Review = (await self.stub.ClaimReview(request, metadata=who)).review
        return claimed

    async def complete(self, review_id: str, who: Metadata, **changes: Any) -> pb.Review:
        """A completed review, an approval of 15,000 unless another result is given."""
        request = completion(review_id, **changes)
        completed: pb.Review = (await self.stub.CompleteReview(request, metadata=who)).review
        return completed

    async def confirm(self, review_id: str, who: Metadata) -> pb.Review:
        """A result that a second person confirmed."""
        request = pb.ConfirmReviewRequest(review_id=review_id, request_id=f"c-{review_id}")
        confirmed: pb.Review = (await self.stub.ConfirmReview(request, metadata=who)).review
        return confirmed

    async def approved_by_two(self, user_id: str, units: int = 25_000) -> decision_pb2.Decision:
        """A referral that Ana proposed to approve and Ben confirmed."""
        made = await self.decided(user_id, 30_000)
        assert made.refer_kind == decision_pb2.REFER_KIND_SCORE
        (review_id,) = (await self.read(made.decision_id)).review.review_ids
        await self.claimed(review_id, self.ana)
        amount = Money(currency_code="PHP", units=units)
        await self.complete(review_id, self.ana, approved_amount=amount)
        await self.confirm(review_id, self.ben)
        return await self.read(made.decision_id)

    async def decided_again(self, first: decision_pb2.Decision) -> decision_pb2.Decision:
        """What was decided once the missing contributions had come."""
        self.vendor.faults.clear()
        await self.event(first.user_id, "TASK_FINISHED", datapoints=["CONTRIBUTIONS"])

        async def again() -> str:
            return (await self.read(first.decision_id)).review.decided_again_as

        return await self.read(await until(again), full=True)

    async def booked(self, made: decision_pb2.Decision, units: int, repaid: int) -> None:
        """The loan system reports a loan of today."""
        day = made.create_time.ToDatetime().date().isoformat()
        loan = outcome_pb.LoanOutcome(
            decision_id=made.decision_id,
            loan_id="LN-1",
            as_of_date=day,
            status=outcome_pb.LOAN_STATUS_BOOKED,
            disbursed_amount=Money(currency_code="PHP", units=units),
            disburse_date=day,
            instalment=Money(currency_code="PHP", units=4_900),
            repaid_amount=Money(currency_code="PHP", units=repaid),
        )
        stub = OutcomeServiceStub(self.live.channel)
        report = outcome_pb.RecordOutcomeRequest(outcome=loan)
        await stub.RecordOutcome(report, metadata=self.los)

    async def exposure(self, user_id: str) -> int:
        """What a further application of a person finds granted or owed."""
        made = await self.decided(user_id)
        seen = (await self.read(made.decision_id, full=True)).factor_values
        (exposure,) = (one for one in seen if one.name == "history.exposure")
        return exposure.value.money.units

    async def letter(self, decision_id: str, language: str = "fil") -> notice_pb.Notice:
        """The letter of what stands of a decision."""
        request = notice_pb.GetNoticeRequest(decision_id=decision_id, language=language)
        stub = NoticeServiceStub(self.live.channel)
        made: notice_pb.Notice = (await stub.GetNotice(request, metadata=self.los)).notice
        return made

    async def sent(self, letter: notice_pb.Notice) -> notice_pb.Notice:
        """A letter that was reported as sent, without that report."""
        told = notice_pb.RecordNoticeSentRequest(
            decision_id=letter.decision_id,
            kind=letter.kind,
            language=letter.language,
            channel="email",
            send_time=letter.create_time,
            review_id=letter.review_id,
        )
        stub = NoticeServiceStub(self.live.channel)
        noted: notice_pb.Notice = (await stub.RecordNoticeSent(told, metadata=self.los)).notice
        assert noted.channel == "email"
        for name in ("channel", "send_time", "sent_by"):
            noted.ClearField(name)
        return noted

    async def event(self, user_id: str, event_type: str, **data: Any) -> None:
        """An event as the vendor sends it."""
        event = {
            "id": f"et-{uuid.uuid4().hex}",
            "version": "v1",
            "type": event_type,
            "createdAt": "2026-11-24T04:00:00Z",
            "data": {"userId": user_id, **data},
        }
        body = json.dumps(event).encode()
        headers = {"smile-signature": signature(body, SECRET.encode())}
        async with httpx2.AsyncClient(base_url=self.live.service.http_url) as client:
            assert (await client.post(PATH, content=body, headers=headers)).status_code == 200


STANDS = (
    "result: APPROVE 25,000 PHP over 6 months, 4,925.43 PHP a month by a person (review_second)"
)
"""What is printed of a referral of 30,000 that two persons approved."""

NO_CONTRIBUTIONS = Fault("status", "/contributions", GEORGE, settings={"status": 503})


def final_at_once(folder: Path) -> Path:
    """A copy of the shipped rules whose desks give no time to withdraw a result."""
    target = folder / "rules-final-at-once"
    shutil.copytree(ROOT / "rules", target, ignore=shutil.ignore_patterns("stories"))
    for desk in target.glob("*/desk.yaml"):
        lines = desk.read_text(encoding="utf-8").splitlines(keepends=True)
        kept = [line for line in lines if not line.startswith("withdraw_within:")]
        assert len(kept) < len(lines)
        desk.write_text("".join(kept), encoding="utf-8")
    return target


def completion(review_id: str, **changes: Any) -> pb.CompleteReviewRequest:
    """A person's result."""
    fields: dict[str, Any] = {
        "review_id": review_id,
        "request_id": f"r-{review_id}",
        "outcome": decision_pb2.OUTCOME_APPROVE,
        "approved_amount": Money(currency_code="PHP", units=15_000),
        "reason": "INCOME_CONFIRMED",
        "explanation": "The employer confirms the income by telephone.",
    }
    return pb.CompleteReviewRequest(**(fields | changes))


@asynccontextmanager
async def office(
    folder: Path, store_url: str, *faults: Fault, **changed: str
) -> AsyncIterator[Office]:
    """A service on a store, with its people; what they decide is final at once.

    With other `rules_dir` than none it is so where its desks say so.
    """
    people = Team(folder)
    los = people.hire("los", "decide", "outcomes", "onboard_all")
    ana = people.hire("ana", "review", "read")
    ben = people.hire("ben", "review_second", "review", "read")
    counter = people.hire("counter", "decide", "review", "review_second", "read")
    people.hire("petra", "subject_access", "onboard_all")
    for name in ("mia", "nora"):
        people.hire(name, "review", "see_persons", "read")
    for name, token in people.tokens.items():
        (folder / f"{name}.token").write_text(token)
    IDENTITY_KEYS.add(folder / "identity-keys")
    keys = {"identity_key_file": str(folder / "identity-keys")}
    of_store = {"store_url": store_url, "auth_tokens_file": str(people.path)}
    if "rules_dir" not in changed:
        changed["rules_dir"] = str(final_at_once(folder))
    settings = SETTINGS | keys | of_store | changed
    async with at_vendor(folder, *faults, **settings) as (live, vendor):
        yield Office(live, vendor, los, ana, ben, counter)


async def typed(
    live: Running, folder: Path, capsys: pytest.CaptureFixture[str], who: str, *words: str | Path
) -> Done:
    """A command that somebody with a token in a folder runs against a service of this process."""
    at = ("--address", live.service.address, "--token-file", folder / f"{who}.token")
    with capture_logs():  # the service's own lines would be printed here as well
        return await asyncio.to_thread(command, capsys, *words, *at)


# A lender whose rules two persons release, in a process of its own


LOAN_SYSTEM = ("decide", "outcomes", "onboard_all")


ROLES = {
    "ana": ("review", "read"),
    "ben": ("review_second", "read"),
    "juan": ("rules",),
    "maria": ("rules_approve",),
    "olga": ("read",),
    "petra": ("subject_access", "onboard_all"),
}
"""Reviewers, two who release rules, an auditor, and who answers applicants."""

WAITS = ("RELEASE_STATE_WAITING", "RELEASE_STATE_CONFIRMED_ONCE")


@dataclass(frozen=True, slots=True)
class Lender:
    """The office, its folder with rules, callers and tokens, and the store's URL."""

    office: Office
    folder: Path
    store_url: str
    capsys: pytest.CaptureFixture[str]

    @property
    def rules(self) -> Path:
        """The folder that persons edit."""
        return self.folder / "rules"

    def deliver(self) -> None:
        """Put a copy of it before the service, whole and at once."""
        served = self.folder / f"served-{uuid.uuid4().hex[:8]}"
        shutil.copytree(self.rules, served)
        fresh = self.folder / "served.new"
        fresh.symlink_to(served)
        fresh.replace(self.folder / "served")

    async def run(self, *words: str | Path) -> Done:
        return await asyncio.to_thread(command, self.capsys, *words)

    async def ask(self, who: str, *words: str | Path) -> str:
        """What a command prints that a person runs against the service."""
        token = self.folder / f"{who}.token"
        at = ("--address", self.office.live.service.address, "--token-file", token)
        done = await self.run(*words, *at)
        assert done.code == 0, done.err
        return done.out

    async def read(self, who: str, *words: str | Path) -> Any:
        """The same in JSON."""
        return json.loads(await self.ask(who, *words, "--format", "json"))

    async def waiting(self) -> Any:
        """The one release that waits for a person, as Juan is shown it."""

        async def waits() -> list[Any]:
            listed = await self.read("juan", "rules", "releases")
            return [one for one in listed.get("releases", []) if one["state"] in WAITS]

        [found] = await until(waits)
        return await self.read("juan", "rules", "show", found["digest"])

    async def confirm(self, who: str, shown: Any, *more: str | Path) -> Done:
        """Confirm what was shown, every loosening accepted."""
        token = ("--token-file", self.folder / f"{who}.token")
        at = ("--address", self.office.live.service.address, *token)
        names = [one["name"] for one in shown.get("loosenings", [])]
        ticked = [word for name in names for word in ("--accepted", name)]
        seen = ("--position", str(shown.get("position", 0)), "--why", "read and understood")
        digest = shown["release"]["digest"]
        return await self.run("rules", "confirm", digest, *seen, *ticked, *more, *at)

    async def released(self) -> None:
        """The folder is delivered; Juan confirms the release that waits, then Maria."""
        self.deliver()
        shown = await self.waiting()
        for who in ("juan", "maria"):
            done = await self.confirm(who, shown)
            assert done.code == 0, done.err


@asynccontextmanager
async def lender(
    folder: Path, store_url: str, capsys: pytest.CaptureFixture[str], *faults: Fault
) -> AsyncIterator[Lender]:
    """A service that decides by what two persons released, with everybody who works with it."""
    team = _hired(folder)
    shutil.copytree(ROOT / "rules", folder / "rules", ignore=shutil.ignore_patterns("gig-*"))
    (folder / "rules" / "policy.yaml").write_text("floors: {figures: 0}\n")  # spares minutes
    IDENTITY_KEYS.add(folder / "identity-keys")
    JOURNAL_KEYS.add(folder / "journal-keys")
    settings = {
        "smile_mode": "sandbox",
        "smile_api_key": "k",
        "smile_api_secret": "s",
        "drain_delay": "0s",
        "webhook_secrets": SECRET,
        "http_address": "127.0.0.1:0",
        "identity_key_file": str(folder / "identity-keys"),
        "journal_key_file": str(folder / "journal-keys"),
        "rules_dir": str(folder / "served"),
        "require_approval": "true",
        "store_url": store_url,
        "auth_tokens_file": str(team.path),
    }
    Lender(None, folder, store_url, capsys).deliver()  # type: ignore[arg-type]  # nothing is asked
    app = build_app(api_key="k", api_secret="s", faults=faults)
    async with AsyncExitStack() as stack:
        base_url = await stack.enter_async_context(serve(app))
        started = serving(folder, smile_base_url=base_url, **settings)
        service = await asyncio.to_thread(stack.enter_context, started)
        channel = await stack.enter_async_context(grpc.aio.insecure_channel(service.address))
        live = Running(service, channel, DecisionServiceStub(channel))  # type: ignore[arg-type]  # a process
        people = (bearer(team.tokens[name]) for name in ("los", "ana", "ben"))
        lends = Lender(Office(live, app, *people), folder, store_url, capsys)
        await lends.released()
        yield lends


def _hired(folder: Path) -> Team:
    """Everybody with a token, in a file of the same name."""
    team = Team(folder)
    for name, roles in {"los": LOAN_SYSTEM, **ROLES}.items():
        team.hire(name, *roles)
        (folder / f"{name}.token").write_text(team.tokens[name])
    return team


# A first sync that runs while an application comes


ADVANCE: dict[str, Any] = {
    "product": "gig-advance-ph",
    "requested_amount": Money(currency_code="PHP", units=3000),
    "requested_term_months": 1,
}


class Syncing:
    """A service, and a stand-in whose clock a test moves."""

    def __init__(self, collecting: timedelta) -> None:
        self.ahead = timedelta(0)
        self.vendor = build_app(
            api_key="k",
            api_secret="s",
            clock=lambda: SystemClock().now() + self.ahead,
            collecting=collecting,
        )
        self.live: Running

    def connected(self, person: SandboxPerson, provider: str, ago: timedelta) -> str:
        """A new user who has connected an account of a sandbox person so long ago."""
        user_id = self.vendor.tenant.create_user({}).id
        self.connect(user_id, person, provider, ago)
        return user_id

    def connect(self, user_id: str, person: SandboxPerson, provider: str, ago: timedelta) -> None:
        """Connect an account of a sandbox person for a user so long ago."""
        self.ahead = -ago
        tenant = self.vendor.tenant
        linking = LinkSessions(tenant)
        session, _ = linking.open(tenant.issue_token(user_id)["accessToken"])
        account = linking.begin(session, provider, person.user_name, person.password)
        linking.confirm(session, account.id, person.code)
        self.ahead = timedelta(0)

    async def decided(self, asked: service_pb.CreateDecisionRequest) -> decision_pb2.Decision:
        return (await self.live.stub.CreateDecision(asked, timeout=30)).decision


@asynccontextmanager
async def syncing(folder: Path, collecting: timedelta, **settings: str) -> AsyncIterator[Syncing]:
    """A service at a stand-in where each first sync takes so long."""
    desk = Syncing(collecting)
    vendor = {"smile_mode": "sandbox", "smile_api_key": "k", "smile_api_secret": "s"}
    async with serve(desk.vendor) as url:
        asked = {**vendor, "smile_base_url": url, "drain_delay": "0s", **settings}
        async with running(folder, **asked) as desk.live:
            yield desk


# What a product needs of an applicant

FILIPINO = (("accept-language", "fil-PH"),)


def people_of(live: Running) -> ApplicantServiceStub:
    return ApplicantServiceStub(live.channel)


async def needs_of(live: Running, user_id: str, **known: str) -> dict[str, people_pb.ProductNeed]:
    """What each product needs of an applicant, in Filipino."""
    asked = people_pb.GetApplicantRequest(user_id=user_id, **known)
    seen = await people_of(live).GetApplicant(asked, metadata=FILIPINO)
    return {one.product: one for one in seen.applicant.product_needs}


def named(lacking: list[people_pb.LackingKind]) -> dict[str, list[str]]:
    """Who is asked for, by kind of data."""
    return {one.data_kind: [each.name for each in one.providers] for one in lacking}
