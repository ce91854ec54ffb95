"""The words that made-up applicants are made of."""

from __future__ import annotations

from datetime import date
from zoneinfo import ZoneInfo

from decision_service.domain.needs import ClassRule, SchemeCeiling, TransactionClass
from decision_service.domain.snapshot import Provider
from decision_service.domain.values import Cause

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
    Provider("grab_ph", "GIG", ("IDENTITIES", "TRANSACTIONS", "EINCOMES")),
    Provider("lalamove_ph", "GIG", ("IDENTITIES", "TRANSACTIONS")),
    Provider("foodpanda_ph", "GIG", ("IDENTITIES", "TRANSACTIONS")),
    Provider("upwork", "GIG", ("IDENTITIES", "TRANSACTIONS", "EMPLOYMENTS", "INCOMES", "EINCOMES")),
    Provider("sprout_ph", "SYSTEM", ("IDENTITIES", "EMPLOYMENTS", "INCOMES")),
    Provider("salarium_ph", "SYSTEM", ("IDENTITIES", "EMPLOYMENTS", "INCOMES")),
    Provider("files_ph", "SYSTEM", ("EMPLOYMENTS", "INCOMES", "EINCOMES")),
    Provider("gcash_ph", "SYSTEM", ("IDENTITIES", "TRANSACTIONS")),
)
BY_ID = {provider.id: provider for provider in PROVIDERS}
NOBODY_KNOWS = Provider("newpay_xx", "", ("EINCOMES", "INCOMES", "TRANSACTIONS", "EMPLOYMENTS"))
"""What an account of a provider in no list holds."""

HOLDS = {**BY_ID, NOBODY_KNOWS.id: NOBODY_KNOWS}
CONNECTED = {
    "sss_ph": 26,
    "sprout_ph": 20,
    "salarium_ph": 7,
    "grab_ph": 14,
    "lalamove_ph": 6,
    "foodpanda_ph": 2,
    "philhealth_ph": 8,
    "pagibig_ph": 5,
    "upwork": 3,
    "files_ph": 3,
    "gcash_ph": 2,
    "newpay_xx": 4,
}
"""How often each provider is connected."""

ZONES = tuple(ZoneInfo(name) for name in ("Asia/Manila", "Asia/Kolkata", "America/Los_Angeles"))
EMPLOYERS = (
    ("Acme Corp", "ACME  CORP", " acme", "Acme, Inc.", "A.C.M.E. Co"),
    ("Bayan Calls, Inc.", "BAYANCALLS", "Bayan-Calls Ltd"),
    ("Straße GmbH", "STRASSE GMBH"),
    ("Company", "company inc"),
)
"""Four employers, each in its spellings."""

NO_EMPLOYERS = ("Voluntary", "SELF EMPLOYED", "Self-Employed", "ofw", None, "")
NOT_EMPLOYERS = ("voluntary", "selfemployed", "ofw")
LEGAL_FORMS = ("inc", "corp", "corporation", "co", "company", "ltd", "limited", "pt", "tbk", "pte")
CEILINGS = (
    SchemeCeiling("sss_*", "PHP", date(2025, 1, 1), 3_500_000),
    SchemeCeiling("sss_*", "PHP", date(2020, 1, 1), 3_000_000),
    SchemeCeiling("sss_*", "USD", date(2026, 1, 1), 100),
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
EARNINGS = ("Trip fare", "Delivery #1", "WEEKLY BONUS", "Trip fare")
WORDS = (
    ("Platform commission", -1), ("Service FEE", -1), ("Platform commission", -1),
    ("Cash out to bank", -1), ("Reversal of trip", -1), ("Reversal of fees", 1), ("Top up", 1),
    ("Loan advance", 1), ("Loan repayment", -1), ("Adjustment", 1), ("Order 77", 1),
)  # fmt: skip
LOANS = ("Salary Loan", "Salary Loan", "Calamity Loan", "Housing Loan", "MORTGAGE", "Loan")
