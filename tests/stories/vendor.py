"""The vendor of one story: it answers every list."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

from msgspec.structs import asdict

from decision_service.domain.accounts import Kind
from decision_service.domain.values import Month, to_major
from tests.stories.story import ServiceStory
from tests.unit.smile.vendor import Vendor, problem

USER = "tenantId-00000000000000000000000000000014"
_GOVERNMENT = ("IDENTITIES", "EMPLOYMENTS", "CONTRIBUTIONS", "EINCOMES", "LIABILITIES")
_PAYROLL = ("IDENTITIES", "EMPLOYMENTS", "INCOMES")
_PLATFORM = ("IDENTITIES", "TRANSACTIONS")
PROVIDERS: dict[str, tuple[str, tuple[str, ...]]] = {
    "sss_ph": ("GOVERNMENT", _GOVERNMENT),
    "gsis_ph": ("GOVERNMENT", _GOVERNMENT),
    "pagibig_ph": ("GOVERNMENT", ("IDENTITIES", "EMPLOYMENTS", "CONTRIBUTIONS", "LIABILITIES")),
    "philhealth_ph": ("GOVERNMENT", ("IDENTITIES", "EMPLOYMENTS", "CONTRIBUTIONS", "EINCOMES")),
    "sprout_ph": ("SYSTEM", _PAYROLL),
    "salarium_ph": ("SYSTEM", _PAYROLL),
    "payruler_ph": ("SYSTEM", _PAYROLL),
    "jollikusina_ph": ("EMPLOYER", _PAYROLL),
    "grab_ph": ("GIG", (*_PLATFORM, "EINCOMES")),
    "lalamove_ph": ("GIG", _PLATFORM),
    "foodpanda_ph": ("GIG", _PLATFORM),
    "angkas_ph": ("GIG", _PLATFORM),
    "gcash_ph": ("SYSTEM", _PLATFORM),
}
"""The vendor's own list; a provider that does not stand here is unlisted."""
CALLED = {
    "sss_ph": "SSS",
    "gsis_ph": "GSIS",
    "pagibig_ph": "Pag-IBIG Fund",
    "philhealth_ph": "PhilHealth",
    "sprout_ph": "Sprout",
    "salarium_ph": "Salarium",
    "payruler_ph": "PayRuler",
    "jollikusina_ph": "Jollikusina",
    "grab_ph": "Grab",
    "lalamove_ph": "Lalamove",
    "foodpanda_ph": "foodpanda",
    "angkas_ph": "Angkas",
    "gcash_ph": "GCash",
}
"""What people call them, as the same list says."""
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
        {"id": name, "name": CALLED[name], "type": kind, "supported": list(supported)}
        for name, (kind, supported) in PROVIDERS.items()
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
