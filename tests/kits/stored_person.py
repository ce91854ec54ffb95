"""A person of whom every table of the store holds something, and another of the same account."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from decision_service.api.v1 import decision_pb2 as pb
from decision_service.api.v1 import decision_service_pb2 as service_pb
from decision_service.casework.letters import Sending, StoredNotice
from decision_service.casework.onboarding import Applicant, IssuedToken
from decision_service.casework.outcomes import LoanOutcome, LoanStatus
from decision_service.casework.review_steps import By, note
from decision_service.decide.application import HistoryKeys, history_keys, user_key
from decision_service.decide.codec import (
    StoredFacts,
    encode_facts,
    inputs_to_wire,
    pack_factors,
    snapshot_body,
)
from decision_service.decide.events import Event
from decision_service.domain.accounts import Kind
from decision_service.domain.decision import Arm, Assignment, EnrolmentReason, ListAnswer, Outcome
from decision_service.domain.factor import Evidence, Factors, FactorValue
from decision_service.domain.person import FoundPerson, History, OwnFacts, Reuse
from decision_service.domain.ports import (
    ArmDecision,
    DecisionEntry,
    Disconnected,
    Grant,
    HistoryEntry,
    WarmMark,
)
from decision_service.domain.reviews import NO_POLICY, ReviewCase
from decision_service.domain.snapshot import Account, EstimatedIncome, Identity, Read, Snapshot
from decision_service.domain.values import Money, Month
from decision_service.outbox.events import EventFilter
from decision_service.outbox.subscriptions import Subscription
from decision_service.store.store import Store
from tests.kits.arm_figures import paired
from tests.kits.decision_log import NOON, numbered
from tests.kits.history_log import SECRET
from tests.kits.review_log import LETTER
from tests.kits.warm_log import PLAN

_NOBODY = 65534


@contextmanager
def plain_user() -> Iterator[None]:
    """Give up root's rights for a while; does nothing where there are none."""
    before = os.geteuid()
    if before == 0:
        os.seteuid(_NOBODY)
    try:
        yield
    finally:
        if before == 0:
            os.seteuid(0)


@contextmanager
def reachable_folder() -> Iterator[Path]:
    """A temporary folder of the plain user's own, unlike pytest's, which only root can enter."""
    with plain_user(), TemporaryDirectory() as name:
        yield Path(name)


ANA, BEN = "user-ana", "user-ben"
SHARED = "a-shared"
DAY = timedelta(days=1)
RULE_TEXT = "score above 620"
_FOLLOWER = Subscription("los", "http://127.0.0.1:9/", EventFilter(), ())


def snapshot(user_id: str, records: int = 3) -> Snapshot:
    """A reading of the shared account with a name and some estimated incomes."""
    months = [Month.of(NOON.date()).plus(-number) for number in range(records)]
    incomes = (
        EstimatedIncome(f"{user_id}-income-{number}", SHARED, month.index, "PHP", 1_234_500)
        for number, month in enumerate(months)
    )
    name = FoundPerson(f"Name of {user_id}", date(1990, 1, 2), ("+63 900",), (), SHARED)
    identity = Identity(f"{user_id}-identity", SHARED, date(1990, 1, 2))
    return Snapshot(
        user_id,
        (Account(SHARED, "bayancalls_ph", "CONNECTED"),),
        eincomes=Read(tuple(incomes)),
        identities=Read((identity,), people=(name,)),
    )


def keys_of(user_id: str) -> HistoryKeys:
    """The keys of a decision on the shared account."""
    return history_keys(user_id, "los", f"C-{user_id}", (SECRET,), (SHARED,), [user_id])


def decision(number: int, user_id: str, *, users: int = 1, **changes: Any) -> DecisionEntry:
    """A decline that counted the decisions of `users` users of the account."""
    of = {"customer_ref": f"C-{user_id}", "application_id": f"APP-{user_id}-{number}"}
    entry = numbered(number, user_id=user_id, caller="los", product="personal-loan-ph", **of)
    own = {"facts": _facts(users), "reply": _reply(entry)}
    return numbered(number, **{**_fields(entry), **own, "outcome": Outcome.DECLINE, **changes})


def _fields(entry: DecisionEntry) -> dict[str, Any]:
    names = ("user_id", "caller", "product", "customer_ref", "application_id")
    return {name: getattr(entry, name) for name in names}


def _reply(entry: DecisionEntry) -> bytes:
    """In FULL view, with a reason by a shared figure and a tag that is told to nobody."""
    reason = {"code": "OWED", "message": "Too much is owed", "points_lost": "12"}
    reason |= {"factor": "history.exposure", "actual": "₱ 777.00", "required": RULE_TEXT}
    told = pb.Decision(
        decision_id=entry.decision_id,
        request_id=entry.request_id,
        user_id=entry.user_id,
        product=entry.product,
        outcome=pb.OUTCOME_DECLINE,
        reasons=[pb.Reason(**reason)],
        scores=[pb.Score(scorecard="stability", score="260", best_score="300", band="D")],
        tags=["thin_file"],
        withheld_tags=["secret_signal"],
        rule_traces=[pb.RuleTrace(stage="policy", rule="secret_rule")],
        list_answers=[pb.ListAnswer(list="secret_list", input="phone", listed=True)],
    )
    told.create_time.FromDatetime(entry.created)
    return service_pb.CreateDecisionResponse(decision=told).SerializeToString()


