"""Decides a story as the service does, and shows what differs: vendor, factors, shipped rules."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from msgspec.structs import asdict

from decision_service.decide.admit import bound_inputs
from decision_service.domain.accounts import Kind
from decision_service.domain.decision import Verdict
from decision_service.domain.errors import DataNotReady, InputInvalid
from decision_service.domain.factor import Factors, Input
from decision_service.domain.snapshot import Snapshot
from decision_service.domain.values import Missing, Month, to_major
from decision_service.factors.compute import compute, fetch_plan, needs_with
from decision_service.factors.match import people_read, with_match
from decision_service.factors.pay_watches import watched
from decision_service.rulebook.stories import figure_differences, shown_value
from decision_service.rules.evaluate import Facts, evaluate
from decision_service.rules.inputs import as_sent
from decision_service.smile.source import SmileSource
from tests.stories.reading import ServiceStory, Waiting, shipped
from tests.unit.smile.vendor import Vendor, problem
from tests.unit.smile.virtual import run

USER = "tenantId-00000000000000000000000000000014"
_GOVERNMENT = ("IDENTITIES", "EMPLOYMENTS", "CONTRIBUTIONS", "EINCOMES", "LIABILITIES")
_PAYROLL = ("IDENTITIES", "EMPLOYMENTS", "INCOMES")
_PLATFORM = ("IDENTITIES", "TRANSACTIONS")
PROVIDERS: dict[str, tuple[str, str, tuple[str, ...]]] = {
    "sss_ph": ("SSS", "GOVERNMENT", _GOVERNMENT),
    "gsis_ph": ("GSIS", "GOVERNMENT", _GOVERNMENT),
    "pagibig_ph": (
        "Pag-IBIG Fund",
        "GOVERNMENT",
        ("IDENTITIES", "EMPLOYMENTS", "CONTRIBUTIONS", "LIABILITIES"),
    ),
    "philhealth_ph": (
        "PhilHealth",
        "GOVERNMENT",
        ("IDENTITIES", "EMPLOYMENTS", "CONTRIBUTIONS", "EINCOMES"),
    ),
    "sprout_ph": ("Sprout", "SYSTEM", _PAYROLL),
    "salarium_ph": ("Salarium", "SYSTEM", _PAYROLL),
    "payruler_ph": ("PayRuler", "SYSTEM", _PAYROLL),
    "jollikusina_ph": ("Jollikusina", "EMPLOYER", _PAYROLL),
    "grab_ph": ("Grab", "GIG", (*_PLATFORM, "EINCOMES")),
    "lalamove_ph": ("Lalamove", "GIG", _PLATFORM),
    "foodpanda_ph": ("foodpanda", "GIG", _PLATFORM),
    "angkas_ph": ("Angkas", "GIG", _PLATFORM),
    "gcash_ph": ("GCash", "SYSTEM", _PLATFORM),
}
"""The vendor's own list, each with what people call it; any other provider is unlisted."""

NAMES = {
    "incomes": {
        "start": "startDate", "end": "endDate", "base": "baseAmount", "gross": "grossAmount",
        "net": "netAmount",
    },
    "employments": {"start": "startDate", "end": "endDate", "reported": "reportedDate"},
    "liabilities": {
        "start": "startDate", "end": "endDate", "loan_amount": "loanAmount",
        "amortization": "amortizationAmount", "amortization_frequency": "amortizationFrequency",
        "outstanding": "outstandingBalance", "overdue": "overduePaymentAmount",
        "next_payment": "nextPaymentAmount",
    },
    "tasks": {"started": "startedAt", "finished": "finishedAt"},
}  # fmt: skip
"""The vendor's names of fields, where ours are others."""

AMOUNTS = frozenset(
    {"amount", "base", "gross", "net", "loan_amount", "amortization", "outstanding", "overdue"}
)
Json = dict[str, Any]


