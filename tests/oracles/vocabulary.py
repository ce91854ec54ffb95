"""The words that made-up applicants are made of."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from decision_service.domain.missing import Cause
from decision_service.domain.needs import (
    ClassRule,
    TransactionClass,
)
from decision_service.domain.snapshot import (
    Provider,
)

CURRENCY = "PHP"
PROVIDERS = (
    Provider(
        "sss_ph",
        "GOVERNMENT",
        ("IDENTITIES", "EMPLOYMENTS", "CONTRIBUTIONS", "EINCOMES", "LIABILITIES"),
    ),
    Provider(
        "philhealth_ph", "GOVERNMENT", ("IDENTITIES", "EMPLOYMENTS", "CONTRIBUTIONS", "EINCOMES")
    ),
    Provider(
        "pagibig_ph", "GOVERNMENT", ("IDENTITIES", "EMPLOYMENTS", "CONTRIBUTIONS", "LIABILITIES")
    ),
    Provider("grab_ph", "GIG", ("IDENTITIES", "TRANSACTIONS")),
    Provider("lalamove_ph", "GIG", ("IDENTITIES", "TRANSACTIONS")),
    Provider("foodpanda_ph", "GIG", ("IDENTITIES", "TRANSACTIONS")),
    Provider("upwork", "GIG", ("IDENTITIES", "TRANSACTIONS", "EMPLOYMENTS", "INCOMES", "EINCOMES")),
    Provider("sprout_ph", "SYSTEM", ("IDENTITIES", "EMPLOYMENTS", "INCOMES")),
)
BY_ID = {provider.id: provider for provider in PROVIDERS}
ZONES = tuple(ZoneInfo(name) for name in ("Asia/Manila", "Asia/Kolkata", "America/Los_Angeles"))
EMPLOYERS = (
    "Acme Corp",
    "ACME  CORP",
    " acme corp ",
    "Bayan Calls, Inc.",
    "Straße GmbH",
    "STRASSE GMBH",
    None,
    "",
)
FREQUENCIES = (
    "Hourly",
    "Daily",
    "Weekly",
    "Semimonthly",
    "Monthly",
    "Bimonthly",
    "Quarterly",
    "Annually",
    "Variable",
    "Unspecified",
    None,
    "Fortnightly",
)
FAULTS = (Cause.SOURCE_FAILED, Cause.NOT_FETCHED, Cause.BAD_DATA, Cause.CHANGED_WHILE_READING)
CLASSES = (
    ClassRule("*", ("loan", "advance"), 0, TransactionClass.LOAN),
    ClassRule("grab_*", ("top up", "top-up"), 1, TransactionClass.TOP_UP),
    ClassRule("*", ("cash out", "withdraw"), -1, TransactionClass.WITHDRAWAL),
    ClassRule("*", ("reversal", "chargeback"), 0, TransactionClass.REVERSAL),
    ClassRule("*", ("commission", "fee"), 0, TransactionClass.FEE),
    ClassRule("lalamove_*", ("order", "tip"), 1, TransactionClass.EARNING),
    ClassRule("*", ("trip", "delivery", "bonus"), 1, TransactionClass.EARNING),
    ClassRule("foodpanda_*", (), 1, TransactionClass.EARNING),
    ClassRule("*", ("adjust",), 0, TransactionClass.OTHER),
)
WORDS = (
    ("Trip fare", 1), ("Delivery #1", 1), ("WEEKLY BONUS", 1), ("Order 77", 1), ("Trip fare", 1),
    ("Platform commission", -1), ("Service FEE", -1), ("Fee refund", 1), ("Cash out to bank", -1),
    ("Reversal of trip", -1), ("Top up", 1), ("Loan advance", 1), ("Adjustment", 1),
)  # fmt: skip