def _facts(users: int) -> bytes:
    values = (
        FactorValue("income.latest", Money("PHP", 1_234_500), (), Evidence(1, top=("income-0",))),
        FactorValue("history.exposure", Money("PHP", 77_700)),
        FactorValue("reuse.users_of_account", users),
    )
    factors = Factors({one.name: one for one in values}, {}, (), NOON)
    return encode_facts(
        StoredFacts(
            instant=NOON,
            zone="Asia/Manila",
            assignment=Assignment("p", True, EnrolmentReason.IN_STAGE, "9c" * 32, "all", 100_000),
            inputs=inputs_to_wire({"requested_amount": Money("PHP", 2_000_000), "purpose": "rent"}),
            own=OwnFacts(History("PHP", exposure=77_700), Reuse(users, keyed=True)),
            withheld_tags=("secret_signal",),
            answers=(ListAnswer("secret_list", "phone", True, "9c" * 32),),
            packed_factors=pack_factors(factors),
        )
    )


async def fill(store: Store, user_id: str, number: int, *others: str) -> None:
    """Have every table hold rows of a user, whose second decision is filed under others too.

    The first decision's data was erased, with a disconnected account; the second one stands.
    """
    body = snapshot_body(snapshot(user_id))
    await store.outbox.collect(_FOLLOWER, NOON)  # it begins here, and is sent what comes next
    await store.commit(decision(number, user_id, snapshot=body))
    await store.erase(user_id, Disconnected(frozenset({SHARED}), NOON + 400 * DAY))
    applicant = Applicant("crm", f"CRM-{user_id}")
    await store.claim(applicant, NOON, NOON)
    await store.settle(applicant, user_id)
    await store.issued(IssuedToken(f"digest-{user_id}", user_id, NOON + DAY))
    event = Event(f"et-{user_id}", "9c" * 32, "EINCOMES_ADDED", user_id, SHARED, (Kind.EINCOMES,))
    await store.receive(event, NOON, quarantine=False)
    entry = await _standing(store, user_id, number + 1, others)
    await _belongings(store, entry)


async def _standing(
    store: Store, user_id: str, number: int, others: tuple[str, ...]
) -> DecisionEntry:
    body = snapshot_body(snapshot(user_id))
    keys = [*keys_of(user_id).all, *map(user_key, others)]
    past = await store.past(keys)
    told = tuple((key, past[key].last) for key in keys)
    arm = ArmDecision(user_id, Arm.CHAMPION, 1, hashed=True, pins=True, grant=Grant(500, "T1"))
    entry = decision(
        number,
        user_id,
        users=1 + len(others),
        created=NOON + DAY,
        snapshot=body,
        consent=1,
        warm=WarmMark(body.id, NOON + DAY, NOON + DAY, PLAN, NOON + DAY),
        arm=arm,
        history=HistoryEntry(told, "PHP", 5_000_000, 945_650, NOON + 14 * DAY),
    )
    await store.commit(entry)
    return entry


async def repay(store: Store, user_id: str, decision_id: str) -> None:
    """Report that the person's loan is repaid."""
    day = date(2026, 12, 2)
    report = LoanOutcome(decision_id, f"LN-{user_id}", day, LoanStatus.REPAID)
    await store.record_outcome(report, "los", NOON)


async def _belongings(store: Store, entry: DecisionEntry) -> None:
    """A report, a letter that was sent, a shadow's result, and a contest with a note."""
    report = LoanOutcome(
        entry.decision_id, f"LN-{entry.user_id}", date(2026, 12, 1), LoanStatus.BOOKED,
        Money("PHP", 5_000_000), date(2026, 11, 25), Money("PHP", 945_650), Money("PHP", 100),
    )  # fmt: skip
    await store.record_outcome(report, entry.caller, NOON)
    notice = StoredNotice(entry.decision_id, entry.caller, LETTER, "a" * 64, NOON, "staff-maria")
    await store.notices.record(notice)
    await store.notices.sent(notice.notice_id, Sending(NOON + DAY, "email", "staff-maria"))
    await store.put_pairs([paired(entry.decision_id)])
    case = ReviewCase(entry.decision_id, entry.caller, entry.user_id, entry.product, entry.outcome)
    los, maria = By("los", "q-1", NOON + DAY), By("staff-maria", "n-1", NOON + DAY)
    review = await store.reviews.contest(case, los, "My debts are repaid.", NO_POLICY)
    assert review is not None
    await store.reviews.step(review.review_id, lambda one, _: note(one, maria, "secret_signal"))
    await store.outbox.collect(_FOLLOWER, NOON)