def vendor_of(story: ServiceStory) -> Vendor:
    """The vendor as the story tells it; a list that fails answers 503 every time."""
    snapshot, moment = story.rules.snapshot, stamp(story.rules.case.as_of.instant)
    origins = {one.id: _metadata(one, "ACCOUNT", moment) for one in snapshot.accounts}
    for one in snapshot.sources:
        origins[one.id] = _metadata(one, one.type, stamp(one.newest_created_at))
    lists = {
        "insights" if name == "links" else name: [
            {**_item(name, record), "metadata": origins[record.source]}
            for record in getattr(snapshot, name).records
        ]
        for name in (*(kind.value for kind in Kind if kind is not Kind.ACCOUNTS), "tasks")
    }
    for item, person in zip(lists["identities"], snapshot.identities.people, strict=True):
        item["fullName"] = person.name
        item["phones"] = [{"number": one, "type": "Mobile"} for one in person.phones]
        item["emails"] = [{"address": one, "type": "Primary"} for one in person.emails]
    providers = [
        {"id": name, "name": called, "type": kind, "supported": list(supported)}
        for name, (called, kind, supported) in PROVIDERS.items()
    ]
    accounts = [_listed(one) for one in snapshot.accounts]
    vendor = Vendor(accounts=accounts, providers=providers, **lists)
    vendor.users = {USER}
    for name in story.failing:
        vendor.each(f"/{name}", problem(503))
    return vendor


def stamp(moment: datetime) -> str:
    """A moment as the vendor spells it."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _metadata(origin: Any, kind: str, created: str) -> Json:
    about = {"sourceId": origin.id, "sourceType": kind, "providerId": origin.provider_id}
    return {"createdAt": created, "userId": USER, **about}


def _item(kind: str, record: Any) -> Json:
    """A record with the vendor's names of its fields."""
    currency = getattr(record, "currency", "")
    found = {}
    for name, value in asdict(record).items():
        if name in AMOUNTS and value is not None:
            value = float(to_major(value, currency))
            value = int(value) if value.is_integer() else value
        elif name == "month":
            value = str(Month(value))
        elif isinstance(value, datetime):
            value = stamp(value)
        elif isinstance(value, date):
            value = value.isoformat()
        found[NAMES.get(kind, {}).get(name, name)] = value
    if kind == "incomes":
        del found["paid"]  # the vendor's payroll incomes carry no pay date
    if kind == "tasks":
        found["datapoints"] = ["EINCOMES"] if record.saved else []
    if kind == "identities":
        found["dob"] = found.pop("birth_date")
    if kind == "links":
        features = {f"link_day{days}_count": count for days, count in record.counts}
        found = {"id": record.id, "features": features, "cutoffTime": "2026-01-01T00:00:00Z"}
    return found


def _listed(account: Any) -> Json:
    changed, read = account.connection_updated_at, account.monitor_updated_at
    status = account.connection_status
    connection = {"status": status, "errorCode": account.error_code}
    return {
        "id": account.id,
        "createdAt": account.created_at and stamp(account.created_at),
        "providerId": account.provider_id,
        "userId": USER,
        "connectionStatus": status,
        "connection": {**connection, "updatedAt": changed and stamp(changed)},
        "monitorStatus": account.monitor_status,
        "monitor": {"updatedAt": stamp(read)} if read else None,
    }


_PATIENCE = 60.0


@dataclass(frozen=True)
class Decided:
    """What came of a story: a verdict on facts, or an error of the service.

    `factors` are the facts' own with their sources, `snapshot` what they were computed from.
    """

    verdict: Verdict | None
    facts: Facts | None
    error: InputInvalid | DataNotReady | None = None
    factors: Factors | None = None
    snapshot: Snapshot | None = None


class _Clock:
    """The loop's time, and the story's moment as the wall's."""

    def __init__(self, moment: datetime) -> None:
        self._now = moment.astimezone(UTC)

    def monotonic(self) -> float:
        return asyncio.get_running_loop().time()

    def now(self) -> datetime:
        return self._now


def decide(story: ServiceStory) -> Decided:
    ruleset, case = story.rules.ruleset, story.rules.case
    try:
        sent = as_sent(ruleset, case.given.inputs, case.as_of.date)
        inputs = bound_inputs(shipped().product(story.product), ruleset, sent, case.as_of)
        return run(_decided(story, inputs))
    except (InputInvalid, DataNotReady) as error:
        return Decided(None, None, error)


async def _decided(story: ServiceStory, inputs: Mapping[str, Input]) -> Decided:
    rules, ruleset, as_of = story.rules, story.rules.ruleset, story.rules.case.as_of
    needs, clock = needs_with(ruleset.needs, inputs), _Clock(as_of.instant)
    transport = vendor_of(story).transport()
    source = SmileSource("http://vendor.test/v1", "key", "secret", clock, transport=transport)
    try:
        await source.refresh_providers()
        gathering = await source.gather(
            USER,
            fetch_plan(needs, as_of),
            as_of=as_of.instant,
            stop_at=clock.monotonic() + _PATIENCE,
            wait_until=clock.monotonic(),
            known=story.known,
            fallback=needs.policy.provider_types,
        )
    finally:
        await source.aclose()
    snapshot = watched(gathering.snapshot, rules.snapshot)
    people = people_read(snapshot, needs, as_of)
    own = with_match(rules.own, rules.applicant, people)
    factors = compute(snapshot, needs, as_of, own)
    facts = Facts(factors.values, inputs, as_of)
    return Decided(evaluate(ruleset, facts), facts, factors=factors, snapshot=snapshot)


Line = tuple[str, str, str]
"""A field, what is expected of it, what came."""


def differences(story: ServiceStory, decided: Decided) -> list[Line]:
    """Everything in which the decision is not the story's."""
    verdict, case = decided.verdict, story.rules.case
    if story.refused is not None or verdict is None:
        return list(_refusal(story, decided))
    told = (*case.expectation.differences(verdict), *figure_differences(case, decided.facts))
    found: list[Line] = [(d.field, d.expected, d.actual) for d in told]
    named = {reason.factor for reason in verdict.reasons}
    if not set(story.about) <= named:
        found.append(("about", ", ".join(story.about), ", ".join(sorted(named)) or "none"))
    if story.waits_for is not None:
        found += _waiting(story, story.waits_for, verdict)
    return found


def _refusal(story: ServiceStory, decided: Decided) -> Iterator[Line]:
    refused, error = story.refused, decided.error
    if refused is None:
        yield "outcome", str(story.outcome), f"refused: {error}"
    elif error is None:
        outcome = decided.verdict.outcome if decided.verdict else "none"
        yield "outcome", "the request is refused", str(outcome)
    elif refused.not_ready is isinstance(error, InputInvalid):
        yield "refused", "data not ready" if refused.not_ready else "a field", str(error)
    elif isinstance(error, InputInvalid) and refused.field is not None:
        fields = {problem.field for problem in error.problems}
        if refused.field not in fields:
            yield "refused.field", refused.field, ", ".join(sorted(fields))


def _waiting(story: ServiceStory, waits: Waiting, verdict: Verdict) -> Iterator[Line]:
    found = [one.missing for one in verdict.data_requests if one.missing.month is not None]
    if not any(_is(waits, missing) for missing in found):
        told = "; ".join(sorted({_awaited(missing) for missing in found})) or "nothing"
        account = f" by {waits.account}" if waits.account else ""
        yield "waits_for", f"{waits.month}{account}, due {waits.due or 'whenever'}", told


def _is(waits: Waiting, missing: Missing) -> bool:
    same_month = missing.month == waits.month.index
    same_day = waits.due is None or missing.due == waits.due
    same_source = waits.account is None or f"a-{waits.account}" == missing.source
    return same_month and same_day and same_source


def _awaited(missing: Missing) -> str:
    return f"{Month(missing.month or 0)} by {missing.source}, due {missing.due}"


def explained(story: ServiceStory, decided: Decided, found: list[Line]) -> str:
    """The whole story of a failure, for whoever reads the test's output."""
    lines = [f"{story.path}: {story.title}", ""]
    lines += [f"  {name}: expected {expected}, got {actual}" for name, expected, actual in found]
    verdict = decided.verdict
    if verdict is not None:
        lines += ["", "  reasons", *_reasons(verdict), "", "  asked for", *_requests(verdict)]
        scores = (f"    {s.scorecard} {s.score} to {s.best_score} {s.band}" for s in verdict.scores)
        lines += ["", "  scores", *scores, "", "  factors", *_factors(decided)]
    return "\n".join([*lines, "", f"  why: {story.why}"])


def _reasons(verdict: Verdict) -> Iterator[str]:
    for one in verdict.reasons:
        yield f"    {one.code}: {one.factor} is {one.actual or '?'}, needs {one.required or '?'}"


def _requests(verdict: Verdict) -> Iterator[str]:
    for one in verdict.data_requests:
        awaited = f" ({_awaited(one.missing)})" if one.missing.month is not None else ""
        yield f"    {one.factor}: {one.missing.cause}{awaited}"


def _factors(decided: Decided) -> Iterator[str]:
    """Those that the reasons name first."""
    named = {r.factor for r in decided.verdict.reasons} if decided.verdict else set()
    factors = decided.facts.factors
    for name in sorted(factors, key=lambda n: (n not in named, n)):
        yield f"    {'*' if name in named else ' '} {name} = {shown_value(factors[name])}"
